"""Question 10 (theory.md 5.10): the order of the stages on images, an observation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import sympy as sp

from cgro_theory.claims import (
    Claim,
    Extreme,
    Figure,
    Interval,
    Panel,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Series,
    Source,
)
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl
from cgro_theory.theorems.room import NamedConstant

from ..runs.made import ImageStages, QuestionRuns
from .counting import NOT_MADE, measured
from .question import Question
from .symbols import NOT_NEGATIVE

NEAR = 0.9
"""Fraction of its last value at which an accuracy counts as near it."""
BELOW_ONE = math.nextafter(1.0, 0.0)
CONSTANTS = (
    NamedConstant("near the last accuracy", "9/10", "a level that noise of a hundred test images can resolve"),
)

IMAGE_STAGES = Claim(
    label="questions.image_stages",
    statement="On images of digits clean test accuracy comes near its last value before robust train accuracy "
    "does: generalization first, memorization last.",
    source=Source("Li and Li, arXiv 2306.01271 (patch data) and theory.md", "5.10", "v1"),
    provenance=(Provenance.NEW,),
    quantity="largest ratio over the runs of the first epochs at nine tenths of the last accuracy; inf for a "
    "run that never classifies anything",
    natural_range=NOT_NEGATIVE,
    relation=Relation.AT_MOST,
    expression=sp.Lt(*sp.symbols("epoch_clean epoch_robust", real=True)),
    limitations="An observation: no theorem covers these networks. The radius of the attack grows over the "
    "first fifth of the epochs, which alone delays robust accuracy; epochs are recorded, not all; a further "
    "look records more of them.",
)


def check_image_stages(runs: QuestionRuns, failure_probability: float) -> CheckedPair:
    """The largest ratio over the runs; one that never classifies anything is outside."""
    if not runs.images:
        return NOT_MADE
    ratios = [stage_ratio(run) for run in runs.images]
    worst = Interval(max(ratio.low for ratio in ratios), max(ratio.high for ratio in ratios))
    seeds = [run.seed for run in runs.images]
    raw = Extreme("greatest", Reading.all(ratios))
    measurement = measured(worst.high, worst, seeds, failure_probability, raw=raw)
    return CheckedPair(Prediction(Interval(0.0, BELOW_ONE)), measurement)


def epoch_near(accuracies: tuple[float, ...], epochs: tuple[int, ...]) -> float:
    """The first recorded epoch at NEAR of the last accuracy; inf where that is 0."""
    last = accuracies[-1]
    return next(
        (float(e) for e, accuracy in zip(epochs, accuracies, strict=True) if accuracy >= NEAR * last > 0), math.inf
    )


def stage_ratio(run: ImageStages) -> Interval:
    """Epoch at which clean test accuracy is near its last value, over that of robust train accuracy, as recorded.

    Where both come near it at the same recorded epoch, the order of the two since the one before is not known. A
    run that never classifies anything, clean or attacked, has no such order: inf, the worst value.
    """
    clean = epoch_near(run.clean_test, run.epochs)
    robust = epoch_near(run.robust_train, run.epochs)
    if not (math.isfinite(clean) and math.isfinite(robust)):
        return Interval.point(math.inf)
    if clean != robust:
        return Interval.point(clean / robust)
    before = max((epoch for epoch in run.epochs if epoch < clean), default=0)
    return Interval((before + 1) / clean, clean / (before + 1))


def _exchanged(runs: QuestionRuns) -> QuestionRuns:
    return replace(
        runs,
        images=tuple(
            replace(run, clean_test=run.robust_train, robust_train=run.clean_test) for run in runs.images
        ),
    )


def answer(runs: QuestionRuns) -> str:
    """The order in which the accuracies of image classifiers arrive."""
    images = runs.images
    ordered = sum(stage_ratio(run).high < 1.0 for run in images)
    median = [
        float(np.median([epoch_near(getattr(run, name), run.epochs) for run in images]))
        for name in ("clean_test", "robust_test", "robust_train")
    ]
    gap = float(np.mean([run.robust_train[-1] - run.robust_test[-1] for run in images]))
    stages = "the order of the stages " + ("shows" if ordered == len(images) else "does not always show")
    plateau = (
        f"Robust test accuracy is there before robust train accuracy (median epoch {median[1]:.0f}), so the last "
        "part of training mostly memorizes"
        if median[1] < median[2]
        else "Robust test accuracy arrives no earlier than robust train accuracy (median epoch "
        f"{median[1]:.0f}), so no last stage of pure memorization is seen"
    )
    return (
        f"As an observation, {stages}: clean test accuracy is at {NEAR:.0%} of its last value before robust train "
        f"accuracy in {ordered} of {len(images)} runs (median epochs {median[0]:.0f} and {median[2]:.0f}). "
        f"{plateau}, and the last robust gap is {gap:.2f}."
    )


def draw(runs: QuestionRuns) -> Figure:
    """Accuracies over epochs, the mean over the runs and single runs faint."""
    epochs = [float(epoch) for epoch in runs.images[0].epochs]
    series = []
    for colour, name in enumerate(("clean_test", "robust_train", "robust_test")):
        curves = [getattr(run, name) for run in runs.images]
        series.append(Series(name.replace("_", " "), epochs, np.mean(curves, axis=0).tolist(), colour))
        if len(curves) > 1:
            series.extend(Series("", epochs, list(curve), colour, faint=True) for curve in curves)
    radius = runs.images[0].radius
    return Figure(
        name="questions_10_images",
        title="10. Do the three stages show on real images?",
        caption="Clean accuracy first, robust accuracy of training images last; thick: mean over the runs. The "
        "radius of the attack grows over the first fifth of the epochs.",
        panels=(
            Panel(
                f"digits, ℓ∞ radius {radius:g}, recorded epochs", "epoch", "accuracy", tuple(series), x_scale="log"
            ),
        ),
    )


CHECKED = (
    CheckedClaim(
        IMAGE_STAGES,
        check_image_stages,
        controls=(NegativeControl("exchanged", "robust train accuracy is claimed first", _exchanged),),
        needs=("images",),
    ),
)
QUESTION = Question(
    10,
    "Do the three stages show on real images?",
    IMAGE_STAGES.label,
    "questions_10_images",
    ("images",),
    answer,
    draw,
    kind="observation",
)
