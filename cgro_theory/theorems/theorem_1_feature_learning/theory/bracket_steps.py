"""What a bracket is followed with, step by step: the noise's two curves, and the signal's (theory.md 2.2.5, 8.2).

A step of the noise is assumed to stay in a box; slopes bound the right-hand side there, and say how far each curve
gets. Of the signal all u_r are functions of the largest of them, the leader s (one clock drives them all), so it
is one number per run; its bracket [low, high] is followed with the gain at its two extremes, its own end held:
dx/dt = -q(q-2) g for x = s^(2-q) (d log s/dt = 2g for q = 2), g the mean over the points of (1-λ)α^q ψ(z+V_i) +
λ(κα)^q ψ(z̃+V_i).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.lemmas.theory.common_clock import euler_lag

from .signal import InitialDraw

Array = NDArray[np.float64]

ROUNDING = 1e-12
"""Relative slack of every bound of a right-hand side, and of every step."""
SIGNAL_WEIGHT = 0.12
"""A change of z by 1 counts in the choice of steps as much as a relative change of the projections by this."""
CHANGE_OF_LAG = 0.002
"""The relative step ρ of descent times the square of the change of what is left of the clock, at most."""


@dataclass(frozen=True)
class Slopes:
    """own·|s|^(q-1) + around bounds a right-hand side, from below and from above. shapes: (runs, n, m)

    ``activity`` is the sum of the sizes of all that is in ``around``.
    """

    own_low: Array
    around_low: Array
    own_high: Array
    around_high: Array
    activity: Array

    def pick(self, kept: NDArray[np.bool_]) -> Slopes:
        """Those of some runs, or of some projections."""
        return Slopes(*(getattr(self, part.name)[kept] for part in fields(self)))


@dataclass(frozen=True)
class Box:
    """Where a step is assumed to stay. shapes: (runs, n, m)

    Attributes:
        low, high: of every projection; ``low`` is the bottom of the lower curve's own range, too.
        own_low_top: top of the lower curve's own range.
        own_high_bottom, own_high_top: the upper curve's own range.
        delay: how far a projection may have been away one step of descent earlier.
        pinned: the projections that serve as clocks: they end at the top of their range, whenever that is.
    """

    low: Array
    high: Array
    own_low_top: Array
    own_high_bottom: Array
    own_high_top: Array
    delay: Array
    pinned: NDArray[np.bool_]


def grown(
    value: Array,
    within: tuple[Array, Array],
    delay: Array,
    own: Array,
    around: Array,
    steps: tuple[Array, Array],
    power: int,
) -> Array:
    """A lower bound, after a time between ``steps``, of s with s' >= own |y|^(power+1) + around, y within
    ``delay`` of s, s in ``within``.

    Where the range excludes 0 the power is taken out: |s|^(-power) (log |s| for power 0) has a bounded slope. The
    mirror image s -> -s turns it into an upper bound.
    """
    bottom, top = within
    signed = (bottom > 0) | (top < 0)
    nearest = np.where(signed, np.minimum(np.abs(bottom), np.abs(top)), 0.0)
    farthest = np.maximum(np.abs(bottom), np.abs(top))
    # A pull that helps is taken where it is weakest, one that hinders where it is strongest.
    extreme = np.where(own > 0, np.maximum(nearest - delay, 0.0), farthest + delay) ** (power + 1)
    slope = own * extreme + around
    straight = value + np.where(slope > 0, steps[0], steps[1]) * slope
    smallest = np.where(signed, nearest, 1.0)
    late = np.where(own > 0, np.maximum(1.0 - delay / smallest, 0.0), 1.0 + delay / smallest) ** (power + 1)
    rate = own * late + around / np.where(around > 0, farthest, smallest) ** (power + 1)
    moved = np.sign(value) * rate * np.where(rate > 0, steps[0], steps[1])
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if power == 0:
            curved = value * np.exp(moved)
        else:
            left = 1.0 - power * moved * np.abs(value) ** power
            blown = np.where(value > 0, np.inf, -np.inf)
            curved = np.where(left > 0, value * np.where(left > 0, left, 1.0) ** (-1.0 / power), blown)
    end = np.where(signed, np.maximum(curved, straight), straight)
    return np.asarray(end - ROUNDING * np.abs(end))


def crossing_times(
    start: tuple[Array, Array], end: Array, near: Array, slopes: Slopes, power: int
) -> tuple[Array, Array]:
    """Shortest and longest time from ``start``, given by its two ends, all > 0, to ``end``. shapes: (k,)

    ``near`` bounds the relative change within one step of descent. The longest time is inf where a slope may be 0.
    """
    low, high = start
    below, above = slopes.around_low, slopes.around_high
    slowest = slopes.own_low * np.maximum(1.0 - near, 0.0) ** (power + 1)
    slowest += below / np.where(below > 0, end, low) ** (power + 1)
    fastest = slopes.own_high * (1.0 + near) ** (power + 1)
    fastest += above / np.where(above > 0, low, end) ** (power + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        far, close = (
            np.log(end / first) if power == 0 else (first**-power - end**-power) / power for first in (low, high)
        )
        shortest = np.where(fastest > 0, close / fastest, 0.0) * (1.0 - ROUNDING)
        return shortest, np.where(slowest > 0, far / slowest, np.inf) * (1.0 + ROUNDING)


@dataclass(frozen=True)
class LeaderStep:
    """Bounds of the gain over a step, of z all the way through it, and of the share of the clock by which every
    projection catches up with the leader in descent. shapes: (runs,), and (runs, m) for ``caught_up``"""

    slowest: Array
    fastest: Array
    whole: Array
    margin_low: Array
    margin_high: Array
    caught_up: Array


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
        self.low, self.high, self.lost = np.ones(leader.size), np.ones(leader.size), np.zeros(projections.shape)
        degree = setting.degree
        rate = degree * max(degree - 2, 1) * setting.signal_strength**2
        with np.errstate(under="ignore"):
            self.rate = np.where(self.grows, rate * self.start ** (degree - 2), 0.0)

    def select(self, kept: NDArray[np.bool_]) -> None:
        """Go on with some of the runs only."""
        for name in ("grows", "relative", "start", "low", "high", "lost", "rate"):
            setattr(self, name, getattr(self, name)[kept])

    def margin(self, growth: Array, *, upper: bool, lost: Array | float = 0.0) -> Array:
        """z, bounded from the side that is asked for, when the leader has grown by ``growth``. shape: (runs,)

        In the flow every other projection has moved by the leader's clock; in descent by at least that and, if
        positive, at most by the clock ``lost``, shape (runs, m), more, without overtaking the leader.
        """
        degree, ratio = self.setting.degree, self.relative
        size = np.abs(ratio)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore", under="ignore"):
            if degree == 2:
                moved = size * np.where(ratio > 0, growth[:, None], 1.0 / growth[:, None])
            else:
                # With 1 taken off first the leader keeps its digits as its power vanishes.
                ahead = self._distance()
                passed = growth[:, None] ** (2.0 - degree)
                power = ahead + np.where(ratio > 0, passed - lost, 2.0 - passed)
                moved = np.where(power > 0, np.where(power > 0, power, 1.0) ** (1.0 / (2.0 - degree)), np.inf)
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

    def longest_step(self, change: float, noise_low: Array) -> Array:
        """Time in which gain and pull change by about ``change``, each with its weight. shape: (runs,)

        A change of z counts with the share that the clean loss still has in the pull, one of z̃ = κ^q z always. The
        leader's clock moves by half of what is left to its blow-up at most.
        """
        degree, setting = self.setting.degree, self.setting
        attacked = setting.attacked_signal_fraction**degree
        power = max(degree - 2, 1)
        shortest = np.full_like(self.low, np.inf)
        # Each curve moves with the gain that the other projections leave it at worst.
        slow = self.margin(self.low, upper=True, lost=self.lost)
        for growth, margin in ((self.low, slow), (self.high, self.margin(self.high, upper=False))):
            gain = self.gain(margin, noise_low)
            clean = (1.0 - setting.adversarial_weight) * expit(-margin)
            pull = clean + setting.adversarial_weight * expit(-attacked * margin)
            with np.errstate(over="ignore", divide="ignore", invalid="ignore", under="ignore"):
                share = np.nan_to_num(np.maximum(clean / pull, np.minimum(clean / gain, 1.0)))
                size = np.maximum(margin, (self.start * growth) ** degree) * (share + attacked)
                allowed = change * power / (degree * SIGNAL_WEIGHT)
                left = 1.0 / (self.rate * gain * growth ** (degree - 2))
                most = np.minimum(0.5, np.sqrt(CHANGE_OF_LAG / self._relative_step(growth, gain)))
                shortest = np.fmin(shortest, left * allowed / (size + (1.0 + 1.0 / most) * allowed))
        return np.asarray(shortest)

    def advance(self, duration: Array, noise_low: Array, noise_high: Array) -> LeaderStep:
        """A step of ``duration``, shape (runs,); its upper leader is inf where that is too long to be followed.

        ``noise_low`` and ``noise_high``, shape (runs, N), bound the V_i over the step.
        """
        fastest = self.gain(self._delayed(noise_low), noise_low)
        high = self._moved(self.high, fastest, duration)
        lag = euler_lag(self._relative_step(high, fastest), self.setting.degree)
        share = self._caught_up(high, fastest)
        lost = self.lost + (self.rate * fastest * duration)[:, None] * share
        # The lower curve's own z: the leader held where it may get to.
        farthest = self._moved(self.low, self.gain(self.margin(self.low, upper=False), noise_low), duration)
        slowest = self.gain(self.margin(np.minimum(farthest, high), upper=True, lost=lost), noise_high)
        slowed = fastest / euler_lag(self._relative_step(self.low, slowest), self.setting.degree)
        top = self.margin(self._moved(self.high, slowed, duration), upper=True, lost=lost)
        return LeaderStep(slowest / lag, slowed, fastest, self.margin(self.low, upper=False), top, share)

    def accept(self, step: LeaderStep, times: tuple[Array, Array], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Go on by the shortest and the longest time that the step took, in the runs ``inside`` that it was
        followed.

        Returns where that worked: nowhere past a blow-up.
        """
        low = self._moved(self.low, step.slowest, times[0]) * (1.0 - ROUNDING)
        high = self._moved(self.high, step.fastest, times[1]) * (1.0 + ROUNDING)
        inside = inside & np.isfinite(low) & np.isfinite(high) & np.isfinite(step.caught_up).all(axis=1)
        clock = self.rate * step.whole * times[1] * (1.0 + ROUNDING)
        self.lost = np.where(inside[:, None], self.lost + clock[:, None] * step.caught_up, self.lost)
        self.low, self.high = np.where(inside, low, self.low), np.where(inside, high, self.high)
        return inside

    def _delayed(self, noise_low: Array) -> Array:
        """z at the upper leader, taken at most one step of descent earlier."""
        margin = self.margin(self.high, upper=False)
        if self.learning_rate == 0.0:
            return margin
        gain = np.ones_like(margin)
        # Each round turns an upper bound of the step's gain into a smaller one.
        for _ in range(5):
            step = self._relative_step(self.high, gain)
            margin = self.margin(np.maximum(self.high / (1.0 + step), 1.0), upper=False)
            gain = self.gain(margin, noise_low)
        return margin

    def _distance(self) -> Array:
        """x_r - x_s at the start, x = |u|^(2-q) and s the leader, in units of x_s. shape: (runs, m)"""
        size = np.abs(self.relative)
        return np.asarray(np.expm1((2.0 - self.setting.degree) * np.log(np.where(size > 0, size, 1.0))))

    def _caught_up(self, growth: Array, gain: Array) -> Array:
        """The share of the clock by which D_r = x_r - x_s shrinks at most in steps of descent. shape: (runs, m)

        ``growth`` is the leader's at their end.

        A step takes x to x(1+ρ)^-p, p = q-2, whose derivative (1+(p+1)ρ)/(1+ρ)^(p+1) is at least 1 - p(p+1)ρ²/2.
        Integrated from x_s to x_r, where ρ = c/x: D_r loses at most p(p+1)/2 · c² D_r/(x_s x_r), of a clock p c.
        """
        power = self.setting.degree - 2
        if power == 0 or self.learning_rate == 0.0:
            return np.zeros_like(self.lost)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            distance, left = self._distance(), growth[:, None] ** -float(power)
            lost = 0.5 * (power + 1) * self._relative_step(growth, gain)[:, None]
            return np.where(distance > 0, lost * distance / (left + distance), 0.0)

    def _relative_step(self, growth: Array, gain: Array) -> Array:
        """ρ: the relative change of the leader in one step of descent."""
        degree = self.setting.degree
        with np.errstate(over="ignore", invalid="ignore"):
            rate = self.learning_rate * self.rate / max(degree - 2, 1)
            return np.asarray(rate * gain * growth ** (degree - 2) if self.learning_rate > 0.0 else 0.0 * rate)

    def _moved(self, growth: Array, gain: Array, duration: Array) -> Array:
        """The leader's growth after ``duration`` at a constant gain; inf past its blow-up."""
        degree = self.setting.degree
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            clock = self.rate * gain * duration
            if degree == 2:
                return np.asarray(growth * np.exp(clock))
            power = growth ** (2.0 - degree) - clock
            return np.where(power > 0, np.where(power > 0, power, 1.0) ** (1.0 / (2.0 - degree)), np.inf)
