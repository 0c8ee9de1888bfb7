"""JSON by orjson if memory is unlimited, otherwise by the standard library.

orjson ends the process with a segmentation fault if an allocation fails. The encoder of CPython
raises an exception. A program under ``ulimit -v`` may catch the exception and continue with less
memory. A limit can be set at any time. So the limit is read repeatedly: this takes a microsecond,
at most every 0.2 ms.
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
    pass  # not on Windows

_LOOK_AGAIN = 200_000  # nanoseconds
_SEPARATORS = (",", ":")
_MAX_INT = 1 << 64  # orjson encodes smaller integers only
_STRICT_OVERCOMMIT = "2"  # Linux: an allocation fails if all memory is promised


def _promises_all() -> bool:
    try:
        with open("/proc/sys/vm/overcommit_memory", encoding="ascii") as file:
            return file.read().strip() != _STRICT_OVERCOMMIT
    except OSError:
        return True


if resource is None:

    def is_limited() -> bool:
        """Return whether an allocation of this process may fail."""
        return False

elif _promises_all():
    _limit, _space, _data = resource.getrlimit, resource.RLIMIT_AS, resource.RLIMIT_DATA
    _endless = resource.RLIM_INFINITY
    _known = (0, False)  # deadline and result; a tuple, so that a race costs one more look at most

    def is_limited() -> bool:
        """Return whether an allocation of this process may fail."""
        global _known  # noqa: PLW0603 - one process, one limit
        now, (until, known) = time.monotonic_ns(), _known
        if now >= until:
            known = _limit(_space)[0] != _endless or _limit(_data)[0] != _endless
            _known = now + _LOOK_AGAIN, known
        return known

else:

    def is_limited() -> bool:
        """Return whether an allocation of this process may fail."""
        return True


def dumps(value: Any) -> bytes:
    """Return JSON in UTF-8. Raises TypeError for values that JSON, or orjson, cannot encode."""
    return _careful(value) if is_limited() else orjson.dumps(value)


def dumps_line(value: Any) -> bytes:
    """Return JSON and a newline."""
    if is_limited():
        return _careful(value) + b"\n"
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def dumps_sorted(value: Any) -> bytes:
    """Return JSON with sorted keys in each object."""
    if is_limited():
        return _careful(value, sort_keys=True)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def loads(data: str | bytes) -> Any:
    """Return the value of JSON text. Raises ValueError for invalid JSON."""
    return json.loads(data) if is_limited() else orjson.loads(data)


def _careful(value: Any, *, sort_keys: bool = False) -> bytes:
    _check(value)
    text = json.dumps(value, ensure_ascii=False, separators=_SEPARATORS, sort_keys=sort_keys)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise TypeError("str is not valid UTF-8: surrogates not allowed") from error


# Raise for values that the standard library writes and orjson refuses: orjson reads the files.
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
