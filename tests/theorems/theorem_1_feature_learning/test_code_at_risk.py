"""Mistakes in the code that trains and evaluates are noticed by the claims that rest on it."""

from dataclasses import replace

import numpy as np
import pytest
from rechecking import judge_claim

from cgro_theory.claims import Outcome
from cgro_theory.numerics.seeds import derived_seeds
from cgro_theory.setting import PatchSetting, network
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.theorems.catalogue import checked_claim, claim
from cgro_theory.theorems.lemmas.runs.hitting_times import LemmaRuns
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_1_feature_learning.runs.full_weights import train_full_network
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.runs.training import full_seeds, full_setting, train_group
from cgro_theory.trainer.compiled_descent import CompiledSubspaceEngine
from cgro_theory.trainer.compiled_flow import CompiledFlowSystem, is_compiled
from cgro_theory.trainer.engines import SubspaceEngine
from cgro_theory.trainer.flow_system import FlowSystem

NOTHING = TrainedEvidence()
LEMMAS = LemmaRuns(9300)


def outcome(label, evidence, share=1e-4):
    return judge_claim(claim(label), checked_claim(label).check, evidence, share).outcome


@pytest.fixture(scope="module")
def evidence():
    request = RunRequest("quick", 9300, "cpu", frozenset(), lambda doing, fraction: None)
    setting = PatchSetting.version_1(10**4, num_samples=4, width=8)
    # The sign test on second moments needs some two dozen networks.
    group = train_group(request, setting, derived_seeds(9300, 24, "code at risk"), 4000, flow=True)
    full = tuple(train_full_network(full_setting(), seed, 4000) for seed in full_seeds(9300, 2))
    return TrainedEvidence(main=(group,), full=full)


def test_clean_test_error_sees_errors_and_holds(evidence):
    verdict = judge_claim(
        claim("theorem_1.clean_test_error"),
        checked_claim("theorem_1.clean_test_error").check,
        evidence,
        1e-4,
    )
    assert verdict.outcome is Outcome.CONSISTENT
    notes = dict(verdict.measurement.notes)
    assert 0.2 < notes["counted error at noise level 1"] < 0.3
    assert notes["counted error at noise level 3"] > 0.005


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_wrong_variance_is_noticed(evidence, monkeypatch, factor):
    real = NoiseMarginLaw.variance.fget
    monkeypatch.setattr(NoiseMarginLaw, "variance", property(lambda law: factor * real(law)))
    assert outcome("lemmas.gaussian_chaos_variance", LEMMAS) is Outcome.REFUTED
    if factor < 1:  # told twice the variance, a bound is only weaker, and few points do not refute it
        assert outcome("theorem_1.clean_test_error", evidence) is Outcome.REFUTED


def test_a_wrong_gram_matrix_of_the_reduction_is_noticed(evidence):
    """Counts and law of the reduced runs would both be wrong; on weights in full only the law is told wrongly."""
    network = evidence.full[0]
    scaled = replace(network, weights=network.weights * np.r_[1.0, np.full(network.weights.shape[1] - 1, 1.3)])
    assert outcome("theorem_1.clean_test_error", replace(evidence, full=(scaled,))) is Outcome.REFUTED


def test_full_networks_memorize_and_learn(evidence):
    for trained in evidence.full:
        assert trained.memorized == trained.setting.num_samples
        assert trained.signal_margin > 1.0


INTEGRATED = CompiledFlowSystem if is_compiled() else FlowSystem
TRAINED = CompiledSubspaceEngine if is_compiled() else SubspaceEngine


@pytest.mark.parametrize("kind", [SubspaceEngine, TRAINED])
def test_a_wrong_engine_is_noticed_by_the_gradient_identity(monkeypatch, kind):
    assert outcome("theorem_1.gradient_identity", NOTHING) is Outcome.CERTIFIED
    real = kind.update

    def forgets_the_labels(engine):
        engine._labels = engine._labels.abs()
        real(engine)

    monkeypatch.setattr(kind, "update", forgets_the_labels)
    assert outcome("theorem_1.gradient_identity", NOTHING) is Outcome.REFUTED


@pytest.mark.parametrize("kind", [FlowSystem, INTEGRATED])
def test_a_wrong_flow_is_noticed_by_the_gradient_identity(monkeypatch, kind):
    real = kind.derivative
    monkeypatch.setattr(kind, "derivative", lambda system, state: (1.0 + 1e-9) * real(system, state))
    assert outcome("theorem_1.gradient_identity", NOTHING) is Outcome.REFUTED


def even(preactivation, degree):
    return preactivation.abs() ** degree


def bent(preactivation, degree):
    return preactivation * (1.0 + preactivation.abs()) ** (degree - 1)


@pytest.mark.parametrize(
    ("label", "activation"), [("lemmas.odd_symmetry", even), ("lemmas.signal_homogeneity", bent)]
)
def test_a_wrong_activation_is_noticed_by_its_lemma(monkeypatch, label, activation):
    assert outcome(label, LEMMAS) is Outcome.CERTIFIED
    monkeypatch.setattr(network, "activation", activation)
    assert outcome(label, LEMMAS) is Outcome.REFUTED


def test_a_flow_with_two_clocks_is_noticed(monkeypatch):
    real = INTEGRATED.derivative

    def uneven(system, state):
        moved = real(system, state)
        moved[0] *= 1.0 + 1e-6
        return moved

    assert outcome("lemmas.common_clock", LEMMAS) is Outcome.CERTIFIED
    monkeypatch.setattr(INTEGRATED, "derivative", uneven)
    assert outcome("lemmas.common_clock", LEMMAS) is Outcome.REFUTED


def test_the_attacked_signal_is_an_output_of_the_network(evidence):
    """The number in the evidence is κ^q z although no such formula made it."""
    group = evidence.main[0]
    attacked = group.trajectories.setting.attacked_gain * group.trajectories.final_signal
    assert np.allclose(group.levels.attacked_signal, attacked, rtol=1e-9)
