"""Test errors as the dimension grows, and their law at every strength of the attack (theory.md 2.2.4, 2.4)."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from cgro_theory.claims import (
    Case,
    Claim,
    Contradictions,
    Contrast,
    Counts,
    Evidence,
    Interval,
    Mean,
    MeanRule,
    Measurement,
    Prediction,
    Provenance,
    Quotient,
    Reading,
    Relation,
    Source,
    WorstCase,
)
from cgro_theory.numerics.confidence import clopper_pearson, empirical_bernstein, student_mean
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.noise_margin_law import directional_errors
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong
from cgro_theory.trainer.trajectories import Trajectories, attacked_signal_margin

from ..runs.full_weights import FullNetwork
from ..runs.initial_draws import initial_draws, seed_parts
from ..runs.phases import DIRECTIONS, Cell
from ..runs.trained import TrainedEvidence
from ..theory.conditions import BELOW_BOUNDARY, NOISE_OVER_SIGNAL, RADIUS, REGIME
from ..theory.overfitting import predict_noise_over_signal, standard_deviation
from .negative_controls import one_in_full_negated, one_in_ladder, told
from .scope import met, met_by_all
from .slopes import Compared, nearest_slope
from .symbols import PAPER, PROJECT, RATE, REAL, TIME, P, V, err_robust, kappa, q, slope, z, z_attacked
from .worst_run import BELOW_ONE

Array = NDArray[np.float64]

CLEAN_ERROR_LIMIT = Claim(
    label="theorem_1.clean_error_limit",
    statement="A bound of the clean test error, Var V/(2 z²), falls over the ladder like d to the power -q: the "
    "paper says that the error vanishes.",
    source=Source(PAPER + " and theory.md", "2.4", "v1"),
    provenance=(Provenance.PAPER, Provenance.DERIVED),
    quantity="slope of log Var V/(2 z²) in log d, seed nearest to an end of its interval",
    natural_range=REAL,
    relation=Relation.WITHIN,
    expression=sp.Eq(slope, -q),
    assumptions=(*NOISE_OVER_SIGNAL, BELOW_BOUNDARY),
    depends_on=("theorem_1.clean_test_error", "theorem_1.noise_memorization"),
    limitations="The rate of the error itself: Chebyshev's bound is fitted, over a finite ladder.",
)


def check_clean_error_limit(
    runs: TrainedEvidence,
    failure_probability: float,
    *,
    predict: Callable[..., Prediction] = predict_noise_over_signal,
) -> CheckedPair:
    """Each seed's slope in log d of the logarithm of Chebyshev's bound Var V/(2z²) at the end of training."""
    ladder = runs.ladder
    if len(ladder) < 3:
        return CheckedPair(Prediction(None), Measurement.failed("the ladder needs three dimensions"))
    entries: list[Compared] = []
    for group in ladder:
        own = group.trajectories
        below = met(group, (BELOW_BOUNDARY,))
        rows = zip(initial_draws(own), own.final_noise_margin_laws(), below, strict=True)
        for run, (draw, law, assumed) in enumerate(rows):
            ratio = predict(group.setting, draw, float(own.final_time[run]), standard_deviation)
            ends = ratio.interval
            predicted = Prediction(
                None if ends is None else Interval(ends.low**2 / 2, ends.high**2 / 2).outward(),
                (*ratio.assumed, *assumed),
                ratio.leading_order**2 / 2,
            )
            margin = float(own.final_signal_margin[run])
            bound = law.variance / (2.0 * margin**2) if margin > 0 else math.inf
            size, failure = float(group.setting.patch_dimension), group.failure_of(run)
            entries.append(Compared(predicted, Interval.point(bound), size, own.seeds[run], failure))
    return nearest_slope(entries, failure_probability)


ROBUST_ERROR_LIMIT = Claim(
    label="theorem_1.robust_error_limit",
    statement="Under the worst shift within span(w*) the robust test error comes nearer to 1/2 from each "
    "dimension of the ladder to the next: the paper says that it stays above a constant.",
    source=Source(PAPER + " and theory.md", "2.4", "v1"),
    provenance=(Provenance.PAPER, Provenance.DERIVED),
    quantity="largest ratio of 1/2 - robust test error from one dimension to the next, mean over the seeds",
    natural_range=TIME,
    relation=Relation.AT_MOST,
    expression=sp.Lt(sp.Function("P_next")(sp.Abs(V) <= z_attacked), P(sp.Abs(V) <= z_attacked)),
    assumptions=REGIME,
    depends_on=("theorem_1.attacked_signal_vanishes", "theorem_1.robust_error_law"),
    limitations="A fall over the ladder, not its limit; with κ = 1/(√d log d) it is a power of log d.",
)

SMALL_BALL_SAMPLES = 8192
"""Samples of the noise, all but one direction of it, per network."""
AttackedMargin = Callable[[PatchSetting, Array], Array]
"""Of the signals U of networks, shape (runs,), the margins z̃ that the attack leaves."""


def check_robust_error_limit(
    runs: TrainedEvidence, failure_probability: float, *, attacked: AttackedMargin = attacked_signal_margin
) -> CheckedPair:
    """½ minus the robust test error, from each dimension of the ladder to the next, by the exact law."""
    ladder = runs.ladder
    if len(ladder) < 2:
        return CheckedPair(Prediction(None), Measurement.failed("the ladder needs two dimensions"))
    predicted = Prediction(Interval(0.0, BELOW_ONE), met_by_all(ladder, REGIME))
    broken = next((group.failure for group in ladder if group.failure), "")
    if broken:
        return CheckedPair(predicted, Measurement.failed(broken))
    ends, readings, share = [], [], failure_probability / len(ladder)
    for group in ladder:
        own = group.trajectories
        margins = attacked(group.setting, own.final_signal)
        shares = [
            0.5 * law.small_ball_probabilities(float(margin), SMALL_BALL_SAMPLES, _generator(own, run))
            for run, (law, margin) in enumerate(zip(own.final_noise_margin_laws(), margins, strict=True))
        ]
        pooled = np.concatenate(shares)
        ends.append(student_mean(pooled, share))
        readings.append(Reading.of(ends[-1], Mean.of(pooled, MeanRule.STUDENT, share)))
    ratios = [
        Interval(after.low / before.high, after.high / before.low if before.low > 0 else math.inf)
        for before, after in pairwise(ends)
    ]
    # One outside comes first, even where another one's interval is wider and reaches farther.
    worst = max(ratios, key=lambda ratio: (ratio.low > BELOW_ONE, ratio.high))
    cases = [
        Case(predicted.interval, Reading(ratio, Quotient(after, before)))
        for ratio, (before, after) in zip(ratios, pairwise(readings), strict=True)
    ]
    middles = np.array([(end.low + end.high) / 2 for end in ends])
    logs = np.log([math.log(group.setting.patch_dimension) for group in ladder])
    rate = float(np.polyfit(logs, np.log(middles), 1)[0])
    measurement = Measurement(
        estimate=(worst.low + worst.high) / 2,
        interval=worst,
        confidence=1.0 - failure_probability,
        runs=sum(group.trajectories.runs for group in ladder),
        evidence=Evidence.STATISTICAL,
        seeds=ladder[0].trajectories.seeds,
        notes=(
            *(
                (f"½ - robust test error at d = {group.setting.patch_dimension:.0e}", float(value))
                for group, value in zip(ladder, middles, strict=True)
            ),
            ("fitted exponent in log d", rate),
        ),
        raw=WorstCase(tuple(cases)),
    )
    return CheckedPair(predicted, measurement)


def _generator(runs: Trajectories, run: int) -> np.random.Generator:
    return np.random.default_rng(derived_seed(runs.seeds[run], "small balls", *seed_parts(runs.setting)))


def _check_at_one_share(runs: TrainedEvidence, failure_probability: float) -> CheckedPair:
    share = runs.ladder[0].setting.attacked_signal_fraction
    attacked = told(attacked_signal_margin, attacked_signal_fraction=lambda setting: share)
    return check_robust_error_limit(runs, failure_probability, attacked=attacked)


ROBUST_ERROR_LAW = Claim(
    label="theorem_1.robust_error_law",
    statement="At every κ, λ, d and pair of exponents tried, the error under the worst shift within span(w*) is "
    "P(|V| > κ^q z)/2.",
    source=Source(PROJECT, "2.2.4"),
    provenance=(Provenance.DERIVED,),
    quantity="networks whose counted error and law have disjoint intervals, some with their weights in full",
    natural_range=TIME,
    relation=Relation.AT_MOST,
    expression=sp.Eq(err_robust, P(sp.Abs(V) > kappa**q * z) / 2),
    assumptions=(RADIUS,),
    depends_on=("lemmas.odd_symmetry", "lemmas.signal_homogeneity"),
    limitations="Resolved to the Clopper-Pearson intervals of some thousand fresh points per network.",
)


def robust_errors_in_full(network: FullNetwork, fraction: float) -> Array:
    """The law's robust error at κ = ``fraction`` >= 0, given sampled directions. shape: (DIRECTIONS,)"""
    kept = fraction if network.signal_margin >= 0 else 2.0 - fraction  # the worst shift goes the other way
    margin = network.signal_margin * kept**network.setting.degree
    generator = np.random.default_rng(derived_seed(network.seed, "law in full", fraction))
    return directional_errors(network.law(), margin, directions=DIRECTIONS, generator=generator)


def check_robust_error_law(
    runs: TrainedEvidence,
    failure_probability: float,
    *,
    of_cell: Callable[[Cell, float], Array] = Cell.robust_errors,
    in_full: Callable[[FullNetwork, float], Array] = robust_errors_in_full,
) -> CheckedPair:
    """Counted robust test errors against the exact law, network by network; disjoint intervals disagree.

    Across the phases the counts and the law share one reconstructed Gram matrix; the networks with full weights
    have neither.
    """
    cells = runs.phases.cells
    if not cells or not runs.full:
        return CheckedPair(Prediction(None), Measurement.failed("the networks of this claim were not trained"))
    fractions = [cell.setting.attacked_signal_fraction for cell in cells]
    counts = [
        (of_cell(cell, fraction), cell.robust_wrong, cell.test_points)
        for cell, fraction in zip(cells, fractions, strict=True)
    ]
    for network in runs.full:
        fractions += [float(fraction) for fraction in network.fractions]
        counts += [
            (in_full(network, float(fraction)), int(wrong), network.test_points)
            for fraction, wrong in zip(network.fractions, network.robust_wrong, strict=True)
        ]
    predicted = Prediction(Interval.point(0.0), (RADIUS.given(kappa=min(fractions)),))
    share = failure_probability / (2 * len(counts))
    disagreeing, largest, between = 0, 0.0, 0
    compared = []
    for errors, wrong, points in counts:
        law, counted = empirical_bernstein(errors, share), clopper_pearson(wrong, points, share)
        disagreeing += counted.high < law.low or law.high < counted.low
        told = Reading.of(law, Mean.of(errors, MeanRule.BERNSTEIN, share, RATE))
        compared.append(Contrast(told, Reading.of(counted, Counts(wrong, points, share))))
        expected = float(errors.mean())
        spread = math.sqrt(max(expected * (1 - expected), 1e-12) / points)
        largest = max(largest, abs(wrong / points - expected) / spread)
        between += 0.05 < expected < 0.45
    broken = next((cell.failure for cell in cells if cell.failure), "")
    if broken and not disagreeing:
        return CheckedPair(predicted, Measurement.failed(broken))
    seeds = {cell.seed for cell in cells} | {network.seed for network in runs.full}
    measurement = Measurement(
        estimate=float(disagreeing),
        interval=Interval.point(float(disagreeing)),
        confidence=1.0 - failure_probability,
        runs=len(counts),
        evidence=Evidence.STATISTICAL,
        seeds=tuple(sorted(seeds)),
        notes=(
            ("counts on weights held in full", float(len(counts) - len(cells))),
            ("networks with a robust error between 0.05 and 0.45", float(between)),
            ("largest difference in standard errors", largest),
        ),
        raw=Contradictions(tuple(compared)),
    )
    return CheckedPair(predicted, measurement)


CHECKED = (
    CheckedClaim(
        CLEAN_ERROR_LIMIT,
        check_clean_error_limit,
        (
            with_wrong(
                "exponent_off",
                "a tenth of q taken off the exponent",
                predict=told(
                    predict_noise_over_signal,
                    noise_std=lambda s: s.noise_std * float(s.patch_dimension) ** 0.05,
                ),
            ),
            one_in_ladder("one_run_unlearned", "adversarial_only"),
        ),
        needs=("main", "adversarial_only"),
    ),
    CheckedClaim(
        ROBUST_ERROR_LIMIT,
        check_robust_error_limit,
        (NegativeControl("same_share", "the law is told the same share κ at every d", check=_check_at_one_share),),
        needs=("main",),
    ),
    CheckedClaim(
        ROBUST_ERROR_LAW,
        check_robust_error_law,
        (
            with_wrong(
                "fraction_off",
                "a fifth too much of the signal is left by the attack",
                of_cell=lambda cell, fraction: cell.robust_errors(1.2 * fraction),
                in_full=lambda network, fraction: robust_errors_in_full(network, 1.2 * fraction),
            ),
            NegativeControl(
                "one_sign_flipped",
                "the weights of one network in full are negated before its errors are counted",
                one_in_full_negated,
            ),
        ),
        needs=("phases", "full"),
    ),
)
