"""The answers: two sentences each, which follow the numbers of the runs."""

import json
import re
from dataclasses import replace
from fractions import Fraction

import pytest
from small_question_runs import MAKERS, make, runs_with, staged

from cgro_theory.theorems.catalogue import room
from cgro_theory.theorems.questions.claims import QUESTIONS, figures, parameters
from cgro_theory.theorems.questions.runs.made import QuestionRuns

LABELS = {claim.label for claim in room("questions").claims}


@pytest.fixture(scope="module")
def runs():
    return runs_with(*MAKERS)


def answer(number, runs):
    return next(question.answer(runs) for question in QUESTIONS if question.number == number)


def test_every_question_has_two_sentences_a_claim_and_a_figure(runs):
    document = parameters(runs)
    json.dumps(document, allow_nan=False)
    drawn = {figure.name for figure in figures(runs)}
    assert [entry["number"] for entry in document["answers"]] == list(range(1, 12))
    for entry in document["answers"]:
        assert set(entry) == {"number", "question", "kind", "answer", "claim", "figure"}
        assert entry["claim"] in LABELS
        assert entry["figure"] in drawn
        assert entry["kind"] in ("claim", "observation")
        assert len(re.findall(r"[.](?: (?=[A-Z])|$)", entry["answer"])) == 2, entry["answer"]
    assert not parameters(QuestionRuns())["answers"]


CHANGES = {
    1: lambda e: replace(
        e,
        attacks=tuple(replace(a, l2_wrong=0) for a in e.attacks),
        attack_rules=tuple(replace(r, rule=1.0) for r in e.attack_rules),
    ),
    2: lambda e: replace(e, degrees=tuple(replace(c, memorized=0) for c in e.degrees)),
    3: lambda e: replace(e, exponent_map=tuple(replace(c, memorized=0) for c in e.exponent_map)),
    4: lambda e: replace(e, phase_map=tuple(replace(c, memorized=0) for c in e.phase_map)),
    5: lambda e: replace(e, weights=tuple(replace(c, signal_time=0.1, clean_wrong=0) for c in e.weights)),
    6: lambda e: replace(e, controls=tuple(replace(r, robust_train_wrong=0) for r in e.controls)),
    7: lambda e: replace(e, fresh=tuple(replace(f, wrong=0) for f in e.fresh)),
    8: lambda e: replace(e, corners=tuple(replace(c, expectation=Fraction(9, 10)) for c in e.corners)),
    9: lambda e: replace(e, degrees=tuple(c for c in e.degrees if c.setting.patch_dimension == 10**5)),
    10: lambda e: replace(e, images=tuple(staged(run) for run in e.images)),
    11: lambda e: replace(
        e, published=tuple(replace(r, numbers=replace(r.numbers, robust_train=1)) for r in e.published)
    ),
}
SAID = {
    1: ("Yes within", "Not always"),
    2: ("every network with q = 2, 3", "no degree in all its networks"),
    4: ("it shows up to", "No network overfitted"),
    5: ("is needed", "is not shown to be needed"),
    6: ("To adversarial training", "does not tell the two causes apart"),
    11: ("16 of 16 networks have", "None that was found: at κ = -0.63"),
    8: ("only while N is small", "at all N tried alike"),
}


@pytest.mark.parametrize("number", CHANGES)
def test_the_answer_follows_the_numbers(number, runs):
    before, after = answer(number, runs), answer(number, CHANGES[number](runs))
    assert before != after
    if number in SAID:
        said, then = SAID[number]
        assert said in before
        assert then in after


def test_the_order_on_images_is_said_as_found(runs):
    run = staged(make("images")[0])
    assert "the order of the stages shows" in answer(10, replace(runs, images=(run,)))
    other = replace(run, clean_test=run.robust_train, robust_train=run.clean_test)
    assert "does not always show" in answer(10, replace(runs, images=(other,)))
