"""The named errors of the project. Each carries one line that a user can act on."""

from __future__ import annotations

import math
from typing import Any


class CgroError(Exception):
    """Base of every error that the command line reports as one line."""


class InvalidInput(CgroError, ValueError):
    """A value outside its domain: says the name, the value and the allowed range.

    >>> raise InvalidInput("attacked_signal_fraction", 1.3, "in [-1, 1]")
    Traceback (most recent call last):
    cgro_theory.errors.InvalidInput: attacked_signal_fraction must be in [-1, 1], got 1.3
    """

    def __init__(self, name: str, value: Any, allowed: str) -> None:
        super().__init__(f"{name} must be {allowed}, got {value!r}")
        self.name = name
        self.value = value
        self.allowed = allowed


class InvalidFile(CgroError, ValueError):
    """A file that is missing, truncated, foreign or not writable: says which and why."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


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
