"""The ``cgro`` command. Each command imports what it needs when it runs, so that ``--help`` is instant."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cgro_theory.errors import CgroError, InvalidInput

app = typer.Typer(
    name="cgro",
    help="The CGRO theory lab: claims about clean generalization and robust overfitting, computed and judged.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)

FIRST_STEPS = """CGRO theory lab: claims about clean generalization and robust overfitting, computed and judged.

  cgro verify all --out results   judge every claim on trained networks (minutes), with figures
  cgro report results             one HTML page from those results
  cgro bound stages --dimension 1e9     the theory's numbers for your own parameters, in a second
  cgro simulate --dimension 1e12 --method flow --runs 1     train one network of the paper's kind
  cgro --help                     everything else; cgro COMMAND --help for its options"""


@app.callback()
def _root(
    context: typer.Context,
    no_color: Annotated[bool, typer.Option("--no-color", help="no colours in tables and progress")] = False,
) -> None:
    """The CGRO theory lab: claims about clean generalization and robust overfitting, computed and judged."""
    if no_color:
        os.environ["NO_COLOR"] = "1"
    if context.invoked_subcommand is None:
        print(FIRST_STEPS)


def parse_dimension(text: str) -> int:
    """An integer such as ``10000``, ``1e4`` or ``1e15``; :class:`InvalidInput` for anything else.

    >>> parse_dimension("1e15")
    1000000000000000
    """
    try:
        value = int(text)
    except ValueError:
        try:
            number = float(text)
        except ValueError as error:
            raise InvalidInput("dimension", text, "an integer such as 10000 or 1e15") from error
        if not math.isfinite(number) or number != int(number):
            raise InvalidInput("dimension", text, "an integer such as 10000 or 1e15") from None
        value = int(number)
    return value


def parse_number(name: str, text: str, allowed: str) -> float | None:
    """A number, or None for ``auto``."""
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInput(name, text, allowed) from error


@app.command()
def verify(
    theorem: Annotated[str, typer.Argument(help="lemmas, theorem_1, … or all")] = "all",
    profile: Annotated[str, typer.Option(help="quick (minutes) or full")] = "quick",
    seed: Annotated[int, typer.Option(help="first seed of the runs")] = 0,
    only: Annotated[list[str] | None, typer.Option(help="judge this claim only, with what it depends on")] = None,
    json: Annotated[Path | None, typer.Option(help="write the result of one theorem to this file")] = None,
    out: Annotated[Path | None, typer.Option(help="write results and figures to this folder")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
) -> None:
    """Judge the claims of a theorem on really trained networks.

    Exit code: 0 nothing refuted or inconclusive, 1 something refuted, 2 invalid input, 3 inconclusive.
    """
    from cgro_theory.commands.verify import run_verify

    code = run_verify(
        theorem,
        profile=profile,
        seed=seed,
        only=tuple(only or ()),
        json_path=json,
        out=out,
        device=device,
        quiet=quiet,
    )
    raise typer.Exit(code)


@app.command()
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
    learning_rate: Annotated[float, typer.Option(help="step η")] = 0.05,
    steps: Annotated[int, typer.Option(help="horizon in steps")] = 20_000,
    method: Annotated[str, typer.Option(help="descent, or flow for its limit η → 0 at any d")] = "descent",
    horizon: Annotated[str, typer.Option(help="time at which a flow stops; auto is until memorization")] = "auto",
    tolerance: Annotated[float, typer.Option(help="relative error per step of the flow's integrator")] = 1e-8,
    runs: Annotated[int, typer.Option(help="independent runs; run i has seed SEED + i")] = 64,
    seed: Annotated[int, typer.Option(help="seed of the first run")] = 0,
    engine: Annotated[str, typer.Option(help="subspace or dense")] = "subspace",
    adversary: Annotated[str, typer.Option(help="transfer, span or l2")] = "transfer",
    dtype: Annotated[str, typer.Option(help="float64, or float32 for descent in the subspace")] = "float64",
    json: Annotated[str, typer.Option(help="file for the JSON document, - for standard output")] = "-",
    npz: Annotated[str | None, typer.Option(help="file for the recorded trajectories")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
) -> None:
    """Train the patch network adversarially and write its trajectories as JSON. Times are η·step."""
    from cgro_theory.commands.simulate import SimulateRequest, run_simulate
    from cgro_theory.setting.parameters import PatchSetting

    fraction = parse_number("attacked_signal_fraction", attacked_fraction, "auto or a number in [-1, 1]")
    if fraction is not None and perturbation_radius is not None:
        raise InvalidInput("--perturbation-radius", perturbation_radius, "given without --attacked-fraction")
    setting = PatchSetting.version_1(
        parse_dimension(dimension),
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
        learning_rate=learning_rate,
        steps=steps,
        method=method,
        horizon=parse_number("horizon", horizon, "auto or a time > 0"),
        tolerance=tolerance,
        runs=runs,
        seed=seed,
        engine=engine,
        adversary=adversary,
        device=device,
        dtype=dtype,
        json_path=json,
        npz_path=npz,
        quiet=quiet,
    )
    raise typer.Exit(run_simulate(request))


@app.command()
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


@app.command(name="paper-map")
def paper_map(
    check: Annotated[bool, typer.Option("--check", help="only say whether a file is stale (exit code 1)")] = False,
    root: Annotated[Path, typer.Option(help="the repository's folder")] = Path(),
) -> None:
    """Regenerate paper_map.md and the README's verdict tables from the recorded results."""
    from cgro_theory.commands.paper_map import run_paper_map

    raise typer.Exit(run_paper_map(root, check))


def main(arguments: list[str] | None = None) -> None:
    """Run ``cgro``; invalid input is one line on standard error and exit code 2, without a traceback."""
    try:
        code = app(args=arguments, prog_name="cgro", standalone_mode=False)
    except CgroError as error:
        sys.exit(_refuse(str(error)))
    except (KeyboardInterrupt, typer.Abort):
        print("stopped; nothing was written", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        # Usage errors of the command-line library carry their own one-line message.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        sys.exit(_refuse(message()))
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2
