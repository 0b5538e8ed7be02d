"""Side by side: batched subspace descent against the dense engine and the memory's bandwidth, flow against d.

    python benchmarks/engines.py [--quick]

Both sides of a ratio run in turn in this process; medians over the repetitions are shown. Times depend on the
machine and on what else it does: read the ratios. Where a CUDA GPU is at hand the bandwidth is measured there too.
"""

import itertools
import math
import resource
import statistics
import time
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from measure import Row, command_output, in_turn, median_ratio, run_part, seconds

from cgro_theory.setting import PatchSetting
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.patch_data import draw_dense_problem
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import group_horizon
from cgro_theory.trainer.compiled_descent import subspace_engine
from cgro_theory.trainer.compiled_flow import is_compiled
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.engines import DenseEngine, SubspaceEngine
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem
from cgro_theory.trainer.threads import one_thread

BATCH = 256


def seconds_per_run_step(engine, runs, steps):
    engine.evaluate()
    engine.update()

    def step():
        for _ in range(steps):
            engine.evaluate()
            engine.update()

    return seconds(step) / (steps * runs)


def seconds_of_many_steps(engine, steps=64):
    """Per run-step, from a block of steps of BATCH runs at once, as training takes them."""
    history = engine.evaluate()[0].new_empty(steps + 1, BATCH, 1 + engine.evaluate()[1].shape[1])
    engine.advance(history)
    return seconds(lambda: engine.advance(history)) / (steps * BATCH)


def descent_rows(quick):
    asked = {10**3: None, 10**4: 6000.0, 10**5: None, 10**6: 50_000.0}
    for dimension in (10**4,) if quick else asked:
        setting = PatchSetting.version_1(dimension)
        rate = setting.stable_learning_rate()
        dense = DenseEngine(draw_dense_problem(setting, (0,)), rate, AdversaryName.TRANSFER)
        problem = draw_subspace_problem(setting, tuple(range(BATCH)))
        kinds = {"batched": subspace_engine, "torch": SubspaceEngine}
        engines = {name: kind(problem, rate, AdversaryName.TRANSFER) for name, kind in kinds.items()}
        steps = max(2, 2 * 10**6 // dimension)
        sides = {
            "dense": lambda dense=dense, steps=steps: seconds_per_run_step(dense, 1, steps),
            **{name: partial(seconds_of_many_steps, engine) for name, engine in engines.items()},
        }
        with one_thread():
            found = in_turn(sides, 3 if quick else 7)
        if dimension == 10**4:
            value = 1e6 * statistics.median(found["batched"])
            yield Row(f"batched descent per run-step, {BATCH} runs, d = 10,000", value, "µs", 0.35)
            ratio = median_ratio(found["torch"], found["batched"])
            yield Row("descent of torch's calls over batched descent, per run-step", ratio, "times")
        yield Row(
            f"dense engine over batched descent, per run-step, d = {dimension:,}",
            median_ratio(found["dense"], found["batched"]),
            "times",
            asked[dimension],
            at_least=True,
            note=f"{1e6 * statistics.median(found['dense']):.0f} µs",
        )


def trained_seconds_per_run_step():
    """Processor time per run-step of a descent with its records, however many threads it is given."""
    setting = PatchSetting.version_1(10**4)
    problem = draw_subspace_problem(setting, tuple(range(BATCH)))
    rate, steps = setting.stable_learning_rate(), 200
    train(problem, learning_rate=rate, steps=20, stop_when_memorized=False)
    taken = seconds(lambda: train(problem, learning_rate=rate, steps=steps, stop_when_memorized=False))
    return taken / (steps * BATCH)


def bandwidth_row(device, dtype, runs, steps):
    """Run-steps per second, and the bytes they must move over what a plain copy moves in that time."""
    setting = PatchSetting.version_1(10**4)
    problem = draw_subspace_problem(setting, tuple(range(64)))
    problem = problem.select([run % 64 for run in range(runs)])
    rate = setting.stable_learning_rate()
    engine = SubspaceEngine(problem, rate, AdversaryName.TRANSFER, device=device, dtype=dtype)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    with one_thread():
        seconds_per_run_step(engine, runs, 3)
        wait()
        started = time.perf_counter()
        for _ in range(steps):
            engine.evaluate()
            engine.update()
        wait()
        speed = runs * steps / (time.perf_counter() - started)
    size = torch.finfo(dtype).bits // 8
    # Each step reads and writes every projection once and reads the Gram matrix once; more is the engine's own.
    moved = size * (2 * (setting.num_noise + 1) * setting.width + setting.num_noise**2)
    what = f"share of a plain copy's bandwidth, {device}, {str(dtype).removeprefix('torch.')}, {runs:,} runs"
    share = 100.0 * speed * moved / copy_bandwidth(device)
    limit = 25.0 if device == "cuda" else None
    return Row(what, share, "%", limit, at_least=True, note=f"{speed:.3g} run-steps/s")


def copy_bandwidth(device, mebibytes=256):
    """Bytes read and written per second by a copy that no cache holds."""
    source = torch.ones(mebibytes * 2**17, dtype=torch.float64, device=device)
    target = torch.empty_like(source)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    best = 0.0
    for _ in range(5):
        wait()
        started = time.perf_counter()
        target.copy_(source)
        wait()
        best = max(best, 2 * source.numel() * 8 / (time.perf_counter() - started))
    return best


def precision_rows(runs):
    """How far float32 runs end from the float64 runs of the same draws, at d = 10^4."""
    setting = PatchSetting.version_1(10**4)
    problem = draw_subspace_problem(setting, tuple(range(runs)))
    rate = setting.stable_learning_rate()
    options = {"learning_rate": rate, "steps": int(group_horizon(setting, problem) / rate)}
    double, single = train(problem, **options), train(problem, **options, dtype="float32")
    for name in ("signal_time", "memorization_times", "final_signal"):
        error = float(np.abs(getattr(single, name) / getattr(double, name) - 1).max())
        yield Row(f"float32 against float64 descent, {runs} runs, largest relative error, {name}", error, "")


def memory_rows():
    """Peak memory of a new process that integrates one flow, and of one that only imports what it needs."""
    peaks = []
    for call in ("", "flow_seconds(10**15, 0);"):
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r});"
            f"from engines import flow_seconds, peak_memory; {call} print(peak_memory())"
        )
        peaks.append(float(command_output(["-c", code])))
    note = f"of which imports {peaks[0]:.0f}"
    yield Row("peak memory of a process that integrates one flow, d = 10^15", peaks[1], "MiB", 477.0, note=note)


def peak_memory():
    """Of this process, in MiB. On Linux getrusage would report the parent's peak when that is larger."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(entry for entry in status.read_text().splitlines() if entry.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def flow_seconds(dimension, seed):
    """Processor seconds of one flow to full memorization."""
    setting = PatchSetting.version_1(dimension)
    problem = draw_subspace_problem(setting, (seed,))
    horizon = group_horizon(setting, problem)
    started = time.process_time()
    runs = integrate_flow(problem, horizon=horizon)
    taken = time.process_time() - started
    assert runs.stopped_because == ("memorized",)
    return taken


def flow_rows(quick):
    """With numba, where it is installed, and without: time at d = 10^15, and over that at 10^4."""
    kinds = {"with numba": is_compiled(), "without numba": False}
    for name, compiled in kinds.items():
        if compiled != (name == "with numba"):
            yield Row(
                f"gradient flow to full memorization, d = 10^15, {name}, CPU", math.nan, "s", note="not installed"
            )
            continue
        with mock.patch("cgro_theory.trainer.compiled_flow.is_compiled", lambda compiled=compiled: compiled):
            flow_seconds(10**4, 0)
            found = {10**4: [], 10**15: []}
            for seed in range(3 if quick else 20):
                for dimension, taken in found.items():
                    taken.append(flow_seconds(dimension, seed))
        value, limit = statistics.median(found[10**15]), 0.15 if compiled else 0.3
        yield Row(f"gradient flow to full memorization, d = 10^15, {name}, CPU", value, "s", limit)
        ratio = median_ratio(found[10**15], found[10**4])
        yield Row(f"its time over that at d = 10^4, {name}", ratio, "times", 3.0)


def event_rows(quick):
    """Times of the flow's events at its usual tolerance beside those at 1e-12."""
    errors = {"signal_time": 0.0, "memorization_times": 0.0}
    seeds = range(887010, 887011 if quick else 887016)
    for degree, dimension, seed in itertools.product((2, 3, 4), (10**4, 10**9, 10**15), seeds):
        setting = PatchSetting.version_1(dimension, degree=degree)
        problem = draw_subspace_problem(setting, (seed,))
        horizon = group_horizon(setting, problem)
        usual, fine = (
            integrate_flow(problem, horizon=horizon, num_checkpoints=2, **given)
            for given in ({}, {"relative_tolerance": 1e-12})
        )
        for name, error in errors.items():
            errors[name] = max(error, float(np.nanmax(np.abs(getattr(usual, name) / getattr(fine, name) - 1.0))))
    for name, error in errors.items():
        what = name.replace("_", " ").removesuffix("s")
        yield Row(f"largest relative error of a {what} of the flow, against 1e-12", error, "", 1e-8)


def rows(quick):
    yield from descent_rows(quick)
    yield from flow_rows(quick)
    yield from event_rows(quick)
    yield from memory_rows()
    if quick:
        return
    devices = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    for device, dtype in itertools.product(devices, (torch.float64, torch.float32)):
        for runs in (256, 4096) if device == "cpu" else (4096, 65536):
            yield bandwidth_row(device, dtype, runs, 100)
    yield from precision_rows(64)


if __name__ == "__main__":
    run_part(__doc__, rows)
