"""From a network's enclosures, a sample and a bandwidth to both ends of the two forms' numbers."""

from __future__ import annotations

import numpy as np

from cgro_theory.claims import Interval
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import AttackGainCase, FlatnessCase
from cgro_theory.theorems.theorem_3_global_flatness.theory.bounds import flatness_radius
from cgro_theory.theorems.theorem_3_global_flatness.theory.brackets import (
    difference,
    max_curvature,
    max_gradient_norm,
    mean_over,
    robust_loss,
)
from cgro_theory.theorems.theorem_3_global_flatness.theory.density import TorusDensity, TorusSample, cell_counts
from cgro_theory.theorems.theorem_3_global_flatness.theory.enclosure import LossFields


def measure_case(
    kind: str,
    fields: LossFields,
    density: TorusDensity,
    sample: TorusSample,
    seed: int,
    bandwidth: float,
    radius: float,
    variation: Interval,
) -> FlatnessCase:
    """Both ends of the gap, of the flatness on the population and on the sample, at δ = ``radius`` and h."""
    masses = np.stack([density.cell_masses(index, fields.cells) for index in range(2)])
    shares = cell_counts(sample, fields.cells) / sample.num_samples
    robust = robust_loss(fields, radius)
    population, training = mean_over(masses, robust), mean_over(shares, robust)
    outer = max_gradient_norm(fields, radius + bandwidth)
    return FlatnessCase(
        kind=kind,
        input_dimension=density.input_dimension,
        num_samples=sample.num_samples,
        seed=seed,
        bandwidth=bandwidth,
        perturbation_radius=radius,
        cells=fields.cells,
        gap=difference(population, training),
        global_flatness=mean_over(masses, max_gradient_norm(fields, flatness_radius(bandwidth, radius))),
        local_flatness=mean_over(shares, outer),
        inner_flatness=mean_over(shares, max_gradient_norm(fields, radius)),
        variation=variation,
        population_loss=population,
        sample_loss=training,
        widest_flatness=mean_over(masses, max_gradient_norm(fields, 0.5)).high,
        steepest=float(np.max(fields.gradient_high)),
    )


def measure_gain(kind: str, fields: LossFields, density: TorusDensity, radius: float) -> AttackGainCase:
    """Both ends of what the attack of radius δ adds to the population loss, and of its expansion in δ."""
    masses = np.stack([density.cell_masses(index, fields.cells) for index in range(2)])
    attacked, clean = mean_over(masses, robust_loss(fields, radius)), mean_over(masses, robust_loss(fields, 0.0))
    slope = mean_over(masses, max_gradient_norm(fields, 0.0))
    bend = mean_over(masses, max_curvature(fields, radius))
    return AttackGainCase(
        kind,
        density.input_dimension,
        radius,
        difference(attacked, clean),
        Interval(radius * slope.low, radius * slope.high).outward(),
        Interval(0.5 * radius**2 * bend.low, 0.5 * radius**2 * bend.high).outward(),
    )


def sampled_ratio(fields: LossFields, density: TorusDensity, radius: float) -> float:
    """The certified E_D[F_r] over the sampled one."""
    masses = np.stack([density.cell_masses(index, fields.cells) for index in range(2)])
    ends = mean_over(masses, max_gradient_norm(fields, radius))
    return ends.high / ends.low if ends.low > 0.0 else float("inf")
