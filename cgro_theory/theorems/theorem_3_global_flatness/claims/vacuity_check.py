"""Where the bound says nothing: a brute-force minimum over h in plain logarithms against the calculator."""

from __future__ import annotations

import math

import numpy as np

from cgro_theory.claims import Evidence, Interval, Measurement, Prediction
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_3_global_flatness.claims.bound_checks import global_bound
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import SyntheticEvidence
from cgro_theory.theorems.theorem_3_global_flatness.runs.profiles import AMPLITUDE
from cgro_theory.theorems.theorem_3_global_flatness.theory.density import TorusDensity
from cgro_theory.theorems.theorem_3_global_flatness.theory.periodic_network import LOSS_BOUND
from cgro_theory.theorems.theorem_3_global_flatness.theory.vacuity import log10_samples_until_below
from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import DensitySmoothness

MODERATE_FROM = 10**5
"""The N from which the bound must be below B in one dimension for a moderately trained f."""
_AROUND = 1e-6
"""How far from the named log10 N the bound is looked at, relative to 1 + log10 N."""
_ROUNDING = 1e-9


def check_vacuity(evidence: SyntheticEvidence, failure_probability: float) -> CheckedPair:
    """log10(bound/B) by brute force: >= 0 at image sizes and just below the named N, <= 0 just above it."""
    claimed = Prediction(Interval.at_least(0.0))
    moderate = [
        case
        for case in evidence.cases
        if case.kind == "moderate" and case.input_dimension == 1 and case.num_samples >= MODERATE_FROM
    ]
    if not evidence.image_scales or not moderate:
        return CheckedPair(claimed, Measurement.failed("no image scale or no moderate f", Evidence.INTERVAL))
    margins, notes = [], []
    for scale in evidence.image_scales:
        at_hand = math.log10(scale.num_samples)
        known = (scale.input_dimension, scale.flatness, scale.density)
        named = log10_samples_until_below(*known, loss_bound=LOSS_BOUND)
        step = _AROUND * (1.0 + named)
        margins.append(least_log10_bound(at_hand, *known))
        margins.append(least_log10_bound(named - step, *known))
        margins.append(-least_log10_bound(named + step, *known))
        notes.append((f"{scale.name}, D={scale.input_dimension}: VACUOUS until log10 N", named))
        notes.append((f"{scale.name}: log10(bound/B) at N={scale.num_samples}", margins[-3]))
    for case in moderate:
        # h of the case may be poor on purpose: the bound holds at every h at once, so the best one counts
        best = min(
            global_bound(other, evidence.form).high
            for other in moderate
            if (other.num_samples, other.seed) == (case.num_samples, case.seed)
        )
        margins.append(-math.log10(best / LOSS_BOUND))
    notes += _starts(evidence)
    worst = min(margins)
    measured = Measurement(
        worst,
        Interval(worst - _ROUNDING, worst + _ROUNDING),
        1.0,
        len(margins),
        Evidence.INTERVAL,
        notes=tuple(notes),
    )
    return CheckedPair(claimed, measured)


def least_log10_bound(
    log10_samples: float, input_dimension: int, flatness: float, density: DensitySmoothness
) -> float:
    """min over 20,000 h in (0, 1/2], then over 20,000 near the best, of log10(h·F + TV bound), B = 1.

    theory.md 4.2 written out again in logarithms of floats; shares nothing with :mod:`vacuity`.
    """
    roots = sum(math.sqrt(weight) for weight in density.class_weights)
    rising = flatness + input_dimension / (input_dimension + 1) * density.gradient_variation / 2.0

    def log10_bound(log10_h: np.ndarray) -> np.ndarray:
        first = math.log10(rising) + log10_h
        second = math.log10(roots / 2.0) - (log10_samples + input_dimension * (math.log10(2.0) + log10_h)) / 2.0
        top = np.maximum(first, second)
        return np.asarray(top + np.log10(10.0 ** (first - top) + 10.0 ** (second - top)))

    grid = np.linspace(-12.0, math.log10(0.5), 20_001)
    best = int(np.argmin(log10_bound(grid)))
    fine = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], 20_001)
    return float(np.min(log10_bound(fine)))


def _starts(evidence: SyntheticEvidence) -> list[tuple[str, float]]:
    """Per D the least N at which a moderate f's realized bound is below B, and log10 N of the explicit one.

    The explicit bound uses that f's certified F at r = 1/2 as a number, valid at every radius, and Δ = 0.05.
    """
    found = []
    for dimension in sorted({case.input_dimension for case in evidence.cases}):
        own = [case for case in evidence.cases if case.kind == "moderate" and case.input_dimension == dimension]
        speaking = [case.num_samples for case in own if global_bound(case, evidence.form).high < LOSS_BOUND]
        if speaking:
            found.append((f"D={dimension}: least N tried with a realized bound below B", float(min(speaking))))
        if own:
            flatness = max(case.widest_flatness for case in own)
            smoothness = TorusDensity(dimension, AMPLITUDE).smoothness
            start = log10_samples_until_below(
                dimension, flatness, smoothness, loss_bound=LOSS_BOUND, failure_probability=0.05
            )
            found.append((f"D={dimension}: explicit bound below B from log10 N, at F={flatness:.3g}", start))
    return found
