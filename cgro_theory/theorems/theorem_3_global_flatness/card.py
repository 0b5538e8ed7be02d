"""Theorem 3 in one sentence, with the claims that carry it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgro_theory.claims.card import MeasuredConstant, TheoremCard, listed, span


def settings(parameters: Mapping[str, Any]) -> str:
    """The densities on the torus, and the images."""
    sizes = parameters["synthetic sizes"]
    samples = [
        size for part in ("moderate N", "overfit N") for sizes_of in sizes[part].values() for size in sizes_of
    ]
    dimensions = listed([int(name.removeprefix("D=")) for name in parameters["synthetic perturbation_radius"]])
    radii = span(list(parameters["synthetic perturbation_radius"].values()))
    images = parameters["landscape main"]
    torus = f"{sizes['cases']} cases on the torus, D = {dimensions}, N = {span(samples)}, δ = {radii}"
    return f"{torus}; {images['data']}, N = {images['train_size']}, δ = {images['radius']:g}"


CARD = TheoremCard(
    label="theorem_3",
    name="Theorem 3",
    sentence="Global flatness bounds the robust generalization gap, at rate N^(-1/(D+2)); the gap opens as "
    "training flattens the loss at its own points only.",
    claims=(
        "theorem_3.flatness_bound",
        "theorem_3.total_variation",
        "theorem_3.rate",
        "theorem_3.clean_to_robust_gap",
        "landscape.flat_inside_sharp_outside",
        "landscape.local_versus_global",
        "landscape.gap_follows_global_flatness",
        "landscape.capacity",
    ),
    settings=settings,
    constants=(
        MeasuredConstant("theorem_3.flatness_bound", "gap at most {high} of its bound"),
        MeasuredConstant(
            "theorem_3.rate",
            "total variation ~ N^(e/(D+2)), e = {0}, {1}, {2} at D = 1, 2, 3",
            tuple(f"realized exponent times D + 2, D={dimension}" for dimension in (1, 2, 3)),
        ),
        MeasuredConstant(
            "landscape.local_versus_global",
            "digits, late in training: gap +{0}, ln flatness +{1}",
            ("mean Δ gap", "mean Δ ln global flatness"),
        ),
        MeasuredConstant(
            "theorem_3.vacuity",
            "vacuous at D = 64 below N = 10^{0}, computed with F = {1} and V = {2}",
            (
                "digits, D=64: VACUOUS until log10 N",
                "digits: flatness F assumed",
                "digits: V of the density assumed",
            ),
        ),
    ),
    figure="theorem_3_bound",
    not_shown=(
        ("theorem_3.flatness_bound", "tightness on trained f"),
        ("landscape.flat_inside_sharp_outside", "other data, radii and architectures"),
        ("landscape.gap_follows_global_flatness", "cause and effect"),
    ),
)
