"""The recorder of a process: everything put together once a target is met."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from provagent.capture.call import Capture
from provagent.capture.complaints import WRITING, Complaints
from provagent.capture.context import Ids, iso, now
from provagent.capture.entities import Ledger
from provagent.capture.outcome import describe_error, status_of
from provagent.capture.plan import Callee, make_plan
from provagent.capture.process import environment, person, program, software
from provagent.capture.sessions import Sessions
from provagent.capture.wrappers import Wrapper, make_constructor_wrapper, make_wrapper
from provagent.definition.compiled import load_definition
from provagent.definition.description import Definition
from provagent.definition.requires import unmet
from provagent.emit.chain import Emitter, make_emitter
from provagent.emit.processors import load_processors, redact, render, shorten, stamp
from provagent.emit.sinks import LoggingSink, ShardSink, Sink, TeeSink
from provagent.errors import ProvagentError, TargetError, what_failed
from provagent.terms import ENVIRONMENT, OK, RUN, RUN_END
from provagent.weave.hidden import hide_from_callers
from provagent.weave.site import Site, find_sites
from provagent.weave.target import Target, matches
from provagent.weave.weaver import Weaver

if TYPE_CHECKING:
    from provagent.activation import Activation, Wanted
    from provagent.definition.active import Source


class Recorder:
    """Weaves modules, and writes what their calls do into the shard of this process."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        self.settings = activation.settings
        self.busy: set[int] = set()
        self._busy_weaving(on=True)
        self.emitter = self._make_emitter()
        self.shard = ShardSink(self._shard_path())
        self.sink = self._make_sink()
        self.has_begun = False
        self._begin_lock = threading.RLock()
        self.complaints = Complaints(self._write_event, strict=self.settings.strict)
        self.ids = Ids(activation.run_id, activation.process_id)
        self.capture = Capture(
            ledger=Ledger(self.ids.new, self.settings.digest),
            sessions=Sessions(self.ids.new),
            complaints=self.complaints,
            line=self.emitter.line,
            write=self._first_write,
            settings=self.settings,
            busy=self.busy,
        )
        self.weaver = Weaver(self._wrapper_for)
        self._definitions: dict[str, Definition] = {}
        self._excluded = [Target(text) for text in self.settings.exclude]
        self._asked_by: Source | None = None
        self._busy_weaving(on=False)

    def weave_module(self, module: ModuleType) -> None:
        """Weave all that is wanted of a module that has executed."""
        self._busy_weaving(on=True)
        try:
            for wanted in self.activation.wanted:
                if wanted.target.matches_module(module.__name__):
                    self._weave(module, wanted)
        finally:
            self._busy_weaving(on=False)

    def unweave(self) -> None:
        """Put every original back."""
        self.weaver.unweave_all()

    def write(self, data: bytes) -> None:
        """Write events through; the process's own run event comes before its first."""
        self.capture.write(data)

    def _first_write(self, data: bytes) -> None:
        self._begin()
        self.capture.write = self.sink.write
        self.sink.write(data)

    def silence(self) -> None:
        """Write nothing until ``restart``: what is open is the parent's."""
        self.capture.write = _nowhere

    def restart(self) -> None:
        """Go on in a process that was forked: another shard, other identifiers."""
        self.silence()
        self.ids.restart(self.activation.run_id, self.activation.process_id)
        self.shard.reopen(self._shard_path())
        self.has_begun = False
        self._begin_lock = threading.RLock()
        self.capture.forget()
        self.capture.write = self._first_write

    def end(self) -> None:
        """Write that the process ended, as far as the interpreter can tell."""
        if not self.has_begun and not (self.settings.always and self.activation.is_root):
            return
        for failure in self.activation.failures:
            self.complaints.note(*failure)
        self.activation.failures.clear()
        self.complaints.write_counts()
        fields: dict[str, Any] = {
            "run_id": self.activation.run_id,
            "process_id": self.activation.process_id,
            "endTime": now(),
            "status": OK,
            "targets": [
                {
                    "target": want.target.text,
                    "definition": want.source.name if want.source else "settings",
                    "state": want.state,
                    "reason": want.reason,
                }
                for want in self.activation.wanted
            ],
        }
        error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        if isinstance(error, BaseException):
            fields["status"] = status_of(error)
            fields["error"] = describe_error(error)
        try:
            self._write_event(RUN_END, **fields)
        except BaseException as error:
            self.complaints.add("run", WRITING, error)

    def _busy_weaving(self, *, on: bool) -> None:
        (self.busy.add if on else self.busy.discard)(threading.get_ident())

    def _make_emitter(self) -> Emitter:
        own = []
        try:
            own = list(load_processors(self.settings.processors))
        except ProvagentError as error:
            self.settings.problems.append(str(error))
            from provagent.settings import tell

            tell(f"settings: {error}; it is left out")
        cut = partial(shorten, limit=self.settings.max_text)
        return make_emitter(processors=[stamp, *own, redact, cut], renderer=render)

    def _make_sink(self) -> Sink:
        if self.settings.sink == "logging":
            return LoggingSink()
        return TeeSink(self.shard, LoggingSink()) if self.settings.sink == "both" else self.shard

    def _folder(self) -> str:
        return os.path.join(self.settings.store, self.activation.run_id)

    def _shard_path(self) -> str:
        return os.path.join(self._folder(), f"{self.activation.process_id}.jsonl")

    def _write_event(self, event: str, **fields: Any) -> None:
        self.write(self.emitter.render(event, **fields))

    def _begin(self) -> None:
        with self._begin_lock:
            if self.has_begun:
                return
            surroundings = self._about("environment", lambda: environment(self.settings))
            if surroundings:
                self._write_environment(surroundings)
            self.sink.write(self.emitter.render(RUN, **self._run(surroundings)))
            self.has_begun = True

    # Neither the environment nor who runs what is worth the record of what was done.
    def _about(self, what: str, part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return part()
        except BaseException as error:
            self.activation.failed("run", what, error)
            return {}

    def _run(self, surroundings: dict[str, Any]) -> dict[str, Any]:
        activation = self.activation
        fields = {
            "run_id": activation.run_id,
            "process_id": activation.process_id,
            "startTime": iso(activation.start_ns),
            **self._about("program", program),
            **self._about("person", person),
            "definitions": [
                {"name": source.name, "location": source.location, "digest": source.digest}
                for source in activation.sources
                if any(
                    want.source is source and want.state == "woven" for want in activation.wanted
                )
            ],
            "software": software(),
        }
        if surroundings:
            fields["environment_id"] = surroundings["environment_id"]
        if activation.parent_process_id is not None:
            fields["parent_process_id"] = activation.parent_process_id
        return fields

    def _write_environment(self, surroundings: dict[str, Any]) -> None:
        """Once for each distinct environment of the run: whoever makes the file first."""
        line = self.emitter.render(ENVIRONMENT, **surroundings)
        if self.sink is not self.shard:
            self.sink.write(line)
            return
        short = surroundings["environment_id"].partition(":")[2][:12]
        path = os.path.join(self._folder(), f"environment-{short}.jsonl")
        if not os.path.exists(path):
            sink = ShardSink(path)
            sink.write(line)
            sink.close()

    def _weave(self, module: ModuleType, wanted: Wanted) -> None:
        source = wanted.source
        reason = unmet(source.requires) if source is not None else ""
        if source is not None and reason:
            wanted.state, wanted.reason = "refused", f"{source.location} {reason}"
            return
        try:
            sites = find_sites(module, wanted.target)
        except TargetError as error:
            wanted.state, wanted.reason = "missing", str(error)
            self.complaints.add(wanted.target.text, "weaving", str(error))
            return
        self._asked_by = wanted.source
        for site in sites:
            self._weave_site(site, wanted)
        self._add_session_class(module, wanted.target)

    def _weave_site(self, site: Site, wanted: Wanted) -> None:
        if any(self._is_excluded(site, target) for target in self._excluded):
            return
        try:
            self.weaver.weave(site)
        except BaseException as error:
            wanted.state, wanted.reason = "failed", what_failed(error)
            self.complaints.add(site.target, "weaving", error)
        else:
            if wanted.state != "failed":
                wanted.state, wanted.reason = "woven", ""

    def _is_excluded(self, site: Site, target: Target) -> bool:
        if not target.matches_module(site.module):
            return False
        heads = site.qualname.split(".")
        return any(
            matches(".".join(heads[:end]), target.qualname) for end in range(1, 1 + len(heads))
        )

    def _add_session_class(self, module: ModuleType, target: Target) -> None:
        value = vars(module).get(target.qualname)
        if isinstance(value, type):
            self.capture.sessions.add_class(value)

    def _wrapper_for(self, site: Site) -> Wrapper:
        callee = Callee(
            target=site.target,
            qualname=site.qualname,
            function=site.function,
            namespace=getattr(site.function, "__globals__", {}),
            owner=site.owner,
            receivers=site.receivers,
            takes_instance=site.kind in ("method", "classmethod", "getter", "constructor"),
        )
        plan = make_plan(callee, self._definitions_for(site))
        for problem in plan.problems:
            self.complaints.add(plan.target, "definition", problem)
        make = make_constructor_wrapper if site.kind == "constructor" else make_wrapper
        return make(self.capture, plan, hide_from_callers)

    # A definition speaks of its own targets; one that has none, as older ones do, of
    # whatever the user targets.
    def _definitions_for(self, site: Site) -> list[Definition]:
        if self._asked_by is not None:
            return [self._definition(self._asked_by)]
        return [
            self._definition(source)
            for source in self.activation.sources
            if source.digest and (not source.targets or _speaks_of(source, site))
        ]

    def _definition(self, source: Source) -> Definition:
        if source.location not in self._definitions:
            self._definitions[source.location] = load_definition(source, self.settings)
        return self._definitions[source.location]


def _nowhere(data: bytes) -> None:
    pass


def _speaks_of(source: Source, site: Site) -> bool:
    return any(Target(text).matches_module(site.module) for text in source.targets)
