"""What was found of an object, found once: a claim and its negative controls ask the same of what none of them
changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

Subject = TypeVar("Subject")
Rest = ParamSpec("Rest")
Answer = TypeVar("Answer")


def once_per_object(
    ask: Callable[Concatenate[Subject, Rest], Answer],
) -> Callable[Concatenate[Subject, Rest], Answer]:
    """``ask``, which is asked once per subject and the other arguments; answers go when their subject goes.

    Subjects are told apart by identity (dataclasses with ``eq=False``) and must not change.
    """
    known: WeakKeyDictionary[Subject, dict[Any, Answer]] = WeakKeyDictionary()

    @wraps(ask)
    def answer(subject: Subject, /, *rest: Rest.args, **named: Rest.kwargs) -> Answer:
        own = known.setdefault(subject, {})
        key = rest, tuple(sorted(named.items()))
        if key not in own:
            own[key] = ask(subject, *rest, **named)
        return own[key]

    return answer
