"""The data sets by name; those that come as files are read from a folder that the user names."""

from __future__ import annotations

from pathlib import Path

from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.vision.cifar_files import load_cifar10
from cgro_theory.vision.digits import load_digits_images
from cgro_theory.vision.idx_files import load_mnist
from cgro_theory.vision.labelled_images import ImageData

DATA_SETS = ("digits", "mnist", "cifar10")


def load_images(name: str, root: Path | None = None) -> ImageData:
    """The data set ``name``; ``root`` is the folder of its files, needed for all but the digits.

    Raises :class:`InvalidInput` for an unknown name or a missing or superfluous ``root`` and
    :class:`InvalidFile` when a file in it is not as it should be.
    """
    if name not in DATA_SETS:
        raise InvalidInput("data", name, "one of " + ", ".join(DATA_SETS))
    if name == "digits":
        if root is not None:
            raise InvalidInput("--root", str(root), "left out for the digits, which are installed")
        return load_digits_images()
    if root is None:
        raise InvalidInput("--root", None, f"the folder with the files of {name}")
    if not root.is_dir():
        raise InvalidFile(root, "no such folder")
    return load_mnist(root) if name == "mnist" else load_cifar10(root)
