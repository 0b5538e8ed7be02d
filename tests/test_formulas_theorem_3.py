"""Theorem 3 and the landscape: each claim's formula against the function of the theory that computes it."""

import inspect

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy.core.relational import Relational

from cgro_theory.theorems.theorem_3_global_flatness.claims import CHECKED
from cgro_theory.theorems.theorem_3_global_flatness.theory.bounds import explicit_bound
from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import DensitySmoothness

ENTRIES = {entry.label: entry for entry in CHECKED}
COMPUTED = [entry for entry in CHECKED if entry.numeric]
WITH_LEADING_ORDER = {"theorem_3.rate"}
"""The claims whose prediction has a leading order."""

RANGES = {
    "N": st.integers(1, 10**9),
    "D": st.integers(1, 40),
    "h": st.floats(0.01, 0.5),
    "B": st.floats(0.1, 10.0),
    "Delta": st.floats(1e-9, 0.5),
    "pi_1": st.floats(0.01, 0.99),
    "delta": st.floats(0.001, 0.25),
    "TV": st.floats(0.01, 1.0),
    "V": st.floats(0.0, 1e3),
    "F_D": st.floats(0.1, 1e3),
    "F_S": st.floats(0.1, 1e3),
    "G": st.floats(0.1, 10.0),
    "H": st.floats(0.1, 10.0),
    "L_S_adv": st.floats(0.0, 1.0),
    "L_D_clean": st.floats(0.01, 1.0),
}


def draw_numbers(data, names):
    """Numbers for the symbols; the classes' weights have the sum 1."""
    numbers = {name: data.draw(RANGES[name], label=name) for name in sorted(names - {"pi_2"})}
    return numbers | ({"pi_2": 1.0 - numbers["pi_1"]} if "pi_2" in names else {})


def sides(relation, numbers):
    """Both sides in 30 digits."""
    values = {symbol: sympy.Float(repr(float(numbers[symbol.name])), 30) for symbol in relation.free_symbols}
    return [side.subs(values).evalf(30) for side in (relation.lhs, relation.rhs)]


@pytest.mark.parametrize("entry", COMPUTED, ids=lambda entry: entry.label)
@given(st.data())
def test_the_formula_is_what_the_code_computes(entry, data):
    relation = entry.claim.expression
    names = {symbol.name for symbol in relation.free_symbols}
    known = set(inspect.signature(entry.numeric).parameters)
    (solved,) = names - known
    numbers = draw_numbers(data, known)
    left, right = sides(relation, numbers | {solved: entry.numeric(**numbers)})
    assert abs(left - right) <= 1e-12 * max(abs(left), abs(right))


@given(st.data())
def test_the_vacuous_bound_is_the_explicit_one(data):
    relation = ENTRIES["theorem_3.vacuity"].claim.expression
    numbers = draw_numbers(data, {symbol.name for symbol in relation.free_symbols})
    density = DensitySmoothness(numbers["V"], (numbers["pi_1"], numbers["pi_2"]))
    bound = explicit_bound(
        numbers["N"],
        numbers["D"],
        numbers["h"],
        numbers["F_D"],
        density,
        perturbation_radius=0.0,
        loss_bound=numbers["B"],
    )
    left, right = sides(relation, numbers)
    assert abs(left - bound.total) <= 1e-12 * abs(left)
    assert bound.vacuous == (left >= right)


@pytest.mark.parametrize("entry", CHECKED, ids=lambda entry: entry.label)
def test_every_formula_compares_quantities(entry):
    expression = entry.claim.expression
    assert isinstance(expression, Relational)
    assert expression.free_symbols
    assert expression.lhs.free_symbols
    assert all(symbol.is_real for symbol in expression.free_symbols)


def test_what_has_a_leading_order_has_a_function():
    assert {label for label in WITH_LEADING_ORDER if ENTRIES[label].numeric} == WITH_LEADING_ORDER
