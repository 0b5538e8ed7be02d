"""Which mutants a verification notices without any test: `PYTHONPATH=tests python -m mutants.verification`.

A mutant is noticed when some claim, or a negative control of one, does not come out as it has to: the claim
certified or consistent, the control refuted; or when the changed module cannot be imported, or an error ends the
verification. Claims are judged as by `cgro verify`, each with its further looks. What a change cannot reach is not
done again: a first pass without a change keeps the results of all runs, and which lines of the changed modules
each of them and each judgement executed.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import hashlib
import json
import pickle
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mutants.__main__ import ROOT, known_equivalents, sampled
from mutants.groups import GROUPS
from mutants.planting import Planted, copy_tree, preload

JUDGED = ("predictions of theorem 1 and the lemmas", "laws and errors", "trainer")
ROOMS = ("lemmas", "gaussian_model", "theorem_1", "questions")
"""Theorems whose claims use the modules of these groups."""
LIMIT, TIMES_AS_LONG = 120.0, 4.0
"""A mutant's verification may take so many seconds, and so many times those of its claims without a change.

One that takes longer counts as not noticed."""


class Lines:
    """Which lines of some files are executed, by a stack of notes: the innermost note takes them."""

    def __init__(self, folder: Path, modules: list[str]) -> None:
        self.watched = {str(folder / module): module for module in modules}
        self.notes: list[dict[str, set[int]]] = [{}]

    def _trace(self, frame, event, argument):
        module = self.watched.get(frame.f_code.co_filename)
        if module is None:
            return None
        note = self.notes[-1].setdefault(module, set())
        note.add(frame.f_lineno)

        def inside(frame, event, argument):
            note.add(frame.f_lineno)
            return inside

        return inside

    @contextlib.contextmanager
    def noting(self):
        """Yield a note of the lines that the block executes, all of them: nothing is remembered from before."""
        for each in gc.get_objects():
            if isinstance(each, functools._lru_cache_wrapper) and each.__module__.startswith("cgro_theory"):
                each.cache_clear()
        self.notes.append({})
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            yield self.notes[-1]
        finally:
            sys.settrace(before)
            self.notes.pop()


class InlinePool:
    """Stands in for the worker processes: a task is done here, when its result is asked for, or taken from before.

    ``lines``: while recording, what notes them. ``reached``: the tasks that a change may alter.
    """

    def __init__(self, kept: Path, *, lines: Lines | None = None, reached: frozenset[str] = frozenset()) -> None:
        self.kept, self.lines, self.reached = kept, lines, reached
        self.asked: list[str] = []
        self.tasks: dict[str, dict[str, list[int]]] = {}
        self.again: dict[str, bytes] = {}

    def submit(self, work, /, *inputs, **options):
        """A task; its ``result`` may be asked for once or never."""
        return Task(self, work, inputs, options)

    @contextlib.contextmanager
    def noting(self):
        """As of the worker processes; nothing has to be cancelled here."""
        yield []

    def result(self, work, inputs, options):
        """Of the task, unpickled anew each time."""
        key = hashlib.sha256(pickle.dumps((work, inputs, options))).hexdigest()
        path = self.kept / key
        self.asked.append(key)
        if self.lines is not None:
            if key not in self.tasks:
                with self.lines.noting() as note:
                    path.write_bytes(pickle.dumps(work(*inputs, **options)))
                self.tasks[key] = as_lists(note)
            return pickle.loads(path.read_bytes())
        if path.exists() and key not in self.reached:
            return pickle.loads(path.read_bytes())
        if key not in self.again:
            self.again[key] = pickle.dumps(work(*inputs, **options))
        return pickle.loads(self.again[key])


class Task:
    """A task that is not done before its result is asked for."""

    def __init__(self, pool: InlinePool, work, inputs, options) -> None:
        self.pool, self.parts = pool, (work, inputs, options)

    def result(self):
        """The task's result."""
        return self.pool.result(*self.parts)

    def cancel(self) -> None:
        """Nothing runs."""


def as_lists(note: dict[str, set[int]]) -> dict[str, list[int]]:
    """For JSON."""
    return {module: sorted(lines) for module, lines in note.items()}


def entries():
    """The claims of ROOMS with their theorems; their figures are not drawn."""
    from cgro_theory.theorems.catalogue import room

    for home in map(room, ROOMS):
        home.content.figures = lambda runs: ()
        for entry in home.checked:
            yield home, entry


def amiss(home, entry, seed: int, pool: InlinePool) -> str:
    """What of the claim and its negative controls did not come out as it has to; nothing when all did."""
    from cgro_theory.claims import Environment
    from cgro_theory.theorems import verification
    from cgro_theory.theorems.room import RunRequest

    request = RunRequest("quick", seed, "cpu", frozenset(), lambda doing, done: None, workers=pool)
    planned = verification.PlannedRoom(home, (entry.label,), (entry,), request, {})
    (verdict,) = verification.verify_room(planned, Environment("", "", "cpu", "float64", "", "")).verdicts
    if not verdict.outcome.passed:
        return f"{entry.label} {verdict.outcome.value}"
    return next(
        (f"{entry.label}: {each.name} {each.outcome.value}" for each in verdict.controls if not each.caught), ""
    )


def record(planted: Planted, kept: Path, modules: list[str], seed: int) -> dict:
    """Judge every claim of the unchanged code; which lines each judgement and each task executed."""
    answer = kept / "recorded.json"

    def child() -> int:
        lines = Lines(planted.copy, modules)
        with lines.noting() as at_import:
            checked = list(entries())
        pool, claims = InlinePool(kept, lines=lines), {}
        for home, entry in checked:
            pool.asked, started = [], time.perf_counter()
            with lines.noting() as note:
                wrong = amiss(home, entry, seed, pool)
            print(f"{time.perf_counter() - started:.1f} s {entry.label} {wrong}", flush=True)
            tasks, seconds = sorted(set(pool.asked)), time.perf_counter() - started
            claims[entry.label] = {"lines": as_lists(note), "tasks": tasks, "seconds": seconds, "amiss": wrong}
        found = {"at_import": as_lists(at_import), "tasks": pool.tasks, "claims": claims}
        answer.write_text(json.dumps(found))
        return 0

    code, _ = planted.fork(child, 6 * 3600.0, writes_bytecode=True)
    if code != 0:
        raise RuntimeError((planted.copy / ".last_output").read_text()[-3000:])
    return json.loads(answer.read_text())


def reaching(recorded: dict, site) -> tuple[list[str], frozenset[str]]:
    """The claims that a change may alter, the quickest first, and the tasks."""
    wanted = set(range(site.line, site.last_line + 1))
    # A default value or a constant is read at import: it counts for all that uses its module.
    anywhere = bool(wanted & set(recorded["at_import"].get(site.module, ())))

    def touches(lines: dict[str, list[int]]) -> bool:
        own = lines.get(site.module, [])
        return bool(own) if anywhere else bool(wanted & set(own))

    tasks = frozenset(key for key, lines in recorded["tasks"].items() if touches(lines))
    claims = {
        label: entry["seconds"]
        for label, entry in recorded["claims"].items()
        if not entry["amiss"] and (touches(entry["lines"]) or tasks & set(entry["tasks"]))
    }
    return sorted(claims, key=claims.__getitem__), tasks


def notice(
    planted: Planted, kept: Path, site, claims: list[str], tasks: frozenset[str], seed: int, limit: float
) -> str:
    """What noticed the change, or nothing."""
    path, seen = planted.copy / site.module, planted.copy / ".noticed"
    source = path.read_bytes()
    seen.unlink(missing_ok=True)

    def child() -> int:
        checked = {entry.label: (home, entry) for home, entry in entries()}
        pool = InlinePool(kept, reached=tasks)
        for label in claims:
            wrong = amiss(*checked[label], seed, pool)
            if wrong:
                seen.write_text(wrong)
                break
        return 0

    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()
    path.write_bytes(site.planted(source))
    try:
        code, _ = planted.fork(child, limit, writes_bytecode=False)
    finally:
        path.write_bytes(source)
    if code not in (0, None):
        last = (planted.copy / ".last_output").read_text().strip().rpartition("\n")[2]
        return f"does not run: {last}"
    return seen.read_text() if seen.exists() else ""


def main() -> None:
    """Judge a sample, print one line for each mutant and a table."""
    parser = argparse.ArgumentParser(prog="mutants.verification", description=__doc__)
    parser.add_argument("--sample-seed", type=int, default=880_060)
    parser.add_argument("--seed", type=int, default=881_900)
    parser.add_argument("--per-module", type=int, default=3)
    parser.add_argument("--only", default="", help="modules whose path has this text")
    parser.add_argument("--json", default="", help="file of the outcomes")
    options = parser.parse_args()
    chosen = {m: group for group in JUDGED for m in GROUPS[group] if options.only in m}
    preload()
    rows = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        planted, kept = Planted(Path(folder) / "tree"), Path(folder) / "kept"
        copy_tree(ROOT, planted.copy)
        kept.mkdir()
        recorded = record(planted, kept, list(chosen), options.seed)
        for label, entry in recorded["claims"].items():
            if entry["amiss"]:
                print(f"left out, as it does not pass without a change: {label}: {entry['amiss']}", flush=True)
        for module, group in chosen.items():
            source = (ROOT / module).read_bytes()
            for site in sampled(module, source, options.per_module, options.sample_seed):
                if site.name in known_equivalents().get(module, {}):
                    continue
                claims, tasks = reaching(recorded, site)
                started = time.perf_counter()
                usual = sum(recorded["claims"][label]["seconds"] for label in claims)
                limit = LIMIT + TIMES_AS_LONG * usual
                by = notice(planted, kept, site, claims, tasks, options.seed, limit) if claims else ""
                row = {"group": group, "module": module, "line": site.line, "name": site.name, "noticed": by}
                rows.append(row | {"claims": len(claims), "seconds": round(time.perf_counter() - started, 1)})
                print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    noticed, reached, total = (
        Counter(row["group"] for row in rows if keep(row))
        for keep in (lambda row: row["noticed"], lambda row: row["claims"], lambda row: True)
    )
    for group in JUDGED:
        if total[group]:
            print(f"{group}: {noticed[group]} of {total[group]}, {reached[group]} in code that a claim executes")
    print(f"{sum(noticed.values())} of {len(rows)}; sample seed {options.sample_seed}, seed {options.seed}")
    if options.json:
        document = {"sample_seed": options.sample_seed, "seed": options.seed, "mutants": rows}
        Path(options.json).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
