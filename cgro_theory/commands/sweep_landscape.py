"""A landscape run of a sweep; apart from the other runs, so that these need no image code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from cgro_theory.commands.landscape import EPOCH_FACTORS, FINAL_FACTORS
from cgro_theory.sweep.run_kind import Parameters, RunOutcome, Scalar
from cgro_theory.vision.attack import AscentBudget
from cgro_theory.vision.data_sets import load_images
from cgro_theory.vision.experiment import MeasurePlan, Moment, evenly_spread_epochs, run_experiment
from cgro_theory.vision.training import TrainingRecipe

torch.set_num_threads(1)  # results must not depend on the machine's cores; sweeps run side by side instead


def run_landscape_cell(cell: Parameters) -> RunOutcome:
    """Train a classifier and measure its landscape at the radii that ``cgro landscape`` takes; one row."""
    radius, epochs = float(cell["radius"]), int(cell["epochs"])
    recipe = TrainingRecipe(
        radius=radius,
        architecture=str(cell["architecture"]),
        width=int(cell["width"]),
        epochs=epochs,
        batch_size=int(cell["batch_size"]),
        learning_rate=float(cell["learning_rate"]),
        cycles=int(cell["cycles"]),
        attack=AscentBudget(int(cell["attack_steps"])),
        adversarial=cell["adversarial"] == "yes",
    )
    steps, restarts = int(cell["measure_steps"]), int(cell["measure_restarts"])
    plan = MeasurePlan(
        evenly_spread_epochs(epochs, int(cell["recorded_epochs"])),
        _radii(radius, EPOCH_FACTORS),
        _radii(radius, FINAL_FACTORS),
        AscentBudget(steps, restarts),
        AscentBudget(2 * steps, 2 * restarts),
    )
    data = load_images(str(cell["data"]), Path(str(cell["root"])) if cell["root"] else None)
    seed = int(cell["seed"])
    split = data.split(int(cell["train_size"]), int(cell["test_size"]), seed)
    record = run_experiment(split, recipe, plan, seed)
    row: dict[str, Scalar] = {"trained_parameters": record.parameters, **_row(record.final, radius)}
    arrays: dict[str, object] = {"epochs": np.array([moment.epoch for moment in record.moments])}
    along = [_row(moment, radius) for moment in record.moments]
    for name in along[0]:
        arrays[name] = np.array([values[name] for values in along], dtype=np.float64)
    for side, around in (("train", record.final.train), ("test", record.final.test)):
        arrays["final_radii"] = np.array(around.radii)
        arrays[f"final_{side}_max_gradient_norm"] = around.max_gradient_norm
        arrays[f"final_{side}_max_loss_change"] = around.max_loss_change
        arrays[f"final_{side}_wrong"] = around.wrong
    return RunOutcome((row,), arrays)


def _radii(radius: float, factors: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sorted({*(factor * radius for factor in factors if factor * radius <= 1.0), radius}))


def _row(moment: Moment, radius: float) -> dict[str, Scalar]:
    """Errors and measures at the training radius; robust errors and maxima are lower bounds."""
    row: dict[str, Scalar] = {"robust_generalization_gap": moment.robust_gap(radius)}
    for side, around in (("train", moment.train), ("test", moment.test)):
        row[f"clean_{side}_error"] = around.clean_error
        row[f"robust_{side}_error"] = around.robust_error(radius)
        row[f"{side}_max_gradient_norm"] = around.gradient_norm(radius)
        row[f"{side}_max_loss_change"] = around.loss_change(radius)
    return row
