"""Checks of theorem 1 on the boundaries between its phases, and on the limits in d that follow from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import clopper_pearson, empirical_bernstein
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.boundary_prediction import (
    BoundaryPrediction,
)
from cgro_theory.theorems.theorem_1_feature_learning.evidence import TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.phases import MEMORIZATION, OVERFITTING, LocatedBoundary
from cgro_theory.theorems.theorem_1_feature_learning.slopes import Compared, nearest_boundary, nearest_slope

Array = NDArray[np.float64]
Predict = Callable[[LocatedBoundary], BoundaryPrediction]


def check_overfitting_boundary(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each bracketed κ_1 against the enclosure from its own draw."""
    return _compare(evidence.phases.overfitting, OVERFITTING, failure_probability)


def check_overfitting_boundary_exponent(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each seed's slope of log κ_1 in log d; the notes say how well κ_1 √d collapses."""
    located = evidence.phases.overfitting
    pair = _compare_slopes(located, OVERFITTING, _dimension, failure_probability)
    if pair.measurement.failure:
        return pair
    scaled = _spread([entry.low * math.sqrt(entry.assumed.patch_dimension) for entry in located], located)
    plain = _spread([entry.low for entry in located], located)
    notes = (
        *pair.measurement.notes,
        ("largest over smallest κ_1 √d over the ladder", scaled),
        ("largest over smallest κ_1 over the ladder", plain),
    )
    return replace(pair, measurement=replace(pair.measurement, notes=notes))


def check_phase_boundary(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each bracketed κ* against the enclosure from its own draw."""
    return _compare(evidence.phases.memorization, MEMORIZATION, failure_probability)


def check_phase_boundary_dimension_exponent(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each seed's slope of log κ* in log d at the default N."""
    return _compare_slopes(evidence.phases.dimension_ladder, MEMORIZATION, _dimension, failure_probability)


def check_phase_boundary_sample_exponent(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each seed's slope of log κ* in log N at one d."""
    return _compare_slopes(
        evidence.phases.sample_ladder,
        MEMORIZATION,
        lambda entry: float(entry.assumed.num_samples),
        failure_probability,
    )


def check_robust_error_law(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Counted robust test errors against the exact law, network by network; disjoint intervals disagree."""
    cells = evidence.phases.cells
    predicted = Prediction(Interval.point(0.0))
    if not cells:
        return CheckedPair(predicted, Measurement.failed("the networks of this claim were not trained"))
    broken = next((cell.failure for cell in cells if cell.failure), "")
    if broken:
        return CheckedPair(predicted, Measurement.failed(broken))
    share = failure_probability / (2 * len(cells))
    disagreeing, largest, between = 0, 0.0, 0
    for cell in cells:
        fraction = cell.setting.attacked_signal_fraction * evidence.phases.told_fraction_factor
        errors = cell.robust_errors(fraction)
        law = empirical_bernstein(errors, share)
        counted = clopper_pearson(cell.robust_wrong, cell.test_points, share)
        disagreeing += counted.high < law.low or law.high < counted.low
        expected = float(errors.mean())
        spread = math.sqrt(max(expected * (1 - expected), 1e-12) / cell.test_points)
        largest = max(largest, abs(cell.robust_wrong / cell.test_points - expected) / spread)
        between += 0.05 < expected < 0.45
    measurement = Measurement(
        estimate=float(disagreeing),
        interval=Interval.point(float(disagreeing)),
        confidence=1.0 - failure_probability,
        runs=len(cells),
        evidence=Kind.STATISTICAL,
        seeds=tuple(sorted({cell.seed for cell in cells})),
        notes=(
            ("networks with a robust error between 0.05 and 0.45", float(between)),
            ("largest deviation in standard errors", largest),
        ),
    )
    return CheckedPair(predicted, measurement)


def _dimension(entry: LocatedBoundary) -> float:
    return float(entry.assumed.patch_dimension)


def _spread(values: Sequence[float], located: Sequence[LocatedBoundary]) -> float:
    """Largest over smallest geometric mean over the seeds, from one dimension to another."""
    by_dimension: dict[int, list[float]] = {}
    for value, entry in zip(values, located, strict=True):
        by_dimension.setdefault(entry.assumed.patch_dimension, []).append(math.log(value))
    means = [sum(logs) / len(logs) for logs in by_dimension.values()]
    return math.exp(max(means) - min(means))


def _compare(located: Sequence[LocatedBoundary], predict: Predict, failure_probability: float) -> CheckedPair:
    """The boundary that is nearest to leaving (or farthest outside) its own enclosure."""
    broken = _broken(located)
    if broken is not None:
        return broken
    entries = [Compared(predict(e), Interval(e.low, e.high), 1.0, e.seed) for e in located]
    return nearest_boundary(entries, failure_probability)


def _compare_slopes(
    located: Sequence[LocatedBoundary],
    predict: Predict,
    size: Callable[[LocatedBoundary], float],
    failure_probability: float,
) -> CheckedPair:
    broken = _broken(located)
    if broken is not None:
        return broken
    entries = [Compared(predict(e), Interval(e.low, e.high), size(e), e.seed) for e in located]
    return nearest_slope(entries, failure_probability)


def _broken(located: Sequence[LocatedBoundary]) -> CheckedPair | None:
    failure = "the networks of this claim were not trained" if not located else ""
    failure = failure or next((entry.failure for entry in located if entry.failure), "")
    return CheckedPair(Prediction(None), Measurement.failed(failure)) if failure else None
