"""The setting's parts against routes of their own: loops, quadrature, counting, cases worked out by hand."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from cgro_theory.errors import InvalidInput
from cgro_theory.setting import PatchSetting
from cgro_theory.setting.adversary import (
    AdversaryName,
    Victim,
    attack,
    l2_attack,
    shift_signal_patch,
    span_attack,
    transfer_attack,
)
from cgro_theory.setting.declared import PATCH
from cgro_theory.setting.fresh_points import draw_fresh_points, sampled_l2_test_error, visible_weights
from cgro_theory.setting.initial_draw import InitialDraw, bartlett_factor, draw_subspace
from cgro_theory.setting.network import activation, network_output
from cgro_theory.setting.noise_margin_law import (
    NoiseMarginLaw,
    activation_covariance,
    directional_errors,
    error_at_margin,
)
from cgro_theory.setting.objective import adversarial_objective
from cgro_theory.setting.patch_data import draw_dense_problem

SETTING = PatchSetting(
    patch_dimension=40, num_samples=3, num_patches=3, width=2, degree=3, signal_strength=1.5, noise_std=0.2,
    init_std=0.3, attacked_signal_fraction=0.4, adversarial_weight=0.3,
)  # fmt: skip


def a_victim(degree=3, seed=0):
    """Two runs of two points with three patches in four dimensions; w* is the second axis."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn((2, 2, 3, 4), generator=generator, dtype=torch.float64)
    labels = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    is_signal = torch.zeros((2, 2, 3), dtype=torch.bool)
    for run, point, patch in ((0, 0, 1), (0, 1, 2), (1, 0, 0), (1, 1, 1)):
        is_signal[run, point, patch] = True
    feature = torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    weights = torch.randn((2, 3, 4), generator=generator, dtype=torch.float64)
    return Victim(inputs, labels, is_signal, feature, 1.5, degree), weights


def test_the_transfer_attack_takes_the_radius_off_the_signal_patch_and_nothing_else():
    victim, _ = a_victim()
    attacked = transfer_attack(victim, 0.7)
    for run in range(2):
        for point in range(2):
            for patch in range(3):
                moved = victim.inputs[run, point, patch].clone()
                if victim.is_signal[run, point, patch]:
                    moved[1] -= 0.7 * victim.labels[run, point]
                assert torch.equal(attacked[run, point, patch], moved)
    assert torch.equal(attack(AdversaryName.TRANSFER, victim, torch.zeros(2, 3, 4), 0.7), attacked)
    back = shift_signal_patch(victim, torch.tensor([[0.3], [-0.3]], dtype=torch.float64))
    assert float((back - victim.inputs)[0, 0, 1, 1]) == pytest.approx(0.3)
    assert float((back - victim.inputs)[1, 0, 0, 1]) == pytest.approx(0.3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_span_attack_goes_against_the_sign_of_the_signal(sign):
    victim, _ = a_victim()
    weights = torch.zeros((2, 3, 4), dtype=torch.float64)
    weights[:, :, 1] = sign * torch.tensor(
        [0.9, -0.5, -0.6]
    )  # U = ±(0.729 - 0.125 - 0.216) has the first one's sign
    expected = shift_signal_patch(victim, torch.full_like(victim.labels, -0.7 * sign))
    assert torch.equal(span_attack(victim, weights, 0.7), expected)
    still = span_attack(victim, 0.0 * weights, 0.7)  # U = 0 counts as positive
    assert torch.equal(still, shift_signal_patch(victim, torch.full_like(victim.labels, -0.7)))


def test_the_ball_attack_reaches_the_worst_point_of_a_linear_margin():
    """Degree 2 far from 0 is nearly linear: the margin falls by the radius times its gradient's length."""
    victim, weights = a_victim(2)
    small = 1e-4
    point = victim.inputs.clone().requires_grad_(True)
    margin = victim.labels * network_output(weights, point, 2)
    (gradient,) = torch.autograd.grad(margin.sum(), point)
    steepest = gradient.flatten(2).norm(dim=-1)
    generator = torch.Generator().manual_seed(1)
    attacked = l2_attack(victim, weights, small, generator=generator)
    after = victim.labels * network_output(weights, attacked, 2)
    assert torch.allclose((margin - after).detach(), small * steepest, rtol=2e-3)
    one = l2_attack(victim, weights, small, steps=1, restarts=0)
    assert torch.all(victim.labels * network_output(weights, one, 2) < margin)
    assert torch.equal(l2_attack(victim, weights, 0.0, restarts=0), victim.inputs)


def test_more_restarts_and_steps_never_weaken_the_ball_attack():
    victim, weights = a_victim(3)

    def worst(**options):
        attacked = l2_attack(victim, weights, 1.2, generator=torch.Generator().manual_seed(2), **options)
        size = (attacked - victim.inputs).flatten(2).norm(dim=-1)
        assert float(size.max()) <= 1.2 * (1 + 1e-12)
        return victim.labels * network_output(weights, attacked, 3)

    assert torch.all(worst() <= worst(restarts=0) + 1e-12)
    default = l2_attack(victim, weights, 1.2, generator=torch.Generator().manual_seed(2))
    named = l2_attack(victim, weights, 1.2, steps=20, restarts=2, generator=torch.Generator().manual_seed(2))
    assert torch.equal(default, named)
    assert torch.equal(attack(AdversaryName.L2, victim, weights, 1.2, torch.Generator().manual_seed(2)), named)


def test_random_starts_lie_on_the_sphere():
    """One step of size 0 from a start: with a constant network every start ties, so only its size shows."""
    seen = []
    plain = torch.randn

    def remembered(*shape, **options):
        seen.append(plain(*shape, **options))
        return seen[-1]

    victim, weights = a_victim(3)
    torch.randn, restored = remembered, torch.randn
    try:
        l2_attack(victim, weights, 0.9, restarts=3, steps=1, generator=torch.Generator().manual_seed(3))
    finally:
        torch.randn = restored
    assert len(seen) == 3
    from cgro_theory.setting.adversary import _project

    for draw in seen:
        length = _project(draw, 0.9, onto_sphere=True).flatten(2).norm(dim=-1)
        assert torch.allclose(length, torch.full_like(length, 0.9))
        inside = _project(1e-3 * draw, 0.9)
        assert torch.equal(inside, 1e-3 * draw)
        outside = _project(100.0 * draw, 0.9).flatten(2).norm(dim=-1)
        assert torch.allclose(outside, torch.full_like(outside, 0.9))


def test_visible_weights_have_the_projections_and_the_gram_matrix_that_were_asked_for():
    factor = np.random.default_rng(880400).standard_normal((3, 2))
    gram = factor @ factor.T  # rank 2: one eigenvalue is 0, or rounds below it
    found = visible_weights(np.array([0.3, -0.2, 0.1]), gram).numpy()
    assert found[:, 0] == pytest.approx([0.3, -0.2, 0.1])
    assert found[:, 1:] @ found[:, 1:].T == pytest.approx(gram, abs=1e-12)
    zero = visible_weights(np.array([0.3, -0.2]), np.diag([4.0, -1e-18])).numpy()
    assert np.isfinite(zero).all()
    assert zero[:, 1:] @ zero[:, 1:].T == pytest.approx(np.diag([4.0, 0.0]), abs=1e-12)


def test_fresh_points_are_as_defined():
    victim = draw_fresh_points(SETTING, 4000, 5, torch.Generator().manual_seed(880401))
    inputs, labels = victim.inputs[0], victim.labels[0]
    assert inputs.shape == (4000, 3, 5)
    assert set(labels.tolist()) == {-1.0, 1.0}
    assert abs(float(labels.mean())) < 5 / math.sqrt(4000)
    assert torch.equal(inputs[:, 0, 0], 1.5 * labels)
    assert float(inputs[:, 0, 1:].abs().max()) == 0.0
    assert float(inputs[:, 1:, 0].abs().max()) == 0.0
    noise = inputs[:, 1:, 1:].flatten().numpy()
    assert stats.kstest(noise / 0.2, "norm").pvalue > 1e-6
    assert victim.feature.tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert victim.is_signal[0].tolist() == [[True, False, False]] * 4000
    assert (victim.signal_strength, victim.degree) == (1.5, 3)
    assert draw_fresh_points(SETTING, 1, 5, torch.Generator().manual_seed(0)).inputs.shape == (1, 1, 3, 5)
    with pytest.raises(InvalidInput):
        draw_fresh_points(SETTING, 0, 5, torch.Generator())


def test_the_sampled_error_counts_wrong_signs_and_ties():
    aligned = np.array([1.0, 0.5])
    safe = sampled_l2_test_error(SETTING, aligned, 1e-6 * np.eye(2), 0.01, seed=880402, points=40)
    assert (safe.estimate, safe.low) == (0.0, 0.0)
    assert safe.high == pytest.approx(1 - 0.005 ** (1 / 40), rel=1e-6)
    wrong = sampled_l2_test_error(SETTING, -aligned, 1e-6 * np.eye(2), 0.01, seed=880402, points=40)
    assert (wrong.estimate, wrong.high) == (1.0, 1.0)
    silent = sampled_l2_test_error(SETTING, 0.0 * aligned, np.zeros((2, 2)), 0.01, seed=880402, points=40)
    assert silent.estimate == 1.0  # an output of 0 is no answer
    one_eigenvalue = np.diag([1.0, 0.0])
    weak = SETTING.with_perturbation_radius(0.01)
    mixed = sampled_l2_test_error(weak, 0.1 * aligned, one_eigenvalue, 0.01, seed=880403, points=64)
    assert 0.0 < mixed.low < mixed.estimate < mixed.high


def test_a_draw_is_equal_exactly_where_its_numbers_are():
    draw = draw_subspace(SETTING, 880404).initial
    same = InitialDraw(
        *(part.copy() for part in (draw.labels, draw.signal_projections, draw.preactivations, draw.noise_gram))
    )
    assert draw == same
    assert hash(draw) == hash(same)
    assert draw != "draw"
    for name in ("labels", "signal_projections", "preactivations", "noise_gram"):
        parts = {
            each: getattr(draw, each).copy()
            for each in ("labels", "signal_projections", "preactivations", "noise_gram")
        }
        parts[name].flat[0] += 1e-9
        assert InitialDraw(**parts) != draw
    reshaped = InitialDraw(
        draw.labels, draw.signal_projections, draw.preactivations.reshape(2, 6), draw.noise_gram
    )
    assert reshaped != draw
    signed = draw.signed_preactivations(2)
    for patch in range(6):
        assert signed[patch] == pytest.approx(draw.labels[patch // 2] * draw.preactivations[patch])


def test_draws_have_the_moments_of_normal_data():
    """Labels ±1; E u² = σ0²; E<w,ξ>² = σ0² σ² (d-1); E‖ξ‖² = σ² (d-1); E‖rest‖² = σ0² (d-1-n)."""
    draws = [draw_subspace(SETTING, 880500 + k) for k in range(400)]
    assert {float(x) for draw in draws for x in draw.labels} == {-1.0, 1.0}
    assert abs(np.mean([draw.labels for draw in draws])) < 5 / math.sqrt(1200)
    u = np.concatenate([draw.signal_projections for draw in draws])
    assert np.mean(u**2) == pytest.approx(0.09, rel=5 * math.sqrt(2 / u.size))
    v = np.concatenate([draw.initial.preactivations.ravel() for draw in draws])
    assert np.mean(v**2) == pytest.approx(0.09 * 0.04 * 39, rel=0.12)
    norms = np.concatenate([np.diag(draw.initial.noise_gram) for draw in draws])
    assert np.mean(norms) == pytest.approx(0.04 * 39, rel=5 * math.sqrt(2 / 39 / norms.size))
    assert np.var(norms) == pytest.approx(2 * 0.04**2 * 39, rel=0.2)
    rest = np.concatenate([np.diag(draw.residual_factor @ draw.residual_factor.T) for draw in draws])
    assert np.mean(rest) == pytest.approx(0.09 * (39 - 6), rel=5 * math.sqrt(2 / 33 / rest.size))
    for draw in draws[:3]:
        assert draw.noise_factor.shape == (6, 6)
        assert draw.residual_factor.shape == (2, 2)
        assert np.array_equal(np.triu(draw.noise_factor, 1), np.zeros((6, 6)))
        assert draw.initial.preactivations == pytest.approx(draw.noise_factor @ draw.coordinates.T)
    with pytest.raises(InvalidInput, match=">= 9"):
        draw_subspace(PatchSetting(**{**SETTING.__dict__, "patch_dimension": 8}), 0)


def test_bartletts_factor_has_the_degrees_of_freedom_of_its_rows():
    generator = np.random.default_rng(880405)
    squares = np.array([np.diag(bartlett_factor(generator, 3, 5)) ** 2 for _ in range(4000)])
    for row, freedom in enumerate((5, 4, 3)):
        assert squares[:, row].mean() == pytest.approx(freedom, rel=5 * math.sqrt(2 / freedom / 4000))


@pytest.mark.parametrize("degree", [2, 3, 4, 5])
def test_the_network_is_the_double_sum(degree):
    victim, weights = a_victim(degree)
    found = network_output(weights, victim.inputs, degree)
    for run in range(2):
        for point in range(2):
            total = 0.0
            for neuron in range(3):
                for patch in range(3):
                    s = float(weights[run, neuron] @ victim.inputs[run, point, patch])
                    total += math.copysign(abs(s) ** degree, s)
            assert float(found[run, point]) == pytest.approx(total, rel=1e-12)
    assert float(activation(torch.tensor(-0.5, dtype=torch.float64), degree)) == -(0.5**degree)


def test_the_objective_is_the_mean_of_both_losses():
    clean, attacked = np.array([[0.3, -1.2, 2.0], [0.1, 0.2, 0.3]]), np.array([[-0.3, 0.4, 1.0], [-5.0, 2.0, 0.0]])
    found = adversarial_objective(torch.tensor(clean), torch.tensor(attacked), 0.3)
    for run in range(2):
        losses = [[math.log(1 + math.exp(-s)) for s in side[run]] for side in (clean, attacked)]
        assert float(found[run]) == pytest.approx(0.7 * np.mean(losses[0]) + 0.3 * np.mean(losses[1]), rel=1e-12)


def density_tail(law, threshold):
    """P(|V| > threshold) for one neuron and one patch, V = φ_q(g): a normal tail."""
    return 2 * stats.norm.sf(threshold ** (1 / law.degree) / math.sqrt(law.covariance[0, 0]))


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_one_neuron_and_one_patch_have_a_normal_tail(degree):
    law = NoiseMarginLaw(np.array([[0.7]]), degree, 1)
    generator = np.random.default_rng(880406)
    for threshold in (0.05, 0.5, 3.0):
        expected = density_tail(law, threshold)
        assert law.tails_along(law.directional_margins(8, generator), threshold) == pytest.approx(
            np.full(8, expected), rel=1e-9
        )
        assert expected <= math.exp(law.log_tail_bound(threshold))
        assert expected <= law.chebyshev_bound(threshold)
        assert law.small_ball_probabilities(threshold, 4, generator) == pytest.approx(
            np.full(4, 1 - expected), rel=1e-6
        )
        moment = math.prod(range(1, 2 * degree, 2)) * 0.7**degree
        assert law.chebyshev_bound(threshold) == pytest.approx(min(1.0, moment / threshold**2))
        for z, error in ((threshold, expected / 2), (-threshold, 1 - expected / 2)):
            assert directional_errors(law, z, directions=4, generator=generator) == pytest.approx(
                np.full(4, error)
            )
            found = error_at_margin(law, z, 0.01, directions=64, generator=generator)
            assert found.low <= error <= found.high
            assert found.estimate == pytest.approx(error, rel=1e-9)
            assert found.high - found.low < 0.45
    assert error_at_margin(law, 0.0, 0.01, generator=generator).estimate == 0.5
    assert law.small_ball_probabilities(0.0, 3, generator).tolist() == [0.0] * 3
    assert law.chebyshev_bound(0.0) == 1.0
    assert law.log_tail_bound(0.0) == 0.0
    assert law.tails_along(np.ones(2), -1.0).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_two_neurons_have_the_tail_of_a_plane_integral(degree):
    """P(|φ(g1) + φ(g2)| > t) by a polar integral: along a direction the radius is Rayleigh."""
    factor = np.array([[0.8, 0.0], [0.3, 0.6]])
    law = NoiseMarginLaw(factor @ factor.T, degree, 1)
    threshold = 0.9

    def along(angle):
        g = factor @ np.array([math.cos(angle), math.sin(angle)])
        size = abs(sum(math.copysign(abs(x) ** degree, x) for x in g))
        return math.exp(-0.5 * (threshold / max(size, 1e-300)) ** (2 / degree)) if size > 0 else 0.0

    expected = integrate.quad(along, 0, math.pi, limit=400)[0] / math.pi
    generator = np.random.default_rng(880407)
    tails = law.tails_along(law.directional_margins(40_000, generator), threshold)
    assert tails.mean() == pytest.approx(expected, abs=5 * tails.std() / 200)
    balls = law.small_ball_probabilities(threshold, 40_000, generator)
    assert balls.mean() == pytest.approx(1 - expected, abs=5 * balls.std() / 200)
    two = NoiseMarginLaw(law.covariance, degree, 2)
    balls, tails = (
        two.small_ball_probabilities(threshold, 40_000, generator),
        two.tails_along(two.directional_margins(40_000, generator), threshold),
    )
    assert balls.mean() == pytest.approx(1 - tails.mean(), abs=5 * (balls.std() + tails.std()) / 200)
    variance = 2 * integrate.dblquad(
        lambda y, x: sum(math.copysign(abs(s) ** degree, s) for s in factor @ np.array([x, y])) ** 2
        * math.exp(-(x * x + y * y) / 2) / (2 * math.pi),
        -8, 8, -8, 8, epsabs=1e-4,
    )[0]  # fmt: skip
    assert two.variance == pytest.approx(variance, rel=1e-3)
    assert activation_covariance(np.diag([0.0, 2.0]), degree)[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("degree", [2, 3, 5])
def test_the_tail_bound_is_the_best_moments_bound(degree):
    """log(E|V|^p / t^p) at p = 2 is Chebyshev; far out hypercontractivity or the norms' sum takes over."""
    law = NoiseMarginLaw(np.diag([0.5, 0.2]), degree, 2)
    std = math.sqrt(law.variance)
    assert law.log_tail_bound(1.2 * std) == pytest.approx(-2 * math.log(1.2), abs=1e-6)
    moments = np.geomspace(2.0, 4000.0, 400)
    scale = 2 * (0.5 ** (degree / 2) + 0.2 ** (degree / 2))
    for times in (20.0, 1e4):
        threshold = times * std
        by_norms = [
            p * (math.log(scale) - math.log(threshold))
            + p * degree / 2 * math.log(2) + math.lgamma((p * degree + 1) / 2) - math.lgamma(0.5)
            for p in moments
        ]  # fmt: skip
        by_degree = [p * (math.log(std) + degree / 2 * math.log(p - 1) - math.log(threshold)) for p in moments[1:]]
        expected = min(min(by_norms), min(by_degree) if degree % 2 else math.inf, -2 * math.log(times))
        assert law.log_tail_bound(threshold) == pytest.approx(expected, rel=1e-6)
    assert NoiseMarginLaw(np.zeros((2, 2)), degree, 1).log_tail_bound(1.0) == -math.inf


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((2, 3)), np.array([[math.nan]]), np.array([[-1.0]])])
def test_a_covariance_is_square_finite_and_not_negative(bad):
    with pytest.raises(InvalidInput):
        NoiseMarginLaw(bad, 3, 1)


def test_an_exceedance_lies_within_its_ends_and_below_the_rigorous_bound():
    law = NoiseMarginLaw(np.diag([0.5, 0.2]), 3, 2)
    generator = np.random.default_rng(880408)
    for threshold in (0.01, 1.0, 30.0, 1e6):
        found = law.exceedance(threshold, 1e-3, directions=500, generator=generator)
        assert 0.0 <= found.low <= found.estimate <= found.high <= 1.0
        assert found.high <= math.nextafter(math.exp(law.log_tail_bound(threshold)), 1.0)
        assert found.high > 0.0
    assert law.exceedance(0.0, 1e-3, generator=generator).low == 1.0
    tiny = law.exceedance(1e200, 1e-3, directions=50, generator=generator)
    assert tiny.high == math.nextafter(0.0, 1.0)


def test_settings_say_their_numbers():
    assert (SETTING.noise_patches, SETTING.num_noise) == (2, 6)
    assert SETTING.clean_gain == pytest.approx(1.5**3)
    assert SETTING.attacked_gain == pytest.approx(0.6**3)
    assert SETTING.with_perturbation_radius(0.3).attacked_signal_fraction == pytest.approx(0.8)
    assert SETTING.with_perturbation_radius(0.3).perturbation_radius == pytest.approx(0.3)
    assert SETTING.with_perturbation_radius(0.0).attacked_signal_fraction == 1.0
    assert SETTING.with_perturbation_radius(2.1).attacked_gain == pytest.approx(-(0.6**3))
    for dimension, reduces in ((9, True), (8, False)):
        assert PatchSetting(**{**SETTING.__dict__, "patch_dimension": dimension}).reduces is reduces
    curvature = 9 * (1.5**2 * 0.7 + 0.6**2 * 0.3 + 0.04 * 40 / 3)
    assert SETTING.stable_learning_rate(0.5) == pytest.approx(0.5 / curvature)
    assert SETTING.stable_learning_rate() == pytest.approx(1.0 / curvature)
    for bad in (0.0, 1.01, math.nan):
        with pytest.raises(InvalidInput):
            SETTING.stable_learning_rate(bad)


def test_options_name_the_fraction_or_the_radius():
    values = {name: parameter.default for name, parameter in PATCH.items()} | {"dimension": 10_000}
    plain = PatchSetting.from_options(values | {"attacked_fraction": "auto"})
    assert plain == PatchSetting.version_1(10_000)
    assert PatchSetting.from_options(values | {"attacked_fraction": None}) == plain
    assert PatchSetting.from_options(values | {"attacked_fraction": 0.25}).attacked_signal_fraction == 0.25
    by_radius = PatchSetting.from_options(values | {"attacked_fraction": "auto", "perturbation_radius": 1.5})
    assert by_radius == plain.with_perturbation_radius(1.5)
    with pytest.raises(InvalidInput, match="without attacked_fraction"):
        PatchSetting.from_options(values | {"attacked_fraction": 0.25, "perturbation_radius": 1.5})


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("fraction", [-1.0, 1.0])
def test_the_ends_of_the_domain_belong_to_it(weight, fraction):
    PatchSetting(**{**SETTING.__dict__, "adversarial_weight": weight, "attacked_signal_fraction": fraction})


def test_dense_data_have_the_moments_that_were_asked_for():
    problem = draw_dense_problem(SETTING, tuple(range(880600, 880660)))
    assert set(problem.labels.flatten().tolist()) == {-1.0, 1.0}
    assert float((problem.noise**2).sum(-1).mean()) == pytest.approx(0.04 * 39, rel=0.06)
    assert float((problem.weights**2).sum(-1).mean()) == pytest.approx(0.09 * 40, rel=0.1)
    assert set(problem.signal_position.flatten().tolist()) == {0, 1, 2}
    preactivations = problem.preactivations
    for run, point, patch in ((0, 0, 0), (3, 2, 1)):
        expected = problem.weights[run] @ problem.noise[run, point, patch]
        assert torch.allclose(preactivations[run].reshape(3, 2, 2)[point, patch], expected)
