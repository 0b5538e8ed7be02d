"""Read and write files whole or not at all: written to a temporary name, then renamed. Only files are replaced."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from cgro_theory.errors import InvalidFile, InvalidInput


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Yield a binary file that becomes ``path`` when the block ends without an error.

    A symbolic link is followed: what it points to is written, and the link stays. Raises :class:`InvalidFile`
    where :func:`require_writable` does, and when the disk is full; on any error nothing is left behind and an
    older file at ``path`` is untouched.
    """
    target = require_writable(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".partial")
    except OSError as error:
        raise InvalidFile(path, f"cannot write here: {error.strerror}") from error
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
        raise InvalidFile(path, f"cannot write here: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def read_whole(path: str | Path) -> bytes:
    """Return the bytes of a regular file.

    Raises :class:`InvalidFile` where there is none, it cannot be read, or it is no regular file: a pipe or a
    device, which may never come to an end, is not even opened.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise InvalidFile(path, f"cannot be read: it is {_kind(mode)}, not a file")
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidFile(path, f"cannot be read: {error.strerror}") from error


def require_writable(path: str | Path) -> Path:
    """Return the file that writing to ``path`` would make or replace, its links resolved.

    Called before long work, so that an unwritable output costs a second and not an hour. Raises
    :class:`InvalidInput` for an empty path, and :class:`InvalidFile` for what is there and is no regular file (a
    folder, a device, a pipe, a socket), for links that go in circles, and where the folder is missing or nothing
    may be written.
    """
    if not str(path):
        raise InvalidInput("path", "", "non-empty")
    target = Path(os.path.realpath(path))
    try:
        mode = os.stat(path).st_mode  # of the path itself: where /dev/stdout leads has no name
        if not stat.S_ISREG(mode):
            raise InvalidFile(path, f"cannot write here: it is {_kind(mode)}, not a file")
        if not os.access(target, os.W_OK):
            raise InvalidFile(path, "cannot write here: permission denied")
    except FileNotFoundError:
        pass  # the usual case: a new file
    except OSError as error:
        raise InvalidFile(path, f"cannot write here: {error.strerror}") from error
    if not target.parent.is_dir():
        raise InvalidFile(path, "cannot write here: no such folder")
    try:  # permissions alone do not tell: a read-only file system, a quota, an administrator in /proc
        tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as error:
        raise InvalidFile(path, f"cannot write here: {_reason(error)}") from error
    return target


def require_outputs(
    outputs: Mapping[str, str | Path | None], inputs: Mapping[str, str | Path] | None = None
) -> None:
    """Check that every output can be written and that no two are one file, however their paths are written.

    ``outputs`` and ``inputs``: the option or argument as typed -> its path; None and ``-`` (standard output) are
    no files. Raises :class:`InvalidFile`; an input that an output would replace is refused, too.
    """
    seen = {name: Path(os.path.realpath(path)) for name, path in (inputs or {}).items()}
    for name, path in outputs.items():
        if path is None or str(path) == "-":
            continue
        target = require_writable(path)
        for other, taken in seen.items():
            if target == taken or (target.exists() and taken.exists() and target.samefile(taken)):
                raise InvalidFile(path, f"{name} and {other} are the same file")
        seen[name] = target


def _reason(error: OSError) -> str:
    """The system's words; a folder in which nothing can be made answers that it is not there."""
    return "permission denied" if isinstance(error, (PermissionError, FileNotFoundError)) else str(error.strerror)


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    return next((words for is_kind, words in kinds if is_kind(mode)), "a device")


def require_makeable(path: str | Path) -> None:
    """Refuse, making nothing, what :func:`require_folder` could not make or nothing could be written into."""
    folder = Path(os.path.realpath(path))
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise InvalidFile(path, f"cannot be made a folder: {folder} is none")
    try:
        require_writable(folder / ".probe")
    except InvalidFile as error:
        raise InvalidFile(path, error.why) from error


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
