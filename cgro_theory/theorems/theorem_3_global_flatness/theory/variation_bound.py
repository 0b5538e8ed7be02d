"""The explicit bound of TV(P, P̂_h) (theory.md 4.2), rounded up, in Arb: no size under- or overflows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import flint

from cgro_theory.claims import Condition
from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.numerics.arb import exact, precision, upper_float

BITS = 256
MAX_DIMENSION = 10**9
MAX_BANDWIDTH = 0.5
"""The sampling term is that of a box that does not overlap itself on the unit torus: 2h <= 1."""
NARROW_KERNEL = Condition(
    "narrow kernel",
    "0 < h and 2 * h <= 1",
    "the box does not overlap itself on the unit torus; beyond, the sampling term is too small",
)
"""h: the bandwidth of the smoothed sample."""


@dataclass(frozen=True)
class DensitySmoothness:
    """What the bound needs to know of the data's law on the unit torus.

    ``gradient_variation`` is Σ_y π_y ∫‖∇p_y‖₁ (>= 0, per unit length); ``class_weights`` are the π_y (sum 1).
    """

    gradient_variation: float
    class_weights: tuple[float, ...] = (0.5, 0.5)

    def __post_init__(self) -> None:
        if require_finite("gradient_variation", self.gradient_variation) < 0.0:
            raise InvalidInput("gradient_variation", self.gradient_variation, ">= 0")
        for weight in self.class_weights:
            if not 0.0 < require_finite("class_weights", weight) <= 1.0:
                raise InvalidInput("class_weights", weight, "each in (0, 1]")
        if not self.class_weights or abs(math.fsum(self.class_weights) - 1.0) > 1e-12:
            raise InvalidInput("class_weights", self.class_weights, "positive, with sum 1")


def expected_total_variation(
    num_samples: int,
    input_dimension: int,
    bandwidth: float | Fraction,
    density: DensitySmoothness,
) -> float:
    """E TV(P, P̂_h) <= ½[h·D/(D+1)·Σ π_y∫‖∇p_y‖₁ + (N h^D)^(-1/2)·2^(-D/2)·Σ√π_y] (theory.md 4.2), rounded up.

    N >= 1, 1 <= D <= 10^9, 0 < h <= 1/2: beyond, the box overlaps itself on the torus and the formula is false.
    A value above 1 says nothing (TV <= 1).

    >>> round(expected_total_variation(1000, 1, 0.5, DensitySmoothness(0.0)), 6)
    0.022361
    """
    with precision(BITS):
        log_samples = log_of_samples(num_samples)
        return upper_float(expected_variation_ball(log_samples, input_dimension, bandwidth, density))


def total_variation_bound(
    num_samples: int,
    input_dimension: int,
    bandwidth: float | Fraction,
    density: DensitySmoothness,
    failure_probability: float | Fraction,
) -> float:
    """TV(P, P̂_h) <= :func:`expected_total_variation` + √(log(1/Δ)/(2N)) with probability 1 - Δ, rounded up.

    By bounded differences: one sample moves TV by at most 1/N (theory.md 4.2). Δ in (0, 1); else as there.
    """
    with precision(BITS):
        log_samples = log_of_samples(num_samples)
        expected = expected_variation_ball(log_samples, input_dimension, bandwidth, density)
        return upper_float(expected + deviation_ball(log_samples, failure_probability))


def log_of_samples(num_samples: int) -> flint.arb:
    """log N as a ball, N >= 1 of any size."""
    return flint.arb(require_integer("num_samples", num_samples, 1)).log()


def expected_variation_ball(
    log_samples: flint.arb,
    input_dimension: int,
    bandwidth: float | Fraction,
    density: DensitySmoothness,
) -> flint.arb:
    """The bound of E TV as a ball, from log N; checks that 0 < h <= 1/2."""
    if not 0 < bandwidth <= MAX_BANDWIDTH:
        raise InvalidInput("bandwidth", bandwidth, "in (0, 1/2]: the kernel must not overlap itself on the torus")
    return variation_ball(log_samples, input_dimension, exact(bandwidth), density)


def variation_ball(
    log_samples: flint.arb,
    input_dimension: int,
    bandwidth: flint.arb,
    density: DensitySmoothness,
) -> flint.arb:
    """The bound of E TV as a ball, from log N and a ball h in (0, 1/2], which the caller has checked."""
    dimension = require_integer("input_dimension", input_dimension, 1, MAX_DIMENSION)
    mean_shift = exact(Fraction(dimension, dimension + 1))
    bias = bandwidth * mean_shift * exact(density.gradient_variation)
    log_spread = -(log_samples + dimension * (2 * bandwidth).log()) / 2
    return (bias + log_spread.exp() * root_sum(density)) / 2


def root_sum(density: DensitySmoothness) -> flint.arb:
    """Σ_y √π_y as a ball."""
    total = flint.arb(0)
    for weight in density.class_weights:
        total += exact(weight).sqrt()
    return total


def deviation_ball(log_samples: flint.arb, failure_probability: float | Fraction, grid_size: int = 1) -> flint.arb:
    """√(log(G/Δ)/(2N)) as a ball: for G bandwidths fixed in advance at once."""
    count = require_integer("grid_size", grid_size, 1)
    log_term = (count / require_probability(failure_probability)).log()
    return (log_term / 2).sqrt() * (-log_samples / 2).exp()


def require_probability(value: float | Fraction) -> flint.arb:
    """Δ in (0, 1) as an exact ball, else :class:`InvalidInput`."""
    if not 0 < value < 1:
        raise InvalidInput("failure_probability", value, "in (0, 1)")
    return exact(value)


def require_positive(name: str, value: float) -> float:
    """``value`` as a float > 0, else :class:`InvalidInput`."""
    if require_finite(name, value) <= 0.0:
        raise InvalidInput(name, value, "> 0")
    return float(value)


def require_nonnegative(name: str, value: float) -> float:
    """``value`` as a float >= 0, else :class:`InvalidInput`."""
    if require_finite(name, value) < 0.0:
        raise InvalidInput(name, value, ">= 0")
    return float(value)
