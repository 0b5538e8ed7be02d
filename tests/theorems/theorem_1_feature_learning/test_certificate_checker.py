"""The parts of the certificates' checker against definitions, differences and sampling, in code of their own."""

import json
import math

import mpmath
import numpy as np
import pytest
from flint import arb, arb_series, ctx
from scipy.special import expit

from cgro_theory.setting.initial_draw import draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.certificate import checker

SEED = 884020


@pytest.fixture(autouse=True)
def bits():
    ctx.prec = 128


def _network(degree=3, **changes):
    values = {"num_samples": 2, "num_patches": 3, "width": 3, "degree": degree, "attacked_signal_fraction": 0.7}
    setting = PatchSetting.version_1(10**3, adversarial_weight=0.4, **(values | changes))
    return setting, draw_subspace(setting, SEED)


def _data(setting, draw):
    return {
        "setting": np.array(json.dumps(setting.to_json())),
        "labels": draw.labels,
        "noise_factor": draw.noise_factor,
        "signal_projections": draw.signal_projections,
        "coordinates": draw.coordinates,
        "residual_factor": draw.residual_factor,
    }


class Direct:
    """The flow in (x, b), written out again from its definition in (u, v)."""

    def __init__(self, setting, draw):
        self.setting, self.draw, self.q = setting, draw, setting.degree
        self.signs = np.repeat(draw.labels, setting.noise_patches)
        self.gram = draw.noise_factor @ draw.noise_factor.T
        self.lead = int(draw.signal_projections.argmax())

    def state(self, x, b):
        q, u0 = self.q, self.draw.signal_projections
        clock = u0[self.lead] ** (2.0 - q) - x
        sizes = np.abs(u0) ** (2.0 - q) - np.sign(u0) * clock
        u = np.sign(u0) * sizes ** (1.0 / (2.0 - q))
        v = self.draw.noise_factor @ self.draw.coordinates.T + self.gram @ (self.signs[:, None] * b)
        return u, v

    def margins(self, x, b):
        u, v = self.state(x, b)
        noise = (np.sign(v) * np.abs(v) ** self.q).sum(axis=1).reshape(self.setting.num_samples, -1).sum(axis=1)
        return float((np.sign(u) * np.abs(u) ** self.q).sum()), self.draw.labels * noise

    def slope(self, x, b):
        setting, q = self.setting, self.q
        signal, noise = self.margins(x, b)
        lam = setting.adversarial_weight
        clean = (1 - lam) * expit(-(setting.clean_gain * signal + noise))
        attacked = lam * expit(-(setting.attacked_gain * signal + noise))
        gain = float((setting.clean_gain * clean + setting.attacked_gain * attacked).mean())
        pull = np.repeat(clean + attacked, setting.noise_patches)[:, None]
        _, v = self.state(x, b)
        return -q * (q - 2) * gain, q / setting.num_samples * pull * np.abs(v) ** (q - 1)


def _somewhere(direct):
    """A state at which every term of the derivatives counts: z and the V_i of order 1."""
    u0, q = direct.draw.signal_projections, direct.q
    wanted = 0.7 / direct.setting.signal_strength
    x = wanted ** (2.0 - q)
    b = np.random.default_rng(SEED).uniform(0.0, 0.5, (len(direct.signs), len(u0)))
    return x, b


def _step(flow, x, b, slope, duration):
    """A step whose polynomials are straight lines."""
    return checker.Step(flow, duration, np.array([x, slope[0]]), np.stack([b, slope[1]]))


@pytest.mark.parametrize("degree", [3, 5, 7])
def test_the_series_of_the_right_hand_side_begins_with_its_value(degree):
    setting, draw = _network(degree)
    direct, flow = Direct(setting, draw), checker.Flow(_data(setting, draw))
    x, b = _somewhere(direct)
    expected = direct.slope(x, b)
    step = _step(flow, x, b, expected, 1e-3)
    found = flow.slope(*_series(step))
    assert float(found[0][0].mid()) == pytest.approx(expected[0], rel=1e-9)
    assert np.allclose([[float(entry[0].mid()) for entry in row] for row in found[1]], expected[1], rtol=1e-9)


def _series(step):
    ctx.cap = 2
    return arb_series(step.x.coeffs(), 2), checker.each(lambda p: arb_series(p.coeffs(), 2), step.s)


@pytest.mark.parametrize("degree", [3, 5])
def test_the_growth_is_the_sum_of_the_partial_derivatives(degree):
    """At a single state, by central differences; off the diagonal their sizes, on it their sign."""
    setting, draw = _network(degree)
    direct, flow = Direct(setting, draw), checker.Flow(_data(setting, draw))
    x, b = _somewhere(direct)
    step, zero = _step(flow, x, b, direct.slope(x, b), 1e-3), np.full(b.shape, arb(0), dtype=object)
    box = checker.Box(step, arb(0), arb(0), zero)

    def difference(place, size):
        ends = []
        for sign in (1, -1):
            moved = b.copy()
            if place is None:
                ends.append(direct.slope(x + sign * size, b))
            else:
                moved[place] += sign * size
                ends.append(direct.slope(x, moved))
        return (ends[0][0] - ends[1][0]) / (2 * size), (ends[0][1] - ends[1][1]) / (2 * size)

    by_x = difference(None, 1e-6 * x)
    growth = box.growth(arb(1), zero, zero)
    assert float(growth[0].mid()) == pytest.approx(by_x[0], rel=1e-5)
    assert np.allclose(_floats(growth[1]), np.abs(by_x[1]), rtol=1e-5)
    for place in np.ndindex(b.shape):
        bound = zero.copy()
        bound[place] = arb(1)
        found = box.growth(arb(0), bound, flow.sizes @ bound)
        by_b = difference(place, 1e-6)
        values = _floats(found[1])
        assert float(found[0].mid()) >= abs(by_b[0]) * (1 - 1e-5)
        # The own entry keeps the sign of its direct part; all others are bounded by sizes.
        others = np.abs(by_b[1])
        others[place] = by_b[1][place]
        assert (values >= others - 1e-5 * np.abs(others) - 1e-9).all()
        # With couplings of order √d to the own length √d·√d, what is bounded by sizes is not far above.
        assert values.sum() <= 1.5 * np.abs(by_b[1]).sum()


def _floats(grid):
    return np.array([[float(entry.mid()) for entry in row] for row in grid])


@pytest.mark.parametrize("half", [0, 1])
def test_the_defect_is_at_least_what_is_sampled_and_not_far_above(half):
    """Straight lines over a long step: the defect is large, and known by evaluation."""
    setting, draw = _network()
    direct, flow = Direct(setting, draw), checker.Flow(_data(setting, draw))
    x, b = _somewhere(direct)
    slope = direct.slope(x, b)
    duration = 0.02 * x / abs(slope[0])
    step = _step(flow, x, b, slope, duration)
    found = checker.Half(step, half).defect()
    sampled = [0.0, np.zeros(b.shape)]
    for time in duration * np.linspace(half / 2, (half + 1) / 2, 33):
        there = direct.slope(x + time * slope[0], b + time * slope[1])
        sampled[0] = max(sampled[0], abs(there[0] - slope[0]))
        sampled[1] = np.maximum(sampled[1], np.abs(there[1] - slope[1]))
    assert sampled[0] <= float(found[0]) <= 1.3 * sampled[0]
    assert (sampled[1] <= _floats(found[1])).all()
    assert (_floats(found[1]) <= 1.3 * sampled[1] + 1e-12).all()


def test_balls_are_read_outward():
    third = arb(1) / 3
    for value in (arb(1, 0.5), third, -third, arb(0), arb("1e-400"), arb(2) ** 60 + 1):
        assert arb(checker.low(value)) <= value.lower()
        assert arb(checker.high(value)) >= value.upper()
    widened = checker.ball(arb(1), arb(0.25, 0.25))
    assert widened.contains(arb(1.5))
    assert widened.contains(arb(0.5))


@pytest.mark.parametrize(("patches", "width"), [(1, 2), (2, 2), (2, 5)])
def test_the_clean_error_is_the_union_bound(patches, width):
    setting, draw = _network(num_patches=patches + 1, width=width)
    flow = checker.Flow(_data(setting, draw))
    judge = object.__new__(checker.Checker)
    judge.flow = flow
    variances = np.linspace(0.5, 2.0, width)
    covariance = np.full((width, width), arb(0), dtype=object)
    for r in range(width):
        covariance[r, r] = arb(variances[r])
    z = 40.0
    reach = (z / (patches * float((variances**1.5).sum()))) ** (1 / 3)
    exact = float(mpmath.log10(patches * width * mpmath.erfc(reach / mpmath.sqrt(2)) / 2))
    tail = mpmath.exp(-(reach**2) / 2) / (reach * mpmath.sqrt(2 * mpmath.pi))
    mills = float(mpmath.log10(patches * width * tail))
    found = judge._log10_clean_error(arb(z), covariance)
    assert found == pytest.approx(min(0.0, mills), rel=1e-12)
    assert found >= min(0.0, exact)


def test_the_robust_error_is_by_the_largest_conditional_deviation():
    setting, draw = _network()
    judge = object.__new__(checker.Checker)
    judge.flow = checker.Flow(_data(setting, draw))
    numbers = np.array([[2.0, 0.3, 0.0], [0.3, 1.0, 0.1], [0.0, 0.1, 0.5]])
    covariance = np.array([[arb(entry) for entry in row] for row in numbers], dtype=object)
    deviation = math.sqrt((1 / np.linalg.inv(numbers).diagonal()).max())
    expected = float(mpmath.erfc(mpmath.mpf("0.01") ** (mpmath.mpf(1) / 3) / (deviation * mpmath.sqrt(2))) / 2)
    assert judge._robust_error(arb("0.01"), covariance) == pytest.approx(expected, rel=1e-9)
    assert judge._robust_error(arb(0), covariance) == pytest.approx(0.5)
    with pytest.raises(checker.Refused):
        judge._robust_error(arb(-1), covariance)
    singular = np.array([[arb(entry) for entry in row] for row in np.ones((3, 3))], dtype=object)
    with pytest.raises((checker.Refused, ZeroDivisionError)):
        judge._robust_error(arb("0.01"), singular)


def test_the_covariance_is_that_of_the_moved_weights():
    setting, draw = _network()
    direct, flow = Direct(setting, draw), checker.Flow(_data(setting, draw))
    _, b = _somewhere(direct)
    judge = object.__new__(checker.Checker)
    judge.flow = flow
    moved = draw.coordinates + (b * direct.signs[:, None]).T @ draw.noise_factor
    expected = setting.noise_std**2 * (moved @ moved.T + draw.residual_factor @ draw.residual_factor.T)
    assert np.allclose(_floats(judge._covariance(checker.exactly(b))), expected, rtol=1e-12)


def test_arrays_that_do_not_fit_are_named():
    setting, draw = _network()
    n, m = setting.num_noise, setting.width
    good = _data(setting, draw) | {
        "durations": np.ones(2),
        "clock": np.ones((2, 3)),
        "moved": np.ones((2, 3, n, m)),
        "clock_bounds": np.ones((2, 5)),
        "moved_bounds": np.ones((2, 5, n, m)),
    }
    checker.Checker(good)
    for wrong in (
        {"moved": np.ones((2, 4, n, m))},
        {"durations": np.ones(3)},
        {"moved_bounds": np.ones((2, 5, n, m + 1))},
    ):
        with pytest.raises(checker.Refused, match="shapes"):
            checker.Checker(good | wrong)
    odd = {"clock_bounds": np.ones((2, 4)), "moved_bounds": np.ones((2, 4, n, m))}
    none = {name: good[name][:0] for name in ("durations", "clock", "moved", "clock_bounds", "moved_bounds")}
    for wrong in (odd, none, {"durations": np.zeros(2)}, {"clock_bounds": np.zeros((2, 5))}):
        with pytest.raises(checker.Refused, match="no steps, an odd"):
            checker.Checker(good | wrong)
    for labels in (np.array([1.0, 2.0]), np.array([1.0]), np.array([1.0, 0.0])):
        with pytest.raises(checker.Refused, match="signs"):
            checker.Checker(good | {"labels": labels})
