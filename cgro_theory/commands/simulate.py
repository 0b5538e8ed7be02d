"""``cgro simulate``: adversarial training, summed up, drawn, and as ``cgro-trajectories/1`` JSON."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from cgro_theory.atomic_file import atomic_write, require_outputs
from cgro_theory.claims import ExitCode
from cgro_theory.commands.console import progress_reporter, write_document
from cgro_theory.commands.simulate_plan import Plan, SimulateRequest, carry_out, plan_simulation
from cgro_theory.commands.simulate_summary import summary_text
from cgro_theory.errors import InvalidInput
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.noise_margin_law import DIRECTIONS, NoiseMarginLaw, Probability, error_at_margin
from cgro_theory.trainer.trajectories import Trajectories

SCHEMA = "cgro-trajectories/1"
INTERVAL_FAILURE = 1e-3
"""Each interval of a test error misses with at most this probability."""
FEWEST = 2
"""Records of a run that only its times and its end are asked of: neither depends on them."""


def run_simulate(request: SimulateRequest) -> ExitCode:
    """Train, then print the summary and write what was asked for; JSON on standard output (``-``) replaces it.

    What was chosen, and a learning rate above the rule, are said on standard error before training starts.
    """
    if request.npz_path == "-":
        raise InvalidInput("npz", "-", "a file: only the JSON document can go to standard output")
    require_outputs({"--json": request.json_path, "--npz": request.npz_path, "--figure": request.figure_path})
    if request.figure_path is not None and Path(request.figure_path).suffix not in (".png", ".svg"):
        raise InvalidInput("--figure", request.figure_path, "a file that ends in .png or .svg")
    plan = plan_simulation(request)
    if not request.quiet:
        print(f"note: {plan.describe()}", file=sys.stderr)
    for warning in plan.warnings():
        print(f"warning: {warning}", file=sys.stderr)
    with progress_reporter(request.quiet) as progress:

        def report(fraction: float) -> None:
            progress(f"training {request.runs} run{'s' if request.runs > 1 else ''}", fraction)

        recorded = request.npz_path is not None or request.figure_path is not None
        trajectories = carry_out(plan, num_checkpoints=100 if recorded else FEWEST, progress=report)
        document = trajectories_document(trajectories, plan)
    if request.npz_path is not None:
        trajectories.save(request.npz_path)
    if request.figure_path is not None:
        _draw(trajectories, request.figure_path)
    if request.json_path is not None:
        text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        write_document(request.json_path, text)
    if request.json_path != "-":
        write_document(None, summary_text(trajectories, document))
    rule = request.setting.stable_learning_rate()
    for run in trajectories.broken:
        advice = "raise --tolerance"
        if plan.method == "descent":
            advice = f"the rule gives --learning-rate {rule:.3g}"
            if plan.learning_rate <= rule or request.adversary == AdversaryName.L2:
                why = "; see the warning above" if plan.groundless_rule() else ""
                advice = f"the step rule does not hold here{why}"
        print(f"warning: {trajectories.why_broken(run)} ({advice})", file=sys.stderr)
    return ExitCode.INCONCLUSIVE if trajectories.broken else ExitCode.PASSED


def _draw(trajectories: Trajectories, path: str) -> None:
    from cgro_theory.commands.simulate_figure import trajectory_figure
    from cgro_theory.report.figures import render

    with atomic_write(path) as stream:
        stream.write(render(trajectory_figure(trajectories))[Path(path).suffix[1:]])


def trajectories_document(trajectories: Trajectories, plan: Plan) -> dict[str, Any]:
    """The ``cgro-trajectories/1`` document: plain JSON values, null for what was not reached."""
    setting = trajectories.setting
    parameters = setting.to_json() | {
        "method": trajectories.method,
        "learning_rate": trajectories.learning_rate,
        "relative_tolerance": trajectories.relative_tolerance,
        "dtype": trajectories.dtype,
        "steps": plan.steps,
        "horizon": plan.horizon,
        "runs": plan.request.runs,
        "seed": plan.request.seed,
        "engine": trajectories.engine,
        "adversary": trajectories.adversary,
        "scored_adversary": "l2" if trajectories.adversary == AdversaryName.L2 else "span",
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
    noise = trajectories.final_noise_margins[run]
    signal = float(trajectories.final_signal[run])
    margins = {
        "clean": float(trajectories.final_signal_margin[run]),
        "robust": float(trajectories.final_attacked_signal_margin[run]),
        "transfer": trajectories.setting.attacked_gain * signal,
    }
    train = {name: margin + noise for name, margin in margins.items()}
    test = _test_errors(trajectories, run, margins)
    if trajectories.adversary == AdversaryName.L2:
        train["robust"] = np.minimum(train["robust"], trajectories.final_attacked_margins[run])
    document["final"] = {"signal": signal, "signal_margin": margins["clean"], "noise_margins": noise.tolist()}
    for name in margins:
        document["final"] |= {
            f"{name}_train_error": float(np.mean(train[name] <= 0)),
            f"{name}_test_error": test[name].estimate,
            f"{name}_test_error_interval": [test[name].low, test[name].high],
        }
    return document


def _test_errors(trajectories: Trajectories, run: int, margins: dict[str, float]) -> dict[str, Probability]:
    """Test errors of the law of V at the signal margins of the clean point and of two attacks on it.

    ``robust`` is under the worst shift of the signal patch within span(w*), at least the clean error: all are
    averages over the same directions. ``transfer`` is under the fixed shift -δ y w*, which helps a network that
    learned -w*. Under ``l2`` the robust error is that of projected gradient descent over all patches on fresh
    points, which starts at the worst shift: at least that one's.
    """
    setting, seed = trajectories.setting, trajectories.seeds[run]
    gram = setting.noise_std**2 * trajectories.final_weight_gram[run]
    law = NoiseMarginLaw(gram, setting.degree, setting.noise_patches)
    generator = np.random.default_rng([seed, 5])
    along = law.directional_margins(DIRECTIONS, generator)
    errors = {
        name: error_at_margin(law, margin, INTERVAL_FAILURE, generator=generator, along=along)
        for name, margin in margins.items()
    }
    if trajectories.adversary == AdversaryName.L2:
        from cgro_theory.setting.fresh_points import sampled_l2_test_error

        found = sampled_l2_test_error(
            setting,
            trajectories.final_signal_projections[run],
            trajectories.final_weight_gram[run],
            INTERVAL_FAILURE,
            seed=seed,
        )
        at_least = max(found.estimate, errors["robust"].estimate)
        errors["robust"] = Probability(at_least, found.low, max(found.high, at_least))
    return errors


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
