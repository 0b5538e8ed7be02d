"""Padding a circuit to a layered ReLU net, and reading either as a torch module.

Counting convention ``dense``: after padding, every entry of every weight matrix and one bias per unit,
n_l (n_(l-1) + 1) for layer l and n_G + 1 for the output. A value that is needed past the next layer is
carried along: a ReLU unit by one unit, an input or an affine value v by two, ReLU(v) and ReLU(-v).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from .circuit import INPUT, Circuit, require_points

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayeredNet:
    """ReLU layers and an affine output. weights[l]: (n_(l+1), n_l), stored sparse; biases[l]: (n_(l+1),)."""

    weights: tuple[Any, ...]
    biases: tuple[Array, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """n_0 = D, the hidden widths, and 1."""
        return (int(self.weights[0].shape[1]), *(int(matrix.shape[0]) for matrix in self.weights))

    @property
    def dense_count(self) -> int:
        """Entries of all weight matrices and biases, zeros included; an exact integer."""
        return sum(int(matrix.shape[0]) * (int(matrix.shape[1]) + 1) for matrix in self.weights)

    def evaluate(self, points: Any) -> Array:
        """The output in float64. points: (n, D) -> (n,)."""
        values = require_points(points, self.widths[0]).T
        for index, (matrix, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = matrix @ values + bias[:, None]
            if index < len(self.weights) - 1:
                values = np.maximum(values, 0.0)
        return np.asarray(values[0])


@dataclass(frozen=True, eq=False)
class _Expression:
    """A block's value as an affine function of the current layer's units."""

    matrix: Any
    offset: Array
    is_carried: bool


def pad_to_layers(circuit: Circuit) -> LayeredNet:
    """The layered net that computes the same function: affine blocks folded in, late values carried along."""
    levels = circuit.levels
    output = circuit.blocks[-1]
    needed_at = dict.fromkeys(levels, 0)
    for entry in reversed(circuit.blocks):
        # A ReLU block reads its sources one layer below; an affine one wherever its own value is needed.
        for edge in entry.incoming:
            reading = levels[entry.name] - 1 if entry.is_relu else levels[entry.name]
            needed_at[edge.source] = max(needed_at[edge.source], reading)
    known = {INPUT: _Expression(_identity(circuit.input_dimension), np.zeros(circuit.input_dimension), False)}
    _fold_affine(circuit, 0, known)
    weights, biases = [], []
    for level in range(1, levels[output.name] + 1):
        parts, offsets = [], []
        columns = next(iter(known.values())).matrix.shape[1]
        layout: list[tuple[str, int, bool]] = []
        for entry in circuit.blocks:
            if entry.is_relu and levels[entry.name] == level:
                matrix, offset = _combined(entry, known, columns)
                parts.append(matrix)
                offsets.append(offset)
                layout.append((entry.name, entry.units, False))
        for name, value in known.items():
            if needed_at[name] < level:
                continue
            single = value.is_carried or (name != INPUT and circuit.named[name].is_relu)
            if single and value.is_carried is False:
                parts.append(value.matrix)
                offsets.append(value.offset)
            elif value.is_carried:
                parts.append(_selector(value.matrix))
                offsets.append(np.zeros(parts[-1].shape[0]))
            else:
                parts.append(vstack([value.matrix, -value.matrix], format="csr"))
                offsets.append(np.concatenate([value.offset, -value.offset]))
            layout.append((name, parts[-1].shape[0], not single or value.is_carried))
        weights.append(csr_array(vstack(parts, format="csr")))
        biases.append(np.concatenate(offsets))
        known = _after(layout, biases[-1].size)
        _fold_affine(circuit, level, known)
    last = known[output.name]
    weights.append(last.matrix)
    biases.append(last.offset)
    return LayeredNet(tuple(weights), tuple(biases))


def _after(layout: list[tuple[str, int, bool]], units: int) -> dict[str, _Expression]:
    """How each value reads off the new layer: itself, or the difference of its two carriers."""
    known = {}
    at = 0
    identity = _identity(units)
    for name, size, is_pair in layout:
        if is_pair:
            half = size // 2
            matrix = csr_array(identity[at : at + half] - identity[at + half : at + size])
        else:
            matrix = csr_array(identity[at : at + size])
        known[name] = _Expression(matrix, np.zeros(matrix.shape[0]), is_pair)
        at += size
    return known


def _selector(pair: Any) -> Any:
    """From the rows ReLU(v) - ReLU(-v) back to the two carriers, each taken as it is."""
    return vstack([pair.maximum(0.0), (-pair).maximum(0.0)], format="csr")


def _fold_affine(circuit: Circuit, level: int, known: dict[str, _Expression]) -> None:
    for entry in circuit.blocks:
        if entry.is_relu or circuit.levels[entry.name] != level or entry.name in known:
            continue
        columns = next(iter(known.values())).matrix.shape[1]
        matrix, offset = _combined(entry, known, columns)
        known[entry.name] = _Expression(matrix, offset, False)


def _combined(entry: Any, known: dict[str, _Expression], columns: int) -> tuple[Any, Array]:
    matrix = csr_array((entry.units, columns))
    offset = entry.biases.copy()
    for edge in entry.incoming:
        value = known[edge.source]
        matrix = matrix + edge.weights @ value.matrix
        offset = offset + edge.weights @ value.offset
    return csr_array(matrix), offset


def _identity(size: int) -> Any:
    return csr_array((np.ones(size), np.arange(size), np.arange(size + 1)), shape=(size, size))


def to_torch(circuit: Circuit) -> Any:
    """A ``torch.nn.Module`` (float64, no trainable parameters) that computes the circuit: (n, D) -> (n,).

    Weights stay sparse; gradients flow to the input.
    """
    import torch

    class CircuitModule(torch.nn.Module):
        """The circuit, block by block."""

        def __init__(self) -> None:
            super().__init__()
            for index, entry in enumerate(circuit.blocks):
                self.register_buffer(f"bias_{index}", torch.from_numpy(entry.biases.copy())[:, None])
                for number, edge in enumerate(entry.incoming):
                    coo = edge.weights.tocoo()
                    places = torch.from_numpy(np.stack([coo.row, coo.col]).astype(np.int64))
                    tensor = torch.sparse_coo_tensor(
                        places, torch.from_numpy(coo.data.copy()), coo.shape, check_invariants=True
                    )
                    self.register_buffer(f"weight_{index}_{number}", tensor.coalesce())

        def forward(self, points: torch.Tensor) -> torch.Tensor:
            values = {INPUT: points.to(torch.float64).T}
            for index, entry in enumerate(circuit.blocks):
                total = getattr(self, f"bias_{index}").expand(-1, points.shape[0])
                for number, edge in enumerate(entry.incoming):
                    total = total + torch.sparse.mm(getattr(self, f"weight_{index}_{number}"), values[edge.source])
                values[entry.name] = torch.relu(total) if entry.is_relu else total
            return values[circuit.blocks[-1].name][0]

    return CircuitModule()
