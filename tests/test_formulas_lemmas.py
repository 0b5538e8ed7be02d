"""The formulas of the lemmas' claims are what the code computes."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from cgro_theory.theorems.catalogue import checked_claim, room
from cgro_theory.theorems.lemmas.claims.tensor_power import TENSOR_POWER_TIME
from cgro_theory.theorems.lemmas.theory.tensor_power import predict_tensor_power_time

CHECKED = room("lemmas").checked


def residual(expression, values):
    """|left - right| of an equation over the size of its terms, in float64."""
    symbols = sorted(expression.free_symbols, key=str)
    terms = [*sp.Add.make_args(expression.lhs), *sp.Add.make_args(expression.rhs)]
    sizes = [abs(sp.lambdify(symbols, term)(*(values[str(s)] for s in symbols))) for term in terms]
    gap = sp.lambdify(symbols, expression.lhs - expression.rhs)(*(values[str(s)] for s in symbols))
    return abs(gap) / max(sizes)


def test_every_formula_is_a_relation_that_says_something():
    for entry in CHECKED:
        formula = entry.claim.expression
        assert isinstance(formula, sp.And | sp.core.relational.Relational), entry.label
        assert formula.free_symbols, entry.label


def test_no_lemma_predicts_a_number_of_its_parameters():
    """So none needs a numeric function; two have one, and those are held against their formulas here."""
    assert {entry.label for entry in CHECKED if entry.numeric} == {
        "lemmas.gaussian_chaos_variance",
        "lemmas.common_clock",
    }


@given(st.floats(0.01, 100.0), st.floats(0.01, 100.0), st.floats(0.05, 0.95), st.sampled_from([-1.0, 1.0]))
def test_the_variance_of_the_code_is_the_formula(c_rr, c_ss, size, sign):
    entry = checked_claim("lemmas.gaussian_chaos_variance")
    values = {"C_rr": c_rr, "C_ss": c_ss, "C_rs": sign * size * np.sqrt(c_rr * c_ss)}
    assert residual(entry.claim.expression, values | {"Cov_rs": entry.numeric(**values)}) < 1e-12


@given(st.floats(0.01, 10.0), st.floats(1.1, 10.0), st.floats(2.1, 6.0))
def test_the_clock_of_the_code_is_the_formula(u_0, growth, q):
    entry = checked_claim("lemmas.common_clock")
    values = {"u": u_0 * growth, "u_0": u_0, "q": q}
    assert residual(entry.claim.expression, values | {"tau": entry.numeric(**values)}) < 1e-12


@given(st.floats(0.05, 0.9), st.floats(1.05, 6.0), st.floats(0.01, 1.0), st.floats(2.1, 6.0))
def test_the_bracket_of_the_code_is_the_formula(initial, factor, rate, degree):
    """Up to the room for rounding that the bracket adds, 1e-12 of its upper end."""
    symbols = sp.symbols("z_0 v A q", real=True)
    values = (initial, initial * factor, rate, degree)
    bracket = predict_tensor_power_time(*values[:2], rate, rate, degree).interval
    time = sp.Symbol("T", real=True)
    parts = TENSOR_POWER_TIME.expression.args
    low = sp.lambdify(symbols, next(part.lts for part in parts if part.gts == time))(*values)
    high = sp.lambdify(symbols, next(part.gts for part in parts if part.lts == time))(*values)
    assert bracket.low <= low == pytest.approx(bracket.low, abs=3e-12 * high)
    assert bracket.high >= high == pytest.approx(bracket.high, rel=3e-12)
