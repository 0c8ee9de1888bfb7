"""JSON, by orjson where memory is not limited, else by the standard library.

orjson ends the process by a segmentation fault when an allocation fails. In CPython's own encoder
it is an exception, which a program under ``ulimit -v`` may catch, to go on with less. A limit may
be set at any time, so it is asked for again and again: a microsecond, at most every 0.2 ms.
"""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

from provagent.isolation.originals import time

resource: Any = None
try:
    import resource
except ImportError:
    pass  # Windows has none

_LOOK_AGAIN = 200_000  # nanoseconds
_SEPARATORS = (",", ":")
_MAX_INT = 1 << 64  # what orjson takes
_STRICT_OVERCOMMIT = "2"  # Linux: an allocation fails when all memory is promised


def _promises_all() -> bool:
    try:
        with open("/proc/sys/vm/overcommit_memory", encoding="ascii") as file:
            return file.read().strip() != _STRICT_OVERCOMMIT
    except OSError:
        return True


if resource is None:

    def is_limited() -> bool:
        """Whether an allocation of this process may fail."""
        return False

elif _promises_all():
    _limit, _space, _data = resource.getrlimit, resource.RLIMIT_AS, resource.RLIMIT_DATA
    _endless = resource.RLIM_INFINITY
    _known = (0, False)  # until when, and what; a tuple, so that a race costs a look

    def is_limited() -> bool:
        """Whether an allocation of this process may fail."""
        global _known  # noqa: PLW0603 - one process, one limit
        now, (until, known) = time.monotonic_ns(), _known
        if now >= until:
            known = _limit(_space)[0] != _endless or _limit(_data)[0] != _endless
            _known = now + _LOOK_AGAIN, known
        return known

else:

    def is_limited() -> bool:
        """Whether an allocation of this process may fail."""
        return True


def dumps(value: Any) -> bytes:
    """Return JSON in UTF-8. Raises TypeError for what JSON, or orjson, has not."""
    return _careful(value) if is_limited() else orjson.dumps(value)


def dumps_line(value: Any) -> bytes:
    """Return JSON and a newline."""
    if is_limited():
        return _careful(value) + b"\n"
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def dumps_sorted(value: Any) -> bytes:
    """Return JSON with the keys of each object in order."""
    if is_limited():
        return _careful(value, sort_keys=True)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def loads(data: str | bytes) -> Any:
    """Return the value of JSON. Raises ValueError for what is none."""
    return json.loads(data) if is_limited() else orjson.loads(data)


def _careful(value: Any, *, sort_keys: bool = False) -> bytes:
    _check(value)
    text = json.dumps(value, ensure_ascii=False, separators=_SEPARATORS, sort_keys=sort_keys)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise TypeError("str is not valid UTF-8: surrogates not allowed") from error


# What the standard library writes and orjson refuses: readers are orjson.
def _check(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError("Dict key must be str")
            _check(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _check(inner)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError("number is not finite")
    elif isinstance(value, int) and not -_MAX_INT // 2 <= value < _MAX_INT:
        raise TypeError("Integer exceeds 64-bit range")
