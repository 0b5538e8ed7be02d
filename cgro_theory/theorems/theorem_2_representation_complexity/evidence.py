"""What the runs of theorem 2 leave for the checks to look at. Networks stay networks: checks count and certify."""

from __future__ import annotations

from dataclasses import dataclass, field

from cgro_theory.theorems.theorem_2_representation_complexity.adversarial_training import (
    TrainedNet,
    TrainingBudget,
)
from cgro_theory.theorems.theorem_2_representation_complexity.attack import AttackReport
from cgro_theory.theorems.theorem_2_representation_complexity.circuit import Circuit
from cgro_theory.theorems.theorem_2_representation_complexity.construction import Memorizer
from cgro_theory.theorems.theorem_2_representation_complexity.continuous import ContinuousError
from cgro_theory.theorems.theorem_2_representation_complexity.hypercube import ExactError, SampledError
from cgro_theory.theorems.theorem_2_representation_complexity.sign_patterns import PatternCount
from cgro_theory.theorems.theorem_2_representation_complexity.training_set import TrainingSet


@dataclass(frozen=True, eq=False)
class NamedMemorizer:
    """A built memorizer and the data it comes from."""

    name: str
    built: Memorizer
    attack: AttackReport | None = None


@dataclass(frozen=True, eq=False)
class Ladder:
    """Counts of networks built at growing N or D. sizes, counts, squarings: one per network."""

    variable: str
    norm_order: float
    sizes: tuple[int, ...]
    num_samples: tuple[int, ...]
    input_dimensions: tuple[int, ...]
    squarings: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class CleanComparison:
    """A memorizer and a finite population (with uniform law) on which its clean error is counted."""

    name: str
    built: Memorizer
    population: TrainingSet


@dataclass(frozen=True, eq=False)
class SquaringRun:
    """A built squaring circuit and the M it is said to have."""

    squarings: int
    circuit: Circuit


@dataclass(frozen=True)
class GrowthCheck:
    """Patterns found by brute force, and the upper bound of log2 G that must not be undercut."""

    patterns: PatternCount
    bound_bits: float


@dataclass(frozen=True)
class HierarchyRun:
    """CGRO networks built at each dimension, and corner memorizers at small ones. counts in parameters."""

    num_samples: int
    layers: int
    error_share: float
    dimensions: tuple[int, ...]
    cgro_counts: tuple[int, ...]
    corner_dimensions: tuple[int, ...]
    corner_counts: tuple[int, ...]
    corners_certified: bool


@dataclass(frozen=True, eq=False)
class RepresentationEvidence:
    """Everything that one run of the room gathered; parts whose claims were not asked for stay empty."""

    profile: str
    seed: int
    counted: tuple[NamedMemorizer, ...] = ()
    ladders: tuple[Ladder, ...] = ()
    memorizers: tuple[NamedMemorizer, ...] = ()
    comparisons: tuple[CleanComparison, ...] = ()
    exact_errors: tuple[ExactError, ...] = ()
    sampled_errors: tuple[SampledError, ...] = ()
    continuous_errors: tuple[ContinuousError, ...] = ()
    growth: tuple[GrowthCheck, ...] = ()
    trained: tuple[TrainedNet, ...] = ()
    budget: TrainingBudget | None = None
    error_share: float = 0.1
    hierarchy: HierarchyRun | None = None
    squarings: tuple[SquaringRun, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
