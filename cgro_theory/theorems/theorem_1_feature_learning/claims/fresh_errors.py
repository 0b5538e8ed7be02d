"""Errors on fresh points, clean and attacked (theory.md 2.2.4), counted point by point.

Given the networks, every fresh point is drawn on its own, so counts over runs may be pooled also where runs of a
ladder share their initial draw; no statement about other draws is made from pooled points.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from cgro_theory.claims import (
    Claim,
    Contradictions,
    Contrast,
    Counts,
    Evidence,
    Interval,
    Mean,
    MeanRule,
    Measurement,
    Median,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
    StatedAssumption,
)
from cgro_theory.claims.condition import each_once
from cgro_theory.numerics.confidence import clopper_pearson, empirical_bernstein, median_by_order_statistics
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw, directional_errors
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong
from cgro_theory.trainer.trajectories import attacked_signal_margin

from ..runs.counted_errors import NoiseLevels
from ..runs.initial_draws import seed_parts
from ..runs.trained import RunGroup, TrainedEvidence
from ..theory.conditions import ATTACK, CLEAN_WEIGHT, TRAINED
from .negative_controls import NEGATED_ONE, ONE_NEGATED, all_negated, attacked_at, one_in_full_negated, recounted
from .scope import met_by_all
from .symbols import PAPER, PROJECT, RATE, TIME, P, V, Var_V, err_clean, err_robust, z, z_attacked
from .worst_run import counted

Array = NDArray[np.float64]

CLEAN_TEST = Claim(
    label="theorem_1.clean_test_error",
    statement="A fresh clean point is misclassified with probability P(|V| > z)/2, at most Var V / (2 z²).",
    source=Source(PROJECT, "2.2.4"),
    provenance=(Provenance.DERIVED,),
    quantity="counted error rates that contradict the law or the bound, and contradicted variances, over runs and "
    "noise levels",
    natural_range=TIME,
    relation=Relation.AT_MOST,
    expression=sp.And(sp.Eq(err_clean, P(sp.Abs(V) > z) / 2), sp.Le(err_clean, Var_V / (2 * z**2))),
    assumptions=(
        ATTACK,
        CLEAN_WEIGHT,
        StatedAssumption(
            "fresh noise",
            "the noise of a fresh point is independent of the weights",
            "its seed, which no training sees",
        ),
    ),
    depends_on=("lemmas.odd_symmetry", "lemmas.gaussian_chaos_variance", "theorem_1.signal_plateau"),
    limitations="Errors are counted where fresh noise is louder than in training: the bound is about noise of "
    "any strength. At the noise of training none is seen, which shows only that they are rare.",
)

DIRECTIONS = 1024
"""Sampled directions per network and noise level, for the law of a fresh point's noise margin."""

MakeLaw = Callable[[Array, int, int], NoiseMarginLaw]


@dataclass(frozen=True)
class _Network:
    """One network at its noise levels: what was counted, and the law and margin that are told."""

    seed: int
    setting: PatchSetting
    law: NoiseMarginLaw
    margin: float
    levels: NoiseLevels
    run: int

    @property
    def wrong(self) -> NDArray[np.int64]:
        return np.asarray(self.levels.wrong[self.run])

    @property
    def second_moment_ratio(self) -> float:
        """Mean of V² on the counted points over the told variance."""
        return float(self.levels.second_moment[self.run]) / self.law.variance

    def errors(self, level: int) -> Array:
        """The law's error at a level, given sampled directions; V grows like the factor to the power q."""
        seed = derived_seed(self.seed, "law at noise levels", level)
        margin = self.margin / float(self.levels.factors[self.run, level]) ** self.setting.degree
        generator = np.random.default_rng(seed)
        return directional_errors(self.law, margin, directions=DIRECTIONS, generator=generator)

    def bound(self, level: int) -> float:
        """Var V / (2 z²) at a level, never above 1: as stated, whatever the sign of z."""
        margin = abs(self.margin) / float(self.levels.factors[self.run, level]) ** self.setting.degree
        return self.law.chebyshev_bound(margin) / 2.0 if margin > 0 else 1.0


def check_clean_test_error(
    runs: TrainedEvidence, failure_probability: float, *, make_law: MakeLaw = NoiseMarginLaw
) -> CheckedPair:
    """Counted clean errors against their law and its bound Var V / (2 z²), where errors occur.

    At the noise of training no error is seen, and the bound is far below what counting resolves. The bound holds
    for fresh noise of any strength, so it is put to the test where the noise is louder. Three things are counted
    as contradictions: a counted rate (of one network, or of all at one level) whose Clopper-Pearson interval is
    disjoint from the law's; one whose lower end is above the bound; and second moments of V, measured at the noise
    of training, that exclude the told variance. The last: a mean of V²/Var V over n points has a standard
    deviation of at most ((9^q - 1)/n)^(1/2), as E V⁴ <= 9^q (E V²)² by hypercontractivity (odd q), hence a median
    that near to 1, which the sign test's interval over the networks must reach.
    """
    networks = _networks(runs, make_law)
    if not networks or not runs.full:
        return CheckedPair(Prediction(None), Measurement.failed("the runs of this claim were not made"))
    levels = networks[0].levels.factors.shape[1]
    sizes = sorted({network.levels.points for network in networks})
    share = failure_probability / (2 * levels * (len(sizes) + len(networks)) + 1)
    contradictions = 0
    compared: list[Contrast] = []
    notes: list[tuple[str, float]] = []
    for level in range(levels):
        for points in sizes:  # a mean over networks is a rate of points where all have equally many
            some = [network for network in networks if network.levels.points == points]
            errors, bounds = [n.errors(level) for n in some], [n.bound(level) for n in some]
            counts = [int(network.wrong[level]) for network in some]
            for law, bound, count in zip(errors, bounds, counts, strict=True):
                contradictions += _contradicts(law, bound, count, points, share, compared)
            wrong, tried, bound = sum(counts), points * len(some), float(np.mean(bounds))
            contradictions += _contradicts(np.concatenate(errors), bound, wrong, tried, share, compared)
            of = f"noise level {level + 1}" + (f", {points} points a network" if len(sizes) > 1 else "")
            notes += [(f"counted error at {of}", wrong / tried), (f"mean bound at {of}", bound)]
    ratios = [network.second_moment_ratio for network in networks]
    middle = median_by_order_statistics(ratios, share)
    room = max(math.sqrt((9.0**network.setting.degree - 1.0) / network.levels.points) for network in networks)
    contradictions += middle.high < 1.0 - room or middle.low > 1.0 + room
    told = Reading(Interval(1.0 - room, 1.0 + room))
    compared.append(Contrast(told, Reading.of(middle, Median(tuple(ratios), share))))
    seen = sum(int(group.errors.clean_test.sum()) for group in runs.main)
    tried = sum(group.errors.test_points * group.trajectories.runs for group in runs.main)
    broken = next((group.failure for group in runs.main if group.failure), "")
    measurement = Measurement(
        estimate=float(contradictions),
        interval=Interval.point(float(contradictions)),
        confidence=1.0 - failure_probability,
        runs=len(networks),
        evidence=Evidence.STATISTICAL,
        seeds=tuple(sorted({network.seed for network in networks})),
        failure="" if contradictions else broken,
        notes=(
            *notes,
            ("median of the measured E V² over Var V", float(np.median(ratios))),
            ("errors seen at the noise of training", float(seen)),
            ("points at the noise of training", float(tried)),
            ("their Clopper-Pearson upper end", clopper_pearson(seen, tried, failure_probability).high),
            ("networks with their weights held in full", float(len(runs.full))),
        ),
        raw=Contradictions(tuple(compared)),
    )
    weights = {network.setting.adversarial_weight for network in networks}
    pair = (ATTACK, CLEAN_WEIGHT)
    assumed = each_once(each.given(lambda_=weight) for weight in sorted(weights) for each in pair)
    return CheckedPair(Prediction(Interval.point(0.0), assumed), measurement)


def _networks(runs: TrainedEvidence, make_law: MakeLaw) -> list[_Network]:
    found = []
    for group in runs.main:
        setting, own = group.setting, group.trajectories
        for run in range(own.runs):
            if run in own.broken:
                continue
            covariance = setting.noise_std**2 * own.final_weight_gram[run]
            law = make_law(covariance, setting.degree, setting.noise_patches)
            margin = setting.clean_gain * float(own.final_signal[run])
            found.append(_Network(own.seeds[run], setting, law, margin, group.levels, run))
    for network in runs.full:
        setting = network.setting
        law = make_law(network.law().covariance, setting.degree, setting.noise_patches)
        found.append(_Network(network.seed, setting, law, network.signal_margin, network.levels, 0))
    return found


def _contradicts(
    law_errors: Array,
    bound: float,
    wrong: int,
    points: int,
    failure_probability: float,
    compared: list[Contrast],
) -> int:
    """1 when a counted rate has an interval disjoint from its law's, or surely exceeds its bound; else 0.

    What was compared is appended to ``compared``.
    """
    interval = clopper_pearson(wrong, points, failure_probability)
    law = empirical_bernstein(law_errors, failure_probability)
    told = Reading.of(law, Mean.of(law_errors, MeanRule.BERNSTEIN, failure_probability, RATE))
    compared.append(Contrast(told, Reading.of(interval, Counts(wrong, points, failure_probability)), bound))
    return int(interval.high < law.low or law.high < interval.low or interval.low > bound)


def _half_the_variance(covariance: Array, degree: int, noise_patches: int) -> NoiseMarginLaw:
    return NoiseMarginLaw(covariance * 2.0 ** (-1.0 / degree), degree, noise_patches)


ROBUST_TEST = Claim(
    label="theorem_1.robust_test_error",
    statement="Under the worst shift within span(w*) a fresh point is misclassified with probability "
    "1/2 - P(|V| <= z̃)/2, which is close to 1/2 while κ is far below κ_1.",
    source=Source(PAPER + " and theory.md", "2.2.4", "v1"),
    provenance=(Provenance.DERIVED,),
    quantity="robust test error under the worst shift within span(w*), mean over the runs",
    natural_range=RATE,
    relation=Relation.EQUALS,
    tolerance=0.01,
    expression=sp.Eq(err_robust, sp.Rational(1, 2) - P(sp.Abs(V) <= z_attacked) / 2),
    assumptions=TRAINED,
    depends_on=("lemmas.odd_symmetry", "lemmas.signal_homogeneity"),
    limitations="Attacks outside span(w*), under which the error is larger. The tolerance 0.01 is the resolution "
    "of the sampled points, fixed here.",
)


def check_robust_test_error(
    runs: TrainedEvidence,
    failure_probability: float,
    *,
    attacked: Callable[[PatchSetting, Array], Array] = attacked_signal_margin,
) -> CheckedPair:
    """Fresh attacked points misclassified, against the exact law of V."""
    groups, half, errors = runs.main, failure_probability / 2, []
    for group in groups:
        margins = attacked(group.setting, group.trajectories.final_signal)
        laws = group.trajectories.final_noise_margin_laws()
        errors += [
            directional_errors(law, float(margin), directions=2048, generator=_generator(group, run))
            for run, (law, margin) in enumerate(zip(laws, margins, strict=True))
        ]
    ends = empirical_bernstein(np.concatenate(errors), half)
    law = Reading.of(ends, Mean.of(np.concatenate(errors), MeanRule.BERNSTEIN, half, RATE))
    assumed = met_by_all(groups, TRAINED)
    prediction = Prediction(Interval(ends.low, ends.high), assumed, float(np.mean(errors)), raw=law)
    counts = [group.errors.robust_test for group in groups]
    trials = [group.errors.test_points * group.trajectories.runs for group in groups]
    return CheckedPair(prediction, counted(groups, counts, trials, half, failure_probability))


def _generator(group: RunGroup, run: int) -> np.random.Generator:
    seed = group.trajectories.seeds[run]
    return np.random.default_rng(derived_seed(seed, "law directions", *seed_parts(group.setting)))


CHECKED = (
    CheckedClaim(
        CLEAN_TEST,
        check_clean_test_error,
        (
            with_wrong("variance_halved", "half of Var V", make_law=_half_the_variance),
            all_negated("main"),
            ONE_NEGATED,
            NegativeControl("one_full_sign_flipped", NEGATED_ONE + " in full", one_in_full_negated),
        ),
        needs=("main", "full"),
    ),
    CheckedClaim(
        ROBUST_TEST,
        check_robust_test_error,
        (
            with_wrong(
                "attack_dropped", "κ = 1 in the law", attacked=lambda setting, signal: setting.clean_gain * signal
            ),
            NegativeControl(
                "attack_not_run", "clean points in place of attacked ones", recounted("main", attacked_at(1.0))
            ),
        ),
        needs=("main",),
    ),
)
