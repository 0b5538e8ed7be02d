"""The parts of the certificates' checker against definitions, differences and sampling, in code of their own."""

import json
import math
from dataclasses import asdict

import mpmath
import numpy as np
import pytest
from flint import arb, arb_series, ctx
from scipy.special import expit

from cgro_theory.setting.initial_draw import draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.certificate.checker import Checker, Refused, require_implied
from cgro_theory.theorems.theorem_1_feature_learning.certificate.checker.conclusions import (
    covariance_of,
    log10_clean_error,
    robust_error,
)
from cgro_theory.theorems.theorem_1_feature_learning.certificate.checker.flow import Flow
from cgro_theory.theorems.theorem_1_feature_learning.certificate.checker.reading import (
    ball,
    each,
    exactly,
    high,
    low,
)
from cgro_theory.theorems.theorem_1_feature_learning.certificate.checker.steps import FORMAT, Box, Half, Step

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
        "format": np.array(FORMAT),
        "setting": np.array(json.dumps(asdict(setting))),
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
    return Step(flow, duration, np.array([x, slope[0]]), np.stack([b, slope[1]]))


@pytest.mark.parametrize("degree", [3, 5, 7])
def test_the_series_of_the_right_hand_side_begins_with_its_value(degree):
    setting, draw = _network(degree)
    direct, flow = Direct(setting, draw), Flow(_data(setting, draw))
    x, b = _somewhere(direct)
    expected = direct.slope(x, b)
    step = _step(flow, x, b, expected, 1e-3)
    found = flow.slope(*_series(step))
    assert float(found[0][0].mid()) == pytest.approx(expected[0], rel=1e-9)
    assert np.allclose([[float(entry[0].mid()) for entry in row] for row in found[1]], expected[1], rtol=1e-9)


def _series(step):
    ctx.cap = 2
    return arb_series(step.x.coeffs(), 2), each(lambda p: arb_series(p.coeffs(), 2), step.s)


@pytest.mark.parametrize("degree", [3, 5])
def test_the_growth_is_the_sum_of_the_partial_derivatives(degree):
    """At a single state, by central differences; off the diagonal their sizes, on it their sign."""
    setting, draw = _network(degree)
    direct, flow = Direct(setting, draw), Flow(_data(setting, draw))
    x, b = _somewhere(direct)
    step, zero = _step(flow, x, b, direct.slope(x, b), 1e-3), np.full(b.shape, arb(0), dtype=object)
    box = Box(step, arb(0), arb(0), zero)

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
    direct, flow = Direct(setting, draw), Flow(_data(setting, draw))
    x, b = _somewhere(direct)
    slope = direct.slope(x, b)
    duration = 0.02 * x / abs(slope[0])
    step = _step(flow, x, b, slope, duration)
    found = Half(step, half).defect()
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
        assert arb(low(value)) <= value.lower()
        assert arb(high(value)) >= value.upper()
    widened = ball(arb(1), arb(0.25, 0.25))
    assert widened.contains(arb(1.5))
    assert widened.contains(arb(0.5))


@pytest.mark.parametrize(("patches", "width"), [(1, 2), (2, 2), (2, 5)])
def test_the_clean_error_is_the_union_bound(patches, width):
    setting, draw = _network(num_patches=patches + 1, width=width)
    flow = Flow(_data(setting, draw))
    variances = np.linspace(0.5, 2.0, width)
    covariance = np.full((width, width), arb(0), dtype=object)
    for r in range(width):
        covariance[r, r] = arb(variances[r])
    z = 40.0
    reach = (z / (patches * float((variances**1.5).sum()))) ** (1 / 3)
    exact = float(mpmath.log10(patches * width * mpmath.erfc(reach / mpmath.sqrt(2)) / 2))
    tail = mpmath.exp(-(reach**2) / 2) / (reach * mpmath.sqrt(2 * mpmath.pi))
    mills = float(mpmath.log10(patches * width * tail))
    found = log10_clean_error(flow, arb(z), covariance)
    assert found == pytest.approx(min(0.0, mills), rel=1e-12)
    assert found >= min(0.0, exact)


def test_the_robust_error_is_by_the_largest_conditional_deviation():
    setting, draw = _network()
    flow = Flow(_data(setting, draw))
    numbers = np.array([[2.0, 0.3, 0.0], [0.3, 1.0, 0.1], [0.0, 0.1, 0.5]])
    covariance = np.array([[arb(entry) for entry in row] for row in numbers], dtype=object)
    deviation = math.sqrt((1 / np.linalg.inv(numbers).diagonal()).max())
    expected = float(mpmath.erfc(mpmath.mpf("0.01") ** (mpmath.mpf(1) / 3) / (deviation * mpmath.sqrt(2))) / 2)
    assert robust_error(flow, arb("0.01"), covariance) == pytest.approx(expected, rel=1e-9)
    assert robust_error(flow, arb(0), covariance) == pytest.approx(0.5)
    with pytest.raises(Refused):
        robust_error(flow, arb(-1), covariance)
    singular = np.array([[arb(entry) for entry in row] for row in np.ones((3, 3))], dtype=object)
    with pytest.raises(Refused, match="singular"):
        robust_error(flow, arb("0.01"), singular)


def test_the_covariance_is_that_of_the_moved_weights():
    setting, draw = _network()
    direct, flow = Direct(setting, draw), Flow(_data(setting, draw))
    _, b = _somewhere(direct)
    moved = draw.coordinates + (b * direct.signs[:, None]).T @ draw.noise_factor
    expected = setting.noise_std**2 * (moved @ moved.T + draw.residual_factor @ draw.residual_factor.T)
    assert np.allclose(_floats(covariance_of(flow, exactly(b))), expected, rtol=1e-12)


def _whole(setting, draw):
    n, m = setting.num_noise, setting.width
    return _data(setting, draw) | {
        "durations": np.ones(2),
        "clock": np.ones((2, 3)),
        "moved": np.ones((2, 3, n, m)),
        "clock_bounds": np.ones((2, 5)),
        "moved_bounds": np.ones((2, 5, n, m)),
    }


def test_arrays_that_do_not_fit_are_refused():
    """Each would broadcast, or be rounded, if it were let."""
    setting, draw = _network()
    n, m, good = setting.num_noise, setting.width, _whole(*_network())
    Checker(good)
    for name, wrong in (
        ("moved", np.ones((2, 4, n, m))),
        ("clock", np.ones((1, 3))),
        ("moved_bounds", np.ones((2, 5, n, m + 1))),
        ("noise_factor", draw.noise_factor[:1]),
        ("coordinates", draw.coordinates[:1]),
        ("residual_factor", draw.residual_factor[:, :1]),
        ("residual_factor", draw.residual_factor[:, :0]),
        ("signal_projections", np.append(draw.signal_projections, 0.1)),
        ("labels", draw.labels[:1]),
        ("labels", draw.labels.astype(int)),
        ("noise_factor", draw.noise_factor.astype(np.longdouble)),
        ("durations", np.ones(2, dtype=bool)),
    ):
        with pytest.raises(Refused):
            Checker(good | {name: wrong})
    odd = {"clock_bounds": np.ones((2, 4)), "moved_bounds": np.ones((2, 4, n, m))}
    none = {name: good[name][:0] for name in ("durations", "clock", "moved", "clock_bounds", "moved_bounds")}
    for wrong in (odd, none):
        with pytest.raises(Refused, match="no steps, steps that do not fit"):
            Checker(good | wrong)
    for wrong in ({"durations": np.zeros(2)}, {"clock_bounds": np.zeros((2, 5))}):
        with pytest.raises(Refused, match="not positive"):
            Checker(good | wrong)
    with pytest.raises(Refused, match="signs"):
        Checker(good | {"labels": np.array([1.0, 2.0])})
    with pytest.raises(Refused, match="format"):
        Checker(good | {"format": np.array("junk")})


@pytest.mark.parametrize(
    "change",
    [
        {"width": 999},
        {"width": 3.0},
        {"patch_dimension": 3},
        {"degree": 3.9},
        {"degree": "3"},
        {"degree": True},
        {"num_patches": 3.5},
        {"num_samples": 0},
        {"attacked_signal_fraction": False},
        {"init_std": float("nan")},
        {"noise_std": -1.0},
        {"noise_std": 0.0},
        {"adversarial_weight": 1.5},
        {"perturbation_radius": 1.0},
    ],
)
def test_a_setting_that_is_none_is_refused(change):
    setting, draw = _network()
    data = _whole(setting, draw)
    with pytest.raises(Refused):
        Checker(data | {"setting": np.array(json.dumps(asdict(setting) | change))})


def test_names_that_stand_twice_and_claims_that_nobody_checks_are_refused():
    setting, draw = _network()
    text = json.dumps(asdict(setting))
    with pytest.raises(Refused, match="twice"):
        Flow(_data(setting, draw) | {"setting": np.array(text.replace("{", '{"width": 9, ', 1))})
    with pytest.raises(Refused, match="no JSON object"):
        Flow(_data(setting, draw) | {"setting": np.array("[1]")})
    proved = {"end": [1.0, 2.0], "robust_test_error": 0.4}
    require_implied({"end": [0, 2.5], "robust_test_error": 0.3}, proved)
    for claims in (
        {"end": [0.0, 2.5]},
        {"end": [0.0, 2.5], "robust_test_error": 0.3, "proved for": "every network"},
        {"end": [0.0, 2.5], "robust_test_error": "0.3"},
        {"end": [0.0, 2.5], "robust_test_error": False},
        {"end": [0.0, float("nan")], "robust_test_error": 0.3},
        {"end": [[0.0, 2.5]], "robust_test_error": 0.3},
        {"end": [1.5, 2.5], "robust_test_error": 0.3},
        {"end": [0.0, 1.5], "robust_test_error": 0.3},
    ):
        with pytest.raises(Refused):
            require_implied(claims, proved)
