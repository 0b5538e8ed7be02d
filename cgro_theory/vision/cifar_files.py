"""The CIFAR-10 Python batches: dictionaries with rows of 3,072 bytes, red then green then blue, and labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cgro_theory.errors import InvalidFile
from cgro_theory.vision.labelled_images import ImageData, LabelledImages
from cgro_theory.vision.restricted_unpickler import read_data_pickle

_SHAPE = (3, 32, 32)
_CLASSES = 10
_FOLDER = "cifar-10-batches-py"


def load_cifar10(root: Path) -> ImageData:
    """``data_batch_1`` to ``data_batch_5`` and ``test_batch`` in ``root`` or in its folder of the usual name.

    Raises :class:`InvalidFile` for a missing, truncated or foreign file, for a pickle that names anything but
    data, and when images and labels do not match.
    """
    folder = root / _FOLDER if (root / _FOLDER).is_dir() else root
    batches = [read_batch(folder / f"data_batch_{number}") for number in range(1, 6)]
    pixels = np.concatenate([batch.pixels for batch in batches])
    labels = np.concatenate([batch.labels for batch in batches])
    return ImageData(LabelledImages("cifar10", pixels, labels, _CLASSES), read_batch(folder / "test_batch"))


def read_batch(path: Path) -> LabelledImages:
    """One batch file as images in [0, 1]."""
    if not path.is_file():
        raise InvalidFile(path, "no such file")
    content = read_data_pickle(path)
    if not isinstance(content, dict):
        raise InvalidFile(path, "holds no dictionary")
    named = {key.decode("latin1") if isinstance(key, bytes) else key: entry for key, entry in content.items()}
    rows, labels = named.get("data"), named.get("labels")
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8:
        raise InvalidFile(path, "has no array 'data' of unsigned bytes")
    if rows.ndim != 2 or rows.shape[1] != np.prod(_SHAPE) or not len(rows):
        raise InvalidFile(path, f"has 'data' of the shape {rows.shape}, not (n, {np.prod(_SHAPE)}) with n >= 1")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise InvalidFile(path, "has no list 'labels' of integers")
    if len(labels) != len(rows):
        raise InvalidFile(path, f"has {len(labels)} labels for {len(rows)} images")
    if not all(0 <= label < _CLASSES for label in labels):
        raise InvalidFile(path, f"has a label outside 0 to {_CLASSES - 1}")
    pixels = rows.reshape(-1, *_SHAPE).astype(np.float32) / 255.0
    return LabelledImages("cifar10", pixels, np.asarray(labels, dtype=np.int64), _CLASSES)
