"""Closed intervals of the extended real line."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cgro_theory.errors import InvalidInput


@dataclass(frozen=True)
class Interval:
    """The closed interval [low, high]; ends may be infinite, never NaN.

    Raises :class:`InvalidInput` when an end is NaN or low > high.

    >>> Interval(0.0, 1.0).contains(Interval(0.2, 1.0))
    True
    >>> Interval(0.0, 1.0).is_disjoint_from(Interval(1.0, 2.0))
    False
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if math.isnan(self.low) or math.isnan(self.high) or self.low > self.high:
            raise InvalidInput("interval", (self.low, self.high), "low <= high, without NaN")

    @classmethod
    def point(cls, value: float) -> Interval:
        """The interval [value, value]."""
        return cls(value, value)

    @classmethod
    def at_most(cls, value: float) -> Interval:
        """The interval [-inf, value]."""
        return cls(-math.inf, value)

    @classmethod
    def at_least(cls, value: float) -> Interval:
        """The interval [value, inf]."""
        return cls(value, math.inf)

    @property
    def width(self) -> float:
        """The length high - low (inf when an end is infinite)."""
        return 0.0 if self.low == self.high else self.high - self.low

    def contains(self, other: Interval) -> bool:
        """Whether every point of ``other`` lies in this interval."""
        return self.low <= other.low and other.high <= self.high

    def is_disjoint_from(self, other: Interval) -> bool:
        """Whether the two intervals share no point."""
        return self.high < other.low or other.high < self.low

    def outward(self) -> Interval:
        """The interval with each finite end moved one float away from the inside."""
        return Interval(math.nextafter(self.low, -math.inf), math.nextafter(self.high, math.inf))

    def widened(self, tolerance: float) -> Interval:
        """The interval [low - tolerance, high + tolerance]."""
        return Interval(self.low - tolerance, self.high + tolerance)
