"""The certificate's bounds against exact rationals: never on the wrong side, and no wider than rounding needs."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from scipy.sparse import csr_array

from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.theorem_2_representation_complexity.certificate import witness as witnesses
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.box_reading import (
    BoxReading,
    outward_faces,
)
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.enclosing import enclose
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.indicator_reading import read_indicators
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.norm_reading import NormReading
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.proof import _combine, _Head, certify
from cgro_theory.theorems.theorem_2_representation_complexity.networks.circuit import INPUT, Bounds, Circuit, block
from cgro_theory.theorems.theorem_2_representation_complexity.networks.clean_classifier import linear_classifier
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import memorize
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import training_set


def box_reading(rng, count, dimension, centres, width, slope):
    """Random steep boxes around the centres: 1 within ``width``, falling outside."""
    biases = np.empty((count, 2 * dimension))
    biases[:, 0::2] = -centres - width * rng.uniform(0.5, 1.0, (count, dimension))
    biases[:, 1::2] = centres - width * rng.uniform(0.5, 1.0, (count, dimension))
    slopes = slope * rng.uniform(0.5, 1.5, (count, 2 * dimension))
    signs = np.tile([1.0, -1.0], dimension)
    tops = rng.uniform(0.5, 1.5, count)
    return BoxReading(np.repeat(np.arange(dimension), 2), signs, biases, slopes, tops, np.ones(count, dtype=bool))


def exact_box(reading, unit, point, radius):
    """Exact lower and upper bound of I_j over the ball, each unit at its own worst end."""
    least = most = Fraction(0)
    for k in range(len(point)):
        for part, sign in ((0, 1), (1, -1)):
            bias, slope = (
                Fraction(reading.biases[unit, 2 * k + part]),
                Fraction(reading.slopes[unit, 2 * k + part]),
            )
            value = sign * Fraction(point[k]) + bias
            least += slope * max(value - Fraction(radius), Fraction(0))
            most += slope * max(value + Fraction(radius), Fraction(0))
    top = Fraction(reading.tops[unit])
    return max(top - most, Fraction(0)), max(top - least, Fraction(0))


@pytest.mark.parametrize("dimension", [1, 3, 12, 13, 25])
def test_box_readings_are_the_exact_bounds_up_to_rounding(dimension):
    rng = np.random.default_rng([880700, dimension])
    count, radius = 6, 0.05
    centres = rng.random((count, dimension))
    reading = box_reading(rng, count, dimension, centres, 0.1, 8.0 / dimension)
    points = centres[rng.permutation(count)] * 0.6 + 0.4 * centres
    own = reading.own(points, radius)
    for j in range(count):
        low, high = exact_box(reading, j, points[j], radius)
        assert Fraction(own.low[j]) <= low <= Fraction(own.high[j]) + Fraction(1, 10**300)
        assert high <= Fraction(own.high[j])
        assert own.low[j] == pytest.approx(float(low), abs=1e-12)
        assert own.high[j] == pytest.approx(float(high), abs=1e-12)
    columns = np.array([5, 0, 3, 2])
    seen = np.zeros(len(points), dtype=int)
    on = 0
    for part, block_of in reading.upper_blocks(points, radius, columns):
        seen[part] += 1
        for row, ball in enumerate(range(part.start, part.stop)):
            for column, unit in enumerate(columns):
                _, high = exact_box(reading, unit, points[ball], radius)
                found = block_of[row, column]
                assert high <= Fraction(found)
                assert found == pytest.approx(float(high), abs=1e-12)
                on += found > 0
    assert seen.tolist() == [1] * len(points)
    assert 0 < on < len(points) * columns.size or dimension == 1
    assert reading.covers(points, radius, columns).tolist() == [True] * 4


def test_a_box_indicator_in_the_middle_of_its_ball_is_exactly_its_top():
    reading = BoxReading(
        np.array([0, 0]), np.array([1.0, -1.0]), np.array([[-0.75, 0.25]]), np.array([[4.0, 4.0]]),
        np.array([1.0]), np.array([True]),
    )  # fmt: skip
    inside = reading.own(np.array([[0.5]]), 0.25)
    assert (inside.low[0], inside.high[0]) == (1.0, 1.0)
    reaching = reading.own(np.array([[0.5]]), 0.3125)
    assert 0.5 - 1e-12 < reaching.low[0] <= 0.5  # each of the two units at its own worst end
    assert reaching.high[0] == 1.0
    far = reading.own(np.array([[2.0]]), 0.25)
    assert (far.low[0], far.high[0]) == (0.0, 0.0)
    (_, upper), = reading.upper_blocks(np.array([[2.0], [1.125]]), 0.25, np.array([0]))  # fmt: skip
    assert upper[0, 0] == 0.0
    assert 0.5 <= upper[1, 0] < 0.5 + 1e-12


def test_the_last_rounding_of_an_upper_bound_is_outward():
    """1 - v with v = 1.6 · 2^-53 rounds to nearest below itself; the slack of the sum is far smaller."""
    v = 1.6 * 2.0**-53
    reading = BoxReading(
        np.array([0, 0]), np.array([1.0, -1.0]), np.array([[v, -9.0]]), np.array([[1.0, 1.0]]), np.array([1.0]),
        np.array([True]),
    )  # fmt: skip
    points, radius = np.array([[0.25]]), 0.25  # the lower face is 0, so the unit is v there
    ((_, upper),) = reading.upper_blocks(points, radius, np.array([0]))
    assert Fraction(1.0 - v) < 1 - Fraction(v) <= Fraction(upper[0, 0])
    assert 1 - Fraction(v) <= Fraction(reading.own(points, radius).high[0])


def rewired(circuit, name):
    """The same circuit, but the block reads its first source through one more affine block, times 2 and halved."""
    blocks = []
    for entry in circuit.blocks:
        if entry.name != name:
            blocks.append(entry)
            continue
        first = entry.incoming[0]
        size = first.weights.shape[1]
        blocks.append(block("between", False, {first.source: 2.0 * np.eye(size)}, np.zeros(size), False))
        edges = {"between": first.weights * 0.5} | {edge.source: edge.weights for edge in entry.incoming[1:]}
        blocks.append(block(name, entry.is_relu, edges, entry.biases, entry.has_bias))
    return Circuit(circuit.input_dimension, tuple(blocks))


def straightened(circuit, name):
    """The same circuit, but the block has no ReLU."""
    return Circuit(
        circuit.input_dimension,
        tuple(
            block(entry.name, False, {e.source: e.weights for e in entry.incoming}, entry.biases, entry.has_bias)
            if entry.name == name
            else entry
            for entry in circuit.blocks
        ),
    )


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("change", [rewired, straightened])
def test_a_block_of_another_shape_is_not_read(order, change):
    """Every block below the indicators in turn, through a detour or without its ReLU: no reading is offered."""
    data = training_set(np.array([[0.1, 0.2], [0.8, 0.9], [0.2, 0.9]]), np.array([1.0, -1.0, 1.0]))
    built = memorize(data, 0.05, order, linear_classifier(np.array([1.0, -1.0]), 0.1))
    assert read_indicators(built.circuit) is not None
    names = [entry.name for entry in built.circuit.blocks if entry.name not in ("clean", "gate", "output")]
    assert len(names) >= 2
    for name in names:
        assert read_indicators(change(built.circuit, name)) is None, name
        # What is not read goes through interval arithmetic, of the input's box.
        assert certify(change(built.circuit, name), data, 0.05, order, max_witnesses=0).method == "intervals"
    above = [straightened(built.circuit, "gate"), bent(built.circuit, "clean"), bent(built.circuit, "output")]
    for circuit in above:
        assert certify(circuit, data, 0.05, order, max_witnesses=0).method == "intervals"


FREE = {
    1.0: {"indicator": "wb", "excess": "b"},
    2.0: {"indicator": "wb", "excess": "b"},
    math.inf: {"indicator": "wb", "box": "b"},
}
"""What a normal form leaves open: slopes and tops, thresholds, and for boxes the faces."""


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
def test_every_other_weight_bias_and_edge_is_compared(order):
    """One number at a time times 1.5, or moved to the next unit: then that indicator, or none, is read."""
    data = training_set(np.array([[0.1, 0.2], [0.8, 0.9]]), np.array([1.0, -1.0]))
    built = memorize(data, 0.05, order, linear_classifier(np.array([1.0, -1.0]), 0.1))
    assert read_indicators(built.circuit).is_read.all()
    tried = 0
    for entry in built.circuit.blocks:
        if entry.name in ("clean", "gate", "output"):
            continue
        free = FREE[order].get(entry.name, "")
        for index in range(entry.units):
            if "b" not in free:
                biases = entry.biases.copy()
                biases[index] = 1.5 * biases[index] + (biases[index] == 0.0)
                edges = {edge.source: edge.weights for edge in entry.incoming}
                reading = read_indicators(replaced(built.circuit, block(entry.name, entry.is_relu, edges, biases)))
                assert reading is None or reading.is_read.tolist().count(False) == 1, (entry.name, index)
                tried += 1
        for edge in entry.incoming:
            for at in range(edge.weights.nnz):
                for kind in ("w",) if "w" not in free else ():
                    weights = {other.source: other.weights.copy() for other in entry.incoming}
                    weights[edge.source].data[at] *= 1.5
                    altered = block(entry.name, entry.is_relu, weights, entry.biases, entry.has_bias)
                    reading = read_indicators(replaced(built.circuit, altered))
                    assert reading is None or reading.is_read.tolist().count(False) == 1, (entry.name, kind, at)
                dense = edge.weights.toarray()
                row, column = (int(part[at]) for part in np.nonzero(dense))
                free_column = [k for k in range(dense.shape[1]) if dense[row, k] == 0.0]
                if free_column:
                    dense[row, free_column[0]], dense[row, column] = dense[row, column], 0.0
                    weights = {other.source: other.weights for other in entry.incoming} | {edge.source: dense}
                    altered = block(entry.name, entry.is_relu, weights, entry.biases, entry.has_bias)
                    assert read_indicators(replaced(built.circuit, altered)) is None, (entry.name, "moved", at)
                tried += 1
    assert tried > 10


def replaced(circuit, altered):
    blocks = tuple(altered if entry.name == altered.name else entry for entry in circuit.blocks)
    return Circuit(circuit.input_dimension, blocks)


def bent(circuit, name):
    """The same circuit, but the block has a ReLU."""
    entry = circuit.named[name]
    edges = {edge.source: edge.weights for edge in entry.incoming}
    return replaced(circuit, block(name, True, edges, entry.biases, entry.has_bias))


def test_a_margin_of_zero_is_no_proof_and_is_searched():
    data = training_set(np.array([[0.1, 0.1], [0.9, 0.9]]), np.array([1.0, -1.0]))
    circuit = Circuit(2, (block("output", False, {INPUT: np.array([[1.0, 0.0]])}, [-0.5]),))
    still = Circuit(2, (block("output", False, {INPUT: np.zeros((1, 2))}, [0.0], False),))
    assert certify(circuit, data, 0.05, math.inf).uncertified == (0, 1)  # wrong labels on both sides
    proof = certify(still, data, 0.05, math.inf, max_witnesses=2)
    assert proof.uncertified == (0, 1)
    assert [each.output for each in proof.witnesses] == [0, 0]


def test_faces_are_the_nearest_floats_outside():
    rng = np.random.default_rng(880701)
    points = rng.standard_normal((50, 3))
    for radius in (0.1, 0.25, 1e-20):
        low, high = outward_faces(points, radius)
        for x, bottom, top in zip(points.ravel(), low.ravel(), high.ravel(), strict=True):
            assert Fraction(bottom) <= Fraction(x) - Fraction(radius) < Fraction(np.nextafter(bottom, math.inf))
            assert Fraction(np.nextafter(top, -math.inf)) < Fraction(x) + Fraction(radius) <= Fraction(top)


def norm_reading(rng, order, count, dimension, error=0.0, reach=math.inf):
    centres = rng.random((count, dimension))
    thresholds = rng.uniform(0.05, 0.2, count) ** order
    return NormReading(
        order, centres, thresholds, rng.uniform(1.0, 3.0, count), rng.uniform(0.5, 1.5, count), error, reach,
        np.ones(count, dtype=bool),
    )  # fmt: skip


@pytest.mark.parametrize("order", [1.0, 2.0])
@pytest.mark.parametrize("error", [0.0, 0.03])
def test_norm_readings_are_the_triangle_inequalitys_bounds(order, error):
    """I = ReLU(β - a ReLU(t - ρ)) with power <= t <= power + error."""
    rng = np.random.default_rng([880702, int(order)])
    count, dimension, radius = 7, 4, 0.04
    reading = norm_reading(rng, order, count, dimension, error)
    points = reading.centres + 0.05 * rng.standard_normal((count, dimension))

    def distance(a, b):
        return float(np.linalg.norm(a - b, ord=order))

    own = reading.own(points, radius)
    for j in range(count):
        farthest = (distance(points[j], reading.centres[j]) + radius) ** order + error
        low = reading.tops[j] - reading.slopes[j] * max(farthest - reading.thresholds[j], 0.0)
        assert own.low[j] <= max(low, 0.0) + 1e-16
        assert own.low[j] == pytest.approx(max(low, 0.0), abs=1e-12)
        assert own.high[j] == reading.tops[j]
    columns = np.array([6, 1, 2])
    on = 0
    for part, block_of in reading.upper_blocks(points, radius, columns):
        for row, ball in enumerate(range(part.start, part.stop)):
            for column, unit in enumerate(columns):
                nearest = max(distance(points[ball], reading.centres[unit]) - radius, 0.0) ** order
                high = reading.tops[unit] - reading.slopes[unit] * max(nearest - reading.thresholds[unit], 0.0)
                assert block_of[row, column] >= high - 1e-16
                assert block_of[row, column] == pytest.approx(max(high, 0.0), abs=1e-12)
                on += high > 0
    assert on


@pytest.mark.parametrize("order", [1.0, 2.0])
def test_a_ball_that_just_fits_is_exactly_the_top_and_one_that_does_not_is_less(order):
    radius = 0.25
    needed = radius**order + 0.125
    for threshold, fits in ((needed, True), (math.nextafter(needed, 0.0), False)):
        reading = NormReading(
            order, np.array([[0.5, 0.3]]), np.array([threshold]), np.array([2.0]), np.array([1.0]), 0.125,
            math.inf, np.array([True]),
        )  # fmt: skip
        low = reading.own(reading.centres, radius).low[0]
        assert bool(low == 1.0) is fits
        assert low > 1.0 - 1e-12
    off = reading.own(np.array([[9.0, 9.0]]), radius)
    assert off.low[0] == 0.0


def test_a_reading_holds_as_far_as_it_reaches():
    rng = np.random.default_rng(880703)
    reading = norm_reading(rng, 2.0, 3, 2, reach=1.0)
    points = np.array([[0.0, 0.0], [1.0, 0.5]])
    for j in range(3):
        extent = max(abs(p - c) for point in points for p, c in zip(point, reading.centres[j], strict=True))
        room = 1.0 - extent
        assert reading.covers(points, room * (1 - 1e-9), np.array([j])).tolist() == [True]
        assert reading.covers(points, room * (1 + 1e-9), np.array([j])).tolist() == [False]
    assert norm_reading(rng, 2.0, 3, 2).covers(points, 1e9, np.arange(3)).tolist() == [True] * 3


def test_margins_are_combined_as_the_head_says():
    """output = b + Σ o ReLU(c + a f + G I) + h I, bounded term by term in rationals."""
    rng = np.random.default_rng(880704)
    for case in range(60):
        count, gates = 4, 2
        head = _Head(
            rng.choice((-1.0, 1.0), count) * rng.uniform(0.5, 2.0, count), float(rng.choice((0.0, 0.3, -0.2))),
            rng.standard_normal(gates), rng.standard_normal(gates), rng.choice((0.0, 0.4, -0.3), gates),
            rng.standard_normal((gates, count)),
        )  # fmt: skip
        low = rng.uniform(0.0, 1.0, count)
        high = low + rng.uniform(0.0, 0.5, count)
        clean = Bounds(rng.standard_normal(count), np.zeros(count))
        clean = Bounds(clean.low, clean.low + rng.uniform(0, 1, count))
        direct_harm, gate_harm = rng.uniform(0, 0.2, count), rng.uniform(0, 0.2, (gates, count))
        if case % 3 == 0:
            direct_harm, gate_harm = np.zeros(count), np.zeros((gates, count))
        for label in (-1.0, 1.0):
            found = _combine(label, np.arange(count), head, low, high, clean, direct_harm, gate_harm)
            for i in range(count):
                total = Fraction(label) * Fraction(head.output_bias) - Fraction(direct_harm[i])
                total += min(Fraction(label * head.direct[i]) * Fraction(x) for x in (low[i], high[i]))
                for g in range(gates):
                    gate = max(Fraction(head.gate_clean[g]) * Fraction(x) for x in (clean.low[i], clean.high[i]))
                    gate += max(Fraction(head.mixing[g, i]) * Fraction(x) for x in (low[i], high[i]))
                    gate += Fraction(gate_harm[g, i]) + Fraction(head.gate_biases[g])
                    total += min(Fraction(label * head.gate_weights[g]) * max(gate, Fraction(0)), Fraction(0))
                assert Fraction(found[i]) <= total
                assert found[i] == pytest.approx(float(total), abs=1e-11)


def a_circuit():
    """f = 0.7 ReLU(x - 2y + 0.1) - 1.3 ReLU(-x + y) + 0.2 + 0.5 x."""
    hidden = block("hidden", True, {INPUT: np.array([[1.0, -2.0], [-1.0, 1.0]])}, [0.1, 0.0], [True, False])
    output = block("output", False, {"hidden": np.array([[0.7, -1.3]]), INPUT: np.array([[0.5, 0.0]])}, [0.2])
    return Circuit(2, (hidden, output))


def exact_interval(low, high):
    def relu(x):
        return max(x, Fraction(0))

    (a, c), (b, d) = (map(Fraction, ends) for ends in (low, high))
    w = [Fraction(x) for x in (0.7, -1.3, 0.2, 0.5, 0.1)]
    first = relu(a - 2 * d + w[4]), relu(b - 2 * c + w[4])
    second = relu(-b + c), relu(-a + d)
    return w[0] * first[0] + w[1] * second[1] + w[2] + w[3] * a, w[0] * first[1] + w[1] * second[0] + w[2] + w[
        3
    ] * b


def test_interval_arithmetic_is_exact_up_to_rounding_in_any_number_of_batches(monkeypatch):
    circuit = a_circuit()
    rng = np.random.default_rng(880705)
    low = rng.standard_normal((7, 2))
    high = low + rng.uniform(0, 0.5, (7, 2))
    from cgro_theory.theorems.theorem_2_representation_complexity.networks import circuit as module

    for values in (module._VALUES_AT_ONCE, 24, 1):
        monkeypatch.setattr(module, "_VALUES_AT_ONCE", values)
        bounds, tight, plain = circuit.interval(low, high), circuit.at_points(low), circuit.evaluate(low)
        assert bounds.low.shape == bounds.high.shape == tight.low.shape == plain.shape == (7,)
        for i in range(7):
            bottom, top = exact_interval(low[i], high[i])
            assert Fraction(bounds.low[i]) <= bottom <= top <= Fraction(bounds.high[i])
            assert (bounds.low[i], bounds.high[i]) == pytest.approx((float(bottom), float(top)), abs=1e-13)
            value = exact_interval(low[i], low[i])[0]
            assert circuit.evaluate_exact(low[i].tolist()) == value
            assert Fraction(tight.low[i]) <= value <= Fraction(tight.high[i])
            assert tight.high[i] - tight.low[i] < 1e-12
            assert plain[i] == pytest.approx(float(value), abs=1e-13)
    with pytest.raises(InvalidInput):
        circuit.interval(high, low - 1.0)
    assert circuit.evaluate(np.empty((0, 2))).shape == (0,)
    assert (circuit.depth, circuit.width, circuit.structural_count) == (2, 2, 4 + 3 + 2)
    only = circuit.pruned("hidden", 1)
    assert only.evaluate(low) == pytest.approx(np.maximum(low[:, 1] - low[:, 0], 0.0))


def test_rounding_of_long_sums_is_covered():
    """Ten thousand terms that cancel: the float sum is off, and both enclosures hold the exact one."""
    rng = np.random.default_rng(880706)
    weights = rng.standard_normal((1, 10_000))
    circuit = Circuit(10_000, (block("output", False, {INPUT: weights}, [0.0]),))
    points = rng.standard_normal((3, 10_000)) * 1e3
    for bounds in (circuit.interval(points, points), circuit.at_points(points)):
        for i in range(3):
            exact = sum(Fraction(w) * Fraction(x) for w, x in zip(weights[0], points[i], strict=True))
            assert Fraction(bounds.low[i]) <= exact <= Fraction(bounds.high[i])
            assert bounds.high[i] - bounds.low[i] < 1e-3
            worst = 10_000 * 2.0**-53 * float(np.abs(weights[0] * points[i]).sum())
            assert bounds.high[i] - bounds.low[i] >= 2 * worst  # what the order of a sum can lose at most


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
def test_candidates_lie_in_the_ball_and_hold_its_named_points(order):
    centre = np.array([0.4, 0.6, 0.5])
    for radius in (0.1, 1.5):
        check_candidates(centre, radius, order)


def check_candidates(centre, radius, order):
    slope = np.array([0.3, -1.0, 0.2])
    clean = block("clean", False, {INPUT: slope[None, :]}, [0.0])
    circuit = Circuit(3, (clean,))
    for label in (-1.0, 1.0):
        found = witnesses._candidates(circuit, centre, label, radius, order, np.random.default_rng(0))
        assert all(np.linalg.norm(point - centre, ord=order) <= radius * (1 + 1e-12) for point in found)
        named = [np.zeros(3), *np.eye(3), *-np.eye(3)]
        worst = -label * slope
        if order == math.inf:
            corner = np.sign(worst)
            named += [corner]
            for axis in range(3):
                for end in (1.0, -1.0):
                    named += [np.where(np.arange(3) == axis, end, corner)]
        else:
            steepest = np.where(np.abs(worst) == 1.0, worst, 0.0)
            euclidean = worst / np.linalg.norm(worst)
            named += [steepest]
            for axis in range(3):
                for end in (1.0, -1.0):
                    named += [0.5 * euclidean + 0.5 * end * np.eye(3)[axis]]
            named += [euclidean]
        for offset in named:
            size = max(1.0, np.linalg.norm(offset, ord=order))
            gaps = np.abs(found - (centre + radius * offset / size)).max(axis=1)
            assert gaps.min() < 1e-9, offset


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
def test_points_are_projected_onto_the_ball_and_left_inside_it(order):
    rng = np.random.default_rng(880707)
    centre = rng.random(3)
    points = centre + rng.standard_normal((40, 3)) * 0.2
    moved = witnesses._project(points, centre, 0.1, order)
    for before, after in zip(points, moved, strict=True):
        offset = before - centre
        size = np.linalg.norm(offset, ord=order)
        assert np.linalg.norm(after - centre, ord=order) <= 0.1 * (1 + 1e-15)
        if size < 0.0999:
            assert after == pytest.approx(before, abs=1e-15)
        elif order == math.inf:
            assert after == pytest.approx(np.clip(before, centre - 0.1, centre + 0.1), abs=1e-15)
        else:
            assert after == pytest.approx(centre + offset * 0.1 / size, abs=1e-10)
        if order == math.inf:
            assert witnesses.is_in_ball(after, centre, 0.1, order)


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
def test_a_wrong_point_is_found_where_one_exists(order):
    """A linear network whose sign changes near the far end of one axis, for both labels; none where none is."""
    for label in (1.0, -1.0):
        for axis in range(2):
            slope = np.zeros((1, 2))
            slope[0, axis] = -label
            circuit = Circuit(2, (block("output", False, {INPUT: slope}, [label * (0.5 + 0.095)]),))
            data = training_set(np.array([[0.5, 0.5], [3.0, 3.0]]), np.array([label, -label]))
            found = witnesses.find_witness(circuit, data, 0, 0.1, order, np.random.default_rng(1))
            assert found is not None
            assert (found.ball, found.label) == (0, int(label))
            assert found.output == circuit.evaluate_exact(found.point)
            assert label * found.output <= 0
            assert witnesses.is_in_ball(np.array(found.point), data.points[0], 0.1, order)
            assert witnesses.find_witness(circuit, data, 0, 0.09, order, np.random.default_rng(1)) is None


def test_witnesses_are_looked_for_in_the_balls_that_failed():
    """Two balls of a network that answers +1 everywhere; only those with label -1 are wrong."""
    points = np.array([[0.1, 0.1], [0.5, 0.5], [0.9, 0.9], [0.1, 0.9]])
    data = training_set(points, np.array([1.0, -1.0, -1.0, 1.0]))
    circuit = Circuit(2, (block("output", False, {INPUT: np.array([[0.0, 0.0]])}, [1.0]),))
    proof = certify(circuit, data, 0.05, math.inf, max_witnesses=5)
    assert proof.method == "intervals"
    assert proof.margins == pytest.approx([1.0, -1.0, -1.0, 1.0])
    assert proof.uncertified == (1, 2)
    assert not proof.is_complete
    assert [each.ball for each in proof.witnesses] == [1, 2]
    assert [each.output for each in proof.witnesses] == [1, 1]
    assert len(certify(circuit, data, 0.05, math.inf, max_witnesses=1).witnesses) == 1


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
def test_a_memorizer_is_certified_under_its_own_norm_only_by_reading(order):
    rng = np.random.default_rng(880708)
    data = training_set(rng.random((6, 3)), np.array([1.0, -1.0] * 3))
    built = memorize(data, 0.02, order, linear_classifier(np.array([1.0, -1.0, 0.5]), 0.1))
    proof = certify(built.circuit, data, 0.02, order)
    assert (proof.method, proof.unread, proof.is_complete) == ("readings", (), True)
    for other in (1.0, 2.0):
        if order != math.inf and other != order:
            assert certify(built.circuit, data, 0.01, other).method == "intervals"


x, y = sympy.symbols("x y", positive=True)


@pytest.mark.parametrize(
    ("expression", "values", "expected"),
    [
        (x * y + 3, {x: 2, y: Fraction(1, 3)}, Fraction(11, 3)),
        (x**2 / y - sympy.Rational(1, 7), {x: 3, y: 2}, Fraction(9, 2) - Fraction(1, 7)),
        (sympy.log(x) * y, {x: 5, y: 0}, Fraction(0)),
        (x * sympy.log(x), {x: 0}, Fraction(0)),
        (sympy.exp(x) * sympy.E ** (-2), {x: 2}, Fraction(1)),
        (sympy.log(x) / sympy.log(2), {x: 1024}, Fraction(10)),
        (sympy.sqrt(x) + sympy.E, {x: 9}, None),
        (x ** sympy.Rational(3, 2) * sympy.log(y), {x: 2, y: 7}, None),
    ],
)
def test_formulas_are_enclosed_to_the_last_float(expression, values, expected):
    found = enclose(expression, values)
    if expected is None:
        number = expression.subs({symbol: sympy.Rational(str(value)) for symbol, value in values.items()})
        expected = Fraction(str(number.evalf(60)))
    assert Fraction(found.low) <= expected <= Fraction(found.high)
    assert found.high <= math.nextafter(math.nextafter(found.low, math.inf), math.inf)


def test_other_formulas_are_refused():
    for expression in (sympy.sin(x), sympy.Symbol("z"), sympy.pi * x):
        with pytest.raises(InvalidInput):
            enclose(expression, {x: 1})


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
def test_points_are_in_the_ball_exactly(order):
    """In the plane, at radii below and above 1: one float further out is outside."""
    for radius in (0.125, 4.0):
        for direction in ((1.0, 0.0), (0.0, -1.0)):
            on = radius * np.array(direction)
            assert witnesses.is_in_ball(on, np.zeros(2), radius, order)
            assert not witnesses.is_in_ball(on * (1 + 2.0**-52), np.zeros(2), radius, order)
        corner = np.array([radius, radius])
        assert witnesses.is_in_ball(corner, np.zeros(2), radius, order) is (order == math.inf)
        assert not witnesses.is_in_ball(2.0 * corner, np.zeros(2), radius, order)
        half = corner / 2
        assert witnesses.is_in_ball(half, np.zeros(2), radius, order)
        assert witnesses.is_in_ball(0.75 * corner, np.zeros(2), radius, order) is (order == math.inf)


def test_an_edge_that_is_stored_twice_is_one_edge():
    twice = csr_array((np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 2])), shape=(1, 1))
    circuit = Circuit(1, (block("output", False, {INPUT: twice}, [0.5]),))
    assert circuit.structural_count == 2
    assert circuit.evaluate(np.array([[1.0]]))[0] == 3.5
    assert twice.nnz == 2  # what was given is left as it was
