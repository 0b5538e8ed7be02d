"""Lower bounds of a trained net's margin over boxes: linear relaxations, with the input split where they fail.

Independent of the memorizer's certificate. Float arithmetic: a box counts only when its bound exceeds a slack
far above the rounding errors of these tiny nets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SLACK = 1e-9


def is_robust_on_box(
    weights: Sequence[Array], biases: Sequence[Array], label: float, low: Array, high: Array, max_boxes: int
) -> bool:
    """Whether y f > 0 is proved on the box [low, high] with at most ``max_boxes`` sub-boxes. low, high: (D,)."""
    lows, highs = low[None, :], high[None, :]
    visited = 0
    while lows.shape[0]:
        visited += lows.shape[0]
        if visited > max_boxes:
            return False
        bound, slopes = _output_bound(weights, biases, label, lows, highs)
        left = ~(bound > _SLACK)
        lows, highs, slopes = lows[left], highs[left], slopes[left]
        middle = (lows + highs) / 2.0
        values = middle.T
        for index, (matrix, bias) in enumerate(zip(weights, biases, strict=True)):
            values = matrix @ values + bias[:, None]
            values = np.maximum(values, 0.0) if index < len(weights) - 1 else values
        if np.any(~(label * values[0] > _SLACK)):
            return False
        axis = np.argmax(np.abs(slopes) * (highs - lows) + 1e-6 * (highs - lows), axis=1)
        rows = np.arange(len(axis))
        first_high, second_low = highs.copy(), lows.copy()
        first_high[rows, axis] = middle[rows, axis]
        second_low[rows, axis] = middle[rows, axis]
        lows, highs = np.vstack([lows, second_low]), np.vstack([first_high, highs])
    return True


def _output_bound(
    weights: Sequence[Array], biases: Sequence[Array], label: float, low: Array, high: Array
) -> tuple[Array, Array]:
    """A lower bound of y f per box and the slopes of the linear function that gives it. low, high: (n, D)."""
    ranges: list[tuple[Array, Array]] = []
    for depth in range(len(weights) - 1):
        below, _ = _backward(weights, biases, depth, weights[depth], biases[depth], ranges, low, high)
        above, _ = _backward(weights, biases, depth, -weights[depth], -biases[depth], ranges, low, high)
        ranges.append((below, -above))
    last = len(weights) - 1
    bound, slopes = _backward(
        weights, biases, last, label * weights[last], label * biases[last], ranges, low, high
    )
    return bound[:, 0], slopes[:, 0]


def _backward(
    weights: Sequence[Array],
    biases: Sequence[Array],
    depth: int,
    rows: Array,
    offsets: Array,
    ranges: Sequence[tuple[Array, Array]],
    low: Array,
    high: Array,
) -> tuple[Array, Array]:
    """Bound ``rows`` · h_depth + ``offsets`` from below by a linear function of x. rows: (r, k) -> (n, r)

    ReLU(z) on [l, u] lies above 0 or z (whichever is nearer) and below u (z - l)/(u - l).
    """
    slopes = np.broadcast_to(rows, (low.shape[0], *rows.shape)).copy()
    constant = np.broadcast_to(offsets, (low.shape[0], rows.shape[0])).copy()
    for layer in range(depth - 1, -1, -1):
        bottom, top = ranges[layer]
        open_units = (bottom < 0.0) & (top > 0.0)
        width = np.where(open_units, top - bottom, 1.0)
        chord = np.where(open_units, top / width, (bottom >= 0.0).astype(float))
        floor = np.where(open_units, (top > -bottom).astype(float), chord)
        lift = np.where(open_units, -bottom * top / width, 0.0)
        negative = np.minimum(slopes, 0.0)
        constant += (negative * lift[:, None, :]).sum(axis=2)
        slopes = np.maximum(slopes, 0.0) * floor[:, None, :] + negative * chord[:, None, :]
        constant += slopes @ biases[layer]
        slopes = slopes @ weights[layer]
    at_worst = np.where(slopes > 0.0, low[:, None, :], high[:, None, :])
    return constant + (slopes * at_worst).sum(axis=2), slopes
