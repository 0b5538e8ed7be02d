"""The explicit bound against mpmath: safe side, extremes, the N from which it speaks, trivial comparators."""

import json
import math
import sys
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import example, given
from hypothesis import strategies as st

from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.theorem_3_global_flatness.claims import symbols
from cgro_theory.theorems.theorem_3_global_flatness.claims.vacuity import least_log10_bound
from cgro_theory.theorems.theorem_3_global_flatness.theory import bounds as prediction
from cgro_theory.theorems.theorem_3_global_flatness.theory import comparators, vacuity
from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import (
    DensitySmoothness,
    expected_total_variation,
    total_variation_bound,
)

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "theorem_3_bounds.json").read_text())
mp = mpmath.mp.clone()
mp.dps = 60
TOLERANCE = mp.mpf("1e-10")

log10_sizes = st.integers(0, 300)
dimensions = st.integers(1, 10**9)
bandwidths = st.one_of(st.floats(1e-300, 0.5), st.floats(-300, -0.302).map(lambda e: 10.0**e))
probabilities = st.one_of(st.floats(1e-300, 0.999), st.floats(-300, -0.1).map(lambda e: 10.0**e))
sizes_of_slopes = st.floats(0.0, 1e6)
weights = st.sampled_from([(1.0,), (0.5, 0.5), (0.25, 0.75), (0.125,) * 8])


def is_safe(value, oracle, relative=TOLERANCE):
    """At least the oracle, and above it by at most 1e-10 of it."""
    value, oracle = mp.mpf(value), mp.mpf(oracle)
    return oracle <= value <= oracle + relative * max(abs(oracle), mp.mpf("1e-300"))


def log_is_safe(value, oracle):
    return mp.mpf(oracle) <= mp.mpf(value) <= mp.mpf(oracle) + mp.mpf("1e-10") * max(1, abs(mp.mpf(oracle)))


@pytest.mark.parametrize("row", GOLDEN["bounds"], ids=lambda row: f"N={row['sizes'][0][:8]}, D={row['sizes'][1]}")
def test_bounds_agree_with_the_golden_file_on_the_safe_side(row):
    count, dimension, h, variation, weights, flatness, scale, radius, probability = row["sizes"]
    count, h, probability = int(count), float(h), float(probability)
    density = DensitySmoothness(float(variation), tuple(weights))
    mean = expected_total_variation(count, dimension, h, density)
    high = total_variation_bound(count, dimension, h, density, probability)
    for value, key in ((mean, "log10_expected"), (high, "log10_variation")):
        if mp.mpf(row[key]) > 308.25:
            assert value == math.inf
        else:
            assert is_safe(value, mp.mpf(10) ** mp.mpf(row[key]))
    for local, key in ((False, "log10_global"), (True, "log10_local")):
        bound = prediction.explicit_bound(
            count,
            dimension,
            h,
            float(flatness),
            density,
            perturbation_radius=float(radius),
            loss_bound=float(scale),
            failure_probability=probability,
            local=local,
        )
        assert log_is_safe(bound.log10_total, row[key])
        assert bound.vacuous == (mp.mpf(row[key]) >= mp.log10(mp.mpf(float(scale))))
    assert is_safe(comparators.hoeffding(count, probability, float(scale)), row["hoeffding"])
    shape = comparators.paper_shape(count, dimension, float(flatness), probability)
    assert log_is_safe(mp.log10(mp.mpf(shape.rate)), row["log10_rate"])
    assert log_is_safe(mp.log10(mp.mpf(shape.per_constant)), row["log10_per_constant"])


@pytest.mark.parametrize("row", GOLDEN["starts"], ids=str)
def test_the_bound_speaks_from_the_golden_n_on(row):
    dimension, flatness, variation, weights, scale, probability = row["sizes"]
    named = vacuity.log10_samples_until_below(
        dimension,
        float(flatness),
        DensitySmoothness(float(variation), tuple(weights)),
        loss_bound=float(scale),
        failure_probability=None if probability is None else float(probability),
    )
    assert is_safe(named, row["log10_samples"])


@given(log10_sizes, dimensions, bandwidths, sizes_of_slopes, weights, probabilities)
@example(0, 10**9, 1e-300, 1e6, (1.0,), 1e-300)
@example(300, 10**9, 0.5, 0.0, (0.5, 0.5), 1e-300)
def test_total_variation_is_rounded_up(log10_size, dimension, h, variation, weights, probability):
    count = 10**log10_size
    density = DensitySmoothness(variation, weights)
    root = mp.fsum(mp.sqrt(mp.mpf(w)) for w in weights)
    spread = mp.exp(-(mp.log(count) + dimension * mp.log(2 * mp.mpf(h))) / 2) * root
    oracle = (mp.mpf(h) * dimension / (dimension + 1) * variation + spread) / 2
    deviation = mp.sqrt(mp.log(1 / mp.mpf(probability)) / (2 * mp.mpf(count)))
    for value, expected in (
        (expected_total_variation(count, dimension, h, density), oracle),
        (total_variation_bound(count, dimension, h, density, probability), oracle + deviation),
    ):
        assert value == math.inf if expected > mp.mpf(sys.float_info.max) else is_safe(value, expected)


@given(
    st.integers(1, 10**9),
    st.floats(1e-6, 1e6),
    st.floats(0.0, 1e4),
    weights,
    st.one_of(st.none(), probabilities),
)
def test_below_the_named_n_the_bound_is_vacuous_and_above_it_is_not(
    dimension, flatness, variation, weights, probability
):
    density = DensitySmoothness(variation, weights)
    named = mp.mpf(
        vacuity.log10_samples_until_below(dimension, flatness, density, failure_probability=probability)
    )
    rising = mp.mpf(flatness) + mp.mpf(dimension) / (2 * (dimension + 1)) * variation
    falling = mp.fsum(mp.sqrt(mp.mpf(w)) for w in weights) / 2

    def best(log10_size):
        log_size = log10_size * mp.log(10)
        log_h = (2 * mp.log(dimension * falling / rising) - log_size) / (dimension + 2) - mp.log(2)
        log_h = min(log_h, mp.log(mp.mpf(0.5)))
        value = mp.exp(log_h) * rising + falling * mp.exp(-(log_size + dimension * (log_h + mp.log(2))) / 2)
        if probability is not None:
            value += mp.sqrt(mp.log(1 / mp.mpf(probability)) / 2) * mp.exp(-log_size / 2)
        return value

    assert best(named) < 1
    if named > 0:
        assert best(named * (1 - mp.mpf("1e-10"))) >= 1


@given(
    st.integers(1, 10**12),
    st.integers(1, 50),
    st.floats(1e-3, 0.5),
    st.floats(0.0, 100.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
)
def test_forms_are_their_formulas(count, dimension, h, flatness, variation, radius):
    seen = []

    def of_radius(r):
        seen.append(r)
        return flatness

    bound = prediction.realized_bound(
        h, of_radius, variation, input_dimension=dimension, perturbation_radius=radius, loss_bound=2.0
    )
    assert is_safe(bound.total, mp.mpf(h) * mp.mpf(flatness) + 2 * mp.mpf(variation))
    assert bound.vacuous == (bound.total >= 2.0)
    assert seen[-1] >= max(mp.mpf(radius), mp.mpf(h) - mp.mpf(radius))
    if h <= 2.0 * radius:
        assert seen[-1] == pytest.approx(radius, rel=1e-15)
    local = prediction.realized_bound(
        h, of_radius, variation, input_dimension=dimension, perturbation_radius=radius, loss_bound=2.0, local=True
    )
    assert seen[-1] >= mp.mpf(radius) + mp.mpf(h)
    oracle = mp.mpf(h) * dimension / (dimension + 1) * mp.mpf(flatness) + 2 * mp.mpf(variation)
    assert is_safe(local.total, oracle)


def test_the_rate_is_exact_in_the_statement():
    # d log(bound)/d log N at h = N^(-1/(D+2)) is -1/(D+2) identically: each term is a constant times N^(-1/(D+2)).
    n, d = symbols.N, symbols.D
    form = symbols.h * symbols.F_D + symbols.B * symbols.EXPECTED_VARIATION
    at_rate = form.subs(symbols.h, n ** (-1 / (d + 2)))
    for dimension in (1, 2, 3, 64):
        constant = sympy.simplify(at_rate.subs(d, dimension) * n ** sympy.Rational(1, dimension + 2))
        assert n not in sympy.expand(sympy.powsimp(constant, force=True)).free_symbols


def test_a_grid_of_bandwidths_costs_the_logarithm_of_its_size():
    density, grid = DensitySmoothness(3.6), [2.0**-k for k in range(1, 9)]
    log10 = vacuity.log10_samples_until_below(1, 5.0, density, bandwidths=grid, failure_probability=0.05)
    named = 10.0**log10

    def best(count):
        return min(
            prediction.explicit_bound(
                count, 1, h, 5.0, density, perturbation_radius=0.0, failure_probability=Fraction(1, 20) / 8
            ).total
            for h in grid
        )

    assert best(math.ceil(named) + 1) < 1.0 <= best(math.floor(named) - 1)


def test_every_bandwidth_may_be_chosen_with_a_realized_variation():
    bounds = [
        prediction.realized_bound(h, 5.0, variation, input_dimension=1, perturbation_radius=0.02)
        for h, variation in [(0.25, 0.01), (0.1, 0.02), (0.01, 0.9)]
    ]
    best = min(bounds, key=lambda bound: bound.log10_total)
    assert best.bandwidth == 0.1
    assert best.confidence_term == 0.0


@given(st.integers(1, 10**15), st.integers(1, 3000), st.floats(1e-3, 1e4), st.floats(0.0, 1e3))
def test_no_bandwidth_beats_the_optimal_one(count, dimension, flatness, variation):
    density = DensitySmoothness(variation)
    best = vacuity.optimal_bandwidth(count, dimension, flatness, density)

    def value(h):
        return prediction.explicit_bound(
            count, dimension, h, flatness, density, perturbation_radius=0.0
        ).log10_total

    assert value(best) <= min(value(min(0.5, best * f)) for f in (0.3, 0.9, 0.999, 1.001, 1.1, 3.0)) + 1e-12
    oracle = least_log10_bound(math.log10(count), dimension, flatness, density)
    assert value(best) == pytest.approx(oracle, abs=1e-4)


def test_bandwidths_fixed_in_advance_allow_flatness_as_a_function():
    density = DensitySmoothness(3.6)
    grid = [2.0**-k for k in range(1, 12)]
    number = vacuity.log10_samples_until_below(1, 5.0, density)
    fixed = vacuity.log10_samples_until_below(
        1, lambda radius: 5.0, density, bandwidths=grid, perturbation_radius=0.02
    )
    assert number < fixed < number + 0.5
    assert vacuity.log10_samples_until_below(1, 5.0, density, bandwidths=[0.5]) == math.inf
    with pytest.raises(InvalidInput, match="unless bandwidths"):
        vacuity.log10_samples_until_below(1, lambda radius: 5.0, density)


def test_beyond_half_the_torus_the_sampling_term_is_false_and_refused():
    # Uniform density, one point, two classes: P̂_h has mass 1 on one label, so TV >= 1/2 for every h; the formula
    # without 2h <= 1 would promise E TV <= ½ (2h)^(-1/2) √2 < 1/2 from h = 1 on.
    assert 0.5 * (2.0 * 5.0) ** -0.5 * math.sqrt(2.0) < 0.5
    with pytest.raises(InvalidInput, match="1/2"):
        expected_total_variation(1, 1, 5.0, DensitySmoothness(0.0))
    with pytest.raises(InvalidInput, match="1/2"):
        vacuity.log10_samples_until_below(1, 5.0, DensitySmoothness(0.0), bandwidths=[0.75])


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_local_constant_is_attained_in_every_dimension(dimension):
    # Equally spaced points 2h apart, δ = 0, ℓ = slope·‖x - nearest‖∞: the gap is slope·h·E‖Z‖∞ = slope·h·D/(D+1).
    generator = np.random.default_rng(0)
    distance = np.abs(2.0 * generator.random((400_000, dimension)) - 1.0).max(axis=1)
    assert distance.mean() == pytest.approx(dimension / (dimension + 1), abs=4e-3)


@given(st.integers(1, 10**6), st.integers(1, 6), st.floats(0.0, 100.0))
def test_lipschitz_wasserstein_is_the_best_of_its_levels(count, dimension, lipschitz):
    found = comparators.lipschitz_wasserstein(count, dimension, lipschitz)

    def at(level):
        steps = mp.fsum(
            mp.mpf(2) ** -(j + 1) * mp.sqrt(mp.mpf(2) * mp.mpf(2) ** (j * dimension) / count)
            for j in range(1, level + 1)
        )
        return mp.mpf(lipschitz) * (mp.mpf(2) ** -level + steps) + mp.sqrt(mp.mpf(2) / count) / 2

    assert is_safe(found.total, at(found.level))
    assert all(at(level) >= at(found.level) * (1 - mp.mpf("1e-20")) for level in range(25))


def test_lipschitz_wasserstein_holds_for_the_distance_to_the_sample():
    for seed in range(20):
        points = np.sort(np.random.default_rng(seed).random(16))
        x = (np.arange(4000) + 0.5) / 4000
        gap = np.abs(x[:, None] - points).min(axis=1).mean()  # 0 on the sample, slope 1
        assert gap <= comparators.lipschitz_wasserstein(16, 1, 1.0, num_classes=1).total


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: expected_total_variation(0, 1, 0.1, DensitySmoothness(0.0)), "num_samples"),
        (lambda: expected_total_variation(1, 0, 0.1, DensitySmoothness(0.0)), "input_dimension"),
        (lambda: expected_total_variation(1, 1, 0.0, DensitySmoothness(0.0)), "bandwidth"),
        (lambda: DensitySmoothness(-1.0), "gradient_variation"),
        (lambda: DensitySmoothness(math.nan), "gradient_variation"),
        (lambda: DensitySmoothness(1.0, (0.5, 0.6)), "class_weights"),
        (lambda: DensitySmoothness(1.0, ()), "class_weights"),
        (lambda: total_variation_bound(1, 1, 0.1, DensitySmoothness(0.0), 0.0), "failure_probability"),
        (
            lambda: prediction.realized_bound(0.1, -1.0, 0.5, input_dimension=1, perturbation_radius=0.1),
            "flatness",
        ),
        (
            lambda: prediction.realized_bound(0.1, 1.0, 1.5, input_dimension=1, perturbation_radius=0.1),
            "total_variation",
        ),
        (
            lambda: prediction.realized_bound(0.1, math.nan, 0.5, input_dimension=1, perturbation_radius=0.1),
            "flatness",
        ),
        (lambda: comparators.hoeffding(10, 1.0), "failure_probability"),
        (lambda: comparators.lipschitz_wasserstein(10, 1, math.inf), "lipschitz"),
        (lambda: vacuity.log10_samples_until_below(1, 1.0, DensitySmoothness(0.0), level=0.0), "level"),
    ],
)
def test_invalid_input_is_named(call, name):
    with pytest.raises(InvalidInput) as error:
        call()
    assert error.value.name == name
