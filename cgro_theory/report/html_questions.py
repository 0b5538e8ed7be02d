"""The readers' questions: each with its answer and its figure, as the room of questions wrote them down.

The room's result carries them among its parameters, so that a page needs the result file alone:
``parameters["answers"]`` is a list of objects with ``question`` and ``answer`` (texts), and optionally
``number``, ``kind`` (such as "claim" or "observation"), ``claim`` (a label) and ``figure`` (a figure's name).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cgro_theory.errors import InvalidFile
from cgro_theory.report.html_figures import ReportFigure
from cgro_theory.report.html_sources import ReportSources

QUESTIONS = "questions"
"""The label of the room whose results answer readers' questions."""


@dataclass(frozen=True)
class QuestionView:
    """One question with what was found; ``claims`` are those that were judged for it.

    A picture stands once on the page: ``pictures`` are shown here, ``linked`` ones stand elsewhere.
    """

    index: int
    number: str
    question: str
    answer: str
    kind: str
    claims: tuple[str, ...]
    pictures: tuple[ReportFigure, ...]
    linked: tuple[ReportFigure, ...]


def question_views(sources: ReportSources, own: Sequence[ReportFigure]) -> list[QuestionView]:
    """The questions of every result of the room, in order; without a list, one per judged claim.

    ``own`` are the pictures of the room of questions; each is shown under the first question that names it.
    Raises :class:`InvalidFile` when a question or its answer is no text.
    """
    views: list[QuestionView] = []
    for file, document in sources.documents:
        if document["theorem"] != QUESTIONS:
            continue
        labels = {entry["label"] for entry in document["claims"]}
        listed = document["parameters"].get("answers")
        if listed is not None and not isinstance(listed, list):
            raise InvalidFile(file, "'answers' must be a list")
        for item in _from_claims(document) if listed is None else listed:
            question = item.get("question") if isinstance(item, dict) else None
            answer = item.get("answer") if isinstance(item, dict) else None
            if not isinstance(question, str) or not isinstance(answer, str):
                raise InvalidFile(file, "each of 'answers' must have a question and an answer, both text")
            claims = tuple(label for label in _texts([item.get("claim")]) if label in labels)
            names = set(_texts([item.get("figure")]))
            figures = tuple(
                figure
                for figure in sources.figures
                if figure.name in names or any(label in figure.claims for label in claims)
            )
            shown = {figure.name for view in views for figure in view.pictures}
            pictures = tuple(figure for figure in figures if figure in own and figure.name not in shown)
            linked = tuple(figure for figure in figures if figure not in pictures)
            kind = str(item.get("kind", ""))
            number = str(item.get("number", len(views) + 1))
            views.append(QuestionView(len(views) + 1, number, question, answer, kind, claims, pictures, linked))
    return views


def _from_claims(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "question": entry.get("statement", entry["label"]),
            "answer": f"{entry['outcome'].replace('_', ' ')}: {entry.get('reason', '')}",
            "kind": "claim",
            "claim": entry["label"],
            "figure": entry["label"].replace(".", "_"),
        }
        for entry in document["claims"]
    ]


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, (list, tuple)) else []
