"""Side by side: batched subspace descent against the dense engine, and the gradient flow against d.

`python benchmarks/engines.py [--out results/benchmark_engines.json]` prints two tables and writes their numbers.
Both sides of a ratio run in turn in this process; medians over the repetitions are shown. Times depend on the
machine and on what else it does: read the ratios.
"""

import argparse
import json
import platform
import resource
import statistics
import sys
import time

import torch

from cgro_theory.atomic_file import atomic_write
from cgro_theory.setting import PatchSetting
from cgro_theory.setting.adversary import AdversaryName
from cgro_theory.setting.patch_data import draw_dense_problem
from cgro_theory.theorems.theorem_1_feature_learning.evidence import group_horizon
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
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    print(f"peak memory of this process, dense side included: {memory:.0f} MiB")
    document = {
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "descent": descent,
        "flow": flow,
        "peak_memory_mib": memory,
    }
    if options.out:
        with atomic_write(options.out) as stream:
            stream.write(json.dumps(document, indent=1).encode() + b"\n")


if __name__ == "__main__":
    main()
