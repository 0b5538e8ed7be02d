"""The phase that a draw predicts for a network, from the enclosures of both boundaries."""

from __future__ import annotations

from functools import lru_cache

from cgro_theory.claims import Interval
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.questions.claims.counting import draw_of
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Cell, Phase
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import (
    predict_memorization_boundary,
    predict_overfitting_boundary,
)


@lru_cache(maxsize=4096)
def boundary_enclosures(dimension: int, seed: int, end: float) -> tuple[Interval | None, Interval | None]:
    """Enclosures of κ_1 (for runs that end by ``end``) and κ* of one draw in the version-1 regime."""
    setting = PatchSetting.version_1(dimension)
    draw = draw_of(setting, seed)
    return predict_overfitting_boundary(setting, draw, end).interval, _memorization_boundary(setting, seed)


@lru_cache(maxsize=4096)
def _memorization_boundary(setting: PatchSetting, seed: int) -> Interval | None:
    return predict_memorization_boundary(setting, draw_of(setting, seed)).interval


def predicted_phase(cell: Cell, fraction: float) -> Phase | None:
    """The phase at κ = ``fraction``; None inside an enclosure, or where the assumptions fail."""
    overfitting, memorization = boundary_enclosures(cell.setting.patch_dimension, cell.seed, cell.end)
    if overfitting is None or memorization is None:
        return None
    if fraction < min(overfitting.low, memorization.low):
        return Phase.OVERFITS
    if overfitting.high < fraction < memorization.low:
        return Phase.ROBUST
    return Phase.UNMEMORIZED if fraction > max(overfitting.high, memorization.high) else None
