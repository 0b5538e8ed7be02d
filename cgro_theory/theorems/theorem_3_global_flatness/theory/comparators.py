"""What stands beside theorem 3's bound: the paper's form as a shape, and trivial bounds; each rounded up."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import flint

from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.numerics.arb import exact, precision, upper_float

from .variation_bound import (
    BITS,
    MAX_DIMENSION,
    log_of_samples,
    require_nonnegative,
    require_positive,
    require_probability,
)

MAX_LEVEL = 4000


@dataclass(frozen=True)
class PaperShape:
    """The paper's form N^(-1/(D+2))·(F + C(D, ℓ)/√Δ), up to a factor that it does not state.

    ``rate`` = N^(-1/(D+2)); ``flatness_part`` = rate·F; ``per_constant`` = rate/√Δ, to be multiplied by the
    unknown C(D, ℓ). No sum is given: without C and the factor hidden in ≲ it is a shape, not a number.
    """

    rate: float
    flatness_part: float
    per_constant: float
    unknown: str = "C(D, ℓ), and the factor hidden in ≲"


@dataclass(frozen=True)
class WassersteinBound:
    """The Lipschitz-Wasserstein bound in units of the loss, and the dyadic level J that attains it."""

    total: float
    level: int


def paper_shape(
    num_samples: int, input_dimension: int, flatness: float, failure_probability: float | Fraction
) -> PaperShape:
    """N^(-1/(D+2))·(F + C(D, ℓ)/√Δ) as a shape: rate and dependence (theory.md 4.1), each part rounded up."""
    with precision(BITS):
        dimension = require_integer("input_dimension", input_dimension, 1, MAX_DIMENSION)
        rate = (-log_of_samples(num_samples) / (dimension + 2)).exp()
        probability = require_probability(failure_probability)
        return PaperShape(
            rate=upper_float(rate),
            flatness_part=upper_float(rate * exact(require_nonnegative("flatness", flatness))),
            per_constant=upper_float(rate / probability.sqrt()),
        )


def hoeffding(num_samples: int, failure_probability: float | Fraction, loss_bound: float = 1.0) -> float:
    """B·√(log(1/Δ)/(2N)): for one f fixed *before* the sample is drawn; it says nothing about a trained f.

    >>> round(hoeffding(1000, 0.05), 6)
    0.038702
    """
    if not 0 < failure_probability < 1:
        raise InvalidInput("failure_probability", failure_probability, "in (0, 1)")
    samples = require_integer("num_samples", num_samples, 1)
    with precision(BITS):
        root = ((1 / exact(failure_probability)).log() / 2).sqrt()
        return upper_float(exact(require_positive("loss_bound", loss_bound)) * root / flint.arb(samples).sqrt())


def lipschitz_wasserstein(
    num_samples: int,
    input_dimension: int,
    lipschitz: float,
    *,
    num_classes: int = 2,
    loss_bound: float = 1.0,
    failure_probability: float | Fraction | None = None,
) -> WassersteinBound:
    """The gap of every f whose loss is ``lipschitz``-Lipschitz in ‖·‖∞, from W1(P, P̂_N) on the unit cube.

    min over J of lip·[2^-J + Σ_(j=1..J) 2^-(j+1)·√(K·2^(jD)/N)] + B·√K/(2√N), plus B·√(log(1/Δ)/(2N)) when a
    probability is given. Proof: with g_j(x) = g(centre of x's dyadic cell of side 2^-j), E_P g - E_P̂ g
    telescopes; |g - g_J| <= lip·2^-(J+1) under both laws, |g_j - g_(j-1)| <= lip·2^-(j+1), and E Σ_Q |P(Q) -
    P̂(Q)| <= √(cells/N); g_0 has one value per label, in a range of B. Its constant is the *largest* slope of the
    loss anywhere, where theorem 3 has an average; the rate is N^(-1/D) for D >= 3.
    """
    samples = require_integer("num_samples", num_samples, 1)
    dimension = require_integer("input_dimension", input_dimension, 1, 10**9)
    classes = require_integer("num_classes", num_classes, 1)
    if require_finite("lipschitz", lipschitz) < 0.0:
        raise InvalidInput("lipschitz", lipschitz, ">= 0")
    with precision(BITS):
        scale = exact(require_positive("loss_bound", loss_bound))
        base = (flint.arb(classes) / samples).sqrt()
        best, level = flint.arb(1), 0
        spread, growth = flint.arb(0), (flint.arb(dimension) / 2 * flint.arb(2).log()).exp()
        term = base / 2
        # The sum grows with J and 2^-J falls: stop once the sum alone is above the best value.
        for step in range(1, MAX_LEVEL):
            term = term * growth / 2
            spread += term
            if spread > best:
                break
            value = spread + exact(Fraction(1, 2**step))
            if value < best:
                best, level = value, step
        total = best * exact(lipschitz) + scale * base / 2
        if failure_probability is not None:
            total += exact(hoeffding(num_samples, failure_probability, loss_bound))
        return WassersteinBound(upper_float(total), level)
