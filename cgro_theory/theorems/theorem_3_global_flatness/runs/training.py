"""Adversarial training of several periodic networks at once, in torch: PGD inside, Adam outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..theory.density import LABELS, TorusSample
from ..theory.periodic_network import PeriodicNetwork


@dataclass(frozen=True)
class TrainingRecipe:
    """How one group of networks is trained.

    width W, frequencies M; ``steps`` of Adam at ``learning_rate`` with weight decay on all parameters; each step
    attacks ``batch`` points by ``attack_steps`` of sign-gradient ascent from a random start in the ℓ∞ ball.
    """

    width: int
    frequencies: int
    steps: int
    learning_rate: float
    weight_decay: float
    attack_steps: int
    batch: int


def train_networks(
    samples: list[TorusSample], perturbation_radius: float, recipe: TrainingRecipe, seed: int
) -> list[PeriodicNetwork]:
    """One network per sample, all of one size N and dimension D, each adversarially trained on its own sample.

    Minimizes mean log(1 + exp(-y f)) at the attacked points; the theorem is checked on the sigmoid of -y f.
    """
    generator = torch.Generator().manual_seed(seed)
    points = torch.tensor(np.stack([sample.points for sample in samples]), dtype=torch.float64)
    signs = np.asarray(LABELS, dtype=float)
    labels = torch.tensor(np.stack([signs[sample.classes] for sample in samples]), dtype=torch.float64)
    runs, count, dimension = points.shape
    inputs = 2 * dimension * recipe.frequencies
    shapes = ((runs, inputs, recipe.width), (runs, 1, recipe.width), (runs, recipe.width, 1), (runs, 1, 1))
    scales = (1.5 / inputs**0.5, 0.5, 1.0 / recipe.width**0.5, 0.0)
    weights = [
        (scale * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()
        for shape, scale in zip(shapes, scales, strict=True)
    ]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.steps)
    for _ in range(recipe.steps):
        if count > recipe.batch:
            chosen = torch.randint(count, (recipe.batch,), generator=generator)
            x, y = points[:, chosen], labels[:, chosen]
        else:
            x, y = points, labels
        attacked = _attack(weights, x, y, perturbation_radius, recipe, generator)
        loss = torch.nn.functional.softplus(-y * _forward(weights, attacked, recipe)).mean(dim=1).sum()
        for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.grad = slope
        optimizer.step()
        schedule.step()
    return [_to_arrays(weights, run, dimension, recipe) for run in range(runs)]


def _features(x: Tensor, recipe: TrainingRecipe) -> Tensor:
    """cos and sin of 2πm x_k. shape: (runs, n, 2·D·M), cosines first, then axis by axis"""
    rates = 2.0 * torch.pi * torch.arange(1, recipe.frequencies + 1, dtype=x.dtype)
    angles = (x[..., None] * rates).flatten(start_dim=2)
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=2)


def _forward(weights: list[Tensor], x: Tensor, recipe: TrainingRecipe) -> Tensor:
    inner, bias, outer, offset = weights
    hidden = torch.tanh(torch.baddbmm(bias, _features(x, recipe), inner))
    return torch.baddbmm(offset, hidden, outer)[..., 0]


def _attack(
    weights: list[Tensor],
    x: Tensor,
    y: Tensor,
    radius: float,
    recipe: TrainingRecipe,
    generator: torch.Generator,
) -> Tensor:
    """Sign-gradient ascent of the margin loss in the ball: steps of 2.5 r/steps, projected."""
    fixed = [weight.detach() for weight in weights]
    shift = radius * (2.0 * torch.rand(x.shape, generator=generator, dtype=x.dtype) - 1.0)
    for _ in range(recipe.attack_steps):
        shift.requires_grad_()
        loss = -(y * _forward(fixed, x + shift, recipe)).sum()
        (slope,) = torch.autograd.grad(loss, shift)
        step = 2.5 * radius / recipe.attack_steps
        shift = (shift.detach() + step * slope.sign()).clamp(-radius, radius)
    return x + shift


def _to_arrays(weights: list[Tensor], run: int, dimension: int, recipe: TrainingRecipe) -> PeriodicNetwork:
    inner, bias, outer, offset = (weight.detach()[run].numpy().copy() for weight in weights)
    halves = inner.T.reshape(recipe.width, 2, dimension, recipe.frequencies)
    return PeriodicNetwork(halves[:, 0], halves[:, 1], bias[0], outer[:, 0], float(offset[0, 0]))
