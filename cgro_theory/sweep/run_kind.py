"""What a sweep can run: a kind of run is a function of named parameters, said here as data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cgro_theory.errors import InvalidInput

Value = bool | int | float | str
"""A parameter's value: what TOML and JSON both hold exactly."""

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
class Parameter:
    """One parameter of a kind of run.

    Attributes:
        name: its key in a grid.
        type: ``integer``, ``number`` (finite), ``word`` (one of ``words``), or ``text`` (one line of it).
        default: the value of a grid that does not give it; None when a grid must.
        low, high: the closed range of an integer or a number.
        words: what a word may be; for the other types, words allowed beside the numbers, such as ``auto``.
        setting_name: the name under which the library reports it, when that differs.
        help: one line.
    """

    name: str
    type: Literal["integer", "number", "word", "text"]
    default: Value | None = None
    low: float = -math.inf
    high: float = math.inf
    words: tuple[str, ...] = ()
    setting_name: str = ""
    help: str = ""

    @property
    def allowed(self) -> str:
        """The values that it takes, in words."""
        if self.type == "word":
            return " or ".join(self.words)
        if self.type == "text":
            return "one line of text"
        parts = ["an integer" if self.type == "integer" else "a finite number"]
        if math.isfinite(self.low):
            parts.append(f">= {self.low:g}")
        if math.isfinite(self.high):
            parts.append(f"and <= {self.high:g}" if math.isfinite(self.low) else f"<= {self.high:g}")
        return " ".join(parts) + "".join(f" or {word!r}" for word in self.words)

    def parse(self, value: Any) -> Value:
        """``value`` in the one form that stands for it: integers as int, numbers as float, words as str.

        Integers may be written ``1e4`` or ``"1e15"``, so that 10^15 needs no counting of zeros. Raises
        :class:`InvalidInput` for anything else, NaN and infinities included.

        >>> Parameter("dimension", "integer", low=2).parse("1e15")
        1000000000000000
        >>> Parameter("weight", "number").parse(1)
        1.0
        """
        if self.type == "text":
            if isinstance(value, str) and value.isprintable():
                return value
            raise InvalidInput(self.name, value, self.allowed)
        if self.type == "word":
            number = self._number(value) if isinstance(value, int) else value
            named = f"{number:g}" if isinstance(number, (int, float)) else number
            if named in self.words:
                return str(named)
            raise InvalidInput(self.name, value, self.allowed)
        if isinstance(value, str) and value in self.words:
            return value
        number = self._number(value)
        if number is None or not self.low <= number <= self.high:
            raise InvalidInput(self.name, value, self.allowed)
        return number

    def _number(self, value: Any) -> int | float | None:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return None  # True is no 1
        try:
            if isinstance(value, str) and value.lstrip("+-").isdecimal():
                value = int(value)
            number = float(value)
        except (ValueError, OverflowError):
            return None
        if not math.isfinite(number):
            return None
        if self.type == "number":
            return number + 0.0  # -0.0 and 0.0 are one value
        if isinstance(value, int):
            return value
        return int(number) if number == math.floor(number) else None


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
        check_size: raises :class:`InvalidInput` when the run is too large for this machine; None to skip.
    """

    name: str
    version: int
    function: str
    parameters: tuple[Parameter, ...]
    help: str = ""
    check: Callable[[Parameters], None] | None = None
    check_size: Callable[[Parameters], None] | None = None

    def parameter(self, name: str) -> Parameter | None:
        """The parameter with this name, or None."""
        return next((entry for entry in self.parameters if entry.name == name), None)
