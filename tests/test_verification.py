"""What a verification says of itself: uncaught faults, runs that raise, claims asked for twice."""

from dataclasses import replace

import pytest

from cgro_theory.claims import Environment, VerificationResult, load_result
from cgro_theory.cli import main
from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.catalogue import room
from cgro_theory.theorems.checked_claim import NegativeControl
from cgro_theory.theorems.theorem_1_feature_learning import claims as CONTENT
from cgro_theory.theorems.verification import verify_room

CPU = Environment("3", "2", "cpu", "float64", "0", "none")
LABEL = "theorem_1.gradient_identity"


def verify(*arguments):
    """The exit code of ``cgro verify theorem_1`` on the claim that needs no training."""
    with pytest.raises(SystemExit) as stopped:
        main(["verify", "theorem_1", "--only", LABEL, "--quiet", *map(str, arguments)])
    return stopped.value.code


def plant(monkeypatch, change):
    """Replace the claim's negative controls by one."""
    control = NegativeControl("halved", "half of it", change)
    changed = (replace(entry, controls=(control,)) if entry.label == LABEL else entry for entry in CONTENT.CHECKED)
    monkeypatch.setattr(CONTENT, "CHECKED", tuple(changed))


def in_one_line(text):
    return " ".join(text.split())


def test_a_fault_that_is_not_caught_is_exit_code_3_and_named(monkeypatch, capsys, tmp_path):
    plant(monkeypatch, lambda evidence: evidence)
    assert verify("--json", tmp_path / "r.json") == 3
    shown = in_one_line(capsys.readouterr().out)
    assert f"{LABEL}: planted fault 'halved' (half of it) was not caught: it came out certified" in shown
    reason = f"planted fault 'halved' of {LABEL} was not caught: it came out certified"
    assert f"exit code 3 (inconclusive): {reason}" in shown
    assert load_result(tmp_path / "r.json")["claims"][0]["planted_faults"][0]["outcome"] == "certified"


def test_a_fault_that_cannot_be_planted_is_exit_code_3(monkeypatch, capsys):
    def change(evidence):
        raise RuntimeError("no such run")

    plant(monkeypatch, change)
    assert verify() == 3
    assert "could not be planted: no such run" in in_one_line(capsys.readouterr().out)


def test_runs_that_raise_leave_every_claim_of_the_room_inconclusive(monkeypatch, capsys, tmp_path):
    def gather(request):
        raise RuntimeError("a worker died")

    monkeypatch.setattr(CONTENT, "gather", gather)
    assert verify("--json", tmp_path / "r.json") == 3
    shown = in_one_line(capsys.readouterr().out)
    assert "the runs could not be made: RuntimeError: a worker died (gather, line" in shown
    assert f"exit code 3 (inconclusive): {LABEL} is inconclusive" in shown
    assert load_result(tmp_path / "r.json")["outcome"] == "inconclusive"


def test_bad_input_found_while_gathering_is_still_bad_input(monkeypatch):
    def gather(request):
        raise InvalidInput("width", 0, ">= 1")

    monkeypatch.setattr(CONTENT, "gather", gather)
    assert verify() == 2


def test_a_claim_asked_for_twice_is_judged_once():
    result = verify_room(room("theorem_1"), environment=CPU, only=(LABEL, LABEL))
    assert [verdict.claim.label for verdict in result.verdicts] == [LABEL]
    assert result.asked_for == (LABEL,)
    assert result.to_json()["asked"] == [LABEL]


def test_ctrl_c_says_in_one_line_what_was_written_before(monkeypatch, capsys, tmp_path):
    from cgro_theory.commands import verify as command

    def verify_two(entry, **options):
        if entry.label == "theorem_2":
            raise KeyboardInterrupt
        return VerificationResult(entry.label, "quick", 0, 0.0, CPU, {}, ())

    monkeypatch.setattr(command, "verify_room", verify_two)
    with pytest.raises(SystemExit) as stopped:
        main(["verify", "all", "--quiet", "--out", str(tmp_path)])
    assert stopped.value.code == 130
    assert capsys.readouterr().err == f"stopped; written to {tmp_path}/: lemmas, theorem_1\n"
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["lemmas.json", "theorem_1.json"]
