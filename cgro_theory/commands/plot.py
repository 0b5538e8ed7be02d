"""``cgro plot``: the picture of a file: trajectories, a sweep's folder or table, a result, a figure's numbers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cgro_theory.atomic_file import atomic_write, require_outputs
from cgro_theory.claims import ExitCode, Figure, Marker, Panel, Series
from cgro_theory.commands.layout import put
from cgro_theory.commands.plot_rows import rows_figure
from cgro_theory.errors import InvalidFile, InvalidInput

SUFFIXES = (".png", ".svg")
KNOWN = "an npz of `cgro simulate`, a sweep's folder or table, or the JSON of a command or of a figure"
Document = Mapping[str, Any]
Rows = list[dict[str, Any]]
Found = TypeVar("Found")


def run_plot(file: Path, out: Path | None, x: str = "", y: str = "", by: str = "") -> ExitCode:
    """Draw ``file`` into ``out``, by default beside it as PNG, and say where; ``x``, ``y``, ``by`` are columns.

    Raises :class:`InvalidFile` for what is not :data:`KNOWN`, :class:`InvalidInput` for axes that are not there.
    """
    target = file.with_suffix(".png") if out is None else out
    if target.suffix not in SUFFIXES:
        raise InvalidInput("--out", str(target), "a file that ends in .png or .svg")
    require_outputs({"--out": target}, inputs={"the file": file})
    figure = figure_of(file, x, y, by)
    from cgro_theory.report.figures import render

    with atomic_write(target) as stream:
        stream.write(render(figure)[target.suffix[1:]])
    put(f"{target}: {figure.title}; {figure.caption}")
    return ExitCode.PASSED


def figure_of(file: Path, x: str = "", y: str = "", by: str = "") -> Figure:
    """The figure of a file, as data."""
    rows: tuple[Rows, Sequence[str]] | None = None
    if file.is_dir():
        rows = _store_rows(file)
    elif file.suffix == ".csv":
        rows = _table_rows(file)
    elif file.suffix == ".npz":
        from cgro_theory.commands.simulate_figure import trajectory_figure
        from cgro_theory.trainer.trajectories import Trajectories

        _refuse_axes(x, y, by)
        return trajectory_figure(Trajectories.load(file))
    else:
        document = _document(file)
        read = {"cgro-bound/1": _bound_rows, "cgro-trajectories/1": _run_rows, "cgro-landscape/1": _epoch_rows}
        schema = document.get("schema")
        if isinstance(schema, str) and schema in read:
            rows = _rows_of(file, document, read[schema])
        else:
            _refuse_axes(x, y, by)
            drawn = _result_figure if schema == "cgro-result/1" else _figure_again
            return _read(file, document, drawn)
    if not rows[0]:
        raise InvalidFile(file, "holds no finished run yet")
    return rows_figure(file.stem, *rows, x=x, y=y, by=by)


def _refuse_axes(*columns: str) -> None:
    for option, name in zip(("--x", "--y", "--by"), columns, strict=True):
        if name:
            raise InvalidInput(option, name, "left out: this file has no columns to choose from")


def _document(file: Path) -> Document:
    try:
        found = json.loads(file.read_bytes())
    except OSError as error:
        raise InvalidFile(file, f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidFile(file, f"is nothing to draw: {KNOWN} is needed") from error
    if not isinstance(found, dict):
        raise InvalidFile(file, f"is nothing to draw: {KNOWN} is needed")
    return found


def _read(file: Path, document: Document, reader: Callable[[Document], Found]) -> Found:
    """What ``reader`` makes of a document; one that lacks what its schema promises is the file's fault."""
    try:
        return reader(document)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, (InvalidFile, InvalidInput)):
            raise
        raise InvalidFile(file, f"is nothing to draw, or damaged ({error!r}): {KNOWN} is needed") from error


def _store_rows(folder: Path) -> tuple[Rows, Sequence[str]]:
    """The rows of every finished run in a sweep's store, each with its parameters."""
    from cgro_theory.sweep.store import INDEX, Store
    from cgro_theory.sweep.table import all_rows

    if not (folder / INDEX).is_file():
        raise InvalidFile(folder, f"is no sweep's folder: {KNOWN} is needed")
    with Store(folder) as store:
        return all_rows(store)


def _table_rows(file: Path) -> tuple[Rows, Sequence[str]]:
    from cgro_theory.commands.sweep_kinds import KINDS

    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, strict=True))
    except OSError as error:
        raise InvalidFile(file, f"cannot be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise InvalidFile(file, f"is no table: {error}") from error
    own = [[each.name for each in kind.parameters] for kind in KINDS.values()]
    return rows, next((names for names in own if rows and set(names) <= set(rows[0])), [])


def _rows_of(file: Path, document: Document, reader: Callable[[Document], Rows]) -> tuple[Rows, Sequence[str]]:
    rows = _read(file, document, reader)
    return rows, [str(document.get("over") or "epoch"), "data"]


def _bound_rows(document: Document) -> Rows:
    values: Rows = []
    for answer in document["answers"]:
        numbers = {each["name"]: each["value"] for each in answer["quantities"]}
        values.append({**answer["parameters"], **numbers})
    return values


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


def _result_figure(document: Document) -> Figure:
    """How much of its prediction each claim uses, its measured interval included: 1 is the prediction's end."""
    used = {entry["label"]: _share_used(entry) for entry in document["claims"]}
    drawn = {label: share for label, share in used.items() if share is not None}
    if not drawn:
        raise InvalidInput("FILE", document["theorem"], "a result with a claim that has a finite end")
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


def _figure_again(document: Document) -> Figure:
    """A figure from the numbers that were written beside its picture."""
    panels = tuple(
        Panel(
            **{
                **panel,
                "series": tuple(Series(**{**each, "y": _gaps(each["y"])}) for each in panel["series"]),
                "markers": tuple(Marker(**each) for each in panel["markers"]),
            }
        )
        for panel in document["panels"]
    )
    return Figure(document["name"], document["title"], document["caption"], panels, tuple(document["claims"]))


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in values]
