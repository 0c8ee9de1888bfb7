"""The state of an object whose class has no identity of its own: what the object keeps.

Read are the instance's ``__dict__``, its slots, and the items of a container that it extends: what
a pickle would take apart. It is read past whatever the class overrides: no property, no
``__getattr__``, no ``__getstate__`` and no ``__reduce__`` runs. Caches are left out (see ``lazy``),
as are locks, weak references, loggers and open files. What is written in C, and shows nothing of
itself, is counted: such a state was read in part.

A class is analysed once. Of the class itself its name counts; attributes of the class do not.
"""

from __future__ import annotations

import _thread
import _weakref
from operator import itemgetter
from types import MemberDescriptorType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from provagent.contract.values.types import TypeCache, kinds, type_name
from provagent.identity.attributes import label_of, refine_of
from provagent.identity.content import ByKey, UnidentifiableError
from provagent.identity.lazy import Lazy, assigned_by, is_cache_by_name, lazy_of
from provagent.isolation import introspection

if TYPE_CHECKING:
    from collections.abc import Callable

    from provagent.identity.attributes import Refine
    from provagent.identity.content import Content, Parts


class Slot(NamedTuple):
    """A slot: what it is called in the state, the place of its class, and its name there."""

    name: str
    place: int
    key: str


class Plan(NamedTuple):
    """How the state of objects of one class is read.

    Descriptors would keep their class alive: they are found again, by their place among its bases.
    """

    slots: tuple[Slot, ...]
    attributes: int | None  # the place of the class that has the descriptor of ``__dict__``
    items: Parts | None  # of the type that it extends
    lazy: Lazy
    is_hidden: bool  # there is more, which nothing shows
    refine: Refine | None  # leaves out what is derived


class StateToken:
    """The token function of a class whose objects are known by their state.

    ``is_content``: the state is content, unless there is something less in it.
    """

    __slots__ = ("is_content", "is_hidden", "label", "plan")

    def __init__(self, label: str, plan: Plan, *, is_content: bool) -> None:
        name = label.encode("utf-8", "surrogatepass")
        tag = b"k" if is_content else b"y"
        self.label = tag + len(name).to_bytes(4, "little") + name
        self.plan = plan
        self.is_hidden = plan.is_hidden
        self.is_content = is_content

    def __call__(self, value: object, content: Content) -> bytes:
        return content.by_state(value, self)

    def pairs(self, value: object) -> list[tuple[str, Any]]:
        """Return what an object keeps, by name, in the order of the names."""
        plan, is_cache = self.plan, self._is_cache
        bases = introspection.mro(type(value))
        kept: list[tuple[Any, Any]] = []
        if plan.attributes is not None:
            # Pairs, not a dict: no key is asked for its hash.
            kept = list(dict.items(_read(value, bases, plan.attributes, "__dict__")))
        found = [pair for pair in kept if type(pair[0]) is str and not is_cache(*pair)]
        for name, place, key in plan.slots:
            try:
                item = _read(value, bases, place, key)
            except AttributeError:
                continue
            if not is_cache(name, item):
                found.append((name, item))
        found.sort(key=itemgetter(0))
        if plan.refine is not None:
            found = plan.refine(value, found)
        others = [pair for pair in kept if type(pair[0]) is not str]
        if others:
            found.insert(0, ("", ByKey.of(others)))
        if plan.items is not None:
            found.insert(0, ("", plan.items(value)))
        return found

    def _is_cache(self, name: str, item: Any) -> bool:
        return (
            name in self.plan.lazy.caches
            or (name in self.plan.lazy.emptied and _is_empty(item))
            or is_no_state(type(item))
            or (name[:1] == "_" and is_cache_by_name(name))
        )


def _is_empty(item: Any) -> bool:
    return item is None or (introspection.is_among(type(item), (dict, list, set)) and not item)


def _read(value: object, bases: tuple[type, ...], place: int, key: str) -> Any:
    try:
        at: Any = introspection.namespace(bases[place])[key]
    except (IndexError, KeyError):  # the class has other bases now
        raise UnidentifiableError(f"{type_name(type(value))}: has changed its class") from None
    return at.__get__(value)


def state_token(
    cls: type, items: Parts | None, extended: str | None = None, told_by: type | None = None
) -> StateToken | None:
    """Return how the state of a class's objects is read; None where nothing of it can be.

    ``items`` gives those of the type that the class extends, which ``extended`` names, where that
    is one of Python's. Or they give the content of a class of a library, ``told_by``: attributes
    that its code assigns are part of that content, or none.
    """
    if is_no_state(cls) or issubclass(cls, (type, ModuleType)):
        return None
    if items is None and issubclass(cls, BaseException):
        items = introspection.arguments
    slots = _slots_of(cls)
    attributes = _attributes_of(cls)
    is_hidden = _hides(cls, extended) or (attributes is None and _dict_offset(cls) != 0)
    if attributes is None and items is None and (is_hidden or not slots):
        return None
    refine = refine_of(cls)
    lazy = lazy_of(cls)
    if told_by is not None:
        lazy = lazy._replace(caches=lazy.caches | assigned_by(told_by))
    plan = Plan(slots, attributes, items, lazy, is_hidden=is_hidden, refine=refine)
    label = label_of(cls)
    return StateToken(label or type_name(cls), plan, is_content=label is not None)


def nothing(value: object, content: Content) -> bytes:
    """Return the token of what is no state, where it stands in one: a lock, a weak reference."""
    if not content.in_state:
        raise UnidentifiableError(f"{type_name(type(value))}: has no content")
    return b"-"


def _find_is_no_state(cls: type) -> bool:
    if issubclass(cls, _NO_STATE):
        return True
    if type_name(cls) in ("_io:BytesIO", "_io:StringIO"):
        return False
    return any(name in _NO_STATE_NAMES for name in kinds(cls))


def _slots_of(cls: type) -> tuple[Slot, ...]:
    found: list[Slot] = []
    seen: set[str] = set()
    for place, base in enumerate(introspection.mro(cls)):
        if any(base is known for known in _STOP):
            continue
        for key, at in introspection.namespace(base).items():
            if type(at) is MemberDescriptorType and type(key) is str and key not in _NO_SLOTS:
                # Two slots of one name are two: that of a base is told by its class.
                name = f"{type_name(base)}.{key}" if key in seen else key
                found.append(Slot(name, place, key))
                seen.add(key)
    return tuple(found)


def _attributes_of(cls: type) -> int | None:
    """Return the place of the class whose ``__dict__`` is no property of that name."""
    for place, base in enumerate(introspection.mro(cls)):
        kind = type(introspection.namespace(base).get("__dict__"))
        if introspection.is_among(kind, _DICT_KINDS):
            return place
    return None


def _hides(cls: type, extended: str | None) -> bool:
    """Whether objects have fields, as of a class written in C, that no descriptor shows."""
    base: Any = cls
    while type_name(base) != extended and not any(base is known for known in _STOP):
        parent = _base(base)
        if parent is None:
            return False
        shown = sum(
            _POINTER
            for at in introspection.namespace(base).values()
            if type(at) is MemberDescriptorType
        )
        for offset in (_dict_offset, _weak_offset):
            shown += _POINTER * (offset(base) > 0 and offset(parent) <= 0)
        if _size(base) - _size(parent) > shown:
            return True
        base = parent
    return False


_base: Callable[[type], type | None] = type.__dict__["__base__"].__get__
_size: Callable[[type], int] = type.__dict__["__basicsize__"].__get__
_dict_offset: Callable[[type], int] = type.__dict__["__dictoffset__"].__get__
_weak_offset: Callable[[type], int] = type.__dict__["__weakrefoffset__"].__get__
_POINTER = tuple.__itemsize__
_STOP: tuple[type, ...] = (
    object, int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset, BaseException
)  # fmt: skip
_DICT_KINDS = (type(type.__dict__["__dict__"]), MemberDescriptorType)
_NO_SLOTS = ("__weakref__", "__dict__")
_NO_STATE: tuple[type, ...] = (
    _thread.LockType, _thread.RLock, _weakref.ref, _weakref.ProxyType, _weakref.CallableProxyType
)  # fmt: skip
# By their full names, with their subclasses: what runs, is connected, or is drawn on. It changes by
# itself, and its state is that of a machinery, which may be large.
_NO_STATE_NAMES = frozenset(
    (
        *("asyncio.events:AbstractEventLoop", "asyncio.futures:Future", "asyncio.tasks:Task"),
        *("concurrent.futures._base:Executor", "concurrent.futures._base:Future"),
        *("multiprocessing.pool:Pool", "multiprocessing.process:BaseProcess", "subprocess:Popen"),
        *("argparse:ArgumentParser", "http.client:HTTPConnection", "unittest.mock:Base"),
        *("requests.sessions:Session", "distributed.client:Client", "socket:socket"),
        *("sqlalchemy.engine.base:Engine", "sqlalchemy.engine.base:Connection"),
        *("sqlalchemy.orm.session:Session", "matplotlib.artist:Artist"),
        *("matplotlib.backend_bases:FigureCanvasBase", "matplotlib.gridspec:GridSpecBase"),
        *("threading:Condition", "threading:Event", "threading:Semaphore", "threading:Barrier"),
        *("threading:Thread", "_thread:_local", "threading:local", "threading:_RLock"),
        *("weakref:WeakValueDictionary", "weakref:WeakKeyDictionary", "weakref:finalize"),
        *("_weakrefset:WeakSet", "logging:Logger", "logging:LoggerAdapter", "logging:Handler"),
        *("_io:_IOBase", "tempfile:_TemporaryFileWrapper"),
        # It computes from the model and the maps of a dataset, and keeps what it has computed.
        "gammapy.datasets.evaluator:MapEvaluator",
    )
)
is_no_state: TypeCache[bool] = TypeCache(_find_is_no_state)
