"""The enclosures of T_I, T_III and κ*: never violated where they are offered, and never offered where there is
none."""

import importlib
import math
import sys
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest

from cgro_theory.calculator.drawn_stages import subspace_draw
from cgro_theory.claims import Interval
from cgro_theory.setting import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import initial_draws_of
from cgro_theory.theorems.theorem_1_feature_learning.theory import noise_growth
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import predict_memorization_boundary
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import STEP
from cgro_theory.theorems.theorem_1_feature_learning.theory.memorization import (
    predict_first_memorization_time,
    predict_first_memorization_times,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import InitialDraw, predict_signal_time
from cgro_theory.theorems.theorem_1_feature_learning.theory.stage_bounds import bound_stages
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem


def _load_benchmark():
    sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))
    return importlib.import_module("enclosures")


BENCHMARK = _load_benchmark()
SMALL = PatchSetting(
    patch_dimension=138,
    num_samples=4,
    num_patches=3,
    width=3,
    degree=3,
    signal_strength=138**0.2,
    noise_std=138**-0.55,
    init_std=138**-0.51,
    attacked_signal_fraction=0.0315,
    adversarial_weight=0.5,
)


def _drawn(index, seed=9700):
    """A random small setting, its flow by an integrator that shares no code, and its draw."""
    generator = np.random.default_rng([seed, index])
    values = BENCHMARK.random_setting(generator)
    flow = BENCHMARK.Flow(values, generator)
    return PatchSetting(**values), flow, InitialDraw(flow.labels, flow.u, flow.v, flow.gram)


def _first_time(flow, setting, horizon):
    return flow.times(setting.attacked_signal_fraction, horizon)[1]


def test_nothing_is_promised_above_the_phase_boundary():
    setting = PatchSetting.version_1(10**6, attacked_signal_fraction=0.3)
    draw = subspace_draw(setting, 0)
    boundary = predict_memorization_boundary(setting, draw).interval
    memory = predict_first_memorization_time(setting, draw, 0.0)
    assert boundary.high < 0.3
    assert memory.interval is None
    assert any("κ*" in str(reason) for reason in memory.unmet)


@pytest.mark.parametrize("seed", [4, 21])
def test_memorization_is_enclosed_where_no_neuron_favours_the_signal(seed):
    """The clock of the clean loss came out negative for these draws; they have no u_r(0) > 0."""
    problem = draw_subspace_problem(SMALL, (seed,))
    draw = initial_draws_of(problem)[0]
    assert draw.signal_projections.max() < 0
    predicted = predict_first_memorization_time(SMALL, draw, 0.0)
    measured = np.nanmin(integrate_flow(problem, horizon=200.0, enough_memorized=1).memorization_times)
    assert predicted.interval.low <= measured <= predicted.interval.high
    assert predicted.interval.width < 0.1 * measured


@pytest.mark.parametrize("index", range(12))
def test_random_small_settings_against_an_integrator_that_shares_no_code(index):
    setting, flow, draw = _drawn(index)
    signal, memory = predict_signal_time(setting, draw, 0.0), predict_first_memorization_time(setting, draw, 0.0)
    horizon = 60.0 * memory.leading_order
    if memory.interval is not None:
        time = _first_time(flow, setting, horizon)
        assert memory.interval.low * (1 - 1e-7) <= time <= memory.interval.high * (1 + 1e-7)
    elif any("κ*" in str(reason) for reason in memory.unmet):
        assert math.isinf(_first_time(flow, setting, 50.0 * memory.leading_order))
    if signal.interval is not None:
        time = flow.times(setting.attacked_signal_fraction, 1.1 * signal.interval.high, until_memorized=False)[0]
        assert signal.interval.low * (1 - 1e-7) <= time <= signal.interval.high * (1 + 1e-7)


def test_degree_4_at_dimension_66_where_an_enclosure_was_once_violated():
    """By 4e-5 of T_III, in an earlier version."""
    offered = np.zeros(2, dtype=int)
    for index in range(14, 20):
        generator = np.random.default_rng([66, index])
        values = {
            "patch_dimension": 66,
            "num_samples": int(generator.integers(2, 7)),
            "num_patches": 2,
            "width": int(generator.integers(2, 7)),
            "degree": 4,
            "signal_strength": 66 ** float(generator.uniform(0.15, 0.3)),
            "noise_std": 66 ** float(generator.uniform(-0.56, -0.46)),
            "init_std": 66 ** float(generator.uniform(-0.55, -0.45)),
            "attacked_signal_fraction": 10 ** float(generator.uniform(-4, -1)),
            "adversarial_weight": float(generator.uniform(0.1, 0.95)),
        }
        setting, flow = PatchSetting(**values), BENCHMARK.Flow(values, generator)
        draw = InitialDraw(flow.labels, flow.u, flow.v, flow.gram)
        predicted = [
            predict(setting, draw, 0.0).interval
            for predict in (predict_signal_time, predict_first_memorization_time)
        ]
        last = 1.01 * max((interval.high for interval in predicted if interval is not None), default=0.0)
        measured = flow.times(setting.attacked_signal_fraction, last, until_memorized=False)
        for interval, time in zip(predicted, measured, strict=True):
            assert interval is None or interval.low * (1 - 1e-7) <= time <= interval.high * (1 + 1e-7)
        offered += [interval is not None for interval in predicted]
    assert offered.min() >= 4


def test_the_ends_of_the_phase_boundary_memorize_and_do_not():
    offered = 0
    for index in range(8):
        setting, flow, draw = _drawn(index, seed=9701)
        predicted = predict_memorization_boundary(setting, draw)
        leading = predict_first_memorization_time(setting, draw, 0.0).leading_order
        if predicted.interval is None or not 0.0 < predicted.interval.low < predicted.interval.high < 1.0:
            continue
        offered += 1
        ends = predicted.interval.low, predicted.interval.high
        memorized = [math.isfinite(flow.times(end, 50.0 * leading)[1]) for end in ends]
        assert memorized == [True, False]
    assert offered >= 3


@pytest.mark.parametrize(("degree", "safety"), [(2, 1.0), (3, 1.0), (3, 0.3), (4, 1.0)])
def test_descent_stays_inside_too(degree, safety):
    setting = PatchSetting.version_1(
        400, num_samples=4, num_patches=3, width=5, degree=degree, attacked_signal_fraction=0.01
    )
    problem = draw_subspace_problem(setting, (9800, 9801, 9802))
    rate = setting.stable_learning_rate(safety)
    predicted = predict_first_memorization_times(setting, initial_draws_of(problem), rate)
    steps = int(max(entry.interval.high for entry in predicted) / rate) + 2
    runs = train(problem, learning_rate=rate, steps=steps, stop_when_memorized=False)
    for entry, times in zip(predicted, runs.memorization_times, strict=True):
        assert entry.interval.low <= np.nanmin(times) <= entry.interval.high
        assert entry.interval.width < (0.3 if degree == 2 else 0.1) * entry.interval.high


def test_a_batch_gives_what_each_draw_gives_alone():
    setting = PatchSetting.version_1(2000, num_samples=5, width=4)
    draws = [subspace_draw(setting, 9900 + index) for index in range(3)]
    together = predict_first_memorization_times(setting, draws, 0.0)
    alone = [predict_first_memorization_time(setting, draw, 0.0) for draw in draws]
    for one, other in zip(together, alone, strict=True):
        assert one.interval.low == pytest.approx(other.interval.low, rel=1e-9)
        assert one.interval.high == pytest.approx(other.interval.high, rel=1e-9)


def _dropped(change, monkeypatch):
    """How many of some small settings leave their enclosure when part of it is dropped."""
    change(monkeypatch)
    outside = 0
    for index in range(6):
        setting, flow, draw = _drawn(index)
        memory = predict_first_memorization_time(setting, draw, 0.0)
        if memory.interval is not None:
            time = _first_time(flow, setting, 60.0 * memory.leading_order)
            outside += not memory.interval.low * (1 - 1e-7) <= time <= memory.interval.high * (1 + 1e-7)
    return outside


def _without_couplings(monkeypatch):
    plain = noise_growth._Bracket.__init__

    def uncoupled(self, *arguments, **options):
        plain(self, *arguments, **options)
        self.attracting, self.repelling = 0.0 * self.attracting, 0.0 * self.repelling

    monkeypatch.setattr(noise_growth._Bracket, "__init__", uncoupled)


def _with_flipped_couplings(monkeypatch):
    plain = noise_growth._Bracket.__init__

    def flipped(self, *arguments, **options):
        plain(self, *arguments, **options)
        self.attracting, self.repelling = -self.repelling, -self.attracting

    monkeypatch.setattr(noise_growth._Bracket, "__init__", flipped)


def _without_the_noise_in_the_pull(monkeypatch):
    plain = noise_growth._Bracket._pull
    monkeypatch.setattr(
        noise_growth._Bracket,
        "_pull",
        lambda self, margin, signal, *, upper: plain(self, 0.0 * margin, signal, upper=upper),
    )


def _with_clean_and_attacked_swapped(monkeypatch):
    plain = noise_growth._Bracket.__init__

    def swapped(self, setting, *arguments, **options):
        weight = 1.0 - setting.adversarial_weight
        plain(self, replace(setting, adversarial_weight=weight), *arguments, **options)

    monkeypatch.setattr(noise_growth._Bracket, "__init__", swapped)


@pytest.mark.parametrize(
    "change",
    [
        _without_couplings,
        _with_flipped_couplings,
        _without_the_noise_in_the_pull,
        _with_clean_and_attacked_swapped,
    ],
)
def test_every_term_of_the_bracket_is_needed(change, monkeypatch):
    assert _dropped(change, monkeypatch) >= 1


def test_the_own_coordinate_is_held():
    """The upper curve of a memorized point stays finite: with its own coordinate free it would blow up first."""
    setting = PatchSetting.version_1(10**4, num_samples=6, width=8)
    draw = subspace_draw(setting, 9950)
    predicted = predict_first_memorization_time(setting, draw, 0.0)
    assert predicted.interval.width < 0.01 * predicted.interval.high


def test_far_ends_of_the_domain_give_an_interval_or_none_but_no_error():
    for degree in (2, 5, 9):
        for dimension, init in ((10**15, -0.5), (10**18, -10.0), (60, 1.0)):
            setting = PatchSetting.version_1(dimension, num_samples=2, width=2, degree=degree, init_exponent=init)
            draw = subspace_draw(setting, 9960)
            for predicted in (
                predict_signal_time(setting, draw, 0.0),
                predict_first_memorization_time(setting, draw, 0.0),
                predict_memorization_boundary(setting, draw),
            ):
                assert predicted.interval is None or isinstance(predicted.interval, Interval)
                assert not math.isnan(predicted.leading_order)


def test_the_flow_learns_no_signal_that_no_neuron_favours():
    """q = 2: a projection carried past 0 by the integrator's error would grow from there."""
    setting = PatchSetting.version_1(
        2772,
        num_samples=2,
        num_patches=3,
        width=2,
        degree=2,
        attacked_signal_fraction=0.003,
        adversarial_weight=0.41,
    )
    problem = draw_subspace_problem(setting, (9001, 9002, 9003))
    assert problem.signal_projections.max() < 0
    runs = integrate_flow(problem, horizon=100.0)
    assert np.isnan(runs.signal_time).all()
    predicted = predict_first_memorization_times(setting, initial_draws_of(problem), 0.0)
    for entry, times in zip(predicted, runs.memorization_times, strict=True):
        assert entry.interval.low <= np.nanmin(times) <= entry.interval.high


def descended_signal_time(setting, projections, learning_rate, last):
    """First step with α^q U >= 1 times η, by the recursion of u alone (V = 0), written out; inf after ``last``."""
    q, alpha, weight = setting.degree, setting.signal_strength, setting.adversarial_weight
    kept = setting.attacked_signal_fraction
    u, step = projections.copy(), 0
    while step * learning_rate <= last:
        signal = float((np.sign(u) * np.abs(u) ** q).sum())
        if alpha**q * signal >= 1.0:
            return step * learning_rate
        clean, attacked = (a**q / (1.0 + math.exp(min(700.0, a**q * signal))) for a in (alpha, kept * alpha))
        u = u + learning_rate * q * np.abs(u) ** (q - 1) * ((1.0 - weight) * clean + weight * attacked)
        step += 1
    return math.inf


def lone_draw(projections):
    """A draw with those u_r and noise that is too small to matter."""
    quiet = np.full((1, projections.size), 1e-30)
    return InitialDraw(np.ones(1), projections, quiet, np.full((1, 1), 1e-30))


def test_a_step_that_carries_a_projection_past_zero_is_an_assumption():
    """Without it the enclosure was [62, 77] where descent takes a single step."""
    setting = PatchSetting(
        patch_dimension=100, num_samples=1, num_patches=2, width=2, degree=3, signal_strength=1.0, noise_std=0.1,
        init_std=0.1, attacked_signal_fraction=0.5, adversarial_weight=0.0,
    )  # fmt: skip
    projections = np.array([0.01, -0.9])
    assert descended_signal_time(setting, projections, 2.0, 100.0) == 2.0
    assert [each.condition for each in predict_signal_time(setting, lone_draw(projections), 2.0).unmet] == [STEP]
    assert not predict_signal_time(setting, lone_draw(projections), 0.3).unmet


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_steps_up_to_the_largest_allowed_stay_inside(degree):
    generator = np.random.default_rng([9400, degree])
    offered = 0
    for _ in range(40):
        projections = generator.standard_normal(4) * 0.3
        setting = PatchSetting(
            patch_dimension=100, num_samples=1, num_patches=2, width=4, degree=degree, init_std=0.1, noise_std=0.1,
            signal_strength=float(generator.uniform(0.5, 2.0)), adversarial_weight=float(generator.uniform(0, 1)),
            attacked_signal_fraction=float(generator.uniform(0, 1)),
        )  # fmt: skip
        largest = 1.0 / (degree * setting.clean_gain * max(1e-3, -projections.min()) ** (degree - 2))
        rate = min(1.0, largest) * float(generator.uniform(0.2, 1.0))
        found = predict_signal_time(setting, lone_draw(projections), rate)
        if found.interval is not None and found.interval.high < 1e4 * rate:
            offered += 1
            time = descended_signal_time(setting, projections, rate, 2.0 * found.interval.high + rate)
            assert found.interval.low <= time <= found.interval.high
    assert offered > 10


@pytest.mark.parametrize(("degree", "dimension"), [(3, 10**9), (6, 10**12), (8, 10**12), (9, 10**9)])
def test_the_signal_time_of_high_degrees_holds_to_the_last_digit(degree, dimension):
    """T_I by a quadrature in 40 digits: for q > 5 the enclosure is narrower than float64's own error would be."""
    setting = PatchSetting.version_1(dimension, degree=degree, num_samples=3, width=3)
    for seed in (0, 5):
        draw = subspace_draw(setting, seed)
        found = predict_signal_time(setting, draw, 0.0)
        assert not found.unmet
        with mpmath.workdps(40):
            time = quadrature_of_signal_time(setting, draw.signal_projections)
            assert mpmath.mpf(found.interval.low) < time < mpmath.mpf(found.interval.high)


def quadrature_of_signal_time(setting, projections):
    """∫ ds / (q g s^(q-1)) along the leader s, at V = 0: the V_i are below 10^-20 here."""
    q, weight = setting.degree, mpmath.mpf(setting.adversarial_weight)
    alpha, kept = mpmath.mpf(setting.signal_strength), mpmath.mpf(setting.attacked_signal_fraction)
    start = [mpmath.mpf(float(u)) for u in projections]
    leader = max(start)

    def signal(s):
        clock = leader ** (2 - q) - s ** (2 - q)
        moved = [mpmath.sign(u) * (abs(u) ** (2 - q) - mpmath.sign(u) * clock) ** (-mpmath.mpf(1) / (q - 2))
                 for u in start]  # fmt: skip
        return sum(mpmath.sign(u) * abs(u) ** q for u in moved)

    def gain(s):
        total = signal(s)
        return sum(
            share * a**q / (1 + mpmath.exp(a**q * total))
            for share, a in ((1 - weight, alpha), (weight, kept * alpha))
        )

    end = mpmath.findroot(lambda s: alpha**q * signal(s) - 1, (leader, (2 / alpha**q) ** (mpmath.mpf(1) / q)),
                          solver="illinois")  # fmt: skip
    points = [leader * (end / leader) ** (mpmath.mpf(k) / 8) for k in range(9)]
    return mpmath.quad(lambda s: 1 / (q * gain(s) * s ** (q - 1)), points, method="gauss-legendre")


NEAR_ONE = replace(
    SMALL,
    patch_dimension=100,
    num_samples=1,
    num_patches=2,
    width=2,
    signal_strength=1.0,
    noise_std=1.0,
    init_std=1.0,
    attacked_signal_fraction=0.1,
    adversarial_weight=0.9,
)
BELOW_ONE = [1.0, -1e-6]
"""Their cubes add up to 1 - 1e-18, which float64 rounds to 1."""


@pytest.mark.parametrize(("projections", "surely"), [(BELOW_ONE, False), ([1.0, 0.1], True)])
def test_a_margin_that_is_1_by_rounding_alone_is_reached_later(projections, surely):
    one, small = np.ones((1, 1)), np.full((1, 2), 0.01)
    signal = InitialDraw(np.ones(1), np.array(projections), small, one)
    noise = InitialDraw(np.ones(1), np.full(2, 0.1), np.array([projections]), one)
    closed = bound_stages(
        NEAR_ONE, signal.signal_projections[None], signal.preactivations[None], signal.noise_gram[None]
    )
    times = [Interval(float(closed.signal_low[0]), float(closed.signal_high[0]))]
    for step in (0.0, 0.01):
        times.append(predict_signal_time(NEAR_ONE, signal, step).interval)
        times.append(predict_first_memorization_time(NEAR_ONE, noise, step).interval)
    for found, least in zip(times, (0.0, 0.0, 0.0, 0.01, 0.01), strict=True):
        # A step of descent is the least that a margin below 1 takes.
        assert found == Interval(0.0, 0.0) if surely else found.low == 0.0 and least < found.high < 0.1
