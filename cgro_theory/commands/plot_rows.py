"""A figure of rows, such as a sweep's: axes by what varies, the median of repeated runs with their range."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from cgro_theory.claims import Figure, Panel, Series
from cgro_theory.errors import InvalidFile, InvalidInput, require_choice

Row = Mapping[str, Any]

REPEATS = ("run", "seed", "run_seed")
"""What tells repetitions of one run apart: never an axis unless asked for."""
SHOWN_FIRST = (
    "robust_test_error",
    "robust_generalization_gap",
    "robust_train_error_bound",
    "first_memorization_time",
    "stage_order_probability",
    "memorization_time",
    "gap_bound",
    "structural",
    "structural_count",
)
"""The result to draw unless another is asked for: the first of these that the rows have and that varies."""
MOST_CURVES = 8
DECADES = 100.0
"""An axis whose positive values span at least this factor is logarithmic."""


UNITS = dict.fromkeys(
    ("time", "final_time", "signal_time", "memorization_time", "first_memorization_time"), "η · step"
) | {"robust_error": "share of points", "clean_error": "share of points"}
"""Of columns that come without one."""
WORDS = {"points_memorized": "training points memorized", "time": "time of memorization"}
"""Names of columns that are no words."""


def rows_figure(
    file: Path,
    rows: Sequence[Row],
    inputs: Sequence[str],
    x: str = "",
    y: str = "",
    by: str = "",
    units: Mapping[str, str] | None = None,
) -> Figure:
    """One curve per value of ``by``, of the median of ``y`` over ``x`` with its least and greatest value.

    ``inputs``: the columns that were chosen and not found; ``units``: of columns. What is not given is what
    varies. Raises
    :class:`InvalidInput`, named as the option, for a column that is not there, has no numbers or cannot be chosen,
    and :class:`InvalidFile` where there is nothing to choose from.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    numeric = [name for name in names if any(_number(row.get(name)) is not None for row in rows)]
    for option, name in (("--x", x), ("--y", y)):
        if name:
            require_choice(option, name, numeric)
    if by:
        require_choice("--by", by, names)
    varying = [name for name in names if name in inputs and len({row.get(name) for row in rows}) > 1]
    chosen = [name for name in varying if name not in (*REPEATS, y, by)]
    if not x:
        x = max((name for name in chosen if name in numeric), key=lambda name: _values(rows, name), default="")
        x = x or next((name for name in numeric if name not in (y, by) and _values(rows, name) > 1), "")
    if not x:
        rest = " beside the one given" if y or by else ""
        raise InvalidFile(file, f"is nothing to draw: no column of numbers varies{rest}")
    if not y:
        found = [name for name in numeric if name not in (x, by, *inputs, *REPEATS)]
        ranked = [*(name for name in SHOWN_FIRST if name in found), *found]
        y = next((name for name in ranked if _values(rows, name) > 1), next(iter(ranked), ""))
    if not y:
        raise InvalidFile(file, f"is nothing to draw: no column of numbers but {x}")
    if y == x:
        raise InvalidInput("--y", y, "another column of numbers than --x")
    others = [name for name in chosen if name not in (x, y)]
    by = by or next((name for name in others if _values(rows, name) <= MOST_CURVES), "")
    panel = _panel(rows, x, y, by, UNITS | dict(units or {}))
    told = f"{_worded(y)} over {_worded(x)}"
    if any(each.low for each in panel.series):
        told += ": of the values at each place the median, the least and the greatest"
    return Figure("rows", file.name, f"{told}; {len(rows):,} values", (panel,))


def _worded(name: str) -> str:
    return WORDS.get(name, name)


def _axis(name: str, units: Mapping[str, str]) -> str:
    return _worded(name) + (f" ({units[name]})" if units.get(name) else "")


def _panel(rows: Sequence[Row], x: str, y: str, by: str, units: Mapping[str, str]) -> Panel:
    groups: dict[Any, list[Row]] = {}
    for row in sorted(rows, key=lambda row: _order(row.get(by))):
        groups.setdefault(row.get(by) if by else None, []).append(row)
    if len(groups) > MOST_CURVES:
        raise InvalidInput("--by", by, f"a column with at most {MOST_CURVES} values; it has {len(groups)}")
    series = [
        _series(f"{by} = {_told(key)}" if by else "", own, x, y, at)
        for at, (key, own) in enumerate(groups.items())
    ]
    drawn = tuple(each for each in series if each.x)
    if not drawn:
        raise InvalidInput("--y", y, f"a column with numbers where {x} has some")
    x_scale, y_scale = (
        _scale([value for each in drawn for value in side(each)]) for side in (_abscissae, _ordinates)
    )
    label = _axis(y, units) + (": median, least and greatest" if any(each.low for each in drawn) else "")
    title = f"{_worded(y)} over {_worded(x)}"
    return Panel(title, _axis(x, units), label, drawn, x_scale=x_scale, y_scale=y_scale)


def _series(label: str, rows: Sequence[Row], x: str, y: str, colour: int) -> Series:
    at: dict[float, list[float]] = {}
    for row in rows:
        place, value = _number(row.get(x)), _number(row.get(y))
        if place is not None and value is not None:
            at.setdefault(place, []).append(value)
    places = sorted(at)
    middle = [statistics.median(at[place]) for place in places]
    low, high = ([end(at[place]) for place in places] for end in (min, max))
    few: Literal["points", "line"] = "points" if len(places) == 1 else "line"
    repeated = any(len(values) > 1 for values in at.values())
    return Series(
        label, places, middle, colour, few, low=low if repeated else None, high=high if repeated else None
    )


def _abscissae(series: Series) -> Sequence[float]:
    return series.x


def _ordinates(series: Series) -> Sequence[float]:
    return [*series.y, *(series.low or ())]


def _scale(values: Sequence[float]) -> Literal["linear", "log"]:
    low, high = min(values), max(values)
    return "log" if low > 0.0 and high / low >= DECADES else "linear"


def _values(rows: Sequence[Row], name: str) -> int:
    return len({row.get(name) for row in rows})


def _number(value: Any) -> float | None:
    """A finite number, also one written as text; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _order(value: Any) -> tuple[float, str]:
    """Numbers by their size, then words."""
    number = _number(value)
    return (math.inf if number is None else number), str(value)


def _told(value: Any) -> str:
    number = _number(value)
    return str(value) if number is None else f"{number:.6g}"
