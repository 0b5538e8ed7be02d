"""The figures of theorem 3's synthetic side, as data."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cgro_theory.claims import Figure, Marker, Panel, Series
from cgro_theory.theorems.theorem_3_global_flatness.claims.bound_checks import COMPARED_PROBABILITY, global_bound
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import FlatnessCase, SyntheticEvidence
from cgro_theory.theorems.theorem_3_global_flatness.theory.comparators import hoeffding, lipschitz_wasserstein
from cgro_theory.theorems.theorem_3_global_flatness.theory.periodic_network import LOSS_BOUND
from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import expected_total_variation

GAP_FLOOR = 1e-4
"""Where a gap that is certified to be negative or smaller is drawn on log axes."""


def figures(evidence: SyntheticEvidence) -> tuple[Figure, ...]:
    """Bound and gap against N, certified against sampled flatness, TV against N: those that were gathered."""
    drawn = []
    trained = [case for case in evidence.cases if case.kind != "constructed"]
    if any(case.kind == "moderate" for case in trained):
        drawn.append(_bound_figure(evidence, trained))
    if trained:
        drawn.append(_flatness_figure(trained))
    if evidence.ladders:
        drawn.append(_variation_figure(evidence))
    return tuple(drawn)


def _bound_figure(evidence: SyntheticEvidence, trained: Sequence[FlatnessCase]) -> Figure:
    panels: list[Panel] = []
    for dimension in sorted({case.input_dimension for case in trained}):
        own = [case for case in trained if case.input_dimension == dimension]
        rows = [
            _best(evidence, own, count) for count in sorted({c.num_samples for c in own if c.kind == "moderate"})
        ]
        if not rows:
            continue
        x = [float(case.num_samples) for case in rows]
        overfit = [case for case in own if case.kind == "overfit" and case.gap.low > 0.0]
        # Each panel names a third of the curves, so that no legend lies on them.
        named = len(panels)
        series = (
            Series(
                _only(named == 0, "bound: h·E[F] + B·TV"),
                x,
                [global_bound(case, evidence.form).high for case in rows],
                0,
            ),
            Series(
                _only(named == 0, "h·E[F]"),
                x,
                [case.bandwidth * case.global_flatness.high for case in rows],
                2,
                "dashed",
            ),
            Series(_only(named == 0, "B·TV"), x, [LOSS_BOUND * case.variation.high for case in rows], 4, "dashed"),
            Series(_only(named == 1, "gap, at most"), x, [max(case.gap.high, GAP_FLOOR) for case in rows], 1),
            Series(
                _only(named == 1, "gap of overfit f, at least"),
                [float(case.num_samples) for case in overfit],
                [case.gap.low for case in overfit],
                1,
                "points",
            ),
            Series(
                _only(named == 2, "Lipschitz-Wasserstein"),
                x,
                [lipschitz_wasserstein(case.num_samples, dimension, case.steepest).total for case in rows],
                3,
                faint=True,
            ),
            Series(
                _only(named == 2, "Hoeffding, f fixed"),
                x,
                [hoeffding(case.num_samples, COMPARED_PROBABILITY) for case in rows],
                7,
                faint=True,
            ),
        )
        markers = (Marker(_only(named == 1, "B: vacuous above"), LOSS_BOUND, axis="y", colour=6),)
        panels.append(Panel(f"D = {dimension}", "training points N", "loss", series, markers, "log", "log"))
    caption = (
        "Moderately trained f, the best h tried at each N: the certified global form and its two terms, above the "
        "true gap (its certified upper end; in D = 2 and 3 the cubes' size is its floor). An f that overfits on "
        "purpose has a gap that is seen. Beside it what holds for f fixed in advance (Hoeffding, "
        f"Δ = {COMPARED_PROBABILITY:g}) and, in the mean over samples, from the largest slope alone."
    )
    return Figure(
        "theorem_3_bound",
        "The flatness bound against the true gap",
        caption,
        tuple(panels),
        (
            "theorem_3.flatness_bound",
            "theorem_3.local_form",
        ),
    )


def _only(condition: bool, label: str) -> str:
    return label if condition else ""


def _best(evidence: SyntheticEvidence, own: Sequence[FlatnessCase], count: int) -> FlatnessCase:
    """Of the moderate cases of one N, per seed the best h, then the seed with the largest bound."""
    rows = [case for case in own if case.kind == "moderate" and case.num_samples == count]
    best = [
        min((case for case in rows if case.seed == seed), key=lambda case: global_bound(case, evidence.form).high)
        for seed in sorted({case.seed for case in rows})
    ]
    return max(best, key=lambda case: global_bound(case, evidence.form).high)


def _flatness_figure(trained: Sequence[FlatnessCase]) -> Figure:
    known = [case for case in trained if case.global_flatness.low > 0.0]
    lows = [case.global_flatness.low for case in known]
    ends = [min(lows), max(lows)]
    series = [
        Series("equal", ends, ends, 6),
        Series("factor 1.5", ends, [1.5 * value for value in ends], 7, "dashed"),
    ]
    for colour, dimension in enumerate(sorted({case.input_dimension for case in known})):
        own = [case for case in known if case.input_dimension == dimension]
        x = [case.global_flatness.low for case in own]
        y = [case.global_flatness.high for case in own]
        series.append(Series(f"D = {dimension}", x, y, colour, "points"))
    panel = Panel(
        "Each trained f, each h",
        "sampled E[F] (loss per unit length)",
        "certified E[F] (loss per unit length)",
        tuple(series),
        (),
        "log",
        "log",
    )
    caption = (
        "Global flatness enclosed: from below by the largest gradient at the cubes' centres, from above by "
        "interval bounds over the cubes. The bound uses the upper end."
    )
    return Figure(
        "theorem_3_flatness",
        "Certified against sampled flatness",
        caption,
        (panel,),
        ("theorem_3.flatness_bound",),
    )


def _variation_figure(evidence: SyntheticEvidence) -> Figure:
    panels = []
    for ladder in evidence.ladders:
        dimension = ladder.density.input_dimension
        x = [float(size) for size in ladder.sizes]
        bounds = [
            expected_total_variation(size, dimension, width, ladder.density.smoothness)
            for size, width in zip(ladder.sizes, ladder.bandwidths, strict=True)
        ]
        means = [math.fsum(row) / len(row) for row in ladder.realized]
        guide = [ladder.expected[0] * (size / x[0]) ** (-1.0 / (dimension + 2)) for size in x]
        series = (
            Series("explicit bound of E TV", x, bounds, 0),
            Series("E TV by the counts' law", x, ladder.expected, 2),
            Series(
                "realized TV, mean and range",
                x,
                means,
                1,
                "points",
                low=[min(row) for row in ladder.realized],
                high=[max(row) for row in ladder.realized],
            ),
            Series(f"slope -1/{dimension + 2}", x, guide, 7, "dashed", faint=True),
        )
        panels.append(Panel(f"D = {dimension}", "training points N", "total variation", series, (), "log", "log"))
    caption = (
        "TV(P, P̂_h) at h = N^(-1/(D+2)): realized on samples, in expectation by the binomial law of the counts, "
        "and its explicit bound, whose slope is exactly -1/(D+2)."
    )
    return Figure(
        "theorem_3_total_variation",
        "Total variation falls at the rate",
        caption,
        tuple(panels),
        (
            "theorem_3.total_variation",
            "theorem_3.rate",
        ),
    )
