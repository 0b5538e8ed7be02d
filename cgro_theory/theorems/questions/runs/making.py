"""Makes the runs that the asked questions need, in other processes, one task after another."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from functools import partial
from typing import Any

from cgro_theory.numerics.seeds import SeedPart, derived_seeds
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.landscape.runs import profiles as landscape
from cgro_theory.theorems.questions.runs import dense_runs, profiles, published_runs
from cgro_theory.theorems.questions.runs import patch_runs as runs
from cgro_theory.theorems.questions.runs.made import QuestionRuns
from cgro_theory.theorems.questions.runs.profiles import SIZES, Sizes
from cgro_theory.theorems.room import RunRequest, gather_by
from cgro_theory.theorems.theorem_1_feature_learning.runs.phase_grid import Part, plan_tasks
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import train_cell
from cgro_theory.theorems.worker_pool import WorkerPool
from cgro_theory.vision.training import TrainingRecipe

_ERROR_POINTS = 256
"""Fresh points where a check needs the law of a network only, and the count tells 0 from 1."""


_PUBLISHED_BATCH = 16
"""Networks of question 11 that are trained together."""
OVER_SEEDS = ("images", "degrees", "fine", "weights", "attack_rules", "attacks", "controls", "fresh", "published")
"""The sets that have several seeds each; a later look takes more of them."""


@dataclass(frozen=True)
class Job:
    """One task: ``part`` is the field of the runs that the result of ``work(*inputs)`` belongs to."""

    part: str
    work: Callable[..., Any]
    inputs: tuple[Any, ...]

    def run(self) -> Any:
        """Do it."""
        return self.work(*self.inputs)


def begin(request: RunRequest, pool: WorkerPool) -> Callable[[RunRequest], QuestionRuns]:
    """Have ``pool`` train and build what the asked claims need; what is returned waits for it.

    Every seed derives from ``request.seed`` and the parameters.
    """
    waiting = [(job.part, pool.submit(job.run)) for job in plan_jobs(SIZES[request.profile], request)]

    def collected(request: RunRequest) -> QuestionRuns:
        parts: dict[str, list[Any]] = {}
        for done, (part, result) in enumerate(waiting):
            request.progress("networks for the readers' questions", done / len(waiting))
            found = result.result()
            parts.setdefault(part, []).extend(found if isinstance(found, tuple) else (found,))
        request.progress("networks for the readers' questions", 1.0)
        return QuestionRuns(**{name: tuple(found) for name, found in parts.items()})

    return collected


gather = gather_by(begin)


def plan_jobs(sizes: Sizes, request: RunRequest) -> list[Job]:
    """The tasks of the sets that are needed; the longest ones first."""
    planned: dict[str, Callable[[Sizes, RunRequest], list[Job]]] = {
        "images": _images,
        "degrees": _degrees,
        "fine": _fine,
        "exponent_map": partial(_map, Part.EXPONENT_MAP, "exponent_map"),
        "phase_map": partial(_map, Part.DIMENSION_MAP, "phase_map"),
        "weights": _weights,
        "attack_rules": _rules,
        "attacks": _attacks,
        "controls": _controls,
        "fresh": _fresh,
        "corners": _corners,
        "cube": _cube,
        "published": _published,
    }
    return [job for field, plan in planned.items() if request.needs_runs(field) for job in plan(sizes, request)]


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


def _seeds(request: RunRequest, count: int, *parts: SeedPart) -> tuple[int, ...]:
    """Seeds of ``count`` samples that ``parts`` describe, of more at a later look.

    No other parts and no other base seed share one.
    """
    return derived_seeds(request.seed, count * request.growth, "questions", *parts)


def _seed(request: RunRequest, *parts: SeedPart) -> int:
    """The seed of the only sample that ``parts`` describe."""
    return derived_seeds(request.seed, 1, "questions", *parts)[0]


def _numbers(setting: PatchSetting) -> tuple[SeedPart, ...]:
    """Everything that tells one setting from another."""
    return astuple(setting)


def _images(sizes: Sizes, request: RunRequest) -> list[Job]:
    recipe = image_recipe(sizes, request.profile)
    images = replace(sizes.images, recorded=sizes.images.recorded * request.growth)
    return [
        Job("images", runs.train_images, (images, recipe, seed, "cpu"))
        for seed in _seeds(request, sizes.images.seeds, "images")
    ]


def _over_degrees(sizes: Sizes, request: RunRequest) -> list[tuple[PatchSetting, int]]:
    settings = [_small(d, degree=degree) for degree in profiles.DEGREES for d in sizes.degree_dimensions]
    return [
        (setting, seed)
        for setting in settings
        for seed in _seeds(request, sizes.degree_seeds, "degrees", *_numbers(setting))
    ]


def _degrees(sizes: Sizes, request: RunRequest) -> list[Job]:
    return [Job("degrees", train_cell, (*run, _ERROR_POINTS)) for run in _over_degrees(sizes, request)]


def _fine(sizes: Sizes, request: RunRequest) -> list[Job]:
    return [Job("fine", runs.integrate_finely, run) for run in _over_degrees(sizes, request)]


def _small(dimension: int, degree: int = 3, weight: float = 0.9) -> PatchSetting:
    return PatchSetting.version_1(
        dimension,
        degree=degree,
        adversarial_weight=weight,
        num_samples=profiles.SMALL_SAMPLES,
        width=profiles.SMALL_WIDTH,
    )


def _map(wanted: Part, field: str, sizes: Sizes, request: RunRequest) -> list[Job]:
    tasks = plan_tasks(sizes.phases, request.seed)
    own = [task for task in tasks if task.part is wanted]
    seeds = [_seed(request, field, *_numbers(task.setting)) for task in own]
    return [Job(field, replace(task, seed=seed).run, ()) for task, seed in zip(own, seeds, strict=True)]


def _weights(sizes: Sizes, request: RunRequest) -> list[Job]:
    settings = [_small(profiles.WEIGHT_DIMENSION, weight=1.0 - gap) for gap in sizes.weight_gaps]
    return [
        Job("weights", train_cell, (setting, seed, _ERROR_POINTS))
        for setting in settings
        for seed in _seeds(request, sizes.weight_seeds, "weights", *_numbers(setting))
    ]


def _attacks(sizes: Sizes, request: RunRequest) -> list[Job]:
    setting = PatchSetting.version_1(sizes.attack_dimension)
    return [
        Job("attacks", runs.compare_attacks, (setting, seed, sizes.attack_points))
        for seed in _seeds(request, sizes.attack_seeds, "attacks", *_numbers(setting))
    ]


def _rules(sizes: Sizes, request: RunRequest) -> list[Job]:
    setting = PatchSetting.version_1(
        profiles.RULE_DIMENSION, num_samples=profiles.RULE_SAMPLES, width=profiles.RULE_WIDTH
    )
    seeds = _seeds(request, sizes.rule_seeds, "attack rules", *_numbers(setting))
    # A batch is one computation; in halves, two processes share it.
    halves = (seeds[::2], seeds[1::2])
    return [
        Job(
            "attack_rules",
            dense_runs.compare_attack_rules,
            (setting, half, profiles.DENSE_RATE, profiles.RULE_STEPS),
        )
        for half in halves
    ]


def _controls(sizes: Sizes, request: RunRequest) -> list[Job]:
    default = PatchSetting.version_1(profiles.CONTROL_DIMENSION)
    standard = replace(default, adversarial_weight=0.0)
    return [
        Job("controls", runs.train_control, (setting, seed, sizes.phases.test_points))
        for setting, count in ((standard, sizes.control_seeds), (default, sizes.adversarial_seeds))
        for seed in _seeds(request, count, "controls", *_numbers(setting))
    ]


def _fresh(sizes: Sizes, request: RunRequest) -> list[Job]:
    def fractions(setting: PatchSetting) -> tuple[float, ...]:
        return (1.0, *(scale / math.sqrt(setting.patch_dimension) for scale in profiles.FRESH_SCALES))

    reduced = [
        PatchSetting.version_1(dimension, signal_exponent=exponent)
        for dimension in sizes.fresh_dimensions
        for exponent in profiles.FRESH_EXPONENTS
    ]
    jobs = [
        Job("fresh", runs.count_fresh_samples, (setting, seed, fractions(setting), sizes.fresh_points))
        for setting in reduced
        for seed in _seeds(request, sizes.fresh_seeds, "fresh", *_numbers(setting))
    ]
    for exponent in profiles.FRESH_EXPONENTS:
        setting = PatchSetting.version_1(
            profiles.DENSE_DIMENSION,
            num_samples=profiles.DENSE_SAMPLES,
            width=profiles.DENSE_WIDTH,
            signal_exponent=exponent,
        )
        for seed in _seeds(request, sizes.dense_seeds, "fresh, in full", *_numbers(setting)):
            inputs = (
                setting,
                seed,
                fractions(setting),
                sizes.fresh_points,
                profiles.DENSE_RATE,
                profiles.DENSE_STEPS,
            )
            jobs.append(Job("fresh", dense_runs.count_dense_samples, inputs))
    return jobs


def _corners(sizes: Sizes, request: RunRequest) -> list[Job]:
    shapes = [
        (dimension, max(1, round(fraction * 2 ** (dimension - 1))))
        for dimension in sizes.corner_dimensions
        for fraction in profiles.CORNER_FRACTIONS
    ]
    return [Job("corners", runs.memorize_corners, (*shape, _seed(request, "corners", *shape))) for shape in shapes]


def _cube(sizes: Sizes, request: RunRequest) -> list[Job]:
    shapes = itertools.product(sizes.cube_dimensions, profiles.CUBE_NORMS, profiles.CUBE_RADII, sizes.cube_samples)
    return [
        Job("cube", runs.memorize_cube, (samples, radius, order, sizes.cube_trials, seed, dimension))
        for dimension, order, radius, samples in shapes
        for seed in (_seed(request, "cube", dimension, order, radius, samples),)
    ]


def _published(sizes: Sizes, request: RunRequest) -> list[Job]:
    proposed = replace(profiles.PUBLISHED_CANDIDATE, seeds=sizes.published_seeds)
    jobs = []
    for place in (proposed, *sizes.published_places):
        setting = PatchSetting.version_1(
            place.dimension,
            num_samples=place.samples,
            width=place.width,
            degree=place.degree,
            attacked_signal_fraction=place.fraction,
            adversarial_weight=place.weight,
        )
        own = _seeds(request, place.seeds, "published", *_numbers(setting), place.adversary.value)
        rest = (sizes.published_points, sizes.published_l2_points, abs(proposed.fraction), place is proposed)
        # A batch is one computation; in parts, the processes share it.
        batches = [own[start : start + _PUBLISHED_BATCH] for start in range(0, len(own), _PUBLISHED_BATCH)]
        jobs += [
            Job("published", published_runs.train_published, (setting, batch, place.adversary, *rest))
            for batch in batches
        ]
    return jobs
