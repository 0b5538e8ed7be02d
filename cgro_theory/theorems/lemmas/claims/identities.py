"""What the lemmas share: counts of exceptions that must be 0, and the conditions under which they are made.

An identity is checked by sympy; where code relies on it, that code is asked too, in integers if it can be exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from cgro_theory.claims import Evidence, Interval, Measurement, Prediction, Tally
from cgro_theory.claims.condition import each_once
from cgro_theory.theorems.checked_claim import CheckedPair

from ..theory.tensor_power import DEGREE

PROJECT = "this project, theory.md"
COUNT = Interval(0.0, math.inf)
DEGREES = range(2, 7)
ONE_DEGREE_AT_A_TIME = (
    "The formula for all q at once: it is simplified for q = 2, 3, 4, 5, 6, one degree at a time."
)


def symbolic_pair(left: int, made: int, runs: int, degrees: Iterable[int] = ()) -> CheckedPair:
    """``left``: what sympy does not simplify to 0; ``made``: differences found in the code that runs use.

    ``degrees``: those for which DEGREE is relied on.
    """
    value, notes = float(left + made), (("differences in the code", float(made)),)
    raw = Tally((("symbolic", left), ("in the code", made)), runs)
    measurement = Measurement(value, Interval.point(value), 1.0, runs, Evidence.SYMBOLIC, notes=notes, raw=raw)
    assumed = each_once(DEGREE.given(q=degree) for degree in degrees)
    return CheckedPair(Prediction(Interval.point(0.0), assumed), measurement)
