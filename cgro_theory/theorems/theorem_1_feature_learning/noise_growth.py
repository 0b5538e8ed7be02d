"""Rigorous brackets of the noise projections from a draw, by differential inequalities (theory.md 8.2).

With s_kr = y_k v_kr the reduced flow is  ds_kr/dt = (q/N) Σ_l y_k y_l G_kl ψ̃_l |s_lr|^(q-1),  ψ̃_l decreasing in V_l. Two
curves lo <= hi enclose it when lo' is at most the smallest right-hand side over the box [lo, hi] with coordinate kr held
at its own lower end, and hi' at least the largest one with it held at its own upper end (Müller's theorem). Each step
bounds the right-hand side over an a priori box that is checked afterwards; the coordinate's own term is integrated in
closed form, so that a step's slack comes from what changes within it: the couplings and the pulls. Every sum and step
carries a relative slack of ``ROUNDING``, far above that of float64.

Gradient descent is the same system with a right-hand side taken up to one step η earlier; boxes are widened by that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cgro_theory.claims import Interval
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.prediction import InitialDraw
from cgro_theory.theorems.theorem_1_feature_learning.signal_growth import LeaderStep, SignalBracket

Array = NDArray[np.float64]

ROUNDING = 1e-12
"""Relative slack of every bound of a right-hand side, and of every step."""
CHANGES = (0.02, 0.005)
"""Largest relative change of a leading projection in one step, at first and where that was too coarse."""
LOST = -5.0
"""A bracket in which some V_i may have fallen to this has come apart."""
MINOR = 0.05
"""Projections below this share of the largest one are followed in absolute steps."""
SHORTEST = 1e-6
"""A step cut down to this share of the usual one has met something that cannot be followed."""
PADDING = 0.2
"""Room of the a priori box, as a share of all that pulls at a projection during the step."""
MAX_STEPS = 10_000
"""A draw that needs more steps than this gets no upper end."""


@dataclass(frozen=True)
class MemorizationBracket:
    """What the bracket of one draw says, in time or in the clock Θ = ∫ ψ̃(V = 0) dt.

    Attributes:
        first: encloses the first time with some V_i >= 1; its upper end is inf where that was not shown, its lower end
            the horizon where no V_i can have reached 1 by then.
        small: a time until which every |V_i| is at most the small level that was asked for.
        deepest: every V_i stays at or above minus this until ``first.high`` (until ``followed``, where that is inf).
        followed: how far the bracket was followed.
    """

    first: Interval
    small: float
    deepest: float
    followed: float


def enclose_first_memorization(
    setting: PatchSetting, draws: Sequence[InitialDraw], horizons: Sequence[float], learning_rate: float = 0.0
) -> list[MemorizationBracket]:
    """Bracket the first time with some V_i >= 1, for every draw; times in units of η·step.

    Args:
        setting: with κ >= 0.
        draws: initial draws of runs of that setting.
        horizons: per draw, the time to follow at most.
        learning_rate: η of descent, 0 for the flow.
    """
    return _refined(
        lambda kept: _Bracket(setting, [draws[index] for index in kept], learning_rate), horizons, math.inf
    )


def enclose_noise_clock(
    setting: PatchSetting, draws: Sequence[InitialDraw], horizons: Sequence[float], small: float
) -> list[MemorizationBracket]:
    """The same in the clock Θ of a pull at V = 0, whatever signal and attack make of that pull; gradient flow.

    ψ(z+V)/ψ(z) lies between 1 and e^-V for every z, so the noise is bracketed without knowing the signal. The brackets
    also say until when every |V_i| is at most ``small``.
    """
    return _refined(
        lambda kept: _Bracket(setting, [draws[index] for index in kept], 0.0, relative=True), horizons, small
    )


def _refined(
    make: Callable[[Sequence[int]], _Bracket], horizons: Sequence[float], small: float
) -> list[MemorizationBracket]:
    """Follow all draws in long steps, and those that this leaves undecided in shorter ones."""
    found: dict[int, MemorizationBracket] = {}
    left: Sequence[int] = range(len(horizons))
    for change in CHANGES:
        if left:
            kept = np.array([horizons[index] for index in left], dtype=float)
            found |= dict(zip(left, make(left).follow(kept, small, change), strict=True))
        left = [
            index
            for index in left
            if math.isinf(found[index].first.high) and found[index].followed < horizons[index]
        ]
    return [found[index] for index in range(len(horizons))]


class _Bracket:
    """lo <= y_k v_kr <= hi for a batch of draws, in units of the draw's largest projection. shapes: (runs, n, m)

    Every run has its own time. ``relative`` leaves the signal out and takes pulls relative to those at V = 0.
    """

    def __init__(
        self, setting: PatchSetting, draws: Sequence[InitialDraw], learning_rate: float, *, relative: bool = False
    ) -> None:
        self.setting, self.learning_rate = setting, learning_rate
        patches, degree = setting.noise_patches, setting.degree
        signed = np.stack([draw.signed_preactivations(patches) for draw in draws])
        self.unit = np.maximum(np.abs(signed).max(axis=(1, 2)), np.finfo(float).tiny)
        self.low = signed / self.unit[:, None, None]
        self.high = self.low.copy()
        signs = np.repeat(np.stack([draw.labels for draw in draws]), patches, axis=1)
        scale = degree / setting.num_samples * self.unit ** (degree - 2)
        coupling = signs[:, :, None] * signs[:, None, :] * np.stack([draw.noise_gram for draw in draws])
        coupling *= scale[:, None, None]
        self.own = np.einsum("rkk->rk", coupling)[:, :, None].copy()
        coupling -= self.own * np.eye(coupling.shape[1])
        self.attracting, self.repelling = np.maximum(coupling, 0.0), np.minimum(coupling, 0.0)
        self.signal = None if relative else SignalBracket(setting, draws, learning_rate)

    def follow(self, horizons: Array, small: float, change: float) -> list[MemorizationBracket]:
        """Follow every run until some V_i has surely reached 1, or to its horizon."""
        runs = self.low.shape[0]
        first_low, first_high, small_until = (np.full(runs, np.inf) for _ in range(3))
        followed, deepest, active = np.zeros(runs), np.zeros(runs), np.arange(runs)
        time, cut = np.zeros(runs), np.ones(runs)
        now = self._first_slopes()
        for _ in range(MAX_STEPS):
            reached = np.isfinite(first_low[active])
            duration = np.minimum(cut * change * self._duration(now, reached), horizons[active] - time)
            box = self._box_around(now, duration, reached)
            margins = self._margins(box.low), self._margins(box.high)
            leader = None if self.signal is None else self.signal.advance(duration, *margins)
            now = self._slopes(box, leader)
            low, high, inside = self._ends(box, now, duration)
            if self.signal is not None and leader is not None:
                inside &= np.isfinite(leader.high)
                self.signal.accept(leader, inside)
            cut = np.where(inside, np.minimum(1.0, 1.5 * cut), 0.5 * cut)
            # What a step may reach counts from the step's start: that errs to the safe side.
            late, early = active[inside], time[inside]
            lowest, highest = margins[0][inside].min(axis=1), margins[1][inside].max(axis=1)
            first_low[late] = np.minimum(first_low[late], np.where(highest >= 1.0, early, np.inf))
            sizes = np.maximum(-lowest, highest)
            small_until[late] = np.minimum(small_until[late], np.where(sizes > small, early, np.inf))
            deepest[late] = np.maximum(deepest[late], -lowest)
            time = np.where(inside, time + duration, time)
            self.low = np.where(inside[:, None, None], low, self.low)
            self.high = np.where(inside[:, None, None], high, self.high)
            surely = inside & (self._margins(self.low).max(axis=1) >= 1.0)
            first_high[active[surely]] = time[surely]
            followed[active] = time
            kept = ~surely & (time < horizons[active]) & (cut > SHORTEST) & (margins[0].min(axis=1) > LOST)
            if not kept.all():
                active, time, cut, now = active[kept], time[kept], cut[kept], now.select(kept)
                if active.size == 0:
                    break
                self._select(kept)
        ends = (
            np.minimum(first_low, followed) * (1.0 - ROUNDING),
            first_high * (1.0 + ROUNDING) + self.learning_rate,
        )
        small_until = np.minimum(small_until, followed) * (1.0 - ROUNDING)
        rows = zip(*ends, small_until, deepest, followed, strict=True)
        return [MemorizationBracket(Interval(low, high), until, deep, end) for low, high, until, deep, end in rows]

    def _select(self, kept: NDArray[np.bool_]) -> None:
        for name in ("unit", "low", "high", "own", "attracting", "repelling"):
            setattr(self, name, getattr(self, name)[kept])
        if self.signal is not None:
            self.signal.select(kept)

    def _margins(self, projections: Array) -> Array:
        """V_i of projections in units. shapes: (runs, n, m) -> (runs, N)"""
        per_patch = _power(projections, self.setting.degree).sum(axis=2)
        per_point = per_patch.reshape(per_patch.shape[0], -1, self.setting.noise_patches).sum(axis=2)
        return np.asarray(per_point * self.unit[:, None] ** self.setting.degree)

    def _per_row(self, per_point: Array) -> Array:
        """(runs, N) -> (runs, n, 1)"""
        return np.repeat(per_point, self.setting.noise_patches, axis=1)[:, :, None]

    def _first_slopes(self) -> _Slopes:
        still = _Box(self.low, self.high, self.low, self.high, self.high, self.high, np.zeros(()))
        if self.signal is None:
            return self._slopes(still, None)
        margins = self._margins(self.low)
        return self._slopes(still, self.signal.advance(np.zeros(self.low.shape[0]), margins, margins))

    def _duration(self, now: _Slopes, reached: NDArray[np.bool_]) -> Array:
        """Time in which some leading projection changes by all of its size, or the signal by as much."""
        power, size = self.setting.degree - 1, np.abs(self.low)
        fastest = np.abs(now.own_low * size**power + now.around_low)
        upper = np.abs(now.own_high * np.abs(self.high) ** power + now.around_high)
        fastest = np.where(reached[:, None, None], fastest, np.maximum(fastest, upper))
        floor = MINOR * size.max(axis=(1, 2))[:, None, None]
        with np.errstate(divide="ignore"):
            steps = 1.0 / (fastest / (size + floor)).max(axis=(1, 2))
            if self.signal is not None:
                steps = np.minimum(steps, self.signal.longest_step(self._margins(self.low)))
        return np.asarray(steps)

    def _box_around(self, now: _Slopes, duration: Array, reached: NDArray[np.bool_]) -> _Box:
        """Where the step is expected to stay, from the slopes of the step before, with room to spare."""
        power, step = self.setting.degree - 1, duration[:, None, None]
        sizes = [np.abs(end) ** power for end in (self.low, self.high)]
        moves = now.own_low * sizes[0] + now.around_low, now.own_high * sizes[1] + now.around_high
        room = PADDING * (now.own_high * np.maximum(*sizes) + now.activity)
        slack = 16.0 * ROUNDING * np.maximum(np.abs(self.low), np.abs(self.high))
        ranges = []
        for start, move in zip((self.low, self.high), moves, strict=True):
            ranges += [start + step * (np.minimum(move, 0.0) - room) - slack]
            ranges += [start + step * (np.maximum(move, 0.0) + room) + slack]
        # Until the first V_i >= 1 no projection is larger than what keeps its own V_i below 1.
        cap = np.where(reached[:, None, None], np.maximum(self._largest_below_one(ranges[0]), ranges[1]), np.inf)
        bottom, top = np.minimum(ranges[2], cap), np.minimum(ranges[3], cap)
        delay = np.zeros(())
        if self.learning_rate > 0.0:
            delay = self.learning_rate * (np.maximum(np.abs(moves[0]), np.abs(moves[1])) + room)
        return _Box(ranges[0], np.maximum(top, ranges[1]), ranges[1], bottom, top, cap, delay)

    def _largest_below_one(self, low: Array) -> Array:
        """The largest a projection can be, in units, while its own V_i < 1 and the others are at least ``low``."""
        unit = self.unit[:, None, None]
        others = self._per_row(self._margins(low)) - unit**self.setting.degree * _power(low, self.setting.degree)
        left = (1.0 - others) * (1.0 + ROUNDING) + ROUNDING
        return np.sign(left) * np.abs(left) ** (1.0 / self.setting.degree) / unit

    def _slopes(self, box: _Box, leader: LeaderStep | None) -> _Slopes:
        """Bounds of the right-hand side over a box, own coordinates held in their own ranges."""
        degree, unit = self.setting.degree, self.unit[:, None, None] ** self.setting.degree
        z = (None, None) if leader is None else (leader.margin_low, leader.margin_high)
        low, high = box.low - box.delay, box.high + box.delay
        margins = self._margins(low), self._margins(high)
        least = self._per_row(self._pull(margins[1], z[1], upper=False))
        most = self._per_row(self._pull(margins[0], z[0], upper=True))
        sizes = np.abs(low), np.abs(high)
        smallest = np.where((low < 0) & (high > 0), 0.0, np.minimum(*sizes))
        weak, strong = least * smallest ** (degree - 1), most * np.maximum(*sizes) ** (degree - 1)
        towards = self.attracting @ weak, self.attracting @ strong
        away = self.repelling @ strong, self.repelling @ weak
        activity = towards[1] - away[0]
        # The own coordinate at its own end, every other one at the far end of the box.
        others = self._per_row(margins[1]) - unit * _power(high, degree)
        held = self._pull(others + unit * _power(box.own_low_top + box.delay, degree), z[1], upper=False)
        own_low = self.own * np.maximum(held, least)
        others = self._per_row(margins[0]) - unit * _power(low, degree)
        held = self._pull(others + unit * _power(box.own_high_bottom - box.delay, degree), z[0], upper=True)
        own_high = self.own * np.minimum(held, most)
        around_low = towards[0] + away[0] - ROUNDING * activity
        around_high = towards[1] + away[1] + ROUNDING * activity
        return _Slopes(own_low * (1.0 - ROUNDING), around_low, own_high * (1.0 + ROUNDING), around_high, activity)

    def _pull(self, margin: Array, signal: Array | None, *, upper: bool) -> Array:
        """ψ̃ at noise margins, shape (runs, …), and signal margins z, shape (runs,); relative to V = 0 without z."""
        slack = 1.0 + (ROUNDING if upper else -ROUNDING)
        if signal is None:
            ratio = np.exp(-np.clip(margin, -700.0, 700.0))
            return np.asarray((np.maximum(ratio, 1.0) if upper else np.minimum(ratio, 1.0)) * slack)
        weight, fraction = self.setting.adversarial_weight, self.setting.attacked_signal_fraction
        clean = signal.reshape(-1, *[1] * (margin.ndim - 1))
        attacked = fraction**self.setting.degree * clean
        return np.asarray(
            slack * ((1.0 - weight) * expit(-(clean + margin)) + weight * expit(-(attacked + margin)))
        )

    def _ends(self, box: _Box, now: _Slopes, duration: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """The two curves at the end of the step, and per run whether they stayed in the ranges assumed."""
        step, power = duration[:, None, None], self.setting.degree - 2
        low = _grown(self.low, (box.low, box.own_low_top), box.delay, now.own_low, now.around_low, step, power)
        own_high = box.own_high_bottom, box.own_high_top
        high = -_grown(
            -self.high, (-own_high[1], -own_high[0]), box.delay, -now.own_high, -now.around_high, step, power
        )
        high = np.minimum(high, box.cap)
        with np.errstate(invalid="ignore"):
            inside = (low >= box.low) & (high <= box.own_high_top)
        return np.minimum(low, box.own_low_top), np.maximum(high, box.own_high_bottom), inside.all(axis=(1, 2))


@dataclass(frozen=True)
class _Slopes:
    """own·|s|^(q-1) + around bounds a right-hand side, from below and from above. shapes: (runs, n, m)

    ``activity`` is the sum of the sizes of all that is in ``around``.
    """

    own_low: Array
    around_low: Array
    own_high: Array
    around_high: Array
    activity: Array

    def select(self, kept: NDArray[np.bool_]) -> _Slopes:
        """Some of the runs."""
        return _Slopes(*(getattr(self, part.name)[kept] for part in fields(self)))


@dataclass(frozen=True)
class _Box:
    """Where a step is assumed to stay. shapes: (runs, n, m)

    Attributes:
        low, high: of every projection; ``low`` is the bottom of the lower curve's own range, too.
        own_low_top: top of the lower curve's own range.
        own_high_bottom, own_high_top: the upper curve's own range.
        cap: what no projection can pass.
        delay: how far a projection may have been away one step of descent earlier.
    """

    low: Array
    high: Array
    own_low_top: Array
    own_high_bottom: Array
    own_high_top: Array
    cap: Array
    delay: Array


def _power(values: Array, degree: int) -> Array:
    """φ_q."""
    return np.asarray(np.sign(values) * np.abs(values) ** degree)


def _grown(
    value: Array, within: tuple[Array, Array], delay: Array, own: Array, around: Array, step: Array, power: int
) -> Array:
    """A lower bound after ``step`` of s with s' >= own |y|^(power+1) + around, y within ``delay`` of s, s in ``within``.

    Where the range excludes 0 the power is taken out: |s|^(-power) (log |s| for power 0) has a bounded slope. The
    mirror image s -> -s turns it into an upper bound.
    """
    bottom, top = within
    signed = (bottom > 0) | (top < 0)
    nearest = np.where(signed, np.minimum(np.abs(bottom), np.abs(top)), 0.0)
    farthest = np.maximum(np.abs(bottom), np.abs(top))
    # A pull that helps is taken where it is weakest, one that hinders where it is strongest.
    extreme = np.where(own > 0, np.maximum(nearest - delay, 0.0), farthest + delay) ** (power + 1)
    straight = value + step * (own * extreme + around)
    smallest = np.where(signed, nearest, 1.0)
    late = np.where(own > 0, np.maximum(1.0 - delay / smallest, 0.0), 1.0 + delay / smallest) ** (power + 1)
    rate = own * late + around / np.where(around > 0, farthest, smallest) ** (power + 1)
    moved = np.sign(value) * rate * step
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if power == 0:
            curved = value * np.exp(moved)
        else:
            left = 1.0 - power * moved * np.abs(value) ** power
            blown = np.where(value > 0, np.inf, -np.inf)
            curved = np.where(left > 0, value * np.where(left > 0, left, 1.0) ** (-1.0 / power), blown)
    end = np.where(signed, np.maximum(curved, straight), straight)
    return np.asarray(end - ROUNDING * np.abs(end))
