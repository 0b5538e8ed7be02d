"""Theorems that live in other packages: entry points of the group ``cgro_theory.theorems``.

An entry point's name is the room's label, its value ``package.module:ROOM`` a :class:`Room`; the module may also
offer a ``CARD``. Names are judged by the packages' metadata, without importing anything. What has a free name is
first loaded in a process of its own with a time limit, so that one that raises, hangs or ends its process leaves
the others judged; only then may this process import it. On POSIX systems what that process started is killed with
it, unless it began a session or a process group of its own.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata

from cgro_theory.claims.card import TheoremCard
from cgro_theory.errors import CgroError
from cgro_theory.theorems.room import LABEL, LABEL_IN_WORDS, Room
from cgro_theory.theorems.worker_pool import PendingResult, WorkerDied, WorkerPool

GROUP = "cgro_theory.theorems"
LONGEST_IMPORT = 60.0
"""Seconds after which a package that is still being imported is given up."""


@dataclass(frozen=True)
class Plugin:
    """An entry point: ``label`` is its name, ``value`` is ``module:attribute``, ``package`` says whose it is."""

    label: str
    value: str
    package: str

    def refusal(self, why: str | Exception) -> str:
        """One line that says why it takes no part."""
        why = in_words(why) if isinstance(why, Exception) else why
        return f"the plug-in {self.label} of {self.package} is left out: {' '.join(str(why).split())}"

    @property
    def module(self) -> str:
        """The module that holds the room, and perhaps a card."""
        return self.value.partition(":")[0].strip()


class PluginFault(CgroError):
    """A plug-in that breaks the contract: says how."""


def installed() -> list[Plugin]:
    """The entry points of the group, by what the packages' metadata say; imports nothing."""
    known = {
        Plugin(
            each.name, each.value, f"{each.dist.name} {each.dist.version}" if each.dist else "an unknown package"
        )
        for each in metadata.entry_points(group=GROUP)
    }
    return sorted(known, key=lambda each: (each.package, each.label, each.value))


def in_the_way(label: str, owners: Mapping[str, str]) -> str:
    """The label of ``owners`` (label -> whose it is) that ``label`` cannot stand beside, or nothing.

    Of two theorems neither may begin the other's files.
    """
    for name, owner in owners.items():
        if f"{name}_".startswith(f"{label}_") or f"{label}_".startswith(f"{name}_"):
            return f"{name} of {owner}"
    return ""


def offered(taken: Sequence[str]) -> tuple[list[Plugin], list[tuple[str, str]]]:
    """The plug-ins whose labels are free, and the refusals of those whose labels are not.

    ``taken`` are the names that this package uses. Of two packages that offer a label, the first in the alphabet
    has it.
    """
    owners = dict.fromkeys(taken, "cgro_theory")
    free: list[Plugin] = []
    refused: list[tuple[str, str]] = []
    for plugin in installed():
        if not LABEL.fullmatch(plugin.label) or plugin.label == "all":
            why = f"its label must be {LABEL_IN_WORDS}"
            refused.append((plugin.label, plugin.refusal(why)))
        elif other := in_the_way(plugin.label, owners):
            why = f"its label is not free: {other} is in the way"
            refused.append((plugin.label, plugin.refusal(why)))
        else:
            owners[plugin.label] = plugin.package
            free.append(plugin)
    return free, refused


@dataclass
class Plugins:
    """What is known of the plug-ins by label; ``taken`` are the names that this package uses.

    Attributes:
        offers: those whose names are free, or None before anybody looked.
        rooms: the rooms of those that were loaded elsewhere and keep the contract.
        refused: why others are left out, one line each, with the label.
        loaded: the labels that were tried.
        with_card: the labels of those that offer a card.
    """

    taken: tuple[str, ...]
    offers: dict[str, Plugin] | None = None
    rooms: dict[str, Room] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    loaded: set[str] = field(default_factory=set)
    with_card: set[str] = field(default_factory=set)

    def look(self, labels: Iterable[str] | None = None) -> None:
        """Load those of ``labels``, by default all, each at most once and in a process of its own, all at once.

        Starts no process where none of them is installed.
        """
        if self.offers is None:
            free, self.refused = offered(self.taken)
            self.offers = {plugin.label: plugin for plugin in free}
        asked = self.offers.keys() if labels is None else set(labels) & self.offers.keys()
        todo = [each for label, each in self.offers.items() if label in asked - self.loaded]
        self.loaded |= asked
        if not todo:
            return
        with WorkerPool(len(todo), light=True) as pool:
            end = time.monotonic() + LONGEST_IMPORT
            for plugin, answer in [(each, pool.submit(examined, each)) for each in todo]:
                found, why = _answered(answer, end - time.monotonic())
                if found is None:
                    self.refused.append((plugin.label, plugin.refusal(why)))
                    continue
                self.rooms[plugin.label], has_card = found
                if has_card:
                    self.with_card.add(plugin.label)

    def is_left_out(self, label: str) -> bool:
        """Whether the plug-in that has this label was tried and takes no part; so no theorem has its files."""
        return label in self.loaded and label not in self.rooms

    def of(self, label: str) -> Plugin:
        """The entry point of a plug-in that takes part."""
        return (self.offers or {})[label]

    def card(self, label: str) -> TheoremCard | None:
        """The card that the plug-in ``label`` offers, if any, which imports the plug-in."""
        if label not in self.with_card:
            return None
        card: TheoremCard = importlib.import_module(self.of(label).module).CARD
        return card


def _answered(answer: PendingResult[tuple[Room, bool]], patience: float) -> tuple[tuple[Room, bool] | None, str]:
    """What was found, or in words why nothing was."""
    try:
        return answer.result(max(0.0, patience)), ""
    except Exception as error:
        if not answer.done():
            return None, f"it was not imported within {LONGEST_IMPORT:g} s"
        return None, in_words(error)


def in_words(error: Exception) -> str:
    """What a process that worked for a plug-in ended with."""
    if isinstance(error, CgroError | WorkerDied):
        return str(error)
    place = getattr(error, "__notes__", [""])[-1].removesuffix(", in a worker process")
    return f"{type(error).__name__}: {error}" + (f" ({place})" if place else "")


def examined(plugin: Plugin) -> tuple[Room, bool]:
    """The plug-in's room, and whether it offers a card; called in a process of its own.

    Raises :class:`PluginFault` for the first breach of the contract, and whatever the import raises.
    """
    if ":" not in plugin.value:
        raise PluginFault(f"its value must be of the form package.module:ROOM, got {plugin.value!r}")
    room = metadata.EntryPoint(plugin.label, plugin.value, GROUP).load()
    if type(room) is not Room:
        raise PluginFault(f"{plugin.value} must be a Room, got {type(room).__name__}")
    if room.label != plugin.label:
        raise PluginFault(f"the room is labelled {room.label!r}, not as its entry point")
    if room.parts:
        raise PluginFault("its room must have no parts: its figures begin with its label")
    from cgro_theory.theorems.catalogue import is_own_claim
    from cgro_theory.theorems.contract import card_fault, faults

    for fault in faults(room, is_own_claim):
        raise PluginFault(fault)
    card = getattr(importlib.import_module(plugin.module), "CARD", None)
    if card is not None and (fault := card_fault(card, room)):
        raise PluginFault(fault)
    return room, card is not None
