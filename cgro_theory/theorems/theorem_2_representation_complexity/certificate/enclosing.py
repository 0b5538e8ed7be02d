"""Rigorous values of sympy formulas: sums, products, powers and logarithms, evaluated in Arb."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import flint
import sympy

from cgro_theory.claims import Interval
from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.arb import exact, lower_float, precision, upper_float

_BITS = 160


def enclose(expression: sympy.Expr, values: Mapping[sympy.Symbol, int | Fraction]) -> Interval:
    """An interval that contains the expression's value at exact ``values``, rounded outward.

    0 · log 0 counts as 0, as in an entropy. Raises :class:`InvalidInput` on anything but Add, Mul, Pow, log, exp,
    rationals and the given symbols.
    """
    with precision(_BITS):
        ball = _ball(expression, values)
        return Interval(lower_float(ball), upper_float(ball))


def _ball(expression: sympy.Expr, values: Mapping[sympy.Symbol, int | Fraction]) -> flint.arb:
    if expression.is_Symbol and expression in values:
        return exact(Fraction(values[expression]))
    if expression.is_Rational:
        return exact(Fraction(int(expression.p), int(expression.q)))
    if expression is sympy.E:
        return flint.arb(1).exp()
    if isinstance(expression, sympy.Mul):
        result = flint.arb(1)
        for factor in sorted(expression.args, key=lambda factor: isinstance(factor, sympy.log)):
            if result.is_zero():
                return result
            result *= _ball(factor, values)
        return result
    parts = [_ball(argument, values) for argument in expression.args]
    if isinstance(expression, sympy.Add):
        return sum(parts, flint.arb(0))
    if isinstance(expression, sympy.Pow):
        return parts[0] ** parts[1]
    if isinstance(expression, sympy.exp):
        return parts[0].exp()
    if isinstance(expression, sympy.log):
        return parts[0].log()
    raise InvalidInput("expression", str(expression), "made of +, ·, powers, log, exp and given symbols")
