"""The synthetic side at small sizes: outcomes, planted faults, figures, and what must come out inconclusive."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from cgro_theory.claims import Interval, Outcome
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_3_global_flatness.claims import measurement, synthetic_statement
from cgro_theory.theorems.theorem_3_global_flatness.claims.bound_checks import (
    check_local_form,
    global_bound,
    local_bound,
    ratio,
)
from cgro_theory.theorems.theorem_3_global_flatness.claims.measurement import FlatnessEvidence
from cgro_theory.theorems.theorem_3_global_flatness.runs import making as gathering
from cgro_theory.theorems.theorem_3_global_flatness.runs.constructed import (
    distance_case,
    flat_inside_case,
    sine_gain,
)
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import BoundForm, SyntheticEvidence
from cgro_theory.theorems.theorem_3_global_flatness.runs.profiles import SIZES
from cgro_theory.theorems.verification import judge_claim, judge_control

CLAIM = {entry.label: entry for entry in synthetic_statement.CLAIMS}
LABELS = tuple(CLAIM)
STATISTICAL = {entry.label for entry in synthetic_statement.CLAIMS if entry.statistical}
SMALL = replace(
    SIZES["quick"],
    moderate_samples={1: (1000, 100_000), 2: (1000,), 3: (1000,)},
    overfit_samples={1: (5,), 2: (10,), 3: (16,)},
    seeds=1,
    ladder_sizes=(100, 1000, 10_000, 100_000),
    ladder_seeds={1: (200, 100, 60, 20), 2: (12, 12, 6, 6), 3: (12, 12, 6, 6)},
    queries=500,
    variation_seeds=40,
)
VARIED = replace(SMALL, variation_seeds=4, seeds=2)


def small_gather(monkeypatch, labels, progress=lambda *_: None):
    monkeypatch.setitem(gathering.SIZES, "quick", SMALL)
    return measurement.gather(RunRequest("quick", 0, "cpu", frozenset(labels), progress))


@pytest.fixture(scope="module")
def evidence():
    patch = pytest.MonkeyPatch()
    gathered = small_gather(patch, LABELS)
    yield gathered
    patch.undo()


def outcome(label, evidence):
    return judge_claim(CLAIM[label], measurement.CHECKS[label], evidence, 1e-4).outcome


@pytest.mark.parametrize("label", LABELS)
def test_every_claim_passes_at_small_size(label, evidence):
    assert outcome(label, evidence) is (Outcome.CONSISTENT if label in STATISTICAL else Outcome.CERTIFIED)


@pytest.mark.parametrize(
    ("label", "fault"),
    [(label, fault) for label in LABELS for fault in measurement.FAULTS[label]],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_planted_fault_is_refuted(label, fault, evidence):
    verdict = judge_control(CLAIM[label], measurement.CHECKS[label], evidence, 1e-4, fault)
    assert verdict.outcome is Outcome.REFUTED, verdict


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(
    "empty", [FlatnessEvidence(None, None), FlatnessEvidence(SyntheticEvidence("quick", 0), None)]
)
def test_without_evidence_nothing_passes(label, empty):
    assert outcome(label, empty) is Outcome.INCONCLUSIVE


def test_only_what_was_asked_is_gathered(monkeypatch):
    steps = []
    found = small_gather(monkeypatch, {"theorem_3.vacuity"}, lambda name, share: steps.append((name, share)))
    assert found.landscape is None
    assert {(case.kind, case.input_dimension) for case in found.synthetic.cases} == {("moderate", 1)}
    assert not found.synthetic.ladders
    assert not found.synthetic.variations
    assert outcome("theorem_3.vacuity", found) is Outcome.CERTIFIED
    assert all(0.0 <= share <= 1.0 for _, share in steps)


def test_same_seed_same_cases(monkeypatch, evidence):
    monkeypatch.setitem(gathering.SIZES, "quick", SMALL)
    again, _ = gathering._group_cases("overfit", 2, 10, SMALL, 0, False)
    assert again == [
        case for case in evidence.synthetic.cases if (case.kind, case.input_dimension) == ("overfit", 2)
    ]


def test_base_seeds_share_no_sample(monkeypatch):
    """No two samples or trainings of one verification, or of two, start from one generator."""
    drawn = []

    def no_training(samples, radius, recipe, seed):
        drawn.append(("training", seed))
        return []

    generator = np.random.default_rng
    monkeypatch.setattr(
        gathering.np.random, "default_rng", lambda seed: drawn.append(str(seed)) or generator(seed)
    )
    monkeypatch.setattr(gathering, "train_networks", no_training)
    monkeypatch.setattr(gathering, "_variation", lambda *_: Interval(0.0, 1.0))
    for base in (9000, 9001, 9003):
        gathering._variations(VARIED, base)
        for kind, dimension, count in (
            ("moderate", 1, 5),
            ("overfit", 1, 5),
            ("overfit", 1, 6),
            ("overfit", 2, 5),
        ):
            with pytest.raises(ValueError, match="zip"):  # no network was trained
                gathering._group_cases(kind, dimension, count, VARIED, base, False)
    assert len(drawn) == 3 * (5 * 4 + 4 * 3)
    assert len(set(drawn)) == len(drawn)


def test_a_certified_violation_stands_beside_a_loose_case(evidence):
    trained = [
        case for case in evidence.synthetic.cases if case.kind != "constructed" and case.input_dimension == 1
    ]
    loose = replace(trained[0], global_flatness=Interval(1.0, 2.0))
    violated = replace(trained[1], gap=Interval(1e3, 1e3))
    for cases, expected in (((loose,), Outcome.INCONCLUSIVE), ((loose, violated), Outcome.REFUTED)):
        changed = FlatnessEvidence(replace(evidence.synthetic, cases=cases), None)
        assert outcome("theorem_3.flatness_bound", changed) is expected


def test_certified_flatness_is_near_the_sampled_one(evidence):
    for case in evidence.synthetic.cases:
        if case.input_dimension <= 2:
            assert 1.0 <= case.certified_over_sampled <= 1.5, case.name
        assert case.global_flatness.low <= case.global_flatness.high


def test_the_overfit_f_has_a_visible_gap(evidence):
    overfit = [case for case in evidence.synthetic.cases if case.kind == "overfit"]
    assert min(case.sample_loss.high for case in overfit) < 0.01
    assert max(case.gap.low for case in overfit) > 0.4


def test_figures_are_complete_and_plain(evidence):
    figures = measurement.figures(evidence)
    names = {figure.name for figure in figures}
    assert names == {"theorem_3_bound", "theorem_3_flatness", "theorem_3_total_variation"}
    for figure in figures:
        for panel in figure.panels:
            for series in panel.series:
                assert len(series.x) == len(series.y)
                assert all(math.isfinite(value) and value > 0.0 for value in (*series.x, *series.y))


def test_parameters_are_plain_json(evidence):
    text = json.dumps(measurement.parameters(evidence), allow_nan=False)
    assert "cubes per axis" in text


def test_the_local_constant_is_attained_up_to_one_per_cent():
    case, form = distance_case(), BoundForm()
    assert ratio(case.gap, local_bound(case, form)).low > 0.98
    assert ratio(case.gap, local_bound(case, form)).high < 1.0
    # The global form loses a factor of two on it, so a quarter of the constant is refuted.
    assert ratio(case.gap, global_bound(case, form)).low > 0.49
    # By hand: slope·(0.9 - 0.405)·h over slope·h/2.
    assert case.gap.low <= 0.495 <= case.gap.high


def test_radius_inside_the_ball_bounds_nothing():
    case = flat_inside_case()
    assert case.inner_flatness.high < 1e-6
    assert case.sample_loss.high < 1e-8
    assert ratio(case.gap, local_bound(case, BoundForm(reaches_out=False))).low > 100.0
    assert ratio(case.gap, local_bound(case, BoundForm())).high < 1.0


def test_sine_gain_is_its_closed_form():
    case, radius = sine_gain(), 0.1
    exact = radius + math.sin(2 * math.pi * radius) / (2 * math.pi)
    assert case.gain.low <= exact <= case.gain.high
    assert case.first_order.low <= 2 * radius <= case.first_order.high
    assert case.gain.high < case.first_order.low


@pytest.mark.parametrize(
    ("gap", "bound", "expected"),
    [
        (Interval(0.2, 0.4), Interval(0.5, 1.0), Interval(0.2, 0.8)),
        (Interval(-0.2, 0.4), Interval(0.5, 1.0), Interval(-0.4, 0.8)),
        (Interval(-0.2, -0.1), Interval(0.5, 1.0), Interval(-0.4, -0.1)),
        (Interval(0.1, 0.2), Interval(0.0, 1.0), Interval(0.1, math.inf)),
        (Interval(0.1, 0.2), Interval(0.0, 0.0), Interval(math.inf, math.inf)),
    ],
)
def test_ratio_takes_the_adverse_ends(gap, bound, expected):
    found = ratio(gap, bound)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_a_bracket_that_is_too_wide_is_inconclusive(evidence):
    case = evidence.synthetic.cases[0]
    wide = replace(case, gap=Interval(-1.0, 1e3))
    changed = FlatnessEvidence(replace(evidence.synthetic, cases=(wide,)), None)
    assert outcome("theorem_3.local_form", changed) is Outcome.INCONCLUSIVE
    violated = replace(case, gap=Interval(1e3, 1e3))
    pair = check_local_form(replace(evidence.synthetic, cases=(violated,)), 0.0)
    assert dict(pair.measurement.notes)["violations"] == 1.0


@pytest.mark.slow
def test_the_full_profile_has_two_hundred_cases_without_violation():
    request = RunRequest("full", 0, "cpu", frozenset({"theorem_3.flatness_bound"}), lambda *_: None)
    found = measurement.gather(request)
    assert len(found.synthetic.cases) >= 200
    for label in ("theorem_3.flatness_bound", "theorem_3.local_form"):
        assert outcome(label, found) is Outcome.CERTIFIED
