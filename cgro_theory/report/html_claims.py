"""What the page says about each claim: the catalogue's statement beside what the result files found."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from cgro_theory.claims import (
    SEVERITY,
    Claim,
    Condition,
    Interval,
    Outcome,
    Provenance,
    Relation,
    StatedAssumption,
    inherited_outcomes,
)
from cgro_theory.claims.card import span
from cgro_theory.report.html_figures import ReportFigure
from cgro_theory.report.html_status import NOT_RUN, STATUSES, Status
from cgro_theory.report.mathematics import to_mathml
from cgro_theory.report.notation import Notation
from cgro_theory.report.text import COLUMNS, format_interval, format_number, look_lines, verdict_rows
from cgro_theory.report.typeset import NAMES

Entry = Mapping[str, Any]
PAPER = "Li and Li, arXiv 2306.01271"
"""How sources name the paper that this page is about."""

_SIGNS = {Relation.AT_MOST: "≤", Relation.AT_LEAST: "≥", Relation.WITHIN: "≈", Relation.EQUALS: "="}
_AS_BOUND = {"share of draws covered": "share of draws covered, at least"}
"""Notes whose older names do not say that they are bounds."""


@dataclass(frozen=True)
class ReportSection:
    """One room of the catalogue: its label, its title, what it claims, the sets of runs that each claim needs."""

    label: str
    title: str
    claims: Sequence[Claim]
    runs: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class AssumptionView:
    """One named assumption: in words, as a formula where it has one, who checks it, and what was found there."""

    name: str
    meaning: str
    formula: Markup
    checked: str
    found: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same assumption in two claims."""
        return self.name, self.meaning, str(self.formula)


@dataclass(frozen=True)
class ClaimView:
    """Everything the page shows of one claim; texts are plain and escaped by the template.

    ``in_paper`` is where the paper states it, empty where it does not; ``dimensions`` the d of its networks, where
    the result says it; ``symbols`` are those of its formula that the notation tells, each with its address.
    """

    label: str
    section: str
    statement: str
    stated_now: str
    formula: Markup
    symbols: tuple[tuple[Markup, str], ...]
    tolerance: str
    quantity: str
    dimensions: str
    source: str
    in_paper: str
    mark: str
    assumptions: tuple[AssumptionView, ...]
    limitations: str
    depends_on: tuple[str, ...]
    used_by: tuple[str, ...]
    own: Status
    inherited: Status
    entry: Entry | None
    predicted: str
    measured: str
    sort_predicted: str
    sort_measured: str
    leading_order: str
    looks: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]
    controls: tuple[tuple[str, str, Status], ...]
    caught: int
    judged_in: tuple[tuple[str, Status], ...]
    changed: str
    figures: tuple[ReportFigure, ...]

    @property
    def anchor(self) -> str:
        """The element's id on the page."""
        return f"claim-{self.label}"

    @property
    def name(self) -> str:
        """The label without its room."""
        return self.label.partition(".")[2]

    @property
    def missed(self) -> tuple[tuple[str, str, Status], ...]:
        """The negative controls that the check did not refute: name, description, what they came out as."""
        return tuple(control for control in self.controls if control[2].key != Outcome.REFUTED)


def claim_views(
    sections: Sequence[ReportSection],
    documents: Sequence[tuple[str, Mapping[str, Any]]],
    figures: Sequence[ReportFigure],
    notation: Notation,
) -> list[ClaimView]:
    """One view per claim of the catalogue and per judged claim that the catalogue does not have, in order.

    A claim that several files judge is shown with its worst outcome, and every file is named. Inherited
    statuses are computed over all claims of the page together.
    """
    stated = {claim.label: (section.label, claim) for section in sections for claim in section.claims}
    judged: dict[str, list[tuple[str, str, Entry]]] = {}
    for file, document in documents:
        for entry in document["claims"]:
            judged.setdefault(entry["label"], []).append((file, document["theorem"], entry))
    labels = [*stated, *(label for label in judged if label not in stated)]
    needs = {label: names for section in sections for label, names in section.runs.items()}
    parameters = {document["theorem"]: document["parameters"] for _, document in documents}
    worst = {label: _worst(found, stated.get(label)) for label, found in judged.items()}
    depends = {
        label: tuple(worst[label]["depends_on"] if label in worst else stated[label][1].depends_on)
        for label in labels
    }
    inherited = inherited_outcomes({label: Outcome(entry["outcome"]) for label, entry in worst.items()}, depends)
    views = []
    for label in labels:
        section, claim = stated.get(label, ("", None))
        section = section or judged[label][0][1]
        views.append(
            _view(
                label,
                section,
                claim,
                worst.get(label),
                inherited=STATUSES[inherited[label]] if label in inherited else NOT_RUN,
                depends_on=depends[label],
                used_by=tuple(other for other in labels if label in depends[other]),
                judged_in=tuple((file, STATUSES[entry["outcome"]]) for file, _, entry in judged.get(label, ())),
                figures=tuple(figure for figure in figures if _shows(figure, label)),
                dimensions=_dimensions(parameters.get(section, {}), needs.get(label, ())),
                notation=notation,
            )
        )
    return views


def _worst(found: Sequence[tuple[str, str, Entry]], stated: tuple[str, Claim] | None) -> Entry:
    home = stated[0] if stated else ""
    # Of equal outcomes, the one from the claim's own room.
    return max(found, key=lambda item: (SEVERITY[Outcome(item[2]["outcome"])], item[1] == home))[2]


def _shows(figure: ReportFigure, label: str) -> bool:
    return label in figure.claims or figure.name == label.replace(".", "_")


def _view(
    label: str,
    section: str,
    claim: Claim | None,
    entry: Entry | None,
    *,
    inherited: Status,
    depends_on: tuple[str, ...],
    used_by: tuple[str, ...],
    judged_in: tuple[tuple[str, Status], ...],
    figures: tuple[ReportFigure, ...],
    dimensions: str,
    notation: Notation,
) -> ClaimView:
    said = _said(claim) | ({key: entry[key] for key in _SAID if entry.get(key)} if entry else {})
    tolerance = (entry or {}).get("tolerance")
    notes = (entry or {}).get("notes", {})
    row = dict(zip(COLUMNS, verdict_rows({"claims": [entry]})[0], strict=True)) if entry else {}
    controls = tuple(
        (f["name"], f["description"], STATUSES[f["outcome"]]) for f in (entry or {}).get("planted_faults", ())
    )
    return ClaimView(
        label=label,
        section=section,
        statement=said.get("statement", ""),
        stated_now=claim.statement if claim and claim.statement != said["statement"] else "",
        formula=_formula(claim) if claim else Markup(""),
        symbols=notation.named(_symbols(claim)) if claim else (),
        tolerance=format_number(tolerance) if isinstance(tolerance, (int, float)) else "",
        quantity=said.get("quantity", ""),
        dimensions=dimensions,
        source=said.get("source", ""),
        in_paper=_in_paper(said),
        mark=said.get("mark", ""),
        assumptions=tuple(_assumption(a, entry) for a in claim.assumptions) if claim else (),
        limitations=claim.limitations if claim else "",
        depends_on=depends_on,
        used_by=used_by,
        own=STATUSES[entry["outcome"]] if entry else NOT_RUN,
        inherited=inherited,
        entry=entry,
        predicted=row.get("predicted", "—") + (_beyond(claim, entry["predicted"]) if claim and entry else ""),
        measured=row.get("measured", "—") + (_beyond(claim, entry["measured"]) if claim and entry else ""),
        sort_predicted=_sort_key(entry["predicted"], "low", "high") if entry else "",
        sort_measured=_sort_key(entry["measured"], "estimate", "low", "high") if entry else "",
        leading_order=format_number(entry["predicted"].get("leading_order")) if entry else "—",
        looks=tuple(look_lines(entry)) if entry else (),
        notes=tuple((_AS_BOUND.get(str(name), str(name)), _note(value)) for name, value in notes.items()),
        controls=controls,
        caught=sum(status.key == Outcome.REFUTED for _, _, status in controls),
        judged_in=judged_in,
        changed=_changed(claim, entry),
        figures=figures,
    )


_SAID = ("statement", "source", "mark", "quantity", "relation")


def _said(claim: Claim | None) -> dict[str, str]:
    if claim is None:
        return {}
    values = (claim.statement, str(claim.source), claim.provenance_text, claim.quantity, claim.relation.value)
    return dict(zip(_SAID, values, strict=True))


def _in_paper(said: Mapping[str, str]) -> str:
    """Where the paper states the claim: its source without the paper's name; empty for the lab's own claims."""
    if Provenance.PAPER not in said.get("mark", "").split("+"):
        return ""
    place = said.get("source", "").removeprefix(PAPER).strip(" ,") or "the paper"
    return re.sub(r"^and (theory\.md), (v\d), (.*)$", r"\2 (\1 \3)", place)


def _symbols(claim: Claim) -> list[str]:
    """What texts call the symbols of the claim's formula, in alphabetic order."""
    names = sorted(symbol.name for symbol in claim.expression.free_symbols) if claim.expression is not None else []
    return [_in_greek(name) for name in names]


def _in_greek(name: str) -> str:
    """A symbol's name as texts write it.

    >>> _in_greek("lambda_"), _in_greek("kappa_1")
    ('λ', 'κ_1')
    """
    return "_".join(NAMES.get(part, part) for part in name.split("_") if part)


def _dimensions(parameters: Mapping[str, Any], needed: Sequence[str]) -> str:
    """The d of the sets of runs that a claim needs, where the result's parameters list them."""
    groups = [group for name in needed for group in _listed(parameters.get(name))]
    found = {group.get("patch_dimension") for group in groups if isinstance(group, Mapping)}
    dimensions = [value for value in found if isinstance(value, int)]
    return span(dimensions) if dimensions else ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _changed(claim: Claim | None, entry: Entry | None) -> str:
    """What differs between the claim that was judged and the one that this version states."""
    if entry is None:
        return ""
    if claim is None:
        return "This version of the lab does not state this claim; only the result file does."
    differing = [key for key, value in _said(claim).items() if key in entry and entry[key] != value]
    if set(entry["depends_on"]) != set(claim.depends_on):
        differing.append("dependencies")
    if not differing:
        return ""
    differ = "differs" if differing in ([name] for name in _SAID) else "differ"
    return f"The result was made by another version: its {', '.join(differing)} {differ} from what is stated now."


def _formula(claim: Claim) -> Markup:
    """The claim's formula, nothing where it has none; of a number how the measured quantity stands to it."""
    if claim.expression is None:
        return Markup("")
    return Markup(to_mathml(claim.expression, "" if claim.expression.free_symbols else _SIGNS[claim.relation]))


def _beyond(claim: Claim, ends: Mapping[str, Any]) -> str:
    """What to say of an interval with a finite end beyond what the quantity can be; of others nothing."""
    if ends["low"] is None or ends["high"] is None:
        return ""
    possible = claim.natural_range
    finite = [float(end) for end in (ends["low"], ends["high"]) if math.isfinite(float(end))]
    if all(possible.contains(Interval.point(end)) for end in finite):
        return ""
    return f", of which only {format_interval({'low': possible.low, 'high': possible.high})} is possible"


def _assumption(assumption: Condition | StatedAssumption, entry: Entry | None) -> AssumptionView:
    expression = assumption.expression
    formula = Markup("") if expression is None else Markup(to_mathml(expression))
    evaluated = {(a["name"], a["formula"]): a for a in (entry or {}).get("assumptions", ())}
    told = evaluated.get((assumption.name, getattr(assumption, "formula", "")))
    if told is None:
        return AssumptionView(assumption.name, assumption.meaning, formula, assumption.checked)
    numbers = ", ".join(f"{_in_greek(name)} = {format_number(value)}" for name, value in told["numbers"].items())
    found = f"{'met' if told['met'] else 'not met'}, with {numbers}"
    return AssumptionView(assumption.name, assumption.meaning, formula, assumption.checked, found)


def _sort_key(values: Mapping[str, Any], *names: str) -> str:
    """The first finite value among the named ones, for sorting; empty when there is none."""
    return next((repr(float(values[name])) for name in names if _is_finite(values.get(name))), "")


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _note(value: Any) -> str:
    if value is None or value in ("inf", "-inf") or _is_finite(value):
        return format_number(value)
    return str(value)
