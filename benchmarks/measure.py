"""What the parts of the table share: rows, clocks, sides timed in turn, and the machine they ran on."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from cgro_theory.commands.environment import describe_environment
from cgro_theory.trainer.compiled_flow import compiled_by


@dataclass(frozen=True)
class Row:
    """One measured number: ``value`` in ``unit``, asked to be at most (or at least) ``limit``, if anything."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def word(self) -> str:
        """met or missed; empty where nothing was asked."""
        if self.limit is None:
            return ""
        met = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "met" if met else "missed"


def seconds(call: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """How long a call takes: of the processor, so that other work on the machine moves it little."""
    started = clock()
    call()
    return clock() - started


def in_turn(sides: dict[str, Callable[[], float]], repetitions: int) -> dict[str, list[float]]:
    """What each side measures, the sides in turn, every second round in the other order."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for repetition in range(repetitions):
        for name in list(sides) if repetition % 2 == 0 else reversed(sides):
            found[name].append(sides[name]())
    return found


def median_ratio(above: list[float], below: list[float]) -> float:
    """The median over the rounds of one side over the other."""
    return statistics.median(one / other for one, other in zip(above, below, strict=True))


def command_output(arguments: list[str], environment: dict[str, str | None] | None = None) -> str:
    """What a new Python process prints; None takes a variable out of its environment."""
    given = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)} | (environment or {})
    kept = {name: value for name, value in given.items() if value is not None}
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=kept)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def command_seconds(arguments: list[str]) -> float:
    """Processor seconds of a new Python process."""
    before = os.times()
    command_output(arguments)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def machine() -> dict[str, str | int | float | None]:
    """Where the table is measured; ``load`` of the last minute, as it is now."""
    environment = describe_environment("cpu")
    found = {"cpu": processor(), "cores": os.cpu_count()}
    if hasattr(os, "sysconf"):
        found["memory_gib"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    found["load"] = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    found["gpu"] = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"
    versions = {"python": environment.python, "torch": environment.torch, "compiled_by": compiled_by()}
    return found | versions | {"commit": environment.commit}


def processor() -> str:
    """The processor's name; its instruction set where the system does not tell one."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()


def run_part(about: str, rows: Callable[[bool], Iterable[Row]]) -> None:
    """The command line of one part: its rows, as they come."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, smaller sizes")
    for row in rows(parser.parse_args().quick):
        print(text(row), flush=True)


def text(row: Row) -> str:
    """One line: what, the number, what was asked, met or missed, and the note."""
    asked = "" if row.limit is None else f"{'≥' if row.at_least else '≤'} {row.limit:g}: {row.word}"
    return f"{row.what:<80} {row.value:>10.4g} {row.unit:<6} {asked:<18} {row.note}".rstrip()
