"""Labelled images as a value: pixels in [0, 1], checked once, split by a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgro_theory.errors import InvalidInput, require_integer

Pixels = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """``pixels`` (n, channels, height, width) in [0, 1]; ``labels`` (n,) in {0, ..., classes - 1}.

    Raises :class:`InvalidInput` on wrong shapes, a pixel outside [0, 1] or a label outside its range.
    """

    name: str
    pixels: Pixels
    labels: Labels
    classes: int

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or 0 in self.pixels.shape:
            raise InvalidInput("shape of the images", self.pixels.shape, "(n, channels, height, width), none 0")
        if self.labels.shape != self.pixels.shape[:1]:
            raise InvalidInput("number of labels", self.labels.shape, f"({len(self.pixels)},), one per image")
        if not (float(self.pixels.min()) >= 0.0 and float(self.pixels.max()) <= 1.0):
            ends = (float(self.pixels.min()), float(self.pixels.max()))
            raise InvalidInput("range of the pixels", ends, "within [0, 1]")
        if int(self.labels.min()) < 0 or int(self.labels.max()) >= self.classes:
            ends = (int(self.labels.min()), int(self.labels.max()))
            raise InvalidInput("range of the labels", ends, f"within [0, {self.classes - 1}]")

    @property
    def size(self) -> int:
        """The number of images."""
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def chosen(self, index: NDArray[np.int64]) -> LabelledImages:
        """The images at ``index`` (k,), in that order."""
        return LabelledImages(self.name, self.pixels[index], self.labels[index], self.classes)


@dataclass(frozen=True, eq=False)
class Split:
    """Training and test images without a common member."""

    train: LabelledImages
    test: LabelledImages


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set as it comes: one pool to be split (``test`` is None), or training and test images apart."""

    train: LabelledImages
    test: LabelledImages | None = None

    def split(self, train_size: int, test_size: int, seed: int) -> Split:
        """``train_size`` and ``test_size`` images drawn without replacement by ``seed``.

        The draw is uniform, except that each class gives its first image in the drawn order to the training set.
        Raises :class:`InvalidInput` when there are not that many images, or when a class has none.
        """
        pool = self.train.size
        require_every_class(self.train)
        require_integer("test_size", test_size, 1, pool - 1 if self.test is None else self.test.size)
        spare = pool - test_size if self.test is None else pool
        classes = self.train.classes
        if not classes <= require_integer("train_size", train_size, 1) <= spare:
            raise InvalidInput("train_size", train_size, f"an integer in [{classes}, {spare}]")
        rng = np.random.default_rng([seed, 0x1A6E])
        order = _class_heads_first(rng.permutation(pool), self.train.labels)
        train = self.train.chosen(np.sort(order[:train_size]))
        if self.test is None:
            return Split(train, self.train.chosen(order[train_size : train_size + test_size]))
        return Split(train, self.test.chosen(rng.permutation(self.test.size)[:test_size]))


def _class_heads_first(order: NDArray[np.int64], labels: Labels) -> NDArray[np.int64]:
    """The order with the first image of each class moved to its front."""
    _, first = np.unique(labels[order], return_index=True)
    is_head = np.zeros(len(order), dtype=bool)
    is_head[first] = True
    return np.concatenate([order[is_head], order[~is_head]])


def require_every_class(images: LabelledImages) -> None:
    """Raise :class:`InvalidInput` when a class has no image, naming the first such class."""
    counts = np.bincount(images.labels, minlength=images.classes)
    if not counts.all():
        empty = int(np.argmin(counts))
        raise InvalidInput(f"number of images of class {empty} of {images.name}", 0, ">= 1")
