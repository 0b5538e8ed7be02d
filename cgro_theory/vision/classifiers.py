"""Small image classifiers of any width, in plain torch: one like LeNet and a small residual network.

Both are smooth functions of the image. Pooling averages; nothing is normalized across a batch, so that the loss
of one image depends on that image alone; and the activation is a smooth ReLU: the second derivatives of a
piecewise linear network miss the jumps of its gradient, and an ascent on the gradient's norm could not see them.
"""

from __future__ import annotations

import functools
import math
from typing import Literal

import torch
from torch import Tensor, nn

from cgro_theory.errors import InvalidInput, require_integer

Architecture = Literal["lenet", "resnet"]
ARCHITECTURES: tuple[Architecture, ...] = ("lenet", "resnet")
SHARPNESS = 8.0
"""β of the activation z·sigmoid(βz): within 0.28/β of the ReLU everywhere."""
MOST_PIXELS_BY_MATRIX = 256
"""Above, multiplying by a matrix that is mostly zeros costs more than it saves."""


class SmoothReLU(nn.Module):
    """The activation z·sigmoid(βz), infinitely differentiable, the ReLU in the limit β → ∞."""

    def forward(self, values: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return nn.functional.silu(SHARPNESS * values) / SHARPNESS


class Halving(nn.Module):
    """The mean over squares of two by two pixels, as ``AvgPool2d(2)`` for finite values.

    A last odd row or column is left out.
    On small images it is one multiplication by a matrix, which takes a third of the pooling's time on a CPU.
    """

    def forward(self, values: Tensor) -> Tensor:
        """(n, channels, height, width) -> (n, channels, height // 2, width // 2)."""
        *_, height, width = values.shape
        if height * width > MOST_PIXELS_BY_MATRIX:
            return nn.functional.avg_pool2d(values, 2)
        means = _means(height, width).to(values)
        return (values.flatten(2) @ means).view(*values.shape[:2], height // 2, width // 2)


@functools.cache
def _means(height: int, width: int) -> Tensor:
    """The matrix of that, (height · width, height // 2 · width // 2), fit for gradients in whatever mode."""
    with torch.inference_mode(False):
        pixels = torch.eye(height * width, device="cpu").view(height * width, 1, height, width)
        return nn.functional.avg_pool2d(pixels, 2).flatten(1)


class ResidualBlock(nn.Module):
    """values + conv(act(conv(act(values)))), the channels of ``values`` kept."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, channels, 3, padding=1)
        self.activation = SmoothReLU()

    def forward(self, values: Tensor) -> Tensor:
        """(n, channels, height, width), the same out."""
        inner = self.first(self.activation(values))
        result: Tensor = values + self.last(self.activation(inner))
        return result


def build_classifier(
    architecture: str, image_shape: tuple[int, int, int], classes: int, width: int, seed: int
) -> nn.Module:
    """A classifier (n, channels, height, width) -> (n, classes) with ``width`` channels in its first layer.

    Weights are normal with variance 2/fan-in from ``seed``, drawn on the CPU; biases are 0, and so is the last
    convolution of each residual block. Raises :class:`InvalidInput` for an unknown architecture, a width below
    1 or images below 4 by 4 pixels.
    """
    require_integer("width", width, 1)
    channels, height, breadth = image_shape
    if min(height, breadth) < 4:
        raise InvalidInput("size of the images", (height, breadth), "at least 4 by 4 pixels")
    if architecture == "lenet":
        network = _lenet(channels, height, breadth, classes, width)
    elif architecture == "resnet":
        network = _resnet(channels, classes, width)
    else:
        raise InvalidInput("architecture", architecture, "one of " + ", ".join(ARCHITECTURES))
    _initialize(network, seed)
    return network


def count_parameters(network: nn.Module) -> int:
    """The number of trained numbers."""
    return sum(parameter.numel() for parameter in network.parameters())


def _lenet(channels: int, height: int, breadth: int, classes: int, width: int) -> nn.Module:
    # Five by five as in LeNet, three by three where the image itself is hardly larger.
    kernel = 5 if min(height, breadth) >= 16 else 3
    flat = 2 * width * (height // 4) * (breadth // 4)
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel, padding=kernel // 2),
        SmoothReLU(),
        Halving(),
        nn.Conv2d(width, 2 * width, kernel, padding=kernel // 2),
        SmoothReLU(),
        Halving(),
        nn.Flatten(),
        nn.Linear(flat, 4 * width),
        SmoothReLU(),
        nn.Linear(4 * width, classes),
    )


def _resnet(channels: int, classes: int, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        ResidualBlock(width),
        Halving(),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        ResidualBlock(2 * width),
        Halving(),
        nn.Conv2d(2 * width, 4 * width, 3, padding=1),
        ResidualBlock(4 * width),
        SmoothReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, classes),
    )


def _initialize(network: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                fan_in = parameter[0].numel()
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * math.sqrt(2.0 / fan_in))
            else:
                parameter.zero_()
        for block in network.modules():
            if isinstance(block, ResidualBlock):
                block.last.weight.zero_()
