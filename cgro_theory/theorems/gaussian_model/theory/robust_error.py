"""The closed form of the robust error in the Gaussian model of arXiv 1804.11285. No torch, no sampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from cgro_theory.claims import Condition, Interval, Prediction

Array = NDArray[np.float64]

CLASSIFIER = Condition("classifier", "w_2 > 0", "w is not 0")


def predict_robust_error(weights: Array, mean: Array, noise_std: float, perturbation_radius: float) -> Prediction:
    """P[some x' within l_inf distance ε of x has y<w, x'> <= 0] = Φ((ε‖w‖₁ - <w, θ>)/(σ‖w‖₂)), exactly.

    The best attack lowers y<w, x> by ε‖w‖₁, and y<w, x> ~ N(<w, θ>, σ²‖w‖₂²). Weights w and mean θ have shape
    (d,); ``noise_std`` is σ > 0; ``perturbation_radius`` ε >= 0. No interval where CLASSIFIER does not hold.

    >>> round(predict_robust_error(np.array([1.0, 0.0]), np.array([1.0, 0.0]), 1.0, 1.0).leading_order, 3)
    0.5
    """
    size = float(np.linalg.norm(weights))
    assumed = (CLASSIFIER.given(w_2=size),)
    if not assumed[0].met:
        return Prediction(None, assumed)
    shift = perturbation_radius * float(np.abs(weights).sum()) - float(weights @ mean)
    error = float(ndtr(shift / (noise_std * size)))
    return Prediction(Interval.point(error), assumed, error)
