"""Messages of exceptions, without running code of the exceptions."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pydantic
import pytest

from provagent.contract.values.exception_message import message_of, what_failed
from provagent.isolation.interrupts import is_the_programs


class Plain(Exception):
    pass


class Own(Exception):
    def __str__(self):
        raise RuntimeError("asked")


class Attributes(Own):
    def __init__(self, stage):
        self.stage = stage
        self.args = ()


class Hostile:
    def __repr__(self):
        raise RuntimeError("asked")


class Text(str):
    __slots__ = ()
    __str__ = __repr__ = Hostile.__repr__


class Model(pydantic.BaseModel):
    number: int


def raised(call, *args, **kwargs):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        call(*args, **kwargs)
    return caught.value


SAME = [
    ValueError("text"), ValueError(), ValueError("a", 1), ValueError(["a", {"b": None}]), KeyError("k"),
    Plain("text"), OSError(2, "No such file", "name"), FileNotFoundError(2, "No such file"), OSError("text"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"), SyntaxError("bad", ("file", 1, 2, "text")),
    ExceptionGroup("several", [Own("a")]), SystemExit(3), ImportError("none", name="it"),
    AttributeError("none", obj=Hostile()), subprocess.CalledProcessError(1, ["false"]),
    raised(json.loads, "{"), raised(Model, number="text"),
]  # fmt: skip


@pytest.mark.parametrize("error", SAME, ids=lambda error: type(error).__name__)
def test_message_is_its_text(error):
    """Where only the interpreter, the standard library or compiled code is asked."""
    assert message_of(error) == str(error)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Own("calibration", 3), "calibration, 3"),
        (Own(), ""),
        (Attributes("calibration"), "stage='calibration'"),
        (ValueError(Hostile()), "<Hostile>"),
        (ValueError("a", Hostile()), "('a', <Hostile>)"),
        (ValueError(Text("text")), "text"),
        (KeyError(Hostile()), "<Hostile>"),
        (OSError(2, "No such file", Path("a/b")), "[Errno 2] No such file: a/b"),
        (subprocess.CalledProcessError(1, Hostile()), "1, <Hostile>"),
        (ExceptionGroup(Text("several"), [ValueError()]), "several (1 sub-exception)"),
    ],
)
def test_nothing_of_the_program_is_asked_for_it(error, message):
    """What would take its code is told as values are."""
    assert message_of(error) == message
    assert what_failed(error).startswith(f"{type(error).__name__}: ")


def interrupted(raises):
    try:
        raises()
    except BaseException as error:
        return error


def test_interrupts_are_told_from_what_code_raises_by_itself():
    """An object's own ``raise KeyboardInterrupt`` is none; one that stands for a real one is."""
    import _thread
    import time

    def real():
        _thread.interrupt_main()
        time.sleep(1)

    def again():
        try:
            real()
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt("again") from error

    def passed():
        try:
            real()
        except KeyboardInterrupt:
            raise

    def own():
        raise KeyboardInterrupt

    assert [is_the_programs(interrupted(one)) for one in (real, again, passed, own)] == [
        True, True, True, False,
    ]  # fmt: skip
