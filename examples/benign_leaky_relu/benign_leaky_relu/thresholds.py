"""The signal strength at which a trained network's test error is 1/8 (README.md, "Test error"), in floats."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm, qmc

from cgro_theory.numerics.seeds import derived_seed

LEVEL, HALF_WIDTH, SMALL, LARGE = 0.125, 2, 128, 512
SLOPES = (1 / 16, 1 / 4, 1.0)
REPEATS = 8
"""Draws of the small dimension in a group: a threshold varies twice as much there, in a tenth of the time."""
GROUPS = {"quick": 160, "full": 400}
MOST_STEPS = 100_000
Sizes = Callable[[int, float], tuple[int, int]]


def in_proportion(dimension: int, slope: float) -> tuple[int, int]:
    """Points and wrong labels of a training set: one point per eight dimensions, one in eight labelled wrongly."""
    return dimension // 8, dimension // 64


@dataclass(frozen=True)
class Group:
    """Logs of thresholds γ, NaN where there is none or a network did not reach zero loss.

    ``large``: one draw at d = 512, ``small``: eight at d = 128, all with α = 1/4; ``gentle`` and ``steep``: the
    first of those eight with α = 1/16 and with α = 1.
    """

    large: float
    small: tuple[float, ...]
    gentle: float
    steep: float


def groups(seed: int, count: int, sizes: Sizes = in_proportion) -> Iterator[Group]:
    """Independent groups, the first ones the same whatever ``count`` is."""
    for number in range(count):
        own = [derived_seed(seed, "benign_leaky_relu_thresholds", number, each) for each in range(1 + REPEATS)]
        gentle, usual, steep = (partial(_threshold, sizes, slope) for slope in SLOPES)
        small = tuple(usual(each, SMALL) for each in own[1:])
        yield Group(usual(own[0], LARGE), small, gentle(own[1], SMALL), steep(own[1], SMALL))


def _threshold(sizes: Sizes, slope: float, seed: int, dimension: int) -> float:
    return threshold(seed, dimension, slope, *sizes(dimension, slope))


def threshold(seed: int, dimension: int, slope: float, samples: int, wrong: int) -> float:
    """log γ where one draw's network has test error 1/8, γ in (0.1/d, 0.9).

    x = √γ y e_1 + √(1-γ) n with n of law N(0, (I - e_1 e_1')/d); the first ``wrong`` labels are -y.
    """
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(samples, dimension)) / math.sqrt(dimension)
    noise[:, 0] = 0.0
    truth = generator.choice([-1.0, 1.0], samples)
    labels = truth * np.where(np.arange(samples) < wrong, -1.0, 1.0)
    start = generator.normal(size=(2 * HALF_WIDTH, dimension))
    start *= math.sqrt(slope) / (HALF_WIDTH * np.linalg.norm(start, axis=1, keepdims=True))
    fresh = norm.ppf(qmc.Sobol(2 * HALF_WIDTH, rng=generator).random(2**11))

    def excess(log_strength: float) -> float:
        strength = math.exp(log_strength)
        points = math.sqrt(1.0 - strength) * noise
        points[:, 0] = math.sqrt(strength) * truth
        shortest = math.sqrt((points**2).sum(axis=1).min())
        weights = trained(points, labels, slope, start / shortest)
        return math.nan if weights is None else test_error(weights, strength, slope, fresh) - LEVEL

    ends = math.log(0.1 / dimension), math.log(0.9)
    low = high = math.log(5.0 / dimension)
    while low > ends[0] and excess(low) < 0:
        low = max(ends[0], low - 0.7)
    while high < ends[1] and excess(high) > 0:
        high = min(ends[1], high + 0.7)
    try:
        return float(brentq(excess, low, high, xtol=1e-3))
    except ValueError:  # no change of sign, or NaN
        return math.nan


def trained(points: np.ndarray, labels: np.ndarray, slope: float, weights: np.ndarray) -> np.ndarray | None:
    """Weights (2m, d) at zero hinge loss, by steps of 1/(m n max‖x‖²); None where those are too many."""
    outer = np.repeat([1.0, -1.0], HALF_WIDTH)[:, None]
    rate = 1.0 / (HALF_WIDTH * len(points) * (points**2).sum(axis=1).max())
    for _ in range(MOST_STEPS):
        before = weights @ points.T
        slopes = np.where(before > 0, 1.0, slope)
        pull = labels * (labels * (outer * slopes * before).sum(axis=0) < 1)
        if not pull.any():
            return weights
        weights = weights + rate * outer * ((slopes * pull) @ points)
    return None


def test_error(weights: np.ndarray, strength: float, slope: float, fresh: np.ndarray) -> float:
    """The share of wrong answers on new points; of their noise only its 2m products with the weights matter.

    ``fresh``: quasi-random standard normal vectors, shape (any, 2m).
    """
    rest = weights[:, 1:] * math.sqrt((1.0 - strength) / weights.shape[1])
    noise = fresh @ np.linalg.cholesky(rest @ rest.T).T
    outer, signal = np.repeat([1.0, -1.0], HALF_WIDTH), math.sqrt(strength) * weights[:, 0]
    before = np.array([signal + noise, noise - signal])
    margins = np.maximum(before, slope * before) @ outer * np.array([[1.0], [-1.0]])
    return float((margins <= 0).mean())
