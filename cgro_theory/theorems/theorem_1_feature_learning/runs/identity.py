"""Recursions 2.2.2 of theory.md against the symbolic gradient of L, for every degree q and every sign at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import sympy as sp


class Pull(sp.Function):  # type: ignore[misc]  # sympy has no types
    """ψ(s) = 1/(1+e^s), kept as a symbol."""


class Loss(sp.Function):  # type: ignore[misc]  # sympy has no types
    """ℓ(s) = log(1+e^-s), kept as a symbol that knows its derivative -ψ(s)."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """ℓ'(s) = -ψ(s); checked by :func:`wrong_slopes`."""
        return -Pull(self.args[0])


class Activation(sp.Function):  # type: ignore[misc]  # sympy has no types
    """φ_q(z) = sgn(z)|z|^q of z and q > 1, kept as a symbol that knows its derivative in z."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """φ_q'(z) = q|z|^(q-1), 0 at 0; checked by :func:`wrong_slopes` on both sides of 0."""
        z, degree = self.args
        return degree * sp.Abs(z) ** (degree - 1)


@dataclass(frozen=True)
class SymbolicProblem:
    """What the recursions are made of, as symbols; noise patch k = i J + j, sizes are those of preactivations.

    Attributes:
        degree, weight: q and λ, symbols.
        clean_gain, attacked_gain: α^q and (κα)^q.
        labels, clean_pulls, attacked_pulls: y_i, ψ(z_i), ψ(z̃_i), one per point.
        signal_sizes: |u_r|, one per neuron.
        noise_sizes: |v_kr|, by neuron and noise patch.
        overlaps: <ξ_k, ξ_l>, by noise patches.
    """

    degree: sp.Expr
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
SignedPower = Callable[[int, sp.Expr, sp.Expr], sp.Expr]
"""φ_q(sign · size) from a sign, a size > 0 and q."""


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


def signed_power(sign: int, size: sp.Expr, degree: sp.Expr) -> sp.Expr:
    """φ_q(sign · size) for a size > 0."""
    return sign * size**degree


SLOPES = 3
"""Rules of differentiation that :func:`wrong_slopes` checks."""


def wrong_slopes(power: SignedPower = signed_power) -> int:
    """How many of the rules used by :class:`Loss` and :class:`Activation` fail: ℓ', and φ_q' on each side of 0."""
    s = sp.symbols("s", real=True)
    size, degree = sp.symbols("size q", positive=True)
    wrong = sp.simplify(sp.diff(sp.log(1 + sp.exp(-s)), s) + 1 / (1 + sp.exp(s))) != 0
    for sign in (1, -1):
        slope = sign * sp.diff(power(sign, size, degree), size)
        wrong += sp.simplify(slope - Activation(sign * size, degree).fdiff()) != 0
    return int(wrong)


@cache
def gradient_residuals(
    width: int,
    samples: int,
    noise_patches: int,
    recursions: Recursions = stated_recursions,
    activation: Callable[[sp.Expr, sp.Expr], sp.Expr] = Activation,
) -> int:
    """How many of the m(1 + NJ) projections of -∇L differ symbolically from the recursions, for all q and signs.

    w* is the first coordinate vector and the noise lies in the plane of the other two, with symbolic entries;
    X^adv is the transfer attack. Preactivations are real symbols, and φ_q and |·| stay functions of them, so no
    sign and no degree is singled out. Labels alternate. L is a mean over points and f a sum over neurons and
    patches, so two of each already hold every kind of term: the own one and another's.
    """
    alpha, kappa, degree = sp.symbols("alpha kappa q", positive=True)
    weight = sp.symbols("lambda", positive=True)
    w = [[sp.Symbol(f"w_{r}_{c}", real=True) for c in range(3)] for r in range(width)]
    noise = range(samples * noise_patches)
    xi = [(sp.Symbol(f"x_{k}", real=True), sp.Symbol(f"t_{k}", real=True)) for k in noise]
    y = tuple(1 if i % 2 == 0 else -1 for i in range(samples))
    v = [[row[1] * x + row[2] * t for x, t in xi] for row in w]

    def margin(i: int, strength: sp.Expr) -> sp.Expr:
        own = noise[i * noise_patches : (i + 1) * noise_patches]
        signal = sum(activation(y[i] * strength * row[0], degree) for row in w)
        return y[i] * (signal + sum(activation(row[k], degree) for row in v for k in own))

    clean = [margin(i, alpha) for i in range(samples)]
    attacked = [margin(i, kappa * alpha) for i in range(samples)]
    objective = sum(((1 - weight) * Loss(clean[i]) + weight * Loss(attacked[i])) / samples for i in range(samples))
    problem = SymbolicProblem(
        degree=degree,
        weight=weight,
        clean_gain=alpha**degree,
        attacked_gain=(kappa * alpha) ** degree,
        labels=y,
        clean_pulls=[Pull(each) for each in clean],
        attacked_pulls=[Pull(each) for each in attacked],
        signal_sizes=[sp.Abs(row[0]) for row in w],
        noise_sizes=[[sp.Abs(preactivation) for preactivation in row] for row in v],
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
