"""The private structlog chain."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
import structlog

from provagent.contract.vocabulary import LOG_FORMAT
from provagent.recording.emit.chain import Emitter, make_emitter
from provagent.recording.emit.processors import redact, render, shorten, stamp


def standard_emitter(*extra: structlog.typing.Processor) -> Emitter:
    return make_emitter(processors=(stamp, *extra, redact, shorten), renderer=render)


def test_line_begins_with_format_and_kind():
    """The keys of a line are v, event, then the fields in the order in which they were given."""
    line = standard_emitter().render("activity", zebra=1, activity_id="a", **{"class": "m:C"})
    assert line.endswith(b"}\n")
    assert list(orjson.loads(line).items()) == [
        ("v", LOG_FORMAT),
        ("event", "activity"),
        ("zebra", 1),
        ("activity_id", "a"),
        ("class", "m:C"),
    ]


def test_several_lines_join():
    """The bytes of several events joined are as many lines."""
    emitter = standard_emitter()
    data = b"".join([emitter.render("activity", n=1), emitter.render("activity_end", n=2)])
    assert [orjson.loads(line)["n"] for line in data.splitlines()] == [1, 2]


def test_dropped_event_is_empty():
    """An event that a processor drops gives no bytes."""

    def drop(_logger, _name, event_dict):
        if event_dict["event"] == "entity":
            raise structlog.DropEvent
        return event_dict

    emitter = standard_emitter(drop)
    assert emitter.render("entity") == b""
    assert emitter.render("activity") != b""


def test_failure_of_a_processor_is_raised():
    """What a processor raises reaches the caller, who guards."""

    def fail(_logger, _name, event_dict):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        standard_emitter(fail).render("activity")


def test_events_share_nothing():
    """A field of one event is in no other, nor does rendering change what the caller holds."""
    emitter = standard_emitter()
    parameters = {"password": "x", "text": "y" * 5000}
    emitter.render("activity", activity_id="a", parameters=parameters)
    assert parameters == {"password": "x", "text": "y" * 5000}
    assert orjson.loads(emitter.render("run")) == {"v": LOG_FORMAT, "event": "run"}


def test_threads_share_an_emitter():
    """Lines made in several threads at once are each whole and their own."""
    emitter = standard_emitter()

    def line(n: int) -> bool:
        event = orjson.loads(emitter.render("activity", n=n, parameters={str(n): n}))
        return event["n"] == n and event["parameters"] == {str(n): n}

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(line, range(2000)))


IN_A_PROCESS_OF_ITS_OWN = """
import structlog
from structlog.testing import capture_logs
from provagent.recording.emit.chain import make_emitter
from provagent.recording.emit.processors import redact, render, shorten, stamp

def emit():
    emitter = make_emitter(processors=(stamp, redact, shorten), renderer=render)
    return emitter, emitter.render("activity", activity_id="a")

old, expected = emit()

def check():
    assert old.render("activity", activity_id="a") == expected
    assert emit()[1] == expected
"""


@pytest.mark.parametrize(
    "meddling",
    [
        """
def never(*args): raise AssertionError("called by provagent")
structlog.configure(processors=[never], wrapper_class=never, context_class=never,
                    logger_factory=never, cache_logger_on_first_use=True)
check()
""",
        """
with capture_logs() as logs:
    check()
    structlog.get_logger().info("of the user")
assert [log["event"] for log in logs] == ["of the user"], logs
check()
""",
        """
structlog.configure(processors=[structlog.contextvars.merge_contextvars])
structlog.contextvars.bind_contextvars(request_id=7)
with structlog.contextvars.bound_contextvars(activity_id="b"):
    check()
""",
        """
assert not structlog.is_configured()
check()
assert not structlog.is_configured()
""",
    ],
    ids=["configure", "capture_logs", "contextvars", "leaves-the-user-unconfigured"],
)
def test_user_structlog_is_apart(meddling):
    """What the user does with structlog changes no line, and we change nothing of the user's."""
    code = IN_A_PROCESS_OF_ITS_OWN + meddling
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_importing_the_room_is_free():
    """Importing provagent.recording.emit loads neither structlog nor orjson nor logging."""
    code = "import sys, provagent.recording.emit; print(sorted({'structlog', 'orjson', 'logging'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
