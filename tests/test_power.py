"""The power of Student's interval against simulation, scipy's noncentral t and the interval itself."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.confidence import clopper_pearson, student_mean
from cgro_theory.numerics.power import needed_size, student_power
from cgro_theory.theorems.catalogue import room
from cgro_theory.theorems.theorem_1_feature_learning.runs.training import RUNS, TIMES_AS_MANY
from cgro_theory.theorems.verification import FAILURE_BUDGET


@pytest.mark.parametrize(
    ("ratio", "size", "failure"), [(0.5, 20, 0.05), (2.0, 8, 1e-3), (1.0, 16, 1e-2), (3, 5, 1e-2)]
)
def test_power_is_the_share_of_simulated_intervals_above_the_threshold(ratio, size, failure):
    rng = np.random.default_rng(884200)
    trials = 4000
    above = sum(student_mean(3.0 * rng.normal(ratio, 1.0, size), failure).low > 0.0 for _ in range(trials))
    ends = clopper_pearson(above, trials, 1e-6)
    assert ends.low <= student_power(3.0 * ratio, 3.0, size, failure) <= ends.high


@given(st.floats(0.0, 1.5), st.integers(3, 60), st.floats(1e-5, 0.2))
def test_power_agrees_with_the_noncentral_t(ratio, size, failure):
    quantile = stats.t.isf(failure / 2.0, size - 1)
    expected = stats.nct.sf(quantile, size - 1, math.sqrt(size) * ratio)
    assert student_power(ratio, 1.0, size, failure) == pytest.approx(float(expected), abs=1e-6)


@given(st.floats(0.3, 5.0), st.floats(0.1, 3.0), st.floats(1e-5, 0.1), st.sampled_from([0.5, 0.9, 0.99]))
def test_the_needed_size_is_the_least_that_suffices(effect, deviation, failure, power):
    size = needed_size(effect, deviation, failure, power)
    assert student_power(effect, deviation, size, failure) >= power
    assert size == 2 or student_power(effect, deviation, size - 1, failure) < power


def test_without_an_effect_half_of_the_failures_lie_above():
    assert student_power(0.0, 1.0, 12, 0.02) == pytest.approx(0.01, abs=1e-9)
    assert student_power(-1.0, 1.0, 12, 0.02) < 1e-4
    assert student_power(0.1, 0.0, 2, 0.02) == 1.0
    assert student_power(0.0, 0.0, 2, 0.02) == 0.0


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (student_power, (math.nan, 1.0, 5, 0.1)),
        (student_power, (1.0, -1.0, 5, 0.1)),
        (student_power, (1.0, 1.0, 1, 0.1)),
        (student_power, (1.0, 1.0, 5, 0.0)),
        (needed_size, (0.0, 1.0, 0.1)),
        (needed_size, (1e-9, 1.0, 0.1)),
        (needed_size, (1.0, 1.0, 0.1, 1.0)),
    ],
)
def test_values_outside_the_domain_are_refused(call, arguments):
    with pytest.raises(InvalidInput):
        call(*arguments)


def power_of_a_share(trials, low, high, failure):
    """How probably the interval of ``trials`` fair coins' share lies inside [low, high]."""
    ends = [clopper_pearson(count, trials, failure) for count in range(trials + 1)]
    inside = [count for count, each in enumerate(ends) if low <= each.low and each.high <= high]
    return stats.binom.pmf(inside, trials, 0.5).sum()


def test_the_coins_of_standard_training_are_enough_at_the_first_look():
    """docs/power.md: 128 runs of 20 points, a tolerance of 0.1, half of the share of a run's 26 claims."""
    runs = RUNS["quick"] * TIMES_AS_MANY["standard"]
    share = 0.5 * FAILURE_BUDGET / sum(entry.claim.statistical for entry in room("theorem_1").checked)
    assert power_of_a_share(20 * runs, 0.4, 0.6, share) > 0.9999
    assert power_of_a_share(20 * RUNS["quick"], 0.4, 0.6, share) < 0.9
