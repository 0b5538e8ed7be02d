"""How fast the distance between a candidate and the true flow may grow, in floats (theory.md 8.3).

The prover proposes bounds with it, a little wider than it thinks is needed; :mod:`checker` judges them by code of
its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from cgro_theory.errors import CgroError

from .taylor import Array, ReducedFlow


class NotCompleted(CgroError):
    """The certificate could not be completed; the message says at which time and why."""


@dataclass(frozen=True)
class Bounds:
    """Bounds of |true - candidate| for x, a float, and b, shape (n, m)."""

    clock: float
    moved: Array


class GrowthRate:
    """Bounds of the partial derivatives of the right-hand side over a box: |distance|' <= rate(distance).

    ``slack``: relative room, per degree, that is left to the checker's wider boxes.
    """

    def __init__(
        self, flow: ReducedFlow, clock: tuple[float, float], low: Array, high: Array, slack: float
    ) -> None:
        q, samples = flow.degree, flow.setting.num_samples
        self.flow, self.scale = flow, q / samples
        signal = flow.signal(clock[1]), flow.signal(clock[0])
        noise = tuple(flow.per_point((end**q).sum(axis=-1)) for end in (low, high))
        least, most = (flow.gains[:, None] * z + v for z, v in zip(signal, noise, strict=True))
        nearest = np.where((least < 0) & (most > 0), 0.0, np.minimum(np.abs(least), np.abs(most)))
        steepest, flattest = (expit(m) * expit(-m) for m in (nearest, np.maximum(-least, most)))
        weights, gains = flow.weights, flow.gains
        pulls = weights @ expit(-most), weights @ expit(-least)
        falls = weights @ flattest, weights @ steepest
        neurons = flow.signs * clock[0] + np.where(flow.signs > 0, 0.0, -(clock[1] - clock[0])) + flow.offsets
        turn = -flow.exponent * float((neurons ** (flow.exponent - 1.0)).sum())
        slow = flow.signs * clock[1] + np.where(flow.signs > 0, 0.0, clock[1] - clock[0]) + flow.offsets
        least_turn = -flow.exponent * float((slow ** (flow.exponent - 1.0)).sum())
        self.size = np.maximum(np.abs(low), np.abs(high))
        smallest = np.where((low < 0) & (high > 0), 0.0, np.minimum(np.abs(low), np.abs(high)))
        up, down = high ** (q - 2), low ** (q - 2)
        slow_pull, fast_pull, flat, steep = (part[flow.point][:, None] for part in (*pulls, *falls))
        own_high = (q - 1) * np.where(up > 0, fast_pull, slow_pull) * up - q * flat * smallest ** (2 * q - 2)
        own_low = (q - 1) * np.where(down > 0, slow_pull, fast_pull) * down - q * steep * self.size ** (2 * q - 2)
        # The two terms cancel where a point is just memorized; the room is a share of each.
        terms = (q - 1) * fast_pull * self.size ** (q - 2) + q * steep * self.size ** (2 * q - 2)
        own_high, own_low = own_high + q * slack * terms, own_low - q * slack * terms
        self.own, self.own_size = own_high, np.maximum(np.abs(own_high), np.abs(own_low))
        self.of_margin = self.size ** (q - 1) * steep
        self.of_clock = self.size ** (q - 1) * ((weights * gains) @ steepest)[flow.point][:, None] * turn
        clock_scale = q * (q - 2) / samples
        # Of the signal's contraction, a product of balls, the checker may miss a tenth.
        self.clock_of_clock = -0.9 * clock_scale * float(((weights * gains**2) @ flattest).sum()) * least_turn
        self.clock_of_margin = clock_scale * ((weights * gains) @ steepest)

    def __call__(self, bounds: Bounds) -> tuple[Bounds, Bounds]:
        """The rate of growth of the bounds, and the sum of the sizes of its terms."""
        flow, q = self.flow, self.flow.degree
        held = flow.coupling.diagonal()[:, None] * bounds.moved
        reached = np.abs(flow.coupling) @ bounds.moved
        margins = q * self.size ** (q - 1) * reached
        totals = flow.per_point(margins.sum(axis=-1))
        rest = self.own_size * (reached - held) + self.of_clock * bounds.clock
        rest = rest + self.of_margin * (totals[flow.point][:, None] - margins)
        rest_of_clock = float(self.clock_of_margin @ totals)
        own, own_of_clock = self.own * held, self.clock_of_clock * bounds.clock
        rate = Bounds(own_of_clock + rest_of_clock, self.scale * (own + rest))
        size = Bounds(abs(own_of_clock) + rest_of_clock, self.scale * (np.abs(own) + rest))
        return rate, size
