"""Box indicators (p = inf) as read from a circuit, and what they can be on balls."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..networks.circuit import ROUNDING, TINY, Bounds

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_CACHED_VALUES = 1 << 17  # a block of pairs stays in the processor's cache
_DENSE_COORDINATES = 12
_PAIR_COORDINATES = 8


@dataclass(frozen=True, eq=False)
class BoxReading:
    """I_j = ReLU(β_j - Σ_r a_jr ReLU(sign_r x_(k_r) + b_jr)) with all a_jr >= 0: separable and monotone.

    coordinates, signs: (R,), common to all indicators; biases b, slopes a: (N, R); tops β: (N,); is_read: (N,).
    """

    coordinates: NDArray[np.intp]
    signs: Array
    biases: Array
    slopes: Array
    tops: Array
    is_read: Flags

    def own(self, points: Array, radius: float) -> Bounds:
        """Bounds of I_j over the ball of radius δ around ``points[j]``, for every j."""
        low, high = outward_faces(points, radius)
        ends = np.stack([low, -high], axis=2).reshape(points.shape[0], -1)
        tips = np.stack([high, -low], axis=2).reshape(points.shape[0], -1)
        slack = (self.coordinates.size + 8) * ROUNDING
        least = (self.slopes * np.maximum(ends + self.biases, 0.0)).sum(axis=1) * (1.0 - slack)
        most = (self.slopes * np.maximum(tips + self.biases, 0.0)).sum(axis=1) * (1.0 + slack)
        full = np.maximum(self.tops, 0.0)
        dropped = np.maximum(np.nextafter(self.tops - most, -math.inf) - TINY, 0.0)
        kept = np.where(least > 0.0, np.maximum(np.nextafter(self.tops - least, math.inf) + TINY, 0.0), full)
        return Bounds(np.where(most == 0.0, full, dropped), np.minimum(kept, full))

    def upper_blocks(
        self, points: Array, radius: float, columns: NDArray[np.intp]
    ) -> Iterator[tuple[slice, Array]]:
        """Blocks of upper bounds of I_j over the balls around ``points``: (rows, matrix); 0 means surely off.

        A pair of ball and indicator is dropped as soon as the coordinates seen so far switch it off; the
        coordinates with the widest spread come first. Each unit is one addition, so its sign is exact and its
        relative error one rounding; the sum of R terms of one sign errs by a factor within 1 ± (R+2)u.
        """
        low, high = outward_faces(points, radius)
        order = np.argsort(-np.ptp(self.biases[:, 1::2], axis=0), kind="stable")
        first, rest = order[:_DENSE_COORDINATES], order[_DENSE_COORDINATES:]
        plus, minus = (np.ascontiguousarray(self.biases[columns, part::2].T) for part in (0, 1))
        slopes = np.ascontiguousarray(self.slopes[columns].T)
        tops = self.tops[columns]
        shrink = 1.0 - (self.coordinates.size + 8) * ROUNDING
        rows = max(1, _CACHED_VALUES // max(1, columns.size))
        for at in range(0, len(points), rows):
            part = slice(at, min(at + rows, len(points)))
            drop = np.zeros((part.stop - at, columns.size))
            for k in first.tolist():
                for end, bias, slope in (
                    (low[part, k], plus[k], slopes[2 * k]),
                    (-high[part, k], minus[k], slopes[2 * k + 1]),
                ):
                    term = end[:, None] + bias
                    np.maximum(term, 0.0, out=term)
                    term *= slope
                    drop += term
            row, column = np.nonzero(drop * shrink < tops)
            value = drop[row, column]
            for start in range(0, rest.size, _PAIR_COORDINATES):
                ks = rest[start : start + _PAIR_COORDINATES]
                ball, unit = (at + row)[:, None], columns[column][:, None]
                value += (
                    self.slopes[unit, 2 * ks] * np.maximum(low[ball, ks] + self.biases[unit, 2 * ks], 0.0)
                ).sum(axis=1)
                value += (
                    self.slopes[unit, 2 * ks + 1] * np.maximum(self.biases[unit, 2 * ks + 1] - high[ball, ks], 0.0)
                ).sum(axis=1)
                alive = value * shrink < tops[column]
                row, column, value = row[alive], column[alive], value[alive]
                if not row.size:
                    break
            block = np.zeros((part.stop - at, columns.size))
            block[row, column] = np.nextafter(tops[column] - value * shrink, math.inf) + TINY
            yield part, block

    def covers(self, points: Array, radius: float, columns: NDArray[np.intp]) -> Flags:
        """The reading holds everywhere."""
        return np.ones(columns.size, dtype=bool)


def outward_faces(points: Array, radius: float) -> Bounds:
    """Floats at or just outside c - δ and c + δ; equal to them wherever they are floats."""
    ends = []
    for shift in (-radius, radius):
        moved = points + shift
        back = moved - shift
        lost = (points - back) + (shift - (moved - back))  # the exact rounding error (Knuth's two-sum)
        outside = lost < 0.0 if shift < 0.0 else lost > 0.0
        ends.append(np.where(outside, np.nextafter(moved, math.copysign(math.inf, shift)), moved))
    return Bounds(*ends)
