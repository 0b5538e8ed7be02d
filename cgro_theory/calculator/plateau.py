"""The signal margin in the plateau and its attacked part, at T_III: leading orders, or why there are none."""

from __future__ import annotations

import math

from cgro_theory.calculator.answer import Direction, Quantity, Term
from cgro_theory.setting.parameters import PatchSetting

OVER_ATTACK = "none for κ < 0: there z tends to a root instead of growing like a logarithm"
_SOURCE = "theory.md 2.4, theorem_1.signal_plateau"
_SHARE = "λκ^q e^z/(2(1-λ)): drive of the attacked loss over the clean one's, which alone is taken"


def plateau_quantities(
    setting: PatchSetting, margin: float | None, terms: tuple[Term, ...], *, memorized: bool
) -> tuple[Quantity, Quantity]:
    """z and φ_q(κ) z at T_III from the formula's z, ``margin`` > 0; neither where the formula has no ground.

    It takes the clean loss alone to drive z. With the attacked one, at ψ(z̃) = ½, e^z is (e^s - 1)/s times as
    large, s their share: z grows by about log(e - 1) = 0.54 or less for s <= 1, and by s beyond. So beyond, and
    where nothing is ``memorized``, no z is given (docs/theory/theorem_1.md, 2.4).
    """
    share = _attacked_share(setting, margin) if margin is not None else math.inf
    absent, note = _missing(setting, margin, share, memorized)
    if absent or note:
        margin = None
    elif share > 0.0:
        terms = (*terms, Term("attacked share", share, _SHARE))
    return (
        _leading("plateau_signal_margin", margin, "e^z = t q²α²(1-λ) z^(2-2/q) at t = T_III", terms, absent, note),
        _leading(
            "attacked_signal_margin",
            None if margin is None else setting.attacked_signal_fraction**setting.degree * margin,
            "z̃ = φ_q(κ) z",
            (Term("κ", setting.attacked_signal_fraction, "1 - δ/α"),),
            absent,
        ),
    )


def _missing(setting: PatchSetting, margin: float | None, share: float, memorized: bool) -> tuple[str, str]:
    """What takes the numbers' place, and why; two empty strings where there are numbers."""
    if setting.attacked_signal_fraction < 0.0:
        return "", OVER_ATTACK
    if not memorized:
        return "no T_III", "κ > κ*: nothing is memorized, and the attacked loss drives z beyond this plateau"
    if margin is None:
        return "", (
            "none for λ = 1: no clean loss drives z"
            if setting.adversarial_weight == 1.0
            else "none: T_III comes before the plateau"
        )
    if share > 1.0:
        why = f"at T_III the attacked loss would drive z {share:.3g} times as much as the clean one"
        return "no plateau", f"{why}, which alone the formula takes"
    return "", ""


def _attacked_share(setting: PatchSetting, margin: float) -> float:
    """λκ^q e^z/(2(1-λ)), inf beyond the floats. Needs λ < 1."""
    kappa, weight = setting.attacked_signal_fraction, setting.adversarial_weight
    if not (kappa > 0.0 and weight > 0.0):
        return 0.0
    size = math.log(0.5 * weight / (1.0 - weight)) + setting.degree * math.log(kappa) + margin
    return math.exp(size) if size < 700.0 else math.inf


def _leading(
    name: str, value: float | None, formula: str, terms: tuple[Term, ...], absent: str, note: str = ""
) -> Quantity:
    direction = Direction.LEADING_ORDER
    return Quantity(name, value, direction, formula, _SOURCE, terms=terms, note=note, absent=absent)
