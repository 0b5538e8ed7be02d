"""The figures of the landscape's claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cgro_theory.claims import Figure, Marker, Panel, Series
from cgro_theory.theorems.landscape.claims.checks import spearman
from cgro_theory.theorems.landscape.runs.trained import LandscapeEvidence
from cgro_theory.vision.experiment import ExperimentRecord, Moment

_TRAIN, _TEST, _CONTROL = 0, 1, 7
_RADIUS_LABEL = "radius r (l∞, share of the pixel range)"
_NORM_LABEL = "mean max gradient norm F_r (nats)"
_CHANGE_LABEL = "mean max loss change (nats)"


def figures(evidence: LandscapeEvidence) -> tuple[Figure, ...]:
    """Measures against radius and against epoch, gap against global flatness, capacity against width."""
    drawn: list[Figure] = []
    if evidence.main:
        drawn += [_radius_figure(evidence), epoch_figure(evidence.main, evidence.radius, "landscape_epochs")]
        drawn.append(_gap_figure(evidence))
    if evidence.ladder:
        drawn.append(_capacity_figure(evidence))
    return tuple(drawn)


def _mean_series(
    label: str, x: Sequence[float], rows: Sequence[Sequence[float]], colour: int, dashed: bool = False
) -> Series:
    """The mean over runs, in a band from the least run to the largest."""
    values = np.asarray(rows, dtype=float)
    return Series(
        label,
        list(x),
        values.mean(axis=0).tolist(),
        colour=colour,
        style="dashed" if dashed else "line",
        low=values.min(axis=0).tolist(),
        high=values.max(axis=0).tolist(),
    )


def radius_panels(
    runs: Sequence[ExperimentRecord], controls: Sequence[ExperimentRecord], radius: float
) -> tuple[Panel, ...]:
    """Both measures after the last epoch against the radius, training and test images, on a log axis."""
    panels = []
    for title, label, name in (
        ("Maximum loss change", _CHANGE_LABEL, "max_loss_change"),
        ("Maximum gradient norm", _NORM_LABEL, "max_gradient_norm"),
    ):
        series = []
        for shown, side, colour in (("train images", "train", _TRAIN), ("test images", "test", _TEST)):
            rows = [getattr(getattr(run.final, side), name).mean(axis=1) for run in runs]
            series.append(_mean_series(shown, runs[0].final.train.radii, rows, colour))
        if controls:
            rows = [getattr(run.final.train, name).mean(axis=1) for run in controls]
            shown = "standard training, train images"
            series.append(_mean_series(shown, controls[0].final.train.radii, rows, _CONTROL, dashed=True))
        panels.append(
            Panel(
                title, _RADIUS_LABEL, label, tuple(series), (Marker("training radius ε0", radius),), y_scale="log"
            )
        )
    return tuple(panels)


def _radius_figure(evidence: LandscapeEvidence) -> Figure:
    run = evidence.main[0]
    caption = (
        f"{len(evidence.main)} runs on {run.train_size} digits, width {run.recipe.width}: means, bands from the "
        "least run to the largest. Maxima found by ascent: lower bounds. F_r is the largest l1 norm of the input "
        "gradient, pixels in [0, 1]."
    )
    panels = radius_panels(evidence.main, evidence.controls, evidence.radius)
    return Figure(
        "landscape_radius",
        "Flat inside the training radius, sharp outside",
        caption,
        panels,
        ("landscape.flat_inside_sharp_outside",),
    )


def epoch_figure(runs: Sequence[ExperimentRecord], radius: float, name: str) -> Figure:
    """Flatness at ``radius`` and the errors against the epoch, training and test images."""
    epochs = [float(moment.epoch) for moment in runs[0].moments]

    def rows(read: Callable[[Moment], float]) -> list[list[float]]:
        return [[read(moment) for moment in run.moments] for run in runs]

    flatness = (
        _mean_series("global (test)", epochs, rows(lambda m: m.test.gradient_norm(radius)), _TEST),
        _mean_series("local (train)", epochs, rows(lambda m: m.train.gradient_norm(radius)), _TRAIN),
    )
    change = (
        _mean_series("global (test)", epochs, rows(lambda m: m.test.loss_change(radius)), _TEST),
        _mean_series("local (train)", epochs, rows(lambda m: m.train.loss_change(radius)), _TRAIN),
    )
    errors = (
        _mean_series("robust test", epochs, rows(lambda m: m.test.robust_error(radius)), _TEST),
        _mean_series("robust train", epochs, rows(lambda m: m.train.robust_error(radius)), _TRAIN),
        _mean_series("clean test", epochs, rows(lambda m: m.test.clean_error), _TEST, dashed=True),
        _mean_series("clean train", epochs, rows(lambda m: m.train.clean_error), _TRAIN, dashed=True),
    )
    panels = (
        Panel(f"Flatness at r = {radius:g}", "epoch", _NORM_LABEL, flatness, y_scale="log"),
        Panel(f"Loss change at r = {radius:g}", "epoch", _CHANGE_LABEL, change, y_scale="log"),
        Panel("Errors", "epoch", "share of images", errors),
    )
    caption = "Late in training the loss flattens around the training images only, and the robust gap opens."
    return Figure(name, "Local flatness improves while global flatness worsens", caption, panels)


def _gap_figure(evidence: LandscapeEvidence) -> Figure:
    series = []
    everything: list[tuple[float, float]] = []
    for colour, width in enumerate(sorted({run.recipe.width for run in evidence.runs})):
        runs = [run for run in evidence.runs if run.recipe.width == width]
        points = [
            (moment.test.gradient_norm(evidence.radius), moment.robust_gap(evidence.radius))
            for run in runs
            for moment in run.moments
        ]
        everything += points
        x, y = [point[0] for point in points], [point[1] for point in points]
        series.append(Series(f"width {width}", x, y, colour=colour, style="points"))
    title = f"Spearman's ρ = {spearman(everything):.2f} over all points"
    axis = f"global flatness: mean F_r on test images (nats), r = {evidence.radius:g}"
    panel = Panel(title, axis, "robust test error - robust train error", tuple(series), x_scale="log")
    caption = "One point per run and recorded epoch; points of one run are not independent."
    return Figure(
        "landscape_gap",
        "The robust gap follows global flatness",
        caption,
        (panel,),
        ("landscape.gap_follows_global_flatness",),
    )


def _capacity_figure(evidence: LandscapeEvidence) -> Figure:
    radius = evidence.ladder[0].recipe.radius
    widths = sorted({run.recipe.width for run in evidence.ladder})
    x = [float(width) for width in widths]

    def rows(read: Callable[[Moment], float]) -> list[list[float]]:
        by_width = [evidence.rungs(width) for width in widths]
        seeds = sorted(set.intersection(*(set(rung) for rung in by_width)))
        return [[read(rung[seed].final) for rung in by_width] for seed in seeds]

    accuracy = (
        _mean_series("robust train", x, rows(lambda m: 1.0 - m.train.robust_error(radius)), _TRAIN),
        _mean_series("robust test", x, rows(lambda m: 1.0 - m.test.robust_error(radius)), _TEST),
        _mean_series("clean test", x, rows(lambda m: 1.0 - m.test.clean_error), _TEST, dashed=True),
    )
    gap = (_mean_series("", x, rows(lambda m: m.robust_gap(radius)), 2),)
    size = evidence.ladder[0].train_size
    panels = (
        Panel("Accuracy", "width (channels of the first layer)", "share of images", accuracy, x_scale="log"),
        Panel(
            "Robust generalization gap",
            "width (channels of the first layer)",
            "share of images",
            gap,
            x_scale="log",
        ),
    )
    caption = (
        f"Networks of growing width on {size} digits, radius {radius:g}: means over seeds, bands from the least "
        "run to the largest."
    )
    return Figure(
        "landscape_capacity", "Capacity: robust accuracy rises; the gap widens, then narrows", caption, panels
    )


def experiment_figure(record: ExperimentRecord) -> Figure:
    """One experiment: both measures against the radius, then flatness and errors against the epoch."""
    recipe = record.recipe
    flatness, _, errors = epoch_figure((record,), recipe.radius, "").panels
    caption = "Maxima found by ascent: lower bounds of the true ones."
    title = (
        f"{record.data}: {recipe.architecture} of width {recipe.width}, {record.train_size} training images, "
        f"{'adversarial' if recipe.adversarial else 'standard'} training"
    )
    panels = (*radius_panels((record,), (), recipe.radius), flatness, errors)
    return Figure("landscape", title, caption, panels)
