"""The named errors of the project. Each carries one line that a user can act on."""

from __future__ import annotations

import difflib
import importlib.util
import math
from collections.abc import Iterable
from typing import Any

MOST_LISTED = 8
"""Longer lists of choices are not written out in an error; the nearest one is."""
LONGEST_VALUE = 60
"""A value that is longer when written out is cut, so that an error fits on a line."""
LONGEST_REASON = 400
"""What is wrong with a file may quote what the file holds."""


def shortened(text: str, most: int = LONGEST_VALUE) -> str:
    """The text, cut where it has more than ``most`` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


class CgroError(Exception):
    """Base of every error that the command line reports as one line, with this exit code: 2 is invalid input."""

    exit_code = 2


class InvalidInput(CgroError, ValueError):
    """A value outside its domain: says the name, the value and the allowed range.

    >>> raise InvalidInput("attacked_signal_fraction", 1.3, "in [-1, 1]")
    Traceback (most recent call last):
    cgro_theory.errors.InvalidInput: attacked_signal_fraction must be in [-1, 1], got 1.3
    """

    def __init__(self, name: str, value: Any, allowed: str) -> None:
        super().__init__(f"{name} must be {allowed}, got {shortened(repr(value))}")
        self.name = name
        self.value = value
        self.allowed = allowed

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[Any, ...]]:
        """So that it can come back from another process."""
        return type(self), (self.name, self.value, self.allowed)


class InvalidFile(CgroError, ValueError):
    """A file that is missing, truncated, foreign or not writable: says which and why."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"{path}: {shortened(why, LONGEST_REASON)}")
        self.path = path
        self.why = why

    def __reduce__(self) -> tuple[type[InvalidFile], tuple[Any, ...]]:
        """So that it can come back from another process."""
        return type(self), (self.path, self.why)


EXTRAS = {"torch": "train", "sklearn": "train", "distributed": "cluster"}
"""Modules that an installation without extras lacks -> the extra that installs each."""


class MissingExtra(CgroError, ImportError):
    """Something needs ``module``, which is not installed: says the extra that installs it.

    >>> raise MissingExtra("torch")
    Traceback (most recent call last):
    cgro_theory.errors.MissingExtra: this needs torch, which is not installed: pip install 'cgro-theory[train]'
    """

    def __init__(self, module: str) -> None:
        extra = EXTRAS[module]
        super().__init__(f"this needs {module}, which is not installed: pip install 'cgro-theory[{extra}]'")
        self.module = module

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[Any, ...]]:
        """So that it can come back from another process."""
        return type(self), (self.module,)


def require_installed(module: str) -> None:
    """Raise :class:`MissingExtra` where ``module``, one of :data:`EXTRAS`, is not installed; imports nothing."""
    if importlib.util.find_spec(module) is None:
        raise MissingExtra(module)


def require_finite(name: str, value: float, allowed: str = "a finite number") -> float:
    """Return ``value`` as a float, or raise :class:`InvalidInput` when it is NaN, infinite or no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidInput(name, value, allowed)
    return float(value)


def require_integer(name: str, value: int, low: int, high: int | None = None) -> int:
    """Return ``value`` when it is an integer in [low, high], else raise :class:`InvalidInput`."""
    allowed = f"an integer >= {low}" if high is None else f"an integer in [{low}, {high}]"
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise InvalidInput(name, value, allowed)
    if high is not None and value > high:
        raise InvalidInput(name, value, allowed)
    return value


def require_choice(name: str, value: str, choices: Iterable[str]) -> str:
    """Return ``value`` when it is one of ``choices``, else raise :class:`InvalidInput` with the nearest one.

    >>> require_choice("engine", "subspce", ("subspace", "dense"))
    Traceback (most recent call last):
    cgro_theory.errors.InvalidInput: engine must be subspace or dense (did you mean 'subspace'?), got 'subspce'
    """
    known = tuple(str(choice) for choice in choices)
    if value in known:
        return value
    close = difflib.get_close_matches(str(value), known, n=1, cutoff=0.4)
    listed = ", ".join(known[:-1]) + f" or {known[-1]}" if len(known) > 1 else "".join(known)
    listed = f"one of {len(known)} known names" if len(known) > MOST_LISTED else listed
    raise InvalidInput(name, value, listed + (f" (did you mean {close[0]!r}?)" if close else ""))
