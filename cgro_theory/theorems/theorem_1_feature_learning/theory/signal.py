"""What theorem 1 predicts about the signal from given parameters and initial draws (theory.md 2.2 to 2.4).

No torch, no training. The noise's side is in :mod:`memorization`.

Times are in units of η·step. Each enclosure's width comes from error terms known before the run: the
discretization, the off-diagonal Gram entries, and the clock run up before the signal margin is large.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cgro_theory.claims import Condition, EvaluatedCondition, Interval, Prediction, unmet
from cgro_theory.setting.initial_draw import InitialDraw as InitialDraw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.lemmas.theory.common_clock import (
    ROUNDING,
    ClockEnclosure,
    clock_between,
    enclose_signal,
    euler_lag,
)

from .conditions import LATEST, RADIUS, REPRESENTABLE, SIGNAL_NEURON, SMALL_NOISE, STEP, WITHIN_FLOATS

Array = NDArray[np.float64]

LAG_CELLS = 400
"""Cells of the leader's way in which descent's lag is bounded; the bound holds for any number."""
LARGE_SIGNAL_MARGIN = 60.0
"""No run of practical length passes this signal margin: e^60 units of time would be needed."""


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
        with np.errstate(over="ignore"):
            left = float(np.float64(largest) ** (2.0 - degree)) - degree * (degree - 2) * pull
        grown = left ** (-1.0 / (degree - 2)) if left > 0 else math.inf
    with np.errstate(over="ignore"):
        return setting.noise_patches * setting.width * float(np.float64(grown) ** degree)


def noise_drive(setting: PatchSetting, draw: InitialDraw, time: float, learning_rate: float) -> float:
    """A bound of ∫ ψ̃_i dt up to ``time`` while every |V_i| <= 1, for every point i.

    The attacked part is at most λ ψ(-1-|z̃(0)|) t; the clean part at most the signal's whole clock / α^q, with
    a factor e² between points, and never more than (1-λ) t.
    """
    weight = setting.adversarial_weight
    attacked = weight * float(expit(1.0 + initial_margin_size(setting, draw))) * time
    return attacked + min((1.0 - weight) * time, clean_drive(setting, draw, learning_rate))


def clean_drive(setting: PatchSetting, draw: InitialDraw, learning_rate: float) -> float:
    """A bound of (1-λ) ∫ ψ(z_i) dt while every |V_i| <= 1 and z <= LARGE_SIGNAL_MARGIN; 0 for λ = 1.

    From du/dτ = phi_q'(u): the mean over points of the integrand is at most dτ/α^q, and the clock τ is finite.
    Steps η of descent add up to at most that clock times the largest lag on the way.
    """
    if setting.adversarial_weight == 1.0:
        return 0.0
    lag = _largest_lag(setting, draw, learning_rate)
    return _signal_clock(setting, draw) * lag * math.e**2 / setting.clean_gain


def initial_margin_size(setting: PatchSetting, draw: InitialDraw) -> float:
    """A bound of |z| at the start: α^q Σ_r |u_r(0)|^q."""
    return float(setting.clean_gain * (np.abs(draw.signal_projections) ** setting.degree).sum())


def signed_power(values: Array, degree: int) -> Array:
    """φ_q. Any shape."""
    return np.asarray(np.sign(values) * np.abs(values) ** degree)


def leading_signal_time(setting: PatchSetting, draw: InitialDraw) -> float:
    """T_I = u_max^(2-q) / (q (q-2) · ½[(1-λ)α^q + λφ_q(κα)]); for q = 2, log(1/(α u_max)) / (2 · gain)."""
    largest = draw.signal_projections.max()
    gain = float(signal_gain(setting, np.zeros(1), 0.0)[0])
    if largest <= 0 or gain <= 0:
        return math.inf
    if setting.degree == 2:
        return max(0.0, math.log(1.0 / (setting.signal_strength * largest))) / (2.0 * gain)
    with np.errstate(over="ignore"):
        return float(largest ** (2.0 - setting.degree) / (setting.degree * (setting.degree - 2) * gain))


def predict_signal_time(setting: PatchSetting, draw: InitialDraw, learning_rate: float) -> Prediction:
    """Enclosure of the first time with α^q U >= 1 (claim ``theorem_1.signal_time``).

    The bound of |V_i| that it needs is itself derived from the draw, up to the enclosure's upper end.
    """
    leading = leading_signal_time(setting, draw)
    assumed = (
        *evaluated((SIGNAL_NEURON, REPRESENTABLE, RADIUS), setting, draw),
        step_assumption(setting, draw, learning_rate),
    )
    margin = float(setting.clean_gain * signed_power(draw.signal_projections, setting.degree).sum())
    # One that may be 1 by rounding alone is followed: its enclosure begins at 0.
    learned = margin - ROUNDING * initial_margin_size(setting, draw) >= 1.0
    if not unmet(assumed):
        assumed += (WITHIN_FLOATS.given(T_lead=0.0 if learned else leading),)
    if unmet(assumed):
        return Prediction(None, assumed, leading)
    bound = 2.0 * noise_margin_bound(setting, draw, 0.0)
    if learned:
        return Prediction(Interval.point(0.0), (*assumed, SMALL_NOISE.given(V_max=bound / 2.0)), leading)
    level = 1.0 / setting.clean_gain
    for _ in range(8):
        enclosure = follow_signal(setting, draw.signal_projections, learning_rate, bound, 1.0)
        interval = enclosure.time_of_signal(level)
        reached = noise_margin_bound(setting, draw, noise_drive(setting, draw, interval.high, learning_rate))
        if reached <= bound:
            return Prediction(outward_from_zero(interval), (*assumed, SMALL_NOISE.given(V_max=reached)), leading)
        if not reached <= 1.0:
            break
        bound = 1.5 * reached
    return Prediction(None, (*assumed, SMALL_NOISE.given(V_max=reached)), leading)


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
) -> Prediction:
    """Enclosure of z = α^q U at time ``end``, from the projections at time ``start`` (``signal_plateau``).

    Its leading order is the one-neuron law e^z = t q² α² (1-λ) z^(2-2/q).
    """
    leading = plateau_signal_margin(setting, end)
    bound = noise_margin_bound(setting, draw, noise_drive(setting, draw, end, learning_rate))
    assumed = (
        *evaluated((SIGNAL_NEURON, REPRESENTABLE, RADIUS), setting, draw),
        step_assumption(setting, draw, learning_rate),
        SMALL_NOISE.given(V_max=bound),
    )
    if unmet(assumed):
        return Prediction(None, assumed, leading)
    top = max(plateau_signal_margin(setting, end), 1.0) + 6.0
    enclosure = follow_signal(setting, projections, learning_rate, bound, top)
    signal = enclosure.signal_at_time(end - start)
    gain = setting.clean_gain
    return Prediction(Interval(gain * signal.low, gain * signal.high).outward(), assumed, leading)


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
        before, margin = margin, max(1.0, math.log(scale) + (2.0 - 2.0 / degree) * math.log(margin))
        if margin == before:
            break
    return margin


def _largest_lag(setting: PatchSetting, draw: InitialDraw, learning_rate: float) -> float:
    """A bound of the lag of descent's leader until z passes LARGE_SIGNAL_MARGIN, while every V_i >= -1."""
    degree, start = setting.degree, float(draw.signal_projections.max())
    top = LARGE_SIGNAL_MARGIN ** (1.0 / degree) / setting.signal_strength
    if learning_rate == 0.0 or not 0.0 < start < top:
        return 1.0
    # In each cell the gain at the leader's lower end, where U is at least this, and its size at the upper end.
    leader = np.geomspace(start, top, LAG_CELLS)
    with np.errstate(under="ignore"):
        signal = signed_power(draw.signal_projections, degree).sum() + leader**degree - start**degree
    ratio = learning_rate * degree * signal_gain(setting, signal[:-1], -1.0) * leader[1:] ** (degree - 2)
    return float(euler_lag(ratio, degree).max())


def _signal_clock(setting: PatchSetting, draw: InitialDraw) -> float:
    """The whole clock ∫ g dt that the signal can use before its margin passes LARGE_SIGNAL_MARGIN."""
    largest = float(draw.signal_projections.max())
    top = (LARGE_SIGNAL_MARGIN ** (1.0 / setting.degree)) / setting.signal_strength
    ends = np.array([min(largest, top)]), np.array([top])
    return float(clock_between(*ends, setting.degree)[0])


def outward_from_zero(times: Interval) -> Interval:
    """An enclosure of a time, rounded outward and not below 0."""
    return Interval(max(0.0, times.outward().low), times.outward().high)


def evaluated(
    conditions: Iterable[Condition], setting: PatchSetting, draw: InitialDraw
) -> tuple[EvaluatedCondition, ...]:
    """Conditions with the numbers of a setting and a draw; those on steps, times or bounds need more."""
    signed = draw.signed_preactivations(setting.noise_patches).reshape(setting.num_samples, -1)
    numbers = {
        "lambda_": setting.adversarial_weight,
        "kappa": setting.attacked_signal_fraction,
        "q": setting.degree,
        "d": setting.patch_dimension,
        "u_max": float(draw.signal_projections.max()),
        "u_min": float(draw.signal_projections.min()),
        "u_tiny": LATEST ** (-1.0 / max(1, setting.degree - 2)),
        "v_0": float(signed.max()),
        "v_least": float(signed.max(axis=1).min()),
        "z_0": initial_margin_size(setting, draw),
    }
    return tuple(each.given(**{name: numbers[name] for name in each.symbols}) for each in conditions)


def step_assumption(setting: PatchSetting, draw: InitialDraw, learning_rate: float) -> EvaluatedCondition:
    """What descent's enclosures assume of the step η, 0 for the flow, with this draw's numbers.

    A negative u_r moves towards 0 by η g q |u_r|^(q-1), g at most (1-λ)α^q + λ(κα)^q. As long as that is no more
    than |u_r| it stays negative, and no later step is larger in that measure for q >= 2.
    """
    weight = setting.adversarial_weight
    gain = (1.0 - weight) * setting.clean_gain + weight * setting.attacked_gain
    lowest = float(draw.signal_projections.min())
    return STEP.given(u_min=lowest, eta=learning_rate, q=setting.degree, g_max=gain)
