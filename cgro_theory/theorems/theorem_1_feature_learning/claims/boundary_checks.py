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
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.noise_margin_law import directional_errors
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.claims.slopes import Compared, nearest_boundary, nearest_slope
from cgro_theory.theorems.theorem_1_feature_learning.runs.full_weights import FullNetwork
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import (
    DIRECTIONS,
    MEMORIZATION,
    OVERFITTING,
    Cell,
    LocatedBoundary,
)
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import TrainedEvidence

Array = NDArray[np.float64]
Predict = Callable[[LocatedBoundary], Prediction]


def check_overfitting_boundary(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each bracketed κ_1 against the enclosure from its own draw."""
    return _compare(evidence.phases.overfitting, OVERFITTING, failure_probability)


def check_overfitting_boundary_exponent(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each seed's slope of log κ_1 in log d; the notes say how well κ_1 √d collapses."""
    located = evidence.phases.overfitting
    pair = _compare_slopes(located, OVERFITTING, _dimension, failure_probability)
    if pair.measurement.failure or not all(entry.is_bracketed for entry in located):
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
    """Counted robust test errors against the exact law, network by network; disjoint intervals disagree.

    Across the phases the counts and the law share one reconstructed Gram matrix; the networks with full weights
    have neither.
    """
    predicted = Prediction(Interval.point(0.0))
    counts = [_law_of_cell(cell, evidence) for cell in evidence.phases.cells]
    across = len(counts)
    counts += [count for network in evidence.full for count in _laws_in_full(network, evidence)]
    if not across or not evidence.full:
        return CheckedPair(predicted, Measurement.failed("the networks of this claim were not trained"))
    share = failure_probability / (2 * len(counts))
    disagreeing, largest, between = 0, 0.0, 0
    for errors, wrong, points in counts:
        law, counted = empirical_bernstein(errors, share), clopper_pearson(wrong, points, share)
        disagreeing += counted.high < law.low or law.high < counted.low
        expected = float(errors.mean())
        spread = math.sqrt(max(expected * (1 - expected), 1e-12) / points)
        largest = max(largest, abs(wrong / points - expected) / spread)
        between += 0.05 < expected < 0.45
    broken = next((cell.failure for cell in evidence.phases.cells if cell.failure), "")
    if broken and not disagreeing:
        return CheckedPair(predicted, Measurement.failed(broken))
    seeds = {cell.seed for cell in evidence.phases.cells} | {network.seed for network in evidence.full}
    measurement = Measurement(
        estimate=float(disagreeing),
        interval=Interval.point(float(disagreeing)),
        confidence=1.0 - failure_probability,
        runs=len(counts),
        evidence=Kind.STATISTICAL,
        seeds=tuple(sorted(seeds)),
        notes=(
            ("counts on weights held in full", float(len(counts) - across)),
            ("networks with a robust error between 0.05 and 0.45", float(between)),
            ("largest deviation in standard errors", largest),
        ),
    )
    return CheckedPair(predicted, measurement)


def _law_of_cell(cell: Cell, evidence: TrainedEvidence) -> tuple[Array, int, int]:
    """The law's errors by sampled directions, the misclassified points, and the points."""
    fraction = cell.setting.attacked_signal_fraction * evidence.phases.told_fraction_factor
    return cell.robust_errors(fraction), cell.robust_wrong, cell.test_points


def _laws_in_full(network: FullNetwork, evidence: TrainedEvidence) -> list[tuple[Array, int, int]]:
    law, counts = network.law(network.setting.noise_std), []
    for fraction, wrong in zip(network.fractions, network.robust_wrong, strict=True):
        kept = float(fraction) * evidence.phases.told_fraction_factor
        kept = kept if network.signal_margin >= 0 else 2.0 - kept  # the worst shift goes the other way
        margin = network.signal_margin * kept**network.setting.degree
        seed = derived_seed(network.seed, "law in full", float(fraction))
        generator = np.random.default_rng(seed)
        errors = directional_errors(law, margin, directions=DIRECTIONS, generator=generator)
        counts.append((errors, int(wrong), network.test_points))
    return counts


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
    """Every bracket against its own enclosure."""
    return nearest_boundary(_entries(located, predict, lambda entry: 1.0), failure_probability)


def _compare_slopes(
    located: Sequence[LocatedBoundary],
    predict: Predict,
    size: Callable[[LocatedBoundary], float],
    failure_probability: float,
) -> CheckedPair:
    return nearest_slope(_entries(located, predict, size), failure_probability)


def _entries(
    located: Sequence[LocatedBoundary], predict: Predict, size: Callable[[LocatedBoundary], float]
) -> list[Compared]:
    return [Compared(predict(e), Interval(e.low, e.high), size(e), e.seed, e.failure) for e in located]
