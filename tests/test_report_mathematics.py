"""Formulas on the page mean what sympy holds: the rendering is read back by other code and evaluated."""

import unicodedata
import xml.etree.ElementTree as ElementTree

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from cgro_theory.report.mathematics import to_mathml
from cgro_theory.theorems.catalogue import ROOMS

VALUES = {"x": 1.37, "y": 0.71, "z_0": 2.9, "α": 0.43, "q": 3.0}
X, Y, Z, ALPHA, Q = sympy.symbols("x y z_0 alpha q", positive=True)
SIGNS = {"−": "-", "+": "+", "·": "*", "(": "(", ")": ")"}


def read(element):
    """The element as a Python expression: a reader that shares nothing with the writer."""
    parts = list(element)
    if element.tag in ("mn", "mi"):
        return element.text
    if element.tag == "mo":
        return SIGNS[element.text]
    if element.tag == "mfrac":
        return f"(({read(parts[0])})/({read(parts[1])}))"
    if element.tag == "msup":
        return f"({read(parts[0])})**({read(parts[1])})"
    if element.tag == "msqrt":
        return f"({row(parts)})**0.5"
    if element.tag == "mroot":
        return f"({read(parts[0])})**(1/({read(parts[1])}))"
    if element.tag == "msub":
        return f"{read(parts[0])}_{read(parts[1])}"
    if element.tag == "msubsup":
        return f"({read(parts[0])}_{read(parts[1])})**({read(parts[2])})"
    assert element.tag in ("mrow", "math"), element.tag
    return row(parts)


def row(parts):
    """What stands side by side without a sign is multiplied."""
    text = ""
    for before, part in zip([None, *parts], parts, strict=False):
        times = before is not None and "mo" not in (before.tag, part.tag)
        text += ("*" if times else "") + read(part)
    return text


ATOMS = st.sampled_from([X, Y, Z, ALPHA, Q, sympy.Integer(2), sympy.Integer(-3), sympy.Rational(-5, 7), sympy.pi])


def extend(smaller):
    return st.one_of(
        st.tuples(smaller, smaller).map(lambda pair: pair[0] + pair[1]),
        st.tuples(smaller, smaller).map(lambda pair: pair[0] - pair[1]),
        st.tuples(smaller, smaller).map(lambda pair: pair[0] * pair[1]),
        st.tuples(smaller, st.sampled_from([X, Y + 1, Z * ALPHA])).map(lambda pair: pair[0] / pair[1]),
        st.tuples(st.sampled_from([X, Y + Q, Z]), smaller).map(lambda pair: pair[0] ** (pair[1] / 9)),
        st.tuples(st.sampled_from([X, Y + Q]), st.sampled_from([2, 3])).map(
            lambda pair: pair[0] ** sympy.Rational(1, pair[1])
        ),
        smaller.map(lambda inner: inner**2),
    )


@given(st.recursive(ATOMS, extend, max_leaves=7))
def test_a_formula_read_back_has_the_same_value(expression):
    expected = complex(expression.subs({X: 1.37, Y: 0.71, Z: 2.9, ALPHA: 0.43, Q: 3}).evalf(30))
    if not abs(expected) < 1e12:
        return
    text = read(ElementTree.fromstring(to_mathml(expression)))
    names = VALUES | {"π": float(sympy.pi), "e": float(sympy.E), "__builtins__": {}}
    assert complex(eval(text, names)) == pytest.approx(expected, rel=1e-8, abs=1e-9)


def shown(name):
    """The Greek letter of this name by the Unicode data base, whose lambda is called lamda; else the name."""
    size = "SMALL" if name.islower() else "CAPITAL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {name.replace('lambda', 'lamda')}")
    except KeyError:
        return name


def test_every_formula_of_the_catalogue_is_rendered_with_all_its_symbols():
    for room in ROOMS:
        for claim in room.claims:
            if claim.expression is None:
                continue
            root = ElementTree.fromstring(to_mathml(claim.expression))
            assert root.get("alttext") == str(claim.expression)
            text = "".join(root.itertext())
            for symbol in claim.expression.free_symbols:
                parts = [shown(part) for part in symbol.name.split("_")]
                assert parts[0] + ",".join(parts[1:]) in text or "\u00a0".join(parts) in text
            for assumption in claim.assumptions:
                if assumption.expression is not None:
                    ElementTree.fromstring(to_mathml(assumption.expression))


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        (sympy.Function("P")(X) / 2, "P(x)2"),
        (sympy.Eq(X, Y), "x=y"),
        (sympy.Or(X <= 1, Y >= 2), "y≥2∨x≤1"),
        (sympy.And(X < 1, Y > 2), "y>2∧x<1"),
        (sympy.Piecewise((X, sympy.Eq(Q, 1)), (Y, True)), "{xforq=1yotherwise"),
        (sympy.Abs(sympy.Symbol("V")), "|V|"),
        (sympy.Max(X, sympy.floor(sympy.Symbol("D") / 2)), "max(x,⌊D2⌋)"),
        (sympy.Sum(sympy.Symbol("i") ** 2, (sympy.Symbol("i"), 1, sympy.Symbol("N"))), "∑i=1Ni2"),
        (sympy.Product(sympy.Symbol("i"), (sympy.Symbol("i"), 1, 3)), "∏i=13i"),
        (sympy.Symbol("sigma_max"), "σmax"),
        (sympy.Symbol("std_V_next"), "stdV,next"),
        (sympy.Function("phi_q")(-X), "φq(−x)"),
        (sympy.erf(X), "erf(x)"),
        (sympy.Not(sympy.Symbol("b")), "¬b"),
        (sympy.Symbol("a<b"), "a<b"),
        (sympy.Symbol("a&b"), "a&b"),
        (sympy.Symbol("a}b{"), "a}b{"),
        (sympy.Symbol(r"\hat{\xi}"), "ξ^"),
        (sympy.oo, "∞"),
        (sympy.Float("0.1") * X, "0.1x"),
        (1 - X, "1−x"),
        (sympy.Symbol("robust_train_error"), "robust\u00a0train\u00a0error"),
        (sympy.Function("robust_train_accuracy")(X), "robust\u00a0train\u00a0accuracy(x)"),
    ],
)
def test_notation(expression, shown):
    text = "".join(ElementTree.fromstring(to_mathml(expression)).itertext())
    assert text == shown


def test_a_name_cannot_add_markup():
    assert "<img" not in to_mathml(sympy.Symbol("<img src=x>") / 2)


def test_only_what_surrounds_a_fraction_is_stretched():
    def parentheses(expression):
        return {
            mo.get("stretchy")
            for mo in ElementTree.fromstring(to_mathml(expression)).iter("mo")
            if mo.text in "()"
        }

    assert parentheses(X * (Y + Q)) == {"false"}
    assert parentheses(X * (Y + 1 / Q)) == {"true"}
