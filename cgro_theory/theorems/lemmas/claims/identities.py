"""What the lemmas share: counts of exceptions that must be 0, and the conditions under which they are made.

An identity is certified by sympy alone. Where code relies on it, that code is asked too, at some numbers (in
integers if it can be exact): that can only refute.
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
CODE_BESIDE = (
    "The code, which is asked at some numbers beside the symbols: a difference refutes, and agreement certifies "
    "nothing."
)


def symbolic_pair(left: int, made: int, runs: int, degrees: Iterable[int] = ()) -> CheckedPair:
    """Exceptions among ``runs`` symbolic identities, to be 0.

    ``left``: what sympy does not simplify to 0; ``made``: differences found beside it in the code that runs use,
    which count where there are any; ``degrees``: those for which DEGREE is relied on.
    """
    value, notes = float(left + made), (("differences in the code", float(made)),)
    raw = Tally((("symbolic", left), *((("in the code", made),) if made else ())), runs)
    evidence = Evidence.STATISTICAL if made else Evidence.SYMBOLIC
    measurement = Measurement(value, Interval.point(value), 1.0, runs, evidence, notes=notes, raw=raw)
    assumed = each_once(DEGREE.given(q=degree) for degree in degrees)
    return CheckedPair(Prediction(Interval.point(0.0), assumed), measurement)
