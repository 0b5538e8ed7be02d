"""The one place that decides. It fails closed: anything unclear is inconclusive, never a pass."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cgro_theory.claims.claim import Claim, Relation
from cgro_theory.claims.evidence import Evidence, Measurement, Prediction
from cgro_theory.claims.interval import Interval
from cgro_theory.claims.raw import WorstCase


class Outcome(enum.StrEnum):
    """What a check says about a claim."""

    CERTIFIED = "certified"
    CONSISTENT = "consistent"
    VACUOUS = "vacuous"
    OUT_OF_SCOPE = "out_of_scope"
    INCONCLUSIVE = "inconclusive"
    REFUTED = "refuted"

    @property
    def passed(self) -> bool:
        """Whether a claim that came out so passes; vacuous and out of scope do not."""
        return self in (Outcome.CERTIFIED, Outcome.CONSISTENT)

    @property
    def in_words(self) -> str:
        """The outcome as a reader is told it, such as ``out of scope``."""
        return self.value.replace("_", " ")


SEVERITY: Mapping[Outcome, int] = {outcome: rank for rank, outcome in enumerate(Outcome)}
"""Order used for the worst of several outcomes: certified is best, refuted is worst."""


@dataclass(frozen=True)
class ControlVerdict:
    """How the check judged a deliberately wrong version of its claim; ``caught`` when it said so.

    ``prediction`` and ``measurement`` are the two sides that were judged, where there were any.
    """

    name: str
    description: str
    outcome: Outcome
    prediction: Prediction | None = None
    measurement: Measurement | None = None

    @property
    def caught(self) -> bool:
        """A negative control is caught when it comes out refuted, and by nothing less."""
        return self.outcome is Outcome.REFUTED


@dataclass(frozen=True)
class Look:
    """One look at the data: its number from 1, what it may fail with, and what came out.

    ``runs`` were looked at; ``uncaught`` negative controls were not refuted.
    """

    number: int
    failure_probability: float
    outcome: Outcome
    runs: int
    uncaught: int


@dataclass(frozen=True)
class Verdict:
    """A claim with its prediction, its measurement, and what follows.

    ``failure_probability`` is what all ``looks`` together may fail with; the last of them decided the claim or its
    negative controls, or ended their budget.
    """

    claim: Claim
    prediction: Prediction
    measurement: Measurement
    outcome: Outcome
    reason: str
    failure_probability: float = 0.0
    seconds: float = 0.0
    reproduce: str = ""
    controls: tuple[ControlVerdict, ...] = ()
    looks: tuple[Look, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether more data may decide something: the claim is undecided, or a negative control is."""
        undecided = Outcome.INCONCLUSIVE
        return self.outcome is undecided or any(control.outcome is undecided for control in self.controls)

    @property
    def passed(self) -> bool:
        """Whether the claim is certified or consistent; vacuous and out of scope are not."""
        return self.outcome.passed


def judge(claim: Claim, prediction: Prediction, measurement: Measurement) -> tuple[Outcome, str]:
    """Decide by containment, disjointness or overlap of the two intervals (design.md, section 2).

    Returns the outcome and one sentence of reason. In this order: an unmet assumption is ``out_of_scope``;
    a missing number on either side is ``inconclusive``; a prediction that contains the claim's natural range
    is ``vacuous``; a measured interval inside the predicted one is ``certified`` (symbolic, exact or
    interval evidence) or ``consistent`` (statistical); disjoint from it is ``refuted``; else ``inconclusive``.
    A statistical claim is certified only where its samples are doubts, which confirm nothing.

    What is contained passes only if it is a finite number: an infinite measured value counts as outside, so an
    infinite estimate is ``refuted`` even where the predicted end is infinite too, and an infinite measured end
    is ``inconclusive``. An infinite predicted end belongs to ``at_least`` and ``at_most``; under the other
    relations it leaves the claim ``inconclusive``. A check of which no case could have failed is ``vacuous``.
    """
    if prediction.unmet:
        return Outcome.OUT_OF_SCOPE, "assumption not met: " + "; ".join(map(str, prediction.unmet))
    if prediction.interval is None:
        return Outcome.INCONCLUSIVE, measurement.failure or "the prediction has no number"
    if not measurement.is_usable or measurement.interval is None:
        return Outcome.INCONCLUSIVE, measurement.failure or "the measurement has no number"
    if prediction.interval.contains(claim.natural_range):
        return Outcome.VACUOUS, "every possible value satisfies the prediction"
    if prediction.interval.contains(measurement.interval):
        return _judge_contained(claim, prediction.interval, measurement)
    if prediction.interval.is_disjoint_from(measurement.interval):
        return Outcome.REFUTED, "the measured interval is disjoint from the predicted one"
    return Outcome.INCONCLUSIVE, "the measured interval straddles an end of the predicted one"


def _judge_contained(claim: Claim, predicted: Interval, measurement: Measurement) -> tuple[Outcome, str]:
    """Whether a measured interval inside the predicted one is enough to pass."""
    if math.isinf(measurement.estimate):
        return Outcome.REFUTED, "the measured value is infinite, which counts as outside"
    if not measurement.is_finite:
        return Outcome.INCONCLUSIVE, "an end of the measured interval is infinite, which counts as outside"
    one_sided = math.isinf(predicted.low) or math.isinf(predicted.high)
    if one_sided and claim.relation in (Relation.WITHIN, Relation.EQUALS):
        return Outcome.INCONCLUSIVE, "an end of the predicted interval is infinite, where the claim gives both"
    if measurement.binding == 0:
        return Outcome.VACUOUS, "no compared case could have violated the prediction"
    doubts_only = isinstance(measurement.raw, WorstCase) and measurement.raw.doubts
    sampled = measurement.evidence is Evidence.STATISTICAL or measurement.confidence < 1.0
    if sampled or (claim.statistical and not doubts_only):
        return Outcome.CONSISTENT, "the measured interval lies inside the predicted one"
    return Outcome.CERTIFIED, f"inside the predicted interval, by {measurement.evidence} evidence"


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The most severe of the outcomes; of none at all, ``inconclusive``."""
    return max(outcomes, key=SEVERITY.__getitem__, default=Outcome.INCONCLUSIVE)


def inherited_outcomes(
    outcomes: Mapping[str, Outcome], depends_on: Mapping[str, tuple[str, ...]]
) -> dict[str, Outcome]:
    """The worst outcome among each label and everything that it depends on, directly or not.

    A dependency that was not judged counts as ``inconclusive``. Raises ``ValueError`` on a cycle.

    >>> inherited_outcomes({"a.x": Outcome.CERTIFIED, "a.y": Outcome.REFUTED}, {"a.x": ("a.y",), "a.y": ()})
    {'a.x': <Outcome.REFUTED: 'refuted'>, 'a.y': <Outcome.REFUTED: 'refuted'>}
    """
    done: dict[str, Outcome] = {}

    def visit(label: str, path: tuple[str, ...]) -> Outcome:
        if label in path:
            raise ValueError(f"claims depend on each other in a circle: {' -> '.join((*path, label))}")
        if label not in done:
            own = outcomes.get(label, Outcome.INCONCLUSIVE)
            above = [visit(parent, (*path, label)) for parent in depends_on.get(label, ())]
            done[label] = worst([own, *above])
        return done[label]

    return {label: visit(label, ()) for label in outcomes}
