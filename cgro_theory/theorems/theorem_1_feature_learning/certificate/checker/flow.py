"""The network of the file, and the right-hand side of the reduced flow that trains it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb, arb_series

from .reading import Grid, Refused, document, exact, exactly, floats

INTEGERS = ("patch_dimension", "num_samples", "num_patches", "width", "degree")
NUMBERS = ("signal_strength", "noise_std", "init_std", "attacked_signal_fraction", "adversarial_weight")


class Flow:
    """The network and the right-hand side f, for balls and for series of balls."""

    def __init__(self, data: Any) -> None:
        setting = document(data, "setting")
        if setting.keys() != {*INTEGERS, *NUMBERS} or any(type(setting[name]) is not int for name in INTEGERS):
            raise Refused("the setting has other entries than it should have")
        if any(type(setting[name]) not in (int, float) for name in NUMBERS):
            raise Refused("a number of the setting is none")
        d, self.samples, patches, m, self.q = (setting[name] for name in INTEGERS)
        alpha, self.noise, init, kappa, lam = (exact(setting[name]) for name in NUMBERS)
        self.patches, n = patches - 1, self.samples * (patches - 1)
        if self.q % 2 == 0 or self.q < 3 or not (0 <= lam <= 1 and 0 <= kappa <= 1):
            raise Refused("it is not about an odd q >= 3 and λ and κ in [0, 1]")
        if min(self.samples, self.patches, m) < 1 or d < 1 + n + m or not min(alpha, self.noise, init) > 0:
            raise Refused("the sizes of the setting are not those of a draw")
        self.weights, self.gains = (1 - lam, lam), (alpha**self.q, (kappa * alpha) ** self.q)
        labels, u = exactly(floats(data, "labels", self.samples)), exactly(floats(data, "signal_projections", m))
        factor, coordinates = exactly(floats(data, "noise_factor", n, n)), floats(data, "coordinates", m, n)
        coordinates, residual = exactly(coordinates), exactly(floats(data, "residual_factor", m, m))
        if any(y * y != 1 for y in labels):
            raise Refused("the labels are not signs")
        y = np.repeat(labels, self.patches)[:, None]
        self.coupling, self.start = y * (factor @ factor.T) * y.T, y * (factor @ coordinates.T)
        self.sizes = abs(self.coupling)
        self.gram = coordinates @ coordinates.T + residual @ residual.T
        if not max(u) > 0:
            raise Refused("no u_r(0) > 0")
        self.x, self.sign = max(u) ** (2 - self.q), [1 if value > 0 else -1 for value in u]
        self.offset = [abs(w) ** (2 - self.q) - sign * self.x for w, sign in zip(u, self.sign, strict=True)]
        self.exponent = arb(-self.q) / (self.q - 2)

    def neurons(self, x: Any) -> list[Any]:
        """|u_r|^(2-q) of every neuron."""
        return [sign * x + offset for sign, offset in zip(self.sign, self.offset, strict=True)]

    def signal(self, x: Any) -> Any:
        """U = Σ_r φ_q(u_r)."""
        powers = [(w.log() * self.exponent).exp() for w in self.neurons(x)]
        return sum(sign * power for sign, power in zip(self.sign, powers, strict=True))

    def per_point(self, terms: Grid) -> Any:
        """Sums over the patches and neurons of each point. shape: (N,)"""
        return terms.sum(axis=1).reshape(self.samples, self.patches).sum(axis=1)

    def per_patch(self, values: Sequence[Any]) -> Grid:
        """A value of each point for each of its patches. shape: (n, 1)"""
        return np.repeat(np.fromiter(values, dtype=object), self.patches)[:, None]

    def slope(self, x: arb_series, s: Grid) -> tuple[arb_series, Grid]:
        """f: dx/dt = -q(q-2) g and db_kr/dt = (q/N) ψ̃ s_kr^(q-1), as series."""
        square = s * s
        power = math.prod([square] * ((self.q - 1) // 2))
        signal, gain, pulls = self.signal(x), arb_series([0]), []
        for margin in self.per_point(power * s):
            psi = [
                ((g * signal + margin).exp() + 1).inv() * w for g, w in zip(self.gains, self.weights, strict=True)
            ]
            gain += self.gains[0] * psi[0] + self.gains[1] * psi[1]
            pulls.append((psi[0] + psi[1]) * (arb(self.q) / self.samples))
        return gain * (arb(-self.q * (self.q - 2)) / self.samples), self.per_patch(pulls) * power
