"""What a theorem says, as a value: one checkable sentence with its source and its assumptions."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cgro_theory.claims.condition import Condition, StatedAssumption
from cgro_theory.claims.interval import Interval
from cgro_theory.errors import InvalidInput

if TYPE_CHECKING:
    import sympy


class Provenance(enum.StrEnum):
    """How far a statement is known: in the paper, derived from it here, or new here."""

    PAPER = "paper"
    DERIVED = "derived"
    NEW = "new"


class Relation(enum.StrEnum):
    """How the measured quantity must stand to the predicted interval."""

    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    WITHIN = "within"
    EQUALS = "equals"


@dataclass(frozen=True)
class Source:
    """Where a statement stands: the text, the section or equation, and the version."""

    text: str
    section: str
    version: str = ""

    def __str__(self) -> str:
        """One line: text, version, section."""
        return ", ".join(part for part in (self.text, self.version, self.section) if part)


@dataclass(frozen=True)
class Claim:
    """One checkable sentence of a theorem.

    ``label`` is the same in code, tests, result files and ``paper_map.md``; ``quantity`` names what is
    measured, with its unit; ``natural_range`` is what any value of the quantity satisfies (a prediction that
    contains it is vacuous); ``tolerance`` belongs to ``Relation.EQUALS`` and is fixed here, before any run;
    ``expression`` is the predicted formula, an equation or inequality with a left side, or ``None`` where the
    statement cannot be one; ``limitations`` says what the check does not show. The ``assumptions`` are conditions
    that its predictions evaluate, and in words what cannot be evaluated.
    """

    label: str
    statement: str
    source: Source
    provenance: tuple[Provenance, ...]
    quantity: str
    natural_range: Interval
    relation: Relation
    expression: sympy.Basic | None
    assumptions: tuple[Condition | StatedAssumption, ...] = ()
    depends_on: tuple[str, ...] = ()
    tolerance: float | None = None
    statistical: bool = True
    limitations: str = ""

    def __post_init__(self) -> None:
        if "." not in self.label or self.label != self.label.strip().lower():
            raise InvalidInput("label", self.label, "lower case, of the form room.name")
        if not self.provenance:
            raise InvalidInput("provenance", self.provenance, "at least one of paper, derived, new")
        if (self.relation is Relation.EQUALS) != (self.tolerance is not None):
            raise InvalidInput("tolerance", self.tolerance, "given exactly when the relation is 'equals'")
        formula = self.expression
        compares = getattr(formula, "is_Relational", False) or getattr(formula, "is_Boolean", False)
        if formula is not None and not (compares and formula.free_symbols):
            raise InvalidInput("expression", formula, "an equation or inequality that names a quantity, or None")

    @property
    def provenance_text(self) -> str:
        """The provenance in one word, such as ``paper+derived``."""
        return "+".join(self.provenance)
