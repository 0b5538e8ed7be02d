"""``cgro claims``, ``cgro explain``, ``cgro show``: what is claimed, one claim told whole, results read again."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sympy
from rich.console import Console

from cgro_theory.claims import Claim, ExitCode, Provenance
from cgro_theory.commands.layout import columns, put, wrapped
from cgro_theory.commands.paper_map import reverified_quick
from cgro_theory.commands.verdicts import fitted_verdicts
from cgro_theory.errors import InvalidInput, require_choice
from cgro_theory.report.cards import WIDTH, card_text, card_views
from cgro_theory.report.html_sources import read_results
from cgro_theory.report.text import closing_line, verdict_notes
from cgro_theory.theorems.catalogue import (
    ROOMS,
    all_rooms,
    cards_among,
    checked_claim,
    plugins,
    room_of_claim,
    rooms_among,
)
from cgro_theory.theorems.checked_claim import CheckedClaim
from cgro_theory.theorems.room import Room

RELATIONS = {
    "at_most": "at most the prediction",
    "at_least": "at least the prediction",
    "within": "within the predicted interval",
    "equals": "equal to the prediction, up to a tolerance fixed in advance",
}


def run_claims(*, paper: bool) -> ExitCode:
    """Print every claim under its theorem; with ``paper`` only those that the paper makes.

    3 when a plug-in is left out, which one line on standard error says.
    """
    for home in all_rooms():
        own = [claim for claim in home.claims if not paper or Provenance.PAPER in claim.provenance]
        if own:
            print()
            put(f"{home.label}: {home.title}")
        for claim in own:
            put(f"  {claim.label} ({claim.provenance_text})")
            print(_wrapped(claim.statement, "      "))
    for _, why in plugins().refused:
        print(why, file=sys.stderr)
    return ExitCode.INCONCLUSIVE if plugins().refused else ExitCode.PASSED


def run_explain(label: str) -> ExitCode:
    """Print one claim: what it says, its formula, how it is checked, what it assumes, and how it could fail."""
    try:
        entry = checked_claim(label)
    except InvalidInput:
        first = label.partition(".")[0]
        named = [home for home in rooms_among([first]) if first in (home.label, *home.parts)]
        require_choice("claim", label, [claim.label for home in named or all_rooms() for claim in home.claims])
        raise
    print(explained(entry))
    return ExitCode.PASSED


def explained(entry: CheckedClaim) -> str:
    """The claim as plain text, 79 columns wide, or less where the terminal is narrower."""
    claim, home = entry.claim, room_of_claim(entry.label)
    parts = [claim.label, _wrapped(claim.statement, "  "), ""]
    if claim.expression is not None:
        parts += [_formula(claim.expression), ""]
    measured = f"{claim.quantity}; it must be {RELATIONS[claim.relation.value]}"
    if claim.tolerance is not None:
        measured += f" ({claim.tolerance:g})"
    facts = {
        "measured": measured,
        "provenance": f"{claim.provenance_text}; {claim.source}",
        "derivation": _derivation(claim, home),
        "assumes": [f"{each.name}: {each.meaning}" for each in claim.assumptions] or "nothing",
        "depends on": list(claim.depends_on) or "no other claim",
        "can fail": [f"{control.name}: {control.description}" for control in entry.controls],
        "not shown": claim.limitations or "nothing more than what is measured",
        "check it": f"cgro verify {home.label} --only {claim.label}",
    }
    for name, value in facts.items():
        lines = value if isinstance(value, list) else [value]
        shown = [_wrapped(line, " " * 14) for line in lines]
        parts.append(f"  {name:<12}{shown[0].lstrip()}")
        parts += shown[1:]
    parts += ["", _wrapped("'can fail' lists deliberately wrong versions: the same check must refute each.", "  ")]
    return "\n".join(parts)


def run_show(results: Path) -> ExitCode:
    """Print the verdict tables of a folder of results, with what was open, without running anything."""
    console = Console()
    documents = [document for _, document in read_results(results).documents]
    for document in documents:
        console.print(fitted_verdicts(document, console))
        for note in verdict_notes(document):
            console.print(note, highlight=False, markup=False)
    print_cards(console, documents)
    console.print(closing_line(documents), highlight=False, markup=False)
    return ExitCode.PASSED


def print_cards(console: Console, documents: Sequence[Mapping[str, Any]]) -> None:
    """Each theorem's card, of the theorems that the documents judge."""
    judged = {document["theorem"] for document in documents}
    cards = [card for card in cards_among(judged) if card.label in judged]
    for view in card_views(cards, documents, reverified_quick() if cards else None):
        console.print(card_text(view, min(WIDTH, console.width)), highlight=False)


def _derivation(claim: Claim, home: Room) -> str:
    """Where the theory pages state and derive the claim; those of a plug-in are its own."""
    if home not in ROOMS:
        return f"the documentation of {plugins([home.label]).of(home.label).package}"
    pages = sorted((Path(__file__).parents[2] / "docs" / "theory").glob("*.md"))
    mark = f"Claim `{claim.label}`:"
    found = [page for page in pages if mark in page.read_text(encoding="utf-8")]
    return f"docs/theory/{found[0].name}" if found else "docs/theory in the repository"


def _formula(expression: sympy.Basic) -> str:
    """Drawn in two dimensions where that fits, else on lines of text."""
    drawn = sympy.pretty(expression, use_unicode=True, num_columns=10_000).splitlines()
    if max(map(len, drawn)) > _width() - 4:
        return _wrapped(str(expression), "    ")
    return "\n".join(f"    {line}".rstrip() for line in drawn)


def _width() -> int:
    return min(WIDTH, columns())


def _wrapped(text: str, indent: str) -> str:
    return "\n".join(wrapped(text, _width(), indent))
