"""What the draw and the parameters say about the questions, against oracles and by direct experiment."""

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_question_runs import tiny

from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.questions.claims.counting import draw_of
from cgro_theory.theorems.questions.theory.predictions import (
    _signal_after,
    carries_patch,
    corner_error,
    predict_wrong_everywhere,
    protected_volume,
    separation_exponent,
)
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import group_horizon
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import occupancy_expectation
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "questions.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("dimension", "radius", "order", "expected"), GOLDEN["volumes"])
def test_protected_volume_agrees_with_mpmath(dimension, radius, order, expected):
    assert protected_volume(dimension, radius, float(order)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("initial", "clock", "degree", "expected"), GOLDEN["signals"])
def test_signal_after_a_clock_agrees_with_integration(initial, clock, degree, expected):
    assert _signal_after(np.array(initial), clock, degree) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("corners", "samples", "expected"), GOLDEN["corners"])
def test_corner_formula_agrees_with_listing_every_sample(corners, samples, expected):
    assert Fraction(expected) == corner_error(corners, samples) == occupancy_expectation(corners, samples)


@given(
    st.integers(3, 6),
    st.sampled_from([0.02, 0.05, 0.1]),
    st.sampled_from([1.0, 2.0, math.inf]),
    st.integers(0, 99),
)
def test_protected_volume_is_never_below_the_fraction_of_points_in_reach(dimension, radius, order, seed):
    """A training point in the middle of its side reaches as many test points as any; count them."""
    rng = np.random.default_rng(seed)
    points = rng.random((4000, dimension - 1))
    points[:, 0] = 0.7 + 0.3 * points[:, 0]
    centre = np.full(dimension - 1, 0.5)
    centre[0] = 0.85
    reach = {1.0: radius, 2.0: math.sqrt(3.0) * radius, math.inf: 2.0 * radius}[order]
    fraction = 0.5 * float(np.mean(np.linalg.norm(points - centre, ord=order, axis=1) <= reach))
    assert fraction <= protected_volume(dimension, radius, order) + 5.0 * math.sqrt(0.25 / 4000)


@given(st.integers(4, 15), st.integers(2, 5))
def test_separation_exponent_is_that_of_the_exponents(decades, degree):
    setting = PatchSetting.version_1(10**decades, degree=degree)
    assert separation_exponent(setting) == pytest.approx(degree * (0.249 + 0.509 - 0.5), rel=1e-12)


def test_the_argument_for_the_attack_needs_a_radius_longer_than_the_noise():
    assert carries_patch(PatchSetting.version_1(10**4), 1e4).met
    assert not carries_patch(PatchSetting.version_1(10**4, signal_exponent=0.0), 1e4).met
    assert not carries_patch(PatchSetting.version_1(10**4).with_perturbation_radius(1.0), 1e4).met


def test_a_scaled_training_patch_defeats_the_network():
    """The argument itself: putting s ξ_k in place of a fresh ξ turns the sign, at a cost within the radius."""
    setting = tiny(10**4)
    problem = draw_subspace_problem(setting, (0,))
    trained = integrate_flow(problem, horizon=group_horizon(setting, problem))
    longest = setting.noise_std * math.sqrt(2.0 * setting.patch_dimension)
    for point in range(setting.num_samples):
        length = math.sqrt(trained.noise_gram[0, point, point])
        scale = (setting.perturbation_radius - longest) / length
        patch = scale * trained.final_preactivations[0, point]
        attacked = float((np.sign(patch) * np.abs(patch) ** 3).sum())
        label = float(trained.labels[0, point])
        margin = -label * (setting.clean_gain * trained.final_signal[0] * -label + attacked)
        assert margin < 0


def test_sign_of_the_signal_decides_without_clean_loss():
    found = set()
    for seed in range(8):
        setting = tiny(10**6, adversarial_weight=1.0)
        draw = draw_of(setting, seed)
        found.add(wrong := predict_wrong_everywhere(setting, draw).value)
        assert wrong is (float((draw.signal_projections**3).sum()) < 0)
    assert found == {True, False}
    assert predict_wrong_everywhere(tiny(10**6), draw_of(tiny(10**6), 0)).value is False
