"""What a sweep can run: a kind of run is a function of named parameters, said here as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cgro_theory.parameter import Parameter, Value

Parameters = Mapping[str, Value]

Scalar = bool | int | float | str | None


@dataclass(frozen=True, eq=False)
class RunOutcome:
    """What a run leaves behind, a function of its parameters alone: no time, date, host or path belongs here.

    Attributes:
        rows: rows of the table of results, by column; None for what was not reached. Most runs have one; a run
            that is a batch has one for each of its members.
        arrays: plain numeric, boolean or text arrays by name.
    """

    rows: Sequence[Mapping[str, Scalar]]
    arrays: Mapping[str, Any] = field(default_factory=dict)


RunFunction = Callable[[Parameters], RunOutcome]


@dataclass(frozen=True)
class RunKind:
    """A kind of run.

    Attributes:
        name: its name in a grid.
        version: raised whenever the same parameters give another result; stored runs of other versions are
            then left alone and run again.
        function: ``package.module:name`` of a :data:`RunFunction`, imported by whoever does the run.
        parameters: all that a grid may set.
        check: raises :class:`InvalidInput` when parameters, each valid, do not go together; None to skip.
        check_size: raises :class:`InvalidInput` when the run cannot be done on this machine; None to skip.
        resolve: what parameters that are ``auto`` stand for, as further columns of a table; None for no columns.
    """

    name: str
    version: int
    function: str
    parameters: tuple[Parameter, ...]
    help: str = ""
    check: Callable[[Parameters], None] | None = None
    check_size: Callable[[Parameters], None] | None = None
    resolve: Callable[[Parameters], Mapping[str, Scalar]] | None = None

    def parameter(self, name: str) -> Parameter | None:
        """The parameter with this name, or None."""
        return next((entry for entry in self.parameters if entry.name == name), None)
