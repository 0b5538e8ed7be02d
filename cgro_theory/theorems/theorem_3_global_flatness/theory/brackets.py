"""Both ends of the gap, of the flatness and of the losses, from enclosures over cubes: no sampling helps a bound.

The ball of radius r around any point of a cube contains the centres that are at most r - s/2 away from the cube's
own, and lies in the cubes whose centres are at most r + s away (s: the side).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from cgro_theory.claims import Interval
from cgro_theory.theorems.theorem_3_global_flatness.theory.enclosure import LossFields

Floats = NDArray[np.float64]
_SLACK = 1e-9
"""Covers rounding in the weighted sums: weights add up to 1 within 1e-12, terms are summed pairwise."""


@dataclass(frozen=True, eq=False)
class Weights:
    """How much each cube weighs: population masses and sample shares, per class. shape: (2,) + (cells,)*D each."""

    population: Floats
    sample: Floats


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
