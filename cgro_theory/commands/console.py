"""What commands print: progress on standard error, a bar or plain lines; documents, whole or not at all."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
from collections.abc import Iterator
from typing import Protocol

from cgro_theory.atomic_file import atomic_write

LINE_SECONDS = 30.0
"""Without a terminal the lines about one piece of work come this far apart, and one at its start."""


class Show(Protocol):
    """Shows how far a piece of work is: ``fraction`` in [0, 1]; ``told`` replaces the percentage and the time."""

    def __call__(self, doing: str, fraction: float, told: str = "") -> None:
        """Say that ``doing`` is this far."""


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


def how_far(fraction: float, seconds: float) -> str:
    """The percentage, and the time left at the pace so far.

    >>> how_far(0.25, 20.0), how_far(0.0, 31.0)
    ('25 %, about 60 s left', '31 s so far')
    """
    if not 0.0 < fraction < 1.0:
        return f"{duration(seconds)} so far"
    left = duration(math.ceil(seconds * (1.0 - fraction) / fraction))
    return f"{100 * fraction:.0f} %, about {left} left"


@contextlib.contextmanager
def progress_reporter(quiet: bool, within: str = "") -> Iterator[Show]:
    """Yield the function that shows progress on standard error: one bar on a terminal, plain lines elsewhere.

    ``within``: what all of it is a part of, such as ``2 of 7``; it precedes every line.
    """
    if quiet:
        yield lambda doing, fraction, told="": None
    elif sys.stderr.isatty():
        with _bar(within) as show:
            yield show
    else:
        with _Lines(within) as lines:
            yield lines.show


class _Lines:
    """A line when a piece of work begins, and every :data:`LINE_SECONDS` after, however silent it is."""

    def __init__(self, within: str) -> None:
        self._head = f"  {within}: " if within else "  "
        self._doing, self._fraction, self._told, self._since = "", 0.0, "", 0.0
        self._seen: set[str] = set()
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)

    def __enter__(self) -> _Lines:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def show(self, doing: str, fraction: float, told: str = "") -> None:
        """Note how far it is, and say so when it is something new."""
        with self._lock:
            if doing != self._doing:
                self._doing, self._since = doing, time.monotonic()
            self._fraction, self._told = fraction, told
            if doing not in self._seen:
                self._seen.add(doing)
                self._say(f": {told}" if told else "")

    def _repeat(self) -> None:
        while not self._stop.wait(LINE_SECONDS):
            with self._lock:
                if self._doing and self._fraction < 1.0:
                    far = self._told or how_far(self._fraction, time.monotonic() - self._since)
                    self._say(f": {far}")

    def _say(self, far: str) -> None:
        print(f"{self._head}{self._doing}{far}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _bar(within: str) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column

    named = TextColumn(
        "{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
    )
    columns = (named, BarColumn(12), TaskProgressColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=Console(stderr=True), transient=True, expand=True) as bars:
        task, shown = bars.add_task("", total=1.0), ""

        def show(doing: str, fraction: float, told: str = "") -> None:
            nonlocal shown
            if doing != shown:  # its time counts from here
                shown = doing
                bars.reset(task)
            parts = (within, doing, told)
            bars.update(task, completed=fraction, description=": ".join(part for part in parts if part))

        yield show


def write_document(path: str | None, text: str) -> None:
    """Write ``text`` to the file ``path``, whole or not at all; None and ``-`` are standard output."""
    if path in (None, "-"):
        sys.stdout.write(text)
    else:
        with atomic_write(str(path)) as stream:
            stream.write(text.encode())
