"""Question 11 (theory.md 5.11): which attack, κ, d and N give the published 100 / 98.5 / 100 / 17.5?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from statistics import fmean

import sympy as sp

from cgro_theory.claims import (
    Claim,
    Condition,
    Counts,
    Interval,
    Measurement,
    OneReading,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
)
from cgro_theory.claims.condition import each_once
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong
from cgro_theory.theorems.room import NamedConstant

from ..runs.made import PublishedRun, QuestionRuns
from ..theory.published import CLEAN_TEST, ROBUST_TEST, FourNumbers, Published, published
from .counting import NOT_MADE, broken, count, measured
from .question import Question
from .question_11_answer import answer, draw
from .symbols import FRESH_POINT, NOT_NEGATIVE, PROJECT, RATE

MOST = 0.5
"""The claim on the candidate is that more than this share of its networks match."""
CONSTANTS = (
    NamedConstant("test points of the published accuracies", "200", "the least set where both are whole points"),
    NamedConstant("share of networks that match", "1/2", "a family matches when most of its networks do"),
)
BELOW_SIGNAL = Condition("attack below the signal", "kappa >= 0", "the attack leaves the signal its sign")

PUBLISHED_NUMBERS = Claim(
    label="questions.published_numbers",
    statement="An attack beyond the signal, κ = -0.63 at d = 60, N = 20, m = 30, q = 3 and λ = 1/2, gives most "
    "networks the published clean train, clean test, robust train and robust test accuracy of 100, 98.5, 100 and "
    "17.5 percent, up to what 200 test points resolve.",
    source=Source(PROJECT, "5.11 and 9"),
    provenance=(Provenance.NEW,),
    quantity="share of networks without a misclassified training point, clean or attacked, and with both counted "
    "test errors among those that the exact binomial test does not reject at 3 and 165 of 200",
    natural_range=RATE,
    relation=Relation.AT_LEAST,
    expression=sp.Ge(sp.Symbol("matching_share", real=True), sp.Rational(1, 2)),
    limitations="A candidate and no explanation: the paper's d, N, κ and test set are not known, other parameters "
    "match as well, and the place was found by a search on other seeds. 200 is the least test set in which both "
    "accuracies are whole points; a larger one would allow less.",
)
BELOW_THE_SIGNAL = Claim(
    label="questions.published_below_signal",
    statement="With κ >= 0 no network attacked within the signal's span, by the fixed target or at the current "
    "iterate, has clean test error below 1/2 and robust test error above 1/2, as the published numbers have.",
    source=Source(PROJECT, "2.2.4 and 5.11"),
    provenance=(Provenance.DERIVED,),
    quantity="networks with κ >= 0 whose clean test error lies below 1/2 and whose robust one lies above, by the "
    "Clopper-Pearson intervals of their counts",
    natural_range=NOT_NEGATIVE,
    relation=Relation.AT_MOST,
    expression=sp.Le(sp.Symbol("robust_test_error", real=True), sp.Rational(1, 2)),
    assumptions=(BELOW_SIGNAL, FRESH_POINT),
    depends_on=("lemmas.odd_symmetry", "lemmas.signal_homogeneity"),
    limitations="Resolved to the intervals of the counts; binding where κ is 0 or so small that robust error is "
    "near 1/2.",
)
ALL_PATCHES = Claim(
    label="questions.published_all_patches",
    statement="Of the networks searched none has the published numbers under projected gradient descent over "
    "all patches with the radius of its training.",
    source=Source(PROJECT, "5.1 and 5.11"),
    provenance=(Provenance.NEW,),
    quantity="networks of the search, and of the candidate, that have all four published numbers under projected "
    "gradient descent over all patches",
    natural_range=NOT_NEGATIVE,
    relation=Relation.AT_MOST,
    expression=sp.Le(sp.Symbol("matching_networks", real=True), 0),
    limitations="These networks and no others. The attack is projected gradient descent, so that errors are lower "
    "bounds. The quick profile trains none against it; the full profile trains a few, by a weaker ascent.",
)
Numbers = Callable[[PublishedRun], FourNumbers]


def check_published_numbers(
    runs: QuestionRuns,
    failure_probability: float,
    region: Published | None = None,
    numbers: Numbers = attrgetter("numbers"),
) -> CheckedPair:
    """The share of the candidate's networks that match."""
    kept = [run for run in runs.published if run.candidate]
    if not kept:
        return NOT_MADE
    predicted = Prediction(Interval(MOST, 1.0))
    failure = broken(kept)
    if failure:
        return CheckedPair(predicted, Measurement.failed(failure))
    found = (region or published()).matching(map(numbers, kept))
    ends = clopper_pearson(found, len(kept), failure_probability)
    raw = OneReading(Reading.of(ends, Counts(found, len(kept), failure_probability)))
    notes = (
        ("mean clean test error", fmean(numbers(run).clean_error for run in kept)),
        ("mean robust test error", fmean(numbers(run).robust_error for run in kept)),
        ("training points misclassified, clean or attacked", float(sum(map(_train_wrong, map(numbers, kept))))),
    )
    seeds = [run.seed for run in kept]
    share = found / len(kept)
    measurement = measured(share, Interval(*ends), seeds, failure_probability, notes, raw=raw)
    return CheckedPair(predicted, measurement)


def _train_wrong(numbers: FourNumbers) -> int:
    return numbers.clean_train + numbers.robust_train


def check_below_signal(runs: QuestionRuns, failure_probability: float) -> CheckedPair:
    """Networks with κ >= 0, attacked within the span, that are right on most clean points and on few attacked."""
    kept = [run for run in runs.published if run.is_below]
    if not kept:
        return NOT_MADE
    share = failure_probability / (2 * len(kept))
    disagreeing = binding = 0
    for run in kept:
        told = run.numbers
        clean, robust = (
            Interval(*clopper_pearson(wrong, told.test_points, share))
            for wrong in (told.clean_test, told.robust_test)
        )
        disagreeing += clean.high < 0.5 < robust.low
        binding += clean.high < 0.5 <= robust.high
    pair = count(
        disagreeing,
        len(kept),
        each_once(BELOW_SIGNAL.given(kappa=run.setting.attacked_signal_fraction) for run in kept),
        [run.seed for run in kept],
        failure_probability,
        (("networks whose robust test error may be 1/2 or more", float(binding)),),
        broken(kept),
    )
    if not pair.measurement.is_usable:
        return pair
    return replace(pair, measurement=replace(pair.measurement, binding=binding))


def check_all_patches(runs: QuestionRuns, failure_probability: float) -> CheckedPair:
    """Networks that match under the attack on all patches; the four numbers are those of one attack."""
    kept = list(runs.published)
    if not kept:
        return NOT_MADE
    found = published().matching(run.all_patches for run in kept)
    fitted = [run.all_patches.robust_error for run in kept if not _train_wrong(run.all_patches)]
    notes = (("largest robust test error without a training point lost", max(fitted, default=0.0)),)
    seeds = [run.seed for run in kept]
    return count(found, len(kept), (), seeds, failure_probability, notes, broken(kept))


def _tested_short(run: PublishedRun) -> FourNumbers:
    return replace(run.numbers, robust_test=run.short_wrong)


def _sign_lost(runs: QuestionRuns) -> QuestionRuns:
    """The networks of κ < 0 with |κ| in its place."""

    def without_sign(run: PublishedRun) -> PublishedRun:
        setting = run.setting
        kappa = abs(setting.attacked_signal_fraction)
        return replace(run, setting=replace(setting, attacked_signal_fraction=kappa))

    return _changed(runs, without_sign)


def _tested_beyond(runs: QuestionRuns) -> QuestionRuns:
    """The networks with κ >= 0 meet an attack on fresh points that they are not said to meet."""
    return _changed(runs, lambda run: replace(run, numbers=replace(run.numbers, robust_test=run.beyond_wrong)))


def _below_instead(runs: QuestionRuns) -> QuestionRuns:
    """The networks of κ >= 0, passed off as the candidate's."""
    return replace(runs, published=tuple(replace(run, candidate=True) for run in runs.published if run.is_below))


def _own_attack_instead(runs: QuestionRuns) -> QuestionRuns:
    return _changed(runs, lambda run: replace(run, all_patches=run.numbers))


def _changed(runs: QuestionRuns, change: Callable[[PublishedRun], PublishedRun]) -> QuestionRuns:
    return replace(runs, published=tuple(map(change, runs.published)))


CHECKED = (
    CheckedClaim(
        PUBLISHED_NUMBERS,
        check_published_numbers,
        controls=(
            with_wrong(
                "tested short of the signal", "fresh points are attacked at κ = +0.63", numbers=_tested_short
            ),
            NegativeControl("below the signal", "networks with κ >= 0 are judged", _below_instead),
            with_wrong(
                "attacked on all patches",
                "all points are attacked on all patches",
                numbers=attrgetter("all_patches"),
            ),
            with_wrong(
                "exchanged accuracies",
                "the clean accuracy is said to be 17.5 percent and the robust one 98.5",
                region=published(ROBUST_TEST, CLEAN_TEST),
            ),
        ),
        needs=("published",),
    ),
    CheckedClaim(
        BELOW_THE_SIGNAL,
        check_below_signal,
        controls=(
            NegativeControl("attack beyond the signal", "fresh points are attacked at κ = -0.63", _tested_beyond),
            NegativeControl("sign of κ lost", "networks with κ < 0 are told to have |κ|", _sign_lost),
        ),
        needs=("published",),
    ),
    CheckedClaim(
        ALL_PATCHES,
        check_all_patches,
        controls=(
            NegativeControl(
                "attacked within the span", "every network meets the attack of its training", _own_attack_instead
            ),
        ),
        needs=("published",),
    ),
)
QUESTION = Question(
    11,
    "Which attack, κ, d and N give the published 100 / 98.5 / 100 / 17.5?",
    PUBLISHED_NUMBERS.label,
    "questions_11_published",
    ("published",),
    answer,
    draw,
)
