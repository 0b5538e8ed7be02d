"""Theorems of other packages: who takes part, what is said of the others, and that they harm nobody."""

from dataclasses import replace
from pathlib import Path

import pytest
from installing import THEOREM, install
from rich.console import Console

from cgro_theory.claims import Environment, ExitCode, VerificationResult, conclude
from cgro_theory.cli import main
from cgro_theory.commands import judging
from cgro_theory.commands.claims import print_cards
from cgro_theory.commands.judging import Judging, withdrawn
from cgro_theory.commands.paper_map import map_sections
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.theorems import catalogue, plugins
from cgro_theory.theorems.catalogue import TAKEN, room
from cgro_theory.theorems.gaussian_model.runs.counted_models import GaussianRuns
from cgro_theory.theorems.kept_runs import _source_digest
from cgro_theory.theorems.plugins import Plugin, PluginFault, examined, offered
from cgro_theory.theorems.room import Room, RunRequest
from cgro_theory.theorems.verification import gather_all
from cgro_theory.theorems.worker_pool import WorkerDied

__all__ = ["install"]
ASKED = RunRequest("quick", 881001, "cpu", frozenset(), lambda doing, done: None)
CPU = Environment("3", "2", "cpu", "float64", "0", "none")


def run(capsys, *arguments):
    """Exit code, standard output and the lines of standard error."""
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, arguments)))
    shown = capsys.readouterr()
    return stopped.value.code, shown.out, shown.err.splitlines()


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("theorem_1", "theorem_1 of cgro_theory is in the way"),
        ("theorem_1_more", "theorem_1 of cgro_theory is in the way"),
        ("theorem", "theorem_1 of cgro_theory is in the way"),
        ("landscape", "landscape of cgro_theory is in the way"),
        ("other_bound", "other of cgro-other 1.0 is in the way"),
        ("Bound", "its label must be lower-case"),
        ("all", "its label must be lower-case"),
        ("a.b", "its label must be lower-case"),
    ],
)
def test_a_label_that_is_not_free_is_refused_without_an_import(install, label, said):
    install("other", "raise RuntimeError")
    install(label, "raise RuntimeError", package="cgro-zeta", name="zeta")
    free, ((refused, why),) = offered(TAKEN)
    assert [plugin.label for plugin in free] == ["other"]
    assert refused == label
    assert why.startswith(f"the plug-in {label} of cgro-zeta 1.0 is left out: ")
    assert said in why


def test_of_two_packages_with_one_label_the_first_in_the_alphabet_has_it(install):
    install("bound", package="zeta", name="zeta")
    install("bound", package="alpha", name="alpha")
    (free,), ((_, why),) = offered(TAKEN)
    assert free == Plugin("bound", "alpha:ROOM", "alpha 1.0")
    assert (
        why == "the plug-in bound of zeta 1.0 is left out: its label is not free: bound of alpha 1.0 is in the way"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ROOM = 3", "sound:ROOM must be a Room, got int"),
        ("ROOM = Room('sounds', 'A', 'sound')", "the room is labelled 'sounds', not as its entry point"),
        ("ROOM = Room('sound', 'A', 'sound', ('theorem_1',))", "its room must have no parts"),
        ("ROOM = Room('sound', 'A', 'cgro_theory.theorems.lemmas')", "must be named sound.…, after its room"),
        ("CHECKED = (labelled('theorem_1.signal_time'),)", "theorem_1.signal_time must be named sound.…, after"),
        ("CHECKED = (labelled('soundly.x'),)", "soundly.x must be named sound.…, after"),
        ("CHECKED = CHECKED + CHECKED", "two claims are named sound.robust_error"),
        ("CHECKED = (labelled('sound.x', controls=()),)", "sound.x: it has no negative control"),
        ("CHECKED = ()", "it states no claim"),
        ("CHECKED = [3]", "sound.claims must offer CHECKED, a tuple"),
        ("CHECKED = (3,)", "CHECKED must hold values of CheckedClaim"),
        ("gather = 3", "sound.claims must offer the function gather"),
        ("CARD = 3", "CARD must be a TheoremCard, got int"),
        (
            "CHECKED = (replace(entry, claim=replace(entry.claim, label='sound.x', depends_on=('other.x',))),)",
            "sound.x depends on other.x, which neither its room nor cgro_theory states",
        ),
    ],
)
def test_what_breaks_the_contract_is_told(install, change, said):
    install("sound", THEOREM + change)
    with pytest.raises(PluginFault) as told:
        examined(Plugin("sound", "sound:ROOM", "cgro-sound 1.0"))
    assert said in str(told.value)


def test_a_sound_theorem_is_its_room_and_a_module_alone_is_none(install):
    install("sound", THEOREM)
    assert examined(Plugin("sound", "sound:ROOM", "")) == (Room("sound", "A theorem of a test", "sound"), False)
    with pytest.raises(PluginFault, match=r"of the form package.module:ROOM, got 'sound'"):
        examined(Plugin("sound", "sound", ""))


def test_one_that_raises_and_one_that_ends_its_process_are_told_and_harm_nobody(install, capsys):
    install("raises", "raise RuntimeError('no\\n such luck')")
    install("ends", "import os; os._exit(0)")
    code, shown, lines = run(capsys, "claims")
    assert code == ExitCode.INCONCLUSIVE
    assert shown.startswith("\nlemmas: Lemmas\n")
    assert sorted(lines) == [
        "the plug-in ends of cgro-ends 1.0 is left out: a worker process ended with exit code 0",
        "the plug-in raises of cgro-raises 1.0 is left out: RuntimeError: no such luck (<module>, line 1)",
    ]
    code, shown, (line,) = run(capsys, "verify", "raises")
    assert (code, shown) == (2, "")
    assert line.startswith("error: the plug-in raises of cgro-raises 1.0 is left out: RuntimeError")


def test_one_that_hangs_on_import_is_given_up(install, monkeypatch):
    install("hangs", "import time; time.sleep(600)")
    monkeypatch.setattr(plugins, "LONGEST_IMPORT", 0.1)
    assert catalogue.all_rooms() == catalogue.ROOMS
    assert [why for _, why in catalogue.plugins().refused] == [
        "the plug-in hangs of cgro-hangs 1.0 is left out: it was not imported within 0.1 s"
    ]


def test_no_plugin_is_looked_for_where_none_is_named(install, monkeypatch):
    def looked(*arguments, **options):
        raise AssertionError("a process was started")

    install("hangs", "import time; time.sleep(600)")
    monkeypatch.setattr(plugins, "WorkerPool", looked)
    assert room("theorem_1").label == "theorem_1"
    landscape = next(claim.label for claim in room("theorem_3").claims if claim.label.startswith("landscape."))
    assert catalogue.room_of_claim(landscape) == room("theorem_3")
    assert catalogue.rooms_among(["lemmas", "elsewhere"]) == catalogue.ROOMS
    assert [section.label for section in map_sections()] == [home.label for home in catalogue.ROOMS]


@pytest.fixture
def two(install, monkeypatch):
    """A catalogue of two plug-ins that take part, without loading them."""
    known = catalogue.plugins([])
    for label in ("first", "second"):
        known.offers[label] = Plugin(label, f"{label}:ROOM", f"cgro-{label} 1.0")
        known.rooms[label] = Room(label, label, "cgro_theory.theorems.gaussian_model")
        known.loaded.add(label)
    monkeypatch.setattr(catalogue, "ROOMS", ())


@pytest.mark.parametrize(
    "error", [PluginFault("it was not judged within 30 min"), WorkerDied("killed"), InvalidInput("x", 1, "2")]
)
def test_a_plugin_without_a_result_leaves_the_verification_open_and_the_others_judged(
    two, monkeypatch, capsys, tmp_path, error
):
    def judged(asked, minutes):
        if asked.room.label == "first":
            raise error
        return VerificationResult(asked.room.label, "quick", 0, 0.0, CPU, {}, ())

    monkeypatch.setattr(Judging, "carried_out_apart", judged)
    older(
        tmp_path, "first.json", "first_errors.png", "first.txt", "firsts.json", "second.json", "second_times.svg"
    )
    code, shown, lines = run(capsys, "verify", "all", "--quiet", "--out", tmp_path)
    assert code == ExitCode.INCONCLUSIVE
    assert "second" in shown
    (line,) = lines
    assert line.startswith("the plug-in first of cgro-first 1.0 is left out: ")
    assert line.endswith("; files of an earlier run deleted: 2")
    assert line in " ".join(shown.split())
    assert names(tmp_path) == ["first.txt", "firsts.json", "second.json", "second_times.svg"]
    # Asked for alone, bad input is exit code 2, which leaves everything as it was.
    older(tmp_path, "alone.json")
    code, _, _ = run(capsys, "verify", "first", "--quiet", "--json", tmp_path / "alone.json")
    assert code == (2 if isinstance(error, InvalidInput) else ExitCode.INCONCLUSIVE)
    assert (tmp_path / "alone.json").exists() == (code == 2)


def older(folder, *names):
    """Files that an earlier run left."""
    for name in names:
        (folder / name).write_text("{}")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_only_the_older_files_of_a_label_that_nobody_has_are_deleted(two, monkeypatch, capsys, tmp_path):
    known = catalogue.plugins([])
    known.offers["third"] = Plugin("third", "third:ROOM", "cgro-third 1.0")
    known.loaded.add("third")
    known.refused += [("theorem_1_x", "is not free"), ("second", "second is taken"), ("third", "cannot be loaded")]
    judged = VerificationResult("second", "quick", 0, 0.0, CPU, {}, ())
    monkeypatch.setattr(Judging, "carried_out_apart", lambda asked, minutes: judged)
    older(tmp_path, "theorem_1_x.json", "second.json", "third.json", "third_x.svg", "thirdly.json")
    _, _, lines = run(capsys, "verify", "all", "--quiet", "--out", tmp_path)
    assert lines == ["is not free", "second is taken", "cannot be loaded; files of an earlier run deleted: 2"]
    assert names(tmp_path) == ["second.json", "theorem_1_x.json", "thirdly.json"]


def test_what_cannot_be_deleted_is_told(monkeypatch, tmp_path):
    def refused(path, *options):
        raise PermissionError(1, "Operation not permitted")

    older(tmp_path, "sound.json")
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(InvalidFile, match=r"sound\.json: cannot be deleted: Operation not permitted"):
        withdrawn(Room("sound", "", ""), tmp_path)


def test_a_result_is_written_after_its_figures(monkeypatch, tmp_path):
    def disk_full(figures, folder):
        raise InvalidFile(folder, "cannot write here: no space left")

    result = VerificationResult("lemmas", "quick", 0, 0.0, CPU, {}, ())
    monkeypatch.setattr(judging, "verify_room", lambda *planned: result)
    monkeypatch.setattr(judging, "save_figures", disk_full)
    asked = Judging(room("lemmas"), CPU, "cpu", "quick", 0, quiet=True, json_path=tmp_path / "r", folder=tmp_path)
    with pytest.raises(InvalidFile, match="no space left"):
        asked.carried_out(None)
    assert names(tmp_path) == []


def test_a_plugin_that_hangs_while_it_is_judged_is_killed(two, monkeypatch):
    asked = Judging(catalogue.plugins().rooms["first"], CPU, "cpu", "quick", 0, quiet=True)
    with pytest.raises(PluginFault, match=r"it was not judged within 0\.001 min"):
        asked.carried_out_apart(0.001)


CARD = """
from cgro_theory.claims.card import TheoremCard
CARD = TheoremCard("LABEL", "Mine", "It errs.", ("LABEL.robust_error",), lambda parameters: 1 / 0, (), ())
"""


def test_a_card_is_shown_with_the_others_and_its_faults_are_its_own(install, monkeypatch, capsys):
    install("sound", THEOREM + CARD)
    known = catalogue.plugins([])
    known.rooms["sound"], has_card = examined(known.offers["sound"])
    assert has_card
    known.loaded.add("sound")
    known.with_card.add("sound")
    assert [card.label for card in catalogue.cards_among(["sound"])][-1] == "sound"
    print_cards(Console(), [{"theorem": "sound", "claims": [], "parameters": {}}])
    assert "Mine  – not run" in capsys.readouterr().out
    install("other", THEOREM + CARD.replace("LABEL.robust", "LABEL.wrong"))
    with pytest.raises(PluginFault, match="CARD must be carried by claims of its room, got other"):
        examined(Plugin("other", "other:ROOM", ""))


def test_kept_runs_are_told_apart_by_the_plugin_s_source(install):
    install("sound", "x = 1")
    before = _source_digest("sound.runs")
    install("sound", "x = 2", package="again")
    _source_digest.cache_clear()
    assert _source_digest("sound.runs") != before


def test_what_was_not_judged_is_a_reason_for_exit_code_3():
    assert conclude([], ["left out"]).code is ExitCode.INCONCLUSIVE
    assert conclude([], ["left out"]).reasons == ("left out",)


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "1e300"])
def test_minutes_are_positive_and_no_more_than_a_wait_may_last(capsys, minutes):
    code, shown, (line,) = run(capsys, "verify", "lemmas", "--plugin-minutes", minutes)
    assert (code, shown) == (2, "")
    assert line.startswith("error: --plugin-minutes must be a finite number in [1e-09, 1e+06], got ")


def test_a_figure_of_another_theorem_s_name_leaves_the_claims_open(monkeypatch):
    own = room("gaussian_model")
    drawn = own.content.figures(GaussianRuns(0))
    monkeypatch.setattr(own.content, "gather", lambda request: GaussianRuns(0))
    for name in ("theorem_1_phases", "gaussian_model", "gaussian_model_/../x"):
        monkeypatch.setattr(own.content, "figures", lambda runs, name=name: (replace(drawn[0], name=name),))
        found = gather_all(own.checked, ASKED)["gaussian_model"]
        assert found.failure == f"the figure {name!r} is not named after its theorem, gaussian_model_…"
        assert found.figures == ()
