"""The mutation runner: its list of modules, its changes, and a small tree in which it must kill and spare."""

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from mutants.__main__ import PER_MODULE, SEED, known_equivalents, sampled, table
from mutants.groups import GROUPS, files_of
from mutants.sites import sites

ROOT = Path(__file__).parent.parent
MODULES = [module for modules in GROUPS.values() for module in modules]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_and_its_tests_exist(module):
    for path in files_of(module):
        assert (ROOT / path).is_file(), path


def test_the_sample_is_large_enough_and_even():
    sizes = [len(sampled(module, (ROOT / module).read_bytes(), PER_MODULE, SEED)) for module in MODULES]
    assert sum(sizes) >= 400
    assert set(sizes) == {PER_MODULE}


@pytest.mark.parametrize("module", MODULES[::6])
def test_every_change_is_another_program_with_a_name_of_its_own(module):
    source = (ROOT / module).read_bytes()
    found = sites(module, source)
    assert len({site.name for site in found}) == len(found)
    before = ast.dump(ast.parse(source))
    for site in found[::7]:
        assert ast.dump(ast.parse(site.planted(source))) != before


def test_what_is_called_equivalent_is_a_change_of_today():
    for module, names in known_equivalents().items():
        present = {site.name for site in sites(module, (ROOT / module).read_bytes())}
        for name, reason in names.items():
            assert name in present, name
            assert len(reason) > 20


def test_changes_of_a_small_function():
    source = (
        b"def f(x, y=2.0):\n    if x < 1 and y:\n        raise ValueError('x' + 'y')\n    return min(x, -y) + 0\n"
    )
    names = {site.name for site in sites("m", source)}
    for expected in (
        "f: x < 1 -> (x <= 1)", "f: x < 1 -> (x > 1)", "f: x < 1 and y -> ((x < 1) or (y))", "f: 2.0 -> 4.0",
        "f: min(x, -y) -> max(x, -y)", "f: -y -> (y)", "f: min(x, -y) + 0 -> (min(x, -y))",
        "f: min(x, -y) + 0 -> ((min(x, -y)) - (0))", "f: 1 -> 2", "f: 1 -> 0",
    ):  # fmt: skip
        assert expected in names
    assert not any("ValueError" in name for name in names)


def test_the_runner_kills_what_is_tested_and_spares_what_is_not(tmp_path):
    """In a process of its own, as it forks: a killed, a surviving and an endless mutant, and the file restored."""
    (tmp_path / "small.py").write_text(
        "def f(n):\n    k = 0\n    while k < n:\n        k += 1\n    return k\nunused = 1\n"
    )
    (tmp_path / "test_small.py").write_text("from small import f\ndef test_f():\n    assert f(3) == 3\n")
    program = textwrap.dedent(
        f"""
        from pathlib import Path
        from mutants.planting import Planted
        planted = Planted(Path({str(tmp_path)!r}))
        recorded = planted.record("small.py", ["test_small.py"])
        assert recorded["tests"]["test_small.py::test_f"][1] == [1, 2, 3, 4, 5], recorded
        source = (planted.copy / "small.py").read_bytes()
        changes = [(b"k = 0", b"k = 1"), (b"used = 1", b"used = 2"), (b"k += 1", b"k += 0")]
        changes += [(b"return k", b"return -k")]
        for old, new in changes:
            print(planted.run("small.py", source.replace(old, new), ["test_small.py"], 2.0)[:2])
        assert (planted.copy / "small.py").read_bytes() == source
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "tests")}
    )
    assert done.returncode == 0, done.stderr
    noticed = "test_small.py::test_f"
    assert done.stdout.splitlines() == [
        "('survived', '')", "('survived', '')", "('timeout', '')", str(("killed", noticed)),
    ]  # fmt: skip


def test_the_table_counts_timeouts_as_not_killed():
    entries = [
        {"group": "a", "outcome": outcome} for outcome in ("killed", "killed", "survived", "timeout", "equivalent")
    ]
    assert "| a | 5 | 2 | 1 | 1 | 1 | 50.0% |" in table(entries)
    assert "| all | 5 | 2 | 1 | 1 | 1 | 50.0% |" in table(entries)
