"""Wrong invocations of every command, made from its own options: one line, exit code 2, nothing written.

`pytest -s` prints how many there are.
"""

import contextlib
import io
import os
import re
import subprocess
import sys

import pytest
import typer

from cgro_theory.cli import app, main

RANGES = {
    "dimension": ("0", "1.5"),
    "samples": ("0", "-3"),
    "patches": ("1",),
    "width": ("0",),
    "degree": ("1", "10"),
    "adversarial_weight": ("-0.1", "1.1"),
    "attacked_fraction": ("-1.1", "1.1"),
    "perturbation_radius": ("-1",),
    "signal_exponent": ("11", "-11"),
    "noise_exponent": ("11",),
    "init_exponent": ("11",),
    "learning_rate": ("-1",),
    "steps": ("0", "1.5"),
    "horizon": ("0",),
    "tolerance": ("0", "1"),
    "runs": ("0", "2.5"),
    "seed": ("-1", "0.5"),
    "minutes": ("0", "-1"),
    "plugin_minutes": ("0", "-1", "1e300"),
    "workers": ("-1", "1025"),
    "radius": ("-0.1", "1.5"),
    "radii": ("-0.1", "1.5"),
    "epochs": ("0",),
    "train_size": ("1", "1e9"),
    "test_size": ("0",),
    "batch_size": ("0",),
    "cycles": ("0",),
    "attack_steps": ("0",),
    "restarts": ("0",),
    "recorded_epochs": ("0",),
    "measure_steps": ("0",),
    "draws": ("0",),
    "coverage": ("1", "0"),
    "failure_probability": ("0", "1"),
    "signal_margin": (),
    "covariance_scale": ("-1",),
    "directions": ("-1",),
    "layers": ("0",),
    "error_share": ("0.5", "-0.1"),
    "flatness": ("-1",),
    "gradient_variation": ("-1",),
    "loss_bound": ("0",),
    "bandwidth": ("0", "1"),
    "level": ("0",),
    "lipschitz": ("-1",),
    "clean_parameters": ("-1",),
    "squarings": ("-1",),
    "separation": ("0",),
    "extent": ("-1",),
}
"""Numeric options and values outside their range; of every one a word, NaN, inf and nothing are wrong, too."""
WORDS = {"method", "engine", "adversary", "dtype", "device", "data", "architecture", "profile", "norm_order"}
WRITTEN = {"json", "figure", "npz", "out", "table"}
MADE = {("verify", "out"), ("verify", "keep"), ("reverify", "out"), ("sweep", "store"), ("new-theorem", "out")}
NEEDED = {
    "bound flatness": ["--gradient-variation", "cosine"],
    "bound test-error": [],
    "reverify": ["--seeds", "700001"],
    "sweep": ["grid.toml"],
    "verify": ["gaussian_model"],
    "explain": ["theorem_1.signal_time"],
    "plot": ["runs.json"],
    "report": ["folder"],
    "new-theorem": ["another_theorem"],
}
"""What a command cannot do without, all of it right."""
BESIDE = {
    ("bound stages", "coverage"): ["--draws", "1e4"],
    ("bound stages", "failure_probability"): ["--draws", "1e4"],
    ("bound stages", "figure"): ["--draws", "1e4", "--width", "3,4"],
    ("bound stages", "learning_rate"): ["--seed", "886401"],
    ("bound memorizer", "extent"): ["--norm-order", "2", "--perturbation-radius", "0.1", "--separation", "0.5"],
    ("bound memorizer", "perturbation_radius"): ["--norm-order", "2", "--separation", "0.5"],
    ("bound memorizer", "separation"): ["--norm-order", "2", "--perturbation-radius", "0.1"],
    ("bound memorizer", "squarings"): ["--norm-order", "2"],
    ("bound test-error", "seed"): ["--directions", "100"],
    ("simulate", "horizon"): ["--method", "flow"],
    ("simulate", "tolerance"): ["--method", "flow"],
}
"""What must be given with an option, so that the option's own value is what is wrong."""
CONFLICTS = (
    "simulate --method flow --steps 5",
    "simulate --method descent --horizon 5",
    "simulate --method flow --engine dense",
    "simulate --method flow --adversary l2",
    "simulate --method flow --dtype float32",
    "simulate --adversary l2",
    "simulate --attacked-fraction 0.5 --perturbation-radius 0.1",
    "simulate --json x --npz x",
    "simulate --json x --figure ./x",
    "simulate --npz -",
    "simulate --figure x.pdf",
    "simulate --device cuda --method flow",
    "certify --degree 2",
    "certify --attacked-fraction -0.5",
    "certify --adversarial-weight 0",
    "certify --samples 100000 --minutes 0.001",
    "landscape --mixed-precision --device cpu",
    "landscape --figure x.pdf",
    "landscape --data mnist",
    "landscape --json a.png --figure a.png",
    "verify --only theorem_1.signal_time",
    "verify --json x.json",
    "verify gaussian_model --only theorem_1.signal_time",
    "verify gaussian_model --json x --out x",
    "reverify",
    "reverify --seeds 0",
    "reverify --seeds 886402-886401",
    "reverify --seeds 886402 --instruction-sets sse",
    "sweep",
    "sweep grid.toml --workers 1 --scheduler tcp://localhost:1",
    "sweep grid.toml --table grid.toml",
    "bound stages --json --table",
    "bound stages --coverage 0.9",
    "bound stages --draws 100 --learning-rate 0.1",
    "bound stages --learning-rate 0.1",
    "bound stages --figure x.png",
    "bound stages --dimension 1e4,1e5 --samples 10,20",
    "bound stages --dimension 1e5:1e4:3",
    "bound stages --dimension 1e4:1e5:1",
    "bound test-error --run 1",
    "bound test-error --seed 1",
    "bound test-error --signal-strength 1",
    "bound memorizer --extent 2",
    "bound flatness",
    "bound flatness --gradient-variation 1 --class-weights 0.5,0.6",
    "explain",
    "new-theorem not-a-name",
    "plot",
    "plot runs.json --x seed",
    "plot runs.json --out x.pdf",
    "report folder --out folder",
)


def commands():
    """Every command with the words that call it."""

    def walk(words, command):
        if not getattr(command, "commands", None):
            yield " ".join(words), command
        for name, below in getattr(command, "commands", {}).items():
            yield from walk([*words, name], below)

    return walk([], typer.main.get_command(app))


def wrong_values(name, parameter):
    """Values that the option or argument cannot have, in the folder of :func:`place`."""
    own = parameter.name
    if own in RANGES:
        return ("many", "nan", "inf", "", *RANGES[own])
    if own in WORDS:
        return ("magic", "")
    if (name, own) in MADE:
        return ("file/below", "file", "/proc/none", "")
    if own in WRITTEN:
        return ("missing/x.png", "folder.png", "/proc/none.png", "")
    return ("", "missing/file", "folder.png", "garbage.npz") if own in READ else ("",)


READ = {"weights", "grid", "results", "file", "root"}


def invocations():
    """Words of the command line, what is wrong, and the value that is."""
    for name, command in commands():
        base = [*name.split(), *NEEDED.get(name, ())]
        yield [*base, "--magic"], "--magic", ""
        yield [*base, "--magic=3"], "--magic", ""
        for parameter in command.params:
            if parameter.name in ("help", "no_color"):
                continue
            option = next((each for each in parameter.opts if each.startswith("--")), "")
            if getattr(parameter, "is_flag", False):
                yield [*base, f"{option}=3"], option, ""
                continue
            if option:
                yield [*base, option], option, ""
            for value in wrong_values(name, parameter):
                if option:
                    beside = BESIDE.get((name, parameter.name), [])
                    yield [*base, *beside, option, value], option, value
                    if value:
                        yield [*base, *beside, f"{option}={value}"], option, value
                else:
                    yield [*name.split(), value], "", value
    for words in CONFLICTS:
        yield words.split(), "", ""
    yield ["magic"], "", "magic"
    yield ["bound", "magic"], "", "magic"
    yield ["--magic"], "--magic", ""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the files that invocations name, and what is in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grid.toml").write_text('[sweep]\nkind = "memorizer"\n')
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "garbage.npz").write_bytes(b"\x00garbage")
    (tmp_path / "runs.json").write_text('{"schema": "cgro-trajectories/1"}')
    for name in ("folder", "folder.png"):
        (tmp_path / name).mkdir()
    return tmp_path


def refused(words):
    """Exit code, standard output and standard error of ``cgro`` with these words, in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as stopped:
            code = stopped.code
        except BaseException as error:
            code = f"{type(error).__name__}: {error}"
    return code, out.getvalue(), err.getvalue()


def what_is_wrong(words, option, value):
    """Why the refusal of these words is not as it should be; nothing where it is."""
    code, out, err = refused(words)
    lines = err.splitlines()
    if code != 2 or out or len(lines) != 1 or not lines[0].startswith("error: "):
        return f"exit code {code}, {len(out)} characters printed, said {err!r}"
    if option and option not in lines[0]:
        return f"does not name {option}: {lines[0]}"
    if value and not (value in lines[0] or is_number_in(value, lines[0])):
        return f"does not tell the value {value!r}: {lines[0]}"
    if option.lstrip("-").replace("-", "_") in {*RANGES, *WORDS} and value and "must be " not in lines[0]:
        return f"does not tell what is allowed: {lines[0]}"
    return ""


def is_number_in(value, line):
    with contextlib.suppress(ValueError):
        return float(value) in [float(found) for found in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", line)]
    return False


def test_every_wrong_invocation_is_one_line_and_exit_code_2(place, capsys):
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    tried = list(invocations())
    found = {" ".join(words): what_is_wrong(words, option, value) for words, option, value in tried}
    failed = {words: why for words, why in found.items() if why}
    with capsys.disabled():
        print(f"\n{len(tried)} wrong invocations, {len(failed)} not refused as they should be")
    assert not failed, "\n".join(f"{words}: {why}" for words, why in failed.items())
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before
    assert len(tried) >= 360


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_a_refusal_is_one_line_in_every_locale(place, locale):
    environment = os.environ | {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "cgro_theory", "bound", "stages", "--noise-exponent", "κ"]
    done = subprocess.run(command, capture_output=True, env=environment, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, b"")
    said = done.stderr.decode("utf-8" if locale == "C.UTF-8" else "ascii")
    assert said.startswith("error: --noise-exponent must be a finite number")
    assert len(said.splitlines()) == 1
