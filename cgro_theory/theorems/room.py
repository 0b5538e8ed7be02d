"""What every theorem's room offers, and the values that pass between a room and the runner."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from cgro_theory.claims import Claim, Figure, Measurement, Prediction

Profile = Literal["quick", "full"]

Progress = Callable[[str, float], None]
"""Called with what is being done and the fraction of it done, in [0, 1]."""


@dataclass(frozen=True)
class RunRequest:
    """What a user asked to verify.

    ``labels`` are the claims to judge, dependencies included; ``device`` is ``cpu`` or ``cuda``, resolved.
    """

    profile: Profile
    seed: int
    device: str
    labels: frozenset[str]
    progress: Progress

    def needs(self, *labels: str) -> bool:
        """Whether any of the labels is to be judged."""
        return any(label in self.labels for label in labels)


@dataclass(frozen=True)
class CheckedPair:
    """The two sides of one check, before they are judged."""

    prediction: Prediction
    measurement: Measurement


Check = Callable[[Any, float], CheckedPair]
"""A check takes the room's evidence and a failure probability. It raises for nothing that a run can do."""


@dataclass(frozen=True)
class PlantedFault:
    """A deliberately wrong version of a claim: ``change`` maps the evidence to what the fault would see.

    It changes the formula that is told, a run or the data, never the measured number at the end. The same check
    on the changed evidence must come out refuted; anything else is not caught.
    """

    name: str
    description: str
    change: Callable[[Any], Any]


@dataclass(frozen=True)
class NamedConstant:
    """A value that only the paper's body fixes, or a choice of this project: its name, default and reason."""

    name: str
    value: str
    reason: str


class Statement(Protocol):
    """The module ``statement`` of a room."""

    CLAIMS: tuple[Claim, ...]
    CONSTANTS: tuple[NamedConstant, ...]


class MeasurementModule(Protocol):
    """The module ``measurement`` of a room; it may import torch."""

    CHECKS: Mapping[str, Check]
    FAULTS: Mapping[str, tuple[PlantedFault, ...]]

    def gather(self, request: RunRequest) -> Any:
        """Do the runs and return the evidence that the checks look at."""

    def figures(self, evidence: Any) -> tuple[Figure, ...]:
        """The room's figures, drawn from the evidence."""

    def parameters(self, evidence: Any) -> dict[str, Any]:
        """What the evidence was made with, as plain JSON values."""


@dataclass(frozen=True)
class Room:
    """A theorem's place in the tree: ``label`` names the script, the results and the map's section."""

    label: str
    title: str
    package: str

    @property
    def statement(self) -> Statement:
        """The claims of the room; needs sympy only."""
        return cast(Statement, importlib.import_module(f"{self.package}.statement"))

    @property
    def measurement(self) -> MeasurementModule:
        """The checks of the room."""
        return cast(MeasurementModule, importlib.import_module(f"{self.package}.measurement"))
