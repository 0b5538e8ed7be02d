"""How a statement about each run becomes two intervals; the run that decides is found in :mod:`worst_run`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cgro_theory.claims import Counts, Evidence, Interval, Measurement, OneReading, Prediction, Reading
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.theorems.checked_claim import Check, CheckedPair

from ..runs.trained import GroupName, Groups, RunGroup, TrainedEvidence
from .scope import Stated, met
from .worst_run import JudgedRun, judge_runs

BELOW_ONE = float(np.nextafter(1.0, 0.0))
"""The largest number that is less than 1."""


def per_run(
    group: RunGroup, run: int, predicted: Prediction, value: float, *, relative_error: float = 0.0
) -> JudgedRun:
    """One run's prediction and value. A value that is NaN or infinite was never reached: outside.

    ``relative_error``: the integrator's own, as measured by :class:`FlowError`; the prediction is widened by it.
    """
    return JudgedRun(
        predicted=widened(predicted.interval, relative_error),
        measured=Interval.point(float(value)) if math.isfinite(value) else None,
        leading_order=predicted.leading_order,
        assumed=predicted.assumed,
        failure=group.failure_of(run),
    )


def widened(interval: Interval | None, relative_error: float) -> Interval | None:
    """The predicted interval with room for a relative error of what is measured."""
    if interval is None or relative_error == 0.0:
        return interval
    low, high = interval.low, interval.high
    return Interval(low - relative_error * abs(low), high + relative_error * abs(high))


def nearest_to_violation(
    groups: Groups, look: Callable[[RunGroup], Sequence[JudgedRun]], failure_probability: float
) -> CheckedPair:
    """The claim is about each run of the groups, so one run outside refutes it; see :func:`judge_runs`."""
    entries = [entry for group in groups for entry in look(group)]
    return judge_runs(entries, failure_probability, seeds=seeds_of(groups))


def every_run(
    name: GroupName, predicted: Interval, look: Callable[[RunGroup], ArrayLike], stated: Stated
) -> Check:
    """The check of one interval for a value of each run of a set, under the conditions that the claim states.

    ``look`` gives the values of a group, shape (runs,). NaN and inf are outside.
    """

    def entries(group: RunGroup) -> list[JudgedRun]:
        values = np.asarray(look(group), dtype=float)
        return [
            per_run(group, run, Prediction(predicted, assumed), float(value))
            for run, (value, assumed) in enumerate(zip(values, met(group, stated), strict=True))
        ]

    def check(runs: TrainedEvidence, failure_probability: float) -> CheckedPair:
        return nearest_to_violation(getattr(runs, name), entries, failure_probability)

    return check


def counted(
    groups: Groups,
    wrong: Sequence[NDArray[np.int64]],
    trials: Sequence[int],
    interval_failure: float,
    failure_probability: float,
) -> Measurement:
    """An error rate over all points of all groups, with Clopper and Pearson's interval.

    ``wrong``: misclassified points by group, each of shape (runs,); ``trials``: points by group, over its runs.
    """
    total, count = sum(trials), int(sum(entry.sum() for entry in wrong))
    ends = clopper_pearson(count, total, interval_failure)
    return Measurement(
        estimate=count / total,
        interval=Interval(ends.low, ends.high),
        confidence=1.0 - failure_probability,
        runs=sum(group.trajectories.runs for group in groups),
        evidence=Evidence.STATISTICAL,
        seeds=groups[0].trajectories.seeds,
        failure=next((group.failure for group in groups if group.failure), ""),
        notes=(("points", float(total)),),
        raw=OneReading(Reading.of(ends, Counts(count, total, interval_failure))),
    )


def seeds_of(groups: Groups) -> tuple[int, ...]:
    """The seeds of all runs; a ladder's groups share them, and each counts once as an independent draw."""
    return tuple(seed for group in groups for seed in group.trajectories.seeds)
