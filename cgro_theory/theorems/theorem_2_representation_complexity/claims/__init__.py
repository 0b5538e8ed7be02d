"""Theorem 2: the claims with their checks, negative controls and figures, one file per topic."""

from __future__ import annotations

from cgro_theory.claims import Figure

from ..runs.made import RepresentationRuns, parameters
from ..runs.making import begin, gather
from ..runs.profiles import CONSTANTS
from . import clean_error, counts, hierarchy, lower_bound, robust_error, squaring, training_error

__all__ = ["CHECKED", "CONSTANTS", "GROWING", "begin", "figures", "gather", "parameters"]

CHECKED = (
    *counts.CHECKED,
    *squaring.CHECKED,
    *training_error.CHECKED,
    *clean_error.CHECKED,
    *robust_error.CHECKED,
    *lower_bound.CHECKED,
    *hierarchy.CHECKED,
)
GROWING: frozenset[str] = frozenset()


def figures(runs: RepresentationRuns) -> tuple[Figure, ...]:
    """The figures of the runs that were made."""
    return tuple(
        figure for topic in (hierarchy, counts, robust_error, lower_bound) for figure in topic.figures(runs)
    )
