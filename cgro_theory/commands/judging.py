"""One theorem judged and written: here, or for a plug-in in a process of its own with a time limit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cgro_theory.claims import Environment, VerificationResult, save_result
from cgro_theory.commands.console import progress_reporter
from cgro_theory.errors import InvalidFile
from cgro_theory.report.figures import save_figures
from cgro_theory.theorems.catalogue import ROOMS, adopt, plugins
from cgro_theory.theorems.kept_runs import KeptRuns, RunStore
from cgro_theory.theorems.plugins import PluginFault, Plugins
from cgro_theory.theorems.room import Profile, Room
from cgro_theory.theorems.verification import PlannedRoom, plan_room, verify_room
from cgro_theory.theorems.worker_pool import WorkerPool
from cgro_theory.trainer.threads import one_thread


@dataclass(frozen=True)
class Judging:
    """What is asked of one theorem: its room, how to judge it, and where its files go, all checked before.

    ``within``: which of how many theorems it is, for the progress.
    """

    room: Room
    environment: Environment
    device: str
    profile: Profile
    seed: int
    only: tuple[str, ...] = ()
    keep: Path | None = None
    quiet: bool = False
    json_path: Path | None = None
    folder: Path | None = None
    within: str = ""

    @property
    def is_plugin(self) -> bool:
        """Whether the theorem lives in another package."""
        return self.room not in ROOMS

    def planned(self, kept: RunStore | None = None, workers: WorkerPool | None = None) -> PlannedRoom:
        """What is to be judged, its runs begun by ``workers``, which then keep theirs in ``kept``."""
        return plan_room(
            self.room,
            device=self.device,
            profile=self.profile,
            seed=self.seed,
            only=self.only,
            kept=kept,
            workers=workers,
        )

    def carried_out(self, planned: PlannedRoom) -> VerificationResult:
        """Judge the claims and write the files, the result last: where it stands, so do its figures."""
        # Other processes train; here a second thread would wait for a core that one of them has.
        with progress_reporter(self.quiet, self.within) as progress, one_thread():
            result = verify_room(planned, self.environment, progress)
        if self.folder is not None:
            save_figures(result.figures, self.folder)
            save_result(result, self.folder / f"{self.room.label}.json")
        if self.json_path is not None:
            save_result(result, self.json_path)
        return result

    def carried_out_apart(self, minutes: float) -> VerificationResult:
        """The same in a process of its own, which is killed after so many ``minutes``, with what it started.

        Raises what was raised there, :class:`PluginFault` when it took longer, and ``WorkerDied`` when the process
        ended by itself.
        """
        with WorkerPool(1, nested=True) as pool:
            answer = pool.submit(_in_another_process, plugins([self.room.label]), self)
            try:
                return answer.result(60.0 * minutes)
            except TimeoutError:
                if answer.done():
                    raise
                Console(stderr=True).show_cursor(True)  # a progress bar that is killed leaves it hidden
                raise PluginFault(f"it was not judged within {minutes:g} min") from None


def withdrawn(room: Room, folder: Path | None, json_path: Path | None = None) -> str:
    """Delete what earlier runs wrote of ``room``, which gives no result now: nobody shall take it for this run's.

    That is whatever the room may write in ``folder``, and ``json_path``. Returns words for the line of refusal,
    none where nothing was there. Raises :class:`InvalidFile` for what cannot be deleted.
    """
    own = [] if folder is None else [folder / name for name in os.listdir(folder) if room.may_write(name)]
    found = [path for path in (*own, json_path) if path is not None and path.is_file()]
    for path in found:
        try:
            path.unlink()
        except OSError as error:
            raise InvalidFile(path, f"cannot be deleted: {error.strerror}") from error
    return f"; files of an earlier run deleted: {len(found)}" if found else ""


def _in_another_process(found: Plugins, asked: Judging) -> VerificationResult:
    adopt(found)
    kept = None if asked.keep is None else KeptRuns(asked.keep, asked.room.package)
    result = asked.carried_out(asked.planned(kept))
    result.to_json()  # what cannot be told is found out here
    return result
