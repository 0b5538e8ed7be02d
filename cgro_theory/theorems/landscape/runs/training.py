"""The runs on the digits: which classifiers are trained, on which splits, and what is measured when."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.seeds import SeedPart, derived_seeds
from cgro_theory.theorems.landscape.runs.profiles import (
    DOUBLINGS,
    LOW_ROBUST_TRAIN_ERROR,
    MAIN_WIDTH,
    RADIUS,
    SIZES,
    STANDARD_FACTORS,
    Schedule,
    Sizes,
)
from cgro_theory.theorems.landscape.runs.trained import LandscapeRuns
from cgro_theory.theorems.room import RunRequest, gather_by
from cgro_theory.theorems.worker_pool import PendingResult, WorkerPool
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
SetOfRuns = Literal["main", "other_widths", "standard", "width_ladder"]
_DOING = "image classifiers"


@dataclass(frozen=True)
class Job:
    """One run to make, whole: a process needs nothing else, and the same job is the same run at every look.

    ``recorded_epochs`` landscapes are measured on the way (0 for none), at equal shares of the training.
    ``doublings``: how often a training that has not fitted its attacked images is made again.
    """

    set_of_runs: SetOfRuns
    seed: int
    recipe: TrainingRecipe
    plan: MeasurePlan
    train_size: int
    test_size: int
    recorded_epochs: int
    doublings: int

    @property
    def width(self) -> int:
        """Channels of the first layer."""
        return self.recipe.width


def begin(request: RunRequest, pool: WorkerPool) -> Callable[[RunRequest], LandscapeRuns]:
    """Have ``pool`` train the sets that are asked for, a task a network; what is returned waits for them.

    Seeds derive from the request's and the plan. On a GPU, which processes would share, they are trained in this
    one when they are asked for.
    """
    if request.device != "cpu":
        return _gather_here
    submitted = [(job, pool.submit(make_run, job)) for job in jobs_of(SIZES[request.profile], request)]
    return partial(_collected, submitted)


gather = gather_by(begin)


def _collected(
    submitted: Sequence[tuple[Job, PendingResult[ExperimentRecord]]], request: RunRequest
) -> LandscapeRuns:
    made: list[tuple[Job, ExperimentRecord | InvalidInput]] = []
    for index, (job, pending) in enumerate(submitted):
        request.progress(_DOING, index / len(submitted))
        try:
            made.append((job, pending.result()))
        except InvalidInput as error:
            made.append((job, error))
    request.progress(_DOING, 1.0)
    return _sorted_runs(SIZES[request.profile], made)


def _gather_here(request: RunRequest) -> LandscapeRuns:
    """The runs made in this process, one after another."""
    jobs = jobs_of(SIZES[request.profile], request)
    made: list[tuple[Job, ExperimentRecord | InvalidInput]] = []
    for index, job in enumerate(jobs):
        request.progress(_DOING, index / len(jobs))
        try:
            made.append((job, make_run(job, request.device)))
        except InvalidInput as error:
            made.append((job, error))
    request.progress(_DOING, 1.0)
    return _sorted_runs(SIZES[request.profile], made)


def _sorted_runs(sizes: Sizes, made: Sequence[tuple[Job, ExperimentRecord | InvalidInput]]) -> LandscapeRuns:
    sets: dict[str, tuple[ExperimentRecord, ...]] = {}
    failures: list[str] = []
    for job, outcome in sorted(made, key=lambda each: (each[0].width, each[0].seed)):
        if isinstance(outcome, InvalidInput):
            failures.append(f"{job.set_of_runs}, width {job.width}, seed {job.seed}: {outcome}")
        else:
            sets[job.set_of_runs] = (*sets.get(job.set_of_runs, ()), outcome)
    return LandscapeRuns(RADIUS, sizes.roles, failures=tuple(failures), **sets)


def jobs_of(sizes: Sizes, request: RunRequest) -> list[Job]:
    """The runs of the sets that are asked for, the longest first; those of an earlier look are among them."""
    # One seed for all widths and standard training: they share a split, are compared within it, and count once.
    seeds = derived_seeds(request.seed, sizes.seeds * request.growth, "landscape.main", *_parts(sizes.main))
    paired = seeds[: sizes.paired_seeds * request.growth]
    count = sizes.ladder_seeds * request.growth
    own = derived_seeds(request.seed, count, "landscape.ladder", *_parts(sizes.ladder))
    others = tuple(width for width in sizes.widths if width != MAIN_WIDTH)
    planned: tuple[tuple[SetOfRuns, tuple[int, ...], tuple[int, ...]], ...] = (
        ("main", (MAIN_WIDTH,), seeds),
        ("other_widths", others, paired),
        ("standard", (MAIN_WIDTH,), paired),
        ("width_ladder", sizes.ladder_widths, own),
    )
    return [
        _job(sizes, name, width, seed)
        for name, widths, numbers in planned
        if request.needs_runs(name)
        for width in sorted(widths, reverse=True)
        for seed in numbers
    ]


def _parts(schedule: Schedule) -> tuple[SeedPart, ...]:
    """Everything that tells one schedule from another."""
    steps, restarts = schedule.attack.steps, schedule.attack.restarts
    sizes = (schedule.train_size, schedule.test_size, schedule.epochs, schedule.batch_size)
    return (schedule.radius, *sizes, schedule.learning_rate, steps, restarts)


def _job(sizes: Sizes, name: SetOfRuns, width: int, seed: int) -> Job:
    schedule = sizes.ladder if name == "width_ladder" else sizes.main
    recipe = TrainingRecipe(
        radius=schedule.radius,
        width=width,
        epochs=schedule.epochs,
        batch_size=schedule.batch_size,
        learning_rate=schedule.learning_rate,
        attack=schedule.attack,
        adversarial=name != "standard",
    )
    # Landscapes at many radii are shown and judged at the main width; elsewhere the last errors suffice.
    full = name in ("main", "standard")
    factors = STANDARD_FACTORS if name == "standard" else sizes.radius_factors
    radii = tuple(factor * RADIUS for factor in factors) if full else (schedule.radius,)
    plan = MeasurePlan((), (RADIUS,), radii, sizes.budget, sizes.final_budget, final_norms=full)
    must_fit = name == "main" or (name == "width_ladder" and width >= sizes.roles.middle)
    return Job(
        name,
        seed,
        recipe,
        plan,
        schedule.train_size,
        schedule.test_size,
        recorded_epochs=sizes.recorded_epochs if name in ("main", "other_widths") else 0,
        doublings=DOUBLINGS if must_fit else 0,
    )


def make_run(job: Job, device: str = "cpu") -> ExperimentRecord:
    """Train and measure as the job says, again with twice the epochs while the training images are not fitted.

    A training that is made again starts from the same weights; whether it is depends on training images alone.
    Raises :class:`InvalidInput` when a training diverges.
    """
    split = _digits().split(job.train_size, job.test_size, job.seed)
    # On a CPU the images are too small for a second thread, which would wait more than it works.
    with one_thread() if device == "cpu" else contextlib.nullcontext():
        for doubling in range(job.doublings + 1):
            recipe = replace(job.recipe, epochs=job.recipe.epochs * 2**doubling)
            marks = evenly_spread_epochs(recipe.epochs, job.recorded_epochs) if job.recorded_epochs else ()
            run = run_experiment(split, recipe, replace(job.plan, epochs=marks), job.seed, device)
            if run.strong_train_error <= LOW_ROBUST_TRAIN_ERROR:
                break
    return run


@functools.cache
def _digits() -> ImageData:
    return load_images("digits")


def parameters(runs: LandscapeRuns) -> dict[str, Any]:
    """Recipes, sizes, budgets and seeds of the runs that were made, as plain JSON values."""
    named = {
        "main": runs.main,
        "other widths": runs.other_widths,
        "control": runs.standard,
        "ladder": runs.width_ladder,
    }
    return {f"landscape {name}": _describe(own) for name, own in named.items() if own}


def _describe(runs: tuple[ExperimentRecord, ...]) -> dict[str, Any]:
    """What the runs have in common, their widths and seeds, how many went on for how long, and what they cost."""
    first = runs[0]
    lengths = Counter(run.recipe.epochs for run in runs)
    recipe = asdict(first.recipe)
    del recipe["width"], recipe["epochs"]
    return recipe | {
        "data": first.data,
        "train_size": first.train_size,
        "test_size": first.test_size,
        "widths": sorted({run.recipe.width for run in runs}),
        "parameters": sorted({run.parameters for run in runs}),
        "runs by epochs": {str(epochs): count for epochs, count in sorted(lengths.items())},
        "seeds": sorted({run.seed for run in runs}),
        "ball": "l_inf, clipped to pixels in [0, 1]",
        "seconds_training": round(sum(run.seconds_training for run in runs), 1),
        "seconds_measuring": round(sum(run.seconds_measuring for run in runs), 1),
    }
