"""What every theorem's room offers, and the values that pass between a room and the runner."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, cast

from cgro_theory.claims import Claim, Figure
from cgro_theory.theorems.absent_torch import torch_may_be_absent
from cgro_theory.theorems.checked_claim import Check, CheckedClaim, CheckedPair
from cgro_theory.theorems.kept_runs import RunStore
from cgro_theory.theorems.worker_pool import WorkerPool, cancelling

__all__ = [
    "Check",
    "CheckedPair",
    "NamedConstant",
    "Profile",
    "Progress",
    "Room",
    "RunRequest",
    "begin_runs",
    "gather_by",
]

Profile = Literal["quick", "full"]
Runs = TypeVar("Runs")

LABEL = re.compile(r"[a-z]([a-z0-9_]{0,38}[a-z0-9])?")
"""Labels of rooms: they name files, and begin the labels of claims."""
LABEL_IN_WORDS = "lower-case letters, digits and inner underscores, a letter first, at most 40, and not 'all'"

Progress = Callable[[str, float], None]
"""Called with what is being done and the fraction of it done, in [0, 1]."""


@dataclass(frozen=True)
class RunRequest:
    """What a user asked to verify.

    Attributes:
        profile, seed: as typed.
        device: ``cpu`` or ``cuda``, resolved.
        labels: the claims to judge, dependencies included.
        progress: called while runs are made.
        sets: the sets of runs that those claims need, over all theorems.
        kept: where finished runs are kept, or nothing.
        look: which look at the data this is, from 1. Look k makes 2^(k-1) times as many runs as the first; those
            of the looks before are among them, with the same seeds.
        workers: processes that several theorems share, or nothing.
    """

    profile: Profile
    seed: int
    device: str
    labels: frozenset[str]
    progress: Progress
    sets: frozenset[str] = frozenset()
    kept: RunStore | None = None
    look: int = 1
    workers: WorkerPool | None = None

    @property
    def growth(self) -> int:
        """How many times as many runs as at the first look."""
        return int(2 ** (self.look - 1))

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process a request is quiet and keeps nothing; its bytes are the same in every process.

        The look is left behind, so that the next look finds what one made: sizes are arguments of tasks.
        """
        parts = (self.profile, self.seed, self.device, tuple(sorted(self.labels)), tuple(sorted(self.sets)))
        return _quiet_request, parts

    def pool(self) -> AbstractContextManager[WorkerPool]:
        """Processes that make runs, the shared ones or one per core; they take from ``kept`` what is there."""
        return WorkerPool(kept=self.kept) if self.workers is None else contextlib.nullcontext(self.workers)

    def needs_runs(self, *names: str) -> bool:
        """Whether any of these sets of runs is needed by a claim that is to be judged."""
        return any(name in self.sets for name in names)


def gather_by(
    begin: Callable[[RunRequest, WorkerPool], Callable[[RunRequest], Runs]],
) -> Callable[[RunRequest], Runs]:
    """The ``gather`` of a theorem that offers ``begin``: the same runs, begun and waited for."""

    def gather(request: RunRequest) -> Runs:
        with request.pool() as pool:
            return begin_runs(begin, request, pool)(request)  # leaving the block ends the workers

    return gather


def begin_runs(
    begin: Callable[[RunRequest, WorkerPool], Callable[[RunRequest], Runs]], request: RunRequest, pool: WorkerPool
) -> Callable[[RunRequest], Runs]:
    """``begin(request, pool)``; when it or what it returns fails, its tasks that nobody does yet are cancelled."""
    with pool.noting() as submitted, cancelling(submitted):
        collected = begin(request, pool)

    def waited(request: RunRequest) -> Runs:
        with cancelling(submitted):
            return collected(request)

    return waited


def _quiet_request(
    profile: Profile, seed: int, device: str, labels: tuple[str, ...], sets: tuple[str, ...]
) -> RunRequest:
    return RunRequest(profile, seed, device, frozenset(labels), lambda doing, done: None, frozenset(sets))


@dataclass(frozen=True)
class NamedConstant:
    """A value that only the paper's body fixes, or a choice of this project: its name, default and reason."""

    name: str
    value: str
    reason: str


class Claims(Protocol):
    """The package ``claims`` of a theorem's folder; it may import torch."""

    CHECKED: tuple[CheckedClaim, ...]
    CONSTANTS: tuple[NamedConstant, ...]
    GROWING: frozenset[str]
    """The sets of runs that a later look makes larger, or finer: an undecided claim that needs one looks again."""

    def gather(self, request: RunRequest) -> Any:
        """Make the sets of runs that the request needs: a frozen value that the checks look at."""

    # A theorem whose runs take long also offers ``begin(request, pool)``: it has the runs made by ``pool`` and
    # returns, as a function of the request, what ``gather`` would. They are made while others are judged. Its
    # ``gather`` is then ``gather_by(begin)``.

    def figures(self, runs: Any) -> tuple[Figure, ...]:
        """The theorem's figures, from the runs that were made."""

    def parameters(self, runs: Any) -> dict[str, Any]:
        """What the runs were made with, as plain JSON values."""


@dataclass(frozen=True)
class Room:
    """A theorem's place in the tree: ``label`` names the script, the results and the map's section.

    ``parts``: names that some of its figures start with in place of the label.
    """

    label: str
    title: str
    package: str
    parts: tuple[str, ...] = ()

    def may_write(self, name: str) -> bool:
        """Whether a file of this name can be the room's result or one of its figures."""
        stem, _, suffix = name.rpartition(".")
        if stem == self.label:
            return suffix == "json"
        starts = tuple(f"{each}_" for each in (self.label, *self.parts))
        return suffix in ("json", "png", "svg") and stem.startswith(starts) and os.path.basename(name) == name

    @property
    def content(self) -> Claims:
        """The theorem's claims with their checks, and how its runs are made."""
        with torch_may_be_absent():
            return cast(Claims, importlib.import_module(f"{self.package}.claims"))

    @property
    def checked(self) -> tuple[CheckedClaim, ...]:
        """The theorem's claims with their checks, in the order of its statement."""
        return self.content.CHECKED

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The theorem's statements."""
        return tuple(entry.claim for entry in self.checked)
