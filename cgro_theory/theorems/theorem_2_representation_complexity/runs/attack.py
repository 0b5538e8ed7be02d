"""PGD on training balls: a lower bound of the robust train error, reported beside the certificate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..networks.circuit import Circuit
from ..networks.layered import to_torch
from ..networks.training_set import TrainingSet

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float64]


@dataclass(frozen=True)
class AttackReport:
    """What an attack did: balls attacked and misclassified. It proves no robustness."""

    balls: int
    errors: int


def attack_balls(
    circuit: Circuit,
    data: TrainingSet,
    radius: float,
    norm_order: float,
    *,
    balls: int,
    steps: int,
    seed: int,
) -> AttackReport:
    """Projected gradient descent on y f(x) in balls drawn without replacement, from a random start.

    Signed steps for p = inf, normalized gradients for p = 1 and 2. Float evaluation: a lower estimate.
    """
    import torch

    rng = np.random.default_rng(seed)
    chosen = rng.permutation(data.num_samples)[:balls]
    centres = torch.from_numpy(data.points[chosen].copy())
    labels = torch.from_numpy(data.labels[chosen].copy())
    module = to_torch(circuit)
    wrong = torch.zeros(chosen.size, dtype=torch.bool)
    start = torch.from_numpy(rng.uniform(-1.0, 1.0, size=(chosen.size, data.input_dimension)))
    points = centres + _into_ball(radius * start, radius, norm_order)
    for _ in range(steps):
        points = points.detach().requires_grad_(True)
        margin = labels * module(points)
        wrong |= ~(margin.detach() > 0.0)  # NaN is wrong
        (gradient,) = torch.autograd.grad(margin.sum(), points)
        if norm_order == math.inf:
            step = torch.sign(gradient)
        else:
            step = gradient / gradient.norm(dim=1, keepdim=True).clamp_min(1e-12)
        moved = points.detach() - 2.5 * radius / steps * step
        points = centres + _into_ball(moved - centres, radius, norm_order)
    wrong |= ~(labels * module(points).detach() > 0.0)
    return AttackReport(int(chosen.size), int(wrong.sum()))


def _into_ball(offsets: torch.Tensor, radius: float, norm_order: float) -> torch.Tensor:
    """Offsets clipped (p = inf) or scaled (p = 1, 2) into the ball. shape: (n, D)"""
    if norm_order == math.inf:
        return offsets.clamp(-radius, radius)
    sizes: torch.Tensor = offsets.norm(p=norm_order, dim=1, keepdim=True).clamp_min(1e-300)
    return offsets * (radius * (1.0 - 1e-12) / sizes).clamp_max(1.0)
