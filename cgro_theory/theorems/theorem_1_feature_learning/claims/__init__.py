"""Theorem 1: the claims with their checks and negative controls, and the runs they need."""

from __future__ import annotations

from cgro_theory.claims import Figure
from cgro_theory.theorems.checked_claim import CheckedClaim

from ..runs.trained import TrainedEvidence, parameters
from ..runs.training import begin, gather
from . import (
    certified,
    collapse,
    exponents,
    fresh_errors,
    gradient,
    limits,
    memorization,
    memorization_order,
    one_loss,
    over_attack,
    phases,
    signal,
    stage_order,
    train_errors,
)
from .constants import CONSTANTS
from .phase_figures import phase_figures

__all__ = ["CHECKED", "CONSTANTS", "GROWING", "begin", "figures", "gather", "parameters"]

CHECKED: tuple[CheckedClaim, ...] = (
    *gradient.CHECKED,
    *signal.CHECKED,
    *memorization.CHECKED,
    *memorization_order.CHECKED,
    *train_errors.CHECKED,
    *fresh_errors.CHECKED,
    *one_loss.CHECKED,
    *exponents.CHECKED,
    *limits.CHECKED,
    *phases.CHECKED,
    *over_attack.CHECKED,
    *collapse.CHECKED,
    *certified.CHECKED,
    *stage_order.CHECKED,
)
GROWING: frozenset[str] = frozenset({"phases", "standard", "adversarial_only", "over_attack"})


def figures(runs: TrainedEvidence) -> tuple[Figure, ...]:
    """The stages and errors over time, the ladder of dimensions, and the phases of κ, of what was run."""
    drawn: tuple[Figure, ...] = ()
    if runs.main:
        drawn += (memorization.three_stages(runs), train_errors.errors_over_time(runs))
    if len(runs.ladder) > 1:
        drawn += (exponents.ladder_figure(runs.ladder),)
    if runs.over_attack:
        drawn += (over_attack.over_attack_figure(runs),)
    if runs.collapse_map:
        drawn += (collapse.collapse_map_figure(runs),)
    return drawn + phase_figures(runs.phases) + stage_order.stage_order_figure(runs.fresh)
