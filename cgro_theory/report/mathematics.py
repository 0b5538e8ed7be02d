"""Formulas as presentation MathML, which browsers draw natively: no network, no script, no font to load.

Every sympy expression gets a rendering; what has no notation here is written as a named function of its
arguments, so that no formula is ever dropped from a page. Everything that becomes text is escaped.
"""

from __future__ import annotations

from html import escape

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom

_LOGIC, _RELATION, _SUM, _PRODUCT, _POWER, _ATOM = range(6)
"""How tightly a rendering binds; a part that binds less than its place needs is put into parentheses."""

_SMALL: tuple[str, ...] = (
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
)
_SMALL += ("nu", "xi", "omicron", "pi", "rho", "", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega")
_GREEK = {name: chr(ord("α") + index) for index, name in enumerate(_SMALL) if name}
_GREEK |= {name.capitalize(): letter.upper() for name, letter in _GREEK.items()}
_RELATIONS = {"==": "=", "!=": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}
_CONNECTIVES: dict[type, str] = {sympy.And: "∧", sympy.Or: "∨"}
_CONSTANTS = {sympy.pi: "π", sympy.E: "e", sympy.oo: "∞", sympy.I: "i", sympy.EulerGamma: "γ"}
_BARS: dict[type, tuple[str, str]] = {
    sympy.Abs: ("|", "|"),
    sympy.floor: ("⌊", "⌋"),
    sympy.ceiling: ("⌈", "⌉"),
}
_NAMES: dict[type, str] = {sympy.Max: "max", sympy.Min: "min"}
_OPERATORS: dict[type, str] = {sympy.Sum: "∑", sympy.Product: "∏"}


def to_mathml(expression: sympy.Basic) -> str:
    """The expression as a ``<math>`` element whose ``alttext`` is the same formula in plain text.

    Numbers are exact, as sympy holds them; the order of factors and terms is sympy's, with positive terms first.

    >>> to_mathml(sympy.Symbol("z_0") / 2)
    '<math alttext="z_0/2"><mfrac><msub><mi>z</mi><mn>0</mn></msub><mn>2</mn></mfrac></math>'
    """
    return f'<math alttext="{escape(str(expression), quote=True)}">{_render(expression)[0]}</math>'


def is_constant(expression: sympy.Basic) -> bool:
    """Whether the expression is a number or a truth value, which alone is no formula that says something."""
    return not expression.free_symbols


def constant_to_mathml(sign: str, value: sympy.Basic) -> str:
    """How a quantity stands to a number, such as "quantity ≤ 0"; of a truth value, which is no formula, nothing.

    >>> constant_to_mathml("≤", sympy.Integer(0))
    '<math alttext="quantity ≤ 0"><mrow><mtext>quantity</mtext><mo>≤</mo><mn>0</mn></mrow></math>'
    """
    if isinstance(value, BooleanAtom):
        return ""
    shown = f"<mrow><mtext>quantity</mtext>{_operator(sign)}{_render(value)[0]}</mrow>"
    return f'<math alttext="{escape(f"quantity {sign} {value}", quote=True)}">{shown}</math>'


def name_to_mathml(name: str) -> str:
    """A symbol's name: Greek letters by name, what follows an underscore as a subscript; whole words stay words.

    >>> name_to_mathml("sigma_max"), name_to_mathml("train_error")
    ('<msub><mi>σ</mi><mi>max</mi></msub>', '<mi>train error</mi>')
    """
    base, *subscripts = [part for part in name.split("_") if part] or [name]
    words = [base, *subscripts]
    if all(len(word) > 2 and word.isalpha() and word not in _GREEK for word in words):
        return _leaf(" ".join(words))
    parts = ["".join(_leaf(part) for part in subscripts)] if subscripts else []
    if len(subscripts) > 1:
        parts = [f"<mrow>{parts[0]}</mrow>"]
    return f"<msub>{_leaf(base)}{parts[0]}</msub>" if parts else _leaf(base)


def _leaf(text: str) -> str:
    tag = "mn" if text.isdigit() else "mi"
    return f"<{tag}>{escape(_GREEK.get(text, text))}</{tag}>"


def _operator(symbol: str) -> str:
    return f"<mo>{escape(symbol)}</mo>"


def _inside(expression: sympy.Basic, needed: int) -> str:
    """The rendering, in parentheses when it binds less tightly than ``needed``."""
    text, priority = _render(expression)
    return f"<mrow>{_parenthesized(text)}</mrow>" if priority < needed else text


def _parenthesized(text: str) -> str:
    # Where no mathematical font is installed, browsers stretch parentheses too far around plain symbols.
    tall = any(tag in text for tag in ("<mfrac", "<munderover", "<mtable"))
    fence = "<mo>{}</mo>" if tall else '<mo stretchy="false">{}</mo>'
    return fence.format("(") + text + fence.format(")")


def _render(expression: sympy.Basic) -> tuple[str, int]:
    if expression in _CONSTANTS:
        return f"<mi>{_CONSTANTS[expression]}</mi>", _ATOM
    if isinstance(expression, sympy.Symbol):
        return name_to_mathml(expression.name), _ATOM
    if isinstance(expression, (sympy.Integer, sympy.Float)):
        negative = expression.is_negative
        size = abs(expression)
        number = f"<mn>{size if isinstance(size, sympy.Integer) else repr(float(size))}</mn>"
        return (f"<mrow><mo>−</mo>{number}</mrow>", _SUM) if negative else (number, _ATOM)
    if isinstance(expression, sympy.Add):
        return _sum(expression), _SUM
    if isinstance(expression, (sympy.Mul, sympy.Rational)):
        return _product(expression)
    if isinstance(expression, (sympy.Pow, sympy.exp)):
        return _power(expression)
    if isinstance(expression, Relational):
        sign = _RELATIONS.get(expression.rel_op, expression.rel_op)
        return f"<mrow>{_render(expression.lhs)[0]}{_operator(sign)}{_render(expression.rhs)[0]}</mrow>", _RELATION
    if isinstance(expression, BooleanAtom):
        return f"<mtext>{str(expression).lower()}</mtext>", _ATOM
    if type(expression) in _CONNECTIVES:
        parts = [_inside(part, _RELATION) for part in _sorted(expression)]
        return f"<mrow>{_operator(_CONNECTIVES[type(expression)]).join(parts)}</mrow>", _LOGIC
    if isinstance(expression, sympy.Piecewise):
        return _cases(expression), _ATOM
    return _function(expression), _ATOM


def _sorted(expression: sympy.Basic) -> list[sympy.Basic]:
    return sorted(expression.args, key=sympy.default_sort_key)


def _sum(expression: sympy.Add) -> str:
    terms = sorted(expression.as_ordered_terms(), key=lambda term: term.could_extract_minus_sign())
    parts: list[str] = []
    for term in terms:
        if term.could_extract_minus_sign():
            parts += ["<mo>−</mo>", _inside(-term, _PRODUCT)]
        else:
            parts += ["<mo>+</mo>", _inside(term, _PRODUCT)] if parts else [_inside(term, _PRODUCT)]
    return f"<mrow>{''.join(parts)}</mrow>"


def _product(expression: sympy.Expr) -> tuple[str, int]:
    if expression.could_extract_minus_sign():
        return f"<mrow><mo>−</mo>{_inside(-expression, _PRODUCT)}</mrow>", _SUM
    numerator, denominator = sympy.fraction(expression, exact=True)
    if denominator != 1:
        return f"<mfrac>{_render(numerator)[0]}{_render(denominator)[0]}</mfrac>", _POWER
    text = ""
    for factor in expression.as_ordered_factors():
        part = _inside(factor, _PRODUCT)
        # Two numbers side by side would read as one.
        times = "⋅" if part.startswith(("<mn>", "<msup><mn>")) else "\u2062"
        text += _operator(times) + part if text else part
    return f"<mrow>{text}</mrow>", _PRODUCT


def _power(expression: sympy.Expr) -> tuple[str, int]:
    base, exponent = expression.as_base_exp()
    if exponent.could_extract_minus_sign() and base != sympy.E:
        return f"<mfrac><mn>1</mn>{_render(base**-exponent)[0]}</mfrac>", _POWER
    if isinstance(exponent, sympy.Rational) and exponent.p == 1 and exponent.q > 1:
        inner = _render(base)[0]
        if exponent.q == 2:
            return f"<msqrt>{inner}</msqrt>", _ATOM
        return f"<mroot><mrow>{inner}</mrow><mn>{exponent.q}</mn></mroot>", _ATOM
    return f"<msup>{_inside(base, _ATOM)}<mrow>{_render(exponent)[0]}</mrow></msup>", _POWER


def _cases(expression: sympy.Piecewise) -> str:
    rows = []
    for value, condition in expression.args:
        when = (
            "<mtext>otherwise</mtext>"
            if condition == sympy.true
            else f"<mtext>if\u00a0</mtext>{_render(condition)[0]}"
        )
        rows.append(f"<mtr><mtd>{_render(value)[0]}</mtd><mtd>{when}</mtd></mtr>")
    return f'<mrow><mo>{{</mo><mtable class="cases">{"".join(rows)}</mtable></mrow>'


def _function(expression: sympy.Basic) -> str:
    kind = type(expression)
    if kind in _BARS:
        left, right = _BARS[kind]
        body = _render(expression.args[0])[0]
        return f"<mrow><mo>{left}</mo>{body}<mo>{right}</mo></mrow>"
    if kind in _OPERATORS:
        return _big_operator(expression, _OPERATORS[kind])
    name = expression.func.__name__ if isinstance(expression, AppliedUndef) else _NAMES.get(kind, kind.__name__)
    if not expression.args:
        return f"<mtext>{escape(str(expression))}</mtext>"
    ordered = _sorted(expression) if kind in _NAMES else expression.args
    arguments = "<mo>,</mo>".join(_render(argument)[0] for argument in ordered)
    return f"<mrow>{name_to_mathml(name)}<mo>\u2061</mo>{_parenthesized(arguments)}</mrow>"


def _big_operator(expression: sympy.Basic, symbol: str) -> str:
    body, *limits = expression.args
    operators = []
    for limit in limits:
        index, low, high = limit
        below = f"<mrow>{_render(index)[0]}<mo>=</mo>{_render(low)[0]}</mrow>"
        operators.append(f"<munderover><mo>{symbol}</mo>{below}<mrow>{_render(high)[0]}</mrow></munderover>")
    return f"<mrow>{''.join(operators)}{_inside(body, _PRODUCT)}</mrow>"
