"""Plant mutants and count those that the fast tests notice: `make mutants` (docs/mutants.md).

Stopped or killed, the same command goes on. A mutant's outcome is taken again when its module has changed, and a
survivor's when its tests have.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import platform
import random
import tempfile
from collections import Counter
from pathlib import Path

from mutants.groups import GROUPS, LONGEST_TEST, files_of
from mutants.planting import Planted, copy_tree, preload
from mutants.sites import Site, sites

ROOT = Path(__file__).parents[2]
SEED = 880_000
PER_MODULE = 10
OUTCOMES = ("killed", "survived", "timeout", "equivalent")


def sampled(module: str, source: bytes, count: int, seed: int) -> list[Site]:
    """Up to ``count`` of a module's changes, drawn without replacement by the seed and the module's name."""
    everything = sites(module, source)
    chosen = random.Random(f"{seed} {module}").sample(everything, min(count, len(everything)))
    return sorted(chosen, key=lambda site: (site.line, site.start, site.new))


def digest(*paths: str) -> str:
    """Of the files' contents."""
    return hashlib.sha256(b"".join((ROOT / path).read_bytes() for path in paths)).hexdigest()[:16]


def known_equivalents() -> dict[str, dict[str, str]]:
    """Module -> name of a change -> why no test can notice it."""
    return json.loads((Path(__file__).parent / "equivalent.json").read_text())


def machine() -> str:
    """The processor's name and the number of cores."""
    described = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        described = names[0].split(":", 1)[1].strip() if names else described
    return f"{described}, {os.cpu_count()} cores"


class Session:
    """Outcomes of mutants in a file that is rewritten after each."""

    def __init__(self, out: Path, planted: Planted) -> None:
        self.out, self.planted = out, planted
        self.kept = json.loads(out.read_text()) if out.exists() else {"mutants": {}, "recorded": {}}
        self.equivalents = known_equivalents()
        self.sound: set[str] = set()

    def save(self) -> None:
        """Replace the file, whole or not at all."""
        self.out.parent.mkdir(parents=True, exist_ok=True)
        partial = self.out.with_suffix(".partial")
        partial.write_text(json.dumps(self.kept, indent=1, sort_keys=True))
        partial.replace(self.out)

    def recorded(self, module: str, file: str) -> dict:
        """Seconds and lines of the tests of one file."""
        key = f"{module} {file}"
        stamp = digest(module, file)
        if self.kept["recorded"].get(key, {}).get("stamp") != stamp:
            self.kept["recorded"][key] = {"stamp": stamp, **self.planted.record(module, [file])}
            self.save()
        return self.kept["recorded"][key]

    def tests(self, site: Site) -> tuple[list[str], list[str], float]:
        """The tests that run the site's lines, the quickest first; all tests of the module; and their seconds."""
        wanted = set(range(site.line, site.last_line + 1))
        covering, everything = {}, {}
        for file in files_of(site.module):
            recorded = self.recorded(site.module, file)
            for test, (took, lines) in recorded["tests"].items():
                if took <= LONGEST_TEST:
                    everything[test] = took
                    # A default value or a constant is read at import, whichever test uses it.
                    if wanted & set(lines) or wanted & set(recorded["at_import"]):
                        covering[test] = took
        return sorted(covering, key=covering.__getitem__), list(everything), sum(everything.values())

    def judge(self, site: Site, whole: bool) -> None:
        """Plant it, unless its outcome is known."""
        key = f"{site.module}: {site.name}"
        stamp, module = digest(*files_of(site.module)), digest(site.module)
        before = self.kept["mutants"].get(key, {})
        entry = {
            "group": next(group for group, modules in GROUPS.items() if site.module in modules),
            "module": site.module,
            "line": site.line,
            "operator": site.operator,
            "name": site.name,
            "source": module,
            "tests": stamp,
        }
        if site.name in self.equivalents.get(site.module, {}):
            entry |= {"outcome": "equivalent", "reason": self.equivalents[site.module][site.name]}
        elif before.get("source") == module and (
            before["outcome"] == "killed" or (before["tests"] == stamp and (before.get("whole") or not whole))
        ):
            entry = before
        else:
            entry |= self._run(site, whole)
        self.kept["mutants"][key] = entry
        self.save()
        print(
            f"{entry['outcome']:<10} {entry.get('seconds', 0.0):6.1f} s  {site.module}:{site.line}  {site.name}",
            flush=True,
        )

    def _run(self, site: Site, whole: bool) -> dict:
        source = (ROOT / site.module).read_bytes()
        mutated = site.planted(source)
        covering, everything, seconds = self.tests(site)
        limit = 20.0 + 4.0 * seconds
        if site.module not in self.sound:
            # The control: the unchanged module, planted in the same way, must survive.
            outcome, by, _ = self.planted.run(site.module, source, everything, limit)
            if outcome != "survived":
                raise RuntimeError(f"{site.module} is {outcome} without a change, by {by}")
            self.sound.add(site.module)
        outcome, by, took = "survived", "", 0.0
        if covering:
            outcome, by, took = self.planted.run(site.module, mutated, covering, limit)
        if outcome == "survived" and whole and len(everything) > len(covering):
            # A test may use what an earlier one computed and kept, so that its lines are not its own.
            outcome, by, more = self.planted.run(site.module, mutated, everything, limit)
            took += more
        return {"outcome": outcome, "by": by, "seconds": round(took, 2), "covering": len(covering), "whole": whole}


def table(entries: list[dict]) -> str:
    """Markdown: one row per group, the share killed among those that are not equivalent."""
    lines = [
        "| group | mutants | killed | survived | timeout | equivalent | killed of the rest |",
        "|" + " --- |" * 7,
    ]
    groups = [*dict.fromkeys(each["group"] for each in entries)]
    for name, own in [*((g, [e for e in entries if e["group"] == g]) for g in groups), ("all", entries)]:
        count = Counter(each["outcome"] for each in own)
        rest = len(own) - count["equivalent"]
        share = f"{count['killed'] / rest:.1%}" if rest else "-"
        lines.append(f"| {name} | {len(own)} | {' | '.join(str(count[each]) for each in OUTCOMES)} | {share} |")
    return "\n".join(lines)


def main() -> None:
    """Run the sample and print the table."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--per-module", type=int, default=PER_MODULE)
    parser.add_argument("--only", default="", help="modules whose path contains this text")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "mutants" / "outcomes.json")
    parser.add_argument(
        "--covering-only", action="store_true", help="run survivors on no more than covering tests"
    )
    options = parser.parse_args()
    preload()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "tree"
        copy_tree(ROOT, copy)
        session = Session(options.out, Planted(copy))
        judged = []
        for modules in GROUPS.values():
            for module in modules:
                if options.only in module:
                    for site in sampled(module, (ROOT / module).read_bytes(), options.per_module, options.seed):
                        session.judge(site, not options.covering_only)
                        judged.append(session.kept["mutants"][f"{module}: {site.name}"])
    session.kept |= {
        "seed": options.seed,
        "per_module": options.per_module,
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
    }
    session.save()
    print(f"\nseed {options.seed}; {machine()}; {datetime.date.today():%d %B %Y}\n\n{table(judged)}")


if __name__ == "__main__":
    main()
