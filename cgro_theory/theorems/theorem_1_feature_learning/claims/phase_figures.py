"""Figures of the phases, their boundaries and the ladder of dimensions, as data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cgro_theory.claims import Figure, Marker, Panel, Series

from ..runs.phases import Cell, LocatedBoundary
from ..runs.trained import PhaseEvidence
from ..theory.boundaries import leading_memorization_boundary
from ..theory.overfitting import leading_overfitting_boundary
from .exponent_plane import exponent_plane_figure, points_by_phase
from .phases import dimension_of, memorization, overfitting, samples_of
from .slopes import Compared

_FRACTION = r"attacked signal fraction $\kappa = 1 - \delta/\alpha$"


def phase_figures(phases: PhaseEvidence) -> tuple[Figure, ...]:
    """The maps, the collapse, the boundaries over d and N, and the exponent plane."""
    if not phases.overfitting or not phases.memorization:
        return ()
    return (_maps(phases), _collapse(phases), _boundaries(phases), exponent_plane_figure(phases.exponent_map))


def _maps(phases: PhaseEvidence) -> Figure:
    weights = sorted({cell.setting.adversarial_weight for cell in phases.weight_map})
    dimension = phases.weight_map[0].setting.patch_dimension
    reference = next(e for e in phases.dimension_ladder if e.setting.patch_dimension == dimension)

    def at_weight(leading: Callable[..., float]) -> list[float]:
        return [leading(replace(reference.setting, adversarial_weight=w), reference.draw) for w in weights]

    def over_dimension(leading: Callable[..., float]) -> tuple[list[float], list[float]]:
        first = [e for e in phases.dimension_ladder if e.seed == reference.seed]
        return [e.setting.patch_dimension for e in first], [leading(e.setting, e.draw) for e in first]

    panels = (
        Panel(
            "One network per point; λ = 0.9",
            "patch dimension d",
            _FRACTION,
            (
                *points_by_phase(phases.dimension_map, lambda cell: cell.setting.patch_dimension, _fraction),
                Series(
                    r"predicted $\kappa_1$ (leading order)",
                    *over_dimension(leading_overfitting_boundary),
                    6,
                    "dashed",
                ),
                Series(r"predicted $\kappa^*$ (leading order)", *over_dimension(leading_memorization_boundary), 6),
            ),
            x_scale="log",
            y_scale="log",
            legend="below",
        ),
        Panel(
            f"d = {dimension:.0e}",
            "adversarial weight λ",
            _FRACTION,
            (
                *points_by_phase(phases.weight_map, lambda cell: cell.setting.adversarial_weight, _fraction),
                Series("", weights, at_weight(leading_overfitting_boundary), 6, "dashed"),
                Series("", weights, at_weight(leading_memorization_boundary), 6),
            ),
            y_scale="log",
            legend="below",
        ),
    )
    caption = (
        "The three phases. Below κ_1 training points are memorized and fresh attacked points lost (CGRO); between "
        "the curves points are memorized and the network is robust on fresh ones; above κ* nothing is memorized."
    )
    return Figure(
        "theorem_1_phases",
        "Phases of adversarial training on patch data",
        caption,
        panels,
        (
            "theorem_1.overfitting_boundary",
            "theorem_1.phase_boundary",
        ),
    )


def _collapse(phases: PhaseEvidence) -> Figure:
    panels = []
    for title, x_label, scaled in (
        ("Against κ", _FRACTION, False),
        ("Against κ √d", r"$\kappa\,\sqrt{d}$", True),
    ):
        series: list[Series] = []
        for colour, dimension in enumerate(sorted({e.setting.patch_dimension for e in phases.overfitting})):
            located = [e for e in phases.overfitting if e.setting.patch_dimension == dimension]
            factor = math.sqrt(dimension) if scaled else 1.0
            grid = np.geomspace(0.1, 20.0, 60) / math.sqrt(dimension)
            law = np.mean([[entry.cells[0].robust_errors(k).mean() for k in grid] for entry in located], axis=0)
            cells = [cell for entry in located for cell in entry.cells]
            cells += [cell for cell in phases.dimension_map if cell.setting.patch_dimension == dimension]
            near = [cell for cell in cells if grid[0] <= _fraction(cell) <= grid[-1]]
            series.append(Series(f"d = {dimension:.0e}", (factor * grid).tolist(), law.tolist(), colour))
            series.append(
                Series(
                    "",
                    [factor * _fraction(cell) for cell in near],
                    [cell.robust_wrong / cell.test_points for cell in near],
                    colour,
                    "points",
                )
            )
        panels.append(
            Panel(
                title,
                x_label,
                "robust test error",
                tuple(series),
                markers=(Marker("", 0.25, axis="y"),),
                x_scale="log",
            )
        )
    caption = (
        "Points: misclassified among fresh attacked points, each network trained at its own κ. Curves: the exact "
        "law of the network trained at κ = 1/√d, mean over seeds. Against κ √d the curves fall on one. What does "
        f"not collapse: the end of robust overfitting for networks trained at their own κ, κ_1 √d = "
        f"{_times_root(phases.overfitting)}; and the end of memorization, κ* √d = "
        f"{_times_root(phases.dimension_ladder)}."
    )
    return Figure(
        "theorem_1_collapse",
        "Robust overfitting ends at κ of order 1/√d",
        caption,
        tuple(panels),
        (
            "theorem_1.robust_error_law",
            "theorem_1.overfitting_boundary_exponent",
        ),
    )


def _times_root(located: Sequence[LocatedBoundary]) -> str:
    """The boundary times √d for every d, the geometric mean over the seeds."""
    told = []
    for dimension in sorted({entry.setting.patch_dimension for entry in located}):
        own = [entry for entry in located if entry.setting.patch_dimension == dimension]
        mean = math.exp(np.mean([math.log(entry.low * entry.high) / 2.0 for entry in own]))
        told.append(f"{mean * math.sqrt(dimension):.3g} at d = {dimension:.0e}")
    return ", ".join(told)


def _boundaries(phases: PhaseEvidence) -> Figure:
    """Brackets, the estimate of κ_1 and the enclosures of κ* over d, and of κ* over N."""
    memorized = r"$\kappa^*$: no point memorized"
    over_dimension = (
        *_compared(overfitting(phases.overfitting), r"$\kappa_1$: robust test error 1/4", 1, "estimate"),
        *_compared(memorization(phases.dimension_ladder, dimension_of), memorized, 0),
    )
    drawn = [("Boundaries over d, N = 20", "patch dimension d", over_dimension)]
    if len({entry.setting.num_samples for entry in phases.sample_ladder}) > 1:
        dimension = phases.sample_ladder[0].setting.patch_dimension
        over_samples = _compared(memorization(phases.sample_ladder, samples_of), memorized, 0)
        drawn.append((f"Phase boundary over N, d = {dimension:.0e}", "training points N", over_samples))
    caption = (
        "Points: boundaries bracketed by trained networks on either side, every seed. Bands, computed from the "
        "initial draws alone: an estimate of κ_1, enclosures of κ*."
    )
    return Figure(
        "theorem_1_boundaries",
        "The two boundaries",
        caption,
        tuple(
            Panel(title, x_label, _FRACTION, series, x_scale="log", y_scale="log")
            for title, x_label, series in drawn
        ),
        (
            "theorem_1.overfitting_boundary",
            "theorem_1.phase_boundary",
            "theorem_1.phase_boundary_dimension_exponent",
            "theorem_1.phase_boundary_sample_exponent",
        ),
    )


def _compared(entries: Sequence[Compared], label: str, colour: int, kind: str = "enclosure") -> tuple[Series, ...]:
    """The middles of the brackets, the band of the predictions of every seed, and the mean leading order."""
    kept = [e for e in entries if not e.failure and e.measured.low > 0.0 and math.isfinite(e.measured.high)]
    middles = [math.sqrt(entry.measured.low * entry.measured.high) for entry in kept]
    points = Series(label, [entry.size for entry in kept], middles, colour, "points")
    rows: dict[float, list[tuple[float, float, float]]] = {}
    for entry in entries:
        ends = entry.predicted.interval
        if ends is not None and not entry.failure:
            rows.setdefault(entry.size, []).append((ends.low, ends.high, entry.predicted.leading_order))
    sizes = sorted(rows)
    if not sizes:
        return (points,)
    band = Series(
        f"leading order and {kind}",
        sizes,
        [float(np.exp(np.mean([math.log(row[2]) for row in rows[size]]))) for size in sizes],
        colour,
        "dashed",
        low=[min(row[0] for row in rows[size]) for size in sizes],
        high=[max(row[1] for row in rows[size]) for size in sizes],
    )
    return points, band


def _fraction(cell: Cell) -> float:
    return cell.setting.attacked_signal_fraction
