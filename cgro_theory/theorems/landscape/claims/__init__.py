"""The loss landscape of images (theory.md 4.4): the claims, and the runs they need."""

from __future__ import annotations

from cgro_theory.claims import Figure
from cgro_theory.theorems.landscape.claims import over_epochs, widths
from cgro_theory.theorems.landscape.runs.profiles import CONSTANTS
from cgro_theory.theorems.landscape.runs.trained import LandscapeRuns
from cgro_theory.theorems.landscape.runs.training import SETS, gather, parameters

__all__ = ["CHECKED", "CONSTANTS", "GROWING", "figures", "gather", "parameters"]

CHECKED = (*over_epochs.CHECKED, *widths.CHECKED)
GROWING: frozenset[str] = frozenset(SETS)


def figures(runs: LandscapeRuns) -> tuple[Figure, ...]:
    """The figures of the sets that were made."""
    return (*over_epochs.figures(runs), *widths.figures(runs))
