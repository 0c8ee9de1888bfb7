"""One candidate in a process of its own.

    python worker.py CANDIDATE SUBJECT [WITHOUT,...]

It reads a number of calls from each line, makes the calls, and prints a line of JSON: the
nanoseconds of the calls and the written bytes. An empty line ends it.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from timeit import Timer
from typing import Any

Trace = Callable[[Any], Any]  # what a decorator does
Reset = Callable[[], object]  # empties a peer's memory between two rounds

STATEMENTS = {"function": "subject.empty()", "method": "analysis.select()"}


def main(candidate: str, subject_name: str, without: str = "") -> None:
    leave_out([part for part in without.split(",") if part])
    import subject

    reset = apply(PEERS[candidate], subject) if candidate in PEERS else None
    names = {"subject": subject, "analysis": subject.Analysis()}
    # Timer switches the garbage collector off, which no program does.
    timer = Timer(STATEMENTS[subject_name], "import gc; gc.enable()", globals=names)
    answer(timer, reset or (lambda: None))


def answer(timer: Timer, reset: Reset) -> None:
    """Make calls until there is nothing more to read."""
    for line in sys.stdin:
        if not line.strip():
            break
        reset()
        calls, before = int(line), written()
        seconds = timer.timeit(calls)
        report = {"ns": seconds * 1e9, "bytes": written() - before, "uncompiled": uncompiled()}
        print(json.dumps(report), flush=True)


def written() -> int:
    """Bytes that lie in the logs of this folder."""
    logs = [*Path().glob("prov/*/*/*.jsonl"), *Path().glob("prov.log")]
    return sum(log.stat().st_size for log in logs)


def uncompiled() -> list[str]:
    """Modules that are loaded, and that the next process would have to compile."""
    specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
    found = {spec.name: spec.cached for spec in specs if spec and getattr(spec, "cached", None)}
    return [name for name, cached in found.items() if not os.path.exists(cached)]


def apply(peer: Callable[[], tuple[Trace, Reset | None]], subject: Any) -> Reset | None:
    """Decorate the subject, as a peer's user must."""
    trace, reset = peer()
    subject.empty = trace(subject.empty)
    subject.Analysis.select = trace(subject.Analysis.select)
    return reset


def with_wrapt() -> tuple[Trace, None]:
    import wrapt

    def through(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)

    return lambda function: wrapt.FunctionWrapper(function, through), None


def with_opentelemetry() -> tuple[Trace, Reset]:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    start_span = provider.get_tracer("bench").start_as_current_span

    def trace(function: Any) -> Any:
        def traced(*args: Any, **kwargs: Any) -> Any:
            with start_span(function.__qualname__):
                return function(*args, **kwargs)

        return traced

    return trace, exporter.clear


def with_logprov() -> tuple[Trace, Reset]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the compiler, about its source
        from logprov import ProvCapture, read_definitions
    give_login_name()
    definitions = read_definitions("definition.yaml")
    capture = ProvCapture(definitions=definitions, config={"log_filename": "prov.log"})
    # It searches all ids that it ever gave, one by one: what is timed are its first calls.
    return capture.trace, capture.traced_variables.clear


def give_login_name() -> None:
    """Let ``os.getlogin``, which logprov calls, succeed where there is no terminal."""
    try:
        os.getlogin()
    except OSError:
        os.getlogin = lambda: "nobody"


def leave_out(parts: list[str]) -> None:
    """Make parts of provagent do nothing, to see what they cost."""
    if not parts:
        return
    from provagent.recording.capture.call import Capture
    from provagent.recording.capture.context import OpenActivity
    from provagent.recording.emit import sinks
    from provagent.recording.emit.chain import Emitter
    from provagent.recording.emit.sinks import ShardSink

    states: dict[int, os.stat_result] = {}

    def known_state(descriptor: int) -> os.stat_result:
        return states.get(descriptor) or states.setdefault(descriptor, os.fstat(descriptor))

    nothing = OpenActivity("", 0, None)
    # ``record``: by a setting, which the process was started with.
    parts_of = {
        "check": (sinks.os, "fstat", known_state),
        "write": (ShardSink, "write", lambda *_data: None),
        "render": (Emitter, "line", lambda *_event: b""),
        "close": (Capture, "close", lambda *_call: None),
        "open": (Capture, "open", lambda *_call: nothing),
    }
    for part in parts:
        if part == "record":
            continue
        owner, name, replacement = parts_of[part]
        getattr(owner, name)  # where it is called otherwise by now, this says so
        setattr(owner, name, replacement)


PEERS = {"wrapt": with_wrapt, "opentelemetry": with_opentelemetry, "logprov": with_logprov}

if __name__ == "__main__":
    main(*sys.argv[1:])
