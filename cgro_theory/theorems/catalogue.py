"""The rooms: those of this package, in order, and those of other packages, which are discovered when asked for.

Adding a theorem here is adding a folder and a line; a theorem elsewhere is an entry point (``plugins``).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from cgro_theory.claims import Claim
from cgro_theory.claims.card import TheoremCard
from cgro_theory.errors import MOST_LISTED, CgroError, InvalidInput, require_choice
from cgro_theory.theorems import gaussian_model
from cgro_theory.theorems.checked_claim import CheckedClaim
from cgro_theory.theorems.plugins import Plugins
from cgro_theory.theorems.room import Room
from cgro_theory.theorems.theorem_1_feature_learning import card as theorem_1
from cgro_theory.theorems.theorem_2_representation_complexity import card as theorem_2
from cgro_theory.theorems.theorem_3_global_flatness import card as theorem_3

ROOMS: tuple[Room, ...] = (
    Room("lemmas", "Lemmas", "cgro_theory.theorems.lemmas"),
    Room("theorem_1", "Feature learning on patch data", "cgro_theory.theorems.theorem_1_feature_learning"),
    Room("theorem_2", "Representation complexity", "cgro_theory.theorems.theorem_2_representation_complexity"),
    Room(
        "theorem_3",
        "Robust generalization and global flatness",
        "cgro_theory.theorems.theorem_3_global_flatness",
        ("landscape",),
    ),
    Room("questions", "Questions that readers asked", "cgro_theory.theorems.questions"),
    gaussian_model.ROOM,
)

CARDS: tuple[TheoremCard, ...] = (theorem_1.CARD, theorem_2.CARD, theorem_3.CARD)
"""The paper's theorems, each as one card."""


TAKEN = tuple(name for home in ROOMS for name in (home.label, *home.parts))
"""What files and claims of this package begin with."""

_plugins = Plugins(TAKEN)


def plugins(labels: Iterable[str] | None = None) -> Plugins:
    """The theorems of other packages, after a look at those of ``labels``, by default at all of them."""
    _plugins.look(labels)
    return _plugins


def adopt(found: Plugins) -> None:
    """Take over what the process that started this one found."""
    global _plugins
    _plugins = found


def all_rooms() -> tuple[Room, ...]:
    """The rooms of this package and of the plug-ins that take part."""
    return (*ROOMS, *plugins().rooms.values())


def rooms_among(labels: Iterable[str]) -> tuple[Room, ...]:
    """The rooms of this package, and those of plug-ins among ``labels``, which are looked for only if named."""
    foreign = set(labels).difference(TAKEN)
    return (*ROOMS, *(home for label, home in plugins(foreign).rooms.items() if label in foreign))


def cards_among(labels: Iterable[str]) -> tuple[TheoremCard, ...]:
    """The cards of this package, and those that plug-ins among ``labels`` offer."""
    foreign = (plugins([home.label]).card(home.label) for home in rooms_among(labels)[len(ROOMS) :])
    return (*CARDS, *(card for card in foreign if card is not None))


def room(label: str) -> Room:
    """The room with this label; :class:`InvalidInput` names the known ones, and a plug-in's fault is told."""
    for candidate in rooms_among([label]):
        if candidate.label == label:
            return candidate
    for refused, why in plugins([label]).refused:
        if refused == label:
            raise CgroError(why)
    known = ("all", *(candidate.label for candidate in all_rooms()))
    require_choice("theorem", label, known)
    raise InvalidInput("theorem", label, f"one theorem: {', '.join(known[1:])}")


def require_claim(home: Room, label: str) -> None:
    """Refuse a label that ``home`` does not state: with all of its labels where they are few, else the nearest."""
    own = [entry.label for entry in home.checked]
    if len(own) <= MOST_LISTED:
        require_choice("claim", label, own)
    if label in own:
        return
    word = label.rpartition(".")[2]
    short = {each.rpartition(".")[2]: each for each in own}
    containing = [name for name in short if word and word in name]
    close = difflib.get_close_matches(word, [name for name in short if name not in containing], 3, 0.0)
    nearest = ", ".join(short[name] for name in (containing + close)[:3])
    raise InvalidInput(
        "claim", label, f"a claim of {home.label} such as {nearest} (paper_map.md lists all {len(own)})"
    )


def _states(home: Room, label: str) -> bool:
    """Whether the room states the claim; a room whose name does not begin the label is not imported."""
    return label.partition(".")[0] in (home.label, *home.parts) and any(
        each.label == label for each in home.checked
    )


def room_of_claim(label: str) -> Room:
    """The room that states the claim ``label``; imports no other theorem."""
    for candidate in rooms_among([label.partition(".")[0]]):
        if _states(candidate, label):
            return candidate
    raise InvalidInput("claim", label, "a label listed in paper_map.md or by cgro claims")


def is_own_claim(label: str) -> bool:
    """Whether a room of this package states the claim ``label``."""
    return any(_states(home, label) for home in ROOMS)


def claim(label: str) -> Claim:
    """The claim with this label."""
    return checked_claim(label).claim


def checked_claim(label: str) -> CheckedClaim:
    """The claim with this label, with its check and negative controls."""
    return next(entry for entry in room_of_claim(label).checked if entry.label == label)


def with_dependencies(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels and everything they depend on, each once, dependencies first."""
    ordered: list[str] = []

    def visit(label: str) -> None:
        if label in ordered:
            return
        for parent in claim(label).depends_on:
            visit(parent)
        ordered.append(label)

    for label in labels:
        visit(label)
    return tuple(ordered)
