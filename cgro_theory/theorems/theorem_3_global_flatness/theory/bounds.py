"""The numbers that theorem 3 predicts (theory.md 4.2), each rounded up, in Arb: no size under- or overflows.

N up to 10^300 and beyond, D up to 10^9, h and Δ down to 10^-300: every function returns a float that is at least
the exact value of its formula, and ``log10`` of it where the float may be infinite. The total variation's bound is
in :mod:`variation_bound`, the best h and the N from which a bound speaks in :mod:`vacuity`, the paper's form and
the trivial bounds in :mod:`comparators`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import flint

from cgro_theory.claims import Condition, StatedAssumption
from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.numerics.arb import exact, precision, upper_float

from .variation_bound import (
    BITS,
    MAX_DIMENSION,
    DensitySmoothness,
    deviation_ball,
    expected_variation_ball,
    log_of_samples,
    require_nonnegative,
    require_positive,
)

BOUNDED_LOSS = Condition("bounded loss", "0 <= l_min and l_max <= B", "ℓ∘f takes values in [0, B]")
"""l_min, l_max: ends of the loss over all inputs and both labels; a total variation costs at most B."""
LIPSCHITZ_LOSS = StatedAssumption(
    "Lipschitz loss",
    "ℓ∘f is Lipschitz in x",
    "by construction: ℓ is the sigmoid of -y·f with smooth f, or piecewise linear",
)

Flatness = float | Callable[[float], float]
"""F as a number, valid at every radius asked for, or an upper bound of it as a function of the radius."""


@dataclass(frozen=True)
class FlatnessBound:
    """An upper bound of the robust generalization gap, in units of the loss, each part rounded up.

    Attributes:
        bandwidth: h.
        flatness_term: h·F, or h·D/(D+1)·F in the local form.
        variation_term: B·TV, or B times the bound of its expectation.
        confidence_term: B·√(log(1/Δ)/(2N)); 0 when TV was realized or the bound is for the expectation.
        total: their sum; inf when no float holds it. ``log10_total`` always does.
        vacuous: whether ``total`` >= B, which every gap satisfies.
    """

    bandwidth: float
    flatness_term: float
    variation_term: float
    confidence_term: float
    total: float
    log10_total: float
    vacuous: bool


def flatness_radius(bandwidth: float, perturbation_radius: float) -> float:
    """r = max(δ, h - δ), the radius of the global form, rounded up; δ, the paper's, whenever h <= 2δ."""
    return max(perturbation_radius, math.nextafter(bandwidth - perturbation_radius, math.inf))


def realized_bound(
    bandwidth: float,
    flatness: Flatness,
    total_variation: float,
    *,
    input_dimension: int,
    perturbation_radius: float,
    loss_bound: float = 1.0,
    local: bool = False,
) -> FlatnessBound:
    """The data-dependent bound from a realized TV(P, P̂_h) in [0, 1]; valid at every h > 0 at once (theory.md 4.2).

    Global form h·E[F_r] + B·TV with r = max(δ, h - δ); ``local``: h·D/(D+1)·mean_S[F_(δ+h)] + B·TV. δ >= 0, B > 0.
    """
    if not 0.0 <= require_finite("total_variation", total_variation) <= 1.0:
        raise InvalidInput("total_variation", total_variation, "in [0, 1]")
    with precision(BITS):
        zero = flint.arb(0)
        slope = slope_ball(bandwidth, flatness, input_dimension, perturbation_radius, local)
        return _assemble(bandwidth, slope, exact(total_variation), zero, loss_bound)


def explicit_bound(
    num_samples: int,
    input_dimension: int,
    bandwidth: float,
    flatness: Flatness,
    density: DensitySmoothness,
    *,
    perturbation_radius: float,
    loss_bound: float = 1.0,
    failure_probability: float | Fraction | None = None,
    local: bool = False,
) -> FlatnessBound:
    """The bound from N, D, h, F, B and the density alone: with E TV, or with TV at probability 1 - Δ.

    Without ``failure_probability`` the TV term is that of the expectation. Domains as in
    :func:`expected_total_variation` and :func:`realized_bound`.
    """
    with precision(BITS):
        log_samples = log_of_samples(num_samples)
        slope = slope_ball(bandwidth, flatness, input_dimension, perturbation_radius, local)
        variation = expected_variation_ball(log_samples, input_dimension, bandwidth, density)
        deviation = flint.arb(0)
        if failure_probability is not None:
            deviation = deviation_ball(log_samples, failure_probability)
        return _assemble(bandwidth, slope, variation, deviation, loss_bound)


def slope_ball(
    bandwidth: float, flatness: Flatness, input_dimension: int, perturbation_radius: float, local: bool
) -> flint.arb:
    """The factor of h: F at the form's radius, times D/(D+1) in the local form."""
    dimension = require_integer("input_dimension", input_dimension, 1, MAX_DIMENSION)
    reach = require_nonnegative("perturbation_radius", perturbation_radius)
    width = require_positive("bandwidth", bandwidth)
    if callable(flatness):
        value = flatness(math.nextafter(reach + width, math.inf) if local else flatness_radius(width, reach))
    else:
        value = flatness
    slope = exact(require_nonnegative("flatness", value))
    return slope * dimension / (dimension + 1) if local else slope


def _assemble(
    bandwidth: float, slope: flint.arb, variation: flint.arb, deviation: flint.arb, loss_bound: float
) -> FlatnessBound:
    scale = exact(require_positive("loss_bound", loss_bound))
    parts = (exact(bandwidth) * slope, scale * variation, scale * deviation)
    total = parts[0] + parts[1] + parts[2]
    value = upper_float(total)
    log10 = upper_float(total.log() / flint.arb(10).log()) if total > 0 else -math.inf
    return FlatnessBound(
        bandwidth=float(bandwidth),
        flatness_term=upper_float(parts[0]),
        variation_term=upper_float(parts[1]),
        confidence_term=upper_float(parts[2]),
        total=value,
        log10_total=log10,
        vacuous=value >= loss_bound,
    )
