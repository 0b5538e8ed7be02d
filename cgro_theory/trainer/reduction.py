"""The exact reduction of a training problem to the span of what it can see (theory.md 2.2.3).

Gradients move each weight vector inside span(w*, noise patches). In an orthonormal basis of that span, plus
one of the initial weights' residuals, the problem has 1 + n + m coordinates whatever d is; its parts are drawn
directly (:mod:`cgro_theory.setting.initial_draw`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.initial_draw import SubspaceDraw, draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.setting.patch_data import DenseProblem


@dataclass(frozen=True)
class SubspaceProblem:
    """A training problem in 1 + n + m coordinates, for a batch of runs.

    Attributes:
        setting: the parameters; ``setting.patch_dimension`` is the ambient d.
        seeds: one per run.
        labels: y. shape: (runs, N)
        noise_factor: lower triangular F; noise patch number k = i J + j is row k of F in the basis of the
            noise span, so the Gram matrix is F Fᵀ. shape: (runs, n, n)
        signal_projections: u_r(0) = <w_r, w*>. shape: (runs, m)
        coordinates: of the initial weights in the basis of the noise span. shape: (runs, m, n)
        residual_factor: B, row r the rest of w_r in a basis of its own; the residual Gram matrix is B Bᵀ.
            It never changes in training. shape: (runs, m, m)
    """

    setting: PatchSetting
    seeds: tuple[int, ...]
    labels: torch.Tensor
    noise_factor: torch.Tensor
    signal_projections: torch.Tensor
    coordinates: torch.Tensor
    residual_factor: torch.Tensor

    @property
    def gram(self) -> torch.Tensor:
        """The Gram matrix of the noise patches. shape: (runs, n, n)"""
        return run_by_run(torch.matmul, self.noise_factor, self.noise_factor.mT)

    @property
    def preactivations(self) -> torch.Tensor:
        """v_ijr(0) = <w_r, ξ_ij>. shape: (runs, n, m)"""
        return run_by_run(torch.matmul, self.noise_factor, self.coordinates.mT)

    def coordinates_at(self, preactivations: torch.Tensor) -> torch.Tensor:
        """The weights' coordinates in the noise span, from their preactivations. shape: (runs, m, n)"""
        return run_by_run(_solve_lower, self.noise_factor, preactivations).mT

    def weight_gram_at(self, preactivations: torch.Tensor) -> torch.Tensor:
        """Gram matrix of the parts of the weights orthogonal to w*. shape: (runs, m, m)"""
        coordinates = self.coordinates_at(preactivations)
        moved = run_by_run(torch.matmul, coordinates, coordinates.mT)
        return moved + run_by_run(torch.matmul, self.residual_factor, self.residual_factor.mT)

    def weights_at(self, signal_projections: torch.Tensor, preactivations: torch.Tensor) -> torch.Tensor:
        """The weights in the 1 + n + m coordinates (w*, noise span, residuals). shape: (runs, m, 1+n+m)"""
        parts = (signal_projections[..., None], self.coordinates_at(preactivations), self.residual_factor)
        return torch.cat(parts, dim=-1)

    def as_dense(self) -> DenseProblem:
        """The same problem written out in its 1 + n + m coordinates, with the signal in the first patch."""
        setting = self.setting
        runs, size = len(self.seeds), 1 + setting.num_noise + setting.width
        noise = self.labels.new_zeros(runs, setting.num_noise, size)
        noise[:, :, 1 : 1 + setting.num_noise] = self.noise_factor
        feature = self.labels.new_zeros(size)
        feature[0] = 1.0
        return DenseProblem(
            setting=setting,
            seeds=self.seeds,
            feature=feature,
            labels=self.labels,
            signal_position=torch.zeros_like(self.labels, dtype=torch.int64),
            noise=noise.reshape(runs, setting.num_samples, setting.noise_patches, size),
            weights=self.weights_at(self.signal_projections, self.preactivations),
        )

    def select(self, indices: torch.Tensor) -> SubspaceProblem:
        """The runs with the given indices. ``indices``: (k,) integers."""
        return SubspaceProblem(
            setting=self.setting,
            seeds=tuple(self.seeds[int(index)] for index in indices),
            labels=self.labels[indices],
            noise_factor=self.noise_factor[indices],
            signal_projections=self.signal_projections[indices],
            coordinates=self.coordinates[indices],
            residual_factor=self.residual_factor[indices],
        )


def run_by_run(
    operation: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], first: torch.Tensor, second: torch.Tensor
) -> torch.Tensor:
    """``operation`` on the matrices of each run alone, on the CPU. shapes: (runs, …) each.

    Matrix libraries choose their order of summation by the batch and by the address of a matrix; a fresh copy per
    run gives every run the same bits in any batch.
    """
    pairs = zip(first.cpu(), second.cpu(), strict=True)
    parts = [operation(one.clone(memory_format=_ROWS), other.clone(memory_format=_ROWS)) for one, other in pairs]
    return torch.stack(parts).to(first.device)


_ROWS = torch.contiguous_format


def _solve_lower(factor: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    solved: torch.Tensor = torch.linalg.solve_triangular(factor, right, upper=False)
    return solved


def draw_subspace_problem(setting: PatchSetting, seeds: tuple[int, ...]) -> SubspaceProblem:
    """Draw problems, each run from its seed, by :func:`draw_subspace`, which names what it needs."""
    draws = [draw_subspace(setting, seed) for seed in seeds]
    stacked = (
        torch.as_tensor(np.stack([getattr(draw, part.name) for draw in draws])) for part in fields(SubspaceDraw)
    )
    return SubspaceProblem(setting, seeds, *stacked)


def reduce_dense_problem(problem: DenseProblem) -> SubspaceProblem:
    """The same problem in 1 + n + m coordinates, exactly (by QR). Needs d - 1 >= n and independent noise."""
    setting = problem.setting
    runs, dimension = len(problem.seeds), problem.feature.shape[-1]
    if dimension - 1 < setting.num_noise:
        raise InvalidInput("patch_dimension", dimension, f">= {1 + setting.num_noise} to reduce exactly")
    noise = problem.noise.reshape(runs, setting.num_noise, dimension)
    along = (noise @ problem.feature).abs().max() / noise.norm(dim=-1).max()
    if along > math.sqrt(torch.finfo(noise.dtype).eps):
        raise InvalidInput("noise along w*", float(along), "0: noise patches are orthogonal to w*")
    basis, upper = torch.linalg.qr(noise.mT)
    if upper.diagonal(dim1=-2, dim2=-1).abs().min() < 1e-12 * upper.abs().max():
        raise InvalidInput("noise patches", "dependent vectors", "linearly independent")
    projections = problem.weights @ problem.feature
    coordinates = problem.weights @ basis
    residual = problem.weights - projections[..., None] * problem.feature - coordinates @ basis.mT
    residual_upper = torch.linalg.qr(residual.mT, mode="r").R
    factor = residual.new_zeros(runs, setting.width, setting.width)
    factor[:, :, : residual_upper.shape[-2]] = residual_upper.mT
    return SubspaceProblem(
        setting, problem.seeds, problem.labels, upper.mT.contiguous(), projections, coordinates, factor
    )
