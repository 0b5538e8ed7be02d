"""Full-batch gradient descent over a batch of runs, with events, checkpoints and an honest stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from cgro_theory.errors import InvalidInput, require_finite, require_integer
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.patch_data import DenseProblem
from cgro_theory.trainer.chunks import in_chunks, runs_that_fit
from cgro_theory.trainer.compiled_descent import subspace_engine
from cgro_theory.trainer.divergence import lost_rows
from cgro_theory.trainer.engines import DenseEngine, Engine
from cgro_theory.trainer.recorder import Recorder
from cgro_theory.trainer.reduction import SubspaceProblem, written_out
from cgro_theory.trainer.threads import one_thread
from cgro_theory.trainer.trajectories import Trajectories, as_array, join_trajectories

Progress = Callable[[float], None]
"""Called now and then with the fraction done, in [0, 1]."""

DTYPES = {"float64": torch.float64, "float32": torch.float32}
BLOCK = 64
"""Steps whose margins are examined together."""


def train(
    problem: SubspaceProblem | DenseProblem,
    *,
    learning_rate: float,
    steps: int,
    adversary: AdversaryName = AdversaryName.TRANSFER,
    stop_when_memorized: bool = True,
    num_checkpoints: int = 100,
    device: str = "cpu",
    dtype: str = "float64",
    chunk: int | None = None,
    progress: Progress | None = None,
) -> Trajectories:
    """Train every run of ``problem`` by gradient descent and record it.

    A :class:`DenseProblem` is trained by autograd on explicit weights; a :class:`SubspaceProblem` by the exact
    recursions, or under ``l2`` by autograd in its 1 + n + m coordinates, which is the same problem.

    Args:
        problem: the drawn data and initial weights.
        learning_rate: η > 0.
        steps: horizon, >= 1; a run stops there at the latest.
        adversary: what training faces.
        stop_when_memorized: end a run at the first step at which every V_i has reached 1.
        num_checkpoints: how many log-spaced records to keep, >= 2.
        device: torch device of the arithmetic; the random draws were made on the CPU.
        dtype: of the arithmetic, ``float64`` or (recursions only) ``float32``; docs/measured.md states the error
            of the latter. Draws are made, and everything is recorded, in float64.
        chunk: how many runs are trained together (recursions only); None: as many as fit, and fewer when a GPU
            runs out of memory. A run's numbers do not depend on it.
        progress: called with the fraction of steps done.

    Raises:
        InvalidInput: an argument outside its domain.

    A run whose step leaps over the loss, or that leaves the finite numbers, ends as ``diverged`` with that step
    (see :func:`~cgro_theory.trainer.divergence.lost_rows`); the others go on.

    The recursions compute on one thread, whatever OMP_NUM_THREADS says: where other work runs, a second one makes
    their short operations several times slower.
    """
    rate = require_finite("learning_rate", learning_rate, "a finite number > 0")
    if rate <= 0:
        raise InvalidInput("learning_rate", rate, "a finite number > 0")
    require_integer("steps", steps, 1)
    require_integer("num_checkpoints", num_checkpoints, 2)
    if dtype not in DTYPES:
        raise InvalidInput("dtype", dtype, "float64 or float32")
    if not isinstance(problem, SubspaceProblem) or adversary is AdversaryName.L2:
        if dtype != "float64":
            raise InvalidInput("dtype", dtype, "float64 for the dense engine and the l2 adversary")
        dense = written_out(problem) if isinstance(problem, SubspaceProblem) else problem
        engine = DenseEngine(to_device(dense, device), rate, adversary)
        recorder = Recorder(problem, rate, steps, num_checkpoints, engine.state().preactivations)
        lost = partial(lost_rows, problem.setting, adversary)
        _descend(engine, recorder, lost, steps, stop_when_memorized, progress)
        name = "subspace" if isinstance(problem, SubspaceProblem) else "dense"
        return recorder.finish(engine=name, adversary=adversary.value, noise_gram=as_array(dense.gram))
    whole, runs = problem, len(problem.seeds)
    if chunk is None:
        chunk = runs_that_fit(problem.setting, device, DTYPES[dtype], BLOCK + 1)
    require_integer("chunk", chunk, 1)

    @one_thread()
    def train_some(some: range) -> Trajectories:
        part = whole.select(some) if len(some) < runs else whole

        def report(fraction: float) -> None:
            if progress is not None:
                progress((some.start + fraction * len(some)) / runs)

        engine = subspace_engine(part, rate, adversary, device=device, dtype=DTYPES[dtype])
        recorder = Recorder(part, rate, steps, num_checkpoints, engine.state().preactivations)
        lost = partial(lost_rows, whole.setting, adversary)
        _descend(engine, recorder, lost, steps, stop_when_memorized, report)
        return recorder.finish(engine="subspace", adversary=adversary.value, noise_gram=part.gram)

    return join_trajectories(in_chunks(runs, chunk, train_some))


def to_device(problem: DenseProblem, device: str) -> DenseProblem:
    """A drawn problem with its tensors on ``device``."""
    if device == "cpu":
        return problem
    names = ("feature", "labels", "signal_position", "noise", "weights")
    moved: dict[str, Any] = {name: getattr(problem, name).to(device) for name in names}
    return replace(problem, **moved)


def _descend(
    engine: Engine,
    recorder: Recorder,
    lost: Callable[[torch.Tensor], torch.Tensor],
    steps: int,
    stop_when_memorized: bool,
    progress: Progress | None,
) -> None:
    """Advance in blocks: margins of a block's steps are kept and examined together, without a check per step.

    When a run ends inside a block, the block is replayed from its start to that very step, so that a run's
    end and its final state do not depend on the blocks or on the other runs.
    """
    step = 0
    while recorder.runs_alive:
        if recorder.is_checkpoint(step):
            signal, noise_margins = engine.evaluate()
            recorder.checkpoint(step, engine, signal, noise_margins)
        block = min(BLOCK, recorder.next_checkpoint(step) - step) if step < steps else 0
        start = engine.snapshot()
        history = recorder.new_history(block + 1)
        engine.advance(history)
        ended = recorder.scan(step, history, lost(history), stop_when_memorized, is_last=step + block == steps)
        if ended is None:
            step += block
        else:
            engine.restore(start)
            engine.advance(history[: ended.row + 1])
            step += ended.row
            signal, noise_margins = engine.evaluate()
            recorder.end_runs(step, ended, engine, signal, noise_margins)
            engine.select(ended.others)
        if progress is not None:
            progress(max(step / steps, recorder.fraction_ended))
    if progress is not None:
        progress(1.0)
