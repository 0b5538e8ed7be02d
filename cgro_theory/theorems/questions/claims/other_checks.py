"""Checks of the questions on built memorizers and on images."""

from __future__ import annotations

import math
from fractions import Fraction

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.theorems.questions.claims.counting import NONE, count
from cgro_theory.theorems.questions.runs.made import CubeCount, ImageStages, QuestionsEvidence
from cgro_theory.theorems.questions.theory.predictions import protected_volume
from cgro_theory.theorems.room import CheckedPair

NEAR = 0.9
"""Share of its last value at which an accuracy counts as near it."""
BELOW_ONE = math.nextafter(1.0, 0.0)


def check_memorizer_corners(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """The largest difference of built networks, or of their expectation, from (1 - 1/K)^N; rational numbers."""
    entries = evidence.corners
    if not entries:
        return CheckedPair(NONE, Measurement.failed("the memorizers of this claim were not built"))
    worst = Fraction(0)
    for entry in entries:
        corners = 2 ** (entry.input_dimension + evidence.told_corner_dimension - 1)
        formula = Fraction(corners - 1, corners) ** (entry.num_samples + evidence.told_corner_samples)
        worst = max(worst, abs(entry.expectation - formula), entry.mismatch)
    value = float(worst) if worst == 0 else max(float(worst), 5e-324)
    measurement = Measurement(
        estimate=value,
        interval=Interval.point(value),
        confidence=1.0,
        runs=sum(entry.networks for entry in entries),
        evidence=Kind.EXACT,
    )
    return CheckedPair(NONE, measurement)


def cube_bound(entry: CubeCount, radius_factor: float = 1.0) -> float:
    """The lower bound 1 - N p_hit of the robust test error, at least 0."""
    radius = entry.error.perturbation_radius * radius_factor
    return max(
        0.0, 1.0 - entry.error.num_samples * protected_volume(entry.dimension, radius, entry.error.norm_order)
    )


def check_memorizer_cube(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """Configurations whose Clopper-Pearson interval of the error found by attack lies below the bound."""
    entries = evidence.cube
    if not entries:
        return CheckedPair(NONE, Measurement.failed("the memorizers of this claim were not built"))
    share = failure_probability / len(entries)
    bounds = [cube_bound(entry, evidence.told_radius) for entry in entries]
    highs = [clopper_pearson(entry.error.broken, entry.error.trials, share).high for entry in entries]
    disagreeing = sum(high < bound for high, bound in zip(highs, bounds, strict=True))
    telling = sum(bound > 0 for bound in bounds)
    notes = (("configurations with a bound above 0", float(telling)),)
    return count(disagreeing, telling, [entry.seed for entry in entries], failure_probability, notes)


def epoch_near(accuracies: tuple[float, ...], epochs: tuple[int, ...]) -> float:
    """The first recorded epoch at NEAR of the last accuracy; inf where that is 0."""
    last = accuracies[-1]
    return next(
        (float(e) for e, accuracy in zip(epochs, accuracies, strict=True) if accuracy >= NEAR * last > 0), math.inf
    )


def stage_ratio(run: ImageStages) -> float:
    """Epoch at which clean test accuracy is near its last value, over that of robust train accuracy.

    A run that never classifies anything, clean or attacked, has no such order: inf, the worst value.
    """
    clean = epoch_near(run.clean_test, run.epochs)
    robust = epoch_near(run.robust_train, run.epochs)
    return clean / robust if math.isfinite(clean) and math.isfinite(robust) else math.inf


def check_image_stages(evidence: QuestionsEvidence, failure_probability: float) -> CheckedPair:
    """The largest ratio over the runs; one that never classifies anything is outside."""
    predicted = Prediction(Interval(0.0, BELOW_ONE))
    ratios = [stage_ratio(run) for run in evidence.images]
    if evidence.told_reversed:
        ratios = [1.0 / ratio if ratio > 0 else math.inf for ratio in ratios]
    if not ratios:
        return CheckedPair(predicted, Measurement.failed("no image classifier was trained"))
    measurement = Measurement(
        estimate=max(ratios),
        interval=Interval.point(max(ratios)),
        confidence=1.0 - failure_probability,
        runs=len(ratios),
        evidence=Kind.STATISTICAL,
        seeds=tuple(run.seed for run in evidence.images),
    )
    return CheckedPair(predicted, measurement)
