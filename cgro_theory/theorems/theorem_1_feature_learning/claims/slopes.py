"""Predicted against measured intervals of boundaries, and of their slopes over a ladder of sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Interval, LogSlope, Prediction, unmet
from cgro_theory.claims.condition import each_once
from cgro_theory.theorems.room import CheckedPair

from .worst_run import JudgedRun, judge_runs

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """A predicted and a measured interval that are to be compared, and where they come from.

    ``measured`` may be ``Interval.point(inf)``: never reached, which is outside. ``failure``: why there is no
    usable number. ``source``: what a measured slope is fitted to.
    """

    predicted: Prediction
    measured: Interval
    size: float
    seed: int
    failure: str = ""
    source: LogSlope | None = None


def nearest_boundary(entries: Sequence[Compared], failure_probability: float) -> CheckedPair:
    """One measured interval outside its prediction refutes; see :func:`judge_runs`."""
    judged = [
        JudgedRun(
            predicted=entry.predicted.interval,
            measured=entry.measured,
            leading_order=entry.predicted.leading_order,
            assumed=entry.predicted.assumed,
            failure=entry.failure,
            source=entry.source,
        )
        for entry in entries
    ]
    return judge_runs(judged, failure_probability, seeds=[entry.seed for entry in entries])


def nearest_slope(entries: Sequence[Compared], failure_probability: float) -> CheckedPair:
    """Least-squares slopes in log size, seed by seed: predicted and measured by interval arithmetic."""
    slopes = []
    for seed in sorted({entry.seed for entry in entries}):
        own = sorted((entry for entry in entries if entry.seed == seed), key=lambda entry: entry.size)
        slopes.append(_slope(own, seed))
    return nearest_boundary(slopes, failure_probability)


def _slope(own: Sequence[Compared], seed: int) -> Compared:
    assumed = each_once(each for entry in own for each in entry.predicted.assumed)
    failure = next((entry.failure for entry in own if entry.failure), "")
    weights = slope_weights([entry.size for entry in own])
    with np.errstate(divide="ignore", invalid="ignore"):
        leading = float(weights @ np.log([entry.predicted.leading_order for entry in own]))
    intervals = [entry.predicted.interval for entry in own]
    known = [interval for interval in intervals if interval is not None]
    predicted = None if unmet(assumed) or len(known) < len(own) else _weighted(weights, known)
    # One size that was never reached leaves no slope: outside, wherever the others lie.
    reached = all(math.isfinite(entry.measured.low) for entry in own)
    measured = _weighted(weights, [entry.measured for entry in own]) if reached else Interval.point(math.inf)
    source = LogSlope(tuple(entry.size for entry in own), tuple(entry.measured for entry in own))
    return Compared(Prediction(predicted, assumed, leading), measured, 1.0, seed, failure, source)


def slope_weights(sizes: Sequence[float]) -> Array:
    """Weights w with Σ w log x the least-squares slope of log x in log size. shape: (sizes,)"""
    logs = np.log(sizes)
    weights = (logs - logs.mean()) / ((logs - logs.mean()) ** 2).sum()
    # The middle of a ladder has weight 0, up to rounding: an infinite end there does not matter.
    return np.where(np.abs(weights) < 1e-12 * np.abs(weights).max(), 0.0, weights)


def _weighted(weights: Array, intervals: Sequence[Interval]) -> Interval:
    """Σ w log x for every x in its interval."""
    ends = np.array([[interval.low, interval.high] for interval in intervals])
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.maximum(ends, 0.0))
        terms = np.where(weights[:, None] == 0.0, 0.0, weights[:, None] * logs)
    terms = np.sort(terms, axis=1)
    return Interval(float(terms[:, 0].sum()), float(terms[:, 1].sum()))
