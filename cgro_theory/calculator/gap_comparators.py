"""What stands beside theorem 3's bound in an answer: the paper's shape and the trivial bounds."""

from __future__ import annotations

from cgro_theory.calculator.answer import Direction, Quantity, Term
from cgro_theory.theorems.theorem_3_global_flatness.theory.comparators import (
    hoeffding,
    lipschitz_wasserstein,
    paper_shape,
)


def comparators(
    num_samples: int,
    input_dimension: int,
    flatness: float,
    *,
    failure_probability: float,
    loss_bound: float = 1.0,
    lipschitz: float | None = None,
    num_classes: int = 2,
) -> list[Quantity]:
    """The paper's shape, Hoeffding's bound for one fixed f and, given a slope, the Wasserstein bound."""
    shape = paper_shape(num_samples, input_dimension, flatness, failure_probability)
    one = hoeffding(num_samples, failure_probability, loss_bound)
    quantities = [
        Quantity(
            "paper_shape",
            shape.flatness_part,
            Direction.SHAPE,
            "N^(-1/(D+2))·(F + C(D, ℓ)/√Δ)",
            "theory.md 4.1; Li and Li, arXiv 2306.01271 v4, appendix B",
            "loss, up to an unknown factor",
            (
                Term("rate", shape.rate, "N^(-1/(D+2))"),
                Term("per constant", shape.per_constant, "N^(-1/(D+2))/√Δ, to be multiplied by C(D, ℓ)"),
            ),
            note=f"a shape, no number: unknown are {shape.unknown}. The value is rate·F",
        ),
        Quantity(
            "hoeffding",
            one,
            Direction.UPPER,
            "B·√(log(1/Δ)/(2N))",
            "Hoeffding 1963",
            "loss",
            vacuous=one >= loss_bound,
            note="for one f fixed before the sample is drawn; it says nothing about a trained f",
        ),
    ]
    if lipschitz is not None:
        transport = lipschitz_wasserstein(
            num_samples,
            input_dimension,
            lipschitz,
            num_classes=num_classes,
            loss_bound=loss_bound,
            failure_probability=failure_probability,
        )
        quantities.append(
            Quantity(
                "lipschitz_wasserstein",
                transport.total,
                Direction.UPPER,
                "min_J lip·[2^-J + Σ_(j<=J) 2^-(j+1) √(K 2^(jD)/N)] + B√K/(2√N) + B√(log(1/Δ)/(2N))",
                "this project; the comparator of theorem_3.flatness_bound",
                "loss",
                (Term("J", transport.level, "dyadic level"),),
                vacuous=transport.total >= loss_bound,
            )
        )
    return quantities
