"""Which networks a profile trains across the phases, as tasks that any process can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.room import Profile

from .initial_draws import seed_parts
from .phases import Cell, LocatedBoundary, locate_memorization_boundary, locate_overfitting_boundary, train_cell
from .trained import DEFAULT_SAMPLES, SAMPLE_DIMENSION, PhaseEvidence


class Part(Enum):
    """What a task's result belongs to; values are fields of :class:`PhaseEvidence`."""

    OVERFITTING = "overfitting"
    MEMORIZATION = "memorization"
    DIMENSION_MAP = "dimension_map"
    WEIGHT_MAP = "weight_map"
    EXPONENT_MAP = "exponent_map"


@dataclass(frozen=True)
class PhasePlan:
    """The sizes of one profile.

    Attributes:
        dimensions: of the ladders; from 10^6, as below it the two boundaries are too close to tell apart.
        samples: N of the second ladder.
        seeds: per ladder step.
        map_dimensions: d of the map over (κ, d); fraction_steps: its number of κ per d.
        map_weights: λ of the map over (κ, λ), at d = 10^9.
        exponent_steps: steps of a and of b in the exponent plane, at d = 10^12.
        test_points: fresh points per network.
    """

    dimensions: tuple[int, ...]
    samples: tuple[int, ...]
    seeds: int
    map_dimensions: tuple[int, ...]
    fraction_steps: int
    map_weights: tuple[float, ...]
    exponent_steps: int
    test_points: int


PLANS: dict[Profile, PhasePlan] = {
    "quick": PhasePlan(
        dimensions=(10**6, 10**9, 10**12),
        samples=(5, 10, 20, 40),
        seeds=3,
        map_dimensions=(10**4, 10**6, 10**9, 10**12),
        fraction_steps=8,
        map_weights=(0.1, 0.5, 0.9),
        exponent_steps=5,
        test_points=2048,
    ),
    "full": PhasePlan(
        dimensions=(10**6, 10**9, 10**12, 10**15),
        samples=(5, 10, 20, 40, 80),
        seeds=16,
        map_dimensions=(10**4, 10**6, 10**8, 10**10, 10**12, 10**15),
        fraction_steps=25,
        map_weights=(0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99),
        exponent_steps=14,
        test_points=8192,
    ),
}

FRACTION_EXPONENTS = (0.2, 0.62)
"""Range of e in κ = d^-e on the maps; κ_1 is near e = 1/2, κ* near 1/3."""
SIGNAL_EXPONENTS = (0.0, 0.5)
"""Range of a in α = d^a on the exponent plane."""
NOISE_EXPONENTS = (-0.72, -0.36)
"""Range of b in σ = d^b on the exponent plane."""
EXPONENT_DIMENSION = 10**12
"""d of the exponent plane."""


@dataclass(frozen=True)
class PhaseTask:
    """One boundary to bracket, ``refinement`` times as finely as at first, or one cell to train."""

    part: Part
    setting: PatchSetting
    seed: int
    test_points: int
    refinement: int = 1

    def run(self) -> LocatedBoundary | Cell:
        """Do it."""
        if self.part is Part.OVERFITTING:
            return locate_overfitting_boundary(self.setting, self.seed, self.test_points, self.refinement)
        if self.part is Part.MEMORIZATION:
            return locate_memorization_boundary(self.setting, self.seed, self.refinement)
        return train_cell(self.setting, self.seed, self.test_points)


def plan_tasks(plan: PhasePlan, base_seed: int, refinement: int = 1) -> list[PhaseTask]:
    """Every task of a plan.

    Seeds derive from the base seed, the part, and what tells its networks apart. The steps of a ladder, over d or
    N, share theirs: slopes are taken draw by draw, and a draw counts once as independent. ``refinement``: of the
    brackets.
    """
    tasks: list[PhaseTask] = []

    def add(part: Part, setting: PatchSetting) -> None:
        seed = derived_seed(base_seed, "theorem_1.phases", part.value, *seed_parts(setting))
        tasks.append(PhaseTask(part, setting, seed, plan.test_points))

    def add_step(part: Part, setting: PatchSetting) -> None:
        for index in range(plan.seeds):
            seed = derived_seed(base_seed, "theorem_1.phases", part.value, "ladder", index)
            tasks.append(PhaseTask(part, setting, seed, plan.test_points, refinement))

    for dimension in plan.dimensions:
        add_step(Part.OVERFITTING, PatchSetting.version_1(dimension))
    ladder = {(dimension, DEFAULT_SAMPLES) for dimension in plan.dimensions}
    for dimension, samples in sorted(ladder | {(SAMPLE_DIMENSION, samples) for samples in plan.samples}):
        add_step(Part.MEMORIZATION, PatchSetting.version_1(dimension, num_samples=samples))
    exponents = np.linspace(*FRACTION_EXPONENTS, plan.fraction_steps)
    for dimension in plan.map_dimensions:
        for fraction in float(dimension) ** -exponents:
            add(Part.DIMENSION_MAP, PatchSetting.version_1(dimension, attacked_signal_fraction=float(fraction)))
    for weight in plan.map_weights:
        for fraction in float(SAMPLE_DIMENSION) ** -exponents:
            setting = PatchSetting.version_1(
                SAMPLE_DIMENSION, attacked_signal_fraction=float(fraction), adversarial_weight=weight
            )
            add(Part.WEIGHT_MAP, setting)
    for signal in np.linspace(*SIGNAL_EXPONENTS, plan.exponent_steps):
        for noise in np.linspace(*NOISE_EXPONENTS, plan.exponent_steps):
            setting = PatchSetting.version_1(
                EXPONENT_DIMENSION, signal_exponent=float(signal), noise_exponent=float(noise)
            )
            add(Part.EXPONENT_MAP, setting)
    return tasks


def collect(tasks: Sequence[PhaseTask], results: Iterable[LocatedBoundary | Cell]) -> PhaseEvidence:
    """The evidence from the results of the tasks, in their order."""
    located: dict[Part, list[LocatedBoundary]] = {Part.OVERFITTING: [], Part.MEMORIZATION: []}
    cells: dict[Part, list[Cell]] = {Part.DIMENSION_MAP: [], Part.WEIGHT_MAP: [], Part.EXPONENT_MAP: []}
    for task, result in zip(tasks, results, strict=True):
        if isinstance(result, Cell):
            cells[task.part].append(result)
        else:
            located[task.part].append(result)
    return PhaseEvidence(
        overfitting=tuple(located[Part.OVERFITTING]),
        memorization=tuple(located[Part.MEMORIZATION]),
        dimension_map=tuple(cells[Part.DIMENSION_MAP]),
        weight_map=tuple(cells[Part.WEIGHT_MAP]),
        exponent_map=tuple(cells[Part.EXPONENT_MAP]),
    )
