"""From a problem in R^d to the 1 + n + m coordinates that training sees, exactly, and back (theory.md 2.2.3)."""

from __future__ import annotations

import math

import torch

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.patch_data import DenseProblem
from cgro_theory.trainer.subspace_problem import SubspaceProblem, draw_subspace_problem
from cgro_theory.trainer.trajectories import as_array

__all__ = ["SubspaceProblem", "draw_subspace_problem", "reduce_dense_problem", "written_out"]


def written_out(problem: SubspaceProblem) -> DenseProblem:
    """The same problem in its 1 + n + m coordinates, with the signal in the first patch."""
    setting = problem.setting
    runs, size = len(problem.seeds), 1 + setting.num_noise + setting.width
    labels = torch.as_tensor(problem.labels)
    noise = labels.new_zeros(runs, setting.num_noise, size)
    noise[:, :, 1 : 1 + setting.num_noise] = torch.as_tensor(problem.noise_factor)
    feature = labels.new_zeros(size)
    feature[0] = 1.0
    return DenseProblem(
        setting=setting,
        seeds=problem.seeds,
        feature=feature,
        labels=labels,
        signal_position=torch.zeros_like(labels, dtype=torch.int64),
        noise=noise.reshape(runs, setting.num_samples, setting.noise_patches, size),
        weights=torch.as_tensor(problem.weights_at(problem.signal_projections, problem.preactivations)),
    )


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
    parts = (problem.labels, upper.mT.contiguous(), projections, coordinates, factor)
    return SubspaceProblem(setting, problem.seeds, *map(as_array, parts))
