"""The failure probability of a whole run, split before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cgro_theory.errors import InvalidInput


@dataclass(frozen=True)
class LedgerEntry:
    """One use of the budget: which claim spent how much on what, at which look at the data, from 1."""

    label: str
    purpose: str
    probability: float
    look: int = 1


@dataclass
class FailureLedger:
    """One budget of failure probability, split equally over the statistical claims of a run.

    A claim that is undecided looks again, at more data: look k, from 1, spends 2^-k of the claim's share, so that
    all looks together stay below it. By the union bound the probability that any interval by which a claim is
    judged misses its target is at most ``budget``, as far as the rule behind each is exact. Spending on one look
    twice raises :class:`InvalidInput`: the split is fixed in advance.

    >>> ledger = FailureLedger(1e-3, ["a.x", "a.y"])
    >>> ledger.spend("a.x", "error rate over 64 runs"), ledger.spend("a.x", "error rate over 128 runs", look=2)
    (0.00025, 0.000125)
    """

    budget: float
    labels: Sequence[str]
    entries: list[LedgerEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not 0.0 < self.budget < 1.0:
            raise InvalidInput("failure_probability", self.budget, "in (0, 1)")

    def share(self, label: str) -> float:
        """The failure probability set aside for the claim ``label``."""
        if label not in self.labels:
            raise InvalidInput("label", label, "one of the claims that this ledger was split over")
        return self.budget / len(self.labels)

    def spend(self, label: str, purpose: str, look: int = 1) -> float:
        """Take 2^-look of the claim's share, write it down, and return it."""
        probability = self.share(label) * 2.0**-look
        if look < 1 or any((entry.label, entry.look) == (label, look) for entry in self.entries):
            raise InvalidInput("look", look, f"a look from 1 on that {label} has not taken")
        self.entries.append(LedgerEntry(label, purpose, probability, look))
        return probability
