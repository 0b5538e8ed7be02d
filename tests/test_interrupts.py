"""Ctrl-C is obeyed at the first press wherever it comes, and disturbs neither clean-up nor a process's start."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import pytest

from cgro_theory import interrupts
from cgro_theory.interrupts import first_press_obeyed, held_back

HERE = os.path.dirname(__file__)
LIMIT = 60.0


def press():
    signal.raise_signal(signal.SIGINT)


class Subject:
    """Something whose end calls back."""


def press_in_a_callback():
    subject = Subject()
    callback = weakref.ref(subject, lambda _: press())
    del subject
    assert callback() is None


def press_in_a_finalizer():
    class Pressing:
        def __del__(self):
            press()

    Pressing()


def press_and_ignore_it():
    with contextlib.suppress(BaseException):
        press()


def obeyed(work, *inputs):
    """Do the work, which a press is to end; the seconds that it took."""
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), first_press_obeyed():
        work(*inputs)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return time.monotonic() - started


@pytest.mark.parametrize("lost", [press_in_a_callback, press_in_a_finalizer, press_and_ignore_it])
def test_a_press_that_is_lost_is_raised_again(lost, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)  # that of the tests would keep it
    went_on = []

    def work():
        lost()
        went_on.append(True)
        time.sleep(LIMIT)

    assert obeyed(work) < LIMIT  # it ends a wait, too
    assert went_on


def test_further_presses_do_not_disturb_what_the_first_one_leads_to():
    done = []

    def clean_up():
        press()
        time.sleep(0.5)  # nor is it raised again while this lasts
        done.append("cleaned up")

    def work():
        try:
            with contextlib.ExitStack() as stack:
                stack.callback(clean_up)
                press()
        except KeyboardInterrupt:
            press()
            done.append("caught")
            raise KeyboardInterrupt from None

    obeyed(work)
    assert done == ["cleaned up", "caught"]


def test_where_clean_up_hangs_a_later_press_ends_it(monkeypatch):
    monkeypatch.setattr(interrupts, "_CLEAN_UP", 0.0)

    def clean_up():
        press()
        time.sleep(LIMIT)

    def work():
        with contextlib.ExitStack() as stack:
            stack.callback(clean_up)
            press()

    assert obeyed(work) < LIMIT


def test_a_press_waits_until_the_block_ends():
    done = []

    def work():
        with held_back(), held_back():
            threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()
            time.sleep(0.2)
            done.append("whole")
        done.append("not to be reached")

    obeyed(work)
    assert done == ["whole"]


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda number, frame: None])
def test_another_handler_stays(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        with first_press_obeyed():
            assert signal.getsignal(signal.SIGINT) is handler
            press()
            with held_back():
                press()
            assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_exit_code_stays_when_the_press_came_in_code_that_is_made_from_a_string():
    program = (
        "import sys; from cgro_theory.interrupts import first_press_obeyed\n"
        "with first_press_obeyed():\n"
        "    try: exec('import signal; signal.raise_signal(signal.SIGINT)')\n"
        "    except KeyboardInterrupt: sys.exit(130)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=LIMIT).returncode == 130


def stopped_command(work):
    """How ``cgro claims`` ends with this program in its place, which knows this file's functions."""
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "import cgro_theory.commands.claims as claims, cgro_theory.cli as cli\n"
        "from test_interrupts import press, press_in_a_callback\n"
        f"def run_claims(paper):\n{textwrap.indent(textwrap.dedent(work), '    ')}\n"
        "claims.run_claims = run_claims\n"
        "cli.main(['claims'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, HERE], stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    assert done.returncode == 130
    return done.stderr


def test_a_command_ends_at_the_first_press_also_where_python_loses_it():
    assert stopped_command("press_in_a_callback(); time.sleep(600.0)").startswith("Exception ignored in")


def test_a_press_of_which_another_error_was_made_stops_the_command():
    work = """
        try:
            press()
        except KeyboardInterrupt as stop:
            raise ImportError("initialization failed") from stop
    """
    assert stopped_command(work) == "stopped\n"
