"""What was found of an object is found once, and forgotten with it."""

import gc
import weakref

from cgro_theory.theorems.remembered import once_per_object


class Subject:
    pass


def test_each_object_is_asked_once_per_argument():
    asked = []

    @once_per_object
    def ask(subject, seed):
        asked.append((subject, seed))
        return len(asked)

    one, other = Subject(), Subject()
    assert [ask(one, 1), ask(other, 1), ask(one, 2), ask(one, 1)] == [1, 2, 3, 1]


def test_an_answer_does_not_keep_its_subject():
    ask = once_per_object(lambda subject: 1)
    subject = Subject()
    ask(subject)
    gone = weakref.ref(subject)
    del subject
    gc.collect()
    assert gone() is None
