"""A question with its answer: two sentences whose numbers and verdicts are computed from the runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cgro_theory.claims import Figure

from ..runs.made import QuestionRuns


@dataclass(frozen=True)
class Question:
    """A question of theory.md 5.

    Attributes:
        number, text: as asked.
        claim: the label of the claim that answers it.
        figure: the name of its figure.
        looks_at: the sets of runs without which there is neither answer nor figure.
        answer, draw: make them.
        kind: ``claim`` where theory predicts, else ``observation``.
    """

    number: int
    text: str
    claim: str
    figure: str
    looks_at: tuple[str, ...]
    answer: Callable[[QuestionRuns], str]
    draw: Callable[[QuestionRuns], Figure]
    kind: str = "claim"

    def is_answered_by(self, runs: QuestionRuns) -> bool:
        """Whether the runs that it looks at were made."""
        return all(getattr(runs, name) for name in self.looks_at)

    def to_json(self, runs: QuestionRuns) -> dict[str, object]:
        """The question with its answer, as plain JSON values."""
        return {
            "number": self.number,
            "question": self.text,
            "kind": self.kind,
            "answer": self.answer(runs),
            "claim": self.claim,
            "figure": self.figure,
        }
