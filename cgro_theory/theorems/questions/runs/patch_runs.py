"""The runs that are made for the questions alone: each function is one task, done in a process of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.fresh_points import sampled_l2_test_error
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.counted_errors import measure_errors
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import first_memorization, group_horizon
from cgro_theory.theorems.theorem_2_representation_complexity.runs.continuous import continuous_error
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import (
    ExactError,
    one_sample,
    random_instance,
)
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem
from cgro_theory.trainer.trajectories import Trajectories
from cgro_theory.vision.attack import AscentBudget
from cgro_theory.vision.data_sets import load_images
from cgro_theory.vision.experiment import MeasurePlan, run_experiment
from cgro_theory.vision.training import TrainingRecipe

from .made import AttackComparison, ControlRun, CubeCount, FineSeparation, FreshCount, ImageStages
from .profiles import ImageSizes

_COUNTED = 1e-3  # the interval that comes with a count is not used: the checks make their own
WEAK_FRACTION = 0.01
"""Radius of the weak attack over that of training; with a tenth of it every point is still broken."""
FINE, FINEST = 1e-10, 1e-12
"""Tolerances of the flow whose difference measures the integrator's error; its usual one is 1e-8."""


def compare_attacks(setting: PatchSetting, seed: int, test_points: int) -> AttackComparison:
    """Train one draw by gradient flow under ``transfer`` and under ``span``; attack the first on all patches."""
    problem = draw_subspace_problem(setting, (seed,))
    horizon = group_horizon(setting, problem)
    fixed = integrate_flow(problem, horizon=horizon)
    current = integrate_flow(problem, horizon=horizon, adversary=AdversaryName.SPAN)
    failure = fixed.why_broken(0) if fixed.broken else ""
    errors = measure_errors(fixed, test_points=test_points, seed=seed)
    l2_wrong = weak_wrong = test_points
    if not failure:
        l2_wrong = _count_l2(setting, fixed, test_points, seed)
        weak = setting.with_perturbation_radius(WEAK_FRACTION * setting.perturbation_radius)
        weak_wrong = _count_l2(weak, fixed, test_points, seed)
    return AttackComparison(
        setting=setting,
        seed=seed,
        initial_signal=float(fixed.signal[0, 0]),
        end=float(fixed.final_time[0]),
        span_memorized=int(np.isfinite(current.memorization_times[0]).sum()),
        span_learned=bool(np.isfinite(current.signal_time[0])),
        span_wrong=int(errors.robust_test[0]),
        l2_wrong=l2_wrong,
        weak_wrong=weak_wrong,
        test_points=test_points,
        failure=failure,
    )


def _count_l2(setting: PatchSetting, trained: Trajectories, test_points: int, seed: int) -> int:
    """Fresh points that projected gradient descent over all patches breaks, at the radius of ``setting``."""
    found = sampled_l2_test_error(
        setting,
        trained.final_signal_projections[0],
        trained.final_weight_gram[0],
        _COUNTED,
        seed=seed,
        points=test_points,
    )
    return round(found.estimate * test_points)


def integrate_finely(setting: PatchSetting, seed: int) -> FineSeparation:
    """T_III/T_I of one draw at the tolerances FINE and FINEST; their difference is the integrator's error."""
    problem = draw_subspace_problem(setting, (seed,))
    horizon = group_horizon(setting, problem)
    ratios = []
    for tolerance in (FINE, FINEST):
        runs = integrate_flow(problem, horizon=horizon, relative_tolerance=tolerance)
        ratios.append(float(first_memorization(runs)[0] / runs.signal_time[0]))
    return FineSeparation(setting, seed, ratios[1], abs(ratios[0] - ratios[1]))


def train_control(setting: PatchSetting, seed: int, test_points: int) -> ControlRun:
    """Train one network and count its errors under the attack on training and on fresh points."""
    problem = draw_subspace_problem(setting, (seed,))
    runs = integrate_flow(problem, horizon=group_horizon(setting, problem))
    errors = measure_errors(runs, test_points=test_points, seed=seed)
    return ControlRun(
        setting=setting,
        seed=seed,
        memorized=int(np.isfinite(runs.memorization_times[0]).sum()),
        robust_train_wrong=int(errors.robust_train[0]),
        train_points=setting.num_samples,
        robust_wrong=int(errors.robust_test[0]),
        test_points=test_points,
        failure=runs.why_broken(0) if runs.broken else "",
    )


def count_fresh_samples(
    setting: PatchSetting, seed: int, fractions: tuple[float, ...], test_points: int
) -> tuple[FreshCount, ...]:
    """Train one network and count its errors on fresh points under attacks of several strengths."""
    problem = draw_subspace_problem(setting, (seed,))
    runs = integrate_flow(problem, horizon=group_horizon(setting, problem))
    law, margin = runs.final_noise_margin_laws()[0], float(runs.final_signal_margin[0])
    counts = []
    for index, fraction in enumerate(fractions):
        attacked = replace(runs, setting=replace(setting, attacked_signal_fraction=fraction))
        errors = measure_errors(attacked, test_points=test_points, seed=derived_seed(seed, "fresh", index))
        counts.append(
            FreshCount(
                setting=setting,
                seed=seed,
                fraction=fraction,
                signal_margin=margin,
                law=law,
                wrong=int(errors.robust_test[0]),
                test_points=test_points,
                failure=runs.why_broken(0) if runs.broken else "",
            )
        )
    return tuple(counts)


def memorize_corners(dimension: int, num_samples: int, seed: int) -> ExactError:
    """One sample's memorizer judged on all corners of the hypercube."""
    return one_sample(random_instance(dimension, seed), num_samples, seed)


def memorize_cube(
    num_samples: int, perturbation_radius: float, norm_order: float, trials: int, seed: int, dimension: int
) -> CubeCount:
    """One sample's memorizer on fresh points of the continuous example."""
    found = continuous_error(num_samples, perturbation_radius, norm_order, trials, seed, dimension)
    return CubeCount(dimension, seed, found)


def train_images(sizes: ImageSizes, recipe: TrainingRecipe, seed: int, device: str) -> ImageStages:
    """Train one classifier of digits adversarially, with accuracies at epochs spread evenly in their logarithm."""
    split = load_images("digits").split(sizes.train_size, sizes.test_size, seed)
    marks = np.geomspace(1.0, sizes.epochs, sizes.recorded)
    epochs = tuple(sorted({max(1, round(float(mark))) for mark in marks}))
    plan = MeasurePlan(epochs, (recipe.radius,), (recipe.radius,), AscentBudget(3), AscentBudget(3), False)
    record = run_experiment(split, recipe, plan, seed, device)
    if not record.moments:
        raise InvalidInput("recorded epochs", sizes.recorded, ">= 1")
    return ImageStages(
        seed=seed,
        radius=recipe.radius,
        epochs=tuple(moment.epoch for moment in record.moments),
        clean_test=tuple(1.0 - moment.test.clean_error for moment in record.moments),
        robust_train=tuple(1.0 - moment.train.robust_error(recipe.radius) for moment in record.moments),
        robust_test=tuple(1.0 - moment.test.robust_error(recipe.radius) for moment in record.moments),
    )
