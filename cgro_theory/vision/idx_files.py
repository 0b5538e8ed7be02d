"""MNIST's IDX files, plain or gzip: a magic number, the sizes, then unsigned bytes in row-major order."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgro_theory.atomic_file import read_whole
from cgro_theory.errors import InvalidFile
from cgro_theory.vision.labelled_images import ImageData, LabelledImages

_UNSIGNED_BYTE = 0x08
_MAX_BYTES = 1 << 31
"""A compressed file that unpacks to more than this is refused: no image set in this format is so large."""


def load_mnist(root: Path) -> ImageData:
    """The four files of MNIST (or of a set in its format) in the folder ``root``, each plain or ``.gz``.

    Raises :class:`InvalidFile` for a missing, truncated or foreign file and when images and labels differ in
    number.
    """
    return ImageData(_pair(root, "train"), _pair(root, "t10k"))


def _pair(root: Path, stem: str) -> LabelledImages:
    image_path, label_path = find(root, f"{stem}-images-idx3-ubyte"), find(root, f"{stem}-labels-idx1-ubyte")
    images, labels = read_idx(image_path, dimensions=3), read_idx(label_path, dimensions=1)
    if len(images) != len(labels):
        raise InvalidFile(label_path, f"has {len(labels)} labels for {len(images)} images")
    if int(labels.max()) > 9:
        raise InvalidFile(label_path, f"has a label {int(labels.max())} outside 0 to 9")
    return LabelledImages("mnist", images[:, None].astype(np.float32) / 255.0, labels.astype(np.int64), 10)


def find(root: Path, name: str) -> Path:
    """``root/name`` or ``root/name.gz``, whichever is there; also with a dot before ``idx``."""
    for candidate in (name, name.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            path = root / (candidate + suffix)
            if path.is_file():
                return path
    raise InvalidFile(root / name, "no such file, nor with .gz")


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array of one IDX file of unsigned bytes with the stated number of dimensions, none of size 0.

    Raises :class:`InvalidFile` when the magic number, a size or the length of the file is wrong.
    """
    content = _content(path)
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise InvalidFile(path, f"is truncated: {len(content)} bytes, the header alone has {header}")
    magic = content[:4]
    expected = bytes((0, 0, _UNSIGNED_BYTE, dimensions))
    if magic != expected:
        raise InvalidFile(path, f"has the magic number 0x{magic.hex()}, not 0x{expected.hex()}")
    shape = tuple(int.from_bytes(content[4 + 4 * k : 8 + 4 * k], "big") for k in range(dimensions))
    if 0 in shape:
        raise InvalidFile(path, f"has the empty shape {shape}")
    size = math.prod(shape)
    if len(content) != header + size:
        problem = "is truncated" if len(content) < header + size else "has bytes after its end"
        raise InvalidFile(path, f"{problem}: {len(content)} bytes, the shape {shape} needs {header + size}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _content(path: Path) -> bytes:
    raw = read_whole(path)
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        with gzip.open(io.BytesIO(raw)) as stream:
            content = stream.read(_MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidFile(path, f"cannot be read: {' '.join(str(error).split())}") from error
    if len(content) > _MAX_BYTES:
        raise InvalidFile(path, f"unpacks to more than {_MAX_BYTES} bytes")
    return content
