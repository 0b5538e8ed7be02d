"""Fresh points, every corner of the attack's cube, and a count: no formula of the prediction is used."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.theorems.room import RunRequest

Array = NDArray[np.float64]

DIMENSION = 5
POINTS = 200_000
RADII = (0.0, 0.1, 0.3, 0.6)
MODELS = {"quick": 4, "full": 40}


@dataclass(frozen=True)
class CountedModel:
    """One classifier in one model under one attack, and how many of its fresh points it got wrong."""

    weights: Array
    mean: Array
    noise_std: float
    perturbation_radius: float
    wrong: int
    points: int


@dataclass(frozen=True)
class GaussianRuns:
    """What the check looks at; ``seed`` is the one that was asked for."""

    seed: int
    models: tuple[CountedModel, ...] = ()


def gather(request: RunRequest) -> GaussianRuns:
    """Draw models and classifiers, attack every fresh point at every corner, count."""
    if not request.needs_runs("models"):
        return GaussianRuns(request.seed)
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=DIMENSION)))
    models = []
    for number in range(MODELS[request.profile]):
        generator = np.random.default_rng(derived_seed(request.seed, "gaussian_model", DIMENSION, number))
        weights, mean = generator.standard_normal((2, DIMENSION))
        noise_std = float(generator.uniform(0.5, 2.0))
        for radius in RADII:
            labels = generator.choice([-1.0, 1.0], POINTS)
            points = labels[:, None] * mean + noise_std * generator.standard_normal((POINTS, DIMENSION))
            wrong = np.zeros(POINTS, dtype=bool)
            for corner in corners:
                wrong |= labels * ((points + radius * corner) @ weights) <= 0
            models.append(CountedModel(weights, mean, noise_std, radius, int(wrong.sum()), POINTS))
        request.progress("counting attacked points", (number + 1) / MODELS[request.profile])
    return GaussianRuns(request.seed, tuple(models))


def parameters(runs: GaussianRuns) -> dict[str, Any]:
    """Sizes of the experiment."""
    return {"dimension": DIMENSION, "points": POINTS, "radii": list(RADII), "classifiers": len(runs.models)}
