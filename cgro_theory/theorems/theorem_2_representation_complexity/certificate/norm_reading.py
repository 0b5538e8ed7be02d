"""Ball indicators of p = 1 and 2 as read from a circuit, and what they can be on balls."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ..networks.circuit import ROUNDING, TINY, Bounds

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_CACHED_VALUES = 1 << 17  # a block of pairs stays in the processor's cache
_TINY_DISTANCE = 1e-150  # covers underflow of squares; far below any distance that matters


@dataclass(frozen=True, eq=False)
class NormReading:
    """I_j = ReLU(β_j - a_j ReLU(t_j - ρ_j)) with a_j >= 0, and t_j between power and power + ``error``,

    where power is ‖x - c_j‖_1 (``norm_order`` 1, error 0) or ‖x - c_j‖_2² (2) as long as every
    |x_k - c_jk| <= ``reach``. centres c: (N, D); thresholds ρ, slopes a, tops β: (N,); is_read: (N,).
    """

    norm_order: float
    centres: Array
    thresholds: Array
    slopes: Array
    tops: Array
    error: float
    reach: float
    is_read: Flags

    def own(self, points: Array, radius: float) -> Bounds:
        """Bounds of I_j over the ball of radius δ around ``points[j]``, for every j."""
        offset = _distance_up(points, self.centres, self.norm_order)
        top = (offset + radius) * (1.0 + 4 * ROUNDING)
        power = top if self.norm_order == 1.0 else top * top * (1.0 + 2 * ROUNDING)
        excess = (power + self.error) * (1.0 + 2 * ROUNDING) - self.thresholds
        excess = np.maximum(excess + 4 * ROUNDING * (power + np.abs(self.thresholds)), 0.0)
        exact_fit = (offset == 0.0) & self._ends_inside(radius)
        drop = np.where(exact_fit, 0.0, self.slopes * excess * (1.0 + 4 * ROUNDING) + TINY)
        low = np.maximum(np.nextafter(self.tops - drop, -math.inf), 0.0)
        low = np.where(drop == 0.0, np.maximum(self.tops, 0.0), low)
        return Bounds(low, np.maximum(self.tops, 0.0))

    def _ends_inside(self, radius: float) -> Flags:
        """Whether the ball around c_j itself keeps t_j <= ρ_j, decided in exact rationals."""
        size = Fraction(radius) if self.norm_order == 1.0 else Fraction(radius) ** 2
        needed = size + Fraction(self.error)
        known = {value: Fraction(value) >= needed for value in set(self.thresholds.tolist())}
        return np.array([known[value] for value in self.thresholds.tolist()])

    def upper_blocks(
        self, points: Array, radius: float, columns: NDArray[np.intp]
    ) -> Iterator[tuple[slice, Array]]:
        """Blocks of upper bounds of I_j over the balls around ``points``: (rows, matrix); 0 means surely off.

        By the triangle inequality ‖x - c_j‖ >= ‖c_i - c_j‖ - δ, distances rounded down.
        """
        metric = "cityblock" if self.norm_order == 1.0 else "euclidean"
        shrink = 1.0 - (points.shape[1] + 16) * ROUNDING
        thresholds, tops, slopes = self.thresholds[columns], self.tops[columns], self.slopes[columns]
        centres = self.centres[columns]
        rows = max(1, _CACHED_VALUES // max(1, columns.size))
        for at in range(0, len(points), rows):
            part = slice(at, min(at + rows, len(points)))
            apart = cdist(points[part], centres, metric) * shrink - _TINY_DISTANCE
            nearest = np.maximum((apart - radius) - 4 * ROUNDING * (apart + radius), 0.0)
            power = nearest if self.norm_order == 1.0 else nearest * nearest * (1.0 - 4 * ROUNDING)
            excess = (power - thresholds) - 4 * ROUNDING * (power + np.abs(thresholds))
            drop = slopes * np.maximum(excess, 0.0) * (1.0 - 4 * ROUNDING) - TINY
            value = np.maximum(tops - drop + 4 * ROUNDING * np.abs(tops) + TINY, 0.0)
            yield part, np.where(drop >= tops, 0.0, value)

    def covers(self, points: Array, radius: float, columns: NDArray[np.intp]) -> Flags:
        """Whether the reading holds on the balls around ``points``: coordinates stay within ``reach``."""
        if math.isinf(self.reach):
            return np.ones(columns.size, dtype=bool)
        centres = self.centres[columns]
        extent = np.maximum(points.max(axis=0) - centres, centres - points.min(axis=0)).max(axis=1)
        return np.asarray((extent + radius) * (1.0 + 8 * ROUNDING) <= self.reach)


def _distance_up(points: Array, centres: Array, norm_order: float) -> Array:
    """Upper bounds of ‖points_i - centres_i‖ for matching rows; exactly 0 where the rows are equal."""
    gaps = np.abs(points - centres)
    total = gaps.sum(axis=1) if norm_order == 1.0 else np.sqrt((gaps * gaps).sum(axis=1))
    enlarged = total * (1.0 + (points.shape[1] + 16) * ROUNDING)
    return np.asarray(np.where(np.all(gaps == 0.0, axis=1), 0.0, enlarged + _TINY_DISTANCE))
