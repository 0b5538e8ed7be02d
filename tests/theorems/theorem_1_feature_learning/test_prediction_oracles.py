"""The pieces of theorem 1's predictions against routes of their own: quadrature, integration, roots, 40 digits."""

import itertools
import math
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from cgro_theory.claims import Interval
from cgro_theory.setting import PatchSetting
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.theorems.theorem_1_feature_learning.theory import (
    boundaries,
    cascade,
    memorization,
    overfitting,
    signal,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import InitialDraw

DEGREES = (2, 3, 4)


def a_setting(degree, **changes):
    values = {
        "patch_dimension": 50, "num_samples": 5, "num_patches": 3, "width": 2, "degree": degree,
        "signal_strength": 1.7, "noise_std": 0.2, "init_std": 0.3, "attacked_signal_fraction": 0.6,
        "adversarial_weight": 0.3,
    }  # fmt: skip
    return PatchSetting(**(values | changes))


def a_draw(setting, seed=0, size=0.1):
    generator = np.random.default_rng([880100, seed])
    noise = generator.standard_normal((setting.num_noise, 2 * setting.num_noise)) * 0.5
    preactivations = size * generator.standard_normal((setting.num_noise, setting.width))
    projections = size * np.abs(generator.standard_normal(setting.width))
    projections[0] *= -1.0
    labels = np.where(np.arange(setting.num_samples) % 3 == 1, -1.0, 1.0)
    return InitialDraw(labels, projections, preactivations, noise @ noise.T)


def growth_time(start, rate, power, end):
    """∫ ds / (rate s^power) by quadrature in 40 digits; ``end`` may be inf."""
    with mp.workdps(40):
        start, rate = mp.mpf(float(start)), mp.mpf(float(rate))
        pieces = [start, 2 * start, 10 * start, 100 * start, end] if mp.isinf(end) else [start, end]
        return float(mp.quad(lambda s: 1 / (rate * s**power), pieces))


@pytest.mark.parametrize("degree", DEGREES)
def test_leading_signal_time_is_the_time_of_the_largest_projection_alone(degree):
    """du/dt = q g u^(q-1) with g at z = 0: to the blow-up, for q = 2 to αu = 1."""
    setting = a_setting(degree)
    draw = a_draw(setting)
    gain = 0.5 * (0.7 * 1.7**degree + 0.3 * (0.6 * 1.7) ** degree)
    end = 1 / mp.mpf(1.7) if degree == 2 else mp.inf
    expected = growth_time(draw.signal_projections.max(), degree * gain, degree - 1, end)
    assert signal.leading_signal_time(setting, draw) == pytest.approx(expected, rel=1e-9)
    assert signal.leading_signal_time(setting, replace(draw, signal_projections=-np.ones(2))) == math.inf
    assert signal.leading_signal_time(setting, replace(draw, signal_projections=np.zeros(2))) == math.inf
    if degree == 2:
        assert signal.leading_signal_time(setting, replace(draw, signal_projections=np.array([1.0]))) == 0.0


@pytest.mark.parametrize("degree", DEGREES)
def test_leading_memorization_times_are_those_of_each_points_best_projection_alone(degree):
    setting = a_setting(degree)
    draw = a_draw(setting)
    expected = np.full(5, np.inf)
    for patch in range(10):
        for neuron in range(2):
            value = draw.labels[patch // 2] * draw.preactivations[patch, neuron]
            if value > 0:
                rate = degree * 0.5 * 0.3 * draw.noise_gram[patch, patch] / 5
                time = growth_time(value, rate, degree - 1, mp.mpf(1) if degree == 2 else mp.inf)
                expected[patch // 2] = min(expected[patch // 2], time)
    found = memorization.leading_memorization_times(setting, draw)
    assert found == pytest.approx(expected, rel=1e-9)
    assert memorization.leading_memorization_time(setting, draw) == pytest.approx(expected.min(), rel=1e-9)
    assert np.isinf(expected).sum() == 1  # a point that no neuron favours
    slowest = expected[np.isfinite(expected)].max()
    assert memorization.memorization_horizon(setting, draw) == pytest.approx(4.0 * slowest, rel=1e-9)
    unattacked = replace(setting, adversarial_weight=0.0)
    assert np.isinf(memorization.leading_memorization_times(unattacked, draw)).all()
    assert memorization.memorization_horizon(unattacked, draw) == math.inf


def test_a_point_beyond_its_level_at_the_start_needs_no_time_for_degree_2():
    setting = a_setting(2)
    draw = a_draw(setting)
    draw.preactivations[0, 0] = 3.0
    assert memorization.leading_memorization_times(setting, draw)[0] == 0.0


def held_margins(degree, scale):
    """V of dV = ψ(V) V^(2-2/q) from V = 1 on, for ``scale``; ∫ψ(V) with it."""

    def slope(_, state):
        pull = 1 / (1 + math.exp(state[0]))
        return pull * state[0] ** (2 - 2 / degree), pull

    return solve_ivp(slope, (0, scale), (1.0, 0.0), method="LSODA", rtol=1e-10, atol=1e-12).y[:, -1]


def followed_cascade(setting, draw):
    """Memorization times by an integrator: w' = rate |w|^(q-1), shifted by the memorized ones, events located."""
    degree, patches, width = setting.degree, setting.noise_patches, setting.width
    n = setting.num_noise
    y = [draw.labels[k // patches] for k in range(n)]
    gram = draw.noise_gram
    rate = [degree * 0.5 * setting.adversarial_weight * gram[k, k] / setting.num_samples for k in range(n)]
    signed = np.array([[y[k] * draw.preactivations[k, r] for r in range(width)] for k in range(n)])
    times, held, sizes, now = [math.inf] * setting.num_samples, [], np.ones(n), 0.0

    def slope(t, flat):
        w, sizes, swelling = flat[:-n].reshape(n, width), flat[-n:], np.zeros(n)
        change = np.array([[rate[k] * abs(w[k, r]) ** (degree - 1) for r in range(width)] for k in range(n)])
        for row, neuron, scale in held:
            v = sizes[row]  # V^(1/q), which grows as V does
            growth = swelling[row] = scale / degree * v ** (degree - 1) / (1 + math.exp(v**degree))
            for k in range(n):
                change[k, neuron] += growth * y[k] * y[row] * gram[k, row] / gram[row, row]
        for k in range(n):
            if math.isfinite(times[k // patches]):
                change[k] = 0.0
        return np.append(change, swelling)

    def nearest(t, flat):
        open_rows = [k for k in range(n) if math.isinf(times[k // patches])]
        return flat[:-n].reshape(n, width)[open_rows].max() - 1.0

    nearest.terminal, nearest.direction = True, 1.0
    while any(math.isinf(t) for t in times):
        solved = solve_ivp(
            slope,
            (now, now + 1e4),
            np.append(signed, sizes),
            method="LSODA",
            rtol=1e-9,
            atol=1e-12,
            events=nearest,
        )
        now, signed, sizes = float(solved.t[-1]), solved.y[:-n, -1].reshape(n, width), solved.y[-n:, -1]
        if not solved.t_events[0].size:
            break
        open_rows = [k for k in range(n) if math.isinf(times[k // patches])]
        row = max(open_rows, key=lambda k: signed[k].max())
        neuron = int(signed[row].argmax())
        times[row // patches] = now
        held.append((row, neuron, 2.0 * degree * rate[row]))
        for k in range(n):
            signed[k, neuron] += y[k] * y[row] * gram[k, row] / gram[row, row]
    return np.array(times)


@pytest.mark.parametrize("degree", DEGREES)
def test_the_cascade_is_what_an_integrator_finds(degree, monkeypatch):
    setting = a_setting(degree, num_samples=3, num_patches=2, adversarial_weight=0.6)
    labels, projections = np.array([1.0, -1.0, 1.0]), np.array([0.1, 0.1])
    signed = np.array([[0.35, 0.1], [0.24, 0.2], [-0.1, 0.15]])
    gram = np.array([[1.0, 0.11, 0.05], [0.11, 0.8, -0.1], [0.05, -0.1, 1.3]])
    draw = InitialDraw(labels, projections, labels[:, None] * signed, gram)
    monkeypatch.setattr(cascade, "RELATIVE_STEP", 5e-4)
    found, expected = cascade.cascade_times(setting, draw), followed_cascade(setting, draw)
    assert np.isfinite(found).all()
    assert found == pytest.approx(expected, rel=1e-3)
    alone = cascade.times_alone(setting, draw)
    assert abs(alone / expected - 1.0).max() > 0.02  # the shifts matter here
    apart = replace(draw, noise_gram=np.diag(np.diag(gram)))
    assert cascade.cascade_times(setting, apart) == pytest.approx(alone, rel=1e-9)
    level = [
        growth_time(max(row), degree * 0.3 * gram[k, k] / 3, degree - 1, mp.mpf(1)) for k, row in enumerate(signed)
    ]
    assert alone == pytest.approx(level, rel=1e-9)


def test_the_cascade_of_points_with_two_patches_takes_the_first_and_leaves_out_the_unreachable():
    setting = a_setting(3, num_samples=2, num_patches=3, adversarial_weight=1.0)
    labels = np.array([-1.0, 1.0])
    signed = np.array([[0.1, 0.2], [0.3, 0.05], [-0.2, -0.1], [-0.3, -0.2]])
    draw = InitialDraw(labels, np.array([0.1, 0.1]), np.repeat(labels, 2)[:, None] * signed, np.eye(4))
    expected = growth_time(0.3, 3 * 0.5 / 2, 2, mp.mpf(1))
    for times in (cascade.times_alone(setting, draw), cascade.cascade_times(setting, draw)):
        assert times[0] == pytest.approx(expected, rel=1e-9)
        assert times[1] == math.inf


@pytest.mark.parametrize("degree", DEGREES)
def test_one_projection_grows_as_its_equation_says(degree):
    rates, step = np.array([0.7, 1.9]), 0.4
    signed = np.array([[0.3, -0.2, 0.0], [0.1, -0.6, 0.5]])
    found = cascade._advance(signed, rates, step, degree)
    for row in range(2):
        for column in range(3):
            solved = solve_ivp(
                lambda t, w, rate=rates[row]: rate * np.abs(w) ** (degree - 1),
                (0.0, step), [signed[row, column]], rtol=1e-11, atol=1e-13,
            )  # fmt: skip
            assert found[row, column] == pytest.approx(solved.y[0, -1], rel=1e-8, abs=1e-12)
    assert cascade._advance(np.array([[0.9]]), np.array([5.0]), 1.0, 3)[0, 0] == 1.0  # none past 1


@pytest.mark.parametrize("degree", DEGREES)
def test_noise_margin_bound_is_the_largest_projections_own_growth(degree):
    setting = a_setting(degree)
    draw = a_draw(setting)
    row_sum = max(sum(abs(x) for x in row) for row in draw.noise_gram)
    largest = np.abs(draw.preactivations).max()
    for drive in (0.0, 0.05, 0.3):
        grown = solve_ivp(
            lambda t, w: degree / 5 * row_sum * w ** (degree - 1), (0.0, drive), [largest], rtol=1e-12, atol=1e-14
        ).y[0, -1]
        expected = 2 * 2 * grown**degree  # J m M^q
        assert signal.noise_margin_bound(setting, draw, drive) == pytest.approx(expected, rel=1e-7)
    assert signal.noise_margin_bound(setting, draw, 1e9) == math.inf


@pytest.mark.parametrize("degree", DEGREES)
def test_the_noises_drive_is_bounded_by_its_two_parts(degree):
    setting = a_setting(degree)
    draw = a_draw(setting)
    z = sum(abs(1.7 * u) ** degree for u in draw.signal_projections)
    assert signal.initial_margin_size(setting, draw) == pytest.approx(z, rel=1e-12)
    top = 60.0 ** (1 / degree) / 1.7
    clock = growth_time(draw.signal_projections.max(), degree, degree - 1, mp.mpf(top))
    clean = clock * math.e**2 / 1.7**degree
    assert signal.clean_drive(setting, draw, 0.0) == pytest.approx(clean, rel=1e-9)
    assert signal.clean_drive(replace(setting, adversarial_weight=1.0), draw, 0.1) == 0.0
    beyond = replace(draw, signal_projections=np.array([2.0 * top, -0.1]))
    assert signal.clean_drive(setting, beyond, 0.1) == 0.0
    for time in (0.1, 1e5):
        attacked = 0.3 / (1 + math.exp(-1 - z)) * time
        expected = attacked + min(0.7 * time, clean)
        assert signal.noise_drive(setting, draw, time, 0.0) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("degree", DEGREES)
def test_the_lag_of_descent_is_a_bound_of_every_steps_lag_and_not_much_more(degree):
    """One projection alone at V = -1: the clock of all its steps over the clock it gains, step by step."""
    setting = a_setting(degree, width=1, adversarial_weight=0.4)
    draw = replace(a_draw(setting), signal_projections=np.array([0.2]))
    rate, u, worst = 0.02, 0.2, 1.0
    top = 60.0 ** (1 / degree) / 1.7
    while u < top:
        pulls = [a**degree / (1 + math.exp(a**degree * u**degree - 1)) for a in (1.7, 0.6 * 1.7)]
        h = rate * (0.6 * pulls[0] + 0.4 * pulls[1])
        after = u + h * degree * u ** (degree - 1)
        gained = growth_time(u, degree, degree - 1, mp.mpf(after))
        worst, u = max(worst, h / gained), after
        if h < 1e-3:
            break
    found = signal._largest_lag(setting, draw, rate)
    assert worst - 1.0 <= found - 1.0 <= 1.2 * (worst - 1.0)
    assert signal._largest_lag(setting, draw, 0.0) == 1.0
    assert signal._largest_lag(setting, replace(draw, signal_projections=np.array([-0.2])), rate) == 1.0


def larger_root(scale, degree):
    """x with e^x = scale · x^(2-2/q), from above."""
    return mp.findroot(lambda x: x - mp.log(scale) - (2 - mp.mpf(2) / degree) * mp.log(x), 3 + 2 * mp.log(scale))


@pytest.mark.parametrize("degree", DEGREES)
def test_the_plateau_and_the_ceiling_solve_their_equations(degree):
    setting = a_setting(degree)
    draw = a_draw(setting)
    with mp.workdps(40):
        for time in (3.0, 200.0, 1e6):
            scale = mp.mpf(time) * degree**2 * mp.mpf(1.7) ** 2 * mp.mpf("0.7")
            z = larger_root(scale, degree)
            assert signal.plateau_signal_margin(setting, time) == pytest.approx(float(z), rel=1e-9)
            row_sum = max(mp.fsum(abs(mp.mpf(float(x))) for x in row) for row in draw.noise_gram)
            scale = mp.mpf(time) * degree**2 * row_sum / 5 + mp.e
            v = larger_root(scale, degree)
            found = memorization.predict_noise_margin_ceiling(setting, draw, time)
            assert found == pytest.approx(1.0 + float(v), rel=1e-9)
    assert signal.plateau_signal_margin(setting, 0.01) == 0.0
    assert signal.logarithmic_growth(math.e, degree) == 0.0
    assert signal.logarithmic_growth(2.8, degree) > 0.9


def test_the_signals_gain_is_the_mean_slope_of_the_two_losses():
    setting = a_setting(4)
    values = np.array([-0.4, 0.0, 0.7])
    for margin in (-1.0, 0.0, 2.0):
        found = signal.signal_gain(setting, values, margin)
        for value, gain in zip(values, found, strict=True):

            def loss(s, margin=margin):
                return 0.7 * mp.log(1 + mp.exp(-(mp.mpf(1.7) ** 4 * s) - margin)) + 0.3 * mp.log(
                    1 + mp.exp(-((mp.mpf(0.6) * mp.mpf(1.7)) ** 4 * s) - margin)
                )

            assert gain == pytest.approx(float(-mp.diff(loss, value)), rel=1e-9)


@pytest.mark.parametrize("degree", DEGREES)
def test_the_step_is_judged_by_what_it_does_to_the_lowest_projection(degree):
    setting = a_setting(degree)
    draw = a_draw(setting)
    lowest = draw.signal_projections.min()
    gain = 0.7 * 1.7**degree + 0.3 * (0.6 * 1.7) ** degree
    largest = abs(lowest) / (gain * degree * abs(lowest) ** (degree - 1))
    assert signal.step_assumption(setting, draw, 0.999 * largest).met
    assert not signal.step_assumption(setting, draw, 1.001 * largest).met
    assert signal.step_assumption(setting, replace(draw, signal_projections=np.array([0.0, 0.1])), 1e9).met


def test_conditions_are_evaluated_with_the_draws_own_numbers():
    setting = a_setting(4)
    draw = a_draw(setting)
    told = {}
    for each in signal.evaluated(boundaries.RACE + overfitting.SEEN_AT_START, setting, draw):
        told |= dict(each.numbers)
    signed = [[draw.labels[k // 2] * draw.preactivations[k, r] for r in range(2)] for k in range(10)]
    best = [max(*signed[2 * i], *signed[2 * i + 1]) for i in range(5)]
    assert told["v_0"] == max(best)
    assert told["v_least"] == min(best)
    assert told["u_max"] == max(draw.signal_projections)
    assert told["z_0"] == pytest.approx(sum((1.7 * abs(u)) ** 4 for u in draw.signal_projections))
    assert told["u_tiny"] == pytest.approx(1e-150)
    assert (told["lambda_"], told["kappa"], told["q"]) == (0.3, 0.6, 4)


def test_a_learned_signal_has_time_zero():
    setting = a_setting(3)
    learned = replace(
        a_draw(setting, size=1e-3), signal_projections=np.array([-0.3, 0.7])
    )  # z = 4.9 (0.343 - 0.027)
    assert signal.predict_signal_time(setting, learned, 0.0).interval == Interval.point(0.0)
    nearly = replace(learned, signal_projections=np.array([-0.4, 0.62]))  # 4.9 (0.238 - 0.064) < 1
    assert signal.predict_signal_time(setting, nearly, 0.0).interval.low > 0.0


def followed_signal(setting, projections, margin, times):
    """z at ``times`` by an integrator of every u_r with all V_i held at ``margin``."""
    q = setting.degree
    gains = [a**q for a in (setting.signal_strength, setting.attacked_signal_fraction * setting.signal_strength)]
    weights = (1 - setting.adversarial_weight, setting.adversarial_weight)

    def slope(t, u):
        total = (np.sign(u) * np.abs(u) ** q).sum()
        pull = sum(
            w * g / (1 + math.exp(min(700.0, g * total + margin))) for w, g in zip(weights, gains, strict=True)
        )
        return q * pull * np.abs(u) ** (q - 1)

    solved = solve_ivp(
        slope, (0, max(times)), projections, method="LSODA", rtol=1e-10, atol=1e-12, t_eval=sorted(times)
    )
    return gains[0] * (np.sign(solved.y) * np.abs(solved.y) ** q).sum(axis=0)


@pytest.mark.parametrize("degree", DEGREES)
def test_the_signal_margin_is_enclosed_tightly_from_both_sides(degree):
    setting = a_setting(degree, attacked_signal_fraction=0.05, num_samples=3)
    draw = replace(a_draw(setting, size=1e-18), signal_projections=np.array([-0.1, 0.12]))
    start, end = 1.0, 12.0
    found = signal.predict_signal_margin(
        setting, draw, draw.signal_projections, start=start, end=end, learning_rate=0.0
    )
    assert found.leading_order == signal.plateau_signal_margin(setting, end)
    z = followed_signal(setting, draw.signal_projections, 0.0, [end - start])[0]
    assert found.interval.low <= z <= found.interval.high
    assert found.interval.width < 0.02 * z


def pulled(setting, draw, found, ends):
    """Least and most mean time in which the points pull, all of them memorized."""
    q, least, most = setting.degree, [], []
    for entry in found.held:
        speed = q**2 * 0.3 * draw.noise_gram[entry.row, entry.row] / 5
        late = min(1.1 * entry.time, ends[1])
        least.append(min(entry.time / 1.1, ends[0]) - q / speed)
        most.append(late + 2 * held_margins(q, speed * (ends[1] - late))[1] / speed)
    return np.mean(np.maximum(0, least)), np.mean(most)


def written_out(setting, draw, end, lateness, held):
    """Standard deviation of V from weights written out in coordinates; V_k by an integrator.

    Var V = J Σ_rs E[φ(g_r) φ(g_s)] by Gauss-Hermite quadrature in two variables.
    """
    q = setting.degree
    patches = np.linalg.cholesky(draw.noise_gram)
    labels = np.repeat(draw.labels, 2)
    weights = np.zeros((2, 10))
    for row, neuron, time in held:
        speed = q**2 * 0.3 * draw.noise_gram[row, row] / 5
        size = held_margins(q, max(0.0, end - lateness * time) * speed)[0] ** (1 / q)
        weights[neuron] += size * labels[row] * patches[row] / (patches[row] @ patches[row])
    law = 0.2**2 * (weights @ weights.T + 0.3**2 * 50 * np.eye(2))
    nodes, masses = np.polynomial.hermite_e.hermegauss(60)
    root = np.linalg.cholesky(law)
    pairs = np.array([[root @ (x, y) for y in nodes] for x in nodes])
    powers = (np.sign(pairs) * np.abs(pairs) ** q).sum(axis=2)
    return math.sqrt(2 * float(masses @ powers**2 @ masses) / (2 * math.pi))


@pytest.mark.parametrize("degree", DEGREES)
def test_noise_over_signal_is_that_of_the_cascade_taken_late_and_early(degree):
    setting = a_setting(degree, attacked_signal_fraction=0.02)
    draw = replace(a_draw(setting), signal_projections=np.array([-0.1, 0.15]))
    favoured = np.repeat(draw.labels, 2) * np.linspace(0.05, 0.09, 10)
    draw.preactivations[:] = np.stack([favoured, -0.1 * favoured], axis=1)
    found_cascade = cascade.follow_cascade(setting, draw)
    end = 1.02 * found_cascade.times.max()
    held = [(entry.row, entry.neuron, entry.time) for entry in found_cascade.held]
    least, most = pulled(setting, draw, found_cascade, (end, end))
    z_low, z_high = (followed_signal(setting, draw.signal_projections, 0.0, [time])[0] for time in (least, most))
    late, early = (written_out(setting, draw, end, by, held) for by in (1.1, 1 / 1.1))
    found = overfitting.predict_noise_over_signal(setting, draw, end, overfitting.standard_deviation)
    tolerance = 2e-2 if degree % 2 == 0 else 1e-2  # quadrature of |x|^q for even q
    assert found.interval.low == pytest.approx(late / z_high, rel=tolerance)
    assert found.interval.high == pytest.approx(early / z_low, rel=tolerance)
    plateau = signal.plateau_signal_margin(setting, memorization.leading_memorization_time(setting, draw))
    variances = [0.3**2 * 0.2**2 * 50] * 2
    for point in range(5):
        norm = max(draw.noise_gram[2 * point, 2 * point], draw.noise_gram[2 * point + 1, 2 * point + 1])
        variances[point % 2] += 0.2**2 / norm
    apart = math.sqrt(2 * sum(math.prod(range(1, 2 * degree, 2)) * c**degree for c in variances))
    assert found.leading_order == pytest.approx(apart / max(1.0, plateau), rel=1e-9)
    kappa_1 = overfitting.leading_overfitting_boundary(setting, draw)
    assert kappa_1**degree * max(1.0, plateau) == pytest.approx(apart, rel=1e-9)
    assert overfitting.predict_overfitting_boundary(setting, draw).leading_order == kappa_1


def test_where_two_neurons_may_win_points_are_left_moved_apart_and_put_together():
    """Every point is contested: V is smallest with the points on both neurons, largest with all on one."""
    setting = a_setting(3, attacked_signal_fraction=0.02)
    draw = replace(a_draw(setting), signal_projections=np.array([-0.1, 0.15]))
    favoured = np.repeat(draw.labels, 2) * np.linspace(0.05, 0.09, 10)
    draw.preactivations[:] = np.stack([favoured, 0.97 * favoured], axis=1)
    found = cascade.follow_cascade(setting, draw)
    end = 1.02 * found.times.max()
    own = [entry.neuron for entry in found.held]
    sizes = {}
    for neurons in itertools.product((0, 1), repeat=5):
        held = [(entry.row, neuron, entry.time) for entry, neuron in zip(found.held, neurons, strict=True)]
        sizes[neurons] = written_out(setting, draw, end, 1.1, held), written_out(setting, draw, end, 1 / 1.1, held)
    apart = [sizes[neurons][0] for neurons in sizes if sum(neurons) in (2, 3)]
    together = [sizes[neurons][1] for neurons in sizes if sum(neurons) in (0, 5)]
    interval = overfitting._sizes(setting, draw, found, Interval.point(end), overfitting.standard_deviation)
    assert min(apart) * 0.99 < interval.low < max(apart) * 1.01
    assert interval.low < 0.9 * sizes[tuple(own)][0]
    assert min(together) * 0.99 < interval.high < max(together) * 1.01


@pytest.mark.parametrize("degree", DEGREES)
def test_the_median_of_a_noise_margin_is_found_however_small_it_is(degree):
    """Of one neuron |V| = |c N|^q; and V of smaller noise is smaller by that power."""
    for scale in (1.0, 1e-6, 1e-12):
        alone = overfitting._median(NoiseMarginLaw(np.array([[scale**2]]), degree, 1))
        assert alone == pytest.approx((0.674489750196 * scale) ** degree, rel=1e-3)
        several = overfitting._median(NoiseMarginLaw(np.diag([1.0, 2.0, 0.5]) * scale**2, degree, 2))
        one = overfitting._median(NoiseMarginLaw(np.diag([1.0, 2.0, 0.5]), degree, 2))
        assert several == pytest.approx(one * scale**degree, rel=1e-9)


@pytest.mark.parametrize("degree", [3, 4])
def test_kappa_1_solves_its_equation_with_the_signal_at_kappa_1(degree):
    setting = a_setting(degree, attacked_signal_fraction=0.9)
    draw = replace(a_draw(setting), signal_projections=np.array([-0.1, 0.15]))
    draw.preactivations[:, 0] = np.repeat(draw.labels, 2) * np.linspace(0.05, 0.09, 10)
    found = cascade.follow_cascade(setting, draw)
    last = found.times.max()
    ends = overfitting.predict_overfitting_boundary(setting, draw).interval
    held = found.holders(1.21, crowded=False), found.holders(1.21, crowded=True)
    medians = [
        overfitting._median(NoiseMarginLaw(found.covariance(setting, draw, end, by, late), degree, 2))
        for by, end, late in ((held[0], last / 1.1, 1.1), (held[1], 1.1 * last, 1 / 1.1))
    ]
    times = pulled(setting, draw, found, (last / 1.1, 1.1 * last))
    for end, time, median in ((ends.low, times[1], medians[0]), (ends.high, times[0], medians[1])):
        sides = []
        for factor in (0.997, 1.003):
            told = replace(setting, attacked_signal_fraction=factor * end)
            z = followed_signal(told, draw.signal_projections, 0.0, [time])[0]
            sides.append((factor * end) ** degree * z <= median)
        assert sides == [True, False]


def test_a_point_that_two_neurons_race_for_may_be_held_by_either():
    setting = a_setting(3)
    draw = a_draw(setting)
    draw = replace(draw, noise_gram=np.diag(np.diag(draw.noise_gram)))
    labels = np.repeat(draw.labels, 2)
    draw.preactivations[:] = labels[:, None] * np.tile([0.08, 0.01], (10, 1))
    draw.preactivations[4:6, 1] = labels[4:6] * 0.078  # the third point, nearly as soon
    found = cascade.follow_cascade(setting, draw)
    third = next(index for index, entry in enumerate(found.held) if entry.row in (4, 5))
    together, apart = (found.holders(1.1, crowded=crowded) for crowded in (True, False))
    assert set(together) == {0}
    assert [index for index, neuron in enumerate(apart) if neuron == 1] == [third]
    assert found.holders(1.0, crowded=False) == [entry.neuron for entry in found.held]


def test_a_point_that_is_memorized_at_the_start_starts_the_cascade():
    setting = a_setting(3)
    draw = a_draw(setting)
    draw.preactivations[:] = np.repeat(draw.labels, 2)[:, None] * np.tile([0.08, 0.01], (10, 1))
    draw.preactivations[2, 0] = 1.2 * draw.labels[1]
    found = cascade.follow_cascade(setting, draw)
    assert found.times[1] == 0.0
    assert np.isfinite(found.times).all()
    assert (np.delete(found.times, 1) > 0.0).all()


def test_the_median_of_a_fresh_margin_is_that_of_sampled_ones():
    law = overfitting._leading_law(a_setting(3), a_draw(a_setting(3)))
    noise = np.random.default_rng(880101).standard_normal((200_000, 2, 2)) * np.sqrt(np.diag(law.covariance))
    sampled = np.median(np.abs((np.sign(noise) * np.abs(noise) ** 3).sum(axis=(1, 2))))
    assert overfitting._median(law) == pytest.approx(sampled, rel=0.02)


@pytest.mark.parametrize("degree", [3, 4, 5])
def test_the_race_is_even_where_both_blow_up_after_the_same_clock(degree):
    """κ* by a root of the difference of two blow-up clocks, each a quadrature."""
    setting = a_setting(degree)
    draw = a_draw(setting)
    margin = max(1.0, signal.plateau_signal_margin(setting, memorization.leading_memorization_time(setting, draw)))
    noise = min(
        growth_time(
            draw.labels[k // 2] * draw.preactivations[k, r], degree * draw.noise_gram[k, k] / 5, degree - 1, mp.inf
        )
        for k in range(10)
        for r in range(2)
        if draw.labels[k // 2] * draw.preactivations[k, r] > 0
    )
    projection = margin ** (1 / degree) / 1.7
    at_one = growth_time(projection, degree * 1.7**degree, degree - 1, mp.inf)
    expected = (at_one / noise) ** (1 / degree)  # the attacked signal's clock is that at κ = 1 over κ^q
    assert boundaries.leading_memorization_boundary(setting, draw) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("degree", [3, 4])
@pytest.mark.parametrize("fraction", [0.05, 0.4])
def test_the_noises_clock_is_an_integral_over_the_signals_clock(degree, fraction):
    """Θ = ∫ [(1-λ)ψ(z) + λψ(z̃)]/g dτ: over all time from above, until a horizon from below, to the grid."""
    setting = a_setting(degree)
    draw = replace(a_draw(setting), signal_projections=np.array([-0.1, 0.15]))
    path = boundaries._SignalPath(setting, draw, fraction)

    def rates(leader):
        u = [
            leader,
            -((0.1 ** (2 - degree) + 0.15 ** (2 - degree) - leader ** (2 - degree)) ** (-1 / (degree - 2))),
        ]
        total = sum(math.copysign(abs(x) ** degree, x) for x in u)
        gains = 1.7**degree, (fraction * 1.7) ** degree
        pulls = [w / (1 + math.exp(min(700.0, g * total))) for w, g in zip((0.7, 0.3), gains, strict=True)]
        gain = sum(g * p for g, p in zip(gains, pulls, strict=True))
        clock = degree * leader ** (degree - 1)
        return sum(pulls) / gain / clock, 1 / gain / clock

    ends = np.geomspace(0.15, 600.0 ** (1 / degree) / (fraction * 1.7), 60)
    whole = sum(quad(lambda s: rates(s)[0], a, b)[0] for a, b in itertools.pairwise(ends))
    rest = ends[-1] ** (2 - degree) / (degree * (degree - 2) * (fraction * 1.7) ** degree)
    found = path.noise_clock(fraction, 1e9, 0.0)
    assert found.high / math.exp(boundaries.SMALL_MARGIN) == pytest.approx(whole + rest, rel=5e-3)
    assert found.high >= whole * math.exp(boundaries.SMALL_MARGIN) * (1 - 1e-6)
    half = 0.45
    horizon = math.e * quad(lambda s: rates(s)[1], 0.15, half)[0]
    until = quad(lambda s: rates(s)[0], 0.15, half)[0]
    for deepest in (0.0, 0.3):
        low = path.noise_clock(fraction, horizon, deepest).low
        assert low <= until * math.exp(-deepest) * (1 + 1e-9)
        assert low == pytest.approx(until * math.exp(-deepest), rel=0.02)


def test_boundaries_are_found_from_any_start():
    for true in (3e-10, 0.02, 0.4, 0.9):
        for start in (1e-3, 0.3, 1.0, 7.0):
            low = boundaries._last(lambda x, true=true: x <= true, start)
            high = boundaries._first(lambda x, true=true: x >= true, start)
            assert true / (1 + 1.1e-4) <= low <= true <= high <= true * (1 + 1.1e-4)
    assert boundaries._last(lambda x: False, 0.5) == 0.0
    for start in (0.5, 7.0):
        assert boundaries._last(lambda x: True, start) == 1.0
        assert boundaries._first(lambda x: False, start) == 1.0
    assert 0.0 < boundaries._first(lambda x: True, 0.5) <= 1e-12
    assert boundaries.race_horizon(a_setting(3), a_draw(a_setting(3))) == pytest.approx(
        50 * memorization.leading_memorization_time(a_setting(3), a_draw(a_setting(3)))
    )


def a_quick_draw(setting, signed):
    """Weakly coupled noise of length 1; signed preactivations as given, the signal small."""
    labels = np.where(np.arange(setting.num_samples) % 2, -1.0, 1.0)
    preactivations = np.repeat(labels, setting.noise_patches)[:, None] * np.array(signed)
    gram = np.eye(setting.num_noise) + 0.01 * (np.ones((setting.num_noise,) * 2) - np.eye(setting.num_noise))
    return InitialDraw(labels, np.array([0.02, -0.03]), preactivations, gram)


def told(prediction, condition):
    numbers = [
        dict(each.numbers) | {"met": each.met} for each in prediction.assumed if each.condition is condition
    ]
    return numbers[0] if numbers else None


def test_a_point_that_is_memorized_at_the_start_has_time_zero():
    """V sums over neurons and patches: 0.512 + 0.512 is enough, 0.512 + 0.4 is not; a negative part counts off."""
    setting = a_setting(3, num_samples=2, attacked_signal_fraction=0.01)
    starts = [((0.8, 0.8, 0.0, 0.0), True), ((0.8, 0.0, 0.0, 0.8), True)]
    starts += [((0.8, 0.7, 0.0, 0.1), False), ((0.8, 0.8, -0.5, 0.0), False)]
    for first, memorized in starts:
        draw = a_quick_draw(setting, [[0.1, 0.0], [0.0, 0.1], first[:2], first[2:]])
        found = memorization.predict_first_memorization_time(setting, draw, 0.0)
        assert (found.interval == Interval.point(0.0)) is memorized
        assert (told(found, memorization.WITHIN_FLOATS)["T_lead"] == 0.0) is memorized
        if memorized:
            assert told(found, memorization.BELOW_BOUNDARY)["T_least"] == 0.0
            assert found.leading_order == memorization.leading_memorization_time(setting, draw)
        else:
            assert found.interval.high > 0.0


def test_what_is_followed_is_the_bracket_rounded_outward_and_as_far_as_the_horizon(monkeypatch):
    setting = a_setting(3, num_samples=2, num_patches=2, attacked_signal_fraction=0.01)
    draw = a_quick_draw(setting, [[0.2, 0.1], [0.15, -0.1]])
    leading = memorization.leading_memorization_time(setting, draw)
    asked = []
    plain = memorization.enclose_first_memorization

    def remembered(given_setting, draws, horizons, rate):
        asked.append((len(draws), list(horizons), rate))
        return plain(given_setting, draws, horizons, rate)

    monkeypatch.setattr(memorization, "enclose_first_memorization", remembered)
    found = memorization.predict_first_memorization_times(setting, [draw, draw], 1e-4)
    assert asked == [(2, [50 * leading] * 2, 1e-4)]
    first = plain(setting, [draw], [50 * leading], 1e-4)[0].first
    assert found[0].interval == first.outward()
    assert told(found[0], memorization.BELOW_BOUNDARY) == {"T_least": first.low, "T_lead": leading, "met": True}
    assert told(found[0], memorization.WITHIN_FLOATS)["T_lead"] == leading
    assert memorization.below_boundary(found[0]).met
    monkeypatch.setattr(memorization, "MOST_NOISE", 1)
    large = memorization.predict_first_memorization_time(setting, draw, 0.0)
    assert (large.interval, told(large, memorization.BELOW_BOUNDARY)) == (None, None)
    assert not memorization.below_boundary(large).met
    monkeypatch.setattr(memorization, "MOST_NOISE", 2)
    assert memorization.predict_first_memorization_time(setting, draw, 0.0).interval is not None


def test_a_draw_that_cannot_be_followed_says_which_assumption_fails():
    setting = a_setting(4, num_samples=2, num_patches=2, attacked_signal_fraction=0.01)
    tiny = memorization.predict_first_memorization_time(setting, a_quick_draw(setting, [[1e-160, 0.0]] * 2), 0.0)
    assert [each.condition for each in tiny.unmet] == [memorization.WITHIN_FLOATS]
    none = memorization.predict_first_memorization_time(setting, a_quick_draw(setting, [[-0.1, -0.2]] * 2), 0.0)
    assert [each.condition for each in none.unmet] == [memorization.SOME_NOISE_NEURON]
    unattacked = replace(setting, adversarial_weight=0.0)
    told_off = memorization.predict_first_memorization_time(
        unattacked, a_quick_draw(setting, [[0.1, 0.2]] * 2), 0.0
    )
    assert memorization.ATTACK in [each.condition for each in told_off.unmet]
    strong = replace(setting, attacked_signal_fraction=1.0, adversarial_weight=1.0)
    draw = replace(a_quick_draw(strong, [[0.02, 0.01]] * 2), signal_projections=np.array([0.5, 0.3]))
    never = memorization.predict_first_memorization_time(strong, draw, 0.0)
    assert [each.condition for each in never.unmet] == [memorization.BELOW_BOUNDARY]
    numbers = told(never, memorization.BELOW_BOUNDARY)
    assert numbers["T_least"] == pytest.approx(50 * numbers["T_lead"], rel=1e-12)


@pytest.mark.parametrize("degree", DEGREES)
def test_a_held_margin_grows_from_1_by_its_equation(degree):
    """By an integrator; no jump at once."""
    assert cascade._margin_after(0.0, degree) == 1.0
    for speed, elapsed in ((1e-6, 1.0), (0.5, 0.2), (2.0, 1.5), (0.01, 1e6)):
        margin, pull = held_margins(degree, speed * elapsed)
        held = cascade.HeldPoint(0, 0, 1.0, speed, np.ones(1))
        assert held.size_after(elapsed, degree) ** degree == pytest.approx(margin, rel=1e-6)
        assert held.pull_after(elapsed, degree) == pytest.approx(pull / speed, rel=1e-5, abs=1e-6 / speed)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("off", [1 / 1.09, 1.0, 1.09])
def test_the_time_in_which_points_pull_holds_that_of_points_that_grow(degree, off):
    """Three points, a neuron each, and one that is never memorized; the cascade's times are off."""

    def slope(_, state, speed):
        v, pull = state[0], (0.5 if state[0] < 1 else 1 / (1 + math.exp(state[0] ** degree)))
        kept = math.exp(-(v**degree))
        shares = (kept * (1 + math.exp(-x)) / (math.exp(-x) * kept + 1) for x in (0.0, 1.0, 50.0))
        return speed / degree * pull * v ** (degree - 1), *shares

    end, shares, held = 90.0, 90.0 * np.ones(3), []
    for start, speed in ((0.3, 2.0), (0.4, 0.7), (0.5, 1.3)):
        needed = -math.log(start) if degree == 2 else (start ** (2 - degree) - 1) / (degree - 2)
        reached = 2 * degree * needed / speed
        for span, value in (((0, min(reached, end)), start), ((min(reached, end), end), 1.0)):
            state = (value, 0.0, 0.0, 0.0)
            solved = solve_ivp(slope, span, state, args=(speed,), rtol=1e-9, atol=1e-12)
            shares += solved.y[1:, -1]
        held.append(cascade.HeldPoint(0, 0, off * reached, speed, np.ones(1)))
    found = overfitting._times_pulled(
        a_setting(degree, num_samples=4),
        cascade.Cascade(np.array([entry.time for entry in held] + [math.inf]), tuple(held)),
        Interval.point(end),
    )
    assert np.all((shares / 4 >= found.low) & (shares / 4 <= found.high))
    assert found.high < 1.35 * found.low
