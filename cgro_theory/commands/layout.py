"""Text that fits the width of where it is printed, without breaking a word."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

USUAL = 80
"""Columns where nobody says how many there are."""
UNLIMITED = 100_000


def columns(otherwise: int = USUAL) -> int:
    """Of standard output: COLUMNS, or those of its terminal; ``otherwise`` where there is neither."""
    return max(20, shutil.get_terminal_size((otherwise, 24)).columns)


def wrapped(text: str, width: int, indent: str = "", further: str | None = None) -> list[str]:
    """The lines of ``text``; all but the first begin with ``further``, by default as the first one does.

    >>> wrapped("one two three", 9, "  ")
    ['  one two', '  three']
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if further is None else further,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent.rstrip()]


def put(line: str) -> None:
    """Print a line of words, broken between two of them where the terminal is narrower."""
    indent = line[: len(line) - len(line.lstrip())]
    print("\n".join(wrapped(line.strip(), columns(UNLIMITED), indent, indent + "  ")))


def table_lines(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """A table, the names of its columns first; where it is too wide, each row as a paragraph under its first cell.

    >>> print("\\n".join(table_lines([["claim", "runs"], ["a.x", "12"]], 20)))
    claim  runs
    a.x    12
    >>> print("\\n".join(table_lines([["claim", "runs"], ["a.long.name", "12"]], 15)))
    a.long.name
        runs: 12
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) <= width:
        return [
            "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
    lines = []
    for first, *rest in rows[1:]:
        told = "; ".join(f"{name}: {cell}" for name, cell in zip(rows[0][1:], rest, strict=True) if cell)
        lines += [first, *wrapped(told, width, "    ")]
    return lines


def markdown_lines(text: str, width: int) -> list[str]:
    """Markdown as plain text: paragraphs wrapped, tables by :func:`table_lines`, without its marks."""
    lines: list[str] = []
    table: list[list[str]] = []
    for line in [*text.replace("`", "").splitlines(), ""]:
        if line.startswith("|"):
            table.append([cell.strip() for cell in line.strip("|").split("|")])
            continue
        if table:
            lines += table_lines([table[0], *table[2:]], width)
            table = []
        lines += wrapped(line, width)
    return lines[:-1]
