"""Ascents inside the ℓ∞ ball: projected sign-gradient steps on the loss, or on the norm of its input gradient.

The ball is clipped to the range of the pixels: X' with ‖X' - X‖∞ <= radius and X' in [0, 1]. Every maximum found
is a lower bound of the true one; the best of all visited points is kept. Starts are drawn on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cgro_theory.errors import InvalidInput, require_finite, require_integer

_STEP_SHARE = 2.5
"""Length of a step times the number of steps, in radii: an ascent can cross the ball and come back."""
_TINY = 1e-30


@dataclass(frozen=True)
class AscentBudget:
    """``restarts`` ascents of ``steps`` signed steps of 2.5·radius/steps, from uniform random points.

    An ascent that is given starts spends its first restart on the best of them.
    """

    steps: int
    restarts: int = 1

    def __post_init__(self) -> None:
        require_integer("attack_steps", self.steps, 1)
        require_integer("restarts", self.restarts, 1)


@dataclass(frozen=True, eq=False)
class Ascent:
    """Per image: the largest ``value`` (n,), where it was found (n, c, h, w), and whether any visited point was
    classified wrongly (n,)."""

    value: Tensor
    point: Tensor
    wrong: Tensor


Objective = Callable[[Tensor, bool], tuple[Tensor, Tensor, Tensor]]
"""Maps points and whether a direction is needed to (value (n,), direction (n, c, h, w), logits (n, classes))."""


def require_radius(name: str, radius: float) -> float:
    """A radius in (0, 1], where 1 is the range of the pixels; else :class:`InvalidInput`."""
    allowed = "in (0, 1], the range of the pixels"
    if not 0.0 < require_finite(name, radius, allowed) <= 1.0:
        raise InvalidInput(name, radius, allowed)
    return float(radius)


def losses(network: nn.Module, points: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each image, shape (n,)."""
    return nn.functional.cross_entropy(network(points), labels, reduction="none")


def maximize_loss(
    network: nn.Module,
    pixels: Tensor,
    labels: Tensor,
    radius: float,
    budget: AscentBudget,
    generator: torch.Generator,
    starts: tuple[Tensor, ...] = (),
) -> Ascent:
    """The largest loss found in each image's ball (PGD); the image itself and ``starts`` are visited too,
    and the first ascent begins at the best of them."""

    def objective(points: Tensor, wants_direction: bool) -> tuple[Tensor, Tensor, Tensor]:
        points = points.detach().requires_grad_(wants_direction)
        logits = network(points)
        value = nn.functional.cross_entropy(logits.float(), labels, reduction="none")
        direction = torch.autograd.grad(value.sum(), points)[0] if wants_direction else points
        return value.detach(), direction, logits.detach()

    return _ascend(objective, pixels, labels, radius, budget, generator, starts)


def maximize_gradient_norm(
    network: nn.Module,
    pixels: Tensor,
    labels: Tensor,
    radius: float,
    budget: AscentBudget,
    generator: torch.Generator,
    starts: tuple[Tensor, ...] = (),
) -> Ascent:
    """The largest ‖∇ₓℓ‖₁ found in each image's ball (theory.md 4.1), by an ascent of its own.

    The direction is the sign of the norm's own gradient, by differentiating twice; the network must be smooth.
    The image itself and ``starts`` (such as the point of the largest loss) are visited too, and the first ascent
    begins at the best of them.
    """

    def objective(points: Tensor, wants_direction: bool) -> tuple[Tensor, Tensor, Tensor]:
        points = points.detach().requires_grad_(True)
        logits = network(points)
        loss = nn.functional.cross_entropy(logits, labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, points, create_graph=wants_direction)
        norm = gradient.abs().flatten(1).sum(dim=1)
        # The logarithm: gradients of well-fitted images are tiny, and their own gradients must not underflow.
        direction = torch.autograd.grad((norm + _TINY).log().sum(), points)[0] if wants_direction else points
        return norm.detach(), direction.detach(), logits.detach()

    return _ascend(objective, pixels, labels, radius, budget, generator, starts)


def _ascend(
    objective: Objective,
    pixels: Tensor,
    labels: Tensor,
    radius: float,
    budget: AscentBudget,
    generator: torch.Generator,
    starts: tuple[Tensor, ...],
) -> Ascent:
    low, high = (pixels - radius).clamp(min=0.0), (pixels + radius).clamp(max=1.0)
    value, _, logits = objective(pixels, False)
    best = Ascent(value, pixels, logits.argmax(dim=1) != labels)
    for start in starts:
        points = start.clamp(low, high)
        value, _, logits = objective(points, False)
        best = _better(best, value, points, logits.argmax(dim=1) != labels)
    step = _STEP_SHARE * radius / budget.steps
    for restart in range(budget.restarts):
        drawn = torch.rand(pixels.shape, generator=generator).to(pixels.device)
        points = best.point if restart == 0 and starts else low + (high - low) * drawn
        for taken in range(budget.steps + 1):
            value, direction, logits = objective(points, taken < budget.steps)
            best = _better(best, value, points, logits.argmax(dim=1) != labels)
            if taken < budget.steps:
                points = (points + step * direction.sign()).clamp(low, high)
    return best


def _better(best: Ascent, value: Tensor, points: Tensor, wrong: Tensor) -> Ascent:
    higher = value > best.value
    return Ascent(
        torch.where(higher, value, best.value),
        torch.where(higher[:, None, None, None], points, best.point),
        best.wrong | wrong,
    )


def training_points(
    network: nn.Module,
    pixels: Tensor,
    labels: Tensor,
    radius: float,
    budget: AscentBudget,
    generator: torch.Generator,
) -> Tensor:
    """The attacked images to train on: last points of the ascents, the restart with the largest loss per image.

    One pass fewer per ascent than :func:`maximize_loss`, since values on the way are not needed.
    """
    low, high = (pixels - radius).clamp(min=0.0), (pixels + radius).clamp(max=1.0)
    step = _STEP_SHARE * radius / budget.steps
    chosen, largest = pixels, torch.full((len(pixels),), -torch.inf, device=pixels.device)
    for _ in range(budget.restarts):
        points = low + (high - low) * torch.rand(pixels.shape, generator=generator).to(pixels.device)
        for _ in range(budget.steps):
            points = points.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(losses(network, points, labels).float().sum(), points)
            points = (points.detach() + step * gradient.sign()).clamp(low, high)
        if budget.restarts == 1:
            return points
        with torch.no_grad():
            value = losses(network, points, labels).float()
        higher = value > largest
        largest = torch.where(higher, value, largest)
        chosen = torch.where(higher[:, None, None, None], points, chosen)
    return chosen
