"""The robust memorizer of theory.md 3.1: a clean classifier, N balls, and a gate, as one ReLU circuit.

Blocks and their structural counts (edges + biases; the gate and the output have no bias):

====== ================================================================= ==========================
p      per training point                                                the whole network
====== ================================================================= ==========================
inf    box 2D(1+1), indicator 2D+1                                       W_clean + N(6D+4) + 4
1      abs 2D(1+1), excess 2D+1, indicator 1+1                           W_clean + N(6D+6) + 4
2      abs 2D(1+1), M tents D(2+2+1), M sums 2D+[1], excess bias,        W_clean + N((7M+6)D + M+6) + 4
       first sum 2D, indicator 1+1
====== ================================================================= ==========================

In each the output layers add 3 edges per point (two gate units, one output) and 4 around the clean
classifier. For p = 2 the running sums keep the network layered, which costs 2D + M edges per point more than
reading every tent at the end.

Every rounding goes to the safe side: faces of boxes outward, the ramp inward. The ramp is also at most δ
wide: with a wider one (theory.md 3.1 has only γ) a ramp can cover clean points of the other class, and then
the clean error grows (a negative control of ``clean_test_error`` builds exactly this).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cgro_theory.errors import InvalidInput, require_finite, require_integer

from .circuit import INPUT, Block, Circuit, block, fully_stored
from .clean_classifier import CLEAN
from .training_set import TrainingSet, require_norm, require_radius

Array = NDArray[np.float64]

_RAMP_MARGIN = 1.0 - 2.0**-40  # the ramp ends this much early, so that rounded faces cannot reach past it


@dataclass(frozen=True, eq=False)
class Memorizer:
    """A built CGRO network and what it was built for.

    ``ramp_width`` is the distance over which an indicator falls from 1 to 0; ``clean_bound`` is B;
    ``squarings`` is M (0 unless p = 2); ``clean_wrong_on`` lists training points that the clean classifier
    alone gets wrong: allowed, the balls repair them.
    """

    circuit: Circuit
    data: TrainingSet
    perturbation_radius: float
    norm_order: float
    ramp_width: float
    clean_bound: float
    squarings: int
    clean: Circuit
    clean_wrong_on: tuple[int, ...]


def memorize(
    data: TrainingSet,
    perturbation_radius: float,
    norm_order: float,
    clean: Circuit,
    *,
    ramp_width: float | None = None,
) -> Memorizer:
    """Build the robust memorizer around ``clean`` for the balls of radius δ in the p-norm, p in {1, 2, inf}.

    The ramp is min(γ, δ) wide, γ = (smallest distance of opposite labels) - 2δ, or ``ramp_width`` in (0, γ].
    B bounds |f_clean| on the hull of all balls and ramps, by intervals. Raises :class:`InvalidInput` when
    opposite labels are not more than 2δ apart, naming the two points and the largest admissible radius.
    """
    order = require_norm(norm_order)
    radius = float(perturbation_radius)
    gap = require_radius(perturbation_radius, data, order).distance - 2.0 * radius
    if ramp_width is None:
        ramp_width = min(gap, radius)
    elif not 0.0 < require_finite("ramp_width", ramp_width) <= gap:
        raise InvalidInput("ramp_width", ramp_width, f"in (0, {gap!r}]")
    if clean.input_dimension != data.input_dimension or clean.blocks[-1].name != CLEAN:
        raise InvalidInput("clean classifier", clean.input_dimension, f"on {data.input_dimension} inputs")
    ramp = _shortened(ramp_width, data.points, radius)
    reach = radius + ramp
    low, high = data.points.min(axis=0) - reach, data.points.max(axis=0) + reach
    bounds = clean.interval(low[None, :], high[None, :])
    clean_bound = math.nextafter(max(float(bounds.high[0]), -float(bounds.low[0]), 0.0), math.inf)
    squarings = 0
    if order == math.inf:
        indicators = _box_indicators(data.points, radius, ramp)
    elif order == 1.0:
        indicators = _taxicab_indicators(data.points, radius, ramp)
    else:
        squarings = squarings_needed(data.points, radius, ramp)
        indicators = _euclidean_indicators(data.points, radius, ramp, squarings)
    circuit = Circuit(
        data.input_dimension, (*clean.blocks, *indicators, *_output_blocks(data.labels, clean_bound))
    )
    wrong = np.flatnonzero(data.labels * clean.evaluate(data.points) <= 0.0)
    return Memorizer(
        circuit, data, radius, order, ramp_width, clean_bound, squarings, clean, tuple(int(i) for i in wrong)
    )


def _shortened(ramp_width: float, points: Array, radius: float) -> float:
    """The ramp less what the rounding of faces and distances could eat of the gap (at most half of it)."""
    size = float(np.max(np.abs(points))) + radius
    lost = (points.shape[1] + 64) * 2.0**-50 * points.shape[1] * size
    return float(max(ramp_width / 2.0, ramp_width * _RAMP_MARGIN - lost))


def _output_blocks(labels: Array, clean_bound: float) -> tuple[Block, ...]:
    """ReLU(f - B S) - ReLU(-f - B S) + Σ y_i I_i: 3N + 4 edges and no bias."""
    gate = {CLEAN: csr_array([[1.0], [-1.0]]), "indicator": fully_stored(np.full((2, labels.size), -clean_bound))}
    output = {"gate": csr_array([[1.0, -1.0]]), "indicator": fully_stored(labels[None, :])}
    return (
        block("gate", True, gate, [0.0, 0.0], has_bias=False),
        block("output", False, output, [0.0], has_bias=False),
    )


def _faces(points: Array, radius: float) -> tuple[Array, Array]:
    """The faces c - δ and c + δ rounded outward, and exact where floats can be (two-sum's error decides)."""
    ends = []
    for sign in (-1.0, 1.0):
        total = points + sign * radius
        part = total - points
        error = (points - (total - part)) + (sign * radius - part)
        ends.append(np.where(sign * error > 0.0, np.nextafter(total, sign * math.inf), total))
    return ends[0], ends[1]


def _box_indicators(points: Array, radius: float, ramp: float) -> tuple[Block, ...]:
    """I_i = ReLU(1 - s_i/γ), s_i the l1 distance to the box: 1 on it, 0 at l-inf distance δ+γ of the centre."""
    count, dimension = points.shape
    low, high = _faces(points, radius)
    biases = np.stack([-high, low], axis=2).reshape(-1)
    slopes = _rows_of_units(np.full(2 * dimension, -1.0 / ramp), count)
    return (
        block("box", True, {INPUT: _sign_units(count, dimension)}, biases),
        block("indicator", True, {"box": slopes}, np.ones(count)),
    )


def _taxicab_indicators(points: Array, radius: float, ramp: float) -> tuple[Block, ...]:
    """I_i = ReLU(1 - ReLU(t_i - δ)/γ) with t_i = ‖x - c_i‖_1 from 2D units."""
    count, dimension = points.shape
    biases = np.stack([-points, points], axis=2).reshape(-1)
    return (
        block("abs", True, {INPUT: _sign_units(count, dimension)}, biases),
        block("excess", True, {"abs": _rows_of_units(np.ones(2 * dimension), count)}, np.full(count, -radius)),
        block("indicator", True, {"excess": _diagonal(count, -1.0 / ramp)}, np.ones(count)),
    )


def _scale(points: Array, radius: float, ramp: float) -> float:
    """R: a power of two >= every |x_k - c_ik| for x in any ball or its ramp, so dividing by R is exact."""
    extent = float(np.max(np.ptp(points, axis=0))) + 2.0 * (radius + ramp)
    return 2.0 ** math.ceil(math.log2(math.nextafter(extent, math.inf)))


def squarings_needed(points: Array, radius: float, ramp: float) -> int:
    """The smallest M >= 1 with D R² 4^-(M+1) <= γ(2δ+γ)/2: the sawtooth's error leaves half of the ramp."""
    room = ramp * (2.0 * radius + ramp) / 2.0
    error = points.shape[1] * _scale(points, radius, ramp) ** 2 / 4.0
    squarings = 1
    while error / 4.0**squarings > room:
        squarings += 1
        if squarings > 200:
            raise InvalidInput("perturbation_radius", radius, "large enough for squares in float64")
    return squarings


def _euclidean_indicators(points: Array, radius: float, ramp: float, squarings: int) -> tuple[Block, ...]:
    """I_i falls from 1 at t_i = δ² + E to 0 at (δ+γ)², where ‖x-c_i‖² <= t_i <= ‖x-c_i‖² + E.

    The sawtooth interpolates a convex function, so it errs upward only: the ramp needs no -E at its far end.
    """
    count, dimension = points.shape
    scale = _scale(points, radius, ramp)
    error = dimension * scale**2 * 4.0 ** -(squarings + 1)
    start = math.nextafter(radius**2 * (1.0 + 2.0**-50) + error, math.inf)
    width = ((radius + ramp) ** 2 - start) * _RAMP_MARGIN
    if not width > 0.0:
        raise InvalidInput("perturbation_radius", radius, "smaller: its gap is lost in the rounding of squares")
    biases = np.stack([-points, points], axis=2).reshape(-1)
    sums = sawtooth_blocks(count, dimension, scale, squarings)
    last = sums[-1]
    excess = block("excess", True, {e.source: e.weights for e in last.incoming}, np.full(count, -start))
    return (
        block("abs", True, {INPUT: _sign_units(count, dimension)}, biases),
        *sums[:-1],
        excess,
        block("indicator", True, {"excess": _diagonal(count, -1.0 / width)}, np.ones(count)),
    )


def sawtooth_blocks(count: int, dimension: int, scale: float, squarings: int) -> tuple[Block, ...]:
    """Blocks from ``abs`` (|x-c| in two parts) to R² Σ_k g_M(|x_k - c_k|/R), the last one affine (``sum.M``).

    g_M(z) = z - Σ_{m<=M} 4^-m T^m(z), T(z) = 2 ReLU(z) - 4 ReLU(z - 1/2) the tent (Yarotsky 2017). The sums
    stay non-negative, so ReLU leaves them alone. All weights are powers of two when ``scale`` is.
    """
    units = count * dimension
    tent_bias = np.tile([0.0, -0.5], units)
    has_bias = np.tile([False, True], units)
    blocks = [
        block("tent.1", True, {"abs": _pairs(units, 1.0 / scale, 1.0 / scale)}, tent_bias, has_bias),
        block(
            "sum.0",
            True,
            {"abs": _rows_of_units(np.full(2 * dimension, scale), count)},
            np.zeros(count),
            has_bias=False,
        ),
    ]
    for stage in range(1, squarings + 1):
        step = scale**2 * 4.0**-stage
        edges = {
            f"sum.{stage - 1}": _diagonal(count, 1.0),
            f"tent.{stage}": _rows_of_units(np.tile([-2.0 * step, 4.0 * step], dimension), count),
        }
        is_last = stage == squarings
        if not is_last:
            tent = {f"tent.{stage}": _pairs(units, 2.0, -4.0)}
            blocks.append(block(f"tent.{stage + 1}", True, tent, tent_bias, has_bias))
        blocks.append(block(f"sum.{stage}", not is_last, edges, np.zeros(count), has_bias=False))
    return tuple(blocks)


def squaring_circuit(squarings: int) -> Circuit:
    """g_M on [0, 1] alone, made of the memorizer's own blocks: D = N = 1, centre 0, R = 1."""
    stages = require_integer("squarings", squarings, 1, 200)
    units = block("abs", True, {INPUT: _sign_units(1, 1)}, [0.0, 0.0])
    return Circuit(1, (units, *sawtooth_blocks(1, 1, 1.0, stages)))


def _sign_units(count: int, dimension: int) -> Any:
    """Edges +x_k and -x_k into unit pairs, for each point and coordinate. shape: (2ND, D)"""
    units = 2 * count * dimension
    columns = np.tile(np.repeat(np.arange(dimension), 2), count)
    weights = np.tile([1.0, -1.0], count * dimension)
    return csr_array((weights, columns, np.arange(units + 1)), shape=(units, dimension))


def _rows_of_units(weights: Array, count: int) -> Any:
    """Row i holds ``weights`` on the i-th group of units. shape: (count, count·len(weights))"""
    size = weights.size
    columns = np.arange(count * size)
    return csr_array((np.tile(weights, count), columns, np.arange(count + 1) * size), shape=(count, count * size))


def _pairs(units: int, first: float, second: float) -> Any:
    """Both rows of pair u hold (first, second) on the pair u below. shape: (2·units, 2·units)"""
    columns = np.repeat(np.arange(2 * units).reshape(-1, 2), 2, axis=0).reshape(-1)
    weights = np.tile([first, second], 2 * units)
    return csr_array((weights, columns, 2 * np.arange(2 * units + 1)), shape=(2 * units, 2 * units))


def _diagonal(count: int, weight: float) -> Any:
    return csr_array((np.full(count, weight), np.arange(count), np.arange(count + 1)), shape=(count, count))
