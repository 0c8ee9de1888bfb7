"""The recorder of a process: all parts of recording, loaded after the first match."""

from __future__ import annotations

import signal
from _thread import RLock, get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from provagent.contract.errors import ProvagentError
from provagent.contract.layout import run_folder
from provagent.contract.vocabulary import CHILD, ENVIRONMENT, RUN, RUN_END
from provagent.definition.source import cache_folder
from provagent.identity.digests import Digests
from provagent.isolation import audit_hook
from provagent.isolation.originals import os
from provagent.recording.capture.call import Capture
from provagent.recording.capture.context import IdGenerator, iso, now
from provagent.recording.capture.entity_tracker import EntityTracker
from provagent.recording.capture.event_writer import EventWriter, Output
from provagent.recording.capture.internal_errors import WRITING, InternalErrors
from provagent.recording.capture.jobs import NotAJob, find_jobs
from provagent.recording.capture.process_events import (
    asked_for,
    environment,
    person,
    program,
    software,
)
from provagent.recording.capture.program_end import ProgramEnd, ended_with
from provagent.recording.capture.user_code import UserCode
from provagent.recording.emit.chain import Emitter, make_emitter
from provagent.recording.emit.processors import load_processors, redact, render, shorten, stamp
from provagent.recording.emit.sinks import LoggingSink, ShardSink, Sink, TeeSink, write_once
from provagent.recording.process.loading import OwnCopies
from provagent.recording.process.requested_documents import Delivery

if TYPE_CHECKING:
    from provagent.recording.process.interfaces import Process
    from provagent.recording.process.weaving import Weaving


class Recorder:
    """Writes the calls of this process to its shard, with the start and the end of the process."""

    def __init__(self, activation: Process) -> None:
        self.activation = activation
        self.settings = activation.settings
        self.busy = audit_hook.busy
        self.busy.add(get_ident())
        self.emitter = self._make_emitter()
        self.shard = ShardSink(self._shard_path(), self._begin_again)
        self.sink = self._make_sink()
        self.has_begun = False
        self._run_fields: dict[str, Any] = {}  # fields of the run event
        self._surroundings: dict[str, Any] = {}  # fields of the environment event
        self._wrong: list[str] = []  # errors in the environment's data about jobs
        self._delivery: Delivery | None = None
        self._begin_lock = RLock()
        self.internal_errors = InternalErrors(self._write_event, strict=self.settings.strict)
        self.ids = IdGenerator(activation.run_id, activation.process_id)
        self.digests = Digests.of(self.settings, cache_folder(self.settings))
        self.output = Output(self.sink.write, self._begin)
        writer = EventWriter(
            output=self.output,
            line=self.emitter.line,
            size=self.shard.size,
            max_bytes=self.settings.max_bytes,
            internal_errors=self.internal_errors,
            code=UserCode(
                self._write_event,
                self._write_shared,
                self._after_cell,
                is_on=self.settings.code and self.sink is self.shard,
            ),
            busy=self.busy,
        )
        opened = activation.files
        tracker = EntityTracker(
            self.ids.new,
            self.digests,
            writer,
            self.settings.max_items,
            catch_up=opened.catch_up if opened else _nothing,
        )
        on_opening = opened.note_opening if opened else _nothing
        self.capture = Capture(writer, tracker, self.settings, on_opening)
        self.files = tracker.seen
        self.ending = ProgramEnd(activation.frame)
        activation.frame = None
        self._weaving: Weaving | None = None
        self.busy.discard(get_ident())

    @property
    def weaving(self) -> Weaving:
        """The weaving, loaded together with wrapt when the first target is woven."""
        if self._weaving is None:
            self.busy.add(get_ident())
            try:
                with OwnCopies(is_shared=bool(self.settings.processors)):
                    from provagent.recording.process.weaving import Weaving

                self._weaving = Weaving(self.activation, self.capture)
            finally:
                self.busy.discard(get_ident())
        return self._weaving

    def follows(self, name: str) -> bool:
        """Return whether the module ``name`` accepts tasks that are followed."""
        return self._weaving is not None and self._weaving.follower.wants(name)

    def unweave(self) -> None:
        """Restore all original functions."""
        self.ending.drop_references()
        if self._weaving is not None:
            self._weaving.unweave()

    def drop_references(self) -> None:
        """Keep no object of the program: the interpreter ends, and deletes its objects."""
        if self._weaving is not None:
            self._weaving.forget()
        self.ending.drop_references()
        self.capture.forget()
        self.capture.sessions.drop_references()

    def write(self, data: bytes) -> None:
        """Write events; the run event of the process comes before its first event."""
        self.output.write(data)

    def silence(self) -> None:
        """Write nothing until ``restart``: the open file belongs to the parent."""
        self.output.silence()

    def restart(self) -> None:
        """Continue in a forked process, with another shard and other identifiers."""
        self.silence()
        self.ids.restart(self.activation.run_id, self.activation.process_id)
        self.shard.reopen(self._shard_path())
        self.has_begun, self._run_fields, self._wrong = False, {}, []
        self._delivery = None
        self._begin_lock = RLock()
        self.capture.forget()
        self.files.forget()
        self.output.restart()

    def end(self, left_with: int | None = None) -> None:
        """Write the end of the process, as far as the interpreter shows it.

        ``left_with`` is the exit code of a process that ends at once: data that it has not written
        to its files are lost, and provagent does not write them.
        """
        self._end_files(left_with)
        skipped_calls = self.capture.skipped_calls.end_all()
        if skipped_calls:
            self.capture.write_all("run", skipped_calls)
        if not self.has_begun and not (self.settings.always and self.activation.is_root):
            return
        self.capture.writer.keep_code()
        for want, reason in self.activation.missed():
            want.state, want.reason = "missing", reason
            if self.activation.is_root:  # a child need not define the targets of its parent
                self.internal_errors.add(want.target.text, "weaving", reason)
        for failure in self.activation.failures.unwritten:
            self.internal_errors.note(*failure)
        self.activation.failures.unwritten.clear()
        self.internal_errors.write_counts()
        fields: dict[str, Any] = {
            "run_id": self.activation.run_id,
            "process_id": self.activation.process_id,
            "endTime": now(),
            **(self.ending.event_fields() if left_with is None else ended_with(left_with)),
            "targets": [
                {
                    "target": want.target.text,
                    "definition": want.source.name if want.source else "settings",
                    "state": want.state,
                    "reason": want.reason,
                }
                for want in self.activation.requested
            ],
        }
        if self.activation.finder.overtaken_by:
            fields["overtaken_by"] = sorted(set(self.activation.finder.overtaken_by))
        try:
            self._write_definitions()
            with _not_ended():
                self._write_event(RUN_END, **fields)
        except BaseException as error:
            self.internal_errors.add("run", WRITING, error)
        if left_with is None:
            try:
                self._deliver()
            except BaseException as error:
                self.internal_errors.add("run", "documents", error)

    def _end_files(self, left_with: int | None) -> None:
        if left_with is None:
            self.files.end_all()
        else:
            self.files.record_all_closed(of_all=True)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Mark all work of this thread in the block as our own: it is not recorded."""
        thread = get_ident()
        self.busy.add(thread)
        try:
            yield
        finally:
            self.busy.discard(thread)

    def begin(self) -> None:
        """Write that the process takes part in its run, before there are events."""
        if not self.has_begun:
            self.output.open()

    def write_child(self, **fields: Any) -> None:
        """Write that a Python is started that will not record."""
        self._write_event(CHILD, time=now(), **fields)

    def _make_emitter(self) -> Emitter:
        own = []
        try:
            own = list(load_processors(self.settings.processors))
        except ProvagentError as error:
            self.settings.problems.append(str(error))
            from provagent.settings.table import warn

            warn(f"settings: {error}; the processor is skipped")
        cut = partial(shorten, limit=self.settings.max_text)
        # A processor of the user may add any data to an event.
        plain: list[Any] | None = None if own else []
        return make_emitter(processors=[stamp, *own, redact, cut], renderer=render, plain=plain)

    def _make_sink(self) -> Sink:
        if self.settings.sink == "logging":
            return LoggingSink()
        return TeeSink(self.shard, LoggingSink()) if self.settings.sink == "both" else self.shard

    def _folder(self) -> str:
        return run_folder(self.settings.store, self.activation.run_id)

    def _shard_path(self) -> str:
        return os.path.join(self._folder(), f"{self.activation.process_id}.jsonl")

    def _write_event(self, event: str, **fields: Any) -> None:
        self.write(self.emitter.render(event, **fields))

    def _begin(self) -> None:
        with self._begin_lock:
            if self.has_begun:
                return
            surroundings = self._about("environment", lambda: environment(self.settings))
            self._surroundings = surroundings
            if surroundings:
                self._write_environment(surroundings)
            self._run_fields = self._run(surroundings)
            self.sink.write(self.emitter.render(RUN, **self._run_fields))
            self.ending.watch()
            self.has_begun = True
            for what in self._wrong:
                self.internal_errors.note("run", "jobs", what)
            self._about("jobs", self._announce)

    def _begin_again(self, reason: str, is_new: bool) -> None:
        """Write that the shard was opened again; a new file also contains the run event."""
        if is_new and self._surroundings:
            self._write_environment(self._surroundings)
        if is_new and self._run_fields:
            self.shard.write(self.emitter.render(RUN, **self._run_fields))
        complain = self.internal_errors.add if is_new else self.internal_errors.note
        complain("run", WRITING, reason)

    # An error in the environment or the user name must not prevent the record of the calls.
    def _about(self, what: str, part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return part()
        except BaseException as error:
            self.activation.failures.add("run", what, error)
            return {}

    def _run(self, surroundings: dict[str, Any]) -> dict[str, Any]:
        activation = self.activation
        fields = {
            "run_id": activation.run_id,
            "process_id": activation.process_id,
            "startTime": iso(activation.start_ns),
            **self._about("program", program),
            **self._about("person", person),
            "definitions": self._definitions(),
            "software": software(),
        }
        if surroundings:
            fields["environment_id"] = surroundings["environment_id"]
        if activation.parent_process_id is not None:
            fields["parent_process_id"] = activation.parent_process_id
            if activation.is_adopted:
                fields["is_worker"] = True
        else:
            fields |= self._about("jobs", self._jobs)
            fields |= self._about("settings", lambda: asked_for(self.settings.texts()))
        return fields

    def _jobs(self) -> dict[str, Any]:
        jobs, wrong = find_jobs(
            os.environ,
            parent=self.settings.parent,
            opus_job=self.settings.opus_job,
            opus_folder=self.settings.opus_folder,
        )
        for error in wrong:
            if isinstance(error, NotAJob):
                self._wrong.append(f"{error}; the job is skipped")
            else:
                self.activation.failures.add("run", "jobs", error)
        return {"jobs": jobs} if jobs else {}

    def _announce(self) -> dict[str, Any]:
        activation = self.activation
        if self._run_fields and activation.parent_process_id is None:
            self._delivery = Delivery(
                self.settings, self._run_fields.get("jobs", ()), activation.cwd
            )
            self._delivery.announce(
                activation.run_id,
                self._run_fields["startTime"],
                os.path.abspath(self.settings.store),
            )
        return {}

    def _after_cell(self) -> None:
        self.capture.writer.keep_code()
        self.files.record_all_closed()

    def _deliver(self) -> None:
        delivery, self._delivery = self._delivery, None
        if delivery is None:
            return
        thread, within = get_ident(), self.activation.children.within
        within.add(thread)  # the process that is started now is our own
        try:
            delivery.deliver(self._folder())
        finally:
            within.discard(thread)

    def _definitions(self) -> list[dict[str, str]]:
        return [
            {"name": source.name, "location": source.location, "digest": source.digest}
            for source in self.activation.sources
            if any(
                want.source is source and want.state == "woven"
                for want in self.activation.requested
            )
        ]

    def _write_definitions(self) -> None:
        """Write the run event again if targets were woven after the first one."""
        definitions = self._definitions()
        if self._run_fields and self._run_fields["definitions"] != definitions:
            self._write_event(RUN, **{**self._run_fields, "definitions": definitions})

    def _write_environment(self, surroundings: dict[str, Any]) -> None:
        """Write each distinct environment of the run once, by the first process."""
        if self.sink is not self.shard:
            self.sink.write(self.emitter.render(ENVIRONMENT, **surroundings))
            return
        short = surroundings["environment_id"].partition(":")[2][:12]
        self._write_shared(f"environment-{short}", ENVIRONMENT, **surroundings)

    def _write_shared(self, name: str, event: str, **fields: Any) -> None:
        """Write an event that is common to all processes of the run, unless it exists."""
        line = self.emitter.render(event, **fields)
        write_once(os.path.join(self._folder(), f"{name}.jsonl"), line)


def _nothing(*_: Any) -> None:
    """Do nothing: no files are recorded."""


@contextmanager
def _not_ended() -> Iterator[None]:
    """Delay signals that end this process until a line is written.

    A pool ends its workers by a signal while the workers end by themselves, and the kernel can
    interrupt a write between two pages.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
