"""The three ℓ2 adversaries of radius delta (theory.md 2.1): transfer, span and l2."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.network import network_output


@dataclass(frozen=True)
class Victim:
    """What an attack acts on, for a batch of runs.

    shapes: feature (d,) or (runs, d); labels (runs, N); is_signal (runs, N, P) boolean; inputs (runs, N, P, d).
    """

    inputs: torch.Tensor
    labels: torch.Tensor
    is_signal: torch.Tensor
    feature: torch.Tensor
    signal_strength: float
    degree: int


def shift_signal_patch(victim: Victim, shift: torch.Tensor) -> torch.Tensor:
    """The inputs with ``shift`` · y · w* added to every signal patch. ``shift``: broadcasts to (runs, N)."""
    moved = (shift * victim.labels)[..., None] * victim.feature
    return torch.where(victim.is_signal[..., None], victim.inputs + moved[:, :, None, :], victim.inputs)


def transfer_attack(victim: Victim, perturbation_radius: float) -> torch.Tensor:
    """X^adv = X - delta y w* on the signal patch: the gradient attack on the linear target. shape: as inputs"""
    return shift_signal_patch(victim, torch.full_like(victim.labels, -perturbation_radius))


def span_attack(victim: Victim, weights: torch.Tensor, perturbation_radius: float) -> torch.Tensor:
    """The worst shift of the signal patch within span(w*) for the current weights: exactly -delta sgn(U).

    Because a -> Σ_r phi_q(a u_r) = phi_q(a) U is monotone in a with the sign of U (theory.md 2.2.1).
    """
    projections = torch.einsum("rmd,...d->rm", weights, victim.feature)
    signal = (projections.sign() * projections.abs() ** victim.degree).sum(-1, keepdim=True)
    direction = torch.where(signal >= 0, 1.0, -1.0).to(victim.labels.dtype)
    return shift_signal_patch(victim, (-perturbation_radius * direction).expand_as(victim.labels))


def l2_attack(
    victim: Victim,
    weights: torch.Tensor,
    perturbation_radius: float,
    *,
    steps: int = 20,
    restarts: int = 2,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Projected gradient descent on the margin over the whole ℓ2 ball of all patches. shape: as inputs

    Starts from the clean point, from the span attack and from ``restarts`` random points of the ball; keeps
    the worst point seen for each example, so it is never weaker than the span attack. A lower bound of the
    true worst case.
    """
    if steps < 1:
        raise InvalidInput("steps", steps, ">= 1")
    if restarts < 0:
        raise InvalidInput("restarts", restarts, ">= 0")
    clean = victim.inputs
    best = clean.clone()
    best_margin = _margin(victim, weights, best)
    starts = [torch.zeros_like(clean), span_attack(victim, weights, perturbation_radius) - clean]
    for _ in range(restarts):
        draw = torch.randn(clean.shape, generator=generator, dtype=clean.dtype).to(clean.device)
        starts.append(_project(draw, perturbation_radius, onto_sphere=True))
    for start in starts:
        offset = start
        for step in range(steps + 1):
            point = (clean + offset).detach().requires_grad_(True)
            margin = _margin(victim, weights, point)
            worse = margin.detach() < best_margin
            best = torch.where(worse[..., None, None], point.detach(), best)
            best_margin = torch.where(worse, margin.detach(), best_margin)
            if step == steps:
                break
            (gradient,) = torch.autograd.grad(margin.sum(), point)
            size = 2.5 * perturbation_radius / steps
            offset = _project(offset - size * _unit(gradient), perturbation_radius)
    return best


def attack(
    name: AdversaryName,
    victim: Victim,
    weights: torch.Tensor,
    perturbation_radius: float,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """The attacked inputs under the named adversary at its default strength. shape: as inputs"""
    if name is AdversaryName.TRANSFER:
        return transfer_attack(victim, perturbation_radius)
    if name is AdversaryName.SPAN:
        return span_attack(victim, weights, perturbation_radius)
    return l2_attack(victim, weights, perturbation_radius, generator=generator)


def _margin(victim: Victim, weights: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    return victim.labels * network_output(weights, inputs, victim.degree)


def _unit(offset: torch.Tensor) -> torch.Tensor:
    norm: torch.Tensor = offset.flatten(2).norm(dim=-1)[..., None, None]
    return offset / norm.clamp_min(torch.finfo(offset.dtype).tiny)


def _project(offset: torch.Tensor, radius: float, *, onto_sphere: bool = False) -> torch.Tensor:
    norm: torch.Tensor = offset.flatten(2).norm(dim=-1)[..., None, None]
    if onto_sphere:
        return offset * (radius / norm)
    return offset * (radius / norm.clamp_min(radius)) if radius > 0 else torch.zeros_like(offset)
