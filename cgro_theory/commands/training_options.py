"""Options of the commands that train: simulate, landscape, sweep. Each imports its work when it runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from cgro_theory.errors import InvalidInput


def parse_integer(name: str, text: str, allowed: str) -> int:
    """An integer such as ``10000``, ``1e4`` or ``1e15``; :class:`InvalidInput` for anything else.

    >>> parse_integer("dimension", "1e15", "an integer")
    1000000000000000
    """
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError as error:
        raise InvalidInput(name, text, allowed) from error
    if not math.isfinite(number) or number != int(number):
        raise InvalidInput(name, text, allowed)
    return int(number)


def parse_number(name: str, text: str, allowed: str) -> float | None:
    """A number, or None for ``auto``."""
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInput(name, text, allowed) from error


def simulate(
    dimension: Annotated[str, typer.Option(help="patch dimension d, such as 1e4")] = "1e4",
    samples: Annotated[int, typer.Option(help="training points N")] = 20,
    patches: Annotated[int, typer.Option(help="patches P of a point, one of them the signal")] = 2,
    width: Annotated[int, typer.Option(help="neurons m")] = 24,
    degree: Annotated[int, typer.Option(help="degree q of the activation sgn(z)|z|^q")] = 3,
    adversarial_weight: Annotated[float, typer.Option(help="weight λ of the attacked loss, in [0, 1]")] = 0.9,
    attacked_fraction: Annotated[str, typer.Option(help="κ = 1 - δ/α; auto is 1/(√d log d)")] = "auto",
    perturbation_radius: Annotated[float | None, typer.Option(help="δ in place of κ, in [0, 2α]")] = None,
    signal_exponent: Annotated[float, typer.Option(help="α = d^this")] = 0.249,
    noise_exponent: Annotated[float, typer.Option(help="σ = d^this")] = -0.509,
    init_exponent: Annotated[float, typer.Option(help="σ0 = d^this")] = -0.5,
    method: Annotated[
        str, typer.Option(help="descent, flow (its limit η → 0, at any d), or auto: descent where steps are few")
    ] = "auto",
    learning_rate: Annotated[
        str, typer.Option(help="step η of descent; auto is the largest that follows the flow")
    ] = "auto",
    steps: Annotated[str, typer.Option(help="last step of descent; auto is until memorization")] = "auto",
    horizon: Annotated[str, typer.Option(help="time at which a flow stops; auto is until memorization")] = "auto",
    tolerance: Annotated[str, typer.Option(help="relative error per step of a flow; auto is 1e-8")] = "auto",
    runs: Annotated[
        int, typer.Option(help="independent runs, about a second each by default; each has a seed of its own")
    ] = 8,
    seed: Annotated[int, typer.Option(help="seed of the first run; those of the others derive from it")] = 0,
    engine: Annotated[str, typer.Option(help="subspace or dense")] = "subspace",
    adversary: Annotated[str, typer.Option(help="transfer, span or l2")] = "transfer",
    dtype: Annotated[
        str, typer.Option(help="arithmetic of descent: float64, which auto is, or float32 in the subspace")
    ] = "auto",
    json: Annotated[str, typer.Option(help="file for the JSON document, - for standard output")] = "-",
    npz: Annotated[str | None, typer.Option(help="file for the recorded trajectories")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
) -> None:
    """Train the patch network adversarially and write its trajectories as JSON. Times are η·step."""
    from cgro_theory.commands.simulate import run_simulate
    from cgro_theory.commands.simulate_plan import SimulateRequest
    from cgro_theory.setting.parameters import PatchSetting

    fraction = parse_number("attacked_signal_fraction", attacked_fraction, "auto or a number in [-1, 1]")
    if fraction is not None and perturbation_radius is not None:
        raise InvalidInput("perturbation_radius", perturbation_radius, "given without --attacked-fraction")
    setting = PatchSetting.version_1(
        parse_integer("dimension", dimension, "an integer such as 10000 or 1e15"),
        num_samples=samples,
        num_patches=patches,
        width=width,
        degree=degree,
        signal_exponent=signal_exponent,
        noise_exponent=noise_exponent,
        init_exponent=init_exponent,
        attacked_signal_fraction=fraction,
        adversarial_weight=adversarial_weight,
    )
    if perturbation_radius is not None:
        setting = setting.with_perturbation_radius(perturbation_radius)
    request = SimulateRequest(
        setting=setting,
        learning_rate=parse_number("learning_rate", learning_rate, "auto or a number > 0"),
        steps=None if steps == "auto" else parse_integer("steps", steps, "auto or an integer >= 1"),
        method=method,
        horizon=parse_number("horizon", horizon, "auto or a time > 0"),
        tolerance=parse_number("tolerance", tolerance, "auto or in [1e-12, 1e-3]"),
        runs=runs,
        seed=seed,
        engine=engine,
        adversary=adversary,
        device=device,
        dtype=None if dtype == "auto" else dtype,
        json_path=json,
        npz_path=npz,
        quiet=quiet,
    )
    raise typer.Exit(run_simulate(request))


def landscape(
    data: Annotated[str, typer.Option(help="digits, mnist or cifar10")] = "digits",
    root: Annotated[Path | None, typer.Option(help="folder with the files of mnist or cifar10")] = None,
    radius: Annotated[float, typer.Option(help="training radius ε0 in l∞, pixels in [0, 1]")] = 0.2,
    width: Annotated[int, typer.Option(help="channels of the first layer")] = 32,
    architecture: Annotated[str, typer.Option(help="lenet or resnet")] = "lenet",
    epochs: Annotated[int, typer.Option(help="passes over the training images")] = 150,
    train_size: Annotated[int, typer.Option(help="training images")] = 500,
    test_size: Annotated[int | None, typer.Option(help="test images; at most 500 when left out")] = None,
    batch_size: Annotated[int, typer.Option(help="images per step")] = 100,
    learning_rate: Annotated[float, typer.Option(help="peak of the cyclic rate of Adam")] = 0.06,
    cycles: Annotated[int, typer.Option(help="cycles of the learning rate")] = 1,
    attack_steps: Annotated[int, typer.Option(help="PGD steps in training")] = 5,
    restarts: Annotated[int, typer.Option(help="PGD restarts in training")] = 1,
    standard: Annotated[bool, typer.Option("--standard", help="train on clean images, as a control")] = False,
    radii: Annotated[list[float] | None, typer.Option(help="radius to measure at; repeat for more")] = None,
    recorded_epochs: Annotated[int, typer.Option(help="how many epochs to measure after")] = 10,
    measure_steps: Annotated[int, typer.Option(help="steps of each measuring ascent; twice after the last")] = 5,
    mixed_precision: Annotated[bool, typer.Option("--mixed-precision", help="bfloat16 training on a GPU")] = False,
    seed: Annotated[int, typer.Option(help="seed of split, start, batches and attacks")] = 0,
    json: Annotated[str, typer.Option(help="file for the JSON document, - for standard output")] = "-",
    figure: Annotated[Path | None, typer.Option(help="file for the figure, .png or .svg")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
) -> None:
    """Train one image classifier adversarially and write its loss landscape and its errors as JSON."""
    from cgro_theory.commands.landscape import LandscapeRequest, run_landscape
    from cgro_theory.vision.attack import AscentBudget
    from cgro_theory.vision.training import TrainingRecipe

    recipe = TrainingRecipe(
        radius=radius,
        architecture=architecture,
        width=width,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        cycles=cycles,
        attack=AscentBudget(attack_steps, restarts),
        adversarial=not standard,
        mixed_precision=mixed_precision,
    )
    request = LandscapeRequest(
        data=data,
        root=root,
        train_size=train_size,
        test_size=test_size,
        recipe=recipe,
        radii=tuple(radii or ()),
        recorded_epochs=recorded_epochs,
        measure_budget=AscentBudget(measure_steps),
        seed=seed,
        json_path=json,
        figure_path=None if figure is None else str(figure),
        device=device,
        quiet=quiet,
    )
    raise typer.Exit(run_landscape(request))


def sweep(
    grid: Annotated[Path, typer.Argument(help="TOML file of the grid; see docs/sweeps.md")],
    store: Annotated[Path | None, typer.Option(help="folder of the results; GRID.sweep beside the grid")] = None,
    workers: Annotated[int, typer.Option(help="local worker processes; 0 runs in this process")] = 0,
    scheduler: Annotated[str | None, typer.Option(help="address of a dask.distributed scheduler")] = None,
    table: Annotated[Path | None, typer.Option(help="write the results to this CSV file")] = None,
    status: Annotated[bool, typer.Option("--status", help="only say what is done, failed and left")] = False,
    check: Annotated[bool, typer.Option("--check", help="only read every result with its checksum")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only check the grid and count its runs")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="try failed runs again")] = False,
    rerun_damaged: Annotated[bool, typer.Option("--rerun-damaged", help="redo runs with damaged results")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
) -> None:
    """Do every run of a grid; stopped or killed at any moment, the same command goes on.

    Exit code: 0 all runs done, 2 invalid input, 3 some failed or results damaged, 130 stopped.
    """
    from cgro_theory.commands.sweep import SweepRequest, run_sweep

    request = SweepRequest(
        grid=grid,
        store=store,
        workers=workers,
        scheduler=scheduler,
        retry_failed=retry_failed,
        rerun_damaged=rerun_damaged,
        dry_run=dry_run,
        status=status,
        check=check,
        table=table,
        quiet=quiet,
    )
    raise typer.Exit(run_sweep(request))
