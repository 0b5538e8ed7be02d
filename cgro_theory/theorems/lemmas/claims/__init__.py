"""The lemmas' claims in the order of the statement, and what the runner asks of a theorem."""

from __future__ import annotations

from cgro_theory.claims import Figure
from cgro_theory.theorems.room import NamedConstant

from ..runs.hitting_times import LemmaRuns, gather, parameters
from . import activation, common_clock, noise_variance, tensor_power

__all__ = ["CHECKED", "CONSTANTS", "GROWING", "figures", "gather", "parameters"]

CHECKED = (*tensor_power.CHECKED, *activation.CHECKED, *noise_variance.CHECKED, *common_clock.CHECKED)
CONSTANTS: tuple[NamedConstant, ...] = ()
GROWING: frozenset[str] = frozenset()


def figures(runs: LemmaRuns) -> tuple[Figure, ...]:
    """None."""
    return ()
