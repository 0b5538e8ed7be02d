"""The race of signal and noise at σ0 → 0, from the initial draw (README.md, sections 2 to 4). No training.

A reference draw has α = 1 and σ√d = 1; SNR is then the one parameter of the race. Degrees are q > 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Condition, Interval, Prediction
from cgro_theory.setting.initial_draw import InitialDraw
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import race_boundary

Array = NDArray[np.float64]

BENIGN_LOSS = 0.5 * math.log(2.0)
"""Test loss below which overfitting counts as benign: half of that of a network that knows nothing."""
BENIGN_MARGIN = -math.log(math.expm1(BENIGN_LOSS))
"""The signal margin z with that loss."""
LARGEST_PREACTIVATION = 4.0
"""No |v| gets beyond this by the end of a run: |v|^q stays of the order of log t, which is below 50."""
RESOLUTION = 1e-3
"""What the width of a bracket of two trained networks adds to a prediction, on either side, in log SNR."""

EVERY_POINT = Condition("a neuron for every point", "0 < s_min", "each point has a neuron with y<w_r, ξ> > 0")
SIGNAL_NEURON = Condition("a neuron for the signal", "0 < u_max", "some neuron has <w_r, w*> > 0")
SHARP = Condition("sharp race", "error <= 0.01", "σ0 is small, and σ0 √d is large against N")
SCOPE = (EVERY_POINT, SIGNAL_NEURON, SHARP)
SIGNAL_LEFT = Condition("the attack leaves signal", "0 < g", "1 - λ + λκ^q is above 0: no collapse")
AT_REST = Condition(
    "benign at rest",
    "0 <= kappa or benign_margin < rest",
    "an over-attack leaves z at rest at log((1-λ)/(λ|κ|^q))/(1+|κ|^q) or more, where the test loss is benign",
)
FAR = Condition("far from κ*", "kappa <= kappa_star / 3 or kappa >= 3 * kappa_star", "κ is not of the order of κ*")

NO_SLOW_POINT = Condition("no slow point", "0.4 * sigma_0 <= s_min", "each point is memorized well before the end")
FAR_FROM_LINE = Condition(
    "far from the line", "snr <= line / 1.5 or snr >= 1.5 * line", "the SNR is not near SNR*"
)

NoiseSpeed = Callable[[Array], float]


def mean_clock_speed(speeds: Array) -> float:
    """1 over the mean clock of the points, which take 1/speed each: for the end of benign overfitting."""
    return float(1.0 / np.mean(1.0 / speeds))


def first_speed(speeds: Array) -> float:
    """The speed of the point that is memorized first: for T_I = T_III."""
    return float(np.max(speeds))


def boundary(signal: float, noise: float, samples: int, degree: int) -> float:
    """The SNR with N·SNR^q u_max^(q-2) = the noise's speed ‖ξ‖² s^(q-2).

    >>> boundary(1.0, 1.0, 8, 3)
    0.5
    """
    return float((noise / (samples * signal ** (degree - 2))) ** (1.0 / degree))


def predict_boundary(draw: InitialDraw, degree: int, noise_speed: NoiseSpeed = mean_clock_speed) -> Prediction:
    """SNR* with its error terms and RESOLUTION on either side; ``leading_order`` is without them."""
    fastest = draw.signed_preactivations(1).max(axis=1)
    largest, slowest = float(draw.signal_projections.max()), float(fastest.min())
    found = (EVERY_POINT.given(s_min=slowest), SIGNAL_NEURON.given(u_max=largest))
    if not all(each.met for each in found):
        return Prediction(None, found)
    noise = noise_speed(np.diag(draw.noise_gram) * fastest ** (degree - 2))
    ratio = boundary(largest, noise, len(draw.labels), degree)
    error = _error(draw, fastest, ratio, degree)
    assumed = (*found, SHARP.given(error=error))
    sharp = assumed[-1].met
    return Prediction(_around(ratio, error / degree + RESOLUTION) if sharp else None, assumed, ratio)


def _error(draw: InitialDraw, fastest: Array, ratio: float, degree: int) -> float:
    """Relative error of SNR*^q: clock left when the signal, and when noise, is learned; the noise's couplings."""
    power, larger = degree - 2, max(1.0, ratio)
    signal = (larger * float(draw.signal_projections.max())) ** power / BENIGN_MARGIN ** (power / degree)
    noise = (float(fastest.max()) / min(1.0, ratio)) ** power
    norms = np.sqrt(np.diag(draw.noise_gram))
    cosines = np.abs(draw.noise_gram) / np.outer(norms, norms)
    coupling = float((cosines.sum(axis=1) - 1.0).max()) * larger * LARGEST_PREACTIVATION / float(fastest.min())
    return float(signal + noise + power * coupling)


def signal_share(weight: float, fraction: float, degree: int) -> float:
    """g = 1 - λ + λ sgn(κ)|κ|^q: what adversarial training leaves of the signal's speed.

    >>> signal_share(0.0, 0.0, 3), signal_share(1.0, 0.5, 3)
    (1.0, 0.125)
    """
    return 1.0 - weight + weight * math.copysign(abs(fraction) ** degree, fraction)


Share = Callable[[float, float, int], float]


def predict_shift(
    draw: InitialDraw, weight: float, fraction: float, degree: int, share: Share = signal_share
) -> Prediction:
    """SNR*(λ, κ) over SNR*(0) is g^(-1/q); the brackets and error terms of both widen it."""
    base = predict_boundary(draw, degree)
    left, turned = share(weight, fraction, degree), abs(fraction) ** degree
    rest = math.inf
    if fraction < 0.0 < weight:
        rest = math.log((1.0 - weight) / (weight * turned)) / (1.0 + turned) if weight < 1.0 else -math.inf
    at_rest = AT_REST.given(kappa=fraction, benign_margin=BENIGN_MARGIN, rest=rest)
    assumed = (*base.assumed, SIGNAL_LEFT.given(g=left), at_rest)
    if base.interval is None or left <= 0.0:
        return Prediction(None, assumed)
    factor = left ** -(1.0 / degree)
    apart = math.log(base.interval.high / base.interval.low)
    return Prediction(_around(factor, apart * factor), assumed, factor)


def _around(value: float, half: float) -> Interval:
    """The interval of half-width ``half`` in the logarithm."""
    return Interval(value * math.exp(-half), value * math.exp(half))


def robust_fraction(draw: InitialDraw, ratio: float, degree: int) -> float:
    """κ* at the SNR ``ratio``, leading order: the attacked signal outruns the noise above it (z = 1)."""
    noise = first_speed(np.diag(draw.noise_gram) * draw.signed_preactivations(1).max(axis=1) ** (degree - 2))
    return race_boundary(noise / len(draw.labels), 1.0, ratio, degree)
