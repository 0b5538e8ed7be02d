"""Where each key of a TOML text stands: the standard parser forgets lines once a text is valid."""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_KEY_PART = re.compile(r"""[ \t]*("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*(\.?)""")


class KeyLines:
    """Lines of the keys and table headers of a TOML text that the standard parser has accepted.

    Elements of arrays of tables are counted: ``("grid", 1, "seed")`` is the key of the second ``[[grid]]``.

    >>> KeyLines("[a]\\nx = 1\\n\\n[[b]]\\ny = 2\\n").line(("b", 0, "y"))
    5
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: dict[Path, int] = {}
        self._elements: dict[Path, int] = {}
        self._scan()

    def line(self, path: Path) -> int:
        """The line of ``path``, or of the nearest thing that holds it; 1 when nothing does."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _scan(self) -> None:
        at, table = 0, ()  # type: tuple[int, Path]
        while True:
            at = self._skip_blank(at)
            if at >= len(self._text):
                return
            line = self._text.count("\n", 0, at) + 1
            if self._text.startswith("[[", at):
                keys, at = self._keys(at + 2)
                parent = self._resolved(keys[:-1])
                array = (*parent, keys[-1])
                self._elements[array] = self._elements.get(array, -1) + 1
                table = (*array, self._elements[array])
                self._lines.setdefault(array, line)
                at = self._text.index("]]", at) + 2
            elif self._text[at] == "[":
                keys, at = self._keys(at + 1)
                table = self._resolved(keys)
                at = self._text.index("]", at) + 1
            else:
                keys, at = self._keys(at)
                self._lines.setdefault((*table, *keys), line)
                at = self._skip_value(self._text.index("=", at) + 1)
                continue
            self._lines.setdefault(table, line)

    def _resolved(self, keys: tuple[str, ...]) -> Path:
        """The path of a header: a name of an array of tables stands for its last element."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._elements:
                path = (*path, self._elements[path])
        return path

    def _keys(self, at: int) -> tuple[tuple[str, ...], int]:
        keys: list[str] = []
        while match := _KEY_PART.match(self._text, at):
            part = match[1]
            keys.append(part[1:-1] if part[0] in "\"'" else part)
            at = match.end()
            if not match[2]:
                break
        return tuple(keys), at

    def _skip_blank(self, at: int) -> int:
        while at < len(self._text) and self._text[at] in " \t\r\n#":
            at = self._line_end(at) if self._text[at] == "#" else at + 1
        return at

    def _skip_value(self, at: int) -> int:
        depth = 0
        while at < len(self._text):
            mark = self._text[at]
            if mark in "\"'":
                at = self._skip_string(at)
                continue
            if mark == "#":
                at = self._line_end(at)
                continue
            if mark == "\n" and depth == 0:
                break
            depth += (mark in "[{") - (mark in "]}")
            at += 1
        return at

    def _skip_string(self, at: int) -> int:
        mark = self._text[at]
        is_long = self._text.startswith(3 * mark, at)
        close = 3 * mark if is_long else mark
        at += len(close)
        while not self._text.startswith(close, at):
            at += 2 if mark == '"' and self._text[at] == "\\" else 1
        at += len(close)
        while is_long and self._text.startswith(mark, at):
            at += 1  # a long string may end in quotes of its own
        return at

    def _line_end(self, at: int) -> int:
        end = self._text.find("\n", at)
        return len(self._text) if end < 0 else end
