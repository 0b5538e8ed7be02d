"""Plants mutants in a copy of the tree and runs tests there, each time in a fork of a process that has imports.

A new interpreter would spend seconds on importing torch, scipy and sympy before the first test; a fork does not.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

from mutants.groups import SLOW_FIXTURES

NOTICED = (1, 2)
"""Exit codes of pytest when a test failed, or when a changed module could not be imported."""
IGNORED = (".git", ".venv", "results", "verification", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis")
PRELOADED = (
    "flint",
    "hypothesis",
    "jsonschema",
    "mpmath",
    "numpy",
    "pytest",
    "scipy.integrate",
    "scipy.optimize",
    "scipy.sparse",
    "scipy.spatial.distance",
    "scipy.stats",
    "sklearn.datasets",
    "sympy",
    "torch",
)
MEMORY_LIMIT = 8 * 1024**3


def copy_tree(root: Path, target: Path) -> None:
    """A fresh copy of the tree, without the results, the environment and all compiled files."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(root, target, ignore=shutil.ignore_patterns(*IGNORED))


def preload() -> None:
    """Import what the tests import, but nothing of the package: that is imported anew in every fork."""
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    sys.modules["torch"].set_num_threads(1)
    loaded = [name for name in sys.modules if name.split(".")[0] == "cgro_theory"]
    if loaded:
        raise RuntimeError(f"the parent process has imported {loaded[0]}: forks would not see a mutant")


class WithoutSlowFixtures:
    """A pytest plugin: leaves out the tests that train for long."""

    def pytest_collection_modifyitems(self, items) -> None:
        items[:] = [each for each in items if not set(getattr(each, "fixturenames", ())) & set(SLOW_FIXTURES)]


class LineRecorder:
    """A pytest plugin: which lines of one file each test runs, and how long it takes."""

    def __init__(self, watched: str) -> None:
        self.watched = watched
        self.lines: set[int] = set()
        self.tests: dict[str, tuple[float, list[int]]] = {}
        self.at_import: list[int] = []
        self.failed: list[str] = []
        sys.settrace(self._trace)

    def _trace(self, frame, event, argument):
        if frame.f_code.co_filename != self.watched:
            return None
        self.lines.add(frame.f_lineno)
        return self._inside

    def _inside(self, frame, event, argument):
        self.lines.add(frame.f_lineno)
        return self._inside

    def pytest_collection_finish(self, session) -> None:
        self.at_import, self.lines = sorted(self.lines), set()

    def pytest_runtest_protocol(self, item, nextitem) -> None:
        self.started, self.lines = time.perf_counter(), set()

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_runtest_logfinish(self, nodeid, location) -> None:
        self.tests[nodeid] = (time.perf_counter() - self.started, sorted(self.lines))


class FirstFailure:
    """A pytest plugin: the test that noticed."""

    def __init__(self, where: Path) -> None:
        self.where = where

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed and not self.where.exists():
            self.where.write_text(report.nodeid)

    def pytest_collectreport(self, report) -> None:
        if report.failed and not self.where.exists():
            self.where.write_text(f"{report.nodeid} (import)")


class Planted:
    """A copy of the tree in which one file at a time can be changed."""

    def __init__(self, copy: Path) -> None:
        self.copy = copy

    def record(self, module: str, tests: list[str]) -> dict:
        """The tests of a module on the unchanged code: seconds and lines of each. Raises if one fails."""
        answer = self.copy / ".recorded.json"
        answer.unlink(missing_ok=True)

        def child() -> int:
            import pytest

            recorder = LineRecorder(str(self.copy / module))
            code = int(pytest.main([*_options(), *tests], plugins=[recorder, WithoutSlowFixtures()]))
            sys.settrace(None)
            found = {"at_import": recorder.at_import, "tests": recorder.tests, "failed": recorder.failed}
            answer.write_text(json.dumps(found))
            return code

        code, _ = self.fork(child, 1200.0, writes_bytecode=True)
        recorded = json.loads(answer.read_text()) if answer.exists() else {"failed": ["all"]}
        if code not in (0, 5):  # 5: the file has no tests, such as a module without doctests
            output = (self.copy / ".last_output").read_text()[-2000:]
            raise RuntimeError(f"tests {tests} fail without a mutant: {recorded['failed'][:3]}\n{output}")
        return recorded

    def run(self, module: str, mutated: bytes, tests: list[str], limit: float) -> tuple[str, str, float]:
        """Outcome (killed, survived, timeout), the test that noticed, and the seconds taken."""
        path, seen = self.copy / module, self.copy / ".first_failure"
        original = path.read_bytes()
        seen.unlink(missing_ok=True)
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
            compiled.unlink()
        path.write_bytes(mutated)

        def child() -> int:
            import pytest

            return int(pytest.main([*_options(), "-x", *tests], plugins=[FirstFailure(seen)]))

        try:
            code, seconds = self.fork(child, limit, writes_bytecode=False)
        finally:
            path.write_bytes(original)
        if code is None:
            return "timeout", "", seconds
        if code not in (None, 0, *NOTICED):
            raise RuntimeError(f"the tests of a mutant ended with {code}, neither passed nor failed: {path.name}")
        return ("survived" if code == 0 else "killed"), (seen.read_text() if seen.exists() else ""), seconds

    def fork(self, child, limit: float, *, writes_bytecode: bool) -> tuple[int | None, float]:
        """The child's exit code, None where it was still running after ``limit`` seconds."""
        started = time.perf_counter()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                os.setsid()
                self._prepare(writes_bytecode)
                code = child()
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        try:
            while time.perf_counter() - started < limit:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    return os.waitstatus_to_exitcode(status), time.perf_counter() - started
                time.sleep(0.01)
        except BaseException:
            _end(pid)
            raise
        _end(pid)
        return None, time.perf_counter() - started

    def _prepare(self, writes_bytecode: bool) -> None:
        log = os.open(self.copy / ".last_output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(self.copy)
        sys.dont_write_bytecode = not writes_bytecode
        os.environ["PYTHONPATH"] = str(self.copy)
        os.environ["PYTHONDONTWRITEBYTECODE"] = "" if writes_bytecode else "1"
        sys.path[:] = [str(self.copy), *(each for each in sys.path if not each.endswith("tests"))]
        # An editable installation finds the package by a hook of its own, before or after the path.
        sys.meta_path[:] = [each for each in sys.meta_path if "editable" not in repr(each).lower()]
        for name in [each for each in sys.modules if each.split(".")[0] in ("mutants", "cgro_theory")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT, MEMORY_LIMIT))


def _options() -> list[str]:
    # The preloaded modules are older than pytest's rewriting of asserts, and say so.
    quiet = ["-q", "--no-header", "--tb=line", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return ["-p", "no:cacheprovider", "-p", "no:xdist", "--doctest-modules", *quiet]


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
