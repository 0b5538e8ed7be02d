"""Brute-force counts of sign patterns of tiny networks: a lower estimate that no growth bound may undercut."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from cgro_theory.theorems.theorem_2_representation_complexity.lower_bound import Architecture


@dataclass(frozen=True)
class PatternCount:
    """Sign patterns that an architecture was seen to produce on K points; exact when ``is_complete``."""

    architecture: Architecture
    num_points: int
    found: int
    is_complete: bool


def halfplane_patterns(num_points: int, seed: int) -> PatternCount:
    """All dichotomies of K points in general position in the plane by lines, by exact integer geometry.

    Every dichotomy is that of a line through two points, turned or moved slightly, so the two may go either
    way. Their number is K² - K + 2 (Cover 1965), which the tests compare.
    """
    rng = np.random.default_rng([seed, num_points])
    while True:
        xs, ys = (rng.integers(-(10**6), 10**6, size=num_points).tolist() for _ in range(2))
        patterns: set[int] = set()
        everyone = (1 << num_points) - 1
        degenerate = False
        for i, j in itertools.combinations(range(num_points), 2):
            side = 0
            for k in range(num_points):
                if k in (i, j):
                    continue
                cross = (xs[j] - xs[i]) * (ys[k] - ys[i]) - (ys[j] - ys[i]) * (xs[k] - xs[i])
                degenerate |= cross == 0
                side |= (cross > 0) << k
            for bits in (0, 1 << i, 1 << j, 1 << i | 1 << j):
                patterns |= {side | bits, everyone ^ (side | bits)}
        if not degenerate:
            return PatternCount(Architecture(2, (1,)), num_points, len(patterns), True)


def sampled_patterns(architecture: Architecture, num_points: int, draws: int, seed: int) -> PatternCount:
    """Distinct patterns 1{f > 0} of random weights on random points: at most what the class can do."""
    rng = np.random.default_rng([seed, num_points, architecture.parameters])
    points = rng.standard_normal((num_points, architecture.input_dimension))
    codes: set[int] = set()
    powers = 1 << np.arange(num_points, dtype=np.int64)
    for _ in range(max(1, draws // 4096)):
        values = np.broadcast_to(points, (4096, *points.shape))
        for index, width in enumerate(architecture.widths):
            weights = rng.standard_normal((4096, values.shape[2], width))
            values = values @ weights + 1.5 * rng.standard_normal((4096, 1, width))
            if index < len(architecture.widths) - 1:
                values = np.maximum(values, 0.0)
        codes.update(((values[:, :, 0] > 0.0) @ powers).tolist())
    return PatternCount(architecture, num_points, len(codes), False)
