"""The synthetic data: smooth known densities on the torus [0, 1)^D, sampled exactly (theory.md 4.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cgro_theory.errors import InvalidInput, require_integer

from .variation_bound import DensitySmoothness

Floats = NDArray[np.float64]
LABELS = (1, -1)
"""Class 0 has label +1, class 1 has label -1."""


@dataclass(frozen=True, eq=False)
class TorusSample:
    """N i.i.d. points. points: (N, D) in [0, 1); classes: (N,) in {0, 1}, the indices of LABELS."""

    points: Floats
    classes: NDArray[np.int64]

    @property
    def num_samples(self) -> int:
        """N."""
        return len(self.classes)

    def of_class(self, index: int) -> Floats:
        """The points of one class. shape: (N_y, D)"""
        return np.asarray(self.points[self.classes == index])


@dataclass(frozen=True)
class TorusDensity:
    """p_y(x) = Π_k (1 + a·cos(2π x_k + φ_y)) on the unit torus, with class weights π_y.

    ``amplitude`` a in [0, 1]; ``phases`` are the φ_y in radians, in the order of LABELS.
    """

    input_dimension: int
    amplitude: float
    phases: tuple[float, float] = (0.0, float(np.pi))
    class_weights: tuple[float, float] = field(default=(0.5, 0.5))

    def __post_init__(self) -> None:
        require_integer("input_dimension", self.input_dimension, 1)
        if not 0.0 <= self.amplitude <= 1.0:
            raise InvalidInput("amplitude", self.amplitude, "in [0, 1]")
        if min(self.class_weights) < 0.0 or abs(sum(self.class_weights) - 1.0) > 1e-12:
            raise InvalidInput("class_weights", self.class_weights, "nonnegative, with sum 1")

    @property
    def smoothness(self) -> DensitySmoothness:
        """Σ_y π_y ∫‖∇p_y‖₁ = 4aD: each coordinate adds ∫|2πa·sin| = 4a, and the others integrate to 1."""
        weights = tuple(weight for weight in self.class_weights if weight > 0.0)
        return DensitySmoothness(4.0 * self.amplitude * self.input_dimension, weights)

    def axis_density(self, index: int, x: Floats) -> Floats:
        """One coordinate's factor of p_y at x."""
        return np.asarray(1.0 + self.amplitude * np.cos(2.0 * np.pi * x + self.phases[index]))

    def axis_integral(self, index: int, x: Floats) -> Floats:
        """An antiderivative of :meth:`axis_density`, not wrapped: x may be any real number."""
        angle = 2.0 * np.pi * x + self.phases[index]
        return np.asarray(x + self.amplitude * np.sin(angle) / (2.0 * np.pi))

    def joint_density(self, index: int, points: Floats) -> Floats:
        """π_y p_y at points of shape (n, D). shape: (n,)"""
        return np.asarray(self.class_weights[index] * np.prod(self.axis_density(index, points), axis=1))

    def cell_masses(self, index: int, cells: int) -> Floats:
        """P(class y, cell) for the grid of ``cells``^D equal cubes. shape: (cells,)*D"""
        edges = np.arange(cells + 1) / cells
        axis = np.diff(self.axis_integral(index, edges))
        return self.class_weights[index] * outer_product([axis] * self.input_dimension)

    def sample(self, num_samples: int, generator: np.random.Generator) -> TorusSample:
        """N points by rejection from the uniform law: exact up to the float grid of the generator."""
        count = require_integer("num_samples", num_samples, 1)
        classes = (generator.random(count) >= self.class_weights[0]).astype(np.int64)
        points = np.empty((count, self.input_dimension))
        phases = np.asarray(self.phases)[classes]
        for axis in range(self.input_dimension):
            pending = np.arange(count)
            while pending.size:
                proposal = generator.random(pending.size)
                height = 1.0 + self.amplitude * np.cos(2.0 * np.pi * proposal + phases[pending])
                accepted = generator.random(pending.size) * (1.0 + self.amplitude) < height
                points[pending[accepted], axis] = proposal[accepted]
                pending = pending[~accepted]
        return TorusSample(points, classes)


def outer_product(factors: list[Floats]) -> Floats:
    """Π_k factors[k][i_k] as an array with one axis per factor."""
    result = np.ones(())
    for factor in factors:
        result = np.multiply.outer(result, factor)
    return np.asarray(result)


def cell_counts(sample: TorusSample, cells: int) -> Floats:
    """How many points of each class lie in each cell. shape: (2,) + (cells,)*D; ``cells`` a power of two."""
    dimension = sample.points.shape[1]
    indices = np.floor(sample.points * cells).astype(np.int64)  # exact: scaling by a power of two
    flat = np.ravel_multi_index(tuple(indices.T), (cells,) * dimension)
    counts = [
        np.bincount(flat[sample.classes == index], minlength=cells**dimension).reshape((cells,) * dimension)
        for index in range(2)
    ]
    return np.asarray(counts, dtype=float)
