"""``cgro landscape``: train one image classifier and write its loss landscape as ``cgro-landscape/1`` JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgro_theory.atomic_file import atomic_write, require_outputs
from cgro_theory.claims import ExitCode, Figure
from cgro_theory.commands.console import progress_reporter, write_document
from cgro_theory.commands.environment import describe_environment, resolve_device
from cgro_theory.errors import InvalidInput, require_integer
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.report.figures import render
from cgro_theory.theorems.landscape.claims.figures import experiment_figure
from cgro_theory.vision.attack import AscentBudget
from cgro_theory.vision.classifiers import ARCHITECTURES
from cgro_theory.vision.data_sets import load_images
from cgro_theory.vision.experiment import (
    ExperimentRecord,
    MeasurePlan,
    Moment,
    evenly_spread_epochs,
    run_experiment,
)
from cgro_theory.vision.labelled_images import ImageData
from cgro_theory.vision.landscape import Landscape
from cgro_theory.vision.training import TrainingRecipe

SCHEMA = "cgro-landscape/1"
INTERVAL_FAILURE = 1e-3
"""Each interval of a test error misses with at most this probability."""
EPOCH_FACTORS = (0.5, 1.0, 2.0)
FINAL_FACTORS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""Radii of the measures in training radii, on the way and after the last epoch, when the user names none."""
DEFAULT_TEST_SIZE = 500
_STRONG = AscentBudget(20, 3)
"""The last attack on the training images, at the training radius."""


@dataclass(frozen=True)
class LandscapeRequest:
    """What ``cgro landscape`` was asked for; see its options. ``radii`` () are multiples of the radius."""

    data: str
    root: Path | None
    train_size: int
    test_size: int | None
    recipe: TrainingRecipe
    radii: tuple[float, ...] = ()
    recorded_epochs: int = 10
    measure_budget: AscentBudget = field(default_factory=lambda: AscentBudget(10))
    seed: int = 0
    device: str = "auto"
    json_path: str | None = None
    figure_path: str | None = None
    quiet: bool = False


def run_landscape(request: LandscapeRequest) -> ExitCode:
    """Train, measure, then write the JSON document (``-`` is standard output) and the figure.

    Everything that can be wrong with the request is refused before training starts.
    """
    require_integer("seed", request.seed, 0)
    if request.recipe.architecture not in ARCHITECTURES:
        raise InvalidInput("architecture", request.recipe.architecture, "one of " + ", ".join(ARCHITECTURES))
    plan = _plan(request)
    require_outputs({"--json": request.json_path, "--figure": request.figure_path})
    if request.figure_path is not None and Path(request.figure_path).suffix not in (".png", ".svg"):
        raise InvalidInput("--figure", request.figure_path, "a file that ends in .png or .svg")
    device = resolve_device(request.device)
    if request.recipe.mixed_precision and device != "cuda":
        raise InvalidInput("--mixed-precision", True, "left off without a GPU")
    data = load_images(request.data, request.root)
    split = data.split(request.train_size, _test_size(request, data), request.seed)
    with progress_reporter(request.quiet) as progress:

        def report(share: float) -> None:
            progress(f"training on {request.train_size} images of {request.data}", share)

        record = run_experiment(split, request.recipe, plan, request.seed, device, report)
    document = landscape_document(record, request, device)
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    if request.figure_path is not None:
        figure: Figure = experiment_figure(record)
        with atomic_write(request.figure_path) as stream:
            stream.write(render(figure)[Path(request.figure_path).suffix[1:]])
    write_document(request.json_path, text)
    return ExitCode.PASSED


def _plan(request: LandscapeRequest) -> MeasurePlan:
    radius = request.recipe.radius

    def radii(factors: tuple[float, ...]) -> tuple[float, ...]:
        asked = request.radii or (round(factor * radius, 12) for factor in factors if factor * radius <= 1.0)
        return tuple(sorted({*asked, radius}))

    epochs = evenly_spread_epochs(request.recipe.epochs, request.recorded_epochs)
    budget = request.measure_budget
    return MeasurePlan(
        epochs,
        radii(EPOCH_FACTORS),
        radii(FINAL_FACTORS),
        budget,
        AscentBudget(2 * budget.steps, 2 * budget.restarts),
        strong_budget=_STRONG,
    )


def _test_size(request: LandscapeRequest, data: ImageData) -> int:
    if request.test_size is not None:
        return request.test_size
    spare = data.test.size if data.test is not None else data.train.size - request.train_size
    return max(1, min(DEFAULT_TEST_SIZE, spare))


def landscape_document(record: ExperimentRecord, request: LandscapeRequest, device: str) -> dict[str, Any]:
    """The ``cgro-landscape/1`` document: plain JSON values; a number that is not finite is a string or null."""
    recipe = asdict(record.recipe)
    attack, budget = recipe.pop("attack"), request.measure_budget
    parameters = recipe | {
        "data": record.data,
        "train_size": record.train_size,
        "test_size": record.test_size,
        "seed": record.seed,
        "optimizer": "Adam without weight decay, cyclic learning rate",
        "attack_steps": attack["steps"],
        "attack_restarts": attack["restarts"],
        "measure_steps": budget.steps,
        "measure_restarts": budget.restarts,
        "final_measure_steps": 2 * budget.steps,
        "final_measure_restarts": 2 * budget.restarts,
        "strong_steps": _STRONG.steps,
        "strong_restarts": _STRONG.restarts,
        "ball": "l_inf, clipped to the pixel range [0, 1]",
        "trained_parameters": record.parameters,
        "interval_failure_probability": INTERVAL_FAILURE,
    }
    return {
        "schema": SCHEMA,
        "environment": asdict(describe_environment(device)) | {"dtype": "float32"},
        "parameters": parameters,
        "notes": "maxima are found by ascent: lower bounds; robust errors likewise",
        "seconds": {"training": record.seconds_training, "measuring": record.seconds_measuring},
        "epochs": [_moment_document(moment, record.recipe.radius) for moment in record.moments],
        "strong_robust_train_error": record.strong_train_error,
        "final": _moment_document(record.final, record.recipe.radius),
    }


def _moment_document(moment: Moment, radius: float) -> dict[str, Any]:
    return {
        "epoch": moment.epoch,
        "robust_generalization_gap": moment.robust_gap(radius),
        "train": _side_document(moment.train, radius, sampled=False),
        "test": _side_document(moment.test, radius, sampled=True),
    }


def _side_document(around: Landscape, radius: float, sampled: bool) -> dict[str, Any]:
    """Errors at the training radius and the measures at every radius; intervals only for what is a sample."""
    robust = around.wrong[around.at(radius)]
    document: dict[str, Any] = {
        "clean_error": around.clean_error,
        "robust_error": around.robust_error(radius),
        "clean_loss": _number(float(around.clean_loss.mean())),
        "radii": [
            {
                "radius": at,
                "robust_error": around.robust_error(at),
                "max_gradient_norm": _number(around.gradient_norm(at)),
                "max_loss_change": _number(around.loss_change(at)),
            }
            for at in around.radii
        ],
    }
    if sampled:
        document["clean_error_interval"] = _interval(around.clean_wrong)
        document["robust_error_interval"] = _interval(robust)
    return document


def _interval(wrong: NDArray[np.bool_]) -> list[float]:
    ends = clopper_pearson(int(wrong.sum()), int(wrong.size), INTERVAL_FAILURE)
    return [ends.low, ends.high]


def _number(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")
