"""``cgro landscape`` on small runs: its document, its figure, and one clear line for bad input."""

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from cgro_theory.claims import ExitCode
from cgro_theory.commands.landscape import LandscapeRequest, run_landscape
from cgro_theory.errors import CgroError, InvalidFile, InvalidInput
from cgro_theory.vision.attack import AscentBudget
from cgro_theory.vision.training import TrainingRecipe

RECIPE = TrainingRecipe(radius=0.2, width=3, epochs=4, batch_size=20, attack=AscentBudget(2))


def request(**changes):
    standard = {
        "data": "digits",
        "root": None,
        "train_size": 20,
        "test_size": 30,
        "recipe": RECIPE,
        "recorded_epochs": 2,
        "measure_budget": AscentBudget(1),
        "device": "cpu",
        "quiet": True,
    }
    return LandscapeRequest(**(standard | changes))


def test_the_document_and_the_figure(tmp_path):
    json_path, figure_path = tmp_path / "l.json", tmp_path / "l.png"
    asked = request(json_path=str(json_path), figure_path=str(figure_path))
    assert run_landscape(asked) is ExitCode.PASSED
    document = json.loads(json_path.read_text(), parse_constant=pytest.fail)
    assert document["schema"] == "cgro-landscape/1"
    assert document["parameters"]["radius"] == 0.2
    assert document["parameters"]["train_size"] == 20
    assert [moment["epoch"] for moment in document["epochs"]] == [2, 4]
    final = document["final"]
    assert [row["radius"] for row in final["test"]["radii"]] == pytest.approx(
        [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]
    )
    for moment in (*document["epochs"], final):
        for side in ("train", "test"):
            rows = moment[side]["radii"]
            for name in ("robust_error", "max_gradient_norm", "max_loss_change"):
                values = [row[name] for row in rows]
                assert values == sorted(values)
                assert all(math.isfinite(value) for value in values)
        low, high = moment["test"]["robust_error_interval"]
        assert low <= moment["test"]["robust_error"] <= high
        gap = moment["test"]["robust_error"] - moment["train"]["robust_error"]
        assert moment["robust_generalization_gap"] == pytest.approx(gap)
    assert figure_path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l.json", "l.png"]


def test_standard_output_named_radii_and_the_control(capsys):
    recipe = TrainingRecipe(radius=0.3, architecture="resnet", width=2, epochs=1, adversarial=False)
    run_landscape(request(recipe=recipe, radii=(0.1, 1.0), json_path="-"))
    document = json.loads(capsys.readouterr().out)
    assert [row["radius"] for row in document["final"]["train"]["radii"]] == [0.1, 0.3, 1.0]
    assert document["parameters"]["adversarial"] is False


def test_radii_beyond_the_pixel_range_are_left_out_by_default(capsys):
    run_landscape(request(recipe=TrainingRecipe(radius=0.9, width=1, epochs=1)))
    document = json.loads(capsys.readouterr().out)
    assert max(row["radius"] for row in document["final"]["train"]["radii"]) == 0.9


def test_cifar_files_are_read_from_the_named_folder(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        content = {b"data": rng.integers(0, 256, (10, 3072), dtype=np.uint8), b"labels": list(range(10))}
        (tmp_path / name).write_bytes(pickle.dumps(content, 2))
    recipe = TrainingRecipe(radius=8 / 255, width=1, epochs=1)
    run_landscape(request(data="cifar10", root=tmp_path, recipe=recipe, test_size=None, radii=(8 / 255,)))
    document = json.loads(capsys.readouterr().out)
    assert (document["parameters"]["data"], document["parameters"]["test_size"]) == ("cifar10", 10)


def never(*arguments, **named):
    raise AssertionError("training started on bad input")


@pytest.mark.parametrize(
    ("changes", "error", "why"),
    [
        ({"data": "imagenet"}, InvalidInput, "data must be one of"),
        ({"data": "mnist"}, InvalidInput, "--root"),
        ({"data": "mnist", "root": Path("nowhere")}, InvalidFile, "no such folder"),
        ({"radii": (0.1, 1.2)}, InvalidInput, "range of the pixels"),
        ({"radii": (0.0,)}, InvalidInput, "range of the pixels"),
        ({"train_size": 9}, InvalidInput, "train_size"),
        ({"train_size": 1797}, InvalidInput, "train_size"),
        ({"train_size": 1797, "test_size": None}, InvalidInput, "train_size"),
        ({"test_size": 0}, InvalidInput, "test_size"),
        ({"recorded_epochs": 0}, InvalidInput, "recorded epochs"),
        ({"seed": -1}, InvalidInput, "seed"),
        ({"device": "tpu"}, InvalidInput, "device"),
        ({"json_path": "nowhere/x.json"}, InvalidFile, "no such folder"),
        ({"figure_path": "nowhere/x.png"}, InvalidFile, "no such folder"),
        ({"figure_path": "x.jpg"}, InvalidInput, "--figure"),
        ({"recipe": TrainingRecipe(radius=0.2, architecture="vgg")}, InvalidInput, "architecture"),
        ({"recipe": TrainingRecipe(radius=0.2, mixed_precision=True)}, InvalidInput, "mixed-precision"),
    ],
)
def test_bad_input_is_one_line_before_any_training(changes, error, why, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cgro_theory.commands.landscape.run_experiment", never)
    with pytest.raises(error, match=why) as caught:
        run_landscape(request(**changes))
    assert isinstance(caught.value, CgroError)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_leaves_nothing_written(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(b"\x00\x00\x08\x03\x00")
    (folder / "train-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(InvalidFile, match="truncated"):
        run_landscape(request(data="mnist", root=folder, json_path=str(tmp_path / "out.json")))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_said():
    with pytest.raises(InvalidInput, match="no CUDA GPU is available"):
        run_landscape(request(device="cuda"))
