"""`cgro new-theorem`, the commands of docs/plugins.md, and the contract test that plug-ins import."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from installing import THEOREM, describe, install

from cgro_theory.claims import load_result
from cgro_theory.cli import main
from cgro_theory.testing import check_room
from cgro_theory.theorems.catalogue import room
from cgro_theory.theorems.room import Room

__all__ = ["install"]
PAGE = Path(__file__).parent.parent / "docs" / "plugins.md"
GOLDEN = Path(__file__).parent / "golden"


def cgro(*words):
    """The command's exit code."""
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, words)))
    return stopped.value.code


def test_the_page_s_commands_lead_to_a_judged_claim_in_the_report(install, monkeypatch, tmp_path, capfd):
    """All of them, but that pip's installation is only pretended, and one classifier is counted instead of 16."""
    monkeypatch.chdir(tmp_path)
    commands = "\n".join(
        re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    )
    for command in filter(None, commands.splitlines()):
        words = command.split()
        if words[0] == "cd":
            monkeypatch.chdir(words[1])
            runs = Path("my_bound/runs/counted_models.py")
            text = runs.read_text(encoding="utf-8")
            fewer = text.replace('{"quick": 4,', '{"quick": 1,').replace("(0.0, 0.1, 0.3, 0.6)", "(0.3,)")
            runs.write_text(fewer, encoding="utf-8")
        elif words[0] == "cgro":
            assert cgro(*words[1:]) == 0, command
        elif words[:4] == ["python", "-m", "pip", "install"]:
            describe(Path.cwd(), "my_bound", "my_bound", "my_bound:ROOM")
            monkeypatch.syspath_prepend(Path.cwd())
        else:
            words = [sys.executable, *words[1:]] if words[0] == "python" else words
            subprocess.run(words, check=True, env=os.environ | {"PYTHONPATH": str(PAGE.parent.parent)})
    document = load_result("results/my_bound.json")
    (claim,) = document["claims"]
    assert claim["outcome"] == "consistent"
    assert [control["outcome"] for control in claim["planted_faults"]] == ["refuted"]
    report = Path("report.html").read_text(encoding="utf-8")
    assert 'id="claim-my_bound.robust_error"' in report
    assert "not in this version" not in report
    assert "`my_bound.robust_error` For x = " in Path("paper_map.md").read_text(encoding="utf-8")
    assert cgro("claims") == 0
    shown = capfd.readouterr()
    assert "derivation  the documentation of my_bound 1.0" in shown.out
    assert "my_bound.robust_error (derived)" in shown.out
    assert "left out" not in shown.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Bound", "lower-case letters"),
        ("a-b", "lower-case letters"),
        ("a_", "lower-case letters"),
        ("class", "lower-case letters"),
        ("all", "lower-case letters"),
        ("../x", "lower-case letters"),
        (41 * "a", "lower-case letters"),
        ("theorem_1", "theorem_1 of cgro_theory is in the way"),
        ("theorem", "theorem_1 of cgro_theory is in the way"),
        ("known_better", "known of cgro-known 1.0 is in the way"),
        ("numpy", "a module of that name is there"),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_one_line(install, tmp_path, capsys, name, said):
    install("known")
    assert cgro("new-theorem", name, "--out", tmp_path / "new") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: name must be ")
    assert said in line
    assert not (tmp_path / "new").exists()


def test_what_is_there_stays(install, tmp_path, capsys):
    (tmp_path / "bound").mkdir()
    assert cgro("new-theorem", "bound", "--out", tmp_path) == 2
    assert (
        capsys.readouterr().err
        == f"error: --out {tmp_path / 'bound'}: is there already; choose another name or folder\n"
    )
    (tmp_path / "file").touch()
    assert cgro("new-theorem", "bound", "--out", tmp_path / "file") == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["bound", "file"]


def test_the_skeleton_is_the_template_renamed_and_nothing_else(install, tmp_path):
    assert cgro("new-theorem", "bound", "--out", tmp_path) == 0
    made = {
        path.relative_to(tmp_path / "bound").as_posix(): path for path in tmp_path.rglob("*") if path.is_file()
    }
    assert {
        "pyproject.toml",
        "README.md",
        "bound/claims/robust_error.py",
        "tests/golden/bound.json",
    } <= made.keys()
    for path in made.values():
        assert not re.search("gaussian_model|cgro_theory.skeleton|theory.md", path.read_text(encoding="utf-8")), (
            path
        )


def test_a_golden_file_that_belongs_to_another_theorem_is_a_fault(tmp_path):
    with pytest.raises(AssertionError, match=r"holds no golden file gaussian_model\.json"):
        check_room(room("gaussian_model"), tmp_path)
    check_room(room("lemmas"), GOLDEN)
    shutil.copy(GOLDEN / "lemmas_hitting_times.json", tmp_path / "gaussian_model.json")
    with pytest.raises(AssertionError, match="belongs to lemmas: its key 'theorem' must say gaussian_model"):
        check_room(room("gaussian_model"), tmp_path)
    (tmp_path / "gaussian_model.json").write_text(json.dumps({"cases": []}))
    with pytest.raises(AssertionError, match="belongs to no theorem"):
        check_room(room("gaussian_model"), tmp_path)


def test_the_page_s_python_runs():
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        exec(code, {})


def test_everything_that_a_room_lacks_is_told_at_once(install):
    install("sound", THEOREM + "CHECKED = (labelled('other.x', controls=()),)")
    with pytest.raises(AssertionError) as told:
        check_room(Room("sound", "A theorem of a test", "sound"))
    assert str(told.value).splitlines() == [
        "the claim other.x must be named sound.…, after its room",
        "other.x: it has no negative control, so nothing shows that its check can fail",
    ]
