"""Options of the commands that train: simulate, landscape, sweep. Each imports its work when it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from cgro_theory.commands.declared_options import DECLARED, IMAGES, declared, default_text
from cgro_theory.errors import InvalidInput
from cgro_theory.setting.declared import PATCH, PERTURBATION_RADIUS, TRAINING
from cgro_theory.vision.declared import TEST_SIZE


def simulate(
    dimension: Annotated[str, declared("dimension")] = default_text("dimension"),
    samples: Annotated[str, declared("samples")] = default_text("samples"),
    patches: Annotated[str, declared("patches")] = default_text("patches"),
    width: Annotated[str, declared("width")] = default_text("width"),
    degree: Annotated[str, declared("degree")] = default_text("degree"),
    adversarial_weight: Annotated[str, declared("adversarial_weight")] = default_text("adversarial_weight"),
    attacked_fraction: Annotated[str, declared("attacked_fraction")] = default_text("attacked_fraction"),
    perturbation_radius: Annotated[str, declared("perturbation_radius")] = default_text("perturbation_radius"),
    signal_exponent: Annotated[str, declared("signal_exponent")] = default_text("signal_exponent"),
    noise_exponent: Annotated[str, declared("noise_exponent")] = default_text("noise_exponent"),
    init_exponent: Annotated[str, declared("init_exponent")] = default_text("init_exponent"),
    method: Annotated[str, declared("method")] = default_text("method"),
    learning_rate: Annotated[str, declared("learning_rate")] = default_text("learning_rate"),
    steps: Annotated[str, declared("steps")] = default_text("steps"),
    horizon: Annotated[str, declared("horizon")] = default_text("horizon"),
    tolerance: Annotated[str, declared("tolerance")] = default_text("tolerance"),
    runs: Annotated[str, declared("runs")] = default_text("runs"),
    seed: Annotated[str, declared("seed")] = default_text("seed"),
    engine: Annotated[str, declared("engine")] = default_text("engine"),
    adversary: Annotated[str, declared("adversary")] = default_text("adversary"),
    dtype: Annotated[
        str, typer.Option(help="arithmetic of descent: float64, which auto is, or float32 in the subspace")
    ] = "auto",
    json: Annotated[
        str | None, typer.Option(help="file for the JSON document, - for standard output in place of the summary")
    ] = None,
    figure: Annotated[str | None, typer.Option(help="file for the margins over time, .png or .svg")] = None,
    npz: Annotated[str | None, typer.Option(help="file for the recorded trajectories")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
) -> None:
    """Train the patch network adversarially; say what was learned when, as predicted or not. Times are η·step."""
    from cgro_theory.commands.simulate import run_simulate
    from cgro_theory.commands.simulate_plan import SimulateRequest
    from cgro_theory.setting.parameters import PatchSetting

    given = locals()
    values = {each.name: each.parse(given[each.name]) for each in (*PATCH.values(), PERTURBATION_RADIUS)}
    trained: dict[str, Any] = {
        name: each.parse(given[name]) for name, each in TRAINING.items() if each.type != "word"
    }
    request = SimulateRequest(
        setting=PatchSetting.from_options(values),
        **{name: None if value == "auto" else value for name, value in trained.items()},
        method=method,
        runs=_integer("runs", runs),
        seed=_integer("seed", seed),
        engine=engine,
        adversary=adversary,
        device=device,
        dtype=None if dtype == "auto" else dtype,
        json_path=json,
        npz_path=npz,
        figure_path=figure,
        quiet=quiet,
    )
    raise typer.Exit(run_simulate(request))


def certify(
    dimension: Annotated[str, declared("dimension")] = default_text("dimension"),
    samples: Annotated[str, declared("samples")] = default_text("samples"),
    patches: Annotated[str, declared("patches")] = default_text("patches"),
    width: Annotated[str, declared("width")] = default_text("width"),
    degree: Annotated[str, declared("degree")] = default_text("degree"),
    adversarial_weight: Annotated[str, declared("adversarial_weight")] = default_text("adversarial_weight"),
    attacked_fraction: Annotated[str, declared("attacked_fraction")] = default_text("attacked_fraction"),
    perturbation_radius: Annotated[str, declared("perturbation_radius")] = default_text("perturbation_radius"),
    signal_exponent: Annotated[str, declared("signal_exponent")] = default_text("signal_exponent"),
    noise_exponent: Annotated[str, declared("noise_exponent")] = default_text("noise_exponent"),
    init_exponent: Annotated[str, declared("init_exponent")] = default_text("init_exponent"),
    seed: Annotated[str, declared("seed")] = default_text("seed"),
    out: Annotated[Path, typer.Option(help="file for the certificate")] = Path("certificate.npz"),
    minutes: Annotated[str, declared("minutes")] = default_text("minutes"),
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
) -> None:
    """Prove theorem 1 for the network of one draw, and write a certificate that can be checked on its own.

    Exit code: 0 proved, 2 invalid input, 3 no proof could be completed (nothing is written).
    """
    from cgro_theory.commands.certify import run_certify
    from cgro_theory.setting.parameters import PatchSetting

    given = locals()
    values = {each.name: each.parse(given[each.name]) for each in (*PATCH.values(), PERTURBATION_RADIUS)}
    setting = PatchSetting.from_options(values)
    raise typer.Exit(run_certify(setting, _integer("seed", seed), out, minutes=minutes, quiet=quiet))


def landscape(
    data: Annotated[str, declared("data", IMAGES)] = default_text("data", IMAGES),
    root: Annotated[Path | None, typer.Option(help="folder with the files of mnist or cifar10")] = None,
    radius: Annotated[str, declared("radius", IMAGES)] = default_text("radius", IMAGES),
    width: Annotated[str, declared("width", IMAGES)] = default_text("width", IMAGES),
    architecture: Annotated[str, declared("architecture", IMAGES)] = default_text("architecture", IMAGES),
    epochs: Annotated[str, declared("epochs", IMAGES)] = default_text("epochs", IMAGES),
    train_size: Annotated[str, declared("train_size", IMAGES)] = default_text("train_size", IMAGES),
    test_size: Annotated[str | None, typer.Option(help="test images; at most 500 when left out")] = None,
    batch_size: Annotated[str, declared("batch_size", IMAGES)] = default_text("batch_size", IMAGES),
    learning_rate: Annotated[str, declared("learning_rate", IMAGES)] = default_text("learning_rate", IMAGES),
    cycles: Annotated[str, declared("cycles", IMAGES)] = default_text("cycles", IMAGES),
    attack_steps: Annotated[str, declared("attack_steps", IMAGES)] = default_text("attack_steps", IMAGES),
    restarts: Annotated[str, declared("restarts", IMAGES)] = default_text("restarts", IMAGES),
    standard: Annotated[bool, typer.Option("--standard", help="train on clean images, as a control")] = False,
    radii: Annotated[list[str] | None, typer.Option(help="radius to measure at; repeat for more")] = None,
    recorded_epochs: Annotated[str, declared("recorded_epochs", IMAGES)] = default_text("recorded_epochs", IMAGES),
    measure_steps: Annotated[str, declared("measure_steps", IMAGES)] = default_text("measure_steps", IMAGES),
    mixed_precision: Annotated[bool, typer.Option("--mixed-precision", help="bfloat16 training on a GPU")] = False,
    seed: Annotated[str, typer.Option(help="seed of split, start, batches and attacks")] = "0",
    json: Annotated[str, typer.Option(help="file for the JSON document, - for standard output")] = "-",
    figure: Annotated[Path | None, typer.Option(help="file for the figure, .png or .svg")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
) -> None:
    """Train one image classifier adversarially and write its loss landscape and its errors as JSON."""
    given = locals()
    at: dict[str, Any] = {name: each.parse(given[name]) for name, each in IMAGES.items()}
    tested = None if test_size is None else int(TEST_SIZE.parse(test_size))
    measured = [replace(IMAGES["radius"], name="radii").parse(text) for text in radii or ()]

    from cgro_theory.commands.landscape import LandscapeRequest, run_landscape
    from cgro_theory.vision.attack import AscentBudget
    from cgro_theory.vision.training import TrainingRecipe

    shared = ("radius", "architecture", "width", "epochs", "batch_size", "learning_rate", "cycles")
    recipe = TrainingRecipe(
        **{name: at[name] for name in shared},
        attack=AscentBudget(at["attack_steps"], at["restarts"]),
        adversarial=not standard,
        mixed_precision=mixed_precision,
    )
    request = LandscapeRequest(
        data=data,
        root=root,
        train_size=at["train_size"],
        test_size=tested,
        recipe=recipe,
        radii=tuple(float(radius) for radius in measured),
        recorded_epochs=at["recorded_epochs"],
        measure_budget=AscentBudget(at["measure_steps"]),
        seed=at["seed"],
        json_path=json,
        figure_path=None if figure is None else str(figure),
        device=device,
        quiet=quiet,
    )
    raise typer.Exit(run_landscape(request))


def sweep(
    grid: Annotated[Path | None, typer.Argument(help="TOML file of the grid; see docs/sweeps.md")] = None,
    store: Annotated[Path | None, typer.Option(help="folder of the results; GRID.sweep beside the grid")] = None,
    workers: Annotated[str, declared("workers")] = default_text("workers"),
    scheduler: Annotated[str | None, typer.Option(help="address of a dask.distributed scheduler")] = None,
    table: Annotated[Path | None, typer.Option(help="write the results to this CSV file")] = None,
    status: Annotated[bool, typer.Option("--status", help="only say what is done, failed and left")] = False,
    check: Annotated[bool, typer.Option("--check", help="only read every result with its checksum")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only check the grid and the paths; count")] = False,
    kinds: Annotated[bool, typer.Option("--kinds", help="list the kinds of runs and their parameters")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="try failed runs again")] = False,
    rerun_damaged: Annotated[bool, typer.Option("--rerun-damaged", help="redo runs with damaged results")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
) -> None:
    """Do every run of a grid; stopped or killed at any moment, the same command goes on.

    Exit code: 0 all runs done, 2 invalid input, 3 some failed or results damaged, 4 cluster lost, 130 stopped.
    """
    from cgro_theory.commands.sweep import SweepRequest, run_kinds, run_sweep

    if kinds:
        raise typer.Exit(run_kinds())
    if grid is None:
        raise InvalidInput("GRID", "", "given: the TOML file of a grid, or --kinds")
    request = SweepRequest(
        grid=grid,
        store=store,
        workers=_integer("workers", workers),
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


def _integer(name: str, text: str) -> int:
    return int(DECLARED[name].parse(text))
