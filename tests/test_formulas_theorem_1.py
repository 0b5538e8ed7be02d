"""The formula that a claim of theorem 1 shows is the one that its code computes."""

import math

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from sympy.core.relational import Relational

from cgro_theory.theorems.catalogue import room

ENTRIES = room("theorem_1").checked
BOUND_TO_CODE = [entry for entry in ENTRIES if entry.numeric]
RANGES = {
    "q": st.integers(3, 6),
    "N": st.integers(1, 40),
    "alpha": st.floats(0.5, 30.0),
    "kappa": st.floats(0.0, 1.0),
    "lambda": st.floats(0.05, 0.95),
    "u_max": st.floats(1e-3, 1.0),
    "v_0": st.floats(1e-3, 1.0),
    "xi": st.floats(0.1, 10.0),
    "t": st.floats(1e2, 1e8),
    "z": st.floats(1.1, 60.0),
    "med_V": st.floats(1e-6, 1.0),
    "Var_V": st.floats(1e-6, 1.0),
    "a": st.floats(-1.0, 1.0),
    "b": st.floats(-1.0, 1.0),
    "s": st.floats(-1.0, 1.0),
}
SOLVED_FOR = {
    "signal_time": "T_I",
    "signal_plateau": "z",
    "first_memorization_time": "T_III",
    "clean_weight_needed": "err_sign",
    "signal_time_exponent": "slope",
    "memorization_time_exponent": "slope",
    "overfitting_boundary": "kappa_1",
    "phase_boundary": "kappa_star",
    "collapse_boundary": "kappa_minus",
}


def short(entry):
    return entry.label.partition(".")[2]


def test_every_formula_is_a_relation_that_names_something():
    for entry in ENTRIES:
        whole = entry.claim.expression
        for part in whole.args if isinstance(whole, sp.And) else (whole,):
            assert isinstance(part, Relational), entry.label
            assert part.lhs.free_symbols, entry.label


def test_the_formulas_that_code_computes_are_these():
    assert {short(entry) for entry in BOUND_TO_CODE} == set(SOLVED_FOR)


@pytest.mark.parametrize("entry", BOUND_TO_CODE, ids=short)
@given(st.data())
def test_formula_and_code_agree(entry, data):
    relation, unknown = entry.claim.expression, SOLVED_FOR[short(entry)]
    symbols = sorted(relation.free_symbols, key=str)
    numbers = {str(symbol): data.draw(RANGES[str(symbol)], label=str(symbol)) for symbol in symbols
               if str(symbol) != unknown}  # fmt: skip
    keywords = {"lambda_" if name == "lambda" else name: value for name, value in numbers.items()}
    numbers[unknown] = entry.numeric(**keywords)
    sides = sp.lambdify(symbols, (relation.lhs, relation.rhs), "math")
    left, right = sides(*(numbers[str(symbol)] for symbol in symbols))
    cancels = 1e-12 if unknown == "slope" else 0.0  # a sum of terms of order one may be near 0
    assert math.isclose(left, right, rel_tol=1e-12, abs_tol=cancels)
