"""The runs of theorem 3's synthetic side: which networks are trained on which samples, per profile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np

from cgro_theory.claims import Interval
from cgro_theory.numerics.seeds import derived_seed, derived_seeds
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_3_global_flatness.runs.case import measure_case, measure_gain, sampled_ratio
from cgro_theory.theorems.theorem_3_global_flatness.runs.constructed import (
    distance_case,
    flat_inside_case,
    sine_gain,
)
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import (
    AttackGainCase,
    FlatnessCase,
    RateLadder,
    SyntheticEvidence,
    VariationCase,
)
from cgro_theory.theorems.theorem_3_global_flatness.runs.profiles import (
    AMPLITUDE,
    CELLS,
    MODERATE,
    OVERFIT,
    PERTURBATION_RADIUS,
    SIZES,
    TARGET_RATIO,
    VARIATION_CELLS,
    Sizes,
    image_scales,
)
from cgro_theory.theorems.theorem_3_global_flatness.runs.training import train_networks
from cgro_theory.theorems.theorem_3_global_flatness.theory.density import TorusDensity, TorusSample
from cgro_theory.theorems.theorem_3_global_flatness.theory.enclosure import LossFields, enclose_loss
from cgro_theory.theorems.theorem_3_global_flatness.theory.expected_variation import expected_variation
from cgro_theory.theorems.theorem_3_global_flatness.theory.periodic_network import PeriodicNetwork
from cgro_theory.theorems.theorem_3_global_flatness.theory.realized_variation import (
    ROUNDING,
    enclosed_variation,
    estimated_variation,
    exact_variation,
)
from cgro_theory.theorems.theorem_3_global_flatness.theory.vacuity import rate_bandwidth

GAIN_RADII = {1: (0.5, 1.0, 2.0), 2: (1.0, 2.0), 3: (2.0, 3.0)}
"""δ of ``clean_to_robust_gap``, as multiples of the training radius: where the cubes resolve the δ² term."""


def gather(request: RunRequest) -> SyntheticEvidence:
    """Sample, train, enclose; every seed derives from ``request.seed`` and what is drawn. Only what is asked."""
    sizes = SIZES[request.profile]
    seconds: dict[str, float] = {}
    cases: list[FlatnessCase] = []
    gains: list[AttackGainCase] = []
    parts: dict[str, Any] = {}
    asks = {name: request.needs(f"theorem_3.{name}") for name in _CLAIMS}
    groups = _groups(sizes)
    if not (asks["flatness_bound"] or asks["local_form"] or asks["clean_to_robust_gap"]):
        # vacuity looks at the moderately trained f in one dimension only
        groups = [group for group in groups if asks["vacuity"] and group[:2] == ("moderate", 1)]
    for index, (kind, dimension, count) in enumerate(groups):
        request.progress(f"{kind} networks, D = {dimension}, N = {count}", index / len(groups))
        with _timed(seconds, f"{kind} networks, D={dimension}"):
            found = _group_cases(kind, dimension, count, sizes, request.seed, asks["clean_to_robust_gap"])
        cases.extend(found[0])
        gains.extend(found[1])
    if groups:
        request.progress("networks", 1.0)
    if asks["flatness_bound"] or asks["local_form"]:
        cases.extend((distance_case(), flat_inside_case()))
    if asks["clean_to_robust_gap"]:
        gains.append(sine_gain())
    if asks["total_variation"]:
        with _timed(seconds, "variations"):
            parts["variations"] = _variations(sizes, request.seed)
    if asks["rate"] or asks["total_variation"]:
        ladders = []
        for dimension in sizes.ladder_seeds:
            with _timed(seconds, f"ladder, D={dimension}"):
                ladders.append(_ladder(dimension, sizes, request))
        parts["ladders"] = tuple(ladders)
    if asks["vacuity"]:
        parts["image_scales"] = image_scales()
    return SyntheticEvidence(
        request.profile, request.seed, cases=tuple(cases), gains=tuple(gains), seconds=seconds, **parts
    )


_CLAIMS = ("flatness_bound", "local_form", "rate", "total_variation", "clean_to_robust_gap", "vacuity")


def _groups(sizes: Sizes) -> list[tuple[str, int, int]]:
    """(kind, D, N) of every group of networks."""
    moderate = [("moderate", d, count) for d, counts in sizes.moderate_samples.items() for count in counts]
    overfit = [("overfit", d, count) for d, counts in sizes.overfit_samples.items() for count in counts]
    return [*overfit, *moderate]


def _group_cases(
    kind: str, dimension: int, count: int, sizes: Sizes, seed: int, with_gains: bool
) -> tuple[list[FlatnessCase], list[AttackGainCase]]:
    density = TorusDensity(dimension, AMPLITUDE)
    radius = PERTURBATION_RADIUS[dimension]
    seeds = derived_seeds(seed, sizes.seeds, "theorem_3.flatness", kind, dimension, count)
    samples = [density.sample(count, np.random.default_rng(own)) for own in seeds]
    recipe = MODERATE if kind == "moderate" else OVERFIT[dimension]
    factors = sizes.moderate_factors[dimension] if kind == "moderate" else sizes.overfit_factors
    start = derived_seed(seed, "theorem_3.training", kind, dimension, count)
    networks = train_networks(samples, radius, recipe, start)
    cases, gains = [], []
    for own, sample, network in zip(seeds, samples, networks, strict=True):
        fields = _refined(network, density, radius)
        for bandwidth in _bandwidths(count, dimension, factors):
            variation = _variation(sample, bandwidth, density)
            cases.append(measure_case(kind, fields, density, sample, own, bandwidth, radius, variation))
        if with_gains:
            gains += [measure_gain(kind, fields, density, share * radius) for share in GAIN_RADII[dimension]]
    return cases, gains


def _refined(network: PeriodicNetwork, density: TorusDensity, radius: float) -> LossFields:
    """Enclosures on a grid doubled until the certified flatness is near the sampled one, or the last grid."""
    cells, last = CELLS[density.input_dimension]
    while True:
        fields = enclose_loss(network, cells)
        if cells >= last or sampled_ratio(fields, density, radius) <= TARGET_RATIO:
            return fields
        cells *= 2


def _bandwidths(count: int, dimension: int, factors: tuple[float, ...]) -> list[float]:
    """Multiples of N^(-1/(D+2)), at most 1/2, rounded to half-cells of the grid for TV."""
    cells = 2 * VARIATION_CELLS[dimension]
    steps = [max(1, round(factor * rate_bandwidth(count, dimension) * cells)) for factor in factors]
    return sorted({min(0.5, step / cells) for step in steps}, reverse=True)


def _variation(sample: TorusSample, bandwidth: float, density: TorusDensity) -> Interval:
    if density.input_dimension == 1:
        value = exact_variation(sample, bandwidth, density)
        return Interval(max(0.0, value - ROUNDING), min(1.0, value + ROUNDING))
    return enclosed_variation(sample, bandwidth, density, VARIATION_CELLS[density.input_dimension])


def _variations(sizes: Sizes, seed: int) -> tuple[VariationCase, ...]:
    """Realized TVs: D = 1, 2, 3 at the rate's h, and D = 1, h = 1/2, uniform, where only the labels fluctuate."""
    found = []
    plan = [(1, AMPLITUDE, 1000), (2, AMPLITUDE, 1000), (3, AMPLITUDE, 300), (1, 0.0, 25), (1, 0.0, 400)]
    for dimension, amplitude, count in plan:
        density = TorusDensity(dimension, amplitude)
        bandwidth = 0.5 if amplitude == 0.0 else _bandwidths(count, dimension, (1.0,))[0]
        runs = sizes.variation_seeds if dimension == 1 else max(4, sizes.variation_seeds // 10)
        for own in derived_seeds(seed, runs, "theorem_3.variation", dimension, amplitude, count):
            sample = density.sample(count, np.random.default_rng(own))
            found.append(VariationCase(density, count, bandwidth, own, _variation(sample, bandwidth, density)))
    return tuple(found)


def _ladder(dimension: int, sizes: Sizes, request: RunRequest) -> RateLadder:
    density = TorusDensity(dimension, AMPLITUDE)
    bandwidths = [rate_bandwidth(count, dimension) for count in sizes.ladder_sizes]
    rows = []
    steps = list(zip(sizes.ladder_sizes, bandwidths, sizes.ladder_seeds[dimension], strict=True))
    for index, (count, bandwidth, runs) in enumerate(steps):
        request.progress(f"total variation, D = {dimension}", index / len(steps))
        rows.append(realized_row(density, count, bandwidth, runs, request.seed, sizes.queries))
    request.progress(f"total variation, D = {dimension}", 1.0)
    expected = tuple(
        expected_variation(count, bandwidth, density)
        for count, bandwidth in zip(sizes.ladder_sizes, bandwidths, strict=True)
    )
    return RateLadder(density, sizes.ladder_sizes, tuple(bandwidths), tuple(rows), expected)


def realized_row(
    density: TorusDensity,
    count: int,
    bandwidth: float,
    runs: int,
    seed: int,
    queries: int,
    drawn: int | None = None,
) -> tuple[float, ...]:
    """TV at ``bandwidth`` of ``runs`` samples of ``count`` points; in a fault only ``drawn`` of them differ."""
    dimension, row = density.input_dimension, []
    for own in derived_seeds(seed, runs, "theorem_3.rate", dimension, count):
        generator = np.random.default_rng(own)
        sample = density.sample(drawn or count, generator)
        if dimension == 1:
            row.append(exact_variation(sample, bandwidth, density))
        else:
            row.append(estimated_variation(sample, bandwidth, density, queries, generator))
    return tuple(row)


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.monotonic() - started


def parameters(evidence: SyntheticEvidence) -> dict[str, Any]:
    """Densities, radii, recipes and sizes, as plain JSON values."""
    sizes = SIZES[evidence.profile]
    return {
        "synthetic density": f"p_y = prod_k (1 + {AMPLITUDE} cos(2 pi x_k + phase_y)) on the torus, phases 0, pi",
        "synthetic loss": "1/(1 + exp(y f)), B = 1",
        "synthetic perturbation_radius": {f"D={key}": value for key, value in PERTURBATION_RADIUS.items()},
        "synthetic recipes": {
            "moderate": asdict(MODERATE),
            **{f"overfit, D={key}": asdict(recipe) for key, recipe in OVERFIT.items()},
        },
        "synthetic sizes": {
            "cases": len(evidence.cases),
            "seeds": sizes.seeds,
            "moderate N": {f"D={key}": list(value) for key, value in sizes.moderate_samples.items()},
            "overfit N": {f"D={key}": list(value) for key, value in sizes.overfit_samples.items()},
            "cubes per axis": {
                f"D={dimension}": sorted({c.cells for c in evidence.cases if c.input_dimension == dimension})
                for dimension in (1, 2, 3)
            },
            "samples per N of the rate": {f"D={key}": list(value) for key, value in sizes.ladder_seeds.items()},
        },
        "synthetic seconds": {name: round(value, 1) for name, value in evidence.seconds.items()},
    }
