"""Conditions: one text that is evaluated, typeset and explained; a prediction may rely on stated ones only."""

from __future__ import annotations

import math

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from cgro_theory.claims import Condition
from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.catalogue import ROOMS

CONDITIONS = sorted(
    {each for room in ROOMS for claim in room.claims for each in claim.assumptions if isinstance(each, Condition)},
    key=lambda condition: (condition.name, condition.formula),
)


def test_it_is_evaluated_with_the_numbers_given() -> None:
    mixed = Condition("mixed weight", "0 < lambda_ < 1", "both losses are trained on")
    assert mixed.given(lambda_=0.5).met
    for value in (0.0, 1.0, math.nan, math.inf):
        assert not mixed.given(lambda_=value).met
    assert str(mixed.given(lambda_=0.0)) == (
        "mixed weight: both losses are trained on (0 < lambda_ < 1; here lambda = 0)"
    )


def test_where_it_has_no_value_it_is_unmet() -> None:
    assert not Condition("c", "log(x) < 1 / y", "").given(x=0.0, y=1.0).met
    assert not Condition("c", "x ** y > 1", "").given(x=1e300, y=2.0).met


@pytest.mark.parametrize(
    ("formula", "numbers"),
    [
        ("x < 1 or y < 1", {"x": math.nan, "y": 0.0}),
        ("x ** 0 < 2", {"x": math.nan}),
        ("x - y < 1 or 0 < x", {"x": math.inf, "y": math.inf}),
    ],
)
def test_nan_anywhere_leaves_it_unmet(formula: str, numbers: dict[str, float]) -> None:
    assert not Condition("c", formula, "").given(**numbers).met
    assert Condition("c", formula, "").given(**dict.fromkeys(numbers, 0.5)).met


NO_COMPARISON = ["x", "x + 1", "x or y", "x and 1 < 2", "x < 1 or 1 < 2", "x < 1 and (y or y < 1)"]


@pytest.mark.parametrize("formula", ["1 < 2", *NO_COMPARISON, "x < y.z", "x <", "[x] < 1", "f(x) < 1", "x is x"])
def test_what_says_nothing_or_is_no_comparison_is_refused(formula: str) -> None:
    with pytest.raises(InvalidInput):
        Condition("c", formula, "")


def test_exactly_its_numbers_are_given() -> None:
    with pytest.raises(InvalidInput, match="exactly"):
        Condition("c", "x < y", "").given(x=1.0)
    with pytest.raises(InvalidInput, match="exactly"):
        Condition("c", "x < 1", "").given(x=1.0, y=1.0)


def test_every_condition_of_a_claim_is_a_formula_that_can_fail_and_hold() -> None:
    constant = [each for each in CONDITIONS if each.expression in (sympy.true, sympy.false)]
    assert constant == []
    assert len(CONDITIONS) >= 10


@given(st.data())
def test_what_is_typeset_is_what_is_evaluated(data: st.DataObject) -> None:
    condition = data.draw(st.sampled_from(CONDITIONS))
    numbers = {
        name: data.draw(st.floats(0.125, 8.0).map(lambda x: round(x, 3)), label=name) for name in condition.symbols
    }
    found = condition.expression.subs(
        {sympy.Symbol(name.rstrip("_"), real=True): sympy.Rational(str(value)) for name, value in numbers.items()}
    )
    gaps = [abs(float((side.lhs - side.rhs).evalf())) for side in _relations(condition, numbers)]
    if not gaps or min(gaps) > 1e-9:  # on a boundary float64 may round to the other side
        assert condition.given(**numbers).met == bool(found)


def _relations(condition: Condition, numbers: dict[str, float]) -> list[sympy.core.relational.Relational]:
    values = {sympy.Symbol(name.rstrip("_"), real=True): sympy.Rational(str(x)) for name, x in numbers.items()}
    atoms = condition.expression.atoms(sympy.core.relational.Relational)
    return [each.func(each.lhs.subs(values), each.rhs.subs(values), evaluate=False) for each in atoms]
