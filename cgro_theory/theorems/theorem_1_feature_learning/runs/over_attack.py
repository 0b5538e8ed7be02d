"""Networks trained under an attack stronger than the signal, κ < 0, and on both sides of where it collapses."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from cgro_theory.numerics.seeds import derived_seeds
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.room import Profile, RunRequest
from cgro_theory.theorems.worker_pool import PendingResult, WorkerPool
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem

from .counted_errors import measure_errors, measure_levels
from .initial_draws import group_horizon, seed_parts
from .phases import Cell, train_cell
from .trained import CollapseTrial, RunGroup, measured_flow_error

DIMENSIONS = (10**4, 10**8, 10**12)
"""Patch dimensions of the runs."""
TOLERANCES = (1e-8, 1e-10)
"""Every flow is integrated twice; the finer one is judged."""
COLLAPSE_DIMENSION = 10**8
"""Patch dimension of the networks around the collapse."""
COLLAPSE_SHARE = 0.25
"""They are trained for this share of the time in which a point is memorized."""
WEAKEST, RESOLUTION = 0.05, 1.01
"""The search for the collapse begins with |κ| in [WEAKEST, 1] and ends at this ratio of its two ends."""


@dataclass(frozen=True)
class OverAttackPlan:
    """The sizes of one profile.

    κ and λ of the runs, seeds of each at the first look; λ and seeds around the collapse; λ and steps of κ from
    -1 to 1 of the map; test points.
    """

    fractions: tuple[float, ...]
    weights: tuple[float, ...]
    runs: int
    collapse_weights: tuple[float, ...]
    collapse_seeds: int
    map_weights: tuple[float, ...]
    map_steps: int
    test_points: int


PLANS: dict[Profile, OverAttackPlan] = {
    "quick": OverAttackPlan((-0.9, -0.5, -0.1), (0.3, 0.9), 1, (0.6, 0.75, 0.9), 1, (0.3, 0.6, 0.9), 7, 2048),
    "full": OverAttackPlan(
        tuple(-k / 10 for k in range(9, 0, -1)),
        (0.3, 0.5, 0.7, 0.9),
        4,
        (0.55, 0.6, 0.7, 0.8, 0.9, 0.97),
        8,
        tuple(k / 20 for k in range(1, 20)),
        41,
        8192,
    ),
}


def submit_over_attack(pool: WorkerPool, request: RunRequest) -> list[PendingResult[RunGroup]]:
    """The runs of every d, κ and λ of the profile, a group each; a later look makes more of them."""
    plan, futures = PLANS[request.profile], list[PendingResult[RunGroup]]()
    runs = plan.runs * request.growth
    for dimension in DIMENSIONS:
        for weight in plan.weights:
            for fraction in plan.fractions:
                setting = PatchSetting.version_1(
                    dimension, attacked_signal_fraction=fraction, adversarial_weight=weight
                )
                seeds = derived_seeds(request.seed, runs, "theorem_1.over_attack", *seed_parts(setting))
                futures.append(pool.submit(train_beyond, setting, seeds, plan.test_points))
    return futures


def submit_collapse(pool: WorkerPool, request: RunRequest) -> list[PendingResult[tuple[CollapseTrial, ...]]]:
    """The searches for the collapse, one per λ and seed."""
    plan, futures = PLANS[request.profile], list[PendingResult[tuple[CollapseTrial, ...]]]()
    for weight in plan.collapse_weights:
        setting = PatchSetting.version_1(COLLAPSE_DIMENSION, adversarial_weight=weight)
        seeds = derived_seeds(request.seed, plan.collapse_seeds, "theorem_1.collapse", *seed_parts(setting))
        futures += [pool.submit(search_collapse, setting, seed, plan.test_points) for seed in seeds]
    return futures


def submit_map(pool: WorkerPool, request: RunRequest) -> list[PendingResult[Cell]]:
    """A network at every λ and κ from -1 to 1 of the profile's map, and at version 1's κ, which is nearly 0."""
    plan, futures = PLANS[request.profile], list[PendingResult[Cell]]()
    for weight in plan.map_weights:
        own = PatchSetting.version_1(COLLAPSE_DIMENSION, adversarial_weight=weight)
        fractions = [float(k) for k in np.linspace(-1.0, 1.0, plan.map_steps) if k != 0.0]
        for fraction in (*fractions, own.attacked_signal_fraction):
            setting = replace(own, attacked_signal_fraction=fraction)
            (seed,) = derived_seeds(request.seed, 1, "theorem_1.collapse_map", *seed_parts(setting))
            futures.append(pool.submit(train_cell, setting, seed, plan.test_points))
    return futures


def train_beyond(setting: PatchSetting, seeds: tuple[int, ...], test_points: int) -> RunGroup:
    """Train runs of one setting with κ < 0 by gradient flow, at both tolerances, and test the finer ones."""
    problem = draw_subspace_problem(setting, seeds)
    flow = partial(integrate_flow, problem, horizon=group_horizon(setting, problem))
    coarse, fine = (flow(relative_tolerance=tolerance) for tolerance in TOLERANCES)
    errors = measure_errors(fine, test_points=test_points)
    levels = measure_levels(fine, points=test_points)
    return RunGroup(fine, errors, levels, measured_flow_error(coarse, fine))


def search_collapse(setting: PatchSetting, seed: int, test_points: int) -> tuple[CollapseTrial, ...]:
    """Networks at κ < 0 nearer and nearer to where fresh clean points begin to be lost, by bisection of log |κ|.

    What is asked of a network is whether it errs on more than half of its fresh clean points.
    """

    def trained(size: float) -> CollapseTrial:
        return _trial(replace(setting, attacked_signal_fraction=-size), seed, test_points)

    low, high = WEAKEST, 1.0
    trials = [trained(low), trained(high)]
    while high > low * RESOLUTION:
        middle = math.sqrt(low * high)
        trials.append(trained(middle))
        lost = 2 * int(trials[-1].errors.clean_test[0]) > test_points
        low, high = (low, middle) if lost else (middle, high)
    return tuple(trials)


def _trial(setting: PatchSetting, seed: int, test_points: int) -> CollapseTrial:
    problem = draw_subspace_problem(setting, (seed,))
    horizon = COLLAPSE_SHARE * group_horizon(setting, problem) / 4.0
    runs = integrate_flow(problem, horizon=horizon, num_checkpoints=2)
    return CollapseTrial(runs, measure_errors(runs, test_points=test_points))
