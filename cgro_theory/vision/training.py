"""Training of an image classifier on attacked images, or on clean ones as a control."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.vision.attack import AscentBudget, losses, require_radius, training_points

_RISE = 0.3
"""Share of a cycle in which the learning rate rises."""
_RADIUS_RAMP = 0.2
"""Share of the epochs over which the radius grows to its full size; at once, many networks learn a constant."""


@dataclass(frozen=True)
class TrainingRecipe:
    """How a classifier is trained: Adam on the mean cross-entropy, without weight decay.

    The learning rate makes ``cycles`` cycles from 0 linearly to ``learning_rate`` and along a cosine back to 0.
    ``adversarial`` False trains on clean images (the radius is then only measured). ``mixed_precision`` runs
    training in bfloat16 where that is safe, on a GPU; measures are always in float32.
    """

    radius: float
    architecture: str = "lenet"
    width: int = 32
    epochs: int = 150
    batch_size: int = 100
    learning_rate: float = 0.06
    cycles: int = 1
    attack: AscentBudget = field(default_factory=lambda: AscentBudget(3))
    adversarial: bool = True
    mixed_precision: bool = False

    def __post_init__(self) -> None:
        require_radius("radius", self.radius)
        require_integer("width", self.width, 1)
        require_integer("epochs", self.epochs, 1)
        require_integer("batch_size", self.batch_size, 1)
        require_integer("cycles", self.cycles, 1, self.epochs)
        if require_finite("learning_rate", self.learning_rate, "> 0") <= 0.0:
            raise InvalidInput("learning_rate", self.learning_rate, "> 0")

    def rate_at(self, share: float) -> float:
        """The learning rate when ``share`` in [0, 1) of the training is done.

        >>> recipe = TrainingRecipe(radius=0.2, learning_rate=1.0)
        >>> recipe.rate_at(0.0), round(recipe.rate_at(0.3), 9), round(recipe.rate_at(0.65), 9)
        (0.0, 1.0, 0.5)
        """
        phase = (share * self.cycles) % 1.0
        if phase < _RISE:
            return self.learning_rate * phase / _RISE
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (phase - _RISE) / (1.0 - _RISE)))

    def radius_at(self, share: float) -> float:
        """The radius of the attack when ``share`` in [0, 1) of the training is done."""
        return self.radius * min(1.0, max(share, 1.0 / self.epochs) / _RADIUS_RAMP)


def train(
    network: nn.Module,
    pixels: Tensor,
    labels: Tensor,
    recipe: TrainingRecipe,
    generator: torch.Generator,
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> None:
    """Train ``network`` in place on ``pixels`` (n, c, h, w) and ``labels`` (n,), on the device where they are.

    Every draw comes from ``generator``, on the CPU. ``after_epoch`` is called with the number of epochs done.
    Raises :class:`InvalidInput` for the learning rate when the loss stops being finite.
    """
    device = pixels.device.type
    if recipe.mixed_precision and (device != "cuda" or not torch.cuda.is_bf16_supported()):
        raise InvalidInput("mixed_precision", True, "left off without a GPU that knows bfloat16")
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    starts = range(0, len(labels), recipe.batch_size)
    done, total = 0, recipe.epochs * len(starts)
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(labels), generator=generator).to(pixels.device)
        radius = recipe.radius_at((epoch + 1) / recipe.epochs)
        loss = torch.zeros((), device=pixels.device)
        for start in starts:
            optimizer.param_groups[0]["lr"] = recipe.rate_at((done + 0.5) / total)
            batch = order[start : start + recipe.batch_size]
            images, targets = pixels[batch], labels[batch]
            with _precision(recipe, device):
                if recipe.adversarial:
                    with _frozen(network):
                        images = training_points(network, images, targets, radius, recipe.attack, generator)
                loss = losses(network, images, targets).float().mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            done += 1
        if not math.isfinite(float(loss.detach())):
            allowed = f"small enough for a finite loss, which epoch {epoch + 1} of {recipe.epochs} had not"
            raise InvalidInput("learning_rate", recipe.learning_rate, allowed)
        after_epoch(epoch + 1)


@contextlib.contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """The attack needs no gradients of the weights; without them a step costs a third less."""
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in network.parameters():
            parameter.requires_grad_(True)


def _precision(recipe: TrainingRecipe, device: str) -> contextlib.AbstractContextManager[object]:
    if not recipe.mixed_precision:
        return contextlib.nullcontext()
    return torch.autocast(device, dtype=torch.bfloat16)
