"""When a descent's numbers stop meaning anything: not finite, or a step that leaps over the loss."""

from __future__ import annotations

import math

import torch

from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.trainer.engines import attacked_signal_gain

MAX_SLOPE_RATIO = 100.0
"""A step after which the drive of the signal or of a point is this many times larger or smaller is a leap."""


def lost_rows(setting: PatchSetting, adversary: AdversaryName, history: torch.Tensor) -> torch.Tensor:
    """At which steps a run is lost: its margins are not finite, or the step there leapt over the loss.

    A gradient step stands for the flow only as far as the gradient at its start still holds at its end. In the
    recursions (theory.md 2.2.2) the margins enter it through the slopes ψ alone: point i's noise is driven by
    (1-λ)ψ(z_i) + λψ(z̃_i), the signal by the mean of (1-λ)α^q ψ(z_i) + λ|φ_q(α - δ sgn U)|ψ(z̃_i). A step that
    changes one of these by more than a factor :data:`MAX_SLOPE_RATIO` means nothing. As |log ψ(a) - log ψ(b)|
    is at most |a - b|, no step that moves every margin by less than log 100 = 4.6 is one, and the rule of
    ``PatchSetting.stable_learning_rate`` moves them by about 1 while their slope counts. A margin that moves far
    where its loss is straight, or flat beside another, is let through. Under ``l2`` the attacked margins are those
    of the shift within span(w*).

    ``history``: U and V_i of consecutive steps. shape: (rows, runs, 1 + N); the result has shape (rows, runs).
    """
    widest = ((2.0 - setting.attacked_signal_fraction) * setting.signal_strength) ** setting.degree
    reach = math.log(MAX_SLOPE_RATIO)
    # Almost always nothing moves far; what is not finite fails the comparison and goes on to the exact one.
    moved = torch.diff(history, dim=0)
    far = widest * _largest(moved[..., 0]) + _largest(moved)
    if far <= reach and math.isfinite(_largest(history[0])):
        return torch.zeros_like(history[..., 0], dtype=torch.bool)
    lost = ~torch.isfinite(history.sum(dim=-1))
    signal, noise_margins = history[..., 0], history[..., 1:]
    clean, attacked = torch.full_like(signal, setting.clean_gain), torch.full_like(signal, setting.attacked_gain)
    if adversary is not AdversaryName.TRANSFER:
        attacked = attacked_signal_gain(setting, signal)
    weight = setting.adversarial_weight
    gains = torch.stack([clean, attacked])[..., None]
    shares = signal.new_tensor([1.0 - weight, weight]).log()[:, None, None, None]
    log_slopes = torch.nn.functional.logsigmoid(-(gains * signal[..., None] + noise_margins)) + shares
    # Both ends of a step are weighed alike, so that only the slopes are compared.
    signal_weights = gains[:, :-1].abs().log()
    for weights, over in ((torch.zeros_like(signal_weights), (0,)), (signal_weights, (0, -1))):
        start = torch.logsumexp(weights + log_slopes[:, :-1], dim=over)
        end = torch.logsumexp(weights + log_slopes[:, 1:], dim=over)
        lost[1:] |= ((end - start).abs() > reach).reshape(*lost[1:].shape, -1).any(dim=-1)
    return lost


def _largest(values: torch.Tensor) -> float:
    """The largest size of any element, NaN if one is no number; 0 when there are none."""
    if values.numel() == 0:
        return 0.0
    low, high = torch.aminmax(values)
    return max(-float(low), float(high)) if math.isfinite(float(low) + float(high)) else math.nan
