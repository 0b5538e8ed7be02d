"""What the page and the map may not say: constants as formulas, hidden limits, faults that were not refuted."""

import html
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import sympy
from test_report_page import RECORDED, check_page, claim_entry, document, render, write

from cgro_theory.claims import Claim, Condition, Interval, Provenance, Relation, Source
from cgro_theory.commands.report import LIMITS, report_sections
from cgro_theory.errors import InvalidFile
from cgro_theory.report.html import render_report
from cgro_theory.report.html_claims import ReportSection
from cgro_theory.report.html_limits import markdown_to_html
from cgro_theory.report.html_sources import read_results, read_sources
from cgro_theory.report.paper_map import MapSection, render_paper_map
from cgro_theory.report.text import look_lines
from cgro_theory.theorems.catalogue import ROOMS
from cgro_theory.theorems.questions.claims import question_4_phases, question_9_dimension
from cgro_theory.theorems.questions.theory.predictions import Expected
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Phase
from cgro_theory.theorems.theorem_1_feature_learning.runs.training import DESCENT_DIMENSION, FLOW_DIMENSIONS

ROOT = Path(__file__).parent.parent
LIMITS_TEXT = LIMITS.read_text(encoding="utf-8")
CLAIMS = {claim.label: claim for room in ROOMS for claim in room.claims}
NEGATIVE = ROOT / "verification" / "full_profile" / "theorem_3_quick_seed_2000.json"


def a_claim(label="room.one", **changes):
    fields = {
        "statement": f"Statement of {label}",
        "source": Source("a paper", "1"),
        "provenance": (Provenance.PAPER,),
        "quantity": "a correlation",
        "natural_range": Interval(-1.0, 1.0),
        "relation": Relation.AT_MOST,
        "expression": sympy.Eq(sympy.Symbol("x"), 0),
    }
    return Claim(label=label, **(fields | changes))


def part(text, anchor):
    """The words of the section or article with this id."""
    inside = text.partition(f'id="{anchor}"')[2]
    inside = re.split(r"</article>|</section>", inside)[0]
    return " ".join(re.sub(r"<[^>]*>", " ", inside).split())


@pytest.fixture(scope="module")
def recorded():
    return render_report(read_results(RECORDED), report_sections(), LIMITS_TEXT)


# --- formulas and conditions ----------------------------------------------------------------------------------


def test_the_page_shows_no_truth_value_and_no_lonely_number(recorded):
    formulas = re.findall(r'<math alttext="([^"]*)">', recorded)
    assert formulas
    assert not [
        formula for formula in formulas if formula in ("True", "False") or not re.search("[a-zA-Z]", formula)
    ]


def test_an_assumption_whose_condition_is_a_constant_is_told_in_words(recorded):
    assert "ℓ∘ f takes values in [0, B ]" in part(recorded, "claim-theorem_3.flatness_bound")


def test_the_step_of_a_neuron_is_in_its_own_projection():
    symbols = {symbol.name for symbol in CLAIMS["theorem_1.gradient_identity"].expression.free_symbols}
    assert {"du_r", "u_r"} <= symbols
    assert "u_max" not in symbols


# --- statements -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "first_memorization_time",
        "noise_memorization",
        "memorization_order",
        "memorization_time_exponent",
        "clean_train_error",
        "robust_train_error",
    ],
)
def test_statements_about_memorization_assume_that_there_is_some(name):
    claim = CLAIMS[f"theorem_1.{name}"]
    assert "below the phase boundary" in {assumption.name for assumption in claim.assumptions}
    assert "signal neuron" not in {assumption.name for assumption in claim.assumptions}


def test_the_overfitting_boundary_is_called_an_estimate():
    claim = CLAIMS["theorem_1.overfitting_boundary"]
    assert "estimate" in claim.statement
    assert "cascade" in {assumption.name for assumption in claim.assumptions}


def test_the_robust_test_error_is_that_of_the_worst_shift_within_the_span():
    for name in ("robust_test_error", "robust_error_limit", "robust_error_law", "robust_train_error"):
        assert re.search(r"worst shift .*within span\(w\*\)", CLAIMS[f"theorem_1.{name}"].statement), name


def test_the_dimensions_named_are_those_of_the_runs():
    quick = {DESCENT_DIMENSION, *FLOW_DIMENSIONS["quick"]}
    full = {DESCENT_DIMENSION, *FLOW_DIMENSIONS["full"]}
    for name in ("signal_time", "first_memorization_time", "stage_order", "clean_train_error"):
        always, extra = CLAIMS[f"theorem_1.{name}"].limitations.split("in profile full")
        named = [{10 ** int(power) for power in re.findall(r"10\^(\d+)", text)} for text in (always, extra)]
        assert named[0] == quick
        assert named[0] | named[1] == full


# --- intervals and bounds -------------------------------------------------------------------------------------


def test_an_interval_beyond_what_the_quantity_can_be_says_so(tmp_path):
    entry = claim_entry("room.one", predicted={"low": 0.0, "high": 2.0, "leading_order": None})
    entry["measured"] |= {"low": 0.904, "high": 1.031, "estimate": 0.97}
    folder = write(tmp_path / "results", document([entry]))
    text = render(folder, [ReportSection("room", "title", [a_claim()])])
    check_page(text)
    assert text.count("[0.904, 1.031], of which only [-1, 1] is possible") == 2
    assert "≤ 2 , of which only [-1, 1] is possible" in part(text, "claim-room.one").replace("2,", "2 ,")
    inside = claim_entry("room.one", predicted={"low": "-inf", "high": 1.0, "leading_order": None})
    folder = write(tmp_path / "results", document([inside]))
    assert "is possible" not in render(folder, [ReportSection("room", "title", [a_claim()])])


def test_the_share_of_draws_covered_is_called_a_lower_bound(recorded):
    assert "share of draws covered, at least" in recorded
    assert not re.search(r"share of draws covered(?!, at least)", recorded)


# --- faults ---------------------------------------------------------------------------------------------------

FAULTS = [
    {"name": "halved", "description": "the constant halved", "outcome": "refuted"},
    {"name": "weak", "description": "a weak attack", "outcome": "out_of_scope"},
    {"name": "exchanged", "description": "two radii exchanged", "outcome": "inconclusive"},
]


def test_only_a_refuted_fault_counts_and_the_others_are_named(tmp_path):
    folder = write(tmp_path / "results", document([claim_entry("room.one", planted_faults=FAULTS)]))
    text = render(folder)
    check_page(text)
    told = "refuted 1 of 3 negative controls; not refuted: weak (out of scope), exchanged (inconclusive)"
    assert told in part(text, "claim-room.one")
    assert told in part(text, "limits")
    assert ">1 of 3</td>" in text
    assert "1 of 3 negative controls refuted" in text


def test_the_map_names_the_faults_that_were_not_refuted():
    section = MapSection(
        "room", "t", "f", [a_claim(), a_claim("room.two")], {"room.one": "c", "room.two": "c"},
        {"room.one": ["halved", "weak", "exchanged", "later"], "room.two": ["halved"]}, ()
    )  # fmt: skip
    text = render_paper_map([section], [document([claim_entry("room.one", planted_faults=FAULTS)])])
    one, two = (next(line for line in text.splitlines() if f"`room.{name}`" in line) for name in ("one", "two"))
    assert (
        "refuted 1 of 4: halved; not refuted: weak (out of scope), exchanged (inconclusive), later (not run)"
        in one
    )
    assert "refuted 0 of 1; not refuted: halved (not run)" in two


# --- limits and negative results ------------------------------------------------------------------------------


def test_the_page_holds_the_maintained_text_on_limits(recorded):
    page = check_page(recorded)
    assert "#limits" in page.links
    told = re.sub(r"<!--.*?-->", "", LIMITS_TEXT, flags=re.DOTALL)
    squeezed = [re.sub(r"[\W_]+", "", text) for text in (told, html.unescape(part(recorded, "limits")))]
    assert squeezed[0].removeprefix("Limitsandnegativeresults") in squeezed[1]
    assert "<!--" not in html.unescape(part(recorded, "limits"))


def test_the_maintained_text_names_every_negative_result_of_the_independent_seed():
    text = " ".join(LIMITS_TEXT.split())
    found = 0
    for entry in json.loads(NEGATIVE.read_text(encoding="utf-8"))["claims"]:
        missed = [fault for fault in entry["planted_faults"] if fault["outcome"] != "refuted"]
        for name in [fault["name"] for fault in missed] + ([entry["label"]] if missed else []):
            assert f"`{name}`" in text
        if entry["outcome"] != "consistent":
            found += 1
            assert f"`{entry['label']}` is **{entry['outcome']}**" in text
            assert f"between {entry['measured']['low']:.3f} and {entry['measured']['high']:.3f}" in text
    assert found == 1


def test_the_negative_results_of_the_files_stand_in_the_section(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    shutil.copy(NEGATIVE, folder)
    shown = part(render_report(read_sources(folder), report_sections()), "limits")
    assert "landscape.capacity ? inconclusive : the measured interval straddles an end" in shown
    assert "not refuted: standard_training (inconclusive)" in shown
    assert "have no result here" in shown
    assert "docs/limits.md of the repository, was not at hand" in shown


def test_a_claim_that_was_asked_for_and_not_judged_is_named(tmp_path):
    folder = write(tmp_path / "results", document([claim_entry("room.one")], asked=["room.one", "room.two"]))
    shown = part(render(folder), "limits")
    assert "room.two (not in this report) was asked for" in shown
    assert "room.one (not" not in shown


def test_what_each_check_does_not_show_stands_in_the_section(recorded):
    shown = recorded.partition('id="limits"')[2].partition("</section>")[0]
    for label, claim in CLAIMS.items():
        assert bool(claim.limitations) == (f'"#claim-{label}">{label}</a></dt>' in shown)


def test_the_rate_of_the_re_verification_stands_in_the_section(tmp_path):
    sources = read_results(write(tmp_path / "results", document([claim_entry("room.one")])))
    assert "No re-verification" in part(render_report(sources, ()), "limits")
    claims = {"room.one": {"outcome": "consistent", "uncaught": []}}
    runs = [
        {"exit_code": code, "claims": claims, "seconds": 3.0, "seed": code, "commit": "c"} for code in (0, 0, 3)
    ]
    summary = {"runs": runs, "machine": "m", "date": "today", "profile": "quick"}
    shown = part(render_report(sources, (), reverified=summary), "limits")
    assert "2 of 3 verifications, on 2 base seeds, passed every one of" in shown


def test_the_maintained_text_can_neither_lead_away_nor_bring_markup():
    shown = markdown_to_html(
        "# T\n\n## A [bee](http://x.example)\n\n<script>1</script> ![c](http://y.example/z)\n"
    )
    assert "<h3>A bee</h3>" in shown
    assert "<script" not in shown
    assert "href" not in shown
    assert "<img" not in shown
    assert "<h1>" not in shown


# --- verdicts of the page follow the judge --------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"estimate": "inf", "high": "inf"},
        {"high": "inf"},
        {"binding": 0},
        {"confidence": 0.999},
    ],
)
def test_a_certificate_of_what_cannot_pass_is_refused(tmp_path, values):
    entry = claim_entry("room.one", "certified", predicted={"low": 0.0, "high": "inf", "leading_order": None})
    folder = write(tmp_path / "results", document([entry]))
    render(folder)
    entry["measured"] |= values
    folder = write(tmp_path / "results", document([entry]))
    with pytest.raises(InvalidFile, match="does not follow"):
        render(folder)


def test_an_infinite_value_is_outside_a_prediction_without_an_end(tmp_path):
    entry = claim_entry("room.one", "refuted", predicted={"low": 0.0, "high": "inf", "leading_order": None})
    entry["measured"] |= {"estimate": "inf", "low": 1.0, "high": "inf"}
    assert "refuted" in part(render(write(tmp_path / "results", document([entry]))), "claim-room.one")


def test_a_statement_that_has_changed_is_shown_beside_the_judged_one(tmp_path):
    folder = write(tmp_path / "results", document([claim_entry("room.one", statement="What was judged.")]))
    shown = part(render(folder, [ReportSection("room", "title", [a_claim()])]), "claim-room.one")
    assert "What was judged." in shown
    assert "The statement is now: Statement of room.one" in shown


# --- the readers' questions -----------------------------------------------------------------------------------


def cell(dimension, fraction, phase):
    setting = SimpleNamespace(patch_dimension=dimension, attacked_signal_fraction=fraction)
    return SimpleNamespace(setting=setting, phase=phase, seed=0, end=1.0)


def test_a_range_of_one_value_is_one_value(monkeypatch):
    monkeypatch.setattr(question_4_phases, "predicted_phase", lambda cell, fraction: Expected(None, ()))
    cells = [cell(10**12, 1.7e-6, Phase.OVERFITS), cell(10**12, 12e-6, Phase.ROBUST)]
    one = question_4_phases.answer(SimpleNamespace(phase_map=cells))
    assert "robust generalization at κ√d = 12." in one
    cells.append(cell(10**12, 3e-6, Phase.ROBUST))
    assert "at κ√d = 3 to 12." in question_4_phases.answer(SimpleNamespace(phase_map=cells))


def test_the_answer_about_dimensions_lists_them(monkeypatch):
    monkeypatch.setattr(question_9_dimension, "noise_over_signal", lambda cell: 1.0)
    monkeypatch.setattr(question_9_dimension, "fitted_slope", lambda sizes, values: 0.0)
    at = {
        "degrees": (10**6, 10**9, 10**12),
        "exponent_map": (10**12, 10**12),
        "phase_map": (10**6, 10**12),
        "weights": (10**6,),
        "fresh": (10**4,),
    }

    def run(dimension):
        setting = SimpleNamespace(patch_dimension=dimension, degree=3)
        return SimpleNamespace(setting=setting, signal_time=1.0, first_memorization=1.0)

    evidence = SimpleNamespace(**{name: [run(d) for d in dimensions] for name, dimensions in at.items()})
    told = question_9_dimension.answer(evidence)
    assert "1e+06, 1e+09, 1e+12 for q; 1e+06, 1e+12 for κ" in told
    assert "one value 1e+12 for (a, b); 1e+06 for λ; 1e+04 for fresh samples" in told


def test_an_assumption_shows_the_numbers_it_was_evaluated_with(tmp_path):
    stated = (Condition("attack", "lambda_ > 0", "attacked points are trained on"),)
    told = [{"name": "attack", "formula": "lambda_ > 0", "numbers": {"lambda_": 0.9}, "met": True}]
    claim = replace(a_claim(), assumptions=stated)
    folder = write(tmp_path / "results", document([claim_entry("room.one", assumptions=told)]))
    assert "met, with λ = 0.9" in part(render(folder, [ReportSection("room", "title", [claim])]), "claim-room.one")
    other = told[0] | {"formula": "lambda_ > 1"}
    folder = write(tmp_path / "other", document([claim_entry("room.one", assumptions=[other])]))
    shown = part(render(folder, [ReportSection("room", "title", [claim])]), "claim-room.one")
    assert "checked by: the prediction" in shown


def test_every_look_is_told():
    looks = [
        {"number": 1, "failure_probability": 5e-4, "outcome": "inconclusive", "runs": 8, "uncaught": 1},
        {"number": 2, "failure_probability": 2.5e-4, "outcome": "consistent", "runs": 16, "uncaught": 0},
    ]
    assert look_lines({"looks": looks}) == [
        "look 1, 8 runs: inconclusive, 1 negative controls not refuted",
        "look 2, 16 runs: consistent",
    ]
    assert look_lines({"looks": looks[:1]}) == look_lines({}) == []
