"""Patch data drawn in full (theory.md 2.1): what the dense engine trains on and the subspace engine reduces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.parameters import PatchSetting

MAX_DENSE_NUMBERS = 2_000_000_000
"""Refuse to build more than this many input coordinates at once (16 GB in float64)."""


@dataclass(frozen=True)
class DenseProblem:
    """A training problem with every coordinate written out, for a batch of runs.

    Attributes:
        setting: the parameters it was drawn from.
        seeds: one seed per run.
        feature: w*, unit norm. shape: (d,)
        labels: y, each -1 or +1. shape: (runs, N)
        signal_position: index of the signal patch of each point. shape: (runs, N)
        noise: the noise patches, orthogonal to w*. shape: (runs, N, J, d)
        weights: the initial weights. shape: (runs, m, d)
    """

    setting: PatchSetting
    seeds: tuple[int, ...]
    feature: torch.Tensor
    labels: torch.Tensor
    signal_position: torch.Tensor
    noise: torch.Tensor
    weights: torch.Tensor

    def __post_init__(self) -> None:
        setting, runs = self.setting, len(self.seeds)
        dimension = self.feature.shape[-1]
        shapes = {
            "labels": (runs, setting.num_samples),
            "signal_position": (runs, setting.num_samples),
            "noise": (runs, setting.num_samples, setting.noise_patches, dimension),
            "weights": (runs, setting.width, dimension),
        }
        for name, shape in shapes.items():
            if tuple(getattr(self, name).shape) != shape:
                raise InvalidInput(f"shape of {name}", tuple(getattr(self, name).shape), f"{shape}")
        for name in ("feature", "labels", "noise", "weights"):
            if not bool(torch.isfinite(getattr(self, name)).all()):
                raise InvalidInput(name, "a non-finite number", "finite")
        if not bool((self.labels.abs() == 1).all()):
            raise InvalidInput("labels", "another value", "-1 or +1")

    @property
    def gram(self) -> torch.Tensor:
        """The Gram matrix of the noise patches. shape: (runs, n, n)"""
        flat = self.noise.flatten(1, 2)
        return flat @ flat.mT

    @property
    def signal_projections(self) -> torch.Tensor:
        """u_r(0) = <w_r, w*>. shape: (runs, m)"""
        return self.weights @ self.feature

    @property
    def preactivations(self) -> torch.Tensor:
        """v_ijr(0) = <w_r, ξ_ij>. shape: (runs, n, m)"""
        return self.noise.flatten(1, 2) @ self.weights.mT

    @property
    def inputs(self) -> torch.Tensor:
        """X, the signal patch at its position among the noise patches. shape: (runs, N, P, d)"""
        runs, samples, _, dimension = self.noise.shape
        patches = self.setting.num_patches
        inputs = self.noise.new_zeros(runs, samples, patches, dimension)
        is_signal = torch.nn.functional.one_hot(self.signal_position, patches).bool()
        signal = self.setting.signal_strength * self.labels[..., None] * self.feature
        inputs[is_signal] = signal.reshape(-1, dimension)
        inputs[~is_signal] = self.noise.reshape(-1, dimension)
        return inputs


def draw_dense_problem(
    setting: PatchSetting, seeds: tuple[int, ...], dtype: torch.dtype = torch.float64
) -> DenseProblem:
    """Draw labels, noise and initial weights in R^d, each run from its own seed, on the CPU.

    w* is the first coordinate vector, which loses nothing: everything else is rotation invariant.
    """
    dimension = setting.patch_dimension
    size = len(seeds) * (setting.num_noise + setting.width) * dimension
    if size > MAX_DENSE_NUMBERS:
        raise InvalidInput(
            "patch_dimension", dimension, f"small enough for the dense engine ({size} numbers asked)"
        )
    shape = (setting.num_samples, setting.noise_patches, dimension)
    labels, positions, noise, weights = [], [], [], []
    for seed in seeds:
        generator = np.random.default_rng([seed, DENSE_STREAM])
        labels.append(2.0 * generator.integers(0, 2, setting.num_samples) - 1.0)
        positions.append(generator.integers(0, setting.num_patches, setting.num_samples))
        patches = setting.noise_std * generator.standard_normal(shape)
        patches[..., 0] = 0.0
        noise.append(patches)
        weights.append(setting.init_std * generator.standard_normal((setting.width, dimension)))
    feature = torch.zeros(dimension, dtype=dtype)
    feature[0] = 1.0
    return DenseProblem(
        setting=setting,
        seeds=seeds,
        feature=feature,
        labels=torch.as_tensor(np.stack(labels), dtype=dtype),
        signal_position=torch.as_tensor(np.stack(positions)),
        noise=torch.as_tensor(np.stack(noise), dtype=dtype),
        weights=torch.as_tensor(np.stack(weights), dtype=dtype),
    )


DENSE_STREAM = 1
"""Second word of the seed of a dense draw, so that it shares no numbers with a subspace draw."""
