"""The readers' questions, one file each: the claims in their order, and what the runner asks of a theorem."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from cgro_theory.claims import Figure

from ..runs.made import QuestionRuns
from ..runs.making import OVER_SEEDS, begin, gather
from . import (
    question_1_attacks,
    question_2_degrees,
    question_3_exponents,
    question_4_phases,
    question_5_weights,
    question_6_control,
    question_7_fresh,
    question_8_memorizer,
    question_9_dimension,
    question_10_images,
    question_11_published,
)

__all__ = ["CHECKED", "CONSTANTS", "GROWING", "QUESTIONS", "begin", "figures", "gather", "parameters"]

_FILES = (
    question_1_attacks,
    question_2_degrees,
    question_3_exponents,
    question_4_phases,
    question_5_weights,
    question_6_control,
    question_7_fresh,
    question_8_memorizer,
    question_9_dimension,
    question_10_images,
    question_11_published,
)
CHECKED = tuple(entry for file in _FILES for entry in file.CHECKED)
QUESTIONS = tuple(file.QUESTION for file in _FILES)
CONSTANTS = (
    *question_3_exponents.CONSTANTS,
    *question_5_weights.CONSTANTS,
    *question_10_images.CONSTANTS,
    *question_11_published.CONSTANTS,
)
GROWING = frozenset(OVER_SEEDS)


def figures(runs: QuestionRuns) -> tuple[Figure, ...]:
    """The figures of the questions whose runs were made."""
    return tuple(question.draw(runs) for question in QUESTIONS if question.is_answered_by(runs))


def parameters(runs: QuestionRuns) -> dict[str, Any]:
    """The answers, and how many networks stand behind them, as plain JSON values."""
    answers = [question.to_json(runs) for question in QUESTIONS if question.is_answered_by(runs)]
    networks = {field.name: len(getattr(runs, field.name)) for field in fields(runs)}
    return {"networks": networks, "answers": answers}
