"""Result files derived a second time: the fast rooms agree, and every planted lie is told."""

import ast
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rechecking import PROGRAM, judge_claim, judge_control, program, second_opinion, written

import cgro_theory
from cgro_theory.claims import (
    Case,
    Claim,
    Condition,
    Contradictions,
    Contrast,
    Counts,
    Environment,
    Evidence,
    Extreme,
    FailureLedger,
    Interval,
    Look,
    Mean,
    MeanRule,
    Measurement,
    OneReading,
    Outcome,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
    VerificationResult,
    WorstCase,
    load_result,
    save_result,
    sealed,
)
from cgro_theory.numerics.confidence import clopper_pearson, student_mean
from cgro_theory.theorems import verification
from cgro_theory.theorems.catalogue import room
from cgro_theory.theorems.checked_claim import CheckedPair, NegativeControl
from cgro_theory.theorems.theorem_1_feature_learning.claims.worst_run import JudgedRun, judge_runs

main = program().main
CPU = Environment("3", "2", "cpu", "float64", "0", "none")
SMALL = Condition("small", "0 < x < 1 and log(x) < 0", "x is small")
SHARE = 1e-3


def made_claim(name, relation=Relation.WITHIN, **more):
    natural = more.pop("natural_range", Interval(0.0, math.inf))
    source = Source("nowhere", "1")
    return Claim(f"test.{name}", "One.", source, (Provenance.NEW,), "a number", natural, relation, None, **more)


RUNS = made_claim("runs", assumptions=(SMALL,))
RATE = made_claim("rate", Relation.EQUALS, tolerance=0.1, natural_range=Interval(0.0, 1.0))
MEAN = made_claim("mean", Relation.AT_LEAST)
BINDS = made_claim("binds", Relation.AT_LEAST, statistical=False)
REFUTED = made_claim("refuted", assumptions=(SMALL,))
VALUES = (2.5, 2.0, 3.5, 2.75, 2.25, 3.0)


def judged_runs(values):
    assumed = (SMALL.given(x=0.5),)
    runs = [
        JudgedRun(Interval(k, k + 2.0), Interval.point(value), assumed=assumed) for k, value in enumerate(values)
    ]
    return judge_runs(runs, SHARE, seeds=range(len(values)))


def sampled(interval, raw):
    estimate = (interval.low + interval.high) / 2
    return Measurement(estimate, interval, 1.0 - SHARE, 6, Evidence.STATISTICAL, raw=raw)


def pair_of(claim):
    """One small check per rule, with the package's own intervals."""
    if claim is RUNS:
        return judged_runs((1.0, 2.2, 3.9))
    if claim is REFUTED:
        return judged_runs((1.0, 9.0, math.inf))
    if claim is RATE:
        rate = Interval(*clopper_pearson(510, 1000, SHARE))
        raw = OneReading(Reading(rate, Counts(510, 1000, SHARE)))
        return CheckedPair(Prediction(Interval.point(0.5)), sampled(rate, raw))
    if claim is MEAN:
        mean = Interval(*student_mean(VALUES, SHARE))
        raw = Extreme(
            "least", (Reading(mean, Mean.of(VALUES, MeanRule.STUDENT, SHARE)), Reading(Interval(9.0, 9.5)))
        )
        return CheckedPair(Prediction(Interval.at_least(0.25)), sampled(mean, raw))
    raw = Extreme("least", Reading.points((1.5, 2.0)))
    found = Measurement(1.5, Interval.point(1.5), 1.0, 2, Evidence.EXACT, binding=4, raw=raw)
    return CheckedPair(Prediction(Interval.at_least(1.0)), found)


EXPECTED = {RUNS: "consistent", RATE: "consistent", MEAN: "consistent", BINDS: "certified", REFUTED: "refuted"}


def far_off(claim, share):
    """The check of a negative control: runs, or a prediction, beyond everything."""
    if claim in (RUNS, REFUTED):
        return judged_runs((9.0, 12.0))
    pair = pair_of(claim)
    return replace(pair, prediction=replace(pair.prediction, interval=Interval(50.0, 60.0)))


FAR = NegativeControl("far", "far off", check=far_off)


def made_result():
    ledger = FailureLedger(8 * SHARE, [each.label for each in EXPECTED if each.statistical])
    verdicts = []
    for claim, outcome in EXPECTED.items():
        share = ledger.spend(claim.label, "a number") if claim.statistical else 0.0
        found = judge_claim(claim, lambda claim, share: pair_of(claim), claim, share)
        assert found.outcome == outcome
        look = Look(1, found.failure_probability, found.outcome, found.measurement.runs, 0)
        control = judge_control(claim, far_off, claim, share, FAR)
        verdicts.append(replace(found, controls=(control,), looks=(look,)))
    told = {"failure_budget": ledger.budget}
    return VerificationResult(
        "test", "quick", 880000, 1.0, CPU, told, tuple(verdicts), ledger=tuple(ledger.entries)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The result files of the fast rooms and of the checks above."""
    place = tmp_path_factory.mktemp("results")
    for label in ("gaussian_model", "lemmas"):
        save_result(
            verification.verify_room(verification.plan_room(room(label), seed=880002), CPU),
            place / f"{label}.json",
        )
    save_result(made_result(), place / "test.json")
    return place


def told(capsys, *arguments):
    code = main(list(map(str, arguments)))
    shown = capsys.readouterr()
    return code, shown.out.splitlines(), shown.err.splitlines()


def test_the_fast_rooms_agree_claim_by_claim_and_control_by_control(folder, capsys):
    code, out, err = told(capsys, folder)
    documents = [load_result(path) for path in sorted(folder.glob("*.json"))]
    claims = [claim for document in documents for claim in document["claims"]]
    entries = [each for claim in claims for each in (claim, *claim["planted_faults"])]
    agreeing = [line for line in out if line.endswith(" agree")]
    assert code == 0
    assert not err
    assert len(agreeing) == len(entries) > 20
    assert out[-1] == f"{len(entries)} verdicts: {len(entries)} agree, 0 disagree, 0 not recorded"
    for claim in claims:
        assert [claim["label"], claim["outcome"], claim["outcome"], "agree"] in map(str.split, agreeing)


def test_raw_numbers_are_written_on_one_line_and_read_back(tmp_path):
    result = made_result()
    save_result(result, tmp_path / "r.json")
    assert load_result(tmp_path / "r.json") == json.loads(json.dumps(sealed(result.to_json())))
    written_lines = (tmp_path / "r.json").read_text(encoding="utf-8").splitlines()
    assert sum(line.strip().startswith('"raw": {') for line in written_lines) == 2 * len(EXPECTED)


def entry_of(document, name):
    return next(claim for claim in document["claims"] if claim["label"] == f"test.{name}")


def lie(name, *path, to):
    """A lie about one claim: the value at the path becomes ``to``, or what ``to`` makes of it."""

    def change(document):
        place = entry_of(document, name)
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to(place[path[-1]]) if callable(to) else to

    return change


def erased(document):
    """A refuted claim passed off as one whose runs broke off."""
    entry = entry_of(document, "refuted")
    entry["measured"] |= {"estimate": None, "low": None, "high": None, "failure": "a run broke off"}
    entry["outcome"] = "inconclusive"


def twisted_end(document):
    """The predicted end and its raw number are moved together until the claim passes."""
    entry = entry_of(document, "refuted")
    entry["predicted"] |= {"low": 0.0, "high": "inf"}
    entry["outcome"] = "consistent"


LIES = {
    "an outcome is changed": lie("runs", "outcome", to="certified"),
    "a refuted claim is called consistent": lie("refuted", "outcome", to="consistent"),
    "a predicted end is moved": lie("runs", "predicted", "high", to=lambda end: end + 0.5),
    "a told end is moved": lie("mean", "raw", "told", to=[5.0, "inf"]),
    "a measured end is moved": lie("mean", "measured", "low", to=lambda end: end + 1e-4),
    "a rate is moved": lie("rate", "measured", "high", to=lambda end: end * (1 + 1e-6)),
    "one run is moved outside": lie("runs", "raw", "measured", 0, to=7.0),
    "one run was never reached": lie("runs", "raw", "measured", 1, to=None),
    "one run has no prediction": lie("runs", "raw", "predicted", 0, to=None),
    "a run broke off": lie("runs", "raw", to=lambda raw: raw | {"broken": 1}),
    "too many runs are left out": lie(
        "runs", "raw", to=lambda raw: raw | {"left_out": 1, "left_out_at_most": 0.05}
    ),
    "one value of a mean is moved": lie("mean", "raw", "cases", 0, "values", 2, to=-3.5),
    "a value is dropped": lie("mean", "raw", "cases", 0, "values", to=lambda values: values[1:]),
    "a condition is called unmet": lie("runs", "assumptions", 0, "met", to=False),
    "the numbers of a condition miss it": lie("runs", "assumptions", 0, "numbers", to={"x": 2.0}),
    "a condition is turned round": lie("runs", "assumptions", 0, "formula", to="x > 1"),
    "a refutation is called out of scope": lie("refuted", "outcome", to="out_of_scope"),
    "a count is changed": lie("rate", "raw", "measured", "successes", to=511),
    "a number of trials is changed": lie("rate", "raw", "measured", "trials", to=1001),
    "more failure probability is used": lie("rate", "measured", "confidence", to=0.9999),
    "a share is overspent": lie("rate", "failure_probability", to=1e-4),
    "the tolerance is wider": lie("rate", "tolerance", to=0.2),
    "nothing could have failed": lie("binds", "measured", "binding", to=0),
    "the natural range is inside": lie("binds", "natural_range", to=[1.2, 2.0]),
    "no runs were made": lie("binds", "measured", "runs", to=0),
    "another kind of evidence": lie("binds", "evidence", to="statistical"),
    "a relation needs both ends": lie("binds", "relation", to="within"),
    "an estimate lies elsewhere": lie("binds", "measured", "estimate", to=7.0),
    "a refutation is erased": erased,
    "a refuted run is told another prediction": twisted_end,
}


@pytest.mark.parametrize("name", LIES)
def test_every_planted_lie_is_told(name, folder, tmp_path, capsys):
    document = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    LIES[name](document)
    (tmp_path / "r.json").write_text(json.dumps(sealed(document)), encoding="utf-8")
    code, out, err = told(capsys, tmp_path)
    assert code == 1
    assert not err
    lies = {line.split(":")[0].split()[0].split(".")[-1] for line in out if "DISAGREE" in line}
    assert len(lies - {"all"}) == 1
    assert out[-1].endswith(" disagree, 0 not recorded")


def in_room(folder, tmp_path, label, change):
    document = json.loads((folder / f"{label}.json").read_text(encoding="utf-8"))
    change(document["claims"][0])
    (tmp_path / "r.json").write_text(json.dumps(sealed(document)), encoding="utf-8")
    return tmp_path / "r.json"


def control_raw(claim, place):
    return claim["planted_faults"][place]["raw"]


ROOM_LIES = {
    "a time lies beyond its bracket": ("lemmas", lambda claim: claim["raw"]["cases"][3].update(counted=10**9)),
    "a control is not caught": ("lemmas", lambda claim: claim["planted_faults"][0].update(outcome="certified")),
    "a control's count": ("lemmas", lambda claim: control_raw(claim, 1).update(omitted_contradicting=0)),
    "a classifier errs more": ("gaussian_model", lambda claim: claim["raw"]["measured"][7].update(successes=20)),
    "a control's prediction": ("gaussian_model", lambda claim: control_raw(claim, 0).update(predicted=[0.1])),
}


@pytest.mark.parametrize("name", ROOM_LIES)
def test_lies_about_the_rooms_and_their_controls_are_told(name, folder, tmp_path, capsys):
    code, out, _ = told(capsys, in_room(folder, tmp_path, *ROOM_LIES[name]))
    assert code == 1
    assert any("DISAGREE" in line for line in out)


def test_a_count_of_exceptions_that_is_changed_is_told(folder, tmp_path, capsys):
    def change(document):
        document["claims"][1]["raw"]["parts"]["in the code"] = 1

    document = json.loads((folder / "lemmas.json").read_text(encoding="utf-8"))
    change(document)
    (tmp_path / "r.json").write_text(json.dumps(sealed(document)), encoding="utf-8")
    assert told(capsys, tmp_path)[0] == 1


def test_without_raw_numbers_nothing_agrees(folder, tmp_path, capsys):
    path = in_room(folder, tmp_path, "gaussian_model", lambda claim: claim.pop("raw"))
    code, out, _ = told(capsys, path)
    assert code == 3
    assert out[-1] == "2 verdicts: 1 agree, 0 disagree, 1 not recorded"


def broken_checksum(folder, tmp_path):
    text = (folder / "test.json").read_text(encoding="utf-8").replace('"consistent"', '"certified"', 1)
    (tmp_path / "r.json").write_text(text, encoding="utf-8")


def write_raw(change):
    def plant(folder, tmp_path):
        in_room(folder, tmp_path, "gaussian_model", change)

    return plant


BAD = {
    "its checksum is wrong": broken_checksum,
    "cannot be read": lambda folder, tmp_path: (tmp_path / "r.json").write_text('{"schema": '),
    "no cgro-result/1 file": lambda folder, tmp_path: (tmp_path / "figure.json").write_text('{"title": "a"}'),
    "robust_error: KeyError: 'rule'": write_raw(lambda claim: claim["raw"].pop("rule")),
    "robust_error: KeyError: 'luck'": write_raw(
        lambda claim: claim.update(raw={"told": 1, "rule": "luck", "cases": []})
    ),
    "TypeError: a formula may not hold Attribute": write_raw(
        lambda claim: claim["assumptions"][0].update(formula="w_2.real > 0")
    ),
    "SyntaxError": write_raw(lambda claim: claim["assumptions"][0].update(formula="w_2 >")),
    "malformed, KeyError: 'name'": write_raw(lambda claim: claim["planted_faults"][0].pop("name")),
    "malformed, TypeError": write_raw(lambda claim: claim.update(label=None)),
    "ValueError": write_raw(lambda claim: claim["raw"]["measured"].pop()),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_one_line_and_exit_code_2(message, folder, tmp_path, capsys):
    BAD[message](folder, tmp_path)
    code, out, err = told(capsys, tmp_path)
    assert code == 2
    assert len(err) == 1
    assert message in err[0]
    assert not any("verdicts:" in line for line in out)


def test_a_file_that_is_not_there_or_not_a_result_is_exit_code_2(tmp_path, capsys):
    (tmp_path / "figure.json").write_text("{}", encoding="utf-8")
    assert told(capsys, tmp_path / "none.json")[0] == 2
    assert told(capsys, tmp_path / "figure.json")[2][0].endswith("not a cgro-result/1 file")
    os.mkfifo(tmp_path / "pipe.json")
    assert told(capsys, tmp_path / "pipe.json")[2][0].endswith("is no regular file")


def test_many_runs_are_recorded_by_the_worst_of_them():
    values = np.random.default_rng(880003).uniform(1.0, 2.0, 5000)
    assumed = (SMALL.given(x=0.5),)
    for last, outcome in ((1.5, Outcome.CONSISTENT), (2.5, Outcome.REFUTED)):
        runs = [
            JudgedRun(Interval(0.5, 2.0), Interval.point(v), assumed=assumed) for v in (*values.tolist(), last)
        ]
        found = judge_claim(RUNS, lambda _, share, runs=runs: judge_runs(runs, share, seeds=[1]), None, SHARE)
        assert found.outcome is outcome
        raw = written(found)["raw"]
        assert len(raw["measured"]) + raw["omitted"] == len(runs)
        assert len(json.dumps(raw)) < 5000


def test_many_contradictions_are_counted_beyond_those_that_are_recorded():
    cases = tuple(
        Contrast(Reading(Interval(0.0, 1.0)), Reading(Interval(k % 3, k % 3 + 0.5))) for k in range(3000)
    )
    found = Measurement(1000.0, Interval.point(1000.0), 1.0, 3000, Evidence.EXACT, raw=Contradictions(cases))
    claim = made_claim("many", Relation.AT_MOST)
    pair = CheckedPair(Prediction(Interval.point(0.0)), found)
    verdict = judge_claim(claim, lambda runs, share: pair, None, 0.0)
    assert verdict.outcome is Outcome.REFUTED
    assert written(verdict)["raw"]["omitted_contradicting"] == 900


def test_one_that_sticks_out_is_not_hidden_by_one_that_is_shown():
    """The interval of a case that lies inside, in place of that of the worst."""
    cases = tuple(Case(Interval(0.0, 1.0), Reading(Interval(0.2, high))) for high in (0.5, 1.5))
    found = Measurement(0.4, Interval(0.2, 0.5), 1.0, 2, Evidence.EXACT, raw=WorstCase(cases))
    claim = made_claim("hidden", statistical=False)
    pair = CheckedPair(Prediction(Interval(0.0, 1.0)), found)
    verdict = verify_one(claim, pair)
    assert verdict.outcome is Outcome.CERTIFIED
    assert second_opinion(claim, verdict) == ("inconclusive", "the intervals shown do not follow from the numbers")


def test_a_case_that_only_casts_doubt_refutes_and_confirms_nothing():
    doubts = tuple(Case(Interval.point(0.0), Reading(Interval(low, 0.5))) for low in (-0.5, 0.1))
    exact = Case(Interval.point(0.0), Reading(Interval.point(0.0)))
    found = Measurement(0.0, Interval.point(0.0), 1.0, 2, Evidence.EXACT, raw=WorstCase((exact,), doubts))
    claim = made_claim("doubted", natural_range=Interval(-1.0, 1.0))
    pair = CheckedPair(Prediction(Interval.point(0.0)), found)
    assert second_opinion(claim, verify_one(claim, pair))[0] == "refuted"
    certain = replace(found, raw=WorstCase((exact,), doubts[:1]))
    assert second_opinion(claim, verify_one(claim, replace(pair, measurement=certain))) == ("certified", "")


def verify_one(claim, pair):
    return verification.judge_claim(claim, lambda runs, share: pair, None, 0.0)


def test_every_measurement_that_a_theorem_makes_records_its_raw_numbers():
    silent = []
    for path in sorted((Path(cgro_theory.__file__).parent / "theorems").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            makes = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Measurement"
            if makes and "raw" not in {keyword.arg for keyword in node.keywords}:
                silent.append(f"{path.name}, line {node.lineno}")
    assert not silent


def test_no_claim_may_spend_more_than_its_share_nor_vanish(folder, tmp_path, capsys):
    """The Gaussian model as it was judged, then with a forged budget, more looks, or a claim left out."""
    document = load_result(folder / "gaussian_model.json")
    del document["sha256"]
    (claim,) = document["claims"]
    more = [line | {"label": f"other.{index}"} for index in range(9) for line in document["ledger"]]
    overspent, gone = "more failure probability is spent than stated", "spent on, and not there"
    for changed, code, words in (
        ({}, 0, "agree"),
        ({"ledger": [*document["ledger"], *more]}, 1, overspent),
        ({"claims": [claim | {"looks": claim["looks"] * 3}]}, 1, overspent),
        ({"asked": [*document["asked"], "gaussian_model.other"]}, 1, gone),
    ):
        path = tmp_path / "r.json"
        path.write_text(json.dumps(sealed(document | changed)), encoding="utf-8")
        found, out, _ = told(capsys, path)
        assert found == code
        assert any(words in line for line in out)


def recorded(name):
    return json.loads((PROGRAM.parent / "recorded" / f"{name}.json").read_text(encoding="utf-8"))


def test_no_statistical_claim_can_be_called_certified():
    """Of theorem 1: every sampled claim's evidence, confidence, look and outcome, and the file's, are forged."""
    document = recorded("theorem_1")
    forged = [claim for claim in document["claims"] if claim["failure_probability"] > 0]
    assert len(forged) > 20
    document["outcome"] = "certified"
    certified = {"outcome": "certified", "failure_probability": 0.0}
    for claim in forged:
        claim |= certified | {"evidence": "exact", "inherited": "certified"}
        claim["measured"]["confidence"] = 1.0
        claim["looks"][-1] |= certified
    lines = {line[0]: line[1:] for line in program().lines(document)}
    for claim in forged:
        recorded_outcome, derived, word = lines[claim["label"]]
        assert (recorded_outcome, derived) == ("certified", "consistent")
        assert word.startswith("DISAGREE")


def of_all(**changes):
    def change(document):
        for claim in document["claims"]:
            claim |= changes

    return change


def of_looks(document, **changes):
    for claim in document["claims"]:
        claim["looks"][-1] |= changes


def runs_of(document, *, looks):
    for claim in document["claims"]:
        claim["measured"]["runs"] = 10**6
        if looks:
            claim["looks"][-1]["runs"] = 10**6


def controls_that_pass(document):
    for claim in document["claims"]:
        own = {key: claim[key] for key in ("measured", "evidence", "raw", "assumptions", "outcome")}
        sides = {side: claim["predicted"][side] for side in ("low", "high")}
        for control in claim["planted_faults"]:
            control |= own | {"predicted": sides}
        claim["looks"][-1]["uncaught"] = len(claim["planted_faults"])


def one_asked(document):
    document["claims"] = document["claims"][:1]
    document["asked"] = []


FORGERIES = {
    "inherited": (of_all(inherited="refuted"), 1, "not the worst of all that it rests on"),
    "the whole": (lambda d: d.update(outcome="refuted"), 1, "not the worst of all that it rests on"),
    "controls pass": (controls_that_pass, 3, "open (agrees, and is not refuted)"),
    "no controls": (of_all(planted_faults=[]), 3, "open (no negative control)"),
    "runs": (lambda d: runs_of(d, looks=False), 1, "the last look is not what the claim shows"),
    "runs and looks": (lambda d: runs_of(d, looks=True), 1, "the runs are not those that were counted"),
    "no looks": (of_all(looks=[]), 1, "DISAGREE"),
    "the last look": (lambda d: of_looks(d, outcome="refuted"), 1, "the last look is not what the claim shows"),
    "a look's number": (lambda d: of_looks(d, number=2), 1, "a look spends something else than its share"),
    "the ledger": (lambda d: d.update(ledger=d["ledger"][:1]), 1, "DISAGREE"),
    "a share": (lambda d: d["ledger"][0].update(probability=1e-9), 1, "the ledger holds something else"),
    "nothing spent": (of_all(failure_probability=0.0), 1, "its looks spend something else"),
    "a flag": (of_all(statistical=False), 1, "the ledger holds something else"),
    "twice": (lambda d: d["claims"].append(d["claims"][0]), 1, "not asked for, or there twice"),
    "not asked": (lambda d: d.update(asked=[]), 1, "not asked for, or there twice"),
    "one asked": (one_asked, 1, "DISAGREE"),
    "a claim dropped": (lambda d: d["claims"].pop(0), 1, "asked for, needed or spent on, and not there"),
    "no raw numbers": (lambda d: [claim.pop("raw") for claim in d["claims"]], 3, "not recorded"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_every_forgery_of_what_follows_from_a_recorded_file_is_noticed(name, tmp_path, capsys):
    change, code, words = FORGERIES[name]
    document = recorded("questions" if name == "runs and looks" else "theorem_2")
    change(document)
    (tmp_path / "r.json").write_text(json.dumps(sealed(document)), encoding="utf-8")
    found, out, err = told(capsys, tmp_path)
    assert (found, err) == (code, [])
    assert any(words in line for line in out)


def test_the_recorded_results_agree(capsys):
    code, out, _ = told(capsys, PROGRAM.parent / "recorded")
    assert code == 0
    assert out[-1].endswith(" agree, 0 disagree, 0 not recorded")


@pytest.mark.parametrize("has_flag", [True, False])
def test_older_files_lack_the_statistical_flag_and_their_ledger_says_it(has_flag):
    document = recorded("theorem_2")
    in_ledger = {line["label"] for line in document["ledger"]}
    for claim in document["claims"]:
        claim.pop("statistical", None)
        if has_flag:
            claim["statistical"] = claim["label"] in in_ledger
    assert {line[3] for line in program().lines(document)} == {"agree"}


def test_a_claim_without_samples_may_rest_on_statistical_evidence():
    """Of confidence 1, such as a count over runs: it is consistent, and spends nothing."""
    claim = made_claim("counted", statistical=False)
    found = Measurement(
        1.5, Interval.point(1.5), 1.0, 2, Evidence.STATISTICAL, raw=Extreme("least", Reading.points((1.5, 2.0)))
    )
    verdict = verify_one(claim, CheckedPair(Prediction(Interval(1.0, 2.0)), found))
    assert verdict.outcome is Outcome.CONSISTENT
    assert second_opinion(claim, verdict) == ("consistent", "")
