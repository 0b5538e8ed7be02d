"""Theorem 2's runs have seeds of their own."""

from dataclasses import replace

import numpy as np
import scipy.stats  # noqa: F401 (draws numbers of its own when it is loaded, in the test of the generators)

from cgro_theory.theorems.theorem_2_representation_complexity.runs import making as gathering
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import (
    TrainingBudget,
    train_on,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import random_instance
from cgro_theory.theorems.theorem_2_representation_complexity.runs.profiles import SIZES


def test_base_seeds_share_no_training_run():
    budget = TrainingBudget((1, 2), (1, 2), 2, 1, final_attack_steps=1, final_restarts=1, max_boxes=1)
    seeds = [
        net.seed
        for base in (9000, 9001, 9002)
        for dimension in (2, 3)
        for net in train_on(random_instance(dimension, 1), budget, base)
    ]
    assert len(set(seeds)) == len(seeds) == 3 * 2 * 8


def test_two_parts_of_the_gathering_share_no_generator(monkeypatch):
    # [seed, 4] was both the comparisons' generator and that of the hypercube's labels at D = 4.
    used = []
    original = np.random.default_rng

    def spy(seed=None):
        if isinstance(seed, int | list):  # not the generators that scipy passes through
            used.append(repr(seed))
        return original(seed)

    monkeypatch.setattr(np.random, "default_rng", spy)
    for base in (9000, 9001):
        gathering._comparisons(base)
        gathering._exact_errors(replace(SIZES["quick"], sample_limit=4), base)
        gathering._growth(base)
    assert len(set(used)) == len(used)
