"""The claim of theory.md 4.4 on capacity: robust accuracy and the gap at three widths fixed in advance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy

from cgro_theory.claims import Claim, Figure, Interval, Measurement, Panel, Prediction, Provenance, Relation
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong
from cgro_theory.vision.experiment import Moment

from ..runs.trained import LandscapeRuns
from . import symbols as s
from .figures import TEST, TRAIN, mean_series
from .over_seeds import POSITIVE, Note, compared, mean_within

CAPACITY = Claim(
    label="landscape.capacity",
    statement="With growing width the robust train accuracy rises and the robust generalization gap widens; "
    "beyond the width that fits the attacked training images the gap narrows slowly.",
    source=s.SOURCE,
    provenance=(Provenance.PAPER,),
    quantity="least of three mean differences between widths fixed in advance: rise of robust train accuracy and "
    "widening of the gap from narrow to middle, narrowing from middle to wide [share]",
    natural_range=Interval(-1.0, 1.0),
    relation=Relation.AT_LEAST,
    expression=sympy.Gt(
        sympy.Min(
            s.robust_train_accuracy(s.m_middle) - s.robust_train_accuracy(s.m_narrow),
            s.gap(s.m_middle) - s.gap(s.m_narrow),
            s.gap(s.m_middle) - s.gap(s.m_wide),
        ),
        0,
    ),
    limitations="widths between and beyond the three; radii other than the ladder's; middle widths and above "
    "that did not fit: one training above a robust train error of 0.1 after three doublings of its epochs leaves "
    "the claim undecided, and one width of a seed may train longer than another"
    + s.STUDENT
    + ", cut to [-1, 1], where every difference lies",
)

Differences = Callable[[Moment, Moment, Moment, float], tuple[float, float, float]]


def width_differences(narrow: Moment, middle: Moment, wide: Moment, radius: float) -> tuple[float, float, float]:
    """Rise of robust train accuracy, widening of the gap, its narrowing, at ``radius``, as fractions of images."""
    return (
        narrow.train.robust_error(radius) - middle.train.robust_error(radius),
        middle.robust_gap(radius) - narrow.robust_gap(radius),
        middle.robust_gap(radius) - wide.robust_gap(radius),
    )


def paired_differences(
    runs: LandscapeRuns, differences: Differences = width_differences
) -> dict[str, list[float]]:
    """The three differences of each seed that has the three widths."""
    radius = runs.width_ladder[0].recipe.radius
    narrow, middle, wide = (runs.rungs(width) for width in (runs.roles.narrow, runs.roles.middle, runs.roles.wide))
    found = [
        differences(narrow[seed].final, middle[seed].final, wide[seed].final, radius)
        for seed in sorted(set(narrow) & set(middle) & set(wide))
    ]
    names = ("rise of accuracy", "widening of the gap", "narrowing of the gap")
    return {name: [values[index] for values in found] for index, name in enumerate(names)}


def check_capacity(
    runs: LandscapeRuns, failure_probability: float, differences: Differences = width_differences
) -> CheckedPair:
    """Differences between the three widths, paired by seed; Student over the seeds for each."""
    if not runs.width_ladder:
        return CheckedPair(Prediction(POSITIVE), Measurement.failed("no ladder of widths was trained"))
    radius = runs.width_ladder[0].recipe.radius
    parts = paired_differences(runs, differences)
    notes: list[Note] = []
    for width in sorted({run.recipe.width for run in runs.width_ladder}):
        finals = [run.final for run in runs.rungs(width).values()]
        accuracy = 1.0 - float(np.mean([final.train.robust_error(radius) for final in finals]))
        gap = float(np.mean([final.robust_gap(radius) for final in finals]))
        notes += [(f"width {width}: mean robust train accuracy", accuracy), (f"width {width}: mean gap", gap)]
    for name, values in parts.items():
        if len(values) >= 2:
            ends = mean_within(values, failure_probability / len(parts), CAPACITY.natural_range)
            notes += [(f"{name}: low", ends.low), (f"{name}: high", ends.high)]
    fitted = [run for run in runs.width_ladder if run.recipe.width >= runs.roles.middle]
    return compared(runs, CAPACITY, POSITIVE, parts, failure_probability, fitted=fitted, notes=notes)


def _narrow_and_middle_exchanged(
    narrow: Moment, middle: Moment, wide: Moment, radius: float
) -> tuple[float, float, float]:
    return width_differences(middle, narrow, wide, radius)


CHECKED = (
    CheckedClaim(
        CAPACITY,
        check_capacity,
        controls=(
            with_wrong(
                "widths_reversed",
                "the narrow and the middle width exchanged",
                differences=_narrow_and_middle_exchanged,
            ),
        ),
        needs=("width_ladder",),
    ),
)


def figures(runs: LandscapeRuns) -> tuple[Figure, ...]:
    """Accuracies and the gap against the width."""
    if not runs.width_ladder:
        return ()
    radius, size = runs.width_ladder[0].recipe.radius, runs.width_ladder[0].train_size
    widths = sorted({run.recipe.width for run in runs.width_ladder})
    x = [float(width) for width in widths]

    def rows(read: Callable[[Moment], float]) -> list[list[float]]:
        by_width = [runs.rungs(width) for width in widths]
        seeds = sorted(set.intersection(*(set(rung) for rung in by_width)))
        return [[read(rung[seed].final) for rung in by_width] for seed in seeds]

    accuracy = (
        mean_series("robust train", x, rows(lambda m: 1.0 - m.train.robust_error(radius)), TRAIN),
        mean_series("robust test", x, rows(lambda m: 1.0 - m.test.robust_error(radius)), TEST),
        mean_series("clean test", x, rows(lambda m: 1.0 - m.test.clean_error), TEST, dashed=True),
    )
    gap = (mean_series("", x, rows(lambda m: m.robust_gap(radius)), 2),)
    axis = "width (channels of the first layer)"
    panels = (
        Panel("Accuracy", axis, "share of images", accuracy, x_scale="log"),
        Panel("Robust generalization gap", axis, "share of images", gap, x_scale="log"),
    )
    caption = (
        f"Networks of growing width on {size} digits, radius {radius:g}: means over seeds, bands from the least "
        "run to the largest."
    )
    title = "Capacity: robust accuracy rises; the gap widens, then narrows"
    return (Figure("landscape_capacity", title, caption, panels),)
