"""What is predicted of the questions: truth tables, integrals, and settings worked out by hand."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate, stats

from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.questions.theory import predictions
from cgro_theory.theorems.theorem_1_feature_learning.theory.memorization import (
    leading_memorization_times,
    predict_first_memorization_time,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.overfitting import standard_deviation
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import (
    InitialDraw,
    plateau_signal_margin,
    predict_signal_time,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.continuous import GAP


def a_setting(**changes):
    values = {
        "patch_dimension": 50, "num_samples": 2, "num_patches": 2, "width": 2, "degree": 3, "signal_strength": 1.7,
        "noise_std": 0.2, "init_std": 0.3, "attacked_signal_fraction": 0.2, "adversarial_weight": 0.3,
    }  # fmt: skip
    return PatchSetting(**(values | changes))


def a_draw(projections=(-0.1, 0.15), signed=((0.02, 0.01), (0.015, -0.1)), norm=1.0):
    labels = np.array([1.0, -1.0])
    return InitialDraw(labels, np.array(projections), labels[:, None] * np.array(signed), norm * np.eye(2))


@pytest.mark.parametrize(("first", "memorizes"), [*itertools.product((True, False, None), repeat=2)])
def test_the_order_is_told_where_both_are_known(first, memorizes, monkeypatch):
    """Noise that comes first is memorized whatever κ is."""
    monkeypatch.setattr(predictions, "signal_comes_first", lambda setting, draw: first)
    monkeypatch.setattr(predictions, "memorizes_noise", lambda setting, draw: memorizes)
    expected = {
        (True, True): (True, True), (True, False): (True, False),
        (False, True): (False, True), (False, False): (False, True),
    }.get((first, memorizes))  # fmt: skip
    found = predictions.predict_order(a_setting(), a_draw())
    assert found.value == expected
    assert [each.condition for each in found.assumed] == list(predictions.SEEN_AT_START)


def test_sides_are_taken_beyond_the_margin_only():
    for larger, smaller, expected in (
        (31.0, 10.0, True),
        (30.0, 10.0, None),
        (10.0, 31.0, False),
        (10.0, 30.0, None),
        (1.0, 1.0, None),
    ):
        assert predictions._side(larger, smaller, 3.0) is expected
    assert (
        predictions.signal_comes_first(a_setting(), a_draw((0.9, 0.5), ((0.002, 0.001), (0.0015, -0.1)))) is True
    )
    assert (
        predictions.signal_comes_first(a_setting(), a_draw((0.001, -0.5), ((0.9, 0.1), (0.8, 0.1)), 4.0)) is False
    )
    boundary = predictions.leading_memorization_boundary(a_setting(), a_draw())
    for times, expected in ((0.3, True), (0.9, None), (3.1, False)):
        fraction = a_setting(attacked_signal_fraction=times * boundary)
        assert predictions.memorizes_noise(fraction, a_draw()) is expected


def test_separation_is_the_quotient_of_both_enclosures():
    setting, draw = a_setting(attacked_signal_fraction=0.01), a_draw(signed=((0.02, 0.01), (0.015, -0.01)))
    signal, noise = predict_signal_time(setting, draw, 0.0), predict_first_memorization_time(setting, draw, 0.0)
    found = predictions.predict_separations(setting, [draw])[0]
    assert found.interval.low == pytest.approx(noise.interval.low / signal.interval.high, rel=1e-12)
    assert found.interval.high == pytest.approx(noise.interval.high / signal.interval.low, rel=1e-12)
    assert found.leading_order == pytest.approx(noise.leading_order / signal.leading_order)
    assert predictions.predict_separations(setting, [a_draw((-0.1, -0.2))])[0].interval is None


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_a_network_ends_wrong_where_the_signal_cannot_turn(degree):
    """The sign of U after the clock of ψ(-1) until four times the slowest point's formula, by integration."""
    told = set()
    for projections in ((-0.5, 0.05), (-0.3, 0.2999), (-0.2, 0.3), (-0.3, -0.1)):
        for weight in (0.1, 1.0):
            setting = a_setting(degree=degree, adversarial_weight=weight, attacked_signal_fraction=-0.3)
            draw = a_draw(projections, ((0.7, 0.1), (0.6, 0.1)), 9.0)
            times = leading_memorization_times(setting, draw)
            gain = (1 - weight) * 1.7**degree + weight * (0.3 * 1.7) ** degree
            clock = 4 * times.max() * gain / (1 + math.exp(-1))
            u = np.array(projections)
            if u.max() > 0 and degree > 2 and u.max() ** (2 - degree) <= degree * (degree - 2) * clock:
                after = math.inf
            else:
                solved = integrate.solve_ivp(
                    lambda t, y: degree * np.abs(y) ** (degree - 1), (0, clock), u, rtol=1e-10, atol=1e-12
                )
                after = (np.sign(solved.y[:, -1]) * np.abs(solved.y[:, -1]) ** degree).sum()
            before = (np.sign(u) * np.abs(u) ** degree).sum()
            expected = False if before > 0 else (True if after < 0 else None)
            found = predictions._ends_wrong(setting, draw)
            assert found is expected
            told.add(found)
    assert told == {True, False, None} or degree == 2
    assert predictions._signal_after(np.array([-0.3, -0.1]), 1.0, degree) == -math.inf
    for value in (True, None):
        quick = predictions.predict_wrong_everywhere(
            a_setting(), a_draw((0.9, 0.5), ((0.002, 0.001), (0.0015, -0.1)))
        )
        assert quick.value is False or value is None


def test_the_patch_is_carried_where_the_radius_pays():
    setting = a_setting()
    longest = 0.2 * math.sqrt(stats.chi2.isf(1e-9, 49))
    margin = max(1.0, plateau_signal_margin(setting, 30.0)) + 6.0
    needed = longest * (1 + margin ** (1 / 3))
    found = predictions.carries_patch(setting, 30.0)
    assert dict(found.numbers) == pytest.approx(
        {"delta": setting.perturbation_radius, "R": longest, "z": margin, "q": 3}
    )
    assert found.met == (setting.perturbation_radius > needed)
    assert predictions.carries_patch(a_setting(noise_std=1e-3), 30.0).met


def volume(dimension, radius, order):
    """Half the share of the product of a line of length 1/2 - GAP/2 and a unit cube that lies in the ball."""
    free = dimension - 1
    if order == math.inf:
        return 0.5 * min(1.0, 4 * radius / (0.5 - GAP / 2)) * min(1.0, 4 * radius) ** (free - 1)
    reach = radius if order == 1 else math.sqrt(3) * radius
    if order == 1:
        content = (2 * reach) ** free / math.factorial(free)
    else:
        content = math.pi ** (free / 2) / math.gamma(free / 2 + 1) * reach**free
    return min(0.5, 0.5 * content / (0.5 - GAP / 2))


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
def test_protected_volumes_are_those_of_balls(order):
    for dimension in (2, 3, 6):
        for radius in (0.01, 0.1, 0.24, 0.3, 2.0):
            found = predictions.protected_volume(dimension, radius, order)
            assert found == pytest.approx(volume(dimension, radius, order), rel=1e-12)
            bound = predictions.cube_error_bound(3, dimension, radius, order)
            assert bound.interval.low == pytest.approx(max(0.0, 1 - 3 * found))
            assert bound.interval.high == math.inf
            assert bound.leading_order == bound.interval.low
            assert [each.met for each in bound.assumed] == [3 * radius <= GAP]


def test_the_small_formulas():
    setting = a_setting()
    expected = 3 * ((math.log(1.7) - math.log(0.2)) / math.log(50) - 0.5)
    assert predictions.separation_exponent(setting) == pytest.approx(expected)
    assert predictions.corner_error(4, 3) == Fraction(27, 64)
    assert predictions.noise_ratio_exponent(3) == -1.5
    law = NoiseMarginLaw(np.array([[0.5]]), 2, 3)
    assert standard_deviation(law) == pytest.approx(math.sqrt(3 * 3 * 0.25))
    ratio = predictions.predict_noise_ratio(
        a_setting(attacked_signal_fraction=0.01), a_draw(signed=((0.02, 0.01), (0.015, 0.0))), 3e3
    )
    # V_i = 1 and its neurons apart is the least that the leading order can have
    assert ratio.leading_order < ratio.interval.low < ratio.interval.high < 6.0 * ratio.leading_order
