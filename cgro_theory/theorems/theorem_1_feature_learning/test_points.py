"""Errors measured by evaluating trained networks on points, one by one: no formula of the prediction is used.

The weights are rebuilt in a few coordinates (an isometry, so every inner product is as in R^d), the points
are written out patch by patch, and the attack tries a scan of shifts of the signal patch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cgro_theory.setting.fresh_points import draw_fresh_points, visible_weights
from cgro_theory.setting.network import network_output
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.trainer.trajectories import Trajectories

SHIFTS = np.linspace(-1.0, 1.0, 9)
"""Shifts of the signal patch along w*, in units of the perturbation radius, that the attack tries."""


@dataclass(frozen=True)
class MeasuredErrors:
    """Counts of misclassified points per run, clean and attacked. All shapes (runs,)."""

    clean_train: NDArray[np.int64]
    robust_train: NDArray[np.int64]
    clean_test: NDArray[np.int64]
    robust_test: NDArray[np.int64]
    train_points: int
    test_points: int


def measure_errors(trajectories: Trajectories, *, test_points: int, seed: int) -> MeasuredErrors:
    """Evaluate every run's final network on its training set and on ``test_points`` fresh points.

    Runs that broke off count every point as misclassified.
    """
    setting = trajectories.setting
    generator = torch.Generator().manual_seed(seed)
    counts: dict[str, list[int]] = {"ct": [], "rt": [], "cf": [], "rf": []}
    for run in range(trajectories.runs):
        if run in trajectories.broken:
            for name, value in (("ct", setting.num_samples), ("rt", setting.num_samples)):
                counts[name].append(value)
            for name in ("cf", "rf"):
                counts[name].append(test_points)
            continue
        weights, noise = _training_coordinates(trajectories, run)
        labels = torch.as_tensor(trajectories.labels[run])
        for name, wrong in zip(("ct", "rt"), _count(setting, weights, noise, labels), strict=True):
            counts[name].append(wrong)
        weights = visible_weights(trajectories.final_signal_projections[run], trajectories.final_weight_gram[run])
        fresh = draw_fresh_points(setting, test_points, weights.shape[1], generator)
        noise, labels = fresh.inputs[0, :, 1:], fresh.labels[0]
        for name, wrong in zip(("cf", "rf"), _count(setting, weights, noise, labels), strict=True):
            counts[name].append(wrong)
    return MeasuredErrors(
        clean_train=np.array(counts["ct"]),
        robust_train=np.array(counts["rt"]),
        clean_test=np.array(counts["cf"]),
        robust_test=np.array(counts["rf"]),
        train_points=setting.num_samples,
        test_points=test_points,
    )


def _training_coordinates(trajectories: Trajectories, run: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Final weights, their parts outside the noise span dropped, and the noise patches, in 1 + n coordinates."""
    factor = np.linalg.cholesky(trajectories.noise_gram[run])
    coordinates = np.linalg.solve(factor, trajectories.final_preactivations[run]).T
    weights = np.column_stack([trajectories.final_signal_projections[run], coordinates])
    noise = np.column_stack([np.zeros(factor.shape[0]), factor])
    patches = trajectories.setting.noise_patches
    return torch.as_tensor(weights), torch.as_tensor(noise).reshape(-1, patches, noise.shape[1])


def _count(
    setting: PatchSetting, weights: torch.Tensor, noise: torch.Tensor, labels: torch.Tensor
) -> tuple[int, int]:
    """Misclassified points, clean and under the worst scanned shift. shapes: (m, k), (points, J, k), (points,)"""
    signal = torch.zeros(labels.shape[0], 1, weights.shape[1], dtype=torch.float64)
    signal[:, 0, 0] = setting.signal_strength * labels
    clean = torch.cat([signal, noise], dim=1)
    clean_wrong = labels * network_output(weights[None], clean[None], setting.degree)[0] <= 0
    wrong = clean_wrong.clone()
    for shift in SHIFTS:
        attacked = clean.clone()
        # α(1 + s(1-κ)) with s = -1 gives ακ without cancellation.
        kept = setting.attacked_signal_fraction if shift == -1.0 else None
        strength = kept if kept is not None else 1.0 + shift * (1.0 - setting.attacked_signal_fraction)
        attacked[:, 0, 0] = setting.signal_strength * strength * labels
        wrong |= labels * network_output(weights[None], attacked[None], setting.degree)[0] <= 0
    return int(clean_wrong.sum()), int(wrong.sum())
