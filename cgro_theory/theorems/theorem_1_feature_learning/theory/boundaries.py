"""Where the phases of theorem 1 end, predicted from the initial draw (theory.md 2.4). No torch, no training.

Two boundaries in κ = 1 - δ/α. Below κ_1 the attacked signal is lost in the noise margin of a fresh point: robust
overfitting. Above κ* the attacked signal grows to margin 1 before any point is memorized: no memorization.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cgro_theory.claims import EvaluatedCondition, Interval, Prediction, unmet
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.lemmas.theory.common_clock import clock_between, flow_projections
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import (
    ATTACKED_SIGNAL_SMALL,
    CLEAN_WEIGHT,
    DEGREE,
    LATEST,
    RACE_HORIZON,
    SIGNAL_LEARNED,
    SMALL_START,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.memorization import (
    MOST_NOISE,
    first_memorization_assumptions,
    leading_memorization_time,
    memorization_assumptions,
    predict_noise_margin_ceiling,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.noise_growth import enclose_noise_clock
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import (
    InitialDraw,
    follow_signal,
    initial_margin_size,
    plateau_signal_margin,
    signal_assumptions,
)

Array = NDArray[np.float64]

SMALL_MARGIN = 0.01
"""Noise margins below this hardly change a pull ψ: by this share at most."""
MEDIAN_SEED = 5
"""Seed of the directions that a predicted median is averaged over; its error is far below the enclosure."""
SMALLEST_FRACTION = 1e-12
"""No boundary is looked for below this κ."""
GRID = 8_000
"""Points of the quadrature over the signal's clock; its sums are bounds for any number."""


def leading_overfitting_boundary(setting: PatchSetting, draw: InitialDraw) -> float:
    """κ_1 = (std V / z)^(1/q) with V_i = 1 by one neuron per point, and the plateau's z at T_III."""
    margin = max(1.0, plateau_signal_margin(setting, leading_memorization_time(setting, draw)))
    spread = deviation(_fresh_law(setting, draw, 1.0, shared=False))
    return float((spread / margin) ** (1.0 / setting.degree))


def predict_overfitting_boundary(setting: PatchSetting, draw: InitialDraw, end: float) -> Prediction:
    """Enclosure of κ_1, where a fresh attacked point errs with probability 1/4: P(|V| > κ^q z) = 1/2.

    The median of |V| is monotone in each variance, as V is a sum of symmetric unimodal terms (Birnbaum 1948);
    see :func:`predict_noise_over_signal` for the variances and z, which hold until the time ``end``.
    """
    ratio = predict_noise_over_signal(setting, draw, end, _median)
    power = 1.0 / setting.degree
    interval = None if ratio.interval is None else Interval(ratio.interval.low**power, ratio.interval.high**power)
    return Prediction(interval, ratio.assumed, leading_overfitting_boundary(setting, draw))


def predict_noise_over_signal(
    setting: PatchSetting, draw: InitialDraw, end: float, size: Callable[[NoiseMarginLaw], float]
) -> Prediction:
    """Enclosure of size(V)/z at the end of a run, at time <= ``end``; V is a fresh point's noise margin.

    Each point i, memorized by one neuron, adds σ² V_i^(2/q)/‖ξ_i‖² to that neuron's variance; the initial
    weights add σ0² σ² d to every neuron's. V_i lies in [1, its ceiling]; all neurons distinct gives the smallest
    spread, one neuron for all points the largest. z lies between its enclosures at T_III and at ``end``, with
    room for |V_i| <= 1 (larger V_i only slow it). Its leading order has V_i = 1 and the plateau's z at T_III.
    """
    margin = max(1.0, plateau_signal_margin(setting, leading_memorization_time(setting, draw)))
    leading = size(_fresh_law(setting, draw, 1.0, shared=False)) / margin
    assumed = (
        *memorization_assumptions(setting, draw),
        CLEAN_WEIGHT.given(lambda_=setting.adversarial_weight),
        *_unattacked_signal_assumptions(setting, draw),
    )
    if unmet(assumed):
        return Prediction(None, assumed, leading)
    top = plateau_signal_margin(setting, end) + 6.0
    signal = follow_signal(setting, draw.signal_projections, 0.0, 1.0, top)
    lowest = setting.clean_gain * signal.signal_at_time(leading_memorization_time(setting, draw)).low
    highest = setting.clean_gain * signal.signal_at_time(end).high
    assumed += (
        ATTACKED_SIGNAL_SMALL.given(z_end=highest),
        SIGNAL_LEARNED.given(z_start=lowest),
    )
    if unmet(assumed):
        return Prediction(None, assumed, leading)
    ceiling = predict_noise_margin_ceiling(setting, draw, end)
    low = size(_fresh_law(setting, draw, 1.0, shared=False)) / highest
    high = size(_fresh_law(setting, draw, ceiling, shared=True)) / lowest
    return Prediction(Interval(low, high).outward(), assumed, leading)


def _unattacked_signal_assumptions(setting: PatchSetting, draw: InitialDraw) -> tuple[EvaluatedCondition, ...]:
    """What the signal's side assumes at every κ >= 0: a boundary is a κ, whatever that of the setting."""
    return signal_assumptions(replace(setting, attacked_signal_fraction=0.0), draw)


def deviation(law: NoiseMarginLaw) -> float:
    """The standard deviation of V."""
    return math.sqrt(law.variance)


def _fresh_law(setting: PatchSetting, draw: InitialDraw, margin: float, *, shared: bool) -> NoiseMarginLaw:
    """The law of V when every V_i equals ``margin``, by one neuron each, or all by the same neuron."""
    patches = setting.noise_patches
    norms = np.diag(draw.noise_gram).reshape(setting.num_samples, patches).max(axis=1)
    added = setting.noise_std**2 * margin ** (2.0 / setting.degree) / norms
    variances = np.full(setting.width, setting.init_std**2 * setting.noise_std**2 * setting.patch_dimension)
    if shared:
        variances[0] += added.sum()
    else:
        np.add.at(variances, np.arange(added.size) % setting.width, added)
    return NoiseMarginLaw(np.diag(variances), setting.degree, patches)


def _median(law: NoiseMarginLaw, directions: int = 2048) -> float:
    """The median of |V|, by bisection on the averaged tails of sampled directions."""
    low, high = 0.0, math.sqrt(2.0 * law.variance)
    for _ in range(24):
        middle = 0.5 * (low + high)
        tails = law.directional_tails(middle, directions, np.random.default_rng(MEDIAN_SEED))
        low, high = (middle, high) if tails.mean() > 0.5 else (low, middle)
    return 0.5 * (low + high)


def leading_memorization_boundary(setting: PatchSetting, draw: InitialDraw) -> float:
    """κ* = (‖ξ‖² v_0^(q-2) / (N α^q u_p^(q-2)))^(1/q), u_p = z^(1/q)/α the plateau weight; q > 2, J v_0 its best.

    The race of two blow-ups under one pull: noise needs the clock N v_0^(2-q)/(q(q-2)‖ξ‖²), the attacked
    signal u_p^(2-q)/(q(q-2)(κα)^q). With z = 1 it is theory.md's (σ² d v_0^(q-2)/(N α²))^(1/q).
    """
    signed = np.maximum(draw.signed_preactivations(setting.noise_patches), 0.0)
    norms = np.diag(draw.noise_gram)[:, None]
    power = setting.degree - 2
    fastest = float((norms * signed**power).max()) / setting.num_samples
    margin = max(1.0, plateau_signal_margin(setting, leading_memorization_time(setting, draw)))
    weight = margin ** (1.0 / setting.degree) / setting.signal_strength
    return float((fastest / (setting.clean_gain * weight**power)) ** (1.0 / setting.degree))


def race_horizon(setting: PatchSetting, draw: InitialDraw) -> float:
    """The time by which a point is to be memorized, for the phase boundary."""
    return RACE_HORIZON * leading_memorization_time(setting, draw)


def predict_memorization_boundary(setting: PatchSetting, draw: InitialDraw) -> Prediction:
    """Enclosure of κ*, above which the gradient flow memorizes nothing before the race's horizon.

    In the clock dΘ = ψ̃(V = 0) dt the noise is bracketed without knowing signal or κ
    (:func:`enclose_noise_clock`); Θ itself is an integral over the signal's clock τ, dΘ = [(1-λ)ψ(z) + λψ(z̃)]/g
    dτ, with z, z̃ and g functions of τ alone up to the noise margins in g. The integrand increases in τ, so left
    and right sums bound Θ. No memorization if Θ over all time stays below the clock in which the first |V_i| can
    reach w; memorization if Θ until the horizon covers the clock in which some V_i surely reaches 1. Θ over all
    time falls in κ where |z(0)| < 1 (docs: theory.md 8.1), so nothing is memorized at any larger κ either.
    """
    leading = leading_memorization_boundary(setting, draw)
    assumed = (
        *first_memorization_assumptions(replace(setting, attacked_signal_fraction=0.0), draw),
        DEGREE.given(q=setting.degree),
        *_unattacked_signal_assumptions(setting, draw),
        CLEAN_WEIGHT.given(lambda_=setting.adversarial_weight),
        SMALL_START.given(z_0=initial_margin_size(setting, draw)),
    )
    horizon = race_horizon(setting, draw)
    if unmet(assumed) or setting.num_noise > MOST_NOISE or not 0.0 < horizon < LATEST:
        return Prediction(None, assumed, leading)
    noise = enclose_noise_clock(setting, [draw], [horizon], SMALL_MARGIN)[0]

    def never(fraction: float) -> bool:
        return _noise_clock(_with_fraction(setting, fraction), draw, horizon, noise.deepest).high <= noise.small

    def surely(fraction: float) -> bool:
        return (
            _noise_clock(_with_fraction(setting, fraction), draw, horizon, noise.deepest).low >= noise.first.high
        )

    return Prediction(Interval(_last(surely, leading), _first(never, leading)), assumed, leading)


def _with_fraction(setting: PatchSetting, fraction: float) -> PatchSetting:
    return replace(setting, attacked_signal_fraction=fraction)


def _noise_clock(setting: PatchSetting, draw: InitialDraw, horizon: float, deepest: float) -> Interval:
    """Bounds of Θ = ∫ ψ̃(V = 0) dt: at least until ``horizon`` while -``deepest`` <= V_i <= 1, at most over all
    time while |V_i| <= w. Noise margins in [-a, b] change the signal's gain g by a factor in [e^-b, e^a].
    """
    degree, weight = setting.degree, setting.adversarial_weight
    largest = float(draw.signal_projections.max())
    # Beyond this leader the attacked margin is so large that only a tail in closed form is left.
    top = 40.0 ** (1.0 / degree) / (setting.attacked_signal_fraction * setting.signal_strength)
    leader = largest * np.geomspace(1.0, max(2.0, top / largest), GRID)
    clock = clock_between(leader[:-1], leader[1:], degree)
    projections = flow_projections(draw.signal_projections, leader, degree)
    signal = (np.sign(projections) * np.abs(projections) ** degree).sum(axis=1)
    clean, attacked = (expit(-gain * signal) for gain in (setting.clean_gain, setting.attacked_gain))
    pull = (1.0 - weight) * clean + weight * attacked
    gain = (1.0 - weight) * setting.clean_gain * clean + weight * setting.attacked_gain * attacked
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = np.where(gain > 0, pull / gain, 1.0 / setting.attacked_gain)  # its supremum, where both underflow
        needed = clock / gain[1:]
    tail = float(leader[-1]) ** (2 - degree) / (degree * (degree - 2) * setting.attacked_gain)
    high = math.exp(SMALL_MARGIN) * (float(clock @ speed[1:]) + tail) * (1.0 + 1e-9)
    reached = math.e * np.cumsum(needed) <= horizon
    return Interval(float((clock * speed[:-1])[reached].sum()) * math.exp(-deepest) * (1.0 - 1e-9), high)


def _last(holds: Callable[[float], bool], start: float) -> float:
    """The largest κ <= 1 seen with ``holds``, true below an unknown point near ``start``; 0 if none was seen."""
    low = high = min(start, 1.0)
    while not holds(low) and low > SMALLEST_FRACTION:
        low, high = low / 2.0, low
    if low <= SMALLEST_FRACTION:
        return 0.0
    while low == high and high < 1.0:
        high = min(1.0, 2.0 * high)
        if holds(high):
            low = high
    return _bisect(holds, low, high)[0]


def _first(holds: Callable[[float], bool], start: float) -> float:
    """The smallest κ <= 1 seen with ``holds``, true above an unknown point near ``start``; 1 if none was seen."""
    low = high = min(start, 1.0)
    while not holds(high):
        if high >= 1.0:
            return 1.0
        low, high = high, min(1.0, 2.0 * high)
    while low == high and low > SMALLEST_FRACTION:
        low /= 2.0
        if holds(low):
            high = low
    return _bisect(lambda fraction: not holds(fraction), low, high)[1]


def _bisect(holds: Callable[[float], bool], low: float, high: float) -> tuple[float, float]:
    """Narrow [low, high], with ``holds`` true at ``low`` and false at ``high``, to a relative width of 1e-4."""
    while high > low * (1.0 + 1e-4):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low, high
