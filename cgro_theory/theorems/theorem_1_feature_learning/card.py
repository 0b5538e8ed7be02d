"""Theorem 1 in one sentence, with the claims that carry it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgro_theory.claims.card import MeasuredConstant, TheoremCard, listed


def settings(parameters: Mapping[str, Any]) -> str:
    """The dimensions of the trained networks, and what they share; the network that is proved."""
    dimensions = listed([group["patch_dimension"] for group in parameters["main"]])
    networks = sum(group["runs"] for group in parameters["main"])
    names = {"N": "num_samples", "P": "num_patches", "m": "width", "q": "degree", "λ": "adversarial_weight"}
    shared = ", ".join(f"{symbol} = {listed(parameters[name])}" for symbol, name in names.items())
    fraction = f"κ = {parameters['attacked_signal_fraction']:.2g} at d = {listed(parameters['patch_dimension'])}"
    proved = parameters.get("certified_network")
    sizes = {"d": "patch_dimension", "N": "num_samples", "m": "width"}
    certified = ", ".join(f"{symbol} = {listed(proved[name])}" for symbol, name in sizes.items()) if proved else ""
    told = f"; proved: one flow, {certified}" if certified else ""
    return f"{networks} networks, d = {dimensions}; {shared}; {fraction}{told}"


CARD = TheoremCard(
    label="theorem_1",
    name="Theorem 1",
    sentence="Training learns the feature in part, then memorizes each point's noise: train errors 0, clean test "
    "error near 0, robust test error near 1/2.",
    claims=(
        "theorem_1.signal_plateau",
        "theorem_1.stage_order",
        "theorem_1.noise_memorization",
        "theorem_1.clean_train_error",
        "theorem_1.robust_train_error",
        "theorem_1.clean_test_error",
        "theorem_1.robust_test_error",
        "theorem_1.attacked_signal_vanishes",
        "theorem_1.clean_error_limit",
        "theorem_1.robust_error_limit",
        "theorem_1.certified_run",
    ),
    settings=settings,
    constants=(
        MeasuredConstant("theorem_1.robust_test_error", "robust test error {measured}"),
        MeasuredConstant(
            "theorem_1.clean_test_error",
            "clean at most {0} ({1} of {2} fresh points)",
            (
                "their Clopper-Pearson upper end",
                "errors seen at the noise of training",
                "points at the noise of training",
            ),
        ),
        MeasuredConstant("theorem_1.signal_time_exponent", "signal learned at T_I ~ d^{measured}"),
        MeasuredConstant(
            "theorem_1.memorization_time_exponent",
            "noise memorized from T_III ~ d^{measured} (η·steps)",
        ),
    ),
    figure="theorem_1_three_stages",
    not_shown=(
        ("theorem_1.stage_order", "Other sizes and the limit in d"),
        ("theorem_1.robust_train_error", "Attacks over all patches are stronger"),
        ("theorem_1.clean_error_limit", "The rate of the error itself"),
    ),
)
