"""``cgro bound``: what it prints, what it refuses, and what it does not import."""

import doctest
import json
import shlex
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from cgro_theory.calculator.answer import Direction
from cgro_theory.commands.bound import bound_app
from cgro_theory.commands.bound_text import format_value
from cgro_theory.errors import InvalidInput
from cgro_theory.schemas import load_schema

QUESTIONS = ("stages", "test-error", "memorizer", "robust-size", "flatness")
RANGES = {
    "stages": ("--dimension", "1e4:1e15:12", 12, "patch_dimension"),
    "test-error": ("--signal-margin", "0.1:10:5", 5, "signal_margin"),
    "memorizer": ("--samples", "1:1e12:13", 13, "num_samples"),
    "robust-size": ("--dimension", "10:1e9:5", 5, "input_dimension"),
    "flatness": ("--dimension", "1,2,3,784", 4, "input_dimension"),
}
REQUIRED = {"flatness": ("--gradient-variation", "cosine")}
PAGE = Path(__file__).parent.parent / "docs" / "calculator.md"
COMMANDS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("cgro bound ")]
runner = CliRunner()


def run(*arguments):
    result = runner.invoke(bound_app, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def document(*arguments):
    parsed = json.loads(run(*arguments, "--json"), parse_constant=pytest.fail)
    jsonschema.Draft202012Validator(load_schema("cgro-bound/1")).validate(parsed)
    return parsed


@pytest.mark.parametrize("question", QUESTIONS)
def test_text_says_value_direction_terms_formula_source_and_assumptions(question):
    asked = (question, *REQUIRED.get(question, ()))
    text, answer = run(*asked), document(*asked)["answers"][0]
    for quantity in answer["quantities"]:
        head = next(line for line in text.splitlines() if line.startswith(f"{quantity['name']} = "))
        assert quantity["direction"] in head
        if quantity["vacuous"] is not None:
            assert ("VACUOUS" in head) == quantity["vacuous"]
        assert f"  formula: {quantity['formula']}" in text
        assert f"  source:  {quantity['source']}" in text
        for term in quantity["terms"]:
            assert f"  term:    {term['name']} = " in text
    for each in answer["assumptions"]:
        mark = {True: "met", False: "NOT MET", None: "not checked here"}[each["met"]]
        assert f"[{mark}] {each['statement']}" in text


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_range_gives_one_answer_and_one_row_per_value(question):
    option, text, count, parameter = RANGES[question]
    asked = (question, *REQUIRED.get(question, ()), option, text)
    parsed = document(*asked)
    assert parsed["over"] == parameter
    assert len(parsed["answers"]) == count
    values = [answer["parameters"][parameter] for answer in parsed["answers"]]
    assert values == sorted(values)
    rows = run(*asked, "--table").splitlines()
    assert rows[0].split()[0] == parameter
    assert sum(1 for row in rows[2:] if not row.startswith(("*", "!"))) == count
    assert rows == run(*asked).splitlines()


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_table_of_one_value_has_one_row(question):
    rows = run(question, *REQUIRED.get(question, ()), "--table").splitlines()
    assert len([row for row in rows if not row.startswith(("*", "!"))]) == 3


def test_the_extremes_are_answered():
    density = ("--gradient-variation", "1")
    gap = document("flatness", "--samples", "1", "--dimension", "1e9", "--failure-probability", "1e-300", *density)
    assert gap["answers"][0]["quantities"][0]["vacuous"] is True
    size = document("robust-size", "--dimension", "1e9")["answers"][0]["quantities"][0]
    assert size["log10"] > 3e8
    counts = document("memorizer", "--dimension", "1e9", "--samples", "1")["answers"][0]["quantities"]
    assert counts[0]["value"] == 10**9 + 1 + 6 * 10**9 + 4 + 4


@pytest.mark.parametrize(
    ("question", "option", "text", "values"),
    [
        ("stages", "noise_exponent", "-0.6:-0.4:3", [-0.6, -0.5, -0.4]),
        ("stages", "attacked_fraction", "-0.5:1:4", [-0.5, 0.0, 0.5, 1.0]),
        ("stages", "adversarial_weight", "0.1:0.9:5", [0.1, 0.3, 0.5, 0.7, 0.9]),
        ("stages", "seed", "0:20:3", [0, 10, 20]),
        ("robust-size", "error_share", "0:0.4:5", [0.0, 0.1, 0.2, 0.3, 0.4]),
        ("test-error", "signal_margin", "-2:2:3", [-2.0, 0.0, 2.0]),
        ("flatness", "flatness", "0:2:3", [0.0, 1.0, 2.0]),
        ("flatness", "flatness", "1:4:3", [1.0, 2.0, 4.0]),
    ],
)
def test_ranges_of_what_may_be_negative_or_zero_are_linear(question, option, text, values):
    found = document(question, *REQUIRED.get(question, ()), f"--{option.replace('_', '-')}", text)
    name = found["over"]
    assert [answer["parameters"][name] for answer in found["answers"]] == values


def test_printed_bounds_are_on_the_safe_side():
    for row in document("flatness", "--gradient-variation", "1", "--samples", "1:1e20:30")["answers"]:
        gap = row["quantities"][0]
        assert float(format_value(gap["value"], direction=Direction.UPPER)) >= gap["value"]
        assert float(format_value(gap["value"], direction=Direction.LOWER)) <= gap["value"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("memorizer", "--norm-order", "inff"), "did you mean 'inf'"),
        (("stages", "--dimension", "1e4:1e5"), "LOW:HIGH:COUNT"),
        (("stages", "--dimension", "1e4,1e5", "--samples", "2,3"), "one option at a time"),
        (("stages", "--dimension", "ten"), "an integer"),
        (("stages", "--adversarial-weight", "1.5"), "in [0, 1]"),
        (("stages", "--learning-rate", "0.1"), "--seed"),
        (("stages", "--draws", "100", "--learning-rate", "0.1"), "left out with --draws"),
        (("stages", "--coverage", "0.9"), "--coverage must be given with --draws"),
        (("stages", "--failure", "0.1"), "--failure-probability must be given with --draws"),
        (("stages", "--figure", "f.png"), "--figure must be given with --draws"),
        (
            ("stages", "--draws", "100", "--samples", "2,3", "--figure", "f.gif"),
            "--figure must be a file that ends in",
        ),
        (("stages", "--draws", "100", "--figure", "f.png"), "--figure must be given with a list or a range"),
        (("stages", "--draws", "0"), "--draws must be an integer >= 1"),
        (("stages", "--draws", "100", "--coverage", "1"), "--coverage must be in (0, 1)"),
        (("stages", "--draws", "100", "--failure", "0"), "--failure-probability must be in (0, 1)"),
        (
            ("stages", "--draws", "100", "--attacked-fraction", "-0.5"),
            "--attacked-fraction must be >= 0 with draws",
        ),
        (("stages", "--draws", "100", "--dimension", "21"), "--dimension must be >= 22"),
        (("stages", "--draws", "1e9"), "would take about"),
        (("stages", "--draws", "100", "--samples", "1e5"), "--samples must be <= 4000"),
        (("robust-size", "--perturbation-radius", "0.5"), "< 1/2"),
        (("flatness",), "--gradient-variation must be given"),
        (("flatness", "--gradient-variation", "1", "--class-weights", "0.5,0.6"), "sum 1"),
        (("flatness", "--gradient-variation", "1", "--bandwidth", "wide"), "or auto"),
        (("flatness", "--gradient-variation", "1", "--failure-probability", "0"), "in (0, 1)"),
        (("test-error", "--patches", "1"), ">= 2"),
        (("test-error", "--noise-std", "1"), "--weights"),
        (("memorizer", "--norm-order", "2"), "squarings"),
    ],
)
def test_bad_input_is_one_line(arguments, words):
    with pytest.raises(InvalidInput) as refused:
        runner.invoke(bound_app, list(arguments), catch_exceptions=False)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (("flatnes",), "'flatness'"),
        (("flatness", "--dimensio", "3"), "--dimension"),
        (("stages", "--seeds", "1"), "--seed"),
    ],
)
def test_unknown_names_suggest_the_nearest(arguments, nearest):
    result = runner.invoke(bound_app, list(arguments))
    assert result.exit_code == 2
    assert nearest in result.output


def test_the_page_about_the_calculator_is_true():
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert tried > 10
    assert failed == 0


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_on_the_page_runs(line):
    assert run(*shlex.split(line)[2:])


PROBE = """
import sys
from cgro_theory.commands.bound import bound_app
heavy = {"numpy", "scipy", "sympy", "flint", "torch"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
from typer.testing import CliRunner
result = CliRunner().invoke(bound_app, sys.argv[1:], catch_exceptions=False)
assert result.exit_code == 0, result.output
late = {*heavy, "matplotlib", "sklearn"} - {"flint"}
if "--seed" in sys.argv or "--directions" in sys.argv:
    late = {"torch", "sympy", "matplotlib", "sklearn"}
assert not late & set(sys.modules), late & set(sys.modules)
assert "cgro_theory.theorems.catalogue" not in sys.modules  # which looks for plug-ins
"""


@pytest.mark.parametrize(
    "arguments",
    [
        *((q, *REQUIRED.get(q, ())) for q in QUESTIONS),
        ("stages", "--seed", "0"),
        ("test-error", "--directions", "64"),
    ],
)
def test_no_question_imports_torch_and_the_command_nothing_heavy(arguments):
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
