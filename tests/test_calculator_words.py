"""`cgro bound` says no more than it knows: bounds, phases, enclosures, conditions; errors name the option."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cgro_theory.calculator.answer import Direction
from cgro_theory.calculator.drawn_stages import drawn_stages, subspace_draw
from cgro_theory.calculator.fresh_point import FreshPointLaw, fresh_point_errors
from cgro_theory.calculator.stages import stages
from cgro_theory.calculator.trained_weights import WeightScales, load_law
from cgro_theory.cli import main
from cgro_theory.commands.bound import bound_app
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.setting import PatchSetting

runner = CliRunner()
PLAIN = PatchSetting.version_1(10**6)


def run(*arguments):
    result = runner.invoke(bound_app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def document(*arguments):
    return json.loads(run(*arguments, "--json"))["answers"]


def quantity(answer, name):
    return next(each for each in answer["quantities"] if each["name"] == name)


def refusal(capsys, *arguments):
    """What `cgro` says on standard error, and that it is one line and exit code 2."""
    with pytest.raises(SystemExit) as stopped:
        main(["bound", *arguments])
    said = capsys.readouterr()
    assert (stopped.value.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    return said.err


# flatness: what is vacuous rests on V


def test_the_density_has_to_be_named(capsys):
    assert "--gradient-variation" in refusal(capsys, "flatness", "--dimension", "784", "--samples", "50000")


def test_the_density_of_the_verification_needs_the_samples_that_the_readme_names():
    image = ("flatness", "--dimension", "784", "--samples", "50000", "--gradient-variation")
    (answer,) = document(*image, "cosine")
    assert quantity(answer, "gap_bound")["vacuous"] is True
    assert quantity(answer, "samples_needed")["log10"] == pytest.approx(2239, abs=1)
    assert answer["parameters"]["gradient_variation"] == pytest.approx(4 * 0.9 * 784)
    assert re.search(r"V = .* = 2822\.4 = 4·0\.9·D", answer["notes"][0])
    (smooth,) = document(*image, "1")
    assert quantity(smooth, "gap_bound")["vacuous"] is False
    assert "V = Σ π_y ∫‖∇p_y‖₁ = 1, as given" in smooth["notes"][0]


def test_the_density_that_cosine_stands_for_is_that_of_the_claims():
    profiles = pytest.importorskip("cgro_theory.theorems.theorem_3_global_flatness.runs.profiles")
    flatness = pytest.importorskip("cgro_theory.calculator.flatness")
    assert profiles.AMPLITUDE == flatness.COSINE_AMPLITUDE


@pytest.mark.parametrize("level", ["0.1", "0.03", "1"])
def test_the_samples_needed_are_the_least_integer(level):
    asked = ("flatness", "--gradient-variation", "1", "--level", level)
    needed = quantity(document(*asked)[0], "samples_needed")["value"]
    assert isinstance(needed, int)
    for samples, enough in ((needed, True), (needed - 1, needed == 1)):
        gap = quantity(document(*asked, f"--samples={max(samples, 1)}")[0], "gap_bound")["value"]
        assert (gap < float(level)) == enough


# stages: phases and conditions


@pytest.mark.parametrize(
    "changed",
    [{"adversarial_weight": 1.0}, {"adversarial_weight": 0.0}, {"width": 1}],
)
def test_no_phase_is_claimed_where_an_assumption_is_not_met(changed):
    answer = stages(replace(PLAIN, **changed))
    assert answer.unmet
    (phase,) = [note for note in answer.notes if note.startswith("phase: ")]
    assert phase.startswith("phase: none is claimed")
    assert "CGRO" not in phase
    assert all(statement in phase for statement in answer.unmet)


def test_a_count_of_neurons_is_no_fact_of_a_draw():
    typical = {each.name: each for each in stages(PLAIN).conditions}
    assert typical["width"].met is None
    assert "probability" in typical["width"].statement
    # 2^m > N, and yet this draw has a point that no neuron favours.
    few = PatchSetting.version_1(10**6, num_samples=6, width=3)
    lacking = [seed for seed in range(9000, 9030) if not is_favoured(few, seed)]
    assert 0 < len(lacking) < 30
    for seed in range(9000, 9010):
        by_name = {each.name: each for each in drawn_stages(few, seed).conditions}
        assert by_name["width"].met is is_favoured(few, seed)
        assert by_name["positive neuron"].met is bool(subspace_draw(few, seed).signal_projections.max() > 0)


def is_favoured(setting, seed):
    signed = subspace_draw(setting, seed).signed_preactivations(setting.noise_patches)
    return bool((signed.reshape(setting.num_samples, -1).max(axis=1) > 0).all())


def test_nothing_is_said_about_the_time_of_what_does_not_happen():
    over = ("stages", "--dimension", "1e6", "--attacked-fraction", "0.3")
    for arguments in ((*over, "--seed", "0"), over):
        assert "memorization_time: not memorized" in run(*arguments)
        (answer,) = document(*arguments)
        time = quantity(answer, "memorization_time")
        assert (time["value"], time["low"], time["high"]) == (None, None, None)
        assert time["note"].startswith("not memorized")
    assert "not memorized" in run(*over, "--seed", "0", "--table")
    met = {each["name"]: each["met"] for each in document(*over, "--seed", "0")[0]["assumptions"]}
    assert met["memorization"] is False


def test_what_is_not_met_is_not_said_as_a_fact():
    (answer,) = document("stages", "--dimension", "1e6", "--attacked-fraction", "0.3", "--seed", "0")
    note = quantity(answer, "memorization_time")["note"]
    assert "κ is not below κ* of this draw: no V_i reaches 1 within 50 times the leading order 7493.9" in note
    assert "attacked_signal_fraction" not in note
    unlearned = ("stages", "--dimension", "1e6", "--adversarial-weight", "1", "--seed", "0")
    estimate = quantity(document(*unlearned)[0], "overfitting_boundary")
    assert estimate["note"].startswith("no estimate")
    assert "not met: clean points are trained on" in estimate["note"]
    assert (estimate["value"], estimate["low"], estimate["high"]) == (None, None, None)
    assert "\noverfitting_boundary: no estimate\n" in run(*unlearned)


def test_the_end_of_overfitting_does_not_depend_on_the_attack_that_was_typed():
    ends = [
        quantity(document("stages", "--dimension", "1e9", "--attacked-fraction", typed, "--seed", "0")[0], name)
        for typed in ("0.0001", "0.3")
        for name in ("overfitting_boundary",)
    ]
    assert ends[0]["low"] == ends[1]["low"] < ends[0]["high"] == ends[1]["high"] < 1.3 * ends[0]["low"]


def test_kappa_is_compared_with_the_enclosure_of_its_boundary():
    ends = drawn_stages(PLAIN, 9000)["memorization_boundary"]
    for kappa, expected in (
        (0.9 * ends.low, True),
        (0.5 * (ends.low + ends.high), None),
        (1.1 * ends.high, False),
    ):
        answer = drawn_stages(replace(PLAIN, attacked_signal_fraction=kappa), 9000)
        (condition,) = [each for each in answer.conditions if each.name == "memorization"]
        assert condition.met in ({expected, False} if expected is None else {expected})
        assert (answer["memorization_time"].absent == "not memorized") is (condition.met is False)


# enclosures


def test_an_enclosure_is_its_ends_and_the_leading_order_stands_beside_it():
    arguments = ("stages", "--dimension", "1e6", "--seed", "0")
    (answer,) = document(*arguments)
    for name in ("signal_time", "memorization_time", "memorization_boundary"):
        each = quantity(answer, name)
        assert each["direction"] == "enclosure"
        assert each["value"] is None
        assert each["leading_order"] > 0.0
        text = run(*arguments)
        (low, high) = re.search(rf"^{name} in \[(\S+), (\S+)\]  \(enclosure", text, re.MULTILINE).groups()
        # As printed they still enclose.
        assert float(low) <= each["low"] <= each["high"] <= float(high)
    signal = quantity(answer, "signal_time")
    assert not signal["low"] <= signal["leading_order"] <= signal["high"]
    assert f"  leading order: {signal['leading_order']:.10g}" in text


def test_a_table_holds_enclosures_in_the_column_that_says_so():
    rows = run("stages", "--dimension", "1e6,1e7", "--seed", "0").splitlines()
    column = rows[0].split().index("signal_time")
    kinds = re.split(r"\s{2,}", rows[1].strip())
    assert kinds[column - 1] == "enclosure"
    for row, dimension in zip(rows[2:4], (10**6, 10**7), strict=True):
        low, high = map(float, re.search(r"\[(\S+), (\S+)\]", row).groups())
        time = drawn_stages(PatchSetting.version_1(dimension), 0)["signal_time"]
        assert low <= time.low <= time.high <= high


def test_what_is_not_proved_is_no_enclosure():
    first = drawn_stages(PatchSetting.version_1(10**9), 0)["overfitting_boundary"]
    assert first.direction is Direction.ESTIMATE
    assert "Not proved" in first.note
    assert first.low < first.high


# test errors


@given(
    st.floats(-5.0, 5.0),
    st.floats(-1.0, 1.0) | st.sampled_from([1.0, -1.0, 0.0]),
    st.floats(0.01, 1.0),
    st.integers(2, 5),
)
@settings(max_examples=60)
def test_the_robust_error_is_at_least_the_clean_one(margin, fraction, scale, degree):
    answer = fresh_point_errors(
        FreshPointLaw.isotropic(margin, fraction, scale, 3, degree), directions=64, seed=9000
    )
    for part in ("lower", "upper", "estimate"):
        assert answer[f"robust_test_error_{part}"].value >= answer[f"clean_test_error_{part}"].value
    assert "span" in answer.notes[0]
    if margin != 0.0 and (margin < 0.0 or fraction < 0.0):
        assert answer["robust_test_error_upper"].value > 0.5
        assert len(answer.notes) == 2


def test_the_worst_shift_is_scored():
    # One neuron: the error at shift s is P(V < -φ_q(1 + s)·z), and s runs over [-(1-κ), 1-κ].
    for margin in (0.4, -0.4):
        for fraction in (-0.6, 0.3, 1.0):
            answer = fresh_point_errors(FreshPointLaw.isotropic(margin, fraction, 0.5, 1))
            shifts = np.linspace(-(1.0 - fraction), 1.0 - fraction, 41)
            roots = np.cbrt((1.0 + shifts) ** 3 * margin) / math.sqrt(0.5)
            worst = max(0.5 * math.erfc(root / math.sqrt(2.0)) for root in roots)
            assert answer["robust_test_error_lower"].value == pytest.approx(worst, rel=1e-9)


def test_a_sampled_interval_holds_what_no_float_does():
    # The true errors are above 0 and below 1, by less than a float tells.
    answer = fresh_point_errors(FreshPointLaw.isotropic(10.0, -0.5, 1e-4, 24), directions=64, seed=9000)
    clean, robust = (answer[f"{kind}_test_error_estimate"] for kind in ("clean", "robust"))
    assert clean.high > 0.0
    assert robust.low < 1.0


def test_over_attack_has_no_logarithmic_plateau():
    over = replace(PLAIN, attacked_signal_fraction=-0.3)
    for answer in (stages(over), drawn_stages(over, 9000)):
        assert answer["plateau_signal_margin"].value is None
        assert "κ < 0" in answer["plateau_signal_margin"].note
        assert answer["resting_signal_margin"].value > answer["memorized_signal_margin"].value > 0.0
        assert answer["memorization_time"].source.startswith("theory.md 9")


@pytest.mark.parametrize(
    ("kappa", "phase"), [(-0.4, "phase: κ_- < κ < 0: over-attack"), (-0.6, "phase: κ <= κ_-: collapse")]
)
def test_beyond_alpha_there_are_two_phases(kappa, phase):
    (note,) = stages(replace(PLAIN, attacked_signal_fraction=kappa, adversarial_weight=0.9)).notes
    assert note.startswith(phase)


# options


def test_every_option_is_reported_as_given():
    rows = document("stages", "--init-exponent=-0.5,-0.6", "--signal-exponent=0.2")
    assert [row["parameters"]["init_exponent"] for row in rows] == [-0.5, -0.6]
    assert {row["parameters"]["signal_exponent"] for row in rows} == {0.2}
    assert rows[0]["parameters"]["noise_exponent"] == -0.509
    for name in ("signal", "noise", "init"):
        table = run("stages", f"--{name}-exponent=-0.5,-0.6").splitlines()
        assert [line.split()[0].rstrip("!") for line in (table[0], *table[2:4])] == [
            f"{name}_exponent",
            "-0.5",
            "-0.6",
        ]
    (estimated,) = document("test-error", "--directions", "64", "--seed", "9000")
    assert estimated["parameters"]["directions"] == 64
    assert estimated["parameters"]["seed"] == 9000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("stages", "--samples", "0"), ("--samples must be an integer >= 1", "got 0")),
        (("stages", "--dimension", "10", "--seed", "0"), ("--dimension must be >= 45",)),
        (("stages", "--samples", "1e9", "--seed", "0"), ("--samples must be <= 4000",)),
        (("stages", "--degree", "10"), ("--degree must be an integer in [2, 9]",)),
        (("stages", "--dimension", "1e4:1e5:1e9"), ("COUNT of --dimension",)),
        (
            ("stages", "--dimension", "1e4,1e5", "--attacked-fraction", "0,1"),
            ("--dimension, --attacked-fraction",),
        ),
        (("stages", "--attacked-fraction", "some"), ("--attacked-fraction", "auto")),
        (
            ("stages", "--signal-exponent", "10", "--dimension", "1e18", "--degree", "9", "--seed", "0"),
            ("--signal-exp",),
        ),
        (("flatness", "--gradient-variation", "1", "--samples", "1e901"), ("--samples", "1e900")),
        (("flatness", "--gradient-variation", "1", "--dimension", "1" * 900), ("--dimension", "[1, 1000000000]")),
        (("memorizer", "--norm-order", "3"), ("--norm-order must be 1, 2 or inf",)),
        (
            ("memorizer", "--norm-order", "2"),
            ("--squarings must be given for --norm-order 2", "--perturbation-radius"),
        ),
        (("memorizer", "--perturbation-radius=-0.1"), ("--perturbation-radius must be >= 0", "-0.1")),
        (("memorizer", "--separation=-1"), ("--separation must be >= 0",)),
        (("memorizer", "--extent", "2"), ("--extent", "--norm-order 2")),
        (("test-error", "--patches", "1"), ("--patches must be an integer >= 2, got 1",)),
        (("test-error", "--run", "3"), ("--run must be given with --weights",)),
        (("test-error", "--seed", "3"), ("--seed must be given with --directions",)),
        (("test-error", "--directions", "1e9"), ("--directions must be <= 2083333",)),
        (("stages", "--dimension", "１０００００"), ("--dimension must be",)),
        (("stages", "--seed", "１"), ("--seed must be",)),
        (("stages", "--samples", "1_000"), ("--samples must be",)),
        (("test-error", "--signal-margin", "١"), ("--signal-margin must be",)),
    ],
)
def test_bad_input_names_the_option_on_one_line(capsys, arguments, words):
    said = refusal(capsys, *arguments)
    assert len(said) < 250
    for each in words:
        assert each in said


def test_bound_alone_shows_its_questions(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["bound"])
    said = capsys.readouterr()
    assert stopped.value.code == 0
    assert said.err == ""
    assert "flatness" in said.out


# files of weights


@pytest.mark.parametrize(
    "weights",
    [
        np.array([["1.0", "2.0"]]),
        np.array([["a", "b"]]),
        np.array([[1.0 + 2.0j, 3.0]]),
        np.array([[True, False]]),
        np.zeros((0, 3)),
        np.float64(3.0),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
    ],
)
def test_weights_that_are_no_real_matrix_are_refused(tmp_path, weights):
    path = tmp_path / "weights.npz"
    np.savez(path, weights=weights)
    with pytest.raises(InvalidFile):
        load_law(path, scales=WeightScales(1.0, 1.0, 0.5))
    np.savez(path, weights=np.eye(2), feature=np.array([1.0j, 0.0]))
    with pytest.raises(InvalidFile, match="feature"):
        load_law(path, scales=WeightScales(1.0, 1.0, 0.5))


def test_options_that_a_file_of_weights_settles_are_refused(tmp_path):
    path = str(tmp_path / "weights.npz")
    np.savez(path, weights=np.random.default_rng(9000).standard_normal((2, 3)))
    scales = ("--signal-strength", "1", "--noise-std", "0.1")
    (answer,) = document("test-error", "--weights", path, *scales)
    assert answer["parameters"]["weights"] == path
    for extra in (("--signal-margin", "3"), ("--width", "3"), ("--run", "1"), ("--covariance-scale", "1")):
        with pytest.raises(InvalidInput, match=extra[0]):
            run("test-error", "--weights", path, *scales, *extra)
    with pytest.raises(InvalidInput, match="given together"):
        run("test-error", "--weights", path, "--noise-std", "0.1")
    with pytest.raises(InvalidInput, match="signal-strength"):
        run("test-error", "--weights", path)


def test_no_estimate_of_kappa_1_where_it_reaches_kappa_star():
    """At d = 10^4 and with two noise patches the two boundaries come together for some draws."""
    three = ("--patches", "3", "--seed", "884002")
    near = quantity(document("stages", "--dimension", "1e4", *three)[0], "overfitting_boundary")
    assert (near["value"], near["low"], near["high"]) == (None, None, None)
    assert "not met: the estimate of κ_1 lies below κ* of this draw" in near["note"]
    for more in (("1e9", *three), ("1e4", "--seed", "0"), ("1e4", "--seed", "0", "--degree", "4")):
        far = quantity(document("stages", "--dimension", *more)[0], "overfitting_boundary")
        assert 0.0 < far["low"] < far["high"] < 1.3 * far["low"]
