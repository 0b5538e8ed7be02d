"""paper_map.md and the blocks of README.md and docs/results.md are what catalogue and recorded results say."""

import json
import re
from pathlib import Path

import pytest

from cgro_theory.claims import load_result
from cgro_theory.commands.paper_map import MEASURED, PAGES, generated_files, run_paper_map
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.report.claim_block import claim_markdown
from cgro_theory.report.figures import render
from cgro_theory.report.text import format_prediction
from cgro_theory.theorems.catalogue import ROOMS, claim

MEMORIZATION = "theorem_1.first_memorization_time"
REPOSITORY = Path(__file__).parent.parent


def test_generated_files_are_fresh():
    for path, text in generated_files(REPOSITORY).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: run `cgro paper-map`"


def test_every_recorded_result_is_usable_and_passes():
    results = (REPOSITORY / "docs" / "results.md").read_text(encoding="utf-8")
    for room in ROOMS:
        document = load_result(REPOSITORY / "verification" / "recorded" / f"{room.label}.json")
        for entry in document["claims"]:
            assert entry["outcome"] != "refuted" or entry["label"] in results
            for fault in entry["planted_faults"]:
                assert fault["outcome"] == "refuted", (entry["label"], fault["name"])


def test_every_claim_has_a_row_in_the_results():
    results = (REPOSITORY / "docs" / "results.md").read_text(encoding="utf-8")
    for room in ROOMS:
        block = results.split(f"<!-- verdicts {room.label} -->")[1].split(f"<!-- end verdicts {room.label} -->")[0]
        for entry in room.claims:
            assert f"| `{entry.label}` |" in block


def without_results(folder):
    """A repository with the pages and nothing recorded."""
    (folder / "docs").mkdir()
    for name in ("paper_map.md", *PAGES):
        (folder / name).write_text("<!-- nothing -->")
    (folder / "verification" / "recorded").mkdir(parents=True)


def test_check_reports_a_stale_map(tmp_path, capsys):
    without_results(tmp_path)
    assert run_paper_map(tmp_path, check=True) == 1
    assert "stale" in capsys.readouterr().out
    assert run_paper_map(tmp_path, check=False) == 0
    assert run_paper_map(tmp_path, check=True) == 0


@pytest.mark.parametrize("name", ["README.md", "docs/results.md"])
def test_check_reports_a_stale_block(tmp_path, capsys, name):
    without_results(tmp_path)
    recorded = Path("verification", "recorded", "theorem_1.json")
    (tmp_path / recorded).write_bytes((REPOSITORY / recorded).read_bytes())
    (tmp_path / name).write_text((REPOSITORY / name).read_text(encoding="utf-8"), encoding="utf-8")
    assert run_paper_map(tmp_path, check=False) == 0
    fresh = (tmp_path / name).read_text(encoding="utf-8")
    entry = next(each for each in load_result(tmp_path / recorded)["claims"] if each["label"] == MEMORIZATION)
    shown = format_prediction(entry)
    assert fresh.count(shown) == 1
    (tmp_path / name).write_text(fresh.replace(shown, "[1, 2]"), encoding="utf-8")
    assert run_paper_map(tmp_path, check=True) == 1
    assert name in capsys.readouterr().out
    assert run_paper_map(tmp_path, check=False) == 0
    assert (tmp_path / name).read_text(encoding="utf-8") == fresh


def reverified(folder, outcome="consistent"):
    claim = {"outcome": outcome, "looks": 1, "uncaught": [], "predicted": [0.0, 1.0], "measured": [0.5, 0.5]}
    run = {
        "seed": 7,
        "instruction_set": "",
        "commit": "abc",
        "exit_code": 0,
        "seconds": 3.0,
        "claims": {"a.x": claim},
    }
    summary = {"schema": "cgro-reverification/1", "profile": "quick", "date": "d", "machine": "m", "runs": [run]}
    (folder / "verification" / "reverified").mkdir(exist_ok=True)
    (folder / "verification" / "reverified" / "quick.json").write_text(json.dumps(summary))


def test_pages_show_what_was_re_verified(tmp_path, capsys):
    without_results(tmp_path)
    block = "<!-- {0} quick -->\n<!-- end {0} quick -->\n"
    (tmp_path / "README.md").write_text(block.format("reverified"))
    (tmp_path / "docs" / "reverification.md").write_text(block.format("reverification"))
    assert run_paper_map(tmp_path, check=False) == 0
    assert "verifications" not in (tmp_path / "README.md").read_text()
    reverified(tmp_path)
    assert run_paper_map(tmp_path, check=True) == 1
    assert run_paper_map(tmp_path, check=False) == 0
    assert "1 of 1 verifications, on 1 base seeds," in (tmp_path / "README.md").read_text()
    assert "| `a.x` | 0 | 1 | 0 | 0 | 0 |" in (tmp_path / "docs" / "reverification.md").read_text()
    reverified(tmp_path, "refuted")
    assert run_paper_map(tmp_path, check=True) == 1
    (tmp_path / "verification" / "reverified" / "quick.json").write_text('{"schema": "other"}')
    with pytest.raises(InvalidFile, match="schema must be 'cgro-reverification/1'"):
        run_paper_map(tmp_path, check=True)


def test_a_block_without_an_end_or_of_nothing_is_named(tmp_path):
    without_results(tmp_path)
    (tmp_path / "README.md").write_text("<!-- claim theorem_1.signal_time -->")
    with pytest.raises(InvalidFile, match=r"README\.md: lacks the line <!-- end claim theorem_1\.signal_time -->"):
        run_paper_map(tmp_path, check=True)
    (tmp_path / "README.md").write_text("<!-- verdicts theorem_7 -->\n<!-- end verdicts theorem_7 -->")
    with pytest.raises(InvalidInput, match="theorem_7"):
        run_paper_map(tmp_path, check=True)
    (tmp_path / "README.md").unlink()
    with pytest.raises(InvalidFile, match="not found"):
        run_paper_map(tmp_path, check=True)


def test_a_claim_told_whole_hides_nothing():
    label = MEMORIZATION
    document = load_result(REPOSITORY / "verification" / "recorded" / "theorem_1.json")
    entry = next(each for each in document["claims"] if each["label"] == label)
    entry["statement"] = claim(label).statement
    told = claim_markdown(claim(label), document)
    assert told.count(claim(label).statement) == 1
    shown = format_prediction(entry)
    for part in (
        r"\frac{2 N v_{0}^{2 - q}}{\lambda q",
        shown,
        f"{entry['measured']['runs']} runs",
        "**consistent**",
    ):
        assert part in told
    assert told.count("**refuted**") == len(entry["planted_faults"]) >= 2

    entry["statement"] = "What an older version said."
    entry["outcome"], entry["reason"] = "inconclusive", "the two intervals overlap"
    entry["planted_faults"][0]["outcome"] = "out_of_scope"
    told = claim_markdown(claim(label), document)
    assert "What an older version said." in told
    assert claim(label).statement in told
    assert "**inconclusive** (the two intervals overlap)" in told
    assert told.count("**out of scope**") == 1
    assert told.count("**refuted**") == len(entry["planted_faults"]) - 1

    with pytest.raises(InvalidInput, match="lemmas"):
        claim_markdown(claim("lemmas.odd_symmetry"), {**document, "claims": []})


ALONE = {
    REPOSITORY / "verification" / name for name in ("recheck.py", "recheck_numbers.py", "check_certificate.py")
}
SCRIPTS = sorted(set((REPOSITORY / "verification").glob("*.py")) - ALONE)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
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
    assert files["svg"].count(b">span<") == 1, "what both panels show is in the legend once"
    assert json.loads(files["json"])["panels"][0]["series"][0]["y"] == [0.0, None]
    assert files["svg"] == render(Figure("f", "F", "caption", (panel, panel)))["svg"]


def test_every_claim_has_its_command_on_the_artifact_page(tmp_path):
    page = (REPOSITORY / "docs" / "artifact.md").read_text(encoding="utf-8")
    for room in ROOMS:
        for entry in room.claims:
            assert page.count(f"| `cgro verify {room.label} --only {entry.label}` | ") == 1
    without_results(tmp_path)
    recorded = Path("verification", "recorded", "lemmas.json")
    (tmp_path / recorded).write_bytes((REPOSITORY / recorded).read_bytes())
    blocks = "<!-- artifact {0} -->\n<!-- end artifact {0} -->\n"
    (tmp_path / "docs" / "artifact.md").write_text(blocks.format("lemmas") + blocks.format("resources"))
    taken = {"processor_seconds": 7.4, "peak_mib": 321, "disk_mib": 0.5, "date": "d"}
    found = {"machine": "m", "environment_mib": 9, "commands": {"lemmas": taken, "lemmas.odd_symmetry": taken}}
    (tmp_path / MEASURED).parent.mkdir(parents=True)
    (tmp_path / MEASURED).write_text(json.dumps({"schema": "cgro-artifact/1", **found}))
    assert run_paper_map(tmp_path, check=False) == 0
    made = (tmp_path / "docs" / "artifact.md").read_text(encoding="utf-8")
    assert re.search(r"only lemmas\.odd_symmetry` \| certified \| .* \| 7 s, 321 MiB \|", made)
    assert re.search(r"only lemmas\.tensor_power_time` \| consistent \| .* \| — \|", made)
    assert re.search(r"\| `cgro verify lemmas` \| 5 \| \d+ s \| 7 s, 321 MiB \| 0\.5 MiB \|", made)
    (tmp_path / MEASURED).write_text('{"schema": "other"}')
    with pytest.raises(InvalidFile, match="schema must be 'cgro-artifact/1'"):
        run_paper_map(tmp_path, check=False)
