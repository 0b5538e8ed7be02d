"""The two-layer patch network f_W(X) = Σ_r Σ_j phi_q(<w_r, X[j]>) and its activation (theory.md 2.1)."""

from __future__ import annotations

import torch


def activation(preactivation: torch.Tensor, degree: int) -> torch.Tensor:
    """phi_q(z) = sgn(z)|z|^q, elementwise; q = ``degree`` >= 2. Any shape.

    >>> activation(torch.tensor([-2.0, 3.0]), 2)
    tensor([-4.,  9.])
    """
    if degree % 2 == 1:
        return preactivation**degree
    return preactivation * preactivation.abs() ** (degree - 1)


def network_output(weights: torch.Tensor, inputs: torch.Tensor, degree: int) -> torch.Tensor:
    """f_W(X) for batches of runs.

    ``weights`` has shape (runs, m, d), ``inputs`` (runs, N, P, d); the result has shape (runs, N).
    """
    preactivations = torch.einsum("rmd,rnpd->rnpm", weights, inputs)
    return activation(preactivations, degree).sum(dim=(-1, -2))
