"""The loss landscape of images (theory.md 4.4): the claims, and the runs they need."""

from __future__ import annotations

from cgro_theory.claims import Figure

from ..runs.profiles import CONSTANTS
from ..runs.trained import LandscapeRuns
from ..runs.training import SETS, gather, parameters
from . import over_epochs, widths

__all__ = ["CHECKED", "CONSTANTS", "GROWING", "figures", "gather", "parameters"]

CHECKED = (*over_epochs.CHECKED, *widths.CHECKED)
GROWING: frozenset[str] = frozenset(SETS)


def figures(runs: LandscapeRuns) -> tuple[Figure, ...]:
    """The figures of the sets that were made."""
    return (*over_epochs.figures(runs), *widths.figures(runs))
