"""How long the memorizer overfits: its robust test error on the hypercube (theory.md 3.2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import permutations

import sympy as sp

from cgro_theory.claims import (
    Case,
    Claim,
    Counts,
    Difference,
    Evidence,
    Interval,
    Measurement,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
    WorstCase,
)
from cgro_theory.claims.figure import Figure, Marker, Panel, Series
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong

from ..runs import hypercube
from ..runs.made import RepresentationRuns
from ..theory import counts
from ..theory.conditions import SMALL_OFFSET
from .symbols import EACH_DECIDED, K, N

ROBUST_TEST_ERROR = Claim(
    label="theorem_2.robust_test_error",
    statement="On the hypercube the expected robust test error is exactly (1 - 1/K)^N, K = 2^(D-1): robust "
    "overfitting holds if and only if N << K.",
    source=Source("theory.md", "3.2, 3.3"),
    provenance=(Provenance.NEW,),
    quantity="expected robust test error minus (1 - 1/K)^N, the largest over sizes",
    natural_range=Interval(-1.0, 1.0),
    relation=Relation.EQUALS,
    tolerance=0.0,
    expression=sp.Eq(sp.Symbol("err_robust_test", real=True), (1 - 1 / K) ** N),
    assumptions=(SMALL_OFFSET,),
    depends_on=("theorem_2.robust_train_error",),
    limitations="other distributions; a continuous example is a figure, not a check; sizes that were not built: "
    f"{EACH_DECIDED}",
)


def check_robust_test_error(
    runs: RepresentationRuns,
    failure_probability: float,
    *,
    predict: Callable[[int, int], Fraction] = counts.exact_robust_test_error,
) -> CheckedPair:
    """Exact expectations against (1 - 1/K)^N; sampled ones beyond enumeration must not contradict it."""
    lengths = [(entry.offset, entry.perturbation_radius) for entry in runs.exact_errors]
    lengths += [(entry.offset, entry.perturbation_radius) for entry in runs.sampled_errors]
    conditions = tuple(SMALL_OFFSET.given(tau=tau, delta=delta) for tau, delta in sorted(set(lengths)))
    predicted = Prediction(Interval.point(0.0), conditions)
    gaps: list[Fraction] = []
    for entry in runs.exact_errors:
        gaps += [entry.expectation - predict(entry.num_samples, entry.input_dimension), entry.mismatch]
    if not gaps:
        return CheckedPair(predicted, Measurement.failed("no network was enumerated"))
    notes = _continuous_notes(runs)
    exact = tuple(Case(predicted.interval, Reading(_enclosed(gap))) for gap in gaps)
    doubts: list[Case] = []
    for sampled in runs.sampled_errors:
        probability = failure_probability / len(runs.sampled_errors)
        low = clopper_pearson(sampled.broken, sampled.trials, probability).low
        high = clopper_pearson(sampled.trials - sampled.robust, sampled.trials, probability).high
        expected = counts.robust_test_error(sampled.num_samples, sampled.input_dimension)
        name = f"D={sampled.input_dimension}, N={sampled.num_samples}"
        notes += [(f"{name}: predicted", expected.low), (f"{name}: sampled low", low), (f"{name}: high", high)]
        gap = Interval(low - expected.high, high - expected.low)
        unproved = sampled.trials - sampled.robust
        rate = Reading(Interval(low, high), Counts(sampled.broken, sampled.trials, probability, unproved))
        doubts.append(Case(predicted.interval, Reading(gap, Difference(rate, Reading(expected)))))
        if expected.is_disjoint_from(Interval(low, high)):
            raw = WorstCase(exact, tuple(doubts))
            confidence = 1.0 - failure_probability
            found = tuple(notes)
            measured = Measurement(
                gap.low, gap, confidence, sampled.trials, Evidence.STATISTICAL, notes=found, raw=raw
            )
            return CheckedPair(predicted, measured)
    worst = max(gaps, key=abs)
    value, interval = float(worst), _enclosed(worst)
    networks = sum(entry.networks for entry in runs.exact_errors)
    raw = WorstCase(exact, tuple(doubts))
    measured = Measurement(value, interval, 1.0, networks, Evidence.STATISTICAL, notes=tuple(notes), raw=raw)
    return CheckedPair(predicted, measured)


def _enclosed(gap: Fraction) -> Interval:
    """The gap as a float, never 0 unless it is."""
    return Interval.point(float(gap) or (0.0 if gap == 0 else math.copysign(5e-324, gap)))


def _continuous_notes(runs: RepresentationRuns) -> list[tuple[str, float]]:
    """How the continuous example's error moves: what the attack found at the smallest and the largest N."""
    notes: list[tuple[str, float]] = []
    sizes = [entry.num_samples for entry in runs.continuous_errors]
    for entry in runs.continuous_errors:
        if entry.num_samples in (min(sizes), max(sizes)):
            name = f"continuous, p={entry.norm_order:g}, δ={entry.perturbation_radius:g}, N={entry.num_samples}"
            notes.append((f"{name}: attack found", entry.broken / entry.trials))
            notes.append((f"{name}: not proved robust", 1.0 - entry.robust / entry.trials))
    return notes


def _error(N: int, D: int) -> float:
    return float(counts.exact_robust_test_error(N, D))


def _twice_the_corners(num_samples: int, input_dimension: int) -> Fraction:
    return counts.exact_robust_test_error(num_samples, input_dimension + 1)


def _without_replacement(runs: RepresentationRuns) -> RepresentationRuns:
    instance = hypercube.random_instance(3, runs.seed)
    distinct = hypercube.enumerate_samples(instance, permutations(range(instance.num_corners), 2), 2)
    return replace(runs, exact_errors=(*runs.exact_errors, distinct))


def _one_corner_remembered(runs: RepresentationRuns) -> RepresentationRuns:
    """Monte Carlo anew with networks that remember one of the N corners sampled."""
    first, *others = runs.sampled_errors
    wrong = hypercube.sample_error(first.input_dimension, 1, 2 * first.trials, runs.seed)
    return replace(runs, sampled_errors=(replace(wrong, num_samples=first.num_samples), *others))


def figures(runs: RepresentationRuns) -> tuple[Figure, ...]:
    """The error on the hypercube against N/K, and that of a continuous example against N."""
    drawn = []
    if runs.exact_errors:
        drawn.append(_hypercube_figure(runs))
    if runs.continuous_errors:
        drawn.append(_continuous_figure(runs))
    return tuple(drawn)


def _hypercube_figure(runs: RepresentationRuns) -> Figure:
    series = []
    for colour, dimension in enumerate((4, 8, 12)):
        corners = 2 ** (dimension - 1)
        sizes = sorted({max(1, round(corners * 2.0 ** (step / 4.0))) for step in range(-24, 13)})
        curve = [counts.robust_test_error(size, dimension).high for size in sizes]
        x = [size / corners for size in sizes]
        series.append(Series(f"(1 - 1/K)^N, D = {dimension}", x, curve, colour=colour))
    built = [entry for entry in runs.exact_errors if entry.mismatch == 0]
    series.append(
        Series(
            "built networks, D = 2 to 12",
            [entry.num_samples / 2 ** (entry.input_dimension - 1) for entry in built],
            [float(entry.expectation) for entry in built],
            colour=3,
            style="points",
        )
    )
    panel = Panel(
        "Hypercube", "N / K", "expected robust test error", tuple(series), (Marker("N = K", 1.0),), x_scale="log"
    )
    caption = "Robust overfitting lasts exactly as long as the sample misses most of the K = 2^(D-1) corners."
    return Figure(
        "theorem_2_robust_test_error",
        "When the memorizer overfits",
        caption,
        (panel,),
        (ROBUST_TEST_ERROR.label,),
    )


def _continuous_figure(runs: RepresentationRuns) -> Figure:
    panels = []
    for radius in sorted({entry.perturbation_radius for entry in runs.continuous_errors}):
        series = []
        for colour, order in enumerate((1.0, 2.0, math.inf)):
            rows = [
                entry
                for entry in runs.continuous_errors
                if entry.norm_order == order and entry.perturbation_radius == radius
            ]
            low = [entry.broken / entry.trials for entry in rows]
            high = [1.0 - entry.robust / entry.trials for entry in rows]
            middle = [(a + b) / 2.0 for a, b in zip(low, high, strict=True)]
            x = [float(entry.num_samples) for entry in rows]
            series.append(Series(f"p = {order:g}", x, middle, colour=colour, low=low, high=high))
        panels.append(
            Panel(f"δ = {radius:g}", "training points N", "robust test error", tuple(series), (), x_scale="log")
        )
    caption = (
        "Uniform inputs in three dimensions: bands run from what an attack found to what could not be proved "
        "robust. The error falls once the balls and their ramps cover the support; larger δ covers it sooner."
    )
    return Figure(
        "theorem_2_continuous", "A continuous example", caption, tuple(panels), (ROBUST_TEST_ERROR.label,)
    )


CHECKED = (
    CheckedClaim(
        ROBUST_TEST_ERROR,
        check_robust_test_error,
        controls=(
            with_wrong("twice_the_corners", "K = 2^D for 2^(D-1)", predict=_twice_the_corners),
            NegativeControl(
                "without_replacement", "one size on samples of distinct corners", _without_replacement
            ),
            NegativeControl(
                "one_remembered", "Monte Carlo nets that remember one corner of N", _one_corner_remembered
            ),
        ),
        needs=("exact_errors", "sampled_errors", "continuous_errors"),
        numeric=_error,
    ),
)
