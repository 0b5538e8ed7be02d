"""Theorem 1's stages for one initial draw: the room's enclosures, from the draw of ``cgro simulate --seed``."""

from __future__ import annotations

import numpy as np

from cgro_theory.calculator.answer import Answer, Condition, Direction, Quantity, Term
from cgro_theory.calculator.stages import conditions
from cgro_theory.claims import Interval
from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.boundary_prediction import (
    predict_memorization_boundary,
    predict_overfitting_boundary,
)
from cgro_theory.theorems.theorem_1_feature_learning.memorization_prediction import (
    leading_memorization_time,
    memorization_horizon,
    predict_first_memorization_time,
)
from cgro_theory.theorems.theorem_1_feature_learning.prediction import (
    InitialDraw,
    plateau_signal_margin,
    predict_signal_time,
)

SUBSPACE_STREAM = 2
"""Second word of the seed; the trainer's subspace engine uses the same, so its runs start from this draw."""
MAX_NOISE_PATCHES = 4000
"""n = NJ of a draw: its Gram matrix has n² entries."""


def subspace_draw(setting: PatchSetting, seed: int) -> InitialDraw:
    """The initial draw of the subspace engine for this seed, in the same order of random words (theory.md 2.2.3).

    Needs d - 1 >= n + m and n <= 4000, else raises :class:`InvalidInput`.
    """
    require_integer("seed", seed, 0)
    if not setting.reduces:
        low = 1 + setting.num_noise + setting.width
        raise InvalidInput("patch_dimension", setting.patch_dimension, f">= {low} = 1 + n + m for a draw")
    noise, width = setting.num_noise, setting.width
    if noise > MAX_NOISE_PATCHES or width > MAX_NOISE_PATCHES:
        raise InvalidInput("noise patches and neurons", (noise, width), f"<= {MAX_NOISE_PATCHES} each for a draw")
    generator = np.random.default_rng([seed, SUBSPACE_STREAM])
    labels = 2.0 * generator.integers(0, 2, setting.num_samples) - 1.0
    projections = setting.init_std * generator.standard_normal(width)
    coordinates = setting.init_std * generator.standard_normal((width, noise))
    factor = np.tril(generator.standard_normal((noise, noise)), -1)
    freedom = setting.patch_dimension - 1 - np.arange(noise)
    factor[np.diag_indices(noise)] = np.sqrt(generator.chisquare(freedom))
    factor *= setting.noise_std
    parts = (labels, projections, factor @ coordinates.T, factor @ factor.T)
    return InitialDraw(*(np.asarray(part, dtype=np.float64) for part in parts))


def drawn_stages(setting: PatchSetting, seed: int, learning_rate: float = 0.0) -> Answer:
    """Enclosures of T_I, T_III, κ_1 and κ* for the draw of ``seed``, each with its leading order at that draw.

    ``learning_rate`` η >= 0 of descent; 0 is its gradient flow, for which κ_1 and κ* are. A quantity whose
    assumption fails has no value, and its note says which.

    >>> time = drawn_stages(PatchSetting.version_1(10**6), seed=0)["signal_time"]
    >>> time.low < time.high
    True
    """
    if require_finite("learning_rate", learning_rate) < 0.0:
        raise InvalidInput("learning_rate", learning_rate, ">= 0")
    draw = subspace_draw(setting, seed)
    signal = predict_signal_time(setting, draw, learning_rate)
    memory = predict_first_memorization_time(setting, draw, learning_rate)
    quantities = [
        _enclosed(
            "signal_time",
            signal.interval,
            signal.leading_order,
            signal.unmet,
            "first time with α^q U >= 1",
            "theorem_1.signal_time",
            "η·step",
        ),
        _enclosed(
            "memorization_time",
            memory.interval,
            memory.leading_order,
            memory.unmet,
            "first time with some V_i >= 1",
            "theorem_1.first_memorization_time",
            "η·step",
        ),
    ]
    # Without an attacked loss nothing is memorized, and the boundaries have no time scale.
    if setting.adversarial_weight > 0.0:
        quantities += _boundaries(setting, draw)
    notes = (
        f"draw of seed {seed}; learning rate {learning_rate:g}" + ("" if learning_rate else ": gradient flow"),
    )
    parameters = setting.to_json() | {"seed": seed, "learning_rate": learning_rate}
    ends = (signal.interval, memory.interval)
    ordered = None if ends[0] is None or ends[1] is None else _ordered(ends[0], ends[1])
    order = Condition("stage order", "T_I < T_III for this draw, by the enclosures", ordered)
    return Answer("stages", parameters, tuple(quantities), (*conditions(setting)[:3], order), notes)


def _ordered(first: Interval, second: Interval) -> bool | None:
    if first.high < second.low:
        return True
    return False if second.high <= first.low else None


def _boundaries(setting: PatchSetting, draw: InitialDraw) -> list[Quantity]:
    time = leading_memorization_time(setting, draw)
    plateau = plateau_signal_margin(setting, time) if np.isfinite(time) else 0.0
    quantities = [
        Quantity(
            "plateau_signal_margin",
            plateau if plateau > 0.0 else None,
            Direction.LEADING_ORDER,
            "e^z = t q²α²(1-λ) z^(2-2/q) at t = T_III",
            "theory.md 2.4, theorem_1.signal_plateau",
            terms=(Term("T_III", time, "leading order of this draw"),),
        )
    ]
    end = memorization_horizon(setting, draw)
    if not np.isfinite(end):
        return quantities
    overfitting = predict_overfitting_boundary(setting, draw, end)
    quantities.append(
        _enclosed(
            "overfitting_boundary",
            overfitting.interval,
            overfitting.leading_order,
            overfitting.unmet,
            "κ_1: P(|V| > κ^q z) = ½ for a fresh point",
            "theorem_1.overfitting_boundary",
            note=f"for runs that end by the time {end:.6g}; the median of |V| by sampled directions",
        )
    )
    if setting.degree > 2:
        race = predict_memorization_boundary(setting, draw)
        quantities.append(
            _enclosed(
                "memorization_boundary",
                race.interval,
                race.leading_order,
                race.unmet,
                "κ*: T_R(κ) = T_III, the race of two blow-ups",
                "theorem_1.phase_boundary",
            )
        )
    return quantities


def _enclosed(
    name: str,
    interval: Interval | None,
    leading: float,
    unmet: tuple[str, ...],
    formula: str,
    label: str,
    unit: str = "",
    note: str = "",
) -> Quantity:
    missing = f"no enclosure: {'; '.join(unmet)} — not met" if unmet else ""
    return Quantity(
        name,
        leading if np.isfinite(leading) else None,
        Direction.ENCLOSURE if interval is not None else Direction.LEADING_ORDER,
        formula,
        f"theory.md 2.4, {label}",
        unit,
        (Term("leading order", leading, "at this draw, the value given"),),
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        note=missing or note,
    )
