"""Adversarial training of small ReLU nets on the hypercube: how few parameters suffice in practice.

Failing to train proves nothing: the smallest net found is an upper estimate under the stated budget.
Similar widths and all repeats of one depth are trained at once; every draw of a run comes from its own seed,
derived from the base seed and everything that tells the run apart, so its neighbours in the batch change nothing
but the order of float sums.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgro_theory.numerics.seeds import derived_seed

from ..theory.lower_bound import Architecture
from ..theory.trained_bounds import is_robust_on_box
from .hypercube import HypercubeInstance

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TrainingBudget:
    """Adam on the logistic loss of attacked points; ``attack_steps`` signed gradient steps inside the ball.

    The radius rises to δ over the first half of the steps, the learning rate falls to 0 as a cosine.
    """

    widths: tuple[int, ...]
    hidden_layers: tuple[int, ...]
    repeats: int
    steps: int
    learning_rate: float = 0.02
    attack_steps: int = 2
    final_attack_steps: int = 20
    final_restarts: int = 4
    max_boxes: int = 4000


@dataclass(frozen=True)
class TrainedNet:
    """One trained net. Errors count corners out of K.

    ``zero_errors``: wrong at (c, 0), which a robust net cannot be; ``attack_errors``: wrong somewhere in the
    ball, found by PGD (lower estimate); ``unproved``: not proved robust (upper bound of the robust errors).
    """

    architecture: Architecture
    seed: int
    num_corners: int
    zero_errors: int
    attack_errors: int
    unproved: int


def train_on(instance: HypercubeInstance, budget: TrainingBudget, seed: int) -> tuple[TrainedNet, ...]:
    """Train every width, depth and repeat of the budget on all K corners; then attack and bound each net."""
    import torch

    nets: list[TrainedNet] = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # matrices this small lose by sharing, up to tenfold on a busy machine
    try:
        for hidden_layers, widths in itertools.product(budget.hidden_layers, _buckets(budget.widths)):
            nets.extend(_train_bucket(instance, budget, hidden_layers, widths, seed))
    finally:
        torch.set_num_threads(threads)
    return tuple(nets)


def _train_bucket(
    instance: HypercubeInstance, budget: TrainingBudget, hidden_layers: int, widths: tuple[int, ...], seed: int
) -> list[TrainedNet]:
    runs = [
        (width, derived_seed(seed, "theorem_2.trained", instance.input_dimension, hidden_layers, width, index))
        for width in widths
        for index in range(budget.repeats)
    ]
    layers = _train(instance, budget, hidden_layers, runs)
    attacked = _attack_errors(instance, budget, layers, runs)
    nets = []
    for index, (width, run_seed) in enumerate(runs):
        weights, biases = _extract(layers, index, width, hidden_layers)
        nets.append(_examine(instance, budget, weights, biases, run_seed, attacked[index]))
    return nets


def _buckets(widths: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Widths that are trained in one batch: a batch costs as much as if all were as wide as its widest."""
    limits = ((0, 8), (8, 32), (32, 64), (64, max(widths, default=0)))
    buckets = [tuple(width for width in widths if low < width <= high) for low, high in limits]
    return [bucket for bucket in buckets if bucket]


def _train(
    instance: HypercubeInstance, budget: TrainingBudget, hidden_layers: int, runs: list[tuple[int, int]]
) -> list[tuple[Any, Any]]:
    """The trained layers [(weights (R, out, in), biases (R, out, 1))]; masked units stay 0."""
    import torch

    layers = _initial_layers(instance.input_dimension, hidden_layers, runs)
    corners = np.arange(instance.num_corners)
    centres = torch.from_numpy(instance.points(corners).T.copy()).float()
    labels = torch.from_numpy(instance.labels).float()
    parameters = [tensor.requires_grad_(True) for layer in layers for tensor in layer]
    optimizer = torch.optim.Adam(parameters, lr=budget.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, budget.steps)
    generators = [torch.Generator().manual_seed(derived_seed(seed, "training attack")) for _, seed in runs]
    for step in range(budget.steps):
        # The radius grows over the first half: from the start at full radius many nets learn a constant.
        radius = instance.perturbation_radius * min(1.0, 2.0 * (step + 1) / budget.steps)
        points = _attack(layers, centres, labels, radius, budget.attack_steps, generators)
        loss = torch.nn.functional.softplus(-labels * _forward(layers, points)).mean(dim=1).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    return [(weight.detach(), bias.detach()) for weight, bias in layers]


def _initial_layers(
    input_dimension: int, hidden_layers: int, runs: list[tuple[int, int]]
) -> list[tuple[Any, Any]]:
    """He initialization per run from its own seed, so a run does not depend on the batch it sits in."""
    import torch

    widest = max(width for width, _ in runs)
    sizes = [input_dimension] + [widest] * hidden_layers + [1]
    layers = []
    for depth, (below, above) in enumerate(itertools.pairwise(sizes)):
        weight, bias = torch.zeros(len(runs), above, below), torch.zeros(len(runs), above, 1)
        for index, (width, seed) in enumerate(runs):
            rng = np.random.default_rng(derived_seed(seed, "layer", depth))
            rows = width if depth < hidden_layers else 1
            columns = width if depth > 0 else input_dimension
            drawn = rng.standard_normal((rows, columns)) * np.sqrt(2.0 / columns)
            weight[index, :rows, :columns] = torch.from_numpy(drawn)
            if depth < hidden_layers:
                # The first kinks pass near the middle of the cube, (1/2, ..., 1/2, 0), and not near a corner.
                middle = drawn[:, :-1].sum(axis=1) / 2.0 if depth == 0 else 0.0
                bias[index, :rows, 0] = torch.from_numpy(0.5 * rng.standard_normal(rows) - middle)
        layers.append((weight, bias))
    return layers


def _forward(layers: list[tuple[Any, Any]], points: Any) -> Any:
    """(R, D, K) or (D, K) -> (R, K). A unit with zero weights and bias stays dead, so no mask is needed."""
    values = points
    for index, (weight, bias) in enumerate(layers):
        values = weight @ values + bias
        if index < len(layers) - 1:
            values = values.relu()
    return values[:, 0]


def _attack(layers: Any, centres: Any, labels: Any, radius: float, steps: int, generators: Any) -> Any:
    """Signed gradient ascent of the loss inside the cube, from uniform random starts. -> (R, D, K)"""
    import torch

    frozen = [(weight.detach(), bias.detach()) for weight, bias in layers]
    draws = [torch.rand(centres.shape, generator=generator) for generator in generators]
    offset = radius * (2.0 * torch.stack(draws) - 1.0)
    for _ in range(steps):
        offset.requires_grad_(True)
        margin = (labels * _forward(frozen, centres + offset)).sum()
        (gradient,) = torch.autograd.grad(margin, offset)
        offset = (offset.detach() - (2.0 * radius / steps) * gradient.sign()).clamp(-radius, radius)
    return centres + offset


def _attack_errors(
    instance: HypercubeInstance, budget: TrainingBudget, layers: Any, runs: list[tuple[int, int]]
) -> list[int]:
    """Per run the corners that a longer attack with restarts breaks: a lower estimate."""
    import torch

    corners = np.arange(instance.num_corners)
    centres = torch.from_numpy(instance.points(corners).T.copy()).float()
    labels = torch.from_numpy(instance.labels).float()
    generators = [torch.Generator().manual_seed(derived_seed(seed, "final attack")) for _, seed in runs]
    wrong = torch.zeros(len(runs), corners.size, dtype=torch.bool)
    for _ in range(budget.final_restarts):
        radius, steps = instance.perturbation_radius, budget.final_attack_steps
        points = _attack(layers, centres, labels, radius, steps, generators)
        wrong |= ~(labels * _forward(layers, points) > 0.0)  # NaN is wrong
    return [int(count) for count in wrong.sum(dim=1)]


def _extract(
    layers: list[tuple[Any, Any]], index: int, width: int, hidden_layers: int
) -> tuple[list[Array], list[Array]]:
    """One run's own weights and biases, cut to its width."""
    weights, biases = [], []
    for depth, (weight, bias) in enumerate(layers):
        rows = width if depth < hidden_layers else 1
        columns = width if depth > 0 else weight.shape[2]
        weights.append(weight[index, :rows, :columns].double().numpy())
        biases.append(bias[index, :rows, 0].double().numpy())
    return weights, biases


def _examine(
    instance: HypercubeInstance,
    budget: TrainingBudget,
    weights: list[Array],
    biases: list[Array],
    seed: int,
    attack_errors: int,
) -> TrainedNet:
    corners = np.arange(instance.num_corners)
    points = instance.points(corners)
    radius = instance.perturbation_radius
    values = np.hstack([points[:, :-1], np.zeros((corners.size, 1))]).T
    for index, (matrix, bias) in enumerate(zip(weights, biases, strict=True)):
        values = matrix @ values + bias[:, None]
        values = np.maximum(values, 0.0) if index < len(weights) - 1 else values
    zero_errors = int(np.sum(~(instance.labels * values[0] > 0.0)))  # NaN is wrong
    unproved = corners.size
    if attack_errors <= corners.size // 4:  # a net that an attack breaks that often needs no proof attempt
        proved = [
            is_robust_on_box(weights, biases, label, point - radius, point + radius, budget.max_boxes)
            for point, label in zip(points, instance.labels.tolist(), strict=True)
        ]
        unproved = corners.size - sum(proved)
    shape = Architecture(instance.input_dimension, tuple(matrix.shape[0] for matrix in weights))
    return TrainedNet(shape, seed, int(corners.size), zero_errors, max(attack_errors, zero_errors), unproved)
