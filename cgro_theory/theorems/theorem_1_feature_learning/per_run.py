"""How a statement about each run becomes two intervals: the run that decides is the one nearest to failing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from cgro_theory.claims import Evidence, Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import content_covered_by_all
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.evidence import Groups, RunGroup
from cgro_theory.theorems.theorem_1_feature_learning.prediction import TimePrediction

BELOW_ONE = float(np.nextafter(1.0, 0.0))
"""The largest number that is less than 1."""
FLOW_ERROR_FACTOR = 1000.0
"""Relative error allowed to the integrator of the gradient flow, in units of its tolerance per step."""


class PerRun:
    """One run's prediction and value; ``TimePrediction.unmet`` leaves the run out."""

    def __init__(self, group: RunGroup, predicted: TimePrediction, value: float) -> None:
        self.value = float(value) if np.isfinite(value) else np.inf  # never reached is later than any time
        self.predicted = predicted
        self.interval = widened_for_flow(group, predicted.interval)

    @property
    def position(self) -> float:
        """0 at the centre of the predicted interval, 1 at its ends, more outside."""
        if self.interval is None:
            return np.inf
        centre, half = (self.interval.low + self.interval.high) / 2, self.interval.width / 2
        distance = abs(self.value - centre)
        return distance / half if half > 0 else (0.0 if distance == 0 else np.inf)


def widened_for_flow(group: RunGroup, interval: Interval | None) -> Interval | None:
    """The predicted interval with room for the integrator's own error; unchanged for descent."""
    if interval is None:
        return None
    slack = FLOW_ERROR_FACTOR * group.trajectories.relative_tolerance
    return Interval(interval.low - slack * abs(interval.low), interval.high + slack * abs(interval.high))


def nearest_to_violation(
    groups: Groups, look: Callable[[RunGroup], Sequence[PerRun]], failure_probability: float
) -> CheckedPair:
    """The run whose value is nearest to leaving (or farthest outside) its own predicted interval.

    The claim is about each run, so one run outside refutes it. Runs that miss an assumption are counted and
    left out; when all do, the claim is out of scope.
    """
    broken = _broken(groups)
    if broken is not None:
        return broken
    entries = [entry for group in groups for entry in look(group)]
    kept = [entry for entry in entries if not entry.predicted.unmet]
    if not kept:
        unmet = entries[0].predicted.unmet
        return CheckedPair(Prediction(None, unmet=unmet), Measurement.failed("no run meets the assumptions"))
    if any(entry.interval is None for entry in kept):
        return CheckedPair(Prediction(None), Measurement.failed("a prediction has no number"))
    worst = max(kept, key=lambda entry: entry.position)
    ratios = [entry.value / entry.predicted.leading_order for entry in kept if entry.predicted.leading_order]
    notes = (
        ("smallest ratio to leading order", min(ratios)),
        ("largest ratio to leading order", max(ratios)),
        ("runs left out", float(len(entries) - len(kept))),
    )
    return CheckedPair(
        Prediction(worst.interval, leading_order=worst.predicted.leading_order),
        _observed(groups, worst.value, failure_probability, notes, runs=len(kept)),
    )


def extreme_run(
    groups: Groups,
    predicted: Interval,
    look: Callable[[RunGroup], ArrayLike],
    *,
    largest: bool,
    failure_probability: float,
) -> CheckedPair:
    """The largest (or smallest) value over the runs, which one bad run decides; NaN counts as the worst."""
    broken = _broken(groups)
    if broken is not None:
        return broken
    values = np.concatenate([np.asarray(look(group), dtype=float) for group in groups])
    filled = np.where(np.isnan(values), np.inf if largest else -np.inf, values)
    value = float(filled.max() if largest else filled.min())
    return CheckedPair(Prediction(predicted), _observed(groups, value, failure_probability, (), runs=values.size))


def _broken(groups: Groups) -> CheckedPair | None:
    if not groups:
        return CheckedPair(Prediction(None), Measurement.failed("the runs of this claim were not made"))
    for group in groups:
        if group.failure:
            return CheckedPair(Prediction(Interval.point(0.0)), Measurement.failed(group.failure))
    return None


def _observed(
    groups: Groups,
    value: float,
    failure_probability: float,
    notes: tuple[tuple[str, float], ...],
    runs: int,
) -> Measurement:
    # Runs of different d share seeds, so only the seeds count as independent draws.
    independent = max(group.trajectories.runs for group in groups)
    covered = ("share of draws covered", content_covered_by_all(independent, failure_probability))
    return Measurement(
        estimate=value,
        interval=Interval.point(value),
        confidence=1.0 - failure_probability,
        runs=runs,
        evidence=Evidence.STATISTICAL,
        seeds=groups[0].trajectories.seeds,
        notes=(*notes, covered),
    )
