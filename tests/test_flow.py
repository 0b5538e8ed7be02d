"""Gradient flow: the limit of descent, at any d and at the extremes of its parameters."""

import os
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import DOP853
from threadpoolctl import threadpool_info, threadpool_limits

from cgro_theory.errors import InvalidInput
from cgro_theory.setting import PatchSetting
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import group_horizon
from cgro_theory.trainer.compiled_flow import CompiledFlowSystem, CompiledSolver, flow_system, is_compiled
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.flow import CLOCK_END, integrate_flow
from cgro_theory.trainer.flow_system import FlowSystem
from cgro_theory.trainer.reduction import draw_subspace_problem
from cgro_theory.trainer.trajectories import Trajectories

INTEGRATED = CompiledFlowSystem if is_compiled() else FlowSystem


@pytest.mark.parametrize("degree", [2, 3, 4])
@pytest.mark.parametrize("adversary", [AdversaryName.TRANSFER, AdversaryName.SPAN])
def test_one_step_of_descent_is_the_flow_s_derivative(degree, adversary):
    setting = PatchSetting.version_1(3000, num_samples=4, num_patches=3, width=5, degree=degree)
    problem = draw_subspace_problem(setting, (0, 1, 2))
    rate = 1e-3
    runs = train(problem, learning_rate=rate, steps=1, adversary=adversary, stop_when_memorized=False)
    for run in range(3):
        system = flow_system(problem, run, adversary)
        u, v = system.split(system.initial + rate * system.derivative(system.initial))
        assert np.allclose(u, runs.final_signal_projections[run], rtol=1e-12, atol=1e-15)
        assert np.allclose(v, runs.final_preactivations[run], rtol=1e-12, atol=1e-15)


@pytest.mark.skipif(not is_compiled(), reason="numba, of the extra `fast`, is not installed")
@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 7),
    st.integers(1, 5),
    st.integers(2, 4),
    st.integers(1, 9),
    st.sampled_from([-0.9, 0.0, 1e-8, 0.3, 1.0]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([AdversaryName.TRANSFER, AdversaryName.SPAN]),
    st.floats(-3.0, 3.0),
    st.integers(0, 99),
)
def test_the_compiled_right_hand_side_is_numpy_s(
    degree, samples, patches, width, kappa, weight, adversary, size, seed
):
    """At states of any size, also with projections that an integrator's error has carried past 0."""
    setting = PatchSetting.version_1(
        500,
        num_samples=samples,
        num_patches=patches,
        width=width,
        degree=degree,
        attacked_signal_fraction=kappa,
        adversarial_weight=weight,
    )
    problem = draw_subspace_problem(setting, (seed,))
    plain, compiled = (kind(problem, 0, adversary) for kind in (FlowSystem, CompiledFlowSystem))
    moved = np.random.default_rng(seed).standard_normal(plain.initial.size) * np.abs(plain.initial).max()
    extended = np.append(10.0**size * (plain.initial + moved), 0.5)
    for expected, found in (
        (plain.derivative(extended[:-1]), compiled.derivative(extended[:-1])),
        (plain.in_clock(0.0, extended), compiled.in_clock(0.0, extended)),
    ):
        sides = (plain.split(side[: plain.initial.size]) for side in (expected, found))
        for one, other in zip(*sides, strict=True):
            # 10^-295: of the compiled logistic, which is 0 below the smallest normal number
            assert np.abs(one - other).max() <= 1e-12 * np.abs(one).max() + 1e-295
        assert found[-1] == pytest.approx(expected[-1], rel=1e-11, abs=1e-300)
    assert compiled.time_scale == pytest.approx(plain.time_scale, rel=1e-11)


@pytest.mark.skipif(not is_compiled(), reason="numba, of the extra `fast`, is not installed")
@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 5),
    st.integers(1, 4),
    st.integers(2, 3),
    st.integers(1, 9),
    st.sampled_from([-0.4, 0.0, 1e-3, 1.0]),
    st.sampled_from([AdversaryName.TRANSFER, AdversaryName.SPAN]),
    st.sampled_from([1e-4, 1e-7]),
    st.sampled_from([1.0, 30.0]),
    st.integers(0, 99),
)
def test_the_compiled_steps_are_scipy_s(
    degree, samples, patches, width, kappa, adversary, tolerance, longer, seed
):
    """Also where the first step is too long and rejected several times."""
    setting = PatchSetting.version_1(
        10**6, num_samples=samples, num_patches=patches, width=width, degree=degree, attacked_signal_fraction=kappa
    )
    system = CompiledFlowSystem(draw_subspace_problem(setting, (seed,)), 0, adversary)
    state = np.append(system.initial, 0.0)
    relative = np.full_like(state, tolerance)
    scipys = DOP853(system.in_clock, 0.0, state, CLOCK_END, rtol=relative, atol=1e-3 * tolerance)
    compiled = CompiledSolver(system, 0.0, state, CLOCK_END, relative, 1e-3 * tolerance * np.ones_like(state))
    scipys.h_abs *= longer
    levels, learned = np.full(1 + samples, np.inf), np.zeros(1 + samples, dtype=bool)
    for _ in range(12):
        compiled.t, compiled.y, compiled.f, compiled.h_abs = scipys.t, scipys.y, scipys.f, scipys.h_abs
        scipys.step()
        assert compiled.advance(levels, learned, np.inf, 1) == 1
        # An estimate of an error at rounding's level decides the next length.
        assert compiled.h_abs == pytest.approx(scipys.h_abs, rel=1e-3)
        assert (compiled.t, compiled.t_old) == pytest.approx((scipys.t, scipys.t_old), rel=1e-4)
        if compiled.t == pytest.approx(scipys.t, rel=1e-12):
            between = scipys.t_old + 0.3 * (scipys.t - scipys.t_old)
            ends = (scipys.y, compiled.y), (scipys.dense_output()(between), compiled.dense_output()(between))
            for one, other in ends:
                assert np.abs(one - other).max() <= 1e-12 * np.abs(one).max()


@pytest.mark.skipif(not is_compiled(), reason="numba, of the extra `fast`, is not installed")
@settings(max_examples=12, deadline=None)
@given(
    st.integers(2, 4),
    st.integers(1, 4),
    st.integers(2, 3),
    st.integers(1, 9),
    st.sampled_from([-0.4, 0.0, 1e-3, 1.0]),
    st.sampled_from([0.5, 0.9, 1.0]),
    st.sampled_from([AdversaryName.TRANSFER, AdversaryName.SPAN]),
    st.integers(0, 99),
)
def test_several_compiled_steps_stop_where_there_is_something_to_look_at(
    degree, samples, patches, width, kappa, weight, adversary, seed
):
    """The same records with the compiled loop and with scipy's steps, each of which is looked at."""
    setting = PatchSetting.version_1(
        10**6,
        num_samples=samples,
        num_patches=patches,
        width=width,
        degree=degree,
        attacked_signal_fraction=kappa,
        adversarial_weight=weight,
    )
    problem = draw_subspace_problem(setting, (seed,))
    options = {"horizon": 1e5, "adversary": adversary, "relative_tolerance": 1e-9, "num_checkpoints": 20}
    runs = integrate_flow(problem, **options)
    with mock.patch("cgro_theory.trainer.compiled_flow.is_compiled", return_value=False):
        plain = integrate_flow(problem, **options)
    assert runs.stopped_because == plain.stopped_because
    largest = np.nanmax(np.abs(plain.signal))
    sizes = {"signal": largest, "final_signal": largest, "noise_margins": 1.0, "signal_time": 0.0}
    for name, size in (sizes | {"memorization_times": 0.0, "final_time": 0.0}).items():
        one, other = getattr(runs, name), getattr(plain, name)
        assert np.allclose(one, other, rtol=1e-6, atol=1e-9 * size, equal_nan=True), name


@pytest.mark.parametrize("kappa", [-0.4, 0.3])
def test_a_point_that_no_neuron_favours_is_never_memorized(kappa, monkeypatch):
    """With q = 2 its v decays to 0; an integrator's error must not carry it across, from where it would grow."""
    setting = PatchSetting.version_1(
        10**6, num_samples=1, width=1, degree=2, attacked_signal_fraction=kappa, adversarial_weight=0.5
    )
    problem = draw_subspace_problem(setting, (0,))
    assert problem.labels[0, 0] * problem.preactivations[0, 0, 0] < 0
    for extra in (is_compiled(), False):
        monkeypatch.setattr("cgro_theory.trainer.compiled_flow.is_compiled", lambda extra=extra: extra)
        runs = integrate_flow(problem, horizon=1e3, num_checkpoints=4)
        assert runs.stopped_because == ("horizon",)
        assert -1e-12 < runs.final_noise_margins[0, 0] <= 0.0


def test_what_has_decayed_returns_when_it_should():
    """q = 2, two points that no neuron favours, of which each drives the other across 0 at last."""
    setting = PatchSetting.version_1(
        10**6, num_samples=2, width=2, degree=2, attacked_signal_fraction=-0.4, adversarial_weight=0.5
    )
    problem = draw_subspace_problem(setting, (1,))
    times = [
        integrate_flow(problem, horizon=1e5, num_checkpoints=2, relative_tolerance=tolerance).memorization_times
        for tolerance in (1e-7, 1e-11)
    ]
    assert np.allclose(*times, rtol=1e-7)


def test_without_the_extra_flows_are_the_same(monkeypatch):
    setting = PatchSetting.version_1(10**9, num_samples=4, width=8, degree=3)
    problem = draw_subspace_problem(setting, (1,))
    horizon = group_horizon(setting, problem)
    runs = integrate_flow(problem, horizon=horizon, relative_tolerance=1e-10)
    monkeypatch.setattr("cgro_theory.trainer.compiled_flow.is_compiled", lambda: False)
    plain = integrate_flow(problem, horizon=horizon, relative_tolerance=1e-10)
    assert np.allclose(plain.memorization_times, runs.memorization_times, rtol=1e-8)
    assert np.allclose(plain.signal_time, runs.signal_time, rtol=1e-8)
    assert np.allclose(plain.final_signal, runs.final_signal, rtol=1e-8)


def test_an_attack_beyond_the_signal_holds_it_at_rest():
    """κ < 0: the signal rests where the clean and the attacked pull balance, the stiff case."""
    setting = PatchSetting.version_1(10**9, num_samples=3, width=4, attacked_signal_fraction=-0.5)
    problem = draw_subspace_problem(setting, (2,))
    runs = integrate_flow(problem, horizon=50.0, num_checkpoints=4)
    assert runs.stopped_because == ("horizon",)
    z = setting.clean_gain * runs.final_signal[0]
    weight, kept = setting.adversarial_weight, 0.5**3
    pulls = (1.0 - weight) / (1.0 + np.exp(z)), weight * kept / (1.0 + np.exp(-kept * z))
    assert pulls[0] == pytest.approx(pulls[1], rel=1e-3)


def test_descent_converges_to_the_flow_at_first_order():
    setting = PatchSetting.version_1(3000, num_samples=3, width=6)
    problem = draw_subspace_problem(setting, (0, 1))
    horizon = 1.5
    flow = integrate_flow(problem, horizon=horizon, relative_tolerance=1e-11)
    errors = []
    for steps in (400, 800, 1600):
        runs = train(problem, learning_rate=horizon / steps, steps=steps, stop_when_memorized=False)
        errors.append(np.abs(runs.final_signal_margin - flow.final_signal_margin).max())
        assert np.allclose(runs.signal_time, flow.signal_time, rtol=0.2, equal_nan=True)
    ratios = np.array(errors[:-1]) / np.array(errors[1:])
    assert np.all((ratios > 1.7) & (ratios < 2.4)), errors


def test_a_tighter_tolerance_changes_times_by_less():
    setting = PatchSetting.version_1(10**9, num_samples=4, width=8)
    problem = draw_subspace_problem(setting, (0,))
    horizon = group_horizon(setting, problem)
    times = [
        integrate_flow(problem, horizon=horizon, relative_tolerance=tolerance).memorization_times
        for tolerance in (1e-6, 1e-8, 1e-11)
    ]
    coarse, fine = (np.abs(times[k] / times[2] - 1).max() for k in (0, 1))
    assert fine < coarse < 1e-3
    assert fine < 1e-5


@pytest.mark.parametrize("degree", [3, 4])
def test_event_times_at_the_usual_tolerance_are_right_to_1e_8(degree):
    setting = PatchSetting.version_1(10**15, degree=degree)
    problem = draw_subspace_problem(setting, (887100,))
    horizon = group_horizon(setting, problem)
    usual, fine = (
        integrate_flow(problem, horizon=horizon, relative_tolerance=each, enough_memorized=4, num_checkpoints=2)
        for each in (1e-8, 1e-11)
    )
    assert np.allclose(usual.signal_time, fine.signal_time, rtol=1e-8, atol=0.0)
    assert np.allclose(usual.memorization_times, fine.memorization_times, rtol=1e-8, atol=0.0, equal_nan=True)


@settings(max_examples=12)
@given(
    st.integers(4, 15),
    st.integers(2, 5),
    st.sampled_from([0.0, 1e-6, 0.5, 0.9, 1.0]),
    st.sampled_from([1e-8, 1e-4, 0.1, 1.0]),
    st.integers(0, 99),
)
def test_extreme_parameters_end_with_numbers(exponent, degree, weight, kappa, seed):
    setting = PatchSetting.version_1(
        10**exponent,
        num_samples=3,
        width=5,
        degree=degree,
        adversarial_weight=weight,
        attacked_signal_fraction=kappa,
    )
    problem = draw_subspace_problem(setting, (seed,))
    try:
        horizon = group_horizon(setting, problem)
    except ValueError:
        horizon = np.inf
    horizon = horizon if np.isfinite(horizon) else 1e3
    runs = integrate_flow(problem, horizon=horizon, relative_tolerance=1e-6, num_checkpoints=5)
    assert runs.broken == ()
    assert np.all(np.isfinite(runs.final_noise_margins))
    assert np.all(np.diff(runs.objective[0][np.isfinite(runs.objective[0])]) <= 1e-9)


def test_an_unreachable_tolerance_says_the_time_reached(monkeypatch):
    monkeypatch.setattr("cgro_theory.trainer.flow.MAX_INTEGRATOR_STEPS", 20)
    setting = PatchSetting.version_1(10**6, num_samples=3, width=5)
    runs = integrate_flow(draw_subspace_problem(setting, (4,)), horizon=1e4)
    assert runs.stopped_because == ("failed",)
    assert runs.why_broken(0).startswith("the flow stopped at time")
    assert "(seed 4): its tolerance cannot be met" in runs.why_broken(0)
    assert np.isnan(runs.final_signal[0])


def test_flow_round_trip(tmp_path):
    setting = PatchSetting.version_1(10**6, num_samples=3, width=5)
    runs = integrate_flow(draw_subspace_problem(setting, (0,)), horizon=10.0)
    runs.save(tmp_path / "f.npz")
    loaded = Trajectories.load(tmp_path / "f.npz")
    assert (loaded.method, loaded.relative_tolerance) == ("flow", 1e-8)
    assert np.array_equal(loaded.signal, runs.signal, equal_nan=True)


@pytest.mark.parametrize(
    "arguments",
    [
        {"horizon": 0.0},
        {"horizon": np.inf},
        {"horizon": 1.0, "relative_tolerance": 1.0},
        {"horizon": 1.0, "num_checkpoints": 1},
    ],
)
def test_flow_options_are_validated(arguments):
    problem = draw_subspace_problem(PatchSetting.version_1(1000, num_samples=2, width=2), (0,))
    with pytest.raises(InvalidInput, match=list(arguments)[-1]):
        integrate_flow(problem, **arguments)


def test_enough_memorized_points_end_a_run_early():
    setting = PatchSetting.version_1(10**6, num_samples=6, width=12)
    problem = draw_subspace_problem(setting, (3,))
    horizon = group_horizon(setting, problem)
    whole = integrate_flow(problem, horizon=horizon)
    times = np.sort(whole.memorization_times[0])
    for count in (1, 4):
        part = integrate_flow(problem, horizon=horizon, enough_memorized=count)
        assert part.stopped_because == ("memorized",)
        assert np.isfinite(part.memorization_times[0]).sum() == count
        assert part.final_time[0] == pytest.approx(times[count - 1], rel=1e-6)
    with pytest.raises(InvalidInput, match=r"enough_memorized must be an integer in \[1, 6\]"):
        integrate_flow(problem, horizon=horizon, enough_memorized=7)


def test_a_flow_does_not_depend_on_its_batch():
    setting = PatchSetting.version_1(10**5, num_samples=7, num_patches=4, width=3)
    whole = integrate_flow(draw_subspace_problem(setting, (0, 1, 2)), horizon=300.0)
    alone = integrate_flow(draw_subspace_problem(setting, (2,)), horizon=300.0)
    for name in ("signal_time", "memorization_times", "final_preactivations", "final_weight_gram", "noise_gram"):
        assert np.array_equal(getattr(whole, name)[2], getattr(alone, name)[0], equal_nan=True), name


def test_span_flow_crosses_the_sign_of_the_signal():
    """At U = 0 the attack of the span adversary jumps; this draw made the integrator give up there."""
    setting = PatchSetting.version_1(10**6)
    problem = draw_subspace_problem(setting, (3,))
    runs = integrate_flow(problem, horizon=1.0, adversary=AdversaryName.SPAN)
    assert runs.signal[0, 0] < 0
    assert runs.stopped_because == ("horizon",)
    assert runs.final_signal[0] > 0


class ThreadsSeen:
    """Wraps the right-hand side and notes how many threads each library may use inside it."""

    def __init__(self, monkeypatch):
        self.counts = set()
        for kind in {FlowSystem, INTEGRATED}:
            self._note(monkeypatch, kind, kind.in_clock)

    def _note(self, monkeypatch, kind, in_clock):
        def noting(system, clock, extended):
            self.counts |= {torch.get_num_threads(), *threads_of_libraries()}
            return in_clock(system, clock, extended)

        monkeypatch.setattr(kind, "in_clock", noting)


def threads_of_libraries():
    return [library["num_threads"] for library in threadpool_info()]


@pytest.fixture
def two_threads():
    """What OMP_NUM_THREADS=2 asks for."""
    before = torch.get_num_threads()
    with threadpool_limits(limits=2):
        torch.set_num_threads(2)
        yield
        torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_descent_runs_on_one_thread_and_restores_what_was_set():
    problem, seen = draw_subspace_problem(PatchSetting.version_1(300, num_samples=2, width=2), (0,)), set()
    train(problem, learning_rate=0.1, steps=2, progress=lambda done: seen.add(torch.get_num_threads()))
    assert (seen, torch.get_num_threads()) == ({1}, 2)


@pytest.mark.usefixtures("two_threads")
def test_the_flow_runs_on_one_thread_and_restores_what_was_set(monkeypatch):
    seen = ThreadsSeen(monkeypatch)
    problem = draw_subspace_problem(PatchSetting.version_1(10**6, num_samples=3, width=4), (0,))
    before = threads_of_libraries()
    integrate_flow(problem, horizon=1.0, num_checkpoints=3)
    assert seen.counts == {1}
    assert torch.get_num_threads() == 2
    assert threads_of_libraries() == before
    assert 2 in before


@pytest.mark.usefixtures("two_threads")
def test_the_threads_are_restored_after_an_error():
    problem = draw_subspace_problem(PatchSetting.version_1(10**6, num_samples=3, width=4), (0,))
    with pytest.raises(InvalidInput, match="horizon"):
        integrate_flow(problem, horizon=-1.0)
    assert torch.get_num_threads() == 2


def test_libraries_that_are_loaded_later_are_limited_too():
    """scikit-learn brings an OpenMP library of its own."""
    code = """
import torch
from threadpoolctl import threadpool_info
from cgro_theory.trainer.threads import one_thread
with one_thread():
    pass
before = len(threadpool_info())
import sklearn.cluster
assert len(threadpool_info()) > before
with one_thread():
    assert {library["num_threads"] for library in threadpool_info()} == {1}
"""
    threads = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", code], env=os.environ | threads, check=True)


def test_the_bits_of_a_flow_do_not_depend_on_the_threads():
    problem = draw_subspace_problem(PatchSetting.version_1(10**9, num_samples=12, width=10), (0,))
    ends = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            torch.set_num_threads(threads)
            ends.append(integrate_flow(problem, horizon=group_horizon(problem.setting, problem)))
    torch.set_num_threads(before)
    assert np.array_equal(ends[0].final_preactivations, ends[1].final_preactivations)
    assert np.array_equal(ends[0].memorization_times, ends[1].memorization_times)


def test_what_crosses_after_the_end_of_a_run_is_no_part_of_it():
    setting = PatchSetting.version_1(10**4, num_samples=6, width=12)
    for seed in range(880960, 880985):
        problem = draw_subspace_problem(setting, (seed,))
        runs = integrate_flow(problem, horizon=group_horizon(setting, problem), enough_memorized=1)
        times = runs.memorization_times[0]
        assert np.isfinite(times).sum() == 1
        assert np.nanmax(times) <= runs.final_time[0] * (1 + 1e-12)
        assert not runs.signal_time[0] > runs.final_time[0]


def test_the_last_record_is_there_when_the_horizon_ends_a_run():
    setting = PatchSetting.version_1(10**4, num_samples=6, width=12)
    for seed in range(880960, 880985):
        runs = integrate_flow(draw_subspace_problem(setting, (seed,)), horizon=300.0)
        if runs.stopped_because == ("horizon",):
            assert np.isfinite(runs.signal[0]).all()
            assert runs.final_time[0] == pytest.approx(300.0, rel=1e-12)
