"""A misclassified point of a ball, replayed in exact rationals: the counterpart of a certificate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..networks.circuit import Circuit
from ..networks.training_set import TrainingSet

Array = NDArray[np.float64]

_REPLAYS = 4
_STEPS = 24


@dataclass(frozen=True)
class Witness:
    """A point of the ball around training point ``ball`` at which ``label`` · f <= 0, both exactly."""

    ball: int
    label: int
    point: tuple[float, ...]
    output: Fraction


def is_in_ball(point: Array, centre: Array, radius: float, norm_order: float) -> bool:
    """Whether ‖point - centre‖_p <= δ, decided in exact rationals. point, centre: (D,)."""
    pairs = zip(point.tolist(), centre.tolist(), strict=True)
    gaps = [abs(Fraction(x) - Fraction(c)) for x, c in pairs]
    limit = Fraction(radius)
    if norm_order == math.inf:
        return max(gaps) <= limit
    if norm_order == 1.0:
        return sum(gaps) <= limit
    return sum(gap * gap for gap in gaps) <= limit * limit


def find_witness(
    circuit: Circuit, data: TrainingSet, ball: int, radius: float, norm_order: float, rng: np.random.Generator
) -> Witness | None:
    """Search the ball for a point with y f <= 0 and replay it exactly; None proves nothing.

    Candidates: the centre, the ends of each axis, the worst points for the clean classifier (its gradient by
    differences), each also moved to the end of one axis, random points, and a coordinate search from the best.
    """
    centre, label = data.points[ball], float(data.labels[ball])
    candidates = _candidates(circuit, centre, label, radius, norm_order, rng)
    values = label * circuit.evaluate(candidates)
    best = candidates[int(np.argmin(values))]
    for _ in range(_STEPS):
        near = _project(
            best + radius * rng.choice((-1.0, 1.0, 0.0), size=(32, centre.size), p=(0.15, 0.15, 0.7)),
            centre,
            radius,
            norm_order,
        )
        scores = label * circuit.evaluate(near)
        if scores.min() < values.min():
            best = near[int(np.argmin(scores))]
        candidates, values = np.vstack([candidates, near]), np.concatenate([values, scores])
        if values.min() < 0.0:
            break
    for index in np.argsort(values, kind="stable")[:_REPLAYS].tolist():
        point = candidates[index]
        if not is_in_ball(point, centre, radius, norm_order):
            continue
        output = circuit.evaluate_exact(point.tolist())
        if label * output <= 0:
            return Witness(ball, int(label), tuple(point.tolist()), output)
    return None


def _candidates(
    circuit: Circuit, centre: Array, label: float, radius: float, norm_order: float, rng: np.random.Generator
) -> Array:
    dimension = centre.size
    axes = radius * np.eye(dimension)
    gradient = np.zeros(dimension)
    if "clean" in circuit.named:
        clean = circuit.pruned("clean", 0)
        gradient = clean.evaluate(centre + axes) - clean.evaluate(centre - axes)
    worst = -label * gradient
    steps = [np.zeros((1, dimension)), axes, -axes, rng.uniform(-radius, radius, size=(32, dimension))]
    if norm_order == math.inf:
        corner = radius * np.sign(worst)
        swapped = np.repeat(corner[None, :], 2 * dimension, axis=0)
        index = np.arange(dimension)
        swapped[index, index], swapped[dimension + index, index] = radius, -radius
        steps += [corner[None, :], swapped]
    elif np.any(worst):
        along = worst / np.abs(worst).max()
        steep = np.where(np.abs(along) == 1.0, along, 0.0)
        mixed = [along / np.linalg.norm(along), steep / np.linalg.norm(steep, ord=norm_order)]
        steps += [radius * np.array(mixed)]
        steps += [radius * (0.5 * mixed[0] + 0.5 * sign * np.eye(dimension)) for sign in (-1.0, 1.0)]
    return _project(centre + np.vstack(steps), centre, radius, norm_order)


def _project(points: Array, centre: Array, radius: float, norm_order: float) -> Array:
    """Points moved into the ball; the last bits are left to :func:`is_in_ball`, which decides exactly."""
    offsets = points - centre
    if norm_order == math.inf:
        clipped = np.clip(points, centre - radius, centre + radius)
        inside_low = np.where(centre - clipped > radius, np.nextafter(clipped, math.inf), clipped)
        return np.where(inside_low - centre > radius, np.nextafter(inside_low, -math.inf), inside_low)
    sizes = np.linalg.norm(offsets, ord=norm_order, axis=1, keepdims=True)
    shrink = np.minimum(1.0, radius * (1.0 - 1e-12) / np.maximum(sizes, 1e-300))
    return np.asarray(centre + offsets * shrink)
