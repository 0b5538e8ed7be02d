"""How long tensor power iteration takes (theory.md 2.3): sampled iterations against their brackets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import sympy as sp

from cgro_theory.claims import (
    Claim,
    Contradictions,
    Contrast,
    EvaluatedCondition,
    Evidence,
    Interval,
    Measurement,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
)
from cgro_theory.claims.condition import each_once
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl

from ..runs.hitting_times import LemmaRuns
from ..theory.tensor_power import DEGREE, GROWTH, RATES, predict_tensor_power_time
from .identities import COUNT, PROJECT

_q, _A, _v, _z0, _T = sp.symbols("q A v z_0 T", real=True)
_T_c = (_z0 ** (2 - _q) - _v ** (2 - _q)) / (_A * (_q - 2))

TENSOR_POWER_TIME = Claim(
    label="lemmas.tensor_power_time",
    statement="For q > 2 tensor power iteration z + A z^(q-1) first reaches the level v after at least T_c "
    "and at most (1 + A v^(q-2))^(q-1) T_c + 1 steps; for q = 2 after at least log(v/z_0)/log(1+A) and at "
    "most one step more.",
    source=Source(PROJECT, "2.3"),
    provenance=(Provenance.NEW,),
    quantity="instances whose exact hitting time leaves the bracket",
    natural_range=COUNT,
    relation=Relation.AT_MOST,
    expression=sp.And(sp.Le(_T_c, _T), sp.Le(_T, (1 + _A * _v ** (_q - 2)) ** (_q - 1) * _T_c + 1)),
    assumptions=(DEGREE, GROWTH, RATES),
    statistical=False,
    limitations="All instances: those of up to 10^5 steps are sampled, and the two-line proof of theory.md "
    "2.3 covers the rest. The formula is that for q > 2.",
)


def check_tensor_power_time(
    runs: LemmaRuns,
    failure_probability: float,
    predict: Callable[[float, float, float, float, float], Prediction] = predict_tensor_power_time,
) -> CheckedPair:
    """Count the sampled instances whose rigorous hitting time leaves the bracket."""
    outside = 0
    assumed: list[EvaluatedCondition] = []
    compared = []
    for each in runs.hitting_times:
        rate = float(each.rate)
        bracket = predict(float(each.initial), float(each.level), rate, rate, each.degree)
        assumed += bracket.assumed
        if each.steps is None:
            return CheckedPair(Prediction(None), Measurement.failed("a hitting time could not be decided"))
        steps = Interval.point(each.steps)
        if bracket.interval is not None:
            outside += not bracket.interval.contains(steps)
            compared.append(Contrast(Reading(bracket.interval), Reading(steps), inside=True))
    measurement = Measurement(
        estimate=float(outside),
        interval=Interval.point(float(outside)),
        confidence=1.0,
        runs=len(runs.hitting_times),
        evidence=Evidence.STATISTICAL,
        raw=Contradictions(tuple(compared)),
    )
    return CheckedPair(Prediction(Interval.point(0.0), each_once(assumed)), measurement)


def _told_rate(factor: float) -> Callable[[LemmaRuns, float], CheckedPair]:
    def predict(initial: float, level: float, low: float, high: float, degree: float) -> Prediction:
        return predict_tensor_power_time(initial, level, factor * low, factor * high, degree)

    return partial(check_tensor_power_time, predict=predict)


CHECKED = (
    CheckedClaim(
        TENSOR_POWER_TIME,
        check_tensor_power_time,
        controls=(
            NegativeControl("rate_halved", "the bracket is told half the rate", check=_told_rate(0.5)),
            NegativeControl(
                "rate_raised", "the bracket is told a rate 1.5 times too large", check=_told_rate(1.5)
            ),
        ),
        needs=("hitting_times",),
    ),
)
