"""The landscape's checks on made evidence, where the right outcome is known, and on small real runs."""

import dataclasses
import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cgro_theory.claims import Outcome
from cgro_theory.theorems.landscape.claims import measurement, statement
from cgro_theory.theorems.landscape.claims.checks import CHECKS, spearman
from cgro_theory.theorems.landscape.runs import training as gathering
from cgro_theory.theorems.landscape.runs.profiles import MAIN_WIDTH, SIZES
from cgro_theory.theorems.landscape.runs.trained import (
    LandscapeEvidence,
    ReachedError,
    WidthRoles,
)
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.verification import judge_claim, judge_control
from cgro_theory.vision.attack import AscentBudget
from cgro_theory.vision.experiment import ExperimentRecord, Moment
from cgro_theory.vision.landscape import Landscape
from cgro_theory.vision.training import TrainingRecipe

CLAIM = {entry.label: entry for entry in statement.CLAIMS}
LABELS = tuple(CLAIM)
FLAT, LOCAL, GAP, CAPACITY = LABELS
RADII = (0.1, 0.2, 0.4)
EPOCHS = (25, 50, 75, 100)


def around(norms, changes, wrong_share, count=20, radii=RADII):
    """Every image alike, except that a share of them is wrong."""
    wrong = np.arange(count) < round(wrong_share * count)
    return Landscape(
        radii,
        np.repeat(np.asarray(norms, float)[:, None], count, axis=1),
        np.repeat(np.asarray(changes, float)[:, None], count, axis=1),
        np.repeat(wrong[None], len(radii), axis=0),
        np.full(count, 0.01),
        np.zeros(count, bool),
    )


def record(
    seed, width, *, growth=5.0, train_errors=(0.8, 0.4, 0.2, 0.05), test_errors=(0.8, 0.7, 0.65, 0.65), **more
):
    """A made run: C_r = r^growth, F_r its derivative; local flatness falls and global flatness rises in time."""
    jitter = np.random.default_rng([seed, width]).normal(0.0, 0.01)
    powers = [radius ** (growth + jitter) for radius in RADII]
    norms = [growth * radius ** (growth - 1.0 + jitter) for radius in RADII]
    local, world = more.get("local", (40, 20, 15, 10)), more.get("world", (41, 50, 60, 80))
    moments = tuple(
        Moment(
            epoch,
            around([a * math.exp(jitter)], [1.0], train, radii=(0.2,)),
            around([b * math.exp(jitter)], [1.0], test, radii=(0.2,)),
        )
        for epoch, a, b, train, test in zip(EPOCHS, local, world, train_errors, test_errors, strict=True)
    )
    final = Moment(100, around(norms, powers, train_errors[-1]), around(norms, powers, test_errors[-1]))
    radius = more.get("radius", 0.2)
    recipe = TrainingRecipe(radius=radius, width=width, epochs=100)
    return ExperimentRecord("made", recipe, seed, 20, 20, 100, moments, final, 0.05, 1.0, 1.0)


def made_evidence(**more):
    seeds = range(6)
    main = [record(seed, MAIN_WIDTH, **more) for seed in seeds]
    narrow = [record(seed, 4, train_errors=(0.9, 0.8, 0.7, 0.6), world=(20, 22, 24, 30)) for seed in seeds]
    ladder = [
        record(seed, width, train_errors=(train,) * 4, test_errors=(test,) * 4)
        for width, train, test in ((1, 0.6, 0.8), (8, 0.0, 0.5), (32, 0.0, 0.4))
        for seed in seeds
    ]
    errors = [run.final.train.robust_error(0.2) for run in main]
    return LandscapeEvidence(
        "quick",
        0,
        0.2,
        MAIN_WIDTH,
        runs=(*narrow, *main),
        controls=tuple(record(seed, MAIN_WIDTH, growth=1.2) for seed in seeds),
        reached=tuple(ReachedError(MAIN_WIDTH, seed, error) for seed, error in zip(seeds, errors, strict=True)),
        ladder=tuple(ladder),
        ladder_reached=tuple(ReachedError(8, seed, 0.0) for seed in seeds),
        roles=WidthRoles(1, 8, 32),
    )


def outcome(label, evidence, probability=1e-4):
    return judge_claim(CLAIM[label], CHECKS[label], evidence, probability).outcome


@pytest.mark.parametrize("label", LABELS)
def test_made_evidence_in_favour_is_consistent(label):
    assert outcome(label, made_evidence()) is Outcome.CONSISTENT


@pytest.mark.parametrize(
    ("label", "fault"),
    [(label, fault) for label, faults in measurement.FAULTS.items() for fault in faults],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_planted_fault_is_refuted(label, fault):
    verdict = judge_control(CLAIM[label], CHECKS[label], made_evidence(), 1e-4, fault)
    assert verdict.outcome is Outcome.REFUTED, verdict


@given(st.floats(0.3, 8.0))
def test_growth_exponent_is_read_off_exactly(growth):
    pair = CHECKS[FLAT](made_evidence(growth=growth), 1e-4)
    assert pair.measurement.estimate == pytest.approx(growth, abs=0.05)
    verdict = outcome(FLAT, made_evidence(growth=growth))
    if growth > 2.1:
        assert verdict is Outcome.CONSISTENT
    if growth < 1.9:
        assert verdict is Outcome.REFUTED


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Outcome.CONSISTENT),
        ({"local": (40, 20, 22, 25)}, Outcome.REFUTED),
        ({"world": (41, 50, 45, 40)}, Outcome.REFUTED),
        ({"test_errors": (0.8, 0.7, 0.4, 0.3)}, Outcome.REFUTED),
    ],
)
def test_each_of_the_three_changes_counts(changes, expected):
    assert outcome(LOCAL, made_evidence(**changes)) is expected


def with_ladder(errors):
    """Evidence whose ladder has the given (train, test) errors per width."""
    runs = [
        record(seed, width, train_errors=(train,) * 4, test_errors=(test,) * 4)
        for width, (train, test) in errors.items()
        for seed in range(6)
    ]
    return replace(made_evidence(), ladder=tuple(runs))


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ({1: (0.6, 0.8), 8: (0.0, 0.5), 32: (0.0, 0.4)}, Outcome.CONSISTENT),
        ({1: (0.6, 0.8), 8: (0.0, 0.5), 32: (0.0, 0.6)}, Outcome.REFUTED),
        ({1: (0.6, 0.8), 8: (0.0, 0.1), 32: (0.0, 0.0)}, Outcome.REFUTED),
        ({1: (0.0, 0.2), 8: (0.1, 0.5), 32: (0.0, 0.2)}, Outcome.REFUTED),
    ],
)
def test_each_part_of_capacity_counts(errors, expected):
    assert outcome(CAPACITY, with_ladder(errors)) is expected


@pytest.mark.parametrize("label", LABELS)
def test_a_training_that_missed_its_target_is_an_outcome_and_decides_nothing(label):
    unfitted = (ReachedError(24, 3, 0.25),)
    evidence = replace(made_evidence(), reached=unfitted, ladder_reached=unfitted)
    verdict = judge_claim(CLAIM[label], CHECKS[label], evidence, 1e-4)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "0.250 > 0.1 at width 24, seed 3" in verdict.reason
    assert CLAIM[label].assumptions == ()


@pytest.mark.parametrize("label", LABELS)
def test_nothing_passes_without_evidence(label):
    empty = LandscapeEvidence("quick", 0, 0.2, MAIN_WIDTH)
    assert outcome(label, empty) is Outcome.INCONCLUSIVE
    one = made_evidence()
    one = replace(
        one,
        runs=tuple(run for run in one.runs if run.seed == 0),
        ladder=tuple(run for run in one.ladder if run.seed == 0),
    )
    assert outcome(label, one) is Outcome.INCONCLUSIVE
    assert outcome(label, replace(made_evidence(), failures=("run 3 diverged",))) is Outcome.INCONCLUSIVE


def test_a_measure_that_is_no_number_is_inconclusive():
    evidence = made_evidence()
    first = evidence.runs[-1]
    broken = replace(first.final.train, max_loss_change=first.final.train.max_loss_change * math.nan)
    run = replace(first, final=replace(first.final, train=broken))
    assert outcome(FLAT, replace(evidence, runs=(*evidence.runs[:-1], run))) is Outcome.INCONCLUSIVE
    nan_reached = replace(evidence, reached=(ReachedError(24, 1, 0.3), ReachedError(24, 0, math.nan)))
    verdict = judge_claim(CLAIM[FLAT], CHECKS[FLAT], nan_reached, 1e-4)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "seed 0 (2 of 2 runs)" in verdict.reason


def test_no_interval_leaves_the_range_of_its_quantity():
    """Correlations near 1: Student's interval of their mean reaches beyond 1, where no correlation lies."""
    evidence = made_evidence()
    other = record(0, 4, train_errors=(0.9, 0.8, 0.7, 0.6), world=(30, 24, 22, 20))
    changed = replace(evidence, runs=(other, *evidence.runs[1:]))
    assert CHECKS[GAP](changed, 1e-4).measurement.interval.high == 1.0
    for each in (evidence, changed):
        for label in LABELS:
            found = CHECKS[label](each, 1e-4).measurement
            assert CLAIM[label].natural_range.contains(found.interval), label
            assert found.interval.low <= found.estimate <= found.interval.high
    steep = [(0.9, 0.0), (1.0, 0.0), (1.0, 0.0), (0.8, 0.1)]
    ladder = [
        record(seed, width, train_errors=(a,) * 4, test_errors=(b,) * 4)
        for seed, (a, b) in enumerate(steep)
        for width in (1, 8, 32)
    ]
    notes = dict(CHECKS[CAPACITY](replace(evidence, ladder=tuple(ladder)), 1e-4).measurement.notes)
    assert all(-1.0 <= value <= 1.0 for name, value in notes.items() if name.endswith((": low", ": high")))


def test_one_training_that_missed_its_target_is_not_left_out():
    evidence = made_evidence()
    for place in (0, -1):
        reached = list(evidence.reached)
        reached[place] = replace(reached[place], robust_train_error=0.5)
        for label in (FLAT, LOCAL, GAP):
            assert outcome(label, replace(evidence, reached=tuple(reached))) is Outcome.INCONCLUSIVE


def test_base_seeds_share_no_run():
    def seeds_of(base):
        request = RunRequest("quick", base, "cpu", frozenset(LABELS), lambda *_: None)
        return {(job.kind == "ladder", job.seed) for job in gathering._jobs(SIZES["quick"], request)}

    own = seeds_of(9000)
    assert len(own) == SIZES["quick"].seeds + SIZES["quick"].ladder_seeds
    assert len({seed for _, seed in own}) == len(own)
    request = RunRequest("quick", 9000, "cpu", frozenset({FLAT}), lambda *_: None)
    by_kind = {"run": set(), "control": set()}
    for job in gathering._jobs(SIZES["quick"], request):
        by_kind[job.kind].add(job.seed)
    assert by_kind["control"] == by_kind["run"]  # the fault that judges controls has the claim's resolution
    assert not {s for _, s in own} & {s for base in (9001, 9002, 9009) for _, s in seeds_of(base)}


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=12))
def test_spearman_agrees_with_scipy(points):
    first, second = zip(*points, strict=True)
    own = spearman(points)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert math.isnan(own)
    else:
        assert own == pytest.approx(float(stats.spearmanr(first, second).statistic), abs=1e-12)
    assert math.isnan(spearman(points[:2]))


SMALL = replace(
    SIZES["quick"],
    seeds=3,
    main=replace(SIZES["quick"].main, train_size=30, test_size=20, epochs=6, batch_size=15),
    widths=(2, MAIN_WIDTH),
    budget=AscentBudget(1),
    final_budget=AscentBudget(1, 2),
    ladder=replace(SIZES["quick"].ladder, train_size=20, test_size=20, epochs=2, batch_size=20),
    ladder_seeds=2,
    ladder_widths=(1, 2, 3),
    roles=WidthRoles(1, 2, 3),
)


@pytest.fixture(scope="module")
def small():
    patch = pytest.MonkeyPatch()
    patch.setitem(gathering.SIZES, "quick", SMALL)
    shares = []
    request = RunRequest("quick", 0, "cpu", frozenset(LABELS), lambda name, share: shares.append(share))
    gathered = measurement.gather(request)
    patch.undo()
    assert shares == sorted(shares)
    return gathered


@pytest.mark.parametrize("label", LABELS)
def test_hardly_trained_networks_decide_nothing(label, small):
    assert outcome(label, small) is Outcome.INCONCLUSIVE


def test_evidence_can_be_sent_between_processes(small):
    returned = pickle.loads(pickle.dumps(small))
    for label in LABELS:
        a, b = CHECKS[label](small, 1e-4), CHECKS[label](returned, 1e-4)
        assert repr(a) == repr(b)  # notes may hold NaN, which equals nothing


def test_only_what_was_asked_is_trained():
    patch = pytest.MonkeyPatch()
    patch.setitem(gathering.SIZES, "quick", SMALL)
    kinds = {}
    for label in (*LABELS, "theorem_3.rate"):
        request = RunRequest("quick", 0, "cpu", frozenset({label}), lambda *_: None)
        kinds[label] = {(job.kind, job.width) for job in gathering._jobs(SMALL, request)}
    patch.undo()
    assert kinds[FLAT] == {("run", MAIN_WIDTH), ("control", MAIN_WIDTH)}
    assert kinds[LOCAL] == {("run", MAIN_WIDTH)}
    assert kinds[GAP] == {("run", 2), ("run", MAIN_WIDTH)}
    assert kinds[CAPACITY] == {("ladder", 1), ("ladder", 2), ("ladder", 3)}
    assert kinds["theorem_3.rate"] == set()


def test_figures_and_parameters_are_plain(small):
    figures = measurement.figures(small)
    assert {figure.name for figure in figures} == {
        "landscape_radius",
        "landscape_epochs",
        "landscape_gap",
        "landscape_capacity",
    }
    for figure in figures:
        for panel in figure.panels:
            for series in panel.series:
                assert len(series.x) == len(series.y) > 0
                assert all(math.isfinite(value) for value in (*series.x, *series.y))
                if panel.x_scale == "log":
                    assert min(series.x) > 0
    json.dumps(measurement.parameters(small), allow_nan=False)
    assert measurement.figures(LandscapeEvidence("quick", 0, 0.2, MAIN_WIDTH)) == ()
    assert measurement.parameters(LandscapeEvidence("quick", 0, 0.2, MAIN_WIDTH)) == {}


def test_profiles_hold_the_roles_and_the_main_width():
    for sizes in SIZES.values():
        assert MAIN_WIDTH in sizes.widths
        assert set(dataclasses.astuple(sizes.roles)) <= set(sizes.ladder_widths)
        assert sizes.roles.narrow < sizes.roles.middle < sizes.roles.wide
        assert {1.0, 2.0} <= set(sizes.radius_factors)
