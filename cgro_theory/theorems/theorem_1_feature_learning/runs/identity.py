"""Recursions 2.2.2 of theory.md against the symbolic gradient of L, monomial by monomial."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import sympy as sp


class Pull(sp.Function):  # type: ignore[misc]
    """ψ(s) = 1/(1+e^s), kept as a symbol."""


class Loss(sp.Function):  # type: ignore[misc]
    """ℓ(s) = log(1+e^-s), kept as a symbol that knows its derivative -ψ(s)."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """ℓ'(s) = -ψ(s); checked by :func:`loss_slope_residual`."""
        return -Pull(self.args[0])


@dataclass(frozen=True)
class RecursionVariant:
    """The recursions as stated, or with one planted mistake."""

    slope_factor_offset: int = 0
    noise_labels: bool = True
    attacked_gain_power_offset: int = 0


def loss_slope_residual() -> sp.Expr:
    """d/ds log(1+e^-s) + 1/(1+e^s), simplified; 0 when the rule used by :class:`Loss` is right."""
    s = sp.symbols("s", real=True)
    return sp.simplify(sp.diff(sp.log(1 + sp.exp(-s)), s) + 1 / (1 + sp.exp(s)))


def gradient_residuals(
    degree: int, width: int, samples: int, noise_patches: int, variant: RecursionVariant
) -> int:
    """How many projections of -∇L differ symbolically from the recursions, over all signs of preactivations.

    w* is the first coordinate vector and the noise lies in the plane of the other two, with symbolic entries;
    X^adv is the transfer attack. Between sign changes sgn(z)|z|^q is s^(q+1) z^q with s = ±1 fixed, so the
    comparison runs over sign patterns of the signal and (for even q, where they matter) of the noise.
    """
    signs_matter = degree % 2 == 0
    total = width * (1 + samples * noise_patches)
    patterns = itertools.product((1, -1), repeat=total) if signs_matter else [(1,) * total]
    # All patterns are too many for even q; the all-equal, alternating and two mixed ones exercise each sign.
    chosen = list(itertools.islice(patterns, 0, None, max(1, 2**total // 4))) if signs_matter else list(patterns)
    return sum(_residuals(degree, width, samples, noise_patches, variant, pattern) for pattern in chosen)


def _residuals(
    degree: int,
    width: int,
    samples: int,
    noise_patches: int,
    variant: RecursionVariant,
    pattern: tuple[int, ...],
) -> int:
    alpha, kappa, weight = sp.symbols("alpha kappa lambda", positive=True)
    w = [[sp.Symbol(f"w_{r}_{c}", real=True) for c in range(3)] for r in range(width)]
    xi = [
        [(sp.Symbol(f"x_{i}_{j}", real=True), sp.Symbol(f"t_{i}_{j}", real=True)) for j in range(noise_patches)]
        for i in range(samples)
    ]
    y = [1 if i % 2 == 0 else -1 for i in range(samples)]
    sign = dict(zip(itertools.product(range(width), range(1 + samples * noise_patches)), pattern, strict=True))

    def activation(z: sp.Expr, r: int, k: int) -> sp.Expr:
        return sign[r, k] ** (degree + 1) * z**degree

    def slope(z: sp.Expr, r: int, k: int) -> sp.Expr:
        return (degree + variant.slope_factor_offset) * (sign[r, k] * z) ** (degree - 1)

    def noise_preactivation(r: int, i: int, j: int) -> sp.Expr:
        return w[r][1] * xi[i][j][0] + w[r][2] * xi[i][j][1]

    def index(i: int, j: int) -> int:
        return 1 + i * noise_patches + j

    def output(strength: sp.Expr, i: int) -> sp.Expr:
        # The signal patch is strength · y_i · w*; for even q phi_q is odd through the label, not the power.
        signal = sum(y[i] * strength**degree * activation(w[r][0], r, 0) for r in range(width))
        noise = sum(
            activation(noise_preactivation(r, i, j), r, index(i, j))
            for r in range(width)
            for j in range(noise_patches)
        )
        return signal + noise

    clean = [y[i] * output(alpha, i) for i in range(samples)]
    attacked = [y[i] * output(kappa * alpha, i) for i in range(samples)]
    objective = sum(((1 - weight) * Loss(clean[i]) + weight * Loss(attacked[i])) / samples for i in range(samples))
    attacked_gain = (kappa * alpha) ** (degree + variant.attacked_gain_power_offset)
    differing = 0
    for r in range(width):
        descent = [-sp.diff(objective, coordinate) for coordinate in w[r]]
        gain = sum(
            (1 - weight) * alpha**degree * Pull(clean[i]) + weight * attacked_gain * Pull(attacked[i])
            for i in range(samples)
        )
        differing += sp.expand(descent[0] - slope(w[r][0], r, 0) * gain / samples) != 0
        for i in range(samples):
            for j in range(noise_patches):
                predicted = sum(
                    (y[k] if variant.noise_labels else 1)
                    * ((1 - weight) * Pull(clean[k]) + weight * Pull(attacked[k]))
                    * slope(noise_preactivation(r, k, el), r, index(k, el))
                    * (xi[k][el][0] * xi[i][j][0] + xi[k][el][1] * xi[i][j][1])
                    for k in range(samples)
                    for el in range(noise_patches)
                )
                along = descent[1] * xi[i][j][0] + descent[2] * xi[i][j][1]
                differing += sp.expand(along - predicted / samples) != 0
    return differing
