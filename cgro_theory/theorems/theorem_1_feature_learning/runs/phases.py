"""Trained networks across the phases: one cell of a phase map, and the two boundaries found by retraining.

Everything here is measured: networks are trained by gradient flow at each κ that is tried, and the boundaries
are bracketed by networks on either side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Prediction
from cgro_theory.numerics.confidence import empirical_bernstein
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw, directional_errors
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.counted_errors import measure_errors
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import (
    first_memorization,
    group_horizon,
    initial_draws_of,
    seed_parts,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import (
    predict_memorization_boundary,
    predict_overfitting_boundary,
    race_horizon,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import InitialDraw
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import SubspaceProblem, draw_subspace_problem

HALF_OVERFITTED = 0.25
"""Robust test error at the overfitting boundary: half of its value under full robust overfitting."""
GENERALIZED = 0.05
"""A clean test error above this is no clean generalization."""
MEMORIZATION_RESOLUTION = 1e-4
"""Relative width to which the phase boundary is bracketed."""
OVERFITTING_RESOLUTION = 1.04
"""Factor on either side to which the overfitting boundary is bracketed, where its error intervals allow it."""
WIDEST_SEARCH = 100.0
"""Factor on either side of the first guess beyond which the overfitting boundary is given up."""
DIRECTIONS = 8192
"""Sampled directions per evaluation of the law of a fresh point's noise margin."""
LAW_FAILURE = 1e-6
"""Failure probability of the interval of one such evaluation."""


class Phase(Enum):
    """What a trained network does; values are the names in figures and data."""

    OVERFITS = "memorizes, robust overfitting (CGRO)"
    ROBUST = "memorizes, robust generalization"
    UNMEMORIZED = "no memorization, robust generalization"
    UNMEMORIZED_FRAGILE = "no memorization, not robust"
    UNGENERAL = "no clean generalization"


@dataclass(frozen=True)
class Cell:
    """One trained network: where it is in the map, and what it did.

    Attributes:
        setting, seed: of the run.
        memorized: how many V_i reached 1 by the end.
        signal_margin: z at the end.
        signal_time, first_memorization, end: times; inf where not reached.
        law: the law of a fresh point's noise margin under the final weights.
        clean_wrong, robust_wrong: misclassified points out of ``test_points`` fresh ones.
        failure: why the run has no usable numbers, or nothing.
    """

    setting: PatchSetting
    seed: int
    memorized: int
    signal_margin: float
    signal_time: float
    first_memorization: float
    end: float
    law: NoiseMarginLaw
    clean_wrong: int
    robust_wrong: int
    test_points: int
    failure: str = ""

    def clean_errors(self) -> NDArray[np.float64]:
        """The clean test error given sampled directions of the noise. shape: (DIRECTIONS,)"""
        return self._errors(self.signal_margin)

    def robust_errors(self, fraction: float) -> NDArray[np.float64]:
        """The robust test error under ``span`` at κ = ``fraction``, given directions. shape: (DIRECTIONS,)"""
        kept = fraction if self.signal_margin >= 0 else 2.0 - fraction
        return self._errors(self.signal_margin * math.copysign(abs(kept) ** self.setting.degree, kept))

    @property
    def robust_error(self) -> float:
        """The robust test error under the attack of training, by the exact law."""
        return float(self.robust_errors(self.setting.attacked_signal_fraction).mean())

    @property
    def phase(self) -> Phase:
        """Which phase the network is in."""
        if self.clean_errors().mean() > GENERALIZED:
            return Phase.UNGENERAL
        overfits = self.robust_error > HALF_OVERFITTED
        if self.memorized:
            return Phase.OVERFITS if overfits else Phase.ROBUST
        return Phase.UNMEMORIZED_FRAGILE if overfits else Phase.UNMEMORIZED

    def _errors(self, margin: float) -> NDArray[np.float64]:
        generator = np.random.default_rng(derived_seed(self.seed, "cell's law", *seed_parts(self.setting)))
        return directional_errors(self.law, margin, directions=DIRECTIONS, generator=generator)


@dataclass(frozen=True)
class LocatedBoundary:
    """A boundary in κ between two trained networks, one on either side: ``low`` < κ < ``high``.

    Where no network was found on a side, the bracket has no end there: ``low`` 0 or ``high`` inf. ``assumed`` is
    the setting that the prediction is told (κ plays no part), ``end`` a time that no run passed, ``cells`` the
    networks that were trained and tested on the way.
    """

    assumed: PatchSetting
    seed: int
    draw: InitialDraw
    low: float
    high: float
    end: float
    cells: tuple[Cell, ...] = ()
    failure: str = ""

    @property
    def is_bracketed(self) -> bool:
        """Whether networks were found on both sides."""
        return not self.failure and self.low > 0.0 and math.isfinite(self.high)

    @cached_property
    def predicted_overfitting(self) -> Prediction:
        """What κ_1 should be, from the draw."""
        return predict_overfitting_boundary(self.assumed, self.draw, self.end)

    @cached_property
    def predicted_memorization(self) -> Prediction:
        """What κ* should be, from the draw."""
        return predict_memorization_boundary(self.assumed, self.draw)


OVERFITTING: Callable[[LocatedBoundary], Prediction] = attrgetter("predicted_overfitting")
MEMORIZATION: Callable[[LocatedBoundary], Prediction] = attrgetter("predicted_memorization")


def train_cell(setting: PatchSetting, seed: int, test_points: int) -> Cell:
    """Train one network by gradient flow, until all points are memorized or clearly none will be."""
    problem = draw_subspace_problem(setting, (seed,))
    horizon = group_horizon(setting, problem)
    if setting.adversarial_weight > 0.0:
        horizon = max(horizon, race_horizon(setting, initial_draws_of(problem)[0]))
    runs = integrate_flow(problem, horizon=horizon)
    errors = measure_errors(runs, test_points=test_points)
    signal_time = runs.signal_time[0]
    return Cell(
        setting=setting,
        seed=seed,
        memorized=int(np.isfinite(runs.memorization_times[0]).sum()),
        signal_margin=float(runs.final_signal_margin[0]),
        signal_time=float(signal_time) if np.isfinite(signal_time) else math.inf,
        first_memorization=float(first_memorization(runs)[0]),
        end=float(runs.final_time[0]),
        law=runs.final_noise_margin_laws()[0],
        clean_wrong=int(errors.clean_test[0]),
        robust_wrong=int(errors.robust_test[0]),
        test_points=test_points,
        failure=runs.why_broken(0) if runs.broken else "",
    )


def locate_overfitting_boundary(setting: PatchSetting, seed: int, test_points: int) -> LocatedBoundary:
    """Bracket the κ at which the robust test error of the network trained there is 1/4.

    A first network, at κ = 1/√d, suggests where to look; networks are trained ever farther below and above,
    until the intervals of their robust test errors exclude 1/4, and then between the two by bisection.
    """
    cells: list[Cell] = []

    def side(fraction: float) -> int:
        """1 where the network surely errs more than 1/4, -1 where surely less, 0 where that is not clear."""
        cells.append(train_cell(replace(setting, attacked_signal_fraction=fraction), seed, test_points))
        ends = empirical_bernstein(cells[-1].robust_errors(fraction), LAW_FAILURE)
        return int(ends.low > HALF_OVERFITTED) - int(ends.high < HALF_OVERFITTED)

    side(1.0 / math.sqrt(setting.patch_dimension))
    guess = _suggest(cells[0])
    low, high = (guess / OVERFITTING_RESOLUTION, min(1.0, guess * OVERFITTING_RESOLUTION))
    while (below := side(low)) <= 0 and low > guess / WIDEST_SEARCH:
        low /= 2.0 * OVERFITTING_RESOLUTION
    while (above := side(high)) >= 0 and high < min(1.0, guess * WIDEST_SEARCH):
        high = min(1.0, high * 2.0 * OVERFITTING_RESOLUTION)
    while below > 0 > above and high > low * OVERFITTING_RESOLUTION**2.01:
        middle = math.sqrt(low * high)
        where = side(middle)
        if where == 0:
            break
        low, high = (middle, high) if where > 0 else (low, middle)
    return LocatedBoundary(
        assumed=setting,
        seed=seed,
        draw=_draw(draw_subspace_problem(setting, (seed,))),
        low=low if below > 0 else 0.0,
        high=high if above < 0 else math.inf,
        end=max(cell.end for cell in cells),
        cells=tuple(cells),
        failure=next((cell.failure for cell in cells if cell.failure), ""),
    )


def locate_memorization_boundary(setting: PatchSetting, seed: int) -> LocatedBoundary:
    """Bracket the κ above which no point is memorized within the race's horizon, by bisection of [1/√d, 1]."""
    problem = draw_subspace_problem(setting, (seed,))
    draw = _draw(problem)
    horizon, failure = race_horizon(setting, draw), ""

    def memorizes(fraction: float) -> bool:
        nonlocal failure
        at = replace(setting, attacked_signal_fraction=fraction)
        runs = integrate_flow(replace(problem, setting=at), horizon=horizon, enough_memorized=1)
        if runs.broken:
            failure = runs.why_broken(0)
        return bool(np.isfinite(runs.memorization_times).any())

    low, high = 1.0 / math.sqrt(setting.patch_dimension), 1.0
    if not memorizes(low):
        low, high = 0.0, low
    elif memorizes(high):
        low, high = high, math.inf
    while not failure and 0.0 < low < high / (1.0 + MEMORIZATION_RESOLUTION) < math.inf:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if memorizes(middle) else (low, middle)
    return LocatedBoundary(setting, seed, draw, low, high, horizon, failure=failure)


def _draw(problem: SubspaceProblem) -> InitialDraw:
    return initial_draws_of(problem)[0]


def _suggest(cell: Cell) -> float:
    """Where the robust error would be 1/4 if the network kept its weights at every κ."""
    if cell.failure or not cell.signal_margin > 0:
        return cell.setting.attacked_signal_fraction
    low, high = 1e-6 * cell.setting.attacked_signal_fraction, 1.0
    while high > low * 1.001:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if cell.robust_errors(middle).mean() > HALF_OVERFITTED else (low, middle)
    return math.sqrt(low * high)
