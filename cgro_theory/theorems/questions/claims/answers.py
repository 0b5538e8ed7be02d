"""The answers: two sentences per question, every number and every verdict in them computed from the evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cgro_theory.theorems.questions.claims import other_answers, patch_answers
from cgro_theory.theorems.questions.runs.made import QuestionsEvidence


@dataclass(frozen=True)
class Question:
    """A question of theory.md 5: ``kind`` is ``claim`` where theory predicts, else ``observation``."""

    number: int
    text: str
    kind: str
    claim: str
    figure: str
    answer: Callable[[QuestionsEvidence], str]
    needs: Callable[[QuestionsEvidence], Sequence[object]]


def answered(evidence: QuestionsEvidence) -> list[dict[str, object]]:
    """The questions whose runs were made, with their answers, as plain JSON values."""
    return [
        {
            "number": question.number,
            "question": question.text,
            "kind": question.kind,
            "answer": question.answer(evidence),
            "claim": question.claim,
            "figure": question.figure,
        }
        for question in QUESTIONS
        if question.needs(evidence)
    ]


QUESTIONS: tuple[Question, ...] = (
    Question(
        1,
        "Attack the current iterate instead of the fixed linear target: does theorem 1 survive?",
        "claim",
        "questions.current_iterate",
        "questions_1_attacks",
        patch_answers.answer_attack,
        lambda e: e.attacks,
    ),
    Question(
        2,
        "Other activations: q = 2, 3, 4, 5; where does the cubic matter?",
        "claim",
        "questions.activation_degree",
        "questions_2_degrees",
        patch_answers.answer_degree,
        lambda e: e.degrees,
    ),
    Question(
        3,
        "Why exponents 0.249 and -0.509? Where in the (a, b) plane do the stages separate and CGRO hold?",
        "claim",
        "questions.exponent_plane",
        "questions_3_exponents",
        patch_answers.answer_plane,
        lambda e: e.exponent_map,
    ),
    Question(
        4,
        "Why δ = α(1 - 1/(√d polylog d))?",
        "claim",
        "questions.three_phases",
        "questions_4_phases",
        patch_answers.answer_phases,
        lambda e: e.phase_map,
    ),
    Question(
        5,
        "Why λ < 1?",
        "claim",
        "questions.clean_weight",
        "questions_5_weights",
        patch_answers.answer_weight,
        lambda e: e.weights,
    ),
    Question(
        6,
        "Is CGRO due to adversarial training or to the data?",
        "claim",
        "questions.standard_control",
        "questions_6_control",
        other_answers.answer_control,
        lambda e: e.controls,
    ),
    Question(
        7,
        "What is the probability that a fresh sample, clean or attacked, is classified correctly?",
        "claim",
        "questions.fresh_sample",
        "questions_7_fresh",
        other_answers.answer_fresh,
        lambda e: e.fresh,
    ),
    Question(
        8,
        "When does f_S really overfit, as N, δ, p vary?",
        "claim",
        "questions.memorizer_corners",
        "questions_8_memorizer",
        other_answers.answer_memorizer,
        lambda e: e.corners,
    ),
    Question(
        9,
        "Does the dimension D vary in the experiments?",
        "claim",
        "questions.dimension",
        "questions_9_dimension",
        other_answers.answer_dimension,
        lambda e: e.degrees,
    ),
    Question(
        10,
        "Do the three stages show on real images?",
        "observation",
        "questions.image_stages",
        "questions_10_images",
        other_answers.answer_images,
        lambda e: e.images,
    ),
)
