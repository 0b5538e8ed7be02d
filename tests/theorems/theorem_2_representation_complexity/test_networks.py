"""The memorizer: counts, evaluation by four routes, exactness of indicators, and bad input."""

import itertools
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.theorem_2_representation_complexity.claims.symbols import STRUCTURAL, D, M, N, W_clean
from cgro_theory.theorems.theorem_2_representation_complexity.networks.circuit import INPUT, Circuit, block
from cgro_theory.theorems.theorem_2_representation_complexity.networks.clean_classifier import (
    coordinate_classifier,
    hidden_widths,
    linear_classifier,
    multilayer_perceptron,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.layered import pad_to_layers, to_torch
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import memorize
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import separation, training_set
from cgro_theory.theorems.theorem_2_representation_complexity.theory import counts as prediction
from cgro_theory.theorems.theorem_2_representation_complexity.theory.lower_bound import parameter_bound

NORMS = (1.0, 2.0, math.inf)
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "theorem_2_networks.json").read_text())


def random_net(rng, dimension, hidden):
    sizes = (dimension, *hidden, 1)
    weights = [rng.standard_normal((b, a)) for a, b in itertools.pairwise(sizes)]
    return multilayer_perceptron(weights, [rng.standard_normal(size) for size in sizes[1:]])


def random_memorizer(seed, count, dimension, order, hidden=(), share=0.4):
    rng = np.random.default_rng(seed)
    data = training_set(rng.random((count, dimension)), rng.choice((-1.0, 1.0), size=count))
    closest = separation(data, order).distance
    radius = share * closest if math.isfinite(closest) else 0.1
    return memorize(data, radius, order, random_net(rng, dimension, hidden))


memorizers = st.builds(
    random_memorizer,
    seed=st.integers(0, 10**6),
    count=st.integers(1, 9),
    dimension=st.integers(1, 6),
    order=st.sampled_from(NORMS),
    hidden=st.sampled_from([(), (2,), (3, 2), (2, 3, 2, 4, 3), (1,) * 12]),
    share=st.sampled_from([0.05, 0.3, 0.49]),
)


def full_layers(built, widths):
    """Σ_l n_l (n_(l-1) + 1) over the widths that theory.md 3.1 lists."""
    count, dimension, order = built.data.num_samples, built.data.input_dimension, built.norm_order
    pairs = 2 * count * dimension
    own = [pairs, *[pairs + count] * built.squarings, *([count] if order == math.inf else [count, count])]
    gate = max(len(own), len(widths)) + 1
    own += [count] * (gate - len(own))
    clean = [*widths, *[2] * (gate - len(widths))]
    layers = [dimension, *map(sum, zip(own, clean, strict=True)), 1]
    return sum(above * (below + 1) for below, above in itertools.pairwise(layers))


def euclidean_dense(count, dimension, stages):
    """The dense count for p = 2 around a linear classifier, multiplied out layer by layer."""
    first, middle, late = 2 * count * dimension + 2, 2 * count * dimension + count + 2, count + 2
    layers = first * (dimension + 1) + middle * (first + 1) + (stages - 1) * middle * (middle + 1)
    return layers + late * (middle + 1) + 2 * late * (late + 1) + late + 1


@settings(deadline=None, max_examples=60)
@given(memorizers)
def test_counts_of_built_networks_equal_the_formulas(built):
    count, dimension, order = built.data.num_samples, built.data.input_dimension, built.norm_order
    values = {N: count, D: dimension, M: built.squarings, W_clean: built.clean.structural_count}
    widths, padded = hidden_widths(built.clean), pad_to_layers(built.circuit)
    structural, dense = built.circuit.structural_count, padded.dense_count
    assert structural == STRUCTURAL[order].subs(values)
    assert dense == full_layers(built, widths)
    own = (count, dimension, order)
    assert structural == prediction.structural_count(*own, built.clean.structural_count, built.squarings)
    assert dense == prediction.dense_count(*own, widths, built.squarings)
    assert padded.widths == prediction.layer_widths(*own, widths, built.squarings)
    assert built.circuit.depth == len(padded.widths) - 1
    if order == 2.0 and not widths:
        assert dense == euclidean_dense(count, dimension, built.squarings)


@settings(deadline=None, max_examples=40)
@given(memorizers, st.integers(0, 1000))
def test_four_evaluations_agree(built, seed):
    rng = np.random.default_rng(seed)
    dimension = built.data.input_dimension
    points = np.vstack([rng.uniform(-0.3, 1.3, (5, dimension)), built.data.points[:3]])
    values = built.circuit.evaluate(points)
    exact = np.array([float(built.circuit.evaluate_exact(point.tolist())) for point in points])
    scale = 1e-9 * (1.0 + np.abs(exact))
    assert np.all(np.abs(values - exact) <= scale)
    assert np.all(np.abs(pad_to_layers(built.circuit).evaluate(points) - exact) <= scale)
    assert np.all(np.abs(to_torch(built.circuit)(torch.from_numpy(points)).numpy() - exact) <= scale)
    bounds = built.circuit.interval(points, points)
    tight = built.circuit.at_points(points)
    for index, point in enumerate(points):
        true = built.circuit.evaluate_exact(point.tolist())
        for low, high in (bounds, tight):
            assert Fraction(low[index]) <= true <= Fraction(high[index])


@settings(deadline=None, max_examples=40)
@given(memorizers, st.integers(0, 1000))
def test_box_bounds_enclose_values_inside(built, seed):
    rng = np.random.default_rng(seed)
    low = rng.uniform(-0.2, 1.0, (1, built.data.input_dimension))
    high = low + rng.uniform(0.0, 0.4, low.shape)
    bounds = built.circuit.interval(low, high)
    for _ in range(5):
        point = np.clip(low + rng.random(low.shape) * (high - low), low, high)[0]
        assert Fraction(bounds.low[0]) <= built.circuit.evaluate_exact(point.tolist()) <= Fraction(bounds.high[0])


@settings(deadline=None, max_examples=40)
@given(memorizers, st.integers(0, 10**6))
def test_ball_points_get_their_label_with_margin_one_exactly(built, seed):
    rng = np.random.default_rng(seed)
    radius, order = Fraction(built.perturbation_radius), built.norm_order
    for ball in range(built.data.num_samples):
        centre = [Fraction(value) for value in built.data.points[ball].tolist()]
        offset = [Fraction(value) for value in rng.uniform(-1, 1, len(centre)).tolist()]
        size = max(map(abs, offset)) if order == math.inf else sum(map(abs, offset))  # l1 >= l2
        point = [c + radius * o / size for c, o in zip(centre, offset, strict=True)]
        assert int(built.data.labels[ball]) * built.circuit.evaluate_exact(point) >= 1


def test_overlapping_balls_of_one_class_keep_the_sign():
    # S = 3 on the overlap: the idealized f_clean (1 - S) + Σ y I would be -3 + 3 f_clean's flip; the gate is 0.
    data = training_set([[0.0], [0.1], [0.2], [9.0]], [1, 1, 1, -1])
    built = memorize(data, 1.0, math.inf, linear_classifier([0.0], -5.0))
    assert built.circuit.evaluate_exact([0.1]) == 3
    assert built.clean_wrong_on == (0, 1, 2)


def test_outside_all_ramps_the_clean_classifier_speaks():
    data = training_set([[0.0, 0.0], [4.0, 4.0]], [1, -1])
    for order in NORMS:
        built = memorize(data, 0.5, order, linear_classifier([1.0, -2.0], 0.25))
        assert built.circuit.evaluate_exact([Fraction(2), Fraction(1)]) == Fraction(1, 4)


def test_counts_do_not_overflow():
    assert prediction.structural_count(10**12, 10**12, math.inf, 1) == 6 * 10**24 + 4 * 10**12 + 5
    assert prediction.dense_count(10**12, 10**12, 1) > 10**36


def build(points=((0.0, 0.0), (1.0, 0.0)), labels=(1, -1), radius=0.25, order=math.inf):
    data = training_set(np.array(points, dtype=float), labels)
    return memorize(data, radius, order, coordinate_classifier(2, 0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radius": 0.6}, "at most 0.49999.* points 0 and 1 have opposite labels .* got 0.6"),
        ({"radius": 0.5}, "points 0 and 1"),
        ({"radius": 0.0}, "perturbation_radius must be > 0, got 0.0"),
        ({"radius": -1.0}, "perturbation_radius must be > 0, got -1.0"),
        ({"radius": math.nan}, "perturbation_radius must be a finite number > 0, got nan"),
        ({"order": 3}, "norm_order must be 1, 2 or inf, got 3"),
        ({"points": ((0.0, 0.0), (0.0, 0.0))}, r"labels of equal points must be the same, got 'points 0 and 1"),
        ({"points": ((0.0, math.nan), (1.0, 0.0))}, "coordinate 1 of point 0 must be finite, got nan"),
        ({"points": ((0.0, math.inf), (1.0, 0.0))}, "coordinate 1 of point 0 must be finite, got inf"),
        ({"labels": (1, 0)}, r"label of point 1 must be -1 or \+1, got 0.0"),
        ({"labels": (1, math.nan)}, r"label of point 1 must be -1 or \+1, got nan"),
        ({"labels": (1,)}, "number of labels must be 2, one per point, got 1"),
        ({"labels": ("a", "b")}, "labels must be"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        build(**arguments)
    assert "\n" not in str(caught.value)


def test_the_named_radius_is_admissible_and_the_next_is_not():
    with pytest.raises(InvalidInput) as caught:
        build(radius=0.7)
    largest = float(caught.value.allowed.split()[2].rstrip(","))
    assert build(radius=largest).ramp_width > 0.0


@pytest.mark.parametrize("shape", [(0, 2), (2, 0)])
def test_empty_data_are_refused(shape):
    name = "num_samples" if shape[0] == 0 else "input_dimension"
    with pytest.raises(InvalidInput, match=f"{name} must be >= 1, got 0"):
        training_set(np.zeros(shape), np.ones(shape[0]))


def test_counts_refuse_bad_sizes():
    for arguments in ((0, 1, math.inf, 1), (1, 0, math.inf, 1), (1, 1, 3, 1), (1, 1, math.inf, -1)):
        with pytest.raises(InvalidInput):
            prediction.structural_count(*arguments)
    with pytest.raises(InvalidInput, match="squarings"):
        prediction.structural_count(1, 1, 2, 1)
    with pytest.raises(InvalidInput, match="squarings"):
        prediction.structural_count(1, 1, math.inf, 1, 3)


def test_circuits_refuse_what_they_cannot_mean():
    good = block("a", False, {INPUT: np.ones((1, 2))}, [0.0])
    with pytest.raises(InvalidInput, match="source of a"):
        Circuit(3, (good,))
    with pytest.raises(InvalidInput, match="block name"):
        Circuit(2, (good, good))
    with pytest.raises(InvalidInput, match="weights of a"):
        block("a", False, {INPUT: np.array([[math.nan, 1.0]])}, [0.0])
    with pytest.raises(InvalidInput, match="biases of a"):
        block("a", False, {INPUT: np.ones((1, 2))}, [2.0], has_bias=False)


def test_a_zero_bias_and_a_zero_bound_still_count():
    data = training_set([[0.25], [-1.0]], [1, -1])  # the face 0.25 - 0.25 has bias 0
    built = memorize(data, 0.25, math.inf, linear_classifier([0.0], 0.0))
    assert built.circuit.structural_count == 2 + 2 * (6 + 4) + 4


@pytest.mark.parametrize("case", GOLDEN["networks"], ids=lambda case: f"p={case['norm_order']}")
def test_networks_match_the_golden_formulas(case):
    points = [[float(Fraction(value)) for value in point] for point in GOLDEN["points"]]
    weights = [float(Fraction(value)) for value in GOLDEN["clean"]["weights"]]
    clean = linear_classifier(weights, float(Fraction(GOLDEN["clean"]["bias"])))
    radius, ramp = (float(Fraction(GOLDEN[name])) for name in ("perturbation_radius", "ramp_width"))
    built = memorize(
        training_set(points, GOLDEN["labels"]), radius, float(case["norm_order"]), clean, ramp_width=ramp
    )
    assert built.squarings == case["squarings"]
    queries = [[float(Fraction(value)) for value in query] for query in GOLDEN["queries"]]
    assert built.circuit.evaluate(queries) == pytest.approx(case["values"], abs=1e-9)


def test_bounds_match_the_golden_file():
    for case in GOLDEN["bounds"]:
        points = 2 ** (case["input_dimension"] - 1)
        found = parameter_bound(points, case["error_share"], case["layers"])
        assert found == int(case["parameters"])
