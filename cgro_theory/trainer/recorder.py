"""What a descent leaves behind: checkpoints, event times between steps, and the end of each run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cgro_theory.setting.patch_data import DenseProblem
from cgro_theory.trainer.engines import Engine
from cgro_theory.trainer.reduction import SubspaceProblem
from cgro_theory.trainer.trajectories import LEARNED_MARGIN, Trajectories, as_array, empty_records


def checkpoint_steps(steps: int, count: int) -> NDArray[np.int64]:
    """Step 0 and up to ``count`` steps, log-spaced to the horizon, each once. shape: (T,)"""
    spaced = np.unique(np.round(np.geomspace(1, steps, count)).astype(np.int64))
    return np.concatenate([[0], spaced])


@dataclass(frozen=True)
class EndedRuns:
    """The runs that end first inside a block: at which row, which of those alive, why, and who goes on."""

    row: int
    ended: torch.Tensor
    reasons: tuple[str, ...]
    others: torch.Tensor


class Recorder:
    """Collects what :class:`Trajectories` holds, for the runs still alive and those that ended."""

    def __init__(
        self,
        problem: SubspaceProblem | DenseProblem,
        learning_rate: float,
        steps: int,
        num_checkpoints: int,
        initial_preactivations: torch.Tensor,
    ) -> None:
        setting, runs = problem.setting, len(problem.seeds)
        self._problem, self._rate = problem, learning_rate
        self._steps = checkpoint_steps(steps, num_checkpoints)
        self._arrays = empty_records(setting, runs, self._steps.size)
        self._arrays["labels"] = as_array(problem.labels)
        self._arrays["checkpoint_times"] = self._steps * learning_rate
        self._arrays["initial_preactivations"] = as_array(initial_preactivations)
        self._stopped = [""] * runs
        self._alive = np.arange(runs)
        self._learned: torch.Tensor | None = None
        self._level = initial_preactivations.new_full((1 + setting.num_samples,), LEARNED_MARGIN)
        self._level[0] /= setting.clean_gain

    @property
    def runs_alive(self) -> int:
        """How many runs have not ended."""
        return int(self._alive.size)

    @property
    def fraction_ended(self) -> float:
        """Which part of the runs has ended."""
        return 1.0 - self._alive.size / len(self._stopped)

    def is_checkpoint(self, step: int) -> bool:
        """Whether ``step`` is one of the recorded steps."""
        return bool(self._steps[np.searchsorted(self._steps, step)] == step)

    def next_checkpoint(self, step: int) -> int:
        """The first recorded step after ``step``, which is not the last."""
        return int(self._steps[np.searchsorted(self._steps, step, side="right")])

    def new_history(self, rows: int) -> torch.Tensor:
        """Room for the margins of a block. shape: (rows, runs alive, 1 + N)"""
        return self._level.new_empty(rows, self._alive.size, self._level.numel())

    def scan(
        self, step: int, history: torch.Tensor, lost: torch.Tensor, stop_when_memorized: bool, is_last: bool
    ) -> EndedRuns | None:
        """Note every first crossing in a block that starts at ``step``; say who ends first in it, if any.

        ``history``: U and V_i, shape (rows, runs alive, 1 + N). ``lost``: where a run's margins mean nothing any
        more, shape (rows, runs alive); nothing is noted there. Crossings after the first end are left for the next
        block, which starts there.
        """
        if self._learned is None:
            self._learned = torch.zeros_like(history[0], dtype=torch.bool)
        reached = (history >= self._level) & ~self._learned & ~lost[..., None]
        if not bool(lost.any()) and not is_last and not bool(reached.any()):
            return None
        learned = (reached.to(torch.int8).cumsum(0) > 0) | self._learned
        ends = lost.clone()
        if stop_when_memorized:
            ends |= learned[:, :, 1:].all(dim=-1)
        if is_last:
            ends[-1] = True
        rows = torch.nonzero(ends.any(dim=1)).flatten()
        last = int(rows[0]) if rows.numel() else history.shape[0] - 1
        self._note_crossings(step, history[: last + 1], reached[: last + 1])
        self._learned = learned[last]
        if not rows.numel():
            return None
        chosen = ends[last]
        memorized = learned[last, chosen, 1:].all(dim=-1)
        reasons = tuple(
            "diverged" if gone else "memorized" if whole else "horizon"
            for gone, whole in zip(lost[last, chosen].tolist(), memorized.tolist(), strict=True)
        )
        others = torch.nonzero(~chosen).flatten()
        return EndedRuns(last, torch.nonzero(chosen).flatten(), reasons, others)

    def checkpoint(self, step: int, engine: Engine, signal: torch.Tensor, noise_margins: torch.Tensor) -> None:
        """Record the runs still alive."""
        index, state = int(np.searchsorted(self._steps, step)), engine.state()
        for name, value in (
            ("signal", signal),
            ("noise_margins", noise_margins),
            ("objective", engine.objective()),
            ("signal_projections", state.signal_projections),
            ("weight_gram", state.weight_gram),
        ):
            self._arrays[name][self._alive, index] = as_array(value)

    def end_runs(
        self, step: int, ended: EndedRuns, engine: Engine, signal: torch.Tensor, noise_margins: torch.Tensor
    ) -> None:
        """Record the final state of the runs that end at ``step``, and forget them."""
        originals = self._alive[ended.ended.cpu().numpy()]
        state = engine.state()
        for name, value in (
            ("final_signal", signal),
            ("final_noise_margins", noise_margins),
            ("final_signal_projections", state.signal_projections),
            ("final_preactivations", state.preactivations),
            ("final_weight_gram", state.weight_gram),
            ("final_attacked_margins", engine.attacked_margins()),
        ):
            kept = as_array(value[ended.ended])
            kept[[reason == "diverged" for reason in ended.reasons]] = np.nan
            self._arrays[name][originals] = kept
        self._arrays["final_time"][originals] = step * self._rate
        for original, reason in zip(originals, ended.reasons, strict=True):
            self._stopped[original] = reason
            if reason == "diverged":
                self._arrays["diverged_step"][original] = step
        self._alive = self._alive[ended.others.cpu().numpy()]
        if self._learned is not None:
            self._learned = self._learned[ended.others]

    def finish(self, engine: str, adversary: str, noise_gram: NDArray[np.float64]) -> Trajectories:
        """Everything recorded, as one value."""
        return Trajectories(
            setting=self._problem.setting,
            engine=engine,
            method="descent",
            adversary=adversary,
            learning_rate=self._rate,
            relative_tolerance=0.0,
            dtype=str(self._level.dtype).removeprefix("torch."),
            seeds=tuple(self._problem.seeds),
            stopped_because=tuple(self._stopped),
            noise_gram=noise_gram,
            **self._arrays,
        )

    def _note_crossings(self, step: int, history: torch.Tensor, reached: torch.Tensor) -> None:
        """Event times by linear interpolation between the two steps around each first crossing."""
        first = reached & (reached.to(torch.int8).cumsum(0) == 1)
        rows, runs, columns = (index.cpu().numpy() for index in torch.nonzero(first, as_tuple=True))
        if rows.size == 0:
            return
        values, level = as_array(history), as_array(self._level)
        after = values[rows, runs, columns]
        before = values[np.maximum(rows - 1, 0), runs, columns]
        with np.errstate(invalid="ignore", divide="ignore"):
            back = np.where(rows > 0, (after - level[columns]) / (after - before), 0.0)
        times = (step + rows - back) * self._rate
        originals = self._alive[runs]
        signal = columns == 0
        self._arrays["signal_time"][originals[signal]] = times[signal]
        self._arrays["memorization_times"][originals[~signal], columns[~signal] - 1] = times[~signal]
