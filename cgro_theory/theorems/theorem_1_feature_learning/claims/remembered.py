"""Predictions of one draw, made once: claims, negative controls and figures ask for the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from cgro_theory.claims import Prediction
from cgro_theory.setting.parameters import PatchSetting

from ..theory.boundaries import predict_memorization_boundary
from ..theory.memorization import predict_first_memorization_times
from ..theory.over_attack import plateau_bracket as _plateau_bracket
from ..theory.overfitting import predict_overfitting_boundary
from ..theory.signal import InitialDraw, predict_signal_time

MOST = 4096
"""Predictions that are kept."""

signal_time = lru_cache(MOST)(predict_signal_time)
overfitting_boundary = lru_cache(MOST)(predict_overfitting_boundary)
memorization_boundary = lru_cache(MOST)(predict_memorization_boundary)
plateau_bracket = lru_cache(MOST)(_plateau_bracket)


def first_memorization_times(
    setting: PatchSetting, draws: Sequence[InitialDraw], learning_rate: float
) -> tuple[Prediction, ...]:
    """As :func:`predict_first_memorization_times`."""
    return _first_memorization_times(setting, tuple(draws), learning_rate)


@lru_cache(MOST)
def _first_memorization_times(
    setting: PatchSetting, draws: tuple[InitialDraw, ...], learning_rate: float
) -> tuple[Prediction, ...]:
    return tuple(predict_first_memorization_times(setting, draws, learning_rate))
