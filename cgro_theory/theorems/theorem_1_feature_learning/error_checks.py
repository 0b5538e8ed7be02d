"""Checks of theorem 1 that count misclassified points of trained networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import clopper_pearson, empirical_bernstein
from cgro_theory.setting.noise_margin_law import directional_errors
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.evidence import Groups, TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.per_run import extreme_run


def check_clean_train_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Misclassified clean training points, counted by evaluating the network."""
    return extreme_run(
        evidence.main,
        Interval.point(0.0),
        lambda group: group.errors.clean_train / group.errors.train_points,
        largest=True,
        failure_probability=failure_probability,
    )


def check_robust_train_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Misclassified attacked training points, counted by evaluating the network under a scan of shifts."""
    return extreme_run(
        evidence.main,
        Interval.point(0.0),
        lambda group: group.errors.robust_train / group.errors.train_points,
        largest=True,
        failure_probability=failure_probability,
    )


def check_clean_test_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Fresh points misclassified, against Chebyshev's bound with the exact variance."""
    return _against_chebyshev(
        evidence.main,
        [group.errors.clean_test for group in evidence.main],
        [group.assumed.clean_gain * group.trajectories.final_signal for group in evidence.main],
        [group.trajectories.final_signal_margin for group in evidence.main],
        failure_probability,
    )


def check_robust_test_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Fresh attacked points misclassified, against the exact law of V."""
    groups, half, errors = evidence.main, failure_probability / 2, []
    for group in groups:
        generator = np.random.default_rng([group.trajectories.seeds[0], 3])
        margins = group.assumed.attacked_gain * group.trajectories.final_signal
        errors += [
            directional_errors(law, float(margin), directions=2048, generator=generator)
            for law, margin in zip(group.trajectories.final_noise_margin_laws(), margins, strict=True)
        ]
    law_ends = empirical_bernstein(np.concatenate(errors), half)
    prediction = Prediction(Interval(law_ends.low, law_ends.high), leading_order=float(np.mean(errors)))
    counts = [group.errors.robust_test for group in groups]
    trials = [group.errors.test_points * group.trajectories.runs for group in groups]
    return CheckedPair(prediction, _counted(groups, counts, trials, half, failure_probability))


def check_standard_training(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Robust train error with λ = 0 over all points of the largest group; their signs are fair coins.

    Groups of other d share the seeds, hence the coins, and are left out.
    """
    group = max(evidence.standard, key=lambda entry: entry.trajectories.runs)
    trials = group.trajectories.runs * group.errors.train_points
    measurement = _counted(
        (group,), [group.errors.robust_train], [trials], failure_probability, failure_probability
    )
    return CheckedPair(Prediction(Interval.point(0.5), leading_order=0.5), measurement)


def check_clean_weight_needed(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Fresh points of the λ = 1 runs whose label is not the one that the sign of U(0) dictates."""
    groups = evidence.adversarial_only
    against, told, negatives = [], [], 0
    for group in groups:
        negative = group.trajectories.signal[:, 0] < 0
        negatives += int(negative.sum())
        points = group.errors.test_points
        against.append(np.where(negative, points - group.errors.clean_test, group.errors.clean_test))
        told.append(np.where(negative, -1.0, 1.0) * group.trajectories.final_signal_margin)
    pair = _against_chebyshev(groups, against, [np.abs(z) for z in told], told, failure_probability)
    notes = (*pair.measurement.notes, ("runs with U(0) < 0", float(negatives)))
    return replace(pair, measurement=replace(pair.measurement, notes=notes))


def _against_chebyshev(
    groups: Groups,
    wrong: Sequence[NDArray[np.int64]],
    told_margins: Sequence[NDArray[np.float64]],
    margins: Sequence[NDArray[np.float64]],
    failure_probability: float,
) -> CheckedPair:
    """Counted errors, mean over the points, against the mean of Var V / (2 z²). Arrays per group: (runs,).

    The measured upper end is the smaller of Clopper-Pearson's and the mean of the rigorous moment bounds at
    the margins that the networks really have (1 where a margin is negative); its lower end is Clopper-Pearson's,
    so errors that are seen can contradict the prediction, and errors that are not seen cannot confirm it alone.
    """
    bounds, tails, trials = [], [], []
    for group, told, actual in zip(groups, told_margins, margins, strict=True):
        for law, z_told, z in zip(group.trajectories.final_noise_margin_laws(), told, actual, strict=True):
            bounds.append(law.chebyshev_bound(z_told) / 2)
            tails.append(np.exp(law.log_tail_bound(z)) / 2 if z > 0 else 1.0)
            trials.append(group.errors.test_points)
    bound = float(np.average(bounds, weights=trials))
    measurement = _counted(groups, wrong, trials, failure_probability, failure_probability)
    if measurement.interval is not None:
        low, high = measurement.interval.low, measurement.interval.high
        upper = max(min(high, float(np.average(tails, weights=trials))), low)
        measurement = replace(
            measurement,
            interval=Interval(low, upper),
            notes=(*measurement.notes, ("sampled upper end", high)),
        )
    # The factor covers the rounding slack of the moment bound, which is Chebyshev's when p = 2 is the best.
    return CheckedPair(Prediction(Interval(0.0, bound * (1.0 + 1e-7)), leading_order=bound), measurement)


def _counted(
    groups: Groups,
    wrong: Sequence[NDArray[np.int64]],
    trials: Sequence[int],
    interval_failure: float,
    failure_probability: float,
) -> Measurement:
    """An error rate over all points of all groups, with Clopper and Pearson's interval."""
    total, count = sum(trials), int(sum(entry.sum() for entry in wrong))
    ends = clopper_pearson(count, total, interval_failure)
    return Measurement(
        estimate=count / total,
        interval=Interval(ends.low, ends.high),
        confidence=1.0 - failure_probability,
        runs=sum(group.trajectories.runs for group in groups),
        evidence=Kind.STATISTICAL,
        seeds=groups[0].trajectories.seeds,
        failure=next((group.failure for group in groups if group.failure), ""),
        notes=(("points", float(total)),),
    )
