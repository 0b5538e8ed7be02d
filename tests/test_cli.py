"""The command line as a user meets it: in its own process, exit codes and one clear line for bad input."""

import json
import subprocess
import sys

import pytest

from cgro_theory.claims import load_result
from cgro_theory.cli import main
from cgro_theory.numerics.seeds import run_seeds

SMALL = ["--dimension", "500", "--samples", "3", "--width", "5", "--runs", "2", "--steps", "60", "--quiet"]


def cgro(*arguments, timeout=300):
    command = [sys.executable, "-m", "cgro_theory", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def test_help_does_not_import_torch():
    code = "import sys, cgro_theory.cli\n"
    code += "assert not {'torch', 'sympy', 'cgro_theory.theorems.catalogue'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    shown = cgro("--help")
    assert shown.returncode == 0
    assert "simulate" in shown.stdout
    assert "verify" in shown.stdout


def test_simulate_writes_its_schema(tmp_path):
    path = tmp_path / "t.json"
    done = cgro("simulate", *SMALL, "--json", path, "--npz", tmp_path / "t.npz")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("d = 500, N = 3, ")
    document = json.loads(path.read_text())
    assert document["schema"] == "cgro-trajectories/1"
    assert document["parameters"]["patch_dimension"] == 500
    assert [run["seed"] for run in document["runs"]] == list(run_seeds(0, 2))
    final = document["runs"][0]["final"]
    assert set(final) >= {
        "signal",
        "signal_margin",
        "noise_margins",
        "clean_train_error",
        "robust_train_error",
        "clean_test_error",
        "robust_test_error",
    }
    assert len(final["noise_margins"]) == len(document["runs"][0]["memorization_times"]) == 3
    for name in ("clean", "robust"):
        low, high = final[f"{name}_test_error_interval"]
        assert low <= final[f"{name}_test_error"] <= high


@pytest.mark.parametrize("adversary", ["transfer", "span", "l2"])
def test_engines_and_adversaries_print_to_standard_output(adversary, capsys):
    for engine in ("subspace", "dense"):
        rate = ["--learning-rate", "1e-4"]
        arguments = [*SMALL, *rate, "--adversary", adversary, "--engine", engine, "--steps", 5, "--json", "-"]
        with pytest.raises(SystemExit) as stopped:
            main(["simulate", *map(str, arguments)])
        assert stopped.value.code == 0
        parameters = json.loads(capsys.readouterr().out)["parameters"]
        assert (parameters["engine"], parameters["adversary"]) == (engine, adversary)


def test_gradient_flow_reaches_any_dimension():
    done = cgro("simulate", *SMALL[2:-3], "--quiet", "--dimension", "1e15", "--method", "flow", "--json", "-")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["parameters"]["method"] == "flow"
    assert all(time > 0 for run in document["runs"] for time in run["memorization_times"])


def test_a_small_dimension_is_trained_dense_and_says_so():
    done = cgro("simulate", *SMALL[:-1], "--dimension", 6, "--json", "-")
    assert done.returncode == 0
    assert "dense engine" in done.stderr
    assert json.loads(done.stdout)["parameters"]["engine"] == "dense"


def test_a_diverging_run_says_step_and_remedy_and_exits_3():
    done = cgro("simulate", *SMALL, "--learning-rate", "1e150", "--json", "-")
    assert done.returncode == 3
    assert "diverged at step" in done.stderr
    assert "lower the learning rate" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["runs"][0]["final"] is None


BAD = [
    (["simulate", "--dimension", "0"], "--dimension must be"),
    (["simulate", "--dimension", "1.5"], "--dimension must be an integer"),
    (["simulate", "--dimension", "nan"], "--dimension must be an integer"),
    (["simulate", "--dimension", "1e99"], "--dimension must be"),
    (["simulate", "--samples", "0"], "--samples must be an integer >= 1, got 0"),
    (["simulate", "--patches", "1"], "--patches must be"),
    (["simulate", "--width", "0"], "--width must be an integer >= 1, got 0"),
    (["simulate", "--degree", "1"], "--degree must be"),
    (
        ["simulate", "--adversarial-weight", "1.5"],
        "--adversarial-weight must be a finite number in [0, 1], got 1.5",
    ),
    (
        ["simulate", "--adversarial-weight", "nan"],
        "--adversarial-weight must be a finite number in [0, 1], got 'nan'",
    ),
    (
        ["simulate", "--attacked-fraction", "1.3"],
        "--attacked-fraction must be a finite number in [-1, 1] or 'auto'",
    ),
    (
        ["simulate", "--attacked-fraction", "some"],
        "--attacked-fraction must be a finite number in [-1, 1] or 'auto'",
    ),
    (["simulate", "--perturbation-radius", "1e9"], "--perturbation-radius must be in [0, "),
    (["simulate", "--perturbation-radius", "-1"], "--perturbation-radius must be a finite number >= 0 or 'auto'"),
    (["simulate", "--signal-exponent", "inf"], "--signal-exponent must be"),
    (["simulate", "--learning-rate", "0"], "--learning-rate must be"),
    (["simulate", "--learning-rate", "inf"], "--learning-rate must be"),
    (["simulate", "--steps", "0"], "steps must be"),
    (["simulate", "--runs", "0"], "runs must be"),
    (["simulate", "--seed", "-1"], "seed must be"),
    (["simulate", "--engine", "magic"], "engine must be subspace or dense"),
    (["simulate", "--adversary", "l7"], "adversary must be transfer, span or l2"),
    (["simulate", "--device", "tpu"], "device must be auto, cpu or cuda"),
    (["simulate", "--steps", "many"], "steps"),
    (["simulate", "--engine", "dense", "--dimension", "1e15"], "--dimension must be at most "),
    (["simulate", "--json", "/no/such/folder/t.json"], "no such folder"),
    (["simulate", "--method", "magic"], "--method must be auto, descent or flow"),
    (
        ["simulate", "--method", "flow", "--engine", "dense"],
        "must be auto or descent for the dense engine",
    ),
    (
        ["simulate", "--method", "flow", "--adversary", "l2"],
        "must be auto or descent for the l2 adversary",
    ),
    (["simulate", "--method", "flow", "--horizon", "soon"], "horizon must be a finite number > 0 or 'auto'"),
    (["simulate", "--method", "flow", "--horizon", "-1"], "horizon must be"),
    (
        ["simulate", "--method", "flow", "--tolerance", "1"],
        "--tolerance must be a finite number in [1e-12, 0.001] or 'auto'",
    ),
    (["verify", "theorem_9"], "theorem must be all, lemmas"),
    (["verify", "theorem_1", "--profile", "slow"], "profile must be quick or full"),
    (["verify", "theorem_1", "--only", "theorem_1.magic"], "--only must be a claim of theorem_1"),
    (["verify", "theorem_1", "--seed", "-1"], "seed must be"),
    (["verify", "all", "--json", "x.json"], "--json must be"),
    (["verify", "lemmas", "--json", "/no/such/folder/r.json"], "no such folder"),
    (["verify", "lemmas", "--out", "/proc/none"], "/proc/none"),
    (["simulate", "--dtype", "float16"], "dtype must be float64 or float32"),
    (["simulate", "--method", "flow", "--dtype", "float32"], "--dtype must be left out with the method flow"),
    (["sweep", "/no/such.toml"], "cannot be read"),
    (["landscape", "--radius", "1.5"], "radius"),
    (["landscape", "--data", "mnist"], "root"),
    (["landscape", "--data", "foo"], "data"),
    (["landscape", "--train-size", "5"], "--train-size"),
    (["verfy"], "verfy"),
    (["verify", "--sed", "1"], "--sed"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, capsys):
    from cgro_theory.cli import main

    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    captured = capsys.readouterr()
    assert stopped.value.code == 2
    assert message in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert captured.out == ""


def test_missing_gpu_is_one_line(capsys):
    import torch

    from cgro_theory.cli import main

    if torch.cuda.is_available():
        main_arguments = ["simulate", *SMALL, "--device", "cuda", "--json", "-"]
        with pytest.raises(SystemExit) as stopped:
            main(main_arguments)
        assert stopped.value.code == 0
        return
    with pytest.raises(SystemExit) as stopped:
        main(["simulate", *SMALL, "--device", "cuda"])
    assert stopped.value.code == 2
    assert "no CUDA GPU is available" in capsys.readouterr().err


def test_verify_writes_results_and_exit_code(tmp_path):
    done = cgro("verify", "lemmas", "--out", tmp_path / "out", "--json", tmp_path / "r.json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "lemmas.tensor_power_time" in done.stdout
    for path in (tmp_path / "r.json", tmp_path / "out" / "lemmas.json"):
        document = load_result(path)
        assert document["theorem"] == "lemmas"
        assert document["outcome"] == "consistent"
        assert all(entry["reproduce"].startswith("cgro verify lemmas --only") for entry in document["claims"])


def test_only_judges_the_claim_and_what_it_depends_on(tmp_path):
    done = cgro(
        "verify", "theorem_1", "--only", "theorem_1.gradient_identity", "--json", tmp_path / "r.json", "--quiet"
    )
    assert done.returncode == 0, done.stderr
    document = load_result(tmp_path / "r.json")
    assert [entry["label"] for entry in document["claims"]] == ["theorem_1.gradient_identity"]
    assert document["outcome"] == "certified"
