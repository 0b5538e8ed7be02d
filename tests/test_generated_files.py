"""paper_map.md and the README's tables are what the catalogue and the recorded results say."""

import json
import re
from pathlib import Path

import pytest

from cgro_theory.claims import load_result
from cgro_theory.commands.paper_map import generated_files, run_paper_map
from cgro_theory.report.figures import render
from cgro_theory.theorems.catalogue import ROOMS

REPOSITORY = Path(__file__).parent.parent


def test_generated_files_are_fresh():
    for path, text in generated_files(REPOSITORY).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: run `cgro paper-map`"


def test_every_recorded_result_is_usable_and_passes():
    for room in ROOMS:
        document = load_result(REPOSITORY / "verification" / "recorded" / f"{room.label}.json")
        for entry in document["claims"]:
            assert entry["outcome"] != "refuted" or entry["label"] in (REPOSITORY / "README.md").read_text()
            for fault in entry["planted_faults"]:
                assert fault["outcome"] in ("refuted", "out_of_scope"), (entry["label"], fault["name"])


def test_check_reports_a_stale_map(tmp_path, capsys):
    for name in ("README.md", "paper_map.md"):
        (tmp_path / name).write_text("<!-- nothing -->")
    recorded = tmp_path / "verification" / "recorded"
    recorded.mkdir(parents=True)
    assert run_paper_map(tmp_path, check=True) == 1
    assert "stale" in capsys.readouterr().out
    assert run_paper_map(tmp_path, check=False) == 0
    assert run_paper_map(tmp_path, check=True) == 0


def test_readme_names_only_commands_that_exist():
    from typer.main import get_command

    from cgro_theory.cli import app

    known = set(get_command(app).commands)
    used = set(re.findall(r"^\s*cgro ([a-z-]+)", (REPOSITORY / "README.md").read_text(), flags=re.MULTILINE))
    assert used
    assert used <= known


@pytest.mark.parametrize("path", sorted((REPOSITORY / "verification").glob("*.py")), ids=lambda path: path.name)
def test_scripts_are_about_ten_lines(path):
    assert len(path.read_text().splitlines()) <= 12


def test_figures_render_with_labels_on_every_axis():
    from cgro_theory.claims import Figure, Marker, Panel, Series

    panel = Panel(
        "t",
        "time (s)",
        "error",
        (
            Series("a", (1.0, 2.0), (0.0, float("nan")), low=(0.0, 0.0), high=(1.0, 1.0)),
            Series("b", (1.0,), (1.0,), style="points"),
        ),
        (Marker("m", 1.5), Marker("span", 1.0, until=1.2, axis="y")),
        x_scale="log",
    )
    files = render(Figure("f", "F", "caption", (panel, panel)))
    assert files["png"].startswith(b"\x89PNG")
    assert b"time (s)" in files["svg"]
    assert json.loads(files["json"])["panels"][0]["series"][0]["y"] == [0.0, None]
    assert files["svg"] == render(Figure("f", "F", "caption", (panel, panel)))["svg"]


def test_python_blocks_of_the_readme_run(capsys):
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out
