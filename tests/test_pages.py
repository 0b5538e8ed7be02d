"""The code of the pages runs: notebook, Python, commands. A block that is not run says why above itself."""

import contextlib
import io
import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cgro_theory.cli import app
from cgro_theory.commands.command_line import find_command

REPOSITORY = Path(__file__).parent.parent
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
RUN_ELSEWHERE = {
    "docs/calculator.md": "test_calculator_command.py",
    "docs/plugins.md": "test_new_theorem.py",
    "docs/sweeps.md": "the test of the grid, below",
    "docs/walkthroughs.md": "test_walkthroughs.py",
}
FENCED = re.compile(r"(?:^<!-- not run: (.+) -->\n)?^( *)```(\w*)\n(.*?)^\2```$", re.DOTALL | re.MULTILINE)
ROOT = get_command(app)


class Block(NamedTuple):
    page: str
    reason: str
    language: str
    code: str

    @property
    def commands(self):
        """The words of each command of this project in it."""
        lines = [line.strip() for line in self.code.replace("\\\n", " ").splitlines()]
        return [
            shlex.split(line, comments=True)
            for line in lines
            if re.match(r"(?:cgro|make|python [\w/]+\.py) ?", line)
        ]

    @property
    def is_python(self):
        return self.language == "python"


def blocks_of(path):
    found = FENCED.findall(path.read_text(encoding="utf-8"))
    return [Block(str(path.relative_to(REPOSITORY)), why, language, code) for why, _, language, code in found]


BLOCKS = [block for path in PAGES for block in blocks_of(path)]


def unknown_options(words):
    """The options of a command that it does not have; the words after its name are not looked at."""
    known = {name for parameter in find_command(ROOT, words[1:]).params for name in parameter.opts}
    return [word for word in words if word.startswith("--") and word.partition("=")[0] not in {*known, "--help"}]


def test_notebook_runs_from_top_to_bottom():
    notebook = json.loads((REPOSITORY / "docs" / "first_steps.ipynb").read_text(encoding="utf-8"))
    namespace = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), namespace)
    assert "robust test error in [0.4" in printed.getvalue()


def test_every_block_of_code_is_run_or_says_why_not():
    silent = []
    for block in BLOCKS:
        commands = [words for words in block.commands if words[0] != "make"]
        if commands and not block.is_python and not block.reason and block.page not in RUN_ELSEWHERE:
            silent.append(f"{block.page}: {commands[0]}")
        for test in re.findall(r"tests/[\w/.]+\w", block.reason):
            assert (REPOSITORY / test).exists(), test
    assert not silent


@pytest.mark.parametrize(
    "block",
    [each for each in BLOCKS if each.is_python and not each.reason and each.page not in RUN_ELSEWHERE],
    ids=lambda block: block.page,
)
def test_python_of_the_pages_runs(capsys, block):
    exec(compile(block.code, block.page, "exec"), {})
    assert capsys.readouterr().out


def test_pages_name_only_commands_options_targets_and_programs_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    wrong = []
    for path in PAGES:
        prose = FENCED.sub("", path.read_text(encoding="utf-8"))
        named = [words for block in blocks_of(path) for words in block.commands]
        named += [span.split() for span in re.findall(r"`((?:cgro|make|python [\w/]+\.py) [^`]+)`", prose)]
        for words in named:
            if words[0] == "make":
                bad = not targets.issuperset(word for word in words[1:] if word.islower())
            elif words[0] == "python":
                bad = not (REPOSITORY / words[1]).is_file()
            else:
                bad = unknown_options(words) or (words[1][0].islower() and words[1] not in ROOT.commands)
            if bad:
                wrong.append(f"{path.name}: {' '.join(words)}")
    assert not wrong


def test_an_option_that_is_not_there_is_found():
    assert unknown_options(shlex.split("cgro bound stages --dimension 1e9 --colour red")) == ["--colour"]


def test_the_grid_of_the_page_is_swept_and_read(tmp_path, monkeypatch, capsys):
    blocks = {block.language: block for block in reversed(blocks_of(REPOSITORY / "docs" / "sweeps.md"))}
    monkeypatch.chdir(tmp_path)
    grid = re.sub(r"\{from = ([\d.]+),[^}]*\}", r"[\1]", blocks["toml"].code).replace('"1e4", ', "")
    Path("boundary.toml").write_text(grid, encoding="utf-8")
    for words in blocks["bash"].commands:
        result = CliRunner().invoke(app, words[1:], catch_exceptions=False)
        assert result.exit_code == 0, result.output
    assert len(Path("boundary.csv").read_text(encoding="utf-8").splitlines()) == 3
    exec(compile(blocks["python"].code, "sweeps.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 2
