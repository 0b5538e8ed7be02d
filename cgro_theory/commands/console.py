"""What commands print: progress on standard error, a bar or plain lines; documents, whole or not at all."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cgro_theory.atomic_file import atomic_write
from cgro_theory.theorems.room import Progress as Report


@contextlib.contextmanager
def progress_reporter(quiet: bool) -> Iterator[Report]:
    """Yield a function (doing, fraction): one bar per piece of work on a terminal, one line each elsewhere."""
    console = Console(stderr=True)
    if quiet:
        yield lambda doing, fraction: None
        return
    if not console.is_terminal:
        seen: set[str] = set()

        def line(doing: str, fraction: float) -> None:
            if doing not in seen:
                seen.add(doing)
                console.print(f"  {doing}", highlight=False)

        yield line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def bar(doing: str, fraction: float) -> None:
            if doing not in tasks:
                for task in tasks.values():
                    bars.update(task, visible=False)
                tasks[doing] = bars.add_task(doing, total=1.0)
            bars.update(tasks[doing], completed=fraction)

        yield bar


def write_document(path: str | None, text: str) -> None:
    """Write ``text`` to the file ``path``, whole or not at all; None and ``-`` are standard output."""
    if path in (None, "-"):
        sys.stdout.write(text)
    else:
        with atomic_write(str(path)) as stream:
            stream.write(text.encode())
