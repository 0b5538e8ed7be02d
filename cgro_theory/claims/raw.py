"""How the measured interval of a claim follows from several raw numbers: a small closed set of rules.

:mod:`reading` says how one interval follows from numbers; here several intervals become one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cgro_theory.claims.interval import Interval
from cgro_theory.claims.reading import Reading, ends

MOST_CASES = 100
"""Of a claim the cases that say most are recorded, up to this many, and the others counted."""


@dataclass(frozen=True)
class OneReading:
    """The measured interval is this one."""

    measured: Reading

    def to_json(self, most: int = MOST_CASES, shown: Interval | None = None) -> dict[str, Any]:
        """Rule ``one``."""
        return {"rule": "one", "measured": self.measured.to_json()}


@dataclass(frozen=True)
class Tally:
    """The measured number is the sum of the counted exceptions, ``parts`` by name, among ``of`` cases."""

    parts: tuple[tuple[str, int], ...]
    of: int

    def to_json(self, most: int = MOST_CASES, shown: Interval | None = None) -> dict[str, Any]:
        """Rule ``sum``."""
        return {"rule": "sum", "parts": {name: int(value) for name, value in self.parts}, "of": int(self.of)}


@dataclass(frozen=True)
class Extreme:
    """The least, or the greatest, of several, taken end by end."""

    which: Literal["least", "greatest"]
    cases: tuple[Reading, ...]

    def to_json(self, most: int = MOST_CASES, shown: Interval | None = None) -> dict[str, Any]:
        """The rule has the name of ``which``; the cases beyond ``most`` lie less far out, end by end."""
        sign = -1.0 if self.which == "least" else 1.0
        by_high = sorted(self.cases, key=lambda each: -sign * each.interval.high)
        by_low = sorted(self.cases, key=lambda each: -sign * each.interval.low)
        told = list(self.cases) if len(self.cases) <= most else by_high[: most - 1] + by_low[:1]
        return {"rule": self.which, "cases": [each.to_json() for each in told]} | _omitted(self.cases, told)


@dataclass(frozen=True)
class Contrast:
    """What is told and what was counted.

    They contradict when disjoint, or where ``counted`` lies wholly above ``bound``; with ``inside`` they do so
    already when ``counted`` is not contained in what is told.
    """

    told: Reading
    counted: Reading
    bound: float | None = None
    inside: bool = False

    @property
    def apart(self) -> float:
        """By how much they contradict; at most 0 where they do not."""
        told, counted = self.told.interval, self.counted.interval
        if self.inside:
            gap = max(told.low - counted.low, counted.high - told.high)
        else:
            gap = max(told.low - counted.high, counted.low - told.high)
        return gap if self.bound is None else max(gap, counted.low - self.bound)


@dataclass(frozen=True)
class Contradictions:
    """The measured number is how many of the ``cases`` contradict."""

    cases: tuple[Contrast, ...]

    def to_json(self, most: int = MOST_CASES, shown: Interval | None = None) -> dict[str, Any]:
        """Rule ``contradictions``; ``omitted_contradicting`` counts those among the omitted cases."""
        ordered = self.cases if len(self.cases) <= most else sorted(self.cases, key=lambda each: -each.apart)
        told, rest = ordered[:most], ordered[most:]
        rows = [
            {"told": each.told.to_json(), "counted": each.counted.to_json()}
            | ({} if each.bound is None else {"bound": each.bound})
            | ({"inside": True} if each.inside else {})
            for each in told
        ]
        found = {"rule": "contradictions", "cases": rows} | _omitted(self.cases, told)
        return found | ({"omitted_contradicting": sum(each.apart > 0 for each in rest)} if rest else {})


@dataclass(frozen=True)
class Case:
    """One case's two sides; ``None``: no prediction, or a value that was never reached."""

    predicted: Interval | None
    measured: Reading | None

    @property
    def standing(self) -> tuple[int, float]:
        """(0 inside, 1 sticking out, 2 outside or never reached), and how far it sticks out."""
        if self.measured is None:
            return 2, math.inf
        found = self.measured.interval
        if found.low == found.high and math.isinf(found.low):
            return 2, math.inf
        if self.predicted is None:
            return 1, math.inf
        out = max(self.predicted.low - found.low, found.high - self.predicted.high)
        rank = 2 if self.predicted.is_disjoint_from(found) else int(not self.predicted.contains(found))
        return rank, out


@dataclass(frozen=True)
class WorstCase:
    """A case outside its prediction refutes, else one that sticks out leaves the claim open; a worst one decides.

    Attributes:
        cases: all that count.
        doubts: further cases, which refute where they are outside and confirm nothing.
        left_out: how many were left out because they miss an assumption; open when above ``left_out_at_most`` of
            all and nothing is outside.
        broken: how many have no usable number; open when there is one and nothing is outside.
    """

    cases: tuple[Case, ...]
    doubts: tuple[Case, ...] = ()
    left_out: int = 0
    broken: int = 0
    left_out_at_most: float = 0.0

    def to_json(self, most: int = MOST_CASES, shown: Interval | None = None) -> dict[str, Any]:
        """Rule ``worst``; ``predicted`` holds one entry where all cases share it. ``shown``: one to keep."""
        told = _worst(self.cases, most, shown)
        found: dict[str, Any] = {"rule": "worst", **_sides(told)}
        if self.doubts:
            found["doubts"] = _sides(_worst(self.doubts, most, shown))
        if self.left_out or self.broken:
            counted = {"left_out": self.left_out, "broken": self.broken}
            found |= counted | {"left_out_at_most": self.left_out_at_most}
        return found | _omitted(self.cases, told)


@dataclass(frozen=True)
class Crossing:
    """The least size of a ladder from which on the measured bits are > 0, with the sizes still undecided.

    ``rows``: size, parameters of the network that was built there, and the bits; a size without parameters fails.
    """

    rows: tuple[tuple[int, int, Interval], ...]

    def to_json(self, most: int = MOST_CASES, shown: Interval | None = None) -> dict[str, Any]:
        """Rule ``crossing``; always whole."""
        return {"rule": "crossing", "cases": [[size, count, ends(bits)] for size, count, bits in self.rows]}


Raw = OneReading | Tally | Extreme | Contradictions | WorstCase | Crossing


def _worst(cases: Sequence[Case], most: int, shown: Interval | None) -> Sequence[Case]:
    """The one that is shown, and those that stand worst."""

    def key(case: Case) -> tuple[bool, tuple[int, float]]:
        return case.measured is not None and case.measured.interval == shown, case.standing

    return cases if len(cases) <= most else sorted(cases, key=key, reverse=True)[:most]


def _sides(cases: Sequence[Case]) -> dict[str, Any]:
    predicted = [ends(each.predicted) for each in cases]
    common = predicted[:1] if all(each == predicted[0] for each in predicted) else predicted
    measured = [None if each.measured is None else each.measured.to_json() for each in cases]
    return {"predicted": common, "measured": measured}


def _omitted(cases: Sequence[object], told: Sequence[object]) -> dict[str, Any]:
    return {} if len(told) >= len(cases) else {"omitted": len(cases) - len(told)}
