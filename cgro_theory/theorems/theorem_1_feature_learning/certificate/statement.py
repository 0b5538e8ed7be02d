"""The theorem that a certificate proves, in one paragraph with all its numbers."""

from __future__ import annotations

from typing import Any

from cgro_theory.setting.parameters import PatchSetting


def statement(setting: PatchSetting, seed: int, proved: dict[str, Any]) -> str:
    """The paragraph for the network of the draw of ``seed``; every number rounded to its own safe side, or whole.

    ``proved``: with both train errors 0 and every V_i >= 1, as :func:`proof_of` asks.
    """
    least = min(low for low, _ in proved["noise_margins"])
    order = "before any point is memorized: the first" if is_signal_first(proved) else "and the first point"
    sizes = f"N = {setting.num_samples}, P = {setting.num_patches}, m = {setting.width}, q = {setting.degree}"
    strengths = f"α = {setting.signal_strength!r}, σ = {setting.noise_std!r}, σ0 = {setting.init_std!r}"
    attack = f"λ = {setting.adversarial_weight!r}, κ = {setting.attacked_signal_fraction!r}"
    return (
        f"Theorem. Train the network of the draw of seed {seed} (d = {setting.patch_dimension:,}, {sizes}, "
        f"{strengths}, {attack}) by gradient flow on (1-λ) times the clean loss plus λ times the loss with every "
        "signal patch shifted by -δ y w*, δ = (1-κ)α. Its signal margin α^q U first reaches 1 at a time in "
        f"{_interval(proved['signal_time'])}, {order} is memorized, V_i >= 1, at a time in "
        f"{_interval(proved['memorization_time'])}. At the certificate's last time, in "
        f"{_interval(proved['end'])}, the signal margin lies in {_interval(proved['signal_margin'])} and every "
        f"training point is memorized: every V_i >= {_down(least)}. Then the clean train error is 0, the clean "
        f"test error at most {clean_error_text(proved)}; and under the worst shift of the signal patch along w* "
        "by at most δ, which for U > 0 is the same, the train error is 0 and the test error at least "
        f"{_down(proved['robust_test_error'])}."
    )


def is_signal_first(proved: dict[str, Any]) -> bool:
    """Whether the signal is learned before any point is memorized."""
    return bool(proved["signal_time"][1] < proved["memorization_time"][0])


def clean_error_text(proved: dict[str, Any]) -> str:
    """The upper bound of the clean test error, as a power of ten."""
    exponent = -proved["log10_clean_test_error"]
    if exponent < 0.1:
        return "1"
    return f"10^-{int(exponent):,}" if exponent >= 100.0 else f"10^-{_down(exponent, 2)}"


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
