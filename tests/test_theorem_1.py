"""Theorem 1 on small trained networks: every claim holds, and every planted fault is refuted."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cgro_theory.claims import Outcome
from cgro_theory.numerics.seeds import derived_seeds
from cgro_theory.setting import PatchSetting
from cgro_theory.setting.patch_data import DenseProblem
from cgro_theory.theorems.catalogue import claim, room
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_1_feature_learning.claims import measurement as MEASUREMENT
from cgro_theory.theorems.theorem_1_feature_learning.runs.full_weights import train_full_network
from cgro_theory.theorems.theorem_1_feature_learning.runs.identity import RecursionVariant, gradient_residuals
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import initial_draws
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.runs.training import (
    PHASE_LABELS,
    full_seeds,
    full_setting,
    gather_at,
    join_evidence,
    train_group,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory import memorization as memorize
from cgro_theory.theorems.theorem_1_feature_learning.theory import signal as predict
from cgro_theory.theorems.verification import judge_claim, judge_control
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.reduction import draw_subspace_problem, reduce_dense_problem

ROOM = room("theorem_1")
LABELS = [entry.label for entry in ROOM.claims if entry.label not in PHASE_LABELS]
GOLDEN = json.loads((Path(__file__).parent / "golden" / "theorem_1_descent.json").read_text())
SHARE = 1e-4
SMALL = PatchSetting.version_1(4000, num_samples=5, width=16)


def request_for(profile="quick", seed=9000):
    return RunRequest(profile, seed, "cpu", frozenset(LABELS), lambda doing, fraction: None)


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
    return TrainedEvidence(main=(group,), standard=(standard,), adversarial_only=())


@pytest.fixture
def evidence_for(evidence, crowded):
    return lambda label: crowded if label == "theorem_1.memorization_order" else evidence


def replace_dimension(dimension):
    return PatchSetting.version_1(dimension, num_samples=5, width=16)


@pytest.mark.parametrize("label", LABELS)
def test_claim_holds_on_trained_networks(evidence_for, label):
    verdict = judge_claim(claim(label), MEASUREMENT.CHECKS[label], evidence_for(label), SHARE)
    assert verdict.outcome in (Outcome.CERTIFIED, Outcome.CONSISTENT), verdict.reason


FAULTS = [(label, fault) for label in LABELS for fault in MEASUREMENT.FAULTS[label]]


@pytest.mark.parametrize(("label", "fault"), FAULTS, ids=[f"{label}-{fault.name}" for label, fault in FAULTS])
def test_planted_fault_is_refuted(evidence_for, label, fault):
    verdict = judge_control(claim(label), MEASUREMENT.CHECKS[label], evidence_for(label), SHARE, fault)
    assert verdict.outcome is Outcome.REFUTED, verdict.description


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: f"q={case['degree']}")
def test_both_engines_reproduce_the_oracle(case):
    """Forty-digit loops over coordinates, written without any code of the package."""
    labels = torch.tensor([GOLDEN["labels"]], dtype=torch.float64)
    setting = PatchSetting(
        patch_dimension=4,
        num_samples=2,
        num_patches=3,
        width=2,
        degree=case["degree"],
        signal_strength=case["signal_strength"],
        noise_std=1.0,
        init_std=1.0,
        attacked_signal_fraction=case["attacked_signal_fraction"],
        adversarial_weight=case["adversarial_weight"],
    )
    problem = DenseProblem(
        setting=setting,
        seeds=(0,),
        feature=torch.tensor([1.0, 0, 0, 0], dtype=torch.float64),
        labels=labels,
        signal_position=torch.tensor([[1, 2]]),
        noise=torch.tensor([GOLDEN["noise"]], dtype=torch.float64),
        weights=torch.tensor([GOLDEN["weights"]], dtype=torch.float64),
    )
    final = torch.tensor(case["final_weights"], dtype=torch.float64)
    options = {"learning_rate": case["learning_rate"], "steps": case["steps"], "stop_when_memorized": False}
    runs = train(problem, **options)
    assert np.allclose(runs.final_signal_projections[0], final[:, 0], rtol=1e-12)
    preactivations = problem.noise[0].flatten(0, 1) @ final.T
    assert np.allclose(runs.final_preactivations[0], preactivations, rtol=1e-12)
    with pytest.raises(ValueError, match="patch_dimension"):
        reduce_dense_problem(problem)  # four noise patches in three dimensions have no reduction


@settings(max_examples=15)
@given(st.sampled_from([2, 3, 4, 5]), st.integers(1, 3), st.integers(0, 10**6))
def test_recursions_are_the_gradient_by_automatic_differentiation(degree, noise_patches, seed):
    """One tiny step of the recursions against autograd on explicit weights, at sizes sympy cannot reach."""
    from cgro_theory.setting.patch_data import draw_dense_problem

    setting = PatchSetting.version_1(
        80, num_samples=6, num_patches=1 + noise_patches, width=7, degree=degree, attacked_signal_fraction=0.4
    )
    problem = draw_dense_problem(setting, (seed,))
    options = {"learning_rate": 1.0, "steps": 1, "stop_when_memorized": False}
    dense, recursions = train(problem, **options), train(reduce_dense_problem(problem), **options)
    moved = dense.final_signal_projections - dense.signal_projections[:, 0]
    moved_by_recursion = recursions.final_signal_projections - recursions.signal_projections[:, 0]
    assert np.allclose(moved, moved_by_recursion, rtol=1e-9, atol=1e-15)
    drift = dense.final_preactivations - dense.initial_preactivations
    drift_by_recursion = recursions.final_preactivations - recursions.initial_preactivations
    assert np.allclose(drift, drift_by_recursion, rtol=1e-7, atol=1e-14)


def test_symbolic_identity_covers_more_neurons():
    assert gradient_residuals(3, 3, 2, 1, RecursionVariant()) == 0


# --- necessity: without an assumption the claim says nothing ----------------------------------------------


def told(evidence, **changed):
    """The same runs, with predictions that are told another setting."""
    groups = tuple(replace(group, assumed=replace(group.assumed, **changed)) for group in evidence.main)
    return replace(evidence, main=groups)


def test_radius_beyond_the_signal_is_out_of_scope(evidence):
    label = "theorem_1.signal_time"
    changed = told(evidence, attacked_signal_fraction=-0.1)
    verdict = judge_claim(claim(label), MEASUREMENT.CHECKS[label], changed, SHARE)
    assert verdict.outcome is Outcome.OUT_OF_SCOPE
    assert "perturbation_radius" in verdict.reason


def test_without_an_attack_there_is_no_memorization_time(evidence):
    label = "theorem_1.first_memorization_time"
    changed = told(evidence, adversarial_weight=0.0)
    verdict = judge_claim(claim(label), MEASUREMENT.CHECKS[label], changed, SHARE)
    assert verdict.outcome is Outcome.OUT_OF_SCOPE


def test_a_point_without_a_willing_neuron_is_out_of_scope():
    """Width 1: half of all points start with y v < 0 everywhere; none of them can be promised to be memorized."""
    setting = PatchSetting.version_1(4000, num_samples=5, width=1)
    draws = initial_draws(train(draw_subspace_problem(setting, (0, 1, 2)), learning_rate=0.01, steps=1))
    unmet = [memorize.memorization_assumptions(setting, draw) for draw in draws]
    assert any("every point has a neuron" in reason for entry in unmet for reason in entry)


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
        for label in ("theorem_1.signal_time", "theorem_1.stage_order", "theorem_1.clean_test_error"):
            verdict = judge_claim(claim(label), MEASUREMENT.CHECKS[label], changed, SHARE)
            assert verdict.outcome is Outcome.INCONCLUSIVE
            assert message in verdict.reason


# --- predictions --------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.sampled_from([2, 3, 4]))
@settings(max_examples=12)
def test_leading_orders_lie_near_their_enclosures(seed, degree):
    setting = PatchSetting.version_1(10**8, degree=degree)
    problem = draw_subspace_problem(setting, (seed,))
    draw = predict.InitialDraw(
        problem.labels[0].numpy(),
        problem.signal_projections[0].numpy(),
        problem.preactivations[0].numpy(),
        problem.gram[0].numpy(),
    )
    signal = predict.predict_signal_time(setting, draw, 0.0)
    assert signal.interval is not None
    assert 0.5 * signal.interval.low <= signal.leading_order <= 1.5 * signal.interval.high
    first = memorize.predict_first_memorization_time(setting, draw, 0.0)
    assert first.interval is not None
    assert 0.9 * first.interval.low <= first.leading_order <= 1.1 * first.interval.high


def test_logarithmic_growth_solves_its_equation():
    for scale in (10.0, 1e3, 1e9):
        margin = predict.logarithmic_growth(scale, 3)
        assert np.isclose(np.exp(margin), scale * margin ** (4 / 3))
    assert predict.logarithmic_growth(1.0, 3) == 0.0
