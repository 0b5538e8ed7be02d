"""The formula of the claim is what the code computes."""

import math

import mpmath
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from cgro_theory.theorems.catalogue import room

(ENTRY,) = room("gaussian_model").checked


def test_the_formula_is_an_equation_with_a_numeric_function():
    assert isinstance(ENTRY.claim.expression, sp.Eq)
    assert ENTRY.claim.expression.free_symbols
    assert ENTRY.numeric is not None


@given(
    st.floats(0.0, 2.0),
    st.floats(0.3, 3.0),
    st.floats(-2.0, 2.0),
    st.floats(0.5, 2.0),
    st.floats(1.0, math.sqrt(2.0)),
)
def test_the_robust_error_of_the_code_is_the_formula(epsilon, sigma, w_theta, w_2, ratio):
    values = {
        "epsilon": epsilon,
        "sigma": sigma,
        "w_theta": w_theta,
        "w_1": min(ratio * w_2, math.sqrt(2.0) * w_2),
    }
    values["w_2"] = w_2
    error = ENTRY.numeric(**values)
    symbols = sorted(ENTRY.claim.expression.free_symbols, key=str)
    sides = [
        sp.lambdify(symbols, side, modules=[{"Phi": mpmath.ncdf}, "mpmath"])(
            *((values | {"robust_error": error})[str(symbol)] for symbol in symbols)
        )
        for side in (ENTRY.claim.expression.lhs, ENTRY.claim.expression.rhs)
    ]
    assert abs(sides[0] - sides[1]) <= 1e-12 * abs(sides[1])
