"""The calculator against mpmath: safe side, 1e-10 relative, over inputs that include the extremes."""

import math
import sys

import mpmath
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cgro_theory.calculator.answer import Direction
from cgro_theory.calculator.flatness import FlatnessProblem, flatness
from cgro_theory.calculator.memorizer import memorizer, squarings_needed
from cgro_theory.calculator.robust_size import log2_points, robust_size
from cgro_theory.calculator.value_range import parse_integers, parse_numbers
from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import DensitySmoothness

mp = mpmath.mp.clone()
mp.dps = 60
TOLERANCE = mp.mpf("1e-10")

sizes = st.one_of(st.integers(1, 10**6), st.integers(0, 300).map(lambda e: 10**e))
dimensions = st.one_of(st.integers(1, 12), st.integers(1, 10**9))
probabilities = st.one_of(st.floats(1e-300, 0.999), st.floats(-300, -0.1).map(lambda e: 10.0**e))
slopes = st.one_of(st.just(0.0), st.floats(1e-6, 1e6))
weights = st.sampled_from([(1.0,), (0.5, 0.5), (0.25, 0.75), (0.125,) * 8])
UNIT = DensitySmoothness(1.0)


@st.composite
def flatness_problems(draw):
    return FlatnessProblem(
        num_samples=draw(sizes),
        input_dimension=draw(dimensions),
        density=DensitySmoothness(draw(slopes), draw(weights)),
        flatness=draw(slopes),
        perturbation_radius=draw(st.floats(0.0, 1.0)),
        loss_bound=draw(st.floats(1e-3, 1e3)),
        failure_probability=draw(probabilities),
        local=draw(st.booleans()),
    )


def oracle_terms(problem, h, log_count=None):
    """The three terms of theory.md 4.2 in mpmath, from N or from log N."""
    dimension, h = problem.input_dimension, mp.mpf(h)
    log_count = mp.log(problem.num_samples) if log_count is None else log_count
    share = mp.mpf(dimension) / (dimension + 1)
    slope = mp.mpf(problem.flatness) * (share if problem.local else 1)
    roots = mp.fsum(mp.sqrt(weight) for weight in problem.density.class_weights)
    spread = mp.exp(-(log_count + dimension * mp.log(h)) / 2 - mp.mpf(dimension) / 2 * mp.log(2)) * roots
    variation = (h * share * mp.mpf(problem.density.gradient_variation) + spread) / 2
    confidence = mp.sqrt(-mp.log(mp.mpf(problem.failure_probability)) / 2) * mp.exp(-log_count / 2)
    return h * slope, mp.mpf(problem.loss_bound) * variation, mp.mpf(problem.loss_bound) * confidence


def is_above(value, oracle):
    """At least the oracle, and above it by at most 1e-10 of it (or the oracle is beyond every float)."""
    oracle = mp.mpf(oracle)
    if value == math.inf:
        return oracle > mp.mpf(sys.float_info.max)
    return oracle <= mp.mpf(value) <= oracle + TOLERANCE * max(abs(oracle), mp.mpf("1e-300"))


def is_below(value, oracle):
    """At most the oracle, and below it by at most 1e-10 of it."""
    oracle = mp.mpf(oracle)
    return oracle - TOLERANCE * max(abs(oracle), mp.mpf("1e-300")) <= mp.mpf(value) <= oracle


@given(flatness_problems())
@example(FlatnessProblem(1, 10**9, UNIT, failure_probability=1e-300))
@example(FlatnessProblem(1, 1, DensitySmoothness(0.0), 0.0, failure_probability=1e-300))
@example(FlatnessProblem(10**900, 1, UNIT, 1e6))
@settings(max_examples=120, deadline=None)
def test_flatness_terms_and_totals_agree_with_mpmath_on_the_safe_side(problem):
    answer = flatness(problem)
    h = answer["bandwidth"].value
    assert 0.0 < h <= 0.5
    terms = oracle_terms(problem, h)
    gap, mean = answer["gap_bound"], answer["expected_gap_bound"]
    assert is_above(gap.value, mp.fsum(terms))
    assert is_above(mean.value, mp.fsum(terms[:2]))
    assert gap.direction is Direction.UPPER
    assert gap.vacuous == (gap.value >= problem.loss_bound)
    for term, oracle in zip(gap.terms, terms, strict=False):
        assert is_above(term.value, oracle)
    scale = mp.mpf(problem.loss_bound)
    assert is_above(answer["expected_total_variation"].value, terms[1] / scale)
    assert is_above(answer["total_variation"].value, (terms[1] + terms[2]) / scale)
    assert is_above(answer["hoeffding"].value, terms[2])
    log10 = mp.log10(mp.fsum(terms))
    assert log10 <= mp.mpf(gap.log10) <= log10 + TOLERANCE * max(1, abs(log10))


@given(flatness_problems())
@settings(max_examples=60, deadline=None)
def test_the_bandwidth_is_the_best_one_of_the_expected_global_form(problem):
    h = flatness(problem)["bandwidth"].value
    assume(h > 1e-290)
    form = FlatnessProblem(**{**vars(problem), "local": False})
    best = mp.fsum(oracle_terms(form, h)[:2])
    for factor in (mp.mpf("0.99"), mp.mpf("1.01")):
        other = mp.mpf(h) * factor
        if other <= 0.5:
            assert best <= mp.fsum(oracle_terms(form, other)[:2]) * (1 + TOLERANCE)


def oracle_bandwidth(problem, log_count):
    """The stationary point of h·F + B·E TV, or 1/2, by its formula in mpmath."""
    dimension = mp.mpf(problem.input_dimension)
    share = dimension / (dimension + 1)
    slope = mp.mpf(problem.flatness) * (share if problem.local else 1)
    rising = slope + mp.mpf(problem.loss_bound) * share * mp.mpf(problem.density.gradient_variation) / 2
    if rising == 0:
        return mp.mpf("0.5")
    roots = mp.fsum(mp.sqrt(weight) for weight in problem.density.class_weights)
    log_falling = mp.log(mp.mpf(problem.loss_bound) * roots / 2) - dimension / 2 * mp.log(2)
    log_h = (mp.log(dimension / (2 * rising)) + log_falling) * 2 / (dimension + 2) - log_count / (dimension + 2)
    return min(mp.mpf("0.5"), mp.exp(log_h))


@given(flatness_problems(), st.sampled_from([None, 1e-3, 0.5]))
@example(FlatnessProblem(1, 10**9, UNIT, failure_probability=1e-300), None)
@settings(max_examples=60, deadline=None)
def test_the_samples_needed_are_enough_and_hardly_fewer_are(problem, share):
    level = None if share is None else share * problem.loss_bound
    log10 = flatness(FlatnessProblem(**{**vars(problem), "level": level}))["samples_needed"].log10
    target = mp.mpf(problem.loss_bound if level is None else level)

    def total(log_count):
        return mp.fsum(oracle_terms(problem, oracle_bandwidth(problem, log_count), log_count))

    log_needed = mp.mpf(log10) * mp.log(10)
    slack = mp.mpf("1e-9") * max(1, log_needed)
    # The two choices of h differ by less than their rounding; the slack is for that.
    assert total(log_needed + slack) <= target
    if log10 > 0:
        assert total(log_needed - slack) >= target * (1 - mp.mpf("1e-8"))


def test_a_given_bandwidth_may_make_the_bound_vacuous_for_every_n():
    stuck = flatness(FlatnessProblem(10, 2, UNIT, flatness=4.0, bandwidth=0.5))["samples_needed"]
    assert stuck.value == math.inf
    assert "no N" in stuck.note


def oracle_entropy(share):
    share = mp.mpf(share)
    return mp.mpf(0) if share == 0 else -share * mp.log(share, 2) - (1 - share) * mp.log(1 - share, 2)


def oracle_lower(points_log2, share, layers):
    """(K(1 - H2) - L)/Σ log2(2eKi) as (value, log10), from log2 K."""
    points = mp.mpf(2) ** points_log2
    need = points * (1 - oracle_entropy(share)) - layers
    have = layers * (1 + mp.mpf(points_log2) + mp.log(mp.e, 2)) + mp.loggamma(layers + 1) / mp.log(2)
    return need / have


@given(st.integers(2, 400), st.floats(0.0, 0.49), st.integers(1, 50))
@example(2, 0.0, 1)
@example(4097, 0.1, 4)
@settings(max_examples=80, deadline=None)
def test_the_robust_lower_bound_is_the_integer_above_the_formula(dimension, share, layers):
    with mp.workdps(1400):
        answer = robust_size(dimension, error_share=share, num_layers=layers)
        oracle = oracle_lower(dimension - 1, share, layers)
        exact_bound = max(0, int(mp.ceil(oracle)))
        lower = answer["robust_lower_bound"]
        assert lower.value == exact_bound if exact_bound <= 2**1000 else lower.value == sys.float_info.max
        if exact_bound:
            assert is_below(lower.log10, mp.log10(exact_bound)) or exact_bound == 1
        assert lower.vacuous == (exact_bound <= 1)
        upper = 2 ** (dimension - 1) * (6 * dimension + 4) + 5
        assert is_above(answer["robust_upper_bound"].log10, mp.log10(upper))


@given(st.integers(4098, 10**9), st.floats(0.0, 0.49), st.integers(1, 50))
@example(10**9, 0.0, 1)
@settings(max_examples=40, deadline=None)
def test_the_robust_bounds_of_huge_dimensions_keep_their_side(dimension, share, layers):
    answer = robust_size(dimension, error_share=share, num_layers=layers)
    points_log2 = mp.mpf(dimension - 1)
    have = layers * (1 + points_log2 + mp.log(mp.e, 2)) + mp.loggamma(layers + 1) / mp.log(2)
    # L·2^-K is far below the precision here.
    oracle = (points_log2 + mp.log(1 - oracle_entropy(share), 2) - mp.log(have, 2)) * mp.log10(2)
    assert is_below(answer["robust_lower_bound"].log10, oracle)
    upper = points_log2 * mp.log10(2) + mp.log10(6 * dimension + 4 + 5 * mp.mpf(2) ** -(dimension - 1))
    assert upper <= mp.mpf(answer["robust_upper_bound"].log10) <= upper * (1 + TOLERANCE)


@given(st.integers(2, 60), st.floats(0.0, 0.45))
@settings(max_examples=30, deadline=None)
def test_the_bound_for_any_depth_is_the_least_not_excluded(dimension, share):
    bound = robust_size(dimension, error_share=share)["robust_lower_bound_any_depth"].value
    points = mp.mpf(2) ** (dimension - 1)
    need = points * (1 - oracle_entropy(share))

    def have(count):
        return count + mp.mpf(count) ** 2 * mp.log(2 * mp.e * points * count, 2)

    assert have(bound) >= need
    assert bound == 1 or have(bound - 1) < need


@given(st.integers(3, 300), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_a_packing_is_never_counted_larger_than_gilbert_and_varshamov(dimension, distance):
    assume(distance <= dimension - 1)
    volume = sum(math.comb(dimension - 1, i) for i in range(distance))
    exponent = log2_points(dimension, distance)
    assert 2**exponent * volume <= 2 ** (dimension - 1) or exponent == 0
    assert exponent >= dimension - 1 - math.log2(volume) - 1.0


def counted_by_hand(samples, dimension, order, clean, squarings):
    """Edges and biases, unit by unit, as theory.md 3.1 draws the network; for p = 1, inf."""
    pairs = [2 for _ in range(2 * dimension)]  # one edge and one bias each
    if order == math.inf:
        indicator = 2 * dimension + 1  # edges from the pairs, one bias
        forward = 0
    else:
        pairs = [2 for _ in range(2 * dimension)]
        indicator = 2 * dimension + 1  # ReLU(t - δ)
        forward = 2  # ReLU(1 - ·/γ): one edge, one bias
    into_gate = 2  # I_i into both gate units
    output = 1  # y_i I_i
    return clean + samples * (sum(pairs) + indicator + forward + into_gate + output) + 2 + 2


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([1.0, math.inf]), st.integers(0, 99))
@example(1, 1, math.inf, 0)
def test_the_structural_count_is_that_of_the_drawn_network(samples, dimension, order, clean):
    answer = memorizer(samples, dimension, order, clean_count=clean)
    assert answer["structural_count"].value == counted_by_hand(samples, dimension, order, clean, 0)


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
@pytest.mark.parametrize(("samples", "dimension"), [(1, 10**9), (10**12, 1), (10**300, 10**9)])
def test_counts_are_exact_at_the_extremes(order, samples, dimension):
    stages = 12 if order == 2 else None
    answer = memorizer(samples, dimension, order, squarings=stages)
    each = {1.0: 6 * dimension + 6, 2.0: (7 * 12 + 6) * dimension + 18, math.inf: 6 * dimension + 4}[order]
    assert answer["structural_count"].value == dimension + 1 + samples * each + 4
    # The layers one by one: input, 2ND pairs, (p = 2) 12 squarings, sums, gate.
    below, total = dimension, 0
    layers = [2 * samples * dimension] + ([2 * samples * dimension + samples] * 12 if order == 2 else [])
    layers += [samples] * (1 if order == math.inf else 2) + [samples]
    for units in layers:
        total += (units + 2) * (below + 1)
        below = units + 2
    assert answer["dense_count"].value == total + below + 1
    assert sum(term.value for term in answer["structural_count"].terms if term.name in PARTS) == (
        answer["structural_count"].value
    )


PARTS = ("W_clean", "points", "gate")


@given(st.integers(1, 10**9), st.floats(1e-6, 10.0), st.floats(1e-6, 10.0), st.floats(0.0, 100.0))
@settings(max_examples=80, deadline=None)
def test_the_number_of_squarings_is_the_least(dimension, radius, gap, extent):
    separation = 2.0 * radius + gap
    assume(separation > 2.0 * radius)
    stages = squarings_needed(dimension, radius, separation, extent)
    ramp = min(mp.mpf(separation) - 2 * mp.mpf(radius), mp.mpf(radius))
    reach = mp.mpf(extent) + 2 * (mp.mpf(radius) + ramp)
    scale = mp.mpf(2) ** mp.ceil(mp.log(reach, 2))
    room = ramp * (2 * mp.mpf(radius) + ramp) / 2

    def fits(count):
        return dimension * scale**2 * mp.mpf(4) ** -(count + 1) <= room

    assert fits(stages)
    assert stages == 1 or not fits(stages - 1)


@given(st.integers(1, 10**30), st.integers(2, 10**20), st.integers(2, 40))
def test_integer_ranges_are_log_spaced_between_their_ends(low, factor, count):
    values = parse_integers("samples", f"{low}:{low * factor}:{count}")
    assert values[0] == low
    assert values[-1] == low * factor
    assert list(values) == sorted(set(values))
    step = mp.mpf(factor) ** (mp.mpf(1) / (count - 1))
    expected = {int(mp.floor(low * step**i + mp.mpf("0.5"))) for i in range(count)}
    assert set(values) == expected


def test_ranges_of_numbers_hit_their_ends():
    assert parse_numbers("flatness", "1e-300:1e300:3") == (1e-300, 1.0, 1e300)
    assert parse_numbers("flatness", "0,2.5") == (0.0, 2.5)
    assert parse_integers("samples", "1e300") == (10**300,)


def test_ranges_are_linear_where_asked_and_from_zero_or_below():
    assert parse_numbers("error_share", "0.1:0.3:3", linear=True) == (0.1, 0.2, 0.3)
    assert parse_numbers("flatness", "0:1:5") == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert parse_numbers("signal_margin", "-1e300:1e300:3") == (-1e300, 0.0, 1e300)
    assert parse_integers("seed", "1:10:4", linear=True) == (1, 4, 7, 10)
    assert parse_integers("seed", f"0:{10**40}:3") == (0, 10**40 // 2, 10**40)
    assert parse_integers("seed", "0:2:100") == (0, 1, 2)


@pytest.mark.parametrize(
    "text", ["", "x", "1:2", "2:1:5", "1:1:5", "1:2:1", "1:2:1e9", "nan", "inf", "1.5", "1e99999"]
)
def test_malformed_ranges_are_refused(text):
    with pytest.raises(InvalidInput):
        parse_integers("samples", text)


@pytest.mark.parametrize("text", ["", "x", "1:2", "2:1:5", "0:0:5", "nan", "inf", "1:inf:3", "-1:-2:3"])
def test_malformed_numbers_are_refused(text):
    with pytest.raises(InvalidInput):
        parse_numbers("flatness", text)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: flatness(FlatnessProblem(0, 1, UNIT)),
        lambda: flatness(FlatnessProblem(1, 10**9 + 1, UNIT)),
        lambda: flatness(FlatnessProblem(1, 1, UNIT, failure_probability=1.0)),
        lambda: flatness(FlatnessProblem(1, 1, UNIT, bandwidth=0.7)),
        lambda: flatness(FlatnessProblem(1, 1, UNIT, flatness=math.nan)),
        lambda: robust_size(10, perturbation_radius=0.5),
        lambda: robust_size(1),
        lambda: robust_size(10, error_share=0.5),
        lambda: robust_size(5, norm_order=2, perturbation_radius=5.0),
        lambda: memorizer(1, 1, 3.0),
        lambda: memorizer(1, 1, 2.0),
        lambda: memorizer(1, 1, math.inf, squarings=3),
        lambda: squarings_needed(1, 0.5, 1.0),
    ],
)
def test_invalid_parameters_are_refused(bad):
    with pytest.raises(InvalidInput):
        bad()


def test_an_answer_names_what_it_has():
    with pytest.raises(KeyError, match="structural_count"):
        memorizer(1, 1, 1.0)["weights"]


def test_a_crossing_that_is_not_searched_for_is_said_to_be():
    for answer in (
        robust_size(10**6, norm_order=2, perturbation_radius=12.0),
        robust_size(50, num_samples=10**2000),
    ):
        crossing = answer["hierarchy_dimension"]
        assert crossing.value is None
        assert "searched" in crossing.note
        assert answer["robust_lower_bound"].value > 1


def test_a_count_that_no_float_holds_is_no_equality():
    count = robust_size(50, num_samples=10**2000)["cgro_count"]
    assert (count.value, count.direction, count.vacuous) == (math.inf, Direction.UPPER, False)
    assert mp.log10(10**2000 * (6 * 50 + 4) + 5) <= mp.mpf(count.log10) <= 2003
    assert robust_size(50)["cgro_count"].direction is Direction.EQUALITY


@pytest.mark.parametrize(("order", "radius"), [(1.0, 2.0), (2.0, 1.5)])
def test_the_packing_bounds_agree_with_mpmath(order, radius):
    distance = 5 if order == 1 else 10
    for dimension in (40, 4097, 10**6):
        answer = robust_size(dimension, norm_order=order, perturbation_radius=radius, num_layers=3)
        volume = sum(math.comb(dimension - 1, i) for i in range(distance))
        points = mp.mpf(dimension - 1) - mp.log(volume, 2)
        have = 3 * (1 + points + mp.log(mp.e, 2)) + mp.log(6, 2)
        oracle = (points - mp.log(have, 2)) * mp.log10(2)
        lower = mp.mpf(answer["robust_lower_bound"].log10)
        # Rounding up to an integer lifts small bounds; beyond D = 4097 K is rounded down to a power of two.
        slack = mp.log10(2) if dimension > 4097 else mp.mpf(0)
        assert oracle - slack - mp.mpf("1e-9") <= lower <= mp.log10(mp.mpf(10) ** oracle + 1)
