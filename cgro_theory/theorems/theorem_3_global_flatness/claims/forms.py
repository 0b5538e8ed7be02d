"""Both ends of the two forms' bounds at one case (theory.md 4.2), and what is noted beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cgro_theory.claims import Interval

from ..runs.made import FlatnessCase
from ..runs.profiles import AMPLITUDE
from ..theory.bounds import realized_bound
from ..theory.comparators import hoeffding, lipschitz_wasserstein, paper_shape
from ..theory.density import TorusDensity
from ..theory.periodic_network import LOSS_BOUND
from ..theory.vacuity import log10_samples_until_below

COMPARED_PROBABILITY = 0.05
"""Δ of Hoeffding's bound, printed beside; it is for an f fixed before the sample and judges nothing here."""

Form = Callable[[FlatnessCase], Interval]
Note = tuple[str, float]


def global_bound(case: FlatnessCase) -> Interval:
    """h·E_D[F_r] + B·TV with both ends: F sampled and TV from below, F certified and TV from above (4.2)."""
    return bound_ends(case, case.global_flatness, case.variation)


def local_bound(case: FlatnessCase) -> Interval:
    """h·D/(D+1)·mean_S[F_(δ+h)] + B·TV with both ends (4.2)."""
    return bound_ends(case, case.local_flatness, case.variation, local=True)


def bound_ends(case: FlatnessCase, flatness: Interval, variation: Interval, *, local: bool = False) -> Interval:
    """The upper end by the function that the calculator uses, rounded up; the lower in floats, rounded down."""
    dimension = case.input_dimension
    above = realized_bound(
        case.bandwidth,
        max(0.0, flatness.high),
        variation.high,
        input_dimension=dimension,
        perturbation_radius=case.perturbation_radius,
        loss_bound=LOSS_BOUND,
        local=local,
    ).total
    fraction = dimension / (dimension + 1) if local else 1.0
    below = case.bandwidth * fraction * max(0.0, flatness.low) + LOSS_BOUND * variation.low
    return Interval(max(0.0, below * (1.0 - 1e-12)), above)


def least_bound(cases: Iterable[FlatnessCase]) -> FlatnessCase:
    """The case whose global bound is least: the bound holds at every h at once, so the best one counts."""
    return min(cases, key=lambda case: global_bound(case).high)


def overfit_notes(overfit: Sequence[FlatnessCase]) -> list[Note]:
    """How far the f that overfit on purpose did so: the one with the least robust train loss."""
    if not overfit:
        return []
    best = min(overfit, key=lambda case: case.sample_loss.high)
    return [
        ("overfit f: least robust train loss, upper end", best.sample_loss.high),
        ("its gap, lower end", best.gap.low),
        ("largest gap of an overfit f, lower end", max(case.gap.low for case in overfit)),
    ]


def notes_beside(moderate: Sequence[FlatnessCase]) -> list[Note]:
    """The best bound at the largest N of each D, and beside it what says the same without flatness."""
    found = []
    for dimension in sorted({case.input_dimension for case in moderate}):
        own = [case for case in moderate if case.input_dimension == dimension]
        count = max(case.num_samples for case in own)
        best = least_bound(case for case in own if case.num_samples == count)
        wasserstein = lipschitz_wasserstein(count, dimension, best.steepest).total
        shape = paper_shape(count, dimension, best.global_flatness.high, COMPARED_PROBABILITY)
        where = f"D={dimension}, N={count}"
        found += [
            (f"{where}: global form, best h", global_bound(best).high),
            (f"{where}: true gap, at most", best.gap.high),
            (f"{where}: Lipschitz-Wasserstein", wasserstein),
            (f"{where}: Hoeffding, f fixed in advance", hoeffding(count, COMPARED_PROBABILITY)),
            (f"{where}: the paper's N^(-1/(D+2))·F, its C and factor unknown", shape.flatness_part),
        ]
    return found


def where_it_speaks(cases: Sequence[FlatnessCase]) -> list[Note]:
    """Per D the least N at which a moderate f's realized bound is below B, and log10 N of the explicit one.

    The explicit bound uses that f's certified F at r = 1/2 as a number, valid at every radius, and Δ = 0.05.
    """
    found = []
    for dimension in sorted({case.input_dimension for case in cases}):
        own = [case for case in cases if case.input_dimension == dimension]
        speaking = [case.num_samples for case in own if global_bound(case).high < LOSS_BOUND]
        if speaking:
            found.append((f"D={dimension}: least N tried with a realized bound below B", float(min(speaking))))
        flatness = max(case.widest_flatness for case in own)
        start = log10_samples_until_below(
            dimension,
            flatness,
            TorusDensity(dimension, AMPLITUDE).smoothness,
            loss_bound=LOSS_BOUND,
            failure_probability=0.05,
        )
        found.append((f"D={dimension}: explicit bound below B from log10 N, at F={flatness:.3g}", start))
    return found
