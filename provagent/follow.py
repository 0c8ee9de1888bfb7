"""Parents follow the work: a task belongs to the activity in which it was handed over.

Each place where a library takes a task is woven, once that library is imported and
something of the program's own is: with no activity open it does what it always did.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from provagent.capture.complaints import Complaints
from provagent.carry import KEY, Elsewhere, carry, current
from provagent.weave.hidden import hide_from_callers
from provagent.weave.site import Site, find_sites, unwoven
from provagent.weave.target import Target
from provagent.weave.weaver import Weaver

Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]


class Follower:
    """Weaves what takes tasks, in the modules that are imported."""

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints
        self._weaver = Weaver(_wrapper_for)
        self._by_module: dict[str, list[Target]] = {}
        for text in _WAYS:
            target = Target(text)
            self._by_module.setdefault(target.module, []).append(target)

    @property
    def targets(self) -> list[Target]:
        """What to look out for."""
        return [target for targets in self._by_module.values() for target in targets]

    def wants(self, name: str) -> bool:
        """Whether the module ``name`` takes tasks."""
        return name in self._by_module

    def follow_imported(self) -> None:
        """Weave what is there already."""
        for name in self._by_module:
            module = sys.modules.get(name)
            spec = getattr(module, "__spec__", None)
            if module is not None and not getattr(spec, "_initializing", False):
                self.follow(module)

    def follow(self, module: ModuleType) -> None:
        """Weave what takes tasks in a module that has executed."""
        for target in self._by_module.get(module.__name__, ()):
            try:
                for site in find_sites(module, target):
                    self._weaver.weave(site)
            except Exception as error:
                self._complaints.add(target.text, "following tasks", error)

    def unweave(self) -> None:
        """Put every original back."""
        self._weaver.unweave_all()


def _wrapper_for(site: Site) -> Wrapper:
    wrapper: Any = _WAYS[site.target](unwoven(site.function))
    hide_from_callers(wrapper)
    return wrapper  # type: ignore[no-any-return]


_CALLABLES = ("fn", "func", "callback", "error_callback")


def _task(function: Any) -> Wrapper:
    """For what is called with a task's callable: it is carried, and so are callbacks."""
    code = function.__code__
    names = code.co_varnames[1 : code.co_argcount]
    positions = [position for position, name in enumerate(names) if name in _CALLABLES]
    # What is positional only leaves its name to the keywords of the task itself.
    keywords = set(_CALLABLES) & set(names[max(code.co_posonlyargcount - 1, 0) :])

    def woven(wrapped: Any, _: Any, args: Any, kwargs: Any) -> Any:
        activity = current.get()
        if activity is None:
            return wrapped(*args, **kwargs)
        given = list(args)
        for position in positions:
            if position < len(given):
                given[position] = carry(given[position], activity)
        for name in keywords & kwargs.keys():
            kwargs[name] = carry(kwargs[name], activity)
        return wrapped(*given, **kwargs)

    return woven


# The thread or process begins in _bootstrap, above all frames that a program gets to
# see. It is looked up (and, for a process, pickled) while start runs.
def _start(_: Any) -> Wrapper:
    """For ``start`` of a thread or a process; those that serve tasks begin outside of all."""

    def woven(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        activity = current.get()
        if activity is None:
            return wrapped(*args, **kwargs)
        if _serves_tasks(instance):
            token = current.set(None)
            try:
                return wrapped(*args, **kwargs)
            finally:
                current.reset(token)
        namespace = vars(instance)
        if "_bootstrap" in namespace:
            return wrapped(*args, **kwargs)
        namespace["_bootstrap"] = carry(instance._bootstrap, activity)  # noqa: SLF001
        try:
            return wrapped(*args, **kwargs)
        finally:
            namespace.pop("_bootstrap", None)

    return woven


_LIBRARIES = frozenset(
    ("asyncio", "concurrent", "dask", "distributed", "joblib", "loky", "multiprocessing", "tornado")
)


def _serves_tasks(instance: Any) -> bool:
    home = getattr(getattr(instance, "_target", None), "__module__", None)
    if not isinstance(home, str):
        home = type(instance).__module__
    return home.partition(".")[0] in _LIBRARIES


def _graph(_: Any) -> Wrapper:
    """For a dask client's messages: a graph's tasks are annotated with their activity."""

    def woven(wrapped: Any, _: Any, args: Any, kwargs: Any) -> Any:
        activity = current.get()
        message = args[0] if args else None
        if activity is not None and isinstance(message, dict):
            annotations = getattr(message.get("annotations"), "data", None)
            if message.get("op") == "update-graph" and isinstance(annotations, dict):
                annotations[KEY] = activity.id
        return wrapped(*args, **kwargs)

    return woven


def _execute(_: Any) -> Wrapper:
    """For a dask worker: a task runs in the activity that it is annotated with, or in none."""

    def woven(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return _executed(wrapped(*args, **kwargs), _annotated(instance, args, kwargs))

    return woven


def _annotated(worker: Any, args: Any, kwargs: Any) -> Any:
    try:
        task = worker.state.tasks[args[0] if args else kwargs["key"]]
        activity_id = (task.annotations or {}).get(KEY)
    except Exception:
        return None
    return None if activity_id is None else Elsewhere(activity_id)


async def _executed(execution: Any, activity: Any) -> Any:
    token = current.set(activity)
    try:
        return await execution
    finally:
        current.reset(token)


_WAYS: dict[str, Callable[[Any], Wrapper]] = {
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
    "distributed.worker:Worker.execute": _execute,
}
