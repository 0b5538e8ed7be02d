"""The clock of the signal projections: against integration, and descent inside its enclosure."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from strategies import degrees, projections

from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.lemmas.theory.common_clock import clock_between, enclose_signal, flow_projections


@given(projections(), degrees, st.floats(1.0, 3.0))
def test_flow_projections_solve_the_common_clock_equation(initial, degree, growth):
    """Against a stiff integrator run on every neuron in the same clock."""
    initial = np.array(initial)
    leader = initial.max() * growth
    clock = float(clock_between(np.array([initial.max()]), np.array([leader]), degree)[0])
    exact = flow_projections(initial, np.array([leader]), degree)[0]

    def speed(tau, u):
        return degree * np.abs(u) ** (degree - 1)

    solved = solve_ivp(speed, (0.0, clock), initial, method="LSODA", rtol=1e-10, atol=1e-14)
    assert np.allclose(solved.y[:, -1], exact, rtol=1e-6, atol=1e-9)


def simulate(initial, degree, gain, margins, rate, steps, generator):
    """Scalar descent of all u_r with one gain, each step with some noise margin within the bound."""
    u, signals = np.array(initial), []
    for _ in range(steps):
        signals.append(float((np.sign(u) * np.abs(u) ** degree).sum()))
        g = float(gain(np.array([signals[-1]]), generator.uniform(-margins, margins))[0])
        u = u + rate * g * degree * np.abs(u) ** (degree - 1)
    return np.array(signals)


@given(projections(), degrees, st.floats(0.0, 0.3), st.floats(1e-3, 0.1), st.integers(0, 99))
@example([0.1, 0.3], 3, 0.2, 0.1, 0)
def test_descent_stays_in_the_clock_enclosure(initial, degree, margins, rate, seed):
    scale = 30.0

    def gain(signal, margin):
        return scale / (1.0 + np.exp(scale * signal + margin))

    final = 4.0 / scale
    enclosure = enclose_signal(
        np.array(initial),
        degree,
        gain,
        noise_margin_bound=margins,
        learning_rate=rate,
        final_signal=final,
    )
    signals = simulate(initial, degree, gain, margins, rate, 4000, np.random.default_rng(seed))
    for level in (0.2 / scale, 1.0 / scale, 3.0 / scale):
        crossed = np.flatnonzero(signals >= level)
        bracket = enclosure.time_of_signal(level)
        if crossed.size == 0:
            assert bracket.high >= rate * (signals.size - 1)
            continue
        step = int(crossed[0])
        before = signals[step - 1] if step else level
        time = rate * (step - (signals[step] - level) / (signals[step] - before) if step else 0)
        assert bracket.low <= time <= bracket.high
    for step in (10, 100, 1000, 3999):
        if signals[step] <= final:
            inside = enclosure.signal_at_time(rate * step)
            assert inside.low - 1e-12 <= signals[step] <= inside.high + 1e-12


def test_clock_enclosure_shrinks_to_the_flow():
    def gain(signal, margin):
        return 30.0 / (1.0 + np.exp(30.0 * signal + margin))

    widths = []
    for rate in (0.1, 0.01, 0.0):
        enclosure = enclose_signal(
            np.array([0.1, 0.05, -0.1]), 3, gain, noise_margin_bound=0.0, learning_rate=rate, final_signal=0.1
        )
        bracket = enclosure.time_of_signal(1 / 30)
        widths.append(bracket.width / bracket.high)
    assert widths[0] > widths[1] > widths[2]
    assert widths[2] < 5e-3


def test_the_signal_cannot_be_followed_without_a_growing_neuron():
    with pytest.raises(InvalidInput, match="no neuron grows"):
        flow_projections(np.array([-0.1, -0.2]), np.array([1.0]), 3)
