"""``cgro reverify``: every claim on many base seeds and instruction sets, one folder each, and what came out."""

from __future__ import annotations

import datetime
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgro_theory.atomic_file import atomic_write, require_folder
from cgro_theory.claims import ExitCode, load_result
from cgro_theory.commands.console import duration, progress_reporter
from cgro_theory.commands.environment import describe_environment
from cgro_theory.commands.layout import UNLIMITED, columns, markdown_lines
from cgro_theory.errors import CgroError, InvalidFile, InvalidInput, require_choice
from cgro_theory.report.reverification import SCHEMA, shown_in_markdown, summary_of
from cgro_theory.theorems.building_seeds import require_unused
from cgro_theory.theorems.catalogue import ROOMS

INSTRUCTION_SETS = ("default", "avx2", "avx512")
"""Of torch's kernels on x86 processors, by its own switch ATEN_CPU_CAPABILITY."""
SUMMARY = "reverification.json"
MOST_SEEDS = 10_000


@dataclass(frozen=True)
class Part:
    """One theorem on one base seed, with one instruction set; an empty one is whatever this processor has."""

    seed: int
    instruction_set: str
    theorem: str

    @property
    def folder(self) -> str:
        """Name of the folder that holds the results of this seed and instruction set."""
        return f"seed-{self.seed}" + (f"-{self.instruction_set}" if self.instruction_set else "")


def run_reverify(seeds: str, out: Path, *, profile: str, instruction_sets: str, quiet: bool) -> ExitCode:
    """Verify all theorems on each of ``seeds`` and write one summary; results that are there already stay.

    Returns 1 when any claim was refuted anywhere, 3 when anything else did not pass or a verification broke off
    (the same command tries it again), else 0.
    """
    require_choice("profile", profile, ("quick", "full"))
    chosen = parse_seeds(seeds)
    sets = _parse_sets(instruction_sets)
    folder = require_folder(out)
    commit = describe_environment("cpu").commit
    require_committed(commit)
    parts = [Part(seed, name, room.label) for seed in chosen for name in sets for room in ROOMS]
    todo = [part for part in parts if not _is_there(folder, part, profile, commit)]
    started, made = time.monotonic(), 0
    try:
        with progress_reporter(quiet) as show:
            for part in todo:
                told = _progress(made, len(todo), time.monotonic() - started)
                show(f"{part.theorem}, {part.folder}", made / len(todo), told)
                _verify(folder, part, profile)
                made += 1
    except KeyboardInterrupt:
        _write(folder, parts, profile)
        told = f"stopped; {made} of {len(todo)} made, and {folder / SUMMARY} written: the same command goes on"
        raise KeyboardInterrupt(told) from None
    summary = _write(folder, parts, profile)
    told, width = shown_in_markdown(summary), columns(UNLIMITED)
    print(told if width == UNLIMITED else "\n".join(markdown_lines(told, width)))
    codes = [run["exit_code"] for run in summary["runs"]]
    if 1 in codes:
        return ExitCode.REFUTED
    return ExitCode.INCONCLUSIVE if any(codes) or summary["without_a_result"] else ExitCode.PASSED


def require_committed(commit: str) -> None:
    """Refuse code that no commit names: results of it could not be told from those of other code."""
    if commit.endswith("-dirty") or commit == "unknown":
        raise CgroError(f"cgro reverify needs code that a commit names, and this is {commit}: commit it first")


def parse_seeds(text: str) -> tuple[int, ...]:
    """Base seeds of ``4711,5100-5119``; each once, in order. :class:`InvalidInput` for what is no unused seed."""
    allowed = "base seeds and ranges of them, such as 700001,700010-700019"
    found: dict[int, None] = {}
    for entry in text.split(","):
        ends = entry.strip().split("-")
        if len(ends) > 2 or not all(end.isascii() and end.isdecimal() and len(end) < 19 for end in ends):
            raise InvalidInput("seeds", text, allowed)
        first, last = int(ends[0]), int(ends[-1])
        if last < first or last - first >= MOST_SEEDS:
            raise InvalidInput("seeds", text, f"{allowed}, at most {MOST_SEEDS} of them")
        found.update(dict.fromkeys(range(first, last + 1)))
    return tuple(map(require_unused, found))


def _parse_sets(text: str) -> tuple[str, ...]:
    if not text:
        return ("",)
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    for name in names:
        require_choice("instruction_sets", name, INSTRUCTION_SETS)
    return names


def _is_there(folder: Path, part: Part, profile: str, commit: str) -> bool:
    """Whether this part's result lies there, whole; InvalidFile when it is of other code or another profile."""
    path = folder / part.folder / f"{part.theorem}.json"
    if not path.exists():
        return False
    found = load_result(path)
    made_by = (found["profile"], found["environment"]["commit"])
    if made_by != (profile, commit):
        raise InvalidFile(
            path, f"made by {made_by[1]} with the profile {made_by[0]}; now it is {commit}, {profile}"
        )
    if (found["seed"], found["theorem"]) != (part.seed, part.theorem):
        raise InvalidFile(path, f"is of {found['theorem']} and base seed {found['seed']}")
    return True


def _verify(folder: Path, part: Part, profile: str) -> None:
    """One verification in a process of its own, as a user would run it."""
    own = folder / part.folder
    own.mkdir(exist_ok=True)
    environment = dict(os.environ)
    if part.instruction_set:
        environment["ATEN_CPU_CAPABILITY"] = part.instruction_set
    words = ["verify", part.theorem, "--profile", profile, "--seed", str(part.seed), "--quiet", "--device", "cpu"]
    path = own / f"{part.theorem}.json"
    done = subprocess.run(
        [sys.executable, "-m", "cgro_theory", *words, "--json", str(path)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode not in (ExitCode.PASSED, ExitCode.REFUTED, ExitCode.INCONCLUSIVE):
        if done.returncode in (130, -signal.SIGINT):
            raise KeyboardInterrupt
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"  {part.theorem}, {part.folder} ended with {done.returncode}: {last}", file=sys.stderr, flush=True)
        return
    found = load_result(path)["environment"]["instruction_set"].lower()
    if part.instruction_set and found != part.instruction_set:
        path.unlink()
        raise InvalidInput(
            "instruction_sets", part.instruction_set, f"one that this processor has; it ran {found}"
        )


def _write(folder: Path, parts: Sequence[Part], profile: str) -> dict[str, Any]:
    """Sum up the verifications that were asked for and are complete, and say which theorems are missing."""
    by_folder: dict[str, list[Path]] = {}
    for part in parts:
        by_folder.setdefault(part.folder, []).append(folder / part.folder / f"{part.theorem}.json")
    missing = [f"{name}: {path.stem}" for name, own in by_folder.items() for path in own if not path.exists()]
    complete = [own for own in by_folder.values() if all(path.exists() for path in own)]
    documents = [[load_result(path) for path in own] for own in complete]
    summary = {
        "schema": SCHEMA,
        "profile": profile,
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "runs": [summary_of(own) for own in documents],
        "without_a_result": missing,
    }
    with atomic_write(folder / SUMMARY) as stream:
        stream.write(json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n")
    return summary


def _progress(made: int, count: int, seconds: float) -> str:
    left = f", about {duration(seconds / made * (count - made))} left" if made else ""
    return f"{made} of {count} made ({100 * made // count} %){left}"
