"""The runs of theorem 3: what the asked claims need of the torus and of the images, and what it was made with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from cgro_theory.theorems.landscape.runs import training as landscape
from cgro_theory.theorems.room import RunRequest, gather_by
from cgro_theory.theorems.theorem_3_global_flatness.runs.constructed import (
    distance_case,
    flat_inside_case,
    sine_gain,
)
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import AttackGainCase, FlatnessRuns, TorusRuns
from cgro_theory.theorems.theorem_3_global_flatness.runs.networks import groups_of, measure_group
from cgro_theory.theorems.theorem_3_global_flatness.runs.profiles import (
    AMPLITUDE,
    MODERATE,
    OVERFIT,
    PERTURBATION_RADIUS,
    SIZES,
    image_scales,
)
from cgro_theory.theorems.theorem_3_global_flatness.runs.samples import make_ladder, make_variations
from cgro_theory.theorems.worker_pool import PendingResult, WorkerPool

_OF_NETWORKS = ("overfit", "moderate_line", "moderate_space", "constructed", "gains")
TORUS_SETS = (*_OF_NETWORKS, "variations", "rate_ladders", "image_scales")


def begin(request: RunRequest, pool: WorkerPool) -> Callable[[RunRequest], FlatnessRuns]:
    """Have ``pool`` make the parts that are asked for; what is returned waits for them.

    On a GPU the images train in this process.
    """
    images = landscape.begin(request, pool) if request.needs_runs(*landscape.SETS) else None
    torus = _begin_torus(request, pool) if request.needs_runs(*TORUS_SETS) else None

    def collected(request: RunRequest) -> FlatnessRuns:
        return FlatnessRuns(torus and torus(request), images and images(request))

    return collected


gather = gather_by(begin)


def _begin_torus(request: RunRequest, pool: WorkerPool) -> Callable[[RunRequest], TorusRuns]:
    """Have the sets that are asked for sampled, trained and enclosed.

    Seeds derive from ``request.seed`` and what is drawn.
    """
    sizes, seed, needs = SIZES[request.profile], request.seed, request.needs_runs
    networks = [
        (
            group,
            pool.submit(
                _timed, measure_group, group, sizes, seed, cases=needs(group.set_of_runs), gains=needs("gains")
            ),
        )
        for group in groups_of(sizes)
        if needs(group.set_of_runs, "gains")
    ]
    variations = pool.submit(_timed, make_variations, sizes, seed) if needs("variations") else None
    ladders = [
        (dimension, pool.submit(_timed, make_ladder, dimension, sizes, seed))
        for dimension in (sizes.ladder_seeds if needs("rate_ladders") else ())
    ]

    def collected(request: RunRequest) -> TorusRuns:
        seconds: dict[str, float] = {}
        sets: dict[str, tuple[Any, ...]] = {}

        def found(name: str, waiting: PendingResult[tuple[float, Any]], share: float) -> Any:
            request.progress(name, share)
            taken, result = waiting.result()
            seconds[name] = seconds.get(name, 0.0) + taken
            return result

        gains: list[AttackGainCase] = []
        for index, (group, waiting) in enumerate(networks):
            name = f"{group.kind} networks, D={group.input_dimension}"
            cases, attacked = found(name, waiting, index / len(networks))
            sets[group.set_of_runs] = (*sets.get(group.set_of_runs, ()), *cases)
            gains += attacked
        if needs("constructed"):
            sets["constructed"] = (distance_case(), flat_inside_case())
        if needs("gains"):
            sets["gains"] = (*gains, sine_gain())
        if variations is not None:
            sets["variations"] = found("variations", variations, 0.0)
        if needs("rate_ladders"):
            sets["rate_ladders"] = tuple(found(f"ladder, D={d}", waiting, 0.0) for d, waiting in ladders)
        if needs("image_scales"):
            sets["image_scales"] = image_scales()
        return TorusRuns(request.profile, request.seed, seconds=tuple(seconds.items()), **sets)

    return collected


def _timed(work: Callable[..., Any], *inputs: Any, **options: Any) -> tuple[float, Any]:
    """How many seconds the work took, and its result."""
    started = time.monotonic()
    result = work(*inputs, **options)
    return time.monotonic() - started, result


def parameters(runs: FlatnessRuns) -> dict[str, Any]:
    """What both parts were made with, as plain JSON values."""
    torus = {} if runs.torus is None else _torus_parameters(runs.torus)
    return torus | ({} if runs.landscape is None else landscape.parameters(runs.landscape))


def _torus_parameters(runs: TorusRuns) -> dict[str, Any]:
    """Densities, radii, recipes and sizes."""
    sizes = SIZES[runs.profile]
    cases = (*runs.trained, *runs.constructed)
    return {
        "synthetic density": f"p_y = prod_k (1 + {AMPLITUDE} cos(2 pi x_k + phase_y)) on the torus, phases 0, pi",
        "synthetic loss": "1/(1 + exp(y f)), B = 1",
        "synthetic perturbation_radius": {f"D={key}": value for key, value in PERTURBATION_RADIUS.items()},
        "synthetic recipes": {
            "moderate": asdict(MODERATE),
            **{f"overfit, D={key}": asdict(recipe) for key, recipe in OVERFIT.items()},
        },
        "synthetic sizes": {
            "cases": len(cases),
            "seeds": sizes.seeds,
            "moderate N": {f"D={key}": list(value) for key, value in sizes.moderate_samples.items()},
            "overfit N": {f"D={key}": list(value) for key, value in sizes.overfit_samples.items()},
            "cubes per axis": {
                f"D={dimension}": sorted({case.cells for case in cases if case.input_dimension == dimension})
                for dimension in (1, 2, 3)
            },
            "samples per N of the rate": {f"D={key}": list(value) for key, value in sizes.ladder_seeds.items()},
        },
        "synthetic seconds": {name: round(value, 1) for name, value in runs.seconds},
    }
