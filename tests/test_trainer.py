import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from strategies import settings_small

from cgro_theory.errors import CgroError, InvalidFile, InvalidInput
from cgro_theory.setting import PatchSetting, initial_draw
from cgro_theory.setting.adversary import Victim, l2_attack
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.network import network_output
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.setting.patch_data import draw_dense_problem
from cgro_theory.trainer.compiled_descent import subspace_engine
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.reduction import draw_subspace_problem, reduce_dense_problem, written_out
from cgro_theory.trainer.trajectories import Trajectories

COMPARED = (
    "signal",
    "noise_margins",
    "objective",
    "signal_projections",
    "weight_gram",
    "final_preactivations",
    "final_weight_gram",
    "final_attacked_margins",
)


def largest_difference(first, second):
    """Largest difference of any recorded quantity, relative to the largest size of that quantity."""
    worst = 0.0
    for name in COMPARED:
        one, other = getattr(first, name), getattr(second, name)
        assert np.array_equal(np.isnan(one), np.isnan(other))
        worst = max(worst, float(np.nanmax(np.abs(one - other)) / np.nanmax(np.abs(other))))
    return worst


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_subspace_reproduces_dense_training(degree):
    """The measure of the engine: d = 2,000, N = 10, P = 3, m = 8, 1,000 steps agree to 1e-9."""
    setting = PatchSetting.version_1(2000, num_samples=10, num_patches=3, width=8, degree=degree)
    problem = draw_dense_problem(setting, (0,))
    options = {"learning_rate": setting.stable_learning_rate(), "steps": 1000, "stop_when_memorized": False}
    dense = train(problem, num_checkpoints=20, **options)
    subspace = train(reduce_dense_problem(problem), num_checkpoints=20, **options)
    assert largest_difference(subspace, dense) < 1e-9
    assert np.allclose(subspace.signal_time, dense.signal_time, rtol=1e-9)
    for name in ("signal_projections", "final_preactivations", "objective"):
        assert np.allclose(getattr(subspace, name), getattr(dense, name), rtol=1e-9, atol=0.0, equal_nan=True), (
            name
        )


@given(settings_small(), st.sampled_from(["transfer", "span"]), st.integers(0, 99))
def test_subspace_reproduces_dense_training_everywhere(setting, adversary, seed):
    problem = draw_dense_problem(setting, (seed,))
    options = {
        "learning_rate": 0.3 * setting.stable_learning_rate(),
        "steps": 30,
        "adversary": AdversaryName(adversary),
        "num_checkpoints": 5,
    }
    dense = train(problem, **options)
    subspace = train(reduce_dense_problem(problem), **options)
    assert largest_difference(subspace, dense) < 1e-7


def l2_attacked_margins(problem):
    """Margins under the l2 attack without random starts, which would differ between two bases."""
    setting = problem.setting
    is_signal = torch.nn.functional.one_hot(problem.signal_position, setting.num_patches).bool()
    victim = Victim(
        problem.inputs, problem.labels, is_signal, problem.feature, setting.signal_strength, setting.degree
    )
    attacked = l2_attack(victim, problem.weights, setting.perturbation_radius, restarts=0)
    return problem.labels * network_output(problem.weights, attacked, setting.degree)


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_the_l2_attack_is_the_same_in_the_subspace(degree):
    setting = PatchSetting.version_1(
        500, num_samples=6, num_patches=3, width=5, degree=degree, attacked_signal_fraction=0.5
    )
    problem = draw_dense_problem(setting, (0, 1))
    reduced = written_out(reduce_dense_problem(problem))
    dense, subspace = l2_attacked_margins(problem), l2_attacked_margins(reduced)
    assert torch.allclose(dense, subspace, rtol=1e-6, atol=1e-9)


def test_l2_training_runs_in_the_subspace_and_beats_the_span_attack():
    setting = PatchSetting.version_1(10**4, num_samples=4, width=3, attacked_signal_fraction=0.5)
    # The rule of the step knows nothing of l2: attacked patches of size δ bend the loss far more.
    options = {"learning_rate": 0.01 * setting.stable_learning_rate(), "steps": 40, "adversary": AdversaryName.L2}
    runs = train(draw_subspace_problem(setting, (0,)), **options)
    assert runs.stopped_because == ("horizon",)
    assert (runs.engine, runs.adversary) == ("subspace", "l2")
    span = runs.final_attacked_signal_margin[:, None] + runs.final_noise_margins
    assert np.all(runs.final_attacked_margins <= span + 1e-9)


def statistics_of(problems, steps):
    """What is compared in distribution: event times and Var V of trained runs, and the drawn Gram matrices."""
    setting = problems.setting
    runs = train(problems, learning_rate=setting.stable_learning_rate(), steps=steps, num_checkpoints=2)
    scale = setting.noise_std**2
    laws = [NoiseMarginLaw(scale * g, setting.degree, setting.noise_patches) for g in runs.final_weight_gram]
    late = steps * runs.learning_rate
    return {
        "signal_time": np.nan_to_num(runs.signal_time, nan=late),
        "first_memorization": np.nan_to_num(runs.memorization_times, nan=late).min(axis=1),
        "last_memorization": np.nan_to_num(runs.memorization_times, nan=late).max(axis=1),
        "log_variance": np.log([law.variance for law in laws]),
        "log_det_gram": np.linalg.slogdet(runs.noise_gram)[1],
    }


def smallest_p_value(first, second):
    return min(float(stats.ks_2samp(first[name], second[name]).pvalue) for name in first)


def test_own_draws_have_the_distribution_of_dense_draws():
    """d = 1,000, 200 runs each; two-sample Kolmogorov-Smirnov tests at level 1e-3 over five statistics."""
    setting = PatchSetting.version_1(1000, num_samples=6, width=8)
    dense = reduce_dense_problem(draw_dense_problem(setting, tuple(range(200))))
    own = draw_subspace_problem(setting, tuple(range(200)))
    assert smallest_p_value(statistics_of(dense, 20_000), statistics_of(own, 20_000)) > 1e-3 / 5


TINY = PatchSetting.version_1(9, num_samples=3, width=3, signal_exponent=0.6)
TINY_RUNS = tuple(range(1200))


@pytest.fixture(scope="module")
def tiny_dense():
    return statistics_of(reduce_dense_problem(draw_dense_problem(TINY, TINY_RUNS)), 150)


def test_tiny_draws_agree_before_a_fault_is_planted(tiny_dense):
    own = statistics_of(draw_subspace_problem(TINY, TINY_RUNS), 150)
    assert smallest_p_value(tiny_dense, own) > 1e-3 / 5


def test_one_degree_of_freedom_too_many_is_found(tiny_dense, monkeypatch):
    right = initial_draw.bartlett_factor
    monkeypatch.setattr(initial_draw, "bartlett_factor", lambda g, size, freedom: right(g, size, freedom + 1))
    own = statistics_of(draw_subspace_problem(TINY, TINY_RUNS), 150)
    assert smallest_p_value(tiny_dense, own) < 1e-6


def test_a_missing_residual_gram_is_found(tiny_dense):
    problem = draw_subspace_problem(TINY, TINY_RUNS)
    problem.residual_factor[:] = 0.0
    assert smallest_p_value(tiny_dense, statistics_of(problem, 150)) < 1e-6


@settings(max_examples=40)
@given(
    st.integers(1, 9),
    st.integers(2, 4),
    st.integers(1, 9),
    st.integers(2, 9),
    st.integers(2, 9),
    st.sampled_from(["float64", "float32"]),
    st.integers(0, 10**6),
)
@example(3, 2, 5, 3, 9, "float64", 0)
@example(7, 4, 3, 3, 2, "float64", 0)
def test_a_run_does_not_depend_on_its_batch(samples, patches, width, degree, runs, dtype, seed):
    """To the last bit, at odd sizes too, where matrix libraries take another order of summation."""
    setting = PatchSetting.version_1(1000, num_samples=samples, num_patches=patches, width=width, degree=degree)
    options = {"learning_rate": setting.stable_learning_rate(), "steps": 40, "num_checkpoints": 4, "dtype": dtype}
    seeds = tuple(range(seed, seed + runs))
    whole = train(draw_subspace_problem(setting, seeds), **options)
    chosen = seed % runs
    alone = train(draw_subspace_problem(setting, (seeds[chosen],)), **options)
    for name, value in vars(alone).items():
        if isinstance(value, np.ndarray) and name != "checkpoint_times":
            assert np.array_equal(getattr(whole, name)[chosen], value[0], equal_nan=True), name


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_does_not_depend_on_the_number_of_threads(threads):
    setting = PatchSetting.version_1(1000, num_samples=4, width=6)
    before = torch.get_num_threads()
    options = {"learning_rate": setting.stable_learning_rate(), "steps": 500, "num_checkpoints": 3}
    problem = draw_subspace_problem(setting, tuple(range(8)))
    reference = train(problem, **options)
    torch.set_num_threads(threads)
    try:
        again = train(problem, **options)
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(reference.final_noise_margins, again.final_noise_margins)


def test_event_times_do_not_depend_on_blocks(monkeypatch):
    setting = PatchSetting.version_1(1000, num_samples=3, width=6)
    options = {"learning_rate": setting.stable_learning_rate(), "steps": 10_000, "num_checkpoints": 5}
    problem = draw_subspace_problem(setting, (0, 1))
    reference = train(problem, **options)
    monkeypatch.setattr("cgro_theory.trainer.descent.BLOCK", 7)
    again = train(problem, **options)
    assert reference.stopped_because == ("memorized", "memorized")
    for name in ("signal_time", "memorization_times", "final_time", "final_preactivations"):
        assert np.array_equal(getattr(reference, name), getattr(again, name)), name


def test_a_run_that_leaves_the_finite_numbers_says_where():
    setting = PatchSetting.version_1(1000, num_samples=3, width=6)
    problem = draw_subspace_problem(setting, (0, 1))
    huge = train(problem, learning_rate=1e150, steps=50)
    assert huge.broken == (0, 1)
    assert set(huge.stopped_because) == {"diverged"}
    assert np.all(huge.diverged_step > 0)
    assert np.all(np.isnan(huge.final_noise_margins))


@pytest.mark.parametrize(
    "changed",
    [
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"steps": 0},
        {"num_checkpoints": 1},
    ],
)
def test_training_options_are_validated(changed):
    problem = draw_subspace_problem(PatchSetting.version_1(1000, num_samples=2, width=2), (0,))
    with pytest.raises(InvalidInput, match=next(iter(changed))):
        train(problem, **({"learning_rate": 0.01, "steps": 5} | changed))


def test_too_small_a_dimension_is_refused_by_the_subspace_draw():
    with pytest.raises(InvalidInput, match="for a draw"):
        draw_subspace_problem(PatchSetting.version_1(20), (0,))


def test_trajectories_round_trip_without_pickle(tmp_path):
    setting = PatchSetting.version_1(1000, num_samples=3, width=6)
    runs = train(draw_subspace_problem(setting, (0, 7)), learning_rate=0.01, steps=50)
    runs.save(tmp_path / "t.npz")
    loaded = Trajectories.load(tmp_path / "t.npz")
    assert loaded.setting == runs.setting
    assert loaded.seeds == (0, 7)
    assert largest_difference(loaded, runs) == 0.0
    with np.load(tmp_path / "t.npz", allow_pickle=False) as archive:
        assert "header" in archive


def test_truncated_and_foreign_trajectory_files_are_refused(tmp_path):
    path = tmp_path / "t.npz"
    setting = PatchSetting.version_1(1000, num_samples=3, width=6)
    train(draw_subspace_problem(setting, (0,)), learning_rate=0.01, steps=5).save(path)
    whole = path.read_bytes()
    for content in (b"", b"PK", whole[: len(whole) // 2], b"not an archive at all"):
        path.write_bytes(content)
        with pytest.raises(InvalidFile, match=str(path)):
            Trajectories.load(path)
    np.savez(path, other=np.zeros(3))
    with pytest.raises(InvalidFile, match="truncated or foreign"):
        Trajectories.load(path)
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InvalidFile, match="not a trajectory file"):
        Trajectories.load(path)
    with pytest.raises(InvalidFile, match="cannot be read"):
        Trajectories.load(tmp_path / "none.npz")


def test_unwritable_trajectory_output_leaves_nothing(tmp_path):
    runs = train(
        draw_subspace_problem(PatchSetting.version_1(1000, num_samples=2, width=2), (0,)),
        learning_rate=0.01,
        steps=2,
    )
    with pytest.raises(InvalidFile, match="cannot write here"):
        runs.save(tmp_path / "no" / "t.npz")
    assert list(tmp_path.iterdir()) == []


def same_runs(first, second):
    for name, value in vars(first).items():
        other = getattr(second, name)
        if isinstance(value, np.ndarray):
            assert np.array_equal(value, other, equal_nan=True), name
        else:
            assert value == other, name


def test_chunks_change_nothing():
    setting = PatchSetting.version_1(2000, num_samples=4, width=8)
    problem = draw_subspace_problem(setting, tuple(range(7)))
    options = {"learning_rate": setting.stable_learning_rate(), "steps": 400}
    whole = train(problem, **options)
    for chunk in (1, 3, 7, 100):
        same_runs(whole, train(problem, **options, chunk=chunk))
    with pytest.raises(InvalidInput, match="chunk"):
        train(problem, **options, chunk=0)


def test_a_chunk_that_does_not_fit_is_halved(monkeypatch):
    setting = PatchSetting.version_1(2000, num_samples=4, width=8)
    problem = draw_subspace_problem(setting, tuple(range(7)))
    options = {"learning_rate": setting.stable_learning_rate(), "steps": 100}
    whole = train(problem, **options)
    sizes = []

    def cramped(limit):
        def build(part, rate, adversary, **place):
            sizes.append(len(part.seeds))
            if len(part.seeds) > limit:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return subspace_engine(part, rate, adversary, **place)

        return build

    monkeypatch.setattr("cgro_theory.trainer.descent.subspace_engine", cramped(2))
    same_runs(whole, train(problem, **options))
    assert sizes == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    monkeypatch.setattr("cgro_theory.trainer.descent.subspace_engine", cramped(0))
    with pytest.raises(CgroError, match="does not fit"):
        train(problem, **options)


def test_single_precision_follows_double_precision():
    setting = PatchSetting.version_1(3000, num_samples=6, width=12)
    problem = draw_subspace_problem(setting, tuple(range(6)))
    options = {"learning_rate": setting.stable_learning_rate(), "steps": 60_000}
    double, single = train(problem, **options), train(problem, **options, dtype="float32")
    assert single.dtype == "float32"
    assert single.signal.dtype == np.float64
    assert np.allclose(single.signal_time, double.signal_time, rtol=1e-4)
    assert np.allclose(single.memorization_times, double.memorization_times, rtol=1e-2)
    with pytest.raises(InvalidInput, match="dtype must be float64 or float32"):
        train(problem, **options, dtype="float16")
    with pytest.raises(InvalidInput, match="dtype must be float64 for the dense engine"):
        train(written_out(problem), **options, dtype="float32")
