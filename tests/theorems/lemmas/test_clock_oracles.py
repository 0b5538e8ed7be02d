"""The clock's pieces against routes of their own: powers in 40 digits, single steps of descent, quadrature."""

import math

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cgro_theory.theorems.lemmas.theory import common_clock as clock
from cgro_theory.theorems.lemmas.theory.tensor_power import predict_tensor_power_time

DEGREES = (2, 3, 4, 5)
INITIAL = np.array([0.2, 0.05, 0.0, -0.15, -1e-3])


def moved(u, tau, degree):
    """Solution of du/dτ = q|u|^(q-1) in 40 digits; inf past the blow-up."""
    with mp.workdps(40):
        u, tau = mp.mpf(float(u)), mp.mpf(float(tau))
        if u == 0:
            return 0.0
        if degree == 2:
            return float(u * mp.exp(2 * tau * mp.sign(u)))
        left = abs(u) ** (2 - degree) - mp.sign(u) * degree * (degree - 2) * tau
        return float(mp.sign(u) * left ** (mp.mpf(-1) / (degree - 2))) if left > 0 else math.inf


def clock_of(low, high, degree):
    with mp.workdps(40):
        return float(
            mp.quad(lambda s: 1 / (degree * s ** (degree - 1)), [mp.mpf(float(low)), mp.mpf(float(high))])
        )


@pytest.mark.parametrize("degree", DEGREES)
def test_projections_move_by_the_leaders_clock(degree):
    for growth in (1.0, 1.7, 40.0):
        leader = 0.2 * growth
        tau = clock_of(0.2, leader, degree) if growth > 1 else 0.0
        found = clock.flow_projections(INITIAL, np.array([leader]), degree)[0]
        assert found == pytest.approx([moved(u, tau, degree) for u in INITIAL], rel=1e-9, abs=0)
        assert float(clock.clock_between(np.array([0.2]), np.array([leader]), degree)[0]) == pytest.approx(
            tau, rel=1e-12
        )
        if degree > 2:
            other = clock._moved(INITIAL, np.array([[degree * (degree - 2) * tau]]), degree)[0]
            assert other == pytest.approx(found, rel=1e-9, abs=0)
    assert np.isinf(clock._moved(np.array([0.5]), np.array([[1e9]]), 3)[0, 0])


@pytest.mark.parametrize("degree", DEGREES)
def test_the_lag_is_that_of_one_step(degree):
    for ratio in (0.0, 1e-12, 1e-3, 0.5, 20.0):
        step = ratio / degree  # from s = 1
        expected = step / clock_of(1.0, 1.0 + ratio, degree) if ratio > 1e-9 else 1.0
        assert float(clock.euler_lag(np.array([ratio]), degree)[0]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_the_loss_of_the_left_sum_is_reached_where_every_step_grows_alike(power):
    """η per step, and f grows by the same factor in each: the sum of η (f_next/f - 1) is exact."""
    leader = 0.3 * 1.05 ** np.arange(40)
    found = clock._riemann_loss(leader, np.full(40, 0.05), 7.0 * leader**power)
    assert found == pytest.approx(np.arange(40) * (1.05**power - 1.0), rel=1e-9, abs=1e-12)
    assert np.all(clock._riemann_loss(leader, np.full(40, 0.05), np.ones(40)) == 0.0)


@pytest.mark.parametrize("degree", DEGREES)
def test_the_upper_signal_is_reached_by_the_flow_and_by_one_step(degree):
    """The flow moves every projection by the clock; one step of descent takes a negative u to u (1 - ρ)."""
    leader = np.array([0.2, 0.5])
    tau = np.array([0.0, clock_of(0.2, 0.5, degree)])
    found = clock._upper_signal(INITIAL, leader, tau, 0.0, degree)
    for k in range(2):
        exact = [moved(u, tau[k], degree) for u in INITIAL]
        assert found[k] == pytest.approx(sum(math.copysign(abs(u) ** degree, u) for u in exact), rel=1e-9)
    step = 0.1 / (degree * 0.15 ** (degree - 2))
    negative = np.array([1e-3, -0.15])
    after = clock._upper_signal(negative, np.array([1e-3]), np.array([step]), step, degree)[0]
    assert after == pytest.approx(1e-3**degree - (0.15 * 0.9) ** degree, rel=1e-6)
    past = 1.0 / (degree * 0.15 ** (degree - 2))  # a step that takes -0.15 to 0
    assert (
        clock._upper_signal(negative, np.array([1e-3]), np.array([past]), 1.01 * past, degree)[0] == 1e-3**degree
    )
    capped = clock._upper_signal(np.array([0.2, 0.1]), np.array([0.2]), np.array([80.0]), 0.0, degree)[0]
    assert capped == pytest.approx(2 * 0.2**degree)  # nobody overtakes the leader


SCALE = 30.0


def gain(signal, margin):
    return SCALE / (1.0 + np.exp(np.minimum(700.0, SCALE * signal + margin)))


def followed(initial, degree, margin, levels, times):
    """When U reaches the levels and where it is at the times, all noise margins held at ``margin``."""

    def slope(t, u):
        signal = (np.sign(u) * np.abs(u) ** degree).sum()
        return gain(signal, margin) * degree * np.abs(u) ** (degree - 1)

    solved = solve_ivp(slope, (0.0, 20.0), initial, method="LSODA", rtol=1e-10, atol=1e-13, dense_output=True)
    grid = np.concatenate([[0.0], np.geomspace(1e-3, 20.0, 20_001)])
    signals = (np.sign(solved.sol(grid)) * np.abs(solved.sol(grid)) ** degree).sum(axis=0)
    return np.interp(levels, signals, grid), np.interp(times, grid, signals)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("bound", [0.0, 0.3])
def test_the_enclosure_of_the_flow_is_as_wide_as_its_noise_margins_and_no_wider(degree, bound):
    """Its ends are the flows with every V at -bound and at +bound, to the grid's resolution."""
    initial = np.array([0.3, 0.1, -0.2])
    enclosure = clock.enclose_signal(
        initial, degree, gain, noise_margin_bound=bound, learning_rate=0.0, final_signal=9.0 / SCALE
    )
    levels, times = np.array([2.0, 4.0]) / SCALE, np.array([0.3, 1.0])
    fast, slow = (followed(initial, degree, sign * bound, levels, times) for sign in (-1, 1))
    for k in range(2):
        found = enclosure.time_of_signal(levels[k])
        assert found.low <= fast[0][k] * (1 + 1e-6)
        assert found.high >= slow[0][k] * (1 - 1e-6)
        assert found.low == pytest.approx(fast[0][k], rel=0.01)
        assert found.high == pytest.approx(slow[0][k], rel=0.01)
        inside = enclosure.signal_at_time(times[k])
        assert inside.low <= slow[1][k] * (1 + 1e-6) + 1e-9
        assert inside.high >= fast[1][k] * (1 - 1e-6) - 1e-9
        assert inside.low == pytest.approx(slow[1][k], rel=0.02)
        assert inside.high == pytest.approx(fast[1][k], rel=0.02)
    assert enclosure.time_of_signal(-1.0).high == 0.0
    assert math.isinf(enclosure.time_of_signal(1e9).high)
    assert math.isinf(enclosure.signal_at_time(1e9).high)


@pytest.mark.parametrize("degree", DEGREES)
def test_the_enclosure_of_descent_holds_it_and_is_not_much_wider_than_its_lag(degree):
    initial, rate = np.array([0.3, 0.1, -0.2]), 2e-3
    enclosure = clock.enclose_signal(
        initial, degree, gain, noise_margin_bound=0.0, learning_rate=rate, final_signal=5.0 / SCALE
    )
    u, signals = initial.copy(), []
    for _ in range(6000):
        signals.append(float((np.sign(u) * np.abs(u) ** degree).sum()))
        u = u + rate * float(gain(signals[-1], 0.0)) * degree * np.abs(u) ** (degree - 1)
    for level in np.array([2.0, 4.0]) / SCALE:
        step = int(np.argmax(np.array(signals) >= level))
        found = enclosure.time_of_signal(level)
        assert found.low <= rate * step <= found.high
        assert found.low <= rate * (step - 1) + rate * 1.01
        assert found.width <= 12 * rate + 0.01 * rate * step


@pytest.mark.parametrize("degree", [2, 2.5, 3, 4])
def test_tensor_power_times_are_reached_at_both_rates(degree):
    """z <- z + A z^(q-1), step by step; the lower end is the flow's clock, the upper end Euler's at the level."""
    start, level, low_rate, high_rate = 0.05, 2.0, 2e-3, 3e-3
    steps = []
    for rate in (low_rate, high_rate):
        z, count = start, 0
        while z < level:
            z, count = z + rate * z ** (degree - 1), count + 1
        steps.append(count)
    found = predict_tensor_power_time(start, level, low_rate, high_rate, degree).interval
    assert found.low <= steps[1] <= steps[0] <= found.high
    with mp.workdps(30):
        gap = mp.quad(lambda z: 1 / z ** (mp.mpf(degree) - 1), [mp.mpf(start), mp.mpf(level)])
        if degree == 2:
            expected = gap / mp.log(1 + mp.mpf(high_rate)), gap / mp.log(1 + mp.mpf(low_rate)) + 1
        else:
            lag = (1 + mp.mpf(high_rate) * mp.mpf(level) ** (degree - 2)) ** (degree - 1)
            expected = gap / high_rate, lag * gap / low_rate + 1
    assert found.low == pytest.approx(float(expected[0]), rel=1e-9)
    assert found.high == pytest.approx(float(expected[1]), rel=1e-9)
    assert found.low < expected[0]
    assert found.high > expected[1]


def test_a_single_step_that_reaches_the_level_is_inside():
    """The one step that is rounded up: without it the enclosure would end below 1."""
    found = predict_tensor_power_time(1.0, 1.0001, 0.5, 0.5, 3).interval
    assert found.low <= 1.0 <= found.high
    for degree in (2, 3):
        assert predict_tensor_power_time(1.0, 1.2, 0.3, 0.3, degree).interval.high >= 1.0
