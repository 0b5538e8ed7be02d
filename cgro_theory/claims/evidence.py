"""The two sides of a check: what a claim predicts, and what was measured."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from cgro_theory.claims.condition import EvaluatedCondition, unmet
from cgro_theory.claims.interval import Interval
from cgro_theory.claims.raw import Raw
from cgro_theory.claims.reading import Reading
from cgro_theory.errors import InvalidInput


class Evidence(enum.StrEnum):
    """What kind of knowledge a measurement is; only the first three can certify."""

    SYMBOLIC = "symbolic"
    EXACT = "exact"
    INTERVAL = "interval"
    STATISTICAL = "statistical"


ROUNDING = 1e-7
"""How far an estimate may lie outside its interval, which was computed apart, in units of the largest end."""


@dataclass(frozen=True)
class Prediction:
    """The interval that a claim admits for given parameters, rounded outward.

    Attributes:
        interval: None when no number could be computed; then the verdict is inconclusive.
        assumed: the conditions that it relies on, evaluated with the actual numbers; where one does not hold the
            verdict is out of scope.
        leading_order: the closed formula without its error terms, for the reader; NaN where there is none.
        notes: (name, value) pairs to show.
        raw: what the interval follows from, before a tolerance widens it; None where it is what was computed.
    """

    interval: Interval | None
    assumed: tuple[EvaluatedCondition, ...] = ()
    leading_order: float = math.nan
    notes: tuple[tuple[str, float], ...] = ()
    raw: Reading | None = None

    @property
    def unmet(self) -> tuple[EvaluatedCondition, ...]:
        """The conditions that do not hold."""
        return unmet(self.assumed)


@dataclass(frozen=True)
class Measurement:
    """What was measured: an estimate and an interval with its confidence.

    ``confidence`` is the coverage of ``interval`` (1 for symbolic, exact and interval evidence, and for a
    statement about each run that was made); ``runs`` counts the runs; ``failure`` says why there is no
    number, and then ``interval`` is ``None``; ``binding`` counts the compared cases that could have violated
    the prediction (at 0 the check binds nowhere and cannot pass), ``None`` where nobody counted; ``raw`` holds the
    numbers that ``interval`` follows from and the rule, for whoever derives the verdict again.

    Raises :class:`InvalidInput` for an estimate outside its interval by more than rounding, a confidence outside
    [0, 1] and negative counts.
    """

    estimate: float
    interval: Interval | None
    confidence: float
    runs: int
    evidence: Evidence
    seeds: tuple[int, ...] = ()
    failure: str = ""
    notes: tuple[tuple[str, float], ...] = ()
    binding: int | None = None
    raw: Raw | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise InvalidInput("confidence", self.confidence, "in [0, 1]")
        if self.runs < 0:
            raise InvalidInput("runs", self.runs, ">= 0")
        if self.binding is not None and self.binding < 0:
            raise InvalidInput("binding", self.binding, ">= 0")
        if self.interval is not None and not math.isnan(self.estimate):
            low, high = self.interval.low, self.interval.high
            room = ROUNDING * max((abs(end) for end in (low, high) if math.isfinite(end)), default=0.0)
            if not low - room <= self.estimate <= high + room:
                raise InvalidInput("estimate", self.estimate, f"in its interval [{low!r}, {high!r}]")

    @classmethod
    def failed(cls, why: str, evidence: Evidence = Evidence.STATISTICAL) -> Measurement:
        """A measurement without a number; it can only be judged inconclusive."""
        return cls(math.nan, None, 0.0, 0, evidence, failure=why)

    @property
    def is_usable(self) -> bool:
        """Whether there is an interval around a number, from at least one run and with some confidence."""
        if self.failure or self.interval is None or self.runs == 0 or self.confidence == 0.0:
            return False
        return not math.isnan(self.estimate)

    @property
    def is_finite(self) -> bool:
        """Whether the estimate and both ends of the interval are finite numbers."""
        if self.interval is None:
            return False
        return all(map(math.isfinite, (self.estimate, self.interval.low, self.interval.high)))
