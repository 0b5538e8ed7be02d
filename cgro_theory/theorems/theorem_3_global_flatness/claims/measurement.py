"""The room's measurement: the synthetic side and the image landscape, gathered side by side and judged apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cgro_theory.claims import Figure
from cgro_theory.theorems.checked_claim import NegativeControl
from cgro_theory.theorems.landscape.claims import measurement as landscape
from cgro_theory.theorems.landscape.runs.trained import LandscapeEvidence
from cgro_theory.theorems.room import Check, CheckedPair, RunRequest
from cgro_theory.theorems.theorem_3_global_flatness.claims import controls as synthetic_faults
from cgro_theory.theorems.theorem_3_global_flatness.claims import synthetic_statement
from cgro_theory.theorems.theorem_3_global_flatness.claims.bound_checks import (
    check_clean_to_robust_gap,
    check_flatness_bound,
    check_local_form,
)
from cgro_theory.theorems.theorem_3_global_flatness.claims.figures import figures as synthetic_figures
from cgro_theory.theorems.theorem_3_global_flatness.claims.vacuity_check import check_vacuity
from cgro_theory.theorems.theorem_3_global_flatness.claims.variation_checks import (
    check_rate,
    check_total_variation,
)
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import SyntheticEvidence
from cgro_theory.theorems.theorem_3_global_flatness.runs.making import gather as gather_synthetic
from cgro_theory.theorems.theorem_3_global_flatness.runs.making import parameters as synthetic_parameters
from cgro_theory.theorems.worker_pool import WorkerPool

SYNTHETIC_CHECKS: Mapping[str, Check] = {
    "theorem_3.flatness_bound": check_flatness_bound,
    "theorem_3.local_form": check_local_form,
    "theorem_3.total_variation": check_total_variation,
    "theorem_3.rate": check_rate,
    "theorem_3.clean_to_robust_gap": check_clean_to_robust_gap,
    "theorem_3.vacuity": check_vacuity,
}


@dataclass(frozen=True)
class FlatnessEvidence:
    """What the room gathered; a side none of whose claims was asked for is None."""

    synthetic: SyntheticEvidence | None
    landscape: LandscapeEvidence | None


def gather(request: RunRequest) -> FlatnessEvidence:
    """Gather the sides that are asked for; when both are, the images train in a process of their own."""
    synthetic = request.needs(*(claim.label for claim in synthetic_statement.CLAIMS))
    images = any(label.startswith("landscape.") for label in request.labels)
    if not (synthetic and images):
        return FlatnessEvidence(
            gather_synthetic(request) if synthetic else None, landscape.gather(request) if images else None
        )
    with WorkerPool(1) as pool:
        waiting = pool.submit(landscape.gather, replace(request, progress=_silent))
        own = gather_synthetic(request)
        request.progress("image classifiers, in a process of their own", 0.0)
        other = waiting.result()
        request.progress("image classifiers, in a process of their own", 1.0)
    return FlatnessEvidence(own, other)


def _silent(doing: str, fraction: float) -> None:
    """Progress of a process whose output nobody reads."""


def figures(evidence: FlatnessEvidence) -> tuple[Figure, ...]:
    """The figures of the sides that were gathered."""
    own = () if evidence.synthetic is None else synthetic_figures(evidence.synthetic)
    other = () if evidence.landscape is None else landscape.figures(evidence.landscape)
    return (*own, *other)


def parameters(evidence: FlatnessEvidence) -> dict[str, Any]:
    """What the sides that were gathered were made with."""
    own = {} if evidence.synthetic is None else synthetic_parameters(evidence.synthetic)
    other = {} if evidence.landscape is None else landscape.parameters(evidence.landscape)
    return own | other


def _lifted_check(side: str, check: Check) -> Check:
    """The check of one side as a check of the whole; a side that is missing is an exception, so inconclusive."""

    def lifted(evidence: FlatnessEvidence, failure_probability: float) -> CheckedPair:
        return check(_side(evidence, side), failure_probability)

    return lifted


def _lifted_fault(side: str, fault: NegativeControl) -> NegativeControl:
    """The fault of one side as a fault of the whole evidence."""
    alter = fault.alter
    assert alter is not None

    def change(evidence: FlatnessEvidence) -> FlatnessEvidence:
        return replace(evidence, **{side: alter(_side(evidence, side))})

    return replace(fault, alter=change)


def _side(evidence: FlatnessEvidence, side: str) -> Any:
    part = getattr(evidence, side)
    if part is None:
        raise ValueError(f"the {side} side was not gathered")
    return part


CHECKS: Mapping[str, Check] = {
    label: _lifted_check(side, check)
    for side, checks in (("synthetic", SYNTHETIC_CHECKS), ("landscape", landscape.CHECKS))
    for label, check in checks.items()
}
FAULTS: Mapping[str, tuple[NegativeControl, ...]] = {
    label: tuple(_lifted_fault(side, fault) for fault in faults)
    for side, planted in (("synthetic", synthetic_faults.FAULTS), ("landscape", landscape.FAULTS))
    for label, faults in planted.items()
}
