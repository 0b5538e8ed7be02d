"""Fresh test points for trained weights, in the 1 + m coordinates that the weights can see.

The noise of a fresh point is N(0, σ² I) in any orthonormal basis orthogonal to w*, and both the network and
every attack on it act inside span(w*, w_1, …, w_m); so nothing is lost by drawing it there.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from cgro_theory.errors import require_integer
from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.setting.adversary import Victim, l2_attack
from cgro_theory.setting.network import network_output
from cgro_theory.setting.noise_margin_law import Probability
from cgro_theory.setting.parameters import PatchSetting


def visible_weights(signal_projections: NDArray[np.float64], weight_gram: NDArray[np.float64]) -> torch.Tensor:
    """Weights with these projections on w* and this Gram matrix off it. shapes: (m,), (m, m) -> (m, 1+m)"""
    values, vectors = np.linalg.eigh(weight_gram)
    rest = vectors * np.sqrt(np.clip(values, 0.0, None))
    return torch.as_tensor(np.column_stack([signal_projections, rest]))


def draw_fresh_points(setting: PatchSetting, points: int, coordinates: int, generator: torch.Generator) -> Victim:
    """``points`` clean points with the signal in the first patch, as a batch of one run.

    ``inputs`` has shape (1, points, P, coordinates); the first coordinate is w*.
    """
    require_integer("points", points, 1)
    labels = 2.0 * torch.randint(0, 2, (points,), generator=generator).double() - 1.0
    inputs = torch.zeros(points, setting.num_patches, coordinates, dtype=torch.float64)
    inputs[:, 0, 0] = setting.signal_strength * labels
    shape = (points, setting.noise_patches, coordinates - 1)
    inputs[:, 1:, 1:] = setting.noise_std * torch.randn(shape, generator=generator, dtype=torch.float64)
    feature = torch.zeros(coordinates, dtype=torch.float64)
    feature[0] = 1.0
    is_signal = torch.zeros(1, points, setting.num_patches, dtype=torch.bool)
    is_signal[:, :, 0] = True
    return Victim(inputs[None], labels[None], is_signal, feature, setting.signal_strength, setting.degree)


def sampled_l2_test_error(
    setting: PatchSetting,
    signal_projections: NDArray[np.float64],
    weight_gram: NDArray[np.float64],
    failure_probability: float,
    *,
    seed: int,
    points: int = 512,
) -> Probability:
    """Robust test error under projected gradient descent over all patches: a lower bound of the true error.

    The interval is Clopper and Pearson's for the error under this attack.
    """
    generator = torch.Generator().manual_seed(seed)
    weights = visible_weights(signal_projections, weight_gram)
    victim = draw_fresh_points(setting, points, weights.shape[1], generator)
    attacked = l2_attack(victim, weights[None], setting.perturbation_radius, generator=generator)
    wrong = int((victim.labels * network_output(weights[None], attacked, setting.degree) <= 0).sum())
    ends = clopper_pearson(wrong, points, failure_probability)
    return Probability(wrong / points, ends.low, ends.high)
