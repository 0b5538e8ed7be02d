"""One self-contained HTML page from result files: it needs no network, and only its own script may run in it."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from cgro_theory.claims.card import TheoremCard
from cgro_theory.report.cards import card_views
from cgro_theory.report.figures import DARK_PALETTE, PALETTE
from cgro_theory.report.html_assumptions import assumption_boxes, newly_assumed
from cgro_theory.report.html_claims import ReportSection, claim_views
from cgro_theory.report.html_graph import NODE_HEIGHT, NODE_WIDTH, below, carrying, lay_out
from cgro_theory.report.html_limits import limits_view
from cgro_theory.report.html_questions import QUESTIONS, question_views
from cgro_theory.report.html_rooms import figure_homes, room_views, sections_in_order
from cgro_theory.report.html_sources import ReportSources
from cgro_theory.report.html_status import NOT_RUN, STATUSES, counted
from cgro_theory.report.notation import read_notation
from cgro_theory.report.reverification import conclusion_line
from cgro_theory.report.text import closing_line, format_number
from cgro_theory.report.typeset import in_html

SIZE_LIMIT = 5_000_000
"""A page is smaller than this, in bytes; pictures that do not fit are named on it instead."""


def render_report(
    sources: ReportSources,
    sections: Sequence[ReportSection],
    limits: str = "",
    cards: Sequence[TheoremCard] = (),
    reverified: Mapping[str, Any] | None = None,
    notation: str = "",
) -> str:
    """The page as one HTML document; the same input gives the same bytes.

    ``sections`` is the catalogue, with the statements and formulas; claims that no result judges are shown as
    not run. ``limits`` is the maintained text on limits and ``notation`` the page with the table of notation, in
    Markdown; without one the page says so. ``cards`` stand first, with what ``reverified``, a summary of
    ``cgro reverify``, says of their claims. Everything that comes from files is escaped. Raises ``ValueError``
    when claims depend on each other in a circle.
    """
    symbols = read_notation(notation)
    views = claim_views(sections_in_order(sections), sources.documents, sources.figures, symbols)
    homes = figure_homes(sources, sections, views)
    questions = question_views(sources, [figure for figure in sources.figures if homes[figure.name] == QUESTIONS])
    shown = card_views(cards, [document for _, document in sources.documents], reverified)
    rooms = room_views(sources, sections, views, homes, questions, {card.label: card.figure for card in cards})
    style, script = _palette() + _asset("report.css"), _asset("report.js")
    assumptions = assumption_boxes(views)
    depends = {view.label: view.depends_on for view in views}
    theorems = {card.label: carrying(card.claims, depends) for card in cards}
    rested = below(theorems, depends | theorems)
    assumed = newly_assumed(assumptions, depends)
    both = {label: (*depends[label], *assumed[label]) for label in depends}
    return _template().render(
        cards=shown,
        by_card={card.label: card for card in shown},
        sources=sources,
        rooms=rooms,
        questions=questions,
        views=views,
        by_label={view.label: view for view in views},
        counts=counted([view.own for view in views]),
        statuses=[*STATUSES.values(), NOT_RUN],
        controls=sum(len(view.controls) for view in views),
        caught=sum(view.caught for view in views),
        closing=closing_line([document for _, document in sources.documents]),
        reverified=reverified,
        reverified_line=conclusion_line(reverified) if reverified else "",
        limits=limits_view(views, sources.documents, limits),
        notation=symbols,
        layout=lay_out(
            [label for label in depends if label in rested or not cards] + [*theorems], depends | theorems
        ),
        full_layout=lay_out([*(box.label for box in assumptions), *both, *theorems], both | theorems),
        assumptions=assumptions,
        by_assumption={box.assumption.key: box for box in assumptions},
        boxes={box.label: box for box in assumptions},
        node_width=NODE_WIDTH,
        node_height=NODE_HEIGHT,
        ledgers=[(file, document, _spent(document)) for file, document in sources.documents],
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        link=symbols.link,
    )


@functools.cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("cgro_theory.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": format_number, "pretty": _pretty, "typeset": in_html}
    return environment.get_template("report.html")


def _spent(document: Mapping[str, Any]) -> float:
    return math.fsum(line["probability"] for line in document.get("ledger", ()))


def _palette() -> str:
    """The hues of the figures as variables, for their legends."""
    light, dark = (
        "".join(f"--c{index}:{colour};" for index, colour in enumerate(hues)) for hues in (PALETTE, DARK_PALETTE)
    )
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _asset(name: str) -> str:
    return (resources.files("cgro_theory.report") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The source expression by which a content security policy allows exactly this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
