"""An enabled process: what is looked for, and the recorder once something is found.

Until a target's module is imported there is a finder and nothing else. The recorder,
and with it wrapt and structlog, is loaded at the first match.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from _thread import RLock  # threading costs a millisecond, and a program may not need it

from provagent.definition.active import Source, active_sources
from provagent.errors import TargetError, is_the_programs, what_failed
from provagent.settings import Settings, tell
from provagent.weave.finder import TargetFinder
from provagent.weave.target import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from provagent.recorder import Recorder

RUN_VARIABLE = "PROVAGENT_RUN"
LOCK_SECONDS = 10  # an import that waits for us longer goes on unwoven, and says so


class Wanted:
    """A target, who asked for it, and what became of it."""

    __slots__ = ("reason", "source", "state", "target")

    def __init__(self, target: Target, source: Source | None) -> None:
        self.target = target
        self.source = source
        self.state = "waiting"
        self.reason = "its module has not been imported"


class Activation:
    """What records one process. ``arm`` puts it in place, ``disarm`` takes it out."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.start_ns = time.time_ns()
        inherited = os.environ.get(RUN_VARIABLE, "")
        self.run_id, _, parent = inherited.partition("/")
        self.parent_process_id: str | None = parent or None
        self.is_root = not parent
        if not self.run_id:
            self.run_id = new_run_id(self.start_ns)
        self.process_id = _random_text()
        self.pid = os.getpid()
        self.sources: list[Source] = []
        self.wanted: list[Wanted] = []
        self.finder = TargetFinder((), self._on_module, self._on_failure)
        self._recorder: Recorder | None = None
        self.failures: list[tuple[str, str, str]] = []
        self._is_armed = False
        self._is_lost = False
        self._lock = RLock()
        self._queue: list[ModuleType] = []
        self._environ_before: dict[str, str | None] = {}

    def arm(self) -> None:
        """Look out for targets from now on, here and in the processes that this one starts."""
        self._is_armed = True
        cwd = os.getcwd()
        self.sources = active_sources(self.settings, cwd)
        self._want()
        self._export()
        if self.is_root:
            self._tell_problems()
        atexit.register(self._at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)
        self.finder.add([wanted.target for wanted in self.wanted])
        self.finder.arm()

    def disarm(self) -> None:
        """Take everything out again; what was recorded stays."""
        self._is_armed = False
        atexit.unregister(self._at_exit)
        self.finder.disarm()
        if self._recorder is not None:
            self._at_exit()
            self._recorder.unweave()
        for name, value in self._environ_before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    @property
    def recorder(self) -> Recorder:
        """The recorder; loaded when it is first needed."""
        if self._recorder is None:
            from provagent.recorder import Recorder

            self._recorder = Recorder(self)
        return self._recorder

    def _want(self) -> None:
        for source in self.sources:
            for target in self._usable(source.targets, source.location):
                self.wanted.append(Wanted(target, source))
        for target in self._usable(self.settings.targets, "settings: targets"):
            self.wanted.append(Wanted(target, None))
        excluded = self._usable(self.settings.exclude, "settings: exclude")
        self.settings.exclude = tuple(target.text for target in excluded)

    def _usable(self, texts: Sequence[str], where: str) -> Iterator[Target]:
        for text in texts:
            try:
                yield Target(text)
            except TargetError as error:
                self.settings.problems.append(f"{where}: {error}")

    def _export(self) -> None:
        """Children inherit the run and the settings, with paths that do not depend on theirs."""
        exported = {RUN_VARIABLE: f"{self.run_id}/{self.process_id}"}
        if self.is_root:
            self.settings.given.add("store")
            exported.update(self.settings.environ())
            exported["PROVAGENT"] = os.environ.get("PROVAGENT") or "1"
        self._environ_before = {name: os.environ.get(name) for name in exported}
        os.environ.update(exported)

    def _tell_problems(self) -> None:
        for problem in self.settings.problems:
            tell(problem)
        for source in self.sources:
            if source.problems:
                rest = len(source.problems) - 1
                more = f" (and {rest} more: provagent check {source.location})" if rest else ""
                tell(source.problems[0] + more)

    def _on_module(self, module: ModuleType) -> None:
        """Weave a module that has executed. Raises nothing of ours: it runs inside an import."""
        try:
            if not self._is_armed:
                return
            if not self._lock.acquire(timeout=LOCK_SECONDS):
                tell(f"{module.__name__}: weaving: another thread holds it up; it is not recorded")
                return
            try:
                self._weave_in_turn(module)
            finally:
                self._lock.release()
        except BaseException as error:
            self._on_failure(module.__name__, error)

    def _weave_in_turn(self, module: ModuleType) -> None:
        self._queue.append(module)
        if len(self._queue) > 1:
            return  # we are inside our own import of a target
        try:
            self._weave_queued()
        finally:
            self._queue.clear()

    def _weave_queued(self) -> None:
        while self._queue:
            self.recorder.weave_module(self._queue[0])
            del self._queue[0]

    # The guard of every border but the calls themselves. What cannot even be told is let go.
    def failed(self, name: str, stage: str, error: BaseException) -> None:
        """Tell a failure now; it is written with the complaints at the end.

        Raises ``error`` again where it is the program's, or the settings are strict.
        """
        if self.settings.strict or is_the_programs(error):
            raise error
        try:
            what = what_failed(error)
            if (name, stage, what) not in self.failures:
                self.failures.append((name, stage, what))
                tell(f"{name}: {stage}: {what}; the program went on, not all of it is recorded")
        except BaseException as failure:
            if is_the_programs(failure):
                raise

    def _on_failure(self, name: str, error: BaseException) -> None:
        self.failed(name, "weaving", error)
        try:
            for wanted in self.wanted:
                if wanted.target.matches_module(name):
                    wanted.state, wanted.reason = "failed", what_failed(error)
        except BaseException as failure:
            if is_the_programs(failure):
                raise

    # What is raised here would be printed by CPython, and a child that half began again
    # would write as if it were its parent.
    def _after_fork(self) -> None:
        try:
            self._restart()
        except BaseException as error:
            self._is_armed, self._is_lost = False, True
            if self.settings.strict or is_the_programs(error):
                raise
            tell(f"fork: {what_failed(error)}; the new process is not recorded")

    def _restart(self) -> None:
        if not self._is_armed:
            return
        if self._recorder is not None:
            self._recorder.silence()
        self.parent_process_id, self.process_id = self.process_id, _random_text()
        self.is_root, self.pid = False, os.getpid()
        self.start_ns = time.time_ns()
        self._lock = RLock()
        self._queue.clear()
        os.environ[RUN_VARIABLE] = f"{self.run_id}/{self.process_id}"
        if self._recorder is not None:
            self._recorder.restart()

    def _at_exit(self) -> None:
        is_loaded = True
        try:
            is_loaded = self._recorder is not None
            if self._is_lost:
                return
            if is_loaded or (self.is_root and self.settings.always):
                self.recorder.end()
        except BaseException as error:
            if self.settings.strict or is_the_programs(error):
                raise
            tell(f"end: {what_failed(error)}")
        if not is_loaded and isinstance(getattr(sys, "last_value", None), KeyboardInterrupt):
            _interrupt_again()


# CPython ends a program that was interrupted by SIGINT, for its caller to see; unless code
# was run from text after the interrupt, as dataclasses do when they are loaded.
def _interrupt_again() -> None:
    try:
        exec("raise KeyboardInterrupt")  # noqa: S102 - the code is our own
    except KeyboardInterrupt:
        pass


def new_run_id(nanoseconds: int) -> str:
    """Make a run's identifier: its UTC second, and six random letters and digits."""
    second = time.strftime("%Y%m%dT%H%M%S", time.gmtime(nanoseconds // 1_000_000_000))
    return f"{second}-{_random_text()}"


_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: a person can read it aloud


def _random_text() -> str:
    return "".join(_LETTERS[byte % 32] for byte in os.urandom(6))
