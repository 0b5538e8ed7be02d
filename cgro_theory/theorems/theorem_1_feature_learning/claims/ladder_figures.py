"""The figure of the times over the ladder of dimensions, as data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Figure, Panel, Series
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import first_memorization, initial_draws
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import Groups, RunGroup
from cgro_theory.theorems.theorem_1_feature_learning.theory.memorization import leading_memorization_time
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import InitialDraw, leading_signal_time

Array = NDArray[np.float64]
Leading = Callable[[PatchSetting, InitialDraw], float]


def ladder_figures(ladder: Groups) -> tuple[Figure, ...]:
    """T_I and T_III of every seed over d, and their ratio to leading order."""
    if len(ladder) < 2:
        return ()
    kinds: tuple[tuple[str, int, Callable[[RunGroup], Array], Leading], ...] = (
        ("signal time $T_I$", 0, lambda group: group.trajectories.signal_time, leading_signal_time),
        (
            "first memorization $T_{III}$",
            1,
            lambda group: first_memorization(group.trajectories),
            leading_memorization_time,
        ),
    )
    times: list[Series] = []
    ratios: list[Series] = []
    for label, colour, look, leading in kinds:
        sizes, measured, predicted = [], [], []
        for group in ladder:
            draws = initial_draws(group.trajectories)
            measured += look(group).tolist()
            predicted += [leading(group.assumed, draw) for draw in draws]
            sizes += [float(group.trajectories.setting.patch_dimension)] * len(draws)
        means = [
            float(np.exp(np.mean([np.log(p) for p, size in zip(predicted, sizes, strict=True) if size == d])))
            for d in sorted(set(sizes))
        ]
        times.append(Series(f"{label}, every seed", sizes, measured, colour, "points"))
        times.append(Series("leading order, mean", sorted(set(sizes)), means, colour, "dashed"))
        ratio = [m / p for m, p in zip(measured, predicted, strict=True)]
        ratios.append(Series(label, sizes, ratio, colour, "points"))
    panels = (
        Panel("Times of trained networks", "patch dimension d", "time (η · step)", tuple(times), (), "log", "log"),
        Panel("Measured over leading order", "patch dimension d", "ratio", tuple(ratios), (), "log"),
    )
    caption = (
        "Gradient flows on the same seeds. The stages move apart like a power of d; leading order becomes exact."
    )
    return (
        Figure(
            "theorem_1_ladder",
            "The stages over the dimension",
            caption,
            panels,
            (
                "theorem_1.signal_time_exponent",
                "theorem_1.memorization_time_exponent",
            ),
        ),
    )
