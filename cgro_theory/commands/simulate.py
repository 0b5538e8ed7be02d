"""``cgro simulate``: trajectories of adversarial training, as ``cgro-trajectories/1`` JSON."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from cgro_theory.atomic_file import atomic_write, require_writable
from cgro_theory.claims import ExitCode
from cgro_theory.commands.console import progress_reporter
from cgro_theory.commands.environment import resolve_device
from cgro_theory.errors import InvalidInput, require_choice, require_integer
from cgro_theory.setting.adversary import AdversaryName
from cgro_theory.setting.fresh_points import sampled_l2_test_error
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw, Probability, error_at_margin
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.setting.patch_data import draw_dense_problem
from cgro_theory.theorems.theorem_1_feature_learning.draws import group_horizon
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem
from cgro_theory.trainer.trajectories import Trajectories

SCHEMA = "cgro-trajectories/1"
INTERVAL_FAILURE = 1e-3
"""Each interval of a test error misses with at most this probability."""


@dataclass(frozen=True)
class SimulateRequest:
    """What ``cgro simulate`` was asked for; see its options."""

    setting: PatchSetting
    learning_rate: float
    steps: int
    method: str
    horizon: float | None
    tolerance: float
    runs: int
    seed: int
    engine: str
    adversary: str
    device: str = "auto"
    dtype: str = "float64"
    json_path: str | None = None
    npz_path: str | None = None
    quiet: bool = False


def run_simulate(request: SimulateRequest) -> ExitCode:
    """Train, then write the JSON document to the asked file or standard output (``-``)."""
    require_integer("runs", request.runs, 1)
    require_integer("seed", request.seed, 0)
    require_choice("engine", request.engine, ("subspace", "dense"))
    require_choice("adversary", request.adversary, AdversaryName)
    require_choice("method", request.method, ("descent", "flow"))
    if request.method == "flow" and (request.engine == "dense" or not request.setting.reduces):
        raise InvalidInput("method", request.method, "descent for the dense engine and for d below 1 + n + m")
    if request.method == "flow" and request.dtype != "float64":
        raise InvalidInput("dtype", request.dtype, "float64 for the gradient flow")
    for path in (request.json_path, request.npz_path):
        if path not in (None, "-"):
            require_writable(str(path))
    device = resolve_device(request.device)
    setting, seeds = request.setting, tuple(range(request.seed, request.seed + request.runs))
    dense = request.engine == "dense" or not setting.reduces
    if dense and request.engine == "subspace":
        low = 1 + setting.num_noise + setting.width
        print(
            f"note: d = {setting.patch_dimension} is below 1 + n + m = {low}: training in full (dense engine)",
            file=sys.stderr,
        )
    adversary = AdversaryName(request.adversary)
    with progress_reporter(request.quiet) as progress:

        def report(fraction: float) -> None:
            progress(f"training {request.runs} runs", fraction)

        if request.method == "flow":
            reduced = draw_subspace_problem(setting, seeds)
            trajectories = integrate_flow(
                reduced,
                horizon=group_horizon(setting, reduced) if request.horizon is None else request.horizon,
                adversary=adversary,
                relative_tolerance=request.tolerance,
                progress=report,
            )
        else:
            trajectories = train(
                draw_dense_problem(setting, seeds) if dense else draw_subspace_problem(setting, seeds),
                learning_rate=request.learning_rate,
                steps=request.steps,
                adversary=adversary,
                device=device,
                dtype=request.dtype,
                progress=report,
            )
        document = trajectories_document(trajectories, request)
    if request.npz_path is not None:
        trajectories.save(request.npz_path)
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    if request.json_path in (None, "-"):
        sys.stdout.write(text)
    else:
        with atomic_write(str(request.json_path)) as stream:
            stream.write(text.encode())
    for run in trajectories.broken:
        rule = f"the rule gives --learning-rate {setting.stable_learning_rate():.3g}"
        advice = rule if trajectories.method == "descent" else "raise --tolerance"
        print(f"warning: {trajectories.why_broken(run)} ({advice})", file=sys.stderr)
    return ExitCode.INCONCLUSIVE if trajectories.broken else ExitCode.PASSED


def trajectories_document(trajectories: Trajectories, request: SimulateRequest) -> dict[str, Any]:
    """The ``cgro-trajectories/1`` document: plain JSON values, null for what was not reached."""
    setting = trajectories.setting
    parameters = setting.to_json() | {
        "method": trajectories.method,
        "learning_rate": trajectories.learning_rate,
        "relative_tolerance": trajectories.relative_tolerance,
        "dtype": trajectories.dtype,
        "steps": request.steps,
        "runs": request.runs,
        "seed": request.seed,
        "engine": trajectories.engine,
        "adversary": trajectories.adversary,
    }
    return {
        "schema": SCHEMA,
        "parameters": parameters,
        "runs": [_run_document(trajectories, run) for run in range(trajectories.runs)],
    }


def _run_document(trajectories: Trajectories, run: int) -> dict[str, Any]:
    document: dict[str, Any] = {
        "seed": trajectories.seeds[run],
        "signal_time": _or_null(trajectories.signal_time[run]),
        "memorization_times": [_or_null(time) for time in trajectories.memorization_times[run]],
        "stopped_because": trajectories.stopped_because[run],
        "final_time": _or_null(trajectories.final_time[run]),
        "final": None,
    }
    if run in trajectories.broken:
        return document | {"diverged_step": int(trajectories.diverged_step[run])}
    clean_margin = float(trajectories.final_signal_margin[run])
    attacked_margin = float(trajectories.final_attacked_signal_margin[run])
    noise = trajectories.final_noise_margins[run]
    clean, robust = _test_errors(trajectories, run, clean_margin, attacked_margin)
    document["final"] = {
        "signal": float(trajectories.final_signal[run]),
        "signal_margin": clean_margin,
        "noise_margins": noise.tolist(),
        "clean_train_error": float(np.mean(clean_margin + noise <= 0)),
        "robust_train_error": float(np.mean(trajectories.final_attacked_margins[run] <= 0)),
        "clean_test_error": clean.estimate,
        "robust_test_error": robust.estimate,
        "clean_test_error_interval": [clean.low, clean.high],
        "robust_test_error_interval": [robust.low, robust.high],
    }
    return document


def _test_errors(
    trajectories: Trajectories, run: int, clean_margin: float, attacked_margin: float
) -> tuple[Probability, Probability]:
    """Clean and robust test error: the law of V for span and transfer, PGD on fresh points for l2."""
    setting = trajectories.setting
    generator = np.random.default_rng([trajectories.seeds[run], 5])
    gram = setting.noise_std**2 * trajectories.final_weight_gram[run]
    law = NoiseMarginLaw(gram, setting.degree, setting.noise_patches)
    clean = error_at_margin(law, clean_margin, INTERVAL_FAILURE, generator=generator)
    if trajectories.adversary == AdversaryName.L2:
        return clean, sampled_l2_test_error(
            setting,
            trajectories.final_signal_projections[run],
            trajectories.final_weight_gram[run],
            INTERVAL_FAILURE,
            seed=trajectories.seeds[run],
        )
    if trajectories.adversary == AdversaryName.TRANSFER:
        attacked_margin = setting.attacked_gain * float(trajectories.final_signal[run])
    return clean, error_at_margin(law, attacked_margin, INTERVAL_FAILURE, generator=generator)


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
