"""Descent's compiled loop beside torch's calls."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cgro_theory.setting import PatchSetting
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.trainer.compiled_descent import CompiledSubspaceEngine, subspace_engine
from cgro_theory.trainer.compiled_flow import is_compiled
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.engines import SubspaceEngine
from cgro_theory.trainer.reduction import draw_subspace_problem

RECURSIONS = [AdversaryName.TRANSFER, AdversaryName.SPAN]
pytestmark = pytest.mark.skipif(not is_compiled(), reason="numba, of the extra `fast`, is not installed")


def history_of(kind, problem, rate, adversary, size, rows):
    """Margins of ``rows`` steps from the initial projections times ``size``, and the state after them."""
    engine = kind(problem, rate, adversary)
    engine.restore(tuple(size * part for part in engine.snapshot()))
    history = torch.full((rows, len(problem.seeds), 1 + problem.setting.num_samples), float("nan")).double()
    engine.advance(history)
    state = engine.state()
    return history.numpy(), state.signal_projections.numpy(), state.preactivations.numpy()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 6),
    st.integers(1, 9),
    st.integers(2, 4),
    st.integers(1, 34),
    st.sampled_from([-0.9, 0.0, 0.3, 1.0]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from(RECURSIONS),
    st.floats(-1.0, 2.0),
    st.integers(887100, 887199),
)
@example(3, 20, 2, 24, 0.3, 0.5, AdversaryName.SPAN, 0.0, 887100)
@example(2, 5, 3, 50, 0.3, 0.5, AdversaryName.SPAN, 1.0, 887100)
def test_the_compiled_loop_is_torch_s(degree, samples, patches, width, kappa, weight, adversary, size, seed):
    """To rounding, at every remainder of the tiles and the vectors, and with either sign of U."""
    setting = PatchSetting.version_1(
        500,
        num_samples=samples,
        num_patches=patches,
        width=width,
        degree=degree,
        attacked_signal_fraction=kappa,
        adversarial_weight=weight,
    )
    problem, rate = draw_subspace_problem(setting, (seed, seed + 1)), setting.stable_learning_rate()
    given = problem, rate, adversary, 10.0**size, 4
    for plain, found in zip(*(history_of(kind, *given) for kind in ENGINES), strict=True):
        assert np.abs(plain - found).max() <= 1e-11 * np.abs(plain).max()


ENGINES = SubspaceEngine, CompiledSubspaceEngine


@pytest.mark.parametrize("adversary", RECURSIONS)
@pytest.mark.parametrize("degree", [2, 3, 4])
def test_without_the_extra_descents_are_the_same(degree, adversary, monkeypatch):
    setting = PatchSetting.version_1(1000, num_samples=4, num_patches=degree, width=6, degree=degree)
    problem = draw_subspace_problem(setting, (887101, 887102, 887103))
    options = {"learning_rate": setting.stable_learning_rate(), "steps": 6000, "adversary": adversary}
    runs = train(problem, **options)
    monkeypatch.setattr("cgro_theory.trainer.compiled_flow.is_compiled", lambda: False)
    assert type(subspace_engine(problem, 0.1, adversary)) is SubspaceEngine
    plain = train(problem, **options)
    assert runs.stopped_because == plain.stopped_because
    for name, value in vars(plain).items():
        if isinstance(value, np.ndarray):
            assert np.allclose(getattr(runs, name), value, rtol=1e-9, atol=1e-12, equal_nan=True), name


def test_margins_of_any_size_are_as_torch_s():
    """A logistic by arithmetic alone, also where e^x leaves the finite numbers; a lost run says so."""
    setting = PatchSetting.version_1(500, num_samples=3, width=5)
    problem = draw_subspace_problem(setting, (887104,))
    for size in (1e2, 1e4, 1e30, 1e200, float("nan")):
        plain, found = (history_of(kind, problem, 0.1, AdversaryName.SPAN, size, 3)[0] for kind in ENGINES)
        assert np.array_equal(np.isfinite(plain[0]), np.isfinite(found[0]))
        assert np.allclose(found[0], plain[0], rtol=1e-12, equal_nan=True)
        assert np.array_equal(np.isfinite(plain).all(-1), np.isfinite(found).all(-1))
