"""What every room must offer, parametrized over the catalogue."""

from pathlib import Path

import pytest

from cgro_theory.testing import check_room
from cgro_theory.theorems.catalogue import ROOMS, claim, with_dependencies
from cgro_theory.theorems.checked_claim import CheckedClaim, with_wrong

REPOSITORY = Path(__file__).parent.parent
SKELETON = REPOSITORY / "cgro_theory" / "skeleton"
rooms = pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.label)


@rooms
def test_room_keeps_the_contract_that_plugins_keep(room):
    golden = SKELETON / "tests" / "golden" if room.label == "gaussian_model" else REPOSITORY / "tests" / "golden"
    check_room(room, golden)


@rooms
def test_room_has_a_script_and_a_recorded_result(room):
    assert (REPOSITORY / "verification" / f"{room.label}.py").is_file()
    assert (REPOSITORY / "verification" / "recorded" / f"{room.label}.json").is_file()


def test_dependencies_come_first():
    order = with_dependencies(("theorem_1.stage_order",))
    for label in order:
        assert all(order.index(parent) < order.index(label) for parent in claim(label).depends_on)


def test_a_control_tells_its_claims_own_check_something_wrong():
    wrong = with_wrong("shifted", "the check is told a shift", shift=2)
    entry = CheckedClaim(claim("lemmas.common_clock"), lambda runs, probability, shift=0: runs + shift, (wrong,))
    (control,) = entry.controls
    assert (entry.check(1, 0.1), control.check(1, 0.1)) == (1, 3)
