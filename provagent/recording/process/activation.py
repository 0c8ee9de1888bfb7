"""An enabled process: the finder that waits for targets, and the recorder after the first match.

Until the module of a target is imported, there is only a finder. The recorder, and with it wrapt
and structlog, is loaded at the first match.
"""

from __future__ import annotations

import atexit
import sys

# the import of threading costs a millisecond, and a program may not need it
from _thread import RLock

from provagent.definition.active import active_sources
from provagent.definition.source import Source
from provagent.isolation import introspection
from provagent.isolation.interrupts import interrupt_again, is_the_programs
from provagent.isolation.originals import TIME_MACHINE, export, os, real_time_ns
from provagent.recording.process.children import STARTERS, Children, activity_here
from provagent.recording.process.engine_modules import TASK_MODULES, WORKER_MODULE
from provagent.recording.process.file_access import OpenedFileEvents
from provagent.recording.process.inheritance import (
    PROGRAM_VARIABLE,
    RUN_VARIABLE,
    inherited,
    new_run_id,
    random_text,
    run_variable,
)
from provagent.recording.process.process_errors import ProcessErrors, what_failed
from provagent.recording.process.requested_targets import (
    RequestedTarget,
    are_needed,
    find_requested,
    missed,
    warn_of_problems,
)
from provagent.recording.weave.finder import TargetFinder
from provagent.recording.weave.program import MAIN, MAIN_NAMES, expected_names, on_beginning
from provagent.recording.weave.target import Target
from provagent.settings.table import Settings, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType, ModuleType
    from typing import Any

    from provagent.recording.process.recorder import Recorder
    from provagent.recording.weave.program_watch import ProgramWatch

# These modules replace functions in other modules, or remove modules that are loaded later. The
# recorder is loaded before, so that its imports are not affected and its modules are not removed.
REPLACERS = (
    *("unittest.mock", "mock", "_pytest.monkeypatch", "freezegun", "time_machine"),
    "pyfakefs.fake_filesystem",
)
LOCK_SECONDS = 10  # an import that waits longer continues without weaving; a warning is printed


class Activation:
    """The recording of one process. ``arm`` starts it, ``disarm`` ends it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.start_ns = real_time_ns()
        self.run_id, parent, activity = inherited(os.environ.get(RUN_VARIABLE, ""))
        self.parent_process_id: str | None = parent or None
        self.parent_activity_id: str | None = activity or None
        self.is_root = not parent
        if not self.run_id:
            self.run_id = new_run_id(self.start_ns)
        self.process_id = random_text()
        self.pid, self.cwd = os.getpid(), ""
        self.sources: list[Source] = []
        self.requested: list[RequestedTarget] = []
        self.finder = TargetFinder((), self._on_module, self._on_failure)
        self.children = Children(self)
        self._recorder: Recorder | None = None
        self.failures = ProcessErrors(settings)
        self.frame: FrameType | None = None  # the frame in which the program runs, if it is known
        self._is_armed = self._is_lost = False
        # this process is a worker that another program started, and runs tasks for a run
        self.is_adopted = False
        self.lock = RLock()
        self._queue: list[tuple[ModuleType, str | None]] = []
        self._program: ProgramWatch | None = None
        self._environ_before: dict[str, str | None] = {}
        self.files: OpenedFileEvents | None = None

    def arm(self) -> None:  # noqa: PLR0915 - one thing after the other
        """Watch for targets from now on, here and in the processes that this one starts."""
        self._is_armed = True
        self.cwd = os.getcwd()
        self.sources = active_sources(self.settings, self.cwd)
        self.requested = find_requested(self.sources, self.settings)
        self._export()
        own = self._of_program()
        if self.is_root:
            warn_of_problems(self.settings, self.sources)
        if self.settings.sink != "shard":
            # Exit handlers run in reverse order: the end is logged before logging shuts down.
            import logging  # noqa: F401
        atexit.register(self._at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)
        if self.parent_activity_id is not None:
            self._go_on_with(self.parent_activity_id)
        self.children.arm()
        ours = map(Target, STARTERS + REPLACERS + TASK_MODULES)
        self.finder.add([*ours, *(each.target for each in self.requested)])
        if self.settings.files:
            self.files = OpenedFileEvents(self)
            self.files.arm()
        if are_needed(self.requested, self.settings):
            self._load_first()
        self.finder.arm()
        if own:
            from provagent.recording.weave.program_watch import ProgramWatch

            self._program = ProgramWatch((want.target.parts[0] for want in own), self._on_module)
            self._program.arm()
        elif self.is_root and self.settings.always and sys.argv[:1] == ["-c"]:
            on_beginning(lambda frame: setattr(self, "frame", frame))

    def disarm(self) -> None:
        """Remove all hooks; the record stays."""
        self._is_armed = False
        atexit.unregister(self._at_exit)
        self.finder.disarm()
        if self._program is not None:
            self._program.disarm()
        self.children.disarm()
        if self.files is not None:
            self.files.end()
        if self._recorder is not None:
            self._end()
            self._recorder.unweave()
        for name, value in self._environ_before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    @property
    def loaded(self) -> Recorder | None:
        """The recorder, if it is loaded."""
        return self._recorder

    @property
    def recorder(self) -> Recorder:
        """The recorder; it is loaded at first use."""
        if self._recorder is None:
            from provagent.recording.process.loading import OwnCopies

            # A processor of the user raises structlog.DropEvent: it must be our class.
            with OwnCopies(is_shared=bool(self.settings.processors)):
                from provagent.recording.process.recorder import Recorder

                self._recorder = Recorder(self)
        return self._recorder

    def _load_first(self) -> None:
        try:
            self.recorder.weaving  # noqa: B018 - it is loaded
        except Exception:
            self._recorder = None  # loaded again at the first match, where an error is reported

    @property
    def program_names(self) -> set[str]:
        """The names of the program whose own functions are targets."""
        return self._program.names if self._program else set()

    def variable_here(self, environ: Mapping[Any, Any]) -> dict[str, str] | None:
        """Return the variables that put a child's activities into the open activity.

        Return None without an open activity, or if ``environ`` is not from this process.
        """
        activity_id = activity_here()
        if activity_id is None or environ.get(RUN_VARIABLE) != self._variable():
            return None
        return {RUN_VARIABLE: self._variable(activity_id)}

    def _variable(self, activity_id: str = "") -> str:
        return run_variable(self.run_id, self.process_id, activity_id)

    def _go_on_with(self, activity_id: str) -> None:
        from provagent.recording.capture.current_activity import ActivityElsewhere, current

        current.set(ActivityElsewhere(activity_id))

    def _of_program(self) -> list[RequestedTarget]:
        """Return the targets in the program itself.

        The program is never imported, so a target in ``__main__`` starts with another reason.
        """
        names = expected_names().union(os.environ.get(PROGRAM_VARIABLE, "").split(","))
        own = [want for want in self.requested if want.target.matches_one_of(names)]
        for requested in own:
            if requested.target.matches_module(MAIN):
                requested.reason = "the program has not defined it"
        if own:
            self.pass_on({PROGRAM_VARIABLE: ",".join(sorted(names - {MAIN, ""}))})
        return own

    def _export(self) -> None:
        """Export the run and the settings to children, with absolute paths."""
        exported = {RUN_VARIABLE: self._variable()}
        if self.is_root:
            self.settings.given.add("store")
            exported.update(self.settings.environ())
            exported["PROVAGENT"] = os.environ.get("PROVAGENT") or "1"
        self.pass_on(exported)

    def pass_on(self, variables: dict[str, str]) -> None:
        """Set variables that children inherit."""
        self._environ_before.update({name: os.environ.get(name) for name in variables})
        os.environ.update(variables)

    def _on_module(self, module: ModuleType, name: str | None = None) -> None:
        """Weave a module that has executed, or the present value of one name of the program.

        Raises no error of ours: this runs inside an import, or between two statements.
        """
        try:
            if not self._is_armed:
                return
            if module.__name__ in STARTERS:
                self.children.watch(module)
            if module.__name__ in REPLACERS or module.__name__ == WORKER_MODULE:
                self.load_early()
            if not (name or module.__name__ in MAIN_NAMES or self._is_wanted(module.__name__)):
                return
            if not self.lock.acquire(timeout=LOCK_SECONDS):
                warn(f"{module.__name__}: weaving: blocked by another thread; module not recorded")
                return
            try:
                self._weave_in_turn(module, name)
            finally:
                self.lock.release()
        except BaseException as error:
            self._on_failure(module.__name__, error)

    def _weave_in_turn(self, module: ModuleType, name: str | None) -> None:
        self._queue.append((module, name))
        if len(self._queue) > 1:
            return  # this call comes from our own import of a target
        try:
            from provagent.recording.process.loading import KeptRandom

            with KeptRandom():
                self._weave_queued()
        finally:
            self._queue.clear()

    def load_early(self) -> None:
        """Load the recorder before there are events to record."""
        context = sys.modules.get("provagent.recording.capture.context")
        if context is not None and TIME_MACHINE in sys.modules:
            context.mind_time_machine()
        if self._recorder is not None or not self.lock.acquire(timeout=LOCK_SECONDS):
            return
        try:
            if not self._queue:
                from provagent.recording.process.loading import KeptRandom

                with KeptRandom():
                    self._load_first()
        finally:
            self.lock.release()

    def _is_wanted(self, name: str) -> bool:
        return (self._recorder is not None and self._recorder.follows(name)) or any(
            requested.target.matches_module(name) for requested in self.requested
        )

    def _weave_queued(self) -> None:
        while self._queue:
            self.recorder.weaving.weave_module(*self._queue[0])
            del self._queue[0]

    def _on_failure(self, name: str, error: BaseException) -> None:
        self.failures.add(name, "weaving", error)
        try:
            for requested in self.requested:
                if requested.target.matches_module(name):
                    requested.state, requested.reason = "failed", what_failed(error)
        except BaseException as failure:
            if is_the_programs(failure):
                raise

    # CPython would print an error that is raised here. A child that is only partly restarted would
    # write as if it were its parent.
    def _after_fork(self) -> None:
        try:
            self._restart()
        except BaseException as error:
            self._is_armed, self._is_lost = False, True
            if self.settings.strict or is_the_programs(error):
                raise
            warn(f"fork: {what_failed(error)}; the new process is not recorded")

    def _restart(self) -> None:
        if not self._is_armed:
            return
        if self._recorder is not None:
            self._recorder.silence()
        self.parent_process_id, self.process_id = self.process_id, random_text()
        self.is_root, self.pid, self.start_ns = False, os.getpid(), real_time_ns()
        self.lock = RLock()
        self._queue.clear()
        export(RUN_VARIABLE, self._variable())
        if self.files is not None:
            self.files.restart()
        if self._recorder is not None:
            self._recorder.restart()

    def adopt(self, activity_id: str, is_alone: bool) -> None:
        """Continue in the run of another program: this process is a worker with a task of the run.

        ``activity_id`` is the activity of the task; ``is_alone``: no other task is running. A
        process that has begun a record by itself stays in its own run.
        """
        run_id, process_id = activity_id.split(".")[:2]
        recorder = self._recorder
        if run_id == self.run_id or recorder is None or not is_alone:
            return
        with self.lock, recorder.at_work():
            if recorder.has_begun:
                if not self.is_adopted:
                    return
                recorder.end()
            self.is_adopted, self.is_root = True, False
            self.run_id, self.parent_process_id = run_id, process_id
            self.process_id, self.start_ns = random_text(), real_time_ns()
            export(RUN_VARIABLE, self._variable())
            recorder.restart()  # no thread is at work any more, as after a fork
            with recorder.at_work():
                recorder.begin()

    def missed(self) -> Iterator[tuple[RequestedTarget, str]]:
        """Yield the targets of the program that were not found (``requested_targets.missed``)."""
        return iter(()) if self._program is None else missed(self.requested, self._program)

    def leave(self, exit_code: int) -> None:
        """End the record of a process that ends with ``os._exit``; open files stay as they are."""
        if self._is_armed and (
            self._recorder is not None or (self.is_root and self.settings.always)
        ):
            self.recorder.end(exit_code)

    def _at_exit(self) -> None:
        self._end()
        if self._recorder is not None:
            self._recorder.drop_references()

    def _end(self) -> None:
        is_loaded = True
        try:
            if self._is_lost:
                return
            if self.files is not None:
                self.files.end()
            is_loaded = self._recorder is not None
            if not is_loaded and not self.settings.always:
                self.frame = None  # the frame keeps the namespace of the program alive
            if is_loaded or (self.is_root and self.settings.always):
                self.recorder.end()
        except BaseException as error:
            if self.settings.strict or is_the_programs(error):
                raise
            warn(f"end: {what_failed(error)}")
        if not is_loaded and introspection.is_a(
            getattr(sys, "last_value", None), KeyboardInterrupt
        ):
            interrupt_again()
