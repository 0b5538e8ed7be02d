"""Verdict tables for a terminal and for Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from cgro_theory.claims import Outcome

OUTCOME_STYLE: Mapping[str, str] = {
    Outcome.CERTIFIED: "bold green",
    Outcome.CONSISTENT: "green",
    Outcome.VACUOUS: "yellow",
    Outcome.OUT_OF_SCOPE: "cyan",
    Outcome.INCONCLUSIVE: "bold yellow",
    Outcome.REFUTED: "bold red",
}
COLUMNS = ("claim", "mark", "predicted", "measured", "runs", "outcome", "inherited", "faults caught")


def format_number(value: Any) -> str:
    """Four significant digits, ``inf`` and ``-inf`` as ∞ and -∞, missing as a dash.

    >>> format_number(0.000123456), format_number("inf"), format_number(None), format_number(64.0)
    ('1.235e-04', '∞', '—', '64')
    """
    if value is None:
        return "—"
    number = float(value)
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    if number == int(number) and abs(number) < 1e6:
        return str(int(number))
    if 1e-3 <= abs(number) < 1e5:
        return f"{number:.4g}"
    return f"{number:.3e}"


def format_interval(ends: Mapping[str, Any]) -> str:
    """``[low, high]``, or one number where the ends print the same, or ≤ and ≥ where one end is infinite."""
    low, high = format_number(ends["low"]), format_number(ends["high"])
    if low == high:
        return low
    if low == "-∞":
        return f"≤ {high}"
    if high == "∞":
        return f"≥ {low}"
    return f"[{low}, {high}]"


def verdict_rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row of text per claim of a ``cgro-result/1`` document, in the order of :data:`COLUMNS`."""
    rows: list[tuple[str, ...]] = []
    for entry in document["claims"]:
        faults = entry.get("planted_faults", [])
        caught = sum(fault["outcome"] in (Outcome.REFUTED, Outcome.OUT_OF_SCOPE) for fault in faults)
        rows.append(
            (
                entry["label"],
                entry["mark"],
                format_interval(entry["predicted"]),
                format_interval(entry["measured"]),
                str(entry["measured"]["runs"]),
                entry["outcome"],
                entry["inherited"],
                f"{caught}/{len(faults)}",
            )
        )
    return rows


def verdict_table(document: Mapping[str, Any]) -> Table:
    """The verdicts as a table for a terminal."""
    table = Table(title=f"{document['theorem']}: {document['outcome']}", title_justify="left")
    for name in COLUMNS:
        numeric = name in ("runs", "faults caught")
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in verdict_rows(document):
        cells: list[str | Text] = list(row)
        for index in (5, 6):
            cells[index] = Text(row[index], style=OUTCOME_STYLE.get(row[index], ""))
        table.add_row(*cells)
    return table


def verdict_markdown(document: Mapping[str, Any]) -> str:
    """The verdicts as a Markdown table."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    for row in verdict_rows(document):
        cells = [f"`{row[0]}`", *row[1:]]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
