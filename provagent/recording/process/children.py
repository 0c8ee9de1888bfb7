"""Programs that this process starts: each receives the activity in which it is started.

The audit hook sees all programs that are started, but cannot change their arguments. The hook may
also be switched off (see ``isolation.audit_hook``). So the functions that start programs are
replaced. The replacements are plain functions, since ``os.system`` may be pickled by name.
"""

from __future__ import annotations

import os as program_os  # its functions are replaced; our own code calls those of originals
import sys
from _thread import get_ident  # the import of threading costs a millisecond

from provagent.isolation import audit_hook
from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.originals import os
from provagent.settings.table import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType
    from typing import Any

    from provagent.recording.process.interfaces import Process

# The positions of the environment and of the flag ``shell`` among the arguments of
# Popen._execute_child. The method is private, but the same from 3.8 on, on every system.
_ENV, _SHELL = 7, 10
_LAST = -1000  # the last of multiprocessing's finalizers


# Modules that start programs without os, and modules with which workers return results.
STARTERS = (
    "subprocess",
    "multiprocessing.util",
    "multiprocessing.queues",
    "concurrent.futures.thread",
)


class Children:
    """Replaces the functions that start programs; ``disarm`` restores them."""

    def __init__(self, activation: Process) -> None:
        self.activation = activation
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._has_failed = False
        self.within: set[int] = set()  # threads that are inside subprocess

    def arm(self) -> None:
        """Replace functions of ``os``; modules in ``STARTERS`` follow when they are imported."""
        for name, make in (
            ("_exit", _leaving),
            ("execv", _inheriting),
            ("execve", _becoming),
            ("posix_spawn", _given),
            ("posix_spawnp", _given),
            ("system", _system),
        ):
            if hasattr(program_os, name):
                self._replace(program_os, name, make)

    def watch(self, module: ModuleType) -> None:
        """Replace functions of a module in ``STARTERS`` that has executed."""
        if module.__name__ == "subprocess":
            self._replace(module.Popen, "_execute_child", _popen)
        elif module.__name__ == "multiprocessing.queues":
            self._replace(module.SimpleQueue, "put", _handing_over)
            self._replace(module.SimpleQueue, "__init__", _making_pool)
        elif module.__name__ == "concurrent.futures.thread":
            self._replace(module.ThreadPoolExecutor, "__init__", _making_pool)
        else:
            if "spawnv_passfds" in vars(module):
                self._replace(module, "spawnv_passfds", _passing)
            # A process of multiprocessing ends with os._exit, and runs its own finalizers before.
            module.register_after_fork(
                self, lambda own: module.Finalize(None, own.end, exitpriority=_LAST)
            )

    def end(self) -> None:
        """Record the files of this process, which ends without Python's own end.

        Open files stay as they are. A forked process also has a copy of data that its parent has
        not yet written to a file: a flush here would write the data twice.
        """
        try:
            activation = self.activation
            if activation.files is not None and get_ident() not in activation.files.busy:
                activation.files.catch_up()
                if activation.loaded is not None:
                    activation.loaded.files.record_all_closed(of_all=True)
        except BaseException as error:
            self.miss(error)

    def leave(self, status: Any) -> None:
        """Write the end of the run of this process, which ends with an exit code."""
        if type(status) is int and get_ident() not in audit_hook.busy:
            self.activation.leave(status & 0xFF if os.name == "posix" else status)

    def miss(self, error: BaseException) -> None:
        """Record that the end of this process is incomplete; raise errors of the program."""
        try:
            self.activation.recorder.internal_errors.add("files", "at the end", error)
        except BaseException as failure:
            self.activation.failures.add("files", "at the end", failure)

    def disarm(self) -> None:
        """Restore the functions that were not replaced again by other code."""
        for holder, name, original, ours in self._replaced:
            if vars(holder).get(name) is ours:
                setattr(holder, name, original)
        self._replaced.clear()

    def _replace(self, holder: Any, name: str, make: Callable[..., Any]) -> None:
        original = vars(holder)[name]
        if getattr(original, "__code__", None) is not None and (
            original.__code__.co_filename == __file__
        ):
            return
        ours = make(self, original)
        ours.__name__, ours.__doc__ = original.__name__, original.__doc__
        ours.__qualname__, ours.__wrapped__ = original.__qualname__, original
        ours.__module__ = getattr(holder, "__module__", None) or holder.__name__
        setattr(holder, name, ours)
        self._replaced.append((holder, name, original, ours))

    def environ(
        self, command: Callable[[], Sequence[Any]], environ: Mapping[Any, Any] | None
    ) -> Any:
        """Return the environment of the child; ``environ`` if it is unchanged.

        If the child is a Python interpreter that will not record, the record names the child.
        Raises no error: the program's own call follows.
        """
        if get_ident() in self.within:  # subprocess itself may use os.posix_spawn
            return environ
        if get_ident() in audit_hook.busy:  # our own child
            return environ
        try:
            if self.activation.files is not None:
                self.activation.files.record_before_child()
            given = os.environ if environ is None else environ
            self._look(command(), given)
            variable = self.activation.variable_here(given)
            return environ if variable is None else {**given, **variable}
        except Exception as error:
            self._failed(error)
            return environ

    def _look(self, command: Sequence[Any], environ: Mapping[Any, Any]) -> None:
        from provagent.recording.process.child_recording import why_unrecorded

        words = [os.fsdecode(word) for word in command]
        reason = why_unrecorded(words, _as_text(environ))
        if reason:
            activity_id = activity_here()
            parent = {} if activity_id is None else {"parent_id": activity_id}
            self.activation.recorder.write_child(command=words, reason=reason, **parent)

    def _failed(self, error: Exception) -> None:
        if self.activation.settings.strict:
            raise error
        if not self._has_failed:
            self._has_failed = True
            warn(f"children: {type(error).__name__}: {error}; the program continues")


def _as_text(environ: Mapping[Any, Any]) -> dict[str, str]:
    if environ is os.environ:
        return dict(os.environ)
    return {os.fsdecode(name): os.fsdecode(value) for name, value in environ.items()}


def _given(children: Children, original: Any) -> Any:
    def start(path: Any, argv: Any, env: Any, /, *args: Any, **kwargs: Any) -> Any:
        env = children.environ(lambda: [path, *argv[1:]], env)
        return original(path, argv, env, *args, **kwargs)

    return start


def _leaving(children: Children, original: Any) -> Any:
    def _exit(status: Any) -> Any:
        try:
            children.end()
            children.leave(status)
        except BaseException as error:
            children.miss(error)
        return original(status)

    return _exit


def _becoming(children: Children, original: Any) -> Any:
    start = _given(children, original)

    def become(path: Any, argv: Any, env: Any) -> Any:
        try:
            children.end()
        except BaseException as error:
            children.miss(error)
        return start(path, argv, env)

    return become


def _inheriting(children: Children, original: Any) -> Any:
    def start(path: Any, argv: Any, /) -> Any:
        try:
            children.end()
        except BaseException as error:
            children.miss(error)
        with _Exported(children.environ(lambda: [path, *argv[1:]], None)):
            return original(path, argv)

    return start


# A process of multiprocessing receives its parent in another way (see context_propagation).
def _passing(children: Children, original: Any) -> Any:
    def spawnv_passfds(path: Any, args: Any, passfds: Any) -> Any:
        children.environ(lambda: [path, *args[1:]], None)
        return original(path, args, passfds)

    return spawnv_passfds


def _system(children: Children, original: Any) -> Any:
    def system(command: Any) -> Any:
        with _Exported(children.environ(lambda: ["sh", "-c", command], None)):
            return original(command)

    return system


def _popen(children: Children, original: Any) -> Any:
    def _execute_child(*args: Any, **kwargs: Any) -> Any:
        if len(args) > _SHELL:
            environ = children.environ(lambda: _command(*args[1:3], shell=args[_SHELL]), args[_ENV])
            args = (*args[:_ENV], environ, *args[_ENV + 1 :])
        thread = get_ident()
        children.within.add(thread)
        try:
            return original(*args, **kwargs)
        finally:
            children.within.discard(thread)

    return _execute_child


# A pool ends its workers by a signal after it has their results: after that nothing is written.
def _handing_over(children: Children, original: Any) -> Any:
    def put(self: Any, obj: Any) -> Any:
        activation = children.activation
        if not activation.is_root and activation.files is not None:
            activation.files.record_closed()
        return original(self, obj)

    return put


# Each pool of processes makes one. The submitter of a task is seen only if the recorder is loaded.
def _making_pool(children: Children, original: Any) -> Any:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - its name
        try:
            if get_ident() not in audit_hook.busy:
                children.activation.load_early()
        except BaseException as error:
            if is_the_programs(error):
                raise
            children.activation.failures.add("a pool", "following tasks", error)
        return original(self, *args, **kwargs)  # type: ignore[no-any-return]

    return __init__


def _command(args: Any, executable: Any, *, shell: bool) -> list[Any]:
    words = [args] if isinstance(args, (str, bytes, os.PathLike)) else list(args)
    if shell:
        return ["sh", "-c", *words]
    return words if executable is None else [executable, *words[1:]]


class _Exported:
    """Sets the variable that a program inherits while it is started, without os.environ."""

    def __init__(self, environ: Mapping[str, str] | None) -> None:
        name = "PROVAGENT_RUN"
        self._inner = None if environ is None else (name, environ[name])

    def __enter__(self) -> None:
        if self._inner is not None:
            os.putenv(*self._inner)

    def __exit__(self, *_: object) -> None:
        if self._inner is not None:
            name = self._inner[0]
            if name in os.environ:
                os.putenv(name, os.environ[name])
            else:
                os.unsetenv(name)


def activity_here() -> str | None:
    """Return the identifier of the activity that is open here; None without one."""
    activities = sys.modules.get("provagent.recording.capture.current_activity")
    activity = None if activities is None else activities.current.get()
    return None if activity is None else activity.id
