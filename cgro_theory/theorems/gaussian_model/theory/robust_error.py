"""The closed form of the robust error in the Gaussian model. No torch, no sampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from cgro_theory.errors import InvalidInput

Array = NDArray[np.float64]


def gaussian_robust_error(
    weights: Array, mean: Array, noise_std: float, perturbation_radius: float, norm_order: int = 1
) -> float:
    """P[some x' within l_inf distance ε of x has y<w, x'> <= 0] = Φ((ε‖w‖₁ - <w, θ>)/(σ‖w‖₂)).

    The best attack lowers y<w, x> by ε‖w‖₁, and y<w, x> ~ N(<w, θ>, σ²‖w‖₂²). The weights w, shape (d,), are not
    all 0; the mean is θ, shape (d,); ``noise_std`` is σ > 0; ``perturbation_radius`` ε >= 0. ``norm_order`` is 1;
    a planted fault takes another norm.

    >>> round(gaussian_robust_error(np.array([1.0, 0.0]), np.array([1.0, 0.0]), 1.0, 1.0), 3)
    0.5
    """
    size = float(np.linalg.norm(weights))
    if not size > 0.0:
        raise InvalidInput("weights", "all 0", "not all 0")
    shift = perturbation_radius * float(np.linalg.norm(weights, ord=norm_order)) - float(weights @ mean)
    return float(ndtr(shift / (noise_std * size)))
