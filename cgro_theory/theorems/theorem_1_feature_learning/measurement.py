"""Checks of theorem 1 on really trained networks. Nothing measured here comes from a predicting formula."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Figure, Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import clopper_pearson, empirical_bernstein
from cgro_theory.setting.noise_margin_law import directional_errors
from cgro_theory.theorems.room import Check, CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning import prediction as predict
from cgro_theory.theorems.theorem_1_feature_learning.drawing import stage_figures
from cgro_theory.theorems.theorem_1_feature_learning.evidence import (
    RunGroup,
    TrainedEvidence,
    first_memorization,
    gather,
    initial_draw,
    initial_draws,
    need,
    noise_margin_laws,
    told_margin,
)
from cgro_theory.theorems.theorem_1_feature_learning.faults import FAULTS
from cgro_theory.theorems.theorem_1_feature_learning.identity import (
    RecursionVariant,
    gradient_residuals,
    loss_slope_residual,
)
from cgro_theory.theorems.theorem_1_feature_learning.per_run import extreme_run, nearest_to_violation

__all__ = ["CHECKS", "FAULTS", "figures", "gather", "parameters"]


def figures(evidence: TrainedEvidence) -> tuple[Figure, ...]:
    """The three stages, and the errors over time, of the main runs."""
    if evidence.main is None:
        return ()
    trajectories = evidence.main.trajectories
    draw = initial_draw(trajectories, 0)
    setting = trajectories.setting
    return stage_figures(
        trajectories,
        predicted_signal_time=predict.leading_signal_time(setting, draw),
        predicted_memorization_time=predict.leading_memorization_time(setting, draw),
    )


def parameters(evidence: TrainedEvidence) -> dict[str, Any]:
    """The setting, the learning rates and the sizes of the groups."""
    described: dict[str, Any] = dict(evidence.assumed.to_json())
    for name in ("main", "standard", "adversarial_only"):
        group: RunGroup | None = getattr(evidence, name)
        if group is not None:
            described[f"{name}.learning_rate"] = group.trajectories.learning_rate
            described[f"{name}.runs"] = group.trajectories.runs
            described[f"{name}.last_time"] = float(np.nanmax(group.trajectories.final_time))
            described[f"{name}.test_points"] = group.errors.test_points
    return described


# --- one check per claim ---------------------------------------------------------------------------------


def check_gradient_identity(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Every projection of -∇L against the recursions, for q = 2, 3, 4 and one or two noise patches."""
    left = int(loss_slope_residual() != 0)
    for degree in (2, 3, 4):
        for noise_patches in (1, 2) if evidence.variant == RecursionVariant() else (1,):
            left += gradient_residuals(degree, 2, 2, noise_patches, evidence.variant)
    value = float(left)
    measurement = Measurement(value, Interval.point(value), 1.0, 6, Kind.SYMBOLIC)
    return CheckedPair(Prediction(Interval.point(0.0), leading_order=0.0), measurement)


def check_signal_time(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each run's signal time against its own enclosure."""
    group = need(evidence.main)
    trajectories = group.trajectories
    predicted = [
        predict.predict_signal_time(evidence.assumed, draw, trajectories.learning_rate)
        for draw in initial_draws(trajectories)
    ]
    return nearest_to_violation(group, predicted, trajectories.signal_time, failure_probability)


def check_signal_plateau(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each run's signal margin at the checkpoint nearest below a third of T_III against its enclosure."""
    group = need(evidence.main)
    trajectories = group.trajectories
    predicted, measured = [], []
    for run, draw in enumerate(initial_draws(trajectories)):
        margins = trajectories.signal_margin[run]
        target = predict.leading_memorization_time(trajectories.setting, draw) / 3.0
        end = int(np.searchsorted(trajectories.checkpoint_times, target, side="right")) - 1
        learned = np.flatnonzero(margins[: end + 1] >= 1.0)
        if learned.size == 0:
            predicted.append(predict.TimePrediction(None, np.nan, ("the signal is learned before T_III / 3",)))
            measured.append(np.nan)
            continue
        start = int(learned[0])
        predicted.append(
            predict.predict_signal_margin(
                evidence.assumed,
                draw,
                trajectories.signal_projections[run, start],
                start=float(trajectories.checkpoint_times[start]),
                end=float(trajectories.checkpoint_times[end]),
                learning_rate=trajectories.learning_rate,
            )
        )
        measured.append(float(margins[end]))
    return nearest_to_violation(group, predicted, np.array(measured), failure_probability)


def check_first_memorization_time(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each run's first memorization time against its own enclosure."""
    group = need(evidence.main)
    trajectories = group.trajectories
    predicted = [
        predict.predict_first_memorization_time(evidence.assumed, draw, trajectories.learning_rate)
        for draw in initial_draws(trajectories)
    ]
    return nearest_to_violation(group, predicted, first_memorization(trajectories), failure_probability)


def check_stage_order(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The largest T_I / T_III over the runs."""
    group = need(evidence.main)
    trajectories = group.trajectories
    ratios = trajectories.signal_time / first_memorization(trajectories)
    below_one = Interval(0.0, float(np.nextafter(1.0, 0.0)))
    return extreme_run(group, below_one, ratios, largest=True, failure_probability=failure_probability)


def check_noise_memorization(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The final noise margin that is nearest to leaving [1, its logarithmic ceiling]."""
    group = need(evidence.main)
    trajectories = group.trajectories
    predicted, measured = [], []
    for run, draw in enumerate(initial_draws(trajectories)):
        time = float(trajectories.final_time[run])
        ceiling = predict.predict_noise_margin_ceiling(evidence.assumed, draw, time)
        margins = trajectories.final_noise_margins[run]
        worst = int(np.argmax(np.abs(margins - (1.0 + ceiling) / 2)))
        predicted.append(predict.TimePrediction(Interval(1.0, ceiling).outward(), 1.0))
        measured.append(float(margins[worst]))
    return nearest_to_violation(group, predicted, np.array(measured), failure_probability)


def check_clean_train_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Misclassified clean training points, counted by evaluating the network."""
    group = need(evidence.main)
    rates = group.errors.clean_train / group.errors.train_points
    return extreme_run(group, Interval.point(0.0), rates, largest=True, failure_probability=failure_probability)


def check_robust_train_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Misclassified attacked training points, counted by evaluating the network under a scan of shifts."""
    group = need(evidence.main)
    rates = group.errors.robust_train / group.errors.train_points
    return extreme_run(group, Interval.point(0.0), rates, largest=True, failure_probability=failure_probability)


def check_clean_test_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Fresh points misclassified, against Chebyshev's bound with the exact variance."""
    group = need(evidence.main)
    told = told_margin(evidence.assumed, group.trajectories)
    actual = group.trajectories.final_signal_margin
    return _against_chebyshev(group, group.errors.clean_test, told, actual, failure_probability)


def check_robust_test_error(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Fresh attacked points misclassified, against the exact law of V."""
    group = need(evidence.main)
    trajectories = group.trajectories
    generator = np.random.default_rng([trajectories.seeds[0], 3])
    half, runs = failure_probability / 2, trajectories.runs
    fraction = evidence.assumed.attacked_gain / evidence.assumed.clean_gain
    errors = [
        directional_errors(law, float(fraction * z), directions=2048, generator=generator)
        for law, z in zip(
            noise_margin_laws(trajectories), told_margin(evidence.assumed, trajectories), strict=True
        )
    ]
    law_ends = empirical_bernstein(np.concatenate(errors), half)
    trials = runs * group.errors.test_points
    wrong = int(group.errors.robust_test.sum())
    ends = clopper_pearson(wrong, trials, half)
    measurement = Measurement(
        estimate=wrong / trials,
        interval=Interval(ends.low, ends.high),
        confidence=1.0 - failure_probability,
        runs=runs,
        evidence=Kind.STATISTICAL,
        seeds=trajectories.seeds,
        failure=group.failure,
        notes=(("fresh points", float(trials)),),
    )
    predicted = Interval(law_ends.low, law_ends.high)
    return CheckedPair(Prediction(predicted, leading_order=float(np.mean(errors))), measurement)


def check_standard_signal(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The smallest final signal margin with λ = 0."""
    group = need(evidence.standard)
    margins = group.trajectories.final_signal_margin
    return extreme_run(
        group, Interval.at_least(1.0), margins, largest=False, failure_probability=failure_probability
    )


def check_standard_noise(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The largest |V_i| with λ = 0, over its bound for all time."""
    group = need(evidence.standard)
    trajectories = group.trajectories
    assumed = replace(evidence.assumed, adversarial_weight=0.0)
    bounds = np.array(
        [
            predict.noise_margin_bound(assumed, draw, predict.clean_drive(assumed, draw))
            for draw in initial_draws(trajectories)
        ]
    )
    if not np.all(bounds < 1.0):
        unmet = Prediction(None, unmet=("the bound of |V_i| for all time is below 1",))
        return CheckedPair(unmet, Measurement.failed("not compared"))
    ratios = np.abs(trajectories.final_noise_margins).max(axis=1) / bounds
    pair = extreme_run(group, Interval(0.0, 1.0), ratios, largest=True, failure_probability=failure_probability)
    notes = (("largest bound of |V_i|", float(bounds.max())),)
    return replace(pair, prediction=replace(pair.prediction, notes=notes))


def check_standard_training(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Robust train error with λ = 0 over all points; their signs are independent fair coins."""
    group = need(evidence.standard)
    trials = group.trajectories.runs * group.errors.train_points
    wrong = int(group.errors.robust_train.sum())
    ends = clopper_pearson(wrong, trials, failure_probability)
    measurement = Measurement(
        estimate=wrong / trials,
        interval=Interval(ends.low, ends.high),
        confidence=1.0 - failure_probability,
        runs=group.trajectories.runs,
        evidence=Kind.STATISTICAL,
        seeds=group.trajectories.seeds,
        failure=group.failure,
    )
    return CheckedPair(Prediction(Interval.point(0.5), leading_order=0.5), measurement)


def check_adversarial_only_signal(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The largest signal margin at the end of the λ = 1 runs."""
    group = need(evidence.adversarial_only)
    below_one = Interval.at_most(float(np.nextafter(1.0, 0.0)))
    margins = group.trajectories.final_signal_margin
    return extreme_run(group, below_one, margins, largest=True, failure_probability=failure_probability)


def check_clean_weight_needed(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Fresh points of the λ = 1 runs whose label is not the one that the sign of U(0) dictates."""
    group = need(evidence.adversarial_only)
    trajectories = group.trajectories
    negative = trajectories.signal[:, 0] < 0
    points = group.errors.test_points
    against = np.where(negative, points - group.errors.clean_test, group.errors.clean_test)
    told = np.where(negative, -1.0, 1.0) * trajectories.final_signal_margin
    pair = _against_chebyshev(group, against, np.abs(told), told, failure_probability)
    notes = (*pair.measurement.notes, ("runs with U(0) < 0", float(negative.sum())))
    return replace(pair, measurement=replace(pair.measurement, notes=notes))


def _against_chebyshev(
    group: RunGroup,
    wrong: NDArray[np.int64],
    told_margins: NDArray[np.float64],
    margins: NDArray[np.float64],
    failure_probability: float,
) -> CheckedPair:
    """Counted errors, mean over the runs, against the mean of Var V / (2 z²). All arrays: (runs,).

    The measured upper end is the smaller of Clopper-Pearson's and the mean of the rigorous moment bounds at
    the margins that the networks really have (1 where a margin is negative); its lower end is Clopper-Pearson's,
    so errors that are seen can contradict the prediction, and errors that are not seen cannot confirm it alone.
    """
    trajectories, laws = group.trajectories, noise_margin_laws(group.trajectories)
    bound = float(np.mean([law.chebyshev_bound(z) / 2 for law, z in zip(laws, told_margins, strict=True)]))
    trials = trajectories.runs * group.errors.test_points
    ends = clopper_pearson(int(wrong.sum()), trials, failure_probability)
    tails = [np.exp(law.log_tail_bound(z)) / 2 if z > 0 else 1.0 for law, z in zip(laws, margins, strict=True)]
    rigorous = float(np.mean(tails))
    measurement = Measurement(
        estimate=int(wrong.sum()) / trials,
        interval=Interval(ends.low, max(min(ends.high, rigorous), ends.low)),
        confidence=1.0 - failure_probability,
        runs=trajectories.runs,
        evidence=Kind.STATISTICAL,
        seeds=trajectories.seeds,
        failure=group.failure,
        notes=(("fresh points", float(trials)), ("sampled upper end", ends.high)),
    )
    # The factor covers the rounding slack of the moment bound, which is Chebyshev's when p = 2 is the best.
    return CheckedPair(Prediction(Interval(0.0, bound * (1.0 + 1e-7)), leading_order=bound), measurement)


CHECKS: Mapping[str, Check] = {
    "theorem_1.gradient_identity": check_gradient_identity,
    "theorem_1.signal_time": check_signal_time,
    "theorem_1.signal_plateau": check_signal_plateau,
    "theorem_1.first_memorization_time": check_first_memorization_time,
    "theorem_1.stage_order": check_stage_order,
    "theorem_1.noise_memorization": check_noise_memorization,
    "theorem_1.clean_train_error": check_clean_train_error,
    "theorem_1.robust_train_error": check_robust_train_error,
    "theorem_1.clean_test_error": check_clean_test_error,
    "theorem_1.robust_test_error": check_robust_test_error,
    "theorem_1.standard_signal": check_standard_signal,
    "theorem_1.standard_noise": check_standard_noise,
    "theorem_1.standard_training": check_standard_training,
    "theorem_1.adversarial_only_signal": check_adversarial_only_signal,
    "theorem_1.clean_weight_needed": check_clean_weight_needed,
}
