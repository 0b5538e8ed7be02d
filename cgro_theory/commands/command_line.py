"""What all commands share of the command line: standard streams that fail cleanly, and options named as typed."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.setting.declared import PATCH

BROKEN_PIPE = 128 + 13
"""Exit code of a command whose reader went away, as shells report a process that SIGPIPE ended."""

OPTION_NAMES = {
    **{each.setting_name: name for name, each in PATCH.items() if each.setting_name},
    "input_dimension": "dimension",
    "relative_tolerance": "tolerance",
    "claim": "only",
}
"""The library's names of parameters -> those of the options that set them, where the two differ."""

_ESCAPE = "cgro_escape"


class OutputLost(Exception):
    """Standard output takes no more. Not an OSError, which the command-line library would take for its own."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror)
        self.exit_code = BROKEN_PIPE if error.errno == errno.EPIPE else 2
        self.message = "" if error.errno == errno.EPIPE else f"standard output cannot be written: {error.strerror}"


class _Descriptor(io.FileIO):
    """A standard stream's descriptor. The first failed write raises :class:`OutputLost` on standard output; what
    comes after it, and all that standard error cannot take, goes nowhere."""

    lost = False

    def write(self, data: Any) -> int:
        if not self.lost:
            try:
                return super().write(data)
            except OSError as error:
                self.lost = True
                if self.fileno() == 1:
                    raise OutputLost(error) from error
        return len(data)


def prepare_streams() -> None:
    """Make standard output and error safe to write to, whatever they are and whatever the locale.

    A character that the locale cannot show is written as JSON would escape it. A closed descriptor is reserved, so
    that no file that is opened later gets its number, and fails when written to. Streams that were replaced, as
    test runners do, stay as they are.
    """
    import codecs

    codecs.register_error(_ESCAPE, _escape)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is not getattr(sys, f"__{name}__"):
            continue
        if stream is None:
            reserved = os.open(os.devnull, os.O_RDONLY)
            if reserved != descriptor:
                os.dup2(reserved, descriptor)
                os.close(reserved)
        else:
            stream.flush()
        raw = _Descriptor(descriptor, "w", closefd=False)
        encoding = "utf-8" if stream is None else stream.encoding
        is_line = descriptor == 2 or raw.isatty()
        setattr(
            sys,
            name,
            io.TextIOWrapper(io.BufferedWriter(raw), encoding, _ESCAPE, line_buffering=is_line),
        )


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def find_command(root: Any, words: Sequence[str]) -> Any:
    """The command that ``words`` call: ``root``, or what the leading names lead to in its groups."""
    command = root
    for word in words:
        if not word.startswith("-"):
            if word not in getattr(command, "commands", {}):
                break
            command = command.commands[word]
    return command


def as_typed(name: str, command: Any) -> str:
    """``--samples`` for the library's ``num_samples`` when the command has that option; else ``name``."""
    own = {parameter.name: parameter for parameter in command.params}
    parameter = own.get(name) or own.get(OPTION_NAMES.get(name, ""))
    return next((str(option) for option in getattr(parameter, "opts", ()) if option.startswith("--")), name)


def in_options(error: InvalidInput, command: Any) -> InvalidInput:
    """The same error with every parameter under the name of the option that sets it."""
    allowed = re.sub(r"[a-z]+(?:_[a-z]+)+", lambda found: as_typed(found[0], command), error.allowed)
    return InvalidInput(as_typed(error.name, command), error.value, allowed)


def named_file(error: InvalidFile, words: Sequence[str]) -> str:
    """The message, after the option whose value is the file or a folder that it lies in, where there is one."""
    path = Path(str(error.path))
    given: dict[Path, str] = {}
    for before, word in zip(["", *words], words, strict=False):
        option, _, value = word.partition("=") if word.startswith("--") else (before, "", word)
        given[Path(value)] = option if option.startswith("--") and value else ""
    folders = [each for each in path.parents if each != Path()]
    option = next((given[each] for each in (path, *folders) if each in given), "")
    return f"{option} {error}" if option else str(error)


def require_ascii_digits(words: Sequence[str]) -> None:
    """Refuse a number in digits of another script after an option: Python's int() and float() would take it."""
    for option, following in zip(words, [*words[1:], ""], strict=False):
        option, equals, value = option.partition("=")
        text = value if equals else following
        if option.startswith("--") and re.fullmatch(r"[\d.,:eE+-]+", text) and not text.isascii():
            raise InvalidInput(option, text, "written in ASCII digits")


def require_values(words: Sequence[str], command: Any) -> None:
    """Refuse an empty word, such as an unset variable of a shell: as a path it would mean the present folder."""
    takes_value = {name for each in command.params if not getattr(each, "is_flag", False) for name in each.opts}
    argument = next((each.name for each in command.params if each.param_type_name == "argument"), "argument")
    for before, word in zip(["", *words], words, strict=False):
        option, equals, value = word.partition("=")
        if not word:
            raise InvalidInput(before if before in takes_value else argument, "", "non-empty")
        if option in takes_value and equals and not value:
            raise InvalidInput(option, "", "non-empty")
