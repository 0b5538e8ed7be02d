"""`cgro plot`: every kind of file that has a picture, the axes that vary, and what is refused."""

import copy
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

from cgro_theory.cli import main
from cgro_theory.commands.plot import figure_of
from cgro_theory.commands.plot_rows import rows_figure
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.report.figure_numbers import figure_from_json, figure_to_json

GRID = """[sweep]
kind = "memorizer"
[fixed]
dimension = 3
certify = "no"
[grid]
norm_order = ["1", "inf"]
samples = [4, 8, 16]
seed = {from = 886200, count = 2}
"""


def run(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, words)))
    shown = capsys.readouterr()
    return stopped.value.code, shown.out, shown.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A sweep with its table, a flow with its trajectories, and a bound over a range."""
    where = tmp_path_factory.mktemp("plot")
    (where / "grid.toml").write_text(GRID)
    flow = "--method flow --dimension 1e4 --samples 2 --width 3 --runs 1 --seed 886201 --quiet"
    files = ["--npz", str(where / "t.npz"), "--json", str(where / "t.json")]
    for words in (
        ["sweep", str(where / "grid.toml"), "--quiet", "--table", str(where / "grid.csv")],
        ["simulate", *flow.split(), *files],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == 0
    return where


def test_a_sweep_is_drawn_over_what_varies(folder):
    for name in ("grid.sweep", "grid.csv"):
        (panel,) = figure_of(folder / name).panels
        assert (panel.x_label, panel.x_scale) == ("samples", "linear")
        assert panel.title == "structural_count over samples"
        assert [series.label for series in panel.series] == ["norm_order = 1", "norm_order = inf"]
        assert all(list(series.x) == [4.0, 8.0, 16.0] for series in panel.series)
    (panel,) = figure_of(folder / "grid.sweep", "seed", "separation", "samples").panels
    assert (panel.x_label, panel.title) == ("seed", "separation over seed")
    assert [series.label for series in panel.series] == ["samples = 4", "samples = 8", "samples = 16"]
    for series in panel.series:  # two norms at every seed: the median between the least and the greatest
        assert np.all(np.array(series.low) <= np.array(series.y))
        assert np.all(np.array(series.y) <= np.array(series.high))
        assert np.any(np.array(series.low) < np.array(series.high))


def test_trajectories_and_documents_are_drawn(folder, capsys):
    assert figure_of(folder / "t.npz").panels[0].series[0].label.startswith("signal margin")
    figure = figure_of(folder / "t.json")
    assert figure.panels[0].y_label == "time of memorization (η · step)"
    assert figure.panels[0].title == "time of memorization over training points memorized"
    assert "points_memorized" not in figure.caption
    code, document, _ = run(capsys, "bound", "stages", "--dimension", "1e4:1e8:3", "--json")
    assert code == 0
    (folder / "b.json").write_text(document)
    (panel,) = figure_of(folder / "b.json").panels
    assert (panel.x_label, panel.x_scale) == ("patch_dimension", "log")
    (panel,) = figure_of(folder / "b.json", y="signal_time").panels
    assert panel.y_label == "signal_time (η·step)"
    (series,) = panel.series
    assert len(set(series.y)) == 3


def test_a_result_and_the_numbers_of_a_figure_are_drawn(request):
    recorded = request.config.rootpath / "verification" / "recorded"
    document = json.loads((recorded / "theorem_1.json").read_bytes())
    figure = figure_of(recorded / "theorem_1.json")
    (series,) = figure.panels[0].series
    assert len(series.y) + int(figure.caption.split("; ")[1].split()[0]) == len(document["claims"])
    assert all(0.0 <= share <= 1.0 for share in series.y)  # nothing recorded is refuted
    numbers = json.loads((recorded / "theorem_1_three_stages.json").read_bytes())
    again = figure_of(recorded / "theorem_1_three_stages.json")
    assert (again.title, len(again.panels)) == (numbers["title"], len(numbers["panels"]))
    assert list(again.panels[0].series[0].x) == numbers["panels"][0]["series"][0]["x"]


def test_the_picture_is_said_and_written_whole(folder, capsys):
    code, out, _ = run(capsys, "plot", folder / "grid.csv")
    assert (code, out.split(":")[0]) == (0, str(folder / "grid.csv.png"))
    assert (folder / "grid.csv.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = run(capsys, "plot", folder / "t.npz", "--out", folder / "picture.svg")
    assert (code, out.split(":")[0]) == (0, str(folder / "picture.svg"))
    assert "signal margin" in (folder / "picture.svg").read_text()


def test_pictures_of_files_that_differ_in_their_ending_stay_apart(folder, capsys, monkeypatch):
    monkeypatch.setattr("cgro_theory.commands.plot._drawn", lambda file, figure: {"png": file.name.encode()})
    (folder / "t.png").write_bytes(b"of another command")
    for name in ("t.npz", "t.json"):
        assert run(capsys, "plot", folder / name)[0] == 0
    names = ("t.png", "t.npz.png", "t.json.png")
    assert [(folder / name).read_bytes() for name in names] == [b"of another command", b"t.npz", b"t.json"]


CURVE = {"label": "", "x": [1, 2], "y": [1, None], "colour": 0, "style": "line", "faint": False, "low": None}
CURVE["high"] = None
PANEL = {"title": "", "x_label": "", "y_label": "", "series": [CURVE], "markers": [], "x_scale": "linear"}
PANEL["y_scale"] = "linear"


def numbers(title="", **changes):
    """A figure's JSON with what is to be changed in its one panel or its one curve."""
    panel = PANEL | {key: value for key, value in changes.items() if key in PANEL}
    curve = CURVE | {key: value for key, value in changes.items() if key in CURVE}
    panel["series"] = changes.get("series", [curve])
    return json.dumps({"name": "n", "title": title, "caption": "", "panels": [panel]}).encode()


def bound(**quantity):
    answers = [{"parameters": {"d": d, "of": [d]}, "quantities": [{"name": "a", **quantity}]} for d in (1, 2)]
    return json.dumps({"schema": "cgro-bound/1", "over": "d", "answers": answers}).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", numbers(y=[1.0, 2.0, 3.0])),
        ("x.json", numbers(low=[1.0], high=[2.0])),
        ("x.json", numbers(style="wavy")),
        ("x.json", numbers(y_scale="cubic")),
        ("x.json", numbers(x_scale=["log"])),
        ("x.json", numbers(colour="3")),
        ("x.json", numbers(y=[float("nan"), None])),
        ("x.json", numbers(y=[1e308, -1e308])),
        ("x.json", numbers(y=[1.0, 10**400])),
        ("x.json", numbers(series=[])),
        ("x.json", numbers(series={"a": 1})),
        ("x.json", numbers(title="\ud800")),
        ("x.json", bound(value=[1, 2])),
        ("x.json", bound(value={"low": 1})),
        ("x.json", "[1]".encode("utf-16")),
        ("x.json", b""),
        ("x.csv", b"a,b\n1,1e308\n2,-1e308\n"),
        ("x.csv", b"a,b\nnan,nan\nnan,nan\n"),
        ("x.csv", b"a,b\n1,2\n3\n"),
        ("x.csv", b"a,b\n1,2\n3,4,5\n"),
        ("x.csv", b'a,b\n1,"2\n'),
        ("x.csv", "a,b\n1,2\n3,4\n".encode("utf-16")),
        ("x.npz", b""),
        ("x.npz", b"no archive"),
        ("x.json", b"{"),
        ("x.json", b"[]"),
        ("x.json", b'{"schema": "cgro-bound/1"}'),
        ("x.json", b'{"schema": "cgro-result/1", "claims": [{}]}'),
        ("x.json", b'{"schema": "cgro-trajectories/1", "runs": 3}'),
        ("x.json", b'{"panels": [{"series": [{"magic": 1}], "markers": []}]}'),
        ("x.csv", b"\xff\xfe"),
        ("x.csv", b""),
        ("x.png", b"a picture"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_nothing_is_written(tmp_path, capsys, name, content):
    (tmp_path / name).write_bytes(content)
    code, out, err = run(capsys, "plot", tmp_path / name, "--out", tmp_path / "picture.png")
    assert (code, out) == (2, "")
    assert str(tmp_path / name) in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["pipe", "pipe.csv", "pipe.npz", "pipe.json"])
def test_what_may_never_end_is_refused_at_once(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InvalidFile, match="cannot be read: it is a pipe, not a file"):
        figure_of(tmp_path / name)
    with pytest.raises(InvalidFile, match="it is a device"):
        figure_of(Path("/dev/zero"))
    with pytest.raises(InvalidFile, match="cannot be read: File name too long"):
        figure_of(Path("x" * 300))


def test_damaged_trajectories_are_refused(folder, tmp_path):
    whole = (folder / "t.npz").read_bytes()
    damaged = tmp_path / "t.npz"
    damaged.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidFile, match="truncated or foreign"):
        figure_of(damaged)
    with np.load(folder / "t.npz") as archive:
        arrays = dict(archive)
    for name, change in {
        "noise_margins": lambda array: array[:, :, :1],
        "checkpoint_times": lambda array: array[None],
        "final_signal": lambda array: array.astype(str),
    }.items():
        np.savez(damaged, **arrays | {name: change(arrays[name])})
        with pytest.raises(InvalidFile, match=f"{name} must be .* real numbers"):
            figure_of(damaged)
    header = json.loads(str(arrays["header"])) | {"stopped_because": []}
    np.savez(damaged, **arrays | {"header": np.array(json.dumps(header))})
    with pytest.raises(InvalidFile, match="1 seeds, 0 ends"):
        figure_of(damaged)


JUNK = (None, True, -1, 1e308, float("inf"), 10**400, "", "text", [], {}, [None], {"a": 1}, "\ud800", "delete")


def damage(document, generator):
    """Put junk somewhere, at any depth equally likely."""
    inside = document
    while True:
        key = generator.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        below = inside[key]
        if not isinstance(below, (dict, list)) or not below or generator.random() < 0.2:
            break
        inside = below
    if (junk := generator.choice(JUNK)) == "delete":
        del inside[key]
    else:
        inside[key] = junk


def test_any_damaged_document_is_drawn_or_refused(folder, request, tmp_path):
    recorded = request.config.rootpath / "verification" / "recorded"
    sources = [folder / "t.json", recorded / "lemmas.json", recorded / "theorem_2_counts.json"]
    originals = [json.loads(path.read_bytes()) for path in sources] + [json.loads(bound(value=1.0))]
    generator, refused = random.Random(887399), []
    for original in originals * 60:
        document = copy.deepcopy(original)
        damage(document, generator)
        (tmp_path / "x.json").write_text(json.dumps(document), encoding="utf-8")
        try:
            figure_of(tmp_path / "x.json")
        except (InvalidFile, InvalidInput) as error:
            refused.append(str(error))
    assert 60 < len(refused) < 240
    assert all(len(each.splitlines()) == 1 for each in refused)


def test_the_numbers_of_a_figure_are_read_as_written(folder):
    for name in ("grid.csv", "t.npz"):
        figure = figure_of(folder / name)
        assert figure_from_json(json.loads(figure_to_json(figure))) == figure


def test_a_file_without_a_name_needs_one_for_its_picture(capsys):
    code, _, err = run(capsys, "plot", "..")
    assert (code, err) == (2, "error: --out must be given: the file has no name of its own, got ''\n")


def test_a_folder_that_is_no_sweep_and_a_picture_over_its_source_are_refused(tmp_path, folder):
    with pytest.raises(InvalidFile, match="is no sweep's folder"):
        figure_of(tmp_path)
    from cgro_theory.commands.plot import run_plot

    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(InvalidFile, match="--out and the file are the same file"):
        run_plot(tmp_path / "x.png", tmp_path / "x.png")
    with pytest.raises(InvalidInput, match="--x must be left out"):
        figure_of(folder / "t.npz", x="seed")


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([{"a": 1, "b": 2}, {"a": 2, "b": 2}], {"x": "a", "y": "a"}, "--y must be another column of numbers"),
        ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], {"y": "b"}, "--y must be a, got 'b'"),
        ([{"a": n, "b": n, "c": f"k{n}"} for n in range(9)], {"by": "c"}, "--by must be a column with at most 8"),
        ([{"a": 1, "b": 2}, {"a": 2, "b": 2}], {"by": "z"}, "--by must be a or b"),
    ],
)
def test_axes_that_are_not_there_are_refused(rows, columns, message):
    with pytest.raises(InvalidInput, match=message):
        rows_figure(Path("table.csv"), rows, ["a"], **columns)


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([{"a": 1, "b": 2}], {}, "no column of numbers varies$"),
        ([{"a": 1, "b": 2}, {"a": 2, "b": 2}], {"y": "a"}, "no column of numbers varies beside the one given"),
        ([{"a": 1}, {"a": 2}], {}, "no column of numbers but a"),
    ],
)
def test_rows_without_axes_are_the_files_fault(rows, columns, message):
    with pytest.raises(InvalidFile, match=rf"table\.csv: is nothing to draw: {message}"):
        rows_figure(Path("table.csv"), rows, ["a"], **columns)


def test_scales_follow_the_numbers_and_gaps_are_left_out():
    rows = [{"a": 10**n, "b": f"1e-{n}"} for n in range(5)] + [{"a": 7, "b": None}, {"a": 7, "b": "inf"}]
    (panel,) = rows_figure(Path("table.csv"), rows, ["a"]).panels
    assert (panel.x_scale, panel.y_scale) == ("log", "log")
    assert len(panel.series[0].x) == 5
    assert panel.series[0].low is None
