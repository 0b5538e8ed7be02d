"""How many values an interval needs to show an effect: Student's of a mean.

For independent normal values with mean μ and standard deviation σ the interval's lower end lies above the
threshold c exactly when the noncentral t variable with n - 1 degrees of freedom and noncentrality √n (μ - c)/σ
exceeds Student's quantile (Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions* 2, ch. 31).
"""

from __future__ import annotations

import math
from bisect import bisect_left

from scipy import integrate, special

from cgro_theory.errors import InvalidInput, require_finite, require_integer

_LARGEST_SIZE = 10**7


def student_power(effect: float, deviation: float, size: int, failure_probability: float) -> float:
    """The probability that the interval of ``size`` normal values lies wholly on the effect's side of a threshold.

    ``effect`` is the distance of the true mean from the threshold, > 0 on the side that is to be shown;
    ``deviation`` is the values' standard deviation, >= 0, in the same unit; the interval is that of
    :func:`cgro_theory.numerics.confidence.student_mean` and misses the mean with ``failure_probability``. Exact up
    to the quadrature, about 1e-9. Raises :class:`InvalidInput` outside these domains and for ``size`` below 2.

    >>> round(student_power(1.0, 1.0, 20, 0.05), 4)
    0.9886
    """
    _check(effect, deviation, failure_probability)
    require_integer("size", size, 2)
    if deviation == 0.0:
        return 1.0 if effect > 0.0 else 0.0
    degrees = size - 1
    shift = math.sqrt(size) * effect / deviation
    quantile = -float(special.stdtrit(degrees, failure_probability / 2.0))
    half = degrees / 2.0
    scale = math.log(2.0) + half * math.log(half) - float(special.gammaln(half))

    def integrand(ratio: float) -> float:
        """Given s/σ = ``ratio``, with the density of that ratio: chi over the root of the degrees of freedom."""
        if ratio <= 0.0:
            return 0.0
        density = math.exp(scale + (degrees - 1) * math.log(ratio) - half * ratio * ratio)
        return density * float(special.ndtr(shift - quantile * ratio))

    # The ratio leaves this range with a probability below 1e-15.
    low, high = (math.sqrt(float(special.chdtri(degrees, tail)) / degrees) for tail in (1.0 - 1e-15, 1e-15))
    turn = min(max(shift / quantile, low), high)
    parts = [
        integrate.quad(integrand, *ends, epsabs=1e-11, epsrel=1e-10, limit=200)[0]
        for ends in ((low, turn), (turn, high))
    ]
    return min(1.0, max(0.0, math.fsum(parts)))


def needed_size(effect: float, deviation: float, failure_probability: float, power: float = 0.99) -> int:
    """The least number of values with which :func:`student_power` is at least ``power``, in (0, 1).

    Raises :class:`InvalidInput` for an effect that is not above 0, and where ten million values are too few.

    >>> needed_size(1.0, 1.0, 0.05)
    21
    """
    _check(effect, deviation, failure_probability)
    if effect <= 0.0:
        raise InvalidInput("effect", effect, "> 0")
    if not 0.0 < power < 1.0:
        raise InvalidInput("power", power, "in (0, 1)")

    def enough(size: int) -> bool:
        return student_power(effect, deviation, size, failure_probability) >= power

    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
        if high > _LARGEST_SIZE:
            raise InvalidInput(
                "effect", effect, f"large enough for {_LARGEST_SIZE} values of deviation {deviation:g}"
            )
    return bisect_left(range(high), True, low + 1, key=enough)


def _check(effect: float, deviation: float, failure_probability: float) -> None:
    require_finite("effect", effect)
    if require_finite("deviation", deviation, ">= 0") < 0.0:
        raise InvalidInput("deviation", deviation, ">= 0")
    if not 0.0 < failure_probability < 1.0:
        raise InvalidInput("failure_probability", failure_probability, "in (0, 1)")
