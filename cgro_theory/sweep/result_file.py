"""The file of one result: an npz archive with a header, the same bytes for the same result, never a pickle."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cgro_theory.array_archive import read_arrays
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.sweep.cell import Cell, cell_of
from cgro_theory.sweep.run_kind import RunOutcome

RESULT_SCHEMA = "cgro-sweep-run/1"
HEADER = "header"


@dataclass(frozen=True)
class EncodedResult:
    """A result as it is stored. ``checksum``: SHA-256 of ``content``, hexadecimal."""

    content: bytes
    checksum: str


def encode_result(cell: Cell, outcome: RunOutcome) -> EncodedResult:
    """The archive of a run's rows and arrays.

    Not compressed and without times, so that equal results are equal files on every machine. Raises
    :class:`InvalidInput` when an array could only be stored by pickling it, or a row holds no plain value.
    """
    for name, value in itertools.chain.from_iterable(row.items() for row in outcome.rows):
        if value is not None and type(value) not in (bool, int, float, str):
            raise InvalidInput(f"column {name!r}", type(value).__name__, "bool, int, float, str or None")
    header = {
        "schema": RESULT_SCHEMA,
        "kind": cell.kind,
        "version": cell.version,
        "parameters": dict(sorted(cell.parameters.items())),
        "rows": [dict(row) for row in outcome.rows],
    }
    text = json.dumps(header, ensure_ascii=False)
    arrays = {HEADER: np.frombuffer(text.encode(), dtype=np.uint8)}
    for name in sorted(outcome.arrays):
        array = np.asarray(outcome.arrays[name])
        if array.dtype.hasobject or name == HEADER or not name.isidentifier():
            raise InvalidInput(f"array {name!r}", array.dtype, "of numbers, booleans or text, with a plain name")
        arrays[name] = array
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    content = stream.getvalue()
    return EncodedResult(content, hashlib.sha256(content).hexdigest())


def read_result(path: Path, checksum: str, cell: Cell) -> RunOutcome:
    """The result stored at ``path``, executing nothing.

    Raises :class:`InvalidFile`, which names the file, when it is missing, when its SHA-256 is not
    ``checksum``, or when it holds another run than ``cell``.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidFile(path, f"cannot be read: {error.strerror or error} {REMEDY}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != checksum:
        why = (
            f"fails its checksum (SHA-256 {found[:16]}…, recorded {checksum[:16]}…): changed since it was written"
        )
        raise InvalidFile(path, f"{why} {REMEDY}")
    return decode_result(path, content, cell)


REMEDY = "(--rerun-damaged does the run again)"


def decode_result(path: Path, content: bytes, cell: Cell) -> RunOutcome:
    """The outcome in ``content``, from ``path``; :class:`InvalidFile` when it is no result of ``cell``."""
    try:
        arrays = read_arrays(content)
        header: Any = json.loads(arrays.pop(HEADER).tobytes().decode())
    except (ValueError, KeyError) as error:
        raise InvalidFile(path, f"is no sweep result: {error}") from error
    if not isinstance(header, dict) or header.get("schema") != RESULT_SCHEMA:
        raise InvalidFile(path, f"is no sweep result of schema {RESULT_SCHEMA!r}")
    stored = (header.get("kind"), header.get("version"), header.get("parameters"))
    if stored != (cell.kind, cell.version, dict(cell.parameters)):
        raise InvalidFile(path, f"holds another run than {cell.identity}")
    return RunOutcome(tuple(header["rows"]), arrays)


def found_results(folder: Path) -> Iterator[tuple[Cell, str]]:
    """Every whole result below the ``folder`` of a store whose index was lost, with its SHA-256.

    Each tells its own run, and its name its checksum; what is not named by its own content is left alone. Of two
    results of one run the one written last comes last.
    """
    paths = (path for path in folder.glob("*/*.npz") if path.is_file())
    for path in sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name)):
        try:
            content = path.read_bytes()
            header: Any = json.loads(read_arrays(content, [HEADER])[HEADER].tobytes().decode())
            cell = cell_of(str(header["kind"]), int(header["version"]), header["parameters"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        checksum = hashlib.sha256(content).hexdigest()
        if header.get("schema") == RESULT_SCHEMA and path.name == f"{cell.identity}.{checksum[:16]}.npz":
            yield cell, checksum
