"""What the initial draw and the parameters say about each question before anything is trained. No torch."""

from __future__ import annotations

import math

import numpy as np
from scipy import special, stats
from scipy.special import expit

from cgro_theory.claims import Interval, Prediction, unmet
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.lemmas.theory.common_clock import flow_projections
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import (
    leading_memorization_boundary,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.memorization import (
    leading_memorization_time,
    leading_memorization_times,
    predict_first_memorization_time,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import (
    InitialDraw,
    leading_signal_time,
    plateau_signal_margin,
    predict_signal_time,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.continuous import GAP

TIME_MARGIN = 10.0
"""Leading-order times this factor apart are taken to be in that order."""
FRACTION_MARGIN = 3.0
"""A κ this factor away from the leading-order κ* is taken to be on that side of it."""
PLATEAU_ROOM = 6.0
"""z is at most this above the one-neuron law of its plateau, as in theorem 1's boundary enclosures."""
NORM_FAILURE = 1e-9
"""Probability that a noise patch is longer than the prediction allows."""


def predict_separation(setting: PatchSetting, draw: InitialDraw) -> Prediction:
    """Enclosure of T_III/T_I in gradient flow, from the two times' own enclosures."""
    signal = predict_signal_time(setting, draw, 0.0)
    noise = predict_first_memorization_time(setting, draw, 0.0)
    leading = noise.leading_order / signal.leading_order
    assumed = tuple(dict.fromkeys((*signal.assumed, *noise.assumed)))
    if unmet(assumed) or signal.interval is None or noise.interval is None or not signal.interval.low > 0:
        return Prediction(None, assumed, leading)
    ends = Interval(noise.interval.low / signal.interval.high, noise.interval.high / signal.interval.low).outward()
    return Prediction(ends, assumed, leading)


def separation_exponent(setting: PatchSetting) -> float:
    """The limit q (a - b - 1/2) of the slope of log T_III/T_I, for σ0 = d^-1/2."""
    log_dimension = math.log(setting.patch_dimension)
    signal, noise = math.log(setting.signal_strength), math.log(setting.noise_std)
    return setting.degree * ((signal - noise) / log_dimension - 0.5)


def signal_comes_first(setting: PatchSetting, draw: InitialDraw) -> bool | None:
    """Whether T_I < T_III by the leading-order times; None where they are within TIME_MARGIN of each other."""
    signal, noise = leading_signal_time(setting, draw), leading_memorization_time(setting, draw)
    return _side(noise, signal, TIME_MARGIN)


def memorizes_noise(setting: PatchSetting, draw: InitialDraw) -> bool | None:
    """Whether κ lies below the leading-order κ*; None where it is within FRACTION_MARGIN of it."""
    boundary = leading_memorization_boundary(setting, draw)
    return _side(boundary, setting.attacked_signal_fraction, FRACTION_MARGIN)


def _side(larger: float, smaller: float, margin: float) -> bool | None:
    if larger > margin * smaller:
        return True
    return False if smaller > margin * larger else None


def predict_wrong_everywhere(setting: PatchSetting, draw: InitialDraw) -> bool | None:
    """Whether the trained network is clean-wrong everywhere (True) or right (False); None where not clear.

    Right where the signal comes first. Where the noise comes first, the sign of U decides, and U has moved by
    at most the clock of ψ <= ψ(-1) until the slowest point is memorized: None where that changes its sign.
    """
    if signal_comes_first(setting, draw):
        return False
    if signal_comes_first(setting, draw) is None:
        return None
    times = leading_memorization_times(setting, draw)
    horizon = 4.0 * float(times[np.isfinite(times)].max())
    weight = setting.adversarial_weight
    gain = (1.0 - weight) * setting.clean_gain + weight * abs(setting.attacked_gain)
    initial = draw.signal_projections
    before = float((np.sign(initial) * np.abs(initial) ** setting.degree).sum())
    after = _signal_after(initial, gain * float(expit(1.0)) * horizon, setting.degree)
    if before > 0:
        return False  # U never falls in gradient flow
    return True if after < 0 else None


def _signal_after(initial: np.ndarray, clock: float, degree: int) -> float:
    """U after the common clock has run for ``clock``; inf past the blow-up of the largest projection."""
    largest = float(initial.max())
    if largest <= 0:
        return -math.inf
    if degree == 2:
        leader = largest * math.exp(min(700.0, 2.0 * clock))
    else:
        left = largest ** (2 - degree) - degree * (degree - 2) * clock
        if left <= 0:
            return math.inf
        leader = left ** (-1.0 / (degree - 2))
    moved = flow_projections(initial, np.array([leader]), degree)[0]
    return float((np.sign(moved) * np.abs(moved) ** degree).sum())


def carries_patch(setting: PatchSetting, end: float) -> bool:
    """Whether radius δ pays for putting s·ξ_k in place of ξ, with s^q V_k > z for every V_k >= 1.

    It costs s‖ξ_k‖ + ‖ξ‖ <= δ; both norms are at most R but for NORM_FAILURE; so s = (δ - R)/R. On that patch
    the network says s^q y_k V_k, exactly by homogeneity, and z is at most the plateau's at the time ``end``.
    """
    longest = setting.noise_std * math.sqrt(float(stats.chi2.isf(NORM_FAILURE, setting.patch_dimension - 1)))
    scale = (setting.perturbation_radius - longest) / longest
    margin = max(1.0, plateau_signal_margin(setting, end)) + PLATEAU_ROOM
    return scale > 0 and scale**setting.degree > margin


def protected_volume(dimension: int, perturbation_radius: float, norm_order: float) -> float:
    """p_hit of the continuous example: chance that one training ball and its ramp can protect a test point.

    The attacked point moves the last coordinate by δ past the label's own, so an indicator helps only if the
    other D - 1 coordinates are within 2δ (p = ∞), δ (p = 1) or √3 δ (p = 2) of the training point's, the ramp
    being at most δ wide; and both labels must agree. The first coordinate has density 1/(½ - GAP/2) there.
    """
    free = dimension - 1
    if norm_order == math.inf:
        side = 4.0 * perturbation_radius
        first = min(1.0, side / (0.5 - GAP / 2.0))
        return 0.5 * first * min(1.0, side) ** (free - 1)
    if norm_order == 1:
        volume = math.exp(free * math.log(2.0 * perturbation_radius) - math.lgamma(free + 1.0))
    else:
        reach = math.sqrt(3.0) * perturbation_radius
        volume = math.exp(0.5 * free * math.log(math.pi) + free * math.log(reach) - special.gammaln(free / 2 + 1))
    return min(0.5, 0.5 * volume / (0.5 - GAP / 2.0))
