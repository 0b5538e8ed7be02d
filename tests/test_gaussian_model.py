"""The template room: its formula against an oracle, its claim, and its fault."""

import json
from pathlib import Path

import numpy as np
import pytest

from cgro_theory.claims import Outcome
from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.catalogue import claim, room
from cgro_theory.theorems.gaussian_model.prediction import gaussian_robust_error
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.verification import judge_claim, judge_fault

LABEL = "gaussian_model.robust_error"
MEASUREMENT = room("gaussian_model").measurement
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
        assert judge_fault(claim(LABEL), check, evidence, 1e-4, fault).outcome is Outcome.REFUTED


def test_a_classifier_needs_weights():
    with pytest.raises(InvalidInput, match="weights must be not all 0"):
        gaussian_robust_error(np.zeros(2), np.ones(2), 1.0, 0.1)
