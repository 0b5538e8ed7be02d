"""Recursions 2.2.2 of theory.md against the symbolic gradient of L, monomial by monomial."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import sympy as sp


class Pull(sp.Function):  # type: ignore[misc]
    """ψ(s) = 1/(1+e^s), kept as a symbol."""


class Loss(sp.Function):  # type: ignore[misc]
    """ℓ(s) = log(1+e^-s), kept as a symbol that knows its derivative -ψ(s)."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """ℓ'(s) = -ψ(s); checked by :func:`loss_slope_residual`."""
        return -Pull(self.args[0])


@dataclass(frozen=True)
class SymbolicProblem:
    """What the recursions are made of, as symbols; noise patch k = i J + j, sizes are those of preactivations.

    Attributes:
        degree, weight: q and λ.
        clean_gain, attacked_gain: α^q and (κα)^q.
        labels, clean_pulls, attacked_pulls: y_i, ψ(z_i), ψ(z̃_i), one per point.
        signal_sizes: |u_r|, one per neuron.
        noise_sizes: |v_kr|, by neuron and noise patch.
        overlaps: <ξ_k, ξ_l>, by noise patches.
    """

    degree: int
    weight: sp.Expr
    clean_gain: sp.Expr
    attacked_gain: sp.Expr
    labels: tuple[int, ...]
    clean_pulls: Sequence[sp.Expr]
    attacked_pulls: Sequence[sp.Expr]
    signal_sizes: Sequence[sp.Expr]
    noise_sizes: Sequence[Sequence[sp.Expr]]
    overlaps: Sequence[Sequence[sp.Expr]]


Moves = tuple[list[sp.Expr], list[list[sp.Expr]]]
"""How u_r and v_kr move in a step of size 1, by neuron, and by neuron and noise patch."""
Recursions = Callable[[SymbolicProblem], Moves]


def stated_recursions(problem: SymbolicProblem) -> Moves:
    """The recursions of theory.md 2.2.2."""
    q, weight, points = problem.degree, problem.weight, range(len(problem.labels))
    clean, attacked = problem.clean_pulls, problem.attacked_pulls
    gain = sum(
        (1 - weight) * problem.clean_gain * clean[i] + weight * problem.attacked_gain * attacked[i] for i in points
    )
    pulls = [problem.labels[i] * ((1 - weight) * clean[i] + weight * attacked[i]) for i in points]
    patches = len(problem.overlaps) // len(points)
    noise = [
        [
            sum(pulls[k // patches] * q * size ** (q - 1) * overlap[k] for k, size in enumerate(sizes))
            / len(points)
            for overlap in problem.overlaps
        ]
        for sizes in problem.noise_sizes
    ]
    return [q * size ** (q - 1) * gain / len(points) for size in problem.signal_sizes], noise


def loss_slope_residual() -> sp.Expr:
    """d/ds log(1+e^-s) + 1/(1+e^s), simplified; 0 when the rule used by :class:`Loss` is right."""
    s = sp.symbols("s", real=True)
    return sp.simplify(sp.diff(sp.log(1 + sp.exp(-s)), s) + 1 / (1 + sp.exp(s)))


@cache
def gradient_residuals(
    degree: int, width: int, samples: int, noise_patches: int, recursions: Recursions = stated_recursions
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
    return sum(_residuals(degree, width, samples, noise_patches, recursions, pattern) for pattern in chosen)


def _residuals(
    degree: int, width: int, samples: int, noise_patches: int, recursions: Recursions, pattern: tuple[int, ...]
) -> int:
    alpha, kappa, weight = sp.symbols("alpha kappa lambda", positive=True)
    w = [[sp.Symbol(f"w_{r}_{c}", real=True) for c in range(3)] for r in range(width)]
    noise = range(samples * noise_patches)
    xi = [(sp.Symbol(f"x_{k}", real=True), sp.Symbol(f"t_{k}", real=True)) for k in noise]
    y = tuple(1 if i % 2 == 0 else -1 for i in range(samples))
    sign = dict(zip(itertools.product(range(width), range(1 + len(noise))), pattern, strict=True))
    v = [[w[r][1] * x + w[r][2] * t for x, t in xi] for r in range(width)]

    def output(strength: sp.Expr, i: int) -> sp.Expr:
        # The signal patch is strength · y_i · w*; for even q phi_q is odd through the label, not the power.
        signal = sum(
            y[i] * strength**degree * sign[r, 0] ** (degree + 1) * w[r][0] ** degree for r in range(width)
        )
        own = noise[i * noise_patches : (i + 1) * noise_patches]
        return signal + sum(sign[r, 1 + k] ** (degree + 1) * v[r][k] ** degree for r in range(width) for k in own)

    clean = [y[i] * output(alpha, i) for i in range(samples)]
    attacked = [y[i] * output(kappa * alpha, i) for i in range(samples)]
    objective = sum(((1 - weight) * Loss(clean[i]) + weight * Loss(attacked[i])) / samples for i in range(samples))
    problem = SymbolicProblem(
        degree=degree,
        weight=weight,
        clean_gain=alpha**degree,
        attacked_gain=(kappa * alpha) ** degree,
        labels=y,
        clean_pulls=[Pull(margin) for margin in clean],
        attacked_pulls=[Pull(margin) for margin in attacked],
        signal_sizes=[sign[r, 0] * w[r][0] for r in range(width)],
        noise_sizes=[[sign[r, 1 + k] * v[r][k] for k in noise] for r in range(width)],
        overlaps=[[xi[k][0] * xi[el][0] + xi[k][1] * xi[el][1] for k in noise] for el in noise],
    )
    signal_moves, noise_moves = recursions(problem)
    differing = 0
    for r in range(width):
        descent = [-sp.diff(objective, coordinate) for coordinate in w[r]]
        differing += sp.expand(descent[0] - signal_moves[r]) != 0
        for k in noise:
            differing += sp.expand(descent[1] * xi[k][0] + descent[2] * xi[k][1] - noise_moves[r][k]) != 0
    return differing
