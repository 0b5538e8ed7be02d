"""What a verification says of itself: uncaught controls, runs that raise, claims asked for twice."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from rechecking import program

from cgro_theory.claims import (
    Condition,
    Environment,
    Evidence,
    Interval,
    Measurement,
    Outcome,
    Prediction,
    VerificationResult,
    load_result,
)
from cgro_theory.cli import main
from cgro_theory.errors import InvalidInput
from cgro_theory.theorems.catalogue import ROOMS, checked_claim, room
from cgro_theory.theorems.checked_claim import CheckedPair, NegativeControl
from cgro_theory.theorems.theorem_1_feature_learning import claims as CONTENT
from cgro_theory.theorems.verification import LOOKS, judge_claim, plan_room, verify_room

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
    assert f"{LABEL}: negative control 'halved' (half of it) was not caught: it came out certified" in shown
    reason = f"negative control 'halved' of {LABEL} was not caught: it came out certified"
    assert f"exit code 3 (inconclusive): {reason}" in shown
    assert load_result(tmp_path / "r.json")["claims"][0]["planted_faults"][0]["outcome"] == "certified"


def test_a_fault_that_cannot_be_planted_is_exit_code_3(monkeypatch, capsys):
    def change(evidence):
        raise RuntimeError("no such run")

    plant(monkeypatch, change)
    assert verify() == 3
    assert "could not be planted: no such run" in in_one_line(capsys.readouterr().out)


MET = Condition("small", "x < 1", "x is small")
OTHER = Condition("large", "x > 0", "x is not too small")


@pytest.mark.parametrize(
    ("stated", "evaluated", "outcome", "said"),
    [
        ((MET,), (MET.given(x=0.5),), Outcome.CERTIFIED, "inside"),
        ((MET,), (MET.given(x=0.5), OTHER.given(x=0.5)), Outcome.INCONCLUSIVE, "relies on 'large'"),
        ((MET, OTHER), (MET.given(x=0.5),), Outcome.INCONCLUSIVE, "states 'large'"),
        ((MET, OTHER), (MET.given(x=2.0),), Outcome.OUT_OF_SCOPE, "assumption not met: small"),
        ((), (MET.given(x=2.0),), Outcome.INCONCLUSIVE, "relies on 'small'"),
    ],
)
def test_a_prediction_evaluates_what_its_claim_states_and_nothing_else(stated, evaluated, outcome, said):
    entry = replace(checked_claim(LABEL).claim, assumptions=stated)
    measured = Measurement(0.0, Interval.point(0.0), 1.0, 1, Evidence.EXACT)
    pair = CheckedPair(Prediction(Interval.point(0.0), evaluated), measured)
    verdict = judge_claim(entry, lambda runs, share: pair, None, 0.0)
    assert verdict.outcome is outcome
    assert said in verdict.reason


def gather_by(monkeypatch, gather):
    """Let ``gather`` make theorem 1's runs, in this process."""
    monkeypatch.setattr(CONTENT, "gather", gather)
    monkeypatch.delattr(CONTENT, "begin", raising=False)


class LookedAt:
    """A room whose one statistical claim, and its control, are decided by ``seen`` at each look."""

    def __init__(self, monkeypatch, seen, growing=("numbers",), caught=lambda look: True):
        self.requests, self.shares = [], []

        def check(runs, share):
            self.shares.append(share)
            low, high = seen(runs)
            measured = Measurement(
                0.5 * (low + high), Interval(low, high), 1.0 - share, runs, Evidence.STATISTICAL
            )
            return CheckedPair(Prediction(Interval(0.0, 1.0)), measured)

        def wrong(runs, share):
            high = 3.0 if caught(runs) else 1.5
            measured = Measurement(high, Interval(high - 1.0, high), 1.0, runs, Evidence.STATISTICAL)
            return CheckedPair(Prediction(Interval(0.0, 1.0)), measured)

        entry = checked_claim(LABEL)
        claim = replace(entry.claim, statistical=True, depends_on=(), natural_range=REAL, assumptions=())
        controls = (NegativeControl("wrong", "wrong", check=wrong),)
        own = replace(entry, claim=claim, check=check, controls=controls, needs=("numbers",))
        monkeypatch.setattr(CONTENT, "CHECKED", (own,))
        monkeypatch.setattr(CONTENT, "GROWING", frozenset(growing))
        gather_by(monkeypatch, self.gather)
        monkeypatch.setattr(CONTENT, "figures", lambda runs: ())
        monkeypatch.setattr(CONTENT, "parameters", lambda runs: {})

    def gather(self, request):
        self.requests.append(request)
        return 10 * request.growth

    def verdict(self):
        result = verify_room(plan_room(room("theorem_1")), CPU)
        document = result.to_json()
        (claim,) = program().shared_out(document)
        assert not program().misbooked(claim, document["ledger"])  # however many looks it took
        return result.verdicts[0], result


REAL = Interval(-float("inf"), float("inf"))


def test_an_undecided_claim_looks_again_at_more_runs_with_less_to_fail_with(monkeypatch):
    looked = LookedAt(monkeypatch, lambda runs: (0.2, 1.1 if runs < 40 else 0.9))
    verdict, result = looked.verdict()
    assert verdict.outcome is Outcome.CONSISTENT
    assert [(look.number, look.runs, look.outcome.value) for look in verdict.looks] == [
        (1, 10, "inconclusive"),
        (2, 20, "inconclusive"),
        (3, 40, "consistent"),
    ]
    assert looked.shares == pytest.approx([5e-4, 2.5e-4, 1.25e-4])
    assert verdict.failure_probability == pytest.approx(8.75e-4)
    assert [entry.look for entry in result.ledger] == [1, 2, 3]
    assert [request.sets for request in looked.requests] == [frozenset({"numbers"})] * 3
    assert [look["runs"] for look in result.to_json()["claims"][0]["looks"]] == [10, 20, 40]


def test_the_budget_of_looks_ends(monkeypatch):
    verdict, _ = LookedAt(monkeypatch, lambda runs: (0.2, 1.1)).verdict()
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert len(verdict.looks) == LOOKS["quick"]


@pytest.mark.parametrize("growing", [(), ("others",)])
def test_what_no_look_can_decide_is_looked_at_once(monkeypatch, growing):
    verdict, _ = LookedAt(monkeypatch, lambda runs: (0.2, 1.1), growing).verdict()
    assert (verdict.outcome, len(verdict.looks)) == (Outcome.INCONCLUSIVE, 1)


@pytest.mark.parametrize(
    ("later", "outcome"),
    [((0.2, 0.8), "consistent"), ((0.2, 1.1), "inconclusive"), ((1.2, 1.4), "refuted")],
)
def test_claim_and_control_are_judged_on_the_runs_of_the_last_look(monkeypatch, later, outcome):
    ends = {10: (0.2, 0.9), 20: later, 40: later}
    verdict, _ = LookedAt(monkeypatch, ends.get, caught=lambda runs: runs > 10).verdict()
    assert verdict.outcome.value == outcome
    assert [control.outcome for control in verdict.controls] == [Outcome.REFUTED]
    assert [look.uncaught for look in verdict.looks][:2] == [1, 0]
    assert verdict.measurement.interval == Interval(*later)


def test_a_later_look_that_breaks_off_leaves_the_claim_open(monkeypatch):
    looked = LookedAt(monkeypatch, lambda runs: (0.2, 1.1))

    def gather(request):
        if request.look > 1:
            raise InvalidInput("width", 0, ">= 1")
        return looked.gather(request)

    gather_by(monkeypatch, gather)
    verdict, _ = looked.verdict()
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "the runs of look 3 could not be made: width must be >= 1" in verdict.reason


def test_a_refuted_claim_is_refuted_at_once(monkeypatch):
    verdict, _ = LookedAt(monkeypatch, lambda runs: (1.2, 1.4)).verdict()
    assert (verdict.outcome, len(verdict.looks)) == (Outcome.REFUTED, 1)


def test_runs_that_raise_leave_every_claim_of_the_room_inconclusive(monkeypatch, capsys, tmp_path):
    def gather(request):
        raise RuntimeError("a worker died")

    gather_by(monkeypatch, gather)
    assert verify("--json", tmp_path / "r.json") == 3
    shown = in_one_line(capsys.readouterr().out)
    assert "the runs could not be made: RuntimeError: a worker died (gather, line" in shown
    assert f"exit code 3 (inconclusive): {LABEL} is inconclusive" in shown
    assert load_result(tmp_path / "r.json")["outcome"] == "inconclusive"


def test_bad_input_found_while_gathering_is_still_bad_input(monkeypatch):
    def gather(request):
        raise InvalidInput("width", 0, ">= 1")

    gather_by(monkeypatch, gather)
    assert verify() == 2


def test_a_claim_asked_for_twice_is_judged_once():
    result = verify_room(plan_room(room("theorem_1"), only=(LABEL, LABEL)), CPU)
    assert [verdict.claim.label for verdict in result.verdicts] == [LABEL]
    assert result.asked_for == (LABEL,)
    assert result.to_json()["asked"] == [LABEL]


def test_ctrl_c_says_in_one_line_what_was_written_before(monkeypatch, capsys, tmp_path):
    from cgro_theory.commands import judging

    def verify_two(planned, *rest):
        if planned.room.label == "theorem_2":
            raise KeyboardInterrupt
        return VerificationResult(planned.room.label, "quick", 0, 0.0, CPU, {}, ())

    monkeypatch.setattr(judging, "verify_room", verify_two)
    with pytest.raises(SystemExit) as stopped:
        main(["verify", "all", "--quiet", "--out", str(tmp_path)])
    assert stopped.value.code == 130
    assert capsys.readouterr().err == f"stopped; written to {tmp_path}/: lemmas, theorem_1\n"
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["lemmas.json", "theorem_1.json"]


@pytest.fixture
def untrained(monkeypatch):
    """Whoever gets as far as making runs fails."""
    from cgro_theory.commands import judging

    def verify_none(*planned):
        raise AssertionError("training started")

    monkeypatch.setattr(judging, "verify_room", verify_none)


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["verify", *map(str, arguments)])
    shown = capsys.readouterr()
    assert stopped.value.code == 2
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    return shown.err


@pytest.mark.parametrize(("json", "out"), [("both", "both"), ("a.json", "a.json"), ("x", "x/y"), ("y", "x/../y")])
def test_one_path_is_not_a_file_and_a_folder(untrained, capsys, tmp_path, monkeypatch, json, out):
    monkeypatch.chdir(tmp_path)
    line = refused(capsys, "gaussian_model", "--json", json, "--out", out)
    assert "--json and --out" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["gaussian_model.json", "gaussian_model_errors.png", "gaussian_model_errors.json"]
)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_stands_in_a_results_place_is_found_before_training(untrained, capsys, tmp_path, kind, name):
    place = tmp_path / name
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/null")
    else:
        place.mkdir()
    assert f"{place}: cannot write here: it is a {kind}" in refused(capsys, "gaussian_model", "--out", tmp_path)
    assert os.listdir(tmp_path) == [name]


def test_a_figure_of_another_part_of_the_room_is_found_before_training(untrained, capsys, tmp_path):
    os.mkfifo(tmp_path / "landscape_gap.svg")
    assert "it is a pipe" in refused(capsys, "theorem_3", "--out", tmp_path)
    with pytest.raises(AssertionError, match="training started"):
        main(["verify", "gaussian_model", "--quiet", "--out", str(tmp_path)])


def test_json_and_a_file_of_out_are_two_files(untrained, capsys, tmp_path):
    inside, link = tmp_path / "gaussian_model.json", tmp_path / "link"
    assert "--json has the name of a result" in refused(
        capsys, "gaussian_model", "--json", inside, "--out", tmp_path
    )
    inside.write_bytes(b"kept")
    os.link(inside, link)
    assert "are the same file" in refused(capsys, "gaussian_model", "--json", link, "--out", tmp_path)
    assert inside.read_bytes() == b"kept"
    with pytest.raises(AssertionError, match="training started"):
        main(["verify", "gaussian_model", "--json", str(tmp_path / "other.json"), "--out", str(tmp_path)])


def test_every_recorded_file_is_one_that_a_room_may_write():
    recorded = (Path(__file__).parents[1] / "verification" / "recorded").iterdir()
    stray = [path.name for path in recorded if not any(entry.may_write(path.name) for entry in ROOMS)]
    assert stray == []


def test_an_unknown_claim_is_refused_with_the_nearest_and_where_all_are(untrained, capsys, tmp_path):
    out = tmp_path / "new"
    line = refused(capsys, "theorem_1", "--only", "bar", "--out", out)
    assert line.startswith("error: --only must be a claim of theorem_1 such as theorem_1.")
    assert f"(paper_map.md lists all {len(room('theorem_1').claims)}), got 'bar'" in line
    assert not out.exists()
    assert "such as theorem_1.signal_time, " in refused(capsys, "theorem_1", "--only", "theorem_1.signal_tim")
    assert "gaussian_model.robust_error" in refused(capsys, "gaussian_model", "--only", "bar")
