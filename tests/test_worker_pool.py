"""Worker processes do their tasks on one thread, and end with whoever started them, however that one ends."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.context import SpawnProcess

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from cgro_theory.errors import InvalidInput
from cgro_theory.theorems import kept_runs
from cgro_theory.theorems.kept_runs import KeptRuns
from cgro_theory.theorems.room import RunRequest, begin_runs
from cgro_theory.theorems.worker_pool import PendingResult, WorkerDied, WorkerPool

START_LIMIT, END_LIMIT = 120.0, 20.0
"""Seconds after which a test gives up waiting for processes to start, on a busy machine too, or to end."""
posix = pytest.mark.skipif(os.name != "posix", reason="signals to other processes, as POSIX systems send them")


def square(value):
    return value * value


def refuse(value):
    raise InvalidInput("value", value, ">= 1")


def fail():
    raise RuntimeError("no such run")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def print_and_start_a_process():
    print("printed")
    os.write(1, b"written\n")
    return subprocess.Popen(["sleep", "600"]).pid


def threads_in_effect():
    np.ones((300, 300)) @ np.ones((300, 300))
    libraries = {library["num_threads"] for library in threadpool_info()}
    return {torch.get_num_threads(), *libraries}


def test_results_and_errors_come_back(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with WorkerPool(2) as pool:
        results = [pool.submit(square, value) for value in (torch.tensor([2.0, 3.0]), 4, 5)]
        refused, failed, threads = pool.submit(refuse, 0), pool.submit(fail), pool.submit(threads_in_effect)
        assert torch.equal(results[0].result(), torch.tensor([4.0, 9.0]))
        assert [result.result() for result in results[1:]] == [16, 25]
        with pytest.raises(InvalidInput, match="value must be >= 1, got 0"):
            refused.result()
        with pytest.raises(RuntimeError, match="no such run") as raised:
            failed.result()
        assert raised.value.__notes__[-1].startswith("fail, line ")
        assert threads.result() == {1}


@posix
def test_a_worker_that_dies_fails_its_task_and_another_does_the_next():
    with WorkerPool(1) as pool:
        first, second, third = pool.submit(die), pool.submit(square, 3), pool.submit(die)
        for result in (first, third):
            with pytest.raises(WorkerDied, match="killed by SIGKILL"):
                result.result()
        assert second.result() == 9


@posix
def test_where_no_process_can_be_had_the_next_task_fails_too_and_tries_again(monkeypatch):
    with WorkerPool(1, light=True) as pool:
        assert pool.submit(square, 2).result() == 4
        ((_, pipe),) = pool._workers
        start = pool._start
        answers = iter([OSError, start])

        def refused_once():
            answer = next(answers)
            if answer is OSError:
                raise answer("no process to be had")
            return answer()

        monkeypatch.setattr(pool, "_start", refused_once)
        failed, failed_too, done = pool.submit(die), pool.submit(square, 3), pool.submit(square, 4)
        for result in (failed, failed_too):
            with pytest.raises(WorkerDied, match="killed by SIGKILL"):
                result.result()
        assert done.result() == 16
        assert pipe.closed
        assert len(pool._workers) == 1


@posix
def test_what_a_task_prints_goes_to_standard_error_and_what_it_starts_ends_with_its_worker(capfd):
    with WorkerPool(1, nested=True, light=True) as pool:
        started = pool.submit(print_and_start_a_process).result()
        assert started in processes()
    await_until(lambda: started not in processes(), END_LIMIT)
    assert capfd.readouterr() == ("", "printed\nwritten\n")


def test_leaving_the_block_stops_what_is_not_done():
    with WorkerPool(1) as pool:
        running, waiting = pool.submit(time.sleep, 600.0), pool.submit(square, 3)
    assert waiting.cancelled()
    assert running.done()


def test_what_waits_of_runs_that_failed_is_not_done():
    waiting = []

    def begin(request, pool):
        failing = pool.submit(fail)
        waiting.extend(pool.submit(time.sleep, seconds) for seconds in (0.1, 600.0, 600.0))
        return lambda request: failing.result()

    with WorkerPool(1) as pool:
        request = RunRequest("quick", 0, "cpu", frozenset(), print, workers=pool)
        collect, another = begin_runs(begin, request, pool), pool.submit(square, 5)
        with pytest.raises(RuntimeError, match="no such run"):
            collect(request)
        assert [each.cancelled() for each in waiting[1:]] == [True, True]
        assert another.result(START_LIMIT) == 25


def test_an_interrupted_wait_leaves_nothing_locked():
    """Wherever it is interrupted, another thread can end the task."""
    for place in range(1, 1000):
        pending, left = PendingResult(), [place]

        def interrupt(frame, event, argument, left=left):
            left[0] -= event in ("call", "c_return")
            if not left[0]:
                sys.setprofile(None)
                raise KeyboardInterrupt

        sys.setprofile(interrupt)
        try:
            pending.result(0.0)
        except (KeyboardInterrupt, TimeoutError) as end:
            ended = type(end)
        finally:
            sys.setprofile(None)
        other = threading.Thread(target=pending.set_result, args=(1,), daemon=True)
        other.start()
        other.join(END_LIMIT)
        assert not other.is_alive(), place
        if ended is TimeoutError:
            break
    assert place > 5


@posix
def test_an_interrupt_while_a_worker_starts_leaves_no_worker(monkeypatch):
    started, start = [], SpawnProcess.start

    def pressed(process):
        start(process)
        started.append(process.pid)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(SpawnProcess, "start", pressed)
    with pytest.raises(KeyboardInterrupt), WorkerPool(1, light=True) as pool:
        pool.submit(square, 3)
    assert len(started) == 1
    assert not processes().keys() & set(started)


SLEEPERS = """
import os, pathlib, sys, time
from cgro_theory.theorems.worker_pool import WorkerPool

def sleep(folder):
    (pathlib.Path(folder) / str(os.getpid())).touch()
    time.sleep(600.0)

if __name__ == "__main__":
    try:
        with WorkerPool(2) as pool:
            for result in [pool.submit(sleep, sys.argv[1]) for _ in range(6)]:
                result.result()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
"""


def processes():
    """The running processes, zombies left out: pid to parent's pid and command."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,command="], capture_output=True, text=True)
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
    return {int(row[0]): (int(row[1]), row[3]) for row in rows if len(row) == 4 and not row[2].startswith("Z")}


def await_until(holds, limit):
    end = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


@contextlib.contextmanager
def begun(*command):
    """A process in a session of its own, so that its group can be signalled alone; killed at the end."""
    with subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def stop(process, workers, number, to_group):
    """Send the signal; return the standard error, after the process and the workers have ended."""
    assert workers <= processes().keys()
    (os.killpg if to_group else os.kill)(process.pid, number)
    _, said = process.communicate(timeout=END_LIMIT)
    await_until(lambda: not workers & processes().keys(), END_LIMIT)
    return said


@posix
@pytest.mark.parametrize(
    ("number", "to_group", "code"),
    [
        (signal.SIGINT, False, 130),
        (signal.SIGINT, True, 130),
        (signal.SIGTERM, False, -signal.SIGTERM),
        (signal.SIGKILL, False, -signal.SIGKILL),
    ],
)
def test_no_worker_outlives_its_parent(tmp_path, number, to_group, code):
    script, folder = tmp_path / "sleepers.py", tmp_path / "pids"
    script.write_text(SLEEPERS)
    folder.mkdir()
    with begun(script, folder) as process:
        await_until(lambda: len(list(folder.iterdir())) == 2, START_LIMIT)
        said = stop(process, {int(path.name) for path in folder.iterdir()}, number, to_group)
    assert process.returncode == code
    assert said == {130: "stopped\n"}.get(code, "")


@posix
@pytest.mark.parametrize("to_group", [False, True])
def test_an_interrupted_verification_says_one_line_and_leaves_nobody(to_group):
    claim = "theorem_1.robust_error_law"

    def workers():
        return {
            pid
            for pid, (parent, command) in processes().items()
            if parent == process.pid and "spawn_main" in command
        }

    with begun("-m", "cgro_theory", "verify", "theorem_1", "--only", claim, "--quiet") as process:
        await_until(workers, START_LIMIT)
        said = stop(process, workers(), signal.SIGINT, to_group)
    assert process.returncode == 130
    assert said == "stopped; nothing was written\n"


def _count_and_double(number, journal):
    with open(journal, "a", encoding="utf-8") as stream:
        stream.write(f"{number}\n")
    if number < 0:
        raise ValueError("negative")
    return 2 * number


def test_kept_runs_are_not_made_again(tmp_path, monkeypatch):
    journal, kept = tmp_path / "journal", KeptRuns(tmp_path)

    def doubled(*numbers):
        with WorkerPool(1, kept=kept) as pool:
            return [each.result() for each in [pool.submit(_count_and_double, n, str(journal)) for n in numbers]]

    assert doubled(1, 2) == [2, 4]
    assert doubled(1, 2, 3) == [2, 4, 6]
    assert journal.read_text().split() == ["1", "2", "3"]
    # A file that was cut off, and another source, count as missing; a failure is not kept.
    for file in tmp_path.glob("*.run"):
        file.write_bytes(file.read_bytes()[:-1])
    assert doubled(1) == [2]
    monkeypatch.setattr(kept_runs, "_source_digest", lambda package: b"another source")
    assert doubled(1) == [2]
    for _ in range(2):
        with pytest.raises(ValueError, match="negative"):
            doubled(-1)
    assert journal.read_text().split() == ["1", "2", "3", "1", "1", "-1", "-1"]


def test_a_request_has_the_same_bytes_in_every_process_and_is_quiet_in_another():
    """So that the runs that one process kept are found by the next one."""
    program = (
        "import hashlib, pickle; from cgro_theory.theorems.room import RunRequest; "
        "r = RunRequest('quick', 3, 'cpu', frozenset(map(str, range(50))), print, frozenset(['b', 'a', 'c'])); "
        "made = pickle.loads(pickle.dumps(r)); assert made.sets == r.sets and made.labels == r.labels; "
        "made.progress('nothing is printed', 0.5); print(hashlib.sha256(pickle.dumps(r)).hexdigest())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
