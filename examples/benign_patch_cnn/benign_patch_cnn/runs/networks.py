"""One network at a time: trained by gradient flow until its points are fitted, and the SNR at which that turns.

Nothing here knows the race's constants: a bracket is two trained networks, one on either side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cgro_theory.claims import Interval
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.initial_draw import InitialDraw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import first_memorization, initial_draws_of
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import SubspaceProblem, draw_subspace_problem

DIMENSION = 10**18
"""d, which costs nothing: σ0 √d is to be large against N (README.md, section 3)."""
WIDTH = 40
INIT_STD = {3: 1e-4, 4: 1e-3}
"""σ0 by degree: the transition is (α σ0)^(q-2) wide."""
HORIZON = 100.0
"""Runs end at this times N σ0^(2-q) (σ√d)^-q, long after the last point is fitted."""
FITTED = 0.01
"""Training loss above which a run has not come to its end."""
TOLERANCE = 1e-5
"""Of the flow's integrator, per step."""
HALF_WIDTH = 5e-4
"""Networks on either side are first trained at this distance, in log SNR, from where the boundary should be."""
WIDEST = 1.0
"""Distance, in log SNR, at which a boundary is given up."""
FRESH_POINTS = 256


@dataclass(frozen=True)
class Trained:
    """How one run ended. ``used``: the part 1 - (u_0/u)^(q-2) of the signal's clock that is gone.

    u is the largest u_r. ``signal_first``: z reached 1 before any V_i. ``failure``: why there is no end, if so.
    """

    snr: float
    test_loss: float
    attacked_test_loss: float
    signal_first: bool
    used: float
    failure: str = ""


@dataclass(frozen=True)
class Bracket:
    """log SNR of the highest trained network below the boundary and of the lowest above; infinite for none."""

    low: float
    high: float
    failure: str = ""

    @property
    def middle(self) -> float:
        """Halfway between both."""
        return (self.low + self.high) / 2.0

    @property
    def snr(self) -> Interval:
        """Both as SNR."""
        return Interval(math.exp(self.low), math.exp(self.high))


@dataclass(frozen=True)
class Start:
    """A training set with initial weights at SNR 1. ``by_noise``: SNR is changed by σ, not by α."""

    problem: SubspaceProblem
    by_noise: bool = False

    @classmethod
    def draw(cls, degree: int, samples: int, seed: int, by_noise: bool) -> Start:
        """At α = 1 and σ√d = 1, λ = 0."""
        sizes = DIMENSION, samples, 2, WIDTH, degree
        setting = PatchSetting(*sizes, 1.0, DIMENSION**-0.5, INIT_STD[degree], 1.0, 0.0)
        return cls(draw_subspace_problem(setting, (seed,)), by_noise)

    @property
    def initial(self) -> InitialDraw:
        """What predictions may see."""
        return initial_draws_of(self.problem)[0]

    def part(self, first: int, size: int) -> Start:
        """The same weights with the points ``first`` to ``first + size`` alone, in a basis of their own."""
        whole, rows = self.problem, slice(first, first + size)
        factor = np.linalg.cholesky(whole.gram[:, rows, rows])
        coordinates = np.linalg.solve(factor, whole.preactivations[:, rows]).swapaxes(-1, -2)
        rest = whole.weight_gram_at(whole.preactivations) - coordinates @ coordinates.swapaxes(-1, -2)
        part = replace(
            whole,
            setting=replace(whole.setting, num_samples=size),
            labels=whole.labels[:, rows],
            noise_factor=factor,
            coordinates=np.ascontiguousarray(coordinates),
            residual_factor=np.linalg.cholesky(rest),
        )
        return replace(self, problem=part)

    def attacked(self, weight: float, fraction: float) -> Start:
        """The same under adversarial training with λ and κ."""
        setting = replace(self.problem.setting, adversarial_weight=weight, attacked_signal_fraction=fraction)
        return replace(self, problem=replace(self.problem, setting=setting))

    def at(self, snr: float) -> SubspaceProblem:
        """The problem at this SNR, by α or by σ."""
        own = self.problem
        if not self.by_noise:
            return replace(own, setting=replace(own.setting, signal_strength=snr))
        setting = replace(own.setting, noise_std=own.setting.noise_std / snr)
        return replace(own, setting=setting, noise_factor=own.noise_factor / snr)

    def train(self, log_snr: float, *, to_first: bool = False) -> Trained:
        """Train one network to the horizon, or with ``to_first`` to its first memorized point."""
        snr = math.exp(log_snr)
        problem = self.at(snr)
        setting, degree = problem.setting, problem.setting.degree
        norm = setting.noise_std * math.sqrt(setting.patch_dimension)
        runs = integrate_flow(
            problem,
            horizon=HORIZON * setting.num_samples * setting.init_std ** (2 - degree) * norm**-degree,
            relative_tolerance=TOLERANCE,
            stop_when_memorized=to_first,
            enough_memorized=1 if to_first else None,
            num_checkpoints=2,
        )
        failure = runs.why_broken(0) if runs.broken else ""
        if not failure and not to_first and not runs.objective[0, -1] <= FITTED:
            failure = f"training loss {runs.objective[0, -1]:.3g} at the horizon (seed {problem.seeds[0]})"
        if failure:
            return Trained(snr, math.nan, math.nan, False, math.nan, failure)
        law = runs.final_noise_margin_laws()[0]
        generator = np.random.default_rng(derived_seed(problem.seeds[0], "fresh points", setting.num_samples))
        fresh = generator.standard_normal((FRESH_POINTS, setting.width)) @ np.linalg.cholesky(law.covariance).T
        noise = (np.sign(fresh) * np.abs(fresh) ** degree).sum(axis=1)
        margins = runs.final_signal_margin[0], runs.final_attacked_signal_margin[0]
        clean, attacked = (float(np.logaddexp(0.0, -(margin + noise)).mean()) for margin in margins)
        leader = int(runs.signal_projections[0, 0].argmax())
        grown = runs.signal_projections[0, 0, leader] / runs.final_signal_projections[0, leader]
        first = bool(runs.signal_time[0] < first_memorization(runs)[0])  # false for NaN
        return Trained(snr, clean, attacked, first, 1.0 - float(grown) ** (degree - 2))


Question = Callable[[float], tuple[bool, Trained]]
"""Trains a network at a log SNR: whether it lies above the boundary, and how it ended."""


def suggest(ask: Question, start: float, degree: int) -> float:
    """Where the boundary should be, from a network below it: the signal's clock runs like SNR^q."""
    step = 0.1
    while step < 10.0 * WIDEST:
        above, run = ask(start)
        if run.failure:
            break
        if not above:
            return start - math.log(run.used) / degree
        start, step = start - step, 2.0 * step
    return start


def locate(ask: Question, centre: float) -> Bracket:
    """Networks below and above the boundary, at distances from ``centre`` that double until both are found."""
    low, high = -math.inf, math.inf
    for sign in (-1.0, 1.0):
        distance, above = HALF_WIDTH, sign < 0.0
        while above is (sign < 0.0) and distance < WIDEST:
            place = centre + sign * distance
            above, run = ask(place)
            if run.failure:
                return Bracket(-math.inf, math.inf, run.failure)
            low, high = (low, min(high, place)) if above else (max(low, place), high)
            distance *= 2.0
    return Bracket(low, high) if low < high else Bracket(-math.inf, math.inf, "benign below a harmful network")
