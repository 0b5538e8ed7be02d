"""``cgro verify``: judge the claims of one theorem or of all, print the verdicts, write the results."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from cgro_theory.atomic_file import require_folder, require_outputs, require_writable
from cgro_theory.claims import ExitCode, VerificationResult, conclude
from cgro_theory.commands.claims import print_cards
from cgro_theory.commands.declared_options import PLUGIN_MINUTES
from cgro_theory.commands.environment import describe_environment, resolve_device
from cgro_theory.commands.judging import Judging, withdrawn
from cgro_theory.commands.verdicts import fitted_verdicts
from cgro_theory.errors import InvalidFile, InvalidInput, require_choice, require_integer
from cgro_theory.report.text import closing_line, verdict_notes
from cgro_theory.theorems.catalogue import (
    all_rooms,
    plugins,
    require_claim,
    room,
    room_of_claim,
    with_dependencies,
)
from cgro_theory.theorems.kept_runs import KeptRuns, RunsInMemory, RunStore
from cgro_theory.theorems.room import Profile, Room
from cgro_theory.theorems.worker_pool import WorkerPool

MAX_SEED = 2**62
USUAL_MINUTES = {"quick": 30.0, "full": 1440.0}
"""Longest that the theorem of another package may take, unless the user says otherwise."""


def run_verify(
    theorem: str,
    *,
    profile: str = "quick",
    seed: int = 0,
    only: tuple[str, ...] = (),
    json_path: Path | None = None,
    out: Path | None = None,
    keep: Path | None = None,
    device: str = "auto",
    plugin_minutes: float | str | None = None,
    quiet: bool = False,
) -> ExitCode:
    """Verify ``theorem`` (a room's label, or ``all``) and return the exit code of the verdicts.

    ``json_path`` receives the result of one theorem; ``out`` one JSON per theorem and the figures. ``keep`` is a
    folder for finished runs: what was stopped or killed goes on from there. Everything about the output is checked
    before any training starts. The theorem of another package is judged in a process of its own, for at most
    ``plugin_minutes``; one that gives no result is told in one line, what earlier runs wrote of it where its
    files would go is deleted, and the others are judged all the same. Exit code 2 leaves every file as it was.
    Ctrl-C is raised again as a ``KeyboardInterrupt`` that says in one line what was written before.
    """
    require_choice("profile", profile, ("quick", "full"))
    require_integer("seed", seed, 0, MAX_SEED)
    minutes = float(PLUGIN_MINUTES.parse(USUAL_MINUTES[profile] if plugin_minutes is None else plugin_minutes))
    rooms = all_rooms() if theorem == "all" else (room(theorem),)
    if only and theorem == "all":
        raise InvalidInput("--only", only[0], "given with one theorem, not with all")
    if json_path is not None and theorem == "all":
        raise InvalidInput("--json", str(json_path), "given with one theorem; use --out for all")
    for label in only:
        require_claim(rooms[0], label)
    resolved = resolve_device(device)
    folder = _checked_outputs(rooms, only, json_path, out)
    keep = None if keep is None else require_folder(keep)
    kept: RunStore = RunsInMemory() if keep is None else KeptRuns(keep)
    environment = describe_environment(resolved)
    results: list[VerificationResult] = []
    console = Console()
    unjudged: list[str] = []

    def leave_out(why: str) -> None:
        unjudged.append(why)
        print(why, file=sys.stderr, flush=True)

    for label, why in plugins().refused if theorem == "all" else ():
        told = withdrawn(Room(label, "", ""), folder) if plugins().is_left_out(label) else ""
        leave_out(f"{why}{told}")
    written: list[str] = []
    chosen: Profile = "full" if profile == "full" else "quick"
    of_all = f" of {len(rooms)}" if len(rooms) > 1 else ""
    everything = [
        Judging(
            entry,
            environment,
            resolved,
            chosen,
            seed,
            only,
            keep,
            quiet,
            json_path,
            folder,
            within=f"{number}{of_all}" if of_all else "",
        )
        for number, entry in enumerate(rooms, start=1)
    ]
    with _stop_told(written, folder), WorkerPool(kept=kept) as workers:
        # The runs of all theorems are begun at once: they are made while others are judged.
        planned = {asked.room: asked.planned(kept, workers) for asked in everything if not asked.is_plugin}
        for asked in everything:
            entry = asked.room
            try:
                own = not asked.is_plugin
                result = asked.carried_out(planned[entry]) if own else asked.carried_out_apart(minutes)
            except Exception as error:
                if not asked.is_plugin or (isinstance(error, InvalidInput | InvalidFile) and theorem != "all"):
                    raise
                why = plugins([entry.label]).of(entry.label).refusal(error)
                leave_out(f"{why}{withdrawn(entry, folder, json_path)}")
                continue
            results.append(result)
            console.print(fitted_verdicts(result.to_json(), console))
            console.print(
                f"{len(result.verdicts)} claims in {result.seconds:.0f} s on {resolved}", highlight=False
            )
            for note in verdict_notes(result.to_json()):
                console.print(note, highlight=False, markup=False)
            if folder is not None:
                console.print(f"written to {folder}/", highlight=False)
                written.append(entry.label)
    if not only:
        print_cards(console, [result.to_json() for result in results])
    if len(results) > 1:
        console.print(closing_line([result.to_json() for result in results]), highlight=False, markup=False)
    conclusion = conclude(results, unjudged)
    if conclusion.reasons:
        console.print(str(conclusion), highlight=False, markup=False)
    return conclusion.code


def _checked_outputs(
    rooms: Sequence[Room], only: tuple[str, ...], json_path: Path | None, out: Path | None
) -> Path | None:
    """The folder of ``--out``, made when missing, after every file that would be written has been checked.

    Figures are named by the runs: whatever may be one of the rooms' figures counts as an output.
    """
    outputs: dict[str, str | Path | None] = {"--json": json_path}
    if out is None:
        require_outputs(outputs)
        return None
    folder = Path(os.path.realpath(out))
    if json_path is not None:
        target = Path(os.path.realpath(json_path))
        if target in (folder, *folder.parents) and not target.is_dir():
            raise InvalidFile(json_path, "--json and --out need the same path, one as a file and one as a folder")
    drawn = {entry.label: entry for entry in rooms}
    drawn |= {home.label: home for home in map(room_of_claim, with_dependencies(only))}

    def is_ours(name: str) -> bool:
        return any(entry.may_write(name) for entry in drawn.values())

    if json_path is not None:
        require_writable(json_path)
        if target.parent == folder and is_ours(target.name):
            raise InvalidFile(json_path, "--json has the name of a result or figure that --out writes there")
    if folder.is_dir():
        names = sorted(filter(is_ours, os.listdir(require_folder(out))))
        require_outputs(outputs | {f"--out's {name}": Path(out) / name for name in names})
    return require_folder(out)


@contextlib.contextmanager
def _stop_told(written: Sequence[str], folder: Path | None) -> Iterator[None]:
    """Ctrl-C in the block says what stays; the workers of a room are killed on the way out of it."""
    try:
        yield
    except KeyboardInterrupt:
        what = f"written to {folder}/: {', '.join(written)}" if written else "nothing was written"
        raise KeyboardInterrupt(f"stopped; {what}") from None
