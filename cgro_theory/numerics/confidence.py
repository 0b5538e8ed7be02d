"""Confidence intervals with stated coverage.

Each function returns (low, high) that misses its target with probability at most ``failure_probability``.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from cgro_theory.errors import InvalidInput

_SLACK = 1e-11  # covers the accuracy of scipy's beta quantiles, so that rounding cannot cost coverage


class Ends(NamedTuple):
    """The two ends of an interval estimate."""

    low: float
    high: float


def clopper_pearson(successes: int, trials: int, failure_probability: float) -> Ends:
    """The exact interval for a probability from independent trials (Clopper and Pearson 1934).

    Coverage at least 1 - failure_probability for every true value. Raises :class:`InvalidInput` unless
    0 <= successes <= trials, trials >= 1 and 0 < failure_probability < 1.

    >>> clopper_pearson(0, 100, 0.05)
    Ends(low=0.0, high=0.0362166...)
    """
    _check_probability(failure_probability)
    if trials < 1:
        raise InvalidInput("trials", trials, ">= 1")
    if not 0 <= successes <= trials:
        raise InvalidInput("successes", successes, f"in [0, {trials}]")
    tail = failure_probability / 2.0
    low = 0.0 if successes == 0 else float(special.betaincinv(successes, trials - successes + 1, tail))
    high = 1.0 if successes == trials else float(special.betainccinv(successes + 1, trials - successes, tail))
    return Ends(low * (1.0 - _SLACK), min(1.0, high * (1.0 + _SLACK)))


def empirical_bernstein(values: ArrayLike, failure_probability: float) -> Ends:
    """An interval for the mean of independent values in [0, 1] (Maurer and Pontil 2009, theorem 4, two-sided).

    The half-width is sqrt(2 s² L / n) + 7 L / (3 (n - 1)) with s² the sample variance and L = log(4/p),
    where p is ``failure_probability``. ``values`` has shape (n,), n >= 2.
    """
    _check_probability(failure_probability)
    sample = np.asarray(values, dtype=float).ravel()
    if sample.size < 2:
        raise InvalidInput("number of values", sample.size, ">= 2")
    if not np.all((sample >= 0.0) & (sample <= 1.0)):
        raise InvalidInput("values", "a value outside", "in [0, 1]")
    log_term = math.log(4.0 / failure_probability)
    size = sample.size
    half = math.sqrt(2.0 * float(sample.var(ddof=1)) * log_term / size) + 7.0 * log_term / (3.0 * (size - 1))
    mean = float(sample.mean())
    return Ends(max(0.0, mean - half), min(1.0, mean + half))


def student_mean(values: ArrayLike, failure_probability: float) -> Ends:
    """Student's interval for a mean; exact for normal values, asymptotic otherwise. ``values``: (n,), n >= 2."""
    _check_probability(failure_probability)
    sample = np.asarray(values, dtype=float).ravel()
    if sample.size < 2:
        raise InvalidInput("number of values", sample.size, ">= 2")
    error = float(sample.std(ddof=1)) / math.sqrt(sample.size)
    half = -float(special.stdtrit(sample.size - 1, failure_probability / 2.0)) * error
    mean = float(sample.mean())
    return Ends(mean - half, mean + half)


def median_by_order_statistics(values: Sequence[float] | ArrayLike, failure_probability: float) -> Ends:
    """A distribution-free interval for the median: two order statistics (sign test inverted).

    Infinite when the sample is too small for the asked coverage. ``values``: (n,), n >= 1.
    """
    _check_probability(failure_probability)
    sample = np.sort(np.asarray(values, dtype=float).ravel())
    if sample.size < 1:
        raise InvalidInput("number of values", sample.size, ">= 1")
    # The largest rank whose tail of fair coins is small enough.
    tails = special.bdtr(np.arange(sample.size // 2 + 1), sample.size, 0.5)
    rank = int(np.searchsorted(tails, failure_probability / 2.0, side="right"))
    if rank == 0:
        return Ends(-math.inf, math.inf)
    return Ends(float(sample[rank - 1]), float(sample[sample.size - rank]))


def content_covered_by_all(runs: int, failure_probability: float) -> float:
    """A lower bound of the probability of an event seen in every one of ``runs`` independent runs.

    With confidence 1 - failure_probability the event has probability >= failure_probability^(1/runs)
    (Wilks 1941; the one-sided Clopper-Pearson bound at runs of runs).

    >>> round(content_covered_by_all(64, 1e-3), 3)
    0.898
    """
    _check_probability(failure_probability)
    if runs < 1:
        raise InvalidInput("runs", runs, ">= 1")
    return math.nextafter(failure_probability ** (1.0 / runs), 0.0)


def tolerance_rank(size: int, content: float, failure_probability: float) -> int:
    """The largest r for which the r-th least of ``size`` independent values is a lower tolerance limit; 0 if none.

    A further value of the same law, whatever that is, is at least that one with probability ``content`` or more:
    this holds of a sample with probability 1 - ``failure_probability``. For a continuous law the probability to
    lie above the r-th least has the law Beta(size - r + 1, r), so r is the largest with
    P(Bin(size, 1 - content) <= r - 1) <= ``failure_probability`` (Wilks 1941); other laws err to the safe side.

    >>> tolerance_rank(1374, 0.99, 1e-6), tolerance_rank(1375, 0.99, 1e-6), tolerance_rank(100_000, 0.99, 1e-6)
    (0, 1, 854)
    """
    _check_probability(failure_probability)
    _check_probability(content)
    if size < 1:
        raise InvalidInput("size", size, ">= 1")
    allowed = failure_probability * (1.0 - _SLACK)
    return bisect_left(range(size), True, key=lambda below: special.bdtr(below, size, 1.0 - content) > allowed)


def tolerance_limit(
    values: ArrayLike, content: float, failure_probability: float, *, upper: bool = False
) -> float:
    """The order statistic of :func:`tolerance_rank`, with ``upper`` from above; infinite if there are too few."""
    sample = np.sort(np.asarray(values, dtype=float).ravel())
    rank = tolerance_rank(sample.size, content, failure_probability)
    if rank == 0:
        return math.inf if upper else -math.inf
    return float(sample[sample.size - rank] if upper else sample[rank - 1])


def _check_probability(failure_probability: float) -> None:
    if not 0.0 < failure_probability < 1.0:
        raise InvalidInput("failure_probability", failure_probability, "in (0, 1)")
