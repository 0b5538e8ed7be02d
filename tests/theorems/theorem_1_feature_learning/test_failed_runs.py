"""Runs that fail to learn or memorize are outside; only an assumption on parameters or draw leaves one out."""

from dataclasses import replace

import numpy as np
import pytest
from rechecking import judge_claim

from cgro_theory.claims import Outcome
from cgro_theory.setting import PatchSetting
from cgro_theory.theorems.catalogue import checked_claim
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import GROUPS, measured_flow_error
from cgro_theory.theorems.theorem_1_feature_learning.runs.training import gather_at
from cgro_theory.trainer.trajectories import join_trajectories

SETTING = PatchSetting.version_1(10**6, num_samples=5, width=12)


@pytest.fixture(scope="module")
def evidence():
    request = RunRequest("quick", 9100, "cpu", frozenset(), lambda doing, fraction: None, frozenset(GROUPS))
    return gather_at(SETTING, request, runs=8, test_points=50, flow=True)


def outcome(label, evidence, share=1e-3):
    entry = checked_claim(f"theorem_1.{label}")
    return judge_claim(entry.claim, entry.check, evidence, share).outcome


def joined(evidence, others, times=1):
    """The main runs and, told to be like them, runs that were trained with another loss."""
    main, other = evidence.main[0], getattr(evidence, others)[0]
    relabelled = replace(other.trajectories, setting=SETTING)
    runs = join_trajectories([main.trajectories, *[relabelled] * times])
    return replace(evidence, main=(replace(main, trajectories=runs),))


@pytest.mark.parametrize(
    "label", ["signal_time", "signal_plateau", "first_memorization_time", "noise_memorization"]
)
def test_the_runs_as_they_are_hold(evidence, label):
    assert outcome(label, evidence) is Outcome.CONSISTENT


def test_runs_that_never_learn_the_signal_refute_the_plateau(evidence):
    never = joined(evidence, "adversarial_only")
    assert not np.isfinite(never.main[0].trajectories.signal_time[8:]).any()
    assert outcome("signal_plateau", never) is Outcome.REFUTED
    assert outcome("stage_order", never) is Outcome.REFUTED


def test_runs_that_do_not_memorize_refute_the_order(evidence):
    never = joined(evidence, "standard", times=3)
    assert outcome("memorization_order", never, 0.05) is Outcome.REFUTED
    assert outcome("stage_order", never) is Outcome.REFUTED


def test_a_run_outside_refutes_beside_one_that_broke_off(evidence):
    never = joined(evidence, "adversarial_only")
    runs = never.main[0].trajectories
    broken = replace(runs, stopped_because=("failed", *runs.stopped_because[1:]))
    changed = replace(never, main=(replace(never.main[0], trajectories=broken),))
    assert outcome("signal_time", changed) is Outcome.REFUTED


def test_integrator_error_is_measured_and_small(evidence):
    """The finer flow is judged; the coarser one's distance from it is what the enclosures are widened by."""
    group = evidence.main[0]
    error = group.flow_error
    assert group.trajectories.relative_tolerance == 1e-10
    assert not error.failure
    for relative in (error.signal_time, error.first_memorization, error.signal_margin, error.noise_margin):
        assert 0.0 < relative < 1e-5  # the old allowance, a thousand times the tolerance


def test_flows_that_disagree_on_what_is_reached_are_inconclusive(evidence):
    group = evidence.main[0]
    runs = group.trajectories
    lost = np.full_like(runs.signal_time, np.nan)
    error = measured_flow_error(replace(runs, signal_time=lost), runs)
    assert error.failure
    changed = replace(evidence, main=(replace(group, flow_error=error),))
    assert outcome("signal_time", changed) is Outcome.INCONCLUSIVE
