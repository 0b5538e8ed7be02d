"""The fresh-point law of trained weights, read from a file: weights W, or trajectories of ``cgro simulate --npz``.

Nothing in such a file is ever executed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgro_theory.array_archive import read_arrays
from cgro_theory.atomic_file import read_whole
from cgro_theory.calculator.fresh_point import FreshPointLaw
from cgro_theory.errors import InvalidFile, InvalidInput, require_finite, require_integer
from cgro_theory.setting.parameters import PatchSetting

Array = NDArray[np.float64]
TRAJECTORY_SCHEMA = "cgro-trajectory-arrays/1"


@dataclass(frozen=True)
class WeightScales:
    """What a bare weight matrix does not say: α > 0, σ > 0, κ in [-1, 1], q and J."""

    signal_strength: float
    noise_std: float
    attacked_signal_fraction: float
    degree: int = 3
    noise_patches: int = 1


def law_of_weights(weights: Array, feature: Array, scales: WeightScales) -> FreshPointLaw:
    """The law for weights W, shape (m, d), and the feature w*, shape (d,), of unit norm."""
    if weights.ndim != 2 or feature.shape != weights.shape[1:]:
        raise InvalidInput("shapes of weights and feature", (weights.shape, feature.shape), "(m, d) and (d,)")
    for name, array in (("weights", weights), ("feature", feature)):
        wrong = np.argwhere(~np.isfinite(array))
        if len(wrong):
            place = f"{name}[{', '.join(map(str, wrong[0]))}]"
            raise InvalidInput(place, float(array[tuple(wrong[0])]), "finite")
    if abs(float(feature @ feature) - 1.0) > 1e-8:
        raise InvalidInput("norm of feature", float(np.linalg.norm(feature)), "1")
    alpha, sigma = (require_finite(name, getattr(scales, name)) for name in ("signal_strength", "noise_std"))
    if min(alpha, sigma) <= 0.0:
        raise InvalidInput("signal_strength and noise_std", (alpha, sigma), "> 0")
    degree = require_integer("degree", scales.degree, 2, 9)
    fraction, patches = scales.attacked_signal_fraction, scales.noise_patches
    with np.errstate(all="ignore"):  # what leaves the floats is refused below, by the law
        projections = weights @ feature
        rest = weights - projections[:, None] * feature
        covariance = rest @ rest.T * sigma**2
        signal = float((np.sign(projections) * np.abs(projections * alpha) ** degree).sum())
        return FreshPointLaw(signal, fraction, ((covariance + covariance.T) / 2.0).tolist(), degree, patches)


def load_law(path: str | Path, run: int = 0, scales: WeightScales | None = None) -> FreshPointLaw:
    """The law at the end of run ``run`` of a trajectory file; or of its ``weights`` and ``feature`` (first axis by
    default), for which ``scales`` is needed.

    Raises :class:`InvalidFile` for a file that is neither.
    """
    content = read_whole(path)
    if content.startswith(np.lib.format.MAGIC_PREFIX):
        raise InvalidFile(path, "a single array (npy): an npz with 'weights' is needed, see numpy.savez")
    try:
        wanted = ("header", "weights", "feature", "final_weight_gram", "final_signal")
        arrays: dict[str, Any] = read_arrays(content, wanted)
    except ValueError as error:
        raise InvalidFile(path, f"not an npz file of numbers: {error}") from error
    _check_real(path, arrays)
    if "weights" in arrays:
        if scales is None:
            raise InvalidInput("--signal-strength and --noise-std", None, "given with a file of weights")
        weights = np.asarray(arrays["weights"], dtype=float)
        if weights.ndim != 2 or not weights.size:
            raise InvalidFile(path, f"weights of shape {weights.shape}, not (m, d)")
        basis = np.eye(1, weights.shape[1])[0]
        return law_of_weights(weights, np.asarray(arrays.get("feature", basis), dtype=float), scales)
    if not {"header", "final_weight_gram", "final_signal"} <= arrays.keys():
        raise InvalidFile(path, "holds neither 'weights' nor trajectories of `cgro simulate --npz`")
    return _law_of_run(path, arrays, run)


def _check_real(path: str | Path, arrays: dict[str, Any]) -> None:
    """Refuse text, complex numbers and the like: all that a cast to float would misread."""
    for name, array in arrays.items():
        if name != "header" and array.dtype.kind not in "fiu":
            raise InvalidFile(path, f"{name} holds {array.dtype}, not real numbers")


def _law_of_run(path: str | Path, arrays: dict[str, Any], run: int) -> FreshPointLaw:
    try:
        header = json.loads(str(arrays["header"]))
        if header["schema"] != TRAJECTORY_SCHEMA:
            raise ValueError(f"schema {header['schema']!r}")
        setting = PatchSetting(**header["setting"])
        grams, signals = arrays["final_weight_gram"], arrays["final_signal"]
        if signals.ndim != 1 or grams.shape != (len(signals), setting.width, setting.width):
            raise ValueError(f"final_weight_gram of shape {grams.shape}")
        gain, variance = setting.clean_gain, setting.noise_std**2
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InvalidFile(path, f"not a {TRAJECTORY_SCHEMA} file: {error}") from error
    index = require_integer("run", run, 0, len(signals) - 1)
    with np.errstate(all="ignore"):  # what leaves the floats is refused by the law
        margin, covariance = float(gain * signals[index]), (variance * grams[index]).tolist()
    fraction, degree = setting.attacked_signal_fraction, setting.degree
    return FreshPointLaw(margin, fraction, covariance, degree, setting.noise_patches)
