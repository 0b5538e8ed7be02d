"""Flatness around training and test images, after and during training: the claims of theory.md 4.4 over epochs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import sympy
from scipy import stats

from cgro_theory.claims import Claim, Figure, Interval, Panel, Provenance, Relation, Series
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong
from cgro_theory.vision.experiment import ExperimentRecord, Moment

from ..runs.trained import LandscapeRuns
from . import symbols as s
from .figures import epoch_figure, radius_panels
from .over_seeds import POSITIVE, Note, compared

QUADRATIC_EXPONENT = 2.0
"""The growth exponent of the loss change around a minimum of a quadratic loss."""

FLAT_INSIDE = Claim(
    label="landscape.flat_inside_sharp_outside",
    statement="After adversarial training at radius ε0 that fitted the attacked training images, the loss around "
    "them is flat up to ε0 and rises sharply beyond: from ε0 to 2ε0 it grows faster than any quadratic.",
    source=s.SOURCE,
    provenance=(Provenance.PAPER,),
    quantity="growth exponent from ε0 to 2ε0: the smaller of log2(C_2ε0/C_ε0) and 1 + log2(F_2ε0/F_ε0)",
    natural_range=Interval(0.0, math.inf),
    relation=Relation.AT_LEAST,
    expression=sympy.Gt(
        sympy.Min(
            sympy.log(s.C(2 * s.epsilon_0) / s.C(s.epsilon_0), 2),
            1 + sympy.log(s.F(2 * s.epsilon_0) / s.F(s.epsilon_0), 2),
        ),
        2,
    ),
    limitations="points that no ascent of the stated budget found; other data, radii and architectures"
    + s.UNDECIDED
    + s.STUDENT,
)
LOCAL_VERSUS_GLOBAL = Claim(
    label="landscape.local_versus_global",
    statement="In the second half of adversarial training local flatness improves, global flatness worsens, and "
    "the robust generalization gap opens.",
    source=s.SOURCE,
    provenance=(Provenance.PAPER,),
    quantity="least of three mean changes over the second half: -Δ ln F_train, Δ ln F_test, Δ gap [nats; share]",
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.AT_LEAST,
    expression=sympy.Gt(
        sympy.Min(
            sympy.log(s.F_train(s.T / 2) / s.F_train(s.T)),
            sympy.log(s.F_test(s.T) / s.F_test(s.T / 2)),
            s.gap(s.T) - s.gap(s.T / 2),
        ),
        0,
    ),
    limitations="the order within the second half, which is that of each training's own length"
    + s.UNDECIDED
    + s.STUDENT,
)
GAP_FOLLOWS = Claim(
    label="landscape.gap_follows_global_flatness",
    statement="Over epochs and widths the robust generalization gap and global flatness are positively "
    "rank-correlated.",
    source=s.SOURCE,
    provenance=(Provenance.PAPER,),
    quantity="mean over seeds of Spearman's ρ between gap and F_test over the epochs and widths of a seed",
    natural_range=Interval(-1.0, 1.0),
    relation=Relation.AT_LEAST,
    expression=sympy.Gt(s.rho, 0),
    limitations="cause and effect; both rise from zero early in training (the second half alone is a note)"
    + s.UNDECIDED
    + s.STUDENT
    + ", cut to [-1, 1], where every ρ and so their mean lies",
)


def growth_exponents(runs: LandscapeRuns) -> dict[str, list[float]]:
    """The growth exponent of each main run from ε0 to 2ε0, on its training images."""
    radius, exponents = runs.radius, []
    for run in runs.main:
        around = run.final.train
        change = math.log2(around.loss_change(2 * radius) / around.loss_change(radius))
        norm = 1.0 + math.log2(around.gradient_norm(2 * radius) / around.gradient_norm(radius))
        exponents.append(min(change, norm))
    return {"growth exponent": exponents}


def check_flat_inside(runs: LandscapeRuns, failure_probability: float) -> CheckedPair:
    """The growth exponent of each main run; Student over the seeds."""
    wanted = Interval.at_least(math.nextafter(QUADRATIC_EXPONENT, math.inf))
    notes: list[Note] = []
    for name, own in (("adversarial", runs.main), ("standard", runs.standard)):
        for factor in (0.5, 1.0, 2.0):
            notes += _mean_notes(name, own, factor, runs.radius)
    parts = growth_exponents(runs)
    return compared(runs, FLAT_INSIDE, wanted, parts, failure_probability, fitted=runs.main, notes=notes)


def _mean_notes(name: str, runs: Sequence[ExperimentRecord], factor: float, radius: float) -> list[Note]:
    usable = [run.final.train for run in runs if factor * radius in run.final.train.radii]
    if not usable:
        return []
    where = f"{name} training, train images, r = {factor:g} ε0"
    return [
        (f"{where}: mean C_r", float(np.mean([around.loss_change(factor * radius) for around in usable]))),
        (f"{where}: mean F_r", float(np.mean([around.gradient_norm(factor * radius) for around in usable]))),
    ]


def late_changes(runs: LandscapeRuns) -> dict[str, list[float]]:
    """Three changes of each main run from the middle of its own training to the end, however long it was."""
    radius = runs.radius
    parts: dict[str, list[float]] = {"-Δ ln local flatness": [], "Δ ln global flatness": [], "Δ gap": []}
    for run in runs.main:
        middle, last = _moment(run, run.recipe.epochs // 2), _moment(run, run.recipe.epochs)
        local = last.train.gradient_norm(radius) / middle.train.gradient_norm(radius)
        world = last.test.gradient_norm(radius) / middle.test.gradient_norm(radius)
        parts["-Δ ln local flatness"].append(-math.log(local))
        parts["Δ ln global flatness"].append(math.log(world))
        parts["Δ gap"].append(last.robust_gap(radius) - middle.robust_gap(radius))
    return parts


def check_local_versus_global(runs: LandscapeRuns, failure_probability: float) -> CheckedPair:
    """The changes over the second half of training; Student over the seeds for each."""
    parts = late_changes(runs)
    notes = [(f"mean {name}", float(np.mean(values))) for name, values in parts.items() if values]
    return compared(runs, LOCAL_VERSUS_GLOBAL, POSITIVE, parts, failure_probability, fitted=runs.main, notes=notes)


def _moment(run: ExperimentRecord, epoch: int) -> Moment:
    return next(moment for moment in run.moments if moment.epoch == epoch)


def global_flatness(moment: Moment, radius: float) -> float:
    """F_test: the mean largest gradient norm within ``radius`` of the test images, in nats."""
    return moment.test.gradient_norm(radius)


def rank_correlations(
    runs: LandscapeRuns, flatness_of: Callable[[Moment, float], float] = global_flatness
) -> dict[str, list[float]]:
    """Spearman's ρ between gap and flatness over the epochs and widths of each seed that has them all."""
    return {"rank correlation": [spearman(points) for points in _gap_points(runs, flatness_of).values()]}


def _gap_points(
    runs: LandscapeRuns, flatness_of: Callable[[Moment, float], float], from_share: float = 0.0
) -> dict[int, list[tuple[float, float]]]:
    by_seed: dict[int, list[tuple[float, float]]] = {}
    for run in runs.over_epochs:
        for moment in run.moments:
            if moment.epoch >= from_share * run.recipe.epochs:
                point = (moment.robust_gap(runs.radius), flatness_of(moment, runs.radius))
                by_seed.setdefault(run.seed, []).append(point)
    return by_seed


def check_gap_follows(
    runs: LandscapeRuns,
    failure_probability: float,
    flatness_of: Callable[[Moment, float], float] = global_flatness,
) -> CheckedPair:
    """Spearman's ρ over the epochs and widths of each seed, then Student over the seeds."""
    by_seed = _gap_points(runs, flatness_of)
    late = _gap_points(runs, flatness_of, 0.5)
    notes = [
        ("pooled over everything (not independent)", spearman([p for points in by_seed.values() for p in points]))
    ]
    if late:
        notes.append(("mean over seeds, second half only", float(np.mean([spearman(p) for p in late.values()]))))
    for width in sorted({run.recipe.width for run in runs.over_epochs}):
        ends = [
            (run.moments[-1].robust_gap(runs.radius), global_flatness(run.moments[-1], runs.radius))
            for run in runs.over_epochs
            if run.recipe.width == width and run.moments
        ]
        notes.append((f"over seeds alone, last epoch, width {width}", spearman(ends)))
    parts = rank_correlations(runs, flatness_of)
    fitted = [run for run in runs.main if run.seed in by_seed]
    return compared(runs, GAP_FOLLOWS, POSITIVE, parts, failure_probability, fitted=fitted, notes=notes)


def spearman(points: Sequence[tuple[float, float]]) -> float:
    """Spearman's rank correlation of pairs, ties at their mean rank; NaN when a side is constant or n < 3."""
    if len(points) < 3:
        return math.nan
    ranks = [stats.rankdata(side) for side in zip(*points, strict=True)]
    first, second = (rank - rank.mean() for rank in ranks)
    scale = math.sqrt(float(first @ first) * float(second @ second))
    return float(first @ second) / scale if scale > 0.0 else math.nan


def _standard_instead(runs: LandscapeRuns) -> LandscapeRuns:
    """The networks of standard training are judged as if the attack had been on."""
    if not runs.standard:
        raise ValueError("no network was trained on clean images")
    return replace(runs, main=runs.standard)


def _images_exchanged(runs: LandscapeRuns) -> LandscapeRuns:
    """Training and test images trade places."""

    def change(run: ExperimentRecord) -> ExperimentRecord:
        moments = tuple(Moment(moment.epoch, moment.test, moment.train) for moment in run.moments)
        return replace(run, moments=moments)

    return replace(runs, main=tuple(map(change, runs.main)))


def _time_reversed(runs: LandscapeRuns) -> LandscapeRuns:
    """The networks of the second half of training in the opposite order."""

    def change(run: ExperimentRecord) -> ExperimentRecord:
        epochs = [moment.epoch for moment in run.moments if 2 * moment.epoch >= run.recipe.epochs]
        late = [moment for moment in run.moments if moment.epoch in epochs]
        turned = [replace(moment, epoch=epoch) for moment, epoch in zip(late[::-1], epochs, strict=True)]
        early = [moment for moment in run.moments if moment.epoch not in epochs]
        return replace(run, moments=(*early, *turned))

    return replace(runs, main=tuple(map(change, runs.main)))


def _runs_confused(runs: LandscapeRuns) -> LandscapeRuns:
    """Each network's errors beside the flatness of the opposite width at the opposite epoch, of the same seed."""

    def change(run: ExperimentRecord) -> ExperimentRecord:
        own = sorted((each for each in runs.over_epochs if each.seed == run.seed), key=lambda r: r.recipe.width)
        if not own:
            return run  # trained at the main width alone, so not looked at
        other = own[-1 - own.index(run)]
        moments = tuple(
            replace(moment, test=replace(moment.test, max_gradient_norm=beside.test.max_gradient_norm))
            for moment, beside in zip(run.moments, other.moments[::-1], strict=True)
        )
        return replace(run, moments=moments)

    return replace(runs, main=tuple(map(change, runs.main)), other_widths=tuple(map(change, runs.other_widths)))


def _inverse_flatness(moment: Moment, radius: float) -> float:
    return 1.0 / global_flatness(moment, radius)


CHECKED = (
    CheckedClaim(
        FLAT_INSIDE,
        check_flat_inside,
        controls=(
            NegativeControl("standard_training", "networks of standard training are judged", _standard_instead),
        ),
        needs=("main", "standard"),
    ),
    CheckedClaim(
        LOCAL_VERSUS_GLOBAL,
        check_local_versus_global,
        controls=(
            NegativeControl("images_exchanged", "training and test images exchanged", _images_exchanged),
            NegativeControl("time_reversed", "the second half of training run backwards", _time_reversed),
        ),
        needs=("main",),
    ),
    CheckedClaim(
        GAP_FOLLOWS,
        check_gap_follows,
        controls=(
            NegativeControl(
                "runs_confused", "gaps beside the flatness of the opposite width and epoch", _runs_confused
            ),
            with_wrong(
                "flatness_inverted",
                "the claim is told 1/F, large where the loss is flat",
                flatness_of=_inverse_flatness,
            ),
        ),
        needs=("main", "other_widths"),
    ),
)


def figures(runs: LandscapeRuns) -> tuple[Figure, ...]:
    """Measures against radius and against epoch, gap against global flatness."""
    if not runs.main:
        return ()
    run = runs.main[0]
    caption = (
        f"{len(runs.main)} runs on {run.train_size} digits, width {run.recipe.width}: means, bands from the "
        "least run to the largest. Maxima found by ascent: lower bounds. F_r is the largest l1 norm of the input "
        "gradient, pixels in [0, 1]."
    )
    radius_figure = Figure(
        "landscape_radius",
        "Flat inside the training radius, sharp outside",
        caption,
        radius_panels(runs.main, runs.standard, runs.radius),
        (FLAT_INSIDE.label,),
    )
    return (radius_figure, epoch_figure(runs.main, runs.radius, "landscape_epochs"), _gap_figure(runs))


def _gap_figure(runs: LandscapeRuns) -> Figure:
    series = []
    everything: list[tuple[float, float]] = []
    for colour, width in enumerate(sorted({run.recipe.width for run in runs.over_epochs})):
        own = [run for run in runs.over_epochs if run.recipe.width == width]
        moments = [moment for run in own for moment in run.moments]
        x = [global_flatness(moment, runs.radius) for moment in moments]
        y = [moment.robust_gap(runs.radius) for moment in moments]
        everything += zip(x, y, strict=True)
        series.append(Series(f"width {width}", x, y, colour=colour, style="points"))
    title = f"Spearman's ρ = {spearman(everything):.2f} over all points"
    axis = f"global flatness: mean F_r on test images (nats), r = {runs.radius:g}"
    panel = Panel(title, axis, "robust test error - robust train error", tuple(series), x_scale="log")
    caption = "One point per run and recorded epoch; points of one run are not independent."
    labels = (GAP_FOLLOWS.label,)
    return Figure("landscape_gap", "The robust gap follows global flatness", caption, (panel,), labels)
