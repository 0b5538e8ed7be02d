"""The named assumptions of all claims, each once, with the claims that make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cgro_theory.report.html_claims import AssumptionView, ClaimView
from cgro_theory.report.html_graph import below


@dataclass(frozen=True)
class AssumptionBox:
    """One assumption on the page; ``label`` names it in the graph, ``claims`` are the labels that make it."""

    label: str
    assumption: AssumptionView
    claims: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """The element's id on the page."""
        return self.label.replace(".", "-")

    @property
    def formula(self) -> Markup:
        """Its condition, empty when it is only said in words."""
        return self.assumption.formula


def assumption_boxes(views: Sequence[ClaimView]) -> list[AssumptionBox]:
    """The distinct assumptions, in the order in which the claims make them.

    Two claims make the same assumption when it has the same name, meaning and condition; who checks it may differ.
    """
    makers: dict[tuple[str, str, str], list[str]] = {}
    first: dict[tuple[str, str, str], AssumptionView] = {}
    for view in views:
        for assumption in view.assumptions:
            makers.setdefault(assumption.key, []).append(view.label)
            first.setdefault(assumption.key, assumption)
    return [
        AssumptionBox(f"assumption.{index}", first[key], tuple(dict.fromkeys(labels)))
        for index, (key, labels) in enumerate(makers.items(), start=1)
    ]


def newly_assumed(
    boxes: Sequence[AssumptionBox], depends_on: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Per claim the assumptions that it makes and nothing that it depends on, directly or not, makes already.

    These are the arrows that a drawing needs; the rest follow along the arrows between claims.
    """

    reached = {label: below([label], depends_on) for label in depends_on}
    return {
        label: tuple(box.label for box in boxes if label in box.claims and not reached[label] & set(box.claims))
        for label in depends_on
    }
