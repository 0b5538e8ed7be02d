"""Where the bound says nothing: a brute-force minimum over h in plain logarithms against the calculator."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import sympy

from cgro_theory.claims import (
    Claim,
    Evidence,
    Extreme,
    Interval,
    Measurement,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
)
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl

from ..runs.made import TorusRuns
from ..theory.periodic_network import LOSS_BOUND
from ..theory.vacuity import log10_samples_until_below, optimal_bandwidth
from ..theory.variation_bound import NARROW_KERNEL, DensitySmoothness
from . import symbols as s
from .forms import global_bound, least_bound, where_it_speaks

VACUITY = Claim(
    label="theorem_3.vacuity",
    statement="At image dimension the explicit bound exceeds B for every h and stays VACUOUS until the N that the "
    "calculator names; in D = 1 it is below B at N = 10^5 for a moderately trained f.",
    source=Source("theory.md", "4.3"),
    provenance=(Provenance.NEW,),
    quantity="smallest signed log10(bound/B): at image sizes, just around the N named, and at D = 1, N >= 10^5",
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.AT_LEAST,
    expression=sympy.Ge(s.h * s.F_D + s.B * s.EXPECTED_VARIATION, s.B),
    assumptions=(NARROW_KERNEL,),
    statistical=False,
    limitations="F and the density at image dimension are assumed (constants image_flatness, amplitude), not "
    "measured; real images have no known density; the best h is searched on a grid, in floats",
)

MODERATE_FROM = 10**5
"""The N from which the bound must be below B in one dimension for a moderately trained f."""
_AROUND = 1e-6
"""How far from the named log10 N the bound is looked at, relative to 1 + log10 N."""
_ROUNDING = 1e-9


def check_vacuity(runs: TorusRuns, failure_probability: float) -> CheckedPair:
    """log10(bound/B) by brute force: >= 0 at image sizes and just below the named N, <= 0 just above it."""
    moderate = [case for case in runs.moderate_line if case.num_samples >= MODERATE_FROM]
    if not runs.image_scales or not moderate:
        failed = Measurement.failed("no image scale or no moderate f")
        return CheckedPair(Prediction(None), failed)
    margins, notes, widths = [], [], []
    for scale in runs.image_scales:
        known = (scale.input_dimension, scale.flatness, scale.density)
        widths.append(optimal_bandwidth(scale.num_samples, *known, loss_bound=LOSS_BOUND))
        named = log10_samples_until_below(*known, loss_bound=LOSS_BOUND)
        step = _AROUND * (1.0 + named)
        at_hand = least_log10_bound(math.log10(scale.num_samples), *known)
        margins += [at_hand, least_log10_bound(named - step, *known), -least_log10_bound(named + step, *known)]
        notes.append((f"{scale.name}, D={scale.input_dimension}: VACUOUS until log10 N", named))
        notes.append((f"{scale.name}: flatness F assumed", scale.flatness))
        notes.append((f"{scale.name}: V of the density assumed", scale.density.gradient_variation))
        notes.append((f"{scale.name}: log10(bound/B) at N={scale.num_samples}", at_hand))
    for case in moderate:
        own = (each for each in moderate if (each.num_samples, each.seed) == (case.num_samples, case.seed))
        margins.append(-math.log10(global_bound(least_bound(own)).high / LOSS_BOUND))
    notes += where_it_speaks(runs.moderate_line)
    smallest = min(margins)
    measured = Measurement(
        smallest,
        Interval(smallest - _ROUNDING, smallest + _ROUNDING),
        1.0,
        len(margins),
        Evidence.STATISTICAL,
        notes=tuple(notes),
        raw=Extreme("least", Reading.all(Interval(each - _ROUNDING, each + _ROUNDING) for each in margins)),
    )
    return CheckedPair(Prediction(Interval.at_least(0.0), (NARROW_KERNEL.given(h=max(widths)),)), measured)


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


def _dimension_forgotten(runs: TorusRuns) -> TorusRuns:
    """Image data judged with the rate of one dimension."""
    scales = tuple(
        replace(
            scale,
            input_dimension=1,
            density=DensitySmoothness(
                scale.density.gradient_variation / scale.input_dimension, scale.density.class_weights
            ),
        )
        for scale in runs.image_scales
    )
    return replace(runs, image_scales=scales)


CHECKED = (
    CheckedClaim(
        VACUITY,
        check_vacuity,
        controls=(
            NegativeControl(
                "dimension_forgotten",
                "images judged with the rate of one dimension: the bound would not be vacuous",
                _dimension_forgotten,
            ),
        ),
        needs=("moderate_line", "image_scales"),
    ),
)
