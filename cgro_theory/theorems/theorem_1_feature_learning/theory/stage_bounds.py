"""Bounds of T_I and T_III in closed form, for many draws at once (docs/theory/theorem_1.md, 8.4). Gradient flow.

T_I from both sides and T_III from below, by sums over a few cells of what the draw's largest projections give, so
that 10^5 draws take seconds. They are wider than the enclosures of :mod:`signal` and :mod:`memorization`, which
follow one draw step by step; both hold for κ >= 0 and every λ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.lemmas.theory.common_clock import clock_between

from .conditions import LATEST
from .signal import LARGE_SIGNAL_MARGIN

Array = NDArray[np.float64]

CELLS = 16
"""Cells of the way of the signal's leader, and of the largest noise projection; bounds hold for any number."""
OPPOSITE_AT_MOST = 2.0
"""The bound of the projections y v starts at no less than this share of the opposite ones, -y v."""
SLACK = 1e-9
"""Relative room of every time, far above float64's rounding of some dozen terms and powers."""


@dataclass(frozen=True)
class StageBounds:
    """T_I in [``signal_low``, ``signal_high``] and T_III >= ``memorization_low`` for each draw. shapes: (draws,)

    ``ordered``: whether T_I < T_III follows. An end is inf where the time is, or where nothing is known above it.
    """

    signal_low: Array
    signal_high: Array
    memorization_low: Array

    @property
    def ordered(self) -> NDArray[np.bool_]:
        """Whether T_I < T_III is shown, by T_I <= A < B <= T_III."""
        return np.asarray(self.signal_high < self.memorization_low)


def bound_stages(setting: PatchSetting, projections: Array, signed: Array, gram: Array) -> StageBounds:
    """Bounds of T_I and T_III (units of η·step) of the gradient flow from each draw.

    Args:
        setting: with κ >= 0.
        projections: u_r(0). shape: (draws, m)
        signed: y v(0). shape: (draws, n, m)
        gram: of the noise patches; only the sizes of its entries are used. shape: (draws, n, n)
    """
    with np.errstate(divide="ignore", over="ignore", invalid="ignore", under="ignore"):
        signal, noise = _Signal(setting, projections), _Noise(setting, signed, gram)
        reached = noise.earliest(signal.start, signal.clock)
        last = np.full(projections.shape[0], CELLS)
        slowest, fastest = signal.latest(noise.above(last)), signal.earliest(noise.below(last))
        decided = slowest < reached[:, -1]
        # The noise margins until then are at most those of the first edge that is surely reached later.
        edge = np.where(decided, np.argmax(reached >= slowest[:, None], axis=1), CELLS)
        high = np.where(decided, signal.latest(noise.above(edge)), np.inf)
        # Past the last edge nothing is known of the noise margins.
        low = np.where(decided, signal.earliest(noise.below(edge)), np.minimum(fastest, reached[:, -1]))
        # What leaves the floats is known to be late, and no more; NaN says nothing.
        low, high = np.nan_to_num(np.minimum(low, LATEST)), np.where(high <= LATEST, high, np.inf)
        # Where z(0) may be 1 by rounding alone, only the lower end is 0.
        room = SLACK * signal.start_size
        low = np.where(signal.start + room >= 1.0, 0.0, low)
        high = np.where(signal.start - room >= 1.0, 0.0, high)
        low, high = (np.where(signal.largest <= 0.0, np.inf, end) for end in (low, high))
        return StageBounds(low, high, reached[:, -1])


class _Signal:
    """The signal's side of every draw: U as a function of its leader s = max u_r, on a grid of s."""

    def __init__(self, setting: PatchSetting, projections: Array) -> None:
        self.setting, degree = setting, setting.degree
        self.largest = projections.max(axis=1)
        unit = np.where(self.largest > 0.0, self.largest, 1.0)
        ratio = projections / unit[:, None]
        powers = np.sign(ratio) * np.abs(ratio) ** degree
        others = powers.sum(axis=1) - 1.0
        gain = setting.clean_gain * unit**degree
        self.start, self.start_size = gain * powers.sum(axis=1), gain * np.abs(powers).sum(axis=1)
        # U >= s^q + Σ_others φ_q(u_r(0)), so that this leader has surely brought z to 1.
        top = np.maximum(1.0 / gain - others, 1.0) ** (1.0 / degree) * (1.0 + SLACK)
        self.growth = top[:, None] ** np.linspace(0.0, 1.0, CELLS + 1)
        leader = unit[:, None] * self.growth
        self.clocks = clock_between(leader[:, :-1], leader[:, 1:], degree)
        self.margins = gain[:, None] * self._signal(ratio)
        self.clock = np.where(self.largest > 0.0, self._whole_clock(unit, gain, others), np.inf)

    def _signal(self, ratio: Array) -> Array:
        """U over that of the leader at the start; other projections have moved by the leader's clock (2.2.5)."""
        degree, size, growth = self.setting.degree, np.abs(ratio)[:, None, :], self.growth[:, :, None]
        positive = ratio[:, None, :] > 0.0
        if degree == 2:
            return np.asarray(np.where(positive, (size * growth) ** 2, -((size / growth) ** 2)).sum(axis=2))
        power = degree - 2.0
        ahead, passed = np.expm1(-power * np.log(size)), growth**-power
        left = ahead + np.where(positive, passed, 2.0 - passed)
        moved = np.where(left > 0.0, left, 1.0) ** (-degree / power)
        return np.asarray(np.where(positive, np.minimum(moved, growth**degree), -moved).sum(axis=2))

    def _whole_clock(self, unit: Array, gain: Array, others: Array) -> Array:
        """The clock that is left before z passes LARGE_SIGNAL_MARGIN; all of it for q > 2."""
        degree = self.setting.degree
        if degree > 2:
            return np.asarray(unit ** (2.0 - degree) / (degree * (degree - 2)))
        top = np.maximum(LARGE_SIGNAL_MARGIN / gain - others, 1.0) ** (1.0 / degree)
        return clock_between(unit, unit * top, degree)

    def latest(self, noise: Array) -> Array:
        """When z has surely reached 1, if every V_i <= ``noise`` until then. shape: (draws,)"""
        margins, setting = self.margins, self.setting
        slowest = _gain(setting, np.minimum(margins[:, 1:], 1.0), noise[:, None])
        before = margins[:, :-1] < 1.0 + SLACK
        return np.asarray(np.where(before, self.clocks / slowest, 0.0).sum(axis=1) * (1.0 + SLACK))

    def earliest(self, noise: Array) -> Array:
        """Before when z is below 1, if every V_i >= -``noise`` until then. shape: (draws,)"""
        margins, setting = self.margins, self.setting
        fastest = _gain(setting, margins[:, :-1], -noise[:, None])
        whole = margins[:, 1:] * (1.0 + SLACK) <= 1.0
        return np.asarray(np.where(whole, self.clocks / fastest, 0.0).sum(axis=1) * (1.0 - SLACK))


def _gain(setting: PatchSetting, margin: Array, noise: Array) -> Array:
    """g of theory.md 2.2.2 at the signal margins z when every V_i equals ``noise``."""
    weight, fraction = setting.adversarial_weight, setting.attacked_signal_fraction**setting.degree
    clean = setting.clean_gain * expit(-(margin + noise))
    attacked = setting.attacked_gain * expit(-(fraction * margin + noise))
    return np.asarray((1.0 - weight) * clean + weight * attacked)


class _Noise:
    """The noise's side: bounds of the largest y v and of the largest -y v, one as a function of the other."""

    def __init__(self, setting: PatchSetting, signed: Array, gram: Array) -> None:
        self.setting, degree = setting, setting.degree
        largest, opposite = signed.max(axis=(1, 2)), np.maximum(-signed.min(axis=(1, 2)), 0.0)
        largest = np.maximum(largest, opposite / OPPOSITE_AT_MOST)
        sizes = np.abs(gram)
        norms = np.diagonal(sizes, axis1=1, axis2=2)
        around = np.maximum(sizes.sum(axis=2) - norms, 0.0)
        coupled = np.maximum(opposite / largest, 1.0)[:, None] ** (degree - 1) * around
        row_sum = (norms + coupled).max(axis=1)
        most = setting.noise_patches * setting.width
        end = np.maximum(most ** (-1.0 / degree), largest)
        self.edges = largest[:, None] * (end / largest)[:, None] ** np.linspace(0.0, 1.0, CELLS + 1)
        self.opposite = opposite[:, None] + (coupled.max(axis=1) / row_sum)[:, None] * (
            self.edges - self.edges[:, :1]
        )
        self.highest, self.deepest = most * self.edges**degree, most * self.opposite**degree
        self.needed = (
            setting.num_samples / row_sum[:, None] * clock_between(self.edges[:, :-1], self.edges[:, 1:], degree)
        )

    def above(self, edge: NDArray[np.int64]) -> Array:
        """Every V_i is at most this until the largest y v passes its edge. shape: (draws,)"""
        return np.take_along_axis(self.highest, edge[:, None], axis=1)[:, 0]

    def below(self, edge: NDArray[np.int64]) -> Array:
        """Every V_i is at least minus this until then. shape: (draws,)"""
        return np.take_along_axis(self.deepest, edge[:, None], axis=1)[:, 0]

    def earliest(self, start: Array, clock: Array) -> Array:
        """Before when the largest y v is below each edge; the last one is before T_III. shape: (draws, CELLS + 1)

        ``start``: z(0); ``clock``: what is left of the signal's clock, which bounds the clean loss's share.
        """
        weight, setting = self.setting.adversarial_weight, self.setting
        fraction = setting.attacked_signal_fraction**setting.degree
        clean = (1.0 - weight) * expit(self.deepest[:, 1:] - start[:, None])
        attacked = weight * expit(self.deepest[:, 1:] - fraction * start[:, None])
        by_rate = np.cumsum(self.needed / (clean + attacked), axis=1)
        # All that the clean loss can give while no two points' pulls differ by more than this factor.
        spread = np.exp(self.highest[:, 1:] + self.deepest[:, 1:])
        given = spread * (clock / setting.clean_gain)[:, None]
        beyond = np.exp(self.deepest[:, 1:] - LARGE_SIGNAL_MARGIN) if setting.degree == 2 else 0.0
        slowest = attacked + beyond
        if weight > 0.0 or setting.degree == 2:
            by_clock = np.cumsum(self.needed / slowest, axis=1) - given / slowest[:, :1]
            never = np.zeros_like(given, dtype=bool)
        else:
            by_clock, never = np.zeros_like(given), np.cumsum(self.needed, axis=1) * (1.0 - SLACK) > given
        times = np.minimum(np.fmax(np.fmax(by_rate, by_clock), 0.0), LATEST) * (1.0 - SLACK)
        times = np.where(never, np.inf, times)
        # A draw that starts beyond the last edge has no time for which anything is known.
        times = np.where(self.edges[:, :1] < self.edges[:, -1:], times, 0.0)
        return np.maximum.accumulate(np.concatenate([np.zeros_like(times[:, :1]), times], axis=1), axis=1)
