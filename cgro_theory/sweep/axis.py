"""The values of one axis of a grid: a list, a range by steps, or a range between two ends."""

from __future__ import annotations

import math
from typing import Any

MAX_CELLS = 1_000_000
"""The most runs of one grid: each is held in memory and costs the store a row."""

_BY_STEPS = {"from", "count", "step"}
_BETWEEN = {"from", "to", "count", "spacing"}
_FORMS = "a list, {from, count}, {from, count, step} or {from, to, count, spacing}"


def axis_values(value: Any, *, whole: bool = False) -> list[Any]:
    """The values that ``value`` of a grid stands for; ValueError with one line when it stands for nothing.

    ``whole`` rounds a range between two ends to integers.

    >>> axis_values({"from": 5, "count": 3})
    [5, 6, 7]
    >>> axis_values({"from": 1e4, "to": 1e7, "count": 3, "spacing": "log"}, whole=True)
    [10000, 316228, 10000000]
    >>> axis_values({"from": -0.6, "to": -0.4, "count": 3})
    [-0.6, -0.5, -0.4]
    """
    if isinstance(value, list):
        if not value:
            raise ValueError("is an empty list: no run would be left")
        return value
    if not isinstance(value, dict):
        return [value]
    keys = set(value)
    if "from" not in keys or "count" not in keys or not (keys <= _BY_STEPS or {"to"} < keys <= _BETWEEN):
        raise ValueError(f"must be {_FORMS}, got the keys {', '.join(sorted(keys)) or 'none'}")
    count = value["count"]
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_CELLS:
        raise ValueError(f"count must be an integer from 1 to {MAX_CELLS:,}, got {count!r}")
    if "to" in keys:
        values = _between(_end(value, "from"), _end(value, "to"), count, value.get("spacing", "linear"))
        return [round(entry) for entry in values] if whole else values
    start, step = _end(value, "from"), _end(value, "step") if "step" in keys else 1
    if step == 0 and count > 1:
        raise ValueError("step must not be 0")
    return [_rounded(start + index * step) for index in range(count)]


def _end(value: dict[str, Any], key: str) -> int | float:
    number = value[key]
    if isinstance(number, str):
        try:
            number = float(number)
        except ValueError:
            raise ValueError(f"{key} must be a number, got {number!r}") from None
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        raise ValueError(f"{key} must be a finite number, got {number!r}")
    return number


def _between(low: float, high: float, count: int, spacing: Any) -> list[float]:
    if spacing not in ("linear", "log"):
        raise ValueError(f"spacing must be 'linear' or 'log', got {spacing!r}")
    if count < 2 or low == high:
        raise ValueError("a range between two ends needs two different ends and count >= 2")
    if spacing == "linear":
        return [_rounded(low + (high - low) * index / (count - 1)) for index in range(count)]
    if low <= 0 or high <= 0:
        raise ValueError("spacing 'log' needs ends > 0")
    ratio = high / low
    return [_rounded(low * ratio ** (index / (count - 1))) for index in range(count)]


def _rounded(number: int | float) -> int | float:
    """Twelve digits: 0.1 + 2·0.1 is meant as 0.3, and the last bits of a power differ between machines."""
    return number if isinstance(number, int) else float(f"{number:.12g}")
