"""The hypercube instance, its robust test error, the continuous example and the trained nets' bounds."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.theorem_2_representation_complexity.networks.clean_classifier import (
    coordinate_classifier,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import memorize
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import training_set
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import (
    TrainingBudget,
    _examine,
    _extract,
    _train,
    train_on,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.continuous import continuous_error
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import (
    HypercubeInstance,
    every_sample,
    judge_corners,
    occupancy_expectation,
    one_sample,
    random_instance,
    sample_error,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory.trained_bounds import is_robust_on_box


@given(st.integers(1, 40), st.integers(0, 40))
def test_occupancy_law_gives_the_formula_exactly(corners, samples):
    assert occupancy_expectation(corners, samples) == (1 - Fraction(1, corners)) ** samples


@pytest.mark.parametrize(("dimension", "samples"), [(2, 1), (2, 3), (3, 2), (3, 3)])
def test_all_samples_average_to_the_formula(dimension, samples):
    for seed in range(2):
        found = every_sample(random_instance(dimension, seed), samples)
        corners = 2 ** (dimension - 1)
        assert found.networks == corners**samples
        assert found.mismatch == 0
        assert found.expectation == (1 - Fraction(1, corners)) ** samples


@settings(max_examples=25)
@given(st.integers(2, 7), st.integers(1, 40), st.integers(0, 1000), st.sampled_from([0.1, 0.25, 0.3, 0.45]))
def test_unseen_corners_break_and_seen_ones_hold(dimension, samples, seed, radius):
    base = random_instance(dimension, seed)
    instance = HypercubeInstance(dimension, base.labels, radius / 2, radius)
    rng = np.random.default_rng(seed)
    sample = rng.integers(instance.num_corners, size=samples)
    everyone = np.arange(instance.num_corners)
    verdicts = judge_corners(instance, instance.memorizer(sample), everyone)
    assert verdicts.robust == len(set(sample.tolist()))
    assert verdicts.broken == instance.num_corners - verdicts.robust


def test_the_formula_needs_a_narrow_ramp():
    # A sample of one label leaves γ of theory.md 3.1 infinite. With a ramp of 5, allowed by that γ, one seen
    # corner covers the unseen ones; with the ramp min(γ, δ) they break, as (1 - 1/K)^N says.
    instance = HypercubeInstance(3, np.ones(4))
    data = training_set(instance.points(np.array([0])), [1.0])
    wide = memorize(data, instance.perturbation_radius, math.inf, coordinate_classifier(3, 2), ramp_width=5.0)
    assert judge_corners(instance, wide, np.arange(4)).broken == 0
    assert judge_corners(instance, instance.memorizer(np.array([0])), np.arange(4)).broken == 3


def test_one_sample_beyond_full_enumeration():
    found = one_sample(random_instance(9, 0), 100, 0)
    assert found.mismatch == 0
    assert found.expectation == (1 - Fraction(1, 256)) ** 100


def test_every_trial_is_decided():
    found = sample_error(8, 64, 25, 0)
    assert found.broken + found.robust == 25


def test_bad_instances_are_refused():
    with pytest.raises(InvalidInput, match="labels"):
        HypercubeInstance(3, np.ones(3))
    with pytest.raises(InvalidInput, match="offset"):
        HypercubeInstance(3, np.ones(4), 0.3, 0.25)
    with pytest.raises(InvalidInput, match="offset"):
        HypercubeInstance(3, np.ones(4), 0.3, 0.5)
    with pytest.raises(InvalidInput, match="perturbation_radius"):
        continuous_error(4, 0.2, math.inf, 4, 0)


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
def test_continuous_error_falls_with_the_sample(order):
    few, many = (continuous_error(count, 0.1, order, 40, 0) for count in (2, 300))
    assert few.broken > 20
    assert many.broken < few.broken
    assert few.broken + few.robust <= few.trials


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 4), st.lists(st.integers(1, 5), min_size=1, max_size=2))
def test_linear_relaxation_never_proves_a_false_box(seed, dimension, hidden):
    rng = np.random.default_rng(seed)
    sizes = (dimension, *hidden, 1)
    weights = [rng.standard_normal((b, a)) for a, b in itertools.pairwise(sizes)]
    biases = [rng.standard_normal(size) for size in sizes[1:]]
    low = rng.uniform(-1, 1, dimension)
    high = low + rng.uniform(0, 1, dimension)
    points = low + rng.random((400, dimension)) * (high - low)
    points[: 2**dimension] = [
        [(low, high)[bit >> k & 1][k] for k in range(dimension)] for bit in range(2**dimension)
    ]
    values = points.T
    for index, (matrix, bias) in enumerate(zip(weights, biases, strict=True)):
        values = matrix @ values + bias[:, None]
        values = np.maximum(values, 0.0) if index < len(weights) - 1 else values
    for label in (-1.0, 1.0):
        if is_robust_on_box(weights, biases, label, low, high, 2000):
            assert np.min(label * values[0]) > 0.0
        elif np.min(label * values[0]) > 0.5:
            # with room to spare, splitting settles it
            assert is_robust_on_box(weights, biases, label, low, high, 200_000)


def test_training_does_not_depend_on_the_batch():
    instance = random_instance(3, 1)
    budget = TrainingBudget((2, 8), (1,), 2, 5)
    runs = [(2, 0), (2, 1), (8, 0), (8, 1)]
    together = _train(instance, budget, 1, runs)
    alone = _train(instance, budget, 1, runs[1:2])
    ours, theirs = _extract(together, 1, 2, 1), _extract(alone, 0, 2, 1)
    for left, right in zip([*ours[0], *ours[1]], [*theirs[0], *theirs[1]], strict=True):
        assert np.allclose(left, right, atol=1e-5)


def test_training_learns_a_separable_instance_and_proves_it():
    labels = np.array([1.0, -1.0, 1.0, -1.0])  # the first bit decides
    instance = HypercubeInstance(3, labels, 1 / 16, 1 / 8)
    nets = train_on(instance, TrainingBudget((8,), (1,), 3, 250, max_boxes=500), 9000)
    assert min(net.unproved for net in nets) == 0
    for net in nets:
        assert net.zero_errors <= net.attack_errors <= net.unproved


def test_a_net_of_nan_is_wrong_everywhere():
    instance = random_instance(3, 9000)
    weights, biases = [np.full((2, 3), math.nan), np.ones((1, 2))], [np.zeros(2), np.zeros(1)]
    net = _examine(instance, TrainingBudget((2,), (1,), 1, 1), weights, biases, 0, 0)
    assert net.zero_errors == net.attack_errors == net.unproved == 4
