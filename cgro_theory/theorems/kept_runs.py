"""Finished runs kept in a folder, so that a verification that was stopped goes on where it was."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import platform
from importlib import metadata
from pathlib import Path
from typing import Protocol

from cgro_theory.atomic_file import atomic_write


class RunStore(Protocol):
    """Where results of tasks are found again."""

    def load(self, task: bytes) -> bytes | None:
        """The result of this task, or None when it is not there whole."""

    def save(self, task: bytes, result: bytes) -> None:
        """Keep the result of this task."""


class RunsInMemory:
    """Results of tasks while a verification lasts: a later look takes what an earlier one made."""

    def __init__(self) -> None:
        self._results: dict[bytes, bytes] = {}

    def load(self, task: bytes) -> bytes | None:
        """The result of this task, or None."""
        return self._results.get(hashlib.sha256(task).digest())

    def save(self, task: bytes, result: bytes) -> None:
        """Keep the result of this task."""
        self._results[hashlib.sha256(task).digest()] = result


_LIBRARIES = ("numpy", "scipy", "torch", "sympy", "python-flint")


class KeptRuns:
    """Results of tasks by what they are: the work with its inputs, this package's source, and the libraries.

    ``package`` is another one whose source counts, too: that of a plug-in.

    A result is used again only for the very same task of the very same source and libraries; a file that was cut
    off counts as missing. Results are pickles: name no folder that others may write to.
    """

    def __init__(self, folder: Path, package: str = "cgro_theory") -> None:
        self.folder, self.package = folder, package

    def load(self, task: bytes) -> bytes | None:
        """The result of this task, or None when it is not there whole."""
        path = self._path(task)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        checksum, result = content[:32], content[32:]
        return result if _checksum(path, result) == checksum else None

    def save(self, task: bytes, result: bytes) -> None:
        """Keep the result of this task. Raises :class:`InvalidFile` when the folder cannot be written."""
        path = self._path(task)
        with atomic_write(path) as stream:
            stream.write(_checksum(path, result) + result)

    def _path(self, task: bytes) -> Path:
        return self.folder / f"{hashlib.sha256(_source_digest(self.package) + task).hexdigest()}.run"


def _checksum(path: Path, result: bytes) -> bytes:
    """Of a file's name, which tells the task, and its content: a file that was renamed counts as missing."""
    return hashlib.sha256(path.name.encode() + result).digest()


@functools.cache
def _source_digest(package: str) -> bytes:
    """A digest of this package's source and of that of ``package``, of the interpreter and of the libraries."""
    from cgro_theory.trainer.compiled_flow import compiled_by

    digest = hashlib.sha256(platform.python_version().encode())
    for name in _LIBRARIES:
        digest.update(f"{name} {metadata.version(name)}".encode())
    digest.update(f"compiled: {compiled_by()}".encode())
    for name in dict.fromkeys(("cgro_theory", package.partition(".")[0])):
        for root in _folders_of(name):
            for path in sorted(root.rglob("*.py")):
                digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.digest()


def _folders_of(package: str) -> list[Path]:
    """The folders of a package, found without importing it."""
    found = importlib.util.find_spec(package)
    return [] if found is None else [Path(each) for each in found.submodule_search_locations or ()]
