"""Networks trained, held and tested with all their weights in R^d: no reduction, no reconstruction.

Elsewhere the counted errors and their law come from one reconstructed Gram matrix. Here descent by automatic
differentiation moves weights of shape (m, d), fresh points are written out in R^d, and the law is computed from
those weights, so that a mistake of the reduction cannot be on both sides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.setting.patch_data import draw_dense_problem
from cgro_theory.trainer.engines import DenseEngine
from cgro_theory.trainer.reduction import reduce_dense_problem

from .counted_errors import NoiseLevels, fresh_errors, noise_levels, points_generator, signal_output
from .initial_draws import group_horizon

ATTACK_LEVELS = (0.5, 1.0, 2.0)
"""Attacked signals κ^q z, in units of the measured deviation of V: robust errors of 0.3 to a few hundredths."""
FULL_DIMENSION = 300
"""d of these networks."""


@dataclass(frozen=True)
class FullNetwork:
    """One network with all its weights, and the errors counted on fresh points in R^d.

    Attributes:
        setting, seed: of the run.
        weights: after training. shape: (m, d), the first coordinate along w*
        memorized: points with V_i >= 1 at the end.
        levels: clean errors at louder noise.
        fractions: κ at which attacked points were counted. shape: (levels,)
        robust_wrong: misclassified points out of ``test_points``, others at each κ. shape: (levels,)
    """

    setting: PatchSetting
    seed: int
    weights: NDArray[np.float64]
    memorized: int
    levels: NoiseLevels
    fractions: NDArray[np.float64]
    robust_wrong: NDArray[np.int64]
    test_points: int

    @property
    def signal_margin(self) -> float:
        """z = Σ φ_q(α w_r1), summed over the neurons."""
        projections = self.setting.signal_strength * self.weights[:, 0]
        return math.fsum(math.copysign(abs(u) ** self.setting.degree, u) for u in projections.tolist())

    def law(self) -> NoiseMarginLaw:
        """The law of V, from the weights themselves."""
        rest, setting = self.weights[:, 1:], self.setting
        return NoiseMarginLaw(setting.noise_std**2 * (rest @ rest.T), setting.degree, setting.noise_patches)


def train_full_network(setting: PatchSetting, seed: int, points: int) -> FullNetwork:
    """Descent on all the weights until every point is memorized or the horizon ends, then tested."""
    problem = draw_dense_problem(setting, (seed,))
    rate = setting.stable_learning_rate()
    steps = math.ceil(group_horizon(setting, reduce_dense_problem(problem)) / rate)
    engine = DenseEngine(problem, rate, AdversaryName.TRANSFER)
    for _ in range(steps):
        _, margins = engine.evaluate()
        if bool((margins >= 1.0).all()):
            break
        engine.update()
    return tested(setting, seed, engine.weights[0], int((engine.evaluate()[1] >= 1.0).sum()), points)


def tested(setting: PatchSetting, seed: int, weights: torch.Tensor, memorized: int, points: int) -> FullNetwork:
    """Count the errors of the network with these weights, shape (m, d)."""
    levels = noise_levels(setting, weights, seed, points)
    sizes = np.array(ATTACK_LEVELS) * math.sqrt(float(levels.second_moment[0]))
    signal = abs(signal_output(setting, weights, 1.0))
    fractions = np.minimum(1.0, (sizes / signal) ** (1.0 / setting.degree))
    wrong = []
    for fraction in fractions:
        attacked = replace(setting, attacked_signal_fraction=float(fraction))
        generator = points_generator(attacked, seed, 0, "attacked points in full")
        wrong.append(fresh_errors(attacked, weights, points, generator)[1])
    return FullNetwork(setting, seed, weights.numpy(), memorized, levels, fractions, np.array(wrong), points)
