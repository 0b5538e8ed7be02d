"""How a statement about each run becomes two intervals; the run that decides is found in :mod:`worst_run`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from cgro_theory.claims import Interval, Prediction
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.claims.worst_run import JudgedRun, judge_runs
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import Groups, RunGroup

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


def extreme_run(
    groups: Groups, predicted: Interval, look: Callable[[RunGroup], ArrayLike], *, failure_probability: float
) -> CheckedPair:
    """One interval for a value of each run; ``look`` gives them, shape (runs,). NaN and inf are outside."""

    def entries(group: RunGroup) -> list[JudgedRun]:
        values = np.asarray(look(group), dtype=float)
        told = Prediction(predicted)
        return [per_run(group, run, told, float(value)) for run, value in enumerate(values)]

    return nearest_to_violation(groups, entries, failure_probability)


def seeds_of(groups: Groups) -> tuple[int, ...]:
    """The seeds of all runs; a ladder's groups share them, and each counts once as an independent draw."""
    return tuple(seed for group in groups for seed in group.trajectories.seeds)
