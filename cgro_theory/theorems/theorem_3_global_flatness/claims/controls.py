"""Deliberately wrong versions of the synthetic claims; each must come out refuted by the claim's own check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cgro_theory.theorems.checked_claim import NegativeControl
from cgro_theory.theorems.theorem_3_global_flatness.runs.made import RateLadder, SyntheticEvidence
from cgro_theory.theorems.theorem_3_global_flatness.runs.making import realized_row
from cgro_theory.theorems.theorem_3_global_flatness.theory.variation_bound import DensitySmoothness

Change = Callable[[SyntheticEvidence], SyntheticEvidence]

REPEATED = 1000
"""Different points of the samples of a fault."""


def _form(**changes: Any) -> Change:
    """The same evidence, judged by another form of the bound."""
    return lambda evidence: replace(evidence, form=replace(evidence.form, **changes))


def _points_repeated(evidence: SyntheticEvidence) -> SyntheticEvidence:
    """Samples in D = 1 that have no more than REPEATED different points, each as often as it takes."""
    ladders = tuple(
        replace(ladder, realized=tuple(_repeated_rows(ladder, evidence.seed)))
        if ladder.density.input_dimension == 1
        else ladder
        for ladder in evidence.ladders
    )
    return replace(evidence, ladders=ladders)


def _repeated_rows(ladder: RateLadder, seed: int) -> Iterator[tuple[float, ...]]:
    for count, bandwidth, row in zip(ladder.sizes, ladder.bandwidths, ladder.realized, strict=True):
        # A sample of which every point is there k times has the P̂_h of its different points.
        drawn = min(count, REPEATED)
        yield row if drawn == count else realized_row(ladder.density, count, bandwidth, len(row), seed, 0, drawn)


def _dimension_forgotten(evidence: SyntheticEvidence) -> SyntheticEvidence:
    """Image data judged with the rate of one dimension."""
    scales = tuple(
        replace(
            scale,
            input_dimension=1,
            density=DensitySmoothness(
                scale.density.gradient_variation / scale.input_dimension, scale.density.class_weights
            ),
        )
        for scale in evidence.image_scales
    )
    return replace(evidence, image_scales=scales)


FAULTS: Mapping[str, tuple[NegativeControl, ...]] = {
    "theorem_3.flatness_bound": (
        NegativeControl(
            "no_variation_term",
            "B·TV(P, P̂_h) dropped: an f that overfits has a gap far above h·E[F_r] at small h",
            _form(variation_factor=0.0),
        ),
        NegativeControl(
            "quarter_constant",
            "h·E[F_r]/4: equally spaced points and ℓ = slope·distance need half of h·E[F_r]",
            _form(flatness_factor=0.25),
        ),
    ),
    "theorem_3.local_form": (
        NegativeControl(
            "half_constant",
            "h·D/(D+1) halved: equally spaced points and ℓ = slope·distance attain 99 % of it",
            _form(flatness_factor=0.5),
        ),
        NegativeControl(
            "radius_inside",
            "F_δ in place of F_(δ+h): a loss flat within δ of every sample point and steep outside",
            _form(reaches_out=False),
        ),
        NegativeControl("no_variation_term", "B·TV(P, P̂_h) dropped", _form(variation_factor=0.0)),
    ),
    "theorem_3.rate": (
        NegativeControl(
            "bandwidth_exponent",
            "h = N^(-1/(D+2) + 0.1) in place of N^(-1/(D+2)): the explicit bound has another exponent",
            _form(bandwidth_shift=0.1),
        ),
        NegativeControl(
            "points_repeated",
            f"samples in D = 1 have no more than {REPEATED:,} different points",
            _points_repeated,
        ),
    ),
    "theorem_3.total_variation": (
        NegativeControl(
            "no_deviation",
            "√(log(1/Δ)/(2N)) dropped: label counts of a uniform density fluctuate beyond the mean bound",
            _form(deviation_factor=0.0),
        ),
        NegativeControl(
            "half_sampling_term",
            "(N(2h)^D)^(-1/2) halved: E|label count - N/2| alone is larger",
            _form(sampling_factor=0.5),
        ),
    ),
    "theorem_3.clean_to_robust_gap": (
        NegativeControl(
            "curvature_sign",
            "+½δ² in place of -½δ²",
            _form(curvature_factor=1.0),
        ),
        NegativeControl(
            "no_curvature_term",
            "the second-order term dropped: a saturated loss gains less than δ·E‖∇ℓ‖₁",
            _form(curvature_factor=0.0),
        ),
    ),
    "theorem_3.vacuity": (
        NegativeControl(
            "dimension_forgotten",
            "images judged with the rate of one dimension: the bound would not be vacuous",
            _dimension_forgotten,
        ),
    ),
}
