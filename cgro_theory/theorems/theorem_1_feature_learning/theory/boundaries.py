"""Where memorization ends, predicted from the initial draw (theory.md 2.4). No torch, no training.

Above κ*, in κ = 1 - δ/α, the attacked signal grows to margin 1 before any point is memorized: no memorization.
Where robust overfitting ends is in :mod:`overfitting`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cgro_theory.claims import Interval, Prediction, unmet
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.lemmas.theory.common_clock import clock_between, flow_projections

from .conditions import LATEST, RACE, RACE_HORIZON
from .memorization import MOST_NOISE, leading_memorization_time
from .noise_growth import enclose_noise_clock
from .signal import InitialDraw, evaluated, plateau_signal_margin

Array = NDArray[np.float64]

SMALL_MARGIN = 0.01
"""Noise margins below this hardly change a pull ψ: by this share at most."""
SMALLEST_FRACTION = 1e-12
"""No boundary is looked for below this κ."""
GRID = 8_000
"""Points of the quadrature over the signal's clock; its sums are bounds for any number."""


def leading_memorization_boundary(setting: PatchSetting, draw: InitialDraw) -> float:
    """κ* of :func:`race_boundary` with this draw's fastest noise and the plateau's z at T_III; q > 2."""
    signed = np.maximum(draw.signed_preactivations(setting.noise_patches), 0.0)
    norms = np.diag(draw.noise_gram)[:, None]
    power = setting.degree - 2
    fastest = float((norms * signed**power).max()) / setting.num_samples
    margin = max(1.0, plateau_signal_margin(setting, leading_memorization_time(setting, draw)))
    return race_boundary(fastest, margin, setting.signal_strength, setting.degree)


def race_boundary(fastest: float, margin: float, signal_strength: float, degree: int) -> float:
    """κ* = (f / (α^q u_p^(q-2)))^(1/q), f = ‖ξ‖² v_0^(q-2)/N the noise's speed, u_p = z^(1/q)/α the plateau's.

    The race of two blow-ups under one pull (theory.md 2.4): noise needs the clock 1/(q(q-2)f), the attacked
    signal u_p^(2-q)/(q(q-2)(κα)^q). Needs q > 2, z = ``margin`` > 0.
    """
    weight = margin ** (1.0 / degree) / signal_strength
    return float((fastest / (signal_strength**degree * weight ** (degree - 2))) ** (1.0 / degree))


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
    assumed = evaluated(RACE, setting, draw)
    horizon = race_horizon(setting, draw)
    if unmet(assumed) or setting.num_noise > MOST_NOISE or not 0.0 < horizon < LATEST:
        return Prediction(None, assumed, leading)
    noise = enclose_noise_clock(setting, [draw], [horizon], SMALL_MARGIN)[0]
    path = _SignalPath(setting, draw, min(leading, 1.0))

    def never(fraction: float) -> bool:
        return path.noise_clock(fraction, horizon, noise.deepest).high <= noise.small

    def surely(fraction: float) -> bool:
        return path.noise_clock(fraction, horizon, noise.deepest).low >= noise.first.high

    return Prediction(Interval(_last(surely, leading), _first(never, leading)), assumed, leading)


class _SignalPath:
    """U against the signal's clock, on a geometric grid of the leader that every κ shares; it grows as needed."""

    def __init__(self, setting: PatchSetting, draw: InitialDraw, fraction: float) -> None:
        """``fraction``: a typical κ, for which the grid has ``GRID`` points."""
        self.setting, self.projections = setting, draw.signal_projections
        self.largest = float(self.projections.max())
        self.log_ratio = math.log(max(2.0, self._top(fraction) / self.largest)) / (GRID - 1)
        self.leader, self.signal = np.empty(0), np.empty(0)

    def _top(self, fraction: float) -> float:
        """Beyond this leader the attacked margin is so large that only a tail in closed form is left."""
        return float(40.0 ** (1.0 / self.setting.degree) / (fraction * self.setting.signal_strength))

    def _grown(self, fraction: float) -> int:
        """How many points of the grid this κ needs; the grid has them afterwards."""
        needed = 2 + math.ceil(math.log(max(2.0, self._top(fraction) / self.largest)) / self.log_ratio)
        if needed > self.leader.size:
            added = self.largest * np.exp(self.log_ratio * np.arange(self.leader.size, needed))
            projections = flow_projections(self.projections, added, self.setting.degree)
            signal = (np.sign(projections) * np.abs(projections) ** self.setting.degree).sum(axis=1)
            self.leader, self.signal = np.append(self.leader, added), np.append(self.signal, signal)
        return needed

    def noise_clock(self, fraction: float, horizon: float, deepest: float) -> Interval:
        """Bounds of Θ = ∫ ψ̃(V = 0) dt at κ = ``fraction``: at least until ``horizon`` while -``deepest`` <= V_i
        <= 1, at most over all time while |V_i| <= w. Noise margins in [-a, b] change the signal's gain g by a
        factor in [e^-b, e^a].
        """
        setting = replace(self.setting, attacked_signal_fraction=fraction)
        degree, weight = setting.degree, setting.adversarial_weight
        points = self._grown(fraction)
        leader, signal = self.leader[:points], self.signal[:points]
        clock = clock_between(leader[:-1], leader[1:], degree)
        clean, attacked = (expit(-gain * signal) for gain in (setting.clean_gain, setting.attacked_gain))
        pull = (1.0 - weight) * clean + weight * attacked
        gain = (1.0 - weight) * setting.clean_gain * clean + weight * setting.attacked_gain * attacked
        with np.errstate(divide="ignore", invalid="ignore"):
            speed = np.where(gain > 0, pull / gain, 1.0 / setting.attacked_gain)  # its supremum: both underflow
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
