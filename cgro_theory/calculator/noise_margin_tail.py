"""Both-sided bounds of P(|V| > c) for a fresh point's noise margin, in Arb, from the covariance alone.

V = Σ_{r,j} φ_q(g_rj), (g_rj)_r ~ N(0, C) independently for j = 1..J. The bounds are those of this project.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import flint

from cgro_theory.numerics.arb import exact, lower_float, upper_float

Matrix = Sequence[Sequence[float]]


@dataclass(frozen=True)
class TailBounds:
    """Balls whose lower (``low``) and upper (``high``) ends bound P(|V| > c), and where they come from."""

    low: flint.arb
    low_formula: str
    high: flint.arb
    high_terms: tuple[tuple[str, flint.arb, str], ...]


def tail_bounds(threshold: flint.arb, covariance: Matrix, degree: int, noise_patches: int) -> TailBounds:
    """Bounds of P(|V| > c), c >= 0; call within a ``precision`` block.

    From below: given all but one normal direction, {|V| <= c} confines one preactivation, of conditional standard
    deviation s, to an interval of length at most 2c^(1/q); so P(|V| > c) >= erfc(c^(1/q)/(s√2)), with the largest
    s_r = (C^-1)_rr^(-1/2). From above the least of: Chebyshev with the exact Var V; the union bound, |V| > c makes
    some |g_rj| >= (c/(J Σ_r C_rr^(q/2)))^(1/q)·C_rr^(1/2); for odd q hypercontractivity, (p-1)^(pq/2)(√Var V/c)^p.
    """
    one = flint.arb(1)
    largest = max(covariance[r][r] for r in range(len(covariance)))
    if not threshold > 0:
        # Every ball that touches 0 is c = 0: V has a density unless C = 0.
        certain = flint.arb(0) if largest == 0.0 else one
        return TailBounds(certain, "P(|V| > 0)", one, (("certain", one, "P <= 1"),))
    if largest == 0.0:
        zero = flint.arb(0)
        return TailBounds(zero, "V = 0", zero, (("degenerate", zero, "V = 0"),))
    root = threshold ** (one / degree)
    spread = _largest_conditional_deviation(covariance)
    low = (root / (spread * flint.arb(2).sqrt())).erfc() if spread is not None else flint.arb(0)
    formula = "erfc(c^(1/q)/(s√2)), s the largest conditional deviation of a preactivation"
    terms = _upper_terms(threshold, covariance, degree, noise_patches)
    best = min((ball for _, ball, _ in terms), key=upper_float)
    return TailBounds(low, formula if spread is not None else "none: C is singular", best, terms)


def noise_margin_variance(covariance: Matrix, degree: int, noise_patches: int) -> flint.arb:
    """Var V = J Σ_rs E[φ_q(g_r) φ_q(g_s)] as a ball; for q = 3, J Σ_rs (9 C_rr C_ss C_rs + 6 C_rs³).

    With correlation ρ = cos ω each mean is (C_rr C_ss)^(q/2)·q!/(2π)·∫ ±(ρ + cos φ)^q dφ, with sign + for
    |φ| < π - ω and (-1)^(q+1) on the rest of the circle (polar coordinates: 2cos θ cos(θ-ω) = ρ + cos φ,
    φ = 2θ - ω).
    """
    width = len(covariance)
    odd_factorial = math.prod(range(1, 2 * degree, 2))
    total = flint.arb(0)
    for r in range(width):
        total += odd_factorial * exact(covariance[r][r]) ** degree
        for s in range(r):
            if covariance[r][s] != 0.0:
                total += 2 * _pair_mean(covariance[r][r], covariance[s][s], covariance[r][s], degree)
    return noise_patches * total


def _pair_mean(first: float, second: float, shared: float, degree: int) -> flint.arb:
    product = exact(first) * exact(second)
    if not product > 0:
        return flint.arb(0)
    correlation = exact(shared) / product.sqrt()
    if not abs(correlation) < 1:
        # A covariance rounded to floats may touch ±1: there the mean is ±(2q-1)!! times the scale.
        correlation = flint.arb(1 if shared > 0 else -1)
    angle, circle = correlation.acos(), 2 * flint.arb.pi()
    inner = _power_integral(correlation, degree, flint.arb.pi() - angle)
    around = _power_integral(correlation, degree, circle / 2)
    outer = around - inner
    total = inner + outer if degree % 2 else inner - outer
    return (product.sqrt() ** degree) * math.factorial(degree) / circle * total


def _power_integral(correlation: flint.arb, degree: int, end: flint.arb) -> flint.arb:
    """∫_{-end}^{end} (ρ + cos φ)^q dφ by the binomial sum and the recursion of ∫cos^k."""
    cosine, sine = end.cos(), end.sin()
    moments = [2 * end, 2 * sine]
    for order in range(2, degree + 1):
        moments.append(2 * cosine ** (order - 1) * sine / order + moments[order - 2] * (order - 1) / order)
    total = flint.arb(0)
    for order in range(degree + 1):
        total += math.comb(degree, order) * correlation ** (degree - order) * moments[order]
    return total


def _upper_terms(
    threshold: flint.arb, covariance: Matrix, degree: int, noise_patches: int
) -> tuple[tuple[str, flint.arb, str], ...]:
    one, width = flint.arb(1), len(covariance)
    variance = noise_margin_variance(covariance, degree, noise_patches)
    ratio = threshold / variance.sqrt() if variance > 0 else None
    terms = [("Chebyshev", variance / threshold**2, "Var V/c²")]
    sizes = sum((exact(covariance[r][r]).sqrt() ** degree for r in range(width)), flint.arb(0))
    positive = sum(1 for r in range(width) if covariance[r][r] > 0.0)
    reach = (threshold / (noise_patches * sizes)) ** (one / degree)
    union = noise_patches * positive * (reach / flint.arb(2).sqrt()).erfc()
    terms.append(("union", union, "J m erfc((c/(J Σ C_rr^(q/2)))^(1/q)/√2)"))
    if degree % 2 and ratio is not None:
        # Any order p >= 2 is valid; this one is the best up to rounding.
        best = lower_float(ratio ** (flint.arb(2) / degree) / one.exp())
        order = exact(Fraction(max(2.0, 1.0 + min(best, 1e300))))
        moment = ((order - 1).log() * order * degree / 2 - order * ratio.log()).exp()
        terms.append(("hypercontractive", moment, "(p-1)^(pq/2)(√Var V/c)^p"))
    terms.append(("certain", one, "P <= 1"))
    return tuple(terms)


def _largest_conditional_deviation(covariance: Matrix) -> flint.arb | None:
    """max_r (C^-1)_rr^(-1/2); None when the matrix cannot be shown to be invertible and positive."""
    width = len(covariance)
    if all(covariance[r][s] == 0.0 for r in range(width) for s in range(r)):
        return exact(max(covariance[r][r] for r in range(width))).sqrt()
    try:
        inverse = flint.arb_mat([[exact(entry) for entry in row] for row in covariance]).inv()
    except ZeroDivisionError:
        return None
    diagonal = [inverse[r, r] for r in range(width)]
    if not all(entry > 0 for entry in diagonal):
        return None
    return (1 / min(diagonal, key=upper_float)).sqrt()
