"""The judge's parts by brute force: every case listed, every order tried, infinities and NaN included."""

import itertools
import math
from fractions import Fraction

import flint
import mpmath as mp
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from cgro_theory.claims import (
    Claim,
    Condition,
    Evidence,
    FailureLedger,
    Interval,
    Measurement,
    Outcome,
    Prediction,
    Provenance,
    Relation,
    Source,
    Verdict,
    judge,
)
from cgro_theory.claims.condition import each_once, unmet
from cgro_theory.claims.verdict import SEVERITY, inherited_outcomes, worst
from cgro_theory.errors import InvalidInput
from cgro_theory.numerics import arb
from cgro_theory.numerics.confidence import (
    clopper_pearson,
    content_covered_by_all,
    empirical_bernstein,
    median_by_order_statistics,
    student_mean,
)
from cgro_theory.theorems.theorem_1_feature_learning.claims.worst_run import (
    ANY_NUMBER,
    JudgedRun,
    deciding_run,
    judge_runs,
)

ENDS = (-math.inf, -1.0, 0.0, 2.0, math.inf)
INTERVALS = [Interval(low, high) for low in ENDS for high in ENDS if low <= high]
NUMBERS = (-math.inf, -2.0, -1.0, -0.5, 0.0, 1.0, 2.0, 3.0, math.inf)


def members(interval):
    """Numbers of a fine list inside it; on ``ENDS`` and between them that is enough to tell intervals apart."""
    return {
        x
        for x in (-math.inf, -2.0, -1.0, -0.5, 0.0, 1.0, 2.0, 3.0, math.inf)
        if interval.low <= x <= interval.high
    }


def test_intervals_contain_and_miss_each_other_as_their_points_do():
    for one, other in itertools.product(INTERVALS, repeat=2):
        assert one.contains(other) == (members(other) <= members(one))
        assert one.is_disjoint_from(other) == (not members(one) & members(other))


def test_intervals_have_their_width_their_neighbours_and_their_kinds():
    assert Interval(1.0, 3.5).width == 2.5
    assert Interval(-1.0, math.inf).width == math.inf
    assert Interval.point(math.inf).width == 0.0
    assert (Interval.point(2.0).low, Interval.point(2.0).high) == (2.0, 2.0)
    assert Interval.at_most(2.0) == Interval(-math.inf, 2.0)
    assert Interval.at_least(2.0) == Interval(2.0, math.inf)
    out = Interval(1.0, 2.0).outward()
    assert out.low == 1.0 - 2.0**-53
    assert out.high == 2.0 + 2.0**-51
    assert Interval(-math.inf, math.inf).outward() == Interval(-math.inf, math.inf)
    assert Interval(1.0, 2.0).widened(0.25) == Interval(0.75, 2.25)
    for low, high in ((2.0, 1.0), (math.nan, 1.0), (1.0, math.nan), (math.inf, -math.inf)):
        with pytest.raises(InvalidInput):
            Interval(low, high)


def a_claim(relation=Relation.WITHIN, natural=None, statistical=False):
    return Claim(
        label="test.claim",
        statement="A test.",
        source=Source("here", "1"),
        provenance=(Provenance.NEW,),
        quantity="x",
        natural_range=natural or Interval(-math.inf, math.inf),
        relation=relation,
        expression=sympy.Eq(sympy.Symbol("x"), 0),
        statistical=statistical,
        **({"tolerance": 0.1} if relation is Relation.EQUALS else {}),
    )


MISSED = Condition("degree", "q >= 2", "the activation is smooth").given(q=1.0)
MET = Condition("degree", "q >= 2", "the activation is smooth").given(q=2.0)


def expected_outcome(claim, predicted, assumed, measurement):
    """The documented order, in sets of points instead of ends."""
    if any(not each.met for each in assumed):
        return Outcome.OUT_OF_SCOPE
    usable = measurement.runs > 0 and measurement.confidence > 0 and not math.isnan(measurement.estimate)
    if predicted is None or not usable:
        return Outcome.INCONCLUSIVE
    inside, found = members(predicted), members(measurement.interval)
    if members(claim.natural_range) <= inside:
        return Outcome.VACUOUS
    if not found <= inside:
        return Outcome.INCONCLUSIVE if found & inside else Outcome.REFUTED
    if measurement.estimate in (math.inf, -math.inf):
        return Outcome.REFUTED
    if {math.inf, -math.inf} & found:
        return Outcome.INCONCLUSIVE
    if {math.inf, -math.inf} & inside and claim.relation in (Relation.WITHIN, Relation.EQUALS):
        return Outcome.INCONCLUSIVE
    if measurement.binding == 0:
        return Outcome.VACUOUS
    sampled = measurement.evidence is Evidence.STATISTICAL or measurement.confidence != 1.0
    return Outcome.CONSISTENT if sampled or claim.statistical else Outcome.CERTIFIED


def test_the_judge_on_every_combination_of_a_grid():
    natural = Interval(-1.0, math.inf)
    predictions = [None, *(each for each in INTERVALS if each.width > 0)]
    cases = 0
    for relation, statistical in zip(Relation, (False, True, False, False), strict=True):
        claim = a_claim(relation, natural, statistical)
        for predicted, assumed in itertools.product(predictions, ((), (MET,), (MET, MISSED))):
            for low, high in (
                (0.0, 1.0),
                (-1.0, 2.0),
                (-0.5, -0.5),
                (3.0, 3.0),
                (1.0, math.inf),
                (math.inf, math.inf),
            ):
                for estimate in (low, math.nan, high):
                    for confidence, runs, evidence, binding in (
                        (1.0, 3, Evidence.EXACT, None),
                        (1.0, 3, Evidence.STATISTICAL, 2),
                        (0.9, 3, Evidence.INTERVAL, None),
                        (1.0, 0, Evidence.EXACT, None),
                        (0.0, 3, Evidence.EXACT, None),
                        (1.0, 3, Evidence.EXACT, 0),
                    ):
                        found = Measurement(
                            estimate, Interval(low, high), confidence, runs, evidence, binding=binding
                        )
                        outcome, reason = judge(claim, Prediction(predicted, assumed), found)
                        assert outcome is expected_outcome(claim, predicted, assumed, found), (
                            relation, predicted, assumed, found, reason,
                        )  # fmt: skip
                        assert reason
                        cases += 1
    assert cases > 5000


def test_a_measurement_without_a_number_says_why():
    failed = Measurement.failed("boom")
    assert judge(a_claim(), Prediction(Interval(0.0, 1.0)), failed) == (Outcome.INCONCLUSIVE, "boom")
    assert judge(a_claim(), Prediction(None), failed) == (Outcome.INCONCLUSIVE, "boom")
    fine = Measurement(0.5, Interval(0.0, 1.0), 1.0, 3, Evidence.EXACT)
    assert judge(a_claim(), Prediction(None), fine)[1] == "the prediction has no number"


def test_a_verdict_passes_in_two_of_its_outcomes():
    fine = Measurement(0.5, Interval(0.0, 1.0), 1.0, 3, Evidence.EXACT)
    passed = {
        outcome for outcome in Outcome if Verdict(a_claim(), Prediction(None), fine, outcome, "because").passed
    }
    assert passed == {Outcome.CERTIFIED, Outcome.CONSISTENT}
    plain = Verdict(a_claim(), Prediction(None), fine, Outcome.CERTIFIED, "because")
    assert (plain.failure_probability, plain.seconds) == (0.0, 0.0)
    assert Outcome.OUT_OF_SCOPE.in_words == "out of scope"


def test_the_worst_outcome_and_what_is_inherited():
    order = ["certified", "consistent", "vacuous", "out_of_scope", "inconclusive", "refuted"]
    assert [outcome.value for outcome in sorted(Outcome, key=SEVERITY.__getitem__)] == order
    assert worst([]) is Outcome.INCONCLUSIVE
    for one, other in itertools.product(Outcome, repeat=2):
        assert worst([one, other]) is (one if order.index(one.value) >= order.index(other.value) else other)
    chain = {"a": ("b",), "b": ("c", "d"), "c": (), "d": ()}
    told = inherited_outcomes(
        {"a": Outcome.CERTIFIED, "b": Outcome.CERTIFIED, "c": Outcome.CONSISTENT, "d": Outcome.VACUOUS}, chain
    )
    assert told == {"a": Outcome.VACUOUS, "b": Outcome.VACUOUS, "c": Outcome.CONSISTENT, "d": Outcome.VACUOUS}
    assert inherited_outcomes({"a": Outcome.CERTIFIED}, {"a": ("gone",)}) == {"a": Outcome.INCONCLUSIVE}
    with pytest.raises(ValueError, match="a -> b -> a"):
        inherited_outcomes({"a": Outcome.CERTIFIED, "b": Outcome.CERTIFIED}, {"a": ("b",), "b": ("a",)})


def test_a_ledger_spends_half_of_what_is_left_at_every_look():
    ledger = FailureLedger(0.03, ["a", "b", "c"])
    assert ledger.share("b") == pytest.approx(0.01)
    assert [ledger.spend("b", "part", look) for look in (1, 2, 3)] == pytest.approx([0.005, 0.0025, 0.00125])
    for look in (1, 2, 3):
        with pytest.raises(InvalidInput, match="a look from 1 on that b has not taken"):
            ledger.spend("b", "a look again", look)
    with pytest.raises(InvalidInput, match="a look from 1 on that a has not taken"):
        ledger.spend("a", "no look at all", 0)
    assert ledger.spend("a", "one") == pytest.approx(0.005)
    entries = [(entry.label, entry.purpose, entry.look) for entry in ledger.entries]
    assert entries == [*(("b", "part", look) for look in (1, 2, 3)), ("a", "one", 1)]
    whole = FailureLedger(0.1, ["a", "b", "c"])
    for look in range(1, 60):  # all looks together stay below the share, however they round
        whole.spend("a", "part", look)
    for bad in (0.0, 1.0, -0.1, 1.5, math.nan):
        with pytest.raises(InvalidInput):
            FailureLedger(bad, ["a"])
    assert FailureLedger(0.999, ["a"]).share("a") == 0.999
    assert FailureLedger(1e-12, ["a"]).share("a") == 1e-12


@settings(max_examples=12)
@given(st.floats(-3, 3), st.floats(0.1, 3), st.floats(-3, 3))
def test_conditions_mean_what_python_means(x, y, z):
    formulas = (
        "x < y", "x <= z", "x > z", "x >= y", "x == z", "-x < y < 2 - z", "x < z or y < 1", "x < z and y < 1",
        "x - y * z / 2 > y ** 2 - abs(z)", "log(y) < sqrt(y) - x", "exp(x) > y or x + z < 0 and z < y",
        "y - z - x < 0",         "y / (z * z + 1) < x", "z ** 2 < y", "0 < y < 1 < x",
    )  # fmt: skip
    names = {"x": x, "y": y, "z": z, "sqrt": math.sqrt, "log": math.log, "exp": math.exp, "abs": abs}
    for formula in formulas:
        condition = Condition("c", formula, "")
        given_numbers = {name: names[name] for name in condition.symbols}
        assert condition.given(**given_numbers).met == bool(eval(formula, {"__builtins__": {}}, names))
        assert condition.expression.free_symbols == {sympy.Symbol(name, real=True) for name in condition.symbols}
        substituted = condition.expression.subs(
            {s: sympy.Float(names[s.name], 30) for s in condition.expression.free_symbols}
        )
        assert substituted in (sympy.true, sympy.false)


def test_of_each_condition_the_first_that_fails_is_told():
    one, other = Condition("one", "x > 0", "a"), Condition("other", "x > 1", "b")
    evaluations = [one.given(x=3.0), other.given(x=2.0), one.given(x=-1.0), one.given(x=-2.0), one.given(x=5.0)]
    assert each_once(evaluations) == (one.given(x=-1.0), other.given(x=2.0))
    assert each_once(evaluations[:2]) == tuple(evaluations[:2])
    assert each_once([one.given(x=3.0), one.given(x=5.0)]) == (one.given(x=3.0),)
    assert unmet(evaluations) == (one.given(x=-1.0), one.given(x=-2.0))
    for nothing in ("x", "1 < 2", "x + 1", "abs(x)", "(x < 1) + 1", "not x < 1", "x if x < 1 else x"):
        with pytest.raises(InvalidInput):
            Condition("c", nothing, "")
    assert Condition("c", "x < 1 / (2 * x - 1)", "").given(x=1.0).met is False  # no value at 0.5, but readable


# The run that decides.

SIDES = (None, Interval(0.0, 4.0), Interval(1.0, 1.0), Interval(-math.inf, 4.0), Interval(2.0, math.inf))
VALUES = (None, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 9.0, math.inf, -math.inf)
RUNS = [JudgedRun(side, None if value is None else Interval.point(value)) for side in SIDES for value in VALUES]


def place(run):
    """How far a run is from the middle of its prediction, in halves of its width: over 1 is outside."""
    if run.measured is None or math.isinf(run.measured.low):
        return 2, math.inf
    if run.predicted is None:
        return 1, math.inf
    low, high, value = run.predicted.low, run.predicted.high, run.measured.low
    rank = 0 if low <= value <= high else 2
    if math.isinf(high):
        return rank, 1.0 - (value - low) / abs(low)
    if math.isinf(low):
        return rank, 1.0 - (high - value) / abs(high)
    middle, half = (low + high) / 2, (high - low) / 2
    return rank, abs(value - middle) / half if half else (0.0 if value == middle else math.inf)


@pytest.mark.parametrize("run", RUNS)
def test_every_run_stands_where_its_distance_says(run):
    assert run.standing == place(run)


def test_runs_stand_by_the_farther_end_of_what_was_measured():
    wide = JudgedRun(Interval(0.0, 4.0), Interval(1.0, 5.0))
    assert wide.standing == (1, 1.5)
    assert JudgedRun(Interval(0.0, 4.0), Interval(-1.0, 1.0)).standing == (1, 1.5)
    assert JudgedRun(Interval(0.0, 4.0), Interval(1.0, 2.0)).standing == (0, 0.5)
    assert JudgedRun(Interval(2.0, math.inf), Interval(3.0, 5.0)).standing == (0, 0.5)
    assert JudgedRun(Interval(-math.inf, 4.0), Interval(-5.0, 3.0)).standing == (0, 0.75)
    assert JudgedRun(Interval(0.0, math.inf), Interval.point(3.0)).standing == (0, -2.0)
    assert JudgedRun(Interval(-math.inf, 0.0), Interval.point(-3.0)).standing == (0, -2.0)
    assert JudgedRun(Interval(-math.inf, math.inf), Interval.point(3.0)).standing == (0, -math.inf)
    huge = Interval(-1.7e308, 1.7e308)
    assert JudgedRun(huge, Interval.point(0.0)).standing == (0, 0.0)
    assert JudgedRun(huge, Interval.point(1.7e308)).standing == (0, 1.0)


def test_the_deciding_run_is_the_worst_in_any_order():
    for chosen in itertools.islice(itertools.combinations(RUNS, 3), 0, None, 37):
        decided = {deciding_run(order) for order in itertools.permutations(chosen)}
        assert len(decided) == 1
        assert decided.pop().standing == max(run.standing for run in chosen)
    tied = [JudgedRun(Interval(0.0, 2.0), Interval.point(v)) for v in (0.5, 1.5)]
    assert deciding_run(tied) == deciding_run(tied[::-1]) == tied[1]
    wider = [
        JudgedRun(Interval(0.0, 2.0), Interval.point(0.5)),
        JudgedRun(Interval(-1.0, 3.0), Interval.point(0.0)),
    ]
    assert deciding_run(wider) == deciding_run(wider[::-1]) == wider[0]


FINE = JudgedRun(Interval(0.0, 4.0), Interval.point(1.0), 2.0)
OUT = JudgedRun(Interval(0.0, 4.0), Interval.point(9.0), 3.0)
UNSCOPED = JudgedRun(Interval(0.0, 4.0), Interval.point(9.0), 2.0, (MISSED,))
BROKEN = JudgedRun(Interval(0.0, 4.0), Interval.point(1.0), 2.0, failure="broke off")
BROKEN_IN_SCOPE = JudgedRun(Interval(0.0, 4.0), None, 2.0, (MET,), failure="broke off")
NUMBERLESS = JudgedRun(None, Interval.point(1.0))
LOST = JudgedRun(Interval(0.0, math.inf), None)


def decided(runs):
    pair = judge_runs(runs, 1e-3, seeds=range(len(runs)))
    return judge(a_claim(), pair.prediction, pair.measurement)


def test_what_a_list_of_runs_comes_to_in_every_order():
    cases = [
        ([FINE] * 3, Outcome.CONSISTENT),
        ([FINE, OUT], Outcome.REFUTED),
        ([FINE, OUT, BROKEN], Outcome.REFUTED),
        ([OUT, UNSCOPED, UNSCOPED], Outcome.REFUTED),
        ([OUT, NUMBERLESS], Outcome.REFUTED),
        ([FINE, LOST], Outcome.REFUTED),
        ([FINE, BROKEN], Outcome.INCONCLUSIVE),
        ([BROKEN_IN_SCOPE], Outcome.INCONCLUSIVE),
        ([BROKEN, UNSCOPED], Outcome.INCONCLUSIVE),
        ([FINE, NUMBERLESS], Outcome.INCONCLUSIVE),
        ([FINE, UNSCOPED], Outcome.INCONCLUSIVE),
        ([UNSCOPED, UNSCOPED], Outcome.OUT_OF_SCOPE),
        ([FINE, JudgedRun(Interval(0.0, 4.0), Interval(3.0, 5.0))], Outcome.INCONCLUSIVE),
        ([], Outcome.INCONCLUSIVE),
    ]
    for runs, outcome in cases:
        for order in itertools.permutations(runs):
            assert decided(order)[0] is outcome, (order, decided(order))
    assert decided([FINE] * 19 + [UNSCOPED])[0] is Outcome.CONSISTENT
    assert decided([FINE] * 18 + [UNSCOPED])[0] is Outcome.INCONCLUSIVE
    assert decided([FINE, BROKEN])[1] == "broke off"
    assert "1 of 2 runs miss an assumption, more than 5%" in decided([FINE, UNSCOPED])[1]
    assert decided([FINE, NUMBERLESS])[1] == "a prediction has no number"
    assert decided([])[1] == "the runs of this claim were not made"


def test_what_is_told_beside_the_deciding_run():
    runs = [
        FINE,
        JudgedRun(Interval(0.0, 4.0), Interval(3.0, 3.5), 2.0),
        JudgedRun(Interval(0.0, 4.0), Interval.point(2.0), 0.0),
        JudgedRun(Interval(0.0, 4.0), Interval.point(2.0), math.inf),
        *[FINE] * 36,
        UNSCOPED,
    ]
    pair = judge_runs(runs, 0.01, seeds=[5, 3, 3] + [7] * 38, notes=(("more", 1.0),))
    told = dict(pair.measurement.notes)
    assert told["smallest ratio to leading order"] == 0.5
    assert told["largest ratio to leading order"] == 3.25 / 2
    assert told["runs left out"] == 1.0
    assert told["share of runs left out"] == 1 / 41
    assert told["more"] == 1.0
    assert told["share of draws covered"] == pytest.approx(0.01 ** (1 / 3))
    found = pair.measurement
    assert (found.estimate, found.interval) == (3.25, Interval(3.0, 3.5))
    assert (found.confidence, found.runs, found.seeds) == (0.99, 40, (3, 5, 7))
    assert pair.prediction.interval == Interval(0.0, 4.0)
    assert pair.prediction.leading_order == 2.0
    lost = judge_runs([LOST, FINE], 0.01, seeds=[1, 2])
    assert lost.measurement.estimate == math.inf
    assert lost.prediction.interval == Interval(0.0, ANY_NUMBER.high)
    below = judge_runs([JudgedRun(Interval(-math.inf, 4.0), Interval.point(-math.inf))], 0.01, seeds=[1])
    assert below.prediction.interval == Interval(ANY_NUMBER.low, 4.0)
    assert judge(a_claim(), below.prediction, below.measurement)[0] is Outcome.REFUTED
    nothing = judge_runs([JudgedRun(None, None)], 0.01, seeds=[1])
    assert nothing.prediction.interval == ANY_NUMBER
    beyond = judge_runs([JudgedRun(Interval.point(math.inf), None)], 0.01, seeds=[1])
    assert beyond.prediction.interval == Interval.point(ANY_NUMBER.high)


# Intervals with stated coverage, and balls.


def binomial_tail(k, n, p):
    """P(X >= k) as a sum in 40 digits."""
    with mp.workdps(40):
        return mp.fsum(mp.binomial(n, j) * mp.mpf(p) ** j * (1 - mp.mpf(p)) ** (n - j) for j in range(k, n + 1))


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 7), (7, 7), (1, 2), (3, 11), (90, 100)])
def test_clopper_and_pearsons_ends_have_their_tails(successes, trials):
    low, high = clopper_pearson(successes, trials, 0.02)
    if successes == 0:
        assert low == 0.0
    else:
        assert 0.01 * (1 - 1e-8) <= binomial_tail(successes, trials, low) <= 0.01
    if successes == trials:
        assert high == 1.0
    else:
        tail = 1 - binomial_tail(successes + 1, trials, high)
        assert 0.01 * (1 - 1e-7) <= tail <= 0.01
    for bad in ((-1, 3, 0.1), (4, 3, 0.1), (0, 0, 0.1), (1, 2, 0.0), (1, 2, 1.0)):
        with pytest.raises(InvalidInput):
            clopper_pearson(*bad)


def test_bernsteins_student_and_median_intervals_by_their_formulas():
    values = [0.1, 0.4, 0.45, 0.2]
    n, mean = 4, sum(values) / 4
    variance = sum((x - mean) ** 2 for x in values) / 3
    many = [*values] * 500
    size, spread = len(many), sum((x - mean) ** 2 for x in many) / (len(many) - 1)
    half = math.sqrt(2 * spread * math.log(40) / size) + 7 * math.log(40) / (3 * (size - 1))
    assert empirical_bernstein(many, 0.1) == pytest.approx((mean - half, mean + half), rel=1e-9)
    assert empirical_bernstein(values, 0.1) == (0.0, 1.0)
    assert empirical_bernstein([1.0, 1.0], 0.1).high == 1.0
    low, high = student_mean(values, 0.1)
    with mp.workdps(20):
        t = (high - mean) / math.sqrt(variance / n)
        scale = 2 / (mp.pi * mp.sqrt(3))
        assert float(mp.quad(lambda x: scale * (1 + x**2 / 3) ** -2, [-t, t])) == pytest.approx(0.9, rel=1e-8)
    assert mean - low == pytest.approx(high - mean)
    for sample in ([0.3], [0.3, 1.1], [-0.1, 0.3]):
        with pytest.raises(InvalidInput):
            empirical_bernstein(sample, 0.1)
    with pytest.raises(InvalidInput):
        student_mean([0.3], 0.1)
    assert student_mean([0.3, 0.3], 0.1) == (0.3, 0.3)


@pytest.mark.parametrize("size", range(1, 26))
@pytest.mark.parametrize("failure", [0.3, 0.05, 1e-3])
def test_the_median_interval_is_the_narrowest_pair_of_ranks_that_covers(size, failure):
    """P(fewer than k of n fair coins) <= failure/2 for the largest k, by counting."""
    values = np.random.default_rng(size).permutation(np.arange(size) * 1.5)
    covered = [
        k for k in range(1, size // 2 + 1)
        if Fraction(sum(math.comb(size, j) for j in range(k)), 2**size) <= Fraction(failure) / 2
    ]  # fmt: skip
    found = median_by_order_statistics(values, failure)
    if covered:
        ranked = sorted(values)
        assert found == (ranked[max(covered) - 1], ranked[size - max(covered)])
    else:
        assert found == (-math.inf, math.inf)


def test_the_content_of_runs_that_all_agree():
    for runs, failure in ((1, 0.1), (3, 1e-3), (64, 0.05)):
        content = content_covered_by_all(runs, failure)
        assert content == pytest.approx(failure ** (1 / runs), rel=1e-12)
        assert mp.mpf(content) ** runs < failure * (1 + mp.mpf("1e-14"))
    assert content_covered_by_all(2, 0.25) < 0.5
    for bad in ((0, 0.1), (3, 0.0), (3, 1.0)):
        with pytest.raises(InvalidInput):
            content_covered_by_all(*bad)
    with pytest.raises(InvalidInput):
        median_by_order_statistics([], 0.1)


def test_balls_compare_in_three_values():
    with arb.precision(53):
        wide, above = flint.arb(1, 0.5), flint.arb(2, 0.25)
        assert arb.less(wide, above) is arb.Truth.TRUE
        assert arb.less(above, wide) is arb.Truth.FALSE
        assert arb.less(wide, wide) is arb.Truth.UNKNOWN
        assert arb.less(flint.arb(1), flint.arb(1)) is arb.Truth.FALSE


def test_precision_is_restored_and_at_least_two_bits():
    before = flint.ctx.prec
    with arb.precision(2):
        assert flint.ctx.prec == 2
        with pytest.raises(ZeroDivisionError), arb.precision(99):
            raise ZeroDivisionError
        assert flint.ctx.prec == 2
    assert flint.ctx.prec == before
    with pytest.raises(InvalidInput), arb.precision(1):
        pass


LARGEST = math.nextafter(math.inf, 0.0)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "exponent",
    [-5000, -1101, -1100, -1099, -1075, -1074, -1073, -3, 0, 7, 1023, 1024, 1025, 1099, 1100, 1101, 5000],
)
@pytest.mark.parametrize("part", [Fraction(1), Fraction(3, 4), Fraction((2**60 - 1), 2**60)])
def test_float_ends_are_the_nearest_floats_outside(sign, exponent, part):
    """Against rationals: no float lies between an end and the exact number."""
    with arb.precision(256):
        value = sign * part * Fraction(2) ** exponent
        ball = flint.arb(flint.fmpq(value.numerator, value.denominator))
        low, high = arb.lower_float(ball), arb.upper_float(ball)
    for end, away in ((low, 1), (high, -1)):
        if math.isfinite(end):
            assert away * (value - Fraction(end)) >= 0
            inner = math.nextafter(end, away * math.inf)
            assert math.isinf(inner) or away * (Fraction(inner) - value) > 0 or Fraction(end) == value
    assert low == high if Fraction(low if math.isfinite(low) else 0) == value else low < high
    assert low <= LARGEST
    assert high >= -LARGEST


def test_balls_that_are_not_finite_have_infinite_ends():
    for ball in (flint.arb("nan"), flint.arb("inf"), flint.arb(1) / flint.arb(0)):
        assert (arb.lower_float(ball), arb.upper_float(ball)) == (-math.inf, math.inf)
    zero = flint.arb(0)
    assert (arb.lower_float(zero), arb.upper_float(zero)) == (0.0, 0.0)
    with arb.precision(64):
        assert 0.5 - 1e-8 < arb.lower_float(flint.arb(1, 0.5)) <= 0.5
        assert 1.5 <= arb.upper_float(flint.arb(1, 0.5)) < 1.5 + 1e-8
