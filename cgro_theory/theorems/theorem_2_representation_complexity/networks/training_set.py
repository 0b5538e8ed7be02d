"""Labelled points and how far apart opposite labels are: the assumption that every ball needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from cgro_theory.errors import InvalidInput, require_finite

from .circuit import ROUNDING, require_points

Array = NDArray[np.float64]

METRICS = {1.0: "cityblock", 2.0: "euclidean", math.inf: "chebyshev"}
_PAIRS_AT_ONCE = 1 << 22


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """N points with labels ±1. points: (N, D) float64; labels: (N,) float64."""

    points: Array
    labels: Array

    @property
    def num_samples(self) -> int:
        """N."""
        return int(self.points.shape[0])

    @property
    def input_dimension(self) -> int:
        """D."""
        return int(self.points.shape[1])


@dataclass(frozen=True)
class Separation:
    """The closest pair of opposite labels: a lower bound of its distance, and which two points.

    ``distance`` is inf and the points are -1 when only one label occurs.
    """

    distance: float
    first: int
    second: int


def training_set(points: Any, labels: Any) -> TrainingSet:
    """Check and freeze a labelled data set. points: (N, D), finite; labels: (N,), each -1 or +1.

    Raises :class:`InvalidInput` on N = 0, D = 0, NaN, other labels, and equal points of opposite labels.
    """
    batch = require_points(points).copy()
    if batch.shape[0] == 0:
        raise InvalidInput("num_samples", 0, ">= 1")
    if batch.shape[1] == 0:
        raise InvalidInput("input_dimension", 0, ">= 1")
    try:
        signs = np.array(labels, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise InvalidInput("labels", labels, "-1 or +1 each") from error
    if signs.size != batch.shape[0]:
        raise InvalidInput("number of labels", signs.size, f"{batch.shape[0]}, one per point")
    bad = np.flatnonzero(~np.isin(signs, (-1.0, 1.0)))
    if bad.size:
        raise InvalidInput(f"label of point {int(bad[0])}", float(signs[bad[0]]), "-1 or +1")
    _refuse_contradictions(batch, signs)
    batch.setflags(write=False)
    signs.setflags(write=False)
    return TrainingSet(batch, signs)


def _refuse_contradictions(points: Array, labels: Array) -> None:
    _, group = np.unique(points + 0.0, axis=0, return_inverse=True)
    group = group.reshape(-1)
    shared = np.intersect1d(group[labels > 0], group[labels < 0])
    if shared.size:
        same = np.flatnonzero(group == shared[0])
        first, second = int(same[labels[same] > 0][0]), int(same[labels[same] < 0][0])
        raise InvalidInput("labels of equal points", f"points {first} and {second}: +1 and -1", "the same")


def separation(data: TrainingSet, norm_order: float) -> Separation:
    """The smallest distance between opposite labels in the p-norm, p in {1, 2, inf}; rounded down.

    The float distance of D terms errs by a factor within 1 ± (D+4)u, which is taken off.
    """
    metric = METRICS[require_norm(norm_order)]
    positive, negative = (np.flatnonzero(data.labels == sign) for sign in (1.0, -1.0))
    best = Separation(math.inf, -1, -1)
    if positive.size == 0 or negative.size == 0:
        return best
    others = data.points[negative]
    rows = max(1, _PAIRS_AT_ONCE // negative.size)
    for at in range(0, positive.size, rows):
        chunk = positive[at : at + rows]
        distances = cdist(data.points[chunk], others, metric)
        where = int(np.argmin(distances))
        row, column = divmod(where, negative.size)
        if distances[row, column] < best.distance:
            best = Separation(float(distances[row, column]), int(chunk[row]), int(negative[column]))
    shrink = 1.0 - (data.input_dimension + 8) * ROUNDING
    return Separation(math.nextafter(best.distance * shrink, 0.0), best.first, best.second)


def require_norm(norm_order: float) -> float:
    """p as a float, when it is 1, 2 or inf; else :class:`InvalidInput`."""
    if isinstance(norm_order, (int, float)) and not isinstance(norm_order, bool) and norm_order in METRICS:
        return float(norm_order)
    raise InvalidInput("norm_order", norm_order, "1, 2 or inf")


def require_radius(perturbation_radius: float, data: TrainingSet, norm_order: float) -> Separation:
    """The separation of ``data`` when opposite labels are more than 2δ apart.

    Else :class:`InvalidInput` names the two points and the largest admissible radius.
    """
    radius = require_finite("perturbation_radius", perturbation_radius, "a finite number > 0")
    if radius <= 0.0:
        raise InvalidInput("perturbation_radius", perturbation_radius, "> 0")
    closest = separation(data, norm_order)
    if not 2.0 * radius < closest.distance:
        largest = math.nextafter(closest.distance / 2.0, 0.0)
        raise InvalidInput(
            "perturbation_radius",
            perturbation_radius,
            f"at most {largest!r}, because points {closest.first} and {closest.second} have opposite labels "
            f"and are {closest.distance!r} apart",
        )
    return closest
