"""A training problem in the 1 + n + m coordinates that training can see, whatever d is (theory.md 2.2.3).

Gradients move each weight vector inside span(w*, noise patches). In an orthonormal basis of that span, plus one of
the initial weights' residuals, the problem is exact; its parts are drawn directly
(:mod:`cgro_theory.setting.initial_draw`). Arrays only: the flow and the predictions need no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from cgro_theory.setting.initial_draw import SubspaceDraw, draw_subspace
from cgro_theory.setting.parameters import PatchSetting

Array = NDArray[np.float64]


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
    labels: Array
    noise_factor: Array
    signal_projections: Array
    coordinates: Array
    residual_factor: Array

    @property
    def gram(self) -> Array:
        """The Gram matrix of the noise patches. shape: (runs, n, n)"""
        return run_by_run(_product, self.noise_factor, _transposed(self.noise_factor))

    @property
    def preactivations(self) -> Array:
        """v_ijr(0) = <w_r, ξ_ij>. shape: (runs, n, m)"""
        return run_by_run(_product, self.noise_factor, _transposed(self.coordinates))

    def coordinates_at(self, preactivations: Array) -> Array:
        """The weights' coordinates in the noise span, from their preactivations. shape: (runs, m, n)"""
        return _transposed(run_by_run(_solve_lower, self.noise_factor, preactivations))

    def weight_gram_at(self, preactivations: Array) -> Array:
        """Gram matrix of the parts of the weights orthogonal to w*. shape: (runs, m, m)"""
        coordinates, rest = self.coordinates_at(preactivations), self.residual_factor
        moved = run_by_run(_product, coordinates, _transposed(coordinates))
        return moved + run_by_run(_product, rest, _transposed(rest))

    def weights_at(self, signal_projections: Array, preactivations: Array) -> Array:
        """The weights in the 1 + n + m coordinates (w*, noise span, residuals). shape: (runs, m, 1+n+m)"""
        parts = (signal_projections[..., None], self.coordinates_at(preactivations), self.residual_factor)
        return np.concatenate(parts, axis=-1)

    def select(self, indices: Sequence[int]) -> SubspaceProblem:
        """The runs with the given indices, in this order."""
        chosen = list(indices)
        arrays = (getattr(self, part.name)[chosen] for part in fields(SubspaceDraw))
        return SubspaceProblem(self.setting, tuple(self.seeds[index] for index in chosen), *arrays)


def draw_subspace_problem(setting: PatchSetting, seeds: tuple[int, ...]) -> SubspaceProblem:
    """Draw problems, each run from its seed, by :func:`draw_subspace`, which names what it needs."""
    draws = [draw_subspace(setting, seed) for seed in seeds]
    stacked = (np.stack([getattr(draw, part.name) for draw in draws]) for part in fields(SubspaceDraw))
    return SubspaceProblem(setting, seeds, *stacked)


def run_by_run(operation: Callable[[Array, Array], Array], first: Array, second: Array) -> Array:
    """``operation`` on the matrices of each run alone. shapes: (runs, …) each.

    Matrix libraries choose their order of summation by the batch and by the address of a matrix; a fresh copy per
    run gives every run the same bits in any batch.
    """
    pairs = zip(first, second, strict=True)
    return np.stack([operation(one.copy(), other.copy()) for one, other in pairs])


_product: Callable[[Array, Array], Array] = np.matmul
_solve_lower: Callable[[Array, Array], Array] = partial(solve_triangular, lower=True, check_finite=False)


def _transposed(matrices: Array) -> Array:
    return matrices.transpose(0, 2, 1)
