"""The runs of theorem 3: what the asked claims need of the torus and of the images, and what it was made with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from cgro_theory.theorems.landscape.runs import training as landscape
from cgro_theory.theorems.room import RunRequest
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

_OF_NETWORKS = ("overfit", "moderate_line", "moderate_space", "constructed", "gains")
TORUS_SETS = (*_OF_NETWORKS, "variations", "rate_ladders", "image_scales")


def gather(request: RunRequest) -> FlatnessRuns:
    """Make the parts that are asked for; on a CPU the images train in other processes meanwhile."""
    torus, images = request.needs_runs(*TORUS_SETS), request.needs_runs(*landscape.SETS)
    if not (torus and images and request.device == "cpu"):
        return FlatnessRuns(
            gather_torus(request) if torus else None, landscape.gather(request) if images else None
        )
    with request.pool() as pool:
        submitted = landscape.submit(pool, request)
        return FlatnessRuns(gather_torus(request), landscape.collect(request, submitted))


def gather_torus(request: RunRequest) -> TorusRuns:
    """Sample, train, enclose the sets that are asked for; seeds derive from ``request.seed`` and what is drawn."""
    sizes = SIZES[request.profile]
    seconds: dict[str, float] = {}
    sets: dict[str, Any] = {}
    gains: list[AttackGainCase] = []
    groups = [group for group in groups_of(sizes) if request.needs_runs(group.set_of_runs, "gains")]
    for index, group in enumerate(groups):
        name = f"{group.kind} networks, D = {group.input_dimension}"
        request.progress(f"{name}, N = {group.num_samples}", index / len(groups))
        asked = {"cases": request.needs_runs(group.set_of_runs), "gains": request.needs_runs("gains")}
        with _timed(seconds, name.replace(" = ", "=")):
            found, attacked = measure_group(group, sizes, request.seed, **asked)
        sets[group.set_of_runs] = (*sets.get(group.set_of_runs, ()), *found)
        gains += attacked
    if groups:
        request.progress("networks", 1.0)
    if request.needs_runs("constructed"):
        sets["constructed"] = (distance_case(), flat_inside_case())
    if request.needs_runs("gains"):
        sets["gains"] = (*gains, sine_gain())
    if request.needs_runs("variations"):
        with _timed(seconds, "variations"):
            sets["variations"] = make_variations(sizes, request.seed)
    if request.needs_runs("rate_ladders"):
        sets["rate_ladders"] = ()
        for dimension in sizes.ladder_seeds:
            with _timed(seconds, f"ladder, D={dimension}"):
                sets["rate_ladders"] += (make_ladder(dimension, sizes, request),)
    if request.needs_runs("image_scales"):
        sets["image_scales"] = image_scales()
    return TorusRuns(request.profile, request.seed, seconds=tuple(seconds.items()), **sets)


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.monotonic() - started


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
