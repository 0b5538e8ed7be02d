"""The figures of the questions on built memorizers and on images, as data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cgro_theory.claims import Figure, Panel, Series
from cgro_theory.theorems.questions.claims.other_checks import cube_bound
from cgro_theory.theorems.questions.runs.made import CubeCount, QuestionsEvidence


def draw_memorizer(evidence: QuestionsEvidence) -> Figure:
    """Robust test error over N: exact on the hypercube, found by attack on the continuous example."""
    panels = [_corner_panel(evidence)]
    if evidence.cube:
        panels.append(_cube_panel(evidence.cube))
    return Figure(
        name="questions_8_memorizer",
        title="8. When does f_S really overfit?",
        caption="Left: exact expectations of built networks, all D on one curve in N/K. Right: δ = 0.1; the "
        "attack's "
        "error and, dashed, the bound 1 - N p_hit where it is above 0.",
        panels=tuple(panels),
    )


def _corner_panel(evidence: QuestionsEvidence) -> Panel:
    series = []
    dimensions = sorted({e.input_dimension for e in evidence.corners})
    for colour, dimension in enumerate(dimensions):
        own = sorted((e for e in evidence.corners if e.input_dimension == dimension), key=lambda e: e.num_samples)
        x = [e.num_samples / 2 ** (dimension - 1) for e in own]
        series.append(Series(f"D = {dimension}", x, [float(e.expectation) for e in own], colour, "points"))
    shares = np.geomspace(0.05, 8.0, 60)
    series.append(Series("exp(-N/K)", shares.tolist(), np.exp(-shares).tolist(), 7, "dashed"))
    return Panel("hypercube, p = ∞", "N / K", "expected robust test error", tuple(series), x_scale="log")


def _cube_panel(cube: Sequence[CubeCount]) -> Panel:
    radius = max(e.error.perturbation_radius for e in cube)
    orders = sorted({e.error.norm_order for e in cube})
    dimensions = sorted({e.dimension for e in cube})
    series = []
    for dimension in (dimensions[0], dimensions[-1])[: len(dimensions)]:
        for colour, order in enumerate(orders):
            own = sorted(
                (
                    e
                    for e in cube
                    if (e.dimension, e.error.norm_order, e.error.perturbation_radius) == (dimension, order, radius)
                ),
                key=lambda e: e.error.num_samples,
            )
            x = [float(e.error.num_samples) for e in own]
            shade = colour + (3 if dimension == dimensions[-1] and len(dimensions) > 1 else 0)
            name = "∞" if order == math.inf else f"{order:g}"
            label = f"D = {dimension}, p = {name}"
            series.append(Series(label, x, [e.error.broken / e.error.trials for e in own], shade, "points"))
            bounds = [(n, cube_bound(e)) for n, e in zip(x, own, strict=True) if cube_bound(e) > 0]
            series.append(Series("", [n for n, _ in bounds], [b for _, b in bounds], shade, "dashed", faint=True))
    return Panel(
        f"continuous cube, δ = {radius:g}",
        "training points N",
        "robust test error found",
        tuple(series),
        x_scale="log",
        legend="below",
    )


def draw_images(evidence: QuestionsEvidence) -> Figure:
    """Accuracies over epochs, the mean over the runs and single runs faint."""
    names = (
        ("clean_test", "clean test", 0),
        ("robust_train", "robust train", 1),
        ("robust_test", "robust test", 2),
    )
    series = []
    for name, label, colour in names:
        curves = [getattr(run, name) for run in evidence.images]
        epochs = [float(epoch) for epoch in evidence.images[0].epochs]
        series.append(Series(label, epochs, np.mean(curves, axis=0).tolist(), colour))
        if len(curves) > 1:
            series.extend(Series("", epochs, list(curve), colour, faint=True) for curve in curves)
    radius = evidence.images[0].radius
    return Figure(
        name="questions_10_images",
        title="10. Do the three stages show on real images?",
        caption="Clean accuracy first, robust accuracy of training images last; thick: mean over the runs. The "
        "radius "
        "of the attack grows over the first fifth of the epochs.",
        panels=(
            Panel(
                f"digits, ℓ∞ radius {radius:g}, recorded epochs",
                "epoch",
                "accuracy",
                tuple(series),
                x_scale="log",
            ),
        ),
    )
