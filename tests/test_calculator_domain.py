"""Every `cgro bound` question over its whole documented domain: an answer, or one line that blames a bad value."""

import json
import math
import random

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cgro_theory.calculator.answer import Direction, answers_to_json
from cgro_theory.commands import bound_run
from cgro_theory.commands.bound import bound_app
from cgro_theory.commands.bound_text import answer_text, table_text
from cgro_theory.errors import InvalidInput
from cgro_theory.schemas import load_schema

runner = CliRunner()
SCHEMA = jsonschema.Draft202012Validator(load_schema("cgro-bound/1"))


def draws(count):
    """Command lines over the domain of `stages --seed`, the same in every run of the tests."""
    generator = random.Random(9000)
    lines = []
    for _ in range(count):
        samples, patches, width = generator.randint(1, 6), generator.randint(2, 4), generator.randint(1, 6)
        low = 1 + samples * (patches - 1) + width
        options = {
            "dimension": generator.choice([low, generator.randint(low, 60), 10 ** generator.randint(2, 18)]),
            "samples": samples,
            "patches": patches,
            "width": width,
            "degree": generator.randint(2, 9),
            "seed": generator.randint(9000, 9999),
            "adversarial-weight": generator.choice(["0", "1", "1e-9", "0.5", "0.9"]),
            "attacked-fraction": generator.choice(["auto", "0", "1e-5", "0.001", "0.3", "-0.5", "1", "-1"]),
        }
        options["dimension"] = max(options["dimension"], low)
        if generator.random() < 0.7:
            reach = generator.choice([1, 1, 10])
            for name in ("signal-exponent", "noise-exponent", "init-exponent"):
                options[name] = round(generator.uniform(-reach, reach), 2)
        if generator.random() < 0.3:
            options["learning-rate"] = generator.choice(["1e-6", "0.01", "1", "1000"])
        lines.append(" ".join(arguments("stages", options)))
    # What issue 10 found: high degrees at large d, and small initial weights.
    for degree in range(2, 10):
        lines += [f"stages --dimension=1e{power} --degree={degree} --seed=9000" for power in (6, 12, 18)]
    lines += [f"stages --dimension=1e12 --degree={degree} --init-exponent=-2 --seed=9000" for degree in (2, 4, 9)]
    return lines


def arguments(question, options):
    return [question, *(f"--{name}={text}" for name, text in options.items() if text is not None)]


def answers_of(arguments):
    """What a question answers, without printing."""
    caught = []

    def keep(question, answers, over, *, json):
        caught.extend(answers)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bound_run, "_print", keep)
        result = runner.invoke(bound_app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return caught


def is_sound(answers):
    """No NaN anywhere, ends in order, a value between them, and both ways to print it work."""
    for answer in answers:
        for quantity in answer.quantities:
            numbers = (quantity.value, quantity.low, quantity.high, quantity.leading_order, quantity.log10)
            numbers += tuple(term.value for term in quantity.terms)
            assert not any(number is not None and number != number for number in numbers), quantity
            assert (quantity.low is None) == (quantity.high is None)
            if quantity.low is not None:
                assert quantity.low <= quantity.high
                assert quantity.value is None or quantity.low <= quantity.value <= quantity.high
            if quantity.direction is Direction.ENCLOSURE:
                assert quantity.value is None
                assert quantity.low is not None
        answer_text(answer)
    over = next(iter(answers[0].parameters))
    table_text(answers, over)
    document = answers_to_json(answers[0].question, answers, over)
    SCHEMA.validate(json.loads(json.dumps(document, allow_nan=False)))
    return True


EXPONENTS = ("--signal-exponent", "--noise-exponent", "--init-exponent")
"""What a draw refuses where α^q, σ²d, σ0 or σ0σ√d leaves [1e-300, 1e300]."""


def check(arguments, *, refusals=()):
    """Sound answers; or an error of one line that names one of these options."""
    try:
        answers = answers_of(arguments)
    except InvalidInput as error:
        if error.name not in refusals or len(str(error)) > 300 or "\n" in str(error):
            raise
    else:
        assert is_sound(answers)


def log_integers(low, high):
    """Integers in [10^low, 10^high], log-uniform, as text; and the small ones."""
    powers = st.floats(low, high).map(lambda power: str(int(10**power)) if power < 300 else f"1e{int(power)}")
    return st.one_of(powers, st.integers(max(1, int(10**low)), 60).map(str))


def numbers(low, high):
    return st.floats(low, high, allow_subnormal=False).map(repr)


def positive(low=-300, high=300):
    """Positive numbers over the whole range of the floats."""
    return st.floats(low, high).map(lambda power: repr(10.0**power))


exponents = st.one_of(numbers(-10.0, 10.0), numbers(-1.0, 1.0), st.just("0"))
fractions = st.one_of(
    st.just("auto"), numbers(-1.0, 1.0), positive(-300, 0), st.sampled_from(["-1", "0", "1", "-1e-300"])
)
weights = st.one_of(numbers(0.0, 1.0), positive(-300, 0), st.sampled_from(["0", "1"]))
degrees = st.integers(2, 9).map(str)
setting_options = {
    "degree": degrees,
    "adversarial-weight": weights,
    "attacked-fraction": fractions,
    "signal-exponent": exponents,
    "noise-exponent": exponents,
    "init-exponent": exponents,
}
typical = st.fixed_dictionaries(
    {
        "dimension": log_integers(0.31, 18).filter(lambda text: int(text) >= 2),
        "samples": log_integers(0, 200),
        "patches": log_integers(0.31, 20).filter(lambda text: int(float(text)) >= 2),
        "width": log_integers(0, 60),
        **setting_options,
    }
)
drawn = st.fixed_dictionaries(
    {
        "dimension": log_integers(0.31, 18).filter(lambda text: int(text) >= 2),
        "samples": st.integers(1, 6).map(str),
        "patches": st.integers(2, 4).map(str),
        "width": st.integers(1, 6).map(str),
        "seed": st.integers(9000, 9999).map(str),
        "learning-rate": st.one_of(st.just("0"), positive(-12, 3)),
        **setting_options,
    }
)


@given(typical)
@settings(max_examples=80)
def test_the_stages_of_the_typical_draw_over_their_domain(options):
    check(arguments("stages", options))


@pytest.mark.parametrize("line", draws(12), ids=str)
def test_the_stages_of_a_draw_at_fixed_places_of_their_domain(line):
    check(line.split(), refusals=EXPONENTS)


@given(drawn)
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_the_stages_of_a_draw_over_their_domain(options):
    low = 1 + int(options["samples"]) * (int(options["patches"]) - 1) + int(options["width"])
    enough = int(options["dimension"]) >= low
    check(arguments("stages", options), refusals=EXPONENTS if enough else (*EXPONENTS, "--dimension"))


error_options = st.fixed_dictionaries(
    {
        "signal-margin": st.one_of(positive(), positive().map(lambda text: f"-{text}"), st.just("0")),
        "attacked-fraction": fractions.filter(lambda text: text != "auto"),
        "covariance-scale": st.one_of(positive(), st.just("0")),
        "width": st.integers(1, 60).map(str),
        "patches": st.one_of(st.integers(2, 9).map(str), log_integers(0.31, 40)).filter(lambda t: float(t) >= 2),
        "degree": degrees,
    }
)


def errors(answer, kind):
    return [answer[f"{kind}_test_error_{end}"].value for end in ("lower", "upper")]


@given(error_options)
@settings(max_examples=80)
def test_the_test_errors_over_their_domain(options):
    line = arguments("test-error", options)
    check(line)
    (answer,) = answers_of(line)
    clean, robust = errors(answer, "clean"), errors(answer, "robust")
    for low, high in (clean, robust):
        assert 0.0 <= low <= high <= 1.0
    assert robust[0] >= clean[0]
    assert robust[1] >= clean[1]


@given(error_options, st.integers(1, 8), st.integers(2, 4))
@settings(max_examples=80)
def test_the_estimated_test_errors_over_their_domain(options, width, patches):
    options |= {"width": width, "patches": patches, "directions": 64}
    line = arguments("test-error", options)
    check(line)
    (answer,) = answers_of(line)
    clean, robust = (answer[f"{kind}_test_error_estimate"].value for kind in ("clean", "robust"))
    assert 0.0 <= clean <= robust <= 1.0


@given(
    st.fixed_dictionaries(
        {
            "dimension": log_integers(0, 400),
            "samples": log_integers(0, 400),
            "norm-order": st.sampled_from(["1", "2", "inf"]),
            "clean-parameters": st.one_of(st.none(), log_integers(0, 300)),
            "perturbation-radius": positive(-100, 100),
            "separation": positive(-100, 100),
        }
    )
)
@settings(max_examples=80)
def test_the_memorizer_over_its_domain(options):
    apart = float(options["separation"]) > 2.0 * float(options["perturbation-radius"])
    needed = options["norm-order"] == "2" and not apart
    check(arguments("memorizer", options), refusals=("--separation",) if needed else ())


@given(
    st.fixed_dictionaries(
        {
            "dimension": log_integers(0.31, 12).filter(lambda text: int(text) >= 2),
            "samples": log_integers(0, 300),
            "perturbation-radius": st.one_of(numbers(0.01, 0.49), positive(-6, 3)),
            "norm-order": st.sampled_from(["1", "2", "inf"]),
            "error-share": st.one_of(numbers(0.0, 0.4999), st.just("0")),
            "layers": log_integers(0, 6),
        }
    )
)
@settings(max_examples=60)
def test_the_robust_size_over_its_domain(options):
    check(arguments("robust-size", options), refusals=("--perturbation-radius",))


@given(
    st.fixed_dictionaries(
        {
            "dimension": log_integers(0, 9),
            "samples": log_integers(0, 900),
            "flatness": st.one_of(positive(-100, 100), st.just("0")),
            "gradient-variation": st.one_of(positive(-100, 100), st.sampled_from(["0", "cosine"])),
            "perturbation-radius": st.one_of(positive(-300, 3), st.just("0")),
            "loss-bound": positive(-100, 100),
            "failure-probability": st.one_of(positive(-300, -0.01), numbers(0.01, 0.99)),
            "bandwidth": st.one_of(st.just("auto"), positive(-300, -0.302)),
            "level": st.one_of(st.none(), positive(-100, 100)),
            "lipschitz": st.one_of(st.none(), positive(-100, 100)),
        }
    ),
    st.booleans(),
)
@settings(max_examples=80)
def test_the_flatness_bound_over_its_domain(options, local):
    line = [*arguments("flatness", options), *(["--local"] if local else [])]
    check(line)
    needed = answers_of(line)[0]["samples_needed"]
    assert needed.value == math.inf or isinstance(needed.value, int)
