"""How a claim is judged by one number per seed.

A seed draws split, start, batches and attacks, so that seeds are independent given the pool of images; epochs and
widths of one seed are not, and are never counted as if they were.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from cgro_theory.claims import Claim, Evidence, Extreme, Interval, Mean, MeanRule, Measurement, Prediction, Reading
from cgro_theory.numerics.confidence import student_mean
from cgro_theory.theorems.checked_claim import CheckedPair
from cgro_theory.vision.experiment import ExperimentRecord

from ..runs.profiles import LOW_ROBUST_TRAIN_ERROR
from ..runs.trained import LandscapeRuns

POSITIVE = Interval.at_least(math.ulp(0.0))
Note = tuple[str, float]


def compared(
    runs: LandscapeRuns,
    claim: Claim,
    wanted: Interval,
    parts: Mapping[str, Sequence[float]],
    failure_probability: float,
    *,
    fitted: Sequence[ExperimentRecord],
    notes: Sequence[Note],
) -> CheckedPair:
    """The least of the parts' means against ``wanted``: Student's intervals hold together by the union bound.

    Whether a training reached its target is an outcome. The claims speak of networks that did, so where one that
    is to be ``fitted`` did not, it is neither left out nor counted: nothing is decided.
    """
    prediction = Prediction(wanted)
    unfitted = _unfitted(fitted)
    if unfitted:
        return CheckedPair(prediction, Measurement.failed(unfitted))
    if runs.failures:
        return CheckedPair(prediction, Measurement.failed("a run broke off: " + runs.failures[0]))
    if any(len(values) < 2 for values in parts.values()):
        return CheckedPair(prediction, Measurement.failed("fewer than two runs"))
    if not all(math.isfinite(value) for values in parts.values() for value in values):
        return CheckedPair(prediction, Measurement.failed("a measure is not a finite number"))
    ends = [
        mean_within(values, failure_probability / len(parts), claim.natural_range) for values in parts.values()
    ]
    share, natural = failure_probability / len(parts), claim.natural_range
    readings = tuple(
        Reading(end, Mean.of(values, MeanRule.STUDENT, share, natural))
        for end, values in zip(ends, parts.values(), strict=True)
    )
    # The least mean lies between the least low end and the least high end when every interval holds.
    interval = Interval(min(end.low for end in ends), min(end.high for end in ends))
    measured = Measurement(
        min(float(np.mean(values)) for values in parts.values()),
        interval,
        1.0 - failure_probability,
        min(len(values) for values in parts.values()),
        Evidence.STATISTICAL,
        seeds=tuple(sorted({run.seed for run in fitted})),
        notes=(*notes, *_lengths(fitted)),
        raw=Extreme("least", readings),
    )
    return CheckedPair(prediction, measured)


def mean_within(values: Sequence[float], failure_probability: float, natural_range: Interval) -> Interval:
    """Student's interval of a mean, cut to the range in which every value lies: the mean lies there too."""
    ends = student_mean(values, failure_probability)
    low, high = natural_range.low, natural_range.high
    return Interval(min(max(ends.low, low), high), max(min(ends.high, high), low))


def _lengths(runs: Sequence[ExperimentRecord]) -> list[Note]:
    """How many trainings took how many epochs: more than the fewest where one went on to reach its target."""
    counts = Counter((run.recipe.width, run.recipe.epochs) for run in runs if run.recipe.adversarial)
    return [
        (f"trainings of {epochs} epochs, width {width}", float(count))
        for (width, epochs), count in sorted(counts.items())
    ]


def _unfitted(runs: Sequence[ExperimentRecord]) -> str:
    """Which adversarial runs did not fit their attacked training images; nothing when all did."""
    attacked = [run for run in runs if run.recipe.adversarial]
    above = [run for run in attacked if not run.strong_train_error <= LOW_ROBUST_TRAIN_ERROR]
    if not above:
        return ""
    worst_run = max(above, key=lambda run: np.nan_to_num(run.strong_train_error, nan=math.inf))
    return (
        f"a training missed its target: robust train error {worst_run.strong_train_error:.3f} > "
        f"{LOW_ROBUST_TRAIN_ERROR:g} at width {worst_run.recipe.width}, seed {worst_run.seed} "
        f"({len(above)} of {len(attacked)} runs)"
    )
