"""Theorem 3: the claims of the bound (theory.md 4.3) and of the landscape of images (4.4), and their runs."""

from __future__ import annotations

from cgro_theory.claims import Figure
from cgro_theory.theorems.landscape import claims as landscape

from ..runs import profiles
from ..runs.made import FlatnessRuns
from ..runs.making import begin, gather, parameters
from . import attack_gain, flatness, vacuity, variation

__all__ = ["CHECKED", "CONSTANTS", "GROWING", "begin", "figures", "gather", "parameters"]

TORUS = (*flatness.CHECKED, *variation.CHECKED, *attack_gain.CHECKED, *vacuity.CHECKED)
CHECKED = (
    *(entry.on_part("torus") for entry in TORUS),
    *(entry.on_part("landscape") for entry in landscape.CHECKED),
)
CONSTANTS = (*profiles.CONSTANTS, *landscape.CONSTANTS)
GROWING = landscape.GROWING


def figures(runs: FlatnessRuns) -> tuple[Figure, ...]:
    """The figures of the parts that were made."""
    own = () if runs.torus is None else (*flatness.figures(runs.torus), *variation.figures(runs.torus))
    return (*own, *(() if runs.landscape is None else landscape.figures(runs.landscape)))
