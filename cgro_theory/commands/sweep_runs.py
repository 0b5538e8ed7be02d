"""The runs that sweeps are made of, as functions of plain parameters; imported only by whoever does a run."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
import torch

from cgro_theory.commands.simulate import trajectories_document
from cgro_theory.commands.simulate_plan import Plan, SimulateRequest, carry_out, plan_simulation
from cgro_theory.commands.sweep_kinds import simulate_setting
from cgro_theory.sweep.run_kind import Parameters, RunOutcome, Scalar
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.proof import certify
from cgro_theory.theorems.theorem_2_representation_complexity.networks.clean_classifier import (
    least_squares_classifier,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import memorize
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import (
    TrainingSet,
    separation,
    training_set,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.making import digits

torch.set_num_threads(1)  # results must not depend on the machine's cores; sweeps run side by side instead

_SUMMARY = (
    "memorization_times",
    "checkpoint_times",
    "signal",
    "noise_margins",
    "objective",
    "final_noise_margins",
)


def run_simulation(cell: Parameters) -> RunOutcome:
    """Train ``runs`` networks by descent or flow, as ``cgro simulate`` does: one row each."""

    def number(name: str) -> float | None:
        return None if cell[name] == "auto" else float(cell[name])

    request = SimulateRequest(
        simulate_setting(cell),
        learning_rate=number("learning_rate"),
        steps=None if cell["steps"] == "auto" else int(cell["steps"]),
        method=str(cell["method"]),
        horizon=number("horizon"),
        tolerance=number("tolerance"),
        runs=int(cell["runs"]),
        seed=int(cell["seed"]),
        engine=str(cell["engine"]),
        adversary=str(cell["adversary"]),
        device="cpu",
    )
    plan = plan_simulation(request)
    trajectories = carry_out(plan, num_checkpoints=int(cell["checkpoints"]))
    documents = trajectories_document(trajectories, plan)["runs"]
    names: tuple[str, ...] = _SUMMARY
    if cell["record"] == "trajectory":
        names = tuple(name for name, value in vars(trajectories).items() if isinstance(value, np.ndarray))
    return RunOutcome(
        tuple(_simulation_row(document, plan) for document in documents),
        {name: getattr(trajectories, name) for name in names},
    )


def _simulation_row(document: dict[str, Any], plan: Plan) -> dict[str, Scalar]:
    """The columns of one trained network: its entry of ``cgro-trajectories/1``, flattened."""
    times = [time for time in document["memorization_times"] if time is not None]
    is_whole = len(times) == len(document["memorization_times"])
    row: dict[str, Scalar] = {
        "run_seed": document["seed"],
        "method_taken": plan.method,
        "learning_rate_taken": plan.learning_rate,
        "stopped_because": document["stopped_because"],
        "signal_time": document["signal_time"],
        "memorized": len(times),
        "first_memorization_time": min(times, default=None),
        "median_memorization_time": statistics.median(times) if is_whole else None,
        "last_memorization_time": max(times) if is_whole else None,
        "final_time": document["final_time"],
    }
    final: dict[str, Any] = document["final"] or {}  # none for a run that diverged
    for name in ("signal_margin", "clean_train_error", "robust_train_error", "transfer_train_error"):
        row[name] = final.get(name)
    for name in ("clean_test_error", "robust_test_error", "transfer_test_error"):
        row[name] = final.get(name)
        row[f"{name}_low"], row[f"{name}_high"] = final.get(f"{name}_interval", (None, None))
    return row


def run_memorizer(cell: Parameters) -> RunOutcome:
    """Build theorem 2's robust memorizer and bound its robust train error."""
    data = _memorizer_data(cell)
    order = math.inf if cell["norm_order"] == "inf" else float(cell["norm_order"])
    closest = separation(data, order).distance
    # Points of one label only have no opposite neighbour; their balls may have any radius.
    radius = float(cell["radius_share"]) * (closest if math.isfinite(closest) else 1.0)
    built = memorize(data, radius, order, least_squares_classifier(data.points, data.labels))
    scalars: dict[str, Scalar] = {
        "separation": closest if math.isfinite(closest) else None,
        "perturbation_radius": built.perturbation_radius,
        "structural_count": built.circuit.structural_count,
        "depth": built.circuit.depth,
        "layer_width": built.circuit.width,
        "squarings": built.squarings,
        "ramp_width": built.ramp_width,
        "clean_bound": built.clean_bound,
        "clean_wrong_on": len(built.clean_wrong_on),
        "robust_train_error_bound": None,
    }
    arrays: dict[str, object] = {}
    if cell["certify"] == "yes":
        certificate = certify(built.circuit, data, radius, order, seed=int(cell["seed"]))
        scalars["robust_train_error_bound"] = len(certificate.uncertified) / data.num_samples
        arrays["margin_bounds"] = certificate.margins
    return RunOutcome((scalars,), arrays)


def _memorizer_data(cell: Parameters) -> TrainingSet:
    """Uniform points of the unit cube with fair labels, or that many of the 8×8 digits 3 and 8, by the seed."""
    generator = np.random.default_rng([int(cell["seed"]), 11])
    count = int(cell["samples"])
    if cell["data"] == "digits":
        whole = digits(3, 8)
        chosen = np.sort(generator.permutation(whole.num_samples)[:count])
        return training_set(whole.points[chosen], whole.labels[chosen])
    points = generator.random((count, int(cell["dimension"])))
    return training_set(points, generator.choice((-1.0, 1.0), count))
