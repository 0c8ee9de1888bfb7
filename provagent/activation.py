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
from functools import partial

from provagent.children import Children, activity_here
from provagent.definition.active import Source, active_sources
from provagent.errors import TargetError, is_from_signal
from provagent.loading import NEEDED, KeptRandom, give_back
from provagent.settings import Settings, tell
from provagent.weave.finder import TargetFinder
from provagent.weave.program import MAIN, MAIN_NAMES, ProgramWatch, expected_names, meet_beginning
from provagent.weave.target import Target, is_glob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType, ModuleType
    from typing import Any

    from provagent.recorder import Recorder

RUN_VARIABLE = "PROVAGENT_RUN"
# What the program is called that began this process: in a spawned one its functions count too.
PROGRAM_VARIABLE = "PROVAGENT_PROGRAM"
_STARTER = "subprocess"  # the module that starts programs
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
        self.run_id, parent, activity = _inherited(os.environ.get(RUN_VARIABLE, ""))
        self.parent_process_id: str | None = parent or None
        self.parent_activity_id: str | None = activity or None
        self.is_root = not parent
        if not self.run_id:
            self.run_id = new_run_id(self.start_ns)
        self.process_id = _random_text()
        self.pid = os.getpid()
        self.sources: list[Source] = []
        self.wanted: list[Wanted] = []
        self.finder = TargetFinder((), self._on_module)
        self.children = Children(self)
        self._recorder: Recorder | None = None
        self.frame: FrameType | None = None  # in which the program runs, if it is known
        self._is_armed = False
        self._lock = RLock()
        self._queue: list[tuple[ModuleType, str | None]] = []
        self._program: ProgramWatch | None = None
        self._environ_before: dict[str, str | None] = {}

    def arm(self) -> None:
        """Look out for targets from now on, here and in the processes that this one starts."""
        self._is_armed = True
        cwd = os.getcwd()
        self.sources = active_sources(self.settings, cwd)
        self._want()
        self._export()
        own = self._of_program()
        if self.is_root:
            self._tell_problems()
        atexit.register(self._at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)
        if self.parent_activity_id is not None:
            self._go_on_with(self.parent_activity_id)
        self.children.arm()
        self.finder.add([Target(_STARTER), *(wanted.target for wanted in self.wanted)])
        if any(self._is_needed(wanted.target) for wanted in self.wanted):
            self._load_first()
        self.finder.arm()
        if own:
            self._program = ProgramWatch((want.target.parts[0] for want in own), self._on_module)
            self._program.arm()
        elif self.is_root and self.settings.always and sys.argv[:1] == ["-c"]:
            meet_beginning(partial(setattr, self, "frame"))

    def disarm(self) -> None:
        """Take everything out again; what was recorded stays."""
        self._is_armed = False
        atexit.unregister(self._at_exit)
        self.finder.disarm()
        if self._program is not None:
            self._program.disarm()
        self.children.disarm()
        if self._recorder is not None:
            self._end()
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
            before = set(sys.modules)
            from provagent.recorder import Recorder

            self._recorder = Recorder(self)
            if not self.settings.processors:  # those of a user raise structlog.DropEvent
                give_back(before)
        return self._recorder

    # The recorder cannot be loaded amid the import of something that it needs itself.
    def _is_needed(self, target: Target) -> bool:
        top = target.module.partition(".")[0]
        own = (processor.partition(".")[0] for processor in self.settings.processors)
        return is_glob(top) or top in (*NEEDED, *own) or top in sys.stdlib_module_names

    def _load_first(self) -> None:
        try:
            self._recorder = self.recorder
        except Exception:
            self._recorder = None  # tried again, and told, at the first match

    @property
    def program_names(self) -> set[str]:
        """What the program is called whose own functions are wanted."""
        return self._program.names if self._program else set()

    def variable_here(self, environ: Mapping[Any, Any]) -> dict[str, str] | None:
        """What a child's environment is to have for its activities to be those of the open one.

        None where none is open, or ``environ`` is not of this process's making.
        """
        activity_id = activity_here()
        if activity_id is None or environ.get(RUN_VARIABLE) != self._variable():
            return None
        return {RUN_VARIABLE: self._variable(activity_id)}

    def _variable(self, activity_id: str = "") -> str:
        return run_variable(self.run_id, self.process_id, activity_id)

    def _go_on_with(self, activity_id: str) -> None:
        from provagent.carry import Elsewhere, current

        current.set(Elsewhere(activity_id))

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

    def _of_program(self) -> list[Wanted]:
        """What the program itself may hold; that it will not be imported is said of it."""
        names = expected_names().union(os.environ.get(PROGRAM_VARIABLE, "").split(","))
        own = [want for want in self.wanted if any(map(want.target.matches_module, names))]
        for wanted in own:
            if wanted.target.matches_module(MAIN):
                wanted.reason = "the program has not defined it"
        if own:
            self._hand_down({PROGRAM_VARIABLE: ",".join(sorted(names - {MAIN, ""}))})
        return own

    def _export(self) -> None:
        """Children inherit the run and the settings, with paths that do not depend on theirs."""
        exported = {RUN_VARIABLE: self._variable()}
        if self.is_root:
            self.settings.given.add("store")
            exported.update(self.settings.environ())
            exported["PROVAGENT"] = os.environ.get("PROVAGENT") or "1"
        self._hand_down(exported)

    def _hand_down(self, variables: dict[str, str]) -> None:
        self._environ_before.update({name: os.environ.get(name) for name in variables})
        os.environ.update(variables)

    def _tell_problems(self) -> None:
        for problem in self.settings.problems:
            tell(problem)
        for source in self.sources:
            if source.problems:
                rest = len(source.problems) - 1
                more = f" (and {rest} more: provagent check {source.location})" if rest else ""
                tell(source.problems[0] + more)

    def _on_module(self, module: ModuleType, name: str | None = None) -> None:
        """Weave a module that has executed, or what the program holds under a name now.

        No failure of ours leaves it: it runs inside an import, or between two statements.
        """
        if not self._is_armed:
            return
        if module.__name__ == _STARTER:
            self.children.watch(module)
        if not (name or module.__name__ in MAIN_NAMES or self._is_wanted(module.__name__)):
            return
        if not self._lock.acquire(timeout=LOCK_SECONDS):
            tell(f"{module.__name__}: weaving: another thread holds it up; it is not recorded")
            return
        try:
            self._queue.append((module, name))
            if len(self._queue) == 1:  # else we are inside our own import of a target
                with KeptRandom():
                    self._weave_queued()
        except Exception as error:
            self._queue.clear()
            if is_from_signal(error):
                raise
            self._failed(module, error)
        finally:
            self._lock.release()

    def _is_wanted(self, name: str) -> bool:
        return (self._recorder is not None and self._recorder.follower.wants(name)) or any(
            wanted.target.matches_module(name) for wanted in self.wanted
        )

    def _weave_queued(self) -> None:
        while self._queue:
            self.recorder.weave_module(*self._queue[0])
            del self._queue[0]

    def _failed(self, module: ModuleType, error: Exception) -> None:
        if self.settings.strict:
            raise error
        for wanted in self.wanted:
            if wanted.target.matches_module(module.__name__):
                wanted.state, wanted.reason = "failed", f"{type(error).__name__}: {error}"
        tell(f"{module.__name__}: weaving: {type(error).__name__}: {error}; it is not recorded")

    def _after_fork(self) -> None:
        if not self._is_armed:
            return
        self.parent_process_id, self.process_id = self.process_id, _random_text()
        self.is_root, self.pid = False, os.getpid()
        self.start_ns = time.time_ns()
        self._lock = RLock()
        self._queue.clear()
        os.environ[RUN_VARIABLE] = self._variable()
        if self._recorder is not None:
            self._recorder.restart()

    def missed(self) -> Iterator[tuple[Wanted, str]]:
        """The program's own targets that were not woven when it ended, and why."""
        if self._program is None or sys.modules.get(MAIN) is None:
            return
        from provagent.weave.site import why_not_there

        for wanted in self.wanted:
            if wanted.state == "waiting" and wanted.target.module in self.program_names:
                reason = self._program.trouble
                yield wanted, reason or why_not_there(sys.modules[MAIN], wanted.target)

    def _at_exit(self) -> None:
        self._end()
        if self._recorder is not None:
            self._recorder.let_go()

    def _end(self) -> None:
        is_loaded = self._recorder is not None
        try:
            if is_loaded or (self.is_root and self.settings.always):
                self.recorder.end()
        except Exception as error:
            tell(f"end: {type(error).__name__}: {error}")
        if not is_loaded and isinstance(getattr(sys, "last_value", None), KeyboardInterrupt):
            _interrupt_again()


# CPython ends a program that was interrupted by SIGINT, for its caller to see; unless code
# was run from text after the interrupt, as dataclasses do when they are loaded.
def _interrupt_again() -> None:
    try:
        exec("raise KeyboardInterrupt")  # noqa: S102 - the code is our own
    except KeyboardInterrupt:
        pass


def run_variable(run_id: str, process_id: str, activity_id: str = "") -> str:
    """What a child finds in PROVAGENT_RUN: its run, who started it, and in which activity."""
    return "/".join([run_id, process_id, *([activity_id] if activity_id else [])])


def _inherited(text: str) -> tuple[str, str, str]:
    run_id, process_id, activity_id = [*text.split("/", 2), "", ""][:3]
    return run_id, process_id, activity_id


def new_run_id(nanoseconds: int) -> str:
    """Make a run's identifier: its UTC second, and six random letters and digits."""
    second = time.strftime("%Y%m%dT%H%M%S", time.gmtime(nanoseconds // 1_000_000_000))
    return f"{second}-{_random_text()}"


_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: a person can read it aloud


def _random_text() -> str:
    return "".join(_LETTERS[byte % 32] for byte in os.urandom(6))
