"""One step of the brackets of noise and signal, in constructed cases where each of its terms is reached.

Where a bound is an equality, the bound without one of its terms is wrong, and a wider one is seen too.
"""

import math
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from cgro_theory.setting import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.theory import bracket_steps, noise_growth
from cgro_theory.theorems.theorem_1_feature_learning.theory.bracket_steps import (
    SignalBracket,
    Slopes,
    crossing_times,
    grown,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import InitialDraw


def one(value):
    return np.array([float(value)])


def slowest_path(value, delay, own, around, time, power):
    """s after ``time`` with s' = own |y|^(power+1) + around, y within ``delay`` of s and chosen to hinder."""

    def slope(t, s):
        size = abs(s[0])
        y = max(size - delay, 0.0) if own > 0 else size + delay
        return [own * y ** (power + 1) + around]

    solved = solve_ivp(slope, (0.0, time), [value], rtol=1e-11, atol=1e-13)
    return solved.y[0]


@pytest.mark.parametrize("power", [0, 1, 2])
@pytest.mark.parametrize("delay", [0.0, 0.02])
def test_a_step_of_the_lower_curve_is_the_slowest_path_and_not_much_less(power, delay):
    """All signs of start, own pull and couplings; the shorter time where s rises, the longer where it falls."""
    for value in (0.6, -0.6):
        for own in (1.3, -1.3):
            for around in (0.0, 0.25, -0.25):
                ends, path = [], []
                for time in (0.02, 0.03):
                    s = slowest_path(value, delay, own, around, time, power)
                    ends.append(s[-1])
                    path += [*s]
                within = one(min(path)), one(max(path))
                found = grown(
                    one(value), within, one(delay), one(own), one(around), (one(0.02), one(0.03)), power
                )[0]
                expected = min(ends)
                assert found <= expected + 1e-12
                assert abs(found - expected) <= 0.12 * abs(expected - value) + 1e-12


@pytest.mark.parametrize("power", [0, 1, 2])
def test_a_step_without_couplings_is_exact(power):
    for value, own in ((0.5, 1.7), (0.5, -1.7), (-0.5, 1.7), (-0.5, -1.7)):
        end = slowest_path(value, 0.0, own, 0.0, 0.3, power)[-1]
        within = one(min(value, end)), one(max(value, end))
        found = grown(one(value), within, one(0.0), one(own), one(0.0), (one(0.3), one(0.3)), power)[0]
        assert found == pytest.approx(end, rel=1e-8)
        with mp.workdps(40):
            size, pushed = mp.mpf(abs(value)), mp.sign(value) * mp.mpf(own) * mp.mpf(0.3)
            left = size * mp.exp(pushed) if power == 0 else (size**-power - power * pushed) ** (mp.mpf(-1) / power)
            assert found < mp.sign(value) * left < found + 1e-11


def test_a_step_through_zero_is_straight():
    """There the power cannot be taken out: own pull at its strongest where it hinders, none where it helps."""
    for own, around, expected in ((2.0, -1.0, -0.1), (-2.0, -1.0, -0.1 - 0.1 * 2.0 * 0.3**2), (2.0, 1.0, 0.05)):
        found = grown(one(0.0), (one(-0.3), one(0.2)), one(0.0), one(own), one(around), (one(0.05), one(0.1)), 1)[
            0
        ]
        assert found == pytest.approx(expected, rel=1e-9)
    delayed = grown(one(0.0), (one(-0.3), one(0.2)), one(0.1), one(-2.0), one(0.0), (one(0.1), one(0.1)), 1)[0]
    assert delayed == pytest.approx(-0.2 * 0.4**2, rel=1e-9)
    touching = grown(one(-0.1), (one(-0.2), one(0.0)), one(0.0), one(1.0), one(0.0), (one(0.1), one(0.1)), 1)[0]
    assert touching <= -0.1


def test_a_step_past_the_blow_up_has_no_end():
    with np.errstate(invalid="ignore"):
        end = grown(one(1.0), (one(0.9), one(3.0)), one(0.0), one(1.0), one(0.0), (one(5.0), one(5.0)), 1)
    assert not np.isfinite(end[0])  # such a step lies in no box


def crossed(start, end, own, near, around, power):
    """Time from start to end at s' = own (near s)^(power+1) + around."""
    return quad(lambda s: 1 / (own * (s * near) ** (power + 1) + around), start, end)[0]


@pytest.mark.parametrize("power", [0, 1, 2])
def test_crossing_times_are_those_of_the_slowest_and_the_fastest_way(power):
    for around in ((0.0, 0.0), (0.2, 0.3), (-0.06, -0.04)):
        for near in (0.0, 0.02):
            slopes = Slopes(one(1.1), one(around[0]), one(1.4), one(around[1]), one(0.0))
            shortest, longest = crossing_times((one(0.5), one(0.503)), one(0.52), one(near), slopes, power)
            slow = crossed(0.5, 0.52, 1.1, 1 - near, around[0], power)
            fast = crossed(0.503, 0.52, 1.4, 1 + near, around[1], power)
            assert shortest[0] <= fast * (1 + 1e-10)
            assert longest[0] >= slow * (1 - 1e-10)
            assert shortest[0] == pytest.approx(fast, rel=0.06)
            assert longest[0] == pytest.approx(slow, rel=0.06)
            if around == (0.0, 0.0):
                assert shortest[0] == pytest.approx(fast, rel=1e-8)
                assert longest[0] == pytest.approx(slow, rel=1e-8)
                with mp.workdps(30):
                    ends = [mp.mpf(x) for x in (0.503, 0.5, 0.52)]
                    powers = [mp.log(x) if power == 0 else -(x**-power) / power for x in ends]
                    assert shortest[0] < (powers[2] - powers[0]) / mp.mpf(1.4) / mp.mpf(1 + near) ** (power + 1)
                    assert longest[0] > (powers[2] - powers[1]) / mp.mpf(1.1) / mp.mpf(1 - near) ** (power + 1)
    still = Slopes(one(0.1), one(-5.0), one(0.1), one(-4.0), one(0.0))
    shortest, longest = crossing_times((one(0.5), one(0.5)), one(0.6), one(0.0), still, power)
    assert (shortest[0], longest[0]) == (0.0, math.inf)


def a_setting(degree, **changes):
    values = {
        "patch_dimension": 60, "num_samples": 3, "num_patches": 2, "width": 3, "degree": degree,
        "signal_strength": 1.7, "noise_std": 0.2, "init_std": 0.3, "attacked_signal_fraction": 0.4,
        "adversarial_weight": 0.35,
    }  # fmt: skip
    return PatchSetting(**(values | changes))


def a_draw(setting, projections, size=0.1, seed=0, coupling=1.0):
    generator = np.random.default_rng([880300, seed])
    noise = generator.standard_normal((setting.num_noise, 12)) * 0.4
    gram = noise @ noise.T
    gram = np.diag(np.diag(gram)) + coupling * (gram - np.diag(np.diag(gram)))
    preactivations = size * generator.standard_normal((setting.num_noise, setting.width))
    labels = np.where(np.arange(setting.num_samples) % 3 == 1, -1.0, 1.0)
    return InitialDraw(labels, np.asarray(projections, dtype=float), preactivations, gram)


def followed_signal(setting, projections, margins, time, rate=0.0):
    """z after ``time``: by an integrator, or by descent with steps ``rate``, all V_i given."""
    q, weight = setting.degree, setting.adversarial_weight
    gains = [a**q for a in (setting.signal_strength, setting.attacked_signal_fraction * setting.signal_strength)]

    def slope(t, u):
        total = (np.sign(u) * np.abs(u) ** q).sum()
        pulls = [(1.0 / (1.0 + np.exp(g * total + margins))).mean() for g in gains]
        return q * ((1 - weight) * gains[0] * pulls[0] + weight * gains[1] * pulls[1]) * np.abs(u) ** (q - 1)

    u = np.array(projections, dtype=float)
    if rate > 0:
        for _ in range(round(time / rate)):
            u = u + rate * slope(0.0, u)
    else:
        u = solve_ivp(slope, (0, time), u, method="LSODA", rtol=1e-11, atol=1e-13).y[:, -1]
    return float(gains[0] * (np.sign(u) * np.abs(u) ** q).sum())


@pytest.mark.parametrize("degree", [2, 3, 4])
@pytest.mark.parametrize("rate", [0.0, 0.01])
def test_the_signal_bracket_holds_the_signal_and_no_more(degree, rate):
    """Descent takes whole steps of the bracket's own length here, so both may be followed to the same time."""
    setting, margins = a_setting(degree), np.array([-0.2, 0.1, 0.3])
    draws = [a_draw(setting, u) for u in ((0.3, 0.1, -0.2), (0.05, 0.25, 0.02))]
    for spread in (0.0, 0.1):
        bracket = SignalBracket(setting, draws, rate)
        low, high = np.tile(margins - spread, (2, 1)), np.tile(margins + spread, (2, 1))
        start = bracket.advance(np.zeros(2), low, high)
        for run, draw in enumerate(draws):
            exact = followed_signal(setting, draw.signal_projections, margins, 0.0)
            assert start.margin_low[run] <= exact <= start.margin_high[run]
            assert start.margin_low[run] == pytest.approx(exact, rel=1e-9)
        duration = np.full(2, 0.005)
        for _ in range(120):
            step = bracket.advance(duration, low, high)
            before = bracket.margin(bracket.low, upper=False)
            assert bracket.accept(step, (duration, duration), np.ones(2, dtype=bool)).all()
            # What holds all the way through the step holds at its ends.
            assert np.all(step.margin_low <= before)
            assert np.all(
                step.margin_high >= bracket.margin(bracket.high, upper=True, lost=bracket.lost) * (1 - 1e-9)
            )
        ends = bracket.advance(np.zeros(2), low, high)
        for run, draw in enumerate(draws):
            slow = followed_signal(setting, draw.signal_projections, margins + spread, 0.6, rate)
            fast = followed_signal(setting, draw.signal_projections, margins - spread, 0.6, rate)
            assert ends.margin_low[run] <= slow + 1e-9
            assert ends.margin_high[run] >= fast - 1e-9
            room = 0.02 if rate == 0.0 else 0.05
            assert ends.margin_low[run] >= slow - room * (1 + fast)
            assert ends.margin_high[run] <= fast + room * (1 + fast)


def test_the_gain_is_the_mean_over_the_points_of_both_losses():
    setting = a_setting(3)
    bracket = SignalBracket(setting, [a_draw(setting, (0.3, 0.1, -0.2))], 0.0)
    noise = np.array([[-0.5, 0.2, 1.0]])
    expected = np.mean(
        [0.65 / (1 + math.exp(0.7 + v)) + 0.35 * 0.4**3 / (1 + math.exp(0.4**3 * 0.7 + v)) for v in noise[0]]
    )
    assert bracket.gain(np.array([0.7]), noise)[0] == pytest.approx(expected, rel=1e-12)


def test_a_signal_that_no_neuron_favours_stays_where_it_is_or_nearer_to_zero():
    setting = a_setting(3)
    bracket = SignalBracket(setting, [a_draw(setting, (-0.3, -0.1, -0.2))], 0.0)
    quiet = np.zeros((1, 3))
    step = bracket.advance(np.array([5.0]), quiet, quiet)
    assert step.margin_low[0] == pytest.approx(-(1.7**3) * (0.027 + 0.001 + 0.008), rel=1e-9)
    assert step.margin_high[0] == 0.0
    bracket.accept(step, (np.array([5.0]), np.array([5.0])), np.array([True]))
    assert bracket.low[0] == pytest.approx(1.0)
    assert bracket.high[0] == pytest.approx(1.0)


def noise_slope(setting, draw, signed, signal):
    """ds_kr/dt = (q/N) Σ_l y_k y_l G_kl ψ̃_l |s_lr|^(q-1), loop by loop, at a given signal margin z."""
    q, patches = setting.degree, setting.noise_patches
    kept, weight = setting.attacked_signal_fraction**setting.degree, setting.adversarial_weight
    n, width = signed.shape
    margins = [
        sum(math.copysign(abs(s) ** q, s) for s in signed[i * patches : (i + 1) * patches].ravel())
        for i in range(setting.num_samples)
    ]
    change = np.zeros_like(signed)
    for k in range(n):
        for r in range(width):
            for j in range(n):
                v = margins[j // patches]
                pull = (1 - weight) / (1 + math.exp(signal + v)) + weight / (1 + math.exp(kept * signal + v))
                sign = draw.labels[k // patches] * draw.labels[j // patches]
                change[k, r] += (
                    q / setting.num_samples * sign * draw.noise_gram[k, j] * pull * abs(signed[j, r]) ** (q - 1)
                )
    return change


@pytest.mark.parametrize("degree", [2, 3, 4])
@pytest.mark.parametrize("patches", [2, 3])
def test_at_a_point_the_slopes_are_the_right_hand_side(degree, patches):
    setting = a_setting(degree, num_patches=patches)
    draw = a_draw(setting, (0.3, 0.1, -0.2), size=0.4)
    bracket = noise_growth._Bracket(setting, [draw], 0.0)
    unit = float(bracket.unit[0])
    now = bracket._first_slopes()
    signed = draw.signed_preactivations(setting.noise_patches)
    z = followed_signal(setting, draw.signal_projections, np.zeros(3), 0.0)
    expected = noise_slope(setting, draw, signed, z) / unit
    size = np.abs(signed / unit) ** (degree - 1)
    for own, around, side in ((now.own_low, now.around_low, -1), (now.own_high, now.around_high, 1)):
        found = (own * size + around)[0]
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-10)
        assert np.all(side * (found - expected) >= -1e-13)


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_over_a_box_the_slopes_bound_the_right_hand_side_and_are_reached(degree):
    """The smallest and largest over the box's corners and sampled points, own coordinate held in its own range."""
    setting = a_setting(degree, num_samples=2, width=2)
    draw = a_draw(setting, (0.3, 0.1), size=0.4)
    bracket = noise_growth._Bracket(setting, [draw], 0.0)
    unit = float(bracket.unit[0])
    middle = bracket.low
    low, high = middle - 0.15, middle + 0.15
    box = bracket_steps.Box(low, high, low, high, high, np.zeros(()), bracket.leader)
    still = bracket.signal.advance(np.zeros(1), np.zeros((1, 2)), np.zeros((1, 2)))
    still = replace(still, margin_low=one(0.2), margin_high=one(0.6))
    now = bracket._slopes(box, still)
    generator = np.random.default_rng(880301)
    least, most = np.full((2, 2), np.inf), np.full((2, 2), -np.inf)
    corners = [np.array(bits).reshape(2, 2) for bits in np.ndindex(2, 2, 2, 2)]
    points = [*corners, *(generator.random((2, 2)) for _ in range(60))]
    for share in points:
        point = low[0] + share * (high - low)[0]
        for k in range(2):
            for r in range(2):
                bottom, top = point.copy(), point.copy()
                bottom[k, r], top[k, r] = low[0, k, r], high[0, k, r]
                for z in (0.2, 0.6):
                    slope = noise_slope(setting, draw, bottom * unit, z)[k, r] / unit
                    least[k, r] = min(least[k, r], slope)
                    slope = noise_slope(setting, draw, top * unit, z)[k, r] / unit
                    most[k, r] = max(most[k, r], slope)
    power = degree - 1
    lower = (now.own_low * np.abs(low) ** power + now.around_low)[0]
    upper = (now.own_high * np.abs(high) ** power + now.around_high)[0]
    assert np.all(lower <= least + 1e-12)
    assert np.all(upper >= most - 1e-12)
    scale = np.abs(most - least).max()
    assert np.all(least - lower <= 0.5 * scale)
    assert np.all(upper - most <= 0.5 * scale)


def first_time(setting, draw, rate=0.0):
    """First time with some V_i >= 1, by an integrator of u and v, or by descent; loops and no code of the lab."""
    q, n, width = setting.degree, setting.num_noise, setting.width
    gains = [a**q for a in (setting.signal_strength, setting.attacked_signal_fraction * setting.signal_strength)]
    weight, patches = setting.adversarial_weight, setting.noise_patches

    def split(state):
        return state[:width], state[width:].reshape(n, width)

    def margins(signed):
        return (np.sign(signed) * np.abs(signed) ** q).reshape(setting.num_samples, -1).sum(axis=1)

    def slope(t, state):
        u, signed = split(state)
        total = float((np.sign(u) * np.abs(u) ** q).sum())
        v = margins(signed)
        pulls = [1.0 / (1.0 + np.exp(np.minimum(700.0, g * total + v))) for g in gains]
        signal = (
            q * ((1 - weight) * gains[0] * pulls[0] + weight * gains[1] * pulls[1]).mean() * np.abs(u) ** (q - 1)
        )
        pull = np.repeat((1 - weight) * pulls[0] + weight * pulls[1], patches)[:, None]
        y = np.repeat(draw.labels, patches)
        noise = q / setting.num_samples * (y[:, None] * y * draw.noise_gram) @ (pull * np.abs(signed) ** (q - 1))
        return np.concatenate([signal, noise.ravel()])

    state = np.concatenate([draw.signal_projections, draw.signed_preactivations(patches).ravel()])
    if rate > 0:
        steps = 0
        while margins(split(state)[1]).max() < 1.0 and steps < 10_000:
            state, steps = state + rate * slope(0.0, state), steps + 1
        return steps * rate

    def reached(t, state):
        return margins(split(state)[1]).max() - 1.0

    reached.terminal = True
    return float(solve_ivp(slope, (0, 1e5), state, method="LSODA", rtol=1e-11, atol=1e-13, events=reached).t[-1])


@pytest.mark.parametrize("degree", [2, 3])
@pytest.mark.parametrize("patches", [2, 3])
def test_strong_couplings_stay_enclosed_and_the_enclosure_stays_narrow(degree, patches):
    """Points of both labels, coupled through noise of twelve dimensions."""
    setting = a_setting(degree, num_patches=patches, attacked_signal_fraction=0.1, width=2)
    for seed in range(2):
        draw = a_draw(setting, (0.2, -0.1), size=0.03, seed=seed, coupling=0.3)
        draw.preactivations[0, 0] = 0.1 * draw.labels[0]
        time = first_time(setting, draw)
        found = noise_growth.enclose_first_memorization(setting, [draw], [3.0 * time])[0]
        assert found.first.low * (1 - 1e-8) <= time <= found.first.high * (1 + 1e-8)
        assert found.first.width < 0.2 * time
        assert found.followed >= found.first.low * (1 - 1e-9)
        short = noise_growth.enclose_first_memorization(setting, [draw], [0.5 * time])[0]
        assert math.isinf(short.first.high)
        assert short.first.low == pytest.approx(0.5 * time, rel=0.01)


def test_descent_with_long_steps_stays_enclosed():
    setting = a_setting(3, attacked_signal_fraction=0.1, width=2)
    draw = a_draw(setting, (0.2, -0.1), size=0.03, coupling=0.3)
    draw.preactivations[0, 0] = 0.1 * draw.labels[0]
    flow = first_time(setting, draw)
    rate = flow / 60.0
    time = first_time(setting, draw, rate)
    found = noise_growth.enclose_first_memorization(setting, [draw], [3.0 * time], rate)[0]
    assert found.first.low <= time <= found.first.high
    alone = noise_growth.enclose_first_memorization(setting, [draw], [3.0 * time], 0.0)[0]
    assert not alone.first.low <= time <= alone.first.high  # the steps' lag is seen


@pytest.mark.parametrize("degree", [3, 4])
def test_the_noises_own_clock_says_how_deep_and_until_when_small(degree):
    """The clock of a pull at V = 0: alone, a projection reaches 1 between its blow-up and e times as late."""
    setting = a_setting(degree, num_samples=1, width=1, attacked_signal_fraction=0.1)
    draw = InitialDraw(np.ones(1), np.array([0.1]), np.array([[0.2]]), np.array([[0.9]]))

    def until(level, held):
        """Clock to V = level with ψ(z+V)/ψ(z) at e^-V (held below) or 1."""
        return quad(
            lambda s: (math.exp(s**degree) if held else 1.0) / (degree * 0.9 * s ** (degree - 1)),
            0.2,
            level ** (1 / degree),
        )[0]

    found = noise_growth.enclose_noise_clock(setting, [draw], [10.0 * until(1.0, True)], 0.05)[0]
    assert found.first.low <= until(1.0, False) * (1 + 1e-9)
    assert found.first.high >= until(1.0, True) * (1 - 1e-9)
    assert found.first.low == pytest.approx(until(1.0, False), rel=0.05)
    assert found.first.high == pytest.approx(until(1.0, True), rel=0.05)
    assert found.small <= until(0.05, False) * (1 + 1e-9)
    assert found.small == pytest.approx(until(0.05, False), rel=0.2)
    assert found.deepest <= 0.0 or found.deepest < 1e-9
