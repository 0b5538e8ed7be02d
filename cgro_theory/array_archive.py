"""Read the arrays of an npz archive from its bytes, executing nothing."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

_UNREADABLE = (
    *(ValueError, LookupError, EOFError, TypeError, AttributeError, OSError, SyntaxError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What numpy and zipfile raise for truncated, damaged or foreign bytes; RuntimeError where they are encrypted."""


def read_arrays(content: bytes, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays by name, all or those of ``names`` that are there; ``ValueError`` where it is no such archive."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files if names is None or name in names}
    except _UNREADABLE as error:
        raise ValueError(str(error)) from error
    if not all(isinstance(each, np.ndarray) for each in found.values()):
        raise ValueError("it holds something else than arrays")
    return found
