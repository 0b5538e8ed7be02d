"""The robust error of a linear classifier in the Gaussian model: formula against counts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import sympy as sp

from cgro_theory.claims import (
    Case,
    Claim,
    Counts,
    Evidence,
    Figure,
    Interval,
    Measurement,
    Panel,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Series,
    Source,
    WorstCase,
)
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong
from cgro_theory.theorems.room import NamedConstant

from ..runs.counted_models import DIMENSION, POINTS, Array, GaussianRuns
from ..theory.robust_error import CLASSIFIER, predict_robust_error

_error, _epsilon, _sigma, _w_theta, _w_1, _w_2 = sp.symbols(
    "robust_error epsilon sigma w_theta w_1 w_2", real=True
)
TOLERANCE = 0.01
CONSTANTS = (
    NamedConstant("tolerance", "0.01", "fixed before the first run; 200,000 points resolve it, 60,000 did not"),
)

ROBUST_ERROR = Claim(
    label="gaussian_model.robust_error",
    statement="For x = yθ + N(0, σ² I) the classifier sgn<w, x> has l_inf robust error "
    "Φ((ε‖w‖₁ - <w, θ>)/(σ‖w‖₂)).",
    source=Source("Schmidt, Santurkar, Tsipras, Talwar and Mądry, arXiv 1804.11285", "the Gaussian model"),
    provenance=(Provenance.DERIVED,),
    quantity="attacked error rate that is farthest from its formula, over models and classifiers",
    natural_range=Interval(0.0, 1.0),
    relation=Relation.EQUALS,
    tolerance=TOLERANCE,
    expression=sp.Eq(_error, sp.Function("Phi")((_epsilon * _w_1 - _w_theta) / (_sigma * _w_2))),
    assumptions=(CLASSIFIER,),
    limitations="Low dimension, where every corner of the attack's cube can be tried; the formula holds in any.",
)

Predict = Callable[[Array, Array, float, float], Prediction]


def check_robust_error(
    runs: GaussianRuns, failure_probability: float, predict: Predict = predict_robust_error
) -> CheckedPair:
    """The classifier whose counted error is farthest outside its formula's tolerance, or nearest to leaving it."""
    share = failure_probability / max(1, len(runs.models))
    predictions, counts, places = [], [], []
    for model in runs.models:
        predicted = predict(model.weights, model.mean, model.noise_std, model.perturbation_radius)
        if predicted.unmet:
            return CheckedPair(predicted, Measurement.failed("the formula does not hold for a classifier"))
        counted = Reading.of(
            clopper_pearson(model.wrong, model.points, share), Counts(model.wrong, model.points, share)
        )
        predictions.append(predicted)
        counts.append(counted)
        places.append(_outside(predicted.leading_order, counted.interval))
    if not counts:
        return CheckedPair(Prediction(None), Measurement.failed("no classifier was counted"))
    worst = places.index(max(places))
    measured = Measurement(
        estimate=runs.models[worst].wrong / runs.models[worst].points,
        interval=counts[worst].interval,
        confidence=1.0 - failure_probability,
        runs=len(runs.models),
        evidence=Evidence.STATISTICAL,
        seeds=(runs.seed,),
        raw=WorstCase(tuple(Case(each.interval, own) for each, own in zip(predictions, counts, strict=True))),
    )
    return CheckedPair(predictions[worst], measured)


def _outside(value: float, counted: Interval) -> tuple[bool, float]:
    """Whether the counted interval lies wholly outside the tolerance, then how far its farther end reaches.

    One classifier outside decides, even where another has a wider interval and an estimate farther away.
    """
    nearest = max(counted.low - value, value - counted.high)
    return nearest > TOLERANCE, max(counted.high - value, value - counted.low)


def _error_from_norms(epsilon: float, sigma: float, w_theta: float, w_1: float, w_2: float) -> float:
    """The formula from ‖w‖₁, ‖w‖₂ (‖w‖₂ <= ‖w‖₁ <= √2 ‖w‖₂) and <w, θ>: by a w of two coordinates."""
    difference = math.sqrt(2.0 * w_2**2 - w_1**2)
    weights = np.array([w_1 + difference, w_1 - difference]) / 2.0
    return predict_robust_error(weights, weights * (w_theta / w_2**2), sigma, epsilon).leading_order


def _told_wrong_norm(weights: Array, mean: Array, noise_std: float, perturbation_radius: float) -> Prediction:
    """‖w‖₂ in place of ‖w‖₁: a radius shorter by their ratio."""
    ratio = float(np.linalg.norm(weights) / np.abs(weights).sum())
    return predict_robust_error(weights, mean, noise_std, perturbation_radius * ratio)


def figures(runs: GaussianRuns) -> tuple[Figure, ...]:
    """Counted against predicted errors."""
    predicted = [
        predict_robust_error(m.weights, m.mean, m.noise_std, m.perturbation_radius).leading_order
        for m in runs.models
    ]
    counted = [model.wrong / model.points for model in runs.models]
    panel = Panel(
        f"d = {DIMENSION}, {POINTS:,} points each",
        "predicted robust error",
        "counted robust error",
        (
            Series("equal", [0.0, 1.0], [0.0, 1.0], 7, "dashed"),
            Series("one classifier under one attack", predicted, counted, 0, "points"),
        ),
    )
    title = "Robust error in the Gaussian model"
    caption = "Linear classifiers in the Gaussian model, attacked at every corner of the cube."
    return (Figure("gaussian_model_errors", title, caption, (panel,), (ROBUST_ERROR.label,)),)


CHECKED = (
    CheckedClaim(
        ROBUST_ERROR,
        check_robust_error,
        controls=(
            with_wrong("wrong_norm", "‖w‖₂ in place of ‖w‖₁: the attack of an l_2 ball", predict=_told_wrong_norm),
        ),
        needs=("models",),
        numeric=_error_from_norms,
    ),
)
