"""Memorization is a cascade: memorized points shift where the later ones start (theory.md 2.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import stats

from cgro_theory.claims import (
    Claim,
    Evidence,
    Interval,
    Measurement,
    Median,
    OneReading,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
    unmet,
)
from cgro_theory.numerics.confidence import median_by_order_statistics
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong

from ..runs.initial_draws import initial_draws
from ..runs.trained import TrainedEvidence
from ..theory.cascade import cascade_times, times_alone
from ..theory.conditions import MEMORIZING
from ..theory.signal import InitialDraw
from .negative_controls import judged_on
from .scope import met
from .symbols import PROJECT, TIME
from .worst_run import BELOW_ONE, LEFT_OUT_AT_MOST

MEMORIZATION_ORDER = Claim(
    label="theorem_1.memorization_order",
    statement="Memorization is a cascade: with the shifts that memorized points give to later ones the later "
    "times are predicted better than by each point's own formula, in the median run.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="mean |log error| of the later times with the shifts over without them, median over the runs",
    natural_range=TIME,
    relation=Relation.AT_MOST,
    expression=sp.Eq(
        sp.Symbol("Dv_i", real=True),
        sp.Symbol("Dv_k", real=True) * sp.Symbol("K_ki", real=True) / sp.Symbol("xi_k", positive=True) ** 2,
    ),
    assumptions=MEMORIZING,
    depends_on=("theorem_1.first_memorization_time",),
    limitations="That the shifts are the whole difference: only that they help. The formula is the size of one "
    "shift. One dimension, d = 10^4. A run that does not memorize every point counts as inf.",
)

PredictTimes = Callable[[PatchSetting, InitialDraw], NDArray[np.float64]]


def check_memorization_order(
    runs: TrainedEvidence, failure_probability: float, *, predict: PredictTimes = cascade_times
) -> CheckedPair:
    """Mean |log error| of the later points' times, with the shifts over without them; median over the runs.

    A run that does not memorize every point has the ratio inf: it follows neither formula.
    """
    group = runs.main[0]
    trajectories, setting = group.trajectories, group.setting
    assumed, ratios, with_shifts, without, left_out = [], [], [], [], []
    scope = met(group, MEMORIZATION_ORDER.assumptions)
    for run, (draw, own) in enumerate(zip(initial_draws(trajectories), scope, strict=True)):
        if unmet(own):
            left_out.append(own)
            continue
        assumed.append(own)
        measured = trajectories.memorization_times[run]
        if not np.all(np.isfinite(measured)):
            ratios.append(np.inf)
            continue
        later = np.argsort(measured)[1:]
        shifted, alone = predict(setting, draw), times_alone(setting, draw)
        # A predictor that says "never" of a point that is memorized is infinitely wrong.
        errors = [float(np.abs(np.log(times[later] / measured[later])).mean()) for times in (shifted, alone)]
        ratios.append(errors[0] / errors[1] if np.isfinite(errors[0]) else np.inf)
        with_shifts.append(float(stats.kendalltau(shifted, measured).statistic))
        without.append(float(stats.kendalltau(alone, measured).statistic))
    if not ratios:
        why = Measurement.failed("no run meets the assumptions")
        return CheckedPair(Prediction(None, left_out[0] if left_out else ()), why)
    failure = group.failure
    if len(left_out) > LEFT_OUT_AT_MOST * trajectories.runs:
        failure = f"{len(left_out)} of {trajectories.runs} runs miss an assumption: {unmet(left_out[0])[0]}"
    ends = median_by_order_statistics(ratios, failure_probability)
    measurement = Measurement(
        estimate=float(np.median(ratios)),
        interval=Interval(ends.low, ends.high),
        confidence=1.0 - failure_probability,
        runs=len(ratios),
        evidence=Evidence.STATISTICAL,
        seeds=trajectories.seeds,
        failure=failure,
        notes=(
            ("runs that do not memorize every point", float(np.isinf(ratios).sum())),
            ("share of runs left out", len(left_out) / trajectories.runs),
            *((("mean rank correlation with shifts", float(np.mean(with_shifts))),) if with_shifts else ()),
            *((("mean rank correlation without", float(np.mean(without))),) if without else ()),
        ),
        raw=OneReading(Reading.of(ends, Median(tuple(map(float, ratios)), failure_probability))),
    )
    return CheckedPair(Prediction(Interval(0.0, BELOW_ONE), assumed[0]), measurement)


def _with_shifts_tripled(setting: PatchSetting, draw: InitialDraw) -> NDArray[np.float64]:
    own = np.diag(np.diag(draw.noise_gram))
    return cascade_times(setting, replace(draw, noise_gram=3.0 * draw.noise_gram - 2.0 * own))


CHECKED = (
    CheckedClaim(
        MEMORIZATION_ORDER,
        check_memorization_order,
        (
            with_wrong("shifts_tripled", "shifts three times too large", predict=_with_shifts_tripled),
            judged_on("standard_runs", "main", "standard"),
        ),
        needs=("main", "standard"),
    ),
)
