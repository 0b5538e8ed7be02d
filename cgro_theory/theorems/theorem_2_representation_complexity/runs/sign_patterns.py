"""Sign patterns of tiny fixed graphs, enumerated completely: what no growth bound may undercut.

A pattern is {i : f(x_i) > 0} for K given points, held as the bits of an integer.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgro_theory.errors import require_integer

from ..theory.lower_bound import Architecture

Codes = NDArray[np.uint64]

_COORDINATES = 300
_LARGEST_WEIGHT = 5
"""Enough up to five bits: the known counts 4, 14, 104, 1882, 94572 (OEIS A000609) are reached; tests compare."""


@dataclass(frozen=True, eq=False)
class PatternCount:
    """All patterns that an architecture produces on K points. codes: (G,), distinct."""

    architecture: Architecture
    num_points: int
    codes: Codes

    @property
    def found(self) -> int:
        """G(K) of these points."""
        return int(self.codes.size)


@dataclass(frozen=True)
class CoverCount:
    """Of all 2^K labellings, how many one of ``patterns`` patterns fits with at most ``errors`` errors; exact."""

    name: str
    num_points: int
    patterns: int
    errors: int
    covered: int


def halfspace_patterns(dimension: int, num_points: int, seed: int) -> PatternCount:
    """All dichotomies of K <= 64 random points by one unit on n inputs, by exact integer geometry.

    Every dichotomy is that of a hyperplane through n points, turned or moved slightly, so these may go either way.
    In general position, which is checked, there are 2 Σ_(i<=n) C(K-1, i) (Cover 1965), which the tests compare.
    """
    count = require_integer("num_points", num_points, dimension + 1, 64)
    rng = np.random.default_rng(seed)
    chosen = np.array(list(itertools.combinations(range(count), dimension)))
    rows, powers = np.arange(len(chosen)), np.uint64(1) << np.arange(count, dtype=np.uint64)
    while True:
        points = rng.integers(-_COORDINATES, _COORDINATES, size=(count, dimension))
        base = points[chosen[:, 0]]
        normals = _normals(points[chosen[:, 1:]] - base[:, None, :])
        sides = normals @ points.T - np.sum(normals * base, axis=1)[:, None]
        if int(np.count_nonzero(sides == 0)) == chosen.size:
            break
    bits = sides > 0
    parts = []
    for own in itertools.product((False, True), repeat=dimension):
        bits[rows[:, None], chosen] = own
        parts.append(np.where(bits, powers, np.uint64(0)).sum(axis=1, dtype=np.uint64))
    codes = np.concatenate(parts)
    return PatternCount(
        Architecture(dimension, (1,)), count, np.unique(np.concatenate([codes, ~codes & powers.sum()]))
    )


def _normals(edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """The integer vector orthogonal to n - 1 vectors, by cofactors. edges: (m, n-1, n) -> (m, n)"""
    size = edges.shape[2]
    minors = [_determinants(np.delete(edges, column, axis=2)) for column in range(size)]
    return np.stack([(-1) ** column * minor for column, minor in enumerate(minors)], axis=1)


def _determinants(matrices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Exact for the sizes used: at most 3 x 3 with entries below 600. matrices: (m, k, k) -> (m,)"""
    size = matrices.shape[1]
    total = np.full(matrices.shape[0], 1 if size == 0 else 0, dtype=np.int64)
    for column in range(size):
        rest = np.delete(matrices[:, 1:, :], column, axis=2)
        total += (-1) ** column * matrices[:, 0, column] * _determinants(rest)
    return total


def through_one_unit(patterns: PatternCount) -> PatternCount:
    """The same patterns for a second layer, a ReLU(z) + c: {> 0} is a halfspace in z, everything or nothing."""
    return PatternCount(
        Architecture(patterns.architecture.input_dimension, (1, 1)), patterns.num_points, patterns.codes
    )


def threshold_patterns(bits: int) -> PatternCount:
    """All threshold functions of n <= 5 bits: one unit on the 2^n corners of the hypercube itself.

    Sorted weights 0 … 5 with every threshold, then all permutations and reflections of the cube.
    """
    size = require_integer("bits", bits, 1, 5)
    corners = np.arange(1 << size)[:, None] >> np.arange(size) & 1
    powers = np.uint64(1) << np.arange(1 << size, dtype=np.uint64)
    regular: set[int] = {0}
    for weights in itertools.combinations_with_replacement(range(_LARGEST_WEIGHT + 1), size):
        sums = corners @ np.array(weights)
        above = sums[None, :] >= np.unique(sums)[:, None]
        regular.update(np.where(above, powers, np.uint64(0)).sum(axis=1, dtype=np.uint64).tolist())
    table = np.array(sorted(regular), dtype=np.uint64)[:, None] >> np.arange(
        1 << size, dtype=np.uint64
    ) & np.uint64(1)
    codes = []
    for order in itertools.permutations(range(size)):
        moved = corners[:, order] @ (1 << np.arange(size))
        for mask in range(1 << size):
            codes.append((table[:, moved ^ mask] * powers).sum(axis=1, dtype=np.uint64))
    return PatternCount(Architecture(size, (1,)), 1 << size, np.unique(np.concatenate(codes)))


def two_unit_patterns(num_points: int) -> int:
    """Patterns of a ReLU net with two hidden units on K points of a line, by evaluating built nets.

    f has at most two sign changes: three would need alternating slopes on its three pieces, which are s, s + t, t
    for units that face each other and overlap, s, 0, t where they do not, and 0, s, s + t for units that face the
    same way. Conversely s·(1/4 - ReLU(x - p + 1/4) + 2 ReLU(x - (p + r)/2)) changes sign at p < r only, so the
    nets built here, with p and r half-integers between the points i = 0 … K-1 or beyond, show every pattern.
    """
    count = require_integer("num_points", num_points, 2)
    points = np.arange(count, dtype=np.float64)
    gaps = np.arange(count + 1) + 0.5
    changes = np.array(list(itertools.combinations(gaps, 2)))
    first = np.maximum(points - (changes[:, :1] - 0.25), 0.0)
    second = np.maximum(points - changes.mean(axis=1, keepdims=True), 0.0)
    values = 0.25 - first + 2.0 * second
    return len({row.tobytes() for sign in (1.0, -1.0) for row in np.packbits(sign * values > 0.0, axis=1)})


def cover_count(name: str, patterns: PatternCount, errors: int) -> CoverCount:
    """Count the labellings within Hamming distance ``errors`` of a pattern, one by one."""
    most = require_integer("errors", errors, 0, patterns.num_points)
    flips = [
        sum(1 << position for position in positions)
        for size in range(most + 1)
        for positions in itertools.combinations(range(patterns.num_points), size)
    ]
    near = (patterns.codes[:, None] ^ np.array(flips, dtype=np.uint64)[None, :]).reshape(-1)
    return CoverCount(name, patterns.num_points, patterns.found, most, int(np.unique(near).size))
