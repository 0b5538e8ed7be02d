"""ReLU circuits as values: blocks of units with sparse weights, counted and evaluated three ways.

A circuit is evaluated in float64, in exact rationals (its weights are floats, hence dyadic rationals), and
in intervals that are rounded outward. The real function that the stored floats define *is* the circuit: a
certificate speaks about that function, not about the formula that somebody meant to build.

Counting convention ``structural``: every stored edge (also one whose weight happens to be 0) and every bias
of a unit that has one (also one whose value happens to be 0). A unit built without a bias counts none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cgro_theory.errors import InvalidInput

Array = NDArray[np.float64]

INPUT = "input"
"""The name under which blocks refer to the point itself."""

ROUNDING = 2.0**-52
"""Twice the unit roundoff of float64: every error bound below is inflated by this factor of two."""

TINY = 1e-290
"""Covers underflow: larger than any absolute error that sums of a billion subnormal roundings can make."""

_VALUES_AT_ONCE = 1 << 24


@dataclass(frozen=True, eq=False)
class Incoming:
    """The edges from the block ``source`` into a block. weights: (units here, units of the source)."""

    source: str
    weights: Any


@dataclass(frozen=True, eq=False)
class Block:
    """Units that share their sources: ReLU units, or affine ones. biases, has_bias: (units,)."""

    name: str
    is_relu: bool
    incoming: tuple[Incoming, ...]
    biases: Array
    has_bias: NDArray[np.bool_]

    @property
    def units(self) -> int:
        """The number of units."""
        return int(self.biases.size)


class Bounds(NamedTuple):
    """Lower and upper bounds of the same quantities."""

    low: Array
    high: Array


def block(
    name: str, is_relu: bool, incoming: Mapping[str, Any], biases: Any, has_bias: bool | Any = True
) -> Block:
    """A block from (source -> weight matrix) and its biases; ``has_bias`` False builds units without."""
    values = np.array(biases, dtype=np.float64).reshape(-1)
    mask = np.broadcast_to(np.asarray(has_bias, dtype=bool), values.shape).copy()
    edges = tuple(Incoming(source, _canonical(weights)) for source, weights in incoming.items())
    for edge in edges:
        if edge.weights.shape[0] != values.size:
            raise InvalidInput(f"weights of {name}", edge.weights.shape, f"({values.size}, units of source)")
        if not np.all(np.isfinite(edge.weights.data)):
            raise InvalidInput(f"weights of {name}", "a value that is not finite", "finite")
    if not np.all(np.isfinite(values)) or np.any(values[~mask] != 0.0):
        raise InvalidInput(f"biases of {name}", "a bad value", "finite, and 0 where a unit has no bias")
    return Block(name, is_relu, edges, values, mask)


def fully_stored(matrix: Array) -> Any:
    """A sparse matrix that stores every entry, zeros included, so that counts do not depend on values."""
    rows, columns = matrix.shape
    indices = np.tile(np.arange(columns), rows)
    return csr_array((matrix.reshape(-1), indices, np.arange(rows + 1) * columns), shape=matrix.shape)


def _canonical(weights: Any) -> Any:
    """CSR with every entry once and in order, so that stored entries are edges; explicit zeros stay."""
    matrix = csr_array(weights)
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix


@dataclass(frozen=True, eq=False)
class Circuit:
    """A feed-forward circuit; blocks in topological order, the last one is the output (one affine unit).

    Raises :class:`InvalidInput` when a block refers to a later one or the shapes do not fit.
    """

    input_dimension: int
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        sizes = {INPUT: self.input_dimension}
        for entry in self.blocks:
            for edge in entry.incoming:
                if sizes.get(edge.source) != edge.weights.shape[1]:
                    raise InvalidInput(f"source of {entry.name}", edge.source, "an earlier block of fitting size")
            if len({edge.source for edge in entry.incoming}) < len(entry.incoming):
                raise InvalidInput(f"sources of {entry.name}", "one twice", "each source once")
            if entry.name in sizes:
                raise InvalidInput("block name", entry.name, "used once")
            sizes[entry.name] = entry.units

    @cached_property
    def named(self) -> dict[str, Block]:
        """The blocks by name."""
        return {entry.name: entry for entry in self.blocks}

    @property
    def structural_count(self) -> int:
        """Edges plus biases of the sparse circuit (see the module's convention); an exact integer."""
        edges = sum(int(edge.weights.nnz) for entry in self.blocks for edge in entry.incoming)
        return edges + sum(int(np.count_nonzero(entry.has_bias)) for entry in self.blocks)

    @cached_property
    def levels(self) -> dict[str, int]:
        """ReLU layers on the longest path from the input to each block, its own included."""
        levels = {INPUT: 0}
        for entry in self.blocks:
            below = max((levels[edge.source] for edge in entry.incoming), default=0)
            levels[entry.name] = below + int(entry.is_relu)
        return levels

    @property
    def depth(self) -> int:
        """Layers of a layered net that computes this: ReLU layers on the longest path, plus the output."""
        return self.levels[self.blocks[-1].name] + 1

    @property
    def width(self) -> int:
        """The largest number of ReLU units on one level, without padding."""
        units: dict[int, int] = {}
        for entry in self.blocks:
            if entry.is_relu:
                level = self.levels[entry.name]
                units[level] = units.get(level, 0) + entry.units
        return max(units.values(), default=0)

    def evaluate(self, points: Any) -> Array:
        """The output in float64. points: (n, D) -> (n,). Rounded to nearest; says nothing rigorous."""
        batch = require_points(points, self.input_dimension)
        rows = max(1, _VALUES_AT_ONCE // max(1, sum(entry.units for entry in self.blocks)))
        parts = [self._forward(batch[at : at + rows].T) for at in range(0, len(batch), rows)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _forward(self, columns: Array) -> Array:
        values: dict[str, Array] = {INPUT: np.ascontiguousarray(columns)}
        for entry in self.blocks:
            total = np.repeat(entry.biases[:, None], columns.shape[1], axis=1)
            for edge in entry.incoming:
                total += edge.weights @ values[edge.source]
            values[entry.name] = np.maximum(total, 0.0, out=total) if entry.is_relu else total
        return np.asarray(values[self.blocks[-1].name][0])

    def exact_preactivations(self, point: Sequence[Fraction | float | int]) -> dict[str, list[Fraction]]:
        """Every unit's value before its ReLU, in exact rationals. point: (D,)."""
        if len(point) != self.input_dimension:
            raise InvalidInput("point", len(point), f"of dimension {self.input_dimension}")
        zero = Fraction(0)
        values: dict[str, list[Fraction]] = {INPUT: [Fraction(value) for value in point]}
        before: dict[str, list[Fraction]] = {}
        for entry in self.blocks:
            totals = [Fraction(bias) for bias in entry.biases.tolist()]
            for edge in entry.incoming:
                source = values[edge.source]
                starts, columns = edge.weights.indptr.tolist(), edge.weights.indices.tolist()
                weights = edge.weights.data.tolist()
                for unit in range(entry.units):
                    for at in range(starts[unit], starts[unit + 1]):
                        value = source[columns[at]]
                        if value:
                            totals[unit] += Fraction(weights[at]) * value
            before[entry.name] = totals
            values[entry.name] = [max(total, zero) for total in totals] if entry.is_relu else totals
        return before

    def evaluate_exact(self, point: Sequence[Fraction | float | int]) -> Fraction:
        """The output at one point in exact rationals. point: (D,)."""
        return self.exact_preactivations(point)[self.blocks[-1].name][0]

    def interval(self, low: Any, high: Any) -> Bounds:
        """Rigorous bounds of the output over boxes. low, high: (n, D) -> each (n,), rounded outward.

        Interval arithmetic unit by unit. The float error of a sum of m terms is at most m·u·Σ|terms|, which
        is added on the outside (u the unit roundoff, doubled to cover the rounding of the bound itself).
        """
        ends = require_points(low, self.input_dimension), require_points(high, self.input_dimension)
        if ends[0].shape != ends[1].shape or np.any(ends[0] > ends[1]):
            raise InvalidInput("box", "low > high somewhere, or shapes differ", "low <= high")
        rows = max(1, _VALUES_AT_ONCE // (4 * max(1, sum(entry.units for entry in self.blocks))))
        parts = [
            self._interval(ends[0][at : at + rows].T, ends[1][at : at + rows].T)
            for at in range(0, len(ends[0]), rows)
        ]
        return Bounds(np.concatenate([part.low for part in parts]), np.concatenate([part.high for part in parts]))

    def at_points(self, points: Any) -> Bounds:
        """Rigorous bounds of the output at single points. points: (n, D) -> each (n,), rounded outward.

        As :meth:`interval` on boxes of one point, by a value and a radius per unit: fewer products.
        """
        batch = require_points(points, self.input_dimension)
        rows = max(1, _VALUES_AT_ONCE // (4 * max(1, sum(entry.units for entry in self.blocks))))
        parts = [self._at_points(batch[at : at + rows].T) for at in range(0, len(batch), rows)]
        return Bounds(np.concatenate([part.low for part in parts]), np.concatenate([part.high for part in parts]))

    def _at_points(self, columns: Array) -> Bounds:
        values = {INPUT: np.ascontiguousarray(columns)}
        radii = {INPUT: np.zeros_like(values[INPUT])}
        for entry in self.blocks:
            most = 1 + sum(int(np.max(np.diff(edge.weights.indptr), initial=0)) for edge in entry.incoming)
            relative = (most + 8.0) * ROUNDING
            total = np.repeat(entry.biases[:, None], columns.shape[1], axis=1)
            radius = relative * np.abs(total)
            for edge in entry.incoming:
                source = values[edge.source]
                total += edge.weights @ source
                radius += abs(edge.weights) @ (radii[edge.source] + relative * np.abs(source))
            radii[entry.name] = radius * (1.0 + 2.0 * relative) + TINY
            values[entry.name] = np.maximum(total, 0.0) if entry.is_relu else total
        name = self.blocks[-1].name
        value, spread = values[name][0], radii[name][0] + 2.0 * ROUNDING * np.abs(values[name][0])
        return Bounds(value - spread, value + spread)

    def _interval(self, low: Array, high: Array) -> Bounds:
        bounds = {INPUT: Bounds(low, high)}
        for entry in self.blocks:
            below, above, size = (np.repeat(entry.biases[:, None], low.shape[1], axis=1) for _ in range(3))
            size = np.abs(size)
            terms = np.ones((entry.units, 1))
            for edge in entry.incoming:
                positive, negative = edge.weights.maximum(0.0), edge.weights.minimum(0.0)
                source = bounds[edge.source]
                below += positive @ source.low + negative @ source.high
                above += positive @ source.high + negative @ source.low
                size += abs(edge.weights) @ np.maximum(np.abs(source.low), np.abs(source.high))
                terms += np.diff(edge.weights.indptr)[:, None]
            error = (terms + 8.0) * ROUNDING * size + TINY
            below, above = below - error, above + error
            if entry.is_relu:
                below, above = np.maximum(below, 0.0), np.maximum(above, 0.0)
            bounds[entry.name] = Bounds(below, above)
        last = bounds[self.blocks[-1].name]
        return Bounds(last.low[0], last.high[0])

    def pruned(self, name: str, unit: int) -> Circuit:
        """The circuit whose output is the one unit ``unit`` of the block ``name``, and only what feeds it."""
        needed: dict[str, NDArray[np.intp]] = {name: np.array([unit])}
        for entry in reversed(self.blocks):
            if entry.name not in needed:
                continue
            for edge in entry.incoming:
                columns = np.unique(edge.weights[needed[entry.name]].indices)
                needed[edge.source] = np.union1d(needed.get(edge.source, columns), columns).astype(np.intp)
        needed[INPUT] = np.arange(self.input_dimension)
        kept = []
        for entry in self.blocks:
            rows = needed.get(entry.name)
            if rows is None or rows.size == 0:
                continue
            edges = {
                edge.source: edge.weights[rows][:, needed[edge.source]]
                for edge in entry.incoming
                if edge.source in needed and needed[edge.source].size
            }
            kept.append(block(entry.name, entry.is_relu, edges, entry.biases[rows], entry.has_bias[rows]))
        return Circuit(self.input_dimension, tuple(kept))


def require_points(points: Any, input_dimension: int | None = None) -> Array:
    """The points as a float64 matrix (n, D); :class:`InvalidInput` on NaN, infinities or a wrong shape."""
    try:
        batch = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput("points", "a value that is no number", "a matrix of finite numbers") from error
    if batch.ndim != 2 or (input_dimension is not None and batch.shape[1] != input_dimension):
        expected = "(N, D)" if input_dimension is None else f"(N, {input_dimension})"
        raise InvalidInput("shape of the points", batch.shape, expected)
    bad = np.argwhere(~np.isfinite(batch))
    if bad.size:
        row, column = (int(value) for value in bad[0])
        raise InvalidInput(f"coordinate {column} of point {row}", float(batch[row, column]), "finite")
    return batch
