"""How outcomes are shown: always a word and a symbol, never a colour alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cgro_theory.claims import SEVERITY, Outcome


@dataclass(frozen=True)
class Status:
    """How an outcome is shown: always a word and a symbol, never a colour alone."""

    key: str
    word: str
    symbol: str
    meaning: str
    rank: int


_SHOWN: Mapping[Outcome, tuple[str, str]] = {
    Outcome.CERTIFIED: ("✓", "inside the prediction, by a proof: symbolic, exact or interval evidence"),
    Outcome.CONSISTENT: ("≈", "inside the prediction, by statistical evidence: evidence, never proof"),
    Outcome.VACUOUS: ("∅", "every possible value satisfies the prediction: it says nothing here"),
    Outcome.OUT_OF_SCOPE: ("⊘", "an assumption fails: the claim says nothing here"),
    Outcome.INCONCLUSIVE: ("?", "the measurement straddles the prediction's end, or there is no number"),
    Outcome.REFUTED: ("✗", "the measurement is disjoint from the prediction"),
}
STATUSES: Mapping[str, Status] = {
    outcome.value: Status(outcome.value, outcome.value.replace("_", " "), *_SHOWN[outcome], SEVERITY[outcome])
    for outcome in Outcome
}
NOT_RUN = Status("not_run", "not run", "–", "no result file judges it", len(STATUSES))


def counted(own: Sequence[Status]) -> list[tuple[Status, int]]:
    """How many claims have each own status, the best first, without the empty ones."""
    pairs = [(status, sum(other == status for other in own)) for status in (*STATUSES.values(), NOT_RUN)]
    return [(status, count) for status, count in pairs if count]
