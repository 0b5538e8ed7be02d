"""Rigorous brackets of the noise projections from a draw, by differential inequalities (theory.md 8.2).

With s_kr = y_k v_kr the reduced flow is  ds_kr/dt = (q/N) Σ_l y_k y_l G_kl ψ̃_l |s_lr|^(q-1),  ψ̃_l decreasing in
V_l. Two curves low <= high enclose it when low' is at most the smallest right-hand side over the box [low, high]
with coordinate kr held at its own lower end, and high' at least the largest one with it held at its own upper end
(Müller's theorem). Each step bounds the right-hand side over an a priori box that is checked afterwards; a
coordinate's own term is integrated in closed form, so that a step's slack comes from what changes within it: the
couplings and the pulls.

The clock is the projection that grows fastest, the leader: it is known exactly, and time is what is bracketed. (In
time itself a relative error of 1e-9 would separate the two curves of a leader that blows up, and then all the
others.)

Every sum and step carries a relative slack of ``ROUNDING``, far above that of float64. Gradient descent is the
same system with a right-hand side taken up to one step η earlier; boxes are widened by that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cgro_theory.claims import Interval
from cgro_theory.setting.parameters import PatchSetting

from .bracket_steps import ROUNDING, Box, LeaderStep, SignalBracket, Slopes, crossing_times, grown
from .signal import InitialDraw, signed_power

Array = NDArray[np.float64]

CHANGES = ((0.05, 1_500), (0.02, 1_500), (0.005, 6_000))
"""Largest relative change of a leading projection in one step, and steps at most: at first, and where that left a
draw undecided. A draw that needs more steps than the last gets no upper end."""
LARGEST_CHANGE_WITHOUT_BLOW_UP = 0.02
"""The same for q = 2, where growth is slow to the end and a step's slack is carried along all the way."""
LONGER, LONGEST = 1.5, 5.0
"""A step may take this much longer than is expected: at first, and at most when the steps before took longer."""
LOST = -5.0
"""A bracket in which some V_i may have fallen to this has come apart."""
RESOLVED = 1e-6
"""A step that changes the leader by a smaller share than this is clocked by time: the leader would lose its
digits."""
MINOR = 0.05
"""Projections below this share of the largest one are followed in absolute steps."""
SHORTEST = 1e-6
"""A step cut down to this share of the usual one has met something that cannot be followed."""
PADDING = 0.2
"""Room of the a priori box, as a share of all that pulls at a projection during the step."""


@dataclass(frozen=True)
class MemorizationBracket:
    """What the bracket of one draw says, in time or in the clock Θ = ∫ ψ̃(V = 0) dt.

    Attributes:
        first: encloses the first time with some V_i >= 1; its upper end is inf where that was not shown, its lower
            end the horizon where no V_i can have reached 1 by then.
        small: a time until which every |V_i| is at most the small level that was asked for.
        deepest: every V_i is at least minus this until ``first.high`` (``followed``, where that is inf).
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

    ψ(z+V)/ψ(z) lies between 1 and e^-V for every z, so the noise is bracketed without knowing the signal. The
    brackets also say until when every |V_i| is at most ``small``.
    """
    return _refined(
        lambda kept: _Bracket(setting, [draws[index] for index in kept], 0.0, relative=True), horizons, small
    )


def _refined(
    make: Callable[[Sequence[int]], _Bracket], horizons: Sequence[float], small: float
) -> list[MemorizationBracket]:
    """Follow all draws in long steps; those left undecided then by another clock, then in shorter steps."""
    found: dict[int, MemorizationBracket] = {}
    rivals: dict[int, int | None] = dict.fromkeys(range(len(horizons)))
    left = list(range(len(horizons)))
    for attempt, (change, steps) in enumerate(CHANGES):
        if not left:
            break
        bracket = make(left)
        # Without blow-ups (q = 2) time is the better clock, as it is where two projections overtake each other.
        blows_up = bracket.setting.degree > 2
        if not blows_up:
            change = min(change, LARGEST_CHANGE_WITHOUT_BLOW_UP)
        if attempt != (2 if blows_up else 0):
            bracket.lead([rivals[index] for index in left])
        kept = np.array([horizons[index] for index in left], dtype=float)
        found |= dict(zip(left, bracket.follow(kept, small, change, steps), strict=True))
        rivals |= dict(zip(left, bracket.overtaking, strict=True))
        left = [
            index
            for index in left
            if math.isinf(found[index].first.high) and found[index].followed < horizons[index] * (1.0 - 1e-9)
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
        self.overtaking: list[int | None] = [None] * len(draws)
        self.leader = np.zeros(self.low.shape, dtype=bool)

    def lead(self, chosen: Sequence[int | None]) -> None:
        """Take the projections with these flat indices as clocks; None: the one whose own pull would carry it
        first."""
        speed = self.own * np.maximum(self.low, 0.0) ** max(self.setting.degree - 2, 1)
        fastest = speed.reshape(speed.shape[0], -1).argmax(axis=1)
        self.leader[:] = False
        flat = self.leader.reshape(self.leader.shape[0], -1)
        for run, index in enumerate(chosen):
            flat[run, fastest[run] if index is None else index] = True

    # What leaves the floats is inf or NaN, lies inside no box, and the step is refused.
    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def follow(self, horizons: Array, small: float, change: float, most_steps: int) -> list[MemorizationBracket]:
        """Follow every run until some V_i has surely reached 1, to its horizon, or for so many steps."""
        runs = self.low.shape[0]
        first_low, first_high, small_until = (np.full(runs, np.inf) for _ in range(3))
        followed, deepest, active = np.zeros(runs), np.zeros(runs), np.arange(runs)
        early, late, cut, room = np.zeros(runs), np.zeros(runs), np.ones(runs), np.full(runs, LONGER)
        now = self._first_slopes()
        for _ in range(most_steps):
            duration = np.minimum(cut * self._duration(now, change), 1.001 * (horizons[active] - early))
            box = self._box_around(now, duration, room)
            margins = self._margins(box.low), self._margins(box.high)
            signal = None if self.signal is None else self.signal.advance(room * duration, *margins)
            now = self._slopes(box, signal)
            steps = self._times(box, now, duration)
            low, high, inside = self._ends(box, now, steps)
            inside &= (steps[0] > 0) & (steps[1] <= room * duration)
            room = np.clip(1.2 * steps[1] / np.where(duration > 0, duration, 1.0), LONGER, LONGEST)
            if self.signal is not None and signal is not None:
                inside &= self.signal.accept(signal, steps, inside)
            cut = np.where(inside, np.minimum(1.0, 1.5 * cut), 0.5 * cut)
            # What a step may reach counts from the step's earliest start: that errs to the safe side.
            kept, start = active[inside], early[inside]
            lowest, highest = margins[0][inside].min(axis=1), margins[1][inside].max(axis=1)
            first_low[kept] = np.minimum(first_low[kept], np.where(highest >= 1.0, start, np.inf))
            sizes = np.maximum(-lowest, highest)
            small_until[kept] = np.minimum(small_until[kept], np.where(sizes > small, start, np.inf))
            deepest[kept] = np.maximum(deepest[kept], -lowest)
            early, late = np.where(inside, early + steps[0], early), np.where(inside, late + steps[1], late)
            self.low = np.where(inside[:, None, None], low, self.low)
            self.high = np.where(inside[:, None, None], high, self.high)
            surely = inside & (self._margins(self.low).max(axis=1) >= 1.0)
            first_high[active[surely]] = late[surely]
            followed[active] = early
            lost = (cut <= SHORTEST) | (margins[0].min(axis=1) <= LOST)
            for run in np.flatnonzero(lost):
                self.overtaking[active[run]] = int(np.argmax(self.high[run]))
            going = ~surely & (early < horizons[active]) & ~lost
            if not going.all():
                active, early, late, cut, room = (part[going] for part in (active, early, late, cut, room))
                now = now.pick(going)
                if active.size == 0:
                    break
                self._select(going)
        ends = (
            np.minimum(first_low, followed) * (1.0 - ROUNDING),
            first_high * (1.0 + ROUNDING) + self.learning_rate,
        )
        small_until = np.minimum(small_until, followed) * (1.0 - ROUNDING)
        rows = zip(*ends, small_until, deepest, followed, strict=True)
        return [MemorizationBracket(Interval(low, high), until, deep, end) for low, high, until, deep, end in rows]

    def _select(self, kept: NDArray[np.bool_]) -> None:
        for name in ("unit", "low", "high", "own", "attracting", "repelling", "leader"):
            setattr(self, name, getattr(self, name)[kept])
        if self.signal is not None:
            self.signal.select(kept)

    def _margins(self, projections: Array) -> Array:
        """V_i of projections in units. shapes: (runs, n, m) -> (runs, N)"""
        per_patch = signed_power(projections, self.setting.degree).sum(axis=2)
        per_point = per_patch.reshape(per_patch.shape[0], -1, self.setting.noise_patches).sum(axis=2)
        return np.asarray(per_point * self.unit[:, None] ** self.setting.degree)

    def _per_row(self, per_point: Array) -> Array:
        """(runs, N) -> (runs, n, 1)"""
        return np.repeat(per_point, self.setting.noise_patches, axis=1)[:, :, None]

    def _first_slopes(self) -> Slopes:
        still = Box(self.low, self.high, self.low, self.high, self.high, np.zeros(()), self.leader)
        if self.signal is None:
            return self._slopes(still, None)
        margins = self._margins(self.low)
        return self._slopes(still, self.signal.advance(np.zeros(self.low.shape[0]), margins, margins))

    def _duration(self, now: Slopes, change: float) -> Array:
        """Time in which some leading projection changes by that share of its size, or the signal by as much."""
        power, size = self.setting.degree - 1, np.abs(self.low)
        lower = np.abs(now.own_low * size**power + now.around_low)
        upper = np.abs(now.own_high * np.abs(self.high) ** power + now.around_high)
        floor = MINOR * size.max(axis=(1, 2))[:, None, None]
        with np.errstate(divide="ignore"):
            steps = change / (np.maximum(lower, upper) / (size + floor)).max(axis=(1, 2))
            if self.signal is not None:
                steps = np.minimum(steps, self.signal.longest_step(change, self._margins(self.low)))
        return np.asarray(steps)

    def _box_around(self, now: Slopes, duration: Array, room: Array) -> Box:
        """Where the step is expected to stay, from the slopes of the step before, with room to spare."""
        power, step = self.setting.degree - 1, (room * duration)[:, None, None]
        sizes = [np.abs(end) ** power for end in (self.low, self.high)]
        moves = now.own_low * sizes[0] + now.around_low, now.own_high * sizes[1] + now.around_high
        spare = PADDING * (now.own_high * np.maximum(*sizes) + now.activity)
        slack = 16.0 * ROUNDING * np.maximum(np.abs(self.low), np.abs(self.high))
        ranges = []
        for start, move in zip((self.low, self.high), moves, strict=True):
            ranges += [start + step * (np.minimum(move, 0.0) - spare) - slack]
            ranges += [start + step * (np.maximum(move, 0.0) + spare) + slack]
        delay = np.zeros(())
        if self.learning_rate > 0.0:
            delay = self.learning_rate * (np.maximum(np.abs(moves[0]), np.abs(moves[1])) + spare)
        # The leader goes exactly this far, and the time it takes is bracketed; or the other way round.
        moved = np.maximum(0.5 * (moves[0] + moves[1]), 0.0) * duration[:, None, None]
        enough = np.maximum(RESOLVED * np.abs(self.low), 3.0 * (self.high - self.low))
        pinned = self.leader & (self.low > 0) & (moved > enough)
        exact = (self.low, self.high + moved) * 2
        ends = [np.where(pinned, end, other) for end, other in zip(exact, ranges, strict=True)]
        return Box(ends[0], np.maximum(ends[3], ends[1]), ends[1], ends[2], ends[3], delay, pinned)

    def _times(self, box: Box, now: Slopes, duration: Array) -> tuple[Array, Array]:
        """Shortest and longest time in which the leader gets to the end of its range; inf where it may not."""
        power, pick = self.setting.degree - 2, box.pinned
        clocked = pick.any(axis=(1, 2))
        times = duration.copy(), duration.copy()
        if not clocked.any():
            return times
        near = (np.broadcast_to(box.delay, pick.shape) / np.where(pick, self.low, 1.0))[pick]
        shortest, longest = crossing_times(
            (self.low[pick], self.high[pick]), box.own_high_top[pick], near, now.pick(pick), power
        )
        times[0][clocked], times[1][clocked] = shortest, longest
        return times

    def _slopes(self, box: Box, leader: LeaderStep | None) -> Slopes:
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
        others = self._per_row(margins[1]) - unit * signed_power(high, degree)
        held = self._pull(others + unit * signed_power(box.own_low_top + box.delay, degree), z[1], upper=False)
        own_low = self.own * np.maximum(held, least)
        others = self._per_row(margins[0]) - unit * signed_power(low, degree)
        held = self._pull(others + unit * signed_power(box.own_high_bottom - box.delay, degree), z[0], upper=True)
        own_high = self.own * np.minimum(held, most)
        around_low = towards[0] + away[0] - ROUNDING * activity
        around_high = towards[1] + away[1] + ROUNDING * activity
        own_low, own_high = own_low * (1.0 - ROUNDING), own_high * (1.0 + ROUNDING)
        return Slopes(own_low, around_low, own_high, around_high, activity)

    def _pull(self, margin: Array, signal: Array | None, *, upper: bool) -> Array:
        """ψ̃ at noise margins, shape (runs, …), and signal margins z, shape (runs,); relative to V = 0 without
        z."""
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

    def _ends(self, box: Box, now: Slopes, steps: tuple[Array, Array]) -> tuple[Array, Array, NDArray[np.bool_]]:
        """The two curves at the end of the step, and per run whether they stayed in the ranges assumed."""
        power = self.setting.degree - 2
        times = steps[0][:, None, None], np.where(np.isfinite(steps[1]), steps[1], 0.0)[:, None, None]
        own_low, own_high = (box.low, box.own_low_top), (-box.own_high_top, -box.own_high_bottom)
        low = grown(self.low, own_low, box.delay, now.own_low, now.around_low, times, power)
        high = -grown(-self.high, own_high, box.delay, -now.own_high, -now.around_high, times, power)
        with np.errstate(invalid="ignore"):
            inside = ((low >= box.low) & (high <= box.own_high_top)) | box.pinned
        low = np.where(box.pinned, box.own_high_top, np.minimum(low, box.own_low_top))
        high = np.where(box.pinned, box.own_high_top, np.maximum(high, box.own_high_bottom))
        return low, high, np.asarray(inside.all(axis=(1, 2)))
