"""Checks of question 1: training against the current iterate, and an attack on all patches."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.theorems.questions.claims.counting import broken, told
from cgro_theory.theorems.questions.runs.made import AttackRuleRun, QuestionsEvidence
from cgro_theory.theorems.questions.theory.predictions import carries_patch
from cgro_theory.theorems.room import CheckedPair

DEFEATED = 0.9
"""Robust test error that the attack on all patches must exceed; the argument says 1 but for long noise patches."""
ROUNDING_ROOM = 100.0
"""Room for rounding, in units of what another order of summation alone changes."""


def check_current_iterate(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """The largest difference of the trainings in R^d over the draws that start with U > 0."""
    kept = [run for run in evidence.attack_rules if run.initial_signal > 0 or evidence.told_every_start]
    if not kept:
        missing = "no draw starts with U > 0" if evidence.attack_rules else "the networks were not trained"
        return CheckedPair(Prediction(None), Measurement.failed(missing))
    predicted = Prediction(Interval(0.0, allowed_rounding(evidence.attack_rules)))
    worst = max(run.difference for run in kept)
    notes = (
        ("draws that start with U < 0, where the trainings differ", float(len(evidence.attack_rules) - len(kept))),
        ("largest difference between two orders of summation", max(run.rounding for run in kept)),
        *((f"largest difference: {name}", max(getattr(run, name) for run in kept)) for name in _COMPARED),
    )
    measurement = Measurement(
        estimate=worst,
        interval=Interval.point(worst),
        confidence=1.0 - failure_probability,
        runs=len(kept),
        evidence=Kind.STATISTICAL,
        seeds=tuple(run.seed for run in kept),
        notes=notes,
    )
    return CheckedPair(predicted, measurement)


_COMPARED = ("target", "rule", "recursion")


def allowed_rounding(runs: Sequence[AttackRuleRun]) -> float:
    """ROUNDING_ROOM times what another order of summation changes in the training that it changes most.

    Of draws with U > 0 only: where U crosses 0 the attack turns, and rounding may decide when.
    """
    found = max((run.rounding for run in runs if run.initial_signal > 0), default=0.0)
    return ROUNDING_ROOM * found if math.isfinite(found) else 0.0


def check_attack_off_the_signal(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """The least robust test error under the attack on all patches, by all networks' Clopper-Pearson intervals."""
    entries = evidence.attacks
    failed = broken(entries, Prediction(Interval(DEFEATED, 1.0)))
    if failed is not None:
        return failed
    if not all(carries_patch(told(entry.setting, evidence), entry.end) for entry in entries):
        unmet = "the radius pays for a scaled training patch in place of a noise patch"
        return CheckedPair(Prediction(None, unmet=(unmet,)), Measurement.failed("out of reach of the argument"))
    share = failure_probability / len(entries)
    ends = [clopper_pearson(entry.l2_wrong, entry.test_points, share) for entry in entries]
    rates = [entry.l2_wrong / entry.test_points for entry in entries]
    measurement = Measurement(
        estimate=min(rates),
        interval=Interval(min(end.low for end in ends), min(end.high for end in ends)),
        confidence=1.0 - failure_probability,
        runs=len(entries),
        evidence=Kind.STATISTICAL,
        seeds=tuple(entry.seed for entry in entries),
        notes=(("largest error within the signal's span", max(e.span_wrong / e.test_points for e in entries)),),
    )
    return CheckedPair(Prediction(Interval(DEFEATED, 1.0), leading_order=1.0), measurement)
