"""The certificate: complete on sound networks, silent on broken ones, with witnesses replayed exactly."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.proof import Certificate, certify
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.witness import find_witness, is_in_ball
from cgro_theory.theorems.theorem_2_representation_complexity.claims.altered_networks import with_bias, with_block
from cgro_theory.theorems.theorem_2_representation_complexity.networks.circuit import INPUT, Circuit, block
from cgro_theory.theorems.theorem_2_representation_complexity.networks.clean_classifier import linear_classifier
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import memorize
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import separation, training_set
from cgro_theory.theorems.theorem_2_representation_complexity.runs.attack import attack_balls

NORMS = (1.0, 2.0, math.inf)
CORRUPTIBLE = (
    "box",
    "abs",
    "tent.1",
    "tent.2",
    "sum.0",
    "sum.1",
    "excess",
    "indicator",
    "gate",
    "output",
    "clean",
)


def random_memorizer(rng, order, count=None, dimension=None, share=0.4):
    count = count or int(rng.integers(2, 5))
    dimension = dimension or int(rng.integers(1, 4))
    labels = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    data = training_set(rng.random((count, dimension)), labels)
    radius = share * separation(data, order).distance
    clean = linear_classifier(rng.standard_normal(dimension), float(rng.standard_normal()))
    return memorize(data, radius, order, clean)


def corrupt(circuit, rng):
    """One wrong bias or one wrong weight somewhere: shifted, scaled, negated or removed."""
    names = [name for name in CORRUPTIBLE if name in circuit.named]
    entry = circuit.named[names[int(rng.integers(len(names)))]]
    biases, edges = entry.biases.copy(), {edge.source: edge.weights.copy() for edge in entry.incoming}
    sizes = 10.0 ** rng.uniform(-3, 1)
    if rng.random() < 0.5 and np.any(entry.has_bias):
        unit = int(rng.choice(np.flatnonzero(entry.has_bias)))
        biases[unit] = biases[unit] + sizes * rng.standard_normal() if rng.random() < 0.7 else -biases[unit]
    else:
        source = list(edges)[int(rng.integers(len(edges)))]
        at = int(rng.integers(edges[source].data.size))
        old = edges[source].data[at]
        edges[source].data[at] = rng.choice([0.0, -old, old * (1.0 + sizes * rng.standard_normal())])
    return with_block(circuit, block(entry.name, entry.is_relu, edges, biases, entry.has_bias))


def violates(circuit, data, ball, radius, order, rng, draws=200):
    """An exactly replayed misclassified point of the ball, searched without the certificate's code."""
    centre, label = data.points[ball], int(data.labels[ball])
    dimension = centre.size
    offsets = rng.uniform(-1, 1, (draws, dimension))
    if order == math.inf:
        offsets[: draws // 2] = rng.choice((-1.0, 0.0, 1.0), (draws // 2, dimension))
    else:
        sizes = np.linalg.norm(offsets, ord=order, axis=1, keepdims=True)
        offsets = offsets / sizes * rng.random((draws, 1)) ** (1 / dimension)
        axes = np.vstack([np.eye(dimension), -np.eye(dimension)])
        offsets[: len(axes)] = axes
    points = centre + radius * (1 - 1e-12) * offsets
    worst = points[int(np.argmin(label * circuit.evaluate(points)))]
    inside = is_in_ball(worst, centre, radius, order)
    return inside and label * circuit.evaluate_exact(worst.tolist()) <= 0


def false_passes(cases, seed):
    """(false passes, broken networks found, certified networks) over random corrupted memorizers."""
    rng = np.random.default_rng(seed)
    wrong = broken = certified = 0
    for case in range(cases):
        built = random_memorizer(rng, NORMS[case % 3])
        circuit = corrupt(built.circuit, rng)
        proof = certify(circuit, built.data, built.perturbation_radius, built.norm_order, max_witnesses=0)
        hit = False
        for ball in range(built.data.num_samples):
            found = violates(circuit, built.data, ball, built.perturbation_radius, built.norm_order, rng)
            hit |= found
            wrong += found and bool(proof.margins[ball] > 0.0)
        broken += hit
        certified += proof.is_complete
    return wrong, broken, certified


def test_no_false_pass_on_corrupted_networks():
    wrong, broken, certified = false_passes(600, 0)
    assert wrong == 0
    assert broken > 60  # the defects do break networks, so the test can fail
    assert certified > 60  # and the certificate does not simply refuse everything


@pytest.mark.slow
def test_no_false_pass_in_ten_thousand_corrupted_networks():
    wrong, broken, certified = false_passes(10_000, 1)
    assert wrong == 0
    assert broken > 1000
    assert certified > 1000


@settings(max_examples=40)
@given(
    st.integers(0, 10**6),
    st.sampled_from(NORMS),
    st.integers(1, 30),
    st.integers(1, 6),
    st.sampled_from([0.1, 0.49]),
)
def test_sound_networks_are_certified_with_margin_one(seed, order, count, dimension, share):
    rng = np.random.default_rng(seed)
    built = random_memorizer(rng, order, count + 1, dimension, share)
    proof = certify(built.circuit, built.data, built.perturbation_radius, order)
    assert proof.is_complete
    assert proof.method == "readings"
    assert proof.unread == ()
    assert proof.margins.min() == 1.0


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 5))
def test_readings_and_plain_intervals_agree_for_boxes(seed, count, dimension):
    built = random_memorizer(np.random.default_rng(seed), math.inf, count, dimension)
    read = certify(built.circuit, built.data, built.perturbation_radius, math.inf)
    renamed = tuple(
        block(
            "other" if entry.name == "box" else entry.name,
            entry.is_relu,
            {("other" if edge.source == "box" else edge.source): edge.weights for edge in entry.incoming},
            entry.biases,
            entry.has_bias,
        )
        for entry in built.circuit.blocks
    )
    plain = certify(Circuit(dimension, renamed), built.data, built.perturbation_radius, math.inf)
    assert (read.method, plain.method) == ("readings", "intervals")
    assert plain.is_complete
    assert np.all(plain.margins <= read.margins)
    assert plain.margins == pytest.approx(read.margins, abs=1e-9)


@pytest.mark.parametrize("order", NORMS)
@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_a_wrong_indicator_bias_is_named_with_a_replayed_witness(order, value):
    data = training_set([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [1, -1, -1])
    radius = 0.3 if order != 1.0 else 0.2
    built = memorize(data, radius, order, linear_classifier([0.0, 0.0], 1.0))  # wrong on points 1 and 2
    assert certify(built.circuit, data, radius, order).is_complete
    broken = with_bias(built.circuit, "indicator", 1, value)
    proof = certify(broken, data, radius, order)
    assert proof.uncertified == (1,)
    (witness,) = proof.witnesses
    assert witness.ball == 1
    assert is_in_ball(np.array(witness.point), data.points[1], radius, order)
    assert broken.evaluate_exact(witness.point) == witness.output
    assert witness.label * witness.output <= 0
    assert isinstance(witness.output, Fraction)


@pytest.mark.parametrize(("name", "order"), [("box", math.inf), ("abs", 1.0), ("abs", 2.0)])
def test_a_wrong_centre_or_face_is_caught(name, order):
    data = training_set([[0.0, 0.0], [2.0, 0.0]], [1, -1])
    built = memorize(data, 0.5, order, linear_classifier([0.0, 0.0], 1.0))
    bias = float(built.circuit.named[name].biases[4])
    broken = with_bias(built.circuit, name, 4, bias + 1.5)
    proof = certify(broken, data, 0.5, order)
    assert 1 in proof.uncertified
    assert proof.witnesses[0].ball == 1
    # what is no longer a norm is not read as one
    assert proof.unread == (() if order == math.inf else (1,))


def test_a_radius_that_is_too_small_is_caught():
    data = training_set([[0.0, 0.0], [2.0, 0.0]], [1, -1])
    for order, bias in ((1.0, 2.0), (2.0, 2.0)):
        built = memorize(data, 0.5, order, linear_classifier([0.0, 0.0], 1.0))
        broken = with_bias(built.circuit, "excess", 1, bias)  # t - ρ with ρ = -2: the ramp is past its end
        assert certify(broken, data, 0.5, order).uncertified == (1,)


def test_an_indicator_that_reaches_too_far_breaks_the_other_class():
    data = training_set([[0.0, 0.0], [2.0, 0.0]], [1, -1])
    built = memorize(data, 0.5, math.inf, linear_classifier([1.0, 0.0], -1.0))
    entry = built.circuit.named["indicator"]
    wide = entry.incoming[0].weights.copy()
    wide.data[:4] *= 1e-3
    broken = with_block(built.circuit, block("indicator", True, {"box": wide}, [3.0, 1.0]))
    proof = certify(broken, data, 0.5, math.inf)
    assert proof.uncertified == (1,)
    assert proof.witnesses[0].ball == 1


def test_a_flipped_output_sign_is_caught():
    data = training_set([[0.0], [1.0], [3.0]], [1, 1, -1])
    built = memorize(data, 0.6, math.inf, linear_classifier([-1.0], 2.0))
    entry = built.circuit.named["output"]
    edges = {edge.source: edge.weights.copy() for edge in entry.incoming}
    edges["indicator"].data[0] = -1.0
    broken = with_block(built.circuit, block("output", False, edges, entry.biases, entry.has_bias))
    proof = certify(broken, data, 0.6, math.inf, max_witnesses=3)
    assert 0 in proof.uncertified
    assert 2 not in proof.uncertified
    assert any(witness.ball == 0 for witness in proof.witnesses)


def test_the_certificate_reads_weights_and_not_the_recorded_intention():
    data = training_set([[0.0], [1.0]], [1, -1])
    built = memorize(data, 0.1, math.inf, linear_classifier([0.0], 1.0))
    larger = replace(built, perturbation_radius=0.45)  # the record lies; the network has radius 0.1
    proof = certify(larger.circuit, data, 0.45, math.inf)
    assert 1 in proof.uncertified
    assert [witness.ball for witness in proof.witnesses] == [1]


def test_a_classifier_without_indicators_is_judged_by_intervals():
    data = training_set([[0.0], [1.0]], [1, -1])
    plain = Circuit(1, (block("clean", False, {INPUT: np.array([[-1.0]])}, [0.5]),))
    assert certify(plain, data, 0.4, math.inf).is_complete
    assert certify(plain, data, 0.4, math.inf).method == "intervals"
    with pytest.raises(InvalidInput, match="at most"):
        certify(plain, data, 0.5, math.inf)


def test_the_attack_finds_what_the_certificate_misses_and_nothing_else():
    rng = np.random.default_rng(3)
    for order in NORMS:
        data = training_set(rng.random((12, 3)), np.tile([1.0, -1.0], 6))
        radius = 0.4 * separation(data, order).distance
        built = memorize(data, radius, order, linear_classifier([0.0, 0.0, 0.0], 1.0))
        assert attack_balls(built.circuit, data, radius, order, balls=12, steps=5, seed=0).errors == 0
        clean_only = attack_balls(built.clean, data, radius, order, balls=12, steps=5, seed=0)
        assert clean_only.errors == 6


def test_witness_search_finds_a_linear_classifiers_worst_point():
    data = training_set([[0.0, 0.0], [5.0, 5.0]], [1, -1])
    for order in NORMS:
        clean = linear_classifier([-1.0, -3.0], 1.0)
        witness = find_witness(clean, data, 0, 0.6, order, np.random.default_rng(0))
        assert witness is not None
        assert witness.output <= 0


@pytest.mark.slow
def test_ten_thousand_points_are_certified():
    """How long it takes is for `benchmarks/certificates.py` to say."""
    rng = np.random.default_rng(0)
    data = training_set(rng.random((10_000, 64)), rng.choice((-1.0, 1.0), 10_000))
    radius = 0.4 * separation(data, math.inf).distance
    built = memorize(data, radius, math.inf, linear_classifier(rng.standard_normal(64), 0.1))
    assert certify(built.circuit, data, radius, math.inf).is_complete


def test_a_margin_of_nan_is_not_certified():
    assert Certificate(np.array([1.0, math.nan]), "readings", (), ()).uncertified == (1,)


def test_the_attack_counts_an_output_of_nan_as_an_error():
    data = training_set([[1.0], [3.0]], [1, 1])
    # 1e308 x + 1e308 x - the same: infinity minus infinity.
    overflow = Circuit(
        1,
        (
            block("a", True, {INPUT: np.array([[1e308], [1e308]])}, [0.0, 0.0]),
            block("b", True, {"a": np.array([[1e300, 0.0], [0.0, 1e300]])}, [0.0, 0.0]),
            block("output", False, {"b": np.array([[1.0, -1.0]])}, [0.0]),
        ),
    )
    assert attack_balls(overflow, data, 0.25, math.inf, balls=2, steps=1, seed=9000).errors == 2
