"""The room's measurement: gather the runs, judge them, plant faults, draw (see ``theorems/room.py``)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cgro_theory.theorems.theorem_2_representation_complexity.claims.checks import CHECKS
from cgro_theory.theorems.theorem_2_representation_complexity.claims.controls import FAULTS
from cgro_theory.theorems.theorem_2_representation_complexity.claims.figures import figures
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import separation
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import RepresentationEvidence
from cgro_theory.theorems.theorem_2_representation_complexity.runs.making import gather
from cgro_theory.theorems.theorem_2_representation_complexity.theory.neighbours import neighbour_bounds

__all__ = ["CHECKS", "FAULTS", "figures", "gather", "parameters"]


def parameters(evidence: RepresentationEvidence) -> dict[str, Any]:
    """Sizes, radii, the training budget with its optimizer, and the neighbours' bounds with their conventions."""
    values: dict[str, Any] = {"error_share": evidence.error_share}
    for entry in evidence.memorizers:
        built = entry.built
        values[f"memorizer: {entry.name}"] = (
            f"N={built.data.num_samples}, D={built.data.input_dimension}, δ={built.perturbation_radius:.6g}, "
            f"ramp={built.ramp_width:.6g}, B={built.clean_bound:.4g}, M={built.squarings}, structural "
            f"{built.circuit.structural_count}, depth {built.circuit.depth}, width {built.circuit.width}"
        )
    trainings = {
        "training": evidence.budget,
        "training of sizes that the lower bound mostly excludes": evidence.excluded_budget,
    }
    for name, budget in trainings.items():
        if budget is not None:
            values[name] = "Adam, logistic loss, " + ", ".join(f"{k}={v}" for k, v in asdict(budget).items())
    if evidence.memorizers:
        built = evidence.memorizers[0].built
        distance = separation(built.data, built.norm_order).distance
        size = (built.data.num_samples, built.data.input_dimension)
        for bound in neighbour_bounds(*size, built.perturbation_radius, distance):
            shown = "does not apply" if bound.value is None else f"{bound.value:.6g}"
            values[f"neighbour: {bound.source}: {bound.quantity} ({bound.direction})"] = (
                f"{shown}; {bound.convention}; {bound.constant}"
            )
    return values
