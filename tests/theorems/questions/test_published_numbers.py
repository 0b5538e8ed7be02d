"""Question 11: what the published numbers leave open, the κ they ask for, and how networks are counted."""

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rechecking import judge_claim
from scipy import stats
from small_question_runs import make, published_place

from cgro_theory.claims import Outcome
from cgro_theory.errors import InvalidInput
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.catalogue import checked_claim
from cgro_theory.theorems.questions.runs import profiles, published_runs
from cgro_theory.theorems.questions.runs.made import QuestionRuns
from cgro_theory.theorems.questions.theory.published import (
    FourNumbers,
    asked_fraction,
    normal_fraction,
    one_neuron_fraction,
    published,
)

NORMAL = NormalDist()


@given(st.integers(20, 2000), st.floats(50.5, 99.5), st.floats(0.5, 49.5))
def test_compatible_errors_are_those_that_no_binomial_test_rejects(points, clean, robust):
    """At each end one of the two tails of the binomial law is RESOLUTION/4, by another library's tails."""
    found = published(clean, robust, points)
    for interval, accuracy in ((found.clean, clean), (found.robust, robust)):
        wrong = round(points * (1 - accuracy / 100))
        if wrong > 0:
            assert stats.binom.sf(wrong - 1, points, interval.low) == pytest.approx(0.0125, rel=1e-6)
        if wrong < points:
            assert stats.binom.cdf(wrong, points, interval.high) == pytest.approx(0.0125, rel=1e-6)


def test_the_page_names_the_sizes_of_a_test_set_whose_shares_round_to_both_accuracies():
    def rounds(n, percent):
        return any(f"{100 * k / n:.1f}" == percent for k in range(n + 1))

    assert [n for n in range(1, 207) if rounds(n, "98.5") and rounds(n, "17.5")] == [137, 194, 200, 206]


def test_all_four_numbers_are_asked_for():
    right = FourNumbers(0, 0, 20, 3, 165, 200)
    allowed = published()
    assert allowed.admits(right)
    for change in ({"clean_train": 1}, {"robust_train": 1}, {"clean_test": 0}, {"clean_test": 10},
                   {"robust_test": 150}, {"robust_test": 180}):  # fmt: skip
        assert not allowed.admits(replace(right, **change))
    assert allowed.matching([right, replace(right, robust_train=1), right]) == 2


@given(st.floats(0.001, 0.4), st.floats(0.55, 0.95), st.integers(2, 6))
def test_the_kappa_of_one_neuron_and_of_a_normal_margin_give_both_errors(clean, robust, degree):
    """Both errors from the law of V by hand: P(|V| > z)/2 and 1/2 + P(|V| <= |κ|^q z)/2."""
    size = NORMAL.inv_cdf(1 - clean)
    one = -one_neuron_fraction(clean, robust)
    assert 0.5 + (NORMAL.cdf(one * size) - 0.5) == pytest.approx(robust, abs=1e-9)
    many = -normal_fraction(clean, robust, degree)
    assert 0.5 + (NORMAL.cdf(many**degree * size) - 0.5) == pytest.approx(robust, abs=1e-9)
    for wrong in ((0.5, robust), (clean, 0.5), (math.nan, robust)):
        with pytest.raises(InvalidInput):
            one_neuron_fraction(*wrong)


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_the_asked_kappa_of_a_law_meets_both_ends(degree):
    """One neuron is exact; many patches of many equal neurons make V nearly normal."""
    generator = np.random.default_rng(0)
    one = NoiseMarginLaw(np.array([[0.3]]), degree, 1)
    assert asked_fraction(one, 16, generator) == pytest.approx(one_neuron_fraction(0.015, 0.825), rel=1e-6)
    many = NoiseMarginLaw(0.2 * np.eye(40), degree, 20)
    assert asked_fraction(many, 4000, generator) == pytest.approx(normal_fraction(0.015, 0.825, degree), abs=0.02)
    assert math.isnan(asked_fraction(NoiseMarginLaw(np.zeros((2, 2)), degree, 1), 16, generator))


def test_asked_kappa_agrees_with_plain_samples():
    """Quantiles of |V| of 200,000 points of a trained network, drawn without the law's directions."""
    law = make("published")[0].law
    points = np.random.default_rng(1).multivariate_normal(np.zeros(30), law.covariance, 200_000)
    sizes = np.abs((np.sign(points) * np.abs(points) ** 3).sum(axis=1))
    sampled = -((np.quantile(sizes, 0.65) / np.quantile(sizes, 0.97)) ** (1 / 3))
    assert asked_fraction(law, 20_000, np.random.default_rng(2)) == pytest.approx(sampled, abs=0.01)


def test_counts_are_those_of_the_law():
    """Counted errors of the candidate against the exact law of V, by other code."""
    for run in make("published")[:4]:
        share = 0.63**3 * run.signal_margin
        for level, wrong, of in (
            (run.signal_margin, run.numbers.clean_test, lambda tail: tail / 2),
            (share, run.numbers.robust_test, lambda tail: 1 - tail / 2),
            (share, run.short_wrong, lambda tail: tail / 2),
        ):
            tail = run.law.exceedance(level, 1e-6, generator=np.random.default_rng(3)).estimate
            error = of(tail)
            assert abs(wrong / 1000 - error) < 5 * math.sqrt(error * (1 - error) / 1000) + 0.005
        assert run.beyond_wrong == run.numbers.robust_test


def judged(label, runs):
    entry = checked_claim(f"questions.{label}")
    return judge_claim(entry.claim, entry.check, QuestionRuns(published=tuple(runs)), 1e-4).outcome


@pytest.mark.parametrize("order", [1, -1])
def test_one_network_too_many_refutes_the_exclusions(order):
    runs = list(make("published"))
    below = next(index for index, run in enumerate(runs) if run.is_below and not run.numbers.clean_test)
    runs[below] = replace(runs[below], numbers=replace(runs[below].numbers, robust_test=700))
    assert judged("published_below_signal", runs[::order]) is Outcome.REFUTED
    wrong = replace(runs[below], numbers=replace(runs[below].numbers, clean_test=800))
    other = [wrong if index == below else run for index, run in enumerate(runs)]
    assert judged("published_below_signal", other) is Outcome.CONSISTENT  # it is wrong on clean points, too
    runs[below] = replace(runs[below], all_patches=runs[0].numbers)
    assert judged("published_all_patches", runs[::order]) is Outcome.REFUTED


def test_exclusion_below_the_signal_needs_a_network_near_one_half():
    far = [run for run in make("published") if run.setting.attacked_signal_fraction == 0.3]
    assert far
    assert all(run.numbers.robust_test < 100 for run in far)
    assert judged("published_below_signal", far) is Outcome.VACUOUS


def test_training_against_all_patches(monkeypatch):
    """A few steps: counts are made, of the attack that is trained against."""
    monkeypatch.setattr(published_runs, "L2_TIME", 2.0)
    setting = PatchSetting.version_1(30, num_samples=4, width=5, attacked_signal_fraction=0.3)
    (run,) = published_runs.train_published(setting, (9050,), AdversaryName.L2, 50, 20, 0.63, False)
    assert not run.failure
    assert not run.is_below
    assert not run.is_beyond
    assert run.numbers.robust_test >= run.numbers.clean_test
    assert run.numbers.train_points == 4


def test_a_training_that_diverges_counts_as_broken(monkeypatch):
    setting = published_place(-0.63)
    monkeypatch.setattr(PatchSetting, "stable_learning_rate", lambda self: 50.0)
    (run,) = published_runs.train_published(setting, (9051,), AdversaryName.TRANSFER, 20, 20, 0.63, True)
    assert "diverged" in run.failure
    assert run.numbers.clean_test == 20  # a margin that is no number is wrong
    assert torch.isnan(torch.tensor(run.signal_margin))


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_every_place_of_the_search_can_be_drawn(profile):
    places = profiles.SIZES[profile].published_places
    assert len(set(places)) == len(places)  # no network counts twice
    for place in places:
        setting = PatchSetting.version_1(place.dimension, num_samples=place.samples, width=place.width)
        assert setting.reduces, place
