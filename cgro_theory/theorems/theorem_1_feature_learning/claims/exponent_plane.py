"""The plane of exponents (a, b), and points coloured by phase, as data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Figure, Marker, Panel, Series
from cgro_theory.setting.parameters import PatchSetting

from ..runs.phases import Cell, Phase

_COLOURS = {
    Phase.OVERFITS: 1,
    Phase.OVER_ATTACKED: 4,
    Phase.ROBUST: 2,
    Phase.UNMEMORIZED: 0,
    Phase.UNMEMORIZED_FRAGILE: 3,
    Phase.UNGENERAL: 7,
}


def exponent_plane_figure(cells: Sequence[Cell]) -> Figure:
    """Phases over the exponents of signal and noise strength, with the leading-order lines."""
    if not cells:
        return Figure("theorem_1_exponent_plane", "No exponent plane", "Not asked for.", ())
    dimension = cells[0].setting.patch_dimension
    signal = [_exponent(cell.setting, "signal_strength") for cell in cells]
    noise = [_exponent(cell.setting, "noise_std") for cell in cells]
    grid = np.linspace(min(noise), max(noise), 50)
    low, high = min(signal) - 0.02, max(signal) + 0.02
    # κ* >= κ is 3b + 5/2 >= 2a at κ = d^(-1/2); the logarithm in κ = 1/(√d log d) adds 3 log log d / log d.
    memorization = 0.5 + 1.5 * (grid + 0.5)
    shift = 1.5 * math.log(math.log(dimension)) / math.log(dimension)
    lines = (
        _inside(r"$a = b + \frac{1}{2}$: signal first above it", grid, grid + 0.5, low, high, "dashed", 6),
        _inside(
            r"$2a = 1 + 3(b + \frac{1}{2})$: $\kappa^* = d^{-1/2}$", grid, memorization, low, high, "dashed", 3
        ),
        _inside(r"$\kappa^*$ = this κ: memorization below it", grid, memorization + shift, low, high, "line", 6),
    )
    panel = Panel(
        f"d = {dimension:.0e}, κ = 1/(√d log d)",
        r"noise exponent b, $\sigma = d^b$",
        r"signal exponent a, $\alpha = d^a$",
        (
            *points_by_phase(
                cells,
                lambda cell: _exponent(cell.setting, "noise_std"),
                lambda cell: _exponent(cell.setting, "signal_strength"),
            ),
            *lines,
            Series("the paper's own point: a = 0.249, b = -0.509", [-0.509], [0.249], 6, "points"),
        ),
        markers=(Marker("", 0.249, axis="y", colour=6), Marker("", -0.509, axis="x", colour=6)),
        legend="below",
    )
    caption = (
        "Which exponents give clean generalization with robust overfitting. Lines: the leading-order conditions "
        "of theory.md, section 5, question 3; dotted lines cross at the paper's choice."
    )
    return Figure(
        "theorem_1_exponent_plane", "Which exponents give CGRO", caption, (panel,), ("theorem_1.stage_order",)
    )


def points_by_phase(
    cells: Sequence[Cell], x: Callable[[Cell], float], y: Callable[[Cell], float]
) -> Iterable[Series]:
    """One series of points per phase that occurs; failed runs are left out."""
    for phase, colour in _COLOURS.items():
        own = [cell for cell in cells if cell.phase is phase and not cell.failure]
        if own:
            yield Series(phase.value, [x(cell) for cell in own], [y(cell) for cell in own], colour, "points")


def _inside(
    label: str,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    low: float,
    high: float,
    style: Literal["line", "dashed"],
    colour: int,
) -> Series:
    """The part of a line with y in [low, high]."""
    shown = (y >= low) & (y <= high)
    return Series(label, x[shown].tolist(), y[shown].tolist(), colour, style)


def _exponent(setting: PatchSetting, name: str) -> float:
    return math.log(getattr(setting, name)) / math.log(setting.patch_dimension)
