"""Two ways to take the same gradient step: autograd on explicit weights, or the recursions of theory.md 2.2.2.

An engine holds a batch of runs. ``evaluate`` returns the signal U and the noise margins V at the current
weights; ``update`` then takes one full-batch step from there; ``select`` keeps some of the runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.adversary import Victim, attack
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.network import activation, network_output
from cgro_theory.setting.objective import adversarial_objective
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.setting.patch_data import DenseProblem
from cgro_theory.trainer.memory import NEURON_BLOCK
from cgro_theory.trainer.reduction import SubspaceProblem
from cgro_theory.trainer.trajectories import as_array


@dataclass(frozen=True)
class TrainingState:
    """All that the claims ask of a set of weights.

    Attributes:
        signal_projections: u_r. shape: (runs, m)
        preactivations: v_ijr, noise patch k = i J + j. shape: (runs, n, m)
        weight_gram: Gram matrix of the weights' parts orthogonal to w*. shape: (runs, m, m)
    """

    signal_projections: torch.Tensor
    preactivations: torch.Tensor
    weight_gram: torch.Tensor


class Engine(Protocol):
    """What the descent loop needs of an engine."""

    def evaluate(self) -> tuple[torch.Tensor, torch.Tensor]:
        """U, shape (runs,), and y_i-signed noise margins V_i, shape (runs, N)."""

    def objective(self) -> torch.Tensor:
        """L(W) at the weights last evaluated. shape: (runs,)"""

    def attacked_margins(self) -> torch.Tensor:
        """y f(X^adv) at the weights last evaluated. shape: (runs, N)"""

    def update(self) -> None:
        """One gradient step from the weights last evaluated."""

    def advance(self, history: torch.Tensor) -> None:
        """U and V_i here and after each of ``len(history) - 1`` steps. shape: (steps + 1, runs, 1 + N)"""

    def select(self, indices: torch.Tensor) -> None:
        """Keep the runs with these indices, in this order."""

    def snapshot(self) -> tuple[torch.Tensor, ...]:
        """A copy of what :meth:`restore` needs to come back here."""

    def restore(self, snapshot: tuple[torch.Tensor, ...]) -> None:
        """Go back to a snapshot of the same runs."""

    def state(self) -> TrainingState:
        """The current weights as seen by the claims."""


@dataclass(frozen=True)
class _Graph:
    """Autograd's view of one evaluation."""

    weights: torch.Tensor
    attacked_margins: torch.Tensor
    objective: torch.Tensor


class DenseEngine:
    """Gradient descent by autograd on weights of shape (runs, m, d): small, obviously right, the oracle."""

    def __init__(self, problem: DenseProblem, learning_rate: float, adversary: AdversaryName) -> None:
        setting = problem.setting
        self._setting = setting
        self._learning_rate = learning_rate
        self._adversary = adversary
        self._weights = problem.weights.clone()
        self._noise = problem.noise
        is_signal = torch.nn.functional.one_hot(problem.signal_position, setting.num_patches).bool()
        self._victim = Victim(
            inputs=problem.inputs,
            labels=problem.labels,
            is_signal=is_signal,
            feature=problem.feature,
            signal_strength=setting.signal_strength,
            degree=setting.degree,
        )
        self._generator = torch.Generator().manual_seed(problem.seeds[0])

    @property
    def weights(self) -> torch.Tensor:
        """The weights in full. shape: (runs, m, d)"""
        return self._weights

    def evaluate(self) -> tuple[torch.Tensor, torch.Tensor]:
        """U and V from the definition, one inner product at a time."""
        degree = self._setting.degree
        signal = activation(self._weights @ self._victim.feature, degree).sum(-1)
        preactivations = torch.einsum("rmd,rnjd->rnjm", self._weights, self._noise)
        return signal, self._victim.labels * activation(preactivations, degree).sum(dim=(-1, -2))

    def objective(self) -> torch.Tensor:
        """L(W) on the clean and the attacked inputs."""
        return self._graph().objective.detach()

    def attacked_margins(self) -> torch.Tensor:
        """y f(X^adv) for the attacked inputs."""
        return self._graph().attacked_margins.detach()

    def update(self) -> None:
        """One step along the gradient that autograd gives, with the attack held fixed."""
        graph = self._graph()
        (gradient,) = torch.autograd.grad(graph.objective.sum(), graph.weights)
        self._weights = self._weights - self._learning_rate * gradient

    def advance(self, history: torch.Tensor) -> None:
        """U and V_i here and after each further step."""
        step_by_step(self, history)

    def select(self, indices: torch.Tensor) -> None:
        """Keep these runs."""
        victim = self._victim
        self._weights, self._noise = self._weights[indices], self._noise[indices]
        self._victim = Victim(
            victim.inputs[indices],
            victim.labels[indices],
            victim.is_signal[indices],
            victim.feature,
            victim.signal_strength,
            victim.degree,
        )

    def snapshot(self) -> tuple[torch.Tensor, ...]:
        """The weights, and the state of the attack's random starts."""
        return self._weights.clone(), self._generator.get_state()

    def restore(self, snapshot: tuple[torch.Tensor, ...]) -> None:
        """Go back to a snapshot of the same runs."""
        self._weights = snapshot[0].clone()
        self._generator.set_state(snapshot[1])

    def state(self) -> TrainingState:
        """Projections and Gram matrices of the explicit weights."""
        feature = self._victim.feature
        projections = self._weights @ feature
        rest = self._weights - projections[..., None] * feature
        preactivations = torch.einsum("rmd,rnjd->rnjm", self._weights, self._noise).flatten(1, 2)
        return TrainingState(projections, preactivations, rest @ rest.mT)

    def _graph(self) -> _Graph:
        setting, victim = self._setting, self._victim
        radius = setting.perturbation_radius
        attacked = attack(self._adversary, victim, self._weights, radius, self._generator)
        weights = self._weights.detach().requires_grad_(True)
        clean_margins = victim.labels * network_output(weights, victim.inputs, setting.degree)
        attacked_margins = victim.labels * network_output(weights, attacked, setting.degree)
        objective = adversarial_objective(clean_margins, attacked_margins, setting.adversarial_weight)
        return _Graph(weights, attacked_margins, objective)


class SubspaceEngine:
    """Gradient descent by the exact recursions of the feature projections (theory.md 2.2.2).

    The state is u, shape (runs, m), and v, shape (runs, n, m); noise preactivations move through the Gram
    matrix, so no vector of length d is ever built and a step costs n² m multiplications. Inside, v has zero
    columns up to a multiple of NEURON_BLOCK neurons: matrices that start at odd addresses, or are vectors, are
    multiplied in an order that depends on the batch, and a run is to have the same bits in any batch.
    """

    def __init__(
        self,
        problem: SubspaceProblem,
        learning_rate: float,
        adversary: AdversaryName,
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        if adversary is AdversaryName.L2:
            raise InvalidInput("adversary", adversary.value, "transfer or span for the recursions")
        setting, tensor = problem.setting, partial(torch.tensor, device=device, dtype=dtype)
        self._problem = problem
        self._setting = setting
        self._adversary = adversary
        self._signal_step = learning_rate * setting.degree
        step = learning_rate * setting.degree / setting.num_samples
        self._scaled_gram = tensor(problem.gram) * step
        self._labels = tensor(problem.labels)
        self._u = tensor(problem.signal_projections)
        self._v = padded(tensor(problem.preactivations))
        weight = setting.adversarial_weight
        # The two losses, clean and attacked, are the leading axis of everything that follows.
        self._weights = self._labels.new_tensor([1.0 - weight, weight])[:, None, None]
        self._gains = self._labels.new_tensor([setting.clean_gain, setting.attacked_gain])[:, None]
        self._allocate()

    def _allocate(self) -> None:
        self._slopes = torch.empty_like(self._v)
        self._terms = torch.empty_like(self._v)
        self._signal_slopes = torch.empty_like(self._u)

    def evaluate(self) -> tuple[torch.Tensor, torch.Tensor]:
        """U = Σ phi_q(u_r) and V_i = y_i Σ phi_q(v_ijr); keeps |.|^(q-1) for the update."""
        degree = self._setting.degree
        _power(self._u, degree - 1, self._signal_slopes)
        self._signal = (self._u * self._signal_slopes).sum(-1)
        _power(self._v, degree - 1, self._slopes)
        torch.mul(self._v, self._slopes, out=self._terms)
        runs, samples = self._labels.shape
        self._noise_margins = self._terms.view(runs, samples, -1).sum(-1).mul_(self._labels)
        return self._signal, self._noise_margins

    def objective(self) -> torch.Tensor:
        """L(W) from the margins z_i and z̃_i, in float64."""
        losses = np.logaddexp(0.0, -self._margins().cpu().numpy().astype(np.float64)).mean(axis=-1)
        weight = self._setting.adversarial_weight
        return torch.as_tensor((1.0 - weight) * losses[0] + weight * losses[1])

    def attacked_margins(self) -> torch.Tensor:
        """z̃_i = φ_q(κα) U + V_i."""
        return self._margins()[1]

    def update(self) -> None:
        """Both recursions of theory.md 2.2.2."""
        gains = self._current_gains()
        opposite = (gains * self._signal)[:, :, None].neg_() - self._noise_margins
        pulls = _logistic(opposite).mul_(self._weights)
        gain = (gains * pulls.mean(-1)).sum(0)
        self._u.addcmul_(gain[:, None], self._signal_slopes, value=self._signal_step)
        runs, samples = self._labels.shape
        signed = pulls.sum(0).mul_(self._labels)
        self._slopes.view(runs, samples, -1).mul_(signed[..., None])
        self._v.baddbmm_(self._scaled_gram, self._slopes)

    def advance(self, history: torch.Tensor) -> None:
        """U and V_i here and after each further step."""
        step_by_step(self, history)

    def snapshot(self) -> tuple[torch.Tensor, ...]:
        """A copy of what :meth:`restore` needs to come back here."""
        return self._u.clone(), self._v.clone()

    def restore(self, snapshot: tuple[torch.Tensor, ...]) -> None:
        """Go back to a snapshot of the same runs."""
        self._u.copy_(snapshot[0])
        self._v.copy_(snapshot[1])

    def select(self, indices: torch.Tensor) -> None:
        """Keep these runs."""
        self._problem = self._problem.select(indices.tolist())
        self._scaled_gram, self._labels = self._scaled_gram[indices], self._labels[indices]
        self._u, self._v = self._u[indices], self._v[indices]
        self._allocate()

    def state(self) -> TrainingState:
        """Projections, preactivations and the Gram matrix they imply."""
        u, v = (wide[..., : self._setting.width].clone() for wide in (self._u, self._v))
        return TrainingState(u, v, torch.as_tensor(self._problem.weight_gram_at(as_array(v))))

    def _margins(self) -> torch.Tensor:
        """Clean and attacked margins. shape: (2, runs, N)"""
        return self._noise_margins + (self._current_gains() * self._signal)[:, :, None]

    def _current_gains(self) -> torch.Tensor:
        """Factors of U in the clean and the attacked margins. shape: (2, 1) or (2, runs)"""
        return self._gains_at(self._signal)

    def _gains_at(self, signal: torch.Tensor) -> torch.Tensor:
        """The same factors at a signal of any length. shape: (2, 1) or (2, length)"""
        if self._adversary is AdversaryName.TRANSFER:
            return self._gains
        attacked = attacked_signal_gain(self._setting, signal)
        return torch.stack([self._gains[0].expand_as(attacked), attacked])


def padded(neurons: torch.Tensor) -> torch.Tensor:
    """With zeros up to a multiple of NEURON_BLOCK in the last axis, the neurons'."""
    return torch.nn.functional.pad(neurons, (0, -neurons.shape[-1] % NEURON_BLOCK))


def step_by_step(engine: Engine, history: torch.Tensor) -> None:
    """Fill ``history`` with U and the V_i side by side, taking a step between rows. shape: (rows, runs, 1 + N)"""
    for row, margins in enumerate(history):
        if row:
            engine.update()
        margins[:, 0], margins[:, 1:] = engine.evaluate()


def attacked_signal_gain(setting: PatchSetting, signal: torch.Tensor) -> torch.Tensor:
    """phi_q(α - δ sgn U), the factor of U in a margin under the worst shift in span(w*) (theory.md 2.2.1).

    ``signal``: U, any shape; the result has the same shape.
    """
    widened = ((2.0 - setting.attacked_signal_fraction) * setting.signal_strength) ** setting.degree
    return torch.where(signal >= 0, signal.new_tensor(setting.attacked_gain), signal.new_tensor(widened))


def _logistic(values: torch.Tensor) -> torch.Tensor:
    """1/(1 + e^-x), in place where it can be; the same for an element wherever it stands.

    On the CPU torch computes the last few elements of a tensor by another formula than the rest, so that a run
    would depend, in its last bit, on its place in the batch; numpy does not.
    """
    if values.device.type != "cpu":
        return values.sigmoid_()
    array = values.numpy()
    np.negative(array, out=array)
    with np.errstate(over="ignore"):
        np.exp(array, out=array)
    array += 1.0
    np.reciprocal(array, out=array)
    return values


def _power(base: torch.Tensor, exponent: int, out: torch.Tensor) -> torch.Tensor:
    """|base|^exponent into ``out``, by multiplications; exponent >= 1."""
    if exponent == 1:
        return torch.abs(base, out=out)
    torch.mul(base, base, out=out)
    if exponent == 2:
        return out
    squares = out.clone()
    for _ in range(exponent // 2 - 1):
        out.mul_(squares)
    return out.mul_(base.abs()) if exponent % 2 else out
