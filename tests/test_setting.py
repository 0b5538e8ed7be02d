import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import settings_small

from cgro_theory.errors import InvalidInput
from cgro_theory.setting import PatchSetting
from cgro_theory.setting.adversary import Victim, attack, l2_attack, span_attack
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.network import activation, network_output
from cgro_theory.setting.patch_data import draw_dense_problem
from cgro_theory.trainer.trajectories import attacked_signal_margin

VALID = {
    "patch_dimension": 100,
    "num_samples": 4,
    "num_patches": 2,
    "width": 3,
    "degree": 3,
    "signal_strength": 2.0,
    "noise_std": 0.1,
    "init_std": 0.1,
    "attacked_signal_fraction": 0.1,
    "adversarial_weight": 0.5,
}
BAD = [
    ("patch_dimension", 1),
    ("patch_dimension", 10**19),
    ("patch_dimension", 3.5),
    ("num_samples", 0),
    ("num_samples", True),
    ("num_patches", 1),
    ("width", 0),
    ("degree", 1),
    ("degree", 10),
    ("signal_strength", 0.0),
    ("noise_std", -1.0),
    ("init_std", math.inf),
    ("attacked_signal_fraction", -1.01),
    ("attacked_signal_fraction", 1.3),
    ("adversarial_weight", 1.5),
    ("adversarial_weight", math.nan),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_values_outside_their_domain_are_named(name, value):
    with pytest.raises(InvalidInput, match=name) as caught:
        PatchSetting(**(VALID | {name: value}))
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", [name for name, value in VALID.items() if isinstance(value, float)])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_values_are_refused(name, value):
    with pytest.raises(InvalidInput, match=name):
        PatchSetting(**(VALID | {name: value}))


def test_radius_beyond_twice_the_signal_is_refused():
    setting = PatchSetting(**VALID)
    assert setting.with_perturbation_radius(4.0).attacked_signal_fraction == -1.0
    with pytest.raises(InvalidInput, match="perturbation_radius must be in"):
        setting.with_perturbation_radius(4.1)


@given(st.integers(2, 15))
def test_version_1_at_any_dimension(exponent):
    setting = PatchSetting.version_1(10**exponent)
    d = 10.0**exponent
    assert setting.signal_strength == pytest.approx(d**0.249)
    assert setting.attacked_signal_fraction == pytest.approx(1 / (math.sqrt(d) * math.log(d)), rel=1e-12)
    assert 0 < setting.perturbation_radius < setting.signal_strength


@given(settings_small(), st.integers(0, 5))
def test_patch_data_is_as_defined(setting, seed):
    problem = draw_dense_problem(setting, (seed,))
    inputs = problem.inputs[0]
    for point in range(setting.num_samples):
        position = int(problem.signal_position[0, point])
        expected = setting.signal_strength * problem.labels[0, point] * problem.feature
        assert torch.equal(inputs[point, position], expected)
        others = [j for j in range(setting.num_patches) if j != position]
        assert torch.equal(inputs[point, others], problem.noise[0, point])
    assert float((problem.noise @ problem.feature).abs().max()) == 0.0


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=9), st.integers(2, 9))
def test_activation_is_the_signed_power(values, degree):
    expected = np.sign(values) * np.abs(values) ** degree
    assert activation(torch.tensor(values, dtype=torch.float64), degree).numpy() == pytest.approx(expected)


def victim_of(problem):
    return Victim(
        problem.inputs,
        problem.labels,
        torch.nn.functional.one_hot(problem.signal_position, problem.setting.num_patches).bool(),
        problem.feature,
        problem.setting.signal_strength,
        problem.setting.degree,
    )


def margins(problem, inputs):
    return problem.labels * network_output(problem.weights, inputs, problem.setting.degree)


@given(settings_small(), st.integers(0, 50))
def test_span_attack_is_the_worst_shift_and_has_its_closed_form(setting, seed):
    problem = draw_dense_problem(setting, (seed,))
    victim, radius = victim_of(problem), setting.perturbation_radius
    worst = margins(problem, span_attack(victim, problem.weights, radius))
    for fraction in np.linspace(-1, 1, 21):
        moved = (fraction * radius * problem.labels)[..., None] * problem.feature
        shifted = torch.where(victim.is_signal[..., None], victim.inputs + moved[:, :, None, :], victim.inputs)
        found = margins(problem, shifted)
        assert bool((worst <= found + 1e-9 * (1 + found.abs())).all())
    signal = activation(problem.weights @ problem.feature, setting.degree).sum(-1)
    noise = activation(torch.einsum("rmd,rnjd->rnjm", problem.weights, problem.noise), setting.degree)
    noise_margins = problem.labels * noise.sum(dim=(-1, -2))
    closed = torch.as_tensor(attacked_signal_margin(setting, signal.numpy()))[:, None] + noise_margins
    assert torch.allclose(worst, closed, rtol=1e-7, atol=1e-9 * setting.clean_gain)


@pytest.mark.parametrize("name", list(AdversaryName))
def test_attacks_stay_in_the_ball(name):
    setting = PatchSetting.version_1(30, num_samples=5, width=4, attacked_signal_fraction=0.3)
    problem = draw_dense_problem(setting, (0, 1))
    victim, radius = victim_of(problem), setting.perturbation_radius
    attacked = attack(name, victim, problem.weights, radius, torch.Generator().manual_seed(0))
    size = (attacked - victim.inputs).flatten(2).norm(dim=-1)
    assert float(size.max()) <= radius * (1 + 1e-12)


def test_l2_attack_is_never_weaker_than_span_and_finds_more():
    setting = PatchSetting.version_1(30, num_samples=8, width=4, attacked_signal_fraction=0.3)
    problem = draw_dense_problem(setting, (0, 1, 2))
    victim, radius = victim_of(problem), setting.perturbation_radius
    span = margins(problem, span_attack(victim, problem.weights, radius))
    full = margins(problem, l2_attack(victim, problem.weights, radius, generator=torch.Generator().manual_seed(0)))
    assert bool((full <= span).all())
    assert float(full.mean()) < float(span.mean())


@pytest.mark.parametrize("arguments", [{"steps": 0}, {"restarts": -1}])
def test_attack_budget_is_validated(arguments):
    problem = draw_dense_problem(PatchSetting.version_1(30, num_samples=2, width=2), (0,))
    with pytest.raises(InvalidInput):
        l2_attack(victim_of(problem), problem.weights, 0.1, **arguments)
