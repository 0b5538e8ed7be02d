"""Predicted against measured intervals of boundaries, and of their slopes over a ladder of sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import content_covered_by_all
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.boundary_prediction import BoundaryPrediction

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """A predicted and a measured interval that are to be compared, and where they come from."""

    predicted: BoundaryPrediction
    measured: Interval
    size: float
    seed: int

    @property
    def position(self) -> float:
        """0 with the measured interval at the centre of the predicted one, above 1 when it sticks out."""
        inside = self.predicted.interval
        if inside is None:
            return math.inf
        centre, half = (inside.low + inside.high) / 2, inside.width / 2
        farthest = max(abs(self.measured.low - centre), abs(self.measured.high - centre))
        return farthest / half if half > 0 else math.inf


def nearest_slope(entries: Sequence[Compared], failure_probability: float) -> CheckedPair:
    """Least-squares slopes in log size, seed by seed: predicted and measured by interval arithmetic."""
    slopes: list[Compared] = []
    for seed in sorted({entry.seed for entry in entries}):
        own = sorted((entry for entry in entries if entry.seed == seed), key=lambda entry: entry.size)
        unmet = tuple(dict.fromkeys(reason for entry in own for reason in entry.predicted.unmet))
        logs = np.log([entry.size for entry in own])
        weights = (logs - logs.mean()) / ((logs - logs.mean()) ** 2).sum()
        leading = float(weights @ np.log([entry.predicted.leading_order for entry in own]))
        intervals = [entry.predicted.interval for entry in own]
        known = [interval for interval in intervals if interval is not None]
        predicted = None if unmet or len(known) < len(own) else _weighted(weights, known)
        measured = _weighted(weights, [entry.measured for entry in own])
        slopes.append(Compared(BoundaryPrediction(predicted, leading, unmet), measured, 1.0, seed))
    return nearest_boundary(slopes, failure_probability)


def _weighted(weights: Array, intervals: Sequence[Interval]) -> Interval:
    """Σ w log x for every x in its interval."""
    with np.errstate(divide="ignore"):
        logs = np.log([[interval.low, interval.high] for interval in intervals])
    terms = np.sort(weights[:, None] * logs, axis=1)
    return Interval(float(terms[:, 0].sum()), float(terms[:, 1].sum()))


def nearest_boundary(entries: Sequence[Compared], failure_probability: float) -> CheckedPair:
    """The one that is nearest to leaving (or farthest outside) its predicted interval; it decides."""
    kept = [entry for entry in entries if not entry.predicted.unmet]
    if not kept:
        unmet = entries[0].predicted.unmet
        return CheckedPair(Prediction(None, unmet=unmet), Measurement.failed("no run meets the assumptions"))
    if any(entry.predicted.interval is None for entry in kept):
        return CheckedPair(Prediction(None), Measurement.failed("a prediction has no number"))
    worst = max(kept, key=lambda entry: entry.position)
    middles = [(entry.measured.low + entry.measured.high) / 2 for entry in kept]
    ratios = [middle / entry.predicted.leading_order for middle, entry in zip(middles, kept, strict=True)]
    seeds = tuple(sorted({entry.seed for entry in kept}))
    measurement = Measurement(
        estimate=(worst.measured.low + worst.measured.high) / 2,
        interval=worst.measured,
        confidence=1.0 - failure_probability,
        runs=len(kept),
        evidence=Kind.STATISTICAL,
        seeds=seeds,
        notes=(
            ("smallest ratio to leading order", min(ratios)),
            ("largest ratio to leading order", max(ratios)),
            ("left out", float(len(entries) - len(kept))),
            ("share of draws covered", content_covered_by_all(len(seeds), failure_probability)),
        ),
    )
    return CheckedPair(
        Prediction(worst.predicted.interval, leading_order=worst.predicted.leading_order), measurement
    )
