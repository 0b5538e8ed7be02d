"""Question 7 (theory.md 5.7): the probability that a fresh sample is classified correctly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from cgro_theory.claims import (
    Claim,
    Condition,
    Contradictions,
    Contrast,
    Counts,
    Figure,
    Interval,
    Mean,
    MeanRule,
    Panel,
    Provenance,
    Reading,
    Relation,
    Series,
    Source,
)
from cgro_theory.claims.condition import each_once
from cgro_theory.numerics.confidence import clopper_pearson, empirical_bernstein
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong

from ..runs.made import FreshCount, QuestionRuns
from .counting import NOT_MADE, broken, count
from .question import Question
from .symbols import FRESH_POINT, NOT_NEGATIVE, PROJECT, P, V, kappa, q, z
from .wording import spanned

NOISE_PATCH = Condition("noise patch", "J >= 1", "every input has a noise patch")

FRESH_SAMPLE = Claim(
    label="questions.fresh_sample",
    statement="A fresh sample, clean or attacked, is misclassified with probability P(|V| > φ_q(κ) z)/2, also "
    "where that is neither 0 nor 1/2.",
    source=Source(PROJECT, "2.2.4 and 5.7"),
    provenance=(Provenance.DERIVED,),
    quantity="pairs of network and attack whose counted error and law have disjoint intervals",
    natural_range=NOT_NEGATIVE,
    relation=Relation.AT_MOST,
    expression=sp.Eq(sp.Symbol("test_error", real=True), P(sp.Abs(V) > kappa**q * z) / 2),
    assumptions=(NOISE_PATCH, FRESH_POINT),
    depends_on=("lemmas.odd_symmetry", "lemmas.signal_homogeneity"),
    limitations="The attack within the signal's span; resolved to the counts' Clopper-Pearson intervals. At "
    "d = 300 errors are counted in R^d on weights trained there, against the law of the recursions; above, "
    "count and law share the reduced weights.",
)


def check_fresh_sample(
    runs: QuestionRuns,
    failure_probability: float,
    errors_by_law: Callable[[FreshCount], NDArray[np.float64]] = FreshCount.law_errors,
) -> CheckedPair:
    """Counted errors against the exact law, network by network and attack by attack; some of them in R^d."""
    entries = runs.fresh
    if not entries:
        return NOT_MADE
    failure = broken(entries)
    if not failure and not any(entry.held_in_full for entry in entries):
        failure = "no network was held in full"
    share = failure_probability / (2 * len(entries))
    disagreeing = between = full = 0
    compared = []
    for entry in entries:
        errors = errors_by_law(entry)
        ends = empirical_bernstein(errors, share)
        counted = clopper_pearson(entry.wrong, entry.test_points, share)
        disagreeing += counted.high < ends.low or ends.high < counted.low
        law = Mean.of(errors, MeanRule.BERNSTEIN, share, Interval(0.0, 1.0))
        count_of = Counts(entry.wrong, entry.test_points, share)
        compared.append(Contrast(Reading.of(ends, law), Reading.of(counted, count_of)))
        inside = 0.02 < float(errors.mean()) < 0.48
        between += inside
        full += inside and entry.held_in_full
    return count(
        disagreeing,
        len(entries),
        each_once(NOISE_PATCH.given(J=entry.setting.noise_patches) for entry in entries),
        [entry.seed for entry in entries],
        failure_probability,
        (
            ("with an error between 0.02 and 0.48", float(between)),
            ("of these counted on weights held in full", float(full)),
        ),
        failure,
        Contradictions(tuple(compared)),
    )


def _told_half_of_kappa(entry: FreshCount) -> NDArray[np.float64]:
    return replace(entry, fraction=0.5 * entry.fraction).law_errors()


def _told_half_the_variance(entry: FreshCount) -> NDArray[np.float64]:
    return replace(entry, law=replace(entry.law, covariance=0.5 * entry.law.covariance)).law_errors()


def answer(runs: QuestionRuns) -> str:
    """The exact law beside counts."""
    clean = [e for e in runs.fresh if e.fraction == 1.0]
    attacked = [e for e in runs.fresh if e.fraction < 1.0]
    clean_law = [float(e.law_errors().mean()) for e in clean]
    laws = [float(e.law_errors().mean()) for e in attacked]
    rates = [e.wrong / e.test_points for e in attacked]
    largest = max(abs(rate - law) for rate, law in zip(rates, laws, strict=True))
    beyond = max(rates) > 0.5 and any(e.fraction < 0 for e in attacked)
    more = ", and past 1/2 once the radius exceeds the signal" if beyond else ""
    return (
        f"By the exact law a clean fresh sample is misclassified with probability {_probabilities(clean_law)} in "
        f"the {len(clean)} networks, an attacked one with {_probabilities(laws)}, depending on d, a and κ. "
        f"Counted errors of attacked samples are {spanned(rates)}{more}, and differ from the law by at most "
        f"{largest:.3f} with {spanned((e.test_points for e in attacked), digits=6)} points each."
    )


def _probabilities(values: Sequence[float]) -> str:
    """Their range; a probability that is 0 in floating point is only known to be tiny."""
    if min(values) > 0.0:
        return spanned(values)
    return "below 1e-300" if max(values) == 0.0 else f"from below 1e-300 to {max(values):.2g}"


def draw(runs: QuestionRuns) -> Figure:
    """Counted errors against the exact law."""
    series = []
    for colour, dimension in enumerate(sorted({e.setting.patch_dimension for e in runs.fresh})):
        own = [e for e in runs.fresh if e.setting.patch_dimension == dimension]
        laws = [float(e.law_errors().mean()) for e in own]
        rates = [e.wrong / e.test_points for e in own]
        series.append(Series(f"d = {dimension:.0e}", laws, rates, colour, "points"))
    series.append(Series("equal", [0.0, 1.0], [0.0, 1.0], 7, "dashed"))
    return Figure(
        name="questions_7_fresh",
        title="7. A fresh sample's error, exactly",
        caption="Each point is a trained network under one attack, κ from 1 (no attack) through small to "
        "negative.",
        panels=(Panel("every network and attack", "error by the exact law", "counted error", tuple(series)),),
    )


CHECKED = (
    CheckedClaim(
        FRESH_SAMPLE,
        check_fresh_sample,
        controls=(
            with_wrong("half the attack", "the law is told half of κ", errors_by_law=_told_half_of_kappa),
            with_wrong(
                "half the variance",
                "the law is told half of the noise's covariance",
                errors_by_law=_told_half_the_variance,
            ),
        ),
        needs=("fresh",),
    ),
)
QUESTION = Question(
    7,
    "What is the probability that a fresh sample, clean or attacked, is classified correctly?",
    FRESH_SAMPLE.label,
    "questions_7_fresh",
    ("fresh",),
    answer,
    draw,
)
