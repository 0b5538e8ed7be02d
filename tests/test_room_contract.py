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
    claims = room.statement.CLAIMS
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
def test_every_claim_has_a_check_and_a_planted_fault(room):
    labels = {entry.label for entry in room.statement.CLAIMS}
    assert set(room.measurement.CHECKS) == labels
    assert set(room.measurement.FAULTS) == labels
    for faults in room.measurement.FAULTS.values():
        assert faults
        assert len({fault.name for fault in faults}) == len(faults)


@rooms
def test_room_has_script_golden_file_and_recorded_result(room):
    assert (REPOSITORY / "verification" / f"{room.label}.py").is_file()
    assert list((REPOSITORY / "tests" / "golden").glob(f"{room.label}*.json"))
    assert (REPOSITORY / "verification" / "recorded" / f"{room.label}.json").is_file()


def test_labels_are_unique_and_dependencies_exist():
    labels = [entry.label for room in ROOMS for entry in room.statement.CLAIMS]
    assert len(set(labels)) == len(labels)
    for label in labels:
        assert set(with_dependencies((label,))) <= set(labels)


def test_dependencies_come_first():
    order = with_dependencies(("theorem_1.stage_order",))
    for label in order:
        assert all(order.index(parent) < order.index(label) for parent in claim(label).depends_on)
