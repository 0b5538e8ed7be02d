"""Figures of runs on images: measures against radius and against epoch, of the claims and of one experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cgro_theory.claims import Figure, Marker, Panel, Series
from cgro_theory.vision.experiment import ExperimentRecord, Moment

TRAIN, TEST, STANDARD = 0, 1, 7
"""Colours."""
_RADIUS_LABEL = "radius r (l∞, share of the pixel range)"
_NORM_LABEL = "mean max gradient norm F_r (nats)"
_CHANGE_LABEL = "mean max loss change (nats)"


def mean_series(
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
    runs: Sequence[ExperimentRecord], standard: Sequence[ExperimentRecord], radius: float
) -> tuple[Panel, ...]:
    """Both measures after the last epoch against the radius, training and test images, on a log axis."""
    panels = []
    for title, label, name in (
        ("Maximum loss change", _CHANGE_LABEL, "max_loss_change"),
        ("Maximum gradient norm", _NORM_LABEL, "max_gradient_norm"),
    ):
        series = []
        for shown, side, colour in (("train images", "train", TRAIN), ("test images", "test", TEST)):
            rows = [getattr(getattr(run.final, side), name).mean(axis=1) for run in runs]
            series.append(mean_series(shown, runs[0].final.train.radii, rows, colour))
        if standard:
            rows = [getattr(run.final.train, name).mean(axis=1) for run in standard]
            shown = "standard training, train images"
            series.append(mean_series(shown, standard[0].final.train.radii, rows, STANDARD, dashed=True))
        panels.append(
            Panel(
                title, _RADIUS_LABEL, label, tuple(series), (Marker("training radius ε0", radius),), y_scale="log"
            )
        )
    return tuple(panels)


def epoch_figure(runs: Sequence[ExperimentRecord], radius: float, name: str) -> Figure:
    """Flatness at ``radius`` and the errors in the course of training, on training and test images.

    Against the epoch, or against the share of the training that is done where trainings differ in length.
    """
    alike = len({run.recipe.epochs for run in runs}) == 1
    axis = "epoch" if alike else "share of the training done"
    scale = 1.0 if alike else 1.0 / runs[0].recipe.epochs
    epochs = [scale * moment.epoch for moment in runs[0].moments]

    def rows(read: Callable[[Moment], float]) -> list[list[float]]:
        return [[read(moment) for moment in run.moments] for run in runs]

    flatness = (
        mean_series("global (test)", epochs, rows(lambda m: m.test.gradient_norm(radius)), TEST),
        mean_series("local (train)", epochs, rows(lambda m: m.train.gradient_norm(radius)), TRAIN),
    )
    change = (
        mean_series("global (test)", epochs, rows(lambda m: m.test.loss_change(radius)), TEST),
        mean_series("local (train)", epochs, rows(lambda m: m.train.loss_change(radius)), TRAIN),
    )
    errors = (
        mean_series("robust test", epochs, rows(lambda m: m.test.robust_error(radius)), TEST),
        mean_series("robust train", epochs, rows(lambda m: m.train.robust_error(radius)), TRAIN),
        mean_series("clean test", epochs, rows(lambda m: m.test.clean_error), TEST, dashed=True),
        mean_series("clean train", epochs, rows(lambda m: m.train.clean_error), TRAIN, dashed=True),
    )
    panels = (
        Panel(f"Flatness at r = {radius:g}", axis, _NORM_LABEL, flatness, y_scale="log"),
        Panel(f"Loss change at r = {radius:g}", axis, _CHANGE_LABEL, change, y_scale="log"),
        Panel("Errors", axis, "share of images", errors),
    )
    caption = "Late in training the loss flattens around the training images only, and the robust gap opens."
    return Figure(name, "Local flatness improves while global flatness worsens", caption, panels)


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
