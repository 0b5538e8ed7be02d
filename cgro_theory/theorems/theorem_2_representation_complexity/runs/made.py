"""What the runs of theorem 2 leave for the checks to look at. Networks stay networks: checks count and certify."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..networks.circuit import Circuit
from ..networks.memorizer import Memorizer
from ..networks.training_set import TrainingSet, separation
from ..theory.lower_bound import Architecture
from ..theory.neighbours import neighbour_bounds
from .adversarial_training import TrainedNet, TrainingBudget
from .attack import AttackReport
from .continuous import ContinuousError
from .hypercube import ExactError, SampledError
from .profiles import ERROR_FRACTION
from .sign_patterns import CoverCount


@dataclass(frozen=True, eq=False)
class NamedMemorizer:
    """A built memorizer, and what an attack on some of its balls found."""

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
    """A squaring circuit built with M compositions."""

    squarings: int
    circuit: Circuit


@dataclass(frozen=True)
class GrowthCount:
    """How many sign patterns a graph has on K points, all of them counted."""

    architecture: Architecture
    num_points: int
    found: int


@dataclass(frozen=True)
class HypercubeTraining:
    """Nets trained on random labels of hypercubes with offset τ and radius δ.

    ``budget`` is of sizes of which some fit, ``excluded_budget`` of sizes that the lower bound mostly excludes.
    """

    offset: float
    perturbation_radius: float
    budget: TrainingBudget
    excluded_budget: TrainingBudget
    nets: tuple[TrainedNet, ...] = ()


@dataclass(frozen=True, eq=False)
class HierarchyRun:
    """CGRO networks of N points, one per dimension; memorizers of all corners, at small ones; parity nets.

    The corners are those of hypercubes with offset τ and radius δ.
    """

    num_samples: int
    offset: float
    perturbation_radius: float
    networks: tuple[Circuit, ...]
    corners: tuple[Memorizer, ...]
    parities: tuple[Circuit, ...]


@dataclass(frozen=True, eq=False)
class RepresentationRuns:
    """The sets of runs, made where some claim that is judged needs them; ``error_fraction`` is ε."""

    seed: int
    error_fraction: float = ERROR_FRACTION
    counted: tuple[NamedMemorizer, ...] = ()
    ladders: tuple[Ladder, ...] = ()
    squarings: tuple[SquaringRun, ...] = ()
    memorizers: tuple[NamedMemorizer, ...] = ()
    comparisons: tuple[CleanComparison, ...] = ()
    exact_errors: tuple[ExactError, ...] = ()
    sampled_errors: tuple[SampledError, ...] = ()
    continuous_errors: tuple[ContinuousError, ...] = ()
    growth: tuple[GrowthCount, ...] = ()
    covers: tuple[CoverCount, ...] = ()
    training: HypercubeTraining | None = None
    hierarchy: HierarchyRun | None = None


def parameters(runs: RepresentationRuns) -> dict[str, Any]:
    """Sizes, radii, the training budget with its optimizer, and the neighbours' bounds with their conventions."""
    values: dict[str, Any] = {"error_fraction": runs.error_fraction}
    for entry in runs.memorizers:
        built = entry.built
        values[f"memorizer: {entry.name}"] = (
            f"N={built.data.num_samples}, D={built.data.input_dimension}, δ={built.perturbation_radius:.6g}, "
            f"ramp={built.ramp_width:.6g}, B={built.clean_bound:.4g}, M={built.squarings}, structural "
            f"{built.circuit.structural_count}, depth {built.circuit.depth}, width {built.circuit.width}"
        )
    if runs.training is not None:
        for name, budget in (
            ("training", runs.training.budget),
            ("training of sizes that the lower bound mostly excludes", runs.training.excluded_budget),
        ):
            values[name] = "Adam, logistic loss, " + ", ".join(f"{k}={v}" for k, v in asdict(budget).items())
    if runs.memorizers:
        built = runs.memorizers[0].built
        distance = separation(built.data, built.norm_order).distance
        size = (built.data.num_samples, built.data.input_dimension)
        for bound in neighbour_bounds(*size, built.perturbation_radius, distance):
            shown = "does not apply" if bound.value is None else f"{bound.value:.6g}"
            values[f"neighbour: {bound.source}: {bound.quantity} ({bound.direction})"] = (
                f"{shown}; {bound.convention}; {bound.constant}"
            )
    return values
