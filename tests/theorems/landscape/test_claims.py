"""The landscape's checks on made runs, where the right outcome is known, and on small real runs."""

import dataclasses
import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rechecking import judge_claim, judge_control
from scipy import stats

from cgro_theory.claims import Outcome
from cgro_theory.theorems.landscape import claims
from cgro_theory.theorems.landscape.claims.over_epochs import spearman
from cgro_theory.theorems.landscape.runs import training as making
from cgro_theory.theorems.landscape.runs.profiles import MAIN_WIDTH, SIZES
from cgro_theory.theorems.landscape.runs.trained import LandscapeRuns, WidthRoles
from cgro_theory.theorems.room import RunRequest
from cgro_theory.vision.attack import AscentBudget
from cgro_theory.vision.experiment import ExperimentRecord, Moment
from cgro_theory.vision.landscape import Landscape
from cgro_theory.vision.training import TrainingRecipe

ENTRIES = {entry.label: entry for entry in claims.CHECKED}
LABELS = tuple(ENTRIES)
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
    adversarial = more.get("adversarial", True)
    recipe = TrainingRecipe(radius=radius, width=width, epochs=100, adversarial=adversarial)
    strong_error = 0.05 if adversarial else 1.0
    return ExperimentRecord("made", recipe, seed, 20, 20, 100, moments, final, strong_error, 1.0, 1.0)


def made_runs(**more):
    seeds = range(6)
    main = [record(seed, MAIN_WIDTH, **more) for seed in seeds]
    narrow = [record(seed, 4, train_errors=(0.9, 0.8, 0.7, 0.6), world=(20, 22, 24, 30)) for seed in seeds]
    ladder = [
        record(seed, width, train_errors=(train,) * 4, test_errors=(test,) * 4)
        for width, train, test in ((1, 0.6, 0.8), (8, 0.0, 0.5), (32, 0.0, 0.4))
        for seed in seeds
    ]
    return LandscapeRuns(
        0.2,
        WidthRoles(1, 8, 32),
        main=tuple(main),
        other_widths=tuple(narrow),
        standard=tuple(record(seed, MAIN_WIDTH, growth=1.2, adversarial=False) for seed in seeds),
        width_ladder=tuple(ladder),
    )


def checked(label, runs, probability=1e-4):
    return ENTRIES[label].check(runs, probability)


def verdict_of(label, runs, probability=1e-4):
    return judge_claim(ENTRIES[label].claim, ENTRIES[label].check, runs, probability)


def outcome(label, runs, probability=1e-4):
    return verdict_of(label, runs, probability).outcome


def reaching(runs, *errors):
    """The runs with these robust train errors under the strongest attack, in order; the others as they are."""
    changed = [replace(run, strong_train_error=error) for run, error in zip(runs, errors, strict=False)]
    return (*changed, *runs[len(errors) :])


@pytest.mark.parametrize("label", LABELS)
def test_made_runs_in_favour_are_consistent(label):
    assert outcome(label, made_runs()) is Outcome.CONSISTENT


@pytest.mark.parametrize(
    ("entry", "control"),
    [(entry, control) for entry in claims.CHECKED for control in entry.controls],
    ids=lambda value: getattr(value, "label", None) or value.name,
)
def test_every_negative_control_is_refuted(entry, control):
    verdict = judge_control(entry.claim, entry.check, made_runs(), 1e-4, control)
    assert verdict.outcome is Outcome.REFUTED, verdict


@given(st.floats(0.3, 8.0))
def test_growth_exponent_is_read_off_exactly(growth):
    pair = checked(FLAT, made_runs(growth=growth))
    assert pair.measurement.estimate == pytest.approx(growth, abs=0.05)
    verdict = outcome(FLAT, made_runs(growth=growth))
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
    assert outcome(LOCAL, made_runs(**changes)) is expected


def with_ladder(errors):
    """Runs whose ladder has the given (train, test) errors per width."""
    runs = [
        record(seed, width, train_errors=(train,) * 4, test_errors=(test,) * 4)
        for width, (train, test) in errors.items()
        for seed in range(6)
    ]
    return replace(made_runs(), width_ladder=tuple(runs))


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
    runs = made_runs()
    wide = runs.width_ladder[-6:]
    assert {run.recipe.width for run in wide} == {MAIN_WIDTH}
    unfitted = replace(
        runs,
        main=reaching(runs.main, 0.05, 0.05, 0.05, 0.25),
        width_ladder=(*runs.width_ladder[:-6], *reaching(wide, 0.05, 0.05, 0.05, 0.25)),
    )
    verdict = verdict_of(label, unfitted)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert f"0.250 > 0.1 at width {MAIN_WIDTH}, seed 3" in verdict.reason
    assert ENTRIES[label].claim.assumptions == ()


@pytest.mark.parametrize("entry", claims.CHECKED, ids=lambda entry: entry.label)
def test_a_check_looks_at_what_it_needs_and_at_nothing_else(entry):
    runs = made_runs()
    alone = replace(runs, **dict.fromkeys(set(making.SETS) - set(entry.needs), ()))
    assert entry.check(alone, 1e-4) == entry.check(runs, 1e-4)
    for control in entry.controls:
        assert judge_control(entry.claim, entry.check, alone, 1e-4, control).outcome is Outcome.REFUTED
    for name in entry.needs:
        assert entry.check(replace(runs, **{name: ()}), 1e-4) != entry.check(runs, 1e-4)


def test_networks_that_need_not_fit_are_not_asked_to():
    runs = made_runs()
    narrow, others = reaching(runs.width_ladder, *[0.6] * 6), reaching(runs.other_widths, *[0.6] * 6)
    changed = replace(runs, width_ladder=narrow, other_widths=others)
    assert [outcome(label, changed) for label in LABELS] == [Outcome.CONSISTENT] * 4


@pytest.mark.parametrize("label", LABELS)
def test_nothing_passes_without_runs(label):
    runs = made_runs()
    empty = LandscapeRuns(0.2, runs.roles)
    assert outcome(label, empty) is Outcome.INCONCLUSIVE
    sets = {name: tuple(run for run in getattr(runs, name) if run.seed == 0) for name in making.SETS}
    assert outcome(label, replace(runs, **sets)) is Outcome.INCONCLUSIVE
    assert outcome(label, replace(runs, failures=("run 3 diverged",))) is Outcome.INCONCLUSIVE


def test_a_measure_that_is_no_number_is_inconclusive():
    runs = made_runs()
    first = runs.main[-1]
    broken = replace(first.final.train, max_loss_change=first.final.train.max_loss_change * math.nan)
    run = replace(first, final=replace(first.final, train=broken))
    assert outcome(FLAT, replace(runs, main=(*runs.main[:-1], run))) is Outcome.INCONCLUSIVE
    verdict = verdict_of(FLAT, replace(runs, main=reaching(runs.main, math.nan, 0.3)))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "seed 0 (2 of 6 runs)" in verdict.reason


def test_no_interval_leaves_the_range_of_its_quantity():
    """Correlations near 1: Student's interval of their mean reaches beyond 1, where no correlation lies."""
    runs = made_runs()
    other = record(0, 4, train_errors=(0.9, 0.8, 0.7, 0.6), world=(30, 24, 22, 20))
    changed = replace(runs, other_widths=(other, *runs.other_widths[1:]))
    assert checked(GAP, changed).measurement.interval.high == 1.0
    for each in (runs, changed):
        for label in LABELS:
            found = checked(label, each).measurement
            assert ENTRIES[label].claim.natural_range.contains(found.interval), label
            assert found.interval.low <= found.estimate <= found.interval.high
    steep = [(0.9, 0.0), (1.0, 0.0), (1.0, 0.0), (0.8, 0.1)]
    ladder = [
        record(seed, width, train_errors=(a,) * 4, test_errors=(b,) * 4)
        for seed, (a, b) in enumerate(steep)
        for width in (1, 8, 32)
    ]
    notes = dict(checked(CAPACITY, replace(runs, width_ladder=tuple(ladder))).measurement.notes)
    assert all(-1.0 <= value <= 1.0 for name, value in notes.items() if name.endswith((": low", ": high")))


def test_one_training_that_missed_its_target_is_not_left_out():
    runs = made_runs()
    for place in (0, 5):
        errors = [0.5 if index == place else 0.05 for index in range(6)]
        for label in (FLAT, LOCAL, GAP):
            assert outcome(label, replace(runs, main=reaching(runs.main, *errors))) is Outcome.INCONCLUSIVE


def request_for(*labels, base=0, progress=lambda *_: None, look=1, kept=None, device="cpu"):
    sets = frozenset(name for label in labels for name in ENTRIES[label].needs)
    return RunRequest("quick", base, device, frozenset(labels), progress, sets, kept, look)


def test_a_look_makes_the_runs_of_the_look_before_and_as_many_more():
    """The tasks are the same to the byte, so that what was kept is found."""
    first, second, third = (
        making.jobs_of(SIZES["quick"], request_for(*LABELS, base=9000, look=look)) for look in (1, 2, 3)
    )
    assert (len(second), len(third)) == (2 * len(first), 4 * len(first))
    tasks = [{pickle.dumps((making.make_run, (job,), {})) for job in jobs} for jobs in (first, second, third)]
    assert tasks[0] < tasks[1] < tasks[2]
    assert len(tasks[2]) == len(third)


def quickly(radius=0.01, **more):
    """A job of a few epochs."""
    job = making.jobs_of(SMALL, request_for(LOCAL, base=884210))[0]
    return replace(job, recipe=replace(job.recipe, **{"radius": radius, "epochs": 2} | more), doublings=2)


def test_a_training_that_missed_its_target_is_made_again_with_twice_the_epochs(monkeypatch):
    reached = making.make_run(quickly(learning_rate=1e-6))
    assert reached.recipe.epochs == 8  # the budget's end: nothing was learned, and the record says so
    assert reached.strong_train_error > 0.1
    assert reached.moments[-1].epoch == 8
    assert making.make_run(replace(quickly(learning_rate=1e-6), doublings=0)).recipe.epochs == 2
    monkeypatch.setattr(making, "LOW_ROBUST_TRAIN_ERROR", reached.strong_train_error + 0.1)
    assert making.make_run(quickly(learning_rate=1e-6)).recipe.epochs == 2


def test_whether_a_training_goes_on_does_not_depend_on_test_images(monkeypatch):
    job = quickly(learning_rate=0.03, epochs=6)
    train_errors = []
    for share in (0.0, 1.0):
        data = making._digits()

        class Relabelled:
            def split(self, *arguments, data=data, share=share):
                split = data.split(*arguments)
                labels = np.where(np.arange(split.test.size) < share * split.test.size, 0, split.test.labels)
                return replace(split, test=replace(split.test, labels=labels))

        monkeypatch.setattr(making, "_digits", Relabelled)
        run = making.make_run(job)
        train_errors.append((run.recipe.epochs, run.strong_train_error))
        monkeypatch.undo()
    assert train_errors[0] == train_errors[1]


def test_processes_and_this_one_make_the_same_runs(small):
    jobs = making.jobs_of(SMALL, request_for(LOCAL, GAP))
    made = {(run.recipe.width, run.seed): run for run in small.over_epochs}
    for job in jobs[-2:]:
        here, there = making.make_run(job), made[job.width, job.seed]
        assert here.strong_train_error == there.strong_train_error
        assert np.array_equal(here.final.test.max_loss_change, there.final.test.max_loss_change)


def test_a_run_that_breaks_off_leaves_the_claims_undecided(monkeypatch):
    broken = replace(SMALL, main=replace(SMALL.main, learning_rate=1e30))
    monkeypatch.setitem(making.SIZES, "quick", broken)
    own = making.make_run
    monkeypatch.setattr(making, "make_run", lambda job, device: own(job))
    runs = claims.gather(request_for(LOCAL, device="cuda"))
    assert len(runs.failures) == SMALL.seeds
    assert "learning_rate" in runs.failures[0]
    assert outcome(LOCAL, runs) is Outcome.INCONCLUSIVE


def test_a_claim_speaks_of_a_longer_training_by_its_own_middle():
    """A training that went on: its second half begins at its own middle, and the notes say how long it was."""
    runs = made_runs()
    first = runs.main[0]
    moments = tuple(replace(moment, epoch=2 * moment.epoch) for moment in first.moments)
    longer = replace(first, recipe=replace(first.recipe, epochs=200), moments=moments)
    changed = replace(runs, main=(longer, *runs.main[1:]))
    for label in (FLAT, LOCAL, GAP):
        found, before = checked(label, changed).measurement, checked(label, runs).measurement
        assert (found.estimate, found.interval) == (before.estimate, before.interval)
        assert dict(found.notes)[f"trainings of 200 epochs, width {MAIN_WIDTH}"] == 1.0
        assert dict(found.notes)[f"trainings of 100 epochs, width {MAIN_WIDTH}"] == len(runs.main) - 1
    assert claims.parameters(changed)["landscape main"]["runs by epochs"] == {"100": 5, "200": 1}
    assert "share" in claims.figures(changed)[1].panels[0].x_label


def test_the_gap_is_judged_on_the_seeds_of_every_width():
    runs = made_runs()
    fewer = replace(runs, other_widths=runs.other_widths[:4])
    assert checked(GAP, fewer).measurement.seeds == (0, 1, 2, 3)
    for control in ENTRIES[GAP].controls:
        entry = ENTRIES[GAP]
        assert judge_control(entry.claim, entry.check, fewer, 1e-4, control).outcome is Outcome.REFUTED


def test_base_seeds_share_no_run():
    def seeds_of(base):
        jobs = making.jobs_of(SIZES["quick"], request_for(*LABELS, base=base))
        return {(job.set_of_runs == "width_ladder", job.seed) for job in jobs}

    own = seeds_of(9000)
    assert len(own) == SIZES["quick"].seeds + SIZES["quick"].ladder_seeds
    assert len({seed for _, seed in own}) == len(own)
    by_set = {"main": set(), "standard": set()}
    for job in making.jobs_of(SIZES["quick"], request_for(FLAT, base=9000)):
        by_set[job.set_of_runs].add(job.seed)
    assert by_set["standard"] < by_set["main"]
    assert len(by_set["standard"]) == SIZES["quick"].paired_seeds
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
    paired_seeds=2,
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
    patch.setitem(making.SIZES, "quick", SMALL)
    fractions = []
    request = request_for(*LABELS, progress=lambda name, fraction: fractions.append(fraction))
    gathered = claims.gather(request)
    patch.undo()
    assert fractions == sorted(fractions)
    return gathered


@pytest.mark.parametrize("label", LABELS)
def test_hardly_trained_networks_decide_nothing(label, small):
    assert outcome(label, small) is Outcome.INCONCLUSIVE


def test_runs_can_be_sent_between_processes(small):
    returned = pickle.loads(pickle.dumps(small))
    for label in LABELS:
        a, b = checked(label, small), checked(label, returned)
        assert repr(a) == repr(b)  # notes may hold NaN, which equals nothing


def test_only_what_was_asked_is_trained():
    found = {
        label: {(job.set_of_runs, job.width) for job in making.jobs_of(SMALL, request_for(label))}
        for label in LABELS
    }
    assert found[FLAT] == {("main", MAIN_WIDTH), ("standard", MAIN_WIDTH)}
    assert found[LOCAL] == {("main", MAIN_WIDTH)}
    assert found[GAP] == {("other_widths", 2), ("main", MAIN_WIDTH)}
    assert found[CAPACITY] == {("width_ladder", width) for width in (1, 2, 3)}
    assert making.jobs_of(SMALL, request_for()) == []


def test_figures_and_parameters_are_plain(small):
    figures = claims.figures(small)
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
    json.dumps(claims.parameters(small), allow_nan=False)
    assert claims.figures(LandscapeRuns(0.2, SMALL.roles)) == ()
    assert claims.parameters(LandscapeRuns(0.2, SMALL.roles)) == {}


def test_profiles_hold_the_roles_and_the_main_width():
    for sizes in SIZES.values():
        assert MAIN_WIDTH in sizes.widths
        assert 2 <= sizes.paired_seeds <= sizes.seeds
        assert set(dataclasses.astuple(sizes.roles)) <= set(sizes.ladder_widths)
        assert sizes.roles.narrow < sizes.roles.middle < sizes.roles.wide
        assert {1.0, 2.0} <= set(sizes.radius_factors)
