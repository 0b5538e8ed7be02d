"""The trained networks that theorem 1's checks look at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.trainer.trajectories import Trajectories

from .certified import CertifiedRun
from .counted_errors import MeasuredErrors, NoiseLevels
from .fresh_stages import FreshStages
from .full_weights import FullNetwork
from .initial_draws import first_memorization
from .phases import Cell, LocatedBoundary


@dataclass(frozen=True)
class FlowError:
    """The integrator's error of a group of flows, measured: relative differences from a coarser integration.

    Every flow that an enclosure judges is integrated twice, the second time at a tolerance 100 times finer, and
    the finer one is judged. The difference of the two is the error of the coarser one, which is far above that of
    the finer. Each number is the largest over the runs; 0 for descent, which has no integrator.

    Attributes:
        signal_time, first_memorization: of the two times.
        signal_margin: of z at the checkpoints after the signal time.
        noise_margin: of the final V_i, relative to max(1, V_i).
        failure: what the two integrations do not agree on, or nothing.
    """

    signal_time: float = 0.0
    first_memorization: float = 0.0
    signal_margin: float = 0.0
    noise_margin: float = 0.0
    failure: str = ""


def measured_flow_error(coarse: Trajectories, fine: Trajectories) -> FlowError:
    """Compare two integrations of the same runs at different tolerances."""
    margins = (coarse.signal_margin, fine.signal_margin)
    late = (margins[0] >= 1.0) & (margins[1] >= 1.0)
    pairs = {
        "signal_time": (coarse.signal_time, fine.signal_time),
        "first_memorization": (first_memorization(coarse), first_memorization(fine)),
        "signal_margin": (margins[0][late], margins[1][late]),
        "noise_margin": (coarse.final_noise_margins, fine.final_noise_margins),
    }
    reached = [np.array_equal(np.isfinite(one), np.isfinite(other)) for one, other in pairs.values()]
    if not all(reached) or coarse.broken or fine.broken:
        return FlowError(failure="two tolerances of the flow's integrator disagree on what is reached")
    found: dict[str, Any] = {name: _relative(*pair, name == "noise_margin") for name, pair in pairs.items()}
    return FlowError(**found)


def _relative(coarse: NDArray[np.float64], fine: NDArray[np.float64], at_least_one: bool) -> float:
    known = np.isfinite(fine)
    if not known.any():
        return 0.0
    scale = np.maximum(1.0, np.abs(fine[known])) if at_least_one else np.abs(fine[known])
    gaps = np.abs(coarse[known] - fine[known])
    return float((gaps / np.where(scale > 0, scale, 1.0)).max())


@dataclass(frozen=True)
class RunGroup:
    """Trained runs of one setting, with the errors counted on points.

    ``levels``: errors on fresh points with louder noise, where errors occur; ``flow_error``: the integrator's.
    """

    trajectories: Trajectories
    errors: MeasuredErrors
    levels: NoiseLevels
    flow_error: FlowError = field(default_factory=FlowError)

    @property
    def setting(self) -> PatchSetting:
        """The parameters of the runs."""
        return self.trajectories.setting

    @property
    def failure(self) -> str:
        """Why the group has no usable numbers, or nothing."""
        broken = self.trajectories.broken
        return self.trajectories.why_broken(broken[0]) if broken else self.flow_error.failure

    def failure_of(self, run: int) -> str:
        """Why one run has no usable numbers, or nothing."""
        broken = run in self.trajectories.broken
        return self.trajectories.why_broken(run) if broken else self.flow_error.failure


Groups = tuple[RunGroup, ...]
GroupName = Literal["main", "standard", "adversarial_only", "over_attack"]
GROUPS: tuple[GroupName, ...] = ("main", "standard", "adversarial_only")

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
    """

    overfitting: tuple[LocatedBoundary, ...] = ()
    memorization: tuple[LocatedBoundary, ...] = ()
    dimension_map: tuple[Cell, ...] = ()
    weight_map: tuple[Cell, ...] = ()
    exponent_map: tuple[Cell, ...] = ()

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every trained and tested network."""
        located = tuple(cell for entry in self.overfitting for cell in entry.cells)
        return located + self.dimension_map + self.weight_map + self.exponent_map

    @property
    def dimension_ladder(self) -> tuple[LocatedBoundary, ...]:
        """κ* at the default N, over d."""
        return tuple(entry for entry in self.memorization if entry.setting.num_samples == DEFAULT_SAMPLES)

    @property
    def sample_ladder(self) -> tuple[LocatedBoundary, ...]:
        """κ* at one d, over N."""
        return tuple(entry for entry in self.memorization if entry.setting.patch_dimension == SAMPLE_DIMENSION)


@dataclass(frozen=True)
class CollapseTrial:
    """One network near the collapse: trained at its κ by gradient flow, and counted on fresh points."""

    runs: Trajectories
    errors: MeasuredErrors

    @property
    def setting(self) -> PatchSetting:
        """Its parameters."""
        return self.runs.setting

    @property
    def failure(self) -> str:
        """Why it has no usable numbers, or nothing."""
        return self.runs.why_broken(0) if self.runs.broken else ""


@dataclass(frozen=True)
class TrainedEvidence:
    """What the checks look at; sets that no asked claim needs are empty. A group has one dimension.

    Attributes:
        main: runs at the default λ, first by descent, then by gradient flow with growing d.
        standard: runs with λ = 0.
        adversarial_only: runs with λ = 1.
        phases: networks across the phases of κ.
        full: networks trained and tested with their weights held in full.
        over_attack: runs with κ < 0, by gradient flow.
        collapse: networks on both sides of where κ < 0 spoils clean generalization.
        collapse_map: cells over κ from -1 to 1 and λ, made with ``collapse``.
        certified: networks whose whole training is proved.
        fresh: networks of fresh draws, trained until the first memorization.
    """

    main: Groups = ()
    standard: Groups = ()
    adversarial_only: Groups = ()
    phases: PhaseEvidence = field(default_factory=PhaseEvidence)
    full: tuple[FullNetwork, ...] = ()
    over_attack: Groups = ()
    collapse: tuple[CollapseTrial, ...] = ()
    collapse_map: tuple[Cell, ...] = ()
    certified: tuple[CertifiedRun, ...] = ()
    fresh: tuple[FreshStages, ...] = ()

    @property
    def ladder(self) -> Groups:
        """The gradient-flow groups of ``main``, on the same seeds, with growing d."""
        return tuple(group for group in self.main if group.trajectories.method == "flow")


def parameters(evidence: TrainedEvidence) -> dict[str, Any]:
    """The setting, the dimensions, the methods and the sizes of the groups, as plain JSON values."""
    if not evidence.main:
        return {}
    described: dict[str, Any] = dict(evidence.main[0].setting.to_json())
    for name in GROUPS:
        described[name] = [
            {
                "patch_dimension": group.setting.patch_dimension,
                "method": group.trajectories.method,
                "learning_rate": group.trajectories.learning_rate,
                "relative_tolerance": group.trajectories.relative_tolerance,
                "integrator_error": asdict(group.flow_error),
                "runs": group.trajectories.runs,
                "last_time": float(np.nanmax(group.trajectories.final_time)),
                "test_points": group.errors.test_points,
            }
            for group in getattr(evidence, name)
        ]
    for run in evidence.certified:
        if run.certificate is not None:
            described["certified_network"] = run.certificate.setting.to_json()
    if evidence.phases.cells:
        described["networks_across_phases"] = len(evidence.phases.cells)
    return described
