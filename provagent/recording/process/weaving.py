"""Weaving of requested targets: targets lead to sites, sites to plans, plans to wrappers."""

from __future__ import annotations

from _thread import get_ident
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

from provagent.contract.errors import TargetError
from provagent.contract.values.exception_message import what_failed
from provagent.contract.vocabulary import OFF
from provagent.definition.compiled import load_definition
from provagent.definition.description import Definition
from provagent.definition.requires import unmet
from provagent.isolation import introspection
from provagent.recording.capture import generators, wrappers
from provagent.recording.capture.call import Capture
from provagent.recording.capture.plan import Callee, Plan
from provagent.recording.capture.plan_compiler import Planner, find_description
from provagent.recording.capture.probe import FunctionProbe, make_probe
from provagent.recording.capture.wrappers import Wrapper
from provagent.recording.process.context_propagation import ContextPropagation
from provagent.recording.process.sampling_rules import SamplingRules
from provagent.recording.weave.hidden_frames import hide_from_callers, hide_functions_of
from provagent.recording.weave.program import MAIN, MAIN_NAMES, program_names
from provagent.recording.weave.site import Site, find_sites
from provagent.recording.weave.target import Target
from provagent.recording.weave.weaver import Weaver

if TYPE_CHECKING:
    from provagent.definition.source import Source
    from provagent.recording.process.interfaces import Process
    from provagent.recording.process.requested_targets import RequestedTarget


class Weaving:
    """Weaves the targets of this process, and keeps the definition that requested each target."""

    def __init__(self, activation: Process, capture: Capture) -> None:
        self.activation = activation
        self.settings = activation.settings
        self.capture = capture
        self.internal_errors = capture.internal_errors
        self.weaver = Weaver(self._wrapper_for, self._probe_for)
        self.follower = ContextPropagation(
            capture.internal_errors,
            exchange=self._exchange,
            adopt=activation.adopt,
            write_child=activation.recorder.write_child,
        )
        self._definitions: dict[str, Definition] = {}
        self._planner = Planner(
            capture.tracker.digests, capture.internal_errors.add, capture.internal_errors.note
        )
        self._rules = SamplingRules(self.settings)
        self._excluded = [Target(text) for text in self.settings.exclude]
        self._requested_by: Source | None = None
        hide_functions_of(wrappers)
        hide_functions_of(generators)
        self.follower.follow_imported()

    def _exchange(self) -> None:
        """Note an exchange with other processes, and record files that these may read or change."""
        self.capture.tracker.inside.exchanges = True
        # A worker of another program starts no record only for files that its engine has read.
        if self.activation.files is not None and self.activation.recorder.has_begun:
            self.activation.files.record_before_child()

    def weave_module(self, module: ModuleType, name: str | None = None) -> None:
        """Weave all requested targets of a module that has executed.

        For the program, which still executes: the targets defined by now; with ``name`` only this
        one.
        """
        is_program = module.__name__ in MAIN_NAMES
        names = program_names(module) if is_program else {module.__name__}
        thread = get_ident()
        self.capture.busy.add(thread)
        try:
            self.follower.follow(module)
            for requested in self.activation.requested:
                if any(map(requested.target.matches_module, names)):
                    self._weave(module, requested, name, is_whole=not is_program)
        finally:
            self.capture.busy.discard(thread)

    def unweave(self) -> None:
        """Restore all original functions."""
        self.weaver.unweave_all()
        self.follower.unweave()

    def forget(self) -> None:
        """Forget the woven functions, and leave them unchanged."""
        self.weaver.forget()

    def _weave(
        self, module: ModuleType, requested: RequestedTarget, name: str | None, *, is_whole: bool
    ) -> None:
        source = requested.source
        reason = unmet(source.requires) if source is not None else ""
        if source is not None and reason:
            requested.state, requested.reason = "refused", f"{source.location} {reason}"
            return
        try:
            sites = find_sites(module, requested.target, name)
        except TargetError as error:
            if not is_whole:
                return  # the definition may follow later in the program
            requested.state, requested.reason = "missing", str(error)
            self.internal_errors.add(requested.target.text, "weaving", str(error))
            return
        self._requested_by = requested.source
        for site in sites:
            self._weave_site(site, requested)
        self._add_session_class(module, requested.target)

    def _weave_site(self, site: Site, requested: RequestedTarget) -> None:
        if any(target.covers(site.module, site.qualname) for target in self._excluded):
            return
        try:
            stands = self.weaver.weave(site)
        except BaseException as error:
            requested.state, requested.reason = "failed", what_failed(error)
            self.internal_errors.add(site.target, "weaving", error)
        else:
            if requested.state == "failed":
                return
            if stands:
                requested.state, requested.reason = "woven", ""
            elif requested.state == "waiting":
                requested.state, requested.reason = "refused", "its level is off"

    def _add_session_class(self, module: ModuleType, target: Target) -> None:
        value = vars(module).get(target.qualname)
        if introspection.is_class(value):
            self.capture.sessions.add_class(value)

    def _wrapper_for(self, site: Site) -> Wrapper | None:
        plan = self._plan_for(site)
        if plan is None:
            return None
        is_session = opens_session(site, plan)
        make = wrappers.make_constructor_wrapper if is_session else wrappers.make_wrapper
        return make(self.capture, plan, hide_from_callers)

    def _probe_for(self, site: Site) -> FunctionProbe | None:
        plan = self._plan_for(site)
        if plan is None:
            return None
        is_session = opens_session(site, plan)
        return make_probe(self.capture, plan, site.function, is_constructor=is_session)

    def _plan_for(self, site: Site) -> Plan | None:
        function = site.function
        callee = Callee(
            target=site.target,
            qualname=site.qualname,
            function=function,
            namespace=function.__globals__ if introspection.is_a(function, FunctionType) else {},
            owner=site.owner,
            receivers=site.receivers,
            takes_instance=site.kind in ("method", "classmethod", "getter", "constructor"),
            aliases=tuple(
                f"{name}:{site.qualname}"
                for name in self.activation.program_names
                if site.module == MAIN
            ),
        )
        definitions = self._definitions_for(site)
        found = find_description(callee, definitions)
        rules = self._rules.rules(self._names(site), found[0] if found else None, definitions)
        if rules.level == OFF:
            return None
        group = definitions[0] if self._requested_by is not None else found and found[1]
        plan = self._planner.plan(callee, found, rules, group.location if group else "")
        for problem in plan.problems:
            self.internal_errors.add(plan.target, "definition", problem)
        return plan

    def _names(self, site: Site) -> list[tuple[str, str]]:
        modules = [site.module, *(self.activation.program_names if site.module == MAIN else ())]
        through = [(cls.__module__, f"{cls.__qualname__}.{site.name}") for cls in site.receivers]
        return [*((module, site.qualname) for module in modules), *through]

    # A definition describes its own targets. A definition without targets, as in older versions,
    # describes all targets that the user names.
    def _definitions_for(self, site: Site) -> list[Definition]:
        if self._requested_by is not None:
            return [self._definition(self._requested_by)]
        return [
            self._definition(source)
            for source in self.activation.sources
            if source.digest and (not source.targets or _speaks_of(source, site))
        ]

    def _definition(self, source: Source) -> Definition:
        if source.location not in self._definitions:
            self._definitions[source.location] = load_definition(source, self.settings)
        return self._definitions[source.location]


def opens_session(site: Site, plan: Plan) -> bool:
    """Return whether a call makes a session; a constructor with generations is an activity."""
    return site.kind == "constructor" and not plan.generations


def _speaks_of(source: Source, site: Site) -> bool:
    return any(Target(text).matches_module(site.module) for text in source.targets)
