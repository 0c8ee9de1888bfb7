"""Context propagation: a task belongs to the activity that submitted the task.

Each function of a library that accepts tasks is woven, when the library is imported and some target
of the program is woven.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from functools import partial
from types import ModuleType
from typing import Any

from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.own_imports import is_own
from provagent.recording import call_sites
from provagent.recording.capture.current_activity import (
    KEY,
    SITES,
    ActivityElsewhere,
    current,
    with_context,
)
from provagent.recording.capture.internal_errors import InternalErrors
from provagent.recording.process.engine_modules import TASK_MODULES
from provagent.recording.weave.hidden_frames import uncount
from provagent.recording.weave.site import Site, find_sites, unwoven
from provagent.recording.weave.target import Target
from provagent.recording.weave.weaver import Weaver

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
Wrapper = Callable[[Any, Any, Args, Kwargs], Any]
Report = Callable[[BaseException], None]


class ContextPropagation:
    """Weaves the functions that accept tasks, in the modules that are imported.

    ``exchange`` is called when a task goes to another process or comes from another process.
    ``adopt`` is called before a task, with the identifier of its activity, and whether no other
    task is running. ``write_child`` is called for engines whose workers do not belong to this
    program.
    """

    def __init__(
        self,
        internal_errors: InternalErrors,
        exchange: Callable[[], None],
        adopt: Callable[[str, bool], None],
        write_child: Callable[..., None],
    ) -> None:
        self._complaints = internal_errors
        self._exchange = exchange
        self._adopt = adopt
        self._write_child = write_child
        self._weaver = Weaver(self._wrapper_for)
        self._by_module: dict[str, list[Target]] = {name: [] for name in TASK_MODULES}
        for text in _WAYS:
            target = Target(text)
            self._by_module[target.module].append(target)

    def wants(self, name: str) -> bool:
        """Return whether the module ``name`` accepts tasks."""
        return name in self._by_module

    def follow_imported(self) -> None:
        """Weave modules that are imported already."""
        for name in self._by_module:
            module = sys.modules.get(name)
            spec = getattr(module, "__spec__", None)
            if module is not None and not getattr(spec, "_initializing", False):
                self.follow(module)

    def follow(self, module: ModuleType) -> None:
        """Weave the functions of a module that accept tasks, unless the module is the program's."""
        if not is_own(module):
            return
        for target in self._by_module.get(module.__name__, ()):
            try:
                for site in find_sites(module, target):
                    self._weaver.weave(site)
            except Exception as error:
                self._complaints.add(target.text, "following tasks", error)

    def unweave(self) -> None:
        """Restore all original functions."""
        self._weaver.unweave_all()

    def _wrapper_for(self, site: Site) -> Wrapper:
        report = partial(self._complaints.add, site.target, "following tasks")
        follow = _WAYS[site.target]
        about: Any = unwoven(site.function)
        if follow in (_execute, _graph):
            about = self._adopt if follow is _execute else self._write_child
        wrapper: Any = follow(about, report)
        if site.target not in _WITHIN:
            wrapper = _exchanging(wrapper, self._exchange)
        uncount(wrapper)
        return wrapper  # type: ignore[no-any-return]


def _exchanging(follow: Wrapper, exchange: Callable[[], None]) -> Wrapper:
    """Return a wrapper that first reports an exchange of objects with another process."""
    uncount(follow)  # type: ignore[arg-type]

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        exchange()
        return follow(wrapped, instance, args, kwargs)

    return woven


def _changing(change: Any, report: Report) -> Wrapper:
    """Return a wrapper that changes the arguments of a call."""

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        try:
            args = change(args, kwargs, 1 if instance is None else 0)
        except BaseException as error:
            if is_the_programs(error):
                raise
            report(error)
        return wrapped(*args, **kwargs)

    return woven


_CALLABLES = ("fn", "func", "function", "callback", "error_callback")


def _task(function: Any, report: Report) -> Wrapper:
    """Return the wrapper for a function with a task's callable: it adds context to callables."""
    code = function.__code__
    names = code.co_varnames[1 : code.co_argcount]
    positions = [position for position, name in enumerate(names) if name in _CALLABLES]
    # The name of a positional-only parameter may be a keyword of the task itself.
    keywords = set(_CALLABLES) & set(names[max(code.co_posonlyargcount - 1, 0) :])

    def carried(args: Args, kwargs: Kwargs, first: int) -> Args:
        activity, frame = current.get(), sys._getframe(1)  # noqa: SLF001 - who hands it over
        given = list(args)
        for position in positions:
            if first + position < len(given):
                given[first + position] = with_context(given[first + position], activity, frame)
        for name in keywords & kwargs.keys():
            kwargs[name] = with_context(kwargs[name], activity, frame)
        return tuple(given)

    return _changing(carried, report)


def _graph(write_child: Any, report: Report) -> Wrapper:
    """Return the wrapper for a dask client's messages: it annotates tasks with their activity.

    Workers of a cluster that another program started are counted, and counted again if more workers
    have come.
    """
    counted: dict[str, int] = {}  # number of workers by address

    def report_workers(client: Any, activity: Any) -> None:
        address, cluster = client.scheduler.address, client._scheduler_identity  # noqa: SLF001
        # Newer versions count the workers, and do not name them.
        workers = cluster.get("n_workers", len(cluster.get("workers", ())))
        if workers > counted.get(address, -1):
            counted[address] = workers
            write_child(
                command=["dask", address],
                reason="start its workers with PROVAGENT=1 to record them",
                workers=workers,
                **({} if activity is None else {"parent_id": activity.id}),
            )

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        try:
            client, message = (instance, *args)[-2:]
            if message["op"] == "update-graph":
                activity = current.get()
                event_fields = message["annotations"].data
                if activity is not None:
                    event_fields[KEY] = activity.id
                users = call_sites.sites_of(sys._getframe(1))  # noqa: SLF001 - who hands it over
                if users:
                    event_fields[SITES] = json.dumps(users)
                if client.cluster is None:
                    report_workers(client, activity)
        except Exception as error:
            report(error)
        return wrapped(*args, **kwargs)

    return woven


# A thread or process begins in _bootstrap, outside all frames that a program can see. The method is
# looked up (and, for a process, pickled) while start runs. From Python 3.14 on a thread runs in a
# context of its own, which start stores in an attribute of the thread.
def _start(function: Any, report: Report) -> Wrapper:
    """Return the wrapper for ``start``; threads that serve tasks begin outside all activities."""
    is_thread = function.__module__ == "threading"

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        activity = current.get()
        one = args[0] if instance is None and args else instance
        if one is None:
            return wrapped(*args, **kwargs)
        own, token = None, None
        try:
            if _serves_tasks(one):
                token = None if activity is None else current.set(None)
            elif "_bootstrap" not in one.__dict__:
                begin = with_context(one._bootstrap, activity, sys._getframe(1))  # noqa: SLF001
                is_inside = is_thread and activity is not None
                one.__dict__["_bootstrap"] = _in_contexts(begin, one) if is_inside else begin
                own = one.__dict__
        except BaseException as error:
            if is_the_programs(error):
                raise
            report(error)
        try:
            return wrapped(*args, **kwargs)
        finally:
            if token is not None:
                current.reset(token)
            if own is not None:
                own.pop("_bootstrap", None)

    return woven


def _in_contexts(begin: Any, thread: Any) -> Callable[[], None]:
    """Return a start of a thread that sets the activity in the contexts of the thread.

    Only contexts without an activity are changed.
    """

    def begin_in_contexts() -> None:
        tokens = []
        for context in [one for one in vars(thread).values() if type(one) is Context]:
            if context.get(current) is None:
                with suppress(RuntimeError):  # another thread has entered the context
                    tokens.append((context, context.run(current.set, begin.activity)))
        try:
            begin()
        finally:
            for context, token in tokens:
                with suppress(RuntimeError):
                    context.run(current.reset, token)

    uncount(begin_in_contexts)  # type: ignore[arg-type]
    return begin_in_contexts


_LIBRARIES = frozenset(
    ("asyncio", "concurrent", "dask", "distributed", "joblib", "loky", "multiprocessing", "tornado")
)


def _serves_tasks(instance: Any) -> bool:
    home = getattr(getattr(instance, "_target", None), "__module__", None)
    if not isinstance(home, str):
        home = type(instance).__module__
    return home.partition(".")[0] in _LIBRARIES


def _execute(adopt: Any, report: Report) -> Wrapper:
    """Return the wrapper of a dask worker: a task runs in its annotated activity, or in none.

    The task is recorded in the run of this activity, if the worker was started outside this run.
    """

    def woven(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        activity, users = None, []
        try:
            worker, *rest = args if instance is None else (instance, *args)
            task = worker.state.tasks[rest[0] if rest else kwargs["key"]]
            event_fields = task.annotations or {}
            users = json.loads(event_fields.get(SITES, "[]"))
            activity_id = event_fields.get(KEY)
            if activity_id is not None:
                activity = ActivityElsewhere(activity_id)
                is_alone = len(worker.state.executing | worker.state.long_running) <= 1
                adopt(activity_id, is_alone)
        except Exception as error:
            report(error)
        return _executed(wrapped(*args, **kwargs), activity, users)

    return woven


def _run(_: Any, _report: Report) -> Wrapper:
    """Return the wrapper of a dask worker: a function run by a client brings its own activity."""

    def woven(wrapped: Any, _instance: Any, args: Args, kwargs: Kwargs) -> Any:
        return _executed(wrapped(*args, **kwargs), None, [])

    return woven


async def _executed(execution: Any, activity: Any, users: list[call_sites.Site]) -> Any:
    token, sites_token = current.set(activity), call_sites.submitter_sites.set(users)
    try:
        return await execution
    finally:
        call_sites.submitter_sites.reset(sites_token)
        current.reset(token)


# These start threads and tasks of this process.
_WITHIN = frozenset(
    (
        "threading:Thread.start",
        "concurrent.futures._base:Future.add_done_callback",
        "concurrent.futures.thread:ThreadPoolExecutor.submit",
    )
)
_WAYS: dict[str, Callable[[Any, Report], Wrapper]] = {
    "threading:Thread.start": _start,
    "multiprocessing.process:BaseProcess.start": _start,
    "concurrent.futures._base:Future.add_done_callback": _task,
    "concurrent.futures.thread:ThreadPoolExecutor.submit": _task,
    "concurrent.futures.process:ProcessPoolExecutor.submit": _task,
    "loky.process_executor:ProcessPoolExecutor.submit": _task,
    "joblib.externals.loky.process_executor:ProcessPoolExecutor.submit": _task,
    "multiprocessing.pool:Pool.apply_async": _task,
    "multiprocessing.pool:Pool._map_async": _task,
    "multiprocessing.pool:Pool.imap": _task,
    "multiprocessing.pool:Pool.imap_unordered": _task,
    "distributed.client:Client._send_to_scheduler": _graph,
    "distributed.client:Client.run": _task,
    "distributed.worker:Worker.execute": _execute,
    "distributed.worker:run": _run,
}
