"""Circuits with one part changed, for negative controls."""

from __future__ import annotations

from ..networks.circuit import Block, Circuit, block


def with_block(circuit: Circuit, changed: Block) -> Circuit:
    """The circuit with one block replaced by another of the same name."""
    blocks = tuple(changed if entry.name == changed.name else entry for entry in circuit.blocks)
    return Circuit(circuit.input_dimension, blocks)


def with_bias(circuit: Circuit, name: str, unit: int, value: float) -> Circuit:
    """The circuit with one bias set to ``value``."""
    entry = circuit.named[name]
    biases = entry.biases.copy()
    biases[unit] = value
    edges = {edge.source: edge.weights for edge in entry.incoming}
    return with_block(circuit, block(name, entry.is_relu, edges, biases, entry.has_bias))
