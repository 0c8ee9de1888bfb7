"""How a value of each type is identified, and the function ``identify``.

This module contains the one table of types of a process. Plug-ins add types with ``register``.
Types are found by name: no package is imported.
"""

from __future__ import annotations

from functools import cache
from math import inf
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from provagent.contract.values.types import (
    TypeCache,
    fields_of,
    has_slots,
    instance_state,
    kinds,
    overrides_any,
    overrides_reading,
    type_name,
)
from provagent.contract.vocabulary import LESS_THAN_CONTENT, SECOND
from provagent.identity import (
    arrays,
    estimators,
    file_datasets,
    fits,
    frames,
    functions,
    libraries,
    objects,
    plugins,
    results,
    science,
    tensors,
)
from provagent.identity.content import (
    DIGESTED,
    Content,
    Sample,
    TooMuchError,
    UnidentifiableError,
    named,
    text_bytes,
    unknown,
)
from provagent.identity.sampling import SAMPLE_BYTES, PartOfContent, ScalarContent, share_of
from provagent.identity.state import StateToken, is_no_state, nothing, state_token
from provagent.isolation import introspection
from provagent.isolation.addresses import address_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from provagent.identity.content import Parts, Token

    How = str | tuple[Callable[[Any], Any], ...] | None

MAX_BYTES = 256_000_000


class Identity(NamedTuple):
    """The identity of a value in its current state.

    * ``digest``: ``algorithm:hex`` for content, and only for content; ``state:hex`` for a state,
      ``identifier:hex`` for paths, ``text:hex`` for text, ``hash:hex`` for a hash. Digests of the
      last four kinds do not connect objects in two places. None if the object is identified by
      itself only (``identified`` is ``id``), or if nothing could be read.
    * ``size``: the size of a file, in bytes.
    * ``sampled``: the part of the content that the digest covers, or False for the whole content.
    * ``missing``: the file does not exist.
    * ``changing``: the file changed during two readings, or is not yet complete.
    """

    digest: str | None = None
    identified: Literal["content", "state", "str", "hash", "id", "file", "paths"] | None = None
    size: int | None = None
    sampled: Sample | Literal[False] = False
    missing: bool = False
    changing: bool = False


def identify(
    value: Any,
    how: How = None,
    *,
    algorithm: str = "sha256",
    max_bytes: int = MAX_BYTES,
    max_ms: float = 0,
) -> Identity:
    """Identify a value in its current state.

    ``how`` is

    * None or ``content``: by content, if the types of the value and of all values inside are known.
      Otherwise the state of unknown objects is part of the digest. No code of the value runs;
    * ``str``: by ``str(value)``, unless the text contains the address of an object;
    * ``hash``: by ``hash(value)``. The hash of a text is valid in one process only;
    * ``id``: by the object itself only;
    * a tuple of functions: by the content of the results of the functions for the value.

    If an array, a text or bytes are longer than ``max_bytes`` bytes, only ``max_bytes`` bytes are
    read, in blocks at equal distances. Only a part of a value is read (see ``PartOfContent``)

    * if the value contains more than four times ``max_bytes`` bytes, or so many items that reading
      takes as long;
    * if its containers are nested too deeply;
    * if reading takes more than ``max_ms`` milliseconds (0: no limit).

    ``sampled`` shows the part that was read.

    Raises ValueError for another ``how`` or an unknown ``algorithm``. Raises all exceptions of the
    value's own code, if ``how`` runs such code.
    """
    if how is None:
        scalar = _SCALARS.get(address_of(type(value)))
        if scalar is not None:
            shared = _shared(algorithm)
            try:
                token = scalar(value, shared)
            except TooMuchError:
                return _by_content(value, algorithm, max_bytes, max_ms, "content")
            digest = f"{algorithm}:{shared.new(token).hexdigest()}"
            # twice as fast as the constructor
            return tuple.__new__(Identity, (digest, "content", None, False, False, False))
        return _by_content(value, algorithm, max_bytes, max_ms, "content")
    if type(how) is tuple:
        found = (type_name(type(value)), [path(value) for path in how])
        return _by_content(found, algorithm, max_bytes, max_ms, "paths")
    if how == "content":
        return _by_content(value, algorithm, max_bytes, max_ms, "content")
    if how == "str":
        return text_identifier(algorithm)(value)
    if how == "hash":
        return _by_hash(value, algorithm)
    if how == "id":
        return _ONLY_ITSELF
    raise ValueError(
        f"identifier: {how!r} is unknown; use content, str, hash, id or a list of paths"
    )


def register(type_name: str, parts: Parts) -> None:
    """Register ``parts(value)`` as the content of values of a type and its subclasses.

    ``type_name`` is ``module:QualName`` of the class. The class is defined at the top of a module
    or inside another class. ``parts`` returns a value of known types. ``parts`` must not change the
    value, and must not load data that the value would load later.
    """
    _PLUGINS[type_name] = plugins.guarded(type_name, parts)
    _token_of.clear()


def is_readable(cls: type) -> bool:
    """Return whether values of a type are read by content, judging by the type only."""
    token = _token_of(cls)
    if type(token) is StateToken:
        return token.is_content
    return token is not unknown


def tokens() -> TypeCache[Token]:
    """Return the token functions of all types."""
    return _token_of


def _by_content(
    value: Any,
    algorithm: str,
    max_bytes: float,
    max_ms: float,
    identified: Literal["content", "paths"],
) -> Identity:
    content = Content(algorithm, _token_of, max_bytes or inf, max_ms)
    try:
        try:
            token = content.whole(content.token(value))
        except (TooMuchError, RecursionError):
            content, token = _part(value, algorithm, share_of(max_bytes or inf, max_ms))
        return _result(token, content, algorithm, identified)
    except (UnidentifiableError, RecursionError):
        return _ONLY_ITSELF


def _part(value: Any, algorithm: str, share: int) -> tuple[Content, bytes]:
    content = PartOfContent(algorithm, _token_of, share)
    try:
        return content, content.whole(content.token(value))
    except RecursionError:
        content = PartOfContent(algorithm, _token_of, share, is_shallow=True)
        return content, content.whole(content.token(value))


def text_identifier(algorithm: str) -> Callable[[Any], Identity]:
    """Return ``identify(value, "str")`` as a function of the value, for frequent calls."""
    new, make = _shared(algorithm).new, tuple.__new__

    def identify_text(value: Any) -> Identity:
        try:
            digest = "text:" + new(text_bytes(value)).hexdigest()
        except UnidentifiableError:
            return _ONLY_ITSELF
        return make(Identity, (digest, "str", None, False, False, False))

    return identify_text


def _by_hash(value: Any, algorithm: str) -> Identity:
    if introspection.lookup(type(value), "__hash__") is object.__hash__:
        return _ONLY_ITSELF
    content = Content(algorithm, _token_of)
    token = content.token((type_name(type(value)), hash(value)))
    return _result(token, content, algorithm, "hash")


def _result(
    token: bytes,
    content: Content,
    algorithm: str,
    identified: Literal["content", "hash", "paths"],
) -> Identity:
    hexadecimal = token[1:].hex() if token[0] in DIGESTED else content.new(token).hexdigest()
    how = "state" if identified == "content" and content.has_states else identified
    name = f"{algorithm}{SECOND}" if content.is_second else algorithm
    digest = f"{LESS_THAN_CONTENT.get(how, name)}:{hexadecimal}"
    return Identity(digest, how, None, content.sampled or False)


def _find_token(cls: type) -> Token:
    packages = {_package(name) for name in kinds(cls)}
    _take(plugins.load_for(packages))
    found = _find_known_token(cls)
    if found is None and _take(plugins.load_for(packages, also_others=True)):
        found = _find_known_token(cls)
    return _find_state_token(cls) if found is None else found


def _find_state_token(cls: type) -> Token:
    if is_no_state(cls):
        return nothing
    if base := _first(kinds(cls), objects.EXTENDED):
        return state_token(cls, objects.EXTENDED[base], base) or unknown
    if (own := _extended_own(cls)) is not None:
        parts, kind = own
        return state_token(cls, parts, type_name(kind), kind) or unknown
    return state_token(cls, None) or unknown


def _extended_own(cls: type) -> tuple[Parts, type] | None:
    """Return how to read the content of a compiled class that a class of the program extends.

    The content is in the compiled part only. It is read only if the classes of the program override
    none of its methods and attributes.
    """
    for base in introspection.mro(cls):
        names = kinds(base)
        found = _first(map(_short, names), libraries.COMPILED)
        if found and names[0] == type_name(base) and _package(found) == _package(names[0]):
            if overrides_any(cls, base):
                return None
            return plugins.guarded(found, _OWN[found]), base
    return None


def _short(name: str) -> str:
    return f"{_package(name)}:{name.partition(':')[2]}"


def _take(offered: dict[str, Parts]) -> bool:
    """Add the functions of plug-ins to the table. Return whether there were any."""
    for name, parts in offered.items():
        _PLUGINS.setdefault(name, plugins.guarded(name, parts))
    if offered:
        _token_of.clear()
    return bool(offered)


def _find_known_token(cls: type) -> Token | None:
    names = kinds(cls)
    if functions.is_dispatcher(cls):
        return named("function", functions.dispatcher)
    if plugin := _first(names, _PLUGINS):
        return named(type_name(cls), _PLUGINS[plugin])
    if strict := _first(_BEFORE_OTHERS, names):
        return _find_inherited(cls, strict)
    if names and names[0] == type_name(cls):
        if names[0] in _TOKENS:
            return _TOKENS[names[0]]
        if names[0] in objects.EXACT:
            return named(*objects.EXACT[names[0]])
    if (own := _first_own(cls, names)) is not None:
        return own
    if fields := fields_of(cls):
        return named(type_name(cls), fields)
    base = _first(names, {**_INHERITED, **arrays.PACKAGED, **objects.BASES})
    return _find_inherited(cls, base) if base else None


def _first_own(cls: type, names: list[str]) -> Token | None:
    """Return the token function of a library's own class, found by package and class name.

    Subclasses in other packages do not count: reading them would run their code.
    """
    package = _package_of(cls, names)
    for name in names:
        if _package(name) != package:
            return None
        short = _short(name)
        if short in _OWN:
            label = f"{package}:{cls.__qualname__}"
            parts = plugins.guarded(short, _OWN[short])
            return named(_ALIKE.get(label, label), parts)
    return None


def _first(names: Iterable[str], known: Container[str]) -> str | None:
    return next((name for name in names if name in known), None)


def _find_inherited(cls: type, name: str) -> Token | None:
    """Return the token function of a subclass of a known class, or None if it cannot be read."""
    if name in objects.BASES:
        if overrides_reading(cls, name) or has_slots(cls, name):
            return None
        return named(type_name(cls), _with_state(objects.BASES[name]))
    if name == "numpy:generic":
        return arrays.scalar_token if type_name(cls).startswith("numpy:") else None
    package = _package_of(cls, kinds(cls))
    is_own = package == _package(name)
    # Libraries move their classes from module to module. So the label has only the package.
    label = f"{package}:{cls.__qualname__}" if is_own else type_name(cls)
    if name in _INHERITED:
        return named(label, _INHERITED[name], is_second=name in objects.SECOND)
    return named(label, arrays.PACKAGED[name]) if is_own else None


def _with_state(base: Parts) -> Parts:
    return lambda value: (base(value), instance_state(value))


def _package_of(cls: type, names: list[str]) -> str:
    """Return the package of a class.

    A class that a base made at run time has the base's package.
    """
    is_made = names[:1] != [type_name(cls)] and functions.is_without_code(cls)
    return _package(names[0] if is_made else type_name(cls))


def _package(name: str) -> str:
    return name.partition(":")[0].partition(".")[0]


# Bases that take precedence over the other bases of a class
_BEFORE_OTHERS = ("enum:Enum", "numpy:generic", "astropy.utils.masked.core:MaskedNDArray")
_INHERITED: dict[str, Parts] = {
    **objects.INHERITED,
    **arrays.INHERITED,
    **science.INHERITED,
}
_TOKENS: dict[str, Token] = {**arrays.TOKENS, **frames.TOKENS, **file_datasets.TOKENS}
_OWN: dict[str, Parts] = {
    **frames.OWN,
    **libraries.OWN,
    **fits.OWN,
    **estimators.OWN,
    **science.OWN,
    **results.OWN,
    **file_datasets.OWN,
    **tensors.OWN,
}
_ALIKE = {**frames.ALIKE, **science.ALIKE}
_ONLY_ITSELF = Identity(None, "id")
_PLUGINS: dict[str, Parts] = {}
_BUILTIN = {**objects.SCALARS, **objects.CONTAINERS}
_SCALARS = {address_of(cls): token for cls, token in objects.SCALARS.items()}

_token_of: TypeCache[Token] = TypeCache(
    lambda cls: _BUILTIN[cls] if any(cls is known for known in _BUILTIN) else _find_token(cls)
)


@cache
def _shared(algorithm: str) -> Content:
    return ScalarContent(algorithm, _token_of, SAMPLE_BYTES)
