"""Question 6 (theory.md 5.6): adversarial training or the data?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import sympy as sp

from cgro_theory.claims import (
    Claim,
    Figure,
    Interval,
    Mean,
    MeanRule,
    Measurement,
    OneReading,
    Panel,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Series,
    Source,
)
from cgro_theory.claims.condition import each_once
from cgro_theory.numerics.confidence import student_mean
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import RADIUS

from ..runs.made import ControlRun, QuestionRuns
from .counting import NOT_MADE, broken, measured
from .question import Question
from .symbols import GAP, PROJECT

WIDEST_GAP = 0.25
"""Robust generalization gap that standard training may show: half of that of full robust overfitting."""
ROBUST = 0.05
"""Robust train errors above this are told as such."""

STANDARD_CONTROL = Claim(
    label="questions.standard_control",
    statement="Without the adversarial term there is no robust overfitting: training and fresh points are "
    "misclassified under attack equally often.",
    source=Source(PROJECT, "2.4 and 5.6"),
    provenance=(Provenance.NEW,),
    quantity="robust test error minus robust train error under standard training, mean over the networks",
    natural_range=GAP,
    relation=Relation.WITHIN,
    expression=sp.Eq(sp.Symbol("robust_gap", real=True), 0),
    assumptions=(RADIUS,),
    depends_on=("lemmas.odd_symmetry",),
    limitations="The interval, half of the gap that full robust overfitting has to either side, is wide. "
    "Student's interval of a mean of gaps, cut to [-1, 1] where every gap lies.",
)


def check_standard_control(runs: QuestionRuns, failure_probability: float) -> CheckedPair:
    """Student's interval of the mean robust generalization gap of the networks with λ = 0."""
    chosen, _ = _by_training(runs)
    if len(chosen) < 2:
        return NOT_MADE
    assumed = each_once(RADIUS.given(kappa=run.setting.attacked_signal_fraction) for run in chosen)
    predicted = Prediction(Interval(-WIDEST_GAP, WIDEST_GAP), assumed)
    failure = broken(chosen)
    if failure:
        return CheckedPair(predicted, Measurement.failed(failure))
    gaps = [run.robust_gap for run in chosen]
    ends = student_mean(gaps, failure_probability)
    interval = Interval(max(-1.0, ends.low), min(1.0, ends.high))
    notes = (("memorized points, all networks", float(sum(run.memorized for run in chosen))),)
    seeds = [run.seed for run in chosen]
    source = Mean.of(gaps, MeanRule.STUDENT, failure_probability, Interval(-1.0, 1.0))
    raw = OneReading(Reading(interval, source))
    measurement = measured(sum(gaps) / len(gaps), interval, seeds, failure_probability, notes, raw=raw)
    return CheckedPair(predicted, measurement)


def _by_training(runs: QuestionRuns) -> tuple[list[ControlRun], list[ControlRun]]:
    """Those without the adversarial term, and those with it."""
    standard = [run for run in runs.controls if run.adversarial_weight == 0.0]
    return standard, [run for run in runs.controls if run.adversarial_weight > 0.0]


def _adversarial_instead(runs: QuestionRuns) -> QuestionRuns:
    """The networks of the other training, passed off as trained without an attack."""
    _, adversarial = _by_training(runs)
    passed_off = (replace(run, setting=replace(run.setting, adversarial_weight=0.0)) for run in adversarial)
    return replace(runs, controls=tuple(passed_off))


def answer(runs: QuestionRuns) -> str:
    """The same draws with and without the adversarial term."""
    both = _by_training(runs)
    standard, _ = both
    gaps = [float(np.mean([r.robust_gap for r in own])) if own else math.nan for own in both]
    train = float(np.mean([r.robust_train_wrong / r.train_points for r in standard])) if standard else math.nan
    cause = (
        "To adversarial training"
        if abs(gaps[0]) < WIDEST_GAP < gaps[1]
        else "The control does not tell the two causes apart"
    )
    if not train > ROBUST:
        return (
            f"{cause}: the robust generalization gap is {gaps[1]:.2f} with the adversarial term and "
            f"{gaps[0]:.2f} without it. Standard training has robust train error {train:.2f}."
        )
    return (
        f"{cause}: on the same draws the robust generalization gap is {gaps[1]:.2f} with the adversarial term and "
        f"{gaps[0]:.2f} without it. "
        f"Standard training memorizes {sum(r.memorized for r in standard)} points and its robust train error is "
        f"{train:.2f}, so it is not robust either, but neither is it overfitted."
    )


def draw(runs: QuestionRuns) -> Figure:
    """Robust train against robust test error, with and without the adversarial term."""
    standard, adversarial = _by_training(runs)
    series = tuple(
        Series(
            name,
            [r.robust_train_wrong / r.train_points for r in own],
            [r.robust_wrong / r.test_points for r in own],
            colour,
            "points",
        )
        for name, own, colour in (
            ("standard training, λ = 0", standard, 1),
            ("adversarial training", adversarial, 0),
        )
        if own
    )
    line = Series("no gap", [0.0, 0.8], [0.0, 0.8], 7, "dashed")
    return Figure(
        name="questions_6_control",
        title="6. Adversarial training or the data?",
        caption="Each point is a network; its height above the line is the robust generalization gap.",
        panels=(Panel("one draw, two trainings", "robust train error", "robust test error", (*series, line)),),
    )


CHECKED = (
    CheckedClaim(
        STANDARD_CONTROL,
        check_standard_control,
        controls=(
            NegativeControl("exchanged", "networks of the adversarial training are judged", _adversarial_instead),
        ),
        needs=("controls",),
    ),
)
QUESTION = Question(
    6,
    "Is CGRO due to adversarial training or to the data?",
    STANDARD_CONTROL.label,
    "questions_6_control",
    ("controls",),
    answer,
    draw,
)
