"""Results that lie in a store whose index was lost: each tells its own run, and its name its checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cgro_theory.array_archive import read_arrays
from cgro_theory.sweep.cell import Cell, cell_of
from cgro_theory.sweep.result_file import HEADER, RESULT_SCHEMA


def found_results(folder: Path) -> Iterator[tuple[Cell, str]]:
    """Every whole result below ``folder`` with its SHA-256; what is not named by its own content is left alone.

    Of two results of one run the one written last comes last.
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
