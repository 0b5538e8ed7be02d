"""What the initial draw and the parameters say about each question before anything is trained. No torch.

Beside each prediction stand the conditions that it evaluates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

import numpy as np
from scipy import special, stats
from scipy.special import expit

from cgro_theory.claims import Condition, EvaluatedCondition, Interval, Prediction, unmet
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.lemmas.theory.common_clock import flow_projections
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import (
    leading_memorization_boundary,
    predict_memorization_boundary,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import (
    ATTACK,
    FIRST_MEMORIZED,
    LEARNING,
    NOISE_OVER_SIGNAL,
    RACE,
    RADIUS,
    REPRESENTABLE,
    SEEN_AT_START,
    SIGNAL_NEURON,
    WIDTH,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.memorization import (
    leading_memorization_time,
    leading_memorization_times,
    predict_first_memorization_times,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.overfitting import (
    predict_noise_over_signal,
    predict_overfitting_boundary,
    standard_deviation,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import (
    InitialDraw,
    evaluated,
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

Value = TypeVar("Value")


@dataclass(frozen=True)
class Expected(Generic[Value]):
    """What a draw says that a network does; no ``value`` where it is too near a boundary to call."""

    value: Value | None
    assumed: tuple[EvaluatedCondition, ...]


CARRIES_PATCH = Condition(
    "carries a patch",
    "delta > R * (1 + z ** (1 / q))",
    "the radius pays for replacing a noise patch by a scaled training patch of the other class (R: the longest "
    f"noise patch, but for a probability of {NORM_FAILURE:g}; z: its plateau at the end, and {PLATEAU_ROOM:g})",
)


def carries_patch(setting: PatchSetting, end: float) -> EvaluatedCondition:
    """Whether radius δ pays for putting s·ξ_k in place of ξ, with s^q V_k > z for every V_k >= 1 (theory.md 5.1).

    It costs s‖ξ_k‖ + ‖ξ‖ <= δ; both norms are at most R but for NORM_FAILURE; so s = (δ - R)/R. On that patch
    the network says s^q y_k V_k, exactly by homogeneity, and z is at most the plateau's at the time ``end``.
    """
    longest = setting.noise_std * math.sqrt(float(stats.chi2.isf(NORM_FAILURE, setting.patch_dimension - 1)))
    margin = max(1.0, plateau_signal_margin(setting, end)) + PLATEAU_ROOM
    return CARRIES_PATCH.given(delta=setting.perturbation_radius, R=longest, z=margin, q=setting.degree)


SEPARATION = tuple(dict.fromkeys((*LEARNING, *FIRST_MEMORIZED)))
"""What :func:`predict_separations` assumes."""


def predict_separations(setting: PatchSetting, draws: Sequence[InitialDraw]) -> list[Prediction]:
    """The same per draw, faster for many draws of one setting."""
    memorized = predict_first_memorization_times(setting, draws, 0.0)
    return [
        _separation(predict_signal_time(setting, draw, 0.0), noise)
        for draw, noise in zip(draws, memorized, strict=True)
    ]


def _separation(signal: Prediction, noise: Prediction) -> Prediction:
    """Of T_III/T_I, from those of T_I and T_III."""
    leading = noise.leading_order / signal.leading_order
    assumed = tuple(dict.fromkeys((*signal.assumed, *noise.assumed)))
    if unmet(assumed) or signal.interval is None or noise.interval is None or not signal.interval.low > 0:
        return Prediction(None, assumed, leading)
    ends = Interval(noise.interval.low / signal.interval.high, noise.interval.high / signal.interval.low).outward()
    return Prediction(ends, assumed, leading)


def separation_exponent(setting: PatchSetting) -> float:
    """The limit q (a - b - 1/2) of the slope of log T_III/T_I, for σ0 = d^-1/2 (theory.md 5.2)."""
    log_dimension = math.log(setting.patch_dimension)
    signal, noise = math.log(setting.signal_strength), math.log(setting.noise_std)
    return setting.degree * ((signal - noise) / log_dimension - 0.5)


BOTH_STAGES = (WIDTH, SIGNAL_NEURON, REPRESENTABLE, RADIUS, ATTACK)
"""What the leading-order times of both stages assume, whatever the weights of the losses."""


def signal_comes_first(setting: PatchSetting, draw: InitialDraw) -> bool | None:
    """Whether T_I < T_III to leading order (theory.md 5.3); None within a factor TIME_MARGIN of each other."""
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


def predict_order(setting: PatchSetting, draw: InitialDraw) -> Expected[tuple[bool, bool]]:
    """Whether the signal comes first and whether noise is memorized, to leading order (theory.md 5.3).

    Noise that comes first is memorized whatever κ is. Assumes SEEN_AT_START.
    """
    first, memorizes = signal_comes_first(setting, draw), memorizes_noise(setting, draw)
    order = None if first is None or memorizes is None else (first, memorizes or not first)
    return Expected(order, evaluated(SEEN_AT_START, setting, draw))


def predict_wrong_everywhere(setting: PatchSetting, draw: InitialDraw) -> Expected[bool]:
    """Whether the trained network is clean-wrong everywhere, or right (theory.md 5.5). Assumes BOTH_STAGES.

    Right where the signal comes first. Where the noise comes first, the sign of U decides, and U has moved by
    at most the clock of ψ <= ψ(-1) until the slowest point is memorized: None where that changes its sign.
    """
    first = signal_comes_first(setting, draw)
    wrong = False if first else None if first is None else _ends_wrong(setting, draw)
    return Expected(wrong, evaluated(BOTH_STAGES, setting, draw))


def _ends_wrong(setting: PatchSetting, draw: InitialDraw) -> bool | None:
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


BOTH_BOUNDARIES = tuple(dict.fromkeys((*NOISE_OVER_SIGNAL, *RACE)))
"""What :func:`predict_boundaries` assumes."""


def predict_boundaries(setting: PatchSetting, draw: InitialDraw) -> tuple[Prediction, Prediction]:
    """The estimate of κ_1 and the enclosure of κ* (theory.md 5.4)."""
    return predict_overfitting_boundary(setting, draw), predict_memorization_boundary(setting, draw)


SEPARATED = Condition("separated", f"0 < 3 * delta <= {GAP!r}", "no ramp of the other class reaches a test ball")


def corner_error(corners: int, samples: int) -> Fraction:
    """(1 - 1/K)^N, the memorizer's expected robust test error on K corners from N samples (theory.md 5.8)."""
    return Fraction(corners - 1, corners) ** samples


def cube_error_bound(samples: int, dimension: int, perturbation_radius: float, norm_order: float) -> Prediction:
    """The lower bound 1 - N p_hit of the memorizer's robust test error on the continuous example, at least 0."""
    bound = max(0.0, 1.0 - samples * protected_volume(dimension, perturbation_radius, norm_order))
    return Prediction(Interval.at_least(bound), (SEPARATED.given(delta=perturbation_radius),), bound)


def protected_volume(dimension: int, perturbation_radius: float, norm_order: float) -> float:
    """p_hit of the continuous example: chance that one training ball and its ramp can protect a test point
    (theory.md 5.8).

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


def predict_noise_ratio(setting: PatchSetting, draw: InitialDraw, end: float) -> Prediction:
    """Estimate of std V/z for a run that ends at ``end`` (theory.md 5.9). Assumes NOISE_OVER_SIGNAL."""
    return predict_noise_over_signal(setting, draw, end, standard_deviation)


def noise_ratio_exponent(degree: int) -> float:
    """The limit -q/2 of the slope of log std V/z in log d (theory.md 5.9)."""
    return -degree / 2.0
