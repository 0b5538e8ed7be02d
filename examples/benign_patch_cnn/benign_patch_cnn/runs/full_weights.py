"""Small networks with all their weights in R^d, trained by gradient descent and tested on points in R^d."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.adversary import AdversaryName
from cgro_theory.setting.initial_draw import InitialDraw
from cgro_theory.setting.network import network_output
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.setting.patch_data import draw_dense_problem
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import initial_draws_of
from cgro_theory.trainer.engines import DenseEngine

DIMENSION, SAMPLES, WIDTH, DEGREE, INIT_STD = 400, 4, 32, 3, 0.1
RATIOS = (0.25, 1.6)
"""SNR far below and far above the line."""
STEPS = 600
FRESH_POINTS = 256


@dataclass(frozen=True)
class FullNetwork:
    """One network at one SNR: its start at σ√d = 1, and its losses after training."""

    seed: int
    snr: float
    draw: InitialDraw
    train_loss: float
    test_loss: float


def train_full_network(snr: float, number: int, base_seed: int) -> FullNetwork:
    """Descent on the weights themselves, at the step that the lab calls stable."""
    seed = derived_seed(base_seed, "benign_patch_cnn in full", snr, number)
    sizes = DIMENSION, SAMPLES, 2, WIDTH, DEGREE
    setting = PatchSetting(*sizes, snr, DIMENSION**-0.5, INIT_STD, 1.0, 0.0)
    problem = draw_dense_problem(setting, (seed,))
    engine = DenseEngine(problem, setting.stable_learning_rate(), AdversaryName.TRANSFER)
    for _ in range(STEPS):
        engine.evaluate()
        engine.update()
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(1, FRESH_POINTS, 2, DIMENSION, generator=generator, dtype=torch.float64)
    points *= setting.noise_std
    points[..., 0] = 0.0
    points[:, :, 0] = snr * problem.feature
    losses = torch.nn.functional.softplus(-network_output(engine.weights, points, DEGREE))
    return FullNetwork(seed, snr, initial_draws_of(problem)[0], float(engine.objective()), float(losses.mean()))
