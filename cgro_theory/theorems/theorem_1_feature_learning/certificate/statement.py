"""The theorem that a certificate proves, in one paragraph with all its numbers."""

from __future__ import annotations

from typing import Any

from cgro_theory.setting.parameters import PatchSetting


def statement(setting: PatchSetting, seed: int, proved: dict[str, Any]) -> str:
    """The paragraph for the network of the draw of ``seed``; every number rounded to its own safe side."""
    least = min(low for low, _ in proved["noise_margins"])
    order = "before any point is memorized: the first" if is_signal_first(proved) else "and the first point"
    sizes = f"N = {setting.num_samples}, P = {setting.num_patches}, m = {setting.width}, q = {setting.degree}"
    attack = f"λ = {setting.adversarial_weight:g}, κ = {setting.attacked_signal_fraction:.6g}"
    return (
        f"Theorem. Train the network of the draw of seed {seed} (d = {setting.patch_dimension:,}, {sizes}, "
        f"{attack}) by gradient flow on the adversarial loss. Its signal margin α^q U first reaches 1 at a time "
        f"in {_interval(proved['signal_time'])}, {order} is memorized, V_i >= 1, at a time in "
        f"{_interval(proved['memorization_time'])}. At time {proved['end'][0]:.9g} the signal margin lies in "
        f"{_interval(proved['signal_margin'])} and every training point is memorized: every V_i >= "
        f"{_down(least)}. Then the clean train error is {proved['clean_train_error']:g}, the clean test error at "
        f"most {clean_error_text(proved)}, and under the worst shift of the signal patch along w* by at most "
        f"δ = {setting.perturbation_radius:.6g} the train error is {proved['robust_train_error']:g} and the test "
        f"error at least {_down(proved['robust_test_error'])}."
    )


def is_signal_first(proved: dict[str, Any]) -> bool:
    """Whether the signal is learned before any point is memorized."""
    return bool(proved["signal_time"][1] < proved["memorization_time"][0])


def clean_error_text(proved: dict[str, Any]) -> str:
    """The upper bound of the clean test error, as a power of ten."""
    exponent = -proved["log10_clean_test_error"]
    if exponent < 0.1:
        return "1"
    return f"10^-{int(exponent):,}" if exponent >= 100.0 else f"10^-{int(exponent * 10) / 10}"


def _interval(ends: list[float]) -> str:
    low, high = ends
    for digits in range(4, 18):
        shown = f"{low:.{digits}g}", f"{high:.{digits}g}"
        if shown[0] != shown[1]:
            break
    return f"[{_down(low, digits)}, {_up(high, digits)}]"


def _down(value: float, digits: int = 4) -> str:
    """A decimal of at least so many digits that is not above a positive value."""
    for more in range(digits, 18):
        for shown in (f"{value:.{more}g}", f"{value * (1.0 - 10.0 ** (1 - more)):.{more}g}"):
            if float(shown) <= value:
                return shown
    return repr(value)


def _up(value: float, digits: int = 4) -> str:
    for more in range(digits, 18):
        for shown in (f"{value:.{more}g}", f"{value * (1.0 + 10.0 ** (1 - more)):.{more}g}"):
            if float(shown) >= value:
                return shown
    return repr(value)
