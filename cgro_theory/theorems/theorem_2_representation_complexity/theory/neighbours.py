"""Bounds of neighbouring papers, set beside ours; each names its norm, its count and its hidden constants."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cgro_theory.errors import InvalidInput, require_finite, require_integer


@dataclass(frozen=True)
class NeighbourBound:
    """A published bound evaluated at given sizes.

    ``value`` is None where the bound does not apply. ``convention`` names what is counted, in which norm and
    for which data; ``constant`` says what the source leaves open (then ``value`` is a shape, not a number).
    """

    source: str
    quantity: str
    direction: Literal["lower", "upper"]
    value: float | None
    convention: str
    constant: str


def neighbour_bounds(
    num_samples: int, input_dimension: int, perturbation_radius: float, separation: float
) -> tuple[NeighbourBound, ...]:
    """The neighbours' bounds at N, D, δ and the distance ``separation`` of opposite labels (> 2δ > 0).

    Floats to nearest: they are printed, never judged. ρ = 2δ/separation is the robustness ratio.
    """
    samples = require_integer("num_samples", num_samples, 2)
    dimension = require_integer("input_dimension", input_dimension, 2)
    radius = require_finite("perturbation_radius", perturbation_radius)
    distance = require_finite("separation", separation)
    if not 0.0 < 2.0 * radius < distance:
        raise InvalidInput("perturbation_radius", perturbation_radius, f"in (0, {distance / 2.0!r})")
    ratio = 2.0 * radius / distance
    li = "Li, Jin, Zhong, Hopcroft and Wang 2022, arXiv 2205.13863"
    kim = "Kim, Moon and Yun 2025, arXiv 2510.24643"
    within = ratio <= math.sqrt(1.0 - 1.0 / dimension)
    log_easy = -(dimension - 1) / 6.0 * math.log(2.0 * radius) if 0.0 < 2.0 * radius < 1.0 else None
    easy = None if log_easy is None else math.exp(log_easy) if log_easy < 700.0 else math.inf
    logs = max(0.0, dimension * math.log(dimension / radius) + math.log(max(samples / radius, 1.0)))
    return (
        NeighbourBound(
            li,
            "parameters that suffice on the training set",
            "upper",
            samples * logs,
            "structural, p-norm balls: O(N D log(D/δ) + N polylog(N/δ))",
            "constant 1 and polylog = log are our choice: a shape",
        ),
        NeighbourBound(
            li,
            "parameters that are necessary on the training set",
            "lower",
            math.sqrt(samples * dimension),
            "structural, some data: Ω(√(N D))",
            "constant 1 is our choice: a shape",
        ),
        NeighbourBound(
            li,
            "parameters for robust generalization, linearly separable data",
            "lower",
            easy,
            "structural, l-inf, inputs in [0, 1]^D: Ω((2δ)^(-(D-1)/6))",
            "constant 1 is our choice: a shape",
        ),
        NeighbourBound(
            kim,
            "first hidden width",
            "lower",
            ratio**2 * min(samples - 1, dimension),
            "dense, l2, some data: ρ² min{N-1, D}, ρ = radius / half the separation",
            "explicit",
        ),
        NeighbourBound(
            kim,
            "VC dimension of a class that robustly memorizes N points",
            "lower",
            math.floor(1.0 / (1.0 - ratio**2)) * (samples // 2) if within else None,
            "l2, ρ <= √(1 - 1/D): ⌊1/(1-ρ²)⌋ ⌊N/2⌋",
            "explicit",
        ),
    )
