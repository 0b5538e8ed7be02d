"""Descent's recursions as one compiled loop per run, where the extra ``fast`` (numba) is installed.

The same formulas as :class:`SubspaceEngine`, in another order of summation: equal to rounding. A run takes all the
steps of a block while its state stays in the processor's first cache; nothing it computes depends on other runs.
"""

from __future__ import annotations

import importlib

import torch

from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.trainer import compiled_flow
from cgro_theory.trainer.engines import SubspaceEngine, padded
from cgro_theory.trainer.reduction import SubspaceProblem


def subspace_engine(
    problem: SubspaceProblem,
    learning_rate: float,
    adversary: AdversaryName,
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float64,
) -> SubspaceEngine:
    """The recursions: compiled where numba is installed, in float64 on the CPU; else of torch's calls."""
    compiled = compiled_flow.is_compiled() and device == "cpu" and dtype is torch.float64
    if compiled:
        return CompiledSubspaceEngine(problem, learning_rate, adversary)
    return SubspaceEngine(problem, learning_rate, adversary, device=device, dtype=dtype)


class CompiledSubspaceEngine(SubspaceEngine):
    """A :class:`SubspaceEngine` on the CPU, in float64, whose every number comes from one compiled loop."""

    def __init__(self, problem: SubspaceProblem, learning_rate: float, adversary: AdversaryName) -> None:
        super().__init__(problem, learning_rate, adversary)
        self._u = padded(self._u)
        self._allocate()

    def evaluate(self) -> tuple[torch.Tensor, torch.Tensor]:
        """U and V_i = y_i Σ phi_q(v_ijr)."""
        history = self._labels.new_empty(1, self._labels.shape[0], 1 + self._labels.shape[1])
        self.advance(history)
        self._signal, self._noise_margins = history[0, :, 0].clone(), history[0, :, 1:].clone()
        return self._signal, self._noise_margins

    def update(self) -> None:
        """Both recursions of theory.md 2.2.2."""
        self.advance(self._labels.new_empty(2, self._labels.shape[0], 1 + self._labels.shape[1]))

    def advance(self, history: torch.Tensor) -> None:
        """U and V_i at the current weights and after each of ``len(history) - 1`` steps, into ``history``."""
        setting, runs = self._setting, len(self._labels)
        gains = self._gains_at(self._labels.new_tensor([1.0, -1.0]))
        kernel = importlib.import_module("cgro_theory.trainer.descent_kernel")
        kernel.descend(
            self._u.numpy(),
            self._v.numpy().reshape(runs, -1),
            self._scaled_gram.numpy().reshape(runs, -1),
            self._labels.numpy(),
            gains.expand(2, 2).contiguous().numpy(),
            setting.adversarial_weight,
            self._signal_step,
            setting.degree,
            self._slopes[0].numpy().reshape(-1),
            self._signal_slopes[0].numpy(),
            history.numpy(),
        )
