"""The claims on the torus at small sizes: outcomes, negative controls, figures, and what must be inconclusive."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from rechecking import judge_claim, judge_control

from cgro_theory.claims import Interval, Outcome
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_3_global_flatness import claims
from cgro_theory.theorems.theorem_3_global_flatness.claims.flatness import check_form, ratio
from cgro_theory.theorems.theorem_3_global_flatness.claims.forms import bound_ends, global_bound, local_bound
from cgro_theory.theorems.theorem_3_global_flatness.runs import making, networks, samples
from cgro_theory.theorems.theorem_3_global_flatness.runs.constructed import (
    distance_case,
    flat_inside_case,
    sine_gain,
)
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import FlatnessRuns, TorusRuns
from cgro_theory.theorems.theorem_3_global_flatness.runs.networks import Group
from cgro_theory.theorems.theorem_3_global_flatness.runs.profiles import SIZES

ENTRIES = {entry.label: entry for entry in claims.CHECKED if entry.label.startswith("theorem_3.")}
LABELS = tuple(ENTRIES)
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
    monkeypatch.setitem(making.SIZES, "quick", SMALL)
    sets = frozenset(name for label in labels for name in ENTRIES[label].needs)
    return claims.gather(RunRequest("quick", 0, "cpu", frozenset(labels), progress, sets))


@pytest.fixture(scope="module")
def runs():
    patch = pytest.MonkeyPatch()
    gathered = small_gather(patch, LABELS)
    yield gathered
    patch.undo()


def outcome(label, runs):
    return judge_claim(ENTRIES[label].claim, ENTRIES[label].check, runs, 1e-4).outcome


def with_cases(runs, *cases):
    """The runs with these cases of trained f and no other."""
    return replace(
        runs,
        torus=replace(runs.torus, overfit=cases, moderate_line=(), moderate_space=(), constructed=()),
    )


@pytest.mark.parametrize("label", LABELS)
def test_every_claim_passes_at_small_size_and_calls_a_sample_no_certificate(label, runs):
    assert outcome(label, runs) is Outcome.CONSISTENT


@pytest.mark.parametrize(
    ("entry", "control"),
    [(entry, control) for entry in ENTRIES.values() for control in entry.controls],
    ids=lambda value: getattr(value, "label", None) or value.name,
)
def test_every_negative_control_is_refuted(entry, control, runs):
    verdict = judge_control(entry.claim, entry.check, runs, 1e-4, control)
    assert verdict.outcome is Outcome.REFUTED, verdict


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("empty", [FlatnessRuns(None, None), FlatnessRuns(TorusRuns("quick", 0), None)])
def test_without_runs_nothing_passes(label, empty):
    assert outcome(label, empty) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("label", ["theorem_3.total_variation", "theorem_3.rate"])
def test_a_kernel_that_overlaps_itself_is_out_of_scope(label, runs):
    ladder = runs.torus.rate_ladders[0]
    wide = replace(ladder, bandwidths=(0.6, *ladder.bandwidths[1:]))
    changed = replace(runs, torus=replace(runs.torus, rate_ladders=(wide, *runs.torus.rate_ladders[1:])))
    assert outcome(label, changed) is Outcome.OUT_OF_SCOPE


@pytest.mark.parametrize("label", ["theorem_3.flatness_bound", "theorem_3.local_form"])
@pytest.mark.parametrize("range_of_loss", [Interval(-0.1, 1.0), Interval(0.0, 1.1)])
def test_a_loss_outside_its_bound_is_out_of_scope(label, range_of_loss, runs):
    case = replace(runs.torus.overfit[0], loss_range=range_of_loss)
    assert outcome(label, with_cases(runs, case)) is Outcome.OUT_OF_SCOPE


def test_only_what_was_asked_is_gathered(monkeypatch):
    steps = []
    found = small_gather(monkeypatch, {"theorem_3.vacuity"}, lambda name, fraction: steps.append((name, fraction)))
    assert found.landscape is None
    assert {(case.kind, case.input_dimension) for case in found.torus.trained} == {("moderate", 1)}
    assert not found.torus.gains
    assert not found.torus.rate_ladders
    assert not found.torus.variations
    assert outcome("theorem_3.vacuity", found) is Outcome.CONSISTENT
    assert all(0.0 <= fraction <= 1.0 for _, fraction in steps)


@pytest.mark.parametrize("label", LABELS)
def test_a_check_looks_at_what_it_needs_and_at_nothing_else(label, runs):
    entry = ENTRIES[label]
    others = dict.fromkeys(set(making.TORUS_SETS) - set(entry.needs), ())
    alone = replace(runs, torus=replace(runs.torus, **others))
    assert entry.check(alone, 1e-4) == entry.check(runs, 1e-4)
    for control in entry.controls:
        assert judge_control(entry.claim, entry.check, alone, 1e-4, control).outcome is Outcome.REFUTED
    for name in entry.needs:
        without = replace(runs, torus=replace(runs.torus, **{name: ()}))
        assert entry.check(without, 1e-4) != entry.check(runs, 1e-4)


def test_attacks_alone_leave_the_cases_unmeasured(monkeypatch, runs):
    monkeypatch.setattr(making, "groups_of", lambda sizes: [Group("overfit", 1, 5)])
    found = small_gather(monkeypatch, {"theorem_3.clean_to_robust_gap"})
    assert not found.torus.trained
    own = [gain for gain in runs.torus.gains if gain.input_dimension == 1]
    assert [gain in own for gain in found.torus.gains] == [True] * (len(networks.GAIN_RADII[1]) + 1)


def test_same_seed_same_cases(runs):
    again, _ = networks.measure_group(Group("overfit", 2, 10), SMALL, 0, cases=True, gains=False)
    assert again == [case for case in runs.torus.overfit if case.input_dimension == 2]


def test_base_seeds_share_no_sample(monkeypatch):
    """No two samples or trainings of one verification, or of two, start from one generator."""
    drawn = []

    def no_training(samples, radius, recipe, seed):
        drawn.append(("training", seed))
        return []

    generator = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed: drawn.append(str(seed)) or generator(seed))
    monkeypatch.setattr(networks, "train_networks", no_training)
    monkeypatch.setattr(samples, "variation_ends", lambda *_: Interval(0.0, 1.0))
    for base in (9000, 9001, 9003):
        samples.make_variations(VARIED, base)
        for group in (
            Group("moderate", 1, 5),
            Group("overfit", 1, 5),
            Group("overfit", 1, 6),
            Group("overfit", 2, 5),
        ):
            with pytest.raises(ValueError, match="zip"):  # no network was trained
                networks.measure_group(group, VARIED, base, cases=True, gains=False)
    assert len(drawn) == 3 * (5 * 4 + 4 * 3)
    assert len(set(drawn)) == len(drawn)


def test_a_certified_violation_stands_beside_a_loose_case(runs):
    trained = [case for case in runs.torus.trained if case.input_dimension == 1]
    loose = replace(trained[0], global_flatness=Interval(1.0, 2.0))
    violated = replace(trained[1], gap=Interval(1e3, 1e3))
    for cases, expected in (((loose,), Outcome.INCONCLUSIVE), ((loose, violated), Outcome.REFUTED)):
        assert outcome("theorem_3.flatness_bound", with_cases(runs, *cases)) is expected


def test_certified_flatness_is_near_the_sampled_one(runs):
    for case in (*runs.torus.trained, *runs.torus.constructed):
        if case.input_dimension <= 2:
            assert 1.0 <= case.certified_over_sampled <= 1.5, case
        assert case.global_flatness.low <= case.global_flatness.high


def test_the_overfit_f_has_a_visible_gap(runs):
    overfit = runs.torus.overfit
    assert min(case.sample_loss.high for case in overfit) < 0.01
    assert max(case.gap.low for case in overfit) > 0.4


def test_figures_are_complete_and_plain(runs):
    figures = claims.figures(runs)
    names = {figure.name for figure in figures}
    assert names == {"theorem_3_bound", "theorem_3_flatness", "theorem_3_total_variation"}
    for figure in figures:
        for panel in figure.panels:
            for series in panel.series:
                assert len(series.x) == len(series.y)
                assert all(math.isfinite(value) and value > 0.0 for value in (*series.x, *series.y))


def test_parameters_are_plain_json(runs):
    text = json.dumps(claims.parameters(runs), allow_nan=False)
    assert "cubes per axis" in text


def test_the_local_constant_is_attained_up_to_one_per_cent():
    case = distance_case()
    assert ratio(case.gap, local_bound(case)).low > 0.98
    assert ratio(case.gap, local_bound(case)).high < 1.0
    # The global form loses a factor of two on it, so a quarter of the constant is refuted.
    assert ratio(case.gap, global_bound(case)).low > 0.49
    # By hand: slope·(0.9 - 0.405)·h over slope·h/2.
    assert case.gap.low <= 0.495 <= case.gap.high


def test_radius_inside_the_ball_bounds_nothing():
    case = flat_inside_case()
    assert case.inner_flatness.high < 1e-6
    assert case.sample_loss.high < 1e-8
    inside = bound_ends(case, case.inner_flatness, case.variation, local=True)
    assert ratio(case.gap, inside).low > 100.0
    assert ratio(case.gap, local_bound(case)).high < 1.0


def test_sine_gain_is_its_closed_form():
    case, radius = sine_gain(), 0.1
    exact = radius + math.sin(2 * math.pi * radius) / (2 * math.pi)
    assert case.gain.low <= exact <= case.gain.high
    assert case.mean_gradient.low <= 2.0 <= case.mean_gradient.high
    assert case.gain.high < radius * case.mean_gradient.low


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


def test_a_bracket_that_is_too_wide_is_inconclusive(runs):
    case = runs.torus.overfit[0]
    wide = replace(case, gap=Interval(-1.0, 1e3))
    assert outcome("theorem_3.local_form", with_cases(runs, wide)) is Outcome.INCONCLUSIVE
    violated = replace(case, gap=Interval(1e3, 1e3))
    pair = check_form(with_cases(runs, violated).torus, 0.0, local_bound)
    assert dict(pair.measurement.notes)["violations"] == 1.0


@pytest.mark.slow
def test_the_full_profile_has_two_hundred_cases_without_violation():
    labels = ("theorem_3.flatness_bound", "theorem_3.local_form")
    sets = frozenset(ENTRIES[labels[0]].needs)
    found = claims.gather(RunRequest("full", 0, "cpu", frozenset(labels), lambda *_: None, sets))
    assert len((*found.torus.trained, *found.torus.constructed)) >= 200
    for label in labels:
        assert outcome(label, found) is Outcome.CONSISTENT
