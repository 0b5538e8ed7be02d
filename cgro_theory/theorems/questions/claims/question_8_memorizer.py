"""Question 8 (theory.md 5.8): when the memorizer overfits, on the hypercube and on a continuous example."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

import numpy as np
import sympy as sp

from cgro_theory.claims import (
    Claim,
    Contradictions,
    Contrast,
    Counts,
    Evidence,
    Extreme,
    Figure,
    Interval,
    Measurement,
    Panel,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Series,
    Source,
    StatedAssumption,
)
from cgro_theory.claims.condition import each_once
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong

from ..runs.made import CubeCount, QuestionRuns
from ..theory.predictions import SEPARATED, corner_error, cube_error_bound
from .counting import NOT_MADE, count
from .question import Question
from .symbols import NOT_NEGATIVE, PROJECT, RATE, N

_error = sp.Symbol("robust_test_error", real=True)

MEMORIZER_CORNERS = Claim(
    label="questions.memorizer_corners",
    statement="On the hypercube the memorizer's expected robust test error is exactly (1 - 1/K)^N: it overfits "
    "if and only if N is small against K = 2^(D-1).",
    source=Source(PROJECT, "3.2 and 5.8"),
    provenance=(Provenance.NEW,),
    quantity="largest difference of built networks from the formula, over N and D",
    natural_range=RATE,
    relation=Relation.AT_MOST,
    expression=sp.Eq(_error, (1 - 1 / sp.Symbol("K", real=True)) ** N),
    assumptions=(
        StatedAssumption(
            "small offset", "0 < τ < δ < 1/2", "the construction of the hypercube, which refuses other numbers"
        ),
    ),
    statistical=False,
    limitations="Where not all samples are enumerated, one sample's network is, and the occupancy law. Sizes "
    "that were not built: each case is decided exactly, and the cases are a sample.",
)


def check_memorizer_corners(
    runs: QuestionRuns, failure_probability: float, predict: Callable[[int, int], Fraction] = corner_error
) -> CheckedPair:
    """The largest difference of built networks, or of their expectation, from (1 - 1/K)^N; rational numbers."""
    entries = runs.corners
    if not entries:
        return NOT_MADE
    gaps: list[Fraction] = []
    for entry in entries:
        formula = predict(2 ** (entry.input_dimension - 1), entry.num_samples)
        gaps += [abs(entry.expectation - formula), entry.mismatch]
    values = [float(gap) if gap == 0 else max(float(gap), 5e-324) for gap in gaps]
    value = max(values)
    measurement = Measurement(
        estimate=value,
        interval=Interval.point(value),
        confidence=1.0,
        runs=sum(entry.networks for entry in entries),
        evidence=Evidence.STATISTICAL,
        raw=Extreme("greatest", Reading.points(values)),
    )
    return CheckedPair(Prediction(Interval.point(0.0)), measurement)


# --- the continuous example -----------------------------------------------------------------------------------

MEMORIZER_CUBE = Claim(
    label="questions.memorizer_cube",
    statement="On a continuous example the memorizer's robust test error is at least 1 - N p_hit, with p_hit the "
    "volume that one training ball and its ramp protect, for p = 1, 2, ∞.",
    source=Source(PROJECT, "5.8"),
    provenance=(Provenance.NEW,),
    quantity="configurations of N, δ, p and D whose interval lies below the bound",
    natural_range=NOT_NEGATIVE,
    relation=Relation.AT_MOST,
    expression=sp.Ge(_error, 1 - N * sp.Symbol("p_hit", real=True)),
    assumptions=(SEPARATED,),
    limitations="A lower bound by union; it says nothing once N p_hit > 1.",
)


def cube_bound(entry: CubeCount, radius_factor: float = 1.0) -> Prediction:
    """The lower bound of the robust test error of one configuration."""
    error = entry.error
    radius = error.perturbation_radius * radius_factor
    return cube_error_bound(error.num_samples, entry.dimension, radius, error.norm_order)


def check_memorizer_cube(
    runs: QuestionRuns, failure_probability: float, predict: Callable[[CubeCount], Prediction] = cube_bound
) -> CheckedPair:
    """Configurations whose Clopper-Pearson interval of the error found by attack lies below the bound."""
    entries = runs.cube
    if not entries:
        return NOT_MADE
    share = failure_probability / len(entries)
    bounds = [predict(entry) for entry in entries]
    ends = [clopper_pearson(entry.error.broken, entry.error.trials, share) for entry in entries]
    disagreeing = sum(end.high < bound.leading_order for end, bound in zip(ends, bounds, strict=True))
    raw = Contradictions(
        tuple(
            Contrast(
                Reading(Interval.at_least(bound.leading_order)),
                Reading.of(end, Counts(entry.error.broken, entry.error.trials, share)),
            )
            for entry, end, bound in zip(entries, ends, bounds, strict=True)
        )
    )
    telling = sum(bound.leading_order > 0 for bound in bounds)
    assumed = each_once(condition for bound in bounds for condition in bound.assumed)
    notes = (("configurations with a bound above 0", float(telling)),)
    seeds = [entry.seed for entry in entries]
    return count(disagreeing, telling, assumed, seeds, failure_probability, notes, raw=raw)


# --- answer ---------------------------------------------------------------------------------------------------


def answer(runs: QuestionRuns) -> str:
    """The hypercube exactly, the continuous cube by attack and bound."""
    corners = [(e.num_samples / 2 ** (e.input_dimension - 1), float(e.expectation)) for e in runs.corners]
    small = [error for ratio, error in corners if ratio == min(corners)[0]]
    large = [error for ratio, error in corners if ratio == max(corners)[0]]
    verdict = "only while N is small against K" if min(small) > 0.5 > max(large) else "at all N tried alike"
    second = _cube_sentence(runs.cube) if runs.cube else "The continuous example was not run."
    return (
        f"On the hypercube it overfits {verdict}: the expected robust test error is {min(small):.2f} at "
        f"N/K = {min(corners)[0]:g} and {max(large):.2f} at N/K = {max(corners)[0]:g}. {second}"
    )


def _cube_sentence(cube: Sequence[CubeCount]) -> str:
    sizes = sorted({e.error.num_samples for e in cube})
    dimensions = sorted({e.dimension for e in cube})
    low, high = dimensions[0], dimensions[-1]
    before, after, there = (
        _error_found([e for e in cube if (e.error.num_samples, e.dimension) == place])
        for place in ((sizes[0], low), (sizes[-1], low), (sizes[-1], high))
    )
    near = [e for e in cube if e.dimension == low]
    by_radius = _error_by(near, "δ", lambda e: e.error.perturbation_radius)
    by_norm = _error_by(near, "p", lambda e: e.error.norm_order)
    tell = sum(cube_bound(e).leading_order > 0 for e in cube)
    moves = "falls" if after < before else "does not fall"
    return (
        f"On the continuous cube it {moves} from {before:.2f} to {after:.2f} as N goes from {sizes[0]} to "
        f"{sizes[-1]} in {low} dimensions (over all N {by_radius}; {by_norm}) and is {there:.2f} at the largest "
        f"N in {high} dimensions; the bound 1 - N p_hit is above 0 in {tell} of {len(cube)} configurations."
    )


def _error_found(cube: Sequence[CubeCount]) -> float:
    return sum(e.error.broken for e in cube) / sum(e.error.trials for e in cube)


def _error_by(cube: Sequence[CubeCount], name: str, key: Callable[[CubeCount], float]) -> str:
    """The error over all N, apart for every value of ``key``."""
    parts = []
    for value in sorted({key(e) for e in cube}):
        error = _error_found([e for e in cube if key(e) == value])
        parts.append(f"{error:.2f} at {name} = " + ("∞" if value == math.inf else f"{value:g}"))
    return ", ".join(parts)


def draw(runs: QuestionRuns) -> Figure:
    """Robust test error over N: exact on the hypercube, found by attack on the continuous example."""
    return Figure(
        name="questions_8_memorizer",
        title="8. When does f_S really overfit?",
        caption="Left: exact expectations of built networks, all D on one curve in N/K. Right: δ = 0.1; the "
        "attack's error and, dashed, the bound 1 - N p_hit where it is above 0.",
        panels=(_corner_panel(runs), *((_cube_panel(runs.cube),) if runs.cube else ())),
    )


def _corner_panel(runs: QuestionRuns) -> Panel:
    series = []
    for colour, dimension in enumerate(sorted({e.input_dimension for e in runs.corners})):
        own = sorted((e for e in runs.corners if e.input_dimension == dimension), key=lambda e: e.num_samples)
        x = [e.num_samples / 2 ** (dimension - 1) for e in own]
        series.append(Series(f"D = {dimension}", x, [float(e.expectation) for e in own], colour, "points"))
    ratios = np.geomspace(0.05, 8.0, 60)
    series.append(Series("exp(-N/K)", ratios.tolist(), np.exp(-ratios).tolist(), 7, "dashed"))
    return Panel("hypercube, p = ∞", "N / K", "expected robust test error", tuple(series), x_scale="log")


def _cube_panel(cube: Sequence[CubeCount]) -> Panel:
    radius = max(e.error.perturbation_radius for e in cube)
    orders = sorted({e.error.norm_order for e in cube})
    dimensions = sorted({e.dimension for e in cube})
    series = []
    for dimension in (dimensions[0], dimensions[-1])[: len(dimensions)]:
        for colour, order in enumerate(orders):
            place = (dimension, order, radius)
            own = sorted(
                (e for e in cube if (e.dimension, e.error.norm_order, e.error.perturbation_radius) == place),
                key=lambda e: e.error.num_samples,
            )
            x = [float(e.error.num_samples) for e in own]
            shade = colour + (3 if dimension == dimensions[-1] and len(dimensions) > 1 else 0)
            label = f"D = {dimension}, p = {'∞' if order == math.inf else f'{order:g}'}"
            series.append(Series(label, x, [e.error.broken / e.error.trials for e in own], shade, "points"))
            bounds = [(n, cube_bound(e).leading_order) for n, e in zip(x, own, strict=True)]
            above = [(n, bound) for n, bound in bounds if bound > 0]
            series.append(Series("", [n for n, _ in above], [b for _, b in above], shade, "dashed", faint=True))
    return Panel(
        f"continuous cube, δ = {radius:g}",
        "training points N",
        "robust test error found",
        tuple(series),
        x_scale="log",
        legend="below",
    )


CHECKED = (
    CheckedClaim(
        MEMORIZER_CORNERS,
        check_memorizer_corners,
        controls=(
            with_wrong("corners", "K = 2^D instead of 2^(D-1)", predict=lambda K, N: corner_error(2 * K, N)),
            with_wrong(
                "sample", "the formula is told one sample more", predict=lambda K, N: corner_error(K, N + 1)
            ),
        ),
        needs=("corners",),
        numeric=lambda K, N: float(corner_error(int(K), int(N))),
    ),
    CheckedClaim(
        MEMORIZER_CUBE,
        check_memorizer_cube,
        controls=(
            with_wrong("radius", "the bound is told a tenth of δ", predict=partial(cube_bound, radius_factor=0.1)),
        ),
        needs=("cube",),
    ),
)
QUESTION = Question(
    8,
    "When does f_S really overfit, as N, δ, p vary?",
    MEMORIZER_CORNERS.label,
    "questions_8_memorizer",
    ("corners",),
    answer,
    draw,
)
