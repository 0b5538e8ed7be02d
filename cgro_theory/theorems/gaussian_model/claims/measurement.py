"""Fresh points, every corner of the attack's cube, and a count: no formula of the prediction is used."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Evidence, Figure, Interval, Measurement, Panel, Prediction, Series
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.theorems.checked_claim import NegativeControl
from cgro_theory.theorems.gaussian_model.claims.statement import CLAIMS
from cgro_theory.theorems.gaussian_model.theory.robust_error import gaussian_robust_error
from cgro_theory.theorems.room import Check, CheckedPair, RunRequest

Array = NDArray[np.float64]

DIMENSION = 5
POINTS = 200_000
RADII = (0.0, 0.1, 0.3, 0.6)
MODELS = {"quick": 4, "full": 40}
TOLERANCE = next(entry.tolerance or 0.0 for entry in CLAIMS)


@dataclass(frozen=True)
class CountedModel:
    """One classifier in one model under one attack: its parameters, and how many points it got wrong."""

    weights: Array
    mean: Array
    noise_std: float
    perturbation_radius: float
    wrong: int


@dataclass(frozen=True)
class GaussianEvidence:
    """What the check looks at; ``norm_order`` is the norm of w that the formula is told."""

    models: tuple[CountedModel, ...]
    seed: int
    norm_order: int = 1


def gather(request: RunRequest) -> GaussianEvidence:
    """Draw models and classifiers, attack every fresh point at every corner, count."""
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
            models.append(CountedModel(weights, mean, noise_std, radius, int(wrong.sum())))
        request.progress("counting attacked points", (number + 1) / MODELS[request.profile])
    return GaussianEvidence(tuple(models), request.seed)


def figures(evidence: GaussianEvidence) -> tuple[Figure, ...]:
    """Counted against predicted errors."""
    predicted = [_predict(evidence, model) for model in evidence.models]
    counted = [model.wrong / POINTS for model in evidence.models]
    panel = Panel(
        f"d = {DIMENSION}, {POINTS:,} points each",
        "predicted robust error",
        "counted robust error",
        (
            Series("equal", [0.0, 1.0], [0.0, 1.0], 7, "dashed"),
            Series("one classifier under one attack", predicted, counted, 0, "points"),
        ),
    )
    caption = "Linear classifiers in the Gaussian model, attacked at every corner of the cube."
    return (
        Figure(
            "gaussian_model_errors",
            "Robust error in the Gaussian model",
            caption,
            (panel,),
            ("gaussian_model.robust_error",),
        ),
    )


def parameters(evidence: GaussianEvidence) -> dict[str, Any]:
    """Sizes of the experiment."""
    return {"dimension": DIMENSION, "points": POINTS, "radii": list(RADII), "classifiers": len(evidence.models)}


def check_robust_error(evidence: GaussianEvidence, failure_probability: float) -> CheckedPair:
    """The classifier whose counted error is farthest outside its formula's tolerance, or nearest to leaving it."""
    share = failure_probability / max(1, len(evidence.models))
    pairs = []
    for model in evidence.models:
        ends = clopper_pearson(model.wrong, POINTS, share)
        pairs.append((_predict(evidence, model), model.wrong / POINTS, Interval(ends.low, ends.high)))
    if not pairs:
        return CheckedPair(Prediction(None), Measurement.failed("no classifier was counted"))
    value, estimate, interval = max(pairs, key=_outside)
    measured = Measurement(
        estimate, interval, 1.0 - failure_probability, len(pairs), Evidence.STATISTICAL, seeds=(evidence.seed,)
    )
    return CheckedPair(Prediction(Interval.point(value), leading_order=value), measured)


def _outside(pair: tuple[float, float, Interval]) -> tuple[bool, float]:
    """Whether the counted interval lies wholly outside the tolerance, then how far its farther end reaches.

    One classifier outside decides, even where another has a wider interval and an estimate farther away.
    """
    value, _, interval = pair
    nearest = max(interval.low - value, value - interval.high)
    return nearest > TOLERANCE, max(interval.high - value, value - interval.low)


def _predict(evidence: GaussianEvidence, model: CountedModel) -> float:
    return gaussian_robust_error(
        model.weights, model.mean, model.noise_std, model.perturbation_radius, evidence.norm_order
    )


CHECKS: Mapping[str, Check] = {"gaussian_model.robust_error": check_robust_error}

FAULTS: Mapping[str, tuple[NegativeControl, ...]] = {
    "gaussian_model.robust_error": (
        NegativeControl(
            "wrong_norm",
            "‖w‖₂ in place of ‖w‖₁: the attack of an l_2 ball",
            lambda evidence: replace(evidence, norm_order=2),
        ),
    ),
}
