import json
import math
import pickle
from dataclasses import replace

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from strategies import finite, intervals

from cgro_theory.claims import (
    Case,
    Claim,
    Condition,
    ControlVerdict,
    Environment,
    Evidence,
    ExitCode,
    FailureLedger,
    Interval,
    Measurement,
    Outcome,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
    Verdict,
    VerificationResult,
    WorstCase,
    conclude,
    inherited_outcomes,
    judge,
    load_result,
    save_result,
    worst,
)
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.report.text import verdict_notes, verdict_rows

MISSED = Condition("degree", "q >= 2", "the activation is smooth").given(q=1.0)


def make_claim(label="test.claim", depends_on=(), relation=Relation.WITHIN, statistical=False):
    return Claim(
        label=label,
        statement="A test.",
        source=Source("here", "1"),
        provenance=(Provenance.NEW,),
        quantity="x",
        natural_range=Interval(-math.inf, math.inf),
        relation=relation,
        expression=sympy.Eq(sympy.Symbol("x"), 0),
        depends_on=depends_on,
        statistical=statistical,
    )


def measured(low, high, evidence=Evidence.STATISTICAL, runs=3, binding=None):
    confidence = 0.99 if evidence is Evidence.STATISTICAL else 1.0
    return Measurement((low + high) / 2, Interval(low, high), confidence, runs, evidence, binding=binding)


@pytest.mark.parametrize(
    ("prediction", "measurement", "outcome"),
    [
        (Prediction(Interval(0, 1)), measured(0.2, 0.4), Outcome.CONSISTENT),
        (Prediction(Interval(0, 1)), measured(0.2, 0.4, Evidence.EXACT), Outcome.CERTIFIED),
        (Prediction(Interval(0, 1)), measured(0.0, 1.0, Evidence.INTERVAL), Outcome.CERTIFIED),
        (Prediction(Interval(0, 1)), measured(1.1, 1.4), Outcome.REFUTED),
        (Prediction(Interval(0, 1)), measured(0.9, 1.4), Outcome.INCONCLUSIVE),
        (Prediction(Interval(0, 1)), measured(1.0, 1.4), Outcome.INCONCLUSIVE),
        (Prediction(None), measured(0.2, 0.4), Outcome.INCONCLUSIVE),
        (Prediction(Interval(0, 1)), Measurement.failed("boom"), Outcome.INCONCLUSIVE),
        (Prediction(Interval(0, 1)), measured(0.2, 0.4, runs=0), Outcome.INCONCLUSIVE),
        (
            Prediction(Interval(0, 1)),
            Measurement(math.nan, Interval(0.2, 0.4), 0.9, 3, Evidence.EXACT),
            Outcome.INCONCLUSIVE,
        ),
        (Prediction(Interval(0, 1), (MISSED,)), measured(1.1, 1.4), Outcome.OUT_OF_SCOPE),
        (Prediction(Interval(-math.inf, math.inf)), measured(0.2, 0.4), Outcome.VACUOUS),
    ],
)
def test_judge_decides_by_intervals(prediction, measurement, outcome):
    assert judge(make_claim(), prediction, measurement)[0] is outcome


def test_a_statistical_claim_is_certified_only_where_its_samples_are_doubts():
    claim, predicted = make_claim(statistical=True), Prediction(Interval(0, 1))
    one = (Case(Interval(0, 1), Reading(Interval(0.2, 0.4))),)
    for doubts, outcome in (((), Outcome.CONSISTENT), (one, Outcome.CERTIFIED)):
        found = replace(measured(0.2, 0.4, Evidence.EXACT), raw=WorstCase(one, doubts))
        assert judge(claim, predicted, found)[0] is outcome
        assert judge(claim, predicted, replace(found, evidence=Evidence.STATISTICAL))[0] is Outcome.CONSISTENT


@pytest.mark.parametrize(
    ("estimate", "ends"),
    [
        (0.0, (-1e308, -1e308)),
        (0.0, (1.0, 2.0)),
        (math.inf, (0.0, 1.0)),
        (1.0, (-math.inf, 0.5)),
        (1e-9, (0.0, 0.0)),
    ],
)
def test_an_estimate_outside_its_interval_is_refused(estimate, ends):
    with pytest.raises(InvalidInput, match="estimate must be in its interval"):
        Measurement(estimate, Interval(*ends), 1.0, 1, Evidence.EXACT)


AT_LEAST_ONE = Prediction(Interval.at_least(1.0))
AT_MOST_ONE = Prediction(Interval.at_most(1.0))


@pytest.mark.parametrize(
    ("relation", "prediction", "measurement", "outcome"),
    [
        (Relation.AT_LEAST, AT_LEAST_ONE, measured(2.0, 3.0), Outcome.CONSISTENT),
        (
            Relation.AT_LEAST,
            AT_LEAST_ONE,
            Measurement(math.inf, Interval.point(math.inf), 1.0, 3, Evidence.EXACT),
            Outcome.REFUTED,
        ),
        (
            Relation.AT_MOST,
            AT_MOST_ONE,
            Measurement(-math.inf, Interval(-math.inf, 0.0), 1.0, 3, Evidence.EXACT),
            Outcome.REFUTED,
        ),
        (
            Relation.AT_LEAST,
            AT_LEAST_ONE,
            Measurement(2.0, Interval.at_least(1.5), 1.0, 3, Evidence.EXACT),
            Outcome.INCONCLUSIVE,
        ),
        (Relation.WITHIN, AT_LEAST_ONE, measured(2.0, 3.0), Outcome.INCONCLUSIVE),
        (Relation.WITHIN, AT_LEAST_ONE, measured(0.0, 0.5), Outcome.REFUTED),
        (
            Relation.AT_LEAST,
            AT_LEAST_ONE,
            Measurement(2.0, Interval(1.5, 3.0), 0.0, 3, Evidence.STATISTICAL),
            Outcome.INCONCLUSIVE,
        ),
        (
            Relation.AT_LEAST,
            AT_LEAST_ONE,
            Measurement(2.0, Interval(1.5, 3.0), 0.99, 3, Evidence.INTERVAL),
            Outcome.CONSISTENT,
        ),
    ],
)
def test_what_is_not_finite_or_not_sure_does_not_pass(relation, prediction, measurement, outcome):
    assert judge(make_claim(relation=relation), prediction, measurement)[0] is outcome


@pytest.mark.parametrize(
    ("low", "binding", "outcome"),
    [
        (0.2, None, Outcome.CERTIFIED),
        (0.2, 1, Outcome.CERTIFIED),
        (0.2, 0, Outcome.VACUOUS),
        (1.1, 0, Outcome.REFUTED),
        (0.9, 0, Outcome.INCONCLUSIVE),
    ],
)
def test_a_check_that_binds_nowhere_is_vacuous(low, binding, outcome):
    found = measured(low, low + 0.4, Evidence.EXACT, binding=binding)
    judged, reason = judge(make_claim(), Prediction(Interval(0, 1)), found)
    assert judged is outcome
    assert (reason == "no compared case could have violated the prediction") == (outcome is Outcome.VACUOUS)


def test_binding_cases_are_counted_and_written(tmp_path):
    with pytest.raises(InvalidInput, match="binding"):
        measured(0.2, 0.4, binding=-1)
    result = make_result(measured(1, 2, binding=7))
    save_result(result, tmp_path / "r.json")
    claims = load_result(tmp_path / "r.json")["claims"]
    assert claims[0]["measured"]["binding"] == 7
    assert "binding" not in claims[1]["measured"]


@given(intervals(), intervals())
def test_judge_never_passes_what_is_not_contained(predicted, found):
    measurement = Measurement(min(max(0.0, found.low), found.high), found, 1.0, 1, Evidence.EXACT)
    outcome, _ = judge(make_claim(), Prediction(predicted), measurement)
    if outcome is Outcome.CERTIFIED:
        assert predicted.low <= found.low
        assert found.high <= predicted.high
    if outcome is Outcome.REFUTED:
        assert predicted.is_disjoint_from(found)


@given(st.tuples(finite, finite))
def test_interval_accepts_exactly_ordered_ends(ends):
    if ends[0] <= ends[1]:
        assert Interval(*ends).contains(Interval.point(ends[0]))
    else:
        with pytest.raises(InvalidInput, match="low <= high"):
            Interval(*ends)


@pytest.mark.parametrize("ends", [(math.nan, 1.0), (0.0, math.nan)])
def test_interval_refuses_nan(ends):
    with pytest.raises(InvalidInput):
        Interval(*ends)


def test_equals_needs_a_tolerance_fixed_in_the_claim():
    with pytest.raises(InvalidInput, match="tolerance"):
        Claim(
            label="test.x",
            statement="A.",
            source=Source("here", "1"),
            provenance=(Provenance.NEW,),
            quantity="x",
            natural_range=Interval(0, 1),
            relation=Relation.EQUALS,
            expression=sympy.Eq(sympy.Symbol("x"), 0),
        )


def test_ledger_refuses_to_overspend():
    ledger = FailureLedger(1e-3, ["a.x", "a.y"])
    assert [ledger.spend("a.x", "looked", look) for look in (1, 2, 3)] == [2.5e-4, 1.25e-4, 6.25e-5]
    with pytest.raises(InvalidInput, match="has not taken"):
        ledger.spend("a.x", "again at the first look", 1)
    with pytest.raises(InvalidInput, match="has not taken"):
        ledger.spend("a.y", "more than there is", 0)
    with pytest.raises(InvalidInput, match="split over"):
        ledger.share("a.z")


@given(st.integers(1, 30), st.floats(1e-9, 0.1))
def test_ledger_never_exceeds_its_budget(count, budget):
    labels = [f"a.{index}" for index in range(count)]
    ledger = FailureLedger(budget, labels)
    for label in labels:
        for look in range(1, 9):
            ledger.spend(label, "part", look)
    assert math.fsum(entry.probability for entry in ledger.entries) <= budget * (1 + 1e-9)


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(list(Outcome)), min_size=1))
def test_inherited_is_never_better_than_own_or_parents(own):
    chain = dict(zip(own, [(), *((label,) for label in own)], strict=False))
    inherited = inherited_outcomes(own, chain)
    for label, parents in chain.items():
        assert inherited[label] == worst([own[label], *(inherited[parent] for parent in parents)])


def test_a_dependency_that_was_not_judged_is_inconclusive():
    assert inherited_outcomes({"a.x": Outcome.CERTIFIED}, {"a.x": ("a.y",)})["a.x"] is Outcome.INCONCLUSIVE


def test_circular_dependencies_are_named():
    outcomes = {"a.x": Outcome.CERTIFIED, "a.y": Outcome.CERTIFIED}
    with pytest.raises(ValueError, match=r"a\.x -> a\.y -> a\.x"):
        inherited_outcomes(outcomes, {"a.x": ("a.y",), "a.y": ("a.x",)})


def concluded(*outcomes, asked=None, controls=()):
    """A result with one claim per outcome, test.c0, test.c1, …; the first one carries the controls' outcomes."""
    verdicts = tuple(
        Verdict(
            make_claim(f"test.c{index}"),
            Prediction(Interval(0, 1)),
            measured(0.2, 0.4),
            outcome,
            "so it came out",
            controls=tuple(ControlVerdict(f"control{n}", "half of it", out) for n, out in enumerate(controls))
            if index == 0
            else (),
        )
        for index, outcome in enumerate(outcomes)
    )
    environment = Environment("3", "2", "cpu", "float64", "0", "none")
    return VerificationResult("test", "quick", 0, 1.5, environment, {}, verdicts, asked=asked)


PASSED, REFUTED, OPEN = ExitCode.PASSED, ExitCode.REFUTED, ExitCode.INCONCLUSIVE


@pytest.mark.parametrize(
    ("result", "code", "reason"),
    [
        (concluded(Outcome.CERTIFIED, Outcome.VACUOUS, Outcome.OUT_OF_SCOPE), PASSED, None),
        (concluded(Outcome.CERTIFIED, controls=[Outcome.REFUTED]), PASSED, None),
        (concluded(Outcome.REFUTED, Outcome.INCONCLUSIVE), REFUTED, "test.c0 is refuted"),
        (concluded(Outcome.CONSISTENT, Outcome.INCONCLUSIVE), OPEN, "test.c1 is inconclusive"),
        (
            concluded(Outcome.OUT_OF_SCOPE, Outcome.OUT_OF_SCOPE),
            OPEN,
            "nothing that was asked for passed: it came out out of scope",
        ),
        (
            concluded(Outcome.OUT_OF_SCOPE, Outcome.CERTIFIED, asked=("test.c0",)),
            OPEN,
            "nothing that was asked for passed: it came out out of scope",
        ),
        (concluded(Outcome.VACUOUS), OPEN, "nothing that was asked for passed: it came out vacuous"),
        (concluded(Outcome.CERTIFIED, asked=("test.c0", "test.x")), OPEN, "test.x was asked for and not judged"),
        (concluded(), OPEN, "nothing that was asked for passed: it came out not judged"),
        (concluded(Outcome.OUT_OF_SCOPE, Outcome.CERTIFIED, controls=[Outcome.REFUTED]), PASSED, None),
        (concluded(Outcome.REFUTED, controls=[Outcome.CERTIFIED]), REFUTED, "test.c0 is refuted"),
        *(
            (
                concluded(own, Outcome.CERTIFIED, controls=[Outcome.REFUTED, outcome]),
                OPEN,
                f"negative control 'control1' of test.c0 was not caught: it came out {outcome.in_words}",
            )
            for own in (Outcome.CONSISTENT, Outcome.OUT_OF_SCOPE, Outcome.VACUOUS)
            for outcome in Outcome
            if outcome is not Outcome.REFUTED
        ),
    ],
)
def test_the_exit_code_says_why_it_is_not_0(result, code, reason):
    conclusion = conclude([result])
    assert conclusion.code is code
    assert conclusion.reasons == (() if reason is None else (reason,))
    assert reason is None or str(conclusion) == f"exit code {code} ({code.name.lower()}): {reason}"


def test_results_asked_for_together_are_concluded_together():
    scope, good, bad = (concluded(o) for o in (Outcome.OUT_OF_SCOPE, Outcome.CERTIFIED, Outcome.REFUTED))
    assert conclude([scope, good]).code is PASSED
    assert conclude([scope, scope]).code is OPEN
    assert conclude([scope, good, bad]).code is REFUTED
    assert conclude([]).code is OPEN


def test_notes_and_table_tell_what_did_not_pass_and_which_fault_was_missed():
    result = concluded(
        Outcome.CERTIFIED, Outcome.VACUOUS, Outcome.OUT_OF_SCOPE, controls=[Outcome.REFUTED, Outcome.OUT_OF_SCOPE]
    )
    missed = concluded(Outcome.OUT_OF_SCOPE, controls=[Outcome.OUT_OF_SCOPE]).to_json()
    assert verdict_notes(missed) == [
        "test.c0 is out of scope: so it came out",
        "test.c0: negative control 'control0' (half of it) was not caught: it came out out of scope",
    ]
    document = result.to_json()
    assert verdict_notes(document) == [
        "test.c0: negative control 'control1' (half of it) was not caught: it came out out of scope",
        "test.c1 is vacuous: so it came out",
        "test.c2 is out of scope: so it came out",
    ]
    assert [row[-1] for row in verdict_rows(document)] == ["1/2", "0/0", "0/0"]


def make_result(found=None):
    found = found or measured(1, 2)
    verdicts = (
        Verdict(make_claim(), Prediction(Interval(0, math.inf)), found, Outcome.CONSISTENT, "inside"),
        Verdict(
            make_claim("test.other", depends_on=("test.claim",)),
            Prediction(None),
            Measurement.failed("no runs"),
            Outcome.INCONCLUSIVE,
            "no runs",
        ),
    )
    environment = Environment("3", "2", "cpu", "float64", "0", "none")
    return VerificationResult("test", "quick", 0, 1.5, environment, {"d": 3, "x": math.inf}, verdicts)


def test_result_round_trip_keeps_infinities_as_strings(tmp_path):
    save_result(make_result(), tmp_path / "r.json")
    document = load_result(tmp_path / "r.json")
    assert document["claims"][0]["predicted"]["high"] == "inf"
    assert document["claims"][1]["measured"]["estimate"] is None
    assert document["outcome"] == "inconclusive"
    assert document["parameters"]["x"] == "inf"
    json.dumps(document, allow_nan=False)


def corrupt(document, change):
    change(document)
    return document


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(schema="cgro-result/2"), "schema must be"),
        (lambda d: d.pop("claims"), "lacks the key 'claims'"),
        (lambda d: d["claims"][0].pop("measured"), "lacks the key 'measured'"),
        (lambda d: d["claims"][0].update(outcome="fine"), "unknown outcome"),
        (lambda d: d["claims"][0].update(outcome="refuted"), "does not follow"),
        (lambda d: d.update(outcome="certified"), "does not follow"),
        (lambda d: d["claims"][0].update(predicted={"low": 2, "high": 1}), "no interval"),
    ],
)
def test_edited_result_files_are_refused(tmp_path, change, message):
    path = tmp_path / "r.json"
    path.write_text(json.dumps(corrupt(make_result().to_json(), change)))
    with pytest.raises(InvalidFile, match=message):
        load_result(path)


def test_truncated_and_missing_result_files_are_refused(tmp_path):
    path = tmp_path / "r.json"
    save_result(make_result(), path)
    text = path.read_text()
    for cut in (0, 1, len(text) // 2, len(text) - 3):
        path.write_text(text[:cut])
        with pytest.raises(InvalidFile, match="truncated"):
            load_result(path)
    with pytest.raises(InvalidFile, match="cannot be read"):
        load_result(tmp_path / "none.json")


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    from cgro_theory.atomic_file import atomic_write

    path = tmp_path / "r.json"
    path.write_text("old")

    def interrupted():
        with atomic_write(path) as stream:
            stream.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_result_edited_by_hand_is_named(tmp_path):
    path = tmp_path / "r.json"
    save_result(make_result(), path)
    text = path.read_text()
    path.write_text(text.replace('"seed": 0', '"seed": 1', 1))
    assert path.read_text() != text
    with pytest.raises(InvalidFile, match=r"r\.json: its checksum does not fit"):
        load_result(path)


@pytest.mark.parametrize("error", [InvalidInput("width", 0, ">= 1"), InvalidFile("r.json", "is empty")])
def test_errors_come_back_from_other_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


@pytest.mark.parametrize("formula", [sympy.Integer(0), sympy.true, sympy.Symbol("x") + 1, sympy.Symbol("x")])
def test_a_formula_that_is_a_constant_or_has_no_left_side_is_refused(formula):
    with pytest.raises(InvalidInput, match="expression"):
        replace(make_claim(), expression=formula)
