"""The state of an object whose class has no identity of its own: the attributes of the object.

The state consists of the ``__dict__`` of the instance, its slots, and the items of the container
that it extends: the parts of its pickle. The state is read without the methods that the class
overrides: no property, ``__getattr__``, ``__getstate__`` or ``__reduce__`` runs. Not part of the
state: caches (see ``cache_attributes``), locks, weak references, loggers and open files. Compiled
objects that show nothing of their data are counted, and the state is then incomplete.

A class is analysed once. The name of the class is part of the state. Attributes of the class are
not.
"""

from __future__ import annotations

import _thread
import _weakref
from operator import itemgetter
from types import MemberDescriptorType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from provagent.contract.values.types import TypeCache, kinds, type_name
from provagent.identity.attributes import label_of, refine_of
from provagent.identity.cache_attributes import Lazy, assigned_by, is_cache_by_name, lazy_of
from provagent.identity.content import ByKey, UnidentifiableError
from provagent.isolation import introspection

if TYPE_CHECKING:
    from collections.abc import Callable

    from provagent.identity.attributes import Refine
    from provagent.identity.content import Content, Parts


class Slot(NamedTuple):
    """A slot: its name in the state, the place of its class among the bases, and its name there."""

    name: str
    place: int
    key: str


class Plan(NamedTuple):
    """How the state of objects of one class is read.

    A plan contains no descriptors, because descriptors would keep their class in memory. They are
    found again by the place of their class among the bases.
    """

    slots: tuple[Slot, ...]
    attributes: int | None  # the place of the class with the descriptor of ``__dict__``
    items: Parts | None  # returns the items of the extended type
    lazy: Lazy
    is_hidden: bool  # the object has data that nothing shows
    refine: Refine | None  # leaves out derived attributes


class StateToken:
    """The token function of a class whose objects are read by state.

    ``is_content``: the state counts as content, unless a part of it does not.
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
        """Return the attributes of an object, sorted by name."""
        plan, is_cache = self.plan, self._is_cache
        bases = introspection.mro(type(value))
        kept: list[tuple[Any, Any]] = []
        if plan.attributes is not None:
            # A list of pairs, not a dict: no key is hashed.
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
    cls: type, items: Parts | None, extended: str | None = None, covered_by: type | None = None
) -> StateToken | None:
    """Return how the state of objects of a class is read, or None if nothing can be read.

    ``items`` returns the items of the type that the class extends, if there is one. If this type is
    one of Python's, ``extended`` is its name. Otherwise ``items`` returns the content of a library
    class, ``covered_by``. Attributes that code of ``covered_by`` assigns are not read separately.
    They are part of that content, or do not count.
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
    if covered_by is not None:
        lazy = lazy._replace(caches=lazy.caches | assigned_by(covered_by))
    plan = Plan(slots, attributes, items, lazy, is_hidden=is_hidden, refine=refine)
    label = label_of(cls)
    return StateToken(label or type_name(cls), plan, is_content=label is not None)


def nothing(value: object, content: Content) -> bytes:
    """Return the token of an object without state inside a state: a lock, a weak reference."""
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
                # A base may have a slot of the same name. The slot of the base gets the name of its
                # class.
                name = f"{type_name(base)}.{key}" if key in seen else key
                found.append(Slot(name, place, key))
                seen.add(key)
    return tuple(found)


def _attributes_of(cls: type) -> int | None:
    """Return the place of the class that defines ``__dict__``, other than as a property."""
    for place, base in enumerate(introspection.mro(cls)):
        kind = type(introspection.namespace(base).get("__dict__"))
        if introspection.is_among(kind, _DICT_KINDS):
            return place
    return None


def _hides(cls: type, extended: str | None) -> bool:
    """Return whether objects have fields that no descriptor shows, as compiled classes do."""
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
# Full names of classes; subclasses are included. Their objects run, are connected, or are drawn on.
# They change by themselves, and their internal state may be large.
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
        # Computes from the model and the maps of a dataset, and caches the results.
        "gammapy.datasets.evaluator:MapEvaluator",
    )
)
is_no_state: TypeCache[bool] = TypeCache(_find_is_no_state)
