"""What the sweep layer costs, and whether it survives being killed.

`python benchmarks/sweep.py overhead` does the same trainings bare and as a sweep, in turn in this process, and
prints what the sweep adds. `python benchmarks/sweep.py kills [--runs 1000] [--kills 20] [--workers 0]` kills the
whole process group of a sweep at random moments (SIGKILL), resumes it, and compares the end with an undisturbed
sweep, bit for bit; the exit code is 0 when they are equal. Times depend on the machine: read the ratios.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from measure import Row, text

from cgro_theory.atomic_file import atomic_write
from cgro_theory.commands.sweep import SweepRequest, run_sweep
from cgro_theory.commands.sweep_kinds import KINDS
from cgro_theory.parameter import Parameter
from cgro_theory.sweep.cell import make_cell
from cgro_theory.sweep.driver import Sweep
from cgro_theory.sweep.executors import InProcess
from cgro_theory.sweep.grid import load_grid
from cgro_theory.sweep.run_kind import RunKind, RunOutcome
from cgro_theory.sweep.store import Store
from cgro_theory.sweep.worker import resolve

SHORT = RunKind(
    name="short",
    version=1,
    function=f"{Path(__file__).stem}:short_run",
    parameters=(
        Parameter("seed", "integer", 0, 0, 10**9),
        Parameter("milliseconds", "number", 5.0, 0.0, 1e5, help="slept, so that kills find it at work"),
        Parameter("fails", "word", "no", words=("no", "yes", "dies")),
    ),
)


def short_run(cell):
    """A run of a few milliseconds whose result is easy to get wrong by a bit."""
    time.sleep(float(cell["milliseconds"]) / 1000)
    if cell["fails"] == "yes":
        raise ArithmeticError(f"seed {cell['seed']}\nfailed as asked")
    if cell["fails"] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    path = np.cumsum(np.random.default_rng(int(cell["seed"])).standard_normal(1000)) / 3
    return RunOutcome(({"last": float(path[-1]), "highest": float(path.max())},), {"path": path})


@dataclass(frozen=True)
class KillReport:
    """What came of killing a sweep. ``identical``: the same runs with the same bits as undisturbed."""

    runs: int
    kills: int
    killed_at: tuple[int, ...]
    identical: bool
    finished_runs_lost: int
    finished_runs_repeated: int
    claims_taken_over: int
    seconds_undisturbed: float


def work(grid, store, workers):
    """The command that is killed: `cgro sweep GRID --store STORE --workers N`, with one more kind of run."""
    request = SweepRequest(grid=Path(grid), store=Path(store), workers=int(workers), quiet=True)
    return int(run_sweep(request, KINDS | {SHORT.name: SHORT}))


def start(grid, store, workers):
    command = [sys.executable, __file__, "work", str(grid), str(store), str(workers)]
    return subprocess.Popen(command, start_new_session=True)


def contents(grid, store):
    """Everything that a store holds of the grid's finished runs, read with their checksums."""
    loaded = load_grid(grid, KINDS | {SHORT.name: SHORT})
    if not (Path(store) / "index.sqlite").exists():
        return {}
    with Store(store) as opened:
        records = opened.records()
        done = [cell for cell in loaded.cells if cell.identity in records]
        done = [cell for cell in done if records[cell.identity].state == "done"]
        return {cell.identity: (records[cell.identity], opened.read(cell)) for cell in done}


def same_outcome(left, right):
    """Bitwise: also the signs of zeros and the payloads of NaN."""
    return (
        left.rows == right.rows
        and list(left.arrays) == list(right.arrays)
        and all(
            left.arrays[name].dtype == right.arrays[name].dtype
            and left.arrays[name].tobytes() == right.arrays[name].tobytes()
            for name in left.arrays
        )
    )


def results_in(store):
    return sum(1 for _ in Path(store).glob("results/*/*.npz"))


def wait_for_results(process, store, wanted):
    while process.poll() is None and results_in(store) < wanted:
        time.sleep(0.002)


def survive(folder, grid_text, *, kills, workers=0, seed=0, progress=False):
    """Sweep once undisturbed, then once with ``kills`` kills of the process group, and compare."""
    folder = Path(folder)
    grid = folder / "grid.toml"
    grid.write_text(grid_text)
    started = time.perf_counter()
    assert start(grid, folder / "calm", workers).wait() == 0
    seconds = time.perf_counter() - started
    calm = contents(grid, folder / "calm")
    started = time.perf_counter()
    assert start(grid, folder / "calm", workers).wait() == 0  # nothing left to do: what starting costs
    startup = time.perf_counter() - started
    share = max(seconds - startup, 0.0) / (kills + 1)
    generator = np.random.default_rng(seed)
    before, killed_at, lost, repeated = {}, [], 0, 0
    for kill in range(kills):
        process = start(grid, folder / "killed", workers)
        # One kill in four anywhere from the start of the process on, the others while it works: some moment after
        # a random number of new results, so that neither depends on how fast the machine is today.
        if kill % 4 == 3:
            delay = generator.uniform(0.0, startup + share)
        else:
            new = generator.integers(1, max(2, round(1.5 * len(calm) / (kills + 1))))
            wait_for_results(process, folder / "killed", results_in(folder / "killed") + new)
            delay = generator.uniform(0.0, share * (kills + 1) / len(calm))
        try:
            process.wait(timeout=delay)
            break  # it finished before it could be killed: the report shows fewer kills
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        after = contents(grid, folder / "killed")
        killed_at.append(len(after))
        lost += sum(identity not in after for identity in before)
        repeated += sum(identity in after and after[identity][0] != before[identity][0] for identity in before)
        before = after
        if progress:
            print(f"  kill {kill + 1:>2}: {len(after):>5} of {len(calm)} runs kept")
    assert start(grid, folder / "killed", workers).wait() == 0
    end = contents(grid, folder / "killed")
    lost += sum(identity not in end for identity in before)
    repeated += sum(identity in end and end[identity][0] != before[identity][0] for identity in before)
    identical = end.keys() == calm.keys() and all(
        end[identity][0].checksum == calm[identity][0].checksum
        and same_outcome(end[identity][1], calm[identity][1])
        for identity in calm
    )
    attempts = sum(record.attempts - 1 for record, _ in end.values())
    return KillReport(len(end), len(killed_at), tuple(killed_at), identical, lost, repeated, attempts, seconds)


def grid_of(kind, runs, milliseconds):
    if kind == "short":
        fixed = f"milliseconds = {milliseconds}"
    else:
        fixed = "dimension = 500\nsamples = 4\nwidth = 6\nsteps = 60\nlearning_rate = 'auto'"
    return f'[sweep]\nkind = "{kind}"\n[fixed]\n{fixed}\n[grid]\nseed = {{from = 0, count = {runs}}}\n'


def kills_command(options):
    grid = grid_of(options.kind, options.runs, options.milliseconds)
    with tempfile.TemporaryDirectory() as folder:
        report = survive(
            folder, grid, kills=options.kills, workers=options.workers, seed=options.seed, progress=True
        )
    print(f"{report.runs} runs of kind {options.kind}, {report.kills} kills of the process group")
    print(f"  finished runs lost {report.finished_runs_lost}, repeated {report.finished_runs_repeated}")
    print(f"  claims left behind by the killed and taken over: {report.claims_taken_over}")
    print(f"  equal to the undisturbed sweep, bit for bit: {report.identical}")
    if options.out:
        save(options.out, asdict(report))
    good = report.identical and not report.finished_runs_lost and not report.finished_runs_repeated
    return 0 if good and report.runs == options.runs and report.kills == options.kills else 1


RUN_SECONDS = []


def timed_run(cell):
    """A training that notes how long it took, so that what the sweep adds is known without the machine's noise."""
    started = time.perf_counter()
    outcome = resolve(KINDS["simulate"].function)(cell)
    RUN_SECONDS.append(time.perf_counter() - started)
    return outcome


def overhead_pairs(store, kind, parameters, seeds, block):
    """Seconds per run of a block, bare and then as a sweep, and the part of the latter outside the training."""
    function = resolve(kind.function)
    inside = resolve(f"{Path(__file__).stem}:RUN_SECONDS")
    for first in seeds[::block]:
        cells = [make_cell(kind, parameters | {"seed": first + index}) for index in range(block)]
        started = time.perf_counter()
        for cell in cells:
            function(cell.parameters)
        bare = (time.perf_counter() - started) / block
        started = time.perf_counter()
        Sweep(kind, cells, store, InProcess()).run()
        swept = (time.perf_counter() - started) / block
        yield bare, swept, swept - sum(inside[-block:]) / block


def fsync_seconds(folder, repetitions=20):
    """What this disk asks for one synchronized file; a sweep pays for about seven per run."""
    times = []
    for index in range(repetitions):
        started = time.perf_counter()
        with (Path(folder) / f"sync{index}").open("wb") as stream:
            stream.write(b"x" * 20_000)
            stream.flush()
            os.fsync(stream.fileno())
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def overhead_rows(target, repetitions, block, folder=None):
    """What the sweep layer adds to runs of up to ``target`` seconds: trainings bare and as a sweep, in turn."""
    kind = replace(KINDS["simulate"], function=f"{Path(__file__).stem}:timed_run")
    function = resolve(kind.function)
    shape = {"dimension": 10_000, "samples": 20, "width": 24, "learning_rate": "auto"}
    parameters = {entry.name: entry.default for entry in kind.parameters} | shape
    function(parameters | {"steps": 100})
    started = time.perf_counter()
    function(parameters | {"steps": 2000})
    steps = max(1, round(target * 2000 / (time.perf_counter() - started)))
    with tempfile.TemporaryDirectory(dir=folder) as name, Store(Path(name) / "store", create=True) as store:
        store.begin_session("benchmark")
        seeds = range(block * repetitions)
        pairs = list(overhead_pairs(store, kind, parameters | {"steps": steps}, seeds, block))
        sync = fsync_seconds(name)
    bare, layer = (statistics.median(pair[index] for pair in pairs) for index in (0, 2))
    note = f"beside runs of {bare:.2f} s; one disk synchronization {1000 * sync:.1f} ms"
    # 5 % of a run of a second; the runs end when every point is memorized, long before that.
    yield Row("overhead of the sweep layer per run", 1000.0 * layer, "ms", 50.0, note=note)


def rows(quick):
    yield from overhead_rows(*((0.1, 3, 4) if quick else (1.0, 3, 5)))


def overhead_command(options):
    for target in (0.01, 0.1, 1.0):
        for row in overhead_rows(target, options.repetitions, options.block, options.folder):
            print(text(row))
    return int(row.word == "missed")


def save(path, document):
    with atomic_write(path) as stream:
        stream.write(json.dumps(document, indent=1).encode() + b"\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    overhead = commands.add_parser("overhead")
    overhead.add_argument("--repetitions", type=int, default=5)
    overhead.add_argument("--block", type=int, default=10, help="runs per side and turn")
    overhead.add_argument("--folder", default=None, help="where to put the store, to try another disk")
    overhead.set_defaults(act=overhead_command)
    kills = commands.add_parser("kills")
    for name, default in (("runs", 1000), ("kills", 20), ("workers", 0), ("milliseconds", 5), ("seed", 0)):
        kills.add_argument(f"--{name}", type=int, default=default)
    kills.add_argument("--kind", choices=["short", "simulate"], default="short")
    kills.add_argument("--out", default=None)
    kills.set_defaults(act=kills_command)
    working = commands.add_parser("work")
    _ = [working.add_argument(name) for name in ("grid", "store", "workers")]
    working.set_defaults(act=lambda options: work(options.grid, options.store, options.workers))
    options = parser.parse_args()
    sys.exit(options.act(options))


if __name__ == "__main__":
    main()
