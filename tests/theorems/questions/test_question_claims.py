"""The questions' claims: checks on small real runs, their negative controls, and runs that were changed."""

import math
from dataclasses import replace
from functools import partial

import pytest
from rechecking import judge_claim, judge_control
from small_question_runs import make, runs_of, runs_with, staged

from cgro_theory.claims import Condition, Interval, Outcome, Prediction
from cgro_theory.theorems.catalogue import room
from cgro_theory.theorems.questions.claims.question_5_weights import check_clean_weight
from cgro_theory.theorems.questions.claims.question_8_memorizer import check_memorizer_cube, cube_bound
from cgro_theory.theorems.questions.claims.question_10_images import epoch_near, stage_ratio
from cgro_theory.theorems.questions.runs.made import ImageStages, QuestionRuns
from cgro_theory.theorems.questions.theory.predictions import predict_wrong_everywhere
from cgro_theory.theorems.theorem_1_feature_learning.claims.slopes import Compared, nearest_slope
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Phase
from cgro_theory.theorems.verification import judge_claim as judge_alone

ENTRY = {entry.label: entry for entry in room("questions").checked}
PROBABILITY = 1e-4


def outcome(label, runs):
    return verdict(label, runs).outcome


def verdict(label, runs):
    entry = ENTRY[f"questions.{label.removeprefix('questions.')}"]
    return judge_claim(entry.claim, entry.check, runs, PROBABILITY)


@pytest.mark.parametrize("label", ENTRY)
def test_real_runs_agree_with_the_claim(label):
    found = verdict(label, runs_of(ENTRY[label]))
    allowed = {Outcome.CONSISTENT}
    if label == "questions.image_stages":  # six epochs of a tiny network decide nothing
        allowed |= {Outcome.REFUTED}
    assert found.outcome in allowed, found
    # A closed formula in the prediction is one that the claim's own formula can be held against.
    assert math.isnan(found.prediction.leading_order) or ENTRY[label].numeric


@pytest.mark.parametrize(
    ("label", "control"),
    [(label, control) for label, entry in ENTRY.items() for control in entry.controls],
    ids=lambda value: getattr(value, "name", value),
)
def test_negative_controls_are_refuted(label, control):
    entry, runs = ENTRY[label], runs_of(ENTRY[label])
    if label == "questions.image_stages":
        runs = replace(runs, images=(staged(runs.images[0]),))
    found = judge_control(entry.claim, entry.check, runs, PROBABILITY, control)
    assert found.outcome is Outcome.REFUTED, found


@pytest.mark.parametrize("label", ENTRY)
def test_without_runs_nothing_is_decided(label):
    assert outcome(label, QuestionRuns()) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("attacks", "attack_off_the_signal"),
        ("degrees", "activation_degree"),
        ("degrees", "dimension"),
        ("exponent_map", "exponent_plane"),
        ("phase_map", "three_phases"),
        ("weights", "clean_weight"),
        ("controls", "standard_control"),
        ("fresh", "fresh_sample"),
        ("published", "published_numbers"),
        ("published", "published_all_patches"),
    ],
)
def test_a_broken_run_decides_nothing(field, label):
    runs = runs_of(ENTRY[f"questions.{label}"])
    first, *rest = getattr(runs, field)
    changed = replace(runs, **{field: (replace(first, failure="stopped"), *rest)})
    assert outcome(label, changed) is Outcome.INCONCLUSIVE


def test_a_network_that_differs_is_refuted():
    cells = make("weights")
    other = replace(cells[0], clean_wrong=cells[0].test_points)
    changed = QuestionRuns(weights=(other, *cells[1:]))
    assert check_clean_weight(changed, PROBABILITY).measurement.estimate == 1.0


def test_draws_that_miss_an_assumption_are_left_out_up_to_a_limit():
    """One network in five is too many, unless another one differs; when it is all, the claim is out of scope."""
    cells = make("weights")

    def missing_in_one(setting, draw):
        expected = predict_wrong_everywhere(setting, draw)
        if setting != cells[0].setting:
            return expected
        lost = tuple(
            replace(each, met=False) if each.condition.name == "width" else each for each in expected.assumed
        )
        return replace(expected, assumed=lost)

    runs = QuestionRuns(weights=cells)
    entry = ENTRY["questions.clean_weight"]

    def judged(runs):
        check = partial(entry.check, predict=missing_in_one)
        return judge_alone(entry.claim, check, runs, PROBABILITY)  # the condition is said to fail: misstated

    found = judged(runs)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "1 of 5 draws miss an assumption" in found.reason
    other = replace(cells[1], clean_wrong=cells[1].test_points)
    assert judged(replace(runs, weights=(cells[0], other, *cells[2:]))).outcome is Outcome.REFUTED
    assert judged(replace(runs, weights=cells[:1])).outcome is Outcome.OUT_OF_SCOPE


@pytest.mark.parametrize("order", [1, -1])
def test_one_network_that_resists_refutes_in_any_order(order):
    attacks = make("attacks")
    changed = (replace(attacks[0], l2_wrong=0), *attacks[1:])[::order]
    assert outcome("attack_off_the_signal", QuestionRuns(attacks=changed)) is Outcome.REFUTED


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("label", ["activation_degree", "dimension"])
def test_one_network_that_never_learns_refutes_in_any_order(order, label):
    """An outcome is no assumption: the network has no ratio of times and no noise against the signal."""
    runs = runs_of(ENTRY[f"questions.{label}"])
    for chosen in (0, -1):
        cells = list(runs.degrees)
        cubic = [index for index, cell in enumerate(cells) if cell.setting.degree == 3][chosen]
        cells[cubic] = replace(cells[cubic], signal_time=math.inf, first_memorization=math.inf, signal_margin=-1.0)
        assert outcome(label, replace(runs, degrees=tuple(cells[::order]))) is Outcome.REFUTED


def test_ladders_that_miss_an_assumption_are_capped():
    """A ladder with a draw outside the claim's conditions is left out, but not more than 5 % of them."""
    condition = Condition("signal neuron", "u > 0", "a neuron favours the signal")

    def entries(left_out, total):
        missed = Prediction(None, (condition.given(u=-1.0),), 1.0)
        return [
            Compared(
                missed if number < left_out else Prediction(Interval(0.9 * size, 1.1 * size), (), size),
                Interval.point(size),
                size,
                number,
            )
            for number in range(total)
            for size in (1.0, 2.0, 4.0)
        ]

    for left_out, usable in ((0, True), (1, True), (2, False), (20, False)):
        pair = nearest_slope(entries(left_out, 20), PROBABILITY)
        assert pair.measurement.is_usable is usable, (left_out, pair)
        if usable:
            assert dict(pair.measurement.notes)["runs left out"] == left_out


def test_the_integrator_must_have_been_measured():
    label, runs = "activation_degree", runs_with("degrees", "fine")
    assert outcome(label, replace(runs, fine=runs.fine[1:])) is Outcome.INCONCLUSIVE
    coarse = tuple(replace(entry, ratio=2.0 * entry.ratio) for entry in runs.fine)
    assert outcome(label, replace(runs, fine=coarse)) is not Outcome.CONSISTENT


def test_a_classifier_that_never_learns_is_outside():
    run = staged(make("images")[0])
    never = replace(run, robust_train=tuple(0.0 for _ in run.epochs))
    for images in ((run, never), (never, run)):
        assert outcome("image_stages", QuestionRuns(images=images)) is Outcome.REFUTED
    assert outcome("image_stages", QuestionRuns(images=(run,))) is Outcome.CONSISTENT


def test_every_phase_must_be_judged():
    for phase in (Phase.OVERFITS, Phase.ROBUST, Phase.UNMEMORIZED):
        kept = tuple(cell for cell in make("phase_map") if cell.phase is not phase)
        assert outcome("three_phases", QuestionRuns(phase_map=kept)) is Outcome.INCONCLUSIVE


def test_the_bound_on_the_cube_can_fail():
    entry = next(entry for entry in make("cube") if cube_bound(entry).leading_order > 0.5)
    beaten = replace(entry, error=replace(entry.error, broken=0))
    runs = QuestionRuns(cube=(beaten,))
    assert check_memorizer_cube(runs, PROBABILITY).measurement.estimate == 1.0


def test_two_accuracies_that_come_near_at_the_same_record_have_no_order():
    """Neither refuted nor passed: between two records either may have come first."""

    def run(clean, robust):
        return ImageStages(1, 0.1, (1, 3, 8, 20), clean, robust, robust)

    rising, late = (0.2, 0.4, 0.95, 1.0), (0.1, 0.2, 0.3, 1.0)
    assert stage_ratio(run(rising, late)) == Interval.point(8 / 20)
    assert stage_ratio(run(late, rising)) == Interval.point(20 / 8)
    assert stage_ratio(run(rising, rising)) == Interval(4 / 8, 8 / 4)
    assert stage_ratio(run((1.0, 1.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0))) == Interval.point(1.0)
    assert stage_ratio(run((0.0,) * 4, rising)) == Interval.point(math.inf)


def test_epoch_near_the_last_accuracy():
    assert epoch_near((0.1, 0.5, 0.8, 0.85), (1, 2, 4, 8)) == 4.0
    assert epoch_near((0.0, 0.0), (1, 2)) == math.inf
