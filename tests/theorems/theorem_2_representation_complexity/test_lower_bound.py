"""The lower bound and its parts against mpmath, brute force and integer arithmetic; where its check binds."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from rechecking import judge_claim

from cgro_theory.claims import Outcome
from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.arb import lower_float, precision, upper_float
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.enclosing import enclose
from cgro_theory.theorems.theorem_2_representation_complexity.claims.lower_bound import (
    ROBUST_LOWER_BOUND,
    check_robust_lower_bound,
)
from cgro_theory.theorems.theorem_2_representation_complexity.claims.symbols import (
    LEAST_PARAMETERS,
    D,
    L,
    N,
    epsilon,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs import making as gathering
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import TrainedNet
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import (
    HypercubeTraining,
    RepresentationRuns,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.profiles import SIZES
from cgro_theory.theorems.theorem_2_representation_complexity.runs.sign_patterns import (
    cover_count,
    halfspace_patterns,
    threshold_patterns,
    two_unit_patterns,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory import counts as prediction
from cgro_theory.theorems.theorem_2_representation_complexity.theory.lower_bound import (
    Architecture,
    binary_entropy,
    demanded_bits,
    depth_free_bound,
    growth_bound,
    hamming_distance,
    is_excluded,
    log2_parameter_bound,
    packing,
    parameter_bound,
    smallest_width_left,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory.neighbours import neighbour_bounds

mp = mpmath.mp.clone()
mp.dps = 60

shares = st.one_of(st.just(0.0), st.floats(1e-6, 0.499))
architectures = st.builds(
    lambda dimension, hidden: Architecture(dimension, (*hidden, 1)),
    st.integers(1, 9),
    st.lists(st.integers(1, 12), max_size=3),
)


def entropy(share):
    share = mp.mpf(share)
    return mp.mpf(0) if share == 0 else -share * mp.log(share, 2) - (1 - share) * mp.log(1 - share, 2)


def parameter_oracle(points, share, layers):
    need = points * (1 - entropy(share)) - layers
    return need / mp.fsum(mp.log(2 * mp.e * points * i, 2) for i in range(1, layers + 1))


@given(shares)
def test_entropy_encloses_mpmath(share):
    with precision(120):
        ball = binary_entropy(share)
        assert lower_float(ball) <= entropy(share) <= upper_float(ball)


@given(architectures, st.integers(1, 5000))
def test_growth_bound_is_mpmaths_rounded_up(architecture, points):
    total = mp.mpf(0)
    cumulative, below = 0, architecture.input_dimension
    for layer, width in enumerate(architecture.widths, start=1):
        cumulative += width * (below + 1)
        below = width
        terms = [mp.mpf(points * width)]
        if points * width >= cumulative:
            ratio = 2 * mp.e * points * width * layer / cumulative
            terms.append(1 + cumulative * mp.log(ratio, 2))
        total += min(terms)
    found = growth_bound(architecture, points)
    assert 0 <= found - total <= 1e-12 * (1 + total)


@given(st.integers(1, 2**40), shares, st.integers(1, 8))
def test_parameter_bound_is_the_ceiling_and_rounded_down(points, share, layers):
    value = parameter_oracle(points, share, layers)
    found = parameter_bound(points, share, layers)
    assert found == max(0, int(mp.ceil(value)))


@given(st.integers(0, 60), shares, st.integers(1, 8))
def test_logarithmic_form_is_below_and_close(exponent, share, layers):
    value = parameter_oracle(2**exponent, share, layers)
    found = log2_parameter_bound(exponent, share, layers)
    if value <= 0:
        assert found == -math.inf
    else:
        assert 0 <= mp.log(value, 2) - found <= 1e-12 * (1 + abs(found))


def test_logarithmic_form_reaches_dimension_ten_to_the_twelve():
    exponent = 10**12
    found = log2_parameter_bound(exponent, 0.1, 4)
    logs = 4 * (1 + exponent + 1 / mp.log(2)) + mp.log(24, 2)
    assert abs(found - (exponent + mp.log(1 - entropy(0.1), 2) - mp.log(logs, 2))) < 1e-3


@given(st.integers(1, 2**30), shares)
def test_depth_free_bound_is_the_least_not_excluded(points, share):
    def have(parameters):
        return parameters + parameters**2 * mp.log(2 * mp.e * points * parameters, 2)

    need, found = points * (1 - entropy(share)), depth_free_bound(points, share)
    assert have(found) >= need
    assert found == 1 or have(found - 1) < need


@given(st.integers(2, 2**30), shares, st.integers(1, 6))
def test_depth_free_bound_is_weaker_than_any_depth_it_covers(points, share, layers):
    with_depth = parameter_bound(points, share, layers)
    assert depth_free_bound(points, share) <= max(with_depth, layers)


@given(st.integers(1, 14), st.sampled_from([0.1, 0.4, 0.6, 0.9, 1.2]), st.sampled_from([1, 2]))
def test_packing_is_the_binomial_bound(bits, radius, order):
    distance = math.floor(Fraction(2 * Fraction(radius)) ** order) + 1
    if distance > bits:
        with pytest.raises(InvalidInput):
            packing(bits + 1, radius, order)
        return
    volume = mp.fsum(mp.binomial(bits, size) for size in range(distance))
    assert packing(bits + 1, radius, order) == int(mp.ceil(mp.mpf(2) ** bits / volume))
    assert hamming_distance(radius, order) == distance


@pytest.mark.parametrize(("bits", "radius"), [(4, 0.8), (5, 0.8), (6, 0.8), (6, 0.95), (7, 0.8)])
def test_a_greedy_code_reaches_the_packing(bits, radius):
    distance = hamming_distance(radius, 2)
    code = []
    for word in range(2**bits):
        if all((word ^ other).bit_count() >= distance for other in code):
            code.append(word)
    assert len(code) >= packing(bits + 1, radius, 2)
    assert all(math.sqrt((a ^ b).bit_count()) > 2 * radius for a, b in itertools.combinations(code, 2))


@pytest.mark.parametrize(("dimension", "points"), [(1, 9), (2, 3), (2, 20), (3, 12), (4, 9)])
@pytest.mark.parametrize("seed", [9000, 9001])
def test_halfspace_patterns_match_cover_and_stay_below_the_bound(dimension, points, seed):
    found = halfspace_patterns(dimension, points, seed)
    assert found.found == 2 * sum(math.comb(points - 1, size) for size in range(dimension + 1))
    assert math.log2(found.found) <= growth_bound(found.architecture, points)


@pytest.mark.parametrize(("bits", "known"), [(1, 4), (2, 14), (3, 104), (4, 1882), (5, 94572)])
def test_threshold_functions_of_the_cube_are_all_found_and_bounded(bits, known):
    found = threshold_patterns(bits)
    assert found.found == known  # OEIS A000609
    assert math.log2(known) <= growth_bound(found.architecture, 2**bits)


def test_threshold_functions_match_integer_weights_tried_one_by_one():
    cube = np.array([[code >> bit & 1 for bit in range(3)] for code in range(8)])
    patterns = set()
    for weights in itertools.product(range(-3, 4), repeat=3):
        for doubled in range(-15, 16, 2):
            above = 2 * cube @ np.array(weights) + doubled > 0
            patterns.add(sum(1 << place for place in range(8) if above[place]))
    assert patterns == set(threshold_patterns(3).codes.tolist())


def test_two_units_on_a_line_change_sign_at_most_twice():
    rng = np.random.default_rng(9000)
    points = np.arange(9.0)
    seen = set()
    for _ in range(40):
        first, second = (rng.standard_normal((2000, 1)) for _ in range(2))
        shifts = rng.uniform(-1, 9, size=(2000, 2))
        hidden = np.maximum(first * (points - shifts[:, :1]), 0), np.maximum(second * (points - shifts[:, 1:]), 0)
        scales = rng.standard_normal((2000, 3))
        values = scales[:, :1] * hidden[0] + scales[:, 1:2] * hidden[1] + scales[:, 2:]
        signs = values > 0.0
        assert np.max(np.sum(signs[:, 1:] != signs[:, :-1], axis=1)) <= 2
        seen |= {row.tobytes() for row in np.packbits(signs, axis=1)}
    assert len(seen) <= two_unit_patterns(9) == 2 * (1 + 8 + math.comb(8, 2))


@pytest.mark.parametrize("errors", [0, 1, 2])
def test_covered_labellings_are_counted_one_by_one(errors):
    patterns = threshold_patterns(3)
    codes = patterns.codes.tolist()
    near = sum(min((label ^ int(code)).bit_count() for code in codes) <= errors for label in range(256))
    assert cover_count("all", patterns, errors).covered == near


@given(st.integers(3, 12), st.integers(1, 2), st.sampled_from([0.0, 0.1, 0.3]))
def test_smallest_width_left_is_the_first_not_excluded(dimension, hidden, share):
    points = 2 ** (dimension - 1)
    width = smallest_width_left(dimension, hidden, points, share)
    assert not is_excluded(Architecture(dimension, (width,) * hidden + (1,)), points, share)
    if width > 1:
        assert is_excluded(Architecture(dimension, (width - 1,) * hidden + (1,)), points, share)


def test_random_labels_demand_less_by_the_slack():
    assert demanded_bits(64, 0.0) == 64.0
    assert demanded_bits(64, 0.0, 10.0) == 54.0


@given(st.integers(2, 80), shares, st.integers(1, 6))
def test_the_statement_encloses_the_same_bound(dimension, share, layers):
    expression = LEAST_PARAMETERS.subs(L, layers).doit()
    interval = enclose(expression, {D: dimension, epsilon: Fraction(share)})
    value = parameter_oracle(2 ** (dimension - 1), share, layers)
    assert interval.low <= value <= interval.high
    assert interval.width <= 1e-12 * (1 + abs(value))


def test_enclosing_refuses_what_it_does_not_know():
    with pytest.raises(InvalidInput, match="expression"):
        enclose(sympy.sin(D), {D: 1})
    with pytest.raises(InvalidInput, match="expression"):
        enclose(N, {})


@pytest.mark.parametrize("samples", [1, 20, 1797, 10**6, 10**12])
@pytest.mark.parametrize("layers", [2, 4])
def test_hierarchy_dimension_is_the_crossing(samples, layers):
    found = prediction.hierarchy_dimension(samples, 0.1, layers)
    for dimension in range(2, found + 40):
        above = parameter_oracle(2 ** (dimension - 1), 0.1, layers) > samples * (6 * dimension + 4) + 5
        if dimension == found - 1:
            assert not above
        if dimension >= found:
            assert above


@pytest.mark.parametrize(("order", "radius"), [(2, 0.9), (2, 1.4), (1, 1.2)])
def test_hierarchy_dimension_grows_with_the_radius(order, radius):
    near = prediction.hierarchy_dimension(1000, 0.1, perturbation_radius=0.3, norm_order=order)
    far = prediction.hierarchy_dimension(1000, 0.1, perturbation_radius=radius, norm_order=order)
    assert near < far


def test_hierarchy_is_ordered_above_its_dimension():
    crossing = prediction.hierarchy_dimension(1797, 0.1)
    for dimension in range(crossing, 200):
        row = prediction.hierarchy(1797, dimension, 0.1)
        assert row.log2_clean <= row.log2_cgro < row.log2_robust_lower <= row.log2_robust_upper


@given(st.integers(0, 10**12), st.integers(2, 60))
def test_robust_test_error_encloses_mpmath(samples, dimension):
    interval = prediction.robust_test_error(samples, dimension)
    value = mp.power(1 - mp.mpf(2) ** (1 - dimension), samples)
    assert interval.low <= value <= interval.high
    assert interval.width <= 1e-12


def test_robust_test_error_at_the_largest_sizes():
    assert prediction.robust_test_error(10**12, 10**12).low > 1 - 1e-12
    assert prediction.robust_test_error(0, 10**12).low == 1.0


def test_neighbours_name_their_conventions():
    bounds = neighbour_bounds(1797, 64, 0.1, 0.4)
    assert all(bound.convention and bound.constant and bound.source for bound in bounds)
    width, dimension = bounds[3], bounds[4]
    assert width.value == pytest.approx(0.25 * 64)
    assert dimension.value == 898
    assert neighbour_bounds(10, 2, 0.19, 0.4)[4].value is None  # ρ = 0.95 > √(1 - 1/2)
    with pytest.raises(InvalidInput, match="perturbation_radius"):
        neighbour_bounds(10, 2, 0.2, 0.4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: growth_bound(Architecture(0, (1,)), 4),
        lambda: Architecture(2, (3,)),
        lambda: Architecture(2, (0, 1)),
        lambda: parameter_bound(0, 0.1, 2),
        lambda: parameter_bound(8, 0.5, 2),
        lambda: parameter_bound(8, -0.1, 2),
        lambda: parameter_bound(8, math.nan, 2),
        lambda: log2_parameter_bound(-1, 0.1, 2),
        lambda: packing(5, 0.5, math.inf),
        lambda: packing(5, -1.0, 2),
        lambda: packing(5, 0.2, 3),
        lambda: packing(1, 0.2, 2),
        lambda: prediction.hierarchy_dimension(0),
        lambda: prediction.hierarchy_dimension(10, perturbation_radius=0.6),
        lambda: prediction.robust_test_error(-1, 5),
        lambda: prediction.robust_test_error(5, 1),
    ],
)
def test_bad_input_raises(call):
    with pytest.raises(InvalidInput):
        call()


def runs_with(nets=(), **sets):
    sizes = SIZES["quick"]
    return RepresentationRuns(
        9000, training=HypercubeTraining(1 / 16, 1 / 8, sizes.budget, sizes.excluded_budget, nets), **sets
    )


def judged(runs):
    return judge_claim(ROBUST_LOWER_BOUND, check_robust_lower_bound, runs, 5e-4)


def test_every_enumerated_comparison_binds():
    runs = runs_with(growth=gathering._growth(9000), covers=gathering._covers(9000))
    verdict = judged(runs)
    assert verdict.measurement.binding == len(runs.growth) + len(runs.covers) == verdict.measurement.runs
    assert verdict.outcome is Outcome.CONSISTENT
    assert 1.0 < verdict.measurement.estimate < 1.1
    assert all(growth_bound(entry.architecture, entry.num_points) < entry.num_points for entry in runs.growth)


def test_nets_too_small_to_be_excluded_leave_the_claim_vacuous():
    # What the quick profile had: D = 6, where the slack for random labels exceeds what the bound demands.
    fitting = TrainedNet(Architecture(6, (8, 1)), 0, 32, 0, 0, 0)
    tiny_growth = replace(gathering._growth(9000)[0], num_points=8, found=58)
    assert growth_bound(tiny_growth.architecture, 8) == 8.0
    verdict = judged(runs_with((fitting,), growth=(tiny_growth,)))
    assert verdict.measurement.binding == 0
    assert verdict.outcome is Outcome.VACUOUS


def test_a_tried_net_of_an_excluded_size_binds_and_one_that_diverged_does_not():
    growth = gathering._growth(9000)[:1]
    tried = TrainedNet(Architecture(11, (2, 1)), 0, 1024, 480, 500, 1024)
    assert judged(runs_with((tried,), growth=growth)).measurement.binding == 2
    diverged = replace(tried, zero_errors=1024)
    assert judged(runs_with((diverged,), growth=growth)).measurement.binding == 1
    fitting = replace(tried, zero_errors=0)
    assert judged(runs_with((tried, fitting), growth=growth)).outcome is Outcome.REFUTED


def test_the_profiles_try_sizes_that_the_bound_excludes():
    for sizes in SIZES.values():
        assert min(sizes.excluded_dimensions) >= 9


def test_half_of_the_corners_wrong_is_out_of_scope():
    runs = replace(runs_with(growth=gathering._growth(9000)[:1]), error_fraction=0.5)
    assert judged(runs).outcome is Outcome.OUT_OF_SCOPE
