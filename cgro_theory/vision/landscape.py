"""The two measures of the loss landscape around labelled images, and the errors, at a list of radii.

Both are maxima found by ascent: lower bounds of F_r and of the maximum loss change, with the stated budget. The
radii are taken in growing order and each ascent also visits the best point of the radius before, so that what is
measured grows with the radius as the true maxima do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cgro_theory.vision.attack import AscentBudget, losses, maximize_gradient_norm, maximize_loss

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Landscape:
    """Measures of n images at k radii: ``max_gradient_norm`` and ``max_loss_change`` (k, n), ``wrong`` (k, n)
    for images with a wrongly classified point in the ball, ``clean_loss`` and ``clean_wrong`` (n,).

    Norms are ‖∇ₓℓ‖₁ in nats per unit of the pixels' range, losses in nats.
    """

    radii: tuple[float, ...]
    max_gradient_norm: Array
    max_loss_change: Array
    wrong: NDArray[np.bool_]
    clean_loss: Array
    clean_wrong: NDArray[np.bool_]

    def at(self, radius: float) -> int:
        """The row of ``radius``."""
        return self.radii.index(radius)

    def gradient_norm(self, radius: float) -> float:
        """The mean over the images of the largest gradient norm found: (local or global) flatness."""
        return float(self.max_gradient_norm[self.at(radius)].mean())

    def loss_change(self, radius: float) -> float:
        """The mean over the images of the largest loss change found."""
        return float(self.max_loss_change[self.at(radius)].mean())

    def robust_error(self, radius: float) -> float:
        """The share of images with a wrongly classified point found within ``radius``: a lower bound."""
        return float(self.wrong[self.at(radius)].mean())

    @property
    def clean_error(self) -> float:
        """The share of images that are classified wrongly as they are."""
        return float(self.clean_wrong.mean())


def measure_landscape(
    network: nn.Module,
    pixels: Tensor,
    labels: Tensor,
    radii: Sequence[float],
    budget: AscentBudget,
    generator: torch.Generator,
    norms: bool = True,
    chunk: int = 512,
) -> Landscape:
    """The landscape around ``pixels`` (n, c, h, w) at ``radii``, in float32, ``chunk`` images at a time.

    Without ``norms`` the gradient norms, which take most of the time, are left out: they are NaN.
    """
    ordered = tuple(sorted(radii))
    parts = [
        _measure_chunk(network, pixels[i : i + chunk], labels[i : i + chunk], ordered, budget, generator, norms)
        for i in range(0, len(labels), chunk)
    ]
    return Landscape(
        ordered,
        np.concatenate([part.max_gradient_norm for part in parts], axis=1),
        np.concatenate([part.max_loss_change for part in parts], axis=1),
        np.concatenate([part.wrong for part in parts], axis=1),
        np.concatenate([part.clean_loss for part in parts]),
        np.concatenate([part.clean_wrong for part in parts]),
    )


def _measure_chunk(
    network: nn.Module,
    pixels: Tensor,
    labels: Tensor,
    radii: tuple[float, ...],
    budget: AscentBudget,
    generator: torch.Generator,
    with_norms: bool,
) -> Landscape:
    with torch.no_grad():
        clean = losses(network, pixels, labels)
        clean_wrong = network(pixels).argmax(dim=1) != labels
    norms, changes, wrongs = [], [], []
    highest: tuple[Tensor, ...] = ()
    steepest: tuple[Tensor, ...] = ()
    wrong = clean_wrong
    for radius in radii:
        loss = maximize_loss(network, pixels, labels, radius, budget, generator, highest)
        highest, wrong = (loss.point,), wrong | loss.wrong
        steepness = torch.full_like(clean, torch.nan)
        if with_norms:
            # The first ascent begins where the loss is largest or where the norm was, whichever is steeper.
            norm = maximize_gradient_norm(
                network, pixels, labels, radius, budget, generator, (loss.point, *steepest)
            )
            steepest, wrong, steepness = (norm.point,), wrong | norm.wrong, norm.value
        norms.append(_numbers(steepness))
        changes.append(_numbers(loss.value - clean))
        wrongs.append(wrong.cpu().numpy())
    return Landscape(
        radii, np.stack(norms), np.stack(changes), np.stack(wrongs), _numbers(clean), clean_wrong.cpu().numpy()
    )


def _numbers(values: Tensor) -> Array:
    return values.detach().double().cpu().numpy()
