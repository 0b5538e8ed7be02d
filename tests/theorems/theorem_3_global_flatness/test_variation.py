"""Densities, realized and expected total variation: three routes, the golden file, and the torus's wrap-around."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rechecking import judge_claim
from scipy import integrate, stats

from cgro_theory.claims import Outcome
from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.catalogue import checked_claim
from cgro_theory.theorems.theorem_3_global_flatness.claims.variation import (
    check_rate,
    explicit_exponents,
    realized_exponent,
)
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import RateLadder, TorusRuns
from cgro_theory.theorems.theorem_3_global_flatness.theory.density import TorusDensity, TorusSample, cell_counts
from cgro_theory.theorems.theorem_3_global_flatness.theory.expected_variation import expected_variation
from cgro_theory.theorems.theorem_3_global_flatness.theory.realized_variation import (
    enclosed_variation,
    estimated_variation,
    exact_variation,
)
from cgro_theory.theorems.theorem_3_global_flatness.theory.vacuity import rate_bandwidth
from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import expected_total_variation

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "theorem_3_bounds.json").read_text())

amplitudes = st.floats(0.0, 1.0)
seeds = st.integers(0, 10**6)
half_widths = st.one_of(st.just(0.5), st.floats(1e-3, 0.5))


def draw(density, count, seed):
    return density.sample(count, np.random.default_rng(seed))


def brute_force(sample, bandwidth, density, side):
    """½ Σ_y mean over a fine grid of |P̂_h - πp|, every distance on the torus written out."""
    axis = (np.arange(side) + 0.5) / side
    points = np.stack(np.meshgrid(*[axis] * density.input_dimension, indexing="ij"), -1)
    points = points.reshape(-1, density.input_dimension)
    total = 0.0
    for index in range(2):
        own = sample.points[sample.classes == index]
        distance = np.abs(points[:, None, :] - own[None, :, :])
        inside = (np.minimum(distance, 1.0 - distance).max(axis=2) <= bandwidth).sum(axis=1)
        heights = inside / (sample.num_samples * (2 * bandwidth) ** density.input_dimension)
        target = density.class_weights[index] * np.prod(
            1 + density.amplitude * np.cos(2 * np.pi * points + density.phases[index]), axis=1
        )
        total += np.abs(heights - target).mean()
    return total / 2


@pytest.mark.parametrize("row", GOLDEN["variations"], ids=lambda row: row["bandwidth"])
def test_exact_and_enclosed_variation_agree_with_the_golden_file(row):
    points = np.array([[float(x)] for x, _ in GOLDEN["sample"]])
    classes = np.array([0 if label == 1 else 1 for _, label in GOLDEN["sample"]])
    density = TorusDensity(1, float(GOLDEN["amplitude"]))
    sample, width = TorusSample(points, classes), float(row["bandwidth"])
    assert exact_variation(sample, width, density) == pytest.approx(float(row["variation"]), abs=1e-14)
    enclosure = enclosed_variation(sample, width, density, 4096)
    assert enclosure.low <= float(row["variation"]) <= enclosure.high
    assert enclosure.width < 0.01


@given(st.integers(1, 30), seeds, amplitudes, half_widths, st.floats(0.05, 0.95))
def test_exact_variation_is_brute_force(count, seed, amplitude, bandwidth, weight):
    density = TorusDensity(1, amplitude, class_weights=(weight, 1.0 - weight))
    sample = draw(density, count, seed)
    # The grid misplaces each of at most 2N jumps by half a cell of height 1/(2hN).
    error = 0.5 / 4000 / bandwidth + 1e-5
    assert exact_variation(sample, bandwidth, density) == pytest.approx(
        brute_force(sample, bandwidth, density, 4000), abs=error
    )


@given(st.integers(1, 40), seeds, amplitudes, half_widths, st.floats(0.0, 1.0))
def test_variation_does_not_know_where_the_torus_is_cut(count, seed, amplitude, bandwidth, shift):
    density = TorusDensity(1, amplitude)
    sample = draw(density, count, seed)
    moved = TorusSample(np.mod(sample.points + shift, 1.0), sample.classes)
    turned = TorusDensity(1, amplitude, phases=tuple(phase - 2 * np.pi * shift for phase in density.phases))
    assert exact_variation(moved, bandwidth, turned) == pytest.approx(
        exact_variation(sample, bandwidth, density), abs=1e-9
    )


@given(st.integers(1, 200), seeds, amplitudes, st.integers(1, 512))
def test_enclosure_contains_the_exact_variation(count, seed, amplitude, steps):
    density, bandwidth = TorusDensity(1, amplitude), steps / 1024
    sample = draw(density, count, seed)
    enclosure = enclosed_variation(sample, bandwidth, density, 512)
    assert enclosure.low <= exact_variation(sample, bandwidth, density) <= enclosure.high


@pytest.mark.parametrize(("dimension", "side", "cells"), [(2, 300, 512), (3, 50, 64)])
def test_enclosure_contains_brute_force_in_more_dimensions(dimension, side, cells):
    density = TorusDensity(dimension, 0.9)
    for seed, bandwidth in ((0, 0.25), (1, 0.375), (2, 0.125)):
        sample = draw(density, 40, seed)
        enclosure = enclosed_variation(sample, bandwidth, density, cells)
        brute = brute_force(sample, bandwidth, density, side)
        error = 0.5 * dimension / side / bandwidth  # as above, per axis
        assert enclosure.low - error <= brute <= enclosure.high + error
        estimate = estimated_variation(sample, bandwidth, density, 20_000, np.random.default_rng(seed))
        assert estimate == pytest.approx(brute, abs=2 * error)


def test_enclosure_of_a_tiling_is_tight():
    # Points 2h apart under the uniform density: P̂_h is uniform, so TV = 0; in D = 2 likewise.
    axis = (np.arange(4) + 0.5) / 4
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    sample = TorusSample(points, np.zeros(16, dtype=np.int64))
    density = TorusDensity(2, 0.0, class_weights=(1.0, 0.0))
    assert enclosed_variation(sample, 0.125, density, 64).high < 1e-8


@pytest.mark.parametrize(("dimension", "count"), [(1, 1), (1, 2), (1, 50), (2, 60), (3, 60)])
def test_expected_variation_is_the_mean_of_realized_ones(dimension, count):
    density, bandwidth = TorusDensity(dimension, 0.9), {1: 0.2, 2: 0.25, 3: 0.25}[dimension]
    runs = 4000 if dimension == 1 else 150
    values = []
    for seed in range(runs):
        generator = np.random.default_rng([seed, dimension, count])
        sample = density.sample(count, generator)
        if dimension == 1:
            values.append(exact_variation(sample, bandwidth, density))
        else:
            values.append(estimated_variation(sample, bandwidth, density, 400, generator))
    error = stats.sem(values)
    # Five standard errors: coverage above 1 - 1e-6; 2e-3 for the quadrature.
    expected = expected_variation(count, bandwidth, density)
    assert abs(np.mean(values) - expected) <= 5 * error + 2e-3 * expected


def test_expected_variation_by_hand():
    # One point, uniform, h = 1/2: P̂_h is uniform on one label, so TV = 1/2 always.
    assert expected_variation(1, 0.5, TorusDensity(1, 0.0)) == pytest.approx(0.5)
    # N points: TV = |N_+/N - 1/2|; for N = 2 it is 1/2 with probability 1/2, else 0.
    assert expected_variation(2, 0.5, TorusDensity(1, 0.0)) == pytest.approx(0.25)


@given(st.integers(1, 10**7), st.sampled_from([1, 2, 3]), amplitudes, st.floats(0.02, 0.5))
def test_expected_variation_obeys_the_explicit_bound(count, dimension, amplitude, bandwidth):
    density = TorusDensity(dimension, amplitude)
    value = expected_variation(count, bandwidth, density, nodes={1: 512, 2: 32, 3: 12}[dimension])
    bound = expected_total_variation(count, dimension, bandwidth, density.smoothness)
    assert value <= bound * 1.01
    # E|Z_k| = 1/2 in place of E‖Z‖∞ = D/(D+1) also bounds E|Z·∇p|, and is sharper.
    gained = dimension / (dimension + 1) - 0.5
    assert value <= (bound - bandwidth * gained * density.smoothness.gradient_variation / 2) * 1.01


def test_one_sample_moves_the_variation_by_at_most_one_over_n():
    density = TorusDensity(1, 0.9)
    for seed in range(50):
        sample = draw(density, 12, seed)
        other = draw(density, 1, seed + 1000)
        points, classes = sample.points.copy(), sample.classes.copy()
        points[3], classes[3] = other.points[0], other.classes[0]
        changed = exact_variation(TorusSample(points, classes), 0.1, density)
        assert abs(changed - exact_variation(sample, 0.1, density)) <= 1 / 12 + 1e-12


def test_in_one_dimension_the_local_exponent_comes_from_above():
    # theory.md 4.3 says that E TV at h = N^(-1/3) is at least as steep as N^(-1/3): over single decades it is not,
    # because the variance of a binomial count is m(1 - m) and not m. Quadrature converged: two grids agree.
    for amplitude, start in ((0.9, 10**5), (0.5, 10**3), (0.0, 10**2)):
        density, slopes = TorusDensity(1, amplitude), []
        for nodes in (4096, 12288):
            pair = [expected_variation(n, rate_bandwidth(n, 1), density, nodes=nodes) for n in (start, 10 * start)]
            slopes.append(3 * math.log10(pair[1] / pair[0]))
        assert slopes[0] == pytest.approx(slopes[1], abs=3e-4)
        assert min(slopes) > -1.0 + 1e-3
        mass = rate_bandwidth(start, 1) * (1 + amplitude)  # the largest share of the points in one box
        assert max(slopes) < -1.0 + 0.5 * mass / (1 - mass)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_without_bias_the_exponent_is_above_the_rate(dimension):
    # A uniform density has no bias: what is left is the sampling part, less the share of the points in a box.
    density = TorusDensity(dimension, 0.0)
    sizes = (10**2, 10**6)
    pair = [expected_variation(n, rate_bandwidth(n, dimension), density) for n in sizes]
    assert -1.0 + 0.01 < (dimension + 2) * math.log10(pair[1] / pair[0]) / 4 < -0.9


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_explicit_exponent_is_exact(dimension):
    density = TorusDensity(dimension, 0.9)
    found = explicit_exponents(density)
    assert -1.0 - 1e-12 < found.low <= -1.0 <= found.high < -1.0 + 1e-12
    shifted = explicit_exponents(density, lambda count, d: math.exp(math.log(count) * (0.1 - 1.0 / (d + 2))))
    assert shifted.low > -0.95 or shifted.high < -1.05


def test_realized_exponent_of_a_known_law():
    sizes = (100, 1000, 10_000)
    generator = np.random.default_rng(0)
    rows = tuple(tuple(n**-0.4 * np.exp(0.05 * generator.standard_normal(40))) for n in sizes)
    ladder = RateLadder(TorusDensity(1, 0.9), sizes, (0.1, 0.1, 0.1), rows, (1.0, 1.0, 1.0))
    estimate, interval, _ = realized_exponent(ladder, 1e-3)
    assert interval.low < -1.2 < interval.high
    assert interval.width < 0.1
    assert estimate == pytest.approx(-1.2, abs=0.03)


@pytest.mark.parametrize("order", [1, -1])
def test_an_exponent_outside_refutes_beside_one_that_is_uncertain(order):
    """At D = 1 the exponent is surely -0.2·3, above -1; at D = 2 nobody knows."""
    sizes = (100, 1000, 10_000)
    generator = np.random.default_rng(880004)
    ladders = []
    for dimension, exponent, noise, count in ((1, -0.2, 0.01, 40), (2, -0.3, 0.8, 4)):
        rows = tuple(tuple(n**exponent * np.exp(noise * generator.standard_normal(count))) for n in sizes)
        widths = tuple(rate_bandwidth(n, dimension) for n in sizes)
        ladders.append(RateLadder(TorusDensity(dimension, 0.9), sizes, widths, rows, (1.0, 1.0, 1.0)))
    entry = checked_claim("theorem_3.rate")
    runs = TorusRuns("quick", 0, rate_ladders=tuple(ladders[::order]))
    assert judge_claim(entry.claim, check_rate, runs, 1e-3).outcome is Outcome.REFUTED
    alone = replace(runs, rate_ladders=(ladders[1],))
    assert judge_claim(entry.claim, check_rate, alone, 1e-3).outcome is Outcome.INCONCLUSIVE


@given(amplitudes, st.floats(-10.0, 10.0))
def test_smoothness_is_the_integral_of_the_gradient(amplitude, phase):
    density = TorusDensity(1, amplitude, phases=(phase, phase + 1.0))
    x = (np.arange(20_000) + 0.5) / 20_000
    slope = np.abs(np.gradient(density.axis_density(0, x), x)).mean()
    assert density.smoothness.gradient_variation == pytest.approx(slope, abs=2e-3)
    assert TorusDensity(3, amplitude).smoothness.gradient_variation == pytest.approx(12 * amplitude)


def test_masses_and_samples_follow_the_density():
    density = TorusDensity(2, 0.8, phases=(0.3, 2.0), class_weights=(0.25, 0.75))
    masses = np.stack([density.cell_masses(index, 8) for index in range(2)])
    assert masses.sum() == pytest.approx(1.0)
    joint, _ = integrate.dblquad(
        lambda y, x: float(density.joint_density(1, np.array([[x, y]]))[0]), 0.25, 0.375, 0.5, 0.625
    )
    assert masses[1, 2, 4] == pytest.approx(joint)
    sample = draw(density, 20_000, 0)
    counts = cell_counts(sample, 8)
    assert counts.sum() == 20_000
    statistic = ((counts - 20_000 * masses) ** 2 / (20_000 * masses)).sum()
    assert statistic < stats.chi2.isf(1e-6, masses.size - 1)
    brute = [np.sum((np.floor(sample.points * 8) == cell).all(axis=1)) for cell in ((0, 0), (7, 3))]
    assert brute == [counts[:, 0, 0].sum(), counts[:, 7, 3].sum()]


@pytest.mark.parametrize(
    "call",
    [
        lambda s, d: exact_variation(s, 0.0, d),
        lambda s, d: exact_variation(s, 0.6, d),
        lambda s, d: exact_variation(s, 0.1, TorusDensity(2, 0.5)),
        lambda s, d: enclosed_variation(s, 0.1, d, 64),
        lambda s, d: TorusDensity(1, 1.5),
        lambda s, d: TorusDensity(0, 0.5),
        lambda s, d: TorusDensity(1, 0.5, class_weights=(0.5, 0.6)),
        lambda s, d: d.sample(0, np.random.default_rng(0)),
    ],
)
def test_invalid_input_is_refused(call):
    density = TorusDensity(1, 0.5)
    with pytest.raises(InvalidInput):
        call(draw(density, 5, 0), density)
