"""E TV(P, P̂_h) by the law of the counts: a second route to what samples show, and to N that no sample reaches.

The number of class-y points in the box around x is binomial(N, m_y(x)), m_y(x) = P(class y, box), so that
E TV = ½ Σ_y ∫ E|Bin(N, m_y(x))/(N (2h)^D) - π_y p_y(x)| dx, with a closed form for the mean absolute deviation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .density import TorusDensity, outer_product

Floats = NDArray[np.float64]
_QUADRATURE = {1: 4096, 2: 96, 3: 28}


def expected_variation(
    num_samples: int, bandwidth: float, density: TorusDensity, nodes: int | None = None
) -> float:
    """E TV(P, P̂_h) by the midpoint rule with ``nodes`` per axis (default 4096, 96, 28 for D = 1, 2, 3).

    The relative error of the default is below 2e-3 (halving the nodes moves it by less); no rigorous bound.
    """
    dimension = density.input_dimension
    side = nodes or _QUADRATURE[dimension]
    x = (np.arange(side) + 0.5) / side
    scale = num_samples * (2.0 * bandwidth) ** dimension
    total = 0.0
    for index, weight in enumerate(density.class_weights):
        box = density.axis_integral(index, x + bandwidth) - density.axis_integral(index, x - bandwidth)
        mass = np.minimum(weight * outer_product([box] * dimension), 1.0).ravel()
        target = weight * outer_product([density.axis_density(index, x)] * dimension).ravel()
        total += float(np.mean(_mean_absolute_deviation(num_samples, mass, target * scale))) / scale
    return total / 2.0


def _mean_absolute_deviation(trials: int, probability: Floats, centre: Floats) -> Floats:
    """E|X - c| = c(2F_n(k) - 1) + np(1 - 2F_(n-1)(k - 1)) with k = floor(c), for X ~ Bin(n, p)."""
    below = np.floor(centre)
    at_most = stats.binom.cdf(below, trials, probability)
    shifted = stats.binom.cdf(below - 1.0, trials - 1, probability)
    return np.asarray(centre * (2.0 * at_most - 1.0) + trials * probability * (1.0 - 2.0 * shifted))
