"""Networks on periodic features of the torus, as plain arrays, and their loss; needs no torch.

f(x) = c + Σ_j v_j tanh(u_j(x)), u_j(x) = b_j + Σ_k Σ_m [A_jkm cos(2πm x_k) + S_jkm sin(2πm x_k)], m = 1..M, and
ℓ(f, y) = 1/(1 + exp(y f)) in (0, 1): the smooth bounded loss of the margin, B = 1. It is smooth, so that F and the
second-order term exist everywhere; ℓ(x, -y) = 1 - ℓ(x, y), so that ‖∇ₓℓ‖₁ does not depend on the label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LOSS_BOUND = 1.0
"""B of the sigmoid loss."""


@dataclass(frozen=True, eq=False)
class PeriodicNetwork:
    """cosines, sines: (W, D, M); biases: (W,), inside the tanh; outputs: (W,); offset: c."""

    cosines: Floats
    sines: Floats
    biases: Floats
    outputs: Floats
    offset: float

    @property
    def input_dimension(self) -> int:
        """D."""
        return int(self.cosines.shape[1])

    @property
    def frequencies(self) -> Floats:
        """2πm for m = 1..M. shape: (M,)"""
        return np.asarray(2.0 * np.pi * np.arange(1, self.cosines.shape[2] + 1))

    def axis_terms(self, axis: int, x: Floats, order: int = 0) -> Floats:
        """The part of u that depends on x_k, or its derivative of ``order`` 0, 1 or 2. shape: (len(x), W)"""
        rates = self.frequencies
        angles = np.multiply.outer(x, rates) + order * np.pi / 2.0
        scaled = rates**order
        cosines, sines = self.cosines[:, axis] * scaled, self.sines[:, axis] * scaled
        return np.asarray(np.cos(angles) @ cosines.T + np.sin(angles) @ sines.T)

    def axis_bound(self, axis: int, order: int) -> Floats:
        """sup over x_k of the derivative of this order, by the triangle inequality. shape: (W,)"""
        sizes = np.hypot(self.cosines[:, axis], self.sines[:, axis])
        return np.asarray(sizes @ self.frequencies**order)

    def values(self, points: Floats) -> Floats:
        """f at points of shape (n, D). shape: (n,)"""
        inner = self.biases + sum(self.axis_terms(k, points[:, k]) for k in range(self.input_dimension))
        return np.asarray(np.tanh(inner) @ self.outputs + self.offset)
