"""A signal at rest beyond α (κ < 0): the implicit integrator, and the sliding mode under the adversary span."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from cgro_theory.setting import PatchSetting
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.trainer.fast_signal import STAGES, FastSignalSolver, _radau
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem


def in_plain_time(setting, problem, times):
    """z and V_i by scipy's Radau in time itself, from the recursions of 2.2.2. shapes: (T,), (T, N)"""
    q, samples, width = setting.degree, setting.num_samples, setting.width
    labels, gram = np.repeat(problem.labels[0], setting.noise_patches), problem.gram[0]
    gains = setting.signal_strength**q, -((-setting.attacked_signal_fraction * setting.signal_strength) ** q)
    weights = 1.0 - setting.adversarial_weight, setting.adversarial_weight
    start = np.append(problem.signal_projections[0], problem.preactivations[0].ravel())

    def margins(state):
        u, v = state[:width], state[width:].reshape(-1, width)
        noise = (labels[:, None] * v * np.abs(v) ** (q - 1)).sum(axis=1).reshape(samples, -1).sum(axis=1)
        return (u * np.abs(u) ** (q - 1)).sum(), noise

    def slope(_, state):
        u, v = state[:width], state[width:].reshape(-1, width)
        signal, noise = margins(state)
        losses = [w / (1.0 + np.exp(gain * signal + noise)) for w, gain in zip(weights, gains, strict=True)]
        drive = q * sum(gain * loss.mean() for gain, loss in zip(gains, losses, strict=True))
        pull = np.repeat(sum(losses), setting.noise_patches) * labels * q / samples
        return np.append(drive * np.abs(u) ** (q - 1), gram @ (pull[:, None] * np.abs(v) ** (q - 1)))

    tolerance = {"rtol": 1e-9, "atol": 1e-13 * np.abs(start).max()}
    found = solve_ivp(slope, (0.0, times[-1]), start, method="Radau", t_eval=times, **tolerance)
    assert found.success
    signal, noise = zip(*(margins(state) for state in found.y.T), strict=True)
    return gains[0] * np.array(signal), np.array(noise)


@pytest.mark.parametrize(
    ("degree", "patches", "kappa", "weight", "seed"),
    [(2, 3, -0.2, 0.9, 881010), (3, 2, -0.7, 0.3, 881015), (3, 3, -0.9, 0.7, 881012), (5, 2, -0.5, 0.5, 881017)],
)
def test_the_flow_is_that_of_plain_time(degree, patches, kappa, weight, seed, monkeypatch):
    steps, step = [], FastSignalSolver.step
    monkeypatch.setattr(FastSignalSolver, "step", lambda solver: (steps.append(1), step(solver))[0])
    setting = PatchSetting.version_1(
        8000,
        num_samples=2,
        num_patches=patches,
        width=3,
        degree=degree,
        init_exponent=-0.3,
        attacked_signal_fraction=kappa,
        adversarial_weight=weight,
    )
    problem = draw_subspace_problem(setting, (seed,))
    runs = integrate_flow(
        problem, horizon=300.0, relative_tolerance=1e-9, stop_when_memorized=False, num_checkpoints=10
    )
    signal, noise = in_plain_time(setting, problem, runs.checkpoint_times)
    assert np.abs(runs.signal_margin[0] - signal).max() < 1e-6
    assert np.abs(runs.noise_margins[0] - noise).max() < 1e-6
    assert steps, "the implicit integrator was not needed"


def test_the_collocation_is_radau_s():
    """Exact for polynomials of degree 2s - 2 at the end of a step, of degree s - 1 at every stage."""
    radau = _radau()
    for power in range(2 * STAGES - 1):
        assert radau.matrix[-1] @ radau.nodes**power == pytest.approx(1.0 / (power + 1), abs=1e-13)
    for power in range(STAGES):
        found = radau.matrix @ radau.nodes**power
        assert np.allclose(found, radau.nodes ** (power + 1) / (power + 1), atol=1e-13)
    assert np.allclose(radau.at(np.append(0.0, radau.nodes)), np.eye(STAGES + 1), atol=1e-10)
    assert np.allclose(radau.at_zero @ radau.nodes, 0.0, atol=1e-10)


def test_steps_do_not_grow_with_the_stiffness(monkeypatch):
    steps, step = [], FastSignalSolver.step
    monkeypatch.setattr(FastSignalSolver, "step", lambda solver: (steps.append(1), step(solver))[0])
    counts = []
    for dimension in (10**6, 10**15):
        setting = PatchSetting.version_1(
            dimension, num_samples=3, width=4, attacked_signal_fraction=-0.7, adversarial_weight=0.3
        )
        steps.clear()
        runs = integrate_flow(draw_subspace_problem(setting, (881014,)), horizon=1e30, num_checkpoints=4)
        assert runs.stopped_because == ("memorized",)
        counts.append(len(steps))
    assert counts[1] < 2.5 * counts[0] < 500


@settings(max_examples=8)
@given(st.sampled_from([2, 3, 4]), st.floats(-1.0, -0.8), st.integers(881020, 881999))
def test_under_span_the_signal_slides_at_zero_beyond_the_boundary(degree, kappa, seed):
    """λc > 1-λ: both sides drive U to 0. There every loss is that of V alone, as without any signal."""
    setting = PatchSetting.version_1(
        10**6,
        num_samples=3,
        width=6,
        degree=degree,
        attacked_signal_fraction=kappa,
        adversarial_weight=0.9,
    )
    problem = draw_subspace_problem(setting, (seed,))
    runs, silent = (
        integrate_flow(
            part, horizon=1e5, adversary=AdversaryName.SPAN, stop_when_memorized=False, num_checkpoints=5
        )
        for part in (problem, _without_signal(problem))
    )
    if (np.sign(runs.signal_projections[0, 0]) == np.sign(runs.signal_projections[0, 0, 0])).all():
        return  # of one sign: U only tends to 0
    assert runs.stopped_because[0] in ("horizon", "memorized")
    assert abs(runs.final_signal_margin[0]) < 1e-9
    assert np.all(np.sign(runs.final_signal_projections) == np.sign(runs.signal_projections[:, 0]))
    late = runs.checkpoint_times > 1e3
    assert np.allclose(runs.noise_margins[0, late], silent.noise_margins[0, late], rtol=2e-2, atol=2e-2)


def _without_signal(problem):
    return replace(problem, signal_projections=1e-9 * problem.signal_projections)


def test_under_span_a_signal_of_the_wrong_sign_passes_zero_to_the_root():
    setting = PatchSetting.version_1(
        10**6, num_samples=3, width=6, attacked_signal_fraction=-0.7, adversarial_weight=0.3
    )
    problem = draw_subspace_problem(setting, tuple(range(881030, 881042)))
    runs = integrate_flow(problem, horizon=1e9, adversary=AdversaryName.SPAN, num_checkpoints=4)
    assert (runs.signal[:, 0] < 0).any()
    assert np.all((runs.final_signal_margin > 1.42) & (runs.final_signal_margin < 2.2))
