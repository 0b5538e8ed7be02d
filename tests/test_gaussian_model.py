"""The template room: its formula against an oracle, its claim, and its fault."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cgro_theory.claims import Outcome
from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.catalogue import claim
from cgro_theory.theorems.gaussian_model.claims import measurement as MEASUREMENT
from cgro_theory.theorems.gaussian_model.theory.robust_error import gaussian_robust_error
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.verification import judge_claim, judge_control

LABEL = "gaussian_model.robust_error"
CASES = json.loads((Path(__file__).parent / "golden" / "gaussian_model.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES)
def test_formula_agrees_with_the_oracle(case):
    error = gaussian_robust_error(
        np.array(case["weights"], dtype=float),
        np.array(case["mean"], dtype=float),
        case["noise_std"],
        case["perturbation_radius"],
    )
    assert error == pytest.approx(float(case["robust_error"]), rel=1e-10)


def test_claim_holds_and_its_fault_is_refuted():
    evidence = MEASUREMENT.gather(RunRequest("quick", 5, "cpu", frozenset({LABEL}), lambda doing, fraction: None))
    check = MEASUREMENT.CHECKS[LABEL]
    assert judge_claim(claim(LABEL), check, evidence, 1e-4).outcome is Outcome.CONSISTENT
    for fault in MEASUREMENT.FAULTS[LABEL]:
        assert judge_control(claim(LABEL), check, evidence, 1e-4, fault).outcome is Outcome.REFUTED


def gathered(seed):
    return MEASUREMENT.gather(RunRequest("quick", seed, "cpu", frozenset({LABEL}), lambda doing, fraction: None))


def test_base_seeds_share_no_model(monkeypatch):
    monkeypatch.setattr(MEASUREMENT, "POINTS", 10)
    bases = (0, 1, 2**32, 2**33)  # numpy reads a large seed as several words, which can look like (seed, number)
    weights = [tuple(model.weights) for base in bases for model in gathered(base).models]
    each = len(MEASUREMENT.RADII)
    assert len(set(weights)) == len(weights) // each


@pytest.mark.parametrize("order", [1, -1])
def test_one_classifier_outside_decides_in_any_order(monkeypatch, order):
    """0.02 off with a narrow interval is outside; 0.021 off at an error near 1/2 is not yet."""
    monkeypatch.setattr(MEASUREMENT, "POINTS", 20_000)
    wide, narrow = gathered(9000).models[:2]
    wide = replace(wide, weights=np.eye(5)[0], mean=np.zeros(5), noise_std=1.0, perturbation_radius=0.0)
    narrow = replace(wide, mean=10.0 * np.eye(5)[0])
    models = (replace(wide, wrong=round(0.521 * 20_000)), replace(narrow, wrong=round(0.02 * 20_000)))
    evidence = MEASUREMENT.GaussianEvidence(models[::order], 0)
    check = MEASUREMENT.CHECKS[LABEL]
    assert judge_claim(claim(LABEL), check, evidence, 1e-4).outcome is Outcome.REFUTED


def test_a_classifier_needs_weights():
    with pytest.raises(InvalidInput, match="weights must be not all 0"):
        gaussian_robust_error(np.zeros(2), np.ones(2), 1.0, 0.1)
