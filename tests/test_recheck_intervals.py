"""The second program's own intervals and formulas, against scipy, mpmath, numpy and the package."""

import ast
import itertools
import math
import sys

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rechecking import PROGRAM, program
from scipy import stats
from strategies import failure_probabilities, intervals

from cgro_theory.claims import (
    Claim,
    Condition,
    Evidence,
    Measurement,
    Outcome,
    Prediction,
    Provenance,
    Relation,
    Source,
    Verdict,
    judge,
)
from cgro_theory.claims.claim_json import claim_to_json
from cgro_theory.numerics.confidence import empirical_bernstein, median_by_order_statistics
from cgro_theory.theorems.catalogue import ROOMS

own = program("recheck_numbers")
COUNTS = [(0, 5), (5, 5), (1, 7), (3, 10), (0, 200_000), (17, 60_000), (84_603, 200_000), (999_990, 1_000_000)]


@pytest.mark.parametrize("count", COUNTS, ids=str)
@pytest.mark.parametrize("p", [0.3, 1e-3, 1e-9])
def test_clopper_pearson_is_scipys(count, p):
    k, n = count
    low, high = own.clopper_pearson(k, n, p)
    assert low == (0.0 if k == 0 else pytest.approx(stats.beta.ppf(p / 2, k, n - k + 1), rel=1e-8))
    assert high == (1.0 if k == n else pytest.approx(stats.beta.isf(p / 2, k + 1, n - k), rel=1e-8))


@pytest.mark.parametrize(("k", "n"), [(1, 7), (17, 60_000), (400, 1000)])
def test_the_ends_have_the_tails_that_mpmath_computes(k, n):
    low, high = own.clopper_pearson(k, n, 1e-4)
    with mp.workdps(40):
        below = mp.betainc(k, n - k + 1, 0, mp.mpf(low), regularized=True)
        above = mp.betainc(k + 1, n - k, mp.mpf(high), 1, regularized=True)
    assert [float(below), float(above)] == pytest.approx([5e-5, 5e-5], rel=1e-6)


@pytest.mark.parametrize("degrees", [1, 2, 9, 75, 600_000])
@pytest.mark.parametrize("p", [0.5, 1e-2, 1e-7])
def test_students_quantile_is_scipys(degrees, p):
    assert own.student_quantile(degrees, p) == pytest.approx(stats.t.isf(p / 2, degrees), rel=1e-8)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=30), failure_probabilities)
def test_means_and_medians_are_the_packages(values, p):
    found = own.interval({"mean_by": "bernstein", "values": values, "within": [0, 1], "failure_probability": p})
    assert found == pytest.approx(tuple(empirical_bernstein(values, p)), abs=1e-12)
    assert own.median_interval(values, p) == tuple(median_by_order_statistics(values, p))


def test_a_mean_by_its_moments_is_the_mean_of_its_values():
    values = np.random.default_rng(880000).normal(3.0, 2.0, 50)
    ends = stats.t.interval(0.999, 49, values.mean(), values.std(ddof=1) / math.sqrt(50))
    moments = {"size": 50, "mean": values.mean(), "variance": values.var(ddof=1)}
    for told in ({"values": values.tolist()}, moments):
        reading = {"mean_by": "student", "failure_probability": 1e-3, **told}
        assert own.interval(reading) == pytest.approx(tuple(ends), rel=1e-9)
        assert own.interval({**reading, "within": [-1.0, 3.0]})[1] == 3.0


def test_slopes_of_intervals_are_all_least_squares_slopes():
    rows = [[10.0, [1.0, 2.0]], [100.0, [3.0, 4.0]], [1000.0, 5.0], [5000.0, [6.0, 9.0]]]
    corners = itertools.product(*((y, y) if isinstance(y, float) else y for _, y in rows))
    slopes = [np.polyfit(np.log([x for x, _ in rows]), np.log(ys), 1)[0] for ys in corners]
    assert own.interval({"slope_of": rows}) == pytest.approx((min(slopes), max(slopes)))
    assert own.interval({"slope_of": [*rows[:3], [5000.0, "inf"]]}) == (math.inf, math.inf)
    even = [[1.0, 2.0], [10.0, [0.5, "inf"]], [100.0, 8.0]]  # the middle has weight 0
    assert own.interval({"slope_of": even}) == pytest.approx((math.log(4) / math.log(100),) * 2)


def test_a_fitted_power_is_by_the_delta_method():
    rows = [[10.0, 0.5, 0.01], [100.0, 0.2, 0.02], [1000.0, 0.1, 0.01]]
    low, high = own.interval({"power_of": rows, "degrees": 9, "scale": 3.0, "failure_probability": 0.01})
    weights = np.array([-1.0, 0.0, 1.0]) / (2.0 * math.log(10.0))
    spread = math.hypot(*(weights * np.array([0.02, 0.1, 0.1])))
    assert (low + high) / 2 == pytest.approx(3.0 * float(weights @ np.log([0.5, 0.2, 0.1])))
    assert high - low == pytest.approx(6.0 * stats.t.isf(0.005, 9) * spread)


def test_counts_that_are_partly_undecided_and_pairs_of_intervals():
    partly = own.interval({"successes": 3, "at_most": 5, "trials": 40, "failure_probability": 0.01})
    assert partly == (own.clopper_pearson(3, 40, 0.01)[0], own.clopper_pearson(5, 40, 0.01)[1])
    assert own.interval({"quotient": [[1.0, 2.0], [4.0, 8.0]]}) == (0.125, 0.5)
    assert own.interval({"quotient": [[1.0, 2.0], [0.0, 8.0]]}) == (0.125, math.inf)
    assert own.interval({"difference": [[1.0, 2.0], [4.0, 8.0]]}) == (-7.0, -2.0)


CONDITIONS = sorted(
    {each for room in ROOMS for claim in room.claims for each in claim.assumptions if isinstance(each, Condition)},
    key=lambda each: (each.formula, each.name),
)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda each: each.name)
def test_every_condition_is_evaluated_as_the_package_does(condition):
    generator = np.random.default_rng(880001)
    drawn = [scale * generator.normal(size=9) for scale in (0.1, 1.0, 30.0) for _ in range(10)]
    for values in (*drawn, *map(abs, drawn), np.full(9, math.nan)):
        numbers = dict(zip(condition.symbols, values.tolist(), strict=False))
        told = {name: None if math.isnan(value) else value for name, value in numbers.items()}
        recorded = {"formula": condition.formula, "numbers": told}
        try:
            met = condition.given(**numbers).met
        except TypeError:  # a root of a negative number is complex, and stands in no order
            with pytest.raises(TypeError):
                own.holds(recorded)
        else:
            assert own.holds(recorded) is met


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os').getcwd() < x",
        "x.real < 1",
        "[x] < 1",
        "And(x) < 1",
        "pow(x, 2) < 1",
        "x | 1",
        "x",
        "x or 1 < 2",
    ],
)
def test_a_formula_holds_nothing_but_arithmetic(formula):
    with pytest.raises((TypeError, LookupError)):
        own.holds({"formula": formula, "numbers": {"x": 0.5}})


@given(
    intervals(),
    intervals(),
    intervals(),
    st.sampled_from(list(Relation)),
    st.sampled_from(list(Evidence)),
    st.sampled_from([1.0, 0.999]),
    st.sampled_from([None, 0, 3]),
    st.booleans(),
)
def test_the_rule_is_that_of_the_package(
    natural, predicted, measured, relation, evidence, confidence, binding, statistical
):
    tolerance = 0.0 if relation is Relation.EQUALS else None
    claim = Claim(
        "test.claim",
        "One.",
        Source("a", "1"),
        (Provenance.NEW,),
        "q",
        natural,
        relation,
        None,
        tolerance=tolerance,
        statistical=statistical,
    )
    for estimate in (measured.low, measured.high):
        found = Measurement(estimate, measured, confidence, 3, evidence, binding=binding)
        outcome, reason = judge(claim, Prediction(predicted), found)
        document = claim_to_json(Verdict(claim, Prediction(predicted), found, outcome, reason), Outcome.VACUOUS)
        sides = (predicted.low, predicted.high), (measured.low, measured.high)
        assert program().judged(document, document, *sides) == outcome


def test_the_program_needs_numpy_and_the_standard_library_alone():
    imported = set()
    for path in PROGRAM.parent.glob("recheck*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
    assert imported - sys.stdlib_module_names == {"numpy", "recheck_numbers"}
