"""The table of notation of docs/theory, for a page: what each symbol means, and where a text's symbol is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from cgro_theory.report.typeset import Symbol, in_html, pieces, without_commands

_ROW = re.compile(r"^\|(.*)\|(.*)\|(.*)\|$", re.MULTILINE)
_FORMULA = re.compile(r"\$`([^`]+)`\$")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class NotationRow:
    """One row: the symbols, what they mean, their names in code; ``names`` are what texts call them."""

    index: int
    symbols: Markup
    meaning: Markup
    code: Markup
    names: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """The row's id on the page."""
        return f"symbol-{self.index}"


@dataclass(frozen=True)
class Notation:
    """The rows; empty where the text was not at hand."""

    rows: tuple[NotationRow, ...] = ()

    def link(self, name: str) -> str:
        """The address of the row on the symbol, by its whole name or its base; empty for none."""
        base = _base(name)
        for known in (
            lambda other: other == name,
            lambda other: other == base,
            lambda other: _base(other) == base,
        ):
            for row in self.rows:
                if any(map(known, row.names)):
                    return f"#{row.anchor}"
        return ""

    def named(self, names: Sequence[str]) -> tuple[tuple[Markup, str], ...]:
        """The symbols of a formula that the table has: how each is set, and its address, each row once."""
        found: dict[str, Markup] = {}
        for row in self.rows:
            if any(self.link(name) == f"#{row.anchor}" for name in names):
                found[f"#{row.anchor}"] = row.symbols
        return tuple((symbols, address) for address, symbols in found.items())


def read_notation(text: str) -> Notation:
    """The table below the heading "Notation" of a Markdown page; without one, no rows."""
    section = text.partition("Notation\n")[2].partition("\n<a id")[0]
    found = [[cell.strip() for cell in row] for row in _ROW.findall(section)]
    rows = [row for row in found[2:] if _FORMULA.search(row[0])]
    return Notation(
        tuple(
            NotationRow(index, _set(symbols), _set(meaning), _set(code), tuple(_names(symbols)))
            for index, (symbols, meaning, code) in enumerate(rows, start=1)
        )
    )


def _base(name: str) -> str:
    return name.partition("_")[0]


def _set(text: str) -> Markup:
    """Formulas of GitHub's form as MathML, names in code as such, the rest as text."""
    shown, done = Markup(""), 0
    for found in re.finditer(f"{_FORMULA.pattern}|{_CODE.pattern}", text):
        shown += escape(text[done : found.start()])
        formula = found[1]
        shown += in_html(f"${formula}$") if formula else Markup("<code>{}</code>").format(found[2])
        done = found.end()
    return shown + escape(text[done:])


def _names(symbols: str) -> Iterator[str]:
    """What texts call the symbols of a row: each formula's left side, as :mod:`typeset` reads it."""
    for formula in _FORMULA.findall(symbols):
        for part in formula.partition("=")[0].split(","):
            plain = without_commands(part).strip()
            yield (
                plain
                if len(plain) == 1
                else next((piece.name for piece in pieces(plain) if isinstance(piece, Symbol)), plain)
            )
