"""Fitted rates: exponents of power laws with their confidence intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cgro_theory.errors import InvalidInput


@dataclass(frozen=True)
class ExponentFit:
    """The law y = exp(log_prefactor) · x^exponent fitted to points on log axes.

    ``low`` and ``high`` enclose the exponent with the asked confidence when the errors of log y are normal
    with one variance; ``residual_std`` is their estimated standard deviation.
    """

    exponent: float
    low: float
    high: float
    log_prefactor: float
    residual_std: float
    points: int


def fit_exponent(x: ArrayLike, y: ArrayLike, failure_probability: float) -> ExponentFit:
    """Least squares of log y on log x; the interval is Student's with n - 2 degrees of freedom.

    ``x`` and ``y`` have shape (n,), n >= 3, positive and finite, with at least two different x.
    Raises :class:`InvalidInput` otherwise.

    >>> fit = fit_exponent([1, 10, 100, 1000], [2, 20, 200, 2000], 0.05)
    >>> round(fit.exponent, 12), fit.points
    (1.0, 4)
    """
    if not 0.0 < failure_probability < 1.0:
        raise InvalidInput("failure_probability", failure_probability, "in (0, 1)")
    abscissa, ordinate = np.asarray(x, dtype=float).ravel(), np.asarray(y, dtype=float).ravel()
    if abscissa.size != ordinate.size or abscissa.size < 3:
        raise InvalidInput("number of points", abscissa.size, ">= 3, the same for x and y")
    if not (np.all(abscissa > 0) and np.all(ordinate > 0) and np.all(np.isfinite(abscissa * ordinate))):
        raise InvalidInput("points", "a value that is not", "positive and finite")
    if np.ptp(abscissa) == 0:
        raise InvalidInput("x", float(abscissa[0]), "at least two different values")
    log_x, log_y = np.log(abscissa), np.log(ordinate)
    centred = log_x - log_x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ log_y) / spread
    intercept = float(log_y.mean() - slope * log_x.mean())
    residuals = log_y - intercept - slope * log_x
    residual_std = float(np.sqrt(np.sum(residuals**2) / (log_x.size - 2)))
    half = float(stats.t.isf(failure_probability / 2.0, log_x.size - 2)) * residual_std / np.sqrt(spread)
    return ExponentFit(
        exponent=slope,
        low=slope - half,
        high=slope + half,
        log_prefactor=intercept,
        residual_std=residual_std,
        points=int(log_x.size),
    )
