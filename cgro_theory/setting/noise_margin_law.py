"""The law of a fresh point's noise margin, and with it every test error, exactly (theory.md 2.2.4).

The noise of a fresh point is independent of the weights, so its preactivations are N(0, C) per patch with
C = σ² · (Gram matrix of the weights orthogonal to w*). V = Σ_j Σ_r phi_q(g_jr) is odd in the noise, hence
symmetric, and homogeneous of degree q: V = ρ^q V(s) for a direction s and an independent radius ρ, ρ² ~ χ².
Averaging the exact χ² tail over sampled directions gives tail probabilities far below 1/(number of samples).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.confidence import empirical_bernstein

Array = NDArray[np.float64]

DIRECTIONS = 4096
"""Sampled unless another number is asked for."""


@dataclass(frozen=True)
class Probability:
    """An estimated probability with an interval of stated confidence, as low <= estimate <= high."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class NoiseMarginLaw:
    """The law of V for one set of weights.

    Attributes:
        covariance: C, the covariance of one patch's preactivations. shape: (m, m)
        degree: q >= 2.
        noise_patches: J >= 1.
    """

    covariance: Array
    degree: int
    noise_patches: int

    def __post_init__(self) -> None:
        covariance = self.covariance
        if covariance.ndim != 2 or covariance.shape[0] != covariance.shape[1]:
            raise InvalidInput("shape of covariance", covariance.shape, "(m, m)")
        if not np.all(np.isfinite(covariance)) or np.any(np.diag(covariance) < 0):
            raise InvalidInput("covariance", "a matrix that is not", "finite with a diagonal >= 0")

    @property
    def variance(self) -> float:
        """Var V = J Σ_rs E[phi_q(g_r) phi_q(g_s)], exactly; q = 3: J Σ_rs (9 C_rr C_ss C_rs + 6 C_rs³)."""
        return float(self.noise_patches * activation_covariance(self.covariance, self.degree).sum())

    def log_tail_bound(self, threshold: float) -> float:
        """A rigorous upper bound of log P(|V| > threshold), by Markov's inequality at the best moment p >= 2.

        ‖V‖_p is at most J Σ_r C_rr^(q/2) (E|N|^(pq))^(1/p) by the triangle inequality; for odd q, where V is a
        polynomial of degree q in normal variables, also at most (p-1)^(q/2) (Var V)^(1/2) by
        hypercontractivity. p = 2 with the exact variance is Chebyshev's bound. Never above 0.
        """
        if threshold <= 0:
            return 0.0
        moments = np.geomspace(2.0, 4000.0, 400)
        log_threshold = math.log(threshold)
        scale = float(np.sum(np.sqrt(np.diag(self.covariance)) ** self.degree))
        if scale == 0.0:
            return -math.inf
        log_norms = math.log(self.noise_patches * scale) + _log_absolute_moment(moments * self.degree) / moments
        variance = self.variance
        if variance > 0.0:
            log_std = 0.5 * math.log(variance)
            log_norms[0] = min(log_norms[0], log_std)
            if self.degree % 2 == 1:
                hyper = log_std + 0.5 * self.degree * np.log(moments - 1.0)
                log_norms = np.minimum(log_norms, hyper)
        bounds = moments * (log_norms - log_threshold)
        return min(0.0, float(bounds.min()) + 1e-9 * (1.0 + abs(float(bounds.min()))))

    def chebyshev_bound(self, threshold: float) -> float:
        """Var V / threshold², an upper bound of P(|V| > threshold); at most 1."""
        if threshold <= 0:
            return 1.0
        return min(1.0, self.variance / threshold / threshold)

    def directional_margins(self, directions: int, generator: np.random.Generator) -> Array:
        """|V(s)| for uniformly sampled directions s of the J·m normal variables. shape: (directions,)"""
        width = self.covariance.shape[0]
        factor = _square_root(self.covariance)
        normals = generator.standard_normal((directions, self.noise_patches * width))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        preactivations = normals.reshape(directions, self.noise_patches, width) @ factor.T
        terms = preactivations * np.abs(preactivations) ** (self.degree - 1)
        return np.asarray(np.abs(terms.sum(axis=(1, 2))))

    def tails_along(self, margins: Array, threshold: float) -> Array:
        """P(|V| > threshold | direction) for directions with these :meth:`directional_margins`; same shape."""
        freedom = self.noise_patches * self.covariance.shape[0]
        with np.errstate(divide="ignore"):
            radii = (max(threshold, 0.0) / margins) ** (2.0 / self.degree)
        return np.asarray(special.chdtrc(freedom, radii))

    def small_ball_probabilities(self, threshold: float, samples: int, generator: np.random.Generator) -> Array:
        """P(|V| <= threshold) given all but one direction of the noise; their mean is unbiased. shape: (samples,)

        The direction moves every preactivation up, so V is increasing along it and the event is one interval of
        a standard normal variable, found by bisection. Unlike a count of points it resolves small thresholds
        (P is about threshold times a density), and its variance is finite for J·m > 4 and q <= 3.
        """
        if threshold <= 0:
            return np.zeros(samples)
        width, patches = self.covariance.shape[0], self.noise_patches
        factor = _square_root(self.covariance)
        ups = np.sqrt(np.diag(self.covariance))
        direction = np.linalg.lstsq(factor, ups, rcond=None)[0]
        direction = np.tile(direction, patches)
        direction /= np.linalg.norm(direction)
        normals = generator.standard_normal((samples, patches * width))
        normals -= (normals @ direction)[:, None] * direction
        rest = (normals.reshape(samples, patches, width) @ factor.T).reshape(samples, -1)
        slope = (direction.reshape(patches, width) @ factor.T).reshape(-1)
        ends = [_crossing(rest, slope, self.degree, level) for level in (-threshold, threshold)]
        return np.asarray(special.ndtr(ends[1]) - special.ndtr(ends[0]))

    def exceedance(
        self,
        threshold: float,
        failure_probability: float,
        *,
        directions: int = DIRECTIONS,
        generator: np.random.Generator,
        along: Array | None = None,
    ) -> Probability:
        """P(|V| > threshold): estimate by directions, interval by empirical Bernstein and the moment bound.

        ``along``: :meth:`directional_margins` that are at hand, in place of those of new directions.

        The interval's upper end is the smaller of the sampled and the rigorous bound, so it is never 0 by luck.
        Deep in the tail a few rare directions decide, and the estimate, a mean over directions, can be far too
        small; the interval holds.
        """
        if threshold <= 0:
            return Probability(1.0, 1.0, 1.0)
        sampled = self.directional_margins(directions, generator) if along is None else along
        tails = self.tails_along(sampled, threshold)
        ends = empirical_bernstein(tails, failure_probability)
        # One float up, so that a bound below the smallest float is still positive.
        rigorous = math.nextafter(math.exp(self.log_tail_bound(threshold)), 1.0)
        high = max(min(ends.high, rigorous), ends.low)
        estimate = float(tails.mean())
        return Probability(min(max(estimate, ends.low), high), ends.low, high)


def error_at_margin(
    law: NoiseMarginLaw,
    signal_margin: float,
    failure_probability: float,
    *,
    directions: int = DIRECTIONS,
    generator: np.random.Generator,
    along: Array | None = None,
) -> Probability:
    """The test error at a signal margin z: ½ P(|V| > z) for z >= 0, else 1 - ½ P(|V| > |z|).

    With z = α^q U this is the clean test error; with z̃ = φ_q(α - δ sgn U) U the robust one under ``span``.
    """
    tail = law.exceedance(
        abs(signal_margin), failure_probability, directions=directions, generator=generator, along=along
    )
    if signal_margin >= 0:
        return Probability(tail.estimate / 2, tail.low / 2, tail.high / 2)
    return Probability(1 - tail.estimate / 2, 1 - tail.high / 2, 1 - tail.low / 2)


def directional_errors(
    law: NoiseMarginLaw, signal_margin: float, *, directions: int, generator: np.random.Generator
) -> Array:
    """The test error at a signal margin given sampled directions; their mean is unbiased. shape: (directions,)"""
    return errors_along(law, law.directional_margins(directions, generator), signal_margin)


def errors_along(law: NoiseMarginLaw, along: Array, signal_margin: float) -> Array:
    """The same for directions with these :meth:`NoiseMarginLaw.directional_margins`; same shape."""
    tails = law.tails_along(along, abs(signal_margin))
    return tails / 2 if signal_margin >= 0 else 1.0 - tails / 2


def activation_covariance(covariance: Array, degree: int) -> Array:
    """E[phi_q(g_r) phi_q(g_s)] for g ~ N(0, C). shape: (m, m)

    In polar coordinates of the pair (g_r, g_s) with correlation cos ω the mean is (C_rr C_ss)^(q/2) · 2^q q! ·
    (1/2π) ∫ phi_q(cos θ) phi_q(cos(θ - ω)) dθ; between the sign changes the integrand is a trigonometric
    polynomial of degree 2q, which Gauss-Legendre integrates to rounding.
    """
    scale = np.sqrt(np.diag(covariance))
    product = np.outer(scale, scale)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(product > 0, covariance / product, 0.0)
    angle = np.arccos(np.clip(correlation, -1.0, 1.0))
    nodes, weights = np.polynomial.legendre.leggauss(2 * degree + 12)
    total = np.zeros_like(angle)
    # By symmetry integrate over θ in [ω - π/2, ω + π/2], where cos(θ - ω) >= 0; cos θ changes sign at π/2.
    for start, end in ((angle - np.pi / 2, np.full_like(angle, np.pi / 2)), (np.pi / 2, angle + np.pi / 2)):
        half = (end - start) / 2
        theta = (start + end)[..., None] / 2 + half[..., None] * nodes
        first, second = np.cos(theta), np.cos(theta - angle[..., None])
        values = np.sign(first) * np.abs(first) ** degree * np.abs(second) ** degree
        total += (values * weights).sum(-1) * half
    factor = 2.0**degree * math.factorial(degree) / math.pi
    return np.asarray(product**degree * factor * total)


def _log_absolute_moment(order: Array) -> Array:
    """log E|N|^s for a standard normal N: s/2 log 2 + log Γ((s+1)/2) - log Γ(1/2)."""
    moments = order / 2 * math.log(2.0) + special.gammaln((order + 1) / 2) - special.gammaln(0.5)
    return np.asarray(moments)


def _crossing(rest: Array, slope: Array, degree: int, level: float) -> Array:
    """The s with Σ_r phi_q(rest_r + s slope_r) = level, for slope > 0. shapes: (k, m), (m,) -> (k,)"""
    low, high = np.full(rest.shape[0], -40.0), np.full(rest.shape[0], 40.0)
    for _ in range(70):
        middle = 0.5 * (low + high)
        moved = rest + middle[:, None] * slope
        below = (np.sign(moved) * np.abs(moved) ** degree).sum(axis=1) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(0.5 * (low + high))


def _square_root(covariance: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)))
