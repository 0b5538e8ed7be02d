"""The landscape's part of the room: gather the runs, judge them, plant faults, draw (see ``theorems/room.py``)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cgro_theory.theorems.landscape.claims.checks import CHECKS
from cgro_theory.theorems.landscape.claims.controls import FAULTS
from cgro_theory.theorems.landscape.claims.figures import figures
from cgro_theory.theorems.landscape.runs.trained import LandscapeEvidence
from cgro_theory.theorems.landscape.runs.training import gather
from cgro_theory.vision.experiment import ExperimentRecord

__all__ = ["CHECKS", "FAULTS", "LandscapeEvidence", "figures", "gather", "parameters"]


def parameters(evidence: LandscapeEvidence) -> dict[str, Any]:
    """Recipes, sizes, budgets and seeds of the runs, as plain JSON values."""
    values: dict[str, Any] = {}
    for name, runs in (("main", evidence.runs), ("control", evidence.controls), ("ladder", evidence.ladder)):
        if runs:
            values[f"landscape {name}"] = describe(runs)
    return values


def describe(runs: tuple[ExperimentRecord, ...]) -> dict[str, Any]:
    """What the runs have in common, their widths and seeds, and what they cost."""
    first = runs[0]
    recipe = asdict(first.recipe)
    del recipe["width"]
    return recipe | {
        "data": first.data,
        "train_size": first.train_size,
        "test_size": first.test_size,
        "widths": sorted({run.recipe.width for run in runs}),
        "parameters": sorted({run.parameters for run in runs}),
        "seeds": sorted({run.seed for run in runs}),
        "ball": "l_inf, clipped to pixels in [0, 1]",
        "seconds_training": round(sum(run.seconds_training for run in runs), 1),
        "seconds_measuring": round(sum(run.seconds_measuring for run in runs), 1),
    }
