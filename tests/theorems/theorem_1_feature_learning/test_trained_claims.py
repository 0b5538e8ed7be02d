"""Theorem 1 on small trained networks: every claim holds, and every negative control is refuted."""

import math
from dataclasses import replace

import numpy as np
import pytest
from rechecking import judge_claim, judge_control

from cgro_theory.claims import Outcome
from cgro_theory.numerics.seeds import derived_seeds
from cgro_theory.setting import PatchSetting
from cgro_theory.theorems.catalogue import checked_claim, room
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_1_feature_learning.claims.memorization import three_stages
from cgro_theory.theorems.theorem_1_feature_learning.runs.full_weights import train_full_network
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import initial_draws
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import GROUPS, TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.runs.training import (
    full_seeds,
    full_setting,
    gather_at,
    join_evidence,
    train_group,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import WIDTH
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import evaluated
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.reduction import draw_subspace_problem

ELSEWHERE = {"phases", "over_attack", "collapse", "certified", "fresh"}
ENTRIES = [entry for entry in room("theorem_1").checked if not ELSEWHERE & set(entry.needs)]
CONTROLS = [(entry, control) for entry in ENTRIES for control in entry.controls]
CONSTANTS_AND_MEANS = {
    "theorem_1.gradient_identity",  # 0
    "theorem_1.noise_memorization",  # 1
    "theorem_1.standard_training",  # 1/2
    "theorem_1.robust_test_error",  # the law's mean over sampled directions
    "theorem_1.clean_error_limit",  # a least-squares slope of leading orders
}
"""Claims whose leading order is no formula of parameters."""
SHARE = 1e-4
SMALL = PatchSetting.version_1(4000, num_samples=5, width=16)


def request_for(profile="quick", seed=9000):
    return RunRequest(profile, seed, "cpu", frozenset(), lambda doing, fraction: None, frozenset(GROUPS))


@pytest.fixture(scope="module")
def evidence():
    """Descent at d = 4,000 and gradient flow at d = 10^6, 10^9 and 10^12."""
    request = request_for()
    descent = gather_at(SMALL, request, runs=10, test_points=8_000)
    flows = [
        gather_at(replace_dimension(dimension), request, runs=4, test_points=8_000, flow=True)
        for dimension in (10**6, 10**9, 10**12)
    ]
    gathered = join_evidence([descent, *flows])
    # The coin-flip claim about λ = 0 needs many points, and those runs are short.
    many = train_group(request, replace(SMALL, adversarial_weight=0.0), derived_seeds(9000, 400, "coins"), 10)
    full = tuple(train_full_network(full_setting(), seed, 8_000) for seed in full_seeds(9000, 2))
    return replace(gathered, standard=(many, *gathered.standard[1:]), full=full)


@pytest.fixture(scope="module")
def crowded():
    """Twenty points on twenty-four neurons, where the shifts of the cascade matter."""
    setting = PatchSetting.version_1(10**4)
    seeds = derived_seeds(9000, 30, "crowded")
    group = train_group(request_for(), setting, seeds, 10, flow=True, judged=True)
    standard = train_group(request_for(), replace(setting, adversarial_weight=0.0), seeds, 10, flow=True)
    return TrainedEvidence(main=(group,), standard=(standard,))


@pytest.fixture
def evidence_for(evidence, crowded):
    """The sets of runs that a claim says its check and its controls need, and no others."""

    def needed(entry):
        made = crowded if entry.label == "theorem_1.memorization_order" else evidence
        return TrainedEvidence(**{name: getattr(made, name) for name in entry.needs})

    return needed


def replace_dimension(dimension):
    return PatchSetting.version_1(dimension, num_samples=5, width=16)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.label)
def test_claim_holds_on_trained_networks(evidence_for, entry):
    verdict = judge_claim(entry.claim, entry.check, evidence_for(entry), SHARE)
    assert verdict.outcome in (Outcome.CERTIFIED, Outcome.CONSISTENT), verdict.reason
    shows_a_formula = not math.isnan(verdict.prediction.leading_order) and entry.label not in CONSTANTS_AND_MEANS
    assert bool(entry.numeric) == shows_a_formula


@pytest.mark.parametrize(("entry", "control"), CONTROLS, ids=[f"{e.label}-{c.name}" for e, c in CONTROLS])
def test_negative_control_is_refuted(evidence_for, entry, control):
    verdict = judge_control(entry.claim, entry.check, evidence_for(entry), SHARE, control)
    assert verdict.outcome is Outcome.REFUTED, verdict.description


# --- necessity: without an assumption the claim says nothing ----------------------------------------------


def judged(label, evidence):
    entry = checked_claim(f"theorem_1.{label}")
    return judge_claim(entry.claim, entry.check, evidence, SHARE)


def told(evidence, **changed):
    """The same runs, with predictions that are told another setting."""

    def as_if(group):
        setting = replace(group.setting, **changed)
        return replace(group, trajectories=replace(group.trajectories, setting=setting))

    return replace(evidence, main=tuple(map(as_if, evidence.main)))


def test_radius_beyond_the_signal_is_out_of_scope(evidence):
    verdict = judged("signal_time", told(evidence, attacked_signal_fraction=-0.1))
    assert verdict.outcome is Outcome.OUT_OF_SCOPE
    assert "the attack radius is at most the signal strength" in verdict.reason


def test_without_an_attack_there_is_no_memorization_time(evidence):
    verdict = judged("first_memorization_time", told(evidence, adversarial_weight=0.0))
    assert verdict.outcome is Outcome.OUT_OF_SCOPE


def test_a_point_without_a_willing_neuron_is_out_of_scope():
    """Width 1: half of all points start with y v < 0 everywhere; none of them can be promised to be memorized."""
    setting = PatchSetting.version_1(4000, num_samples=5, width=1)
    draws = initial_draws(train(draw_subspace_problem(setting, (0, 1, 2)), learning_rate=0.01, steps=1))
    assert any(not each.met for draw in draws for each in evaluated((WIDTH,), setting, draw))


def test_a_broken_run_is_inconclusive(evidence):
    main = evidence.main[0]
    count = main.trajectories.runs
    for reason, message in (
        ("diverged", "diverged at step 7"),
        ("failed", "its tolerance"),
    ):
        broken = replace(
            main.trajectories,
            diverged_step=np.array([7] + [-1] * (count - 1)),
            stopped_because=(reason, *main.trajectories.stopped_because[1:]),
        )
        changed = replace(evidence, main=(replace(main, trajectories=broken),))
        for label in ("signal_time", "stage_order", "clean_test_error"):
            verdict = judged(label, changed)
            assert verdict.outcome is Outcome.INCONCLUSIVE
            assert message in verdict.reason


def test_the_headline_shades_the_stages_and_shows_the_attacked_part(evidence):
    """Both panels; the spans meet at T_I and T_III; the attacked part is κ^q times the signal margin."""
    figure = three_stages(evidence)
    setting = evidence.main[0].trajectories.setting
    for panel in figure.panels:
        growth, stagnation, memorization = (marker for marker in panel.markers if marker.until is not None)
        assert growth.until == stagnation.value < stagnation.until == memorization.value < memorization.until
        assert "stagnation" in stagnation.label
    linear, logarithmic = figure.panels
    signal, attacked = (np.array(series.y) for series in linear.series[:2])
    grown = signal > 0
    share = setting.attacked_signal_fraction**setting.degree
    np.testing.assert_allclose(attacked[grown], share * signal[grown], rtol=1e-9)
    assert np.nanmin(logarithmic.series[1].y) > 0
