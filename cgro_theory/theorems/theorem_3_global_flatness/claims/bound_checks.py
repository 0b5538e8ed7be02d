"""The checks of the two forms and of the attack's gain: both ends of each side, decided from the correct one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from cgro_theory.claims import Evidence, Interval, Measurement, Prediction
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import BoundForm, FlatnessCase, SyntheticEvidence
from cgro_theory.theorems.theorem_3_global_flatness.theory.bounds import realized_bound
from cgro_theory.theorems.theorem_3_global_flatness.theory.comparators import (
    hoeffding,
    lipschitz_wasserstein,
    paper_shape,
)
from cgro_theory.theorems.theorem_3_global_flatness.theory.periodic_network import LOSS_BOUND

_AT_MOST_ONE = Prediction(Interval.at_most(1.0))
MAX_LOOSENESS = 1.5
"""Certified F over sampled F that a case in one or two dimensions may have; a looser one decides nothing."""
COMPARED_PROBABILITY = 0.05
"""Δ of Hoeffding's bound, printed beside; it is for an f fixed before the sample and judges nothing here."""


def check_flatness_bound(evidence: SyntheticEvidence, failure_probability: float) -> CheckedPair:
    """The gap over the global form's bound, the largest over cases; a certified gap over the least bound above."""
    return _check_form(evidence, global_bound)


def check_local_form(evidence: SyntheticEvidence, failure_probability: float) -> CheckedPair:
    """The gap over the local form's bound, the largest over cases."""
    return _check_form(evidence, local_bound)


def global_bound(case: FlatnessCase, form: BoundForm) -> Interval:
    """h·E_D[F_r] + B·TV with both ends: F sampled and TV from below, F certified and TV from above."""
    return _bound(case, case.global_flatness, form, local=False)


def local_bound(case: FlatnessCase, form: BoundForm) -> Interval:
    """h·D/(D+1)·mean_S[F_(δ+h)] + B·TV with both ends (F_δ when the form does not reach out)."""
    return _bound(case, case.local_flatness if form.reaches_out else case.inner_flatness, form, local=True)


def _bound(case: FlatnessCase, flatness: Interval, form: BoundForm, *, local: bool) -> Interval:
    """The upper end from the calculator, which rounds up; the lower one from plain floats, rounded down."""
    dimension = case.input_dimension
    above = realized_bound(
        case.bandwidth,
        max(0.0, flatness.high) * form.flatness_factor,
        case.variation.high * form.variation_factor,
        input_dimension=dimension,
        perturbation_radius=case.perturbation_radius,
        loss_bound=LOSS_BOUND,
        local=local,
    ).total
    share = dimension / (dimension + 1) if local else 1.0
    below = case.bandwidth * share * max(0.0, flatness.low) * form.flatness_factor
    below += LOSS_BOUND * case.variation.low * form.variation_factor
    return Interval(max(0.0, below * (1.0 - 1e-12)), above)


def ratio(gap: Interval, bound: Interval) -> Interval:
    """gap/bound for a bound >= 0; inf where a positive gap meets the bound 0."""
    return Interval(
        _divide(gap.low, bound.high if gap.low > 0.0 else bound.low),
        _divide(gap.high, bound.low if gap.high > 0.0 else bound.high),
    )


def _divide(value: float, by: float) -> float:
    if by > 0.0:
        return value / by
    return 0.0 if value == 0.0 else math.copysign(math.inf, value)


def _check_form(
    evidence: SyntheticEvidence, bound_of: Callable[[FlatnessCase, BoundForm], Interval]
) -> CheckedPair:
    cases = evidence.cases
    if not cases:
        return CheckedPair(_AT_MOST_ONE, Measurement.failed("no case was measured", Evidence.INTERVAL))
    ratios = [ratio(case.gap, bound_of(case, evidence.form)) for case in cases]
    worst = Interval(max(entry.low for entry in ratios), max(entry.high for entry in ratios))
    trained = [case for case in cases if case.kind != "constructed"]
    tight = [case.certified_over_sampled for case in trained if case.input_dimension <= 2]
    notes = [
        ("cases", float(len(cases))),
        ("trained cases", float(len(trained))),
        ("violations", float(sum(entry.low > 1.0 for entry in ratios))),
        ("undecided cases", float(sum(entry.low <= 1.0 < entry.high for entry in ratios))),
        ("largest certified F / sampled F, D <= 2", max(tight, default=math.nan)),
        *_overfit_notes(cases),
        *_notes_beside(cases, evidence.form),
        *_per_kind(cases, ratios),
    ]
    seeds = tuple(sorted({case.seed for case in trained}))
    loose = max(tight, default=1.0)
    decided = loose <= MAX_LOOSENESS or worst.low > 1.0  # a certified violation stands, whatever else is loose
    failure = "" if decided else f"certified F is {loose:.2f} times the sampled one"
    measured = Measurement(
        worst.high,
        worst,
        1.0,
        len(cases),
        Evidence.INTERVAL,
        seeds=seeds,
        failure=failure,
        notes=_without_nan(notes),
    )
    return CheckedPair(_AT_MOST_ONE, measured)


def _overfit_notes(cases: Sequence[FlatnessCase]) -> list[tuple[str, float]]:
    """How far the f that overfit on purpose did so: the one with the least robust train loss."""
    overfit = [case for case in cases if case.kind == "overfit"]
    if not overfit:
        return []
    best = min(overfit, key=lambda case: case.sample_loss.high)
    return [
        ("overfit f: least robust train loss, upper end", best.sample_loss.high),
        ("its gap, lower end", best.gap.low),
        ("largest gap of an overfit f, lower end", max(case.gap.low for case in overfit)),
    ]


def _notes_beside(cases: Sequence[FlatnessCase], form: BoundForm) -> list[tuple[str, float]]:
    """The best bound at the largest N of each D, and beside it what says the same without flatness."""
    found = []
    for dimension in sorted({case.input_dimension for case in cases if case.kind == "moderate"}):
        own = [case for case in cases if (case.kind, case.input_dimension) == ("moderate", dimension)]
        count = max(case.num_samples for case in own)
        best = min(
            (case for case in own if case.num_samples == count), key=lambda case: global_bound(case, form).high
        )
        shape = paper_shape(count, dimension, best.global_flatness.high, COMPARED_PROBABILITY)
        found += [
            (f"D={dimension}, N={count}: global form, best h", global_bound(best, form).high),
            (f"D={dimension}, N={count}: true gap, at most", best.gap.high),
            (
                f"D={dimension}, N={count}: Lipschitz-Wasserstein",
                lipschitz_wasserstein(count, dimension, best.steepest).total,
            ),
            (f"D={dimension}, N={count}: Hoeffding, f fixed in advance", hoeffding(count, COMPARED_PROBABILITY)),
            (
                f"D={dimension}, N={count}: the paper's N^(-1/(D+2))·F, its C and factor unknown",
                shape.flatness_part,
            ),
        ]
    return found


def _per_kind(cases: Sequence[FlatnessCase], ratios: Sequence[Interval]) -> list[tuple[str, float]]:
    groups = sorted({(case.kind, case.input_dimension) for case in cases})
    return [
        (
            f"largest ratio: {kind}, D = {dimension}",
            max(
                entry.high
                for case, entry in zip(cases, ratios, strict=True)
                if (case.kind, case.input_dimension) == (kind, dimension)
            ),
        )
        for kind, dimension in groups
    ]


def _without_nan(notes: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    return tuple((name, value) for name, value in notes if not math.isnan(value))


def check_clean_to_robust_gap(evidence: SyntheticEvidence, failure_probability: float) -> CheckedPair:
    """What the attack gains minus its expansion to second order, the smallest over f and δ."""
    claimed = Prediction(Interval.at_least(0.0))
    if not evidence.gains:
        return CheckedPair(claimed, Measurement.failed("no network was attacked", Evidence.INTERVAL))
    factor = evidence.form.curvature_factor
    excesses = []
    for case in evidence.gains:
        bends = sorted((factor * case.second_order.low, factor * case.second_order.high))
        expansion = Interval(case.first_order.low + bends[0], case.first_order.high + bends[1]).outward()
        excesses.append(Interval(case.gain.low - expansion.high, case.gain.high - expansion.low).outward())
    worst = Interval(min(entry.low for entry in excesses), min(entry.high for entry in excesses))
    notes = tuple(
        (
            f"attack gain / (δ E‖∇ℓ‖₁), D = {dimension}, the least lower end",
            min(
                case.gain.low / case.first_order.high
                for case in evidence.gains
                if case.input_dimension == dimension
            ),
        )
        for dimension in sorted({case.input_dimension for case in evidence.gains})
    )
    measured = Measurement(worst.low, worst, 1.0, len(excesses), Evidence.INTERVAL, notes=notes)
    return CheckedPair(claimed, measured)
