"""The numbers that theorem 2 predicts: counts in exact integers, bounds rounded to the safe side.

Counts are Python integers and never overflow: N and D may be 10^12. The lower bounds are in
:mod:`lower_bound`, the neighbours' in :mod:`neighbours`; this module puts them together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cgro_theory.claims import Interval
from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.numerics.arb import exact, lower_float, precision, upper_float

from .lower_bound import (
    any_graph_bound,
    depth_free_bound,
    hamming_distance,
    log2_parameter_bound,
    packing,
    parameter_bound,
)

CGRO_LAYERS = 4
"""Layers of the memorizer for p = inf around a linear classifier: three of ReLU units, and the output."""


def structural_count(
    num_samples: int, input_dimension: int, norm_order: float, clean_count: int, squarings: int = 0
) -> int:
    """Edges and biases of the memorizer (theory.md 3.1; ``theorem_2.parameter_count``), N, D >= 1.

    p = inf: W_clean + N(6D+4) + 4; p = 1: W_clean + N(6D+6) + 4; p = 2 with M >= 1 squarings:
    W_clean + N((7M+6)D + M+6) + 4.

    >>> structural_count(10**12, 10**12, math.inf, 1)
    6000000000004000000000005
    """
    samples = require_integer("num_samples", num_samples, 1)
    dimension = require_integer("input_dimension", input_dimension, 1)
    clean = require_integer("clean_count", clean_count, 0)
    stages = _stages(norm_order, squarings)
    if norm_order == 2:
        each = (7 * stages + 6) * dimension + stages + 6
    else:
        each = 6 * dimension + (4 if norm_order == math.inf else 6)
    return clean + samples * each + 4


def layer_widths(
    num_samples: int,
    input_dimension: int,
    norm_order: float,
    clean_widths: Sequence[int] = (),
    squarings: int = 0,
) -> tuple[int, ...]:
    """Widths of the padded net, input and output included.

    The memorizer needs 2ND units, then (p = 2) M layers of 2ND + N, then N each until the gate; the clean
    classifier its hidden widths, then 2 to carry its value until the gate layer.
    """
    samples = require_integer("num_samples", num_samples, 1)
    dimension = require_integer("input_dimension", input_dimension, 1)
    stages = _stages(norm_order, squarings)
    pairs = 2 * samples * dimension
    memory = [pairs] + [pairs + samples] * stages + [samples] * (1 if norm_order == math.inf else 2)
    gate = max(len(memory), len(clean_widths)) + 1
    widths = [dimension]
    for layer in range(1, gate + 1):
        own = memory[layer - 1] if layer <= len(memory) else samples
        clean = clean_widths[layer - 1] if layer <= len(clean_widths) else 2
        widths.append(own + clean)
    return (*widths, 1)


def dense_count(
    num_samples: int,
    input_dimension: int,
    norm_order: float,
    clean_widths: Sequence[int] = (),
    squarings: int = 0,
) -> int:
    """Σ_l n_l (n_(l-1) + 1) over the layers of the padded net (``theorem_2.parameter_count``)."""
    widths = layer_widths(num_samples, input_dimension, norm_order, clean_widths, squarings)
    return sum(above * (below + 1) for below, above in itertools.pairwise(widths))


def corner_memorizer_count(input_dimension: int) -> int:
    """K(6D+4) + 5 with K = 2^(D-1): memorizing all corners is robust, so no more is needed."""
    dimension = require_integer("input_dimension", input_dimension, 2, 10**6)
    return structural_count(2 ** (dimension - 1), dimension, math.inf, 1)


def parity_count(input_dimension: int) -> int:
    """Edges and biases of the net of :mod:`parity`: one labelling has a robust net with 9(D-1) parameters."""
    return 9 * (require_integer("input_dimension", input_dimension, 2) - 1)


def sawtooth_error(squarings: int) -> Fraction:
    """sup over [0, 1] of |g_M(x) - x²| = 4^-(M+1) for M >= 1 compositions of the tent, exact (theory.md 3.1).

    Raises :class:`InvalidInput` for other M.

    >>> sawtooth_error(1)
    Fraction(1, 16)
    """
    return Fraction(1, 4 ** (require_integer("squarings", squarings, 1) + 1))


def exact_robust_test_error(num_samples: int, input_dimension: int) -> Fraction:
    """(1 - 1/K)^N with K = 2^(D-1), of N(D-1) bits (theory.md 3.2). :class:`InvalidInput` unless N >= 0, D >= 2.

    >>> exact_robust_test_error(2, 3)
    Fraction(9, 16)
    """
    samples = require_integer("num_samples", num_samples, 0)
    dimension = require_integer("input_dimension", input_dimension, 2)
    return (1 - Fraction(1, 2 ** (dimension - 1))) ** samples


def robust_test_error(num_samples: int, input_dimension: int) -> Interval:
    """(1 - 1/K)^N with K = 2^(D-1), enclosed (``theorem_2.robust_test_error``); N, D up to 10^12.

    As :func:`exact_robust_test_error`, for sizes whose fraction has too many bits.

    >>> robust_test_error(1, 2)
    Interval(low=0.5, high=0.5)
    """
    samples = require_integer("num_samples", num_samples, 0)
    dimension = require_integer("input_dimension", input_dimension, 2, 10**12)
    if samples == 0:
        return Interval.point(1.0)
    if dimension > 4096:
        # Bernoulli: 1 - N/K <= (1 - 1/K)^N <= 1, and here N/K < 2^-1000.
        if samples.bit_length() > dimension - 1100:
            raise InvalidInput("num_samples", num_samples, "far below 2^(D-1) when D > 4096")
        return Interval(math.nextafter(1.0, 0.0), 1.0)
    if samples >= 800 << (dimension - 1):
        # (1 - 1/K)^N <= e^(-N/K) <= e^-800, below the smallest positive float.
        return Interval(0.0, 5e-324)
    with precision(256 + samples.bit_length() + dimension):
        value = exact(1 - Fraction(1, 2 ** (dimension - 1))) ** samples
        return Interval(max(0.0, lower_float(value)), min(1.0, upper_float(value)))


@dataclass(frozen=True)
class Hierarchy:
    """Sizes at one dimension on the hypercube: log2 of the clean, CGRO and robust parameter counts.

    ``log2_robust_lower`` is rounded down and -inf where the bound is vacuous; the others are to nearest.
    """

    input_dimension: int
    log2_clean: float
    log2_cgro: float
    log2_robust_lower: float
    log2_robust_upper: float


def hierarchy(
    num_samples: int, input_dimension: int, error_share: float = 0.0, num_layers: int = CGRO_LAYERS
) -> Hierarchy:
    """clean (f = x_D, one parameter), CGRO, and both bounds of one fixed graph robust for every labelling."""
    dimension = require_integer("input_dimension", input_dimension, 2, 10**6)
    return Hierarchy(
        dimension,
        0.0,
        math.log2(structural_count(num_samples, dimension, math.inf, 1)),
        log2_parameter_bound(dimension - 1, error_share, num_layers),
        dimension - 1 + math.log2(6 * dimension + 4 + Fraction(5, 2 ** (dimension - 1))),
    )


def hierarchy_dimension(
    num_samples: int,
    error_share: float = 0.0,
    num_layers: int | None = CGRO_LAYERS,
    *,
    perturbation_radius: float = 0.25,
    norm_order: float = math.inf,
    any_graph: bool = False,
) -> int:
    """The least D from which on the robust lower bound exceeds the CGRO net's count at N points.

    For one fixed graph that is robust for every labelling: of ``num_layers`` layers, or of any depth when None.
    With ``any_graph`` (``num_layers`` needed) the graph may depend on the labels: from this D on some labelling
    has no robust net of any graph with as few parameters. About one given labelling either says nothing (see
    :func:`parity_count`). On the hypercube with attack radius δ < 1/2 (p = inf), or on its packing by Hamming
    distance h, h^(1/p) > 2δ (p = 1, 2; the CGRO net then has the p's count).

    Uses the lower bound rounded down, so the true dimension is at most this. For D - 1 >= 8h the bound grows by a
    factor >= 2 (1 - h/D) (1 - 3/D) per dimension, more than the count, so a success there holds for all larger D;
    a scan downwards from one finds the last failure.

    >>> hierarchy_dimension(1797, 0.1), hierarchy_dimension(1797, 0.1, any_graph=True)
    (27, 28)
    """
    samples = require_integer("num_samples", num_samples, 1)
    radius = require_finite("perturbation_radius", perturbation_radius)
    distance = hamming_distance(radius, norm_order)
    squarings = _hypercube_squarings(radius, distance) if norm_order == 2 else None
    if any_graph and num_layers is None:
        raise InvalidInput("num_layers", num_layers, "an integer where the graph may depend on the labels")

    def exceeds(dimension: int) -> bool:
        if distance > dimension - 1:
            return False
        points = packing(dimension, radius, norm_order)
        stages = 0 if squarings is None else squarings(dimension)
        cgro = structural_count(samples, dimension, norm_order, 1, stages)
        if num_layers is None:
            return depth_free_bound(points, error_share) > cgro
        if any_graph:
            return any_graph_bound(points, dimension, error_share, num_layers) > cgro
        return parameter_bound(points, error_share, num_layers) > cgro

    dimension = 8 * distance + 1
    while not exceeds(dimension):
        dimension += max(1, dimension // 2)
    while dimension > 2 and exceeds(dimension - 1):
        dimension -= 1
    return dimension


def _hypercube_squarings(radius: float, distance: int) -> Callable[[int], int]:
    """M for the packing in l2: D R² 4^-(M+1) <= γ(2δ+γ)/2 with γ = min(√h - 2δ, δ), R a power of two >= 1 + 4δ."""
    ramp = min(math.sqrt(distance) - 2.0 * radius, radius)
    scale = 2.0 ** math.ceil(math.log2(1.0 + 4.0 * radius))
    room = ramp * (2.0 * radius + ramp) / 2.0
    return lambda dimension: max(1, math.ceil(math.log(dimension * scale**2 / room, 4.0)) - 1)


def _stages(norm_order: float, squarings: int) -> int:
    if norm_order not in (1, 2, math.inf):
        raise InvalidInput("norm_order", norm_order, "1, 2 or inf")
    if norm_order == 2:
        return require_integer("squarings", squarings, 1)
    if squarings != 0:
        raise InvalidInput("squarings", squarings, "0 unless norm_order is 2")
    return 0
