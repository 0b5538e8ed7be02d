"""One figure per question, as data; on images and memorizers in :mod:`other_drawing`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from cgro_theory.claims import Figure, Marker, Panel, Series
from cgro_theory.theorems.questions.claims.attack_checks import allowed_rounding
from cgro_theory.theorems.questions.claims.law_figures import draw_control, draw_dimension, draw_fresh
from cgro_theory.theorems.questions.claims.other_figures import draw_images, draw_memorizer
from cgro_theory.theorems.questions.claims.phase_enclosures import boundary_enclosures
from cgro_theory.theorems.questions.claims.slope_checks import separations
from cgro_theory.theorems.questions.runs.made import QuestionsEvidence
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Cell, Phase

_ROUNDING_FLOOR = 1e-16
"""Differences of 0 are drawn here on log axes."""


def figures(evidence: QuestionsEvidence) -> tuple[Figure, ...]:
    """The figures of the questions whose runs were made."""
    drawn = [
        draw_attacks(evidence) if evidence.attacks else None,
        draw_degrees(evidence) if evidence.degrees else None,
        draw_plane(evidence) if evidence.exponent_map else None,
        draw_phases(evidence) if evidence.phase_map else None,
        draw_weights(evidence) if evidence.weights else None,
        draw_control(evidence) if evidence.controls else None,
        draw_fresh(evidence) if evidence.fresh else None,
        draw_memorizer(evidence) if evidence.corners else None,
        draw_dimension(evidence) if evidence.degrees else None,
        draw_images(evidence) if evidence.images else None,
    ]
    return tuple(figure for figure in drawn if figure is not None)


def draw_attacks(evidence: QuestionsEvidence) -> Figure:
    """Robust test errors per network, and the difference of the two trainings."""
    entries = evidence.attacks
    numbers = [float(index) for index in range(1, len(entries) + 1)]
    positive = [e for e in evidence.attack_rules if e.initial_signal > 0]
    return Figure(
        name="questions_1_attacks",
        title="1. Attack the current iterate: does theorem 1 survive?",
        caption="Left: networks that start with U > 0 are the same under both trainings. Right: an attack of "
        "the same "
        "radius on all patches, not only along the signal, defeats every network.",
        panels=(
            Panel(
                title="current iterate against fixed target, U(0) > 0",
                x_label="draw",
                y_label="largest relative difference",
                series=(
                    Series(
                        f"trainings in R^d (differences below {_ROUNDING_FLOOR:.0e} drawn there)",
                        [float(index) for index in range(1, len(positive) + 1)],
                        [max(_ROUNDING_FLOOR, min(1.0, e.difference)) for e in positive],
                        style="points",
                    ),
                ),
                markers=(
                    Marker("allowed for rounding", max(_ROUNDING_FLOOR, allowed_rounding(positive)), axis="y"),
                ),
                y_scale="log",
            ),
            Panel(
                title="one radius, two attacks on the trained network",
                x_label="draw",
                y_label="robust test error",
                series=(
                    Series("all patches", numbers, _rates([e.l2_wrong for e in entries], entries), 1, "points"),
                    Series(
                        "span of the signal",
                        numbers,
                        _rates([e.span_wrong for e in entries], entries),
                        0,
                        "points",
                    ),
                ),
                markers=(
                    Marker("1/2, ceiling within the span", 0.5, axis="y"),
                    Marker("version 4 (another setting)", 0.825, axis="y", colour=2),
                ),
            ),
        ),
    )


class _Tested(Protocol):
    """A network that was tried on fresh points."""

    @property
    def test_points(self) -> int: ...


def _rates(wrong: Sequence[int], entries: Sequence[_Tested]) -> list[float]:
    return [w / e.test_points for w, e in zip(wrong, entries, strict=True)]


def draw_degrees(evidence: QuestionsEvidence) -> Figure:
    """T_III/T_I over d, a curve per degree and seed, with the enclosures."""
    degrees = sorted({cell.setting.degree for cell in evidence.degrees})
    series: list[Series] = []
    for colour, degree in enumerate(degrees):
        found = separations(evidence, degree)
        for index, seed in enumerate(sorted({entry.seed for entry in found})):
            own = sorted(
                (e for e in found if e.seed == seed and math.isfinite(e.measured.low)), key=lambda e: e.size
            )
            label = f"q = {degree}" if index == 0 else ""
            series.append(Series(label, [e.size for e in own], [e.measured.low for e in own], colour, "points"))
            known = [(e.size, e.predicted.interval) for e in own if e.predicted.interval is not None]
            line = Series(
                "", [x for x, _ in known], [(i.low + i.high) / 2 for _, i in known], colour, "dashed", faint=True
            )
            series.append(line)
    return Figure(
        name="questions_2_degrees",
        title="2. Other activations",
        caption="Points: trained networks. Dashed: the middle of the enclosure computed from each draw.",
        panels=(
            Panel(
                title="the stages separate faster with the degree",
                x_label="patch dimension d",
                y_label="T_III / T_I",
                series=tuple(series),
                x_scale="log",
                y_scale="log",
            ),
        ),
    )


_MARKS = (
    ("signal first, CGRO", 0),
    ("noise first", 1),
    ("no memorization", 2),
    ("signal first, memorized, no CGRO", 3),
)


def _outcome(cell: Cell) -> int:
    if not cell.signal_time < cell.first_memorization:
        return 1
    if cell.memorized == 0:
        return 2
    return 0 if cell.phase is Phase.OVERFITS else 3


def draw_plane(evidence: QuestionsEvidence) -> Figure:
    """The (a, b) plane with the two asymptotic lines."""
    cells = evidence.exponent_map
    dimension = cells[0].setting.patch_dimension
    log_dimension = math.log(dimension)
    places = [
        (
            math.log(c.setting.noise_std) / log_dimension,
            math.log(c.setting.signal_strength) / log_dimension,
            _outcome(c),
        )
        for c in cells
    ]
    series = [
        Series(
            name, [b for b, _, k in places if k == code], [a for _, a, k in places if k == code], code, "points"
        )
        for name, code in _MARKS
        if any(k == code for _, _, k in places)
    ]
    low, high = min(b for b, _, _ in places), max(b for b, _, _ in places)
    series.append(Series("a = b + 1/2", [low, high], [low + 0.5, high + 0.5], 6, "dashed"))
    series.append(
        Series("2a = 1 + 3(b + 1/2)", [low, high], [(1 + 3 * (e + 0.5)) / 2 for e in (low, high)], 7, "dashed")
    )
    series.append(Series("the paper's exponents", [-0.509], [0.249], 4, "points"))
    return Figure(
        name="questions_3_exponents",
        title="3. Why the exponents 0.249 and -0.509?",
        caption="Each point is a trained network. Above the first line the signal comes first; below the "
        "second noise "
        "is memorized. At finite d the second line is shifted by logarithms of d.",
        panels=(
            Panel(
                title=f"trained networks at d = {dimension:.0e}",
                x_label="b, where σ = d^b",
                y_label="a, where α = d^a",
                series=tuple(series),
                legend="below",
            ),
        ),
    )


def draw_phases(evidence: QuestionsEvidence) -> Figure:
    """Robust test error and memorized points over κ√d, a panel per dimension, with both enclosures."""
    panels = []
    dimensions = sorted({c.setting.patch_dimension for c in evidence.phase_map})
    for dimension in (dimensions[0], dimensions[-1])[: len(dimensions)]:
        own = sorted(
            (c for c in evidence.phase_map if c.setting.patch_dimension == dimension),
            key=lambda c: c.setting.attacked_signal_fraction,
        )
        root = math.sqrt(dimension)
        x = [c.setting.attacked_signal_fraction * root for c in own]
        found = [boundary_enclosures(dimension, c.seed, c.end) for c in own]
        markers = []
        for colour, name, ends in (
            (4, "κ_1 from the draws", [over for over, _ in found if over is not None]),
            (2, "κ* from the draws", [memory for _, memory in found if memory is not None]),
        ):
            if ends:
                low, high = min(e.low for e in ends), max(e.high for e in ends)
                markers.append(Marker(name, low * root, until=high * root, colour=colour))
        series = (
            Series("robust test error", x, [c.robust_error for c in own], 0),
            Series(
                "share of points memorized", x, [c.memorized / c.setting.num_samples for c in own], 1, "dashed"
            ),
        )
        panels.append(
            Panel(f"d = {dimension:.0e}", "κ √d", "share", series, tuple(markers), x_scale="log", legend="below")
        )
    return Figure(
        name="questions_4_phases",
        title="4. Why δ = α(1 - 1/(√d polylog d))?",
        caption="Robust overfitting left of κ_1, memorization with robust generalization between, no memorization "
        "right of κ*. Band and line are computed from the initial draws.",
        panels=tuple(panels),
    )


def draw_weights(evidence: QuestionsEvidence) -> Figure:
    """Clean test error and the order of the times over 1 - λ."""
    floor = (
        min(1.0 - c.setting.adversarial_weight for c in evidence.weights if c.setting.adversarial_weight < 1) / 100
    )
    gaps = sorted({max(floor, 1.0 - c.setting.adversarial_weight) for c in evidence.weights})
    groups = [
        [c for c in evidence.weights if max(floor, 1.0 - c.setting.adversarial_weight) == gap] for gap in gaps
    ]
    x = [max(floor, 1.0 - c.setting.adversarial_weight) for c in evidence.weights]
    ordered = [sum(c.signal_time < c.first_memorization for c in own) / len(own) for own in groups]
    return Figure(
        name="questions_5_weights",
        title="5. Why λ < 1?",
        caption="Points: single networks. Without clean loss the signal is not learned before the noise, and a "
        "network "
        "is right or wrong everywhere.",
        panels=(
            Panel(
                title=f"d = {evidence.weights[0].setting.patch_dimension:.0e}",
                x_label=f"weight 1 - λ of the clean loss (0 drawn at {floor:.0e})",
                y_label="share",
                series=(
                    Series("signal before noise, networks", gaps, ordered, 0),
                    Series(
                        "clean test error",
                        x,
                        [c.clean_wrong / c.test_points for c in evidence.weights],
                        1,
                        "points",
                    ),
                ),
                x_scale="log",
                legend="below",
            ),
        ),
    )
