"""What every theorem's room must offer, whoever wrote it. Read by ``plugins`` and by ``cgro_theory.testing``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sympy

from cgro_theory.claims import Claim
from cgro_theory.theorems.checked_claim import CheckedClaim
from cgro_theory.theorems.room import NamedConstant, Room


def faults(room: Room, is_known: Callable[[str], bool]) -> Iterator[str]:
    """What is wrong with the room, one line each; nothing when it keeps the contract.

    ``is_known`` tells whether a label of a claim outside this room may be depended on. The room's package is
    imported, and what that raises is raised.
    """
    content = room.content
    for name, kind in (("CHECKED", tuple), ("CONSTANTS", tuple), ("GROWING", frozenset)):
        if not isinstance(getattr(content, name, None), kind):
            yield f"{room.package}.claims must offer {name}, a {kind.__name__}"
            return
    for name in ("gather", "figures", "parameters"):
        if not callable(getattr(content, name, None)):
            yield f"{room.package}.claims must offer the function {name}"
    if not content.CHECKED:
        yield "it states no claim"
    if any(not isinstance(each, NamedConstant) for each in content.CONSTANTS):
        yield "CONSTANTS must hold values of NamedConstant"
    checked: tuple[Any, ...] = content.CHECKED
    if not all(isinstance(each, CheckedClaim) and isinstance(each.claim, Claim) for each in checked):
        yield "CHECKED must hold values of CheckedClaim"
        return
    labels = [entry.label for entry in content.CHECKED]
    starts = tuple(f"{name}." for name in (room.label, *room.parts))
    for entry in content.CHECKED:
        told = entry.label
        if not told.startswith(starts):
            yield f"the claim {told} must be named {starts[0]}…, after its room"
        if labels.count(told) > 1:
            yield f"two claims are named {told}"
        yield from (f"{told}: {each}" for each in _claim_faults(entry.claim))
        yield from (f"{told}: {each}" for each in _control_faults(entry))
        for label in entry.claim.depends_on:
            if label not in labels and not is_known(label):
                yield f"{told} depends on {label}, which neither its room nor cgro_theory states"


def _claim_faults(claim: Claim) -> Iterator[str]:
    if not claim.statement.endswith("."):
        yield "its statement must be a sentence and end with a full stop"
    if not claim.quantity:
        yield "its quantity says what is measured and must not be empty"
    if not claim.source.section:
        yield "its source must name the section or equation"
    if not isinstance(claim.expression, sympy.Basic):
        yield "its expression must be a formula of sympy"
    for assumption in claim.assumptions:
        if not assumption.checked:
            yield f"its assumption {assumption.name!r} must say who sees to it"


def _control_faults(entry: CheckedClaim) -> Iterator[str]:
    if not entry.controls:
        yield "it has no negative control, so nothing shows that its check can fail"
    if len({control.name for control in entry.controls}) < len(entry.controls):
        yield "two of its negative controls have the same name"
    for control in entry.controls:
        if not (control.alter or control.check):
            yield f"its negative control {control.name!r} changes neither the runs nor the check"


def card_fault(card: Any, room: Room) -> str:
    """What is wrong with a card that a plug-in offers for its room; empty when nothing is."""
    from cgro_theory.claims.card import TheoremCard

    if not isinstance(card, TheoremCard):
        return f"CARD must be a TheoremCard, got {type(card).__name__}"
    if card.label != room.label:
        return f"CARD is of {card.label!r}, not of {room.label!r}"
    unknown = sorted({*card.claims, *(each.claim for each in card.constants)} - {e.label for e in room.checked})
    if unknown or not card.claims:
        return f"CARD must be carried by claims of its room, got {', '.join(unknown) or 'none'}"
    return ""
