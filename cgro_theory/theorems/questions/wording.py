"""Words and numbers that the answers share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np


def percent(share: float) -> str:
    """A share as a percentage, three digits."""
    return f"{100.0 * share:.3g} %"


def number_of(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed_values(values: Sequence[object]) -> str:
    """Values with commas between them."""
    return ", ".join(str(value) for value in values)


def share_of(values: Iterable[bool]) -> float:
    """The share of true values; of at least one."""
    listed = list(values)
    return sum(listed) / len(listed)


def fitted_slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Least squares of log value on log size; NaN where a value is not positive and finite."""
    if len(set(sizes)) < 2 or not all(0 < value < math.inf for value in values):
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
