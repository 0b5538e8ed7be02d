"""What the tests of a theorem ask, in this repository or in a package of its own.

>>> from cgro_theory.theorems.gaussian_model import ROOM
>>> check_room(ROOM)
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from cgro_theory.claims import Verdict
from cgro_theory.theorems.catalogue import is_own_claim
from cgro_theory.theorems.checked_claim import CheckedClaim
from cgro_theory.theorems.contract import faults
from cgro_theory.theorems.room import Profile, Room, RunRequest
from cgro_theory.theorems.verification import judge_claim, judge_control

__all__ = ["check_room", "gathered", "judged"]


def check_room(room: Room, golden: Path | None = None) -> None:
    """Raise ``AssertionError`` with everything that the theorem lacks, one line each.

    Its claims are complete, named after the room, and have negative controls; ``golden``, a folder, holds a file
    of numbers from an independent program: ``LABEL.json`` or ``LABEL_….json`` with the room's label under the key
    ``theorem``. A file of that name that belongs to another theorem is a fault.
    """
    found = [*faults(room, is_own_claim), *([] if golden is None else _golden_faults(room, golden))]
    if found:
        raise AssertionError("\n".join(found))


def _golden_faults(room: Room, folder: Path) -> list[str]:
    own = sorted({*folder.glob(f"{room.label}.json"), *folder.glob(f"{room.label}_*.json")})
    found = [] if own else [f"{folder} holds no golden file {room.label}.json or {room.label}_….json"]
    for path in own:
        document = json.loads(path.read_text(encoding="utf-8"))
        theorem = document.get("theorem") if isinstance(document, dict) else None
        if theorem != room.label:
            found.append(f"{path} belongs to {theorem or 'no theorem'}: its key 'theorem' must say {room.label}")
    return found


def gathered(room: Room, entry: CheckedClaim, *, seed: int = 0, profile: Profile = "quick") -> Any:
    """The runs that the claim needs, made as ``cgro verify`` makes them."""
    labels, sets = frozenset({entry.label}), frozenset(entry.needs)
    return room.content.gather(RunRequest(profile, seed, "cpu", labels, lambda doing, done: None, sets))


def judged(entry: CheckedClaim, runs: Any, failure_probability: float = 1e-4) -> Verdict:
    """The verdict on the claim, with those on its negative controls in ``controls``, all from the same runs."""
    controls = tuple(
        judge_control(entry.claim, entry.check, runs, failure_probability, control) for control in entry.controls
    )
    return replace(judge_claim(entry.claim, entry.check, runs, failure_probability), controls=controls)
