"""The claim about draws: it holds on networks of fresh draws, and each of its negative controls is refuted."""

from dataclasses import replace
from fractions import Fraction
from math import comb, inf

import numpy as np
import pytest

from cgro_theory.claims import Outcome, judge
from cgro_theory.theorems.theorem_1_feature_learning.claims import stage_order
from cgro_theory.theorems.theorem_1_feature_learning.runs import fresh_stages
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import TrainedEvidence

FAILURE = 1e-4
(ENTRY,) = stage_order.CHECKED


@pytest.fixture(scope="module")
def evidence():
    """The four small settings, fewer networks of each."""
    return TrainedEvidence(
        fresh=tuple(fresh_stages.train_fresh(setting, 882800, 48) for setting, _ in fresh_stages.SETTINGS[1:])
    )


def outcome(check, runs):
    pair = check(runs, FAILURE)
    return judge(ENTRY.claim, pair.prediction, pair.measurement)[0]


def test_the_claim_holds_on_fresh_draws(evidence):
    assert outcome(ENTRY.check, evidence) is Outcome.CONSISTENT


@pytest.mark.parametrize("control", ENTRY.controls, ids=lambda control: control.name)
def test_every_control_is_refuted(evidence, control):
    altered = control.alter(evidence) if control.alter else evidence
    assert outcome(control.check or ENTRY.check, altered) is Outcome.REFUTED


def test_networks_that_memorize_first_refute_it(evidence):
    first, *rest = evidence.fresh
    swapped = replace(first, signal_time=first.memorization_time, memorization_time=first.signal_time)
    assert outcome(ENTRY.check, TrainedEvidence(fresh=(swapped, *rest))) is Outcome.REFUTED


def test_a_run_that_learned_nothing_is_out_of_order_and_outside(evidence):
    first, *rest = evidence.fresh
    never = replace(first, signal_time=np.full(first.runs, inf))
    assert outcome(ENTRY.check, TrainedEvidence(fresh=(never, *rest))) is Outcome.REFUTED


def test_a_broken_run_leaves_it_open(evidence):
    first, *rest = evidence.fresh
    broken = replace(first, failure="a step could not be made")
    assert outcome(ENTRY.check, TrainedEvidence(fresh=(broken, *rest))) is Outcome.INCONCLUSIVE
    assert outcome(ENTRY.check, TrainedEvidence()) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("runs", "tenths", "failure"), [(24, 1, 1e-4), (128, 1, 1e-6), (10, 9, 1e-3), (5, 9, 1e-6)]
)
def test_what_is_allowed_is_an_exact_binomial_quantile(runs, tenths, failure):
    share = Fraction(tenths, 10)

    def beyond(count):
        return sum(comb(runs, k) * share**k * (1 - share) ** (runs - k) for k in range(count + 1, runs + 1))

    most = stage_order.allowed(runs, tenths / 10, failure)
    assert beyond(most) <= failure
    assert most == 0 or beyond(most - 1) > failure


def test_a_statement_that_no_count_could_break_has_no_number(evidence):
    few = replace(
        evidence.fresh[0],
        seeds=evidence.fresh[0].seeds[:1],
        signal_time=evidence.fresh[0].signal_time[:1],
        memorization_time=evidence.fresh[0].memorization_time[:1],
    )
    assert outcome(ENTRY.check, TrainedEvidence(fresh=(few,))) is Outcome.INCONCLUSIVE


def test_the_figure_shows_every_network_that_reached_its_times(evidence):
    (figure,) = stage_order.stage_order_figure(evidence.fresh)
    points = figure.panels[0].series[0]
    assert len(points.x) == sum(int(np.isfinite(group.signal_time).sum()) for group in evidence.fresh)
    assert stage_order.stage_order_figure(()) == ()
