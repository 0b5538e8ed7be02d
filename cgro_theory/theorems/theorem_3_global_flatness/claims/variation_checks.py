"""The checks of the total variation and of its rate: realized samples against the explicit formulas."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import stats

from cgro_theory.claims import Evidence, Interval, Measurement, Prediction
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import BoundForm, RateLadder, SyntheticEvidence
from cgro_theory.theorems.theorem_3_global_flatness.theory.bounds import explicit_bound
from cgro_theory.theorems.theorem_3_global_flatness.theory.density import TorusDensity
from cgro_theory.theorems.theorem_3_global_flatness.theory.expected_variation import expected_variation
from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import (
    expected_total_variation,
    total_variation_bound,
)

QUADRATURE_ERROR = 2e-3
"""Relative error allowed for E TV by quadrature (see ``expected_variation``)."""
EXPLICIT_TOLERANCE = 1e-9
"""The explicit bound's exponent times D + 2 must be -1 up to this: float rounding of two logarithms."""
EXPLICIT_SIZES = (10**2, 10**3, 10**6, 10**12, 10**50, 10**300)


def check_total_variation(evidence: SyntheticEvidence, failure_probability: float) -> CheckedPair:
    """Each realized TV at Δ = failure_probability/cases; E TV by the counts' law against the expected bound."""
    claimed = Prediction(Interval.at_most(1.0))
    if not evidence.variations:
        return CheckedPair(claimed, Measurement.failed("no total variation was realized"))
    each = failure_probability / len(evidence.variations)
    form, ratios, notes = evidence.form, [], []
    laws = sorted(
        {
            (case.density.input_dimension, case.density.amplitude, case.num_samples, case.bandwidth)
            for case in evidence.variations
        }
    )
    for dimension, amplitude, count, bandwidth in laws:
        density = TorusDensity(dimension, amplitude)
        mean_bound = _mean_bound(count, bandwidth, density, form)
        deviation = total_variation_bound(count, dimension, bandwidth, density.smoothness, each)
        deviation -= expected_total_variation(count, dimension, bandwidth, density.smoothness)
        bound = mean_bound + form.deviation_factor * deviation
        realized = [
            case.realized
            for case in evidence.variations
            if (case.density, case.num_samples, case.bandwidth) == (density, count, bandwidth)
        ]
        own = Interval(max(e.low for e in realized) / bound, max(e.high for e in realized) / bound)
        ratios.append(own)
        notes.append((f"realized / bound, D={dimension}, a={amplitude:g}, N={count}", own.high))
        ratios.append(_around(expected_variation(count, bandwidth, density) / mean_bound))
    for ladder in evidence.ladders:
        dimension = ladder.density.input_dimension
        for count, bandwidth, expected in zip(ladder.sizes, ladder.bandwidths, ladder.expected, strict=True):
            ratios.append(_around(expected / _mean_bound(count, bandwidth, ladder.density, form)))
        notes.append((f"E TV / its bound, D={dimension}, N={ladder.sizes[-1]}", ratios[-1].high))
    worst = Interval(max(entry.low for entry in ratios), max(entry.high for entry in ratios))
    measured = Measurement(
        worst.high,
        worst,
        1.0 - failure_probability,
        len(evidence.variations),
        Evidence.STATISTICAL,
        seeds=tuple(sorted({case.seed for case in evidence.variations})),
        notes=tuple(notes),
    )
    return CheckedPair(claimed, measured)


def _mean_bound(count: int, bandwidth: float, density: TorusDensity, form: BoundForm) -> float:
    """The expected bound, its sampling term multiplied by the form's factor."""
    dimension, smoothness = density.input_dimension, density.smoothness
    total = expected_total_variation(count, dimension, bandwidth, smoothness)
    bias = bandwidth * dimension / (dimension + 1) * smoothness.gradient_variation / 2.0
    return bias + form.sampling_factor * (total - bias)


def _around(value: float) -> Interval:
    return Interval(value * (1.0 - QUADRATURE_ERROR), value * (1.0 + QUADRATURE_ERROR))


def check_rate(evidence: SyntheticEvidence, failure_probability: float) -> CheckedPair:
    """Exponents of the realized TV by least squares, delta-method interval; the explicit one must be exact."""
    if not evidence.ladders:
        return CheckedPair(Prediction(None), Measurement.failed("no ladder of sample sizes was run"))
    allowed = Prediction(Interval(-2.0, -1.0), leading_order=-1.0)
    each = failure_probability / len(evidence.ladders)
    fits, notes = [], []
    for ladder in evidence.ladders:
        dimension = ladder.density.input_dimension
        exact = Interval(-1.0 - EXPLICIT_TOLERANCE, -1.0 + EXPLICIT_TOLERANCE)
        explicit = explicit_exponents(ladder.density, evidence.form.bandwidth_shift)
        if not exact.contains(explicit):
            measured = Measurement(explicit.low, explicit, 1.0, len(EXPLICIT_SIZES), Evidence.INTERVAL)
            return CheckedPair(Prediction(exact, leading_order=-1.0), measured)
        estimate, fit = realized_exponent(ladder, each)
        fits.append((estimate, fit))
        notes += [
            (f"realized exponent times D + 2, D={dimension}", estimate),
            (f"the same of E TV by the counts' law, D={dimension}", expected_exponent(ladder)),
            (f"its last decade alone, D={dimension}", expected_exponent(ladder, last=2)),
            (f"the explicit bound's, D={dimension}", explicit.low),
        ]
    estimate, worst = max(fits, key=lambda item: max(-2.0 - item[1].low, item[1].high + 1.0))
    runs = sum(len(row) for ladder in evidence.ladders for row in ladder.realized)
    measured = Measurement(
        estimate, worst, 1.0 - failure_probability, runs, Evidence.STATISTICAL, notes=tuple(notes)
    )
    return CheckedPair(allowed, measured)


def explicit_exponents(density: TorusDensity, shift: float = 0.0) -> Interval:
    """The range of (D + 2)·Δlog(bound)/Δlog N between successive EXPLICIT_SIZES, at h = N^(-1/(D+2) + shift)."""
    dimension = density.input_dimension
    logs = []
    for count in EXPLICIT_SIZES:
        bandwidth = min(0.5, math.exp(math.log(count) * (shift - 1.0 / (dimension + 2))))
        bound = explicit_bound(count, dimension, bandwidth, 1.0, density.smoothness, perturbation_radius=0.0)
        logs.append((math.log(count), bound.log10_total * math.log(10.0)))
    slopes = [
        (after[1] - before[1]) / (after[0] - before[0]) * (dimension + 2)
        for before, after in itertools.pairwise(logs)
    ]
    return Interval(min(slopes), max(slopes)).widened(1e-13)


def _fit_weights(sizes: tuple[int, ...]) -> np.ndarray:
    """Weights w with slope = Σ w_i log y_i of the least-squares line over log N."""
    logs = np.log(np.asarray(sizes, dtype=float))
    centred = logs - logs.mean()
    return np.asarray(centred / (centred @ centred))


def realized_exponent(ladder: RateLadder, failure_probability: float) -> tuple[float, Interval]:
    """(D + 2)·slope of log(mean TV) in log N, and an interval by the delta method.

    Samples are independent over seeds and N, so that Var = Σ w_i² s_i²/(n_i m_i²); Student's quantile with the
    smallest number of degrees of freedom. Asymptotic: means of bounded values, relative errors of a few per cent.
    """
    weights = _fit_weights(ladder.sizes)
    rows = [np.asarray(row) for row in ladder.realized]
    means = np.array([row.mean() for row in rows])
    errors = np.array([row.std(ddof=1) / math.sqrt(len(row)) for row in rows])
    slope = float(weights @ np.log(means))
    spread = float(np.sqrt(np.sum((weights * errors / means) ** 2)))
    degrees = min(len(row) for row in rows) - 1
    half = float(stats.t.isf(failure_probability / 2.0, degrees)) * spread
    scale = ladder.density.input_dimension + 2
    return scale * slope, Interval(scale * (slope - half), scale * (slope + half))


def expected_exponent(ladder: RateLadder, last: int | None = None) -> float:
    """(D + 2)·slope of log E TV, by the counts' law, over all sizes or the ``last`` ones."""
    start = 0 if last is None else -last
    slope = float(_fit_weights(ladder.sizes[start:]) @ np.log(np.asarray(ladder.expected[start:])))
    return (ladder.density.input_dimension + 2) * slope
