"""Results as a table: the parameters and the rows of every finished run, each read with its checksum."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
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

    Columns: ``run`` (the identity), the parameters, those that vary first, what ``auto`` stands for, then every
    column that occurs; one with a parameter's name is called ``result_`` and its name. Numbers are written so that
    they read back exactly; an empty field is what was not reached.
    """
    names = dict.fromkeys(("run", *grid.varying, *(entry.name for entry in grid.kind.parameters)))
    rows = [
        row
        for cell, outcome in results(grid, store)
        for row in _rows(cell, outcome, grid.kind.resolve(cell.parameters) if grid.kind.resolve else {})
    ]
    names |= dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())
    return len(rows)


def all_rows(store: Store) -> tuple[list[dict[str, Scalar]], list[str]]:
    """The rows of every finished run of a store, as in a table, and the names of the parameters."""
    cells = store.done()
    rows = [row for cell in cells for row in _rows(cell, store.read(cell), {})]
    return rows, list(dict.fromkeys(name for cell in cells for name in cell.parameters))


def _rows(cell: Cell, outcome: RunOutcome, resolved: Mapping[str, Scalar]) -> list[dict[str, Scalar]]:
    first = {"run": cell.identity, **cell.parameters, **resolved}
    return [
        {**first, **{f"result_{name}" if name in first else name: value for name, value in values.items()}}
        for values in outcome.rows
    ]
