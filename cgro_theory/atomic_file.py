"""Write a file whole or not at all: to a temporary name beside it, then rename."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cgro_theory.errors import InvalidFile


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Yield a binary file that becomes ``path`` when the block ends without an error.

    Raises :class:`InvalidFile` when the folder is missing or cannot be written; on any error nothing is
    left behind and an older file at ``path`` is untouched.
    """
    target = Path(path)
    if target.is_dir():
        raise InvalidFile(target, "cannot write here: it is a folder")
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".partial")
    except OSError as error:
        raise InvalidFile(target, f"cannot write here: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except OSError as error:
        raise InvalidFile(target, f"cannot write here: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(path: str | Path) -> Path:
    """Return ``path`` if a file could be written there now, else raise :class:`InvalidFile`.

    Called before long work, so that an unwritable output costs a second and not an hour.
    """
    target = Path(path)
    if target.is_dir():
        raise InvalidFile(target, "cannot write here: it is a folder")
    if not target.parent.is_dir():
        raise InvalidFile(target, "cannot write here: no such folder")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise InvalidFile(target, "cannot write here: permission denied")
    return target


def require_folder(path: str | Path) -> Path:
    """Create the folder ``path`` when missing and return it; raise :class:`InvalidFile` when it cannot be."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidFile(folder, f"cannot be made a folder: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidFile(folder, "cannot write here: permission denied")
    return folder
