"""Theorem 3's pieces by other routes: binomial sums, grids, 60 digits, D = 1 to 3, B other than 1, h > 2δ."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from oracles import sigmoid_loss
from scipy import integrate, stats

from cgro_theory.claims import Interval
from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.theorem_3_global_flatness.theory import bounds, comparators, enclosure, vacuity
from cgro_theory.theorems.theorem_3_global_flatness.theory.density import TorusDensity, TorusSample, cell_counts
from cgro_theory.theorems.theorem_3_global_flatness.theory.expected_variation import expected_variation
from cgro_theory.theorems.theorem_3_global_flatness.theory.periodic_network import PeriodicNetwork
from cgro_theory.theorems.theorem_3_global_flatness.theory.realized_variation import (
    _swing,
    enclosed_variation,
    estimated_variation,
    exact_variation,
    variation_ends,
)
from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import (
    DensitySmoothness,
    expected_total_variation,
    total_variation_bound,
)

mp = mpmath.mp.clone()
mp.dps = 60
UNEVEN = TorusDensity(1, 0.7, (0.4, 2.9), (0.3, 0.7))


def density_at(density, index, point):
    """π_y p_y, written out."""
    product = density.class_weights[index]
    for x in point:
        product *= 1 + density.amplitude * math.cos(2 * math.pi * x + density.phases[index])
    return product


def a_density(dimension):
    return TorusDensity(dimension, 0.7, (0.4, 2.9), (0.3, 0.7))


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_densities_and_their_masses(dimension):
    density = a_density(dimension)
    rng = np.random.default_rng(880800)
    points = rng.random((5, dimension))
    for index in range(2):
        expected = [density_at(density, index, point) for point in points]
        assert density.joint_density(index, points) == pytest.approx(expected, rel=1e-12)
        masses = density.cell_masses(index, 4)
        assert masses.shape == (4,) * dimension
        assert masses.sum() == pytest.approx(density.class_weights[index], rel=1e-12)
        sure = TorusDensity(1, 0.7, (0.4, 2.9), (1.0, 0.0) if index == 0 else (0.0, 1.0))
        one = [
            integrate.quad(lambda x, i=index, law=sure: density_at(law, i, [x]), k / 4, (k + 1) / 4)[0]
            for k in range(4)
        ]
        for cell in itertools.product(range(4), repeat=dimension):
            assert masses[cell] == pytest.approx(
                density.class_weights[index] * math.prod(one[k] for k in cell), rel=1e-9
            )
    assert density.smoothness.gradient_variation == pytest.approx(4 * 0.7 * dimension)
    assert density.smoothness.class_weights == (0.3, 0.7)
    assert TorusDensity(dimension, 0.7, class_weights=(1.0, 0.0)).smoothness.class_weights == (1.0,)


def test_samples_follow_their_density():
    density = a_density(2)
    sample = density.sample(40_000, np.random.default_rng(880801))
    assert sample.num_samples == 40_000
    assert np.mean(sample.classes == 0) == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / 40_000))
    counts = cell_counts(sample, 4)
    assert counts.shape == (2, 4, 4)
    assert counts.sum() == 40_000
    expected = np.stack([density.cell_masses(index, 4) for index in range(2)]) * 40_000
    assert stats.chisquare(counts.ravel(), expected.ravel()).pvalue > 1e-6
    point = TorusSample(np.array([[0.3, 0.8], [0.999, 0.0]]), np.array([1, 0]))
    counts = cell_counts(point, 4)
    assert counts[1, 1, 3] == counts[0, 3, 0] == 1.0
    assert counts.sum() == 2.0
    assert point.of_class(1).tolist() == [[0.3, 0.8]]


@pytest.mark.parametrize(
    "values",
    [{"amplitude": 1.1}, {"amplitude": -0.1}, {"class_weights": (0.5, 0.6)}, {"class_weights": (-0.1, 1.1)},
     {"input_dimension": 0}],
)  # fmt: skip
def test_no_density_outside_its_domain(values):
    with pytest.raises(InvalidInput):
        TorusDensity(**{"input_dimension": 1, "amplitude": 0.5, **values})
    TorusDensity(1, 1.0)
    TorusDensity(1, 0.0, class_weights=(0.0, 1.0))


def counted_variation(sample, h, density, side):
    """½ Σ_y mean |P̂_h - π p| over a fine lattice, boxes counted point by point."""
    dimension = density.input_dimension
    axis = (np.arange(side) + 0.5) / side
    total = 0.0
    for point in itertools.product(axis, repeat=dimension):
        for index in range(2):
            gaps = np.abs(sample.points[sample.classes == index] - np.array(point))
            inside = (np.minimum(gaps, 1 - gaps) <= h).all(axis=1).sum()
            height = inside / (sample.num_samples * (2 * h) ** dimension)
            total += abs(height - density_at(density, index, point))
    return total / 2 / side**dimension


@pytest.mark.parametrize("h", [0.03125, 0.25, 0.5])
def test_the_variation_of_a_sample_is_what_a_lattice_counts(h):
    sample = UNEVEN.sample(9, np.random.default_rng(880802))
    expected = counted_variation(sample, h, UNEVEN, 4000)
    assert exact_variation(sample, h, UNEVEN) == pytest.approx(expected, abs=2e-3)
    ends = variation_ends(sample, h, UNEVEN, 64)
    assert ends.low <= exact_variation(sample, h, UNEVEN) <= ends.high
    assert ends.width < 1e-6
    flat = TorusDensity(1, 0.0, class_weights=(0.3, 0.7))
    assert exact_variation(sample, h, flat) == pytest.approx(counted_variation(sample, h, flat, 4000), abs=2e-3)
    only = TorusDensity(1, 0.7, (0.4, 2.9), (0.0, 1.0))
    assert exact_variation(sample, h, only) == pytest.approx(counted_variation(sample, h, only, 4000), abs=2e-3)
    wide = enclosed_variation(sample, h, UNEVEN, 1024)
    assert wide.low <= exact_variation(sample, h, UNEVEN) <= wide.high
    estimates = [estimated_variation(sample, h, UNEVEN, 50, np.random.default_rng(k)) for k in range(200)]
    error = np.std(estimates) / math.sqrt(200)
    assert np.mean(estimates) == pytest.approx(exact_variation(sample, h, UNEVEN), abs=5 * error + 1e-9)


def test_the_variation_in_the_plane_is_enclosed_and_estimated():
    density = a_density(2)
    sample = density.sample(12, np.random.default_rng(880803))
    expected = counted_variation(sample, 0.25, density, 120)
    found = enclosed_variation(sample, 0.25, density, 256)
    assert found.low - 2e-3 <= expected <= found.high + 2e-3
    assert found.width < 0.05
    estimates = [estimated_variation(sample, 0.25, density, 400, np.random.default_rng(k)) for k in range(100)]
    assert np.mean(estimates) == pytest.approx(expected, abs=5 * np.std(estimates) / 10 + 2e-3)
    for h, cells in ((0.3, 8), (0.6, 10), (0.0, 8)):
        with pytest.raises(InvalidInput):
            enclosed_variation(sample, h, density, cells)


def test_the_two_ends_of_the_enclosed_variation_are_reached():
    """A point whose box fits the grid, over a uniform density: both ends are the exact 1 - (2h)²."""
    density = TorusDensity(2, 0.0, class_weights=(1.0, 0.0))
    sample = TorusSample(np.array([[0.5, 0.5]]), np.array([0]))
    found = enclosed_variation(sample, 0.25, density, 4)
    assert found.low == pytest.approx(0.75, abs=1e-8)
    assert found.high == pytest.approx(0.75, abs=1e-8)
    between = TorusSample(np.array([[0.5625, 0.5]]), np.array([0]))  # a quarter of a cell further
    blurred = enclosed_variation(between, 0.25, density, 4)
    assert blurred.low <= 0.75 <= blurred.high
    assert blurred.width == pytest.approx(0.25 * 0.75 / (0.25 * 4), abs=1e-8)  # φ(1 - φ)/(h·cells) of the one axis


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_swing_bounds_the_density_over_a_cell_and_is_reached(dimension):
    density = a_density(dimension)
    for index in range(2):
        slope = density.class_weights[index] * dimension * 1.7 ** (dimension - 1) * 2 * math.pi * 0.7
        assert _swing(density, index, 16) == pytest.approx(slope / 16, rel=1e-12)


def binomial_variation(num_samples, h, density, side):
    """E TV by summing the binomial law of every count, at the midpoints of a grid."""
    dimension = density.input_dimension
    axis = (np.arange(side) + 0.5) / side
    scale = num_samples * (2 * h) ** dimension
    total = 0.0
    for index in range(2):
        for point in itertools.product(axis, repeat=dimension):
            mass = density.class_weights[index]
            for x in point:
                part = density.amplitude / (2 * math.pi)
                phase = density.phases[index]
                mass *= 2 * h + part * (
                    math.sin(2 * math.pi * (x + h) + phase) - math.sin(2 * math.pi * (x - h) + phase)
                )
            counts = np.arange(num_samples + 1)
            law = stats.binom.pmf(counts, num_samples, mass)
            total += float(law @ np.abs(counts / scale - density_at(density, index, point)))
    return total / 2 / side**dimension


@pytest.mark.parametrize(("dimension", "side"), [(1, 60), (2, 12), (3, 5)])
def test_the_expected_variation_is_the_sum_over_all_counts(dimension, side):
    density = a_density(dimension)
    for samples, h in ((1, 0.2), (7, 0.1), (20, 0.5)):
        found = expected_variation(samples, h, density, nodes=side)
        assert found == pytest.approx(binomial_variation(samples, h, density, side), rel=1e-9)
    default = expected_variation(7, 0.2, density)
    assert default == expected_variation(7, 0.2, density, nodes={1: 4096, 2: 96, 3: 28}[dimension])
    assert default == pytest.approx(
        expected_variation(7, 0.2, density, nodes={1: 1024, 2: 64, 3: 20}[dimension]), rel=5e-3
    )


def a_network(dimension, seed=0, width=4):
    rng = np.random.default_rng([880804, seed])
    shape = (width, dimension, 2)
    return PeriodicNetwork(
        0.4 * rng.standard_normal(shape), 0.4 * rng.standard_normal(shape), rng.standard_normal(width),
        rng.standard_normal(width), 0.3,
    )  # fmt: skip


def output(network, point):
    total = network.offset
    for j in range(len(network.biases)):
        inner = network.biases[j]
        for k, x in enumerate(point):
            for m in range(network.cosines.shape[2]):
                angle = 2 * mpmath.pi * (m + 1) * x
                inner += network.cosines[j, k, m] * mpmath.cos(angle) + network.sines[j, k, m] * mpmath.sin(angle)
        total += network.outputs[j] * mpmath.tanh(inner)
    return total


def axis_part(network, unit, axis, x):
    total = 0
    for m in range(network.cosines.shape[2]):
        angle = 2 * mpmath.pi * (m + 1) * x
        total += network.cosines[unit, axis, m] * mpmath.cos(angle)
        total += network.sines[unit, axis, m] * mpmath.sin(angle)
    return total


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_periodic_network_is_its_formula(dimension):
    network = a_network(dimension)
    points = np.random.default_rng(880805).random((3, dimension))
    assert network.values(points) == pytest.approx([float(output(network, point)) for point in points], rel=1e-12)
    assert network.frequencies == pytest.approx([2 * math.pi, 4 * math.pi])
    for axis in range(dimension):
        for order in range(3):
            x = points[:, axis]
            expected = [
                [
                    float(mpmath.diff(lambda t, j=j, k=axis: axis_part(network, j, k, t), value, order))
                    for j in range(4)
                ]
                for value in x
            ]  # fmt: skip
            found = network.axis_terms(axis, x, order)
            assert found == pytest.approx(np.array(expected), rel=1e-6, abs=1e-6)
            grid = np.abs(network.axis_terms(axis, np.linspace(0, 1, 400), order)).max(axis=0)
            assert np.all(grid <= network.axis_bound(axis, order))
            single = PeriodicNetwork(
                network.cosines[:, :, :1], network.sines[:, :, :1], network.biases, network.outputs, 0.0
            )
            grid = np.abs(single.axis_terms(axis, np.linspace(0, 1, 4000), order)).max(axis=0)
            assert grid == pytest.approx(single.axis_bound(axis, order), rel=1e-4)
    for value in (-800.0, -1.0, 0.0, 2.5, 800.0):
        for label in (1, -1):
            expected = float(1 / (1 + mpmath.exp(label * value)))
            assert sigmoid_loss(np.array([value]), label)[0] == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("dimension", [1, 2])
def test_the_fields_enclose_loss_gradient_and_curvature_and_shrink_to_them(dimension):
    """Against central differences in 30 digits at centres and corners; widths fall like the cubes' sides."""
    network = a_network(dimension)

    def loss(*x):
        return 1 / (1 + mpmath.exp(output(network, x)))

    widths = []
    for cells in (32, 128):
        fields = enclosure.enclose_loss(network, cells)
        for cell in itertools.product((0, cells // 3, cells - 1), repeat=dimension):
            for place in (0.5, 0.02, 0.98):
                x = [(k + place) / cells for k in cell]
                with mpmath.workdps(30):
                    value = loss(*x)
                    slope = [
                        mpmath.diff(loss, tuple(x), tuple(int(k == axis) for k in range(dimension)))
                        for axis in range(dimension)
                    ]
                    size = sum(abs(s) for s in slope)
                assert fields.loss_low[cell] <= value <= fields.loss_high[cell]
                assert fields.gradient_low[cell] <= size <= fields.gradient_high[cell]
                if place == 0.5:
                    assert fields.centre_loss_low[cell] <= value <= fields.centre_loss_high[cell]
                    assert fields.centre_loss_high[cell] - fields.centre_loss_low[cell] < 1e-6
                    assert size - 1e-6 <= fields.centre_gradient[cell] <= size
                    with mpmath.workdps(30):
                        hessian = [
                            [
                                mpmath.diff(
                                    loss, tuple(x), tuple(int(k == a) + int(k == b) for k in range(dimension))
                                )
                                for a in range(dimension)
                            ]
                            for b in range(dimension)
                        ]
                        norm = max(
                            sum(abs(sum(row[k] * s[k] for k in range(dimension))) for row in hessian)
                            for s in itertools.product((1, -1), repeat=dimension)
                        )
                    assert norm - 1e-5 <= fields.centre_curvature[cell] <= norm + 1e-9
                    assert fields.curvature_high[cell] >= norm
        widths.append([
            float(np.max(fields.loss_high - fields.loss_low)),
            float(np.max(fields.gradient_high - fields.gradient_low)),
            float(np.max(fields.curvature_high - fields.centre_curvature)),
        ])  # fmt: skip
    for wide, narrow in zip(widths[0][:2], widths[1][:2], strict=True):
        assert 0.15 * wide < narrow < 0.4 * wide
    assert widths[1][2] < widths[0][2]  # units are added by size, so this one has a limit above 0


def test_means_and_differences_are_rounded_outward():
    weights = np.array([0.5, 0.5])
    found = enclosure.mean_over(weights, (np.array([1.0, 2.0]), np.array([-3.0, 9.0])))
    assert found.low == pytest.approx(1.5 - 1e-9 * 10, abs=1e-12)
    assert found.high == pytest.approx(3.0 + 1e-9 * 10, abs=1e-12)
    between = enclosure.difference(Interval(1.0, 2.0), Interval(0.25, 0.5))
    assert between == Interval(0.5, 1.75).outward()
    gain = enclosure.attack_gain_bound(0.5, Interval(2.0, 3.0), Interval(4.0, 8.0))
    assert (gain.low, gain.high) == pytest.approx((0.5 * 2 - 0.125 * 8, 0.5 * 3 - 0.125 * 4), abs=1e-14)
    assert gain.low < 0.0 < 1.0 < gain.high


def test_maxima_over_balls_look_at_the_right_cubes():
    """Cells of side 1/8: a ball of radius r holds the centres within r - 1/16, and meets cubes within r + 1/8."""
    values = np.zeros(8)
    values[3] = 1.0
    for radius, inside, outside in ((0.0, -1, 1), (0.07, 0, 1), (0.19, 1, 2), (0.3, 1, 3), (0.32, 2, 3)):
        assert enclosure.reach_inside(radius, 8) == inside
        assert enclosure.reach_outside(radius, 8) == outside
        low, high = enclosure.maximum_over_ball(0.0 * values, values, values, radius, 8)
        expected = [1.0 if inside >= 0 and min((i - 3) % 8, (3 - i) % 8) <= inside else 0.0 for i in range(8)]
        assert low.tolist() == expected
        if radius > 0:
            expected = [1.0 if min((i - 3) % 8, (3 - i) % 8) <= outside else 0.0 for i in range(8)]
            assert high.tolist() == expected
        else:
            assert high.tolist() == values.tolist()
    plane = np.zeros((4, 4))
    plane[0, 3] = 2.0
    assert enclosure.ball_maximum(plane, 1)[3, 2] == enclosure.ball_maximum(plane, 1)[1, 0] == 2.0
    assert enclosure.ball_maximum(plane, 1)[2, 3] == 0.0
    assert np.all(enclosure.ball_maximum(plane, 2) == 2.0)
    assert np.all(enclosure.ball_maximum(plane, 0) == plane)


def test_the_robust_loss_holds_for_both_labels():
    network = a_network(1)
    fields = enclosure.enclose_loss(network, 64)
    low, high = enclosure.robust_loss(fields, 0.1)
    grid = np.linspace(0, 1, 641)[:-1]
    for index, label in enumerate((1, -1)):
        for cell in range(0, 64, 7):
            x = (cell + 0.5) / 64
            gaps = np.abs(grid - x)
            near = grid[np.minimum(gaps, 1 - gaps) <= 0.1]
            worst = sigmoid_loss(network.values(near[:, None]), label).max()
            assert low[index, cell] <= worst + 1e-3
            assert high[index, cell] >= worst
            assert high[index, cell] - low[index, cell] < 0.15


# The bounds, in 60 digits.

DENSITY = DensitySmoothness(2.5, (0.25, 0.75))


def exact_parts(samples, dimension, h, flatness, scale, failure, local):
    samples, h, scale = mp.mpf(samples), mp.mpf(h), mp.mpf(scale)
    slope = mp.mpf(flatness) * (mp.mpf(dimension) / (dimension + 1) if local else 1)
    spread = (mp.sqrt(mp.mpf("0.25")) + mp.sqrt(mp.mpf("0.75"))) / mp.sqrt(samples * (2 * h) ** dimension)
    variation = (h * mp.mpf(dimension) / (dimension + 1) * mp.mpf("2.5") + spread) / 2
    confidence = 0 if failure is None else mp.sqrt(mp.log(1 / mp.mpf(failure)) / (2 * samples))
    return h * slope, scale * variation, scale * confidence


def is_rounded_up(value, exact_value):
    return exact_value <= mp.mpf(value) <= exact_value * (1 + mp.mpf(2) ** -50) + mp.mpf("1e-300")


@pytest.mark.parametrize("dimension", [1, 2, 7])
@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("scale", [1.0, 3.5])
@pytest.mark.parametrize("failure", [None, 0.03])
def test_the_explicit_bound_is_the_sum_of_its_rounded_parts(dimension, local, scale, failure):
    for samples, h, radius in ((100, 0.3, 0.05), (10**9, 0.01, 0.2)):
        found = bounds.explicit_bound(
            samples, dimension, h, 1.7, DENSITY, perturbation_radius=radius, loss_bound=scale,
            failure_probability=failure, local=local,
        )  # fmt: skip
        parts = exact_parts(samples, dimension, h, 1.7, scale, failure, local)
        assert is_rounded_up(found.flatness_term, parts[0])
        assert is_rounded_up(found.variation_term, parts[1])
        assert is_rounded_up(found.confidence_term, parts[2])
        assert is_rounded_up(found.total, sum(parts))
        assert found.log10_total == pytest.approx(float(mp.log10(sum(parts))), abs=1e-12)
        assert found.vacuous == (sum(parts) >= scale)
        assert found.bandwidth == h
    expected = expected_total_variation(100, dimension, 0.3, DENSITY)
    assert is_rounded_up(expected, exact_parts(100, dimension, 0.3, 0, 1, None, False)[1])
    high = total_variation_bound(100, dimension, 0.3, DENSITY, 0.03)
    assert is_rounded_up(high, sum(exact_parts(100, dimension, 0.3, 0, 1, 0.03, False)))


def test_the_realized_bound_asks_for_flatness_at_its_radius():
    """Also where h > 2δ, so that the kernel reaches beyond the attack."""
    asked = []

    def flatness(radius):
        asked.append(radius)
        return 1.5

    for local in (False, True):
        for h, radius in ((0.3, 0.05), (0.1, 0.05), (0.08, 0.05), (0.2, 0.0)):
            found = bounds.realized_bound(
                h, flatness, 0.25, input_dimension=3, perturbation_radius=radius, loss_bound=2.0, local=local
            )
            reach = radius + h if local else max(radius, h - radius)
            assert reach <= asked[-1] <= reach * (1 + 1e-15)
            slope = h * 1.5 * (0.75 if local else 1.0)
            assert found.flatness_term == pytest.approx(slope)
            assert found.variation_term == 0.5
            assert found.confidence_term == 0.0
            assert found.total == pytest.approx(slope + 0.5)
            assert not found.vacuous
    assert bounds.flatness_radius(0.5, 0.125) >= 0.375
    assert bounds.flatness_radius(0.25, 0.125) == math.nextafter(0.125, 1.0)
    assert bounds.flatness_radius(0.2, 0.125) == 0.125
    nothing = bounds.realized_bound(0.1, 0.0, 0.0, input_dimension=1, perturbation_radius=0.0)
    assert (nothing.total, nothing.log10_total) == (0.0, -math.inf)
    for variation, vacuous in ((0.0, False), (1.0, True)):
        found = bounds.realized_bound(0.1, 0.0, variation, input_dimension=1, perturbation_radius=0.0)
        assert found.vacuous is vacuous
    for bad in ({"total_variation": 1.1}, {"total_variation": -0.1}, {"bandwidth": 0.0}, {"flatness": -1.0},
                {"loss_bound": 0.0}, {"perturbation_radius": -0.1}, {"input_dimension": 0}):  # fmt: skip
        values = {
            "bandwidth": 0.1,
            "flatness": 1.0,
            "total_variation": 0.5,
            "input_dimension": 1,
            "perturbation_radius": 0.0,
        }
        with pytest.raises(InvalidInput):
            bounds.realized_bound(**(values | bad))
    for bad in (
        {"bandwidth": 0.0},
        {"bandwidth": 0.51},
        {"failure_probability": 0.0},
        {"failure_probability": 1.0},
    ):
        values = {
            "num_samples": 9,
            "input_dimension": 1,
            "bandwidth": 0.1,
            "flatness": 1.0,
            "density": DENSITY,
            "perturbation_radius": 0.0,
        }
        with pytest.raises(InvalidInput):
            bounds.explicit_bound(**(values | bad))


@pytest.mark.parametrize("dimension", [1, 2, 5])
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_the_best_bandwidth_is_where_the_bound_is_least(dimension, scale):
    for samples, flatness in ((10**4, 2.0), (10**7, 0.3)):
        found = vacuity.optimal_bandwidth(samples, dimension, flatness, DENSITY, loss_bound=scale)

        def total(h, samples=samples, flatness=flatness):
            return sum(exact_parts(samples, dimension, h, flatness, scale, None, False))

        assert (
            mp.diff(total, mp.mpf(found) * (1 - mp.mpf("1e-9")))
            < 0
            < mp.diff(total, mp.mpf(found) * (1 + mp.mpf("1e-9")))
        )
    assert vacuity.optimal_bandwidth(1, dimension, 0.0, DensitySmoothness(0.0, (1.0,))) == 0.5
    assert vacuity.optimal_bandwidth(1, 1, 0.1, DensitySmoothness(0.1, (1.0,))) == 0.5


@pytest.mark.parametrize("failure", [None, 0.05])
@pytest.mark.parametrize("scale", [1.0, 2.5])
@pytest.mark.parametrize("level", [None, 0.4])
def test_the_least_number_of_samples_is_where_the_bound_crosses_the_level(failure, scale, level):
    target = scale if level is None else level
    found = vacuity.log10_samples_until_below(
        2, 1.2, DENSITY, loss_bound=scale, failure_probability=failure, level=level
    )
    for shift, is_below in ((1 + 1e-9, True), (1 - 1e-9, False)):
        samples = mp.mpf(10) ** (mp.mpf(found) * shift)
        rising = mp.mpf(1.2) + mp.mpf(scale) / 3 * mp.mpf("2.5")  # F + B D/(2(D+1)) V
        falling = mp.mpf(scale) / 4 * (mp.sqrt(mp.mpf("0.25")) + mp.sqrt(mp.mpf("0.75")))  # B 2^(-D/2-1) Σ√π
        best = min(mp.mpf("0.5"), (falling / rising) ** mp.mpf("0.5") * samples ** (-mp.mpf("0.25")))
        total = sum(exact_parts(samples, 2, best, 1.2, scale, failure, False))
        assert (total < target) == is_below
    grid = [0.05, 0.2, 0.4]
    fixed = vacuity.log10_samples_until_below(
        2, lambda r: 1.0 + r, DENSITY, loss_bound=scale, failure_probability=failure, level=level, bandwidths=grid,
        perturbation_radius=0.1,
    )  # fmt: skip

    def least(samples):
        share = None if failure is None else failure / 3
        return min(sum(exact_parts(samples, 2, h, 1 + max(0.1, h - 0.1), scale, share, False)) for h in grid)

    for shift, is_below in ((1 + 1e-9, True), (1 - 1e-9, False)):
        assert (least(mp.mpf(10) ** (mp.mpf(fixed) * shift)) < target) == is_below


def test_the_ends_of_the_search_for_samples():
    assert vacuity.log10_samples_until_below(1, 0.0, DensitySmoothness(0.0, (1.0,)), level=5.0) == 0.0
    coarse = vacuity.log10_samples_until_below(1, 10.0, DENSITY, bandwidths=[0.4])
    assert coarse == math.inf
    with pytest.raises(InvalidInput):
        vacuity.log10_samples_until_below(1, 1.0, DENSITY, bandwidths=[])
    with pytest.raises(InvalidInput):
        vacuity.log10_samples_until_below(1, lambda r: r, DENSITY)
    with pytest.raises(InvalidInput):
        vacuity.log10_samples_until_below(1, 1.0, DENSITY, bandwidths=[0.6])


def test_the_comparators_in_60_digits():
    shape = comparators.paper_shape(1000, 3, 2.5, 0.04)
    rate = mp.mpf(1000) ** (-mp.mpf(1) / 5)
    assert is_rounded_up(shape.rate, rate)
    assert is_rounded_up(shape.flatness_part, rate * mp.mpf(2.5))
    assert is_rounded_up(shape.per_constant, rate / mp.sqrt(mp.mpf(0.04)))
    for scale in (1.0, 4.0):
        expected = scale * mp.sqrt(mp.log(1 / mp.mpf(0.1)) / (2 * 77))
        assert is_rounded_up(comparators.hoeffding(77, 0.1, scale), expected)
    assert comparators.hoeffding(77, 0.1) == comparators.hoeffding(77, 0.1, 1.0)
    for bad in ((77, 0.0), (77, 1.0), (0, 0.1)):
        with pytest.raises(InvalidInput):
            comparators.hoeffding(*bad)


@pytest.mark.parametrize("dimension", [1, 2, 4])
@pytest.mark.parametrize("failure", [None, 0.1])
def test_the_wasserstein_bound_is_the_least_over_its_levels(dimension, failure):
    for samples, lipschitz, classes, scale in ((50, 3.0, 2, 1.0), (10**6, 0.5, 5, 2.0), (1, 0.0, 1, 1.0)):
        values = []
        for level in range(60):
            spread = sum(
                mp.mpf(2) ** -(j + 1) * mp.sqrt(mp.mpf(classes) * mp.mpf(2) ** (j * dimension) / samples)
                for j in range(1, level + 1)
            )
            values.append(mp.mpf(lipschitz) * (mp.mpf(2) ** -level + spread))
        expected = min(values) + scale * mp.sqrt(mp.mpf(classes)) / (2 * mp.sqrt(samples))
        if failure is not None:
            expected += scale * mp.sqrt(mp.log(1 / mp.mpf(failure)) / (2 * mp.mpf(samples)))
        found = comparators.lipschitz_wasserstein(
            samples, dimension, lipschitz, num_classes=classes, loss_bound=scale, failure_probability=failure
        )
        assert is_rounded_up(found.total, expected)
        if lipschitz:
            assert values[found.level] == min(values)
    assert comparators.lipschitz_wasserstein(50, 2, 1.0) == comparators.lipschitz_wasserstein(
        50, 2, 1.0, num_classes=2, loss_bound=1.0
    )
    for bad in ({"lipschitz": -1.0}, {"num_classes": 0}, {"loss_bound": 0.0}, {"num_samples": 0}):
        with pytest.raises(InvalidInput):
            comparators.lipschitz_wasserstein(**({"num_samples": 5, "input_dimension": 1, "lipschitz": 1.0} | bad))


def test_dimensions_end_where_they_are_said_to():
    assert comparators.lipschitz_wasserstein(5, 10**9, 1.0).level == 0
    with pytest.raises(InvalidInput):
        comparators.lipschitz_wasserstein(5, 10**9 + 1, 1.0)
    values = {"bandwidth": 0.1, "flatness": 1.0, "total_variation": 0.5, "perturbation_radius": 0.0}
    bounds.realized_bound(input_dimension=bounds.MAX_DIMENSION, **values)
    with pytest.raises(InvalidInput):
        bounds.realized_bound(input_dimension=bounds.MAX_DIMENSION + 1, **values)
    plain = bounds.realized_bound(input_dimension=3, **values)
    assert plain == bounds.realized_bound(input_dimension=3, loss_bound=1.0, local=False, **values)


@pytest.mark.parametrize("weights", [(0.0, 1.0), (-0.5, 1.5), (0.5, 0.6), (1.5,), (), (math.nan, 1.0)])
def test_class_weights_are_shares(weights):
    with pytest.raises(InvalidInput):
        DensitySmoothness(1.0, weights)
    DensitySmoothness(0.0, (1.0,))
    assert Fraction(1, 3) + Fraction(2, 3) == 1
    DensitySmoothness(1.0, (1 / 3, 2 / 3))


@pytest.mark.parametrize("cells", [64, 1024])
def test_the_curvature_of_one_unit_is_reached_where_its_sine_is_steepest(cells):
    """f = c + v tanh(b + sin 2πx) at x = 0: f' = v sech²(b) 2π, f'' = -2 v tanh(b) sech²(b) 4π²; all terms add."""
    network = PeriodicNetwork(np.zeros((1, 1, 1)), np.ones((1, 1, 1)), np.array([0.8]), np.array([1.5]), 0.4)
    fields = enclosure.enclose_loss(network, cells)
    steep = 1 / math.cosh(0.8) ** 2
    value, slope = 0.4 + 1.5 * math.tanh(0.8), 1.5 * steep * 2 * math.pi
    bend = 2 * 1.5 * math.tanh(0.8) * steep * 4 * math.pi**2
    gain = 0.25 / math.cosh(value / 2) ** 2
    exact = gain * (math.tanh(value / 2) * slope**2 + bend)
    assert fields.curvature_high[0] >= exact
    assert fields.gradient_low[0] <= gain * slope <= fields.gradient_high[0]
    if cells == 1024:
        assert fields.curvature_high[0] <= 1.05 * exact
        assert fields.centre_curvature[0] == pytest.approx(exact, rel=0.05)
        assert fields.gradient_high[0] <= 1.05 * gain * slope
