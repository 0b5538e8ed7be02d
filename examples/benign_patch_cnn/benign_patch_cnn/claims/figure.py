"""One phase diagram, three papers: the boundaries over N, and over the attack, as data."""

from __future__ import annotations

import math

import numpy as np

from cgro_theory.claims import Figure, Panel, Series

from ..runs.boundaries import ATTACKED_SIZE, STRONGEST, BenignRuns
from ..theory.race import first_speed, mean_clock_speed, predict_boundary, signal_share
from . import attack, boundary

FRACTIONS = np.linspace(-0.9, 1.0, 96)


def figures(runs: BenignRuns) -> tuple[Figure, ...]:
    """The phase diagram: N and SNR for each degree, then κ."""
    if not runs.benign or not runs.races or not runs.attacked:
        return ()
    degrees = sorted({each.degree for each in runs.benign})
    caption = (
        "Left: overfitting is harmful below the points, benign above; above the points of T_I = T_III nothing is "
        "memorized before the signal is learned. The grey line is N·SNR^q = 1: the order of Cao et al. and the "
        "unified threshold of Huang et al., whose constants are not stated. Right: how far adversarial training "
        "moves the end of benign overfitting; lines are (1 - λ + λκ^q)^(-1/q)."
    )
    panels = (*(_over_samples(runs, degree) for degree in degrees), _over_attack(runs, degrees[0]))
    labels = tuple(entry.label for entry in boundary.CHECKED + attack.CHECKED)
    title = "Where benign overfitting ends on patch data"
    return (Figure("benign_patch_cnn_phases", title, caption, panels, labels),)


def _over_samples(runs: BenignRuns, degree: int) -> Panel:
    sizes = sorted({each.size for each in runs.benign})
    series = [Series(r"$N\,\mathrm{SNR}^q = 1$", sizes, [size ** (-1.0 / degree) for size in sizes], 7, "dashed")]
    for label, located, speed, colour in (
        ("end of benign overfitting", runs.benign, mean_clock_speed, 0),
        (r"$T_I = T_{III}$", runs.races, first_speed, 1),
    ):
        own = [(e.size, predict_boundary(e.draw, degree, speed), e) for e in located if e.degree == degree]
        means = [np.mean([math.log(told.leading_order) for size, told, _ in own if size == n]) for n in sizes]
        series.append(Series(f"{label}, predicted (mean)", sizes, np.exp(means).tolist(), colour))
        places = [size * (1.0 + 0.05 * colour) for size, *_ in own]  # side by side
        measured = [math.exp(each.bracket.middle) for *_, each in own]
        series.append(Series(f"{label}, trained", places, measured, colour, "points", faint=True))
    weight, fraction = STRONGEST
    moved = [e for e in runs.attacked if e.base.degree == degree and (e.weight, e.fraction) == STRONGEST]
    label = f"end under attack, λ = {weight:g}, κ = {fraction:g}, trained"
    ends = [math.exp(each.bracket.middle) for each in moved]
    series.append(Series(label, [each.base.size for each in moved], ends, 3, "points", faint=True))
    return Panel(
        f"q = {degree}, λ = 0",
        "training points N",
        r"$\mathrm{SNR} = \alpha/(\sigma\sqrt{d})$",
        tuple(series),
        x_scale="log",
        y_scale="log",
        legend="below",
    )


def _over_attack(runs: BenignRuns, degree: int) -> Panel:
    series = []
    own = [each for each in runs.attacked if each.base.degree == degree]
    for colour, weight in enumerate(sorted({each.weight for each in own})):
        left = [(k, share) for k in FRACTIONS if (share := signal_share(weight, float(k), degree)) > 0.01]
        curve = [share ** (-1.0 / degree) for _, share in left]
        series.append(Series(f"λ = {weight:g}", [float(k) for k, _ in left], curve, colour))
        mine = [each for each in own if each.weight == weight]
        moved = [math.exp(each.bracket.middle - each.base.bracket.middle) for each in mine]
        series.append(Series("", [each.fraction for each in mine], moved, colour, "points"))
    return Panel(
        f"q = {degree}, N = {ATTACKED_SIZE}",
        r"attacked signal fraction $\kappa = 1 - \delta/\alpha$",
        r"$\mathrm{SNR}_\ast(\lambda, \kappa)\,/\,\mathrm{SNR}_\ast(0)$",
        tuple(series),
        y_scale="log",
        legend="below",
    )
