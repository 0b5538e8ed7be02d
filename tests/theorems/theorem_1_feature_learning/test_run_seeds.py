"""Independent samples are independent: seeds derive from the base seed and from all that tells samples apart."""

from dataclasses import replace

import numpy as np
import pytest

from cgro_theory.setting import PatchSetting
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_1_feature_learning.claims.negative_controls import one_run
from cgro_theory.theorems.theorem_1_feature_learning.runs.counted_errors import (
    measure_errors,
    measure_levels,
    points_generator,
)
from cgro_theory.theorems.theorem_1_feature_learning.runs.over_attack import submit_over_attack
from cgro_theory.theorems.theorem_1_feature_learning.runs.phase_grid import PLANS, plan_tasks
from cgro_theory.theorems.theorem_1_feature_learning.runs.training import (
    DESCENT_DIMENSION,
    FLOW_DIMENSIONS,
    FLOW_RUNS,
    FULL_NETWORKS,
    RUNS,
    full_seeds,
    gather_at,
    group_seeds,
)


def seeds_of(base, profile="quick"):
    """Every seed of a verification, group by group; a ladder's groups are one group."""
    groups = [
        {task.seed for task in plan_tasks(PLANS[profile], base)},
        set(full_seeds(base, FULL_NETWORKS[profile])),
    ]
    for weight in (0.9, 0.0, 1.0):
        descent = PatchSetting.version_1(DESCENT_DIMENSION, adversarial_weight=weight)
        groups.append(set(group_seeds(base, descent, RUNS[profile], flow=False)))
        ladders = [
            group_seeds(base, PatchSetting.version_1(d, adversarial_weight=weight), FLOW_RUNS[profile], flow=True)
            for d in FLOW_DIMENSIONS[profile]
        ]
        assert len(set(ladders)) == 1  # slopes are taken draw by draw
        groups.append(set(ladders[0]))
    return groups


def test_two_base_seeds_never_share_a_run():
    seen = [seed for base in range(21) for group in seeds_of(base) for seed in group]
    assert len(set(seen)) == len(seen)


def test_phase_tasks_share_seeds_along_a_ladder_only():
    tasks = plan_tasks(PLANS["quick"], 0)
    for part in {task.part for task in tasks}:
        own = [task for task in tasks if task.part is part]
        distinct = len({task.seed for task in own})
        assert distinct == (PLANS["quick"].seeds if part.value in ("overfitting", "memorization") else len(own))


def test_fresh_points_depend_on_every_parameter_of_the_run():
    setting = PatchSetting.version_1(10**4)
    changed = [
        setting,
        *(
            replace(setting, **{name: value})
            for name, value in (
                ("patch_dimension", 10**5),
                ("num_samples", 7),
                ("num_patches", 3),
                ("width", 9),
                ("degree", 4),
                ("noise_std", 0.5),
                ("attacked_signal_fraction", 0.25),
                ("adversarial_weight", 0.3),
            )
        ),
    ]
    states = [
        points_generator(s, run, sample, what).initial_seed() for s in changed for run, sample, what in KINDS
    ]
    assert len(set(states)) == len(states)


KINDS = [(1, 0, "test points"), (2, 0, "test points"), (1, 1, "test points"), (1, 0, "noise levels")]


def test_counts_of_a_run_do_not_depend_on_the_others():
    request = RunRequest("quick", 9200, "cpu", frozenset(), lambda doing, fraction: None, frozenset({"standard"}))
    setting = PatchSetting.version_1(10**4, num_samples=3, width=8, adversarial_weight=0.0)
    group = gather_at(setting, request, runs=3, test_points=400, flow=True).standard[0]
    alone = one_run(group, 2)
    again = measure_errors(alone.trajectories, test_points=400)
    assert again.robust_test[0] == group.errors.robust_test[2]
    assert np.array_equal(measure_levels(alone.trajectories, points=400).wrong[0], group.levels.wrong[2])
    other = measure_errors(alone.trajectories, test_points=400, seed=1)
    assert other.robust_test[0] != again.robust_test[0]


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_a_later_look_at_networks_under_over_attack_has_the_runs_of_the_look_before_and_as_many_others(profile):
    asked = {}

    class Recorder:
        def submit(self, train, setting, seeds, points):
            asked.setdefault(setting, []).append(seeds)

    request = RunRequest(profile, 9200, "cpu", frozenset(), lambda doing, done: None, frozenset({"over_attack"}))
    for look in (1, 2, 3):
        submit_over_attack(Recorder(), replace(request, look=look))
    assert len(asked) >= 18
    for few, more, most in asked.values():
        assert (few, more) == (more[: len(few)], most[: len(more)])
        assert (len(more), len(most)) == (2 * len(few), len(set(most))) == (2 * len(few), 4 * len(few))
