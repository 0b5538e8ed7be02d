"""Results as a table: the parameters and the rows of every finished run, each read with its checksum."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from cgro_theory.atomic_file import atomic_write
from cgro_theory.errors import InvalidFile
from cgro_theory.sweep.cell import Cell
from cgro_theory.sweep.grid import Grid
from cgro_theory.sweep.run_kind import RunOutcome, Scalar
from cgro_theory.sweep.store import Store


def results(grid: Grid, store: Store) -> Iterator[tuple[Cell, RunOutcome]]:
    """Every finished run of the grid with its outcome, in the grid's order.

    Raises :class:`InvalidFile`, which names the file, at a result that is missing or was changed.
    """
    for cell in _done(grid.cells, store):
        yield cell, store.read(cell)


def damaged(grid: Grid, store: Store) -> list[tuple[Cell, InvalidFile]]:
    """The finished runs whose result is missing or fails its checksum, each with the reason."""
    found = []
    for cell in _done(grid.cells, store):
        try:
            store.read(cell)
        except InvalidFile as error:
            found.append((cell, error))
    return found


def _done(cells: Iterable[Cell], store: Store) -> list[Cell]:
    records = store.records()
    states = {identity: record.state for identity, record in records.items()}
    return [cell for cell in cells if states.get(cell.identity) == "done"]


def write_table(grid: Grid, store: Store, path: Path) -> int:
    """Write the finished runs as CSV, whole or not at all, and return the number of rows.

    Columns: ``run`` (the identity), the parameters, those that vary first, then every column that occurs; one
    with a parameter's name is called ``result_`` and its name. Numbers are written so that they read
    back exactly; an empty field is what was not reached.
    """
    rows: list[dict[str, Scalar]] = []
    names = dict.fromkeys(("run", *grid.varying, *(entry.name for entry in grid.kind.parameters)))
    parameters = set(names)
    for cell, outcome in results(grid, store):
        for values in outcome.rows:
            columns = {f"result_{name}" if name in parameters else name: value for name, value in values.items()}
            names |= dict.fromkeys(columns)
            rows.append({"run": cell.identity, **cell.parameters, **columns})
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())
    return len(rows)
