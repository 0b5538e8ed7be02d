"""Theorem 2 as a whole at small sizes: outcomes, negative controls, figures, and what must not pass."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from rechecking import judge_claim, judge_control

from cgro_theory.calculator.robust_size import robust_size
from cgro_theory.claims import Condition, FailureLedger, Outcome
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_2_representation_complexity.claims import (
    CHECKED,
    clean_error,
    figures,
    gather,
    parameters,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import memorize
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import training_set
from cgro_theory.theorems.theorem_2_representation_complexity.runs import making as gathering
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import TrainingBudget
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import RepresentationRuns
from cgro_theory.theorems.theorem_2_representation_complexity.runs.profiles import SIZES

ENTRY = {entry.label: entry for entry in CHECKED}
STATISTICAL = [entry.label for entry in CHECKED if entry.claim.statistical]
SETS = frozenset(name for entry in CHECKED for name in entry.needs)
entries = pytest.mark.parametrize("entry", CHECKED, ids=lambda entry: entry.label)

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


def request_of(sets, progress=lambda *_: None):
    return RunRequest("quick", 0, "cpu", frozenset(), progress, frozenset(sets))


@pytest.fixture(scope="module")
def runs():
    patch = pytest.MonkeyPatch()
    patch.setitem(SIZES, "quick", SMALL)
    steps = []
    gathered = gather(request_of(SETS, lambda name, fraction: steps.append(fraction)))
    patch.undo()
    assert steps == sorted(steps)
    return gathered


def judged(entry, runs):
    return judge_claim(entry.claim, entry.check, runs, 1e-4)


@entries
def test_every_claim_passes_at_small_size_and_calls_a_sample_no_certificate(entry, runs):
    assert judged(entry, runs).outcome is Outcome.CONSISTENT


@pytest.mark.parametrize(
    ("entry", "control"),
    [(entry, control) for entry in CHECKED for control in entry.controls],
    ids=lambda value: getattr(value, "label", "") or value.name,
)
def test_every_negative_control_is_refuted(entry, control, runs):
    verdict = judge_control(entry.claim, entry.check, runs, 1e-4, control)
    assert verdict.outcome is Outcome.REFUTED, verdict


def test_the_only_leading_order_is_a_number_and_no_formula(runs):
    orders = {entry.label: judged(entry, runs).prediction.leading_order for entry in CHECKED}
    assert {label: order for label, order in orders.items() if not math.isnan(order)} == {
        "theorem_2.count_growth": 1.0
    }


@entries
def test_without_runs_nothing_passes(entry):
    assert judged(entry, RepresentationRuns(0)).outcome is Outcome.INCONCLUSIVE


@entries
def test_every_condition_is_evaluated_with_numbers_of_the_runs(entry, runs):
    prediction = judged(entry, runs).prediction
    stated = {each for each in entry.claim.assumptions if isinstance(each, Condition)}
    assert {each.condition for each in prediction.assumed} == stated
    assert not prediction.unmet


@entries
def test_the_sets_of_runs_that_a_claim_names_are_enough(entry, runs):
    own = replace(RepresentationRuns(0), **{name: getattr(runs, name) for name in entry.needs})
    assert judged(entry, own).outcome is judged(entry, runs).outcome
    for control in entry.controls:
        assert judge_control(entry.claim, entry.check, own, 1e-4, control).outcome is Outcome.REFUTED


def test_only_the_sets_that_are_needed_are_made():
    gathered = gather(request_of(("squarings",)))
    assert gathered.squarings
    assert not gathered.memorizers
    assert gathered.training is None
    assert gathered.hierarchy is None
    assert figures(gathered) == ()


def test_figures_are_complete_and_plain(runs):
    drawn = figures(runs)
    assert {figure.name for figure in drawn} == {
        "theorem_2_hierarchy",
        "theorem_2_counts",
        "theorem_2_robust_test_error",
        "theorem_2_continuous",
        "theorem_2_trained",
    }
    for figure in drawn:
        for panel in figure.panels:
            for series in panel.series:
                assert len(series.x) == len(series.y)
                assert 0 <= series.colour <= 7
                assert all(math.isfinite(value) for value in (*series.x, *series.y))
                if panel.y_scale == "log":
                    assert min(series.y, default=1.0) > 0


def test_parameters_are_plain_json(runs):
    text = json.dumps(parameters(runs), allow_nan=False)
    assert "Adam" in text
    assert "2205.13863" in text


def test_the_ramp_of_the_gap_alone_can_raise_the_clean_error(runs):
    # theory.md 3.1 takes the ramp γ = 8 here; the population is more than 2δ = 2 apart, and f_clean is right.
    line = runs.comparisons[-1]
    capped = replace(RepresentationRuns(0), comparisons=(line,))
    wide = clean_error._ramp_as_wide_as_gap(capped)
    assert clean_error.check_clean_test_error(capped, 0.0).measurement.interval.high == 0.0
    measured = clean_error.check_clean_test_error(wide, 0.0).measurement.interval
    assert measured.low == measured.high == 1 / 3
    built = line.built
    told = memorize(built.data, built.perturbation_radius, built.norm_order, built.clean, ramp_width=7.9)
    changed = replace(runs, comparisons=(replace(line, built=told),))
    assert judged(ENTRY["theorem_2.clean_test_error"], changed).outcome is Outcome.OUT_OF_SCOPE


def test_a_population_closer_than_two_radii_is_out_of_scope(runs):
    close = training_set([[1.5]], [-1])  # 1.5 < 2δ from the positive point
    changed = replace(runs, comparisons=(replace(runs.comparisons[-1], population=close),))
    assert judged(ENTRY["theorem_2.clean_test_error"], changed).outcome is Outcome.OUT_OF_SCOPE


def test_training_points_closer_than_two_radii_are_out_of_scope(runs):
    entry = runs.memorizers[0]
    wide = replace(entry, built=replace(entry.built, perturbation_radius=0.5))
    changed = replace(runs, memorizers=(wide, *runs.memorizers[1:]))
    assert judged(ENTRY["theorem_2.robust_train_error"], changed).outcome is Outcome.OUT_OF_SCOPE


def test_an_offset_of_the_radius_is_out_of_scope(runs):
    flat = replace(runs.exact_errors[0], offset=runs.exact_errors[0].perturbation_radius)
    changed = replace(runs, exact_errors=(flat, *runs.exact_errors[1:]))
    assert judged(ENTRY["theorem_2.robust_test_error"], changed).outcome is Outcome.OUT_OF_SCOPE
    far = replace(runs, hierarchy=replace(runs.hierarchy, perturbation_radius=0.5))
    for label in ("theorem_2.hierarchy", "theorem_2.hierarchy_any_graph"):
        assert judged(ENTRY[label], far).outcome is Outcome.OUT_OF_SCOPE


def test_an_undecided_corner_is_refused(runs):
    entry = replace(runs.exact_errors[0], mismatch=runs.exact_errors[0].mismatch + 1)
    changed = replace(runs, exact_errors=(entry,))
    assert judged(ENTRY["theorem_2.robust_test_error"], changed).outcome is Outcome.REFUTED


def test_a_hierarchy_ladder_that_ends_too_early_does_not_pass(runs):
    short = replace(runs.hierarchy, networks=runs.hierarchy.networks[:10])
    changed = replace(runs, hierarchy=short)
    assert judged(ENTRY["theorem_2.hierarchy"], changed).outcome is Outcome.INCONCLUSIVE


def test_same_seed_same_numbers(runs):
    again = gathering._exact_errors(SMALL, 0)
    assert again == runs.exact_errors
    ladders = gathering._ladders(0)
    counts = [[net.circuit.structural_count for net in entry.networks] for entry in ladders]
    assert counts == [[net.circuit.structural_count for net in entry.networks] for entry in runs.ladders]


def test_the_budget_is_split_over_statistical_claims():
    ledger = FailureLedger(1e-3, STATISTICAL)
    assert len(STATISTICAL) == 2
    assert np.isclose(ledger.share("theorem_2.robust_lower_bound"), 5e-4)


@pytest.mark.parametrize("label", ["theorem_2.hierarchy", "theorem_2.robust_lower_bound"])
def test_no_claim_speaks_of_every_robust_net(label):
    # Parity has a robust net with 9(D-1) parameters: the bound is for one fixed graph and the worst labelling.
    entry = ENTRY[label].claim
    assert "every robust net" not in entry.statement
    assert "one fixed graph" in entry.statement.lower()
    assert "every labelling" in entry.statement
    assert "graph" in entry.limitations
    assert "parity" in entry.statement + entry.limitations


def test_both_crossings_have_a_claim():
    assert "graph may depend on the labels" in ENTRY["theorem_2.hierarchy_any_graph"].claim.statement


def test_the_calculator_says_whose_parameters_it_bounds():
    answer = robust_size(27, num_samples=1797, error_share=0.1)
    said = " ".join([*(entry.statement for entry in answer.conditions), answer["hierarchy_dimension"].note])
    assert "one fixed graph" in said
    assert "parity" in said


@pytest.mark.parametrize("seed", [310001, 880003, 884500, 884501])
def test_a_flipped_label_is_noticed_whatever_the_clean_classifier_says_there(seed):
    """Entered once with the other sign, it left an output of exactly 0 at the seeds 310001 and 880003."""
    first, *_ = gathering._comparisons(seed)
    altered = clean_error._labels_flipped(RepresentationRuns(seed, comparisons=(first,)))
    difference = clean_error._clean_difference(altered.comparisons[0])
    assert difference.low == difference.high > 0.0
