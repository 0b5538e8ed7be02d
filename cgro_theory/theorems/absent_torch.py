"""Reading the claims without torch: what trains and checks needs it, what is stated does not."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from cgro_theory.errors import MissingExtra


class _AnyName(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent


class Absent(metaclass=_AnyName):
    """Stands for whatever a module takes from torch while it is imported; it raises when it is called."""

    def __new__(cls, *inputs: object, **options: object) -> Any:
        """Raise :class:`MissingExtra`."""
        raise MissingExtra("torch")


class _AbsentModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        return getattr(Absent, name)


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] == "torch" else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to do: a stand-in has no content."""


@contextlib.contextmanager
def torch_may_be_absent() -> Iterator[None]:
    """Modules that import torch can be imported in this block; without torch what they compute with it raises.

    Raised is :class:`~cgro_theory.errors.MissingExtra`. Where torch is installed nothing changes.
    """
    if "torch" in sys.modules or importlib.util.find_spec("torch") is not None:
        yield
        return
    finder = _Finder()
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
            del sys.modules[name]
