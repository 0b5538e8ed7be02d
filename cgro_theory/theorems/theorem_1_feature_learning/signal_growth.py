"""A rigorous bracket of the signal margin of a batch of draws, beside a bracket of the noise (theory.md 2.2.5,
8.2).

All u_r are functions of the largest of them, the leader s (one clock drives them all), so the signal is one number
per run; its bracket [low, high] is followed with the gain at its two extremes, its own end held:  dx/dt = -q(q-2)
g for x = s^(2-q) (d log s/dt = 2g for q = 2), g the mean over the points of (1-λ)α^q ψ(z+V_i) + λ(κα)^q ψ(z̃+V_i).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.prediction import InitialDraw

Array = NDArray[np.float64]

ROUNDING = 1e-12
"""Relative slack of every step."""
SIGNAL_WEIGHT = 0.12
"""A change of z by 1 counts in the choice of steps as much as a relative change of the projections by this."""
LEADER_WEIGHT = 0.1
"""And so does a relative change of the leader by 1."""


@dataclass(frozen=True)
class LeaderStep:
    """Bounds of the gain over a step, and of z all the way through it. All shapes (runs,)."""

    slowest: Array
    fastest: Array
    margin_low: Array
    margin_high: Array


class SignalBracket:
    """Bounds of z = α^q U for a batch of runs; needs κ >= 0, so that U never falls.

    The leader is kept as its growth since the start, s/s(0) >= 1. A run without a positive u_r(0) has no leader:
    its U rises from U(0) to 0 at most, and that constant bracket serves.
    """

    def __init__(self, setting: PatchSetting, draws: Sequence[InitialDraw], learning_rate: float) -> None:
        self.setting, self.learning_rate = setting, learning_rate
        projections = np.stack([draw.signal_projections for draw in draws])
        largest = projections.max(axis=1)
        self.grows = largest > 0
        leader = np.where(self.grows, largest, np.abs(projections).max(axis=1))
        self.relative = projections / np.where(leader > 0, leader, 1.0)[:, None]
        self.start = setting.signal_strength * leader
        self.low, self.high, self.lag = (np.ones(leader.size) for _ in range(3))
        degree = setting.degree
        rate = degree * max(degree - 2, 1) * setting.signal_strength**2
        with np.errstate(under="ignore"):
            self.rate = np.where(self.grows, rate * self.start ** (degree - 2), 0.0)

    def select(self, kept: NDArray[np.bool_]) -> None:
        """Go on with some of the runs only."""
        for name in ("grows", "relative", "start", "low", "high", "lag", "rate"):
            setattr(self, name, getattr(self, name)[kept])

    def margin(self, growth: Array, *, upper: bool) -> Array:
        """z, bounded from the side that is asked for, when the leader has grown by ``growth``. shape: (runs,)

        In the flow every other projection has moved by the leader's clock; in descent by at least that and, if
        positive, at most ``lag`` times it, without overtaking the leader.
        """
        degree, ratio = self.setting.degree, self.relative
        lag = self.lag if upper else np.ones_like(self.lag)
        size = np.abs(ratio)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore", under="ignore"):
            if degree == 2:
                factor = growth[:, None] ** np.where(ratio > 0, lag[:, None], -1.0)
                moved = size * factor
            else:
                # With 1 taken off first the leader keeps its digits as its power vanishes.
                ahead = np.expm1((2.0 - degree) * np.log(np.where(size > 0, size, 1.0)))
                passed = growth[:, None] ** (2.0 - degree)
                behind = ahead + (1.0 - lag[:, None]) + lag[:, None] * passed
                power = np.where(ratio > 0, behind, ahead + 2.0 - passed)
                moved = np.where(power > 0, power, 0.0) ** (1.0 / (2.0 - degree))
            moved = np.where(ratio > 0, np.minimum(moved, growth[:, None]), moved)
            if upper and self.learning_rate > 0:
                moved = np.where(ratio > 0, moved, 0.0)
            margin = (np.sign(ratio) * (self.start[:, None] * moved) ** degree).sum(axis=1)
            if upper:
                margin = np.where(self.grows, margin, 0.0)
            # Past the floats this is NaN, and the step is refused.
            return np.asarray(margin + (ROUNDING if upper else -ROUNDING) * np.abs(margin))

    def gain(self, margin: Array, noise: Array) -> Array:
        """g/α^q at the signal margins z, shape (runs,), and the noise margins, shape (runs, N)."""
        weight, fraction = self.setting.adversarial_weight, self.setting.attacked_signal_fraction
        attacked = fraction**self.setting.degree
        clean = expit(-(margin[:, None] + noise)).mean(axis=1)
        reached = expit(-(attacked * margin[:, None] + noise)).mean(axis=1)
        return np.asarray((1.0 - weight) * clean + weight * attacked * reached)

    def longest_step(self, noise_low: Array) -> Array:
        """Time in which gain, pull and leader change by all of their size, each with its weight. shape: (runs,)

        A change of z counts with the share that the clean loss still has in the pull, one of z̃ = κ^q z always.
        """
        degree, setting = self.setting.degree, self.setting
        attacked = setting.attacked_signal_fraction**degree
        fastest = np.zeros_like(self.low)
        for growth, upper in ((self.low, False), (self.high, True)):
            margin = self.margin(growth, upper=upper)
            gain = self.gain(margin, noise_low)
            clean = (1.0 - setting.adversarial_weight) * expit(-margin)
            pull = clean + setting.adversarial_weight * expit(-attacked * margin)
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                share = np.nan_to_num(np.maximum(clean / pull, np.minimum(clean / gain, 1.0)))
                leader = self.rate / max(degree - 2, 1) * gain * growth ** (degree - 2)
                change = degree * np.maximum(margin, 0.0) * leader * (share + attacked)
                fastest = np.fmax(fastest, np.maximum(LEADER_WEIGHT * leader, SIGNAL_WEIGHT * change))
        with np.errstate(divide="ignore"):
            return np.asarray(1.0 / fastest)

    def advance(self, duration: Array, noise_low: Array, noise_high: Array) -> LeaderStep:
        """A step of ``duration``, shape (runs,); its upper leader is inf where that is too long to be followed.

        ``noise_low`` and ``noise_high``, shape (runs, N), bound the V_i over the step.
        """
        degree = self.setting.degree
        fastest = self.gain(self._delayed(noise_low), noise_low)
        high, ratio = self._moved(self.high, fastest, duration)
        lag = np.maximum(self.lag, _lag(ratio, degree))
        self.lag = np.where(np.isfinite(lag), lag, self.lag)
        farthest, _ = self._moved(self.low, self.gain(self.margin(self.low, upper=False), noise_low), duration)
        finite = np.where(np.isfinite(farthest), farthest, self.low)
        slowest = self.gain(self.margin(finite, upper=True), noise_high) / self.lag
        top = self.margin(np.where(np.isfinite(high), high, self.high), upper=True)
        return LeaderStep(
            slowest, np.where(np.isfinite(high), fastest, np.inf), self.margin(self.low, upper=False), top
        )

    def accept(self, step: LeaderStep, times: tuple[Array, Array], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Go on by the shortest and the longest time that the step took, in the runs ``inside`` that it was
        followed.

        Returns where that worked: nowhere past a blow-up.
        """
        low = self._moved(self.low, step.slowest, times[0])[0] * (1.0 - ROUNDING)
        high = self._moved(self.high, step.fastest, times[1])[0] * (1.0 + ROUNDING)
        inside = inside & np.isfinite(high)
        self.low, self.high = np.where(inside, low, self.low), np.where(inside, high, self.high)
        return inside

    def _delayed(self, noise_low: Array) -> Array:
        """z at the upper leader, taken at most one step of descent earlier."""
        margin = self.margin(self.high, upper=False)
        if self.learning_rate == 0.0:
            return margin
        degree = self.setting.degree
        step = self.learning_rate * self.rate / max(degree - 2, 1) * self.high ** (degree - 2)
        gain = np.ones_like(margin)
        # Each round turns an upper bound of the step's gain into a smaller one.
        for _ in range(5):
            margin = self.margin(np.maximum(self.high / (1.0 + step * gain), 1.0), upper=False)
            gain = self.gain(margin, noise_low)
        return margin

    def _moved(self, growth: Array, gain: Array, duration: Array) -> tuple[Array, Array]:
        """The leader's growth after ``duration`` at a constant gain, and the relative change ρ of one step of
        descent."""
        degree = self.setting.degree
        with np.errstate(over="ignore", invalid="ignore"):
            clock = self.rate * gain * duration
            ratio = self.learning_rate * self.rate / max(degree - 2, 1) * gain * growth ** (degree - 2)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            if degree == 2:
                moved = growth * np.exp(clock)
            else:
                power = growth ** (2.0 - degree) - clock
                moved = np.where(power > 0, np.where(power > 0, power, 1.0) ** (1.0 / (2.0 - degree)), np.inf)
        return moved, ratio


def _lag(ratio: Array, degree: int) -> Array:
    """Clock of the steps over the clock that Euler's leader gains from them, at ρ = ``ratio``; 1 at ρ = 0."""
    safe = np.where(ratio > 1e-12, ratio, 1.0)
    if degree == 2:
        return np.where(ratio > 1e-12, safe / np.log1p(safe), 1.0)
    power = degree - 2
    return np.where(ratio > 1e-12, power * safe / -np.expm1(-power * np.log1p(safe)), 1.0)
