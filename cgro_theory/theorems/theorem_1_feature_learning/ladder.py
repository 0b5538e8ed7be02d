"""Checks of theorem 1 that compare dimensions or points: exponents, limits, and the order of memorization."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import median_by_order_statistics
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning import memorization_prediction as memorize
from cgro_theory.theorems.theorem_1_feature_learning import prediction as predict
from cgro_theory.theorems.theorem_1_feature_learning.cascade import cascade_times
from cgro_theory.theorems.theorem_1_feature_learning.draws import first_memorization, initial_draws
from cgro_theory.theorems.theorem_1_feature_learning.evidence import RunGroup, TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.per_run import (
    BELOW_ONE,
    PerRun,
    extreme_run,
    nearest_to_violation,
    widened_for_flow,
)

Array = NDArray[np.float64]


def check_signal_time_exponent(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each seed's slope of log T_I in log d against the slopes that its enclosures allow."""
    return _exponent(
        evidence,
        lambda group: group.trajectories.signal_time,
        lambda group, draw: predict.predict_signal_time(group.assumed, draw, 0.0),
        signal_exponent_formula,
        lambda group: 0.0,
        failure_probability,
    )


def check_memorization_time_exponent(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each seed's slope of log T_III in log d against the slopes that its enclosures allow."""
    return _exponent(
        evidence,
        lambda group: first_memorization(group.trajectories),
        lambda group, draw: memorize.predict_first_memorization_time(group.assumed, draw, 0.0),
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
    """κ^q z / std V at the end of each run, from each dimension of the ladder to the next."""
    sizes = []
    for group in evidence.ladder:
        setting = group.trajectories.setting
        attacked = setting.attacked_gain * group.trajectories.final_signal
        spread = np.sqrt([law.variance for law in group.trajectories.final_noise_margin_laws()])
        sizes.append(attacked / spread)
    ratios = np.array(sizes[1:]) / np.array(sizes[:-1])
    pair = extreme_run(
        evidence.ladder,
        Interval(0.0, BELOW_ONE),
        lambda group: ratios.max(axis=0) if group is evidence.ladder[0] else np.zeros(0),
        largest=True,
        failure_probability=failure_probability,
    )
    notes = tuple(
        (f"mean κ^q z / std V at d = {group.trajectories.setting.patch_dimension:.0e}", float(np.mean(size)))
        for group, size in zip(evidence.ladder, sizes, strict=True)
    )
    return replace(pair, prediction=replace(pair.prediction, notes=notes))


def check_memorization_order(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Mean |log error| of the later points' times, with the shifts over without them; median over the runs."""
    group = evidence.main[0]
    trajectories = group.trajectories
    ratios, with_shifts, without = [], [], []
    for run, draw in enumerate(initial_draws(trajectories)):
        measured = trajectories.memorization_times[run]
        if not np.all(np.isfinite(measured)):
            continue
        later = np.argsort(measured)[1:]
        shifted = cascade_times(group.assumed, draw, shift_scale=evidence.shift_scale)
        plain = cascade_times(group.assumed, draw, shift_scale=0.0)
        kept = later[np.isfinite(shifted[later]) & np.isfinite(plain[later])]
        errors = [float(np.abs(np.log(times[kept] / measured[kept])).mean()) for times in (shifted, plain)]
        ratios.append(errors[0] / errors[1])
        with_shifts.append(float(stats.kendalltau(shifted, measured).statistic))
        without.append(float(stats.kendalltau(plain, measured).statistic))
    if not ratios:
        return CheckedPair(
            Prediction(Interval(0.0, BELOW_ONE)), Measurement.failed("no run memorized every point")
        )
    ends = median_by_order_statistics(ratios, failure_probability)
    measurement = Measurement(
        estimate=float(np.median(ratios)),
        interval=Interval(ends.low, ends.high),
        confidence=1.0 - failure_probability,
        runs=len(ratios),
        evidence=Kind.STATISTICAL,
        seeds=trajectories.seeds,
        failure=group.failure,
        notes=(
            ("mean rank correlation with shifts", float(np.mean(with_shifts))),
            ("mean rank correlation without", float(np.mean(without))),
        ),
    )
    return CheckedPair(Prediction(Interval(0.0, BELOW_ONE)), measurement)


def _exponent(
    evidence: TrainedEvidence,
    measured: Callable[[RunGroup], Array],
    enclose: Callable[[RunGroup, predict.InitialDraw], predict.TimePrediction],
    formula: Callable[[int, float, float, float], float],
    unevenness: Callable[[RunGroup], float],
    failure_probability: float,
) -> CheckedPair:
    """Slopes over the ladder, seed by seed.

    The prediction is the formula's exponent plus what the finite-size corrections, log of each enclosure over
    its leading order, can add to a least-squares slope. The leading orders of one seed share their normals
    (theory.md's slowly varying maximum), so they follow d^exponent up to ``unevenness``, relative.
    """
    ladder = evidence.ladder
    if len(ladder) < 3:
        return CheckedPair(Prediction(None), Measurement.failed("the ladder needs at least three dimensions"))
    log_d = np.log([group.trajectories.setting.patch_dimension for group in ladder])
    weights = (log_d - log_d.mean()) / ((log_d - log_d.mean()) ** 2).sum()
    assumed = [group.assumed for group in ladder]
    exponents = [
        float(weights @ np.log([getattr(setting, name) for setting in assumed]))
        for name in ("signal_strength", "noise_std", "init_std")
    ]
    exponent = formula(assumed[0].degree, *exponents)
    slopes = weights @ np.log(np.array([measured(group) for group in ladder]))
    draws = [initial_draws(group.trajectories) for group in ladder]
    entries: list[PerRun] = []
    for seed, slope in enumerate(slopes):
        predicted = [enclose(group, draw[seed]) for group, draw in zip(ladder, draws, strict=True)]
        entries.append(_exponent_of_seed(ladder, predicted, exponent, float(slope), weights, unevenness))
    return nearest_to_violation(ladder, lambda group: entries if group is ladder[0] else [], failure_probability)


def _exponent_of_seed(
    ladder: Sequence[RunGroup],
    predicted: Sequence[predict.TimePrediction],
    exponent: float,
    slope: float,
    weights: Array,
    unevenness: Callable[[RunGroup], float],
) -> PerRun:
    unmet = tuple(reason for entry in predicted for reason in entry.unmet)
    if unmet:
        return PerRun(ladder[0], predict.TimePrediction(None, exponent, unmet), slope)
    low = high = exponent
    for group, entry, weight in zip(ladder, predicted, weights, strict=True):
        interval = widened_for_flow(group, entry.interval)
        if interval is None:
            return PerRun(ladder[0], predict.TimePrediction(None, exponent), slope)
        corrections = sorted(weight * np.log(np.array([interval.low, interval.high]) / entry.leading_order))
        room = abs(weight) * unevenness(group)
        low, high = low + corrections[0] - room, high + corrections[1] + room
    return PerRun(ladder[0], predict.TimePrediction(Interval(low, high), exponent), slope)
