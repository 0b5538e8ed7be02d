"""`cgro reverify`: many base seeds, resumed, and summed up as what came out."""

import json

import pytest

from cgro_theory.claims import load_result
from cgro_theory.cli import main
from cgro_theory.commands import reverify
from cgro_theory.errors import CgroError, InvalidInput
from cgro_theory.report.reverification import conclusion_line, nearest_ends, shown_in_markdown, summary_of
from cgro_theory.theorems.building_seeds import BUILDING_SEEDS
from cgro_theory.theorems.catalogue import room

SEEDS = (400001, 400002)
"""Of tests alone; nothing is judged by them."""


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["reverify", "--seeds", *map(str, arguments)])
    return stopped.value.code


@pytest.fixture
def small(monkeypatch):
    """One fast theorem, and code that counts as committed."""
    monkeypatch.setattr(reverify, "ROOMS", (room("lemmas"),))
    monkeypatch.setattr(reverify, "require_committed", lambda commit: None)


def test_seeds_are_verified_once_and_summed_up(small, tmp_path, capsys, monkeypatch):
    assert run(f"{SEEDS[0]},{SEEDS[1]}", "--out", tmp_path) == 0
    shown = capsys.readouterr()
    assert "2 of 2 verifications, on 2 base seeds, passed every one of 5 claims" in shown.out
    assert f"lemmas, seed-{SEEDS[0]}: 0 of 2 made (0 %)" in shown.err
    summary = json.loads((tmp_path / reverify.SUMMARY).read_text())
    assert [each["seed"] for each in summary["runs"]] == list(SEEDS)
    assert [each["exit_code"] for each in summary["runs"]] == [0, 0]
    assert set(summary["runs"][0]["claims"]) == {entry.label for entry in room("lemmas").checked}

    def again(*arguments):
        raise AssertionError("made again")

    monkeypatch.setattr(reverify, "_verify", again)
    assert run(f"{SEEDS[0]}-{SEEDS[1]}", "--out", tmp_path) == 0


def test_ctrl_c_says_how_to_go_on(small, tmp_path, capsys, monkeypatch):
    real, made = reverify._verify, []

    def once(folder, part, profile):
        if made:
            raise KeyboardInterrupt
        made.append(part)
        real(folder, part, profile)

    monkeypatch.setattr(reverify, "_verify", once)
    assert run(f"{SEEDS[0]}-{SEEDS[1]}", "--out", tmp_path) == 130
    assert "stopped; 1 of 2 made" in capsys.readouterr().err
    assert len(json.loads((tmp_path / reverify.SUMMARY).read_text())["runs"]) == 1


def test_results_of_other_code_are_not_mixed_in(small, tmp_path, capsys, monkeypatch):
    assert run(SEEDS[0], "--out", tmp_path) == 0
    path = tmp_path / f"seed-{SEEDS[0]}" / "lemmas.json"
    other = load_result(path)["environment"]["commit"]
    monkeypatch.setattr(reverify, "describe_environment", lambda device: type("E", (), {"commit": "elsewhere"}))
    assert run(SEEDS[0], "--out", tmp_path) == 2
    assert f"made by {other} with the profile quick; now it is elsewhere, quick" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "x", "1-", "-3", "400005-400001", "1-2-3", "٤", "400000-500000", "4" * 30])
def test_what_is_no_seed_is_refused(text):
    with pytest.raises(InvalidInput, match="seeds must be base seeds"):
        reverify.parse_seeds(text)


@pytest.mark.parametrize(("first", "last", "purpose"), BUILDING_SEEDS)
def test_no_seed_that_was_used_while_building_is_taken(first, last, purpose):
    for seed in (first, last):
        with pytest.raises(InvalidInput, match="no seed used while building"):
            reverify.parse_seeds(f"{seed}")


@pytest.mark.parametrize("commit", ["unknown", "abc1234-dirty"])
def test_code_that_no_commit_names_is_refused(commit):
    with pytest.raises(CgroError, match=f"this is {commit}: commit it first"):
        reverify.require_committed(commit)
    reverify.require_committed("abc1234")


def test_a_verification_that_breaks_off_is_told_and_not_counted(small, tmp_path, capsys, monkeypatch):
    real = reverify.subprocess.run

    def broken(words, **options):
        words = [*words, "--only", "lemmas.nothing"] if str(SEEDS[1]) in words else words
        return real(words, **options)

    monkeypatch.setattr(reverify.subprocess, "run", broken)
    assert run(f"{SEEDS[0]}-{SEEDS[1]}", "--out", tmp_path) == 3
    shown = capsys.readouterr()
    assert f"lemmas, seed-{SEEDS[1]} ended with 2: error: --only must be" in shown.err
    assert f"Not complete, and not among these: seed-{SEEDS[1]}: lemmas." in shown.out
    assert "1 of 1 verifications" in shown.out


def test_bad_options_write_nothing(small, tmp_path, capsys):
    for arguments in (
        ("0", "--out", tmp_path / "a"),
        (SEEDS[0], "--out", tmp_path / "b", "--profile", "slow"),
        (SEEDS[0], "--out", tmp_path / "c", "--instruction-sets", "sse9"),
    ):
        assert run(*arguments) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_end_that_every_value_satisfies_decides_nothing():
    one_sided = entry("a.x", measured=(0.0, 0.2)) | {"natural_range": [0.0, "inf"]}
    other = entry("a.x", measured=(0.0, 0.3)) | {"natural_range": [0.0, "inf"]}
    told = summary(made(1, one_sided, instruction_set="avx2"), made(1, other, instruction_set="default"))
    assert dict(nearest_ends(told)) == pytest.approx({"a.x": 0.7 / 0.1})


def entry(label, outcome="consistent", measured=(0.4, 0.6), faults=("refuted",), looks=1):
    return {
        "label": label,
        "outcome": outcome,
        "looks": [{}] * looks,
        "predicted": {"low": 0.0, "high": 1.0},
        "measured": {"low": measured[0], "high": measured[1]},
        "planted_faults": [{"name": f"c{index}", "outcome": each} for index, each in enumerate(faults)],
    }


def made(seed, *entries, instruction_set=""):
    environment = {"commit": "abc", "instruction_set": instruction_set}
    return summary_of([{"seed": seed, "environment": environment, "seconds": 2.0, "claims": list(entries)}])


def summary(*runs):
    return {"runs": list(runs), "machine": "x, 2 cores", "date": "2026-11-27", "profile": "quick"}


def test_a_summary_tells_what_was_open():
    told = summary(
        made(1, entry("a.x"), entry("a.y", "certified")),
        made(2, entry("a.x", "inconclusive", looks=3), entry("a.y", "certified")),
        made(3, entry("a.x", "refuted"), entry("a.y", "certified")),
        made(4, entry("a.x", faults=("refuted", "consistent")), entry("a.y", "certified")),
    )
    assert [each["exit_code"] for each in told["runs"]] == [0, 3, 1, 3]
    assert conclusion_line(told).startswith("1 of 4 verifications, on 4 base seeds, passed every one of ")
    assert "; 1 claims were refuted (code abc)." in conclusion_line(told)
    page = shown_in_markdown(told)
    assert "| 2 | `a.x` | inconclusive |" in page
    assert "| 4 | `a.x` | control `c1` not refuted |" in page
    assert "| `a.x` | 0 | 2 | 1 inconclusive, 1 refuted | 1 | 1 |" in page
    assert "| `a.y` | 4 | 0 | 0 | 0 | 0 |" in page


def test_the_worst_of_several_entries_of_a_claim_counts():
    first, second = entry("a.x", "refuted", faults=("consistent",)), entry("a.x")
    environment = {"commit": "abc", "instruction_set": ""}
    documents = [
        {"seed": 1, "environment": environment, "seconds": 1.0, "claims": [each]} for each in (first, second)
    ]
    for order in (documents, documents[::-1]):
        told = summary_of(order)
        assert (told["exit_code"], told["claims"]["a.x"]["outcome"]) == (1, "refuted")
        assert told["claims"]["a.x"]["uncaught"] == ["c0"]


def test_distances_are_in_units_of_what_an_instruction_set_changes():
    told = summary(
        made(1, entry("a.x", measured=(0.4, 0.6)), entry("a.y"), instruction_set="avx2"),
        made(1, entry("a.x", measured=(0.4, 0.62)), entry("a.y"), instruction_set="default"),
    )
    assert dict(nearest_ends(told)) == pytest.approx({"a.x": 0.38 / 0.02, "a.y": float("inf")})
    assert "| `a.x` | 19 |" in shown_in_markdown(told)
    assert nearest_ends(summary(made(1, entry("a.x")))) == []
