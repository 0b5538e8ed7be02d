"""``cgro bound``: the calculator, one subcommand per quantity. Each imports what it needs when it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cgro_theory.commands.bound_run import PATCH_NAMES, SIZE_NAMES, Shown, norm_order_of, run_bound
from cgro_theory.commands.bound_stages import answer_stages, require_figure, write_figure
from cgro_theory.commands.declared_options import declared, default_text
from cgro_theory.errors import InvalidInput, require_integer
from cgro_theory.setting.declared import PATCH

if TYPE_CHECKING:
    from cgro_theory.calculator.answer import Answer
    from cgro_theory.calculator.fresh_point import FreshPointLaw

bound_app = typer.Typer(
    name="bound",
    help="Compute a bound or prediction of the theorems for your own parameters, with its terms and assumptions. "
    "Numeric options take a value, a list 1,2,5 or a range LOW:HIGH:COUNT such as 1e4:1e15:12, log-spaced; "
    "linear for exponents, λ, κ, z, ε, seeds and runs, such as -0.5:-0.3:3, and wherever LOW <= 0.",
    invoke_without_command=True,
)

Json = Annotated[bool, typer.Option("--json", help="print a cgro-bound/1 JSON document")]
Table = Annotated[bool, typer.Option("--table", help="print a table; implied by a list or a range")]
Integer = str
Samples = Annotated[Integer, typer.Option("--samples", help="training points N")]
_FRACTION = "κ = 1 - δ/α in [-1, 1]"
Norm = Annotated[str, typer.Option("--norm-order", help="p of the attack's norm: 1, 2 or inf")]
Failure = Annotated[str, typer.Option("--failure-probability", help="Δ in (0, 1)")]


@bound_app.callback()
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@bound_app.command(name="stages")
def stages_command(
    dimension: Annotated[str, declared("dimension")] = default_text("dimension"),
    samples: Annotated[str, declared("samples")] = default_text("samples"),
    patches: Annotated[str, declared("patches")] = default_text("patches"),
    width: Annotated[str, declared("width")] = default_text("width"),
    degree: Annotated[str, declared("degree")] = default_text("degree"),
    adversarial_weight: Annotated[str, declared("adversarial_weight")] = default_text("adversarial_weight"),
    attacked_fraction: Annotated[str, declared("attacked_fraction")] = default_text("attacked_fraction"),
    signal_exponent: Annotated[str, declared("signal_exponent")] = default_text("signal_exponent"),
    noise_exponent: Annotated[str, declared("noise_exponent")] = default_text("noise_exponent"),
    init_exponent: Annotated[str, declared("init_exponent")] = default_text("init_exponent"),
    seed: Annotated[
        Integer | None,
        typer.Option(help="enclose the stages of this draw, as in `cgro simulate`; with --draws their base seed"),
    ] = None,
    learning_rate: Annotated[str, typer.Option(help="η of a draw's descent; 0 is the gradient flow")] = "0",
    draws: Annotated[
        Integer | None,
        typer.Option(help="what so many independent draws say with a stated probability, such as 1e5"),
    ] = None,
    coverage: Annotated[
        str | None, typer.Option(help="share of all draws that a tolerance interval holds; default 0.99")
    ] = None,
    failure_probability: Annotated[
        str | None,
        typer.Option("--failure-probability", "--failure", help="Δ of each statement over draws; default 1e-6"),
    ] = None,
    figure: Annotated[
        str | None, typer.Option(help="with --draws and a list or a range: a png, svg or json to draw it in")
    ] = None,
    table: Table = False,
    json: Json = False,
) -> None:
    """Theorem 1's T_I, plateau, T_III, their exponents in d, and the phase boundaries κ_1 and κ*."""
    given = locals()
    integers = {name: given[name] for name, each in PATCH.items() if each.type == "integer"} | _given(seed=seed)
    numbers = {name: given[name] for name, each in PATCH.items() if each.type == "number"}
    if draws is None:
        only = _given(coverage=coverage, failure_probability=failure_probability, figure=figure)
        _refuse(only, "given with --draws only")
        numbers["learning_rate"] = learning_rate
    else:
        if learning_rate != "0":
            raise InvalidInput(
                "--learning-rate", learning_rate, "left out with --draws: they are of the gradient flow"
            )
        integers["draws"] = draws
        numbers |= {"coverage": coverage or "0.99", "failure_probability": failure_probability or "1e-6"}

    if figure is not None:
        require_figure(figure, (*integers.values(), *numbers.values()))

    def finish(answers: Sequence[Answer], over: str) -> None:
        if figure is not None:
            write_figure(figure, answers, over)

    run_bound("stages", integers, numbers, answer_stages, PATCH_NAMES, table=table, json=json, finish=finish)


@bound_app.command(name="test-error")
def error_command(
    signal_margin: Annotated[str | None, typer.Option(help="z = α^q U of the network; default 10")] = None,
    attacked_fraction: Annotated[str | None, typer.Option(help=f"{_FRACTION}; default 0.001")] = None,
    covariance_scale: Annotated[
        str | None, typer.Option(help="c of C = c·I, variance of a preactivation; default 1e-4")
    ] = None,
    width: Annotated[Integer | None, typer.Option(help="neurons m; default 24")] = None,
    patches: Annotated[
        Integer | None, typer.Option(help="patches P of a point, one the signal; default 2")
    ] = None,
    degree: Annotated[Integer | None, typer.Option(help="degree q of the activation, 2 to 9; default 3")] = None,
    weights: Annotated[str | None, typer.Option(help="npz with weights (m, d), or of `simulate --npz`")] = None,
    run: Annotated[Integer | None, typer.Option(help="which run of a trajectory file; default 0")] = None,
    signal_strength: Annotated[str | None, typer.Option(help="α, for a file of weights")] = None,
    noise_std: Annotated[str | None, typer.Option(help="σ, for a file of weights")] = None,
    directions: Annotated[
        Integer | None, typer.Option(help="add an estimate from this many sampled directions")
    ] = None,
    seed: Annotated[Integer | None, typer.Option(help="seed of the directions; default 0")] = None,
    table: Table = False,
    json: Json = False,
) -> None:
    """Clean and robust test error from weights, or from z, κ and C: bounds from both sides."""
    law = _given(signal_margin=signal_margin, covariance_scale=covariance_scale, width=width)
    kind = _given(attacked_fraction=attacked_fraction, patches=patches, degree=degree)
    scales = _given(signal_strength=signal_strength, noise_std=noise_std)
    sampled = _given(directions=directions, seed=seed)
    if weights is None:
        _refuse(scales | _given(run=run), "given with --weights only")
        defaults = {"signal_margin": "10", "covariance_scale": "1e-4", "width": "24"} | _FRESH_DEFAULTS
        given = defaults | law | kind | sampled
    else:
        _refuse(law, "left out: --weights has it")
        if len(scales) == 1:
            raise InvalidInput("--signal-strength and --noise-std", next(iter(scales.values())), "given together")
        if scales:
            # A bare matrix of weights; trajectories carry their own setting.
            _refuse(_given(run=run), "left out: weights are of one run")
            given = _FRESH_DEFAULTS | kind | scales | sampled
        else:
            _refuse(kind, "given with --signal-strength and --noise-std; a file of runs has its own")
            given = {"run": run or "0"} | sampled
    if "directions" not in sampled:
        _refuse(_given(seed=seed), "given with --directions only")
    whole = ("width", "patches", "degree", "run", "directions", "seed")

    def answer(at: Mapping[str, Any]) -> Answer:
        from dataclasses import replace

        from cgro_theory.calculator.fresh_point import fresh_point_errors

        law = _fresh_point_law(at, weights)
        found = fresh_point_errors(law, directions=at.get("directions", 0), seed=at.get("seed", 0))
        if weights is None:
            return found
        return replace(found, parameters={"weights": weights, **found.parameters})

    names = {"attacked_fraction": "attacked_signal_fraction", "patches": "num_patches"}
    names["covariance_scale"] = "mean_variance"
    integers = {name: text for name, text in given.items() if name in whole}
    numbers = {name: text for name, text in given.items() if name not in whole}
    run_bound("test-error", integers, numbers, answer, names, table=table, json=json)


_FRESH_DEFAULTS = {"attacked_fraction": "0.001", "patches": "2", "degree": "3"}


def _fresh_point_law(at: Mapping[str, Any], weights: str | None) -> FreshPointLaw:
    from cgro_theory.calculator.fresh_point import FreshPointLaw

    if weights is not None and "run" in at:
        from cgro_theory.calculator.trained_weights import load_law

        return load_law(weights, at["run"])
    fraction, degree = at["attacked_fraction"], at["degree"]
    patches_left = require_integer("patches", at["patches"], 2) - 1
    if weights is not None:
        from cgro_theory.calculator.trained_weights import WeightScales, load_law

        return load_law(
            weights, 0, WeightScales(at["signal_strength"], at["noise_std"], fraction, degree, patches_left)
        )
    return FreshPointLaw.isotropic(
        at["signal_margin"], fraction, at["covariance_scale"], at["width"], degree, patches_left
    )


@bound_app.command(name="memorizer")
def memorizer_command(
    dimension: Annotated[Integer, typer.Option(help="input dimension D")] = "784",
    samples: Samples = "1000",
    norm_order: Norm = "inf",
    clean_parameters: Annotated[Integer | None, typer.Option(help="W_clean; default D + 1, linear")] = None,
    clean_widths: Annotated[str | None, typer.Option(help="hidden widths of the clean classifier, 64,64")] = None,
    squarings: Annotated[Integer | None, typer.Option(help="M for p = 2; default from radius and gap")] = None,
    perturbation_radius: Annotated[str | None, typer.Option(help="δ")] = None,
    separation: Annotated[str | None, typer.Option(help="distance of opposite labels, > 2δ")] = None,
    extent: Annotated[str | None, typer.Option(help="range of the data per coordinate, for M; default 1")] = None,
    table: Table = False,
    json: Json = False,
) -> None:
    """Theorem 2's CGRO network: its parameters, structural and dense, as exact integers."""
    integers = {"dimension": dimension, "samples": samples}
    integers |= _given(clean_parameters=clean_parameters, squarings=squarings)
    if norm_order != "2" or squarings is not None:
        _refuse(_given(extent=extent), "given for --norm-order 2 without --squarings only")
    numbers = _given(perturbation_radius=perturbation_radius, separation=separation, extent=extent)

    def answer(at: Mapping[str, Any]) -> Answer:
        from cgro_theory.calculator.memorizer import memorizer
        from cgro_theory.calculator.value_range import parse_integers

        return memorizer(
            at["samples"],
            at["dimension"],
            norm_order_of(norm_order),
            clean_count=at.get("clean_parameters"),
            clean_widths=parse_integers("clean_widths", clean_widths) if clean_widths else (),
            squarings=at.get("squarings"),
            perturbation_radius=at.get("perturbation_radius"),
            separation=at.get("separation"),
            extent=at.get("extent", 1.0),
        )

    names = SIZE_NAMES | {"clean_parameters": "clean_count", "clean_widths": "clean_widths"}
    names |= {name: name for name in ("norm_order", "squarings", "perturbation_radius", "separation")}
    run_bound("memorizer", integers, numbers, answer, names, table=table, json=json)


@bound_app.command(name="robust-size")
def robust_size_command(
    dimension: Annotated[Integer, typer.Option(help="input dimension D of the hypercube instance")] = "784",
    samples: Samples = "1000",
    perturbation_radius: Annotated[str, typer.Option(help="δ > 0; below 1/2 for p = inf")] = "0.25",
    norm_order: Norm = "inf",
    error_share: Annotated[str, typer.Option(help="robust test error ε allowed, in [0, 1/2)")] = "0",
    layers: Annotated[Integer, typer.Option(help="layers L, the output's included")] = "4",
    table: Table = False,
    json: Json = False,
) -> None:
    """Theorem 2's lower and upper bounds of a robust network's parameters, and the neighbours' bounds."""
    integers = {"dimension": dimension, "samples": samples, "layers": layers}
    numbers = {"perturbation_radius": perturbation_radius, "error_share": error_share}

    def answer(at: Mapping[str, Any]) -> Answer:
        from cgro_theory.calculator.robust_size import robust_size

        return robust_size(
            at["dimension"],
            num_samples=at["samples"],
            perturbation_radius=at["perturbation_radius"],
            norm_order=norm_order_of(norm_order),
            error_share=at["error_share"],
            num_layers=at["layers"],
        )

    run_bound(
        "robust-size", integers, numbers, answer, SIZE_NAMES | {"layers": "num_layers"}, table=table, json=json
    )


@bound_app.command(name="flatness")
def flatness_command(
    dimension: Annotated[Integer, typer.Option(help="input dimension D")] = "2",
    samples: Samples = "1e4",
    flatness: Annotated[str, typer.Option(help="F >= 0, bound of the global flatness")] = "1",
    gradient_variation: Annotated[
        str | None,
        typer.Option(
            help="required: V = Σ π_y ∫‖∇p_y‖₁ of your density; cosine: 4·0.9·D, that of `cgro verify theorem_3`"
        ),
    ] = None,
    class_weights: Annotated[str, typer.Option(help="π_y, with sum 1")] = "0.5,0.5",
    perturbation_radius: Annotated[str, typer.Option(help="δ >= 0 in the max norm")] = "0.1",
    loss_bound: Annotated[str, typer.Option(help="B: the loss lies in [0, B]")] = "1",
    failure_probability: Failure = "0.05",
    bandwidth: Annotated[str, typer.Option(help="h in (0, 1/2]; auto is the best one")] = "auto",
    level: Annotated[str | None, typer.Option(help="target of the gap, for the N needed; default B")] = None,
    lipschitz: Annotated[str | None, typer.Option(help="largest slope of the loss, for a comparator")] = None,
    local: Annotated[bool, typer.Option("--local", help="the local form")] = False,
    table: Table = False,
    json: Json = False,
) -> None:
    """Theorem 3's bound of the robust generalization gap, with the best h, its terms and the N needed."""
    if gradient_variation is None:
        allowed = "given: V of your density, or cosine for 4·0.9·D, that of `cgro verify theorem_3`"
        raise InvalidInput("--gradient-variation", Shown("nothing"), allowed)
    integers = {"dimension": dimension, "samples": samples}
    numbers = {
        "flatness": flatness,
        "gradient_variation": gradient_variation,
        "perturbation_radius": perturbation_radius,
        "loss_bound": loss_bound,
        "failure_probability": failure_probability,
        "bandwidth": bandwidth,
    } | _given(level=level, lipschitz=lipschitz)

    def answer(at: Mapping[str, Any]) -> Answer:
        from cgro_theory.calculator.flatness import FlatnessProblem, cosine_variation
        from cgro_theory.calculator.flatness import flatness as flatness_bound
        from cgro_theory.calculator.value_range import parse_numbers
        from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import DensitySmoothness

        weights = parse_numbers("class_weights", class_weights)
        variation = at["gradient_variation"]
        if variation is None:
            variation = cosine_variation(at["dimension"])
        return flatness_bound(
            FlatnessProblem(
                num_samples=at["samples"],
                input_dimension=at["dimension"],
                flatness=at["flatness"],
                density=DensitySmoothness(variation, weights),
                perturbation_radius=at["perturbation_radius"],
                loss_bound=at["loss_bound"],
                failure_probability=at["failure_probability"],
                bandwidth=at["bandwidth"],
                level=at.get("level"),
                lipschitz=at.get("lipschitz"),
                local=local,
            )
        )

    run_bound("flatness", integers, numbers, answer, SIZE_NAMES, table=table, json=json)


def _refuse(given: Mapping[str, str], allowed: str) -> None:
    """Refuse options that would have no effect."""
    for name, text in given.items():
        raise InvalidInput(f"--{name.replace('_', '-')}", text, allowed)


def _given(**options: str | None) -> dict[str, str]:
    return {name: text for name, text in options.items() if text is not None}
