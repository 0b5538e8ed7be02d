"""What theorem 2 may say about robust nets: one fixed graph, the worst labelling, and one that is far cheaper."""

import math
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rechecking import judge_claim

from cgro_theory.claims import Outcome
from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.enclosing import enclose
from cgro_theory.theorems.theorem_2_representation_complexity.claims import hierarchy as claims
from cgro_theory.theorems.theorem_2_representation_complexity.claims.altered_networks import with_bias, with_block
from cgro_theory.theorems.theorem_2_representation_complexity.claims.symbols import D, W, epsilon, missing_bits
from cgro_theory.theorems.theorem_2_representation_complexity.networks.circuit import block
from cgro_theory.theorems.theorem_2_representation_complexity.networks.layered import pad_to_layers
from cgro_theory.theorems.theorem_2_representation_complexity.runs import making as gathering
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import HypercubeInstance
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import RepresentationRuns
from cgro_theory.theorems.theorem_2_representation_complexity.runs.parity import (
    judge_balls,
    parity_circuit,
    parity_instance,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory import counts as prediction
from cgro_theory.theorems.theorem_2_representation_complexity.theory.lower_bound import (
    any_graph_bound,
    parameter_bound,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory.trained_bounds import is_robust_on_box

mp = mpmath.mp.clone()
mp.dps = 60


@pytest.fixture(scope="module")
def hierarchy():
    return RepresentationRuns(9000, hierarchy=gathering._hierarchy(9000))


def judged(runs):
    """The outcome of the claim on one fixed graph."""
    return judge_claim(claims.HIERARCHY, claims.check_hierarchy, runs, 0.0).outcome


@pytest.mark.parametrize("dimension", range(2, 9))
def test_the_parity_net_is_robust_on_every_ball_exactly(dimension):
    instance, net = parity_instance(dimension), parity_circuit(dimension)
    verdicts = judge_balls(instance, net)
    assert (verdicts.broken, verdicts.robust, verdicts.total) == (0, 2 ** (dimension - 1), 2 ** (dimension - 1))
    assert net.structural_count == prediction.parity_count(dimension) == 9 * (dimension - 1)
    assert net.depth == prediction.CGRO_LAYERS


@pytest.mark.parametrize("dimension", [2, 5, 7])
def test_linear_relaxations_of_the_padded_net_prove_the_same(dimension):
    instance, net = parity_instance(dimension), pad_to_layers(parity_circuit(dimension))
    weights = [matrix.toarray() for matrix in net.weights]
    for point, label in zip(instance.points(np.arange(instance.num_corners)), instance.labels, strict=True):
        radius = instance.perturbation_radius
        assert is_robust_on_box(weights, net.biases, label, point - radius, point + radius, 1)


@given(st.integers(2, 6), st.floats(1e-3, 0.499))
def test_the_parity_net_is_robust_for_any_radius_below_one_half(dimension, radius):
    instance = HypercubeInstance(dimension, parity_instance(dimension).labels, radius / 2, radius)
    verdicts = judge_balls(instance, parity_circuit(dimension, radius))
    assert verdicts.robust == verdicts.total


@pytest.mark.parametrize("radius", [0.0, 0.5, math.nan])
def test_a_bad_radius_is_refused(radius):
    with pytest.raises(InvalidInput, match="perturbation_radius"):
        parity_circuit(4, radius)


def test_one_labelling_needs_far_less_than_the_bound_for_the_worst_and_than_the_cgro_net():
    crossing = prediction.hierarchy_dimension(1797, 0.1)
    bound, size = parameter_bound(2 ** (crossing - 1), 0.1, 4), parity_circuit(crossing).structural_count
    assert (crossing, bound, size) == (27, 301_085, 234)
    assert size < prediction.structural_count(1797, crossing, math.inf, 1) < bound
    # Without the unit that sums, in three layers, every tooth reads all rounded bits: 2n² + 6n edges and biases.
    net = parity_circuit(crossing)
    total = net.named["sum"]
    folded = pad_to_layers(
        with_block(net, block("sum", False, {"round": total.incoming[0].weights}, [0.0], has_bias=False))
    )
    assert sum(matrix.nnz for matrix in folded.weights) + sum(map(np.count_nonzero, folded.biases)) == 1508


@pytest.mark.parametrize(("name", "unit", "value"), [("teeth", 1, -2.0), ("round", 0, -0.2), ("output", 0, 3.0)])
def test_a_parity_net_with_one_wrong_bias_is_not_proved(name, unit, value):
    verdicts = judge_balls(parity_instance(5), with_bias(parity_circuit(5), name, unit, value))
    assert verdicts.robust < verdicts.total


def test_a_net_without_the_proved_shape_stays_open():
    instance = parity_instance(3)
    built = instance.memorizer(np.arange(4)).circuit
    verdicts = judge_balls(instance, built)
    assert (verdicts.broken, verdicts.robust) == (0, 0)


@given(st.integers(2, 40), st.sampled_from([0.0, 0.1, 0.3]), st.integers(1, 6))
def test_any_graph_bound_is_the_least_not_excluded(dimension, share, layers):
    points = 2 ** (dimension - 1)
    entropy = -share * mp.log(share, 2) - (1 - share) * mp.log(1 - share, 2) if share else mp.mpf(0)

    def missing(parameters):
        logs = mp.fsum(mp.log(2 * mp.e * points * i, 2) for i in range(1, layers + 1))
        graphs = parameters * mp.log(mp.e * (parameters + dimension + 1), 2)
        return points * (1 - mp.mpf(entropy)) - layers - parameters * logs - graphs

    found = any_graph_bound(points, dimension, share, layers)
    assert missing(found) <= 1e-9
    assert found == 1 or missing(found - 1) > 0
    assert found <= max(1, parameter_bound(points, share, layers))


@pytest.mark.parametrize(("inputs", "parameters"), [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)])
def test_graphs_are_not_more_than_the_bound_says(inputs, parameters):
    # Every set of at most W pairs (unit, what it reads): a superset of the graphs, counted without the estimate.
    pairs = parameters * (parameters + inputs + 1)
    sets = sum(math.comb(pairs, size) for size in range(parameters + 1))
    assert sets <= (math.e * (parameters + inputs + 1)) ** parameters


@pytest.mark.parametrize("samples", [20, 1797, 10**6])
def test_graphs_that_depend_on_the_labels_cost_at_most_one_dimension_more(samples):
    fixed = prediction.hierarchy_dimension(samples, 0.1)
    free = prediction.hierarchy_dimension(samples, 0.1, any_graph=True)
    assert fixed <= free <= fixed + 1
    for dimension in range(free, free + 30):
        count = prediction.structural_count(samples, dimension, math.inf, 1)
        assert any_graph_bound(2 ** (dimension - 1), dimension, 0.1, 4) > count


def test_a_dimension_of_any_graph_needs_the_number_of_layers():
    with pytest.raises(InvalidInput, match="num_layers"):
        prediction.hierarchy_dimension(10, 0.1, None, any_graph=True)


def test_both_crossings_are_judged_and_printed(hierarchy):
    verdicts = {entry.label: judge_claim(entry.claim, entry.check, hierarchy, 0.0) for entry in claims.CHECKED}
    assert all(verdict.outcome is Outcome.CONSISTENT for verdict in verdicts.values())
    assert [verdict.measurement.estimate for verdict in verdicts.values()] == [27.0, 28.0]
    notes = dict(
        verdicts["theorem_2.hierarchy"].prediction.notes + verdicts["theorem_2.hierarchy"].measurement.notes
    )
    assert notes["dimension where the graph may depend on the labels"] == 28.0
    assert notes["parity, one labelling: parameters of its robust net there"] == 234.0
    (figure,) = claims.figures(hierarchy)
    shown = " ".join([figure.caption, *(marker.label for marker in figure.panels[0].markers)])
    assert all(word in shown for word in ("D = 27", "D = 28", "parity", "fixed graph", "worst labelling"))


def test_a_parity_net_as_large_as_the_bound_refutes_the_hierarchy(hierarchy):
    run = hierarchy.hierarchy
    (large,) = (net for net in run.networks if net.input_dimension == 28)
    nets = tuple(large if net.input_dimension == 28 else net for net in run.parities)
    changed = replace(hierarchy, hierarchy=replace(run, parities=nets))
    assert judged(changed) is Outcome.REFUTED


def test_an_unproved_parity_net_leaves_the_hierarchy_open(hierarchy):
    run = hierarchy.hierarchy
    # At δ = 0.2 the rounding does not reach the ends of balls of radius 1/4: right at the centres, nothing proved.
    nets = tuple(parity_circuit(3, 0.2) if net.input_dimension == 3 else net for net in run.parities)
    changed = replace(hierarchy, hierarchy=replace(run, parities=nets))
    assert judged(changed) is Outcome.INCONCLUSIVE


def test_the_statement_misses_the_same_bits_as_the_bound():
    for any_graph, bound in (
        (False, parameter_bound(2**14, 0.1, 4)),
        (True, any_graph_bound(2**14, 15, 0.1, 4)),
    ):
        formula, values = missing_bits(4, any_graph).doit(), {D: 15, epsilon: Fraction(0.1)}
        at, below = (enclose(formula, {**values, W: count}) for count in (bound, bound - 1))
        assert at.high <= 0.0 < below.low
