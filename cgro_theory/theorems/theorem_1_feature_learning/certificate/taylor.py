"""The reduced gradient flow of one drawn network and its Taylor series, in floats (theory.md 2.2.2 and 8.3).

Nothing here is rigorous: the series are candidates, which :mod:`checker` judges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cgro_theory.setting.initial_draw import SubspaceDraw
from cgro_theory.setting.parameters import PatchSetting

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """Taylor coefficients at one state, lowest order first.

    Attributes:
        clock: x = u^(2-q) of the leading signal neuron, which falls as the signal grows. shape: (K + 1,)
        moved: b, how much more of its noise patch each neuron holds than at the start. shape: (K + 1, n, m)
        projections: s_kr = y_k <w_r, ξ_k>. shape: (K + 1, n, m)
    """

    clock: Array
    moved: Array
    projections: Array


class ReducedFlow:
    """dx/dt = -q(q-2) g(x, V) and db_kr/dt = (q/N) ψ̃_i(x, V) s_kr^(q-1) with s = s(0) + H b, for odd q.

    H_kl = y_k y_l <ξ_k, ξ_l>; g and ψ̃ are those of theory.md 2.2.2, V_i sums s_kr^q over the point's patches.
    """

    def __init__(self, setting: PatchSetting, draw: SubspaceDraw) -> None:
        self.setting, self.degree = setting, setting.degree
        signs, factor = np.repeat(draw.labels, setting.noise_patches), draw.noise_factor
        self.coupling: Array = signs[:, None] * (factor @ factor.T) * signs
        self.start: Array = signs[:, None] * (factor @ draw.coordinates.T)
        self.point = np.repeat(np.arange(setting.num_samples), setting.noise_patches)
        u = draw.signal_projections
        self.start_clock = float(u.max() ** (2.0 - self.degree))
        self.signs = np.sign(u)
        self.offsets: Array = np.abs(u) ** (2.0 - self.degree) - self.signs * self.start_clock
        self.gains = np.array([setting.clean_gain, setting.attacked_gain])
        self.weights = np.array([1.0 - setting.adversarial_weight, setting.adversarial_weight])
        self.exponent = -self.degree / (self.degree - 2)

    def projections(self, moved: Array) -> Array:
        """s from b. shapes: (…, n, m)"""
        return np.asarray(self.start + self.coupling @ moved)

    def signal(self, clock: Array | float) -> Array:
        """U from x; any shape."""
        others = np.asarray(clock)[..., None] * self.signs + self.offsets
        return np.asarray((self.signs * others**self.exponent).sum(axis=-1))

    def per_point(self, values: Array) -> Array:
        """The sum over the patches of each point. shapes: (…, n) and (…, N)"""
        patches = self.setting.noise_patches
        return values if patches == 1 else values.reshape(*values.shape[:-1], -1, patches).sum(axis=-1)

    def margins(self, clock: float, projections: Array) -> Array:
        """Clean and attacked margins z + V_i and z̃ + V_i. shape: (2, N)"""
        noise = self.per_point((projections**self.degree).sum(axis=-1))
        return np.asarray(self.gains[:, None] * self.signal(clock) + noise)

    def pulls(self, margins: Array) -> Array:
        """ψ̃_i at margins of shape (2, N), by noise patch. shape: (n,)"""
        return np.asarray(self.weights @ expit(-margins))[self.point]

    def series(self, clock: float, moved: Array, order: int) -> Series:
        """Series up to ``order`` at x > 0 and b, shape (n, m)."""
        q, samples = self.degree, self.setting.num_samples
        n, m = moved.shape
        x, neurons, signal = np.zeros(order + 1), *(np.zeros((order + 1, m)) for _ in range(2))
        b, s = (np.zeros((order + 1, n, m)) for _ in range(2))
        # s^2, s^4, …, s^(q-1)
        powers = np.zeros(((q - 1) // 2, order + 1, n, m))
        margins, psi, falls = (np.zeros((order + 1, 2, samples)) for _ in range(3))
        x[0], b[0] = clock, moved
        for k in range(order + 1):
            past = slice(0, k + 1)
            s[k] = self.coupling @ b[k]
            neurons[k] = self.signs * x[k]
            if k == 0:
                s[0] += self.start
                neurons[0] += self.offsets
                signal[0] = neurons[0] ** self.exponent
            else:
                # From y'w = e y w' for y = w^e.
                factors = self.exponent * np.arange(1, k + 1) - np.arange(k - 1, -1, -1)
                products = np.einsum("j,jr,jr->r", factors, neurons[1 : k + 1], signal[k - 1 :: -1])
                signal[k] = products / (k * neurons[0])
            powers[0, k] = np.einsum("jkr,jkr->kr", s[past], s[k::-1])
            for i in range(1, len(powers)):
                powers[i, k] = np.einsum("jkr,jkr->kr", powers[i - 1, past], powers[0, k::-1])
            noise = self.per_point(np.einsum("jkr,jkr->k", powers[-1, past], s[k::-1]))
            margins[k] = self.gains[:, None] * (self.signs @ signal[k]) + noise
            if k == 0:
                psi[0] = expit(-margins[0])
            else:
                # From ψ' = -ψ(1-ψ) M'.
                rates = np.arange(1.0, k + 1)
                psi[k] = -np.einsum("j,jai,jai->ai", rates, margins[1 : k + 1], falls[k - 1 :: -1]) / k
            falls[k] = psi[k] - np.einsum("jai,jai->ai", psi[past], psi[k::-1])
            if k < order:
                pulls = np.einsum("a,jai->ji", self.weights, psi[past])[:, self.point]
                b[k + 1] = np.einsum("jk,jkr->kr", pulls, powers[-1, k::-1]) * (q / samples / (k + 1))
                x[k + 1] = -q * (q - 2) * float((self.weights * self.gains) @ psi[k].mean(axis=1)) / (k + 1)
        return Series(x, b, s)
