"""The run that decides: one run outside refutes, in any order, with infinite ends, NaN, and failures of runs."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import finite, intervals

from cgro_theory.claims import Interval, Outcome, Prediction, judge
from cgro_theory.theorems.catalogue import claim
from cgro_theory.theorems.theorem_1_feature_learning.claims.slopes import Compared, nearest_boundary, nearest_slope
from cgro_theory.theorems.theorem_1_feature_learning.claims.worst_run import nearest_to_violation, per_run
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import SIGNAL_NEURON

TIME_CLAIM = claim("theorem_1.first_memorization_time")
SHARE = 1e-3


def group_of(runs):
    """As much of a group of runs as a claim about each run looks at."""
    trajectories = SimpleNamespace(runs=runs, seeds=tuple(range(runs)), broken=(), relative_tolerance=0.0)
    return SimpleNamespace(failure="", failure_of=lambda run: "", trajectories=trajectories)


def outcome_per_run(entries):
    """Judge (low, high, value, assumed) per run by the check that claims about each run use."""
    group = group_of(len(entries))

    def look(asked):
        listed = []
        for run, (low, high, value, assumed) in enumerate(entries):
            predicted = Prediction(Interval(low, high), assumed, 1.0)
            listed.append(per_run(asked, run, predicted, value))
        return listed

    pair = nearest_to_violation((group,), look, SHARE)
    return judge(TIME_CLAIM, pair.prediction, pair.measurement)


def outcome_of_boundaries(entries):
    compared = [
        Compared(Prediction(Interval(low, high), assumed, 1.0), Interval.point(value), 1.0, seed)
        for seed, (low, high, value, assumed) in enumerate(entries)
    ]
    pair = nearest_boundary(compared, SHARE)
    return judge(TIME_CLAIM, pair.prediction, pair.measurement)


judges = pytest.mark.parametrize("decide", [outcome_per_run, outcome_of_boundaries])
FINE = (1.0, 2.0, 1.5, ())
HALF_LINE = (1.0, math.inf, 3.0, ())


@judges
@pytest.mark.parametrize(
    "outside",
    [
        (1.0, 2.0, 5.0, ()),
        (1.0, 2.0, math.inf, ()),
        (1.0, math.inf, 0.5, ()),
        (-math.inf, 2.0, 3.0, ()),
        (1.0, math.inf, math.inf, ()),
    ],
)
def test_one_run_outside_refutes_in_every_order(decide, outside):
    for order in itertools.permutations((FINE, HALF_LINE, (-math.inf, 9.0, 1.0, ()), outside)):
        assert decide(order)[0] is Outcome.REFUTED


@judges
def test_runs_inside_are_consistent_in_every_order(decide):
    for order in itertools.permutations((FINE, (0.0, 9.0, 1.0, ()), (1.0, 1.0, 1.0, ()))):
        assert decide(order)[0] is Outcome.CONSISTENT


@judges
def test_half_lines_alone_enclose_nothing(decide):
    """A two-sided claim whose deciding prediction has no finite end on one side is open, whatever the order."""
    for order in itertools.permutations((HALF_LINE, (-math.inf, 9.0, 1.0, ()))):
        assert decide(order)[0] is Outcome.INCONCLUSIVE


def test_a_run_that_never_gets_there_is_outside():
    assert outcome_per_run([FINE] * 5 + [(1.0, math.inf, math.nan, ())])[0] is Outcome.REFUTED


@given(st.lists(st.tuples(intervals(), finite.map(abs) | st.just(math.inf)), min_size=1, max_size=6), st.randoms())
def test_order_does_not_matter_and_any_run_outside_refutes(pairs, random):
    entries = [(inside.low, inside.high, value, ()) for inside, value in pairs]
    shuffled = random.sample(entries, len(entries))
    outside = any(not low <= value <= high or math.isinf(value) for low, high, value, _ in entries)
    for decide in (outcome_per_run, outcome_of_boundaries):
        assert decide(entries) == decide(shuffled)
        assert (decide(entries)[0] is Outcome.REFUTED) == outside


@judges
def test_runs_that_miss_an_assumption_are_capped(decide):
    missing = (1.0, 2.0, 7.0, (SIGNAL_NEURON.given(u_max=-1.0),))
    assert decide([FINE] * 19 + [missing])[0] is Outcome.CONSISTENT
    outcome, reason = decide([FINE] * 18 + [missing] * 2)
    assert outcome is Outcome.INCONCLUSIVE
    assert "2 of 20 runs" in reason
    assert "u_r > 0" in reason
    assert decide([missing] * 3)[0] is Outcome.OUT_OF_SCOPE
    for outside in ((1.0, 2.0, 7.0, ()), (1.0, math.inf, math.inf, ())):
        assert decide([missing] * 3 + [outside])[0] is Outcome.REFUTED


def test_a_size_that_was_never_reached_has_no_slope():
    told = Prediction(Interval(1.0, math.inf), leading_order=1.0)
    fine = [Compared(told, Interval.point(10.0**k), 10.0**k, 0) for k in (1, 2, 3)]
    lost = [*fine[:2], Compared(told, Interval.point(math.inf), 1e3, 0)]
    other = [Compared(told, Interval.point(10.0**k), 10.0**k, 1) for k in (1, 2, 3)]
    for entries in (lost + other, other + lost):
        pair = nearest_slope(entries, SHARE)
        assert judge(TIME_CLAIM, pair.prediction, pair.measurement)[0] is Outcome.REFUTED


def test_a_slope_ignores_an_infinite_end_at_the_middle_of_a_ladder():
    """There the least-squares weight is 0."""
    narrow = [Prediction(Interval(0.9 * 10**k, 1.1 * 10**k), leading_order=10.0**k) for k in (6, 9, 12)]
    narrow[1] = Prediction(Interval(0.9e9, math.inf), leading_order=1e9)
    entries = [Compared(p, Interval.point(p.leading_order), p.leading_order, 0) for p in narrow]
    pair = nearest_slope(entries, SHARE)
    assert pair.prediction.interval.width < 0.1
    assert np.isclose(pair.measurement.estimate, 1.0)
