"""The shipped JSON Schemas accept what the project writes and refuse what is broken."""

import copy
import json
import math
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from cgro_theory.calculator.answer import answers_to_json
from cgro_theory.calculator.fresh_point import FreshPointLaw, fresh_point_errors
from cgro_theory.calculator.memorizer import memorizer
from cgro_theory.calculator.stages import stages
from cgro_theory.claims import Outcome
from cgro_theory.errors import InvalidInput
from cgro_theory.schemas import NAMES, load_schema
from cgro_theory.setting import PatchSetting
from cgro_theory.theorems.catalogue import ROOMS

ROOT = Path(__file__).parent.parent
RECORDED = [ROOT / "verification" / "recorded" / f"{room.label}.json" for room in ROOMS]


def validator(name):
    return jsonschema.Draft202012Validator(load_schema(name))


@pytest.fixture(scope="module")
def result():
    return json.loads((ROOT / "verification" / "recorded" / "lemmas.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def bound():
    answers = [
        fresh_point_errors(FreshPointLaw.isotropic(1.0, 0.5, scale, 2), directions=16) for scale in (0.01, 0.1)
    ]
    return answers_to_json("test-error", answers, "mean_variance")


@pytest.fixture(scope="module")
def trajectories():
    plan = pytest.importorskip("cgro_theory.commands.simulate_plan")
    simulate = pytest.importorskip("cgro_theory.commands.simulate")
    setting = PatchSetting.version_1(300, num_samples=3, width=4)
    documents = []
    for rate in (0.05, 1e200):
        request = plan.SimulateRequest(setting, learning_rate=rate, steps=30, runs=2)
        planned = plan.plan_simulation(request)
        with np.errstate(all="ignore"):
            runs = plan.carry_out(planned)
        documents.append(json.loads(json.dumps(simulate.trajectories_document(runs, planned), allow_nan=False)))
    return documents


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_one_and_names_its_document(name):
    schema = load_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == name
    assert schema["properties"]["schema"] == {"const": name}
    packaged = {path.name for path in (ROOT / "cgro_theory" / "schemas").glob("*.json")}
    assert packaged == {each.replace("/", "-") + ".json" for each in NAMES}


def test_an_unknown_schema_is_refused():
    with pytest.raises(InvalidInput, match="cgro-result/1"):
        load_schema("cgro-result/2")


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_recorded_results_are_valid(path):
    validator("cgro-result/1").validate(json.loads(path.read_text(encoding="utf-8")))


def test_the_schema_knows_every_outcome():
    assert load_schema("cgro-result/1")["$defs"]["outcome"]["enum"] == [outcome.value for outcome in Outcome]


def test_trajectories_are_valid_with_and_without_an_end(trajectories):
    for document in trajectories:
        validator("cgro-trajectories/1").validate(document)
    reasons = [run["stopped_because"] for document in trajectories for run in document["runs"]]
    assert "diverged" in reasons
    assert set(reasons) & {"horizon", "memorized"}


def test_every_answer_is_valid(bound):
    validator("cgro-bound/1").validate(json.loads(json.dumps(bound, allow_nan=False)))
    for answer in (stages(PatchSetting.version_1(10**4, width=1)), memorizer(10**300, 10**9, math.inf)):
        validator("cgro-bound/1").validate(json.loads(json.dumps(answers_to_json(answer.question, [answer]))))


def broken(document, path, value):
    """A copy with one place changed, or removed when ``value`` is ``...``."""
    changed = copy.deepcopy(document)
    place = changed
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


def refused(name, document, path, value):
    return not validator(name).is_valid(broken(document, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "cgro-result/2"),
        (("claims", 0, "outcome"), "proved"),
        (("claims", 0, "mark"), "guess"),
        (("claims", 0, "relation"), "about"),
        (("claims", 0, "predicted", "low"), "Infinity"),
        (("claims", 0, "measured", "confidence"), 1.5),
        (("claims", 0, "measured"), ...),
        (("claims", 0, "failure_probability"), -0.1),
        (("claims", 0, "surprise"), 1),
        (("environment", "torch"), ...),
        (("outcome",), ...),
    ],
)
def test_a_broken_result_is_refused(result, path, value):
    assert validator("cgro-result/1").is_valid(result)
    assert refused("cgro-result/1", result, path, value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "cgro-bound/2"),
        (("question",), "rate"),
        (("answers",), []),
        (("answers", 0, "quantities", 0, "direction"), "bound"),
        (("answers", 0, "quantities", 0, "value"), "nan"),
        (("answers", 0, "quantities", 0, "formula"), ""),
        (("answers", 0, "quantities", 0, "source"), ...),
        (("answers", 0, "quantities", 4, "low"), None),
        (("answers", 0, "assumptions", 0, "met"), "yes"),
        (("extra",), 1),
    ],
)
def test_a_broken_answer_is_refused(bound, path, value):
    assert bound["answers"][0]["quantities"][4]["direction"] == "estimate"
    assert refused("cgro-bound/1", bound, path, value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "cgro-trajectories/0"),
        (("parameters", "degree"), 1),
        (("parameters", "adversary"), "linf"),
        (("parameters", "width"), ...),
        (("runs",), []),
        (("runs", 0, "final"), None),
        (("runs", 0, "final", "clean_test_error"), 1.2),
        (("runs", 0, "final", "robust_test_error_interval"), [0.1]),
        (("runs", 0, "signal_time"), -1.0),
        (("runs", 0, "stopped_because"), "bored"),
    ],
)
def test_broken_trajectories_are_refused(trajectories, path, value):
    assert refused("cgro-trajectories/1", trajectories[0], path, value)


def test_a_diverged_run_has_no_end(trajectories):
    final = trajectories[0]["runs"][0]["final"]
    place = next(i for i, run in enumerate(trajectories[1]["runs"]) if run["stopped_because"] == "diverged")
    assert refused("cgro-trajectories/1", trajectories[1], ("runs", place, "final"), final)
    assert refused("cgro-trajectories/1", trajectories[1], ("runs", place, "diverged_step"), ...)
