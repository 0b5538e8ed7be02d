"""``cgro plot``: the picture of a file: trajectories, a sweep's folder or table, a result, a figure's numbers."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cgro_theory.atomic_file import atomic_write, read_whole, require_outputs
from cgro_theory.claims import ExitCode, Figure, Marker, Panel, Series
from cgro_theory.commands.layout import put
from cgro_theory.commands.plot_rows import rows_figure
from cgro_theory.errors import InvalidFile, InvalidInput, shortened
from cgro_theory.report.figure_numbers import figure_from_json

SUFFIXES = (".png", ".svg")
KNOWN = "an npz of `cgro simulate`, a sweep's folder or table, or the JSON of a command or of a figure"
Document = Mapping[str, Any]
Rows = list[dict[str, Any]]
LARGEST = 1e300
"""Of a number that is drawn: the room around it, and the length of an axis, must be floats, too."""


def run_plot(file: Path, out: Path | None, x: str = "", y: str = "", by: str = "") -> ExitCode:
    """Draw ``file`` into ``out``, by default FILE.png, and say where; ``x``, ``y``, ``by`` are columns.

    The whole name of the file is kept: pictures of a.npz and a.json, and another command's a.png, stay apart.
    Raises :class:`InvalidFile` for what is not :data:`KNOWN`, :class:`InvalidInput` for axes that are not there.
    """
    if out is None and file.name in ("", ".."):
        raise InvalidInput("--out", "", "given: the file has no name of its own")
    target = file.with_name(f"{file.name}.png") if out is None else out
    if target.suffix not in SUFFIXES:
        raise InvalidInput("--out", str(target), "a file that ends in .png or .svg")
    require_outputs({"--out": target}, inputs={"the file": file})
    figure = figure_of(file, x, y, by)
    picture = _drawn(file, figure)[target.suffix[1:]]
    with atomic_write(target) as stream:
        stream.write(picture)
    put(f"{target}: {figure.title}; {figure.caption}")
    return ExitCode.PASSED


def figure_of(file: Path, x: str = "", y: str = "", by: str = "") -> Figure:
    """The figure of a file, as data, with something to see in it; raises what :func:`run_plot` does."""
    with _blamed(file, "is nothing to draw, or damaged"):
        found = _read(file)
        if isinstance(found, Figure):
            _refuse_axes(x, y, by)
            figure = found
        else:
            rows, chosen, units = found
            if not rows:
                raise InvalidFile(file, "holds no finished run yet")
            figure = rows_figure(file, [_scalars(row) for row in rows], chosen, x=x, y=y, by=by, units=units)
        _require_drawable(file, figure)
    return figure


def _read(file: Path) -> Figure | tuple[Rows, Sequence[str], Mapping[str, str]]:
    """The file's figure, or its rows with the columns that were chosen, not found, and the units that it tells."""
    if os.path.isdir(file):  # False where the system refuses to say, as reading the file then tells
        return (*_store_rows(file), {})
    if file.suffix == ".csv":
        return (*_table_rows(file), {})
    if file.suffix == ".npz":
        from cgro_theory.commands.simulate_figure import trajectory_figure
        from cgro_theory.trainer.trajectories import Trajectories

        return trajectory_figure(Trajectories.load(file))
    document = _document(file)
    readers = {"cgro-bound/1": _bound_rows, "cgro-trajectories/1": _run_rows, "cgro-landscape/1": _epoch_rows}
    schema = document.get("schema")
    if isinstance(schema, str) and schema in readers:
        return readers[schema](document), [str(document.get("over") or "epoch"), "data"], _units(document)
    return _result_figure(file, document) if schema == "cgro-result/1" else figure_from_json(document)


@contextlib.contextmanager
def _blamed(file: Path, what: str) -> Iterator[None]:
    """Whatever a file's content makes fail is said to be the file's fault, in one line."""
    try:
        yield
    except (InvalidFile, InvalidInput):
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise InvalidFile(file, f"{what} ({shortened(why)}): {KNOWN} is needed") from error


def _drawn(file: Path, figure: Figure) -> Mapping[str, bytes]:
    from cgro_theory.report.figures import render

    with _blamed(file, "cannot be drawn"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a character that the font lacks, of a title that is too long
        return render(figure)


def _require_drawable(file: Path, figure: Figure) -> None:
    """Refuse a figure without a point, and numbers that no axis shows; an infinite one is a gap."""
    curves = [each for panel in figure.panels for each in panel.series]
    markers = [marker for panel in figure.panels for marker in panel.markers]
    points = [pair for each in curves for pair in zip(each.x, each.y, strict=True)]
    bands = [value for each in curves for value in (*(each.low or ()), *(each.high or ()))]
    levels = [level for each in markers for level in (each.value, each.until) if level is not None]
    if not any(math.isfinite(x) and math.isfinite(y) for x, y in points) and not levels:
        raise InvalidFile(file, "is nothing to draw: it has no finite numbers")
    for value in (*(value for pair in points for value in pair), *bands, *levels):
        if math.isfinite(value) and abs(value) > LARGEST:
            raise InvalidFile(file, f"cannot be drawn: {value:g} is beyond {LARGEST:g}")


def _refuse_axes(*columns: str) -> None:
    for option, name in zip(("--x", "--y", "--by"), columns, strict=True):
        if name:
            raise InvalidInput(option, name, "left out: this file has no columns to choose from")


def _document(file: Path) -> Document:
    content = read_whole(file)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidFile(file, f"is nothing to draw: {KNOWN} is needed") from error
    if not isinstance(found, dict):
        raise InvalidFile(file, f"is nothing to draw: {KNOWN} is needed")
    return found


def _store_rows(folder: Path) -> tuple[Rows, Sequence[str]]:
    """The rows of every finished run in a sweep's store, each with its parameters."""
    from cgro_theory.sweep.store import INDEX, Store
    from cgro_theory.sweep.table import all_rows

    if not os.path.isfile(folder / INDEX):
        raise InvalidFile(folder, f"is no sweep's folder: {KNOWN} is needed")
    with Store(folder) as store:
        return all_rows(store)


def _table_rows(file: Path) -> tuple[Rows, Sequence[str]]:
    from cgro_theory.commands.sweep_kinds import KINDS

    content = read_whole(file)
    try:
        lines = [
            line for line in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True) if line
        ]
    except (ValueError, csv.Error) as error:
        raise InvalidFile(file, f"is no table: {error}") from error
    if len({len(line) for line in lines}) != 1:
        raise InvalidFile(file, "is no table: its lines are not of one length" if lines else "is empty")
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    own = [[each.name for each in kind.parameters] for kind in KINDS.values()]
    return rows, next((names for names in own if rows and set(names) <= set(rows[0])), [])


def _scalars(row: Mapping[str, Any]) -> dict[str, Any]:
    """What of a row can be an axis, or tell curves apart."""
    return {name: value for name, value in row.items() if value is None or isinstance(value, (str, int, float))}


def _bound_rows(document: Document) -> Rows:
    values: Rows = []
    for answer in document["answers"]:
        numbers = {each["name"]: each["value"] for each in answer["quantities"]}
        values.append({**answer["parameters"], **numbers})
    return values


def _units(document: Document) -> dict[str, str]:
    """Of the quantities of a ``cgro-bound/1`` document."""
    quantities = (each for answer in document.get("answers", ()) for each in answer["quantities"])
    return {each["name"]: each["unit"] for each in quantities if each.get("unit")}


def _run_rows(document: Document) -> Rows:
    """One row per training point of each run: when it was memorized, beside when the run learned the signal."""
    rows = []
    for number, run in enumerate(document["runs"], start=1):
        times = sorted(time for time in run["memorization_times"] if time is not None)
        learned = {"run": number, "signal_time": run["signal_time"]}
        rows += [{"points_memorized": at, "time": time, **learned} for at, time in enumerate(times, start=1)]
    return rows


def _epoch_rows(document: Document) -> Rows:
    return [
        {
            "epoch": moment["epoch"],
            "data": side,
            **{name: moment[side][name] for name in ("robust_error", "clean_error")},
        }
        for moment in document["epochs"]
        for side in ("train", "test")
    ]


def _result_figure(file: Path, document: Document) -> Figure:
    """How much of its prediction each claim uses, its measured interval included: 1 is the prediction's end."""
    used = {entry["label"]: _share_used(entry) for entry in document["claims"]}
    drawn = {label: share for label, share in used.items() if share is not None}
    if not drawn:
        raise InvalidFile(file, "is nothing to draw: no claim in it has a finite end")
    series = Series("", list(range(1, len(drawn) + 1)), list(drawn.values()), style="points")
    panel = Panel(
        "",
        "claim",
        "share of the prediction used",
        (series,),
        (Marker("end of the prediction", 1.0, axis="y", colour=1),),
    )
    told = ", ".join(f"{at} {label.partition('.')[2]}" for at, label in enumerate(drawn, start=1))
    left_out = len(used) - len(drawn)
    more = f"; {left_out} without a finite end are not drawn" if left_out else ""
    return Figure(document["theorem"], f"{document['theorem']}: {document['outcome']}", told + more, (panel,))


def _share_used(entry: Document) -> float | None:
    ends = {side: {end: float(entry[side][end]) for end in ("low", "high")} for side in ("predicted", "measured")}
    predicted, measured = ends["predicted"], ends["measured"]
    pairs = {"at_most": (measured["high"], predicted["high"]), "at_least": (predicted["low"], measured["low"])}
    top, bottom = pairs.get(entry["relation"], (0.0, 0.0))
    if entry["relation"] in ("within", "equals"):
        middle = (predicted["low"] + predicted["high"]) / 2
        top = max(abs(measured[end] - middle) for end in measured)
        bottom = (predicted["high"] - predicted["low"]) / 2
    share = top / bottom if bottom > 0.0 else float("nan")
    return share if 0.0 <= share < float("inf") else None
