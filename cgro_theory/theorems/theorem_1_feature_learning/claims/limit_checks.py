"""Checks of theorem 1 on its limits in d: clean test error to 0, robust test error to 1/2, with their rates."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.numerics.confidence import student_mean
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.claims.per_run import BELOW_ONE
from cgro_theory.theorems.theorem_1_feature_learning.claims.slopes import Compared, nearest_slope
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import initial_draws, seed_parts
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import (
    deviation,
    predict_noise_over_signal,
)
from cgro_theory.trainer.trajectories import Trajectories

SMALL_BALL_SAMPLES = 8192
"""Samples of the noise, all but one direction of it, per network."""


def check_clean_error_limit(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """Each seed's slope in log d of the logarithm of Chebyshev's bound Var V/(2z²) at the end of training."""
    ladder = evidence.ladder
    if len(ladder) < 3:
        return CheckedPair(Prediction(None), Measurement.failed("the ladder needs three dimensions"))
    entries: list[Compared] = []
    for group in ladder:
        runs = group.trajectories
        for run, (draw, law) in enumerate(zip(initial_draws(runs), runs.final_noise_margin_laws(), strict=True)):
            ratio = predict_noise_over_signal(group.assumed, draw, float(runs.final_time[run]), deviation)
            margin = float(runs.final_signal_margin[run])
            bound = law.variance / (2.0 * margin**2) if margin > 0 else math.inf
            entries.append(
                Compared(
                    replace(
                        ratio,
                        interval=ratio.interval
                        and Interval(ratio.interval.low**2 / 2, ratio.interval.high**2 / 2).outward(),
                        leading_order=ratio.leading_order**2 / 2,
                    ),
                    Interval.point(bound),
                    float(runs.setting.patch_dimension),
                    runs.seeds[run],
                    group.failure_of(run),
                )
            )
    return nearest_slope(entries, failure_probability)


def check_robust_error_limit(evidence: TrainedEvidence, failure_probability: float) -> CheckedPair:
    """½ minus the robust test error, from each dimension of the ladder to the next, by the exact law."""
    ladder, predicted = evidence.ladder, Prediction(Interval(0.0, BELOW_ONE))
    broken = next((group.failure for group in ladder if group.failure), "")
    if broken or len(ladder) < 2:
        return CheckedPair(predicted, Measurement.failed(broken or "the ladder needs two dimensions"))
    ends, share = [], failure_probability / len(ladder)
    for group in ladder:
        runs = group.trajectories
        margins = group.assumed.attacked_gain * runs.final_signal
        shares = [
            0.5 * law.small_ball_probabilities(float(margin), SMALL_BALL_SAMPLES, _generator(runs, run))
            for run, (law, margin) in enumerate(zip(runs.final_noise_margin_laws(), margins, strict=True))
        ]
        ends.append(student_mean(np.concatenate(shares), share))
    pairs = list(pairwise(ends))
    ratios = [
        Interval(after.low / before.high, after.high / before.low if before.low > 0 else math.inf)
        for before, after in pairs
    ]
    worst = max(ratios, key=lambda ratio: ratio.high)
    middles = np.array([(end.low + end.high) / 2 for end in ends])
    logs = np.log([math.log(group.trajectories.setting.patch_dimension) for group in ladder])
    rate = float(np.polyfit(logs, np.log(middles), 1)[0])
    measurement = Measurement(
        estimate=(worst.low + worst.high) / 2,
        interval=worst,
        confidence=1.0 - failure_probability,
        runs=sum(group.trajectories.runs for group in ladder),
        evidence=Kind.STATISTICAL,
        seeds=ladder[0].trajectories.seeds,
        notes=(
            *(
                (f"½ - robust test error at d = {group.trajectories.setting.patch_dimension:.0e}", float(value))
                for group, value in zip(ladder, middles, strict=True)
            ),
            ("fitted exponent in log d", rate),
        ),
    )
    return CheckedPair(predicted, measurement)


def _generator(runs: Trajectories, run: int) -> np.random.Generator:
    return np.random.default_rng(derived_seed(runs.seeds[run], "small balls", *seed_parts(runs.setting)))
