"""Read a pickle of arrays, bytes, strings, numbers, lists and dicts without running any code it names.

A pickle is a program that may call anything by name. Here every name is refused except those that build a
numpy array, and these are answered by code of our own that can only copy bytes of a few number types.
"""

from __future__ import annotations

import io
import pickle
import struct
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cgro_theory.atomic_file import read_whole
from cgro_theory.errors import InvalidFile

_TYPES = frozenset(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)) | {"f4", "f8", "b1"}


class ForbiddenName(pickle.UnpicklingError):
    """The pickle names something that is not data."""


class _DataType:
    """Stands in for a numpy dtype: a number type and its byte order, nothing else."""

    __slots__ = ("code", "order")

    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "|"

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise ForbiddenName("an array type with fields or objects")
        order = state[1].decode("latin1") if isinstance(state[1], bytes) else state[1]
        if order not in ("|", "<", ">", "="):
            raise ForbiddenName(f"the byte order {order!r:.40}")
        self.order = order


class _Array:
    """Stands in for an array until its state arrives, a shape and bytes that are copied."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: np.ndarray[Any, Any] | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError("an array without shape and bytes")
        _, shape, kind, fortran, content = state
        if isinstance(content, str):
            content = content.encode("latin1")  # as Python 2 wrote bytes
        self.fill(content, kind, shape, "F" if fortran is True else "C")

    def fill(self, content: object, kind: object, shape: object, order: Literal["C", "F"]) -> None:
        """Copy the bytes into an array of the stated type and shape."""
        if not (
            isinstance(kind, _DataType) and isinstance(content, (bytes, bytearray)) and isinstance(shape, tuple)
        ):
            raise pickle.UnpicklingError("an array without shape and bytes")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise pickle.UnpicklingError(f"an array of the shape {shape!r:.40}")
        byte_order = "<" if kind.order in ("|", "=") else kind.order
        flat = np.frombuffer(content, dtype=np.dtype(byte_order + kind.code))
        self.values = flat.reshape(shape, order=order).copy()


class _StandIn:
    """What a known name resolves to. It has no attribute that a pickle could set, and refuses to be called."""

    __slots__ = ()

    def __call__(self, *arguments: object) -> object:
        raise ForbiddenName(f"a call of {type(self).__name__}")

    def __setstate__(self, state: object) -> None:
        raise ForbiddenName("a change of a name's own state")


class _Reconstruct(_StandIn):
    """Answers ``numpy.core.multiarray._reconstruct``: an array whose state follows."""

    __slots__ = ()

    def __call__(self, *arguments: object) -> object:
        return _Array()


class _FromBuffer(_StandIn):
    """Answers ``numpy.core.numeric._frombuffer``, by which protocol 5 writes arrays."""

    __slots__ = ()

    def __call__(self, *arguments: object) -> object:
        if len(arguments) != 4 or arguments[3] not in ("C", "F"):
            raise pickle.UnpicklingError("an array without shape and bytes")
        array = _Array()
        array.fill(arguments[0], arguments[1], arguments[2], "F" if arguments[3] == "F" else "C")
        return array


class _EmptyBytes(_StandIn):
    """Answers ``bytes``, by which Python 3 writes b"" at protocol 2 and below: without arguments only."""

    __slots__ = ()

    def __call__(self, *arguments: object) -> object:
        if arguments:
            raise ForbiddenName("a call of bytes")
        return b""


class _Dtype(_StandIn):
    """Answers ``numpy.dtype`` for the listed number types."""

    __slots__ = ()

    def __call__(self, *arguments: object) -> object:
        code = arguments[0] if arguments else None
        if isinstance(code, bytes):
            code = code.decode("latin1")
        if not isinstance(code, str) or code not in _TYPES:
            raise ForbiddenName(f"the array type {code!r:.40}")
        return _DataType(code)


class _Encode(_StandIn):
    """Answers ``_codecs.encode``, by which Python 3 writes bytes at protocol 2 and below: latin1 only."""

    __slots__ = ()

    def __call__(self, *arguments: object) -> object:
        if len(arguments) != 2 or not isinstance(arguments[0], str) or arguments[1] not in ("latin1", b"latin1"):
            raise ForbiddenName("an encoding other than latin1")
        return arguments[0].encode("latin1")


_NAMES: dict[tuple[str, str], _StandIn] = {
    ("numpy.core.multiarray", "_reconstruct"): _Reconstruct(),
    ("numpy._core.multiarray", "_reconstruct"): _Reconstruct(),
    ("numpy.core.numeric", "_frombuffer"): _FromBuffer(),
    ("numpy._core.numeric", "_frombuffer"): _FromBuffer(),
    ("__builtin__", "bytes"): _EmptyBytes(),
    ("numpy", "ndarray"): _StandIn(),
    ("numpy", "dtype"): _Dtype(),
    ("_codecs", "encode"): _Encode(),
}


class _DataUnpickler(pickle.Unpickler):
    """Resolves the names of an array to the stand-ins above and refuses every other."""

    def find_class(self, module: str, name: str) -> Any:
        stand_in = _NAMES.get((module, name))
        if stand_in is None:
            raise ForbiddenName(f"{module}.{name}")
        return stand_in

    def persistent_load(self, identifier: object) -> Any:
        raise ForbiddenName("a reference to an object outside the file")


def read_data_pickle(path: Path) -> Any:
    """The content of a pickle made of arrays, bytes, strings, numbers, lists, tuples and dicts.

    Strings of Python 2 become bytes, as in ``pickle.load(..., encoding="bytes")``. Raises
    :class:`InvalidFile` when the file is missing or truncated, or names anything that is not data: the message
    says what. Nothing from the file is ever imported or called.
    """
    content = read_whole(path)
    try:
        return _finished(_DataUnpickler(io.BytesIO(content), encoding="bytes").load(), {})
    except ForbiddenName as error:
        raise InvalidFile(path, f"is refused: the pickle names {error}, which is not data") from error
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        IndexError,
        KeyError,
        AttributeError,
        MemoryError,
        OverflowError,
        RecursionError,
        struct.error,
    ) as error:
        why = " ".join(str(error).split())[:120]
        raise InvalidFile(path, f"is no complete pickle of arrays: {why or type(error).__name__}") from error


def _finished(value: Any, done: dict[int, Any]) -> Any:
    """The value with every stand-in replaced by its array. ``done`` keeps shared parts from being walked twice."""
    if id(value) in done:
        return done[id(value)]
    result: Any
    if isinstance(value, _Array):
        if value.values is None:
            raise pickle.UnpicklingError("an array without its bytes")
        result = value.values
    elif isinstance(value, dict):
        result = {_finished(key, done): _finished(entry, done) for key, entry in value.items()}
    elif isinstance(value, (list, tuple)):
        result = type(value)(_finished(entry, done) for entry in value)
    elif value is None or type(value) in (bytes, str, int, float, bool):
        result = value
    else:
        raise ForbiddenName(f"a value of the type {type(value).__name__}")
    done[id(value)] = result
    return result
