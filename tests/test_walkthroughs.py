"""docs/walkthroughs.md: three goals within ten commands and ten minutes; what comes out is what the page shows."""

import contextlib
import importlib.util
import io
import os
import re
import resource
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from cgro_theory.cli import main

REPOSITORY = Path(__file__).parent.parent
PAGE = (REPOSITORY / "docs" / "walkthroughs.md").read_text(encoding="utf-8")
SECTIONS = {text.split(":")[0]: text for text in PAGE.split("\n## ") if "```bash" in text}
MOST_COMMANDS, MOST_SECONDS = 10, 600


def script(name):
    return "".join(re.findall(r"^```bash\n(.*?)^```$", SECTIONS[name], re.DOTALL | re.MULTILINE))


def commands(name):
    """The commands of a walkthrough; what is read from the lines after ``<<'END'`` belongs to its command."""
    return re.findall(r"^(?:.*<<'END'\n(?:.*\n)*?END|.+)$", script(name), re.MULTILINE)


def shown(name):
    """The lines that the page shows of what is printed."""
    blocks = re.findall(r"^```text\n(.*?)^```$", SECTIONS[name], re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def is_printed(line, output):
    pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("..."))
    return any(re.search(pattern, " ".join(printed.split())) for printed in output.splitlines())


def test_each_goal_takes_at_most_ten_commands_and_shows_what_comes_out():
    assert list(SECTIONS) == ["Reviewer", "Theorist", "Group"]
    for name in SECTIONS:
        assert commands(name)[:2] == ["make install", "source .venv/bin/activate"]
        assert len(commands(name)) <= MOST_COMMANDS
        assert shown(name)
    assert [len(commands(name)) for name in SECTIONS] == [8, 7, 10]


def test_a_line_is_found_as_it_is_printed_only():
    assert is_printed("a ... c", "x\nsay   a b c d")
    assert not is_printed("a ... c", "a\nc")
    assert not is_printed("7 of 8", "8 of 8")


SMALLER = {
    "--runs 20": "--runs 1",
    "--runs 4": "--runs 1",
    "runs=4": "runs=1",
    "--draws 100000 --coverage 0.99 --failure 1e-6": "--draws 20 --coverage 0.5 --failure 0.1",
    "1e-6,1e-5,1e-4,1e-3": "1e-5,1e-3",
    " --figure mine.png": "",
    "count = 10": "count = 2",
    "count = 20": "count = 1",
    "--scheduler tcp://127.0.0.1:8786 ": "",
}
"""The same commands with less to do, and no cluster."""


@pytest.mark.parametrize("name", SECTIONS)
def test_the_commands_run_with_smaller_numbers(name, tmp_path, monkeypatch):
    """All that bounds and trains (proofs have tests of their own), and Python where pandas is, in this process."""
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    for command in commands(name):
        for large, small in SMALLER.items():
            command = command.replace(large, small)
        head, _, body = command.partition("\n")
        body = body.removesuffix("END")
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            if head.startswith("cat > "):
                Path(shlex.split(head)[2]).write_text(body)
            elif re.match(r"cgro (bound|simulate|sweep) ", head):
                with pytest.raises(SystemExit) as end:
                    main(shlex.split(head)[1:])
                assert not end.value.code, head
            elif head.startswith("python - ") and has_pandas():
                exec(body, {})
    expected = {
        "Reviewer": ("2 of 2 measured times lie in their brackets", "stage_order_probability"),
        "Theorist": ("2 of 2 measured times lie in their brackets", "not memorized"),
        "Group": ("2 of 2 runs done, 0 failed",),
    }
    assert [part for part in expected[name] if part not in printed.getvalue()] == []


def has_pandas():
    return importlib.util.find_spec("pandas") is not None


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.slow
@pytest.mark.parametrize("name", SECTIONS)
def test_a_walkthrough_from_a_fresh_clone(name, tmp_path):
    """As a reader does it, within ten minutes; prints how long it took."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)
    own = ("PYTHONPATH", "VIRTUAL_ENV", "OMP_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    (clone / "walk.sh").write_text("set -euo pipefail\n" + script(name))
    before, started = processor_seconds(), time.monotonic()
    run = subprocess.run(
        ["bash", "walk.sh"],
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=MOST_SECONDS,
    )
    seconds, used = time.monotonic() - started, processor_seconds() - before
    print(f"\n{name}: {len(commands(name))} commands, {seconds:.0f} s, processor time {used:.0f} s")
    assert run.returncode == 0, run.stdout[-3000:]
    assert [line for line in shown(name) if not is_printed(line, run.stdout)] == [], run.stdout[-6000:]
