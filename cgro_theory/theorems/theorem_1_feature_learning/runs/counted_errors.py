"""Errors measured by evaluating trained networks on points, one by one: no formula of the prediction is used.

The weights are rebuilt in a few coordinates (an isometry, so every inner product is as in R^d), or given in full,
the points are written out patch by patch, and the attack tries a scan of shifts of the signal patch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.fresh_points import draw_fresh_points, visible_weights
from cgro_theory.setting.network import network_output
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.trainer.trajectories import Trajectories

from .initial_draws import seed_parts

SHIFTS = np.linspace(-1.0, 1.0, 9)
"""Shifts of the signal patch along w*, in units of the perturbation radius, that the attack tries."""
EXCEEDED = (0.5, 0.1, 0.02)
"""Noise levels: shares of |V| that a louder noise is to bring above z, so that errors occur and can be counted."""


@dataclass(frozen=True)
class MeasuredErrors:
    """Counts of misclassified points per run, clean and attacked. All shapes (runs,)."""

    clean_train: NDArray[np.int64]
    robust_train: NDArray[np.int64]
    clean_test: NDArray[np.int64]
    robust_test: NDArray[np.int64]
    train_points: int
    test_points: int


@dataclass(frozen=True)
class NoiseLevels:
    """Errors on clean fresh points whose noise is louder than in training, so loud that errors occur.

    Attributes:
        factors: of the noise's standard deviation, chosen from the network's own outputs. shape: (runs, levels)
        wrong: misclassified points out of ``points``, others at each level. shape: (runs, levels)
        second_moment: mean of V² over ``points`` points with the noise of training. shape: (runs,)
        attacked_signal: the network's output, times the label, on an attacked signal patch alone. shape: (runs,)
        points: fresh points per level.
    """

    factors: NDArray[np.float64]
    wrong: NDArray[np.int64]
    second_moment: NDArray[np.float64]
    attacked_signal: NDArray[np.float64]
    points: int


def points_generator(setting: PatchSetting, run_seed: int, seed: int, what: str) -> torch.Generator:
    """Fresh points of one run: their seed depends on the run's, on every parameter, on ``seed`` and ``what``."""
    derived = derived_seed(run_seed, what, seed, *seed_parts(setting))
    return torch.Generator().manual_seed(derived)


def measure_errors(trajectories: Trajectories, *, test_points: int, seed: int = 0) -> MeasuredErrors:
    """Evaluate every run's final network on its training set and on ``test_points`` fresh points.

    The fresh points of a run depend on its seed and setting; ``seed`` tells several samples for one run apart.
    Runs that broke off count every point as misclassified.
    """
    setting = trajectories.setting
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
        for name, wrong in zip(("ct", "rt"), count_errors(setting, weights, noise, labels), strict=True):
            counts[name].append(wrong)
        weights = visible_weights(trajectories.final_signal_projections[run], trajectories.final_weight_gram[run])
        generator = points_generator(setting, trajectories.seeds[run], seed, "test points")
        for name, wrong in zip(("cf", "rf"), fresh_errors(setting, weights, test_points, generator), strict=True):
            counts[name].append(wrong)
    return MeasuredErrors(
        clean_train=np.array(counts["ct"]),
        robust_train=np.array(counts["rt"]),
        clean_test=np.array(counts["cf"]),
        robust_test=np.array(counts["rf"]),
        train_points=setting.num_samples,
        test_points=test_points,
    )


def measure_levels(trajectories: Trajectories, *, points: int) -> NoiseLevels:
    """Evaluate every run's final network at the noise levels; runs that broke off have NaN moments."""
    setting, rows = trajectories.setting, []
    for run in range(trajectories.runs):
        if run in trajectories.broken:
            rows.append(_no_levels(points))
            continue
        weights = visible_weights(trajectories.final_signal_projections[run], trajectories.final_weight_gram[run])
        rows.append(noise_levels(setting, weights, trajectories.seeds[run], points))
    return join_levels(rows)


def join_levels(rows: list[NoiseLevels]) -> NoiseLevels:
    """The runs of all rows, in order."""
    return NoiseLevels(
        factors=np.concatenate([row.factors for row in rows]),
        wrong=np.concatenate([row.wrong for row in rows]),
        second_moment=np.concatenate([row.second_moment for row in rows]),
        attacked_signal=np.concatenate([row.attacked_signal for row in rows]),
        points=rows[0].points,
    )


def noise_levels(setting: PatchSetting, weights: torch.Tensor, run_seed: int, points: int) -> NoiseLevels:
    """The levels of one network. ``weights``: (m, k), the first coordinate along w*.

    A first sample of noise alone tells where |V| lies against the network's output on a signal patch; V is
    homogeneous of degree q in the noise, so a factor per level follows. Each level then has points of its own.
    """
    generator = points_generator(setting, run_seed, 0, "noise levels")
    first = draw_fresh_points(setting, points, weights.shape[1], generator)
    alone = first.inputs[0].clone()
    alone[:, 0] = 0.0
    margins = (first.labels[0] * _outputs(weights, alone, setting)).numpy()
    signal = signal_output(setting, weights, 1.0)
    sizes = np.quantile(np.abs(margins), [1.0 - share for share in EXCEEDED])
    factors = (abs(signal) / np.maximum(sizes, np.finfo(float).tiny)) ** (1.0 / setting.degree)
    wrong = []
    for factor in factors:
        louder = replace(setting, noise_std=float(np.clip(setting.noise_std * factor, 1e-300, 1e300)))
        fresh = draw_fresh_points(louder, points, weights.shape[1], generator)
        wrong.append(int((fresh.labels[0] * _outputs(weights, fresh.inputs[0], setting) <= 0).sum()))
    return NoiseLevels(
        factors=factors[None],
        wrong=np.array([wrong]),
        second_moment=np.array([float((margins**2).mean())]),
        attacked_signal=np.array([signal_output(setting, weights, setting.attacked_signal_fraction)]),
        points=points,
    )


def _no_levels(points: int) -> NoiseLevels:
    levels = len(EXCEEDED)
    unknown = np.full(1, np.nan)
    return NoiseLevels(np.ones((1, levels)), np.full((1, levels), points), unknown, unknown, points)


def signal_output(setting: PatchSetting, weights: torch.Tensor, fraction: float) -> float:
    """y f(X) for a point with the share ``fraction`` of its signal patch and nothing else."""
    inputs = torch.zeros(1, setting.num_patches, weights.shape[1], dtype=torch.float64)
    inputs[0, 0, 0] = setting.signal_strength * fraction
    return float(_outputs(weights, inputs, setting)[0])


def _outputs(weights: torch.Tensor, inputs: torch.Tensor, setting: PatchSetting) -> torch.Tensor:
    """f(X). shapes: (m, k), (points, P, k) -> (points,)"""
    return network_output(weights[None], inputs[None], setting.degree)[0]


def _training_coordinates(trajectories: Trajectories, run: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Final weights, their parts outside the noise span dropped, and the noise patches, in 1 + n coordinates."""
    factor = np.linalg.cholesky(trajectories.noise_gram[run])
    coordinates = np.linalg.solve(factor, trajectories.final_preactivations[run]).T
    weights = np.column_stack([trajectories.final_signal_projections[run], coordinates])
    noise = np.column_stack([np.zeros(factor.shape[0]), factor])
    patches = trajectories.setting.noise_patches
    return torch.as_tensor(weights), torch.as_tensor(noise).reshape(-1, patches, noise.shape[1])


def fresh_errors(
    setting: PatchSetting, weights: torch.Tensor, points: int, generator: torch.Generator
) -> tuple[int, int]:
    """Misclassified fresh points, clean and attacked. ``weights``: (m, k), the first coordinate along w*."""
    fresh = draw_fresh_points(setting, points, weights.shape[1], generator)
    return count_errors(setting, weights, fresh.inputs[0, :, 1:], fresh.labels[0])


def count_errors(
    setting: PatchSetting, weights: torch.Tensor, noise: torch.Tensor, labels: torch.Tensor
) -> tuple[int, int]:
    """Misclassified points, clean and under the worst scanned shift. shapes: (m, k), (points, J, k), (points,)"""
    signal = torch.zeros(labels.shape[0], 1, weights.shape[1], dtype=torch.float64)
    signal[:, 0, 0] = setting.signal_strength * labels
    clean = torch.cat([signal, noise], dim=1)
    clean_wrong = labels * _outputs(weights, clean, setting) <= 0
    wrong = clean_wrong.clone()
    for shift in SHIFTS:
        attacked = clean.clone()
        # α(1 + s(1-κ)) with s = -1 gives ακ without cancellation.
        kept = setting.attacked_signal_fraction if shift == -1.0 else None
        strength = kept if kept is not None else 1.0 + shift * (1.0 - setting.attacked_signal_fraction)
        attacked[:, 0, 0] = setting.signal_strength * strength * labels
        wrong |= labels * _outputs(weights, attacked, setting) <= 0
    return int(clean_wrong.sum()), int(wrong.sum())
