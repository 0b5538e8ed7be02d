"""A continuous example: how the memorizer's robust test error moves with N, δ and the norm.

Inputs (u, τ y(u)), u uniform on the cube [0, 1]^(D-1) without the slab |u_1 - 1/2| < gap/2, y = sgn(u_1 - 1/2),
clean classifier x_D. Each test ball is attacked (an error found is an error) or proved robust; the rest is open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgro_theory.errors import InvalidInput

from ..networks.clean_classifier import coordinate_classifier
from ..networks.memorizer import Memorizer, memorize
from ..networks.training_set import training_set

Array = NDArray[np.float64]

GAP = 0.4
_CANDIDATES = 48


@dataclass(frozen=True)
class ContinuousError:
    """Of ``trials`` fresh test points: ``broken`` by the attack (float evaluation), ``robust`` by a bound."""

    num_samples: int
    perturbation_radius: float
    norm_order: float
    broken: int
    robust: int
    trials: int


def continuous_error(
    num_samples: int, perturbation_radius: float, norm_order: float, trials: int, seed: int, dimension: int = 3
) -> ContinuousError:
    """One sample's memorizer on ``trials`` fresh points; τ = δ/2. Needs 3δ <= GAP, so that no ramp of the
    other class reaches a test ball."""
    radius = float(perturbation_radius)
    if not 0.0 < 3.0 * radius <= GAP:
        raise InvalidInput("perturbation_radius", perturbation_radius, f"in (0, {GAP / 3.0!r}]")
    rng = np.random.default_rng([seed, num_samples, dimension])
    points, labels = _draw(num_samples, dimension, radius / 2.0, rng)
    tests, signs = _draw(trials, dimension, radius / 2.0, rng)
    clean = coordinate_classifier(dimension, dimension - 1)
    built = memorize(training_set(points, labels), radius, norm_order, clean)
    attacked = _candidates(tests, signs, radius, norm_order, rng)
    values = built.circuit.evaluate(attacked.reshape(-1, dimension)).reshape(trials, -1)
    broken = np.any(~(signs[:, None] * values > 0.0), axis=1)  # NaN is broken
    robust = _surely_robust(built, tests, signs) & ~broken
    return ContinuousError(num_samples, radius, norm_order, int(broken.sum()), int(robust.sum()), trials)


def _draw(count: int, dimension: int, offset: float, rng: np.random.Generator) -> tuple[Array, Array]:
    points = rng.random((count, dimension))
    labels = rng.choice((-1.0, 1.0), size=count)
    points[:, 0] = 0.5 + labels * (GAP / 2.0 + (0.5 - GAP / 2.0) * points[:, 0])
    points[:, -1] = offset * labels
    return points, labels


def _candidates(tests: Array, signs: Array, radius: float, norm_order: float, rng: np.random.Generator) -> Array:
    """Points of the ball past x_D = 0, spread sideways with what is left of the budget. -> (n, c, D)"""
    trials, dimension = tests.shape
    sideways = rng.standard_normal((trials, _CANDIDATES, dimension - 1))
    down = radius * rng.uniform(0.51, 1.0, size=(trials, _CANDIDATES))
    down[:, 0] = radius
    if norm_order == math.inf:
        sideways = radius * np.sign(sideways)
    else:
        left = radius - down if norm_order == 1 else np.sqrt(radius**2 - down**2)
        sideways *= (left / np.linalg.norm(sideways, ord=norm_order, axis=2))[:, :, None]
    moved = np.repeat(tests[:, None, :], _CANDIDATES, axis=1)
    moved[:, :, :-1] += sideways * (1.0 - 1e-12)
    moved[:, :, -1] -= signs[:, None] * down * (1.0 - 1e-12)
    return moved


def _surely_robust(built: Memorizer, tests: Array, signs: Array) -> NDArray[np.bool_]:
    """Whether one training ball's ramp covers the test ball so far that y f_S > 0 on all of it.

    On the test ball |f_clean| <= r = δ - τ against the label, and y f_S >= S - ReLU(r - B S) > 0 once
    S > r/(1+B). The ramp loses at most (distance of the centres)/γ, in l1 for p = 1 and inf.
    """
    radius, ramp = built.perturbation_radius, built.ramp_width
    needed = (radius / 2.0) / (1.0 + built.clean_bound)
    same = signs[:, None] == built.data.labels
    gaps = np.abs(tests[:, None, :] - built.data.points)
    if built.norm_order == 2.0:
        far = np.sqrt((gaps**2).sum(axis=2)) + radius
        lost = (far**2 - radius**2) / (ramp * (2.0 * radius + ramp) / 2.0)  # at least half of the ramp is left
    else:
        lost = gaps.sum(axis=2) / (ramp * (1.0 - 1e-9))
    return np.asarray(np.any(same & (1.0 - lost > needed + 1e-9), axis=1))
