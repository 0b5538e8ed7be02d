"""Raw numbers: what an interval follows from, and by which rule, so that another program can make it anew.

``verification/recheck.py`` does so. Lengths are in the units of the quantity; ``failure_probability`` is the share
that one interval may miss its target with.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cgro_theory.claims.interval import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MOST_VALUES = 200
"""A mean of more values is recorded by their number, their mean and their variance."""


class MeanRule(enum.StrEnum):
    """The interval of a mean: Student's, or the empirical Bernstein one of Maurer and Pontil, in [0, 1]."""

    STUDENT = "student"
    BERNSTEIN = "bernstein"


@dataclass(frozen=True)
class Counts:
    """Clopper and Pearson's interval of ``successes`` of ``trials``.

    ``at_most``: where some trials are undecided, the successes there can be; the upper end is of that count.
    """

    successes: int
    trials: int
    failure_probability: float
    at_most: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``successes``, ``trials``, ``failure_probability`` and, where given, ``at_most``."""
        found = {"successes": int(self.successes), "trials": int(self.trials)}
        more = {} if self.at_most is None else {"at_most": int(self.at_most)}
        return {**found, **more, "failure_probability": self.failure_probability}


@dataclass(frozen=True)
class Mean:
    """The interval of a mean by ``rule``, cut to ``within``. ``variance``: of the sample, by n - 1.

    ``values`` is empty where there are more than :data:`MOST_VALUES`.
    """

    rule: MeanRule
    failure_probability: float
    size: int
    mean: float
    variance: float
    values: tuple[float, ...] = ()
    within: Interval | None = None

    @classmethod
    def of(
        cls, values: ArrayLike, rule: MeanRule, failure_probability: float, within: Interval | None = None
    ) -> Mean:
        """From the values, shape (n,), n >= 2."""
        import numpy as np  # here, because the calculator's theory reads claims and needs no arrays

        sample = np.asarray(values, dtype=float).ravel()
        told = tuple(sample.tolist()) if sample.size <= MOST_VALUES else ()
        moments = (sample.size, float(sample.mean()), float(sample.var(ddof=1)))
        return cls(rule, failure_probability, *moments, told, within)

    def to_json(self) -> dict[str, Any]:
        """With ``values``, or else ``size``, ``mean`` and ``variance``."""
        moments = {"size": self.size, "mean": self.mean, "variance": self.variance}
        told = {"values": list(self.values)} if self.values else moments
        cut = {} if self.within is None else {"within": ends(self.within)}
        return {"mean_by": self.rule.value, **told, **cut, "failure_probability": self.failure_probability}


@dataclass(frozen=True)
class Median:
    """The interval of a median between two order statistics of ``values``, by the sign test."""

    values: tuple[float, ...]
    failure_probability: float

    def to_json(self) -> dict[str, Any]:
        """As ``median_of`` and ``failure_probability``."""
        values = [number(float(value)) for value in self.values]
        return {"median_of": values, "failure_probability": self.failure_probability}


@dataclass(frozen=True)
class LogSlope:
    """The least-squares slopes of log y in log x that ``values``, an interval of y for each x, allow.

    A size that was never reached, an infinite lower end of y, leaves no slope.
    """

    sizes: tuple[float, ...]
    values: tuple[Interval, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``slope_of``: x and y, a number or both ends."""
        pairs = zip(self.sizes, self.values, strict=True)
        return {"slope_of": [[float(size), ends(value)] for size, value in pairs]}


@dataclass(frozen=True)
class FittedPower:
    """``scale`` times the least-squares slope of log mean in log size, by the delta method.

    Half-width: Student's quantile with ``degrees`` times sqrt(Σ (w_i s_i / m_i)²), s_i the standard ``errors``.
    """

    sizes: tuple[float, ...]
    means: tuple[float, ...]
    errors: tuple[float, ...]
    degrees: int
    scale: float
    failure_probability: float

    def to_json(self) -> dict[str, Any]:
        """As ``power_of``: size, mean and standard error, one after another."""
        rows = [list(map(float, row)) for row in zip(self.sizes, self.means, self.errors, strict=True)]
        rest = {"degrees": self.degrees, "scale": self.scale, "failure_probability": self.failure_probability}
        return {"power_of": rows, **rest}


@dataclass(frozen=True)
class Quotient:
    """Of two intervals of numbers >= 0: the least over the greatest, to the greatest over the least."""

    above: Reading
    below: Reading

    def to_json(self) -> dict[str, Any]:
        """As ``quotient``, a pair."""
        return {"quotient": [self.above.to_json(), self.below.to_json()]}


@dataclass(frozen=True)
class Difference:
    """Of two intervals: from low minus high to high minus low."""

    of: Reading
    less: Reading

    def to_json(self) -> dict[str, Any]:
        """As ``difference``, a pair."""
        return {"difference": [self.of.to_json(), self.less.to_json()]}


Source = Counts | Mean | Median | LogSlope | FittedPower | Quotient | Difference


@dataclass(frozen=True)
class Reading:
    """An interval and what it follows from; without a source it is itself what was computed or read off."""

    interval: Interval
    source: Source | None = None

    @classmethod
    def of(cls, pair: Sequence[float], source: Source | None = None) -> Reading:
        """From the two ends."""
        return cls(Interval(*pair), source)

    @classmethod
    def points(cls, values: Iterable[float]) -> tuple[Reading, ...]:
        """One for each number that was read off."""
        return tuple(cls(Interval.point(float(value))) for value in values)

    @classmethod
    def all(cls, intervals: Iterable[Interval]) -> tuple[Reading, ...]:
        """One for each interval that was computed."""
        return tuple(map(cls, intervals))

    def to_json(self) -> Any:
        """A number, both ends, or what the interval follows from."""
        return ends(self.interval) if self.source is None else self.source.to_json()


def ends(interval: Interval | None) -> Any:
    """A number, a pair ``[low, high]``, or ``None``; infinities as strings."""
    if interval is None:
        return None
    low, high = number(interval.low), number(interval.high)
    return low if interval.low == interval.high else [low, high]


def number(value: Any) -> Any:
    """A value as JSON has it: NaN becomes ``None``, an infinity ``"inf"`` or ``"-inf"``."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value
