"""Rigorous real arithmetic with three-valued comparisons, around python-flint's Arb balls.

A bare Arb comparison returns False both for "no" and for "cannot tell"; :func:`less` and friends tell the
two apart. Decimal strings and fractions enter exactly: ``exact("0.1")`` encloses one tenth, while
``flint.arb(0.1)`` is the binary float near it. Precision is local to a ``with precision(bits)`` block.
"""

from __future__ import annotations

import contextlib
import enum
import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import flint

from cgro_theory.errors import InvalidInput


class Truth(enum.Enum):
    """The value of a comparison of two balls. It has no truth value of its own: compare it by name."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        raise TypeError("a comparison of balls has three values: test `is Truth.TRUE`, not truthiness")


@contextlib.contextmanager
def precision(bits: int) -> Iterator[None]:
    """Run the block with ``bits`` bits of working precision (>= 2), then restore what was set before."""
    if bits < 2:
        raise InvalidInput("bits", bits, ">= 2")
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def exact(value: int | str | float | Fraction | Decimal) -> flint.arb:
    """The ball that encloses ``value`` as written: decimal strings and fractions are not rounded first.

    A float enters as the binary number that it is. Raises :class:`InvalidInput` on NaN, infinities and text
    that is no number.
    """
    try:
        fraction = Fraction(value)
    except (ValueError, OverflowError, ZeroDivisionError, TypeError) as error:
        raise InvalidInput("value", value, "a finite number") from error
    return flint.arb(flint.fmpq(fraction.numerator, fraction.denominator))


def less(left: flint.arb, right: flint.arb) -> Truth:
    """Whether left < right holds for all, for no, or for some points of the two balls."""
    if left < right:
        return Truth.TRUE
    if left >= right:
        return Truth.FALSE
    return Truth.UNKNOWN


def upper_float(ball: flint.arb) -> float:
    """A float that is >= every point of the ball (inf when the ball is not finite)."""
    return _end(ball, 1)


def lower_float(ball: flint.arb) -> float:
    """A float that is <= every point of the ball (-inf when the ball is not finite)."""
    return _end(ball, -1)


def _end(ball: flint.arb, sign: int) -> float:
    if not ball.is_finite():
        return sign * math.inf
    mantissa, exponent = (int(part) for part in (ball.upper() if sign > 0 else ball.lower()).man_exp())
    size = mantissa.bit_length() + exponent  # |end| < 2^size; exponents may be astronomically large
    if size > _LARGEST_EXPONENT:
        return _beyond_all_floats(mantissa, sign)
    if mantissa != 0 and size < _SMALLEST_EXPONENT:
        tiny = math.nextafter(0.0, math.inf)
        return (tiny if sign > 0 else 0.0) if mantissa > 0 else (0.0 if sign > 0 else -tiny)
    end = Fraction(mantissa) * Fraction(2) ** exponent
    try:
        value = float(end)
    except OverflowError:
        return _beyond_all_floats(mantissa, sign)
    if sign * (Fraction(value) - end) < 0:
        value = math.nextafter(value, sign * math.inf)
    return value


def _beyond_all_floats(mantissa: int, sign: int) -> float:
    """Outward an infinity, inward the largest float: a lower end of 2^1024 is no infinity."""
    outward = (mantissa > 0) == (sign > 0)
    return math.copysign(math.inf if outward else math.nextafter(math.inf, 0.0), mantissa)


_LARGEST_EXPONENT, _SMALLEST_EXPONENT = 1100, -1100
"""Beyond these every end rounds to an infinity, the largest float, the smallest float or zero."""
