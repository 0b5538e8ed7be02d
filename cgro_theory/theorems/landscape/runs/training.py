"""The runs on the digits: which classifiers are trained, on which splits, and what is measured when."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from typing import Literal

from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.seeds import SeedPart, derived_seeds
from cgro_theory.theorems.landscape.runs.profiles import (
    CONTROL_FACTORS,
    MAIN_WIDTH,
    RADIUS,
    SIZES,
    Schedule,
    Sizes,
)
from cgro_theory.theorems.landscape.runs.trained import LandscapeEvidence, ReachedError
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

_CAPACITY = "landscape.capacity"


@dataclass(frozen=True)
class Job:
    """One run to make: ``kind`` is ``run`` (measured over epochs), ``control`` or ``ladder`` (at its end only)."""

    kind: Literal["run", "control", "ladder"]
    width: int
    seed: int


def gather(request: RunRequest) -> LandscapeEvidence:
    """Train what the asked claims need, one run after another; seeds derive from ``request.seed`` and the plan."""
    sizes = SIZES[request.profile]
    data = load_images("digits")
    jobs = _jobs(sizes, request)
    done: dict[str, list[ExperimentRecord]] = {"run": [], "control": [], "ladder": []}
    failures: list[str] = []
    # On a CPU the images are too small for a second thread, which would wait more than it works.
    with one_thread() if request.device == "cpu" else contextlib.nullcontext():
        for index, job in enumerate(jobs):
            request.progress("image classifiers", index / len(jobs))
            try:
                done[job.kind].append(_run(data, sizes, job, request.device))
            except InvalidInput as error:
                failures.append(f"{job.kind}, width {job.width}, seed {job.seed}: {error}")
    request.progress("image classifiers", 1.0)
    return LandscapeEvidence(
        request.profile,
        request.seed,
        RADIUS,
        MAIN_WIDTH,
        runs=tuple(done["run"]),
        controls=tuple(done["control"]),
        reached=tuple(_reached(run) for run in done["run"] if run.recipe.width == MAIN_WIDTH),
        ladder=tuple(done["ladder"]),
        ladder_reached=tuple(_reached(run) for run in done["ladder"] if run.recipe.width >= sizes.roles.middle),
        roles=sizes.roles if done["ladder"] else None,
        failures=tuple(failures),
    )


def _reached(run: ExperimentRecord) -> ReachedError:
    return ReachedError(run.recipe.width, run.seed, run.strong_train_error)


def _jobs(sizes: Sizes, request: RunRequest) -> list[Job]:
    """The runs that the asked claims need; none when no claim of the landscape is asked for."""
    # One seed for all widths and the control: they share a split, are compared within it, and count once.
    seeds = derived_seeds(request.seed, sizes.seeds, "landscape.main", *_parts(sizes.main))
    jobs: list[Job] = []
    several = request.needs("landscape.gap_follows_global_flatness")
    if several or request.needs("landscape.flat_inside_sharp_outside", "landscape.local_versus_global"):
        widths = sizes.widths if several else (MAIN_WIDTH,)
        jobs += [Job("run", width, seed) for width, seed in itertools.product(widths, seeds)]
    if request.needs("landscape.flat_inside_sharp_outside"):
        jobs += [Job("control", MAIN_WIDTH, seed) for seed in seeds]
    if request.needs(_CAPACITY):
        own = derived_seeds(request.seed, sizes.ladder_seeds, "landscape.ladder", *_parts(sizes.ladder))
        jobs += [Job("ladder", width, seed) for width, seed in itertools.product(sizes.ladder_widths, own)]
    return jobs


def _parts(schedule: Schedule) -> tuple[SeedPart, ...]:
    """Everything that tells one schedule from another."""
    steps, restarts = schedule.attack.steps, schedule.attack.restarts
    sizes = (schedule.train_size, schedule.test_size, schedule.epochs, schedule.batch_size)
    return (schedule.radius, *sizes, schedule.learning_rate, steps, restarts)


def _run(data: ImageData, sizes: Sizes, job: Job, device: str) -> ExperimentRecord:
    schedule = sizes.ladder if job.kind == "ladder" else sizes.main
    recipe = TrainingRecipe(
        radius=schedule.radius,
        width=job.width,
        epochs=schedule.epochs,
        batch_size=schedule.batch_size,
        learning_rate=schedule.learning_rate,
        attack=schedule.attack,
        adversarial=job.kind != "control",
    )
    epochs = evenly_spread_epochs(schedule.epochs, sizes.recorded_epochs) if job.kind == "run" else ()
    # Landscapes at many radii are drawn and judged at the main width; elsewhere the last errors suffice.
    full = job.kind != "ladder" and job.width == MAIN_WIDTH
    factors = CONTROL_FACTORS if job.kind == "control" else sizes.radius_factors
    radii = tuple(factor * RADIUS for factor in factors) if full else (schedule.radius,)
    plan = MeasurePlan(epochs, (RADIUS,), radii, sizes.budget, sizes.final_budget, final_norms=full)
    split = data.split(schedule.train_size, schedule.test_size, job.seed)
    return run_experiment(split, recipe, plan, job.seed, device)
