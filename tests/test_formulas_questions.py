"""The formulas of the questions' claims are what the code computes."""

import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from test_formulas_lemmas import residual

from cgro_theory.theorems.catalogue import checked_claim, room

CHECKED = room("questions").checked


def test_every_formula_is_a_relation_that_says_something():
    for entry in CHECKED:
        formula = entry.claim.expression
        assert isinstance(formula, sp.And | sp.core.relational.Relational), entry.label
        assert formula.free_symbols, entry.label


def test_the_formulas_that_code_computes_are_held_against_it_here():
    labels = {"activation_degree", "memorizer_corners", "dimension"}
    assert {entry.label for entry in CHECKED if entry.numeric} == {f"questions.{label}" for label in labels}


@given(st.integers(2, 6), st.floats(-0.5, 0.6), st.floats(-0.9, 0.2))
def test_the_exponent_of_the_separation_is_the_formula(q, a, b):
    entry = checked_claim("questions.activation_degree")
    values = {"q": q, "a": a, "b": b}
    assert residual(entry.claim.expression, values | {"slope": entry.numeric(**values)}) < 1e-12


@given(st.integers(2, 10**6), st.integers(0, 1000))
def test_the_memorizers_error_on_corners_is_the_formula(K, N):
    entry = checked_claim("questions.memorizer_corners")
    values = {"K": K, "N": N}
    assert residual(entry.claim.expression, values | {"robust_test_error": entry.numeric(**values)}) < 1e-12


@given(st.floats(2.0, 9.0))
def test_the_exponent_of_the_noise_ratio_is_the_formula(q):
    entry = checked_claim("questions.dimension")
    assert residual(entry.claim.expression, {"q": q, "slope": entry.numeric(q=q)}) < 1e-12
