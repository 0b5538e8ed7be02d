"""Side by side: batched subspace descent against the dense engine and the memory's bandwidth, flow against d.

`python benchmarks/engines.py [--device cuda] [--out results/benchmark_engines.json]` prints the tables and writes
their numbers. Both sides of a ratio run in turn in this process; medians over the repetitions are shown. Times
depend on the machine and on what else it does: read the ratios.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from cgro_theory.atomic_file import atomic_write
from cgro_theory.setting import PatchSetting
from cgro_theory.setting.adversary import AdversaryName
from cgro_theory.setting.patch_data import draw_dense_problem
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import group_horizon
from cgro_theory.trainer.descent import to_device, train
from cgro_theory.trainer.engines import DenseEngine, SubspaceEngine
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem

BATCH = 256


def seconds_per_run_step(engine, runs, steps):
    engine.evaluate()
    engine.update()
    started = time.perf_counter()
    for _ in range(steps):
        engine.evaluate()
        engine.update()
    return (time.perf_counter() - started) / (steps * runs)


def descent_row(dimension, repetitions):
    setting = PatchSetting.version_1(dimension)
    rate = setting.stable_learning_rate()
    dense = DenseEngine(draw_dense_problem(setting, (0,)), rate, AdversaryName.TRANSFER)
    subspace = SubspaceEngine(draw_subspace_problem(setting, tuple(range(BATCH))), rate, AdversaryName.TRANSFER)
    dense_steps = max(2, 2 * 10**6 // dimension)
    pairs = [
        (seconds_per_run_step(dense, 1, dense_steps), seconds_per_run_step(subspace, BATCH, 200))
        for _ in range(repetitions)
    ]
    return {
        "dimension": dimension,
        "dense_seconds_per_run_step": statistics.median(pair[0] for pair in pairs),
        "subspace_seconds_per_run_step": statistics.median(pair[1] for pair in pairs),
        "ratio": statistics.median(pair[0] / pair[1] for pair in pairs),
    }


def bandwidth_row(device, dtype, runs, steps):
    """Run-steps per second, and the bytes they must move over what a plain copy moves in that time."""
    setting = PatchSetting.version_1(10**4)
    problem = draw_subspace_problem(setting, tuple(range(64)))
    problem = to_device(problem.select(torch.arange(runs) % 64), device, dtype)
    engine = SubspaceEngine(problem, setting.stable_learning_rate(), AdversaryName.TRANSFER)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    seconds_per_run_step(engine, runs, 3)
    wait()
    started = time.perf_counter()
    for _ in range(steps):
        engine.evaluate()
        engine.update()
    wait()
    rate = runs * steps / (time.perf_counter() - started)
    size = torch.finfo(dtype).bits // 8
    # Each step reads and writes every projection once and reads the Gram matrix once; more is the engine's own.
    moved = size * (2 * (setting.num_noise + 1) * setting.width + setting.num_noise**2)
    return {
        "device": device,
        "dtype": str(dtype).removeprefix("torch."),
        "runs": runs,
        "run_steps_per_second": rate,
        "bytes_per_run_step": moved,
        "share_of_copy_bandwidth": rate * moved / copy_bandwidth(device),
    }


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


def precision_row(runs):
    """How far float32 runs end from the float64 runs of the same draws, at d = 10^4."""
    setting = PatchSetting.version_1(10**4)
    problem = draw_subspace_problem(setting, tuple(range(runs)))
    rate = setting.stable_learning_rate()
    options = {"learning_rate": rate, "steps": int(group_horizon(setting, problem) / rate)}
    double, single = train(problem, **options), train(problem, **options, dtype="float32")
    return {
        "runs": runs,
        "largest_relative_error": {
            name: float(np.abs(getattr(single, name) / getattr(double, name) - 1).max())
            for name in ("signal_time", "memorization_times", "final_signal")
        },
    }


def flow_memory(dimension):
    """Peak memory in MiB of a new process that integrates one flow, and of one that only imports what it needs."""
    peaks = []
    for call in ("", f"flow_row({dimension}, 1);"):
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r});"
            f"from engines import flow_row, peak_memory; {call} print(peak_memory())"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        peaks.append(float(done.stdout))
    return {"imports_only_mib": peaks[0], "flow_mib": peaks[1]}


def peak_memory():
    """Of this process, in MiB. On Linux getrusage would report the parent's peak when that is larger."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(entry for entry in status.read_text().splitlines() if entry.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def flow_row(dimension, seeds):
    setting = PatchSetting.version_1(dimension)
    seconds = []
    for seed in range(seeds):
        problem = draw_subspace_problem(setting, (seed,))
        horizon = group_horizon(setting, problem)
        started = time.perf_counter()
        runs = integrate_flow(problem, horizon=horizon)
        seconds.append(time.perf_counter() - started)
        assert runs.stopped_because == ("memorized",)
    return {"dimension": dimension, "seconds": statistics.median(seconds), "seeds": seeds}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default=None)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    print(
        f"descent, one run-step, N = 20, P = 2, m = 24, float64, batch {BATCH}, {torch.get_num_threads()} threads"
    )
    descent = []
    for dimension in (10**3, 10**4, 10**5, 10**6):
        row = descent_row(dimension, options.repetitions)
        descent.append(row)
        print(
            f"  d = {dimension:>9,}  dense {row['dense_seconds_per_run_step'] * 1e6:>12.1f} us"
            f"  subspace {row['subspace_seconds_per_run_step'] * 1e6:>6.2f} us  ratio {row['ratio']:>10,.0f}"
        )
    torch.set_num_threads(1)
    print(f"gradient flow to full memorization, one thread, median of {options.seeds} seeds")
    flow = []
    for dimension in (10**4, 10**6, 10**9, 10**12, 10**15):
        row = flow_row(dimension, options.seeds)
        flow.append(row)
        print(f"  d = {dimension:.0e}  {row['seconds']:.2f} s")
    print(f"  time at 1e15 over time at 1e4: {flow[-1]['seconds'] / flow[0]['seconds']:.1f}")
    memory = flow_memory(10**15)
    print(
        f"peak memory of a process that integrates one flow at d = 1e15: {memory['flow_mib']:.0f} MiB,"
        f" of which imports {memory['imports_only_mib']:.0f} MiB"
    )
    print(f"bandwidth, N = 20, P = 2, m = 24, {options.device}")
    bandwidth = []
    for dtype in (torch.float64, torch.float32):
        for runs in (256, 4096) if options.device == "cpu" else (4096, 65536):
            row = bandwidth_row(options.device, dtype, runs, 100)
            bandwidth.append(row)
            print(
                f"  {row['dtype']}  {runs:>6,} runs  {row['run_steps_per_second']:.3g} run-steps/s"
                f"  {100 * row['share_of_copy_bandwidth']:.0f} % of copy bandwidth"
            )
    precision = precision_row(64)
    print(f"largest relative error of float32 against float64 over {precision['runs']} runs at d = 1e4")
    for name, error in precision["largest_relative_error"].items():
        print(f"  {name:<20} {error:.1e}")
    document = {
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "descent": descent,
        "flow": flow,
        "flow_memory": memory,
        "bandwidth": bandwidth,
        "float32": precision,
    }
    if options.out:
        with atomic_write(options.out) as stream:
            stream.write(json.dumps(document, indent=1).encode() + b"\n")


if __name__ == "__main__":
    main()
