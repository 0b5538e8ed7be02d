"""`cgro claims`, `cgro explain`, `cgro show` and `cgro --version`: answers without a run."""

import re
from pathlib import Path

import pytest

from cgro_theory import __version__
from cgro_theory.claims import Provenance
from cgro_theory.cli import main
from cgro_theory.commands import claims
from cgro_theory.commands.claims import explained
from cgro_theory.report.text import closing_line
from cgro_theory.theorems.catalogue import ROOMS

REPOSITORY = Path(__file__).parent.parent
ENTRIES = [entry for home in ROOMS for entry in home.checked]


def run(capsys, *arguments):
    """Exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, arguments)))
    shown = capsys.readouterr()
    return stopped.value.code, shown.out, shown.err


def test_every_claim_is_listed_and_the_paper_s_alone_on_demand(capsys):
    code, everything, _ = run(capsys, "claims")
    assert code == 0
    _, papers, _ = run(capsys, "claims", "--paper")
    for entry in ENTRIES:
        line = f"  {entry.label} ({entry.claim.provenance_text})\n"
        assert line in everything
        assert (line in papers) is (Provenance.PAPER in entry.claim.provenance)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.label)
def test_a_claim_is_told_whole_in_narrow_lines(entry):
    text = explained(entry)
    assert max(map(len, text.splitlines())) <= 79
    words = re.sub(r"\s+", " ", text)
    for said in (entry.claim.quantity, *(each.meaning for each in entry.claim.assumptions)):
        assert re.sub(r"\s+", " ", said).replace("- ", "-") in words.replace("- ", "-")
    assert all(control.name in text for control in entry.controls)
    (page,) = re.findall(r"docs/theory/\w+\.md", text)
    assert f"Claim `{entry.label}`:" in (REPOSITORY / page).read_text(encoding="utf-8")


def test_a_mistyped_label_is_one_line_and_costs_no_other_theorem_s_import(capsys, monkeypatch):
    monkeypatch.setattr(claims, "all_rooms", None)
    code, out, err = run(capsys, "explain", "theorem_1.signal_tme")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "did you mean 'theorem_1.signal_time'?" in err
    monkeypatch.undo()
    assert "did you mean 'lemmas.odd_symmetry'?" in run(capsys, "explain", "lemma.odd_symmetry")[2]


def test_results_are_shown_again(capsys, tmp_path):
    code, out, _ = run(capsys, "show", REPOSITORY / "verification" / "recorded")
    assert code == 0
    for home in ROOMS:
        assert home.label in out
    assert re.search(r"\d+ claims: \d+ certified, \d+ consistent", re.sub(r"\s+", " ", out))
    code, out, err = run(capsys, "show", tmp_path / "nowhere")
    assert (code, out, len(err.splitlines())) == (2, "", 1)


def test_the_version_is_told(capsys):
    assert run(capsys, "--version")[:2] == (0, f"cgro {__version__}\n")


def test_the_closing_line_counts_a_claim_once():
    def document(label, outcome, *controls):
        faults = [{"name": f"c{index}", "outcome": each} for index, each in enumerate(controls)]
        return {"seconds": 30.0, "claims": [{"label": label, "outcome": outcome, "planted_faults": faults}]}

    told = closing_line(
        [
            document("a.x", "inconclusive", "refuted"),
            document("a.x", "certified", "refuted"),
            document("b.y", "inconclusive", "consistent", "refuted"),
        ]
    )
    assert told == "2 claims: 2 inconclusive; 2 of 3 negative controls refuted; 1 min 30 s"
