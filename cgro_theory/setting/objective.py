"""The adversarial training objective L(W) = (1-λ) mean ℓ(y f(X)) + λ mean ℓ(y f(X^adv)) (theory.md 2.1)."""

from __future__ import annotations

import torch
from torch.nn.functional import softplus


def adversarial_objective(
    clean_margins: torch.Tensor, attacked_margins: torch.Tensor, adversarial_weight: float
) -> torch.Tensor:
    """L for each run, with the logistic loss ℓ(s) = log(1 + e^-s).

    ``clean_margins`` and ``attacked_margins`` have shape (runs, N); the result has shape (runs,).
    """
    clean = softplus(-clean_margins).mean(-1)
    attacked = softplus(-attacked_margins).mean(-1)
    return (1.0 - adversarial_weight) * clean + adversarial_weight * attacked
