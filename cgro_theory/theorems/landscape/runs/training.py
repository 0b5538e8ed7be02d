"""The runs on the digits: which classifiers are trained, on which splits, and what is measured when."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.seeds import SeedPart, derived_seeds
from cgro_theory.theorems.landscape.runs.profiles import (
    MAIN_WIDTH,
    RADIUS,
    SIZES,
    STANDARD_FACTORS,
    Schedule,
    Sizes,
)
from cgro_theory.theorems.landscape.runs.trained import LandscapeRuns
from cgro_theory.theorems.room import RunRequest
from cgro_theory.trainer.threads import one_thread
from cgro_theory.vision.data_sets import load_images
from cgro_theory.vision.experiment import (
    ExperimentRecord,
    MeasurePlan,
    evenly_spread_epochs,
    run_experiment,
)
from cgro_theory.vision.labelled_images import ImageData
from cgro_theory.vision.training import TrainingRecipe

SETS = ("main", "other_widths", "standard", "width_ladder")
"""The sets of runs that a request can ask for."""


@dataclass(frozen=True)
class Job:
    """One run to make: the ladder's and those of standard training are measured at their end only."""

    set_of_runs: Literal["main", "other_widths", "standard", "width_ladder"]
    width: int
    seed: int


def gather(request: RunRequest) -> LandscapeRuns:
    """Train the sets that are asked for, one run after another; seeds derive from the request's and the plan."""
    sizes = SIZES[request.profile]
    data = load_images("digits")
    jobs = jobs_of(sizes, request)
    sets: dict[str, tuple[ExperimentRecord, ...]] = {}
    failures: list[str] = []
    # On a CPU the images are too small for a second thread, which would wait more than it works.
    with one_thread() if request.device == "cpu" else contextlib.nullcontext():
        for index, job in enumerate(jobs):
            request.progress("image classifiers", index / len(jobs))
            try:
                run = _run(data, sizes, job, request.device)
                sets[job.set_of_runs] = (*sets.get(job.set_of_runs, ()), run)
            except InvalidInput as error:
                failures.append(f"{job.set_of_runs}, width {job.width}, seed {job.seed}: {error}")
    request.progress("image classifiers", 1.0)
    return LandscapeRuns(RADIUS, sizes.roles, failures=tuple(failures), **sets)


def jobs_of(sizes: Sizes, request: RunRequest) -> list[Job]:
    """The runs of the sets that are asked for."""
    # One seed for all widths and standard training: they share a split, are compared within it, and count once.
    seeds = sorted(derived_seeds(request.seed, sizes.seeds, "landscape.main", *_parts(sizes.main)))
    own = derived_seeds(request.seed, sizes.ladder_seeds, "landscape.ladder", *_parts(sizes.ladder))
    others = [width for width in sizes.widths if width != MAIN_WIDTH]
    jobs = [
        *(Job("other_widths", width, seed) for width, seed in itertools.product(others, seeds)),
        *(Job("main", MAIN_WIDTH, seed) for seed in seeds),
        *(Job("standard", MAIN_WIDTH, seed) for seed in seeds),
        *(Job("width_ladder", width, seed) for width, seed in itertools.product(sizes.ladder_widths, own)),
    ]
    return [job for job in jobs if request.needs_runs(job.set_of_runs)]


def _parts(schedule: Schedule) -> tuple[SeedPart, ...]:
    """Everything that tells one schedule from another."""
    steps, restarts = schedule.attack.steps, schedule.attack.restarts
    sizes = (schedule.train_size, schedule.test_size, schedule.epochs, schedule.batch_size)
    return (schedule.radius, *sizes, schedule.learning_rate, steps, restarts)


def _run(data: ImageData, sizes: Sizes, job: Job, device: str) -> ExperimentRecord:
    schedule = sizes.ladder if job.set_of_runs == "width_ladder" else sizes.main
    recipe = TrainingRecipe(
        radius=schedule.radius,
        width=job.width,
        epochs=schedule.epochs,
        batch_size=schedule.batch_size,
        learning_rate=schedule.learning_rate,
        attack=schedule.attack,
        adversarial=job.set_of_runs != "standard",
    )
    over_epochs = job.set_of_runs in ("main", "other_widths")
    epochs = evenly_spread_epochs(schedule.epochs, sizes.recorded_epochs) if over_epochs else ()
    # Landscapes at many radii are shown and judged at the main width; elsewhere the last errors suffice.
    full = job.set_of_runs in ("main", "standard")
    factors = STANDARD_FACTORS if job.set_of_runs == "standard" else sizes.radius_factors
    radii = tuple(factor * RADIUS for factor in factors) if full else (schedule.radius,)
    plan = MeasurePlan(epochs, (RADIUS,), radii, sizes.budget, sizes.final_budget, final_norms=full)
    split = data.split(schedule.train_size, schedule.test_size, job.seed)
    return run_experiment(split, recipe, plan, job.seed, device)


def parameters(runs: LandscapeRuns) -> dict[str, Any]:
    """Recipes, sizes, budgets and seeds of the runs that were made, as plain JSON values."""
    named = {"main": runs.over_epochs, "control": runs.standard, "ladder": runs.width_ladder}
    return {f"landscape {name}": _describe(own) for name, own in named.items() if own}


def _describe(runs: tuple[ExperimentRecord, ...]) -> dict[str, Any]:
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
