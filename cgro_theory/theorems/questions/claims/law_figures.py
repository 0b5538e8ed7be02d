"""The figures of questions 6, 7 and 9, as data."""

from __future__ import annotations

import math

from cgro_theory.claims import Figure, Panel, Series
from cgro_theory.theorems.questions.runs.made import QuestionsEvidence
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import deviation


def draw_control(evidence: QuestionsEvidence) -> Figure:
    """Robust train against robust test error, with and without the adversarial term."""
    standard = [r for r in evidence.controls if r.adversarial_weight == 0.0]
    other = [r for r in evidence.controls if r.adversarial_weight > 0.0]
    series = tuple(
        Series(
            name,
            [r.robust_train_wrong / r.train_points for r in runs],
            [r.robust_wrong / r.test_points for r in runs],
            colour,
            "points",
        )
        for name, runs, colour in (("standard training, λ = 0", standard, 1), ("adversarial training", other, 0))
        if runs
    )
    line = Series("no gap", [0.0, 0.8], [0.0, 0.8], 7, "dashed")
    return Figure(
        name="questions_6_control",
        title="6. Adversarial training or the data?",
        caption="Each point is a network; its height above the line is the robust generalization gap.",
        panels=(Panel("one draw, two trainings", "robust train error", "robust test error", (*series, line)),),
    )


def draw_fresh(evidence: QuestionsEvidence) -> Figure:
    """Counted errors against the exact law."""
    dimensions = sorted({e.setting.patch_dimension for e in evidence.fresh})
    series = []
    for colour, dimension in enumerate(dimensions):
        own = [e for e in evidence.fresh if e.setting.patch_dimension == dimension]
        laws = [float(e.law_errors().mean()) for e in own]
        rates = [e.wrong / e.test_points for e in own]
        series.append(Series(f"d = {dimension:.0e}", laws, rates, colour, "points"))
    series.append(Series("equal", [0.0, 1.0], [0.0, 1.0], 7, "dashed"))
    return Figure(
        name="questions_7_fresh",
        title="7. A fresh sample's error, exactly",
        caption="Each point is a trained network under one attack, κ from 1 (no attack) through small to "
        "negative.",
        panels=(Panel("every network and attack", "error by the exact law", "counted error", tuple(series)),),
    )


def draw_dimension(evidence: QuestionsEvidence) -> Figure:
    """What varies with d for the cubic networks."""
    cubic = sorted((c for c in evidence.degrees if c.setting.degree == 3), key=lambda c: c.setting.patch_dimension)
    x = [float(c.setting.patch_dimension) for c in cubic]
    ratios = [deviation(c.law) / c.signal_margin if c.signal_margin > 0 else math.nan for c in cubic]
    reference = sorted(set(x))
    anchor = ratios[0]
    return Figure(
        name="questions_9_dimension",
        title="9. What varies with the dimension",
        caption="Left: a fresh point's noise against the signal, with the power -q/2. Right: the two times.",
        panels=(
            Panel(
                title="noise against signal",
                x_label="patch dimension d",
                y_label="std V / z",
                series=(
                    Series("trained networks", x, ratios, 0, "points"),
                    Series(
                        "d^(-3/2)",
                        reference,
                        [anchor * (e / reference[0]) ** -1.5 for e in reference],
                        7,
                        "dashed",
                    ),
                ),
                x_scale="log",
                y_scale="log",
            ),
            Panel(
                title="times of the two stages",
                x_label="patch dimension d",
                y_label="time (units of η·step)",
                series=(
                    Series("T_III, first memorization", x, [c.first_memorization for c in cubic], 1, "points"),
                    Series("T_I, signal", x, [c.signal_time for c in cubic], 0, "points"),
                ),
                x_scale="log",
                y_scale="log",
            ),
        ),
    )
