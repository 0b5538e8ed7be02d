import math
from fractions import Fraction

import flint
import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import failure_probabilities

from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.arb import Truth, exact, less, lower_float, precision, upper_float
from cgro_theory.numerics.confidence import (
    clopper_pearson,
    content_covered_by_all,
    empirical_bernstein,
    median_by_order_statistics,
    student_mean,
    tolerance_limit,
    tolerance_rank,
)


def test_decimal_text_enters_exactly():
    with precision(64):
        assert less(exact("0.1"), exact(0.1)) is Truth.TRUE  # the float is a little above one tenth
        assert less(exact("0.3"), exact("0.1") + exact("0.2")) is Truth.UNKNOWN
        assert less(exact(1), exact(2)) is Truth.TRUE
        assert less(exact(2), exact(1)) is Truth.FALSE


def test_three_valued_answers_refuse_to_be_booleans():
    with pytest.raises(TypeError, match="three values"):
        bool(less(exact(1), exact(2)))


@given(st.fractions(-1000, 1000))
def test_float_ends_of_a_ball_enclose_it(value):
    with precision(30):
        ball = exact(value) * exact(1)
        assert Fraction(lower_float(ball)) <= value <= Fraction(upper_float(ball))


def test_float_ends_of_astronomical_balls_are_instant_and_safe():
    huge = flint.arb(2) ** (10**12)
    largest = math.nextafter(math.inf, 0.0)
    assert (lower_float(huge), upper_float(huge)) == (largest, math.inf)
    assert (lower_float(-huge), upper_float(-huge)) == (-math.inf, -largest)
    assert (lower_float(1 / huge), upper_float(1 / huge)) == (0.0, 5e-324)
    assert (lower_float(-1 / huge), upper_float(-1 / huge)) == (-5e-324, 0.0)


@pytest.mark.parametrize("bad", ["nan", "inf", "x", math.nan, math.inf])
def test_exact_refuses_what_is_no_number(bad):
    with pytest.raises(InvalidInput):
        exact(bad)


@given(st.integers(1, 40), st.data(), failure_probabilities)
def test_clopper_pearson_agrees_with_the_binomial_sum(trials, data, failure_probability):
    successes = data.draw(st.integers(0, trials))
    low, high = clopper_pearson(successes, trials, failure_probability)
    slow_low, slow_high = oracles.clopper_pearson(successes, trials, failure_probability)
    assert low == pytest.approx(slow_low, rel=1e-8, abs=1e-12)
    assert high == pytest.approx(slow_high, rel=1e-8, abs=1e-12)
    assert low <= slow_low * (1 + 1e-14)
    assert high >= slow_high * (1 - 1e-14)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40), failure_probabilities)
def test_empirical_bernstein_contains_the_sample_mean(values, failure_probability):
    low, high = empirical_bernstein(values, failure_probability)
    assert low <= np.mean(values) + 1e-12
    assert high >= np.mean(values) - 1e-12


def test_empirical_bernstein_covers():
    generator = np.random.default_rng(0)
    missed = 0
    for _ in range(400):
        low, high = empirical_bernstein(generator.beta(0.5, 3.0, 200), 0.1)
        missed += not low <= 0.5 / 3.5 <= high
    assert missed <= 40  # at most the stated 10 %; it is conservative


def test_student_and_median_intervals_cover():
    generator = np.random.default_rng(1)
    missed_mean = missed_median = 0
    for _ in range(1000):
        sample = generator.normal(2.0, 3.0, 15)
        low, high = student_mean(sample, 0.1)
        missed_mean += not low <= 2.0 <= high
        low, high = median_by_order_statistics(sample, 0.1)
        missed_median += not low <= 2.0 <= high
    assert 60 <= missed_mean <= 140  # exact coverage: four standard deviations of 1000 trials
    assert missed_median <= 140


def test_small_samples_give_an_infinite_median_interval():
    assert median_by_order_statistics([1.0, 2.0], 1e-3) == (-math.inf, math.inf)


@given(st.integers(1, 200), failure_probabilities)
def test_content_covered_by_all_is_the_one_sided_bound(runs, failure_probability):
    content = content_covered_by_all(runs, failure_probability)
    assert content**runs <= failure_probability * (1 + 1e-9)


@given(st.integers(1, 300), st.integers(1, 99), failure_probabilities)
def test_a_tolerance_rank_is_the_last_whose_binomial_tail_is_small(size, percent, failure_probability):
    share = Fraction(100 - percent, 100)

    def missed(rank):
        """P(Bin(size, 1 - content) <= rank - 1): the rank-th least lies too high."""
        return sum(math.comb(size, k) * share**k * (1 - share) ** (size - k) for k in range(rank))

    rank = tolerance_rank(size, percent / 100, failure_probability)
    allowed = Fraction(failure_probability)
    assert rank == 0 or missed(rank) <= allowed
    assert rank == size or missed(rank + 1) >= allowed * Fraction(1 - 1e-9)


def test_tolerance_limits_hold_their_share_as_often_as_they_say():
    generator = np.random.default_rng(882810)
    samples, content, failure = generator.random((2000, 120)), 0.9, 0.05
    below = np.array([tolerance_limit(sample, content, failure) for sample in samples])
    above = np.array([tolerance_limit(sample, content, failure, upper=True) for sample in samples])
    for missed in ((1.0 - below < content).mean(), (above < content).mean()):
        assert 0.01 < missed < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 2000)
    assert tolerance_limit([1.0], content, failure) == -math.inf
    assert tolerance_limit([1.0], content, failure, upper=True) == math.inf


@pytest.mark.parametrize(
    "call",
    [
        lambda: clopper_pearson(3, 2, 0.1),
        lambda: clopper_pearson(0, 0, 0.1),
        lambda: clopper_pearson(0, 1, 0.0),
        lambda: empirical_bernstein([0.5, math.nan], 0.1),
        lambda: empirical_bernstein([0.5, 2.0], 0.1),
        lambda: student_mean([1.0], 0.1),
    ],
)
def test_invalid_samples_are_named(call):
    with pytest.raises(InvalidInput):
        call()
