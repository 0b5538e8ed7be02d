"""The ``cgro`` command. Each command imports what it needs when it runs, so that ``--help`` is instant."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from cgro_theory.commands.bound import bound_app
from cgro_theory.commands.command_line import (
    OutputLost,
    find_command,
    in_options,
    named_file,
    prepare_streams,
    require_ascii_digits,
    require_values,
)
from cgro_theory.commands.training_options import certify, landscape, simulate, sweep
from cgro_theory.errors import EXTRAS, CgroError, InvalidFile, InvalidInput, MissingExtra
from cgro_theory.interrupts import first_press_obeyed

app = typer.Typer(
    name="cgro",
    help="The CGRO theory lab: claims about clean generalization and robust overfitting, computed and judged.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)

NO_COLOR = "--no-color"
FIRST_STEPS = """CGRO theory lab: claims about clean generalization and robust overfitting, computed and judged.

  cgro verify all --out results   judge every claim on trained networks (minutes), with figures
  cgro report results             one HTML page from those results
  cgro claims, cgro explain CLAIM       what is claimed; one claim, how it is checked and how it could fail
  cgro plot FILE                        the picture of trajectories, of a sweep, or of a command's JSON
  cgro bound stages --dimension 1e9     the theory's numbers for your own parameters, in a second
  cgro simulate --dimension 1e12 --method flow --runs 1     train one network of the paper's kind
  cgro certify --dimension 1e6 --samples 3 --width 4        prove theorem 1 for one network, in seconds
  cgro --help                     everything else; cgro COMMAND --help for its options"""


@app.callback()
def _root(
    context: typer.Context,
    no_color: Annotated[bool, typer.Option(NO_COLOR, help="no colours, anywhere on the line")] = False,
    version: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False,
) -> None:
    """The CGRO theory lab: claims about clean generalization and robust overfitting, computed and judged."""
    del no_color  # taken from the line by main, as it may stand anywhere on it
    if version:
        from cgro_theory import __version__

        print(f"cgro {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(FIRST_STEPS)


@app.command()
def verify(
    theorem: Annotated[str, typer.Argument(help="lemmas, theorem_1, … or all")] = "all",
    profile: Annotated[str, typer.Option(help="quick (minutes) or full")] = "quick",
    seed: Annotated[str, typer.Option(help="base seed, from which that of every run derives")] = "0",
    only: Annotated[list[str] | None, typer.Option(help="judge this claim only, with what it depends on")] = None,
    json: Annotated[Path | None, typer.Option(help="write the result of one theorem to this file")] = None,
    out: Annotated[Path | None, typer.Option(help="write results and figures to this folder")] = None,
    keep: Annotated[Path | None, typer.Option(help="folder of finished runs, kept and used again")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    plugin_minutes: Annotated[
        str | None, typer.Option(help="longest for the theorem of another package (30; full: 1440)")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
) -> None:
    """Judge the claims of a theorem on really trained networks.

    Exit code: 0 nothing refuted or open, 1 something refuted, 2 invalid input, 3 something open: a claim is
    inconclusive, a negative control was not caught, nothing that was asked for passed, or a plug-in was left out.
    """
    try:
        from cgro_theory.commands.verify import MAX_SEED, run_verify

        if not seed.lstrip("+-").isdecimal() or len(seed) > 100:
            raise InvalidInput("seed", seed, f"an integer in [0, {MAX_SEED}]")

        code = run_verify(
            theorem,
            profile=profile,
            seed=int(seed),
            only=tuple(only or ()),
            json_path=json,
            out=out,
            keep=keep,
            device=device,
            plugin_minutes=plugin_minutes,
            quiet=quiet,
        )
    except KeyboardInterrupt as stop:  # said here, because newer versions of typer make a silent exit of it
        print(str(stop) or "stopped; nothing was written", file=sys.stderr)
        raise typer.Exit(130) from None
    raise typer.Exit(code)


@app.command()
def reverify(
    seeds: Annotated[str, typer.Option(help="base seeds and ranges, such as 700001,700010-700019")],
    out: Annotated[Path, typer.Option(help="folder of the results; what is there already stays")] = Path(
        "reverified"
    ),
    profile: Annotated[str, typer.Option(help="quick (minutes per seed) or full")] = "quick",
    instruction_sets: Annotated[
        str, typer.Option(help="run each seed with each of these: default, avx2, avx512")
    ] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
) -> None:
    """Verify every claim on many base seeds, and say how often each came out as what.

    Stopped or killed, the same command goes on where it was. Exit code: 1 when anything was refuted, 3 when
    anything else did not pass or broke off, else 0.
    """
    try:
        from cgro_theory.commands.reverify import run_reverify

        code = run_reverify(seeds, out, profile=profile, instruction_sets=instruction_sets, quiet=quiet)
    except KeyboardInterrupt as stop:
        print(str(stop) or "stopped; nothing was written", file=sys.stderr)
        raise typer.Exit(130) from None
    raise typer.Exit(code)


app.add_typer(bound_app, name="bound")
for _command in (simulate, certify, landscape, sweep):
    app.command()(_command)


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="folder that `cgro verify --out` wrote")] = Path("results"),
    out: Annotated[Path, typer.Option(help="the HTML file to write")] = Path("report.html"),
) -> None:
    """Make one self-contained HTML page from result files."""
    from cgro_theory.commands.report import run_report

    raise typer.Exit(run_report(results, out))


@app.command()
def claims(
    paper: Annotated[bool, typer.Option("--paper", help="only what the paper itself claims")] = False,
) -> None:
    """List every claim, under its theorem."""
    from cgro_theory.commands.claims import run_claims

    raise typer.Exit(run_claims(paper=paper))


@app.command()
def explain(claim: Annotated[str, typer.Argument(help="a claim's label, such as theorem_1.signal_time")]) -> None:
    """Tell one claim whole: statement, formula, how it is checked, what it assumes, how it could fail."""
    from cgro_theory.commands.claims import run_explain

    raise typer.Exit(run_explain(claim))


@app.command()
def show(
    results: Annotated[Path, typer.Argument(help="folder that `cgro verify --out` wrote")] = Path("results"),
) -> None:
    """Print the verdict tables of a folder of results again, without running anything."""
    from cgro_theory.commands.claims import run_show

    raise typer.Exit(run_show(results))


@app.command()
def plot(
    file: Annotated[
        Path, typer.Argument(help="npz of trajectories, a sweep's folder or CSV, or a command's JSON")
    ],
    out: Annotated[
        Path | None, typer.Option(help="the picture, .png or .svg; FILE.png when left out, such as a.json.png")
    ] = None,
    x: Annotated[
        str, typer.Option("--x", help="column of rows: the horizontal axis; what varies when left out")
    ] = "",
    y: Annotated[str, typer.Option("--y", help="column of rows: the vertical axis")] = "",
    by: Annotated[str, typer.Option("--by", help="column of rows: one curve for each of its values")] = "",
) -> None:
    """Draw a file of trajectories, of a sweep or of any command's JSON, and say where the picture is."""
    from cgro_theory.commands.plot import run_plot

    raise typer.Exit(run_plot(file, out, x, y, by))


@app.command(name="paper-map")
def paper_map(
    check: Annotated[bool, typer.Option("--check", help="only say whether a file is stale (exit code 1)")] = False,
    root: Annotated[Path, typer.Option(help="the repository's folder")] = Path(),
    plugin: Annotated[str, typer.Option(help="make the map of this plug-in's own repository instead")] = "",
) -> None:
    """Regenerate paper_map.md and the blocks of README.md and docs/results.md from the recorded results."""
    from cgro_theory.commands.paper_map import run_paper_map

    raise typer.Exit(run_paper_map(root, check, plugin))


@app.command(name="new-theorem")
def new_theorem(
    name: Annotated[str, typer.Argument(help="of the package, of the theorem and of the folder that is made")],
    out: Annotated[Path, typer.Option(help="the folder to make it in")] = Path(),
) -> None:
    """Make a package with a theorem of its own: one claim, its negative control, tests, a project file."""
    from cgro_theory.commands.new_theorem import run_new_theorem

    raise typer.Exit(run_new_theorem(name, out))


@functools.cache
def root_command() -> Any:
    """The command line as one tree of commands."""
    return typer.main.get_command(app)


def main(arguments: list[str] | None = None) -> None:
    """Run ``cgro``; invalid input is one line on standard error and exit code 2, without a traceback.

    Standard output that cannot be written is exit code 2, too; a reader that went away ends the command quietly.
    Ctrl-C is exit code 130.
    """
    with first_press_obeyed() as presses:
        try:
            _run(arguments)
        except (KeyboardInterrupt, typer.Abort) as stop:
            told = str(stop) or "stopped; nothing was written"
        except Exception:
            if not presses.came:
                raise
            told = "stopped"  # while a module was imported, for example, whose C code made an ImportError of it
        print(told, file=sys.stderr)
        sys.exit(130)


def _run(arguments: list[str] | None) -> NoReturn:
    prepare_streams()
    words = sys.argv[1:] if arguments is None else arguments
    if NO_COLOR in words:  # wherever it stands, also after a command's name
        os.environ["NO_COLOR"] = "1"
        words = [word for word in words if word != NO_COLOR]
    root = root_command()
    command = find_command(root, words)
    try:
        require_ascii_digits(words)
        require_values(words, command)
        code = root.main(args=words, prog_name="cgro", standalone_mode=False)
        sys.stdout.flush()
    except InvalidInput as error:
        sys.exit(_refuse(str(in_options(error, command))))
    except InvalidFile as error:
        sys.exit(_refuse(named_file(error, words)))
    except CgroError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        sys.exit(_refuse(str(MissingExtra(error.name))))
    except OutputLost as lost:
        if lost.message:
            _refuse(lost.message)
        sys.exit(lost.exit_code)
    except Exception as error:
        # Usage errors of the command-line library carry their own one-line message.
        message = getattr(error, "format_message", lambda: None)()
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            message = "this needs more memory than there is: make the run smaller"
        if isinstance(error, OverflowError):
            message = "these parameters lead to numbers beyond the range of floats: bring them closer to 1"
        if message is None:
            raise
        choices = ", ".join(getattr(command, "commands", ()))
        sys.exit(_refuse((message or "A command is missing.") + (f" Known: {choices}" if choices else "")))
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2
