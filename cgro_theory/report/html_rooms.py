"""The page's rooms: theorems first, then lemmas, questions and the rest, each with its claims and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cgro_theory.report.html_claims import ClaimView, ReportSection
from cgro_theory.report.html_figures import ReportFigure
from cgro_theory.report.html_questions import QUESTIONS, QuestionView
from cgro_theory.report.html_sources import ReportSources

_ORDER = ("theorem_", "lemmas", QUESTIONS)


@dataclass(frozen=True)
class RoomView:
    """One room on the page: its claims, its pictures and the runs that judged it.

    ``headline`` is the figure that is shown at once, ``figures`` the others; ``all_figures`` also count those that
    stand under a question.
    """

    label: str
    title: str
    claims: tuple[ClaimView, ...]
    headline: tuple[ReportFigure, ...]
    figures: tuple[ReportFigure, ...]
    all_figures: tuple[ReportFigure, ...]
    documents: tuple[tuple[str, Mapping[str, Any]], ...]

    @property
    def name(self) -> str:
        """The label as a heading."""
        return room_name(self.label)


def room_name(label: str) -> str:
    """A room's label for readers.

    >>> room_name("theorem_1")
    'Theorem 1'
    """
    return label.replace("_", " ").capitalize()


def sections_in_order(sections: Sequence[ReportSection]) -> list[ReportSection]:
    """The catalogue as a reader wants it: theorems, lemmas, questions, the rest."""
    return sorted(sections, key=lambda section: _place(section.label))


def _place(label: str) -> int:
    return next((place for place, start in enumerate(_ORDER) if label.startswith(start)), len(_ORDER))


def room_views(
    sources: ReportSources,
    sections: Sequence[ReportSection],
    views: Sequence[ClaimView],
    homes: Mapping[str, str],
    questions: Sequence[QuestionView],
    headlines: Mapping[str, str],
) -> tuple[RoomView, ...]:
    """The rooms of the catalogue, and of results that it lacks; ``headlines`` names a room's first figure."""
    titles = {section.label: section.title for section in sections}
    for _, document in sources.documents:
        titles.setdefault(document["theorem"], "not in this version's catalogue")
    for view in views:
        titles.setdefault(view.section, "")
    elsewhere = {figure.name for question in questions for figure in question.pictures}
    rooms = []
    for label in sorted(titles, key=_place):
        own = tuple(figure for figure in sources.figures if homes[figure.name] == label)
        shown = tuple(figure for figure in own if figure.name not in elsewhere)
        first = tuple(figure for figure in shown if figure.name == headlines.get(label))
        rooms.append(
            RoomView(
                label,
                titles[label],
                claims=tuple(view for view in views if view.section == label),
                headline=first,
                figures=tuple(figure for figure in shown if figure not in first),
                all_figures=own,
                documents=tuple(pair for pair in sources.documents if pair[1]["theorem"] == label),
            )
        )
    return tuple(rooms)


def figure_homes(
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
