"""What theorem 1 predicts about memorization from given parameters and initial draws (theory.md 2.2 to 2.4).

No torch, no training. Times are in units of η·step; error terms are known before the run, as on the signal's side
(:mod:`prediction`).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit

from cgro_theory.claims import Interval
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.prediction import (
    Array,
    InitialDraw,
    TimePrediction,
    clean_drive,
    initial_margin_size,
    logarithmic_growth,
    plateau_signal_margin,
)


def leading_memorization_time(setting: PatchSetting, draw: InitialDraw) -> float:
    """T_III = min N (y v(0)_+)^(2-q) / (q (q-2) · ½λ ‖ξ‖²); for q = 2, log(1/v)/(2 · ½λ‖ξ‖²/N)."""
    return float(leading_memorization_times(setting, draw).min())


def leading_memorization_times(setting: PatchSetting, draw: InitialDraw) -> Array:
    """The same formula for each point by its own best neuron; inf where none points its way. shape: (N,)"""
    signed = np.maximum(draw.signed_preactivations(setting.noise_patches), 0.0)
    norms = np.diag(draw.noise_gram)[:, None]
    half = 0.5 * setting.adversarial_weight
    with np.errstate(divide="ignore"):
        if setting.degree == 2:
            needed = np.log(1.0 / np.minimum(signed, 1.0)) / 2.0
        else:
            needed = signed ** (2 - setting.degree) / (setting.degree * (setting.degree - 2))
        times = setting.num_samples * needed / (half * norms) if half > 0 else np.full(signed.shape, np.inf)
    per_point = times.reshape(setting.num_samples, -1)
    return np.asarray(per_point.min(axis=1))


def predict_first_memorization_time(
    setting: PatchSetting, draw: InitialDraw, learning_rate: float
) -> TimePrediction:
    """Enclosure of the first time with some V_i >= 1 (claim ``theorem_1.first_memorization_time``).

    For each point all its projections follow one clock θ, dθ = ψ̃_i dt, each at speed q ‖ξ_ij‖²/N, until V_i
    reaches 1; the time is ∫ dθ/ψ̃_i. The error terms, all fixed by the initial draw: the drift from other
    points, relative size Σ_k |K_ki| |v_k|^(q-1) / (K_ii v_i^(q-1)); the clean loss's share of the clock, at
    most the signal's whole clock (an identity, not an estimate); the attacked signal in ψ̃; Euler's lag.
    """
    leading = leading_memorization_time(setting, draw)
    unmet = memorization_assumptions(setting, draw)
    if unmet:
        return TimePrediction(None, leading, unmet)
    weight, degree = setting.adversarial_weight, setting.degree
    fraction = setting.attacked_gain / setting.clean_gain
    start = initial_margin_size(setting, draw)
    high_attacked = fraction * (plateau_signal_margin(setting, 4.0 * leading) + 2.0 + start)
    low_attacked = -fraction * start
    clean_share = clean_drive(setting, draw)
    signed = draw.signed_preactivations(setting.noise_patches)
    lows, highs = [], []
    for point in range(setting.num_samples):
        own = slice(point * setting.noise_patches, (point + 1) * setting.noise_patches)
        clock, margin = point_clock(setting, signed[own], np.diag(draw.noise_gram)[own])
        if clock.size == 0:
            continue
        drift = relative_drift(setting, draw, signed, point)
        fast = np.concatenate([[0.0], np.cumsum(np.diff(clock) / expit(-(margin[:-1] + low_attacked)))])
        slow = np.concatenate([[0.0], np.cumsum(np.diff(clock) / expit(-(margin[1:] + high_attacked)))])
        needed = max(0.0, clock[-1] / (1.0 + drift) - clean_share)
        lows.append(float(np.interp(needed, clock, fast)) / weight)
        norm = float(np.diag(draw.noise_gram)[own].max())
        ratio = learning_rate * degree * norm / setting.num_samples
        highs.append(slow[-1] / weight * (1.0 + ratio) ** (degree - 1) / (1.0 - drift) if drift < 1 else np.inf)
    interval = Interval(max(0.0, min(lows) - learning_rate), min(highs) + learning_rate)
    return TimePrediction(interval.outward(), leading)


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


def point_clock(setting: PatchSetting, signed: Array, norms: Array) -> tuple[Array, Array]:
    """Clock θ and margin V(θ) of one point, its projections alone, until V = 1. shapes: (J, m), (J,)"""
    degree = setting.degree
    speed = norms[:, None] / setting.num_samples
    best = float((np.maximum(signed, 0.0) ** max(1, degree - 2) * speed).max())
    if best <= 0:
        return np.zeros(0), np.zeros(0)

    def margin_at(clock: Array) -> Array:
        moved = clock[:, None, None] * speed
        if degree == 2:
            grown = np.where(signed > 0, signed * np.exp(2.0 * moved), signed * np.exp(-2.0 * moved))
        else:
            power = degree - 2
            with np.errstate(divide="ignore"):
                start = np.abs(signed) ** -power
                shift = degree * power * moved
                left = np.maximum(np.where(signed > 0, start - shift, start + shift), 0.0)
                grown = np.sign(signed) * left ** (-1.0 / power)
        return np.asarray((np.sign(grown) * np.abs(grown) ** degree).sum(axis=(1, 2)))

    if degree == 2:
        end = 1.0
        while margin_at(np.array([end]))[0] < 1.0:
            end *= 2.0
    else:
        end = 1.0 / (degree * (degree - 2) * best)
    low, high = 0.0, end
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if margin_at(np.array([middle]))[0] < 1.0 else (low, middle)
    # Dense near the end, where the margin takes off.
    clock = low * (1.0 - np.geomspace(1.0, 1e-9, 800))
    clock = np.append(clock, low)
    return clock, margin_at(clock)


def relative_drift(setting: PatchSetting, draw: InitialDraw, signed: Array, point: int) -> float:
    """Speed that the other noise patches lend to the point's best projection, relative to its own."""
    patches = setting.noise_patches
    own = np.arange(point * patches, (point + 1) * patches)
    best_patch, neuron = np.unravel_index(int(signed[own].argmax()), signed[own].shape)
    row = int(own[best_patch])
    pulls = np.abs(draw.noise_gram[row]) * np.abs(signed[:, neuron]) ** (setting.degree - 1)
    return float((pulls.sum() - pulls[row]) / pulls[row])


def memorization_assumptions(setting: PatchSetting, draw: InitialDraw) -> tuple[str, ...]:
    """What the claims about memorization assume and this draw does not fulfil."""
    unmet = []
    if setting.adversarial_weight == 0:
        unmet.append("adversarial_weight > 0")
    if setting.attacked_signal_fraction < 0:
        unmet.append("perturbation_radius <= signal_strength")
    best = draw.signed_preactivations(setting.noise_patches).reshape(setting.num_samples, -1).max(axis=1)
    if not np.all(best > 0):
        unmet.append("every point has a neuron with y v > 0")
    return tuple(unmet)
