"""Recorded trajectories of a batch of runs, and their file format (npz without pickle)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgro_theory.array_archive import read_arrays
from cgro_theory.atomic_file import atomic_write, read_whole
from cgro_theory.errors import InvalidFile
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.setting.parameters import PatchSetting

FILE_SCHEMA = "cgro-trajectory-arrays/1"

LEARNED_MARGIN = 1.0
"""The level that z = α^q U must reach to count as learned, and V_i as memorized (theory.md 2.4)."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Trajectories:
    """What a batch of training runs did. Times are η·step; NaN means not reached.

    Attributes:
        setting: parameters of the runs.
        engine: ``subspace`` or ``dense``.
        method: ``descent`` or ``flow``.
        adversary: ``transfer``, ``span`` or ``l2``.
        learning_rate: η; 0 for the flow.
        relative_tolerance: local error per step of the flow's integrator; 0 for descent.
        dtype: ``float64`` or ``float32``, of the arithmetic; everything recorded is float64.
        seeds: one per run.
        labels: y. shape: (runs, N)
        checkpoint_times: log-spaced, the first 0. shape: (T,)
        signal: U at the checkpoints. shape: (runs, T)
        noise_margins: V_i at the checkpoints. shape: (runs, T, N)
        objective: L(W) at the checkpoints. shape: (runs, T)
        signal_projections: u_r at the checkpoints. shape: (runs, T, m)
        weight_gram: Gram matrix of the weights orthogonal to w*, at the checkpoints. shape: (runs, T, m, m)
        signal_time: first time with α^q U >= 1. shape: (runs,)
        memorization_times: first time with V_i >= 1. shape: (runs, N)
        initial_preactivations: v_ijr(0). shape: (runs, n, m)
        noise_gram: Gram matrix of the noise patches. shape: (runs, n, n)
        final_time: when each run stopped. shape: (runs,)
        final_signal: U there. shape: (runs,)
        final_noise_margins: V_i there. shape: (runs, N)
        final_signal_projections: u_r there. shape: (runs, m)
        final_preactivations: v_ijr there. shape: (runs, n, m)
        final_weight_gram: the Gram matrix of the weights there. shape: (runs, m, m)
        final_attacked_margins: y f(X^adv) there, under the adversary of training. shape: (runs, N)
        stopped_because: per run ``memorized``, ``horizon``, ``diverged``, or ``failed`` (the flow's tolerance
            could not be met; ``final_time`` is the time reached).
        diverged_step: step at which a run diverged (``descent.train``), -1 if it did not. shape: (runs,)
    """

    setting: PatchSetting
    engine: str
    method: str
    adversary: str
    learning_rate: float
    relative_tolerance: float
    dtype: str
    seeds: tuple[int, ...]
    stopped_because: tuple[str, ...]
    labels: Array
    checkpoint_times: Array
    signal: Array
    noise_margins: Array
    objective: Array
    signal_projections: Array
    weight_gram: Array
    signal_time: Array
    memorization_times: Array
    initial_preactivations: Array
    noise_gram: Array
    final_time: Array
    final_signal: Array
    final_noise_margins: Array
    final_signal_projections: Array
    final_preactivations: Array
    final_weight_gram: Array
    final_attacked_margins: Array
    diverged_step: NDArray[np.int64]

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self.seeds)

    @property
    def signal_margin(self) -> Array:
        """z = α^q U at the checkpoints. shape: (runs, T)"""
        return self.setting.clean_gain * self.signal

    @property
    def final_signal_margin(self) -> Array:
        """z = α^q U at the end of each run. shape: (runs,)"""
        return self.setting.clean_gain * self.final_signal

    @property
    def final_attacked_signal_margin(self) -> Array:
        """z̃ at the end, under the worst shift within span(w*) (theory.md 2.2.1). shape: (runs,)"""
        return attacked_signal_margin(self.setting, self.final_signal)

    def final_noise_margin_laws(self) -> list[NoiseMarginLaw]:
        """The law of a fresh point's noise margin under every run's final weights (theory.md 2.2.4)."""
        setting, scale = self.setting, self.setting.noise_std**2
        return [
            NoiseMarginLaw(scale * gram, setting.degree, setting.noise_patches) for gram in self.final_weight_gram
        ]

    @property
    def broken(self) -> tuple[int, ...]:
        """Indices of the runs without an end: diverged, or with a tolerance that could not be met."""
        return tuple(run for run, why in enumerate(self.stopped_because) if why in ("diverged", "failed"))

    def why_broken(self, run: int) -> str:
        """One sentence on a broken run: where it stopped and what to change."""
        seed = self.seeds[run]
        if self.stopped_because[run] == "diverged":
            return f"training diverged at step {self.diverged_step[run]} (seed {seed}): lower the learning rate"
        return f"the flow stopped at time {self.final_time[run]:.6g} (seed {seed}): its tolerance cannot be met"

    def save(self, path: str | Path) -> None:
        """Write everything to an npz file, whole or not at all."""
        header = {
            "schema": FILE_SCHEMA,
            "setting": {
                name: value for name, value in self.setting.to_json().items() if name != "perturbation_radius"
            },
            "engine": self.engine,
            "method": self.method,
            "adversary": self.adversary,
            "learning_rate": self.learning_rate,
            "relative_tolerance": self.relative_tolerance,
            "dtype": self.dtype,
            "seeds": self.seeds,
            "stopped_because": self.stopped_because,
        }
        arrays = {name: getattr(self, name) for name in _ARRAY_FIELDS}
        with atomic_write(path) as stream:
            np.savez_compressed(stream, header=np.array(json.dumps(header)), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Trajectories:
        """Read what :meth:`save` wrote, executing nothing; :class:`InvalidFile` for anything else."""
        content = read_whole(path)
        try:
            found: dict[str, Any] = read_arrays(content)
            header = json.loads(str(found["header"]))
            arrays = {name: found[name] for name in _ARRAY_FIELDS}
        except (KeyError, ValueError, RecursionError) as error:
            raise InvalidFile(path, f"not a trajectory file (truncated or foreign): {error}") from error
        if not isinstance(header, dict) or header.get("schema") != FILE_SCHEMA:
            raise InvalidFile(path, f"schema must be {FILE_SCHEMA!r}")
        try:
            setting = PatchSetting(**header["setting"])
            loaded = cls(
                setting=setting,
                engine=str(header["engine"]),
                method=str(header["method"]),
                adversary=str(header["adversary"]),
                learning_rate=float(header["learning_rate"]),
                relative_tolerance=float(header["relative_tolerance"]),
                dtype=str(header.get("dtype", "float64")),
                seeds=tuple(int(seed) for seed in header["seeds"]),
                stopped_because=tuple(str(reason) for reason in header["stopped_because"]),
                **arrays,
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidFile(path, f"not a trajectory file: {error}") from error
        loaded._check_arrays(path)
        return loaded

    def _check_arrays(self, path: str | Path) -> None:
        setting, runs, checkpoints = self.setting, self.runs, self.checkpoint_times.size
        shapes = {
            "labels": (runs, setting.num_samples),
            "checkpoint_times": (checkpoints,),
            "initial_preactivations": (runs, setting.num_noise, setting.width),
            "noise_gram": (runs, setting.num_noise, setting.num_noise),
            "diverged_step": (runs,),
            **_record_shapes(setting, runs, checkpoints),
        }
        for name, shape in shapes.items():
            found = getattr(self, name)
            if found.shape != shape or found.dtype.kind not in "fiu":
                raise InvalidFile(path, f"{name} must be {shape} real numbers, got {found.shape} of {found.dtype}")
        if not runs or len(self.stopped_because) != runs:
            raise InvalidFile(path, f"not a trajectory file: {runs} seeds, {len(self.stopped_because)} ends")


def join_trajectories(parts: Sequence[Trajectories]) -> Trajectories:
    """The runs of all parts, in order; the parts share everything but their seeds."""
    first = parts[0]
    if len(parts) == 1:
        return first
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in _ARRAY_FIELDS
        if name != "checkpoint_times"
    }
    return replace(
        first,
        seeds=tuple(seed for part in parts for seed in part.seeds),
        stopped_because=tuple(reason for part in parts for reason in part.stopped_because),
        **arrays,
    )


def attacked_signal_margin(setting: PatchSetting, signal: Array) -> Array:
    """z̃ = φ_q(α - δ sgn U) U: the attacked signal margin under the worst shift within span(w*). Any shape."""
    widened = ((2.0 - setting.attacked_signal_fraction) * setting.signal_strength) ** setting.degree
    return np.where(signal >= 0, setting.attacked_gain, widened) * signal


_HEADER_FIELDS = {"setting", "engine", "method", "adversary", "learning_rate", "relative_tolerance", "seeds"}
_HEADER_FIELDS |= {"stopped_because", "dtype"}
_ARRAY_FIELDS: tuple[str, ...] = tuple(
    field.name for field in fields(Trajectories) if field.name not in _HEADER_FIELDS
)


def empty_records(setting: PatchSetting, runs: int, checkpoints: int) -> dict[str, NDArray[Any]]:
    """The arrays of :class:`Trajectories` that a trainer fills in, all NaN (``diverged_step`` all -1)."""
    shapes = _record_shapes(setting, runs, checkpoints)
    records: dict[str, NDArray[Any]] = {name: np.full(shape, np.nan) for name, shape in shapes.items()}
    records["diverged_step"] = np.full(runs, -1, dtype=np.int64)
    return records


def _record_shapes(setting: PatchSetting, runs: int, checkpoints: int) -> dict[str, tuple[int, ...]]:
    samples, width, noise = setting.num_samples, setting.width, setting.num_noise
    return {
        "signal": (runs, checkpoints),
        "noise_margins": (runs, checkpoints, samples),
        "objective": (runs, checkpoints),
        "signal_projections": (runs, checkpoints, width),
        "weight_gram": (runs, checkpoints, width, width),
        "signal_time": (runs,),
        "memorization_times": (runs, samples),
        "final_time": (runs,),
        "final_signal": (runs,),
        "final_noise_margins": (runs, samples),
        "final_signal_projections": (runs, width),
        "final_preactivations": (runs, noise, width),
        "final_weight_gram": (runs, width, width),
        "final_attacked_margins": (runs, samples),
    }


def as_array(values: Any) -> Array:
    """A torch tensor or array-like as a float64 array on the CPU."""
    detached = values.detach().cpu().numpy() if hasattr(values, "detach") else values
    return np.asarray(detached, dtype=np.float64)
