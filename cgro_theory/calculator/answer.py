"""What the calculator answers: values with their direction, terms, assumptions, formula and source."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flint

from cgro_theory.numerics.arb import lower_float, upper_float
from cgro_theory.tables import Tabular

BOUND_SCHEMA = "cgro-bound/1"
BITS = 256
"""Working precision of the calculator's own formulas."""

Number = int | float


class Direction(enum.StrEnum):
    """How a value stands to the quantity that it is about."""

    UPPER = "upper bound"
    LOWER = "lower bound"
    EQUALITY = "equality"
    LEADING_ORDER = "leading order"
    ENCLOSURE = "enclosure"
    ESTIMATE = "estimate"
    SHAPE = "shape"


@dataclass(frozen=True)
class Term:
    """A part of a value, such as h·F; ``formula`` says which."""

    name: str
    value: Number | None
    formula: str


@dataclass(frozen=True)
class Assumed:
    """An assumption, and whether the given parameters meet it; None where they cannot tell."""

    name: str
    statement: str
    met: bool | None


@dataclass(frozen=True)
class Quantity:
    """One value of an answer.

    Attributes:
        name: such as ``signal_time``.
        value: the number, inf where no float holds a bound, None where the formula gives none.
        direction: what the value is of the quantity. An upper bound is rounded up, a lower bound down, an equality
            is an exact integer or the nearest float.
        formula: in the symbols of theory.md.
        source: the section of theory.md or the paper.
        unit: of the value.
        terms: what the value is made of.
        low: the lower end of an enclosure or an estimate. An enclosure has no ``value``: its ends are what it says
            of the quantity.
        high: the upper end.
        leading_order: the formula's main term beside an enclosure or an estimate of both ends; it may lie outside.
        log10: of the value, rounded to the same side; for sizes that no float holds.
        vacuous: whether the bound says nothing beyond the quantity's natural range; None where it is no bound.
        note: what else a reader has to know.
        absent: in words, what takes a number's place where there is no such quantity: the time of what never
            happens.
    """

    name: str
    value: Number | None
    direction: Direction
    formula: str
    source: str
    unit: str = ""
    terms: tuple[Term, ...] = ()
    low: float | None = None
    high: float | None = None
    log10: float | None = None
    vacuous: bool | None = None
    note: str = ""
    leading_order: float | None = None
    absent: str = ""


@dataclass(frozen=True)
class Answer(Tabular):
    """Everything that one question to the calculator gave."""

    question: str
    parameters: Mapping[str, Any]
    quantities: tuple[Quantity, ...]
    conditions: tuple[Assumed, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> Quantity:
        """The quantity of this name; KeyError names those that there are."""
        for quantity in self.quantities:
            if quantity.name == name:
                return quantity
        raise KeyError(f"{name}: one of {', '.join(quantity.name for quantity in self.quantities)}")

    def rows(self) -> list[dict[str, Any]]:
        """One row per quantity: its name, value or both ends, and what they are of it."""
        return [
            {
                "name": each.name,
                "value": each.value,
                "low": each.low,
                "high": each.high,
                "direction": each.direction.value,
                "leading_order": each.leading_order,
                "log10": each.log10,
                "vacuous": each.vacuous,
                "unit": each.unit,
                "note": "; ".join(filter(None, (each.absent, each.note))),
            }
            for each in self.quantities
        ]

    @property
    def unmet(self) -> tuple[str, ...]:
        """The statements of the assumptions that are not met."""
        return unmet_statements(self.conditions)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; infinite numbers as the strings "inf" and "-inf"."""
        return {
            "parameters": {name: _plain(value) for name, value in self.parameters.items()},
            "quantities": [_quantity_to_json(quantity) for quantity in self.quantities],
            "assumptions": [
                {"name": each.name, "statement": each.statement, "met": each.met} for each in self.conditions
            ],
            "notes": list(self.notes),
        }


def unmet_statements(conditions: Sequence[Assumed]) -> tuple[str, ...]:
    """The statements of the assumptions that are not met."""
    return tuple(condition.statement for condition in conditions if condition.met is False)


def answers_to_json(question: str, answers: Sequence[Answer], over: str | None = None) -> dict[str, Any]:
    """The ``cgro-bound/1`` document of one answer, or of a table of them over the parameter ``over``."""
    return {
        "schema": BOUND_SCHEMA,
        "question": question,
        "over": over,
        "answers": [answer.to_json() for answer in answers],
    }


def nearest(ball: flint.arb) -> tuple[float, float | None]:
    """A ball as the nearest float and its log10 (None unless positive); 0 or inf where the float range ends."""
    middle = ball.mid()
    upper, lower = upper_float(middle), lower_float(middle)
    value = float(middle) if lower > 0.0 or upper < 0.0 else 0.0
    if upper == math.inf:
        value = math.inf
    return value, float(middle.log() / flint.arb(10).log()) if middle > 0 else None


def upper_log10(ball: flint.arb) -> float:
    """log10 of a ball >= 0, rounded up; -inf for 0."""
    return upper_float(ball.log() / flint.arb(10).log()) if ball > 0 else -math.inf


def lower_log10(ball: flint.arb) -> float:
    """log10 of a ball, rounded down; -inf where it may be 0 or less."""
    return lower_float(ball.log() / flint.arb(10).log()) if ball > 0 else -math.inf


def _quantity_to_json(quantity: Quantity) -> dict[str, Any]:
    return {
        "name": quantity.name,
        "value": _plain(quantity.value),
        "low": _plain(quantity.low),
        "high": _plain(quantity.high),
        "leading_order": _plain(quantity.leading_order),
        "log10": _plain(quantity.log10),
        "direction": quantity.direction.value,
        "unit": quantity.unit,
        "vacuous": quantity.vacuous,
        "terms": [{"name": t.name, "value": _plain(t.value), "formula": t.formula} for t in quantity.terms],
        "formula": quantity.formula,
        "source": quantity.source,
        "note": "; ".join(part for part in (quantity.absent, quantity.note) if part),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    return value
