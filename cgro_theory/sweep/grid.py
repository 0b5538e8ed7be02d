"""Grid files: TOML in, the list of runs out, and for every mistake the line and the key (docs/sweeps.md)."""

from __future__ import annotations

import difflib
import itertools
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgro_theory.atomic_file import read_whole
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.parameter import Parameter, Value
from cgro_theory.sweep.axis import MAX_CELLS, axis_values
from cgro_theory.sweep.cell import Cell, make_cell
from cgro_theory.sweep.run_kind import Parameters, RunKind
from cgro_theory.sweep.toml_lines import KeyLines
from cgro_theory.sweep.toml_lines import Path as KeyPath

_SECTIONS = ("sweep", "fixed", "grid")
_SWEEP_KEYS = ("kind", "name")


@dataclass(frozen=True)
class Grid:
    """A grid file that has been read and found right.

    Attributes:
        path: the file.
        name: the sweep's name, by default the file's.
        kind: what each run is.
        cells: every run once, in the file's order: the last key of [grid] changes fastest.
        varying: the parameters that differ between runs.
    """

    path: Path
    name: str
    kind: RunKind
    cells: tuple[Cell, ...]
    varying: tuple[str, ...]


def load_grid(path: str | Path, kinds: Mapping[str, RunKind], *, to_run: bool = False) -> Grid:
    """Read a grid file. Raises :class:`InvalidFile` that names the file, the line and the key.

    ``to_run``: its runs are for this machine, and one that is too large for it is refused, too.
    """
    text = _read(Path(path))
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # bad TOML, and numbers or nesting beyond Python's limits
        raise InvalidFile(path, _syntax_message(str(error), text)) from error
    return _Reader(Path(path), document, KeyLines(text), kinds, to_run).grid()


def _read(path: Path) -> str:
    try:
        return read_whole(path).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InvalidFile(path, f"is no UTF-8 text (byte {error.start})") from error


def _syntax_message(message: str, text: str) -> str:
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if found is None:
        return f"line {text.count(chr(10)) + 1}: not valid TOML: {message}"
    return f"line {found[1]}: not valid TOML: {message[: found.start()]} (column {found[2]})"


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'width'?`` when something known is near, else the list of what is known."""
    options = list(known)
    close = difflib.get_close_matches(word, options, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(options)}"


@dataclass(frozen=True)
class _Reader:
    path: Path
    document: dict[str, Any]
    lines: KeyLines
    kinds: Mapping[str, RunKind]
    to_run: bool

    def wrong(self, where: KeyPath, message: str) -> InvalidFile:
        shown = ".".join(str(part) for part in where if isinstance(part, str))
        return InvalidFile(self.path, f"line {self.lines.line(where)}: {shown + ': ' if shown else ''}{message}")

    def grid(self) -> Grid:
        for section in self.document:
            if section not in _SECTIONS:
                raise self.wrong((section,), f"unknown section{nearest(section, _SECTIONS)}")
        kind, name = self._header()
        fixed = self._table("fixed", self.document.get("fixed", {}))
        constants = {key: self._constant(kind, key, value) for key, value in fixed.items()}
        cells: dict[str, Cell] = {}
        varying: dict[str, None] = {}
        for where, grid in self._grids():
            axes = self._axes(kind, where, grid, constants)
            for parameters in self._combinations(kind, axes, constants, where):
                cell = make_cell(kind, parameters)
                cells.setdefault(cell.identity, cell)
            varying |= dict.fromkeys(key for key, values in axes.items() if len(values) > 1)
            if len(cells) > MAX_CELLS:
                raise self.wrong(where, f"more than {MAX_CELLS:,} runs in all: split the grid")
        several = self._differing(cells.values())
        ordered = [key for key in varying if key in several] + [key for key in several if key not in varying]
        return Grid(self.path, name, kind, tuple(cells.values()), tuple(ordered))

    @staticmethod
    def _differing(cells: Iterable[Cell]) -> list[str]:
        seen: dict[str, set[Value]] = {}
        for cell in cells:
            for key, value in cell.parameters.items():
                seen.setdefault(key, set()).add(value)
        return [key for key, values in seen.items() if len(values) > 1]

    def _header(self) -> tuple[RunKind, str]:
        if "sweep" not in self.document:
            raise InvalidFile(self.path, 'line 1: sweep: missing; a grid starts with [sweep] and kind = "…"')
        header = self._table("sweep", self.document["sweep"])
        for key in header:
            if key not in _SWEEP_KEYS:
                is_parameter = any(kind.parameter(key) for kind in self.kinds.values())
                hint = " (parameters go into [fixed] or [grid])" if is_parameter else ""
                raise self.wrong(("sweep", key), f"unknown key{hint}{nearest(key, _SWEEP_KEYS)}")
        name = header.get("name", self.path.stem)
        if not isinstance(name, str) or not name.isprintable():
            raise self.wrong(("sweep", "name"), f"must be one line of text, got {name!r}")
        if "kind" not in header:
            raise self.wrong(("sweep", "kind"), f"missing; known: {', '.join(self.kinds)}")
        label = header["kind"]
        if not isinstance(label, str) or label not in self.kinds:
            raise self.wrong(("sweep", "kind"), f"unknown kind {label!r}{nearest(str(label), self.kinds)}")
        return self.kinds[label], name

    def _table(self, name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong((name,), f"must be a table, written [{name}], got {value!r}")
        return value

    def _grids(self) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
        """The [grid] table, or each of several [[grid]] tables, whose runs are joined."""
        value = self.document.get("grid", {})
        if isinstance(value, list):
            for index, entry in enumerate(value):
                yield ("grid", index), self._table("grid", entry)
        else:
            yield ("grid",), self._table("grid", value)

    def _known(self, kind: RunKind, where: KeyPath) -> Parameter:
        key = str(where[-1])
        parameter = kind.parameter(key)
        if parameter is None:
            known = [entry.name for entry in kind.parameters]
            raise self.wrong(where, f"{kind.name} has no such parameter{nearest(key, known)}")
        return parameter

    def _constant(self, kind: RunKind, key: str, value: Any) -> Value:
        where = ("fixed", key)
        parameter = self._known(kind, where)
        if isinstance(value, (list, dict)):
            raise self.wrong(where, "must be one value; lists and ranges go into [grid]")
        return self._parsed(parameter, where, [value])[0]

    def _axes(
        self, kind: RunKind, where: KeyPath, grid: dict[str, Any], constants: Parameters
    ) -> dict[str, list[Value]]:
        axes: dict[str, list[Value]] = {}
        for key, value in grid.items():
            here = (*where, key)
            parameter = self._known(kind, here)
            if key in constants:
                raise self.wrong(here, "is given in [fixed] too; give it once")
            try:
                raw = axis_values(value, whole=parameter.type == "integer")
            except ValueError as error:
                raise self.wrong(here, str(error)) from error
            axes[key] = self._parsed(parameter, here, raw)
            if len(set(axes[key])) != len(axes[key]):
                twice = next(entry for entry in axes[key] if axes[key].count(entry) > 1)
                raise self.wrong(here, f"holds {twice!r} more than once")
        if math.prod(len(values) for values in axes.values()) > MAX_CELLS:
            raise self.wrong(where, f"more than {MAX_CELLS:,} runs: split the grid")
        for entry in kind.parameters:
            if entry.default is None and entry.name not in axes and entry.name not in constants:
                raise self.wrong((*where, entry.name), f"missing; it must be {entry.allowed}")
        return axes

    def _parsed(self, parameter: Parameter, where: KeyPath, values: list[Any]) -> list[Value]:
        parsed = []
        for value in values:
            try:
                parsed.append(parameter.parse(value))
            except InvalidInput as error:
                raise self.wrong(where, f"must be {error.allowed}, got {value!r}") from error
        return parsed

    def _combinations(
        self, kind: RunKind, axes: Mapping[str, list[Value]], constants: Parameters, where: KeyPath
    ) -> Iterator[dict[str, Value]]:
        defaults = {entry.name: entry.default for entry in kind.parameters if entry.default is not None}
        for values in itertools.product(*axes.values()):
            chosen = dict(zip(axes, values, strict=True))
            parameters = {**defaults, **constants, **chosen}
            for check in (kind.check, kind.check_size if self.to_run else None):
                try:
                    if check is not None:
                        check(parameters)
                except InvalidInput as error:
                    raise self._unfit(kind, error, where, chosen, constants) from error
            yield parameters

    def _unfit(
        self, kind: RunKind, error: InvalidInput, where: KeyPath, chosen: Parameters, constants: Parameters
    ) -> InvalidFile:
        """Parameters that are right alone and wrong together: named by the key that the check blames."""
        names = (entry.name for entry in kind.parameters if error.name in (entry.name, entry.setting_name))
        key = next(names, "")
        at = ("fixed", key) if key in constants else (*where, key)
        run = ", ".join(f"{name} = {value}" for name, value in chosen.items()) or "the only run"
        named = InvalidInput(key or error.name, error.value, error.allowed)
        return self.wrong(at, f"{named} (in {run})")
