"""Question 5 (theory.md 5.5): what the clean loss is needed for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import sympy as sp

from cgro_theory.claims import Claim, Figure, Panel, Provenance, Relation, Series, Source
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong
from cgro_theory.theorems.room import NamedConstant
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Cell
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import InitialDraw

from ..runs.made import QuestionRuns
from ..theory.predictions import BOTH_STAGES, Expected, predict_wrong_everywhere, signal_comes_first
from .counting import count_disagreeing, draw_of
from .question import Question
from .symbols import NOT_NEGATIVE, PROJECT, N, alpha, lam, q, u_max, v_0, xi

RIGHT, WRONG = 0.05, 0.95
"""Clean test errors below and above which a network is right or wrong everywhere."""
CONSTANTS = (
    NamedConstant(
        "question sizes", "N = 10, m = 16", "questions 2, 5 and 9 train many networks; any size is allowed"
    ),
)

CLEAN_LOSS_WEIGHT = Claim(
    label="questions.clean_weight",
    statement="While the clean loss lets T_I come before T_III the network generalizes; beyond, and at λ = 1, "
    "it is right or wrong everywhere by the sign of U.",
    source=Source(PROJECT, "2.4 and 5.5"),
    provenance=(Provenance.NEW,),
    quantity="networks whose clean test error is not the one that their draw predicts",
    natural_range=NOT_NEGATIVE,
    relation=Relation.AT_MOST,
    expression=sp.Lt(u_max ** (2 - q) / ((1 - lam) * alpha**q), N * v_0 ** (2 - q) / (lam * xi**2)),
    assumptions=BOTH_STAGES,
    depends_on=("lemmas.common_clock", "lemmas.odd_symmetry"),
    limitations="Not judged: networks whose two times are within a factor of 10, or whose U can change its sign "
    "before the noise is memorized; at λ = 1 it hardly moves.",
)

Predict = Callable[[PatchSetting, InitialDraw], Expected[bool]]


def check_clean_weight(
    runs: QuestionRuns, failure_probability: float, predict: Predict = predict_wrong_everywhere
) -> CheckedPair:
    """Networks that are neither right nor wrong everywhere, or the other of the two than their draw predicts."""
    expected = [predict(cell.setting, draw_of(cell.setting, cell.seed)) for cell in runs.weights]
    called = [cell for cell, each in zip(runs.weights, expected, strict=True) if each.value is not None]
    notes = (
        ("networks too near to call", float(len(runs.weights) - len(called))),
        ("networks judged by the sign of U", float(sum(not _signal_first(cell) for cell in called))),
    )
    return count_disagreeing(
        runs.weights,
        expected,
        lambda cell, wrong: _is_wrong(cell) if wrong else _is_right(cell),
        failure_probability,
        notes,
    )


def _is_right(cell: Cell) -> bool:
    return cell.clean_wrong < RIGHT * cell.test_points


def _is_wrong(cell: Cell) -> bool:
    return cell.clean_wrong > WRONG * cell.test_points


def _signal_first(cell: Cell) -> bool | None:
    return signal_comes_first(cell.setting, draw_of(cell.setting, cell.seed))


def _told_opposite_signs(setting: PatchSetting, draw: InitialDraw) -> Expected[bool]:
    return predict_wrong_everywhere(setting, replace(draw, signal_projections=-draw.signal_projections))


def answer(runs: QuestionRuns) -> str:
    """What the clean loss is needed for."""
    only = [c for c in runs.weights if c.setting.adversarial_weight == 1.0]
    early = [c for c in runs.weights if c.setting.adversarial_weight < 1.0 and _signal_first(c)]
    right = sum(_is_right(c) for c in early)
    wrong = sum(_is_wrong(c) for c in only)
    learned = sum(math.isfinite(c.signal_time) for c in only)
    gaps = [1.0 - c.setting.adversarial_weight for c in early]
    smallest = f" down to 1 - λ = {min(gaps):.0e}" if gaps else ""
    needed = "is needed" if learned < len(only) and right == len(early) else "is not shown to be needed"
    called = [(predict_wrong_everywhere(c.setting, draw_of(c.setting, c.seed)).value, c) for c in runs.weights]
    clear = [(value, cell) for value, cell in called if value is not None]
    agree = sum(value == _is_wrong(cell) for value, cell in clear)
    return (
        f"The clean loss {needed}: with λ = 1, {learned} of {len(only)} networks learn the signal before they "
        f"memorize and {wrong} misclassify every clean point, while {right} of {len(early)} generalize where "
        f"λ < 1 lets the signal come first{smallest}. "
        f"The draw alone called {agree} of {len(clear)} networks right; {len(called) - len(clear)} were too near "
        "to call."
    )


def draw(runs: QuestionRuns) -> Figure:
    """Clean test error and the order of the times over 1 - λ."""
    weights = [cell.setting.adversarial_weight for cell in runs.weights]
    floor = min(1.0 - weight for weight in weights if weight < 1) / 100
    x = [max(floor, 1.0 - weight) for weight in weights]
    gaps = sorted(set(x))
    groups = [[cell for cell, at in zip(runs.weights, x, strict=True) if at == gap] for gap in gaps]
    ordered = [sum(c.signal_time < c.first_memorization for c in own) / len(own) for own in groups]
    errors = [c.clean_wrong / c.test_points for c in runs.weights]
    return Figure(
        name="questions_5_weights",
        title="5. Why λ < 1?",
        caption="Points: single networks. Without clean loss the signal is not learned before the noise, and a "
        "network is right or wrong everywhere.",
        panels=(
            Panel(
                f"d = {runs.weights[0].setting.patch_dimension:.0e}",
                f"weight 1 - λ of the clean loss (0 drawn at {floor:.0e})",
                "share",
                (
                    Series("signal before noise, networks", gaps, ordered, 0),
                    Series("clean test error", x, errors, 1, "points"),
                ),
                x_scale="log",
                legend="below",
            ),
        ),
    )


CHECKED = (
    CheckedClaim(
        CLEAN_LOSS_WEIGHT,
        check_clean_weight,
        controls=(
            with_wrong(
                "opposite sign",
                "the prediction is told the draw with the opposite signal projections",
                predict=_told_opposite_signs,
            ),
        ),
        needs=("weights",),
    ),
)
QUESTION = Question(5, "Why λ < 1?", CLEAN_LOSS_WEIGHT.label, "questions_5_weights", ("weights",), answer, draw)
