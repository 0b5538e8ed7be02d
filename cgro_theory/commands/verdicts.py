"""Verdicts for a terminal of any width: a table where it fits, else a paragraph for each claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.text import Text

from cgro_theory.commands.layout import wrapped
from cgro_theory.report.text import COLUMNS, OUTCOME_STYLE, verdict_rows, verdict_table


def fitted_verdicts(document: Mapping[str, Any], console: Console) -> RenderableType:
    """The verdicts of a ``cgro-result/1`` document, no word of them broken."""
    table = verdict_table(document)
    if Measurement.get(console, console.options.update(max_width=10_000), table).maximum <= console.width:
        return table
    shown = Text(f"{document['theorem']}: {document['outcome']}\n", style="italic")
    for label, *cells in verdict_rows(document):
        at = dict(zip(COLUMNS[1:], cells, strict=True))
        outcome = at.pop("outcome")
        inherited = at.pop("inherited")
        shown.append(f"{label}\n", style="not italic")
        shown.append(f"    {outcome}", style=f"not italic {OUTCOME_STYLE.get(outcome, '')}")
        told = [f"inherited: {inherited}"] if inherited != outcome else []
        told += [f"{name}: {cell}" for name, cell in at.items()]
        lines = wrapped("; ".join(told), console.width, " " * (4 + len(outcome)) + "; ", "      ")
        shown.append("\n".join(lines)[4 + len(outcome) :] + "\n", style="not italic")
    shown.rstrip()
    return shown
