"""Sweeps as a whole: killed, interrupted, shared, spread over processes, and always the same bits."""

import csv
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cgro_theory.cli import main, root_command
from cgro_theory.commands.simulate import trajectories_document
from cgro_theory.commands.simulate_plan import SimulateRequest, plan_simulation
from cgro_theory.commands.sweep import SweepRequest, run_sweep
from cgro_theory.commands.sweep_kinds import KINDS, simulate_setting
from cgro_theory.commands.sweep_progress import describe_progress
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.numerics.seeds import run_seeds
from cgro_theory.setting import PatchSetting
from cgro_theory.sweep.driver import Sweep, SweepProgress
from cgro_theory.sweep.executors import InProcess, LocalProcesses
from cgro_theory.sweep.grid import load_grid
from cgro_theory.sweep.store import Store
from cgro_theory.sweep.table import results
from cgro_theory.sweep.worker import Job, execute
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.reduction import draw_subspace_problem

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
sys.path.append(str(BENCHMARKS))
bench = importlib.import_module("sweep")
ALL = KINDS | {bench.SHORT.name: bench.SHORT}
SIMULATE = """[sweep]
kind = "simulate"
[fixed]
dimension = 300
samples = 3
width = 5
steps = 40
[grid]
adversarial_weight = [0.1, 0.9]
seed = {from = 0, count = 3}
"""


def short_grid(count, fixed="milliseconds = 0", grid=""):
    return f'[sweep]\nkind = "short"\n[fixed]\n{fixed}\n[grid]\nseed = {{from = 0, count = {count}}}\n{grid}\n'


def request(tmp_path, text, **options):
    path = tmp_path / "grid.toml"
    path.write_text(text)
    return SweepRequest(path, quiet=True, **options)


def sweep(asked):
    return run_sweep(asked, ALL)


def test_a_sweep_killed_at_random_moments_ends_like_an_undisturbed_one(tmp_path):
    report = bench.survive(tmp_path, bench.grid_of("short", 60, 15), kills=2, seed=1)
    assert (report.runs, report.kills) == (60, 2)
    assert report.identical
    assert (report.finished_runs_lost, report.finished_runs_repeated) == (0, 0)
    assert 0 < report.killed_at[-1] < 60


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_thousand_runs_survive_twenty_kills(tmp_path, workers):
    report = bench.survive(tmp_path, bench.grid_of("short", 1000, 5), kills=20, workers=workers)
    assert (report.runs, report.kills) == (1000, 20)
    assert report.identical
    assert (report.finished_runs_lost, report.finished_runs_repeated) == (0, 0)


def test_the_comparison_of_killed_sweeps_would_notice_one_bit():
    first = bench.short_run({"seed": 1, "milliseconds": 0.0, "fails": "no"})
    path = first.arrays["path"].copy()
    path[-1] = np.nextafter(path[-1], np.inf)
    assert bench.same_outcome(first, replace(first, arrays={"path": first.arrays["path"].copy()}))
    assert not bench.same_outcome(first, replace(first, arrays={"path": path}))


def test_results_are_the_same_bits_in_process_in_workers_and_in_any_order(tmp_path):
    one = request(tmp_path, SIMULATE, store=tmp_path / "one")
    assert sweep(one) == 0
    assert sweep(replace(one, store=tmp_path / "two", workers=2)) == 0
    reversed_grid = SIMULATE.replace("[0.1, 0.9]", "[0.9, 0.1]").replace("from = 0", "from = 2, step = -1")
    assert sweep(request(tmp_path, reversed_grid, store=tmp_path / "three")) == 0
    stored = [bench.contents(one.grid, tmp_path / name) for name in ("one", "two", "three")]
    assert len(stored[0]) == 6
    for other in stored[1:]:
        assert other.keys() == stored[0].keys()
        assert all(other[key][0].checksum == stored[0][key][0].checksum for key in other)
        assert all(bench.same_outcome(other[key][1], stored[0][key][1]) for key in other)


def test_a_simulation_is_what_cgro_simulate_computes(tmp_path):
    text = SIMULATE.replace("seed = {from = 0, count = 3}", "seed = 7").replace("[0.1, 0.9]", "0.9")
    asked = request(tmp_path, text + "runs = 3\nrecord = 'trajectory'\n")
    assert sweep(asked) == 0
    with Store(asked.folder) as store:
        ((_, outcome),) = results(load_grid(asked.grid, ALL), store)
    setting = PatchSetting.version_1(300, num_samples=3, width=5)
    rate = setting.stable_learning_rate()
    expected = train(draw_subspace_problem(setting, run_seeds(7, 3)), learning_rate=rate, steps=40)
    for name, array in outcome.arrays.items():
        assert array.tobytes() == getattr(expected, name).tobytes(), name
    assert set(outcome.arrays) == {name for name, value in vars(expected).items() if isinstance(value, np.ndarray)}
    like = plan_simulation(SimulateRequest(setting, steps=40, runs=3, seed=7))
    for row, run in zip(outcome.rows, trajectories_document(expected, like)["runs"], strict=True):
        assert row["run_seed"] == run["seed"]
        assert row["signal_time"] == run["signal_time"]
        assert row["robust_test_error"] == run["final"]["robust_test_error"]
        assert row["clean_test_error_high"] == run["final"]["clean_test_error_interval"][1]


def test_a_flow_and_every_norm_of_the_memorizer_run(tmp_path):
    flow = '[sweep]\nkind = "simulate"\n[fixed]\nmethod = "flow"\nsamples = 2\nwidth = 3\ntolerance = 1e-4\n'
    asked = request(tmp_path, flow, table=tmp_path / "flow.csv")
    assert sweep(asked) == 0
    (row,) = csv.DictReader((tmp_path / "flow.csv").read_text().splitlines())
    assert row["stopped_because"] in ("memorized", "horizon")
    memorizer = '[sweep]\nkind = "memorizer"\n[fixed]\ndimension = 3\n[grid]\nnorm_order = [1, 2, inf]\n'
    memorizer += "samples = [1, 12]\n"
    asked = request(tmp_path, memorizer, store=tmp_path / "m", table=tmp_path / "m.csv")
    assert sweep(asked) == 0
    rows = list(csv.DictReader((tmp_path / "m.csv").read_text().splitlines()))
    assert [row["norm_order"] for row in rows] == ["1", "1", "2", "2", "inf", "inf"]
    assert all(float(row["robust_train_error_bound"]) == 0.0 for row in rows)
    # W_clean + N(6D + 4) + 4 of theory.md 3.1 at p = inf, W_clean = D + 1
    assert int(rows[-1]["structural_count"]) == 4 + 12 * (6 * 3 + 4) + 4


def test_a_landscape_runs(tmp_path):
    text = '[sweep]\nkind = "landscape"\n[fixed]\ntrain_size = 20\ntest_size = 15\nwidth = 2\nepochs = 2\n'
    asked = request(tmp_path, text + "measure_steps = 1\nrecorded_epochs = 1\n[grid]\nradius = [0.1]\n")
    assert sweep(asked) == 0
    with Store(asked.folder) as store:
        ((_, outcome),) = results(load_grid(asked.grid, ALL), store)
    (row,) = outcome.rows
    at = list(outcome.arrays["final_radii"]).index(0.1)
    for side, size in (("train", 20), ("test", 15)):
        assert outcome.arrays[f"final_{side}_wrong"].shape[1] == size
        assert row[f"robust_{side}_error"] == outcome.arrays[f"final_{side}_wrong"][at].mean()
        assert row[f"clean_{side}_error"] <= row[f"robust_{side}_error"]
    assert outcome.arrays["epochs"][-1] == 2


def test_a_failed_run_is_recorded_with_its_reason_and_stops_nothing(tmp_path, capsys):
    asked = request(tmp_path, short_grid(3, grid='fails = ["no", "yes"]'))
    assert sweep(asked) == 3
    assert sweep(replace(asked, status=True)) == 3
    told = capsys.readouterr().out
    assert "3 done, 3 failed, 0 to do" in told
    assert "failed: seed = 1, fails = yes: ArithmeticError: seed 1 failed as asked (sweep, line " in told
    assert sweep(asked) == 3  # settled: not tried again
    with Store(asked.folder) as store:
        assert {record.attempts for record in store.records().values()} == {1}
    assert sweep(replace(asked, retry_failed=True)) == 3
    with Store(asked.folder) as store:
        attempts = {record.state: record.attempts for record in store.records().values()}
    assert attempts == {"done": 1, "failed": 2}


def test_a_larger_grid_runs_only_what_is_new(tmp_path):
    asked = request(tmp_path, short_grid(2))
    assert sweep(asked) == 0
    with Store(asked.folder) as store:
        before = store.records()
    assert sweep(request(tmp_path, short_grid(4))) == 0
    with Store(asked.folder) as store:
        after = store.records()
    assert len(after) == 4
    assert {key: after[key] for key in before} == before


def test_a_worker_that_dies_is_replaced_and_its_run_given_up_after_three_deaths(tmp_path):
    asked = request(tmp_path, short_grid(2, grid='fails = ["dies", "no"]'), workers=2)
    assert sweep(asked) == 3
    with Store(asked.folder) as store:
        records = sorted((record.state, record.error) for record in store.records().values())
    why = "the worker process died 3 times over this run (killed by SIGKILL; out of memory?)"
    assert records == [("done", None)] * 2 + [("failed", why)] * 2


def test_a_run_whose_worker_was_killed_once_is_done_by_the_next(tmp_path):
    asked = request(tmp_path, short_grid(1, "milliseconds = 300"))
    cell = load_grid(asked.grid, ALL).cells[0]
    executor = LocalProcesses(1)
    try:
        executor.submit(Job(cell, bench.SHORT.function))
        (worker,) = executor._workers
        os.kill(worker.process.pid, signal.SIGKILL)
        ended = []
        while not ended:
            ended = executor.wait(1.0)
    finally:
        executor.close()
    assert ended[0].result == execute(Job(cell, bench.SHORT.function)).result


def test_two_sweeps_on_one_store_share_the_work(tmp_path):
    path = request(tmp_path, short_grid(40, "milliseconds = 10")).grid
    both = [bench.start(path, tmp_path / "shared", 0) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    with Store(tmp_path / "shared") as store:
        records = store.records()
    assert len(records) == 40
    assert {record.attempts for record in records.values()} == {1}
    assert {record.state for record in records.values()} == {"done"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_keeps_what_is_done_and_says_how_to_go_on(tmp_path, number):
    path = request(tmp_path, short_grid(400, "milliseconds = 20")).grid
    command = [sys.executable, str(BENCHMARKS / "sweep.py"), "work", str(path), str(tmp_path / "s"), "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    bench.wait_for_results(process, tmp_path / "s", 1)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    lines = told.splitlines()
    assert len(lines) == 2, told
    assert lines[0].startswith("stopped: ")
    assert lines[0].endswith(" of 400 runs are done and kept; resume with")
    assert lines[1] == f"  cgro sweep {path} --store {tmp_path / 's'} --workers 1"
    with Store(tmp_path / "s") as store:
        states = {record.state for record in store.records().values()}
    assert "done" in states
    assert states <= {"done", "open"}


def test_looking_changes_nothing(tmp_path, capsys):
    asked = request(tmp_path, short_grid(5))
    assert sweep(replace(asked, dry_run=True)) == 0
    assert "5 runs of kind short" in capsys.readouterr().out
    assert not asked.folder.exists()
    assert sweep(replace(asked, quiet=False)) == 0
    assert "5 of 5 runs done, 0 failed" in capsys.readouterr().out
    assert sweep(replace(asked, status=True, check=True)) == 0
    told = capsys.readouterr().out
    assert "5 done, 0 failed, 0 to do" in told
    assert "5 results read, each with the checksum that was recorded" in told


def test_a_damaged_result_is_found_and_run_again(tmp_path, capsys):
    asked = request(tmp_path, short_grid(3))
    assert sweep(asked) == 0
    victim = sorted(asked.folder.glob("results/*/*.npz"))[1]
    content = victim.read_bytes()
    victim.write_bytes(content.replace(b"seed", b"sead"))
    assert sweep(replace(asked, check=True)) == 3
    assert f"damaged: {victim}: fails its checksum" in capsys.readouterr().out
    with pytest.raises(InvalidFile, match=victim.name):
        sweep(replace(asked, table=tmp_path / "t.csv"))
    assert sweep(replace(asked, rerun_damaged=True)) == 0
    assert victim.read_bytes() == content
    assert sweep(replace(asked, check=True)) == 0


def test_the_table_has_a_row_per_network_and_reads_back_exactly(tmp_path):
    text = SIMULATE + "runs = 2\n"
    asked = request(tmp_path, text, table=tmp_path / "t.csv")
    assert sweep(asked) == 0
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert len(rows) == 12
    assert list(rows[0])[:3] == ["run", "adversarial_weight", "seed"]
    setting = simulate_setting(
        {each.name: each.default for each in KINDS["simulate"].parameters} | {"dimension": 300}
    )
    for row in rows:  # what auto stands for, beside it
        assert (row["attacked_fraction"], row["perturbation_radius"], row["learning_rate"]) == ("auto",) * 3
        assert float(row["attacked_fraction_taken"]) == setting.attacked_signal_fraction
        assert float(row["perturbation_radius_taken"]) == setting.perturbation_radius
        assert float(row["learning_rate_taken"]) > 0.0
    with Store(asked.folder) as store:
        expected = [row for _, outcome in results(load_grid(asked.grid, ALL), store) for row in outcome.rows]
    for row, values in zip(rows, expected, strict=True):
        assert float(row["robust_test_error"]) == values["robust_test_error"]
        assert row["last_memorization_time"] == ""


def test_a_store_that_lost_its_index_finds_its_results_again(tmp_path, capsys):
    asked = request(tmp_path, short_grid(4))
    assert sweep(asked) == 0
    whole, broken, *_ = sorted(asked.folder.glob("results/*/*.npz"))
    broken.write_bytes(broken.read_bytes().replace(b"seed", b"sead"))
    whole.with_name("foreign.npz").write_bytes(whole.read_bytes())
    (asked.folder / "index.sqlite").unlink()
    assert sweep(replace(asked, status=True)) == 0
    assert "the index is missing" in capsys.readouterr().out
    assert not (asked.folder / "index.sqlite").exists()
    with Store(asked.folder, create=True) as store:
        assert store.indexed_again == 3
        assert len(store.done()) == 3
    told = replace(asked, quiet=False, check=True)
    assert sweep(told) == 0
    assert "3 results read" in capsys.readouterr().out
    assert sweep(asked) == 0
    with Store(asked.folder) as store:
        assert store.indexed_again == 0
        assert len(store.done()) == 4


def test_a_dry_run_checks_where_results_would_go(tmp_path):
    asked = request(tmp_path, short_grid(2), dry_run=True)
    for folder in (Path("/proc/none/below"), asked.grid / "below", asked.grid):
        with pytest.raises(InvalidFile):
            sweep(replace(asked, store=folder))
    images = '[sweep]\nkind = "landscape"\n[fixed]\ndata = "mnist"\n'
    for root, message in (("", "the folder of its files, for the data mnist"), ("/no/such", "that is there")):
        with pytest.raises(InvalidFile, match=message):
            sweep(request(tmp_path, f'{images}root = "{root}"\n', dry_run=True))
    assert [path.name for path in tmp_path.iterdir()] == ["grid.toml"]


def test_the_kinds_are_listed_with_every_parameter(capsys):
    assert main_of("sweep --kinds") == 0
    told = " ".join(capsys.readouterr().out.split())
    for kind in KINDS.values():
        assert f"{kind.name}: {kind.help}" in told
        for each in kind.parameters:
            assert f"{each.name}: {each.allowed}, " in told


@pytest.mark.parametrize("name", ["simulate", "landscape"])
def test_a_sweep_and_the_single_run_have_one_default(name):
    own = {each.name: each.default for each in root_command().commands[name].params}
    shared = [each for each in KINDS[name].parameters if each.name in own and each.name != "runs"]
    assert len(shared) > 10
    for each in shared:
        if own[each.name] is not None:
            assert each.parse(own[each.name]) == each.default, each.name


def main_of(line):
    with pytest.raises(SystemExit) as stopped:
        main(line.split())
    return stopped.value.code


def test_bad_options_are_refused_before_anything_runs(tmp_path):
    asked = request(tmp_path, short_grid(2))
    for wrong, message in [
        ({"workers": -1}, "--workers must be"),
        ({"workers": 1, "scheduler": "tcp://x"}, "--scheduler must be given without --workers"),
        ({"table": tmp_path / "no" / "t.csv"}, "no such folder"),
        ({"store": Path("/proc/none")}, "/proc/none"),
    ]:
        with pytest.raises((InvalidInput, InvalidFile), match=message):
            sweep(replace(asked, **wrong))
    assert not asked.folder.exists()


def test_progress_counts_every_run_once_and_estimates_the_rest(tmp_path):
    asked = request(tmp_path, short_grid(6, grid='fails = ["no", "yes"]'))
    grid, seen = load_grid(asked.grid, ALL), []
    with Store(asked.folder, create=True) as store:
        store.begin_session("test")
        end = Sweep(grid.kind, grid.cells, store, InProcess(), progress=seen.append).run()
    assert (end.total, end.done, end.failed, end.executed, end.seconds_left) == (12, 6, 6, 12, 0.0)
    assert [status.executed for status in seen] == sorted(status.executed for status in seen)
    assert seen[0].seconds_left is None
    assert any(status.seconds_left for status in seen[1:])
    shown = describe_progress(SweepProgress(1200, 300, 2, 5, 10, 3700.0))
    assert shown == "302 of 1,200 runs (25 %), 2 failed, 5 with another process, about 62 min left"


def test_an_error_of_the_store_ends_the_sweep_with_its_line(tmp_path):
    asked = request(tmp_path, short_grid(20, "milliseconds = 5"))
    grid = load_grid(asked.grid, ALL)
    with Store(asked.folder, create=True) as store:
        store.begin_session("test")
        (asked.folder / "results").rmdir()
        (asked.folder / "results").write_text("in the way")
        with pytest.raises(InvalidFile, match="results"):
            Sweep(grid.kind, grid.cells, store, InProcess()).run()


def test_a_run_on_another_version_of_the_library_is_refused(tmp_path):
    cell = load_grid(request(tmp_path, short_grid(1)).grid, ALL).cells[0]
    ended = execute(Job(cell, bench.SHORT.function, library_version="0.0.0"))
    assert ended.result is None
    assert "cgro-theory must be 0.0.0, as the sweep's, got " in ended.error


def test_looking_at_a_sweep_imports_no_training_code(tmp_path):
    asked = request(tmp_path, SIMULATE)
    code = (
        "import sys; from pathlib import Path\n"
        "from cgro_theory.commands.sweep import SweepRequest, run_sweep\n"
        f"run_sweep(SweepRequest(Path({str(asked.grid)!r}), dry_run=True))\n"
        "assert not {'torch', 'distributed'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)


def test_the_environment_of_a_session_is_kept(tmp_path):
    asked = request(tmp_path, short_grid(1))
    sweep(asked)
    with Store(asked.folder) as store:
        (text,) = store._connection.execute("SELECT environment FROM session").fetchone()
    assert json.loads(text)["runs"] == "in process"
    assert "numpy" in json.loads(text)


# A real cluster on this machine: scheduler and workers in processes of their own.


@pytest.fixture
def cluster(tmp_path):
    distributed = pytest.importorskip("distributed")
    environment = os.environ | {"PYTHONPATH": str(BENCHMARKS), "OMP_NUM_THREADS": "1"}
    with distributed.LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        dashboard_address=None,
        worker_dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
        silence_logs=50,
        env=environment,
    ) as running:
        running.scale(2)
        running.wait_for_workers(2, timeout=60)
        yield running


@pytest.mark.filterwarnings("ignore")  # what the cluster's own processes warn of when killed is not ours
def test_a_cluster_that_loses_a_worker_loses_no_run(tmp_path, cluster):
    asked = request(tmp_path, short_grid(30, "milliseconds = 50"), scheduler=cluster.scheduler_address)
    killed = []

    def kill_one():
        while len(list(asked.folder.glob("results/*/*.npz"))) < 3:
            time.sleep(0.01)
        process = next(iter(cluster.workers.values())).process
        killed.append(process.pid)
        os.kill(process.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill_one)
    thread.start()
    assert sweep(asked) == 0
    thread.join()
    assert killed
    local = replace(asked, scheduler=None, store=tmp_path / "local")
    assert sweep(local) == 0
    far, near = (bench.contents(asked.grid, folder) for folder in (asked.folder, local.folder))
    assert len(far) == 30
    assert all(far[key][0].checksum == near[key][0].checksum for key in near)


@pytest.mark.filterwarnings("ignore")
def test_a_run_that_kills_its_workers_is_given_up(tmp_path, cluster):
    asked = request(tmp_path, short_grid(1, grid='fails = ["dies", "no"]'), scheduler=cluster.scheduler_address)
    assert sweep(asked) == 3
    with Store(asked.folder) as store:
        records = sorted((record.state, record.error or "") for record in store.records().values())
    assert records[0] == ("done", "")
    assert records[1][1].startswith("the cluster gave up: KilledWorker")


@pytest.mark.filterwarnings("ignore")
def test_a_lost_scheduler_ends_the_sweep_keeps_what_is_done_and_says_how_to_go_on(tmp_path, cluster, capsys):
    asked = request(tmp_path, short_grid(300, "milliseconds = 50"), scheduler=cluster.scheduler_address)

    def close():
        while len(list(asked.folder.glob("results/*/*.npz"))) < 3:
            time.sleep(0.01)
        cluster.close()

    thread = threading.Thread(target=close)
    thread.start()
    assert sweep(asked) == 4
    thread.join()
    lines = capsys.readouterr().err.splitlines()
    assert re.search(r"gave up .* finished is kept: \d+ of 300 runs are done and kept; resume with$", lines[0])
    assert lines[1] == f"  cgro sweep {asked.grid} --scheduler {cluster.scheduler_address}"
    with Store(asked.folder) as store:
        states = [record.state for record in store.records().values()]
    assert 3 <= states.count("done") < 300
    assert set(states) <= {"done", "open"}


def test_no_scheduler_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("cgro_theory.sweep.cluster.CONNECT_SECONDS", 0.5)
    asked = request(tmp_path, short_grid(1))
    with pytest.raises(InvalidInput, match="--scheduler must be"):
        sweep(replace(asked, scheduler="tcp://127.0.0.1:1"))
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidInput, match=r"pip install 'cgro-theory\[cluster\]'"):
        sweep(replace(asked, scheduler="tcp://127.0.0.1:1"))


@pytest.mark.parametrize("section", ["fixed", "grid"])
def test_a_run_too_large_for_the_machine_is_refused_before_any_starts(tmp_path, section):
    grid = tmp_path / "grid.toml"
    grid.write_text(f'[sweep]\nkind = "simulate"\n[{section}]\nsamples = 100000\n')
    for options in ({"dry_run": True}, {}, {"workers": 2}):
        with pytest.raises(InvalidFile, match=rf"line 4: {section}.samples: samples must be at most .* GiB"):
            run_sweep(SweepRequest(grid, quiet=True, **options))
    assert os.listdir(tmp_path) == ["grid.toml"]
    # What another machine did can be looked at.
    assert run_sweep(SweepRequest(grid, status=True)) == 0


@pytest.mark.parametrize(
    ("kind", "lines", "key", "unit"),
    [
        ("memorizer", "samples = 1000000\ndimension = 10000", "samples", "GiB"),
        ("memorizer", "samples = 2\ndimension = 1000000", "dimension", "GiB"),
        ("memorizer", "samples = 1000000\ndimension = 40", "samples", "hours"),
        ("landscape", "data = 'cifar10'\nroot = '.'\nwidth = 4096\narchitecture = 'resnet'", "width", "GiB"),
        ("landscape", "epochs = 1000000\nwidth = 64", "epochs", "hours"),
        (
            "landscape",
            "epochs = 1\nrecorded_epochs = 1\nmeasure_steps = 10000\nwidth = 512",
            "measure_steps",
            "hours",
        ),
    ],
)
def test_other_kinds_too_large_or_too_long_are_refused_as_well(tmp_path, monkeypatch, kind, lines, key, unit):
    monkeypatch.setattr("cgro_theory.commands.sweep_size.machine_memory", lambda: 2**34)
    grid = tmp_path / "grid.toml"
    grid.write_text(f'[sweep]\nkind = "{kind}"\n[fixed]\n{lines}\n')
    with pytest.raises(
        InvalidFile, match=rf"fixed.{key}: {key} must be at most [\d,]+ here: .* {unit}"
    ) as refused:
        run_sweep(SweepRequest(grid, dry_run=True))
    most = int(re.search(r"at most ([\d,]+)", str(refused.value))[1].replace(",", ""))
    values = dict(line.split(" = ") for line in lines.splitlines()) | {key: str(most)}
    grid.write_text(f'[sweep]\nkind = "{kind}"\n[fixed]\n' + "\n".join(map(" = ".join, values.items())))
    assert run_sweep(SweepRequest(grid, dry_run=True)) == 0


def test_the_defaults_of_every_kind_are_small(tmp_path):
    for kind in KINDS.values():
        kind.check_size({entry.name: entry.default for entry in kind.parameters})


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ("steps = 1000000000000\nsamples = 20", "steps"),
        ("method = 'flow'\nruns = 4096\nwidth = 100\nsamples = 600", "runs"),
    ],
)
def test_a_run_too_long_is_refused_before_any_starts(tmp_path, monkeypatch, lines, key):
    monkeypatch.setattr("cgro_theory.commands.run_size.machine_memory", lambda: 2**50)
    grid = tmp_path / "grid.toml"
    grid.write_text(f'[sweep]\nkind = "simulate"\n[fixed]\ndimension = 1000000\n{lines}\n')
    with pytest.raises(InvalidFile, match=rf"fixed.{key}: {key} must be at most .* hours"):
        run_sweep(SweepRequest(grid, dry_run=True))
