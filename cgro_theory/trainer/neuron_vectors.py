"""What the compiled loops do to a few neurons, in vectors; imports numba, so only to be imported where that is.

It is written in LLVM's vectors of NEURON_BLOCK numbers: numba turns no loop over so few into vectors, and BLAS
takes longer to start than to multiply. No sum's order depends on the batch.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, register_jitable
from numpy.typing import NDArray

from cgro_theory.trainer.memory import NEURON_BLOCK

Array = NDArray[np.float64]
TILE_ROWS, TILE_BLOCKS = 4, 3
"""Rows, and blocks of neurons, of the product that are summed in registers together: 12 of AVX-512's 32."""
INVERSE_FACTORIALS = tuple(1.0 / math.factorial(n) for n in range(12, -1, -1))
INVERSE_FACTORIAL_13 = 1.0 / math.factorial(13)
VECTOR, INDEX = ir.VectorType(ir.DoubleType(), NEURON_BLOCK), ir.IntType(32)


def _pointer(context: Any, builder: Any, array: Any, at: Any) -> Any:
    """Where element ``at`` of a one-dimensional array of float64 is kept."""
    kind = types.Array(types.float64, 1, "C")
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def _load(builder: Any, pointer: Any) -> Any:
    return builder.load(builder.bitcast(pointer, VECTOR.as_pointer()), align=8)


def _store(builder: Any, vector: Any, pointer: Any) -> None:
    builder.store(vector, builder.bitcast(pointer, VECTOR.as_pointer()), align=8)


def _call(builder: Any, name: str, *vectors: Any) -> Any:
    """One of LLVM's functions of vectors."""
    kind = ir.FunctionType(VECTOR, [VECTOR] * len(vectors))
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{NEURON_BLOCK}f64")
    return builder.call(function, vectors)


def _spread(builder: Any, number: Any) -> Any:
    """A vector of one number."""
    empty = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(empty, number, INDEX(0))
    return builder.shuffle_vector(
        first, empty, ir.Constant(ir.VectorType(INDEX, NEURON_BLOCK), [0] * NEURON_BLOCK)
    )


def _blocks(builder: Any, start: Any, length: Any) -> Any:
    """A loop over the starts of the vectors from ``start`` on."""
    return cgutils.for_range_slice(builder, start, builder.add(start, length), start.type(NEURON_BLOCK))


def _total(builder: Any, vector: Any) -> Any:
    """The sum of a vector's numbers, by halves."""
    lanes = NEURON_BLOCK
    while lanes > 1:
        lanes //= 2
        half = ir.VectorType(INDEX, lanes)
        parts = (ir.Constant(half, list(range(first, first + lanes))) for first in (0, lanes))
        vector = builder.fadd(*(builder.shuffle_vector(vector, vector, part) for part in parts))
    return builder.extract_element(vector, INDEX(0))


def _activation(cubic: bool) -> Any:
    """Keep |v|^(q-1) in ``slopes`` for ``length`` elements from ``start`` on, and give Σ v |v|^(q-1).

    With q = 3 known, as nearly always, no loop is left inside the loop.
    """

    def activate(typing: Any, v: Any, slopes: Any, start: Any, length: Any, degree: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            v, slopes, start, length, degree = values
            total = cgutils.alloca_once_value(builder, ir.Constant(VECTOR, [0.0] * NEURON_BLOCK))
            power = cgutils.alloca_once(builder, VECTOR)
            further = builder.sub(degree, degree.type(2))
            with _blocks(builder, start, length) as (at, _):
                element = _load(builder, _pointer(context, builder, v, at))
                size = _call(builder, "fabs", element)
                builder.store(size, power)
                with contextlib.nullcontext() if cubic else cgutils.for_range(builder, further):
                    builder.store(builder.fmul(builder.load(power), size), power)
                _store(builder, builder.load(power), _pointer(context, builder, slopes, at))
                builder.store(_call(builder, "fmuladd", element, builder.load(power), builder.load(total)), total)
            return _total(builder, builder.load(total))

        return types.float64(v, slopes, types.intp, types.intp, types.intp), build

    return intrinsic(activate)


activate, activate_cubic = _activation(cubic=False), _activation(cubic=True)


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def sum_of_products(typing: Any, one: Any, other: Any, start: Any, length: Any) -> Any:
    """Σ of one's elements times the other's, ``length`` of them from ``start`` on."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        total = cgutils.alloca_once_value(builder, ir.Constant(VECTOR, [0.0] * NEURON_BLOCK))
        with _blocks(builder, *values[2:]) as (at, _):
            factors = (_load(builder, _pointer(context, builder, each, at)) for each in values[:2])
            builder.store(_call(builder, "fmuladd", *factors, builder.load(total)), total)
        return _total(builder, builder.load(total))

    return types.float64(one, other, types.intp, types.intp), build


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def scale(typing: Any, array: Any, start: Any, length: Any, factor: Any) -> Any:
    """Multiply ``length`` elements from ``start`` on in place."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        factors = _spread(builder, values[3])
        with _blocks(builder, *values[1:3]) as (at, _):
            place = _pointer(context, builder, values[0], at)
            _store(builder, builder.fmul(_load(builder, place), factors), place)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, types.float64), build


def _tile(rows: int, blocks: int) -> Any:
    """The part of v += gram · slopes in this many rows and blocks of neurons, summed in registers."""

    def add_tile(
        typing: Any, gram: Any, slopes: Any, v: Any, row: Any, column: Any, patches: Any, width: Any
    ) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            gram, slopes, v, row, column, patches, width = values
            lines = [builder.add(row, row.type(n)) for n in range(rows)]
            columns = [builder.add(column, row.type(n * NEURON_BLOCK)) for n in range(blocks)]
            places = [
                [_pointer(context, builder, v, builder.add(builder.mul(line, width), at)) for at in columns]
                for line in lines
            ]
            sums = [[cgutils.alloca_once_value(builder, _load(builder, at)) for at in tops] for tops in places]
            with cgutils.for_range(builder, patches, intp=row.type) as loop:
                start = builder.mul(loop.index, width)
                terms = [
                    _load(builder, _pointer(context, builder, slopes, builder.add(start, at))) for at in columns
                ]
                for line, totals in zip(lines, sums, strict=True):
                    at = builder.add(builder.mul(line, patches), loop.index)
                    factor = _spread(builder, builder.load(_pointer(context, builder, gram, at)))
                    for term, total in zip(terms, totals, strict=True):
                        builder.store(_call(builder, "fmuladd", factor, term, builder.load(total)), total)
            for tops, totals in zip(places, sums, strict=True):
                for at, total in zip(tops, totals, strict=True):
                    _store(builder, builder.load(total), at)
            return context.get_dummy_value()

        return types.void(gram, slopes, v, *[types.intp] * 4), build

    return intrinsic(add_tile)


add_large, add_tall, add_wide, add_small = (_tile(r, b) for r in (TILE_ROWS, 1) for b in (TILE_BLOCKS, 1))


@register_jitable  # type: ignore[untyped-decorator]  # numba has no types
def add_product(gram: Array, slopes: Array, v: Array, patches: int) -> None:
    """v += gram · slopes, of shapes (n, n) and (n, padded m), each given as one row."""
    width, step = len(v) // patches, TILE_BLOCKS * NEURON_BLOCK
    rows, columns = patches - patches % TILE_ROWS, width - width % step
    for row in range(0, rows, TILE_ROWS):
        for column in range(0, columns, step):
            add_large(gram, slopes, v, row, column, patches, width)
        for column in range(columns, width, NEURON_BLOCK):
            add_tall(gram, slopes, v, row, column, patches, width)
    for row in range(rows, patches):
        for column in range(0, columns, step):
            add_wide(gram, slopes, v, row, column, patches, width)
        for column in range(columns, width, NEURON_BLOCK):
            add_small(gram, slopes, v, row, column, patches, width)


@register_jitable  # type: ignore[untyped-decorator]  # numba has no types
def falling_logistic(values: Array) -> None:
    """1/(1 + e^x) in place, to two units in the last place: arithmetic alone, so that it is done in vectors.

    Beyond x = 708, where it is below the smallest normal number, it is 0.
    e^x = 2^k e^r with |r| <= log(2)/2 and e^r by its Taylor polynomial, whose remainder is below 1e-17.
    """
    for index in range(len(values)):
        x = min(max(values[index], -708.0), 708.0)
        k = np.floor(x * 1.4426950408889634 + 0.5)
        r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10
        power = INVERSE_FACTORIAL_13
        for coefficient in INVERSE_FACTORIALS:
            power = power * r + coefficient
        scale = np.int64((np.int64(k) + 1023) << 52).view(np.float64)
        values[index] = 1.0 / (1.0 + power * scale) if values[index] <= 708.0 else 0.0
