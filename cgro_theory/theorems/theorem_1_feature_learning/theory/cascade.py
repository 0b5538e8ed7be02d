"""The cascade: memorizing one point shifts where the later ones start (claim ``theorem_1.memorization_order``).

A memorized point k holds v_kr = V_k^(1/q) on its neuron r, and its noise patch overlaps with that of point i by
K_ki; so it moves v_ir by about v_kr K_ki / K_kk, which is of the order of v_ir(0) itself. The predictor follows
every projection's closed-form growth and applies these shifts in order. It uses initial draws only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid
from scipy.special import boxcox

from cgro_theory.setting.parameters import PatchSetting

from .signal import InitialDraw

Array = NDArray[np.float64]

RELATIVE_STEP = 0.02
"""Longest stretch of time between two updates of the shifts, relative to the time since the start."""
FARTHEST_MARGIN = 700
"""No memorized margin is followed beyond this one: e^700 units of time would be needed."""
MARGINS_PER_UNIT = 512
"""Margins per unit at which the growth of a memorized one is tabulated: to 10^-6 of it."""


def times_alone(setting: PatchSetting, draw: InitialDraw) -> Array:
    """Memorization time of every point without the shifts of the others (theory.md 2.4). shape: (N,)

    As :func:`cascade_times` without overlaps: the projections of a point grow until the first of them is 1.
    """
    signed = draw.signed_preactivations(setting.noise_patches)
    left = _time_left(signed, _rates(setting, draw), setting.degree)
    return np.asarray(left.reshape(setting.num_samples, -1).min(axis=1))


@dataclass(frozen=True)
class HeldPoint:
    """A memorized point: its noise patch ``row``, the ``neuron`` that holds it, since which ``time``.

    ``speed`` is q² λ K/N, K = ‖ξ‖²; ``arrivals`` are the times at which the neurons, each on its own, would have
    memorized it, the holder's first of all. shape: (m,)
    """

    row: int
    neuron: int
    time: float
    speed: float
    arrivals: Array

    def size_after(self, elapsed: float, degree: int) -> float:
        """v = V^(1/q), ``elapsed`` >= 0 after V = 1; dV/dt = q² λ K/N ψ(V) V^(2-2/q)."""
        return float(_margin_after(self.speed * elapsed, degree) ** (1.0 / degree))

    def pull_after(self, elapsed: float, degree: int) -> float:
        """∫ψ(V) dt from V = 1 on, ``elapsed`` >= 0 long: that of V^(2/q-2) dV over q² λ K/N."""
        return float(boxcox(_margin_after(self.speed * elapsed, degree), 2.0 / degree - 1.0)) / self.speed


@dataclass(frozen=True)
class Cascade:
    """The memorization of all points of a draw, as predicted.

    Attributes:
        times: of every point; inf where no neuron ever favours it. shape: (N,)
        held: one entry per memorized point, in the order of their times.
    """

    times: Array
    held: tuple[HeldPoint, ...]

    def covariance(
        self, setting: PatchSetting, draw: InitialDraw, end: float, holders: Sequence[int], lateness: float
    ) -> Array:
        """Covariance of the neurons' projections on a fresh point's noise patch, at time ``end``. shape: (m, m)

        Neuron r has gained Σ v_k y_k ξ_k/‖ξ_k‖² over the points k that it holds, by ``holders`` (one neuron per
        entry of ``held``), beside an initial weight of variance σ0² in each coordinate. Points count as memorized
        ``lateness`` times as late as predicted, and those that would come after ``end`` as memorized at it.
        """
        norms, labels = np.diag(draw.noise_gram), np.repeat(draw.labels, setting.noise_patches)
        gained = np.zeros((setting.width, norms.size))
        for entry, neuron in zip(self.held, holders, strict=True):
            size = entry.size_after(max(0.0, end - lateness * entry.time), setting.degree)
            gained[neuron, entry.row] += size * labels[entry.row] / norms[entry.row]
        initial = setting.init_std**2 * setting.patch_dimension * np.eye(setting.width)
        return np.asarray(setting.noise_std**2 * (gained @ draw.noise_gram @ gained.T + initial))

    def holders(self, margin: float, *, crowded: bool) -> list[int]:
        """Which neuron holds each point, when neurons that arrive within the factor ``margin`` may win as well.

        ``crowded``: such a point goes to the neuron that holds the most others, else to one that holds the fewest.
        """
        chosen = [entry.neuron for entry in self.held]
        for index, entry in enumerate(self.held):
            possible = np.flatnonzero(entry.arrivals <= margin * entry.time).tolist()
            others = [chosen[:index].count(r) + chosen[index + 1 :].count(r) for r in possible]
            chosen[index] = possible[int(np.argmax(others) if crowded else np.argmin(others))]
        return chosen


def cascade_times(setting: PatchSetting, draw: InitialDraw) -> Array:
    """Predicted memorization time of every point, shifts included (theory.md 2.4). shape: (N,)

    Units of η·step. Leading order like T_III: adversarial pull λ/2 until a point is memorized, no attacked signal.
    ``inf`` for a point that no neuron ever favours. Needs λ > 0.
    """
    return follow_cascade(setting, draw).times


def follow_cascade(setting: PatchSetting, draw: InitialDraw) -> Cascade:
    """Which neuron memorizes each point, and when; see :func:`cascade_times`."""
    degree, patches = setting.degree, setting.noise_patches
    gram = draw.noise_gram
    norms = np.diag(gram)
    labels = np.repeat(draw.labels, patches)
    overlap = labels[:, None] * labels * gram / norms  # of the signed projections, column k per unit of w_k
    rates = _rates(setting, draw)
    signed = draw.signed_preactivations(patches).copy()
    times = np.full(setting.num_samples, np.inf)
    held: list[HeldPoint] = []
    sizes: list[float] = []
    now = 0.0
    for _ in range(100_000):
        open_points = np.isinf(times)
        left = np.where(np.repeat(open_points, patches)[:, None], _time_left(signed, rates, degree), np.inf)
        nearest = float(left.min())
        if not open_points.any() or not np.isfinite(nearest):
            break
        step = min(nearest, RELATIVE_STEP * now) if now > 0.0 else nearest
        grown = _advance(signed, rates, step, degree)
        signed = np.where(np.repeat(open_points, patches)[:, None], grown, signed)
        now += step
        for index, entry in enumerate(held):
            size = max(sizes[index], entry.size_after(now - entry.time, degree))
            signed[:, entry.neuron] += (size - sizes[index]) * overlap[:, entry.row]
            sizes[index] = size
        if step == nearest:
            row, neuron = (int(index) for index in np.unravel_index(int(left.argmin()), left.shape))
            times[row // patches] = now
            speed = degree * rates[row] * 2.0
            held.append(HeldPoint(row, neuron, now, speed, now - step + left[row]))
            sizes.append(1.0)
            signed[:, neuron] += overlap[:, row]
    return Cascade(times, tuple(held))


def _rates(setting: PatchSetting, draw: InitialDraw) -> Array:
    """Of dw/dt = rate |w|^(q-1), for every noise patch. shape: (n,)"""
    per_length = setting.degree * (0.5 * setting.adversarial_weight / setting.num_samples)
    return np.asarray(per_length * np.diag(draw.noise_gram))


def _margin_after(scale: float, degree: int) -> float:
    """V at time t of dV/dt = s ψ(V) V^(2-2/q) with V(0) = 1, from ``scale`` = s t >= 0."""
    return float(np.interp(math.log1p(scale), *_growth(degree)))


@lru_cache
def _growth(degree: int) -> tuple[Array, Array]:
    """log(1 + s t) for margins V from 1 on, and V: s t is the integral of (1 + e^x) x^(2/q-2) from 1 to V."""
    margins = 1.0 + np.arange(FARTHEST_MARGIN * MARGINS_PER_UNIT + 1) / MARGINS_PER_UNIT
    slopes = (1.0 + np.exp(margins)) * margins ** (2.0 / degree - 2.0)
    return np.log1p(cumulative_trapezoid(slopes, dx=1.0 / MARGINS_PER_UNIT, initial=0.0)), margins


def _time_left(signed: Array, rates: Array, degree: int) -> Array:
    """Time until each projection reaches 1 on its own; inf where it points away. shape: (n, m)"""
    with np.errstate(divide="ignore"):
        positive = np.where(signed > 0, signed, np.nan)
        needed = -np.log(positive) if degree == 2 else (positive ** (2 - degree) - 1.0) / (degree - 2)
    return np.where(signed > 0, np.maximum(needed, 0.0) / rates[:, None], np.inf)


def _advance(signed: Array, rates: Array, step: float, degree: int) -> Array:
    """Every projection after ``step``, by dw/dt = rate |w|^(q-1), none past 1. shape: (n, m)"""
    moved = rates[:, None] * step
    if degree == 2:
        return signed * np.exp(np.sign(signed) * moved)
    power = degree - 2
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        left = np.abs(signed) ** -power - np.sign(signed) * power * moved
        size = np.where(left > 0, left, np.finfo(float).tiny) ** (-1.0 / power)
    return np.where(signed == 0, 0.0, np.sign(signed) * np.minimum(size, 1.0))
