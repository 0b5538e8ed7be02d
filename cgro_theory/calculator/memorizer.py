"""Sizes of the CGRO memorizer of theorem 2, as exact integers, in both count conventions (theory.md 3.1)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

from cgro_theory.calculator.answer import Answer, Assumed, Direction, Quantity, Term
from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.theorems.theorem_2_representation_complexity.theory.counts import dense_count, structural_count

MAX_SQUARINGS = 10**6


def memorizer(
    num_samples: int,
    input_dimension: int,
    norm_order: float,
    *,
    clean_count: int | None = None,
    clean_widths: Sequence[int] = (),
    squarings: int | None = None,
    perturbation_radius: float | None = None,
    separation: float | None = None,
    extent: float = 1.0,
) -> Answer:
    """Parameters of the explicit CGRO network for N points in R^D and p in {1, 2, inf}: both counts, exactly.

    ``clean_count`` W_clean, default a linear classifier's D + 1 (or the count of ``clean_widths``, its hidden
    widths, in full layers; the dense count uses these). For p = 2 the number M of squarings is given, or follows
    from the radius δ, the separation of opposite labels and the ``extent`` of the data per coordinate.

    >>> memorizer(100, 10, math.inf)["structural_count"].value
    6415
    """
    require_integer("num_samples", num_samples, 1)
    dimension = require_integer("input_dimension", input_dimension, 1)
    widths = (dimension, *(require_integer("clean_widths", width, 1) for width in clean_widths), 1)
    full = sum(above * (below + 1) for below, above in itertools.pairwise(widths))
    clean = full if clean_count is None else require_integer("clean_count", clean_count, 0)
    _check_lengths(perturbation_radius, separation, extent)
    stages = _stages(dimension, norm_order, squarings, perturbation_radius, separation, extent)
    structural = structural_count(num_samples, dimension, norm_order, clean, stages)
    dense = dense_count(num_samples, dimension, norm_order, clean_widths, stages)
    each = (structural - clean - 4) // num_samples
    name = "inf" if norm_order == math.inf else str(int(norm_order))
    per_point = {"inf": "6D+4", "1": "6D+6", "2": "(7M+6)D + M+6"}[name]
    terms = [
        Term("W_clean", clean, "the clean classifier"),
        Term("per point", each, per_point),
        Term("points", num_samples * each, f"N({per_point})"),
        Term("gate", 4, "output: f_clean switched off on the balls"),
    ]
    if norm_order == 2:
        terms.append(Term("M", stages, "squarings: least M with D R² 4^-(M+1) <= γ(2δ+γ)/2"))
    source = "theory.md 3.1, theorem_2.parameter_count"
    quantities = (
        Quantity(
            "structural_count",
            structural,
            Direction.EQUALITY,
            f"W_clean + N({per_point}) + 4",
            source,
            "edges and biases",
            tuple(terms),
            log10=math.log10(structural),
        ),
        Quantity(
            "dense_count",
            dense,
            Direction.EQUALITY,
            "Σ_l n_l(n_(l-1)+1) of the padded layered net",
            source,
            "entries of full layers",
            (Term("2ND", 2 * num_samples * dimension, "widest layer, without the clean classifier"),),
            log10=math.log10(dense),
        ),
    )
    return Answer(
        "memorizer",
        {
            "num_samples": num_samples,
            "input_dimension": dimension,
            "norm_order": norm_order,
            "clean_count": clean,
            "clean_widths": tuple(clean_widths),
            "squarings": stages,
            "perturbation_radius": perturbation_radius,
            "separation": separation,
        },
        quantities,
        _conditions(perturbation_radius, separation),
        ("the network's robust train error is 0 and its clean test error at most the clean classifier's",),
    )


def squarings_needed(
    input_dimension: int, perturbation_radius: float, separation: float, extent: float = 1.0
) -> int:
    """The least M >= 1 with D R² 4^-(M+1) <= γ(2δ+γ)/2, in exact arithmetic (theory.md 3.1).

    γ = min(separation - 2δ, δ); R the power of two >= ``extent`` + 2(δ+γ). Sizes are those of given floats.

    >>> squarings_needed(784, 0.1, 0.5)
    8
    """
    dimension = require_integer("input_dimension", input_dimension, 1)
    radius, gap, span = (
        Fraction(require_finite(name, value))
        for name, value in (
            ("perturbation_radius", perturbation_radius),
            ("separation", separation),
            ("extent", extent),
        )
    )
    if radius <= 0 or gap <= 2 * radius:
        raise InvalidInput("separation", separation, f"> {2.0 * perturbation_radius!r}, twice a radius > 0")
    if span < 0:
        raise InvalidInput("extent", extent, ">= 0")
    ramp = min(gap - 2 * radius, radius)
    reach = span + 2 * (radius + ramp)
    scale = Fraction(1)
    while scale < reach:
        scale *= 2
    while scale / 2 >= reach:
        scale /= 2
    room = ramp * (2 * radius + ramp) / 2
    stages, error = 1, dimension * scale**2 / 16
    while error > room:
        stages, error = stages + 1, error / 4
    return stages


def _check_lengths(radius: float | None, separation: float | None, extent: float) -> None:
    """Lengths are >= 0 for every norm, whether the counts depend on them or not."""
    for name, length in (("perturbation_radius", radius), ("separation", separation), ("extent", extent)):
        if length is not None and require_finite(name, length, "a finite number >= 0") < 0.0:
            raise InvalidInput(name, length, ">= 0")


def _stages(
    dimension: int,
    norm_order: float,
    squarings: int | None,
    radius: float | None,
    separation: float | None,
    extent: float,
) -> int:
    if norm_order not in (1, 2, math.inf):
        raise InvalidInput("norm_order", norm_order, "1, 2 or inf")
    if norm_order != 2:
        if squarings:
            raise InvalidInput("squarings", squarings, "given for norm_order 2 only")
        return 0
    if squarings is not None:
        return require_integer("squarings", squarings, 1, MAX_SQUARINGS)
    if radius is None or separation is None:
        raise InvalidInput(
            "squarings", squarings, "given for norm_order 2, or else perturbation_radius and separation"
        )
    return squarings_needed(dimension, radius, separation, extent)


def _conditions(radius: float | None, separation: float | None) -> tuple[Assumed, ...]:
    known = radius is not None and separation is not None
    apart = 2.0 * float(radius or 0.0) < float(separation or 0.0) if known else None
    return (
        Assumed("separation", "opposite labels are more than 2δ apart in the p-norm", apart),
        Assumed("bounded inputs", "inputs lie in a bounded domain, |f_clean| <= B there", None),
    )
