"""Values and ranges as a user writes them: ``1e4``, ``0,0.1,0.2``, or ``1e4:1e15:12``.

A range is log-spaced; linear where it is asked to be, and where LOW <= 0, which has no logarithm.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, localcontext
from fractions import Fraction

from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.arb import exact, precision

MAX_VALUES = 1000
MAX_EXPONENT = 4000
"""Integers beyond 10^this are refused instead of written out."""
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
"""Plain digits: Python's own parsers also take those of other scripts, and underscores."""


def parse_integers(name: str, text: str, *, linear: bool = False) -> tuple[int, ...]:
    """Integers from ``1e15``, ``1,2,5`` or ``LOW:HIGH:COUNT``, rounded, each once, in order.

    >>> parse_integers("dimension", "1e4:1e15:12")[:3]
    (10000, 100000, 1000000)
    >>> parse_integers("seed", "0:6:3")
    (0, 3, 6)
    """
    low_high = _ends(name, text)
    if low_high is None:
        return tuple(_integer(name, part) for part in _parts(name, text))
    start, end, count = _integer(name, low_high[0]), _integer(name, low_high[1]), low_high[2]
    _check_order(name, text, start < end)
    if linear or start <= 0:
        steps = (start + Fraction((end - start) * index, count - 1) for index in range(count))
        return tuple(dict.fromkeys(math.floor(value + Fraction(1, 2)) for value in steps))
    with precision(64 + 4 * MAX_EXPONENT):
        first, last = exact(start), exact(end)
        step = (last / first).log() / (count - 1)
        values = [
            int((first * (index * step).exp() + exact("0.5")).mid().floor().fmpz()) for index in range(count)
        ]
    return tuple(dict.fromkeys(values))


def parse_numbers(name: str, text: str, *, linear: bool = False) -> tuple[float, ...]:
    """Numbers from ``0.25``, ``0,0.1`` or ``LOW:HIGH:COUNT``.

    >>> parse_numbers("flatness", "1:100:3")
    (1.0, 10.0, 100.0)
    >>> parse_numbers("signal_exponent", "-0.5:-0.3:3")
    (-0.5, -0.4, -0.3)
    """
    low_high = _ends(name, text)
    if low_high is None:
        return tuple(_number(name, part) for part in _parts(name, text))
    low, high, count = low_high
    start, end = _number(name, low), _number(name, high)
    _check_order(name, text, start < end)
    if linear or start <= 0:
        with localcontext(prec=50):
            between = [
                float(Decimal(low) + (Decimal(high) - Decimal(low)) * index / (count - 1))
                for index in range(1, count - 1)
            ]
        return (start, *between, end)
    with precision(128):
        first, last = exact(start), exact(end)
        step = (last / first).log() / (count - 1)
        middle = [float((first * (index * step).exp()).mid()) for index in range(1, count - 1)]
        return (float(first), *middle, float(last))


def _parts(name: str, text: str) -> list[str]:
    parts = text.split(",")
    if len(parts) > MAX_VALUES:
        raise InvalidInput(name, f"{len(parts)} values", f"at most {MAX_VALUES} values")
    return parts


def _ends(name: str, text: str) -> tuple[str, str, int] | None:
    if ":" not in text:
        return None
    parts = text.split(":")
    if len(parts) != 3:
        raise InvalidInput(name, text, "a value, or a range LOW:HIGH:COUNT such as 1e4:1e15:12")
    count = _integer(name, parts[2])
    if not 2 <= count <= MAX_VALUES:
        raise InvalidInput(f"COUNT of {name}", count, f"in [2, {MAX_VALUES}]")
    return parts[0], parts[1], count


def _check_order(name: str, text: str, in_order: bool) -> None:
    if not in_order:
        raise InvalidInput(name, text, "a range LOW:HIGH:COUNT with LOW < HIGH")


def _integer(name: str, text: str) -> int:
    allowed = "an integer such as 10000 or 1e15"
    if not _NUMBER.fullmatch(text.strip()):
        raise InvalidInput(name, text, allowed)
    number = Decimal(text.strip())
    if abs(number.adjusted()) > MAX_EXPONENT:
        raise InvalidInput(name, text, f"{allowed}, below 1e{MAX_EXPONENT}")
    whole = Fraction(number)
    if whole.denominator != 1:
        raise InvalidInput(name, text, allowed)
    return int(whole)


def _number(name: str, text: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise InvalidInput(name, text, "a finite number such as 0.25 or 1e-3")
    value = float(text)
    if not math.isfinite(value):
        raise InvalidInput(name, text, "a finite number")
    return value
