"""What commands print at 80 and at 60 columns: no longer line, no word broken; progress on a terminal and off."""

import io
import json
import os
import re
import time

import pytest
from rich.console import Console

from cgro_theory.cli import main
from cgro_theory.commands import console
from cgro_theory.commands.claims import print_cards
from cgro_theory.commands.layout import markdown_lines
from cgro_theory.commands.paper_map import reverified_quick
from cgro_theory.commands.verdicts import fitted_verdicts
from cgro_theory.report.reverification import shown_in_markdown

GRID = """[sweep]
kind = "memorizer"
name = "a sweep whose name is longer than most of the others"
[grid]
samples = [5, 6]
"""
COMMANDS = (
    "show results",
    "claims",
    "claims --paper",
    *(
        f"explain {label}"
        for label in (
            "theorem_1.signal_time",
            "theorem_1.phase_boundary",
            "questions.fresh_sample",
            "theorem_3.flatness_bound",
            "lemmas.common_clock",
        )
    ),
    "bound stages --dimension 1e9",
    "bound stages --dimension 1e4:1e9:3",
    "bound memorizer",
    "bound robust-size --samples 1e3:1e5:3",
    "bound flatness --gradient-variation cosine",
    "bound test-error --table",
    "sweep --kinds",
    "sweep grid.toml --dry-run",
    "sweep grid.toml --status --store a/folder/of/some/length/with/nothing/in/it",
)


def printed(words, width, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 0
    return capsys.readouterr().out


def words_in(text):
    return {re.sub(r"^[┃│]|[,;:]$", "", word) for word in text.split()} - {""}


@pytest.fixture
def recorded(request):
    return request.config.rootpath / "verification" / "recorded"


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_wider_than_the_terminal_and_no_word_is_broken(
    command, recorded, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grid.toml").write_text(GRID)
    (tmp_path / "results").mkdir()
    for name in ("gaussian_model.json", "landscape.json"):
        if (recorded / name).exists():
            (tmp_path / "results" / name).write_bytes((recorded / name).read_bytes())
    words = command.split()
    whole = words_in(printed(words, 2000, capsys, monkeypatch))
    for width in (80, 60):
        text = printed(words, width, capsys, monkeypatch)
        assert [line for line in text.splitlines() if len(line) > width] == []
        if "explain" not in command:  # a formula is drawn in two dimensions only where that fits
            assert words_in(text) - whole - KEYS == set()


KEYS = {"mark", "predicted", "measured", "runs", "inherited", "controls", "caught", "—"}
"""Names of a table's columns, which stand before each cell where there is no table."""


@pytest.mark.parametrize("width", [60, 80, 200])
def test_every_recorded_verdict_and_card_fits(recorded, width):
    found = [json.loads(path.read_bytes()) for path in sorted(recorded.glob("*.json"))]
    results = [document for document in found if "theorem" in document]
    shown = {}
    for columns in (width, 2000):
        narrow = Console(file=io.StringIO(), width=columns)
        for document in results:
            narrow.print(fitted_verdicts(document, narrow))
        print_cards(narrow, results)
        shown[columns] = narrow.file.getvalue()
    assert max(map(len, shown[width].splitlines())) <= width
    assert words_in(shown[width]) - words_in(shown[2000]) - KEYS == set()
    if width < 100:
        assert "theorem_1.signal_time\n    consistent; mark: " in shown[width]


def test_the_summary_of_a_reverification_fits():
    text = shown_in_markdown(reverified_quick())
    words = words_in(text.replace("`", "").replace("|", " "))
    for width in (60, 80):
        lines = markdown_lines(text, width)
        assert max(map(len, lines)) <= width
        told = {word for line in lines for word in words_in(line)}
        assert {word for word in told - words if not word.endswith(":")} == set()


def test_without_a_terminal_a_line_comes_now_and_then_however_silent_the_work_is(capsys, monkeypatch):
    monkeypatch.setattr(console, "LINE_SECONDS", 0.02)
    with console.progress_reporter(False, "2 of 7, lemmas") as show:
        show("counting", 0.25)
        deadline = time.monotonic() + 20.0
        told = ""
        while "left" not in told and time.monotonic() < deadline:
            time.sleep(0.01)
            told += capsys.readouterr().err
        show("counting", 0.5, "3 of 6 runs")
        time.sleep(0.06)
    first, second, *_ = told.splitlines()
    assert first == "  2 of 7, lemmas: counting"
    assert re.fullmatch(r"  2 of 7, lemmas: counting: 25 %, about \d+ \w+ left", second)
    assert "  2 of 7, lemmas: counting: 3 of 6 runs" in capsys.readouterr().err
    with console.progress_reporter(True) as show:
        show("counting", 0.5)
    assert capsys.readouterr().err == ""


def test_on_a_terminal_one_bar_has_the_percentage_and_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    for name, value in (("TTY_COMPATIBLE", "1"), ("FORCE_COLOR", "1"), ("COLUMNS", "60"), ("TERM", "xterm")):
        monkeypatch.setenv(name, value)
    with console.progress_reporter(False, "2 of 7") as show:
        show("counting", 0.0)
        show("counting", 0.5, "3 of 6 runs")
    told = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert "2 of 7: counting: 3 of 6 runs" in told
    assert " 50%" in told
    assert max(map(len, re.split(r"[\r\n]", told))) <= 60


@pytest.mark.parametrize("line", ["--no-color claims --paper", "claims --no-color --paper"])
def test_no_color_stands_anywhere(line, capsys, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    assert "theorem_1.signal_plateau" in printed(line.split(), 80, capsys, monkeypatch)
    assert os.environ["NO_COLOR"] == "1"
