"""What theorem 1 predicts about memorization from given parameters and initial draws (theory.md 2.2 to 2.4).

No torch, no training. Times are in units of η·step. The signal's side is in :mod:`prediction`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cgro_theory.claims import Interval
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.theory.noise_growth import enclose_first_memorization
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import (
    LATEST,
    WITHIN_FLOATS,
    Array,
    InitialDraw,
    TimePrediction,
    logarithmic_growth,
    signed_power,
    step_assumptions,
)

RACE_HORIZON = 50.0
"""Time that runs are given to memorize a point, in units of the first memorization time's leading order."""
MOST_NOISE = 400
"""Noise patches n = NJ of a draw that is followed: a step costs n² m operations."""
BELOW_BOUNDARY = "attacked_signal_fraction is below κ* (here no V_i reaches 1 within 50 times the leading order)"


def leading_memorization_time(setting: PatchSetting, draw: InitialDraw) -> float:
    """T_III = min N (y v(0)_+)^(2-q) / (q (q-2) · ½λ ‖ξ‖²); for q = 2, log(1/v)/(2 · ½λ‖ξ‖²/N)."""
    return float(leading_memorization_times(setting, draw).min())


def leading_memorization_times(setting: PatchSetting, draw: InitialDraw) -> Array:
    """The same formula for each point by its own best neuron; inf where none points its way. shape: (N,)"""
    signed = np.maximum(draw.signed_preactivations(setting.noise_patches), 0.0)
    norms = np.diag(draw.noise_gram)[:, None]
    half = 0.5 * setting.adversarial_weight
    with np.errstate(divide="ignore", over="ignore"):
        if setting.degree == 2:
            needed = np.log(1.0 / np.minimum(signed, 1.0)) / 2.0
        else:
            needed = signed ** (2.0 - setting.degree) / (setting.degree * (setting.degree - 2))
        times = setting.num_samples * needed / (half * norms) if half > 0 else np.full(signed.shape, np.inf)
    per_point = times.reshape(setting.num_samples, -1)
    return np.asarray(per_point.min(axis=1))


def predict_first_memorization_time(
    setting: PatchSetting, draw: InitialDraw, learning_rate: float
) -> TimePrediction:
    """Enclosure of the first time with some V_i >= 1 (claim ``theorem_1.first_memorization_time``).

    See :func:`predict_first_memorization_times`, which is faster for many draws.
    """
    return predict_first_memorization_times(setting, [draw], learning_rate)[0]


def predict_first_memorization_times(
    setting: PatchSetting, draws: Sequence[InitialDraw], learning_rate: float
) -> list[TimePrediction]:
    """Enclosures of the first times with some V_i >= 1, one per draw, by differential inequalities (theory.md
    8.2).

    Every run is followed until some V_i has surely reached 1, at most RACE_HORIZON times its leading order. Where
    none can have reached it by then, κ is too large for this draw: an assumption fails. Where neither is shown, or
    more than MOST_NOISE noise patches would be followed, there is no interval.
    """
    leading = [leading_memorization_time(setting, draw) for draw in draws]
    predictions, followed = [], []
    for index, (draw, time) in enumerate(zip(draws, leading, strict=True)):
        unmet = first_memorization_assumptions(setting, draw) + step_assumptions(setting, draw, learning_rate)
        margins = signed_power(draw.signed_preactivations(setting.noise_patches), setting.degree).sum(axis=1)
        memorized = margins.reshape(setting.num_samples, -1).sum(axis=1).max() >= 1.0
        if not unmet and not memorized and not time < LATEST:
            unmet = (WITHIN_FLOATS,)
        predictions.append(TimePrediction(Interval.point(0.0) if memorized and not unmet else None, time, unmet))
        if not unmet and not memorized and time > 0.0 and setting.num_noise <= MOST_NOISE:
            followed.append(index)
    horizons = [RACE_HORIZON * leading[index] for index in followed]
    kept = [draws[index] for index in followed]
    brackets = enclose_first_memorization(setting, kept, horizons, learning_rate) if kept else []
    for index, horizon, bracket in zip(followed, horizons, brackets, strict=True):
        time = leading[index]
        if math.isfinite(bracket.first.high):
            predictions[index] = TimePrediction(bracket.first.outward(), time)
        elif bracket.first.low >= horizon * (1.0 - 1e-9):
            predictions[index] = TimePrediction(None, time, (BELOW_BOUNDARY,))
    return predictions


def predict_noise_margin_ceiling(setting: PatchSetting, draw: InitialDraw, time: float) -> float:
    """An upper level of every V_i at ``time``: e^V = e + t q² S_i/N · V^(2-2/q), S_i the absolute Gram row sum.

    One dominant neuron per point (more only slow the growth); λ + (1-λ) = 1 bounds the pull.
    """
    row_sum = float(np.abs(draw.noise_gram).sum(axis=1).max())
    scale = time * setting.degree**2 * row_sum / setting.num_samples
    return 1.0 + logarithmic_growth(scale + math.e, setting.degree)


def memorization_horizon(setting: PatchSetting, draw: InitialDraw, factor: float = 4.0) -> float:
    """A time by which every point should be memorized: ``factor`` times the slowest point's own formula.

    The cascade shifts every later point's start by about its own size, so no sharper constant is claimed.
    Points that no neuron favours have no formula and are left out; inf when there are no others.
    """
    times = leading_memorization_times(setting, draw)
    finite = times[np.isfinite(times)]
    return factor * float(finite.max()) if finite.size else math.inf


def first_memorization_assumptions(setting: PatchSetting, draw: InitialDraw) -> tuple[str, ...]:
    """What the first memorization assumes and this draw does not fulfil."""
    unmet = list(_parameter_assumptions(setting))
    if not draw.signed_preactivations(setting.noise_patches).max() > 0:
        unmet.append("some point has a neuron with y v > 0")
    return tuple(unmet)


def memorization_assumptions(setting: PatchSetting, draw: InitialDraw) -> tuple[str, ...]:
    """What the claims about the memorization of every point assume and this draw does not fulfil."""
    unmet = list(_parameter_assumptions(setting))
    best = draw.signed_preactivations(setting.noise_patches).reshape(setting.num_samples, -1).max(axis=1)
    if not np.all(best > 0):
        unmet.append("every point has a neuron with y v > 0")
    return tuple(unmet)


def _parameter_assumptions(setting: PatchSetting) -> tuple[str, ...]:
    unmet = []
    if setting.adversarial_weight == 0:
        unmet.append("adversarial_weight > 0")
    if setting.attacked_signal_fraction < 0:
        unmet.append("perturbation_radius <= signal_strength")
    return tuple(unmet)
