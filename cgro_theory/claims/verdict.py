"""The one place that decides. It fails closed: anything unclear is inconclusive, never a pass."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cgro_theory.claims.claim import Claim
from cgro_theory.claims.evidence import Evidence, Measurement, Prediction


class Outcome(enum.StrEnum):
    """What a check says about a claim."""

    CERTIFIED = "certified"
    CONSISTENT = "consistent"
    VACUOUS = "vacuous"
    OUT_OF_SCOPE = "out_of_scope"
    INCONCLUSIVE = "inconclusive"
    REFUTED = "refuted"


SEVERITY: Mapping[Outcome, int] = {outcome: rank for rank, outcome in enumerate(Outcome)}
"""Order used for the worst of several outcomes: certified is best, refuted is worst."""


@dataclass(frozen=True)
class FaultVerdict:
    """How the check judged a deliberately wrong version of its claim; ``caught`` when it said so."""

    name: str
    description: str
    outcome: Outcome

    @property
    def caught(self) -> bool:
        """A planted fault is caught when it comes out refuted or out of scope."""
        return self.outcome in (Outcome.REFUTED, Outcome.OUT_OF_SCOPE)


@dataclass(frozen=True)
class Verdict:
    """A claim with its prediction, its measurement, and what follows."""

    claim: Claim
    prediction: Prediction
    measurement: Measurement
    outcome: Outcome
    reason: str
    failure_probability: float = 0.0
    seconds: float = 0.0
    reproduce: str = ""
    faults: tuple[FaultVerdict, ...] = ()


def judge(claim: Claim, prediction: Prediction, measurement: Measurement) -> tuple[Outcome, str]:
    """Decide by containment, disjointness or overlap of the two intervals (design.md, section 2).

    Returns the outcome and one sentence of reason. In this order: an unmet assumption is ``out_of_scope``;
    a missing number on either side is ``inconclusive``; a prediction that contains the claim's natural range
    is ``vacuous``; a measured interval inside the predicted one is ``certified`` (symbolic, exact or
    interval evidence) or ``consistent`` (statistical); disjoint from it is ``refuted``; else ``inconclusive``.
    """
    if prediction.unmet:
        return Outcome.OUT_OF_SCOPE, "assumption not met: " + "; ".join(prediction.unmet)
    if prediction.interval is None:
        return Outcome.INCONCLUSIVE, "the prediction has no number"
    if not measurement.is_usable or measurement.interval is None:
        return Outcome.INCONCLUSIVE, measurement.failure or "the measurement has no number"
    if prediction.interval.contains(claim.natural_range):
        return Outcome.VACUOUS, "every possible value satisfies the prediction"
    if prediction.interval.contains(measurement.interval):
        if measurement.evidence is Evidence.STATISTICAL:
            return Outcome.CONSISTENT, "the measured interval lies inside the predicted one"
        return Outcome.CERTIFIED, f"inside the predicted interval, by {measurement.evidence} evidence"
    if prediction.interval.is_disjoint_from(measurement.interval):
        return Outcome.REFUTED, "the measured interval is disjoint from the predicted one"
    return Outcome.INCONCLUSIVE, "the measured interval straddles an end of the predicted one"


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
