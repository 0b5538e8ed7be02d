"""Checks of theorem 1 that compare dimensions or points: exponents, limits, and the order of memorization."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction, unmet
from cgro_theory.numerics.confidence import median_by_order_statistics
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.claims.per_run import (
    BELOW_ONE,
    nearest_to_violation,
    per_run,
    seeds_of,
    widened,
)
from cgro_theory.theorems.theorem_1_feature_learning.claims.slopes import slope_weights, together
from cgro_theory.theorems.theorem_1_feature_learning.claims.worst_run import (
    LEFT_OUT_AT_MOST,
    JudgedRun,
    judge_runs,
)
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import first_memorization, initial_draws
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import RunGroup, TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.theory import memorization as memorize
from cgro_theory.theorems.theorem_1_feature_learning.theory import signal as predict
from cgro_theory.theorems.theorem_1_feature_learning.theory.cascade import cascade_times

Array = NDArray[np.float64]


def check_signal_time_exponent(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each seed's slope of log T_I in log d against the slopes that its enclosures allow."""
    return _exponent(
        evidence,
        lambda group: group.trajectories.signal_time,
        lambda group, draws: [predict.predict_signal_time(group.assumed, draw, 0.0) for draw in draws],
        lambda group: group.flow_error.signal_time,
        signal_exponent_formula,
        lambda group: 0.0,
        failure_probability,
    )


def check_memorization_time_exponent(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each seed's slope of log T_III in log d against the slopes that its enclosures allow."""
    return _exponent(
        evidence,
        lambda group: first_memorization(group.trajectories),
        lambda group, draws: memorize.predict_first_memorization_times(group.assumed, draws, 0.0),
        lambda group: group.flow_error.first_memorization,
        memorization_exponent_formula,
        # The leading order of one seed holds its Gram matrix, which nears σ² d I with relative size √(n/d).
        lambda group: 3.0 * float(np.sqrt(group.assumed.num_noise / group.assumed.patch_dimension)),
        failure_probability,
    )


def signal_exponent_formula(degree: int, signal: float, noise: float, init: float) -> float:
    """-q a + (q-2) s for α = d^a and σ0 = d^-s (theory.md 2.4); ``init`` is -s."""
    del noise
    return -degree * signal - (degree - 2) * init


def memorization_exponent_formula(degree: int, signal: float, noise: float, init: float) -> float:
    """(q-2)(s - b - 1/2) - (2b + 1) for σ = d^b and σ0 = d^-s (theory.md 2.4); ``init`` is -s."""
    del signal
    return (degree - 2) * (-init - noise - 0.5) - (2 * noise + 1)


def check_attacked_signal_vanishes(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """κ^q z / std V at the end of each run, from each dimension of the ladder to the next.

    Both are outputs of the trained network: on attacked signal patches alone, and on the noise of fresh points.
    """
    ladder = evidence.ladder
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = [group.levels.attacked_signal / np.sqrt(group.levels.second_moment) for group in ladder]
        ratios = [after / before for before, after in pairwise(sizes)]
    entries = [
        per_run(group, run, Prediction(Interval(0.0, BELOW_ONE)), float(ratio))
        for group, values in zip(ladder[1:], ratios, strict=True)
        for run, ratio in enumerate(values)
    ]
    notes = tuple(
        (f"mean κ^q z / std V at d = {group.trajectories.setting.patch_dimension:.0e}", float(np.mean(size)))
        for group, size in zip(ladder, sizes, strict=True)
    )
    return judge_runs(entries, failure_probability, seeds=seeds_of(ladder), notes=notes)


def check_memorization_order(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Mean |log error| of the later points' times, with the shifts over without them; median over the runs.

    A run that does not memorize every point has the ratio inf: it follows neither formula.
    """
    group = evidence.main[0]
    trajectories, assumed = group.trajectories, []
    ratios, with_shifts, without, left_out = [], [], [], []
    for run, draw in enumerate(initial_draws(trajectories)):
        own = memorize.memorization_assumptions(group.assumed, draw)
        if unmet(own):
            left_out.append(own)
            continue
        assumed.append(own)
        measured = trajectories.memorization_times[run]
        if not np.all(np.isfinite(measured)):
            ratios.append(np.inf)
            continue
        later = np.argsort(measured)[1:]
        shifted = cascade_times(group.assumed, draw, shift_scale=evidence.shift_scale)
        plain = cascade_times(group.assumed, draw, shift_scale=0.0)
        # A predictor that says "never" of a point that is memorized is infinitely wrong.
        errors = [float(np.abs(np.log(times[later] / measured[later])).mean()) for times in (shifted, plain)]
        ratios.append(errors[0] / errors[1] if np.isfinite(errors[0]) else np.inf)
        with_shifts.append(float(stats.kendalltau(shifted, measured).statistic))
        without.append(float(stats.kendalltau(plain, measured).statistic))
    if not ratios:
        return CheckedPair(
            Prediction(None, left_out[0] if left_out else ()), Measurement.failed("no run meets the assumptions")
        )
    failure = group.failure
    if len(left_out) > LEFT_OUT_AT_MOST * trajectories.runs:
        failure = f"{len(left_out)} of {trajectories.runs} runs miss an assumption: {unmet(left_out[0])[0]}"
    ends = median_by_order_statistics(ratios, failure_probability)
    measurement = Measurement(
        estimate=float(np.median(ratios)),
        interval=Interval(ends.low, ends.high),
        confidence=1.0 - failure_probability,
        runs=len(ratios),
        evidence=Kind.STATISTICAL,
        seeds=trajectories.seeds,
        failure=failure,
        notes=(
            ("runs that do not memorize every point", float(np.isinf(ratios).sum())),
            ("share of runs left out", len(left_out) / trajectories.runs),
            *((("mean rank correlation with shifts", float(np.mean(with_shifts))),) if with_shifts else ()),
            *((("mean rank correlation without", float(np.mean(without))),) if without else ()),
        ),
    )
    return CheckedPair(Prediction(Interval(0.0, BELOW_ONE), assumed[0]), measurement)


def _exponent(
    evidence: TrainedEvidence,
    measured: Callable[[RunGroup], Array],
    enclose: Callable[[RunGroup, Sequence[predict.InitialDraw]], Sequence[Prediction]],
    flow_error: Callable[[RunGroup], float],
    formula: Callable[[int, float, float, float], float],
    unevenness: Callable[[RunGroup], float],
    failure_probability: float,
) -> CheckedPair:
    """Slopes over the ladder, seed by seed; a seed that never gets there at some d has no slope: outside.

    The prediction is the formula's exponent plus what the finite-size corrections, log of each enclosure over
    its leading order, can add to a least-squares slope. The leading orders of one seed share their normals
    (theory.md's slowly varying maximum), so they follow d^exponent up to ``unevenness``, relative.
    """
    ladder = evidence.ladder
    if len(ladder) < 3:
        return CheckedPair(Prediction(None), Measurement.failed("the ladder needs at least three dimensions"))
    weights = slope_weights([group.trajectories.setting.patch_dimension for group in ladder])
    assumed = [group.assumed for group in ladder]
    exponents = [
        float(weights @ np.log([getattr(setting, name) for setting in assumed]))
        for name in ("signal_strength", "noise_std", "init_std")
    ]
    exponent = formula(assumed[0].degree, *exponents)
    times = np.array([measured(group) for group in ladder])
    with np.errstate(invalid="ignore", divide="ignore"):
        slopes = np.where(np.isfinite(times).all(axis=0), weights @ np.log(times), np.nan)
    told_times = [enclose(group, initial_draws(group.trajectories)) for group in ladder]
    entries: list[JudgedRun] = []
    for seed, slope in enumerate(slopes):
        predicted = [times[seed] for times in told_times]
        enclosures = [
            replace(entry, interval=widened(entry.interval, flow_error(group)))
            for group, entry in zip(ladder, predicted, strict=True)
        ]
        told = _slope_of_seed(ladder, enclosures, exponent, weights, unevenness)
        failure = next((group.failure_of(seed) for group in ladder if group.failure_of(seed)), "")
        entries.append(replace(per_run(ladder[0], seed, told, float(slope)), failure=failure))
    return nearest_to_violation(ladder, lambda group: entries if group is ladder[0] else [], failure_probability)


def _slope_of_seed(
    ladder: Sequence[RunGroup],
    predicted: Sequence[Prediction],
    exponent: float,
    weights: Array,
    unevenness: Callable[[RunGroup], float],
) -> Prediction:
    """The slopes that one seed's enclosures allow."""
    assumed = together(predicted)
    if unmet(assumed):
        return Prediction(None, assumed, exponent)
    low = high = exponent
    for group, entry, weight in zip(ladder, predicted, weights, strict=True):
        if entry.interval is None:
            return Prediction(None, assumed, exponent)
        if weight != 0.0:  # the middle of a ladder, where an infinite end would give NaN
            with np.errstate(divide="ignore"):
                ends = np.log(np.array([entry.interval.low, entry.interval.high]) / entry.leading_order)
            corrections = sorted(weight * ends)
            room = abs(weight) * unevenness(group)
            low, high = low + corrections[0] - room, high + corrections[1] + room
    return Prediction(Interval(float(low), float(high)), assumed, exponent)
