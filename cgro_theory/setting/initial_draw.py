"""The random start of a run: labels, noise and initial weights, drawn in the span that training can see.

Exact in distribution at a cost that does not depend on d (docs/theory/theorem_1.md, 2.2.3): the noise factor is
the Cholesky factor of a Wishart matrix (Bartlett 1933), the weights are normal in every coordinate, and the rest
of them enters only through an m × m Wishart matrix. The calculator and the trainer both draw from here, so that
one predicts what the other trains.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.parameters import PatchSetting

Array = NDArray[np.float64]

SUBSPACE_STREAM = 2
"""Second word of the seed of such a draw, so that it shares no numbers with a dense one."""


@dataclass(frozen=True, eq=False)
class InitialDraw:
    """What the predictions may see of one run: its state before the first step. Equal where all numbers are.

    Attributes:
        labels: y, -1 or +1. shape: (N,)
        signal_projections: u_r. shape: (m,)
        preactivations: v_ijr, noise patch k = i J + j. shape: (n, m)
        noise_gram: Gram matrix of the noise patches. shape: (n, n)
    """

    labels: Array
    signal_projections: Array
    preactivations: Array
    noise_gram: Array

    def signed_preactivations(self, noise_patches: int) -> Array:
        """y_i v_ijr. shape: (n, m)"""
        return np.repeat(self.labels, noise_patches)[:, None] * self.preactivations

    @cached_property
    def _content(self) -> bytes:
        parts = (self.labels, self.signal_projections, self.preactivations, self.noise_gram)
        whole = hashlib.sha256()
        for part in parts:
            whole.update(repr(part.shape).encode() + np.ascontiguousarray(part).tobytes())
        return whole.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InitialDraw) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)


@dataclass(frozen=True)
class SubspaceDraw:
    """One run's start in 1 + n + m coordinates.

    Attributes:
        labels: y. shape: (N,)
        noise_factor: lower triangular F; noise patch k is row k of F, so the Gram matrix is F Fᵀ. shape: (n, n)
        signal_projections: u_r(0) = <w_r, w*>. shape: (m,)
        coordinates: of the initial weights in the basis of the noise span. shape: (m, n)
        residual_factor: B, row r the rest of w_r in a basis of its own. shape: (m, m)
    """

    labels: Array
    noise_factor: Array
    signal_projections: Array
    coordinates: Array
    residual_factor: Array

    @property
    def initial(self) -> InitialDraw:
        """What the predictions may see of it."""
        factor = self.noise_factor
        return InitialDraw(self.labels, self.signal_projections, factor @ self.coordinates.T, factor @ factor.T)


def draw_subspace(setting: PatchSetting, seed: int) -> SubspaceDraw:
    """The start of the run with this seed.

    Needs d - 1 >= n + m, else raises :class:`InvalidInput`: the Wishart matrices would be singular.
    """
    if not setting.reduces:
        low = 1 + setting.num_noise + setting.width
        raise InvalidInput("patch_dimension", setting.patch_dimension, f">= {low} for a draw: 1 + n + m")
    noise, width = setting.num_noise, setting.width
    generator = np.random.default_rng([seed, SUBSPACE_STREAM])
    labels = np.asarray(2.0 * generator.integers(0, 2, setting.num_samples) - 1.0, dtype=np.float64)
    # The χ² draws, whose number of random words depends on d, come last: runs with one seed and different d share
    # their weights, which makes ladders over d smooth.
    projections = setting.init_std * generator.standard_normal(width)
    coordinates = setting.init_std * generator.standard_normal((width, noise))
    factor = setting.noise_std * bartlett_factor(generator, noise, setting.patch_dimension - 1)
    residual = setting.init_std * bartlett_factor(generator, width, setting.patch_dimension - 1 - noise)
    return SubspaceDraw(labels, factor, projections, coordinates, residual)


def bartlett_factor(generator: np.random.Generator, size: int, freedom: int) -> Array:
    """The Cholesky factor of a standard Wishart(size, freedom) matrix; needs freedom >= size. shape: (size, size)

    Independent standard normals below the diagonal; on it, roots of χ² with freedom, freedom - 1, … degrees.
    """
    factor = np.tril(generator.standard_normal((size, size)), -1)
    factor[np.diag_indices(size)] = np.sqrt(generator.chisquare(freedom - np.arange(size)))
    return factor


def draw_many(setting: PatchSetting, draws: int, generator: np.random.Generator) -> tuple[Array, Array, Array]:
    """Independent starts at once: u, y v and the Gram matrix of the y ξ.

    Shapes: (draws, m), (draws, n, m), (draws, n, n). In law those of :func:`draw_subspace`: y ξ has the law of ξ,
    so that no labels are drawn. Needs d - 1 >= n.
    """
    noise, width = setting.num_noise, setting.width
    projections = setting.init_std * generator.standard_normal((draws, width))
    coordinates = setting.init_std * generator.standard_normal((draws, noise, width))
    factor = np.tril(generator.standard_normal((draws, noise, noise)), -1)
    freedom = setting.patch_dimension - 1 - np.arange(noise)
    factor[:, np.arange(noise), np.arange(noise)] = np.sqrt(generator.chisquare(freedom, (draws, noise)))
    factor *= setting.noise_std
    return projections, factor @ coordinates, factor @ factor.transpose(0, 2, 1)
