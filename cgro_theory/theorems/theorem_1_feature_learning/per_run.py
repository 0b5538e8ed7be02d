"""How a statement about each run becomes two intervals: the run that decides is the one nearest to failing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Evidence, Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import content_covered_by_all
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.evidence import RunGroup
from cgro_theory.theorems.theorem_1_feature_learning.prediction import TimePrediction


def nearest_to_violation(
    group: RunGroup,
    predicted: Sequence[TimePrediction],
    measured: NDArray[np.float64],
    failure_probability: float,
) -> CheckedPair:
    """The run whose value is nearest to leaving (or farthest outside) its own predicted interval.

    The claim is about each run, so one run outside refutes it. Runs that miss an assumption are counted and
    left out; when all do, the claim is out of scope.
    """
    kept = [run for run, entry in enumerate(predicted) if not entry.unmet]
    if not kept:
        return CheckedPair(
            Prediction(None, unmet=predicted[0].unmet), Measurement.failed("no run meets the assumptions")
        )
    if group.failure:
        return CheckedPair(Prediction(predicted[kept[0]].interval), Measurement.failed(group.failure))
    positions = []
    for run in kept:
        interval = predicted[run].interval
        if interval is None:
            return CheckedPair(Prediction(None), Measurement.failed("a prediction has no number"))
        value = float(measured[run])
        value = value if np.isfinite(value) else np.inf  # a level never reached is later than any time
        centre, half = (interval.low + interval.high) / 2, interval.width / 2
        positions.append(abs(value - centre) / half if half > 0 else float(value != centre) * np.inf)
    worst = kept[int(np.argmax(positions))]
    entry = predicted[worst]
    value = float(measured[worst]) if np.isfinite(measured[worst]) else np.inf
    ratios = np.array([measured[run] / predicted[run].leading_order for run in kept])
    notes = (
        ("smallest ratio to leading order", float(np.min(ratios))),
        ("largest ratio to leading order", float(np.max(ratios))),
        ("runs left out", float(len(predicted) - len(kept))),
        ("share of draws covered", content_covered_by_all(len(kept), failure_probability)),
    )
    return CheckedPair(
        Prediction(entry.interval, leading_order=entry.leading_order),
        _observed(group, value, failure_probability, notes, runs=len(kept)),
    )


def extreme_run(
    group: RunGroup,
    predicted: Interval,
    values: NDArray[np.float64],
    *,
    largest: bool,
    failure_probability: float,
) -> CheckedPair:
    """The largest (or smallest) value over the runs, which one bad run decides."""
    if group.failure:
        return CheckedPair(Prediction(predicted), Measurement.failed(group.failure))
    filled = np.where(np.isnan(values), np.inf if largest else -np.inf, values)
    value = float(filled.max() if largest else filled.min())
    notes = (("share of draws covered", content_covered_by_all(values.size, failure_probability)),)
    return CheckedPair(Prediction(predicted), _observed(group, value, failure_probability, notes, values.size))


def _observed(
    group: RunGroup,
    value: float,
    failure_probability: float,
    notes: tuple[tuple[str, float], ...],
    runs: int,
) -> Measurement:
    return Measurement(
        estimate=value,
        interval=Interval.point(value),
        confidence=1.0 - failure_probability,
        runs=runs,
        evidence=Evidence.STATISTICAL,
        seeds=group.trajectories.seeds,
        notes=notes,
    )
