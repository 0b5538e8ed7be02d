"""One self-contained HTML page from result files: it needs no network, and only its own script may run in it."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from cgro_theory.claims.card import TheoremCard
from cgro_theory.report.cards import card_views
from cgro_theory.report.html_assumptions import assumption_boxes, newly_assumed
from cgro_theory.report.html_claims import ClaimView, ReportSection, claim_views
from cgro_theory.report.html_graph import NODE_HEIGHT, NODE_WIDTH, lay_out
from cgro_theory.report.html_limits import limits_view
from cgro_theory.report.html_questions import QUESTIONS, question_views
from cgro_theory.report.html_sources import ReportFigure, ReportSources
from cgro_theory.report.html_status import NOT_RUN, STATUSES, counted
from cgro_theory.report.text import format_number

SIZE_LIMIT = 5_000_000
"""A page is smaller than this, in bytes; pictures that do not fit are named on it instead."""


@dataclass(frozen=True)
class RoomView:
    """One room on the page: its claims, its pictures and the runs that judged it.

    ``figures`` are shown in the room, ``all_figures`` also count those that stand under a question.
    """

    label: str
    title: str
    claims: tuple[ClaimView, ...]
    figures: tuple[ReportFigure, ...]
    all_figures: tuple[ReportFigure, ...]
    documents: tuple[tuple[str, Mapping[str, Any]], ...]


def render_report(
    sources: ReportSources,
    sections: Sequence[ReportSection],
    limits: str = "",
    cards: Sequence[TheoremCard] = (),
    reverified: Mapping[str, Any] | None = None,
) -> str:
    """The page as one HTML document; the same input gives the same bytes.

    ``sections`` is the catalogue, with the statements and formulas; claims that no result judges are shown as
    not run. ``limits`` is the maintained text on limits, in Markdown; without one the page says so. ``cards``
    stand first, with what ``reverified``, a summary of ``cgro reverify``, says of their claims. Everything that
    comes from files is escaped. Raises ``ValueError`` when claims depend on each other in a circle.
    """
    views = claim_views(sections, sources.documents, sources.figures)
    homes = _homes(sources, sections, views)
    questions = question_views(sources, [figure for figure in sources.figures if homes[figure.name] == QUESTIONS])
    rooms = _rooms(sources, sections, views, homes, {f.name for question in questions for f in question.pictures})
    style, script = _asset("report.css"), _asset("report.js")
    assumptions = assumption_boxes(views)
    depends = {view.label: view.depends_on for view in views}
    layout = lay_out(list(depends), depends)
    assumed = newly_assumed(assumptions, depends)
    both = {label: (*depends[label], *assumed[label]) for label in depends}
    full_layout = lay_out([*(box.label for box in assumptions), *both], both)
    return _template().render(
        cards=card_views(cards, [document for _, document in sources.documents], reverified),
        sources=sources,
        rooms=rooms,
        questions=questions,
        views=views,
        by_label={view.label: view for view in views},
        counts=counted([view.own for view in views]),
        statuses=[*STATUSES.values(), NOT_RUN],
        controls=sum(len(view.controls) for view in views),
        caught=sum(view.caught for view in views),
        limits=limits_view(views, sources.documents, limits),
        layout=layout,
        full_layout=full_layout,
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
    environment.filters |= {"number": format_number, "pretty": _pretty}
    return environment.get_template("report.html")


def _rooms(
    sources: ReportSources,
    sections: Sequence[ReportSection],
    views: Sequence[ClaimView],
    homes: Mapping[str, str],
    elsewhere: Set[str],
) -> tuple[RoomView, ...]:
    titles = {section.label: section.title for section in sections}
    for _, document in sources.documents:
        titles.setdefault(document["theorem"], "not in this version's catalogue")
    for view in views:
        titles.setdefault(view.section, "")
    rooms = []
    for label, title in titles.items():
        figures = tuple(figure for figure in sources.figures if homes[figure.name] == label)
        claims = tuple(view for view in views if view.section == label)
        documents = tuple(pair for pair in sources.documents if pair[1]["theorem"] == label)
        shown = tuple(figure for figure in figures if figure.name not in elsewhere)
        rooms.append(RoomView(label, title, claims, shown, figures, documents))
    return tuple(rooms)


def _homes(
    sources: ReportSources, sections: Sequence[ReportSection], views: Sequence[ClaimView]
) -> dict[str, str]:
    """The room of each figure: that of a claim it was drawn for, else the one whose label its name starts with.

    A figure of no known room stands in the last one.
    """
    rooms = {section.label: section.label for section in sections}
    rooms |= {document["theorem"]: document["theorem"] for _, document in sources.documents}
    of_claim = {view.label: view.section for view in views}
    prefixes = {label.split(".")[0]: room for label, room in of_claim.items()} | rooms
    homes = {}
    for figure in sources.figures:
        drawn_for = [of_claim[label] for label in figure.claims if label in of_claim]
        fitting = [prefix for prefix in prefixes if f"{figure.name}_".startswith(f"{prefix}_")]
        named = prefixes[max(fitting, key=len)] if fitting else list(rooms)[-1]
        homes[figure.name] = drawn_for[0] if drawn_for else named
    return homes


def _spent(document: Mapping[str, Any]) -> float:
    return math.fsum(line["probability"] for line in document.get("ledger", ()))


def _asset(name: str) -> str:
    return (resources.files("cgro_theory.report") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The source expression by which a content security policy allows exactly this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
