"""What the quick and the full profile of theorem 3's synthetic side spend."""

from __future__ import annotations

from dataclasses import dataclass

from cgro_theory.theorems.room import NamedConstant

from ..theory.vacuity import rate_bandwidth
from ..theory.variation_bound import DensitySmoothness
from .made import ImageScale
from .training import TrainingRecipe

AMPLITUDE = 0.9
"""a of the densities: the classes overlap, their modes are half a period apart."""
PERTURBATION_RADIUS = {1: 1.5 / 64, 2: 2.5 / 64, 3: 2.5 / 64}
"""δ per dimension: smaller in D = 1, where a few points already come within 2δ of the other class."""
GAIN_RADII = {1: (0.5, 1.0, 2.0), 2: (1.0, 2.0), 3: (2.0, 3.0)}
"""δ of ``clean_to_robust_gap``, as multiples of the training radius: where the cubes resolve the δ² term."""
CELLS = {1: (65536, 65536), 2: (512, 1024), 3: (64, 64)}
"""Cubes per axis, first and last: doubled until certified F over sampled F is at most TARGET_RATIO."""
TARGET_RATIO = 1.3
VARIATION_CELLS = {1: 4096, 2: 1024, 3: 128}

MODERATE = TrainingRecipe(16, 1, 150, 0.05, 1e-2, 3, 512)
"""A moderately trained f: one frequency, weight decay."""
OVERFIT = {
    1: TrainingRecipe(32, 6, 500, 0.03, 0.0, 4, 512),
    2: TrainingRecipe(32, 3, 400, 0.03, 0.0, 4, 512),
    3: TrainingRecipe(24, 2, 400, 0.03, 0.0, 4, 512),
}
"""An f that overfits on purpose: more frequencies, no decay, longer."""


@dataclass(frozen=True)
class Sizes:
    """What a profile spends: per D the sample sizes, seeds, factors of h, and the ladder of N."""

    moderate_samples: dict[int, tuple[int, ...]]
    overfit_samples: dict[int, tuple[int, ...]]
    seeds: int
    moderate_factors: dict[int, tuple[float, ...]]
    overfit_factors: tuple[float, ...]
    ladder_sizes: tuple[int, ...]
    ladder_seeds: dict[int, tuple[int, ...]]
    queries: int
    variation_seeds: int


_LADDER = (100, 1000, 10_000, 100_000, 1_000_000)
SIZES = {
    "quick": Sizes(
        moderate_samples={
            1: (100, 1000, 10_000, 100_000),
            2: (100, 1000, 10_000, 100_000),
            3: (100, 1000, 10_000),
        },
        overfit_samples={1: (5,), 2: (10,), 3: (16,)},
        seeds=2,
        moderate_factors={1: (1.0, 0.4), 2: (1.0, 0.4), 3: (1.0, 0.6)},
        overfit_factors=(1.0, 0.2, 0.03),
        ladder_sizes=_LADDER,
        ladder_seeds={1: (200, 200, 100, 30, 12), 2: (24, 24, 12, 8, 6), 3: (24, 24, 12, 8, 6)},
        queries=1500,
        variation_seeds=40,
    ),
    "full": Sizes(
        moderate_samples={
            1: (100, 1000, 10_000, 100_000, 1_000_000),
            2: (100, 1000, 10_000, 100_000, 1_000_000),
            3: (100, 1000, 10_000, 100_000),
        },
        overfit_samples={1: (5, 20, 200), 2: (10, 40, 200), 3: (16, 64, 200)},
        seeds=3,
        moderate_factors={1: (1.0, 0.4, 0.15), 2: (1.0, 0.4, 0.15), 3: (1.0, 0.7, 0.5)},
        overfit_factors=(1.0, 0.2, 0.03),
        ladder_sizes=_LADDER,
        ladder_seeds={1: (1000, 1000, 400, 100, 40), 2: (96, 96, 48, 24, 12), 3: (96, 96, 48, 24, 12)},
        queries=4000,
        variation_seeds=400,
    ),
}


def bandwidths_near_rate(count: int, dimension: int, factors: tuple[float, ...]) -> list[float]:
    """Multiples of N^(-1/(D+2)), at most 1/2, rounded to half-cells of the grid for TV; the largest first."""
    cells = 2 * VARIATION_CELLS[dimension]
    steps = [max(1, round(factor * rate_bandwidth(count, dimension) * cells)) for factor in factors]
    return sorted({min(0.5, step / cells) for step in steps}, reverse=True)


IMAGE_FLATNESS = 1.0
"""F assumed at image dimension: the least that takes the loss from 0 to B = 1 across the unit cube."""


def image_scales() -> tuple[ImageScale, ...]:
    """Digits, MNIST and CIFAR-10: D and N of the data, F and the density by assumption."""
    known = (("digits", 64, 1797), ("MNIST", 784, 60_000), ("CIFAR-10", 3072, 50_000))
    return tuple(
        ImageScale(name, dimension, count, IMAGE_FLATNESS, DensitySmoothness(4.0 * AMPLITUDE * dimension))
        for name, dimension, count in known
    )


CONSTANTS = (
    NamedConstant("loss", "1/(1 + exp(y f)), B = 1", "the bound needs ℓ in [0, B]; smooth, so that F exists"),
    NamedConstant("amplitude", "a = 0.9", "p_y = Π(1 + a cos(2πx_k + φ_y)), φ = 0 and π: the classes overlap"),
    NamedConstant("image_flatness", "F = 1", "least slope that takes ℓ from 0 to 1 across the unit cube"),
    NamedConstant("flatness_constant", "C(D, ℓ), no value", "the paper's form leaves it open: a shape, no number"),
    NamedConstant("torus_radius", "δ = 1.5/64 (D = 1), 2.5/64 (D = 2, 3)", "trained and judged at"),
)
