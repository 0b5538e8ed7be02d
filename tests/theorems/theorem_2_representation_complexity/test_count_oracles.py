"""Theorem 2's numbers by counting and in 60 digits, its relaxations of trained nets against grids of points."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.theorem_2_representation_complexity.networks.clean_classifier import linear_classifier
from cgro_theory.theorems.theorem_2_representation_complexity.networks.layered import pad_to_layers
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import memorize
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import training_set
from cgro_theory.theorems.theorem_2_representation_complexity.theory import (
    counts,
    lower_bound,
    neighbours,
    trained_bounds,
)

mp = mpmath.mp.clone()
mp.dps = 60


def log2(x):
    return mp.log(x) / mp.log(2)


def entropy(share):
    share = mp.mpf(share)
    return mp.mpf(0) if share == 0 else -share * log2(share) - (1 - share) * log2(1 - share)


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
@pytest.mark.parametrize(("count", "dimension"), [(1, 1), (2, 3), (3, 2)])
def test_counts_are_those_of_built_circuits(order, count, dimension):
    rng = np.random.default_rng([880900, count, dimension])
    data = training_set(rng.random((count, dimension)), np.where(np.arange(count) % 2, -1.0, 1.0))
    built = memorize(data, 0.01, order, linear_classifier(rng.standard_normal(dimension), 0.5))
    stages, clean = built.squarings, built.clean.structural_count
    assert counts.structural_count(count, dimension, order, clean, stages) == built.circuit.structural_count
    padded = pad_to_layers(built.circuit)
    assert counts.layer_widths(count, dimension, order, (), stages) == padded.widths
    assert counts.dense_count(count, dimension, order, (), stages) == padded.dense_count
    for bad in ((0, 1), (1, 0)):
        with pytest.raises(InvalidInput):
            counts.structural_count(*bad, order, 1, stages)
        with pytest.raises(InvalidInput):
            counts.layer_widths(*bad, order, (), stages)
    with pytest.raises(InvalidInput):
        counts.structural_count(count, dimension, order, -1, stages)
    with pytest.raises(InvalidInput):
        counts.structural_count(count, dimension, order, 1, 0 if order == 2 else 1)
    with pytest.raises(InvalidInput):
        counts.structural_count(count, dimension, 3.0, 1)


def test_small_counts():
    assert counts.parity_count(2) == 9
    assert counts.parity_count(7) == 54
    assert counts.corner_memorizer_count(4) == 8 * (6 * 4 + 4) + 1 + 4
    for stages in (1, 2, 5):
        assert counts.sawtooth_error(stages) == Fraction(1, 4 * 4**stages)
    for bad in (counts.parity_count, counts.corner_memorizer_count):
        with pytest.raises(InvalidInput):
            bad(1)
    with pytest.raises(InvalidInput):
        counts.sawtooth_error(0)


def test_the_robust_error_is_the_share_of_corners_that_no_sample_hits():
    for dimension, samples in ((2, 3), (3, 2), (3, 4)):
        corners = 2 ** (dimension - 1)
        missed = [
            Fraction(corners - len(set(chosen)), corners)
            for chosen in itertools.product(range(corners), repeat=samples)
        ]
        exact = sum(missed, Fraction(0)) / len(missed)
        assert counts.exact_robust_test_error(samples, dimension) == exact
        found = counts.robust_test_error(samples, dimension)
        assert Fraction(found.low) <= exact <= Fraction(found.high)
        assert found.high - found.low <= 2e-16
    for samples, dimension in ((10**6, 20), (5, 4096), (10**9, 31)):
        exact = (1 - mp.mpf(2) ** (1 - dimension)) ** samples
        found = counts.robust_test_error(samples, dimension)
        assert found.low <= exact <= found.high
        assert found.high - found.low <= 2e-16
    assert counts.robust_test_error(0, 5) == counts.Interval.point(1.0)
    assert counts.exact_robust_test_error(0, 5) == 1
    assert counts.robust_test_error(800 * 16, 5).low == 0.0
    assert counts.robust_test_error(800 * 16, 5).high == 5e-324
    assert counts.robust_test_error(600 * 16, 5).low > 0.0
    assert counts.robust_test_error(10**9, 5000).high == 1.0
    assert counts.robust_test_error(10**9, 5000).low == math.nextafter(1.0, 0.0)
    with pytest.raises(InvalidInput):
        counts.robust_test_error(2**3901, 5000)
    for bad in ((-1, 3), (3, 1)):
        with pytest.raises(InvalidInput):
            counts.robust_test_error(*bad)
        with pytest.raises(InvalidInput):
            counts.exact_robust_test_error(*bad)


def test_the_bounds_of_one_architecture_in_60_digits():
    for dimension, widths in ((2, (1,)), (3, (4, 1)), (5, (7, 3, 1))):
        architecture = lower_bound.Architecture(dimension, widths)
        sums, below, total = [], dimension, 0
        for width in widths:
            total += width * below + width
            sums.append(total)
            below = width
        assert architecture.cumulative_parameters == tuple(sums)
        assert architecture.parameters == total
        for points in (1, 3, 40, 10**6):
            bits = mp.mpf(0)
            for layer, (width, parameters) in enumerate(zip(widths, sums, strict=True), start=1):
                best = mp.mpf(points * width)
                if points * width >= parameters:
                    best = min(best, 1 + parameters * log2(2 * mp.e * points * width * layer / mp.mpf(parameters)))
                bits += best
            found = lower_bound.growth_bound(architecture, points)
            assert bits <= mp.mpf(found) <= bits * (1 + mp.mpf(2) ** -50)
            for share in (0.0, 0.1):
                excluded = bits < points * (1 - entropy(share))
                assert lower_bound.is_excluded(architecture, points, share) == excluded
    for hidden, points, share in ((1, 351, 0.0), (2, 900, 0.1)):  # at 351 one bit of slack matters
        width = 1
        while lower_bound.is_excluded(lower_bound.Architecture(2, (width,) * hidden + (1,)), points, share):
            width += 1
        assert lower_bound.smallest_width_left(2, hidden, points, share) == width
        assert width > 1
    for bad in ((0, (1,)), (2, ()), (2, (2,)), (2, (0, 1))):
        with pytest.raises(InvalidInput):
            lower_bound.Architecture(*bad)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3])
def test_the_bounds_on_parameters_in_60_digits(share):
    left = 1 - entropy(share)
    for points in (1, 7, 2**20, 2**20 + 3, 2**200):
        bits = lower_bound.demanded_bits(points, share, 1.5)
        exact = points * left - mp.mpf("1.5")
        assert exact - abs(exact) * mp.mpf(2) ** -50 <= bits <= exact
        for layers in (1, 4, 9):
            logs = sum(log2(2 * mp.e * points * i) for i in range(1, layers + 1))
            need = points * left - layers
            found = lower_bound.parameter_bound(points, share, layers)
            assert found == max(0, int(mp.ceil(need / logs)))
            graph = lower_bound.any_graph_bound(points, 5, share, layers)

            def fits(w, logs=logs, need=need):
                return w * logs + w * log2(mp.e * (w + 5 + 1)) >= need

            assert fits(graph)
            assert graph == 1 or not fits(graph - 1)
        deep = lower_bound.depth_free_bound(points, share)

        def enough(w, points=points):
            return w + w * w * log2(2 * mp.e * points * w) >= points * left

        assert enough(deep)
        assert deep == 1 or not enough(deep - 1)
    for exponent in (0, 3, 20, 5000):
        for layers in (1, 4):
            points = mp.mpf(2) ** exponent
            need = points * left - layers
            found = lower_bound.log2_parameter_bound(exponent, share, layers)
            if need <= 0:
                assert found == -math.inf
            else:
                exact = log2(need / sum(log2(2 * mp.e * points * i) for i in range(1, layers + 1)))
                assert exact - (1 + abs(exact)) * mp.mpf(2) ** -50 <= found <= exact
    for bad in (0.5, -0.1, math.nan):
        with pytest.raises(InvalidInput):
            lower_bound.demanded_bits(5, bad)


def test_packings_and_distances_by_hand():
    for radius, order, distance in (
        (0.4, math.inf, 1),
        (0.4, 1, 1),
        (0.5, 1, 2),
        (0.75, 1, 2),
        (0.8, 2, 3),
        (1.0, 2, 5),
    ):
        assert lower_bound.hamming_distance(radius, order) == distance
        for bits in (5, 8):
            volume = sum(math.comb(bits, i) for i in range(distance))
            assert lower_bound.packing(bits + 1, radius, order) == -(-(2**bits) // volume)
    for bad in ((0.5, math.inf), (0.0, 1), (-1.0, 2), (0.2, 3)):
        with pytest.raises(InvalidInput):
            lower_bound.hamming_distance(*bad)
    with pytest.raises(InvalidInput):
        lower_bound.packing(5, 2.4, 1)  # five of four bits
    assert lower_bound.packing(5, 1.9, 1) == -(-16 // 15)


@pytest.mark.parametrize(("order", "radius"), [(math.inf, 0.25), (1.0, 0.25), (2.0, 0.4), (2.0, 0.8)])
@pytest.mark.parametrize(("layers", "any_graph"), [(4, False), (4, True), (None, False)])
def test_the_hierarchy_begins_where_the_bound_first_stays_above_the_count(order, radius, layers, any_graph):
    found = counts.hierarchy_dimension(
        20, 0.1, layers, perturbation_radius=radius, norm_order=order, any_graph=any_graph
    )
    distance = lower_bound.hamming_distance(radius, order)

    def exceeds(dimension):
        if distance > dimension - 1:
            return False
        points = lower_bound.packing(dimension, radius, order)
        stages = 0
        if order == 2.0:
            # The tents' error D R² 4^-(M+1) must fit the ramp: both sides in exact arithmetic where they are.
            ramp = min(math.sqrt(distance) - 2 * radius, radius)
            scale = 1
            while scale < 1 + 4 * radius:
                scale *= 2
            stages = 1
            while dimension * scale**2 * 4.0 ** -(stages + 1) > ramp * (2 * radius + ramp) / 2:
                stages += 1
        count = counts.structural_count(20, dimension, order, 1, stages)
        if layers is None:
            return lower_bound.depth_free_bound(points, 0.1) > count
        if any_graph:
            return lower_bound.any_graph_bound(points, dimension, 0.1, layers) > count
        return lower_bound.parameter_bound(points, 0.1, layers) > count

    assert not exceeds(found - 1)
    assert all(exceeds(dimension) for dimension in range(found, found + 6))


def test_the_hierarchy_at_one_dimension():
    found = counts.hierarchy(50, 12, 0.05, 4)
    assert (found.input_dimension, found.log2_clean) == (12, 0.0)
    assert found.log2_cgro == pytest.approx(math.log2(50 * (6 * 12 + 4) + 5))
    assert found.log2_robust_lower == lower_bound.log2_parameter_bound(11, 0.05, 4)
    assert found.log2_robust_upper == pytest.approx(math.log2(2**11 * (6 * 12 + 4) + 5))


def test_neighbours_bounds_are_their_formulas():
    for samples, dimension, radius, distance in (
        (100, 10, 0.05, 0.4),
        (7, 40, 0.6, 1.3),
        (3, 2, 0.01, 5.0),
        (50, 30, 0.199, 0.4),
    ):
        found = [each.value for each in neighbours.neighbour_bounds(samples, dimension, radius, distance)]
        ratio = 2 * radius / distance
        assert found[0] == pytest.approx(
            samples * max(0.0, dimension * math.log(dimension / radius) + math.log(max(samples / radius, 1.0)))
        )
        assert found[1] == pytest.approx(math.sqrt(samples * dimension))
        easy = (2 * radius) ** (-(dimension - 1) / 6) if 2 * radius < 1 else None
        assert found[2] == (None if easy is None else pytest.approx(easy))
        assert found[3] == pytest.approx(ratio**2 * min(samples - 1, dimension))
        within = ratio**2 <= 1 - 1 / dimension
        assert found[4] == (math.floor(1 / (1 - ratio**2)) * (samples // 2) if within else None)
    assert neighbours.neighbour_bounds(9, 10**6, 1e-9, 0.4)[2].value == math.inf
    for bad in ((100, 10, 0.2, 0.4), (100, 10, 0.0, 0.4), (1, 10, 0.05, 0.4), (100, 1, 0.05, 0.4)):
        with pytest.raises(InvalidInput):
            neighbours.neighbour_bounds(*bad)


def a_net(rng, sizes):
    weights = [rng.standard_normal((above, below)) for below, above in itertools.pairwise(sizes)]
    return weights, [0.5 * rng.standard_normal(size) for size in sizes[1:]]


def values(weights, biases, points):
    columns = points.T
    for index, (matrix, bias) in enumerate(zip(weights, biases, strict=True)):
        columns = matrix @ columns + bias[:, None]
        columns = np.maximum(columns, 0.0) if index < len(weights) - 1 else columns
    return columns[0]


def linear_bound(weights, biases, label, low, high):
    """The relaxation by itself, for two layers: ReLU above 0 or z, below its chord; corners of the box tried."""
    slopes, constant = np.zeros(low.size), label * float(biases[1][0])
    for unit in range(weights[0].shape[0]):
        row, bias, factor = weights[0][unit], biases[0][unit], label * weights[1][0, unit]
        corners = [row @ np.array(corner) + bias for corner in itertools.product(*zip(low, high, strict=True))]
        bottom, top = min(corners), max(corners)
        if bottom >= 0:
            share, lift = 1.0, 0.0
        elif top <= 0:
            share, lift = 0.0, 0.0
        elif factor < 0:
            share, lift = top / (top - bottom), -bottom * top / (top - bottom)
        else:
            share, lift = float(top > -bottom), 0.0
        slopes, constant = slopes + factor * share * row, constant + factor * (share * bias + lift)
    return constant + min(
        slopes @ np.array(corner) for corner in itertools.product(*zip(low, high, strict=True))
    ), slopes


@pytest.mark.parametrize("label", [1.0, -1.0])
def test_the_relaxation_of_two_layers_is_the_textbook_one(label):
    rng = np.random.default_rng(880901)
    for _ in range(25):
        weights, biases = a_net(rng, (2, 5, 1))
        low = rng.uniform(-1, 1, 2)
        high = low + rng.uniform(0, 1, 2)
        bound, slopes = trained_bounds._output_bound(weights, biases, label, low[None, :], high[None, :])
        expected, expected_slopes = linear_bound(weights, biases, label, low, high)
        assert bound[0] == pytest.approx(expected, abs=1e-10)
        assert slopes[0] == pytest.approx(expected_slopes, abs=1e-10)


@pytest.mark.parametrize("sizes", [(2, 1), (2, 4, 1), (2, 4, 3, 1), (3, 3, 3, 3, 1)])
def test_a_box_is_proved_exactly_where_a_grid_finds_no_error(sizes):
    """Up to the boxes' number; and the relaxation is below every value on the grid."""
    rng = np.random.default_rng([880902, *sizes])
    proved = refused = 0
    for _ in range(40):
        weights, biases = a_net(rng, sizes)
        low = rng.uniform(-1, 1, sizes[0])
        high = low + rng.uniform(0.05, 0.6, sizes[0])
        grid = np.array(list(itertools.product(*(np.linspace(a, b, 9) for a, b in zip(low, high, strict=True)))))
        for label in (1.0, -1.0):
            least = (label * values(weights, biases, grid)).min()
            bound, _ = trained_bounds._output_bound(weights, biases, label, low[None, :], high[None, :])
            assert bound[0] <= least + 1e-12
            robust = trained_bounds.is_robust_on_box(weights, biases, label, low, high, 4000)
            if least <= 0:
                assert not robust
            if least > 0.05:
                assert robust
                proved += 1
            refused += not robust
    assert proved > 5
    assert refused > 5


def test_no_more_boxes_are_looked_at_than_allowed():
    weights, biases = (
        [np.array([[1.0], [-1.0]]), np.array([[1.0, 1.0]])],
        [np.array([0.0, 0.0]), np.array([-0.05])],
    )
    low, high = np.array([0.06]), np.array([1.0])  # |x| - 0.05 > 0
    assert trained_bounds.is_robust_on_box(weights, biases, 1.0, low, high, 1)
    wide = np.array([-1.0])
    assert not trained_bounds.is_robust_on_box(weights, biases, 1.0, wide, high, 10_000)  # wrong at 0
    weights, biases = [np.array([[1.0], [-1.0]]), np.array([[1.0, 1.0]])], [np.array([0.0, 0.0]), np.array([0.02])]
    needed = next(n for n in range(1, 50) if trained_bounds.is_robust_on_box(weights, biases, 1.0, wide, high, n))
    assert needed == 1  # |x| + 0.02 lies above its own relaxation
    assert not trained_bounds.is_robust_on_box(weights, biases, 1.0, wide, high, 0)
    steep = [np.array([[1.0], [-1.0]]), np.array([[-1.0, -1.0]])], [np.array([0.0, 0.0]), np.array([1.02])]
    assert trained_bounds.is_robust_on_box(*steep, 1.0, wide, high, 3)  # 1.02 - |x|: halves are linear
