"""How far a sweep is, on standard error: one bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from cgro_theory.sweep.driver import SweepProgress

LINE_SECONDS = 30.0
"""Lines of a log come this far apart, and one at the start."""


def duration(seconds: float) -> str:
    """A length of time in words.

    >>> duration(0.25), duration(42), duration(600), duration(90_000), duration(10**7)
    ('250 ms', '42 s', '10 min', '25.0 h', '115.7 days')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def describe_progress(status: SweepProgress) -> str:
    """Counts and the estimate of the time left, in one line."""
    parts = [f"{status.done + status.failed:,} of {status.total:,} runs"]
    if status.failed:
        parts.append(f"{status.failed:,} failed")
    if status.held:
        parts.append(f"{status.held:,} with another process")
    if status.seconds_left is not None and status.done + status.failed < status.total:
        parts.append(f"about {duration(math.ceil(status.seconds_left))} left")
    return ", ".join(parts)


@contextlib.contextmanager
def progress_display(name: str, quiet: bool) -> Iterator[Callable[[SweepProgress], None]]:
    """Yield the function that shows progress."""
    console = Console(stderr=True)
    if quiet:
        yield lambda status: None
        return
    if not console.is_terminal:
        shown = -math.inf

        def line(status: SweepProgress) -> None:
            nonlocal shown
            if time.monotonic() - shown >= LINE_SECONDS:
                shown = time.monotonic()
                console.print(
                    f"  {name}: {describe_progress(status)}", highlight=False, markup=False, soft_wrap=True
                )

        yield line
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(name, total=None, told="")

        def bar(status: SweepProgress) -> None:
            settled = status.done + status.failed
            bars.update(task, completed=settled, total=status.total, told=describe_progress(status))

        yield bar
