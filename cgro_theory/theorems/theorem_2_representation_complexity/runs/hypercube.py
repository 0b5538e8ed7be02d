"""The hypercube instance of theory.md 3.3, and the robust test error of built memorizers on it, exactly.

Corner c uniform on {0,1}^(D-1), label y(c), input (c, τ y(c)), attack l-inf of radius δ, 0 < τ < δ < 1/2. The
clean classifier x_D is right everywhere and robust nowhere; the memorizer is robust at the corners it saw.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from cgro_theory.errors import InvalidInput, require_integer

from ..certificate.proof import certify
from ..networks.clean_classifier import coordinate_classifier
from ..networks.memorizer import Memorizer, memorize
from ..networks.training_set import training_set

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HypercubeInstance:
    """K = 2^(D-1) labelled corners. labels: (K,), ±1; 0 < ``offset`` (τ) < ``perturbation_radius`` (δ) < 1/2."""

    input_dimension: int
    labels: Array
    offset: float = 0.125
    perturbation_radius: float = 0.25

    def __post_init__(self) -> None:
        require_integer("input_dimension", self.input_dimension, 2, 30)
        if self.labels.shape != (self.num_corners,) or not np.all(np.abs(self.labels) == 1.0):
            raise InvalidInput("labels", self.labels.shape, f"{self.num_corners} values -1 or +1")
        if not 0.0 < self.offset < self.perturbation_radius < 0.5:
            raise InvalidInput("offset", self.offset, "0 < offset < perturbation_radius < 1/2")

    @property
    def num_corners(self) -> int:
        """K."""
        return 1 << (self.input_dimension - 1)

    def points(self, corners: Indices) -> Array:
        """The inputs (c, τ y(c)). corners: (n,) in [0, K) -> (n, D)"""
        bits = corners[:, None] >> np.arange(self.input_dimension - 1) & 1
        return np.hstack([bits.astype(np.float64), self.offset * self.labels[corners][:, None]])

    def attacked(self, corners: Indices) -> Array:
        """The points of the balls with x_D moved by δ against the label; exact for dyadic τ and δ."""
        points = self.points(corners)
        points[:, -1] -= self.perturbation_radius * self.labels[corners]
        return points

    def memorizer(self, corners: Indices) -> Memorizer:
        """The memorizer of the sampled corners, ramp min(1 - 2δ, δ) whichever labels the sample has."""
        data = training_set(self.points(corners), self.labels[corners])
        clean = coordinate_classifier(self.input_dimension, self.input_dimension - 1)
        # 1e-9 less than 1 - 2δ, because the measured gap is rounded down.
        ramp = min((1.0 - 2.0 * self.perturbation_radius) * (1.0 - 1e-9), self.perturbation_radius)
        return memorize(data, self.perturbation_radius, math.inf, clean, ramp_width=ramp)


def random_instance(input_dimension: int, seed: int) -> HypercubeInstance:
    """Independent fair labels on all corners."""
    rng = np.random.default_rng([seed, input_dimension])
    return HypercubeInstance(input_dimension, rng.choice((-1.0, 1.0), size=2 ** (input_dimension - 1)))


@dataclass(frozen=True)
class CornerVerdicts:
    """Of ``total`` corners: misclassified somewhere in the ball (proved), robust (proved); the rest is open."""

    broken: int
    robust: int
    total: int


def judge_corners(instance: HypercubeInstance, memorizer: Memorizer, corners: Indices) -> CornerVerdicts:
    """Decide each corner on the built network: attacked point by intervals, ball by the certificate.

    Broken: interval bounds at the attacked point prove y f <= 0. Robust: the certificate, run for the corners
    it saw, or interval bounds over the ball. corners: (n,), distinct.
    """
    labels = instance.labels[corners]
    attacked = instance.attacked(corners)
    at_point = memorizer.circuit.at_points(attacked)
    broken = np.where(labels > 0, at_point.high <= 0.0, at_point.low >= 0.0)
    proof = certify(memorizer.circuit, memorizer.data, memorizer.perturbation_radius, math.inf, max_witnesses=0)
    held = {tuple(row) for row in memorizer.data.points[proof.margins > 0.0].tolist()}
    robust = np.array([tuple(row) in held for row in instance.points(corners).tolist()])
    return CornerVerdicts(int(np.sum(broken & ~robust)), int(np.sum(robust & ~broken)), int(corners.size))


@dataclass(frozen=True)
class ExactError:
    """The expected robust test error at one size, from built networks, with offset τ and radius δ.

    ``expectation`` is over the sample: the mean over *all* K^N samples' networks, or the occupancy law's, after
    one sample's network matched 1 - distinct/K at every corner. ``mismatch`` is the largest |measured - (1 -
    distinct/K)| over the networks built.
    """

    input_dimension: int
    num_samples: int
    expectation: Fraction
    mismatch: Fraction
    networks: int
    offset: float
    perturbation_radius: float


def enumerate_samples(instance: HypercubeInstance, samples: Iterable[tuple[int, ...]], size: int) -> ExactError:
    """Build the network of every given sample of ``size`` corners and judge every corner of each."""
    everyone = np.arange(instance.num_corners)
    total, mismatch, count = Fraction(0), Fraction(0), 0
    for sample in samples:
        verdicts = judge_corners(instance, instance.memorizer(np.array(sample)), everyone)
        error = Fraction(verdicts.broken, verdicts.total)
        if verdicts.broken + verdicts.robust != verdicts.total:
            error = Fraction(-1)  # an undecided corner: no number, and far from any prediction
        mismatch = max(mismatch, abs(error - 1 + Fraction(len(set(sample)), verdicts.total)))
        total += error
        count += 1
    lengths = (instance.offset, instance.perturbation_radius)
    return ExactError(instance.input_dimension, size, total / count, mismatch, count, *lengths)


def every_sample(instance: HypercubeInstance, num_samples: int) -> ExactError:
    """All K^N samples with replacement, each with its own network."""
    samples = itertools.product(range(instance.num_corners), repeat=num_samples)
    return enumerate_samples(instance, samples, num_samples)


def one_sample(instance: HypercubeInstance, num_samples: int, seed: int) -> ExactError:
    """One sample's network judged at all K corners, and the expectation by the occupancy law."""
    rng = np.random.default_rng([seed, instance.input_dimension, num_samples])
    sample = tuple(int(corner) for corner in rng.integers(instance.num_corners, size=num_samples))
    single = enumerate_samples(instance, [sample], num_samples)
    expectation = occupancy_expectation(instance.num_corners, num_samples)
    return replace(single, expectation=expectation)


def occupancy_expectation(num_corners: int, num_samples: int) -> Fraction:
    """E[unseen corners]/K by counting samples: a(n, u) = u a(n-1, u) + (K-u+1) a(n-1, u-1) of K^n see u corners.

    >>> occupancy_expectation(4, 2)
    Fraction(9, 16)
    """
    counts = [1]
    for _ in range(num_samples):
        longer = [0] * min(len(counts) + 1, num_corners + 1)
        for seen, ways in enumerate(counts):
            longer[seen] += seen * ways
            if seen < num_corners:
                longer[seen + 1] += (num_corners - seen) * ways
        counts = longer
    unseen = sum((num_corners - seen) * ways for seen, ways in enumerate(counts))
    return Fraction(unseen, num_corners ** (num_samples + 1))


@dataclass(frozen=True)
class SampledError:
    """Independent trials, each a fresh sample's network and a fresh test corner; offset τ and radius δ."""

    input_dimension: int
    num_samples: int
    broken: int
    robust: int
    trials: int
    offset: float
    perturbation_radius: float


def sample_error(input_dimension: int, num_samples: int, trials: int, seed: int) -> SampledError:
    """Monte Carlo beyond enumeration: the fraction of trials whose test corner is proved broken, or robust."""
    instance = random_instance(input_dimension, seed)
    rng = np.random.default_rng([seed, input_dimension, num_samples, trials])
    broken = robust = 0
    for _ in range(trials):
        sample = rng.integers(instance.num_corners, size=num_samples)
        corner = rng.integers(instance.num_corners, size=1)
        circuit = instance.memorizer(sample).circuit
        label = float(instance.labels[corner[0]])
        point, attacked = instance.points(corner), instance.attacked(corner)
        radius = instance.perturbation_radius
        ball, hit = circuit.interval(point - radius, point + radius), circuit.at_points(attacked)
        robust += bool((ball.low[0] if label > 0 else -ball.high[0]) > 0.0)
        broken += bool((hit.high[0] if label > 0 else -hit.low[0]) <= 0.0)
    lengths = (instance.offset, instance.perturbation_radius)
    return SampledError(input_dimension, num_samples, broken, robust, trials, *lengths)
