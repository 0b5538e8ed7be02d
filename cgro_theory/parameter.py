"""A parameter, declared once: its name, type, default, range and meaning, for all that offer or check it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from cgro_theory.errors import InvalidInput

Value = bool | int | float | str
"""A parameter's value: what TOML and JSON both hold exactly."""

POSITIVE = 5e-324
"""The least number above 0: as ``low`` it stands for "> 0"."""


@dataclass(frozen=True)
class Parameter:
    """A named value that a user may set.

    Attributes:
        name: its key in a grid, and with dashes its option.
        type: ``integer``, ``number`` (finite), ``word`` (one of ``words``), or ``text`` (one line of it).
        default: its value where it is not given; None where it must be.
        low, high: the closed range of an integer or a number.
        words: what a word may be; for the other types, words allowed beside the numbers, such as ``auto``.
        setting_name: the name under which the library reports it, when that differs.
        symbol: in the notation of docs/theory.
        help: one line.
    """

    name: str
    type: Literal["integer", "number", "word", "text"]
    default: Value | None = None
    low: float = -math.inf
    high: float = math.inf
    words: tuple[str, ...] = ()
    setting_name: str = ""
    symbol: str = ""
    help: str = ""

    @property
    def description(self) -> str:
        """The symbol and the line of help."""
        return f"{self.symbol}: {self.help}" if self.symbol else self.help

    @property
    def allowed(self) -> str:
        """The values that it takes, in words."""
        if self.type == "word":
            return " or ".join(self.words)
        if self.type == "text":
            return "one line of text"
        kind = "an integer" if self.type == "integer" else "a finite number"
        if self.low == POSITIVE:
            kind += " > 0"
        elif math.isfinite(self.low) and math.isfinite(self.high):
            kind += f" in [{self.low:g}, {self.high:g}]"
        elif math.isfinite(self.low):
            kind += f" >= {self.low:g}"
        return kind + "".join(f" or {word!r}" for word in self.words)

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
            raise InvalidInput(self.name, value if number is None else number, self.allowed)
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
