"""The numbers of a verdict as text: one sees on which side of each predicted end the measured number lies."""

import json
import math
import random

import pytest

from cgro_theory.report.text import COLUMNS, format_measurement, format_prediction, verdict_rows


def entry(predicted, measured, relation="within", **more):
    sides = {"predicted": predicted, "measured": measured}
    return {
        "relation": relation,
        **{side: dict(zip(("low", "high"), ends, strict=True)) | {"runs": 0} for side, ends in sides.items()},
        **more,
    }


@pytest.mark.parametrize(
    ("claim", "predicted", "measured"),
    [
        (entry((9622353.36, 9622358.09), (9622354.56,) * 2), "[9.622353e+06, 9.622358e+06]", "9.622355e+06"),
        (entry((1.0 - 1e-9, 16.9), (1.0, 1.0)), "[0.999999999, 16.9]", "1"),
        (entry((0.1, 0.2), (0.15, 0.15)), "[0.1, 0.2]", "0.15"),
        (entry((0.1, 0.2), (0.1, 0.2)), "[0.1, 0.2]", "[0.1, 0.2]"),
        (entry((0.1, 0.2), (0.10000004, 0.15)), "[0.1, 0.2]", "[0.10000004, 0.15]"),
        (entry(("-inf", 0.5), (0.50001, 0.50001), "at_most"), "≤ 0.5", "0.50001"),
        (entry((-1.0, 0.5), (-1.00001, 0.25), "at_most"), "≤ 0.5", "[-1, 0.25]"),
        (entry((-1.0, 1.0 - 2.0**-53), (1.0, 1.0), "at_most"), "< 1", "1"),
        (entry((0.999999, 1.000001), (1.0000002,) * 2, "equals", tolerance=1e-6), "1 ± 1.00e-06", "1"),
        (entry((0.125, 0.375), (0.25,) * 2, "equals", tolerance=0.125), "0.25 ± 0.125", "0.25"),
        (entry((0.5, 0.5), (0.5000001,) * 2, "equals"), "0.5", "0.5000001"),
        (entry((None, None), (0.25, "inf")), "—", "≥ 0.25"),
    ],
)  # fmt: skip
def test_a_measured_number_is_told_from_the_predicted_ends(claim, predicted, measured):
    assert (format_prediction(claim), format_measurement(claim)) == (predicted, measured)


def shown_numbers(text):
    """The numbers of a cell; ``64 of 64`` is 64."""
    return [float(part.replace("∞", "inf")) for part in text.partition(" of ")[0].strip("[]≤≥<> ").split(", ")]


def require_visible(claim):
    ends, found = shown_numbers(format_prediction(claim)), shown_numbers(format_measurement(claim))
    exact = [float(claim["predicted"][end]) for end in ("low", "high")]
    for end in exact if len(ends) == 2 else []:
        for value in {float(claim["measured"][side]) for side in ("low", "high")}:
            printed = ends[exact.index(end)], min(found, key=lambda number, value=value: abs(number - value))
            assert math.copysign(1, end - value) == math.copysign(1, printed[0] - printed[1]) or end == value


def test_neighbouring_numbers_are_told_apart_in_their_order():
    generator = random.Random(887398)
    for _ in range(400):
        centre = generator.choice((-1.0, 1.0)) * 10.0 ** generator.uniform(-8.0, 9.0)
        low, value, high = sorted(
            centre * (1.0 + generator.choice((-1.0, 1.0)) * 10.0 ** generator.uniform(-16.0, 0.0))
            for _ in range(3)
        )
        if low < high:
            require_visible(entry((low, high), (value, value)))
            require_visible(entry((value, high), (low, low)))


def test_every_recorded_number_is_told_from_the_ends_of_its_prediction(request):
    recorded = request.config.rootpath / "verification" / "recorded"
    told = 0
    for path in sorted(recorded.glob("*.json")):
        document = json.loads(path.read_bytes())
        for claim in document.get("claims", []) if document.get("schema") == "cgro-result/1" else []:
            row = dict(zip(COLUMNS, verdict_rows({"claims": [claim]})[0], strict=True))
            if claim["relation"] == "within" and "[" in row["predicted"]:
                require_visible(claim)
                told += 1
    assert told > 10
