"""What every room must offer, parametrized over the catalogue."""

from pathlib import Path

import pytest
import sympy

from cgro_theory.claims import Claim
from cgro_theory.theorems.catalogue import ROOMS, claim, with_dependencies

REPOSITORY = Path(__file__).parent.parent
rooms = pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.label)


@rooms
def test_claims_are_complete(room):
    claims = room.claims
    assert claims
    for entry in claims:
        assert isinstance(entry, Claim)
        assert entry.label.startswith((f"{room.label}.", "landscape."))
        assert entry.statement.endswith(".")
        assert entry.quantity
        assert entry.source.section
        assert isinstance(entry.expression, sympy.Basic)
        assert all(assumption.checked for assumption in entry.assumptions)


@rooms
def test_every_claim_has_negative_controls(room):
    for entry in room.checked:
        assert entry.controls
        assert len({control.name for control in entry.controls}) == len(entry.controls)
        assert all(control.alter or control.check for control in entry.controls)


@rooms
def test_room_has_script_golden_file_and_recorded_result(room):
    assert (REPOSITORY / "verification" / f"{room.label}.py").is_file()
    assert list((REPOSITORY / "tests" / "golden").glob(f"{room.label}*.json"))
    assert (REPOSITORY / "verification" / "recorded" / f"{room.label}.json").is_file()


def test_labels_are_unique_and_dependencies_exist():
    labels = [entry.label for room in ROOMS for entry in room.claims]
    assert len(set(labels)) == len(labels)
    for label in labels:
        assert set(with_dependencies((label,))) <= set(labels)


def test_dependencies_come_first():
    order = with_dependencies(("theorem_1.stage_order",))
    for label in order:
        assert all(order.index(parent) < order.index(label) for parent in claim(label).depends_on)
