"""What theorem 1 predicts for given parameters and initial draws (theory.md 2.2 to 2.4). No torch, no training.

Times are in units of η·step. Each enclosure's width comes from error terms known before the run: the
discretization, the off-diagonal Gram entries, and the clock run up before the signal margin is large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cgro_theory.claims import Interval
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.lemmas.common_clock import ClockEnclosure, clock_between, enclose_signal

Array = NDArray[np.float64]

LARGE_SIGNAL_MARGIN = 60.0
"""No run of practical length passes this signal margin: e^60 units of time would be needed."""


@dataclass(frozen=True)
class InitialDraw:
    """What the predictions may see of one run: its state before the first step.

    Attributes:
        labels: y, -1 or +1. shape: (N,)
        signal_projections: u_r. shape: (m,)
        preactivations: v_ijr, noise patch k = i J + j. shape: (n, m)
        noise_gram: Gram matrix of the noise patches. shape: (n, n)
    """

    labels: Array
    signal_projections: Array
    preactivations: Array
    noise_gram: Array

    def signed_preactivations(self, noise_patches: int) -> Array:
        """y_i v_ijr. shape: (n, m)"""
        return np.repeat(self.labels, noise_patches)[:, None] * self.preactivations


@dataclass(frozen=True)
class TimePrediction:
    """An enclosure of a time, its leading-order formula, and the assumptions that do not hold."""

    interval: Interval | None
    leading_order: float
    unmet: tuple[str, ...] = ()


def signal_gain(setting: PatchSetting, signal: Array, noise_margin: float) -> Array:
    """g of theory.md 2.2.2 when every V_i equals ``noise_margin``: (1-λ)α^q ψ(z+V) + λφ_q(κα) ψ(z̃+V)."""
    weight = setting.adversarial_weight
    clean = setting.clean_gain * expit(-(setting.clean_gain * signal + noise_margin))
    attacked = setting.attacked_gain * expit(-(setting.attacked_gain * signal + noise_margin))
    return np.asarray((1.0 - weight) * clean + weight * attacked)


def noise_margin_bound(setting: PatchSetting, draw: InitialDraw, drive: float) -> float:
    """A bound of every |V_i| until the noise has been driven for ``drive`` = ∫ max ψ̃ dt. Rigorous; may be inf.

    The largest |v| obeys M' <= (q/N) S M^(q-1) with S the largest absolute row sum of the Gram matrix, and
    explicit Euler lags a convex flow; |V_i| <= J m M^q.
    """
    largest = float(np.abs(draw.preactivations).max())
    row_sum = float(np.abs(draw.noise_gram).sum(axis=1).max())
    degree, pull = setting.degree, row_sum * drive / setting.num_samples
    if degree == 2:
        grown = largest * math.exp(2.0 * pull) if 2.0 * pull < 700 else math.inf
    else:
        left = largest ** (2 - degree) - degree * (degree - 2) * pull
        grown = left ** (-1.0 / (degree - 2)) if left > 0 else math.inf
    return setting.noise_patches * setting.width * grown**degree if math.isfinite(grown) else math.inf


def noise_drive(setting: PatchSetting, draw: InitialDraw, time: float) -> float:
    """A bound of ∫ ψ̃_i dt up to ``time`` while every |V_i| <= 1, for every point i.

    The attacked part is at most λ ψ(-1-|z̃(0)|) t; the clean part at most the signal's whole clock / α^q, with
    a factor e² between points, and never more than (1-λ) t.
    """
    weight = setting.adversarial_weight
    attacked = weight * float(expit(1.0 + _initial_size(setting, draw))) * time
    return attacked + min((1.0 - weight) * time, clean_drive(setting, draw))


def clean_drive(setting: PatchSetting, draw: InitialDraw) -> float:
    """A bound of (1-λ) ∫ ψ(z_i) dt over all time while every |V_i| <= 1; 0 for λ = 1.

    From du/dτ = phi_q'(u): the mean over points of the integrand is at most dτ/α^q, and the clock τ is finite.
    """
    if setting.adversarial_weight == 1.0:
        return 0.0
    return _signal_clock(setting, draw) * math.e**2 / setting.clean_gain


def _initial_size(setting: PatchSetting, draw: InitialDraw) -> float:
    return float(setting.clean_gain * (np.abs(draw.signal_projections) ** setting.degree).sum())


def leading_signal_time(setting: PatchSetting, draw: InitialDraw) -> float:
    """T_I = u_max^(2-q) / (q (q-2) · ½[(1-λ)α^q + λφ_q(κα)]); for q = 2, log(1/(α u_max)) / (2 · gain)."""
    largest = float(draw.signal_projections.max())
    gain = float(signal_gain(setting, np.zeros(1), 0.0)[0])
    if largest <= 0 or gain <= 0:
        return math.inf
    if setting.degree == 2:
        return max(0.0, math.log(1.0 / (setting.signal_strength * largest))) / (2.0 * gain)
    return largest ** (2 - setting.degree) / (setting.degree * (setting.degree - 2) * gain)


def predict_signal_time(setting: PatchSetting, draw: InitialDraw, learning_rate: float) -> TimePrediction:
    """Enclosure of the first time with α^q U >= 1 (claim ``theorem_1.signal_time``).

    The bound of |V_i| that it needs is itself derived from the draw, up to the enclosure's upper end.
    """
    leading = leading_signal_time(setting, draw)
    unmet = _signal_assumptions(setting, draw)
    if unmet:
        return TimePrediction(None, leading, unmet)
    bound = 2.0 * noise_margin_bound(setting, draw, 0.0)
    level = 1.0 / setting.clean_gain
    for _ in range(8):
        enclosure = follow_signal(setting, draw.signal_projections, learning_rate, bound, 1.0)
        interval = enclosure.time_of_signal(level)
        reached = noise_margin_bound(setting, draw, noise_drive(setting, draw, interval.high))
        if reached <= bound:
            return TimePrediction(interval.outward(), leading)
        if not math.isfinite(reached) or reached > 1.0:
            break
        bound = 1.5 * reached
    return TimePrediction(None, leading, ("noise margins stay below 1 until the signal time",))


def follow_signal(
    setting: PatchSetting, projections: Array, learning_rate: float, margin_bound: float, final_margin: float
) -> ClockEnclosure:
    """Enclosure of U from the given projections, shape (m,), until α^q U surely passes ``final_margin``."""
    return enclose_signal(
        projections,
        setting.degree,
        lambda signal, margin: signal_gain(setting, signal, margin),
        noise_margin_bound=margin_bound,
        learning_rate=learning_rate,
        final_signal=1.02 * final_margin / setting.clean_gain,
    )


def predict_signal_margin(
    setting: PatchSetting,
    draw: InitialDraw,
    projections: Array,
    *,
    start: float,
    end: float,
    learning_rate: float,
) -> TimePrediction:
    """Enclosure of z = α^q U at time ``end``, from the projections at time ``start`` (``signal_plateau``).

    Its leading order is the one-neuron law e^z = t q² α² (1-λ) z^(2-2/q).
    """
    leading = plateau_signal_margin(setting, end)
    unmet = _signal_assumptions(setting, draw)
    bound = noise_margin_bound(setting, draw, noise_drive(setting, draw, end))
    if bound > 1.0:
        unmet = (*unmet, "noise margins stay below 1 until the time asked for")
    if unmet:
        return TimePrediction(None, leading, unmet)
    top = max(plateau_signal_margin(setting, end), 1.0) + 6.0
    enclosure = follow_signal(setting, projections, learning_rate, bound, top)
    signal = enclosure.signal_at_time(end - start)
    gain = setting.clean_gain
    return TimePrediction(Interval(gain * signal.low, gain * signal.high).outward(), leading)


def plateau_signal_margin(setting: PatchSetting, time: float) -> float:
    """z with e^z = t q² α² (1-λ) z^(2-2/q): one dominant neuron after the signal time; 0 where t is too small."""
    scale = time * setting.degree**2 * setting.signal_strength**2 * (1.0 - setting.adversarial_weight)
    return logarithmic_growth(scale, setting.degree)


def logarithmic_growth(scale: float, degree: int) -> float:
    """The larger solution z of e^z = scale · z^(2-2/q), by fixed point; 0 when there is none above 1."""
    if scale <= math.e:
        return 0.0
    margin = max(1.0, math.log(scale))
    for _ in range(200):
        margin = max(1.0, math.log(scale) + (2.0 - 2.0 / degree) * math.log(margin))
    return margin


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
    start = _initial_size(setting, draw)
    high_attacked = fraction * (plateau_signal_margin(setting, 4.0 * leading) + 2.0 + start)
    low_attacked = -fraction * start
    clean_share = clean_drive(setting, draw)
    signed = draw.signed_preactivations(setting.noise_patches)
    lows, highs = [], []
    for point in range(setting.num_samples):
        own = slice(point * setting.noise_patches, (point + 1) * setting.noise_patches)
        clock, margin = _point_clock(setting, signed[own], np.diag(draw.noise_gram)[own])
        if clock.size == 0:
            continue
        drift = _relative_drift(setting, draw, signed, point)
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


def _signal_clock(setting: PatchSetting, draw: InitialDraw) -> float:
    """The whole clock ∫ g dt that the signal can use before its margin passes LARGE_SIGNAL_MARGIN."""
    largest = float(draw.signal_projections.max())
    top = (LARGE_SIGNAL_MARGIN ** (1.0 / setting.degree)) / setting.signal_strength
    ends = np.array([min(largest, top)]), np.array([top])
    return float(clock_between(*ends, setting.degree)[0])


def _point_clock(setting: PatchSetting, signed: Array, norms: Array) -> tuple[Array, Array]:
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


def _relative_drift(setting: PatchSetting, draw: InitialDraw, signed: Array, point: int) -> float:
    """Speed that the other noise patches lend to the point's best projection, relative to its own."""
    patches = setting.noise_patches
    own = np.arange(point * patches, (point + 1) * patches)
    best_patch, neuron = np.unravel_index(int(signed[own].argmax()), signed[own].shape)
    row = int(own[best_patch])
    pulls = np.abs(draw.noise_gram[row]) * np.abs(signed[:, neuron]) ** (setting.degree - 1)
    return float((pulls.sum() - pulls[row]) / pulls[row])


def _signal_assumptions(setting: PatchSetting, draw: InitialDraw) -> tuple[str, ...]:
    unmet = []
    if not draw.signal_projections.max() > 0:
        unmet.append("some neuron starts with u_r > 0")
    if setting.attacked_signal_fraction < 0:
        unmet.append("perturbation_radius <= signal_strength")
    return tuple(unmet)


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
