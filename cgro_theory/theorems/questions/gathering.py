"""Makes the runs that the asked questions need, in other processes, one task after another."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.questions import runs
from cgro_theory.theorems.questions.evidence import QuestionsEvidence
from cgro_theory.theorems.questions.profiles import (
    CONTROL_DIMENSION,
    CORNER_SHARES,
    CUBE_NORMS,
    CUBE_RADII,
    DEGREES,
    FRESH_EXPONENTS,
    FRESH_SCALES,
    SIZES,
    SMALL_SAMPLES,
    SMALL_WIDTH,
    WEIGHT_DIMENSION,
    Sizes,
)
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_1_feature_learning.phase_plan import Part, plan_tasks
from cgro_theory.theorems.theorem_1_feature_learning.phases import train_cell
from cgro_theory.theorems.theorem_3_global_flatness.landscape import profiles as landscape
from cgro_theory.theorems.worker_pool import WorkerPool
from cgro_theory.vision.training import TrainingRecipe

_ERROR_POINTS = 256
"""Fresh points where a check needs the law of a network only, and the count tells 0 from 1."""


@dataclass(frozen=True)
class Job:
    """One task: ``part`` is the evidence's field that the result of ``work(*inputs)`` belongs to."""

    part: str
    work: Callable[..., Any]
    inputs: tuple[Any, ...]

    def run(self) -> Any:
        """Do it."""
        return self.work(*self.inputs)


def gather(request: RunRequest) -> QuestionsEvidence:
    """Train and build what the asked claims need; run k of a group has the seed ``request.seed + k``."""
    jobs = plan_jobs(SIZES[request.profile], request)
    parts: dict[str, list[Any]] = {}
    with WorkerPool() as pool:
        waiting = [(job.part, pool.submit(job.run)) for job in jobs]
        for done, (part, result) in enumerate(waiting):
            request.progress("networks for the readers' questions", done / len(waiting))
            found = result.result()
            parts.setdefault(part, []).extend(found if isinstance(found, tuple) else (found,))
    request.progress("networks for the readers' questions", 1.0)
    fields: dict[str, Any] = {name: tuple(values) for name, values in parts.items()}
    return replace(QuestionsEvidence(request.profile, request.seed), **fields)


def plan_jobs(sizes: Sizes, request: RunRequest) -> list[Job]:
    """The tasks that the asked claims need; the longest ones first."""
    planned: list[tuple[tuple[str, ...], Callable[[Sizes, RunRequest], list[Job]]]] = [
        (("image_stages",), _images),
        (("activation_degree", "dimension"), _degrees),
        (("exponent_plane",), lambda s, r: _map(s, r, Part.EXPONENT_MAP, "exponent_map")),
        (("three_phases",), lambda s, r: _map(s, r, Part.DIMENSION_MAP, "phase_map")),
        (("clean_weight",), _weights),
        (("current_iterate", "attack_off_the_signal"), _attacks),
        (("standard_control",), _controls),
        (("fresh_sample",), _fresh),
        (("memorizer_corners",), _corners),
        (("memorizer_cube",), _cube),
    ]
    return [
        job
        for labels, plan in planned
        if request.needs(*(f"questions.{label}" for label in labels))
        for job in plan(sizes, request)
    ]


def image_recipe(sizes: Sizes, profile: str) -> TrainingRecipe:
    """The recipe of the loss landscape's main runs, with the epochs of question 10."""
    schedule = landscape.SIZES[profile].main
    return TrainingRecipe(
        radius=schedule.radius,
        width=landscape.MAIN_WIDTH,
        epochs=sizes.images.epochs,
        batch_size=schedule.batch_size,
        learning_rate=schedule.learning_rate,
        attack=schedule.attack,
    )


def _seeds(request: RunRequest, count: int) -> range:
    return range(request.seed, request.seed + count)


def _images(sizes: Sizes, request: RunRequest) -> list[Job]:
    recipe = image_recipe(sizes, request.profile)
    return [
        Job("images", runs.train_images, (sizes.images, recipe, seed, "cpu"))
        for seed in _seeds(request, sizes.images.seeds)
    ]


def _degrees(sizes: Sizes, request: RunRequest) -> list[Job]:
    return [
        Job("degrees", train_cell, (_small(dimension, degree=degree), seed, _ERROR_POINTS))
        for degree in DEGREES
        for dimension in sizes.degree_dimensions
        for seed in _seeds(request, sizes.degree_seeds)
    ]


def _small(dimension: int, degree: int = 3, weight: float = 0.9) -> PatchSetting:
    return PatchSetting.version_1(
        dimension, degree=degree, adversarial_weight=weight, num_samples=SMALL_SAMPLES, width=SMALL_WIDTH
    )


def _map(sizes: Sizes, request: RunRequest, wanted: Part, field: str) -> list[Job]:
    tasks = plan_tasks(sizes.phases, request.seed)
    return [Job(field, task.run, ()) for task in tasks if task.part is wanted]


def _weights(sizes: Sizes, request: RunRequest) -> list[Job]:
    settings = [_small(WEIGHT_DIMENSION, weight=1.0 - gap) for gap in sizes.weight_gaps]
    return [
        Job("weights", train_cell, (setting, seed, _ERROR_POINTS))
        for setting in settings
        for seed in _seeds(request, sizes.weight_seeds)
    ]


def _attacks(sizes: Sizes, request: RunRequest) -> list[Job]:
    setting = PatchSetting.version_1(sizes.attack_dimension)
    return [
        Job("attacks", runs.compare_attacks, (setting, seed, sizes.attack_points))
        for seed in _seeds(request, sizes.attack_seeds)
    ]


def _controls(sizes: Sizes, request: RunRequest) -> list[Job]:
    default = PatchSetting.version_1(CONTROL_DIMENSION)
    standard = replace(default, adversarial_weight=0.0)
    return [
        Job("controls", runs.train_control, (setting, seed, sizes.phases.test_points))
        for setting, count in ((standard, sizes.control_seeds), (default, sizes.adversarial_seeds))
        for seed in _seeds(request, count)
    ]


def _fresh(sizes: Sizes, request: RunRequest) -> list[Job]:
    return [
        Job(
            "fresh",
            runs.count_fresh_samples,
            (
                PatchSetting.version_1(dimension, signal_exponent=exponent),
                seed,
                (1.0, *(scale / math.sqrt(dimension) for scale in FRESH_SCALES)),
                sizes.fresh_points,
            ),
        )
        for dimension in sizes.fresh_dimensions
        for exponent in FRESH_EXPONENTS
        for seed in _seeds(request, sizes.fresh_seeds)
    ]


def _corners(sizes: Sizes, request: RunRequest) -> list[Job]:
    return [
        Job(
            "corners",
            runs.memorize_corners,
            (dimension, max(1, round(share * 2 ** (dimension - 1))), request.seed),
        )
        for dimension in sizes.corner_dimensions
        for share in CORNER_SHARES
    ]


def _cube(sizes: Sizes, request: RunRequest) -> list[Job]:
    return [
        Job("cube", runs.memorize_cube, (samples, radius, order, sizes.cube_trials, request.seed, dimension))
        for dimension in sizes.cube_dimensions
        for order in CUBE_NORMS
        for radius in CUBE_RADII
        for samples in sizes.cube_samples
    ]
