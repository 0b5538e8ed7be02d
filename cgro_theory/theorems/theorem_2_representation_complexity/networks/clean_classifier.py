"""Clean classifiers as circuits: linear ones and multilayer perceptrons.

Every clean circuit ends in the affine block ``clean``; its hidden ReLU layers are ``clean.1``, ``clean.2``, …
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgro_theory.errors import InvalidInput

from .circuit import INPUT, Circuit, block, fully_stored, require_points

CLEAN = "clean"


def coordinate_classifier(input_dimension: int, coordinate: int) -> Circuit:
    """f(x) = x_k: one edge and no bias, so W_clean = 1."""
    weights = np.zeros((1, input_dimension))
    weights[0, coordinate] = 1.0
    return Circuit(input_dimension, (block(CLEAN, False, {INPUT: weights}, [0.0], has_bias=False),))


def multilayer_perceptron(weights: Sequence[Any], biases: Sequence[Any]) -> Circuit:
    """The fully connected ReLU net with these layers; the last one must have one unit.

    ``weights[l]`` has shape (k_l, k_(l-1)), ``biases[l]`` (k_l,). Each matrix counts all of its entries, also
    zeros. One layer is a linear classifier: W_clean = D + 1. Raises :class:`InvalidInput` on bad shapes.
    """
    if not weights or len(weights) != len(biases):
        raise InvalidInput("layers of the clean classifier", len(weights), ">= 1, one bias vector per matrix")
    matrices = [require_points(matrix) for matrix in weights]
    if matrices[-1].shape[0] != 1:
        raise InvalidInput("outputs of the clean classifier", matrices[-1].shape[0], "1")
    blocks = []
    source = INPUT
    for index, (matrix, bias) in enumerate(zip(matrices, biases, strict=True)):
        is_last = index == len(matrices) - 1
        name = CLEAN if is_last else f"{CLEAN}.{index + 1}"
        blocks.append(block(name, not is_last, {source: fully_stored(matrix)}, bias))
        source = name
    return Circuit(matrices[0].shape[1], tuple(blocks))


def linear_classifier(weights: Any, bias: float) -> Circuit:
    """f(x) = ⟨w, x⟩ + b with D + 1 parameters. weights: (D,)."""
    return multilayer_perceptron([np.asarray(weights, dtype=np.float64).reshape(1, -1)], [[bias]])


def least_squares_classifier(points: Any, labels: Any) -> Circuit:
    """The linear classifier that fits ±1 labels by ridge regression. points: (n, D), labels: (n,)."""
    batch = require_points(points)
    design = np.hstack([batch, np.ones((len(batch), 1))])
    gram = design.T @ design + 1e-3 * np.eye(design.shape[1])
    solution = np.linalg.solve(gram, design.T @ np.asarray(labels, dtype=np.float64))
    return linear_classifier(solution[:-1], float(solution[-1]))


def hidden_widths(clean: Circuit) -> tuple[int, ...]:
    """The widths of the hidden layers of a clean circuit, first to last."""
    return tuple(entry.units for entry in clean.blocks if entry.is_relu)
