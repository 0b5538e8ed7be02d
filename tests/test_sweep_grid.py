"""Grid files: what they expand to, and that every mistake names its line and key."""

import itertools
import os
import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cgro_theory.commands.sweep_kinds import KINDS
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.parameter import Parameter
from cgro_theory.sweep.axis import axis_values
from cgro_theory.sweep.cell import make_cell
from cgro_theory.sweep.grid import load_grid
from cgro_theory.sweep.run_kind import RunKind
from cgro_theory.sweep.toml_lines import KeyLines

KIND = RunKind(
    name="toy",
    version=1,
    function="nowhere:run",
    parameters=(
        Parameter("size", "integer", 3, 1, 10**18),
        Parameter("weight", "number", 0.5, 0.0, 1.0, ("auto",)),
        Parameter("mode", "word", "plain", words=("plain", "inf", "2")),
        Parameter("seed", "integer", 0, 0),
    ),
)


def grid_file(tmp_path, text):
    path = tmp_path / "grid.toml"
    path.write_text(text, encoding="utf-8")
    return path


def load(tmp_path, text, kinds=None):
    return load_grid(grid_file(tmp_path, text), kinds or {"toy": KIND})


def test_a_grid_is_the_product_of_its_axes_in_the_order_of_the_file(tmp_path):
    grid = load(
        tmp_path,
        '[sweep]\nkind = "toy"\nname = "n"\n[fixed]\nmode = inf\n[grid]\n'
        "weight = [0.25, 1]\nseed = {from = 5, count = 3}\n",
    )
    assert [(c.parameters["weight"], c.parameters["seed"]) for c in grid.cells] == list(
        itertools.product((0.25, 1.0), (5, 6, 7))
    )
    assert all(c.parameters["mode"] == "inf" and c.parameters["size"] == 3 for c in grid.cells)
    assert (grid.name, grid.varying) == ("n", ("weight", "seed"))


def test_several_grids_are_joined_and_shared_runs_counted_once(tmp_path):
    grid = load(
        tmp_path, '[sweep]\nkind = "toy"\n[[grid]]\nseed = [1, 2]\n[[grid]]\nseed = [2, 3]\nsize = ["1e3", 3]\n'
    )
    assert [(c.parameters["seed"], c.parameters["size"]) for c in grid.cells] == [
        (1, 3),
        (2, 3),
        (2, 1000),
        (3, 1000),
        (3, 3),
    ]
    assert grid.name == "grid"


def test_no_grid_is_one_run_and_one_value_needs_no_list(tmp_path):
    assert len(load(tmp_path, '[sweep]\nkind = "toy"\n').cells) == 1
    assert load(tmp_path, '[sweep]\nkind = "toy"\n[grid]\nseed = 4').cells[0].parameters["seed"] == 4


def test_the_identity_is_that_of_the_values_not_of_how_they_are_written(tmp_path):
    one = load(tmp_path, '[sweep]\nkind="toy"\n[fixed]\nweight = 1\n[grid]\nsize = ["1e15"]\nmode = [2]\n')
    two = load(tmp_path, '[sweep]\nkind="toy"\n[fixed]\nmode="2"\nsize=1000000000000000\n[grid]\nweight=[1.0]\n')
    assert one.cells[0].identity == two.cells[0].identity
    other_version = RunKind("toy", 2, KIND.function, KIND.parameters)
    assert make_cell(other_version, one.cells[0].parameters).identity != one.cells[0].identity


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1), st.integers(0, 50)), min_size=2, unique=True))
def test_different_parameters_have_different_identities(rows):
    cells = [make_cell(KIND, {"size": a, "weight": b + 0.0, "mode": "plain", "seed": c}) for a, b, c in rows]
    assert len({cell.identity for cell in cells}) == len({(a, b + 0.0, c) for a, b, c in rows})


HEAD = '[sweep]\nkind = "toy"\n'
MALFORMED = [
    ("", "line 1: sweep: missing"),
    ("[sweep]\n", "line 1: sweep.kind: missing; known: toy"),
    ('[sweep]\nkind = "tuy"', "line 2: sweep.kind: unknown kind 'tuy'; did you mean 'toy'?"),
    ("[sweep]\nkind = 3", "line 2: sweep.kind: unknown kind 3"),
    ("sweep = 3", "line 1: sweep: must be a table"),
    (HEAD + "name = 3", "line 3: sweep.name: must be one line of text"),
    (HEAD + "seed = 3", "line 3: sweep.seed: unknown key (parameters go into [fixed] or [grid])"),
    (HEAD + "\n[gird]\nseed = [1]", "line 4: gird: unknown section; did you mean 'grid'?"),
    (HEAD + "[fixed]\n\nsiez = 4", "line 5: fixed.siez: toy has no such parameter; did you mean 'size'?"),
    (HEAD + "[grid]\nx = [1]", "line 4: grid.x: toy has no such parameter; known: size, weight, mode, seed"),
    (HEAD + "[fixed]\nsize = [4]", "line 4: fixed.size: must be one value; lists and ranges go into [grid]"),
    (HEAD + "[fixed]\nsize = 0", "line 4: fixed.size: must be an integer in [1, 1e+18], got 0"),
    (HEAD + "[fixed]\nsize = 1.5", "line 4: fixed.size: must be an integer in [1, 1e+18], got 1.5"),
    (HEAD + "[fixed]\nsize = true", "line 4: fixed.size: must be an integer"),
    (HEAD + "[fixed]\nsize = 1979-05-27", "line 4: fixed.size: must be an integer"),
    (HEAD + "[fixed]\nsize = '__import__(\"os\")'", "line 4: fixed.size: must be an integer"),
    (HEAD + "[fixed]\nmode = 'fast'", "line 4: fixed.mode: must be plain or inf or 2, got 'fast'"),
    (HEAD + "[grid]\nweight = [\n 0.5,\n 1.5]", "line 4: grid.weight: must be a finite number in [0, 1] or"),
    (HEAD + "[grid]\nweight = [nan]", "line 4: grid.weight: must be a finite number"),
    (HEAD + "[grid]\nweight = []", "line 4: grid.weight: is an empty list"),
    (HEAD + "[grid]\nweight = [[0.5]]", "line 4: grid.weight: must be a finite number"),
    (HEAD + "[grid]\nweight = [0.5, 0.50]", "line 4: grid.weight: holds 0.5 more than once"),
    (HEAD + "[fixed]\nseed = 1\n[grid]\nseed = [1]", "line 6: grid.seed: is given in [fixed] too"),
    (HEAD + "[grid]\nseed = {from = 1}", "line 4: grid.seed: must be a list, {from, count}"),
    (HEAD + "[grid]\nseed = {from = 1, count = 0}", "line 4: grid.seed: count must be an integer from 1 to"),
    (HEAD + "[grid]\nseed = {from = 1, count = 1e12}", "line 4: grid.seed: count must be an integer"),
    (HEAD + "[grid]\nseed = {from = 1, count = 2, stop = 3}", "line 4: grid.seed: must be a list"),
    (HEAD + "[grid]\nseed = {from = -1, count = 2}", "line 4: grid.seed: must be an integer >= 0, got -1"),
    (HEAD + "[grid.seed]\nfrom = 1\ncount = 'x'", "line 3: grid.seed: count must be an integer"),
    (HEAD + "[grid]\nsize={from=0, to=9, count=3, spacing='log'}", "line 4: grid.size: spacing 'log' needs ends"),
    (HEAD + "[grid]\nsize={from=1, to=9, count=3, spacing='lag'}", "line 4: grid.size: spacing must be"),
    (HEAD + "[grid]\nsize={from=1, to='a', count=3}", "line 4: grid.size: to must be a number"),
    (HEAD + "[[grid]]\nseed=[1]\n\n[[grid]]\nsize=[0]", "line 7: grid.size: must be an integer"),
    (
        HEAD + "[grid]\nsize={from=1,count=2000}\nseed={from=1,count=2000}",
        "line 3: grid: more than 1,000,000 runs",
    ),
    (HEAD + "grid = 7", "line 3: sweep.grid: unknown key"),
    (HEAD + "[grid\nseed = 1", "line 3: not valid TOML"),
    (HEAD + "[grid]\nseed = [1\n", "not valid TOML"),
    (HEAD + "[grid]\nseed = 1\nseed = 2", "line 5: not valid TOML: Cannot overwrite a value"),
    (HEAD + "[grid]\nseed = " + "9" * 5000, "not valid TOML"),
    (HEAD + "[grid]\nseed = " + "[" * 3000, "not valid TOML"),
]


@pytest.mark.parametrize(("text", "message"), MALFORMED, ids=[message[:60] for _, message in MALFORMED])
def test_a_malformed_grid_names_the_line_and_the_key(tmp_path, text, message):
    with pytest.raises(InvalidFile) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'grid.toml'}: line ")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_unreadable_grids_are_named(tmp_path):
    with pytest.raises(InvalidFile, match=r"none\.toml: cannot be read"):
        load_grid(tmp_path / "none.toml", KINDS)
    with pytest.raises(InvalidFile, match="cannot be read"):
        load_grid(tmp_path, KINDS)
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(InvalidFile, match="cannot be read: it is a pipe, not a file"):
        load_grid(tmp_path / "pipe.toml", KINDS)
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(InvalidFile, match=r"is no UTF-8 text \(byte 2\)"):
        load_grid(tmp_path / "latin.toml", KINDS)


UNFIT = [
    (
        "method = 'flow'\nengine = 'dense'",
        "",
        "line 4: fixed.method: method must be auto or descent for the dense",
    ),
    (
        "method = 'flow'",
        "dimension = [10]",
        "line 4: fixed.method: method must be auto or descent for a dimension b",
    ),
    ("method = 'flow'", "steps = [10]", "line 6: grid.steps: steps must be left out with the method flow"),
    ("adversary = 'l2'", "", "learning_rate must be a number for the l2 adversary"),
    (
        "dimension = 10000",
        "perturbation_radius = [1, 99]",
        "line 6: grid.perturbation_radius: perturbation_radius",
    ),
    ("attacked_fraction = 0.1", "perturbation_radius = [1]", "given without attacked_fraction"),
]


@pytest.mark.parametrize(("fixed", "grid", "message"), UNFIT)
def test_values_that_do_not_go_together_are_refused_before_anything_runs(tmp_path, fixed, grid, message):
    with pytest.raises(InvalidFile) as caught:
        load(tmp_path, f'[sweep]\nkind = "simulate"\n[fixed]\n{fixed}\n[grid]\n{grid}\n', KINDS)
    assert message in str(caught.value)


def test_every_default_is_a_value_that_a_grid_could_give():
    for kind in KINDS.values():
        for parameter in kind.parameters:
            if parameter.default is not None:
                parsed = parameter.parse(parameter.default)
                assert (parsed, type(parsed)) == (parameter.default, type(parameter.default)), parameter.name


@given(st.integers(-(10**6), 10**6), st.integers(1, 60), st.integers(-9, 9).filter(bool))
def test_ranges_by_steps(start, count, step):
    assert axis_values({"from": start, "count": count, "step": step}) == [start + i * step for i in range(count)]


@given(st.floats(1e-6, 1e6), st.floats(1.5, 1e6), st.integers(2, 30))
def test_logarithmic_ranges_have_their_ends_and_one_ratio(low, ratio, count):
    values = axis_values({"from": low, "to": low * ratio, "count": count, "spacing": "log"})
    assert values[0] == pytest.approx(low, rel=1e-11)
    assert values[-1] == pytest.approx(low * ratio, rel=1e-11)
    for small, large in itertools.pairwise(values):
        assert large / small == pytest.approx(ratio ** (1 / (count - 1)), rel=1e-9)


@pytest.mark.parametrize("value", ["1e15", 1e15, 10**15, "1000000000000000"])
def test_large_integers_may_be_written_with_an_exponent(value):
    assert KIND.parameter("size").parse(value) == 10**15


@given(st.one_of(st.none(), st.booleans(), st.text(), st.floats(), st.lists(st.integers()), st.integers()))
@example("1e400")
@example("٣")
@example(10**400)
def test_parsing_gives_an_admissible_value_or_invalid_input(value):
    for parameter in KIND.parameters:
        try:
            parsed = parameter.parse(value)
        except InvalidInput:
            continue
        assert parameter.parse(parsed) == parsed
        assert parsed in parameter.words or parameter.low <= parsed <= parameter.high


TRICKY = r"""# [not.a.table]
title = "a = b # no comment"
'quoted key' = 'x'
long = QQQ
fake = 1
[fake]
\" ''' [ \\QQQQQ
raw = '''
other = 2
''''
list = [ # comment ]
  "]", # x = 3
  {a = [1, 2]},
]
a.b."c d" = 1

[table.sub] # comment
x = 1e3
[[array]]
y = {from = 0, to = 1}
[array.inner]
z = 1
[[array]]
y = 2
""".replace("Q", '"')


def test_the_lines_of_keys_are_found_in_any_toml():
    tomllib.loads(TRICKY)
    lines = KeyLines(TRICKY)
    numbered = TRICKY.splitlines()
    for path, start in [
        (("title",), "title"),
        (("quoted key",), "'quoted key'"),
        (("long",), "long"),
        (("raw",), "raw"),
        (("list",), "list"),
        (("a", "b", "c d"), "a.b"),
        (("table", "sub", "x"), "x ="),
        (("table", "sub"), "[table.sub]"),
        (("array", 0, "y"), "y = {"),
        (("array", 0, "y", "from"), "y = {"),
        (("array", 0, "inner", "z"), "z"),
        (("array", 1, "y"), "y = 2"),
    ]:
        assert numbered[lines.line(path) - 1].startswith(start), path
    assert lines.line(("fake",)) == lines.line(("other",)) == 1


KEYS = st.text(alphabet="abcdefgh-_", min_size=1, max_size=6)
VALUES = st.sampled_from(["1", "'#'", '"\\""', "[1, 2]", "[\n1,\n]", "{a = 1}", '"""\nx = 1\n"""', "1e3 # = x"])


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=5), max_size=5))
def test_the_line_found_is_the_line_written(tables):
    text, expected = "", {}
    for table, entries in tables.items():
        text += f"[{table}]\n"
        for key, value in entries.items():
            expected[table, key] = text.count("\n") + 1
            text += f"{key} = {value}\n\n"
    tomllib.loads(text)
    lines = KeyLines(text)
    assert {path: lines.line(path) for path in expected} == expected
