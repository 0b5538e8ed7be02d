"""Networks on the torus: trained on samples, enclosed over cubes, and measured at several bandwidths and radii."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cgro_theory.claims import Interval
from cgro_theory.numerics.seeds import derived_seed, derived_seeds

from ..theory.bounds import flatness_radius
from ..theory.density import TorusDensity, TorusSample, cell_counts
from ..theory.enclosure import (
    LossFields,
    difference,
    enclose_loss,
    max_curvature,
    max_gradient_norm,
    mean_over,
    robust_loss,
)
from ..theory.periodic_network import PeriodicNetwork
from ..theory.realized_variation import variation_ends
from .made import AttackGainCase, FlatnessCase
from .profiles import (
    AMPLITUDE,
    CELLS,
    GAIN_RADII,
    MODERATE,
    OVERFIT,
    PERTURBATION_RADIUS,
    TARGET_RATIO,
    VARIATION_CELLS,
    Sizes,
    bandwidths_near_rate,
)
from .training import train_networks


@dataclass(frozen=True)
class Group:
    """Networks that are trained together, each on a sample of its own of N points in D dimensions."""

    kind: Literal["overfit", "moderate"]
    input_dimension: int
    num_samples: int

    @property
    def set_of_runs(self) -> str:
        """The field of the torus's runs that its cases belong to."""
        if self.kind == "overfit":
            return "overfit"
        return "moderate_line" if self.input_dimension == 1 else "moderate_space"


def groups_of(sizes: Sizes) -> list[Group]:
    """Every group of a profile."""
    overfit = [Group("overfit", d, count) for d, counts in sizes.overfit_samples.items() for count in counts]
    moderate = [Group("moderate", d, count) for d, counts in sizes.moderate_samples.items() for count in counts]
    return [*overfit, *moderate]


def measure_group(
    group: Group, sizes: Sizes, seed: int, *, cases: bool, gains: bool
) -> tuple[list[FlatnessCase], list[AttackGainCase]]:
    """Train the group and measure what is asked for: its cases at each bandwidth, its gains at each radius."""
    kind, dimension, count = group.kind, group.input_dimension, group.num_samples
    density = TorusDensity(dimension, AMPLITUDE)
    radius = PERTURBATION_RADIUS[dimension]
    seeds = derived_seeds(seed, sizes.seeds, "theorem_3.flatness", kind, dimension, count)
    samples = [density.sample(count, np.random.default_rng(own)) for own in seeds]
    recipe = MODERATE if kind == "moderate" else OVERFIT[dimension]
    factors = sizes.moderate_factors[dimension] if kind == "moderate" else sizes.overfit_factors
    bandwidths = bandwidths_near_rate(count, dimension, factors) if cases else []
    start = derived_seed(seed, "theorem_3.training", kind, dimension, count)
    networks = train_networks(samples, radius, recipe, start)
    found_cases, found_gains = [], []
    for own, sample, network in zip(seeds, samples, networks, strict=True):
        fields = _refined(network, density, radius)
        for bandwidth in bandwidths:
            variation = variation_ends(sample, bandwidth, density, VARIATION_CELLS[dimension])
            found_cases.append(measure_case(kind, fields, density, sample, own, bandwidth, radius, variation))
        if gains:
            found_gains += [measure_gain(fields, density, factor * radius) for factor in GAIN_RADII[dimension]]
    return found_cases, found_gains


def _refined(network: PeriodicNetwork, density: TorusDensity, radius: float) -> LossFields:
    """Enclosures on a grid doubled until the certified flatness is near the sampled one, or the last grid."""
    cells, last = CELLS[density.input_dimension]
    while True:
        fields = enclose_loss(network, cells)
        if cells >= last or sampled_ratio(fields, density, radius) <= TARGET_RATIO:
            return fields
        cells *= 2


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
    low, high = float(np.min(fields.loss_low)), float(np.max(fields.loss_high))  # at label +1; 1 - ℓ at -1
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
        sample_loss=training,
        loss_range=Interval(min(low, 1.0 - high), max(high, 1.0 - low)),
        widest_flatness=mean_over(masses, max_gradient_norm(fields, 0.5)).high,
        steepest=float(np.max(fields.gradient_high)),
    )


def measure_gain(fields: LossFields, density: TorusDensity, radius: float) -> AttackGainCase:
    """Both ends of what the attack of radius δ adds to the population loss, and of the means that bound it."""
    masses = np.stack([density.cell_masses(index, fields.cells) for index in range(2)])
    attacked, clean = mean_over(masses, robust_loss(fields, radius)), mean_over(masses, robust_loss(fields, 0.0))
    slope = mean_over(masses, max_gradient_norm(fields, 0.0))
    bend = mean_over(masses, max_curvature(fields, radius))
    return AttackGainCase(density.input_dimension, radius, difference(attacked, clean), slope, bend)


def sampled_ratio(fields: LossFields, density: TorusDensity, radius: float) -> float:
    """The certified E_D[F_r] over the sampled one."""
    masses = np.stack([density.cell_masses(index, fields.cells) for index in range(2)])
    ends = mean_over(masses, max_gradient_norm(fields, radius))
    return ends.high / ends.low if ends.low > 0.0 else float("inf")
