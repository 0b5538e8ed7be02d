"""The room as a whole at small sizes: outcomes, planted faults, figures, and what must come out inconclusive."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from cgro_theory.claims import FailureLedger, Outcome
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_2_representation_complexity.claims import measurement, statement
from cgro_theory.theorems.theorem_2_representation_complexity.claims.error_checks import check_clean_test_error
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import training_set
from cgro_theory.theorems.theorem_2_representation_complexity.runs import making as gathering
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import TrainingBudget
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import RepresentationEvidence
from cgro_theory.theorems.theorem_2_representation_complexity.runs.making import wide_ramp_comparison
from cgro_theory.theorems.theorem_2_representation_complexity.runs.profiles import SIZES
from cgro_theory.theorems.verification import judge_claim, judge_control

LABELS = tuple(entry.label for entry in statement.CLAIMS)
CLAIM = {entry.label: entry for entry in statement.CLAIMS}
STATISTICAL = [entry.label for entry in statement.CLAIMS if entry.statistical]

SMALL = replace(
    SIZES["quick"],
    counted=12,
    digits=120,
    pair=80,
    attacked=6,
    sample_limit=16,
    trials=40,
    monte_carlo=((8, 64),),
    continuous_samples=(4, 16),
    continuous_trials=10,
    stages=4,
    train_dimensions=(3, 4),
    budget=TrainingBudget((2, 8), (1,), 1, 100, max_boxes=100),
    excluded_dimensions=(10,),
    excluded_budget=TrainingBudget((1,), (1,), 1, 20, max_boxes=100),
)


@pytest.fixture(scope="module")
def evidence():
    patch = pytest.MonkeyPatch()
    patch.setitem(gathering.SIZES, "quick", SMALL)
    steps = []
    request = RunRequest("quick", 0, "cpu", frozenset(LABELS), lambda name, share: steps.append(share))
    gathered = measurement.gather(request)
    patch.undo()
    assert steps == sorted(steps)
    return gathered


def outcome(label, evidence, probability=1e-4):
    return judge_claim(CLAIM[label], measurement.CHECKS[label], evidence, probability).outcome


@pytest.mark.parametrize("label", LABELS)
def test_every_claim_passes_at_small_size(label, evidence):
    statistical = label == "theorem_2.robust_lower_bound"
    assert outcome(label, evidence) is (Outcome.CONSISTENT if statistical else Outcome.CERTIFIED)


@pytest.mark.parametrize(
    ("label", "fault"),
    [(label, fault) for label, faults in measurement.FAULTS.items() for fault in faults],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_planted_fault_is_refuted(label, fault, evidence):
    verdict = judge_control(CLAIM[label], measurement.CHECKS[label], evidence, 1e-4, fault)
    assert verdict.outcome is Outcome.REFUTED, verdict


@pytest.mark.parametrize("label", LABELS)
def test_without_evidence_nothing_passes(label):
    assert outcome(label, RepresentationEvidence("quick", 0)) is Outcome.INCONCLUSIVE


def test_only_what_was_asked_is_gathered():
    request = RunRequest("quick", 0, "cpu", frozenset({"theorem_2.squaring_error"}), lambda *_: None)
    gathered = measurement.gather(request)
    assert gathered.squarings
    assert not gathered.memorizers
    assert not gathered.trained
    assert gathered.hierarchy is None
    assert measurement.figures(gathered) == ()


def test_figures_are_complete_and_plain(evidence):
    figures = measurement.figures(evidence)
    assert {figure.name for figure in figures} == {
        "theorem_2_hierarchy",
        "theorem_2_counts",
        "theorem_2_robust_test_error",
        "theorem_2_continuous",
        "theorem_2_trained",
    }
    for figure in figures:
        for panel in figure.panels:
            for series in panel.series:
                assert len(series.x) == len(series.y)
                assert 0 <= series.colour <= 7
                assert all(math.isfinite(value) for value in (*series.x, *series.y))
                if panel.y_scale == "log":
                    assert min(series.y, default=1.0) > 0


def test_parameters_are_plain_json(evidence):
    text = json.dumps(measurement.parameters(evidence), allow_nan=False)
    assert "Adam" in text
    assert "2205.13863" in text


def test_the_ramp_of_the_gap_alone_can_raise_the_clean_error():
    # theory.md 3.1 takes the ramp γ = 8 here; the population is more than 2δ = 2 apart, and f_clean is right.
    capped = replace(RepresentationEvidence("quick", 0), comparisons=(wide_ramp_comparison(None),))
    wide = replace(capped, comparisons=(wide_ramp_comparison(7.9),))
    assert check_clean_test_error(capped, 0.0).measurement.interval.high == 0.0
    measured = check_clean_test_error(wide, 0.0).measurement.interval
    assert measured.low == measured.high == 1 / 3


def test_a_population_closer_than_two_radii_is_out_of_scope(evidence):
    comparison = wide_ramp_comparison(None)
    close = training_set([[1.5]], [-1])  # 1.5 < 2δ from the positive point
    changed = replace(evidence, comparisons=(replace(comparison, population=close),))
    assert outcome("theorem_2.clean_test_error", changed) is Outcome.OUT_OF_SCOPE


def test_an_undecided_corner_is_refused(evidence):
    entry = replace(evidence.exact_errors[0], mismatch=evidence.exact_errors[0].mismatch + 1)
    assert outcome("theorem_2.robust_test_error", replace(evidence, exact_errors=(entry,))) is Outcome.REFUTED


def test_a_hierarchy_ladder_that_ends_too_early_does_not_pass(evidence):
    run = evidence.hierarchy
    short = replace(run, networks=run.networks[:10])
    assert outcome("theorem_2.hierarchy", replace(evidence, hierarchy=short)) is not Outcome.CERTIFIED


def test_same_seed_same_numbers(evidence):
    again = gathering._exact_errors(SMALL, 0)
    assert again == evidence.exact_errors
    ladders = gathering._ladders(0)
    counts = [[net.circuit.structural_count for net in entry.networks] for entry in ladders]
    assert counts == [[net.circuit.structural_count for net in entry.networks] for entry in evidence.ladders]


def test_the_budget_is_split_over_statistical_claims():
    ledger = FailureLedger(1e-3, STATISTICAL)
    assert len(STATISTICAL) == 2
    assert np.isclose(ledger.share("theorem_2.robust_lower_bound"), 5e-4)
