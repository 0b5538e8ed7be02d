"""The template: its formula against an oracle, its claim, and its negative control."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rechecking import judge_claim, judge_control

from cgro_theory.claims import Outcome
from cgro_theory.theorems.catalogue import checked_claim
from cgro_theory.theorems.gaussian_model.runs import counted_models
from cgro_theory.theorems.gaussian_model.runs.counted_models import GaussianRuns, gather
from cgro_theory.theorems.gaussian_model.theory.robust_error import predict_robust_error
from cgro_theory.theorems.room import RunRequest

ENTRY = checked_claim("gaussian_model.robust_error")
CASES = json.loads((Path(__file__).parents[2] / "golden" / "gaussian_model.json").read_text())["cases"]


def gathered(seed):
    asked = frozenset(ENTRY.needs)
    return gather(RunRequest("quick", seed, "cpu", frozenset(), lambda doing, fraction: None, asked))


def judged(runs):
    return judge_claim(ENTRY.claim, ENTRY.check, runs, 1e-4)


@pytest.mark.parametrize("case", CASES)
def test_formula_agrees_with_the_oracle(case):
    prediction = predict_robust_error(
        np.array(case["weights"], dtype=float),
        np.array(case["mean"], dtype=float),
        case["noise_std"],
        case["perturbation_radius"],
    )
    assert prediction.leading_order == pytest.approx(float(case["robust_error"]), rel=1e-10)


def test_claim_holds_and_its_negative_control_is_refuted():
    runs = gathered(5)
    assert judged(runs).outcome is Outcome.CONSISTENT
    for control in ENTRY.controls:
        assert judge_control(ENTRY.claim, ENTRY.check, runs, 1e-4, control).outcome is Outcome.REFUTED


def test_base_seeds_share_no_model(monkeypatch):
    monkeypatch.setattr(counted_models, "POINTS", 10)
    bases = (0, 1, 2**32, 2**33)  # numpy reads a large seed as several words, which can look like (seed, number)
    weights = [tuple(model.weights) for base in bases for model in gathered(base).models]
    each = len(counted_models.RADII)
    assert len(set(weights)) == len(weights) // each


@pytest.mark.parametrize("order", [1, -1])
def test_one_classifier_outside_decides_in_any_order(monkeypatch, order):
    """0.02 off with a narrow interval is outside; 0.021 off at an error near 1/2 is not yet."""
    monkeypatch.setattr(counted_models, "POINTS", 20_000)
    wide, narrow = gathered(9000).models[:2]
    wide = replace(wide, weights=np.eye(5)[0], mean=np.zeros(5), noise_std=1.0, perturbation_radius=0.0)
    narrow = replace(wide, mean=10.0 * np.eye(5)[0])
    models = (replace(wide, wrong=round(0.521 * 20_000)), replace(narrow, wrong=round(0.02 * 20_000)))
    assert judged(GaussianRuns(0, models[::order])).outcome is Outcome.REFUTED


def test_a_classifier_needs_weights(monkeypatch):
    monkeypatch.setattr(counted_models, "POINTS", 10)
    good = gathered(0).models[0]
    verdict = judged(GaussianRuns(0, (good, replace(good, weights=np.zeros(5)))))
    assert verdict.outcome is Outcome.OUT_OF_SCOPE
    assert "w is not 0" in verdict.reason


def test_without_runs_nothing_is_decided():
    assert judged(GaussianRuns(0)).outcome is Outcome.INCONCLUSIVE
