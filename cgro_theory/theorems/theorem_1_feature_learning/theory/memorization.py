"""What theorem 1 predicts about memorization from given parameters and initial draws (theory.md 2.2 to 2.4).

No torch, no training. Times are in units of η·step. The signal's side is in :mod:`signal`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cgro_theory.claims import EvaluatedCondition, Interval, Prediction, unmet
from cgro_theory.setting.parameters import PatchSetting

from .bracket_steps import ROUNDING
from .conditions import ATTACK, BELOW_BOUNDARY, RACE_HORIZON, RADIUS, SOME_NOISE_NEURON, WITHIN_FLOATS
from .noise_growth import enclose_first_memorization
from .signal import (
    Array,
    InitialDraw,
    evaluated,
    logarithmic_growth,
    outward_from_zero,
    signed_power,
    step_assumption,
)

MOST_NOISE = 400
"""Noise patches n = NJ of a draw that is followed: a step costs n² m operations."""


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


def predict_first_memorization_time(setting: PatchSetting, draw: InitialDraw, learning_rate: float) -> Prediction:
    """Enclosure of the first time with some V_i >= 1 (claim ``theorem_1.first_memorization_time``).

    See :func:`predict_first_memorization_times`, which is faster for many draws.
    """
    return predict_first_memorization_times(setting, [draw], learning_rate)[0]


def predict_first_memorization_times(
    setting: PatchSetting, draws: Sequence[InitialDraw], learning_rate: float
) -> list[Prediction]:
    """Enclosures of the first times with some V_i >= 1, one per draw, by differential inequalities (theory.md
    8.2).

    Every run is followed until some V_i has surely reached 1, at most RACE_HORIZON times its leading order. Where
    none can have reached it by then, κ is too large for this draw: an assumption fails. Where neither is shown, or
    more than MOST_NOISE noise patches would be followed, there is no interval.
    """
    leading = [leading_memorization_time(setting, draw) for draw in draws]
    predictions, followed = [], []
    for index, (draw, time) in enumerate(zip(draws, leading, strict=True)):
        powers = signed_power(draw.signed_preactivations(setting.noise_patches), setting.degree)
        powers = powers.reshape(setting.num_samples, -1)
        # A point whose margin may be 1 by rounding alone is followed: its enclosure begins at 0.
        memorized = bool((powers.sum(axis=1) - ROUNDING * np.abs(powers).sum(axis=1)).max() >= 1.0)
        assumed = (
            *evaluated((ATTACK, RADIUS, SOME_NOISE_NEURON), setting, draw),
            step_assumption(setting, draw, learning_rate),
        )
        if not unmet(assumed):
            assumed += (WITHIN_FLOATS.given(T_lead=0.0 if memorized else time),)
        predictions.append(Prediction(None, assumed, time))
        if unmet(assumed):
            continue
        if memorized:
            below = BELOW_BOUNDARY.given(T_least=0.0, T_lead=time)
            predictions[index] = Prediction(Interval.point(0.0), (*assumed, below), time)
        elif time > 0.0 and setting.num_noise <= MOST_NOISE:
            followed.append(index)
    horizons = [RACE_HORIZON * leading[index] for index in followed]
    kept = [draws[index] for index in followed]
    brackets = enclose_first_memorization(setting, kept, horizons, learning_rate) if kept else []
    for index, horizon, bracket in zip(followed, horizons, brackets, strict=True):
        time, reached = leading[index], math.isfinite(bracket.first.high)
        # Followed to the horizon up to rounding, and none reached: then nothing is memorized within it.
        never = not reached and bracket.first.low >= horizon * (1.0 - 1e-9)
        least = horizon if never else min(bracket.first.low, horizon * (1.0 - 1e-9))
        predictions[index] = Prediction(
            outward_from_zero(bracket.first) if reached else None,
            (*predictions[index].assumed, BELOW_BOUNDARY.given(T_least=least, T_lead=time)),
            time,
        )
    return predictions


def predict_noise_margin_ceiling(setting: PatchSetting, draw: InitialDraw, time: float) -> float:
    """An upper level of every V_i at ``time``, above e^V = e + t q² S_i/N · V^(2-2/q); S_i: absolute Gram row sum.

    It is 1 more than the larger root of e^V = (e + t q² S_i/N) V^(2-2/q), which is above that solution.
    One dominant neuron per point (more only slow the growth); λ + (1-λ) = 1 bounds the pull.
    """
    row_sum = float(np.abs(draw.noise_gram).sum(axis=1).max())
    scale = time * setting.degree**2 * row_sum / setting.num_samples
    return 1.0 + logarithmic_growth(scale + math.e, setting.degree)


def memorization_horizon(setting: PatchSetting, draw: InitialDraw) -> float:
    """A time by which every point should be memorized: four times the slowest point's own formula.

    The cascade shifts every later point's start by about its own size, so no sharper constant is claimed.
    Points that no neuron favours have no formula and are left out; inf when there are no others.
    """
    times = leading_memorization_times(setting, draw)
    finite = times[np.isfinite(times)]
    return 4.0 * float(finite.max()) if finite.size else math.inf


def below_boundary(first: Prediction) -> EvaluatedCondition:
    """Whether κ lies below κ*, as the enclosure of the first memorization found; unmet where it found nothing."""
    found = (each for each in first.assumed if each.condition is BELOW_BOUNDARY)
    return next(found, BELOW_BOUNDARY.given(T_least=math.nan, T_lead=first.leading_order))
