"""What the runs of theorem 2 leave for the checks to look at. Networks stay networks: checks count and certify."""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy

from cgro_theory.theorems.theorem_2_representation_complexity.networks.circuit import Circuit
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import Memorizer
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import TrainingSet
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import (
    TrainedNet,
    TrainingBudget,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.attack import AttackReport
from cgro_theory.theorems.theorem_2_representation_complexity.runs.continuous import ContinuousError
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import ExactError, SampledError
from cgro_theory.theorems.theorem_2_representation_complexity.runs.sign_patterns import CoverCount
from cgro_theory.theorems.theorem_2_representation_complexity.theory.lower_bound import Architecture


@dataclass(frozen=True, eq=False)
class NamedMemorizer:
    """A built memorizer and the data it comes from."""

    name: str
    built: Memorizer
    attack: AttackReport | None = None


@dataclass(frozen=True, eq=False)
class Ladder:
    """Networks built at growing N or D. sizes, networks: one per rung."""

    variable: str
    norm_order: float
    sizes: tuple[int, ...]
    networks: tuple[Memorizer, ...]


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
    """All patterns of a graph on K points, counted, and the upper bound of log2 G that must not be undercut."""

    architecture: Architecture
    num_points: int
    found: int
    bound_bits: float


@dataclass(frozen=True, eq=False)
class HierarchyRun:
    """CGRO networks of N points, one per dimension; memorizers of all corners, at small ones; parity nets.

    ``one_graph`` and ``any_graph`` are the formulas of the bits that W parameters miss, as they are claimed.
    """

    num_samples: int
    layers: int
    error_share: float
    networks: tuple[Circuit, ...]
    corners: tuple[Memorizer, ...]
    parities: tuple[Circuit, ...]
    one_graph: sympy.Expr
    any_graph: sympy.Expr


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
    covers: tuple[CoverCount, ...] = ()
    trained: tuple[TrainedNet, ...] = ()
    budget: TrainingBudget | None = None
    excluded_budget: TrainingBudget | None = None
    error_share: float = 0.1
    hierarchy: HierarchyRun | None = None
    squarings: tuple[SquaringRun, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
