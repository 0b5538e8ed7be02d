"""The trained networks that theorem 1's checks look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.identity import RecursionVariant
from cgro_theory.theorems.theorem_1_feature_learning.phases import Cell, LocatedBoundary
from cgro_theory.theorems.theorem_1_feature_learning.test_points import MeasuredErrors
from cgro_theory.trainer.trajectories import Trajectories


@dataclass(frozen=True)
class RunGroup:
    """Trained runs of one setting, with the errors counted on points.

    ``assumed`` is the setting that predictions are told: that of the runs, unless a planted fault says else.
    """

    assumed: PatchSetting
    trajectories: Trajectories
    errors: MeasuredErrors

    @property
    def failure(self) -> str:
        """Why the group has no usable numbers, or nothing."""
        broken = self.trajectories.broken
        return self.trajectories.why_broken(broken[0]) if broken else ""


Groups = tuple[RunGroup, ...]

DEFAULT_SAMPLES = 20
"""N of the ladder of dimensions."""
SAMPLE_DIMENSION = 10**9
"""d of the ladder of N."""


@dataclass(frozen=True)
class PhaseEvidence:
    """Networks trained across the phases, and the boundaries between them.

    Attributes:
        overfitting, memorization: bracketed boundaries κ_1 and κ*, over d, N and seeds.
        dimension_map, weight_map, exponent_map: cells over (κ, d), (κ, λ), and the exponents (a, b).
        told_fraction_factor: factor of κ that the law of the robust error is told.
    """

    overfitting: tuple[LocatedBoundary, ...] = ()
    memorization: tuple[LocatedBoundary, ...] = ()
    dimension_map: tuple[Cell, ...] = ()
    weight_map: tuple[Cell, ...] = ()
    exponent_map: tuple[Cell, ...] = ()
    told_fraction_factor: float = 1.0

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every trained and tested network."""
        located = tuple(cell for entry in self.overfitting for cell in entry.cells)
        return located + self.dimension_map + self.weight_map + self.exponent_map

    @property
    def dimension_ladder(self) -> tuple[LocatedBoundary, ...]:
        """κ* at the default N, over d."""
        return tuple(entry for entry in self.memorization if entry.assumed.num_samples == DEFAULT_SAMPLES)

    @property
    def sample_ladder(self) -> tuple[LocatedBoundary, ...]:
        """κ* at one d, over N."""
        return tuple(entry for entry in self.memorization if entry.assumed.patch_dimension == SAMPLE_DIMENSION)


@dataclass(frozen=True)
class TrainedEvidence:
    """What the checks look at; a planted fault replaces one field. Every tuple has one group per dimension.

    Attributes:
        main: runs at the default λ, first by descent, then by gradient flow with growing d.
        standard: runs with λ = 0.
        adversarial_only: runs with λ = 1.
        variant: the recursions to compare with the symbolic gradient.
        shift_scale: factor of the shifts that memorized points give to later ones.
        phases: networks across the phases of κ.
    """

    main: Groups
    standard: Groups
    adversarial_only: Groups
    variant: RecursionVariant = field(default_factory=RecursionVariant)
    shift_scale: float = 1.0
    phases: PhaseEvidence = field(default_factory=PhaseEvidence)

    @property
    def ladder(self) -> Groups:
        """The gradient-flow groups of ``main``, on the same seeds, with growing d."""
        return tuple(group for group in self.main if group.trajectories.method == "flow")
