"""Predictions of one draw, made once: claims of several files, and their controls, ask for the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from cgro_theory.claims import Prediction
from cgro_theory.setting.parameters import PatchSetting

from ..theory.memorization import predict_first_memorization_times
from ..theory.signal import InitialDraw, predict_signal_time

MOST = 4096
"""Predictions of one kind that are kept."""

signal_time = lru_cache(MOST)(predict_signal_time)


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
