"""Words and numbers that the answers share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np


def percent(fraction: float) -> str:
    """A fraction as a percentage, three digits."""
    return f"{100.0 * fraction:.3g} %"


def number_of(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed_values(values: Sequence[object]) -> str:
    """Values with commas between them."""
    return ", ".join(str(value) for value in values)


def spanned(values: Iterable[float], digits: int = 2, joined: str = " to ") -> str:
    """The least and the largest value, rounded to ``digits``; one number where both read the same.

    >>> spanned([12.04, 3.0, 11.9]), spanned([12.04, 11.9]), spanned([0.1, 0.3], joined=" and ")
    ('3 to 12', '12', '0.1 and 0.3')
    """
    listed = list(values)
    ends = [f"{end:.{digits}g}" for end in (min(listed), max(listed))]
    return joined.join(dict.fromkeys(ends))


def powers_of_ten(values: Iterable[int]) -> str:
    """Distinct sizes, ascending, such as "1e+06, 1e+12".

    >>> powers_of_ten([10**12, 10**6, 10**12])
    '1e+06, 1e+12'
    """
    return listed_values([f"{value:.0e}" for value in sorted(set(values))])


def fraction_of(values: Iterable[bool]) -> float:
    """The fraction of true values; of at least one."""
    listed = list(values)
    return sum(listed) / len(listed)


def fitted_slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Least squares of log value on log size; NaN where a value is not positive and finite."""
    if len(set(sizes)) < 2 or not all(0 < value < math.inf for value in values):
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
