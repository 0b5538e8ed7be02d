"""Trained networks across the phases: one cell of a phase map, and the two boundaries found by retraining.

Everything here is measured: networks are trained by gradient flow at each κ that is tried, and the boundaries
are bracketed by networks on either side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from cgro_theory.numerics.confidence import empirical_bernstein
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw, errors_along
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.remembered import once_per_object
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import SubspaceProblem, draw_subspace_problem

from ..theory.boundaries import race_horizon
from ..theory.signal import InitialDraw
from .counted_errors import measure_errors
from .initial_draws import first_memorization, group_horizon, initial_draws_of, seed_parts

HALF_OVERFITTED = 0.25
"""Robust test error at the overfitting boundary: half of its value under full robust overfitting."""
OVER_ATTACKED = 0.75
"""A robust test error above this is that of an attack that turns the signal around: halfway from 1/2 to 1."""
GENERALIZED = 0.05
"""A clean test error above this is no clean generalization."""
MEMORIZATION_RESOLUTION = 1e-4
"""Relative width to which the phase boundary is bracketed."""
NEAREST_FACTOR = 1.02
"""First networks on either side of the overfitting boundary are trained at this factor from where it should be."""
WIDEST_FACTOR = 100.0
"""Factor on either side of the first guess beyond which the overfitting boundary is given up."""
MOST_GUESSES = 12
"""Networks trained to find where to look for the overfitting boundary."""
BOUNDARY_DIRECTIONS = 65_536
"""Sampled directions that tell whether a network's robust error is above 1/4 or below."""
FEWEST = 2
"""Checkpoints of a run of which only the end is looked at."""
DIRECTIONS = 8192
"""Sampled directions per evaluation of the law of a fresh point's noise margin."""
LAW_FAILURE = 1e-10
"""Failure probability of the interval of one such evaluation: some hundred of them are far less than what the last
look leaves of a claim's share, which nothing else spends."""


class Phase(Enum):
    """What a trained network does; values are the names in figures and data."""

    OVERFITS = "memorizes, robust overfitting (CGRO)"
    OVER_ATTACKED = "memorizes, robust test error above 3/4 (over-attack)"
    ROBUST = "memorizes, robust generalization"
    UNMEMORIZED = "no memorization, robust generalization"
    UNMEMORIZED_FRAGILE = "no memorization, not robust"
    UNGENERAL = "no clean generalization"


@dataclass(frozen=True, eq=False)
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

    def robust_errors(self, fraction: float, directions: int = DIRECTIONS) -> NDArray[np.float64]:
        """The robust test error under ``span`` at κ = ``fraction``, given directions. shape: (directions,)"""
        kept = fraction if self.signal_margin >= 0 else 2.0 - fraction
        margin = self.signal_margin * math.copysign(abs(kept) ** self.setting.degree, kept)
        return self._errors(margin, directions)

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
            if self.robust_error > OVER_ATTACKED:
                return Phase.OVER_ATTACKED
            return Phase.OVERFITS if overfits else Phase.ROBUST
        return Phase.UNMEMORIZED_FRAGILE if overfits else Phase.UNMEMORIZED

    def _errors(self, margin: float, directions: int = DIRECTIONS) -> NDArray[np.float64]:
        return errors_along(self.law, _sampled_margins(self, directions), margin)


@once_per_object
def _sampled_margins(cell: Cell, directions: int) -> NDArray[np.float64]:
    """Noise margins along sampled directions, the same for every signal margin. shape: (directions,)"""
    generator = np.random.default_rng(derived_seed(cell.seed, "cell's law", *seed_parts(cell.setting)))
    return cell.law.directional_margins(directions, generator)


@dataclass(frozen=True)
class LocatedBoundary:
    """A boundary in κ between two trained networks, one on either side: ``low`` < κ < ``high``.

    Where no network was found on a side, the bracket has no end there: ``low`` 0 or ``high`` inf. Of ``setting`` κ
    plays no part; ``cells`` are the networks that were trained and tested on the way.
    """

    setting: PatchSetting
    seed: int
    draw: InitialDraw
    low: float
    high: float
    cells: tuple[Cell, ...] = ()
    failure: str = ""

    @property
    def is_bracketed(self) -> bool:
        """Whether networks were found on both sides."""
        return not self.failure and self.low > 0.0 and math.isfinite(self.high)


def train_cell(setting: PatchSetting, seed: int, test_points: int) -> Cell:
    """Train one network by gradient flow, until all points are memorized or clearly none will be."""
    problem = draw_subspace_problem(setting, (seed,))
    horizon = group_horizon(setting, problem)
    if setting.adversarial_weight > 0.0:
        horizon = max(horizon, race_horizon(setting, initial_draws_of(problem)[0]))
    runs = integrate_flow(problem, horizon=horizon, num_checkpoints=FEWEST)
    errors = measure_errors(runs, test_points=test_points)
    signal_time = runs.signal_time[0]
    nothing = NoiseMarginLaw(np.zeros((setting.width, setting.width)), setting.degree, setting.noise_patches)
    return Cell(
        setting=setting,
        seed=seed,
        memorized=int(np.isfinite(runs.memorization_times[0]).sum()),
        signal_margin=float(runs.final_signal_margin[0]),
        signal_time=float(signal_time) if np.isfinite(signal_time) else math.inf,
        first_memorization=float(first_memorization(runs)[0]),
        end=float(runs.final_time[0]),
        law=nothing if runs.broken else runs.final_noise_margin_laws()[0],
        clean_wrong=int(errors.clean_test[0]),
        robust_wrong=int(errors.robust_test[0]),
        test_points=test_points,
        failure=runs.why_broken(0) if runs.broken else "",
    )


def locate_overfitting_boundary(
    setting: PatchSetting, seed: int, test_points: int, refinement: int = 1
) -> LocatedBoundary:
    """Bracket the κ at which the robust test error of the network trained there is 1/4.

    A first network, at κ = 1/√d, suggests where to look, others are trained there until that settles. Networks are
    then trained at factors from there, below and above, that square until the intervals of
    their robust test errors exclude 1/4. A ``refinement`` r begins r times nearer, with r² times as many
    directions.
    """
    cells: list[Cell] = []
    nearest = 1.0 + (NEAREST_FACTOR - 1.0) / refinement

    def trained(fraction: float) -> Cell:
        cells.append(train_cell(replace(setting, attacked_signal_fraction=fraction), seed, test_points))
        return cells[-1]

    def side(fraction: float) -> int:
        """1 where the network surely errs more than 1/4, -1 where surely less, 0 where that is not clear."""
        cell = trained(fraction)
        if cell.failure:
            return 0
        errors = cell.robust_errors(fraction, BOUNDARY_DIRECTIONS * refinement**2)
        ends = empirical_bernstein(errors, LAW_FAILURE)
        return int(ends.low > HALF_OVERFITTED) - int(ends.high < HALF_OVERFITTED)

    def end(wanted: int, default: float) -> float:
        """The nearest κ that was found to be on the wanted side of the boundary."""
        factor = nearest
        while factor < WIDEST_FACTOR:
            fraction = min(1.0, guess / factor if wanted > 0 else guess * factor)
            if side(fraction) == wanted:
                return fraction
            if fraction == 1.0 or cells[-1].failure:
                break
            factor *= factor
        return default

    def settled() -> float:
        """Where a network suggests its own κ: secants in log κ, with the suggestion itself as the first step."""
        points: list[tuple[float, float]] = []
        place, slope = -0.5 * math.log(setting.patch_dimension), -1.0
        for _ in range(MOST_GUESSES):
            distance = math.log(_suggest(trained(math.exp(place)))) - place
            if points and points[-1][0] != place:
                slope = min(-0.5, (distance - points[-1][1]) / (place - points[-1][0]))
            points.append((place, distance))
            place = min(0.0, place - distance / slope)
            if abs(distance) < 0.25 * (nearest - 1.0):
                break
        return math.exp(place)

    guess = settled()
    low, high = end(1, 0.0), end(-1, math.inf)
    return LocatedBoundary(
        setting=setting,
        seed=seed,
        draw=_draw(draw_subspace_problem(setting, (seed,))),
        low=low,
        high=high,
        cells=tuple(cells),
        failure=next((cell.failure for cell in cells if cell.failure), ""),
    )


def locate_memorization_boundary(setting: PatchSetting, seed: int, refinement: int = 1) -> LocatedBoundary:
    """Bracket the κ above which no point is memorized within the race's horizon, by bisection of [1/√d, 1].

    To a relative width of MEMORIZATION_RESOLUTION over ``refinement``.
    """
    problem = draw_subspace_problem(setting, (seed,))
    draw = _draw(problem)
    horizon, failure = race_horizon(setting, draw), ""

    def memorizes(fraction: float) -> bool:
        nonlocal failure
        at = replace(setting, attacked_signal_fraction=fraction)
        runs = integrate_flow(
            replace(problem, setting=at), horizon=horizon, enough_memorized=1, num_checkpoints=FEWEST
        )
        if runs.broken:
            failure = runs.why_broken(0)
        return bool(np.isfinite(runs.memorization_times).any())

    low, high = 1.0 / math.sqrt(setting.patch_dimension), 1.0
    if not memorizes(low):
        low, high = 0.0, low
    elif memorizes(high):
        low, high = high, math.inf
    widest = 1.0 + MEMORIZATION_RESOLUTION / refinement
    while not failure and 0.0 < low < high / widest < math.inf:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if memorizes(middle) else (low, middle)
    return LocatedBoundary(setting, seed, draw, low, high, failure=failure)


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
