"""The template where a classifier is off or has no weights; its other tests are in cgro_theory/skeleton."""

from dataclasses import replace

import numpy as np
import pytest
from rechecking import judge_claim

from cgro_theory.claims import Outcome
from cgro_theory.testing import gathered
from cgro_theory.theorems.gaussian_model import ROOM
from cgro_theory.theorems.gaussian_model.runs import counted_models
from cgro_theory.theorems.gaussian_model.runs.counted_models import GaussianRuns

(ENTRY,) = ROOM.checked


def judged(runs):
    return judge_claim(ENTRY.claim, ENTRY.check, runs, 1e-4)


@pytest.mark.parametrize("order", [1, -1])
def test_one_classifier_outside_decides_in_any_order(monkeypatch, order):
    """0.02 off with a narrow interval is outside; 0.021 off at an error near 1/2 is not yet."""
    monkeypatch.setattr(counted_models, "POINTS", 20_000)
    wide, narrow = gathered(ROOM, ENTRY, seed=9000).models[:2]
    wide = replace(wide, weights=np.eye(5)[0], mean=np.zeros(5), noise_std=1.0, perturbation_radius=0.0)
    narrow = replace(wide, mean=10.0 * np.eye(5)[0])
    models = (replace(wide, wrong=round(0.521 * 20_000)), replace(narrow, wrong=round(0.02 * 20_000)))
    assert judged(GaussianRuns(0, models[::order])).outcome is Outcome.REFUTED


def test_a_classifier_needs_weights(monkeypatch):
    monkeypatch.setattr(counted_models, "POINTS", 10)
    good = gathered(ROOM, ENTRY, seed=0).models[0]
    verdict = judged(GaussianRuns(0, (good, replace(good, weights=np.zeros(5)))))
    assert verdict.outcome is Outcome.OUT_OF_SCOPE
    assert "w is not 0" in verdict.reason
