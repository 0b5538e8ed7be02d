"""The best bandwidth, and the N from which theorem 3's explicit bound says something."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import flint

from cgro_theory.errors import InvalidInput, require_integer
from cgro_theory.numerics.arb import Truth, exact, less, precision, upper_float

from .bounds import Flatness, slope_ball
from .variation_bound import (
    BITS,
    MAX_BANDWIDTH,
    MAX_DIMENSION,
    DensitySmoothness,
    deviation_ball,
    expected_variation_ball,
    log_of_samples,
    require_nonnegative,
    require_positive,
    root_sum,
    variation_ball,
)


def rate_bandwidth(num_samples: int, input_dimension: int) -> float:
    """h = N^(-1/(D+2)), to nearest: the choice behind the paper's rate. Above 1/2 when N < 2^(D+2)."""
    samples = require_integer("num_samples", num_samples, 1)
    dimension = require_integer("input_dimension", input_dimension, 1, MAX_DIMENSION)
    return math.exp(-math.log(samples) / (dimension + 2))


def optimal_bandwidth(
    num_samples: int,
    input_dimension: int,
    flatness: float,
    density: DensitySmoothness,
    *,
    loss_bound: float = 1.0,
) -> float:
    """The h in (0, 1/2] that minimizes the expected global form for a number F, to nearest.

    min(1/2, (D·c/(2A))^(2/(D+2))·N^(-1/(D+2))) with A = F + B·D/(2(D+1))·V and c = B·2^(-D/2-1)·Σ√π_y. It
    depends on F: when F depends on the sample, use bandwidths fixed in advance or a realized TV (theory.md 4.2).
    """
    with precision(BITS):
        return float(
            optimal_bandwidth_ball(
                log_of_samples(num_samples), input_dimension, flatness, density, loss_bound
            ).mid()
        )


def log10_samples_until_below(
    input_dimension: int,
    flatness: Flatness,
    density: DensitySmoothness,
    *,
    loss_bound: float = 1.0,
    failure_probability: float | Fraction | None = None,
    bandwidths: Sequence[float] | None = None,
    perturbation_radius: float = 0.0,
    level: float | None = None,
) -> float:
    """log10 of an N from which on the explicit global form is below ``level`` (B by default): vacuous until there.

    Without ``bandwidths`` F is a number, valid for radii up to 1/2, and h the best one for it at each N; as h then
    depends on that number only, the bound holds for all f of this flatness at once. With ``bandwidths``, fixed
    before the data, F may be a function of the radius, and Δ is shared among them. The safe end of a bisection in
    log N: at this N and every larger one the bound is below the level by Arb's comparison; the relative excess is
    below 1e-15. 0.0 when one sample is enough, inf when no N is (the grid of h is too coarse).
    """
    with precision(BITS):
        scale = exact(require_positive("loss_bound", loss_bound))
        target = scale if level is None else exact(require_positive("level", level))
        count = 1 if bandwidths is None else len(bandwidths)
        if bandwidths is None and callable(flatness):
            raise InvalidInput("flatness", flatness, "a number unless bandwidths are given")
        if count == 0:
            raise InvalidInput("bandwidths", bandwidths, "at least one")

        def below(log_samples: flint.arb) -> bool:
            deviation = flint.arb(0)
            if failure_probability is not None:
                deviation = deviation_ball(log_samples, failure_probability, count)
            for width, slope in choices(log_samples):
                variation = variation_ball(log_samples, input_dimension, width, density)
                if less(width * slope + scale * (variation + deviation), target) is Truth.TRUE:
                    return True
            return False

        fixed = [
            (exact(width), slope_ball(width, flatness, input_dimension, perturbation_radius, local=False))
            for width in bandwidths or ()
        ]
        for width in bandwidths or ():
            expected_variation_ball(flint.arb(0), input_dimension, width, density)  # checks the domain of h

        def choices(log_samples: flint.arb) -> list[tuple[flint.arb, flint.arb]]:
            if bandwidths is not None or callable(flatness):
                return fixed
            best = optimal_bandwidth_ball(log_samples, input_dimension, flatness, density, loss_bound).mid()
            return [(best, exact(require_nonnegative("flatness", flatness)))]

        if below(flint.arb(0)):
            return 0.0
        if bandwidths is not None and not below(flint.arb(10) ** 40):
            return math.inf
        low, high = flint.arb(0), flint.arb(1)
        while not below(high):
            low, high = high, 2 * high
        for _ in range(60):
            middle = ((low + high) / 2).mid()
            if below(middle):
                high = middle
            else:
                low = middle
        return upper_float(high / flint.arb(10).log())


def optimal_bandwidth_ball(
    log_samples: flint.arb, input_dimension: int, flatness: float, density: DensitySmoothness, loss_bound: float
) -> flint.arb:
    """The enclosure behind :func:`optimal_bandwidth`, from log N."""
    dimension = require_integer("input_dimension", input_dimension, 1, MAX_DIMENSION)
    scale = exact(require_positive("loss_bound", loss_bound))
    rising = exact(require_nonnegative("flatness", flatness))
    rising += scale * dimension / (2 * (dimension + 1)) * exact(density.gradient_variation)
    half = exact(MAX_BANDWIDTH)
    if not rising > 0:
        return half
    # With u = 2h the falling term is c·u^(-D/2)/√N: no power of two to the D enters.
    falling = scale * root_sum(density) / 2
    log_width = (2 * (dimension * falling / rising).log() - log_samples) / (dimension + 2)
    return half if log_width > 0 else log_width.exp() / 2
