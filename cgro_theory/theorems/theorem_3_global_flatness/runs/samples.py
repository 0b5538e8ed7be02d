"""Samples on the torus whose total variation is realized: for single bandwidths, and over N at the rate's."""

from __future__ import annotations

import numpy as np

from cgro_theory.numerics.seeds import derived_seeds

from ..theory.density import TorusDensity
from ..theory.expected_variation import expected_variation
from ..theory.realized_variation import estimated_variation, exact_variation, variation_ends
from ..theory.vacuity import rate_bandwidth
from .made import RateLadder, VariationCase
from .profiles import AMPLITUDE, VARIATION_CELLS, Sizes, bandwidths_near_rate


def make_variations(sizes: Sizes, seed: int) -> tuple[VariationCase, ...]:
    """Realized TVs: D = 1, 2, 3 at the rate's h, and D = 1, h = 1/2, uniform, where only the labels fluctuate."""
    found = []
    plan = [(1, AMPLITUDE, 1000), (2, AMPLITUDE, 1000), (3, AMPLITUDE, 300), (1, 0.0, 25), (1, 0.0, 400)]
    for dimension, amplitude, count in plan:
        density = TorusDensity(dimension, amplitude)
        bandwidth = 0.5 if amplitude == 0.0 else bandwidths_near_rate(count, dimension, (1.0,))[0]
        runs = sizes.variation_seeds if dimension == 1 else max(4, sizes.variation_seeds // 10)
        for own in derived_seeds(seed, runs, "theorem_3.variation", dimension, amplitude, count):
            sample = density.sample(count, np.random.default_rng(own))
            realized = variation_ends(sample, bandwidth, density, VARIATION_CELLS[dimension])
            found.append(VariationCase(density, count, bandwidth, own, realized))
    return tuple(found)


def make_ladder(dimension: int, sizes: Sizes, seed: int) -> RateLadder:
    """TV at h = N^(-1/(D+2)) for each N of the profile, realized and in expectation."""
    density = TorusDensity(dimension, AMPLITUDE)
    bandwidths = [rate_bandwidth(count, dimension) for count in sizes.ladder_sizes]
    rows = [
        realized_row(density, count, bandwidth, runs, seed, sizes.queries)
        for count, bandwidth, runs in zip(
            sizes.ladder_sizes, bandwidths, sizes.ladder_seeds[dimension], strict=True
        )
    ]
    expected = tuple(
        expected_variation(count, bandwidth, density)
        for count, bandwidth in zip(sizes.ladder_sizes, bandwidths, strict=True)
    )
    return RateLadder(density, sizes.ladder_sizes, tuple(bandwidths), tuple(rows), expected)


def realized_row(
    density: TorusDensity, count: int, bandwidth: float, runs: int, seed: int, queries: int
) -> tuple[float, ...]:
    """TV at ``bandwidth`` of ``runs`` independent samples of ``count`` points; in D > 1 at ``queries`` points."""
    dimension, row = density.input_dimension, []
    for own in derived_seeds(seed, runs, "theorem_3.rate", dimension, count):
        generator = np.random.default_rng(own)
        sample = density.sample(count, generator)
        if dimension == 1:
            row.append(exact_variation(sample, bandwidth, density))
        else:
            row.append(estimated_variation(sample, bandwidth, density, queries, generator))
    return tuple(row)
