"""The total variation and its rate: realized samples against the explicit bound (theory.md 4.2)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import sympy
from scipy import stats

from cgro_theory.claims import (
    Case,
    Claim,
    Evidence,
    Extreme,
    Figure,
    FittedPower,
    Interval,
    Measurement,
    Panel,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Series,
    Source,
    WorstCase,
)
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong

from ..runs.made import RateLadder, TorusRuns, VariationCase
from ..runs.profiles import AMPLITUDE
from ..runs.samples import realized_row
from ..theory.bounds import explicit_bound
from ..theory.density import TorusDensity
from ..theory.expected_variation import expected_variation
from ..theory.vacuity import rate_bandwidth
from ..theory.variation_bound import (
    MAX_BANDWIDTH,
    NARROW_KERNEL,
    DensitySmoothness,
    expected_total_variation,
    total_variation_bound,
)
from . import symbols as s

TOTAL_VARIATION = Claim(
    label="theorem_3.total_variation",
    statement="E TV(P, P̂_h) <= ½[h·D/(D+1)·Σ π_y∫‖∇p_y‖₁ + (N(2h)^D)^(-1/2)·Σ√π_y] for 2h <= 1, and TV exceeds "
    "that by more than √(log(1/Δ)/(2N)) with probability at most Δ.",
    source=Source("theory.md", "4.2, 4.3"),
    provenance=(Provenance.NEW,),
    quantity="largest ratio of realized TV to its bound at confidence 1 - Δ, and of E TV to its bound",
    natural_range=Interval.at_least(0.0),
    relation=Relation.AT_MOST,
    expression=sympy.Le(s.TV, s.EXPECTED_VARIATION + sympy.sqrt(sympy.log(1 / s.Delta) / (2 * s.N))),
    assumptions=(NARROW_KERNEL,),
    limitations="other densities; E TV itself is computed from the counts' law by quadrature",
)
RATE = Claim(
    label="theorem_3.rate",
    statement="At h = N^(-1/(D+2)) the explicit bound falls with exponent exactly -1/(D+2) in N, and the realized "
    "total variation of the densities used, over N = 10^2 to 10^6, with one between -2/(D+2) and -1/(D+2).",
    source=Source(s.PAPER, "Appendix B", "version 4"),
    provenance=(Provenance.PAPER,),
    quantity="fitted exponent of the realized TV times D + 2, the D nearest to an end",
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.WITHIN,
    expression=sympy.Eq(s.slope, -1 / (s.D + 2)),
    assumptions=(NARROW_KERNEL,),
    depends_on=("theorem_3.total_variation",),
    limitations="single decades and flatter densities: counts in a box are binomial and not Poisson, so that a "
    "uniform density has an exponent above -1/(D+2) at every finite N, and at D = 1 each comes to -1/3 from above",
)

QUADRATURE_ERROR = 2e-3
"""Relative error allowed for E TV by quadrature (see ``expected_variation``)."""
EXPLICIT_TOLERANCE = 1e-9
"""The explicit bound's exponent times D + 2 must be -1 up to this: float rounding of two logarithms."""
EXPLICIT_SIZES = (10**2, 10**3, 10**6, 10**12, 10**50, 10**300)
REALIZED = Interval(-2.0, -1.0)
"""Where the fitted exponent of the realized TV times D + 2 is to lie."""
REPEATED = 1000
"""Different points of the samples of a negative control."""

ExpectedBound = Callable[[int, int, float, DensitySmoothness], float]
SureBound = Callable[[int, int, float, DensitySmoothness, float], float]


def check_total_variation(
    runs: TorusRuns,
    failure_probability: float,
    expected_bound: ExpectedBound = expected_total_variation,
    sure_bound: SureBound = total_variation_bound,
) -> CheckedPair:
    """Each realized TV at Δ = failure_probability/cases; E TV by the counts' law against the expected bound."""
    if not runs.variations:
        return CheckedPair(Prediction(None), Measurement.failed("no total variation was realized"))
    of_ladders = itertools.chain(*(ladder.bandwidths for ladder in runs.rate_ladders))
    narrow = NARROW_KERNEL.given(h=max([*(case.bandwidth for case in runs.variations), *of_ladders]))
    if not narrow.met:
        return CheckedPair(Prediction(None, assumed=(narrow,)), Measurement.failed("the kernel is too wide"))
    each = failure_probability / len(runs.variations)
    ratios, notes = [], []
    for (dimension, amplitude, count, width), own in itertools.groupby(sorted(runs.variations, key=_law), _law):
        density = TorusDensity(dimension, amplitude)
        bound = sure_bound(count, dimension, width, density.smoothness, each)
        realized = [case.realized for case in own]
        ratios.append(Interval(max(e.low for e in realized) / bound, max(e.high for e in realized) / bound))
        notes.append((f"realized / bound, D={dimension}, a={amplitude:g}, N={count}", ratios[-1].high))
        mean_bound = expected_bound(count, dimension, width, density.smoothness)
        ratios.append(_around(expected_variation(count, width, density) / mean_bound))
    for ladder in runs.rate_ladders:
        dimension = ladder.density.input_dimension
        for count, width, expected in zip(ladder.sizes, ladder.bandwidths, ladder.expected, strict=True):
            ratios.append(_around(expected / expected_bound(count, dimension, width, ladder.density.smoothness)))
        notes.append((f"E TV / its bound, D={dimension}, N={ladder.sizes[-1]}", ratios[-1].high))
    largest = Interval(max(entry.low for entry in ratios), max(entry.high for entry in ratios))
    measured = Measurement(
        largest.high,
        largest,
        1.0 - failure_probability,
        len(runs.variations),
        Evidence.STATISTICAL,
        seeds=tuple(sorted({case.seed for case in runs.variations})),
        notes=tuple(notes),
        raw=Extreme("greatest", Reading.all(ratios)),
    )
    return CheckedPair(Prediction(Interval.at_most(1.0), assumed=(narrow,)), measured)


def _law(case: VariationCase) -> tuple[int, float, int, float]:
    """What the TV's distribution depends on: D, amplitude, N, h."""
    return case.density.input_dimension, case.density.amplitude, case.num_samples, case.bandwidth


def _around(value: float) -> Interval:
    return Interval(value * (1.0 - QUADRATURE_ERROR), value * (1.0 + QUADRATURE_ERROR))


def check_rate(
    runs: TorusRuns, failure_probability: float, bandwidth_of: Callable[[int, int], float] = rate_bandwidth
) -> CheckedPair:
    """Exponents of the realized TV by least squares, delta-method interval; the explicit one must be exact."""
    if not runs.rate_ladders:
        return CheckedPair(Prediction(None), Measurement.failed("no ladder of sample sizes was run"))
    narrow = NARROW_KERNEL.given(h=max(width for ladder in runs.rate_ladders for width in ladder.bandwidths))
    each = failure_probability / len(runs.rate_ladders)
    fits, notes, cases = [], [], []
    for ladder in runs.rate_ladders:
        dimension = ladder.density.input_dimension
        exact = Interval(-1.0 - EXPLICIT_TOLERANCE, -1.0 + EXPLICIT_TOLERANCE)
        explicit = explicit_exponents(ladder.density, bandwidth_of)
        cases.append(Case(exact, Reading(explicit)))
        if not exact.contains(explicit):
            raw, sizes = WorstCase(tuple(cases)), len(EXPLICIT_SIZES)
            measured = Measurement(explicit.low, explicit, 1.0, sizes, Evidence.INTERVAL, raw=raw)
            return CheckedPair(Prediction(exact, (narrow,), leading_order=-1.0), measured)
        estimate, fit, source = realized_exponent(ladder, each)
        fits.append((estimate, fit))
        cases.append(Case(REALIZED, Reading(fit, source)))
        notes += [
            (f"realized exponent times D + 2, D={dimension}", estimate),
            (f"the same of E TV by the counts' law, D={dimension}", expected_exponent(ladder)),
            (f"its last decade alone, D={dimension}", expected_exponent(ladder, last=2)),
            (f"the explicit bound's, D={dimension}", explicit.low),
        ]
    # One outside comes first, even where another one's interval is wider and sticks out farther.
    estimate, nearest = max(
        fits, key=lambda item: (REALIZED.is_disjoint_from(item[1]), max(-2.0 - item[1].low, item[1].high + 1.0))
    )
    made = sum(len(row) for ladder in runs.rate_ladders for row in ladder.realized)
    confidence = 1.0 - failure_probability
    found, raw = tuple(notes), WorstCase(tuple(cases))
    measured = Measurement(estimate, nearest, confidence, made, Evidence.STATISTICAL, notes=found, raw=raw)
    return CheckedPair(Prediction(REALIZED, (narrow,), leading_order=-1.0), measured)


def explicit_exponents(
    density: TorusDensity, bandwidth_of: Callable[[int, int], float] = rate_bandwidth
) -> Interval:
    """The range of (D + 2)·Δlog(bound)/Δlog N between successive EXPLICIT_SIZES at which h is at most 1/2."""
    dimension = density.input_dimension
    logs = []
    for count in EXPLICIT_SIZES:
        width = bandwidth_of(count, dimension)
        if width > MAX_BANDWIDTH:
            continue
        bound = explicit_bound(count, dimension, width, 1.0, density.smoothness, perturbation_radius=0.0)
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


def realized_exponent(ladder: RateLadder, failure_probability: float) -> tuple[float, Interval, FittedPower]:
    """(D + 2)·slope of log(mean TV) in log N, an interval by the delta method, and what it follows from.

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
    fitted = tuple(map(float, ladder.sizes)), tuple(means.tolist()), tuple(errors.tolist())
    source = FittedPower(*fitted, degrees, scale, failure_probability)
    return scale * slope, Interval(scale * (slope - half), scale * (slope + half)), source


def expected_exponent(ladder: RateLadder, last: int | None = None) -> float:
    """(D + 2)·slope of log E TV, by the counts' law, over all sizes or the ``last`` ones."""
    start = 0 if last is None else -last
    slope = float(_fit_weights(ladder.sizes[start:]) @ np.log(np.asarray(ladder.expected[start:])))
    return (ladder.density.input_dimension + 2) * slope


def _without_fluctuation(
    num_samples: int, input_dimension: int, bandwidth: float, density: DensitySmoothness, probability: float
) -> float:
    return expected_total_variation(num_samples, input_dimension, bandwidth, density)


def _half_sampling_term(
    num_samples: int, input_dimension: int, bandwidth: float, density: DensitySmoothness
) -> float:
    bias = bandwidth * input_dimension / (input_dimension + 1) * density.gradient_variation / 2.0
    return (bias + expected_total_variation(num_samples, input_dimension, bandwidth, density)) / 2.0


def _larger_bandwidth(num_samples: int, input_dimension: int) -> float:
    return math.exp(math.log(num_samples) * -0.9 / (input_dimension + 2))


def _points_repeated(runs: TorusRuns) -> TorusRuns:
    """Samples in D = 1 that have no more than REPEATED different points, each as often as it takes."""
    ladders = tuple(
        replace(ladder, realized=tuple(_repeated_rows(ladder, runs.seed)))
        if ladder.density.input_dimension == 1
        else ladder
        for ladder in runs.rate_ladders
    )
    return replace(runs, rate_ladders=ladders)


def _repeated_rows(ladder: RateLadder, seed: int) -> Iterable[tuple[float, ...]]:
    for count, width, row in zip(ladder.sizes, ladder.bandwidths, ladder.realized, strict=True):
        # A sample of which every point is there k times has the P̂_h of its different points.
        repeated = realized_row(ladder.density, REPEATED, width, len(row), seed + count, 0)
        yield repeated if count > REPEATED else row


def _total_variation(*, N: int, D: int, h: float, V: float, pi_1: float, pi_2: float, Delta: float) -> float:
    return total_variation_bound(N, D, h, DensitySmoothness(V, (pi_1, pi_2)), Delta)


def _explicit_slope(*, D: int) -> float:
    found = explicit_exponents(TorusDensity(D, AMPLITUDE))
    return (found.low + found.high) / 2.0 / (D + 2)


CHECKED = (
    CheckedClaim(
        TOTAL_VARIATION,
        check_total_variation,
        controls=(
            with_wrong(
                "no_deviation",
                "√(log(1/Δ)/(2N)) dropped: label counts of a uniform density fluctuate beyond the mean bound",
                sure_bound=_without_fluctuation,
            ),
            with_wrong(
                "half_sampling_term",
                "(N(2h)^D)^(-1/2) halved: E|label count - N/2| alone is larger",
                expected_bound=_half_sampling_term,
            ),
        ),
        needs=("variations", "rate_ladders"),
        numeric=_total_variation,
    ),
    CheckedClaim(
        RATE,
        check_rate,
        controls=(
            with_wrong(
                "bandwidth_exponent",
                "h = N^(-0.9/(D+2)) in place of N^(-1/(D+2)): the explicit bound's exponent is a tenth off",
                bandwidth_of=_larger_bandwidth,
            ),
            NegativeControl(
                "points_repeated",
                f"samples in D = 1 have no more than {REPEATED:,} different points",
                _points_repeated,
            ),
        ),
        needs=("rate_ladders",),
        numeric=_explicit_slope,
    ),
)


def figures(runs: TorusRuns) -> tuple[Figure, ...]:
    """TV against N, where it was realized."""
    if not runs.rate_ladders:
        return ()
    caption = (
        "TV(P, P̂_h) at h = N^(-1/(D+2)): realized on samples, in expectation by the binomial law of the counts, "
        "and its explicit bound, whose slope is exactly -1/(D+2)."
    )
    panels = tuple(map(_variation_panel, runs.rate_ladders))
    labels = ("theorem_3.total_variation", "theorem_3.rate")
    return (Figure("theorem_3_total_variation", "Total variation falls at the rate", caption, panels, labels),)


def _variation_panel(ladder: RateLadder) -> Panel:
    dimension, smoothness = ladder.density.input_dimension, ladder.density.smoothness
    x = [float(size) for size in ladder.sizes]
    bounds = [
        expected_total_variation(size, dimension, width, smoothness)
        for size, width in zip(ladder.sizes, ladder.bandwidths, strict=True)
    ]
    means = [math.fsum(row) / len(row) for row in ladder.realized]
    low, high = [min(row) for row in ladder.realized], [max(row) for row in ladder.realized]
    guide = [ladder.expected[0] * (size / x[0]) ** (-1.0 / (dimension + 2)) for size in x]
    series = (
        Series("explicit bound of E TV", x, bounds, 0),
        Series("E TV by the counts' law", x, ladder.expected, 2),
        Series("realized TV, mean and range", x, means, 1, "points", low=low, high=high),
        Series(f"slope -1/{dimension + 2}", x, guide, 7, "dashed", faint=True),
    )
    return Panel(f"D = {dimension}", "training points N", "total variation", series, (), "log", "log")
