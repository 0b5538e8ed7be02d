"""One step of the noise bracket: the box it is assumed to stay in, and how far its two curves get."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ROUNDING = 1e-12
"""Relative slack of every bound of a right-hand side, and of every step."""


@dataclass(frozen=True)
class Slopes:
    """own·|s|^(q-1) + around bounds a right-hand side, from below and from above. shapes: (runs, n, m)

    ``activity`` is the sum of the sizes of all that is in ``around``;
    """

    own_low: Array
    around_low: Array
    own_high: Array
    around_high: Array
    activity: Array

    def pick(self, kept: NDArray[np.bool_]) -> Slopes:
        """Those of some runs, or of some projections."""
        return Slopes(*(getattr(self, part.name)[kept] for part in fields(self)))


@dataclass(frozen=True)
class Box:
    """Where a step is assumed to stay. shapes: (runs, n, m)

    Attributes:
        low, high: of every projection; ``low`` is the bottom of the lower curve's own range, too.
        own_low_top: top of the lower curve's own range.
        own_high_bottom, own_high_top: the upper curve's own range.
        delay: how far a projection may have been away one step of descent earlier.
        pinned: the projections that serve as clocks: they end at the top of their range, whenever that is.
    """

    low: Array
    high: Array
    own_low_top: Array
    own_high_bottom: Array
    own_high_top: Array
    delay: Array
    pinned: NDArray[np.bool_]


def grown(
    value: Array,
    within: tuple[Array, Array],
    delay: Array,
    own: Array,
    around: Array,
    steps: tuple[Array, Array],
    power: int,
) -> Array:
    """A lower bound, after a time between ``steps``, of s with s' >= own |y|^(power+1) + around, y within
    ``delay`` of s, s in ``within``.

    Where the range excludes 0 the power is taken out: |s|^(-power) (log |s| for power 0) has a bounded slope. The
    mirror image s -> -s turns it into an upper bound.
    """
    bottom, top = within
    signed = (bottom > 0) | (top < 0)
    nearest = np.where(signed, np.minimum(np.abs(bottom), np.abs(top)), 0.0)
    farthest = np.maximum(np.abs(bottom), np.abs(top))
    # A pull that helps is taken where it is weakest, one that hinders where it is strongest.
    extreme = np.where(own > 0, np.maximum(nearest - delay, 0.0), farthest + delay) ** (power + 1)
    slope = own * extreme + around
    straight = value + np.where(slope > 0, steps[0], steps[1]) * slope
    smallest = np.where(signed, nearest, 1.0)
    late = np.where(own > 0, np.maximum(1.0 - delay / smallest, 0.0), 1.0 + delay / smallest) ** (power + 1)
    rate = own * late + around / np.where(around > 0, farthest, smallest) ** (power + 1)
    moved = np.sign(value) * rate * np.where(rate > 0, steps[0], steps[1])
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if power == 0:
            curved = value * np.exp(moved)
        else:
            left = 1.0 - power * moved * np.abs(value) ** power
            blown = np.where(value > 0, np.inf, -np.inf)
            curved = np.where(left > 0, value * np.where(left > 0, left, 1.0) ** (-1.0 / power), blown)
    end = np.where(signed, np.maximum(curved, straight), straight)
    return np.asarray(end - ROUNDING * np.abs(end))


def crossing_times(
    start: tuple[Array, Array], end: Array, near: Array, slopes: Slopes, power: int
) -> tuple[Array, Array]:
    """Shortest and longest time from ``start``, given by its two ends, all > 0, to ``end``. shapes: (k,)

    ``near`` bounds the relative change within one step of descent. The longest time is inf where a slope may be 0.
    """
    low, high = start
    below, above = slopes.around_low, slopes.around_high
    slowest = slopes.own_low * np.maximum(1.0 - near, 0.0) ** (power + 1)
    slowest += below / np.where(below > 0, end, low) ** (power + 1)
    fastest = slopes.own_high * (1.0 + near) ** (power + 1)
    fastest += above / np.where(above > 0, low, end) ** (power + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        far, close = (
            np.log(end / first) if power == 0 else (first**-power - end**-power) / power for first in (low, high)
        )
        shortest = np.where(fastest > 0, close / fastest, 0.0) * (1.0 - ROUNDING)
        return shortest, np.where(slowest > 0, far / slowest, np.inf) * (1.0 + ROUNDING)
