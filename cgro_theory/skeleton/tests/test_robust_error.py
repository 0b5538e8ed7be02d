"""The theorem: its contract, its formula against an oracle, its claim, and its negative control."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cgro_theory.claims import Outcome
from cgro_theory.testing import check_room, gathered, judged
from cgro_theory.theorems.gaussian_model import ROOM
from cgro_theory.theorems.gaussian_model.runs import counted_models
from cgro_theory.theorems.gaussian_model.runs.counted_models import GaussianRuns
from cgro_theory.theorems.gaussian_model.theory.robust_error import predict_robust_error

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "gaussian_model.json").read_text(encoding="utf-8"))["cases"]
(ENTRY,) = ROOM.checked


def test_the_theorem_keeps_the_contract() -> None:
    check_room(ROOM, GOLDEN)


@pytest.mark.parametrize("case", CASES)
def test_the_formula_agrees_with_the_oracle(case: dict[str, Any]) -> None:
    prediction = predict_robust_error(
        np.array(case["weights"], dtype=float),
        np.array(case["mean"], dtype=float),
        case["noise_std"],
        case["perturbation_radius"],
    )
    assert prediction.leading_order == pytest.approx(float(case["robust_error"]), rel=1e-10)


def test_the_claim_holds_and_its_negative_control_is_refuted() -> None:
    verdict = judged(ENTRY, gathered(ROOM, ENTRY, seed=5))
    assert verdict.outcome is Outcome.CONSISTENT
    assert [control.outcome for control in verdict.controls] == [Outcome.REFUTED]


def test_base_seeds_share_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted_models, "POINTS", 10)
    bases = (0, 1, 2**32, 2**33)  # numpy reads a large seed as several words, which can look like (seed, number)
    weights = [tuple(model.weights) for base in bases for model in gathered(ROOM, ENTRY, seed=base).models]
    assert len(set(weights)) == len(weights) // len(counted_models.RADII)


def test_without_runs_nothing_is_decided() -> None:
    assert judged(ENTRY, GaussianRuns(0)).outcome is Outcome.INCONCLUSIVE
