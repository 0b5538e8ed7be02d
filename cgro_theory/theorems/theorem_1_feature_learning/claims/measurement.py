"""Checks of theorem 1 on really trained networks. Nothing measured here comes from a predicting formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Figure, Interval, Measurement, Prediction
from cgro_theory.theorems.room import Check, CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.claims.boundary_checks import (
    check_overfitting_boundary,
    check_overfitting_boundary_exponent,
    check_phase_boundary,
    check_phase_boundary_dimension_exponent,
    check_phase_boundary_sample_exponent,
    check_robust_error_law,
)
from cgro_theory.theorems.theorem_1_feature_learning.claims.controls import FAULTS
from cgro_theory.theorems.theorem_1_feature_learning.claims.error_checks import (
    check_clean_test_error,
    check_clean_train_error,
    check_clean_weight_needed,
    check_robust_test_error,
    check_robust_train_error,
    check_standard_training,
)
from cgro_theory.theorems.theorem_1_feature_learning.claims.ladder import (
    check_attacked_signal_vanishes,
    check_memorization_order,
    check_memorization_time_exponent,
    check_signal_time_exponent,
)
from cgro_theory.theorems.theorem_1_feature_learning.claims.ladder_figures import ladder_figures
from cgro_theory.theorems.theorem_1_feature_learning.claims.limit_checks import (
    check_clean_error_limit,
    check_robust_error_limit,
)
from cgro_theory.theorems.theorem_1_feature_learning.claims.per_run import (
    BELOW_ONE,
    extreme_run,
    nearest_to_violation,
    per_run,
    seeds_of,
)
from cgro_theory.theorems.theorem_1_feature_learning.claims.phase_figures import phase_figures
from cgro_theory.theorems.theorem_1_feature_learning.claims.stage_figures import stage_figures
from cgro_theory.theorems.theorem_1_feature_learning.claims.worst_run import JudgedRun, judge_runs
from cgro_theory.theorems.theorem_1_feature_learning.runs.identity import (
    RecursionVariant,
    gradient_residuals,
    loss_slope_residual,
)
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import (
    first_memorization,
    initial_draw,
    initial_draws,
)
from cgro_theory.theorems.theorem_1_feature_learning.runs.one_step import engine_differences
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import RunGroup, TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.runs.training import gather
from cgro_theory.theorems.theorem_1_feature_learning.theory import memorization as memorize
from cgro_theory.theorems.theorem_1_feature_learning.theory import signal as predict
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import SMALL_NOISE

__all__ = ["CHECKS", "FAULTS", "figures", "gather", "parameters"]


def figures(evidence: TrainedEvidence) -> tuple[Figure, ...]:
    """The three stages and the errors over time of the main runs, and the phases of κ."""
    phases = phase_figures(evidence.phases)
    if not evidence.main:
        return phases
    trajectories = evidence.main[0].trajectories
    draw = initial_draw(trajectories, 0)
    setting = trajectories.setting
    stages = stage_figures(
        trajectories,
        predicted_signal_time=predict.leading_signal_time(setting, draw),
        predicted_memorization_time=memorize.leading_memorization_time(setting, draw),
    )
    return stages + ladder_figures(evidence.ladder) + phases


def parameters(evidence: TrainedEvidence) -> dict[str, Any]:
    """The setting, the dimensions, the methods and the sizes of the groups."""
    if not evidence.main:
        return {}
    described: dict[str, Any] = dict(evidence.main[0].trajectories.setting.to_json())
    for name, groups in (
        ("main", evidence.main),
        ("standard", evidence.standard),
        ("adversarial_only", evidence.adversarial_only),
    ):
        described[name] = [
            {
                "patch_dimension": group.trajectories.setting.patch_dimension,
                "method": group.trajectories.method,
                "learning_rate": group.trajectories.learning_rate,
                "relative_tolerance": group.trajectories.relative_tolerance,
                "integrator_error": asdict(group.flow_error),
                "runs": group.trajectories.runs,
                "last_time": float(np.nanmax(group.trajectories.final_time)),
                "test_points": group.errors.test_points,
            }
            for group in groups
        ]
    if evidence.phases.cells:
        described["networks_across_phases"] = len(evidence.phases.cells)
    return described


STEPS = ((2, 1), (3, 1), (4, 1), (3, 2))
"""(q, J) of the problems on which the code that trains is asked for one step."""
STEP_SEED = 0
"""Seed of those problems: any will do, as nothing is averaged."""


def check_gradient_identity(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Every projection of -∇L against the recursions, as symbols and in one step of every engine that trains."""
    left = int(loss_slope_residual() != 0)
    for degree in (2, 3, 4):
        for noise_patches in (1, 2) if evidence.variant == RecursionVariant() else (1,):
            left += gradient_residuals(degree, 2, 2, noise_patches, evidence.variant)
    made = sum(engine_differences(evidence.step, *sizes, STEP_SEED) for sizes in STEPS)
    value = float(left + made)
    measurement = Measurement(
        estimate=value,
        interval=Interval.point(value),
        confidence=1.0,
        runs=6 + len(STEPS),
        evidence=Kind.SYMBOLIC,
        notes=(("projections moved otherwise by an engine", float(made)),),
    )
    return CheckedPair(Prediction(Interval.point(0.0), leading_order=0.0), measurement)


def check_signal_time(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each run's signal time against its own enclosure."""

    def look(group: RunGroup) -> Sequence[JudgedRun]:
        rate, times = group.trajectories.learning_rate, group.trajectories.signal_time
        error = group.flow_error.signal_time
        return [
            per_run(
                group,
                run,
                predict.predict_signal_time(group.assumed, draw, rate),
                times[run],
                relative_error=error,
            )
            for run, draw in enumerate(initial_draws(group.trajectories))
        ]

    return nearest_to_violation(evidence.main, look, failure_probability)


LEARNED = Interval.at_least(1.0)
"""What a run that has not learned the signal is held against: z >= 1 by a third of the way to memorization."""


def check_signal_plateau(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each run's signal margin at the checkpoint nearest below a third of T_III against its enclosure.

    A run that has not learned the signal by then is outside: its margin is below 1.
    """

    def look(group: RunGroup) -> Sequence[JudgedRun]:
        trajectories, entries = group.trajectories, []
        times = trajectories.checkpoint_times
        for run, draw in enumerate(initial_draws(trajectories)):
            margins = trajectories.signal_margin[run]
            target = memorize.leading_memorization_time(trajectories.setting, draw) / 3.0
            end = max(0, int(np.searchsorted(times, target, side="right")) - 1)
            learned = np.flatnonzero(margins[: end + 1] >= 1.0)
            # Learned at the very checkpoint, or not at all: followed from the start.
            start = int(learned[0]) if learned.size and learned[0] < end else 0
            predicted = predict.predict_signal_margin(
                group.assumed,
                draw,
                trajectories.signal_projections[run, start],
                start=float(times[start]),
                end=float(times[end]),
                learning_rate=trajectories.learning_rate,
            )
            if not learned.size:
                predicted = replace(predicted, interval=LEARNED)
            error = group.flow_error.signal_margin
            entries.append(per_run(group, run, predicted, float(margins[end]), relative_error=error))
        return entries

    return nearest_to_violation(evidence.main, look, failure_probability)


def check_first_memorization_time(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each run's first memorization time against its own enclosure."""

    def look(group: RunGroup) -> Sequence[JudgedRun]:
        rate, times = group.trajectories.learning_rate, first_memorization(group.trajectories)
        error = group.flow_error.first_memorization
        predicted = memorize.predict_first_memorization_times(
            group.assumed, initial_draws(group.trajectories), rate
        )
        return [per_run(group, run, told, times[run], relative_error=error) for run, told in enumerate(predicted)]

    return nearest_to_violation(evidence.main, look, failure_probability)


def check_stage_order(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The largest T_I / T_III over the runs; a run that misses either stage has no order."""

    def look(group: RunGroup) -> NDArray[np.float64]:
        learned, memorized = group.trajectories.signal_time, first_memorization(group.trajectories)
        return np.where(np.isfinite(memorized), learned / memorized, np.inf)

    return extreme_run(evidence.main, Interval(0.0, BELOW_ONE), look, failure_probability=failure_probability)


def check_noise_memorization(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The final noise margin that is nearest to leaving [1, its logarithmic ceiling]."""

    def look(group: RunGroup) -> Sequence[JudgedRun]:
        trajectories, entries = group.trajectories, []
        for run, draw in enumerate(initial_draws(trajectories)):
            time = float(trajectories.final_time[run])
            ceiling = memorize.predict_noise_margin_ceiling(group.assumed, draw, time)
            assumed = memorize.memorization_assumptions(group.assumed, draw)
            predicted = Prediction(Interval(1.0, ceiling).outward(), assumed, 1.0)
            error = group.flow_error.noise_margin
            entries += [
                per_run(group, run, predicted, margin, relative_error=error)
                for margin in trajectories.final_noise_margins[run]
            ]
        return entries

    return nearest_to_violation(evidence.main, look, failure_probability)


def check_standard_signal(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The smallest final signal margin with λ = 0."""
    return extreme_run(
        evidence.standard,
        Interval.at_least(1.0),
        lambda group: group.trajectories.final_signal_margin,
        failure_probability=failure_probability,
    )


def check_standard_noise(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The largest |V_i| with λ = 0, over its bound for all time, which must itself be below 1 (by the draw)."""
    largest, entries = 0.0, []
    for group in evidence.standard:
        assumed = replace(group.assumed, adversarial_weight=0.0)
        sizes = np.abs(group.trajectories.final_noise_margins).max(axis=1)
        for run, draw in enumerate(initial_draws(group.trajectories)):
            drive = predict.clean_drive(assumed, draw, group.trajectories.learning_rate)
            bound = predict.noise_margin_bound(assumed, draw, drive)
            largest = max(largest, bound)
            predicted = Prediction(Interval(0.0, 1.0), (SMALL_NOISE.given(V_max=bound),))
            entries.append(per_run(group, run, predicted, float(sizes[run] / bound)))
    return judge_runs(
        entries,
        failure_probability,
        seeds=seeds_of(evidence.standard),
        notes=(("largest bound of |V_i|", largest),),
    )


def check_adversarial_only_signal(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """The largest signal margin at the end of the λ = 1 runs."""
    return extreme_run(
        evidence.adversarial_only,
        Interval.at_most(BELOW_ONE),
        lambda group: group.trajectories.final_signal_margin,
        failure_probability=failure_probability,
    )


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
    "theorem_1.signal_time_exponent": check_signal_time_exponent,
    "theorem_1.memorization_time_exponent": check_memorization_time_exponent,
    "theorem_1.attacked_signal_vanishes": check_attacked_signal_vanishes,
    "theorem_1.memorization_order": check_memorization_order,
    "theorem_1.clean_error_limit": check_clean_error_limit,
    "theorem_1.robust_error_limit": check_robust_error_limit,
    "theorem_1.robust_error_law": check_robust_error_law,
    "theorem_1.overfitting_boundary": check_overfitting_boundary,
    "theorem_1.overfitting_boundary_exponent": check_overfitting_boundary_exponent,
    "theorem_1.phase_boundary": check_phase_boundary,
    "theorem_1.phase_boundary_dimension_exponent": check_phase_boundary_dimension_exponent,
    "theorem_1.phase_boundary_sample_exponent": check_phase_boundary_sample_exponent,
}
