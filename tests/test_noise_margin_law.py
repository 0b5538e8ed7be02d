import math

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw, activation_covariance, error_at_margin


def random_covariance(seed, width=4):
    factor = np.random.default_rng(seed).standard_normal((width, width))
    return factor @ factor.T


def sampled_margins(law, count, seed=0):
    """V of fresh points, straight from its definition."""
    generator = np.random.default_rng(seed)
    width = law.covariance.shape[0]
    g = generator.multivariate_normal(np.zeros(width), law.covariance, size=(count, law.noise_patches))
    return (np.sign(g) * np.abs(g) ** law.degree).sum(axis=(1, 2))


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_activation_covariance_agrees_with_quadrature(degree):
    covariance = random_covariance(3, 2)
    exact = activation_covariance(covariance, degree)
    slow = oracles.activation_covariance(covariance[0, 0], covariance[1, 1], covariance[0, 1], degree)
    assert exact[0, 1] == pytest.approx(slow, rel=1e-7)
    assert exact[0, 0] == pytest.approx(math.prod(range(1, 2 * degree, 2)) * covariance[0, 0] ** degree)


@given(st.integers(0, 10**6))
def test_cubic_variance_is_the_polynomial_of_the_theory(seed):
    c = random_covariance(seed)
    diagonal = np.diag(c)
    polynomial = 9 * np.outer(diagonal, diagonal) * c + 6 * c**3
    assert NoiseMarginLaw(c, 3, 2).variance == pytest.approx(2 * polynomial.sum(), rel=1e-9)


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 3), st.floats(0.05, 3.0))
def test_exceedance_interval_contains_the_sampled_rate(seed, degree, noise_patches, scale):
    law = NoiseMarginLaw(random_covariance(seed), degree, noise_patches)
    threshold = scale * math.sqrt(law.variance)
    found = law.exceedance(threshold, 1e-6, directions=4000, generator=np.random.default_rng(seed))
    wrong = int((np.abs(sampled_margins(law, 40_000, seed)) > threshold).sum())
    low, high = stats.beta.ppf([1e-7, 1 - 1e-7], [wrong, wrong + 1], [40_001 - wrong, 40_000 - wrong])
    assert max(found.low, np.nan_to_num(low)) <= min(found.high, high)
    assert found.low <= found.estimate <= found.high


@given(st.integers(0, 10**6), st.integers(2, 5), st.floats(0.1, 50.0))
def test_rigorous_tail_bound_is_above_the_estimate_and_below_chebyshev(seed, degree, scale):
    law = NoiseMarginLaw(random_covariance(seed), degree, 1)
    threshold = scale * math.sqrt(law.variance)
    bound = math.exp(law.log_tail_bound(threshold))
    tails = law.tails_along(law.directional_margins(400, np.random.default_rng(seed)), threshold)
    assert tails.mean() <= bound * 1.5 + 1e-2  # the estimate has sampling error; a broken bound misses by far
    assert bound <= law.chebyshev_bound(threshold) * (1 + 1e-6)


def test_tiny_probabilities_are_positive_numbers_and_their_bounds_too():
    law = NoiseMarginLaw(np.eye(2), 3, 1)
    threshold = 60 * math.sqrt(law.variance)
    found = law.exceedance(threshold, 1e-6, generator=np.random.default_rng(0))
    assert 0 < found.estimate < 1e-6
    assert 0 < found.high < 1e-2
    # One neuron, exactly: P(|N|^3 > t) = 2 P(N > t^(1/3)).
    one = NoiseMarginLaw(np.eye(1), 3, 1).exceedance(20.0**3, 1e-6, generator=np.random.default_rng(0))
    assert one.estimate == pytest.approx(2 * stats.norm.sf(20.0), rel=1e-9)


def test_a_sampled_zero_is_an_interval():
    law = NoiseMarginLaw(np.eye(2), 3, 1)
    found = law.exceedance(1e6, 1e-3, generator=np.random.default_rng(0))
    assert found.low == 0.0
    assert found.high > 0.0


@given(st.floats(-5, 5))
def test_errors_at_opposite_margins_add_up_to_one(margin):
    law = NoiseMarginLaw(random_covariance(1), 3, 1)
    first = error_at_margin(law, margin, 0.01, generator=np.random.default_rng(0))
    other = error_at_margin(law, -margin, 0.01, generator=np.random.default_rng(0))
    if margin != 0:
        assert first.estimate + other.estimate == pytest.approx(1.0)
    assert 0 <= first.low <= first.high <= 1


@pytest.mark.parametrize("covariance", [np.zeros((2, 3)), np.full((2, 2), np.nan), -np.eye(2)])
def test_a_matrix_that_is_no_covariance_is_refused(covariance):
    with pytest.raises(InvalidInput, match="covariance"):
        NoiseMarginLaw(covariance, 3, 1)


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 3), st.floats(0.05, 3.0))
def test_small_ball_probability_is_one_minus_the_tail(seed, degree, noise_patches, scale):
    law = NoiseMarginLaw(random_covariance(seed), degree, noise_patches)
    threshold = scale * math.sqrt(law.variance)
    inside = law.small_ball_probabilities(threshold, 6000, np.random.default_rng(seed))
    outside = law.tails_along(law.directional_margins(6000, np.random.default_rng(seed + 1)), threshold)
    error = math.hypot(inside.std(), outside.std()) / math.sqrt(6000)
    assert np.all((inside >= 0) & (inside <= 1))
    assert abs(inside.mean() + outside.mean() - 1.0) <= 6.0 * error + 1e-6


def test_small_ball_probability_resolves_what_counting_cannot():
    """One neuron: V = (c N)^3, so P(|V| <= t) = P(|N| <= t^(1/3)/c), here 8e-7."""
    law = NoiseMarginLaw(np.array([[4.0]]), 3, 1)
    exact = math.erf(1e-6 / math.sqrt(2.0))
    found = law.small_ball_probabilities((2e-6) ** 3, 5, np.random.default_rng(0))
    assert np.allclose(found, exact, rtol=1e-6)
