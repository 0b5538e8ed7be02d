"""Streams that fail, options named as typed, digits of other scripts, and what an output may replace."""

import json
import os
import socket
import subprocess
import sys

import pytest

from cgro_theory.atomic_file import atomic_write, require_outputs, require_writable
from cgro_theory.commands.command_line import named_file
from cgro_theory.errors import InvalidFile, InvalidInput

TINY = "simulate --dimension 300 --samples 2 --width 3 --runs 1 --steps 5 --quiet --json -"


def shell(line, **environment):
    """A line of sh with ``cgro`` in it; the exit code of its last command, which ``line`` may print instead."""
    program = f"'{sys.executable}' -m cgro_theory"
    return subprocess.run(
        ["bash", "-c", line.replace("cgro", program)],
        capture_output=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )


@pytest.mark.parametrize("command", [TINY, "--help", "bound stages", ""])
@pytest.mark.parametrize(("output", "why"), [(">&-", b"Bad file descriptor"), ("> /dev/full", b"No space left")])
def test_lost_output_is_one_line_and_exit_code_2(command, output, why):
    done = shell(f"cgro {command} {output}")
    assert done.returncode == 2
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_goes_away_ends_the_command_quietly():
    # More than a pipe holds, so that the writer meets the closed end.
    large = "simulate --dimension 300 --samples 40 --width 3 --runs 200 --steps 1 --quiet --json -"
    done = shell(f"cgro {large} | head -c 1; echo ${{PIPESTATUS[0]}}")
    assert done.stdout.split() == [b"{141"]
    assert done.stderr == b""


@pytest.mark.parametrize("output", ["2>&-", "2> /dev/full"])
def test_standard_error_that_cannot_be_written_changes_nothing(output):
    done = shell(f"cgro {TINY} {output}")
    assert done.returncode == 0
    assert json.loads(done.stdout)["schema"] == "cgro-trajectories/1"


@pytest.mark.parametrize("command", ["--help", "simulate --help", "bound stages", "bound stages --json"])
def test_a_locale_without_the_characters_gets_them_escaped(command):
    plain = shell(f"cgro {command}", PYTHONUTF8="1")
    done = shell(f"cgro {command}", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    if "--json" in command:
        assert json.loads(done.stdout) == json.loads(plain.stdout)
        assert not plain.stdout.isascii()


def refusal(capsys, *arguments):
    from cgro_theory.cli import main

    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    captured = capsys.readouterr()
    assert stopped.value.code == 2
    (line,) = captured.err.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("simulate --samples 0", "--samples must be an integer >= 1, got 0"),
        ("bound stages --samples 0", "--samples must be an integer >= 1, got 0"),
        ("bound memorizer --samples 0", "--samples must be an integer"),
        ("simulate --dimension=1", "--dimension must be an integer in [2, "),
        ("simulate --tolerance 0", "--tolerance must be a finite number in [1e-12, 0.001] or 'auto', got 0"),
        ("simulate --horizon nan", "--horizon must be a finite number > 0 or 'auto', got 'nan'"),
        ("simulate --adversary l7", "--adversary must be transfer, span or l2"),
        ("landscape --train-size 5", "--train-size must be"),
        ("simulate --npz -", "--npz must be a file"),
        ("verify theorem_9", "theorem must be all, lemmas"),
        ("magic", "Known: verify, "),
        ("bound magic", "Known: stages, "),
    ],
)
def test_errors_name_the_option_as_typed(capsys, arguments, message):
    assert message in refusal(capsys, *arguments.split())


@pytest.mark.parametrize(
    ("words", "name"),
    [
        *((f"verify lemmas {option}", option) for option in ("--json", "--out", "--only")),
        *((f"simulate {option}", option) for option in ("--json", "--npz", "--figure")),
        *((f"landscape {option}", option) for option in ("--json", "--figure", "--root")),
        *((f"sweep grid.toml {option}", option) for option in ("--store", "--table", "--scheduler")),
        ("bound test-error --weights", "--weights"),
        ("bound stages --json", "argument"),
        ("report --out", "--out"),
        ("report", "results"),
        ("sweep --quiet", "grid"),
        ("paper-map --root", "--root"),
    ],
)
def test_an_empty_value_is_refused_and_nothing_is_written(capsys, tmp_path, monkeypatch, words, name):
    monkeypatch.chdir(tmp_path)
    line = f"error: {name} must be non-empty, got ''"
    assert refusal(capsys, *words.split(), "") == line
    if name.startswith("--"):
        assert refusal(capsys, *words.split()[:-1], f"{name}=") == line
    with pytest.raises(InvalidInput, match="path must be non-empty"):
        require_outputs({"--json": ""})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words", ["--samples ２０", "--dimension=１e4", "--tolerance 1e-٨", "--learning-rate ０.１"]
)
def test_digits_of_other_scripts_are_refused(capsys, words):
    option = words.replace("=", " ").split()[0]
    assert f"{option} must be written in ASCII digits" in refusal(capsys, "simulate", *words.split())


def test_a_long_value_is_cut():
    assert len(str(InvalidInput("name", "x" * 10_000, "short"))) < 120


def special(tmp_path, kind):
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    elif kind == "link to a device":
        path.symlink_to(os.devnull)
    elif kind == "circle":
        path.symlink_to(path)
    else:
        return "/dev/null"
    return path


@pytest.mark.parametrize("kind", ["device", "pipe", "socket", "link to a device", "circle"])
def test_what_is_no_file_is_refused_and_stays(tmp_path, kind):
    path = special(tmp_path, kind)
    before = os.lstat(path).st_mode
    for use in (require_writable, lambda where: atomic_write(where).__enter__()):
        with pytest.raises(InvalidFile, match="cannot write here"):
            use(path)
    assert os.lstat(path).st_mode == before


def test_links_are_followed_and_stay(tmp_path):
    target, link, dangling = tmp_path / "target", tmp_path / "link", tmp_path / "dangling"
    target.write_bytes(b"old")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "new")
    for path in (link, dangling):
        with atomic_write(path) as stream:
            stream.write(b"text")
        assert path.is_symlink()
        assert path.read_bytes() == b"text"
    assert target.read_bytes() == b"text"
    assert (tmp_path / "new").is_file()


def test_two_outputs_are_two_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(b"kept")
    (tmp_path / "link").symlink_to("a")
    os.link("a", "hard")
    (tmp_path / "folder").mkdir()
    for other in ("a", "./a", tmp_path / "a", "link", "hard", "folder/../a"):
        with pytest.raises(InvalidFile, match="--npz and --json are the same file"):
            require_outputs({"--json": "a", "--npz": other})
    with pytest.raises(InvalidFile, match="--table and the grid are the same file"):
        require_outputs({"--table": "link"}, inputs={"the grid": "a"})
    require_outputs({"--json": "-", "--npz": "b", "--figure": None, "--table": "-"})
    assert (tmp_path / "a").read_bytes() == b"kept"


def test_simulate_refuses_one_file_for_two_documents_before_it_trains(tmp_path, capsys):
    path = tmp_path / "x"
    line = refusal(capsys, *TINY.split()[:-1], str(path), "--npz", f"{tmp_path}/./x")
    assert "--npz and --json are the same file" in line
    assert not path.exists()


def test_a_sweep_does_not_write_its_table_over_its_grid(tmp_path, capsys):
    grid = tmp_path / "grid.toml"
    grid.write_text('[sweep]\nkind = "simulate"\n')
    assert "the same file" in refusal(capsys, "sweep", str(grid), "--table", str(grid))
    assert grid.read_text().startswith("[sweep]")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("simulate --perturbation-radius 1e9", "(twice the α of --signal-exponent), got 1000000000.0"),
        ("bound stages --json --table", "--table must be left out with --json"),
        ("verify gaussian_model --seed 1e3", "--seed must be an integer in [0, 4611686018427387904], got '1e3'"),
        ("verify gaussian_model --seed 99999999999999999999", "--seed must be an integer in [0, 461168"),
    ],
)
def test_small_slips_are_one_line_with_option_value_and_range(capsys, words, said):
    assert said in refusal(capsys, *words.split())


@pytest.mark.parametrize(
    ("name", "arrays", "said"),
    [
        ("x.npy", None, "an npz with 'weights' is needed"),
        ("x.npz", {"weights": [[1.0, 1.0], [1.0, float("nan")]]}, "weights[1, 1] must be finite, got nan"),
        ("x.npz", {"weights": [[1.0]], "feature": [float("inf")]}, "feature[0] must be finite, got inf"),
    ],
)
def test_a_file_of_weights_that_will_not_do_says_what_is_wrong(tmp_path, capsys, name, arrays, said):
    import numpy

    path = tmp_path / name
    numpy.savez(path, **arrays) if arrays else numpy.save(path, numpy.ones((2, 2)))
    scales = ("--signal-strength", "1", "--noise-std", "1")
    assert said in refusal(capsys, "bound", "test-error", "--weights", str(path), *scales)


def test_every_adversary_is_warned_of_a_step_above_the_rule():
    from cgro_theory.commands.simulate_plan import SimulateRequest, plan_simulation
    from cgro_theory.setting import PatchSetting

    setting = PatchSetting.version_1(10_000, num_samples=2, width=2)
    for adversary in ("transfer", "span", "l2"):
        for rate, warned in ((10.0, True), (1e-4, False)):
            request = SimulateRequest(setting, learning_rate=rate, steps=2, runs=1, adversary=adversary)
            assert ("times the step rule" in "".join(plan_simulation(request).warnings())) is warned


def test_a_draw_outside_the_step_rule_s_premises_is_warned_of():
    from cgro_theory.commands.simulate_plan import SimulateRequest, plan_simulation
    from cgro_theory.setting import PatchSetting

    at = {
        d: plan_simulation(SimulateRequest(PatchSetting.version_1(d), steps=2, runs=2, seed=887730)).warnings()
        for d in (2, 30)
    }
    assert ["no attack" in at[2][0], "some V_i starts at -" in at[2][1]] == [True, True]
    assert at[30] == ()


def test_the_option_of_a_file_is_named_and_no_other():
    error = InvalidFile("a/b/x.json", "gone")
    for words, said in (
        (["report", "--out", "a/b/x.json"], "--out a/b/x.json: gone"),
        (["report", "--out=a/b"], "--out a/b/x.json: gone"),
        (["sweep", "a/b/x.json", "--store", "a/b"], "a/b/x.json: gone"),
        (["report", "--root", "."], "a/b/x.json: gone"),
        (["report", "--quiet"], "a/b/x.json: gone"),
    ):
        assert named_file(error, words) == said
