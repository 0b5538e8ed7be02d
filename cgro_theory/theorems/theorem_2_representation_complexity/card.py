"""Theorem 2 in one sentence, with the claims that carry it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cgro_theory.claims.card import MeasuredConstant, TheoremCard, listed, span


def settings(parameters: Mapping[str, Any]) -> str:
    """The sizes of the memorizers that were built, from the lines that describe them."""
    built = {name: text for name, text in parameters.items() if name.startswith("memorizer: ")}
    sizes = [re.findall(r"\b(?:N|D)=(\d+)", text)[:2] for text in built.values()]
    samples, dimensions = ([int(size[index]) for size in sizes] for index in (0, 1))
    norms = listed(sorted({name.rpartition("p=")[2] for name in built}))
    return f"{len(built)} memorizers built, N = {span(samples)}, D = {span(dimensions)}, p = {norms}"


CARD = TheoremCard(
    label="theorem_2",
    name="Theorem 2",
    sentence="N balls can be memorized robustly by about N·D parameters beyond a clean classifier; robust "
    "generalization can take exponentially many.",
    claims=(
        "theorem_2.count_growth",
        "theorem_2.robust_train_error",
        "theorem_2.clean_test_error",
        "theorem_2.robust_test_error",
        "theorem_2.robust_lower_bound",
        "theorem_2.hierarchy",
    ),
    settings=settings,
    constants=(
        MeasuredConstant(
            "theorem_2.count_growth",
            "parameters grow with N^{0} and D^{1} (p = inf)",
            ("exponent in N, p=inf", "exponent in D, p=inf"),
        ),
        MeasuredConstant(
            "theorem_2.hierarchy",
            "computed for N = {2}, error up to {3}: at D = {measured} one graph robust for every labelling needs "
            "at least {1} parameters, CGRO has {0}",
            (
                "CGRO parameters there",
                "lower bound of one fixed graph, every labelling, there",
                "training points",
                "robust error allowed",
            ),
        ),
    ),
    figure="theorem_2_hierarchy",
    not_shown=(
        (
            "theorem_2.robust_lower_bound",
            "a single labelling, which can be far cheaper (parity: 9(D-1) parameters)",
        ),
        ("theorem_2.robust_test_error", "other distributions"),
    ),
)
