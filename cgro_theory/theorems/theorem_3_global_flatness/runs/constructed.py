"""Losses built by hand in one dimension, at which the constants of the two forms are nearly attained.

N equally spaced points, 2h apart, under the uniform density of one class: P̂_h is uniform, TV = 0. The loss
depends on u, the distance to the nearest sample point, in [0, h].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Interval

from ..theory.density import TorusDensity, TorusSample
from ..theory.enclosure import LossFields
from ..theory.realized_variation import ROUNDING, exact_variation
from .made import AttackGainCase, FlatnessCase
from .networks import measure_case, measure_gain

Floats = NDArray[np.float64]
SAMPLES = 8
CELLS = 2**15


def distance_case() -> FlatnessCase:
    """δ = 0 and ℓ = slope·min(u, 0.9 h): the local form's bound is attained up to 1 %, the global's up to half."""
    bandwidth = 0.5 / SAMPLES
    top = _on_grid(0.9 * bandwidth)
    slope = 0.9 / top
    return _case(lambda u: slope * np.minimum(u, top), lambda u: np.where(u < top, slope, 0.0), 0.0)


def flat_inside_case() -> FlatnessCase:
    """δ = h/4, ℓ = 0 up to just beyond δ from the sample and steep outside: mean_S[F_δ] = 0, the gap is not."""
    bandwidth = 0.5 / SAMPLES
    radius = _on_grid(bandwidth / 4.0)
    start = radius + 8.0 / CELLS
    slope = 0.9 / (bandwidth - start)
    return _case(lambda u: slope * np.maximum(u - start, 0.0), lambda u: np.where(u > start, slope, 0.0), radius)


def _case(loss: Callable[[Floats], Floats], slope: Callable[[Floats], Floats], radius: float) -> FlatnessCase:
    """``loss`` is linear between multiples of 1/CELLS, ``slope`` its derivative at a cell's centre."""
    bandwidth = 0.5 / SAMPLES
    edges = np.arange(CELLS + 1) / CELLS
    centres = (np.arange(CELLS) + 0.5) / CELLS
    at_edges, at_centres, slopes = (
        loss(_nearest(edges)),
        loss(_nearest(centres)),
        np.abs(slope(_nearest(centres))),
    )
    zero = np.zeros(CELLS)
    fields = LossFields(
        cells=CELLS,
        loss_low=np.minimum(at_edges[:-1], at_edges[1:]),
        loss_high=np.maximum(at_edges[:-1], at_edges[1:]),
        centre_loss_low=at_centres,
        centre_loss_high=at_centres,
        gradient_low=slopes,
        gradient_high=slopes,
        centre_gradient=slopes,
        curvature_high=zero,
        centre_curvature=zero,
    )
    density = TorusDensity(1, 0.0, class_weights=(1.0, 0.0))
    points = (np.arange(SAMPLES) / SAMPLES)[:, None]
    sample = TorusSample(points, np.zeros(SAMPLES, dtype=np.int64))
    realized = exact_variation(sample, bandwidth, density)
    variation = Interval(max(0.0, realized - ROUNDING), realized + ROUNDING)
    return measure_case("constructed", fields, density, sample, 0, bandwidth, radius, variation)


def _nearest(x: Floats) -> Floats:
    """The distance to the nearest multiple of 1/SAMPLES on the circle."""
    return np.asarray(np.abs(x * SAMPLES - np.rint(x * SAMPLES)) / SAMPLES)


def _on_grid(length: float) -> float:
    return round(length * CELLS) / CELLS


def sine_gain() -> AttackGainCase:
    """ℓ = (1 + sin 2πx)/2 under the uniform density, δ = 0.1: the attack gains less than δ·E‖∇ℓ‖₁ = 2δ.

    Exactly δ + sin(2πδ)/(2π) = 2δ - (2π)²δ³/6 + ...: where the loss bends over, the first order promises too much.
    """
    cells = 2**14
    centres = (np.arange(cells) + 0.5) / cells
    half = 0.5 / cells
    angles = 2.0 * np.pi * centres
    loss, slope, bend = 0.5 + 0.5 * np.sin(angles), np.pi * np.cos(angles), 2.0 * np.pi**2 * np.sin(angles)
    # |ℓ'| <= π and |ℓ''| <= 2π², |ℓ'''| <= 4π³ bound the change from the centre; 1e-12 covers rounding.
    change = np.pi * half + 1e-12
    fields = LossFields(
        cells=cells,
        loss_low=np.maximum(loss - change, 0.0),
        loss_high=np.minimum(loss + change, 1.0),
        centre_loss_low=np.maximum(loss - 1e-12, 0.0),
        centre_loss_high=loss + 1e-12,
        gradient_low=np.maximum(np.abs(slope) - 2.0 * np.pi**2 * half - 1e-12, 0.0),
        gradient_high=np.abs(slope) + 2.0 * np.pi**2 * half + 1e-12,
        centre_gradient=np.abs(slope) - 1e-12,
        curvature_high=np.abs(bend) + 4.0 * np.pi**3 * half + 1e-12,
        centre_curvature=np.abs(bend) - 1e-12,
    )
    return measure_gain(fields, TorusDensity(1, 0.0, class_weights=(1.0, 0.0)), 0.1)
