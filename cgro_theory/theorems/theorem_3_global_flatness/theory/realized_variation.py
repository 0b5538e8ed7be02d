"""TV(P, P̂_h), realized on a sample: exact in one dimension, enclosed on a grid, or estimated at random points.

P̂_h has density (1/N) Σ_i 1{y_i = y} K_h(x - x_i) with the box of half-width h wrapped around the torus, 2h <= 1.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cgro_theory.claims import Interval
from cgro_theory.errors import InvalidInput

from .density import TorusDensity, TorusSample

Floats = NDArray[np.float64]
ROUNDING = 1e-9
"""Covers rounding: at most 10^7 terms that add up to at most 2, each with an error of a few 2^-53."""


def variation_ends(sample: TorusSample, bandwidth: float, density: TorusDensity, cells: int) -> Interval:
    """Both ends of TV(P, P̂_h): exact up to rounding for D = 1, else :func:`enclosed_variation`."""
    if density.input_dimension == 1:
        value = exact_variation(sample, bandwidth, density)
        return Interval(max(0.0, value - ROUNDING), min(1.0, value + ROUNDING))
    return enclosed_variation(sample, bandwidth, density, cells)


def exact_variation(sample: TorusSample, bandwidth: float, density: TorusDensity) -> float:
    """TV(P, P̂_h) for D = 1, exact up to rounding (below ROUNDING).

    P̂_h is constant between the sorted points x_i ± h. On each piece the integral of |c - πp| is elementary once
    the piece is cut at the density's two extrema and at p = c/π, of which there is then at most one.
    """
    if density.input_dimension != 1:
        raise InvalidInput("input_dimension", density.input_dimension, "1")
    _check_bandwidth(bandwidth)
    total = 0.0
    for index in range(2):
        own = sample.of_class(index)[:, 0]
        jumps, heights = _piecewise_constant(own, bandwidth, density, index, sample.num_samples)
        total += _integral_of_gap(jumps, heights, density, index)
    return total / 2.0


def _piecewise_constant(
    points: Floats, bandwidth: float, density: TorusDensity, index: int, num_samples: int
) -> tuple[Floats, Floats]:
    """Cuts 0 = t_0 < ... < t_n = 1, with the density's extrema among them, and P̂_h's height on each piece."""
    starts, ends = np.mod(points - bandwidth, 1.0), np.mod(points + bandwidth, 1.0)
    extrema = np.mod(np.array([0.0, 0.5]) - density.phases[index] / (2.0 * np.pi), 1.0)
    positions = np.concatenate([[0.0], starts, ends, extrema])
    steps = np.concatenate([[0.0], np.ones_like(starts), -np.ones_like(ends), [0.0, 0.0]])
    # At 0 as many boxes are open as wrap around: those that start after they end (2h = 1 covers all).
    steps[0] = np.count_nonzero(starts > ends) if bandwidth < 0.5 else 0.0
    if bandwidth == 0.5:
        steps[0], steps[1:-2] = points.size, 0.0
    order = np.argsort(positions, kind="stable")
    heights = np.cumsum(steps[order]) / (num_samples * 2.0 * bandwidth)
    return np.append(positions[order], 1.0), heights


def _integral_of_gap(cuts: Floats, heights: Floats, density: TorusDensity, index: int) -> float:
    weight, amplitude = density.class_weights[index], density.amplitude
    left, right = cuts[:-1], cuts[1:]

    def signed(start: Floats, end: Floats) -> Floats:
        mass = density.axis_integral(index, end) - density.axis_integral(index, start)
        return np.asarray(heights * (end - start) - weight * mass)

    middle = left
    if amplitude > 0.0 and weight > 0.0:
        # On a monotone piece cos(2πx + φ) = (c/π - 1)/a has one solution in [left, right], or none (clipped).
        turn = 2.0 * np.pi * ((left + right) / 2.0) + density.phases[index]
        base = np.floor(turn / np.pi)
        level = np.clip(heights / weight - 1.0, -amplitude, amplitude) / amplitude
        angle = np.arccos(level)
        within = np.where(base % 2 == 0, angle, np.pi - angle) + base * np.pi
        middle = np.clip((within - density.phases[index]) / (2.0 * np.pi), left, right)
    return float(np.sum(np.abs(signed(left, middle))) + np.sum(np.abs(signed(middle, right))))


def enclosed_variation(sample: TorusSample, bandwidth: float, density: TorusDensity, cells: int) -> Interval:
    """An enclosure of TV(P, P̂_h) for any D, on a grid of ``cells``^D cubes; 2h·cells must be an integer.

    A box that starts the fraction φ into a cell is, on cells, the box from there with weight 1 - φ and the next
    one with weight φ (2h is a whole number of cells), so P̂_h(cube) is exact. From below: TV >= ½ Σ |P̂_h(cube) -
    P(cube)|. From above: averaging P̂_h over cubes moves it in total variation by at most mean_i [1 - Π_k (1 -
    φ_ik(1 - φ_ik)/(h·cells))], and on a cube ∫|c - πp| exceeds |∫(c - πp)| only where πp may cross c, by its
    swing at most.
    """
    _check_bandwidth(bandwidth)
    width = round(2.0 * bandwidth * cells)
    if width < 1 or 2.0 * bandwidth * cells != width:
        raise InvalidInput("bandwidth", bandwidth, f"a positive multiple of 1/{2 * cells}")
    dimension = density.input_dimension
    starts = (sample.points - bandwidth) * cells
    first = np.floor(starts)
    fractions = starts - first
    blurs = np.minimum(fractions * (1.0 - fractions) / (bandwidth * cells), 1.0)
    blurred = float(np.mean(1.0 - np.prod(1.0 - blurs, axis=1)))
    low = high = 0.0
    volume = float(cells) ** -dimension
    scale = sample.num_samples * (2.0 * bandwidth) ** dimension
    for index in range(2):
        own = sample.classes == index
        boxes = _spread(first[own].astype(np.int64), fractions[own], cells)
        for axis in range(dimension):
            boxes = _trailing_sum(boxes, width, axis)
        gaps = np.abs(boxes * (volume / scale) - density.cell_masses(index, cells))
        swing = _swing(density, index, cells) * volume
        low += float(np.sum(gaps))
        high += float(np.sum(np.where(gaps > swing, gaps, gaps + swing)))
    return Interval(max(0.0, low / 2.0 - ROUNDING), min(1.0, high / 2.0 + blurred + ROUNDING))


def _spread(first: NDArray[np.int64], fractions: Floats, cells: int) -> Floats:
    """Each point's unit weight over the 2^D cells that its box may start in: 1 - φ or φ per axis."""
    dimension = first.shape[1]
    total = np.zeros(cells**dimension)
    for corner in itertools.product((0, 1), repeat=dimension):
        flat = np.ravel_multi_index(tuple(np.mod(first + np.array(corner), cells).T), (cells,) * dimension)
        weights = np.prod(np.where(np.array(corner) == 1, fractions, 1.0 - fractions), axis=1)
        total += np.bincount(flat, weights, minlength=cells**dimension)
    return total.reshape((cells,) * dimension)


def _swing(density: TorusDensity, index: int, cells: int) -> float:
    """sup over a cell of |πp(x) - πp(x')| <= π·D·(1 + a)^(D-1)·2πa/cells."""
    dimension, amplitude = density.input_dimension, density.amplitude
    slope = dimension * (1.0 + amplitude) ** (dimension - 1) * 2.0 * np.pi * amplitude
    return float(density.class_weights[index] * slope / cells)


def _trailing_sum(values: Floats, width: int, axis: int) -> Floats:
    """Sum over i - width < j <= i, cyclic along ``axis``."""
    if width >= values.shape[axis]:
        return np.broadcast_to(values.sum(axis=axis, keepdims=True), values.shape).copy()
    lead = np.take(values, range(values.shape[axis] - width + 1, values.shape[axis]), axis=axis)
    sums = np.cumsum(np.concatenate([lead, values], axis=axis), axis=axis)
    padded = np.concatenate([np.zeros_like(np.take(sums, [0], axis=axis)), sums], axis=axis)
    size = values.shape[axis]
    above = np.take(padded, range(width, width + size), axis=axis)
    below = np.take(padded, range(size), axis=axis)
    return np.asarray(above - below)


def estimated_variation(
    sample: TorusSample, bandwidth: float, density: TorusDensity, queries: int, generator: np.random.Generator
) -> float:
    """An unbiased estimate of TV(P, P̂_h): ½ Σ_y |P̂_h - πp| on a randomly shifted lattice of ~``queries`` points.

    Used where the enclosure is too wide for a rate; its error adds to the spread over seeds.
    """
    _check_bandwidth(bandwidth)
    dimension = density.input_dimension
    side = max(2, round(queries ** (1.0 / dimension)))
    axes = [(np.arange(side) + generator.random()) / side for _ in range(dimension)]
    points = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1) % 1.0
    total = 0.0
    for index in range(2):
        own = sample.of_class(index)
        counts = np.zeros(len(points))
        if len(own):
            tree = cKDTree(np.mod(own, 1.0), boxsize=1.0)
            counts = np.asarray(
                tree.query_ball_point(points, bandwidth, p=np.inf, return_length=True), dtype=float
            )
        heights = counts / (sample.num_samples * (2.0 * bandwidth) ** dimension)
        total += float(np.mean(np.abs(heights - density.joint_density(index, points))))
    return total / 2.0


def _check_bandwidth(bandwidth: float) -> None:
    if not 0.0 < bandwidth <= 0.5:
        raise InvalidInput("bandwidth", bandwidth, "in (0, 1/2]")
