"""What the quick and the full profile of the readers' questions spend. Fixed before the recorded runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.theorems.room import Profile
from cgro_theory.theorems.theorem_1_feature_learning.runs.phase_grid import PLANS, PhasePlan


@dataclass(frozen=True)
class ImageSizes:
    """Images, epochs, seeds and how many epochs are recorded; the recipe is that of the loss landscape."""

    train_size: int
    test_size: int
    epochs: int
    recorded: int
    seeds: int


@dataclass(frozen=True)
class SearchedPlace:
    """Where question 11 looks: κ, d and λ, N, m and q, the adversary of the training, and how many draws."""

    fraction: float
    dimension: int = 60
    weight: float = 0.5
    adversary: AdversaryName = AdversaryName.TRANSFER
    samples: int = 20
    width: int = 30
    degree: int = 3
    seeds: int = 2


@dataclass(frozen=True)
class Sizes:
    """``phases`` gives the maps over (κ, d) and (a, b); the other fields are per question."""

    phases: PhasePlan
    attack_dimension: int
    attack_seeds: int
    attack_points: int
    rule_seeds: int
    degree_dimensions: tuple[int, ...]
    degree_seeds: int
    weight_gaps: tuple[float, ...]
    weight_seeds: int
    control_seeds: int
    adversarial_seeds: int
    fresh_dimensions: tuple[int, ...]
    fresh_seeds: int
    fresh_points: int
    dense_seeds: int
    corner_dimensions: tuple[int, ...]
    cube_samples: tuple[int, ...]
    cube_dimensions: tuple[int, ...]
    cube_trials: int
    images: ImageSizes
    published_seeds: int
    published_points: int
    published_l2_points: int
    published_places: tuple[SearchedPlace, ...]


DEGREES = (2, 3, 4, 5)
SMALL_SAMPLES, SMALL_WIDTH = 10, 16
"""N and m of questions 2, 5 and 9: half of the default training set, where many networks are wanted cheaply."""
RULE_DIMENSION, RULE_SAMPLES, RULE_WIDTH = 200, 4, 6
"""d, N and m of question 1's trainings in R^d, which autograd makes on explicit weights, three times each."""
DENSE_DIMENSION, DENSE_SAMPLES, DENSE_WIDTH = 300, 5, 8
"""The same of question 7's networks whose errors are counted in R^d."""
DENSE_RATE, RULE_STEPS, DENSE_STEPS = 0.05, 1000, 2000
"""Learning rate and steps: the signal is learned and most points are memorized."""
WEIGHT_DIMENSION = 10**6
CONTROL_DIMENSION = 10**6
FRESH_EXPONENTS = (-0.2, 0.249)
"""Signal exponents of question 7; at a = -0.2 the signal is weaker than a noise patch."""
FRESH_SCALES = (8.0, 4.0, 2.0, 1.0, 0.25, -2.0)
"""κ√d of the test attacks, between the phases; a negative κ reaches beyond the signal. κ = 1, none, goes with "
"them."""
SPANNED = (AdversaryName.TRANSFER, AdversaryName.SPAN)
CUBE_NORMS = (1.0, 2.0, math.inf)
CUBE_RADII = (0.05, 0.1)
CORNER_FRACTIONS = (0.125, 0.5, 1.0, 2.0, 4.0)
"""N/K on the hypercube."""
PUBLISHED_CANDIDATE = SearchedPlace(-0.63)
"""Question 11's proposal; its place in the search was found on building seeds."""
_BELOW = (
    *(SearchedPlace(fraction, adversary=name) for fraction in (0.0, 0.05) for name in SPANNED),
    *map(SearchedPlace, (0.1, 0.2, 0.63)),
    SearchedPlace(0.05, weight=1.0, seeds=10),
)
"""Attacks that leave the signal its sign; at λ = 1 the network may end with the wrong one."""
_BEYOND = (*map(SearchedPlace, (-0.3, -0.45, -0.755, -0.9)), SearchedPlace(-0.63, dimension=240))
_BEYOND_IN_FULL = (
    *(SearchedPlace(k, d, w) for k in (-0.45, -0.55, -0.7, -0.755) for d in (55, 60, 80) for w in (0.3, 0.5, 0.6)),
    *(SearchedPlace(k, 60, 0.3, degree=2) for k in (-0.45, -0.55, -0.65, -0.75)),
    *(SearchedPlace(k, 60, 0.6, degree=4) for k in (-0.55, -0.65, -0.75)),
    *(SearchedPlace(k, 200, 0.5, samples=40) for k in (-0.45, -0.55, -0.65)),
    *(
        SearchedPlace(-0.63, adversary=AdversaryName.SPAN),
        SearchedPlace(-0.63, 10**3),
        SearchedPlace(-0.9, weight=0.7),
    ),
)
_ALL_PATCHES = tuple(
    SearchedPlace(k, weight=0.9, adversary=AdversaryName.L2) for k in (0.5, 0.3, 0.2, 0.15, 0.1, 0.02)
)

SIZES: dict[Profile, Sizes] = {
    "quick": Sizes(
        phases=replace(
            PLANS["quick"], map_dimensions=(10**6, 10**12), fraction_steps=7, exponent_steps=4, test_points=512
        ),
        attack_dimension=10**4,
        attack_seeds=5,
        attack_points=256,
        rule_seeds=16,
        degree_dimensions=(10**6, 10**9, 10**12),
        degree_seeds=2,
        weight_gaps=(0.9, 0.1, 1e-2, 1e-4, 1e-7, 1e-9, 0.0),
        weight_seeds=4,
        control_seeds=40,
        adversarial_seeds=5,
        fresh_dimensions=(10**3, 10**6),
        fresh_seeds=1,
        fresh_points=2048,
        dense_seeds=1,
        corner_dimensions=(5, 7),
        cube_samples=(4, 16, 64, 256),
        cube_dimensions=(3, 6),
        cube_trials=60,
        images=ImageSizes(80, 120, 90, 12, 2),
        published_seeds=32,
        published_points=2000,
        published_l2_points=200,
        published_places=(*_BELOW, *_BEYOND),
    ),
    "full": Sizes(
        phases=replace(PLANS["full"], map_dimensions=(10**6, 10**8, 10**10, 10**12, 10**15)),
        attack_dimension=10**4,
        attack_seeds=32,
        attack_points=2048,
        rule_seeds=48,
        degree_dimensions=(10**6, 10**9, 10**12, 10**15),
        degree_seeds=8,
        weight_gaps=(0.99, 0.9, 0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-12, 0.0),
        weight_seeds=16,
        control_seeds=64,
        adversarial_seeds=16,
        fresh_dimensions=(10**3, 10**4, 10**6, 10**9),
        fresh_seeds=4,
        fresh_points=16384,
        dense_seeds=4,
        corner_dimensions=(5, 6, 7, 8, 9),
        cube_samples=(4, 16, 64, 256, 1024),
        cube_dimensions=(3, 6, 9),
        cube_trials=300,
        images=ImageSizes(150, 300, 200, 24, 8),
        published_seeds=64,
        published_points=8000,
        published_l2_points=1000,
        published_places=tuple(dict.fromkeys((*_BELOW, *_BEYOND, *_BEYOND_IN_FULL, *_ALL_PATCHES))),
    ),
}
