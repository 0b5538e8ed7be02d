"""What each indicator of a built circuit really computes, read from its weights and nothing else.

A *reading* bounds indicator values on balls. It is offered only for units whose stored weights match a normal
form exactly (float equality); every other unit is left to interval arithmetic on its own sub-circuit. Nothing
here is shared with the code that builds circuits, and no number comes from what that code intended.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..networks.circuit import INPUT, Block, Circuit
from .box_reading import BoxReading
from .norm_reading import NormReading

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def read_indicators(circuit: Circuit) -> BoxReading | NormReading | None:
    """The reading of the block ``indicator``, or None when the blocks below it match no normal form."""
    below = _chain(circuit, "indicator")
    if below == ["box"]:
        return _read_boxes(circuit)
    if below == ["excess"]:
        return _read_norm(circuit)
    return None


def _chain(circuit: Circuit, name: str) -> list[str]:
    entry = circuit.named.get(name)
    return [edge.source for edge in entry.incoming] if entry is not None and entry.is_relu else []


def _sign_units(entry: Block, count: int, dimension: int) -> Array | None:
    """The signs (count, 2D) when unit 2(iD+k)+s reads coordinate k alone, each pair as +1 and -1."""
    if [edge.source for edge in entry.incoming] != [INPUT] or not entry.is_relu:
        return None
    weights = entry.incoming[0].weights
    units = 2 * count * dimension
    if entry.units != units or not np.array_equal(weights.indptr, np.arange(units + 1)):
        return None
    if not np.array_equal(weights.indices, np.tile(np.repeat(np.arange(dimension), 2), count)):
        return None
    return np.asarray(weights.data.reshape(count, 2 * dimension))


def _grouped(weights: Any, count: int, size: int) -> Array | None:
    """The weights (count, size) when row i reads exactly the i-th group of ``size`` units, in order."""
    if weights.shape != (count, count * size):
        return None
    if not np.array_equal(weights.indptr, np.arange(count + 1) * size):
        return None
    if not np.array_equal(weights.indices, np.arange(count * size)):
        return None
    return np.asarray(weights.data.reshape(count, size))


def _read_boxes(circuit: Circuit) -> BoxReading | None:
    indicator, box = circuit.named["indicator"], circuit.named["box"]
    count, dimension = indicator.units, circuit.input_dimension
    signs = _sign_units(box, count, dimension)
    slopes = _grouped(indicator.incoming[0].weights, count, 2 * dimension)
    if signs is None or slopes is None:
        return None
    expected = np.tile([1.0, -1.0], dimension)
    is_read = np.all(signs == expected, axis=1) & np.all(slopes <= 0.0, axis=1)
    coordinates = np.repeat(np.arange(dimension), 2)
    biases = box.biases.reshape(count, 2 * dimension)
    return BoxReading(coordinates, expected, biases, -slopes, indicator.biases, is_read)


def _read_norm(circuit: Circuit) -> NormReading | None:
    indicator, excess, units = (circuit.named.get(name) for name in ("indicator", "excess", "abs"))
    if indicator is None or excess is None or units is None or not excess.is_relu:
        return None
    count, dimension = indicator.units, circuit.input_dimension
    signs = _sign_units(units, count, dimension)
    slopes = _grouped(indicator.incoming[0].weights, count, 1)
    if signs is None or slopes is None or excess.units != count:
        return None
    biases = units.biases.reshape(count, dimension, 2)
    # ReLU(x - c) + ReLU(c - x) = |x - c| needs opposite weights and opposite biases, exactly.
    is_read = np.all(signs == np.tile([1.0, -1.0], dimension), axis=1)
    is_read &= np.all(biases[:, :, 0] == -biases[:, :, 1], axis=1) & (slopes[:, 0] <= 0.0)
    centres = np.ascontiguousarray(biases[:, :, 1])
    sources = [edge.source for edge in excess.incoming]
    common = (-excess.biases, -slopes[:, 0], indicator.biases)
    if sources == ["abs"]:
        sums = _grouped(excess.incoming[0].weights, count, 2 * dimension)
        if sums is None:
            return None
        is_read &= np.all(sums == 1.0, axis=1)
        return NormReading(1.0, centres, *common, 0.0, math.inf, is_read)
    return _read_squares(circuit, count, dimension, centres, common, is_read)


def _read_squares(
    circuit: Circuit,
    count: int,
    dimension: int,
    centres: Array,
    common: tuple[Array, Array, Array],
    is_read: Flags,
) -> NormReading | None:
    """The Euclidean form: |x-c|/R through M tents, with sums R² Σ_k g_M; every constant is compared exactly."""
    first = circuit.named.get("tent.1")
    stages = sum(1 for entry in circuit.blocks if entry.name.startswith("tent."))
    if first is None or stages < 1 or not first.incoming[0].weights.nnz:
        return None
    inverse = float(first.incoming[0].weights.data[0])
    if not inverse > 0.0 or math.frexp(inverse)[0] != 0.5:  # only then 1/R, R and R² 4^-m are all exact
        return None
    scale, units = 1.0 / inverse, count * dimension
    for stage in range(1, stages + 1):
        flags = _tent_matches(circuit, stage, count, units, (inverse, inverse) if stage == 1 else (2.0, -4.0))
        if flags is None:
            return None
        is_read = is_read & flags
    total = circuit.named.get("sum.0")
    if total is None or not total.is_relu or [edge.source for edge in total.incoming] != ["abs"]:
        return None
    sums = _grouped(total.incoming[0].weights, count, 2 * dimension)
    if sums is None:
        return None
    is_read = is_read & np.all(sums == scale, axis=1) & (total.biases == 0.0)
    for stage in range(1, stages + 1):
        entry = circuit.named.get(f"sum.{stage}" if stage < stages else "excess")
        if entry is None or not entry.is_relu:
            return None
        parts = {edge.source: edge.weights for edge in entry.incoming}
        if set(parts) != {f"sum.{stage - 1}", f"tent.{stage}"}:
            return None
        carried = _grouped(parts[f"sum.{stage - 1}"], count, 1)
        taken = _grouped(parts[f"tent.{stage}"], count, 2 * dimension)
        if carried is None or taken is None:
            return None
        step = scale * scale * 4.0**-stage
        is_read = is_read & (carried[:, 0] == 1.0)
        is_read = is_read & np.all(taken == np.tile([-2.0 * step, 4.0 * step], dimension), axis=1)
        if stage < stages:
            is_read = is_read & (entry.biases == 0.0)
    error = math.nextafter(dimension * scale * scale * 4.0 ** -(stages + 1), math.inf)
    return NormReading(2.0, centres, *common, error, scale, is_read)


def _tent_matches(
    circuit: Circuit, stage: int, count: int, units: int, weights: tuple[float, float]
) -> Flags | None:
    """Per indicator, whether stage m computes ReLU(v) and ReLU(v - 1/2) of v = ⟨weights, pair below⟩."""
    entry = circuit.named.get(f"tent.{stage}")
    source = "abs" if stage == 1 else f"tent.{stage - 1}"
    if entry is None or not entry.is_relu or [edge.source for edge in entry.incoming] != [source]:
        return None
    matrix = entry.incoming[0].weights
    if matrix.shape != (2 * units, 2 * units) or not np.array_equal(matrix.indptr, 2 * np.arange(2 * units + 1)):
        return None
    columns = np.repeat(np.arange(2 * units).reshape(-1, 2), 2, axis=0).reshape(-1)
    if not np.array_equal(matrix.indices, columns):
        return None
    fits = np.all(matrix.data.reshape(-1, 4) == np.array([*weights, *weights]), axis=1)
    fits &= np.all(entry.biases.reshape(-1, 2) == np.array([0.0, -0.5]), axis=1)
    return np.asarray(np.all(fits.reshape(count, -1), axis=1))
