"""Theorem 2: each claim's formula against the function of the theory that computes it."""

import inspect
import math

import mpmath
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy.core.relational import Relational

from cgro_theory.theorems.theorem_2_representation_complexity.claims import CHECKED
from cgro_theory.theorems.theorem_2_representation_complexity.claims.symbols import (
    STRUCTURAL,
    D,
    M,
    N,
    W,
    W_clean,
    epsilon,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory.counts import hierarchy_dimension

ENTRY = {entry.label: entry for entry in CHECKED}
COMPUTED = [entry for entry in CHECKED if entry.numeric]
RANGES = {
    "N": st.integers(1, 1000),
    "D": st.integers(8, 60),
    "M": st.integers(1, 60),
    "L": st.integers(1, 6),
    "p": st.sampled_from([1.0, 2.0, math.inf]),
    "W_clean": st.integers(0, 10**6),
    "epsilon": st.floats(1e-6, 0.3),
}


@pytest.mark.parametrize("entry", COMPUTED, ids=lambda entry: entry.label)
@given(st.data())
def test_the_formula_is_what_the_code_computes(entry, data):
    relation = entry.claim.expression
    symbols = sorted(relation.free_symbols, key=str)
    keywords = list(inspect.signature(entry.numeric).parameters)
    (solved,) = {symbol.name for symbol in symbols} - set(keywords)
    numbers = {name: data.draw(RANGES[name], label=name) for name in keywords}
    numbers[solved] = entry.numeric(**numbers)
    with mpmath.workdps(30):
        values = [mpmath.mpf(numbers[symbol.name]) if symbol.name != "L" else numbers["L"] for symbol in symbols]
        left, right = (sympy.lambdify(symbols, side, "mpmath")(*values) for side in (relation.lhs, relation.rhs))
        assert abs(left - right) <= 1e-12 * abs(right)


def test_the_claims_with_a_number_from_a_formula_have_their_function():
    assert {entry.label.removeprefix("theorem_2.") for entry in COMPUTED} == {
        "parameter_count",
        "squaring_error",
        "robust_test_error",
        "robust_lower_bound",
    }


@pytest.mark.parametrize("entry", CHECKED, ids=lambda entry: entry.label)
def test_every_formula_is_a_relation_of_free_symbols(entry):
    expression = entry.claim.expression
    for part in expression.args if isinstance(expression, sympy.And) else (expression,):
        assert isinstance(part, Relational)
        assert part.lhs.free_symbols


@pytest.mark.parametrize("order", STRUCTURAL)
def test_the_count_grows_as_the_claim_says(order):
    def count(samples, dimension):
        size = STRUCTURAL[order] / (M if order == 2.0 else 1)
        return size.subs({N: samples, D: dimension}, simultaneous=True)

    growth = ENTRY["theorem_2.count_growth"].claim.expression
    assert sympy.simplify(growth.replace(sympy.Function("W"), count).doit()) == sympy.true


@pytest.mark.parametrize("samples", [1, 1797, 10**6])
@pytest.mark.parametrize(("name", "any_graph"), [("hierarchy", False), ("hierarchy_any_graph", True)])
def test_the_hierarchy_holds_from_the_predicted_dimension_on(samples, name, any_graph):
    expression = ENTRY[f"theorem_2.{name}"].claim.expression
    found = hierarchy_dimension(samples, 0.1, any_graph=any_graph)
    for dimension in (found - 1, found, found + 1, found + 40):
        at = {N: samples, D: dimension, W_clean: 1, epsilon: sympy.Rational(1, 10)}
        at[W] = STRUCTURAL[math.inf].subs(at)
        assert bool(expression.doit().subs(at)) is (dimension >= found)
