"""The recursions of theorem 1 against programs and formulas that share no code with the engines."""

import json
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cgro_theory.setting import PatchSetting
from cgro_theory.setting.patch_data import DenseProblem, draw_dense_problem
from cgro_theory.theorems.theorem_1_feature_learning.runs.identity import Activation, gradient_residuals
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.reduction import reduce_dense_problem

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "theorem_1_descent.json").read_text())


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: f"q={case['degree']}")
def test_both_engines_reproduce_the_oracle(case):
    """Forty-digit loops over coordinates, written without any code of the package."""
    labels = torch.tensor([GOLDEN["labels"]], dtype=torch.float64)
    setting = PatchSetting(
        patch_dimension=4,
        num_samples=2,
        num_patches=3,
        width=2,
        degree=case["degree"],
        signal_strength=case["signal_strength"],
        noise_std=1.0,
        init_std=1.0,
        attacked_signal_fraction=case["attacked_signal_fraction"],
        adversarial_weight=case["adversarial_weight"],
    )
    problem = DenseProblem(
        setting=setting,
        seeds=(0,),
        feature=torch.tensor([1.0, 0, 0, 0], dtype=torch.float64),
        labels=labels,
        signal_position=torch.tensor([[1, 2]]),
        noise=torch.tensor([GOLDEN["noise"]], dtype=torch.float64),
        weights=torch.tensor([GOLDEN["weights"]], dtype=torch.float64),
    )
    final = torch.tensor(case["final_weights"], dtype=torch.float64)
    options = {"learning_rate": case["learning_rate"], "steps": case["steps"], "stop_when_memorized": False}
    runs = train(problem, **options)
    assert np.allclose(runs.final_signal_projections[0], final[:, 0], rtol=1e-12)
    preactivations = problem.noise[0].flatten(0, 1) @ final.T
    assert np.allclose(runs.final_preactivations[0], preactivations, rtol=1e-12)
    with pytest.raises(ValueError, match="patch_dimension"):
        reduce_dense_problem(problem)  # four noise patches in three dimensions have no reduction


@settings(max_examples=15)
@given(st.sampled_from([2, 3, 4, 5]), st.integers(1, 3), st.integers(0, 10**6))
def test_recursions_are_the_gradient_by_automatic_differentiation(degree, noise_patches, seed):
    """One tiny step of the recursions against autograd on explicit weights, at sizes sympy cannot reach."""
    setting = PatchSetting.version_1(
        80, num_samples=6, num_patches=1 + noise_patches, width=7, degree=degree, attacked_signal_fraction=0.4
    )
    problem = draw_dense_problem(setting, (seed,))
    options = {"learning_rate": 1.0, "steps": 1, "stop_when_memorized": False}
    dense, recursions = train(problem, **options), train(reduce_dense_problem(problem), **options)
    moved = dense.final_signal_projections - dense.signal_projections[:, 0]
    moved_by_recursion = recursions.final_signal_projections - recursions.signal_projections[:, 0]
    assert np.allclose(moved, moved_by_recursion, rtol=1e-9, atol=1e-15)
    drift = dense.final_preactivations - dense.initial_preactivations
    drift_by_recursion = recursions.final_preactivations - recursions.initial_preactivations
    assert np.allclose(drift, drift_by_recursion, rtol=1e-7, atol=1e-14)


def test_symbolic_identity_covers_more_neurons():
    assert gradient_residuals(3, 2, 1) == 0


class Unsigned(sp.Function):
    """|z|^q, the activation that lost its sign."""

    def fdiff(self, argindex=1):
        z, degree = self.args
        return degree * sp.Abs(z) ** (degree - 1) * sp.sign(z)


@pytest.mark.parametrize(
    "of", [("w_0_0",), ("w_1_0",), ("w_0_1", "x_0"), ("w_0_1", "x_1"), ("w_1_1", "x_1")], ids=" ".join
)
def test_an_activation_without_sign_is_noticed_in_any_projection_alone(of):
    def activation(z, degree):
        lost = {sp.Symbol(name, real=True) for name in of} <= z.free_symbols
        return (Unsigned if lost else Activation)(z, degree)

    # A noise patch moves the projections on both.
    assert gradient_residuals(2, 2, 1, activation=activation) == len(of)
