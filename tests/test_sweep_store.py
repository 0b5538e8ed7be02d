"""The store: what is recorded stays, what was changed is named, what belongs to the dead is taken over."""

import os
import pickle
import sqlite3
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.parameter import Parameter
from cgro_theory.sweep import session
from cgro_theory.sweep.cell import make_cell
from cgro_theory.sweep.grid import load_grid
from cgro_theory.sweep.index import STORE_SCHEMA
from cgro_theory.sweep.result_file import decode_result, encode_result
from cgro_theory.sweep.run_kind import RunKind, RunOutcome
from cgro_theory.sweep.session import Identity, Observer, own_identity
from cgro_theory.sweep.store import Finished, Store
from cgro_theory.sweep.table import damaged, results, write_table

KIND = RunKind("toy", 1, "nowhere:run", (Parameter("seed", "integer", 0),))
CELLS = [make_cell(KIND, {"seed": seed}) for seed in range(4)]


def outcome(seed):
    return RunOutcome(({"value": seed / 3, "name": "ü", "none": None},), {"path": np.arange(seed + 2) / 7})


def finished(cell):
    return Finished(cell, encode_result(cell, outcome(cell.parameters["seed"])), "", 0.5)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store", create=True) as opened:
        opened.begin_session("test")
        yield opened


def stored_file(store, cell):
    return store.result_path(cell, store.records()[cell.identity].checksum)


def test_what_is_recorded_reads_back(store):
    claims = store.exchange([], CELLS[:3])
    assert claims.ours == tuple(CELLS[:3])
    assert store.exchange([finished(CELLS[0]), Finished(CELLS[1], None, "why", 0.1)], []).lost == ()
    read = store.read(CELLS[0])
    assert read.rows == ({"value": 0.0, "name": "ü", "none": None},)
    assert read.arrays["path"].tobytes() == (np.arange(2) / 7).tobytes()
    records = store.records()
    assert (records[CELLS[1].identity].state, records[CELLS[1].identity].error) == ("failed", "why")
    assert records[CELLS[2].identity].state == "claimed"
    for cell in CELLS[1:]:
        with pytest.raises(InvalidFile, match="holds no result of run"):
            store.read(cell)
    again = store.exchange([], CELLS)
    assert (again.done, again.failed) == ((CELLS[0],), (CELLS[1],))


@given(
    arrays.arrays(
        st.sampled_from(["<f8", "<f4", "<i8", "|b1", "<c16", "<U3"]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    st.dictionaries(
        st.text(max_size=8), st.one_of(st.none(), st.booleans(), st.floats(), st.text(), st.integers())
    ),
)
def test_results_keep_every_bit_and_equal_results_are_equal_bytes(array, row):
    encoded = encode_result(CELLS[0], RunOutcome((row,), {"b": array, "a": array}))
    assert encode_result(CELLS[0], RunOutcome((dict(row),), {"a": array.copy(), "b": array})) == encoded
    read = decode_result("x", encoded.content, CELLS[0])
    assert list(read.arrays) == ["a", "b"]
    assert (read.arrays["a"].dtype, read.arrays["a"].shape) == (array.dtype, array.shape)
    assert read.arrays["a"].tobytes() == array.tobytes()
    assert repr(list(read.rows[0].items())) == repr(list(row.items()))  # repr: NaN equals itself, -0.0 is not 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        RunOutcome((), {"objects": np.array([{}], dtype=object)}),
        RunOutcome((), {"header": np.zeros(1)}),
        RunOutcome((), {"../escape": np.zeros(1)}),
        RunOutcome(({"value": np.float64(1.0)},)),
        RunOutcome(({"value": [1]},)),
    ],
)
def test_an_outcome_that_cannot_be_kept_plainly_is_refused(wrong):
    with pytest.raises(InvalidInput):
        encode_result(CELLS[0], wrong)


def damage_flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_value(path):
    with np.load(path) as archive:
        kept = dict(archive)
    kept["path"] = kept["path"] + 1e-16
    np.savez(path, **kept)


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[:-10])


def damage_pickle(path):
    with zipfile.ZipFile(path, "w") as archive, archive.open("header.npy", "w") as member:
        np.lib.format.write_array(member, np.array([Trap()], dtype=object))


class Trap:
    """Unpickling this would create a file."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


@pytest.mark.parametrize("damage", [damage_flip, damage_value, damage_truncate, damage_pickle, os.unlink])
def test_a_changed_result_is_named_and_never_executed(store, damage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store.exchange([], CELLS)
    store.exchange([finished(cell) for cell in CELLS], [])
    path = stored_file(store, CELLS[2])
    damage(path)
    with pytest.raises(InvalidFile) as caught:
        store.read(CELLS[2])
    assert str(path) in str(caught.value)
    assert ("fails its checksum" in str(caught.value)) == path.exists()
    grid_path = tmp_path / "g.toml"
    grid_path.write_text('[sweep]\nkind = "toy"\n[grid]\nseed = {from = 0, count = 4}\n')
    grid = load_grid(grid_path, {"toy": KIND})
    assert [cell for cell, _ in damaged(grid, store)] == [CELLS[2]]
    with pytest.raises(InvalidFile, match=r"\.npz"):
        write_table(grid, store, tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()
    store.reopen([CELLS[2]])
    assert store.exchange([], [CELLS[2]]).ours == (CELLS[2],)
    store.exchange([finished(CELLS[2])], [])
    assert len(list(results(grid, store))) == 4
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_is_refused_even_with_a_right_checksum(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    damage_pickle(tmp_path / "trap.npz")
    for content in ((tmp_path / "trap.npz").read_bytes(), pickle.dumps(Trap()), b"", b"PK\x03\x04"):
        with pytest.raises(InvalidFile, match=r"trap\.npz: is no sweep result"):
            decode_result(tmp_path / "trap.npz", content, CELLS[0])
    assert not (tmp_path / "sprung").exists()


def test_a_result_under_another_runs_name_is_refused(store):
    store.exchange([], CELLS)
    store.exchange([finished(CELLS[0])], [])
    content = stored_file(store, CELLS[0]).read_bytes()
    with pytest.raises(InvalidFile, match="holds another run"):
        decode_result("x", content, CELLS[1])


def test_a_newer_store_is_refused_with_what_to_do(tmp_path):
    Store(tmp_path / "s", create=True).close()
    with sqlite3.connect(tmp_path / "s" / "index.sqlite") as connection:
        connection.execute(f"PRAGMA user_version = {STORE_SCHEMA + 1}")
    connection.close()
    before = (tmp_path / "s" / "index.sqlite").read_bytes()
    with pytest.raises(
        InvalidFile, match=r"newer cgro .*schema 2.*up to 1.*: upgrade cgro-theory, or give another"
    ):
        Store(tmp_path / "s", create=True)
    assert (tmp_path / "s" / "index.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"hello, this is a text file" * 50, "is no sweep store, or damaged"), (None, "another program's database")],
)
def test_foreign_files_are_refused_and_left_alone(tmp_path, content, message):
    path = tmp_path / "index.sqlite"
    if content is None:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE other (x)")
        connection.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(InvalidFile, match=message):
        Store(tmp_path, create=True)
    assert path.read_bytes() == before


def test_a_damaged_index_is_named(tmp_path):
    with Store(tmp_path, create=True) as store:
        store.begin_session("x" * 20_000)
    path = tmp_path / "index.sqlite"
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(InvalidFile, match=r"index\.sqlite: is (damaged|no sweep store)"):
        Store(tmp_path, create=True)


def test_a_missing_store_is_not_made_by_looking(tmp_path):
    with pytest.raises(InvalidFile, match="no such sweep store"):
        Store(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_two_sessions_never_hold_the_same_run(tmp_path):
    with Store(tmp_path, create=True) as one, Store(tmp_path) as two:
        one.begin_session("one")
        two.begin_session("two")
        assert one.exchange([], CELLS[:2]).ours == tuple(CELLS[:2])
        found = two.exchange([], CELLS)
        assert (found.ours, found.held) == (tuple(CELLS[2:]), tuple(CELLS[:2]))
        one.exchange([finished(CELLS[0])], [])
        found = two.exchange([], CELLS[:2])
        assert (found.done, found.held) == ((CELLS[0],), (CELLS[1],))
        one.close()  # gives back what it did not finish
        assert two.exchange([], [CELLS[1]]).ours == (CELLS[1],)


CLAIM_AND_DIE = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_sweep_store import CELLS, Store, finished
store = Store({store!r}, create=True)
store.begin_session("doomed")
store.exchange([], CELLS)
store.exchange([finished(CELLS[0])], [])
print("claimed", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_claims_of_a_killed_process_are_taken_over_at_once_and_its_results_kept(tmp_path):
    code = CLAIM_AND_DIE.format(tests=os.path.dirname(__file__), store=str(tmp_path))
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (killed.stdout, killed.returncode) == ("claimed\n", -9)
    with Store(tmp_path) as store:
        store.begin_session("heir")
        found = store.exchange([], CELLS)
        assert (found.ours, found.done) == (tuple(CELLS[1:]), (CELLS[0],))
        assert store.records()[CELLS[1].identity].attempts == 2


def test_a_sleeper_whose_run_was_taken_over_cannot_overwrite_it(tmp_path):
    with Store(tmp_path, create=True) as sleeper, Store(tmp_path) as heir:
        sleeper.begin_session("sleeper")
        heir.begin_session("heir")
        sleeper.exchange([], [CELLS[0]])
        with sqlite3.connect(tmp_path / "index.sqlite") as connection:
            connection.execute("UPDATE session SET pid = 2147483647 WHERE environment = 'sleeper'")
        connection.close()
        assert heir.exchange([], [CELLS[0]]).ours == (CELLS[0],)
        heir.exchange([finished(CELLS[0])], [])
        path, content = stored_file(heir, CELLS[0]), stored_file(heir, CELLS[0]).read_bytes()
        other = Finished(CELLS[0], encode_result(CELLS[0], outcome(3)), "", 1.0)
        assert sleeper.exchange([other], []).lost == (CELLS[0],)
        assert stored_file(heir, CELLS[0]) == path
        assert path.read_bytes() == content
        assert heir.read(CELLS[0]).rows == outcome(0).rows


def test_failed_runs_are_settled_unless_asked_for_and_then_tried_once_per_session(store, tmp_path):
    store.exchange([], [CELLS[0]])
    store.exchange([Finished(CELLS[0], None, "why", 0.1)], [])
    assert store.exchange([], [CELLS[0]], retry_failed=True).failed == (CELLS[0],)
    with Store(store.folder) as later:
        later.begin_session("later")
        assert later.exchange([], [CELLS[0]]).failed == (CELLS[0],)
        assert later.exchange([], [CELLS[0]], retry_failed=True).ours == (CELLS[0],)


def test_a_process_is_alive_as_long_as_it_runs():
    own = own_identity()
    observer = Observer(own)
    assert observer.is_alive(1, own, 0)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = Identity(own.host, child.pid, session._process_start(child.pid))
    assert observer.is_alive(2, identity, 0)
    if identity.started:
        reused = Identity(own.host, child.pid, identity.started + "0")
        assert not observer.is_alive(3, reused, 0)  # the same process id, another process
    child.kill()
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not observer.is_alive(2, identity, 0)  # dead, and not yet collected by its parent
    child.wait()
    assert not observer.is_alive(2, identity, 0)


def test_a_session_elsewhere_is_dead_after_silence_on_the_observers_clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    observer, elsewhere = Observer(own_identity()), Identity("elsewhere", os.getpid(), "")
    assert observer.is_alive(1, elsewhere, 7)
    now[0] += session.SILENCE_SECONDS - 1
    assert observer.is_alive(1, elsewhere, 7)
    now[0] += 2
    assert not observer.is_alive(1, elsewhere, 7)
    assert observer.is_alive(1, elsewhere, 8)
    now[0] += session.SILENCE_SECONDS - 1
    assert observer.is_alive(1, elsewhere, 8)


def test_a_session_beats(tmp_path, monkeypatch):
    monkeypatch.setattr("cgro_theory.sweep.store.PULSE_SECONDS", 0.01)
    with Store(tmp_path, create=True) as store:
        store.begin_session("pulse")
        for _ in range(1000):
            (beat,) = store._connection.execute("SELECT beat FROM session").fetchone()
            if beat >= 2:
                return
            store._stop.wait(0.01)
    pytest.fail("no beat was written")
