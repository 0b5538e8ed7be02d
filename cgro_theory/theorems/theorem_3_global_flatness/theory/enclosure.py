"""Enclosures of a network's loss and input gradient over the cubes of a grid, and of what they bound.

Over a cube with centre c and half-side e every quantity is enclosed by its value at c and a bound of its
derivative on the cube, which is itself obtained by interval bounds of the tanh units and of the one-dimensional
terms they are made of. Nothing is sampled. Float rounding is covered by ``_rounding``.

From these follow both ends of the gap, of the flatness and of the losses: the ball of radius r around any point of
a cube contains the centres that are at most r - s/2 away from the cube's own, and lies in the cubes whose centres
are at most r + s away (s: the side).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from cgro_theory.claims import Interval, StatedAssumption
from cgro_theory.errors import require_integer

from .periodic_network import PeriodicNetwork

Floats = NDArray[np.float64]
_CHUNK_ENTRIES = 400_000
"""Cells times units that are held at once."""
_SLACK = 1e-9
"""Covers rounding in the weighted sums: weights add up to 1 within 1e-12, terms are summed pairwise."""
SMOOTH_LOSS = StatedAssumption(
    "smooth loss",
    "ℓ∘f has bounded second derivatives in x",
    "by construction: ℓ is the sigmoid of -y·f, f of tanh units of periodic features, or a sine",
)


@dataclass(frozen=True, eq=False)
class LossFields:
    """What is known of ℓ(·, +1) over each cube; the loss at label -1 is 1 minus it. All of shape (cells,)*D.

    Attributes:
        loss_low, loss_high: enclose ℓ(x, +1) for all x of the cube.
        centre_loss_low, centre_loss_high: enclose ℓ at the cube's centre.
        gradient_low, gradient_high: enclose ‖∇ₓℓ(x)‖₁ for all x of the cube.
        centre_gradient: a lower bound of it at the centre: what sampling sees.
        curvature_high: an upper bound of ‖∇²ₓℓ‖_(∞→1) over the cube.
        centre_curvature: a lower bound of it at the centre.
    """

    cells: int
    loss_low: Floats
    loss_high: Floats
    centre_loss_low: Floats
    centre_loss_high: Floats
    gradient_low: Floats
    gradient_high: Floats
    centre_gradient: Floats
    curvature_high: Floats
    centre_curvature: Floats


def enclose_loss(network: PeriodicNetwork, cells: int) -> LossFields:
    """Enclose ℓ and its derivatives over ``cells``^D equal cubes. Error O(1/cells); time O(cells^D · W · D²)."""
    require_integer("cells", cells, 1)
    dimension, width = network.input_dimension, len(network.biases)
    shape = (cells,) * dimension
    rows = max(1, _CHUNK_ENTRIES // (width * cells ** (dimension - 1)))
    parts = [_chunk(network, cells, range(start, min(start + rows, cells))) for start in range(0, cells, rows)]
    joined = [np.concatenate(field).reshape(shape) for field in zip(*parts, strict=True)]
    return LossFields(cells, *joined)


def _chunk(network: PeriodicNetwork, cells: int, rows: range) -> tuple[Floats, ...]:
    """The nine fields over the cubes whose first index is in ``rows``."""
    dimension, half = network.input_dimension, 0.5 / cells
    centres = (np.arange(cells) + 0.5) / cells
    picked = [centres[rows.start : rows.stop], *[centres] * (dimension - 1)]
    slack = _rounding(network)

    def along(axis: int, table: Floats) -> Floats:
        shape = [1] * dimension + [table.shape[1]]
        shape[axis] = table.shape[0]
        return table.reshape(shape)

    tables = [[network.axis_terms(k, picked[k], order) for order in range(3)] for k in range(dimension)]
    # Over a cube: |T'| <= |T'(c)| + sup|T''|·e, and |T''| <= |T''(c)| + sup|T'''|·e.
    first = [along(k, np.abs(tables[k][1]) + network.axis_bound(k, 2) * half) for k in range(dimension)]
    second = [along(k, np.abs(tables[k][2]) + network.axis_bound(k, 3) * half) for k in range(dimension)]
    inner = network.biases + sum(along(k, tables[k][0]) for k in range(dimension))
    reach = half * sum(first)

    saturation = np.tanh(inner)
    steep = 1.0 - saturation**2
    nearest = np.tanh(np.maximum(np.abs(inner) - reach, 0.0))
    steep_high = 1.0 - nearest**2
    bend_high = 2.0 * np.tanh(np.abs(inner) + reach) * steep_high
    outputs, sizes = network.outputs, np.abs(network.outputs)

    value = saturation @ outputs + network.offset
    slopes, curves, curve_highs = [], {}, {}
    for k in range(dimension):
        slopes.append((steep * along(k, tables[k][1])) @ outputs)
    for k, other in itertools.combinations_with_replacement(range(dimension), 2):
        at_centre = -2.0 * saturation * steep * along(k, tables[k][1]) * along(other, tables[other][1])
        on_cube = bend_high * first[k] * first[other]
        if k == other:
            at_centre = at_centre + steep * along(k, tables[k][2])
            on_cube = on_cube + steep_high * second[k]
        curves[k, other] = curves[other, k] = at_centre @ outputs
        curve_highs[k, other] = curve_highs[other, k] = on_cube @ sizes + slack
    return _fields(value, slopes, curves, curve_highs, half, slack)


def _fields(
    value: Floats,
    slopes: list[Floats],
    curves: dict[tuple[int, int], Floats],
    curve_highs: dict[tuple[int, int], Floats],
    half: float,
    slack: float,
) -> tuple[Floats, ...]:
    """From f, ∇f and ∇²f at the centres and sup|∇²f| on the cubes to the enclosures of the loss."""
    axes = range(len(slopes))
    change = [half * sum(curve_highs[k, other] for other in axes) + slack for k in axes]
    slope_highs = [np.abs(slopes[k]) + change[k] for k in axes]
    slope_lows = [np.maximum(np.abs(slopes[k]) - change[k], 0.0) for k in axes]
    reach = half * sum(slope_highs) + slack

    size = np.abs(value)
    near, far = np.maximum(size - reach, 0.0), size + reach
    gain_high, gain_low = _gain(near) + slack, np.maximum(_gain(far) - slack, 0.0)
    tilt_high = np.tanh(far / 2.0)
    gradient_high = gain_high * sum(slope_highs)
    gradient_low = gain_low * sum(slope_lows)
    at_centre = np.maximum(_gain(size) * sum(np.abs(slope) for slope in slopes) - slack, 0.0)
    curvature_high = gain_high * sum(
        tilt_high * slope_highs[k] * slope_highs[other] + curve_highs[k, other] for k in axes for other in axes
    )
    # ∇²ℓ(·, +1) = σ'(f)·[tanh(f/2) ∇f ∇fᵀ - ∇²f], with σ' the slope of the sigmoid.
    tilt, gain = np.tanh(value / 2.0), _gain(size)
    hessian = {
        (k, other): gain * (tilt * slopes[k] * slopes[other] - curves[k, other]) for k in axes for other in axes
    }
    curvature = np.maximum(_norm_from_box(hessian, len(slopes)) - slack, 0.0)
    return (
        np.maximum(_loss(value + reach) - slack, 0.0),
        np.minimum(_loss(value - reach) + slack, 1.0),
        np.maximum(_loss(value) - slack, 0.0),
        np.minimum(_loss(value) + slack, 1.0),
        gradient_low,
        gradient_high,
        at_centre,
        curvature_high,
        curvature,
    )


def _norm_from_box(matrix: dict[tuple[int, int], Floats], size: int) -> Floats:
    """‖H‖_(∞→1) = max over sign vectors s of ‖H s‖₁, entry by entry of the fields."""
    best: Floats = np.zeros(())
    for signs in itertools.product((1.0, -1.0), repeat=size - 1):
        full = (1.0, *signs)
        rows = [np.abs(sum(matrix[k, other] * full[other] for other in range(size))) for k in range(size)]
        best = np.maximum(best, sum(rows))
    return best


def _loss(value: Floats) -> Floats:
    return np.asarray(0.5 - 0.5 * np.tanh(0.5 * value))


def _gain(size: Floats) -> Floats:
    """σ'(f) = 1/(4 cosh²(f/2)), falling in |f|."""
    return np.asarray(0.25 * (1.0 - np.tanh(0.5 * size) ** 2))


def _rounding(network: PeriodicNetwork) -> float:
    """Bounds the rounding of every float above: 10^4 units in the last place of the largest intermediate value."""
    dimension = network.input_dimension
    largest = [sum(float(np.max(network.axis_bound(k, order))) for k in range(dimension)) for order in range(3)]
    inner = 1.0 + float(np.max(np.abs(network.biases))) + largest[0]
    scale = (1.0 + abs(network.offset) + float(np.sum(np.abs(network.outputs)))) * (
        inner + largest[1] ** 2 + largest[2]
    )
    return 1e4 * float(np.finfo(float).eps) * scale


def reach_inside(radius: float, cells: int) -> int:
    """How many cubes away a centre may be to lie in the r-ball of every point of the cube; -1 for none."""
    return math.floor(radius * cells - 0.5 - 1e-9)


def reach_outside(radius: float, cells: int) -> int:
    """How many cubes away a cube may be to meet the r-ball of some point of the cube."""
    return math.floor(radius * cells + 1.0 + 1e-9)


def ball_maximum(values: Floats, reach: int) -> Floats:
    """The maximum over all indices at most ``reach`` away in each axis, cyclic; reach >= 0."""
    for axis in range(values.ndim):
        if 2 * reach + 1 >= values.shape[axis]:
            values = np.broadcast_to(values.max(axis=axis, keepdims=True), values.shape)
        elif reach > 0:
            values = maximum_filter1d(values, 2 * reach + 1, axis=axis, mode="wrap")
    return np.asarray(values)


def maximum_over_ball(
    low: Floats, centre: Floats, high: Floats, radius: float, cells: int
) -> tuple[Floats, Floats]:
    """Per cube, both ends of max_(‖ξ‖∞<=r) g(x + ξ) for all x of the cube.

    ``low`` and ``high`` enclose g over each cube; ``centre`` is a lower bound of g at its centre.
    """
    inside = reach_inside(radius, cells)
    bottom = low if inside < 0 else np.maximum(low, ball_maximum(centre, inside))
    top = high if radius == 0.0 else ball_maximum(high, reach_outside(radius, cells))
    return bottom, top


def robust_loss(fields: LossFields, radius: float) -> tuple[Floats, Floats]:
    """Both ends of ℓ_δ over each cube, per class (labels +1, -1). shape: (2,) + (cells,)*D each"""
    plus = maximum_over_ball(fields.loss_low, fields.centre_loss_low, fields.loss_high, radius, fields.cells)
    minus = maximum_over_ball(
        1.0 - fields.loss_high, 1.0 - fields.centre_loss_high, 1.0 - fields.loss_low, radius, fields.cells
    )
    return np.stack([plus[0], minus[0]]), np.stack([plus[1], minus[1]])


def max_gradient_norm(fields: LossFields, radius: float) -> tuple[Floats, Floats]:
    """Both ends of F_r over each cube: from below what a search over centres finds, from above certified."""
    return maximum_over_ball(
        fields.gradient_low, fields.centre_gradient, fields.gradient_high, radius, fields.cells
    )


def max_curvature(fields: LossFields, radius: float) -> tuple[Floats, Floats]:
    """Both ends of max_(‖ξ‖∞<=r) ‖∇²ℓ(x + ξ)‖_(∞→1) over each cube."""
    return maximum_over_ball(
        np.zeros_like(fields.curvature_high),
        fields.centre_curvature,
        fields.curvature_high,
        radius,
        fields.cells,
    )


def mean_over(weights: Floats, ends: tuple[Floats, Floats]) -> Interval:
    """Both ends of a weighted mean; ``weights`` and fields broadcast (no class axis: the same for both)."""
    scale = 1.0 + float(np.max(np.abs(ends[1])))
    low, high = (float(np.sum(weights * end)) for end in ends)
    return Interval(low - _SLACK * scale, high + _SLACK * scale)


def difference(left: Interval, right: Interval) -> Interval:
    """left - right, rounded outward."""
    return Interval(left.low - right.high, left.high - right.low).outward()


def attack_gain_bound(perturbation_radius: float, mean_gradient: Interval, mean_curvature: Interval) -> Interval:
    """Both ends of δ·E‖∇ℓ‖₁ - ½δ²·E max‖∇²ℓ‖_(∞→1), the least that an attack gains (theory.md 4.1).

    ``perturbation_radius`` δ >= 0; the means are in loss per length and per length squared. Rounded outward.
    """
    first, second = perturbation_radius, 0.5 * perturbation_radius**2
    return difference(
        Interval(first * mean_gradient.low, first * mean_gradient.high).outward(),
        Interval(second * mean_curvature.low, second * mean_curvature.high).outward(),
    )
