"""How the threshold of the test error depends on d and on α (README.md, "Test error"): claims, check, controls."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

from benign_leaky_relu.runs import BenignRuns
from benign_leaky_relu.thresholds import LARGE, SLOPES, SMALL, Group, Sizes, groups
from cgro_theory.claims import Claim, Interval, Mean, MeanRule, Provenance, Relation, Source
from cgro_theory.claims.condition import StatedAssumption
from cgro_theory.claims.figure import Figure, Panel, Series
from cgro_theory.numerics.confidence import student_mean
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong
from cgro_theory.theorems.room import NamedConstant
from cgro_theory.theorems.theorem_1_feature_learning.claims.worst_run import JudgedRun, judge_runs

CONSTANTS = (
    NamedConstant("C", "unknown", "the paper's; every measured threshold allows what `least γ d/α³` says"),
    NamedConstant("tolerance in d", "0.05", "half of the tenth that is to be refuted"),
    NamedConstant("tolerance in α", "0.1", "no dependence, against the exponent 3 of the paper's bound"),
)
_exponent = sp.Symbol("exponent", real=True)
_SETTING = StatedAssumption("proportion", "n = d/8, one label in eight wrong, m = 2", "runs, by construction")
_claim = partial(
    Claim,
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.WITHIN,
    assumptions=(_SETTING,),
    limitations=f"d = {SMALL} and {LARGE}, α = 1/16, 1/4 and 1, m = 2, n = d/8, one wrong label in eight: an "
    "exponent of trained networks there, not a proof for all. The paper's constant C is unknown, and stays so.",
)
IN_DIMENSION = _claim(
    label="benign_leaky_relu.dimension_exponent",
    statement="The signal strength γ at which a trained network's test error is 1/8 falls like 1/d, d/n fixed.",
    quantity="mean slope of log γ in log d where the test error is 1/8",
    source=Source("Karhadkar, George, Murray, Montúfar and Needell, arXiv 2403.06903", "theorem 3.4, order α³/d"),
    provenance=(Provenance.PAPER, Provenance.DERIVED),
    expression=sp.Eq(_exponent, -1, evaluate=False),
)
IN_SLOPE = _claim(
    label="benign_leaky_relu.slope_exponent",
    statement="The signal strength γ at which a trained network's test error is 1/8 hardly depends on the slope "
    "α: the cube in the paper's bound is not seen.",
    quantity="mean slope of log γ in log α where the test error is 1/8",
    source=Source("This project", "README.md, Test error"),
    provenance=(Provenance.NEW,),
    expression=sp.Eq(_exponent, 0, evaluate=False),
)
Slope = Callable[[Group], float]


def in_dimension(group: Group) -> float:
    """The slope in log d, at α = 1/4."""
    return (group.large - math.fsum(group.small) / len(group.small)) / math.log(LARGE / SMALL)


def in_slope(group: Group) -> float:
    """The slope in log α, of the same draw."""
    return (group.steep - group.gentle) / math.log(SLOPES[-1] / SLOPES[0])


def check(
    runs: BenignRuns, failure_probability: float, *, slope: Slope, tolerance: float, exponent: float
) -> CheckedPair:
    """Student's interval of the groups' slopes; one group without a threshold decides against."""
    slopes = [slope(group) for group in runs.thresholds]
    reached = len(slopes) > 1 and bool(np.isfinite(slopes).all())
    judged = JudgedRun(
        Interval(exponent - tolerance, exponent + tolerance),
        Interval(*student_mean(slopes, failure_probability)) if reached else None,
        exponent,
        source=Mean.of(slopes, MeanRule.STUDENT, failure_probability) if reached else None,
    )
    pair = judge_runs([judged], failure_probability, seeds=(runs.seed,))
    return replace(pair, measurement=replace(pair.measurement, runs=pair.measurement.runs and len(slopes)))


def _other_sizes(sizes: Sizes, runs: BenignRuns) -> BenignRuns:
    return replace(runs, thresholds=tuple(groups(runs.seed, min(12, len(runs.thresholds)), sizes)))


def _same(dimension: int, slope: float) -> tuple[int, int]:
    return 16, 2


def _clean(dimension: int, slope: float) -> tuple[int, int]:
    return dimension // 8, 0 if slope == SLOPES[0] else dimension // 64


def figure(runs: BenignRuns) -> Figure:
    """γ d at every threshold: where the exponents are -1 and 0, all curves are one."""
    curves = {
        f"d = {LARGE}, α = 1/4": [each.large + math.log(LARGE) for each in runs.thresholds],
        f"d = {SMALL}, α = 1/4": [each.small[0] + math.log(SMALL) for each in runs.thresholds],
        f"d = {SMALL}, α = 1/16": [each.gentle + math.log(SMALL) for each in runs.thresholds],
        f"d = {SMALL}, α = 1": [each.steep + math.log(SMALL) for each in runs.thresholds],
    }
    share = [(number + 0.5) / len(runs.thresholds) for number in range(len(runs.thresholds))]
    series = [Series(name, sorted(map(math.exp, logs)), share, i) for i, (name, logs) in enumerate(curves.items())]
    panel = Panel(
        "where the test error is 1/8", "signal strength γ times d", "share of draws below", tuple(series)
    )
    title, caption = (
        "Threshold of the test error",
        "The same γ d at both dimensions, and nearly so for all slopes α.",
    )
    labels = IN_DIMENSION.label, IN_SLOPE.label
    return Figure("benign_leaky_relu_thresholds", title, caption, (panel,), labels)


CHECKED = (
    CheckedClaim(
        IN_DIMENSION,
        partial(check, slope=in_dimension, tolerance=0.05, exponent=-1.0),
        (
            with_wrong("steeper", "an exponent 10 % larger", exponent=-1.1),
            with_wrong("shallower", "an exponent 10 % smaller", exponent=-0.9),
            NegativeControl("same_sizes", "16 points in both dimensions", partial(_other_sizes, _same)),
        ),
        needs=("thresholds",),
    ),
    CheckedClaim(
        IN_SLOPE,
        partial(check, slope=in_slope, tolerance=0.1, exponent=0.0),
        (
            with_wrong("cubed", "the paper's α³ as the threshold itself", exponent=3.0),
            with_wrong("root", "the fourth root of α", exponent=0.25),
            NegativeControl("clean", "no wrong labels at the smallest α", partial(_other_sizes, _clean)),
        ),
        needs=("thresholds",),
    ),
)
