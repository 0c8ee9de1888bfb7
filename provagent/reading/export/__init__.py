"""Provenance as documents of W3C PROV, and as a graph. The only room that imports prov.

The room has the name of the public function: whoever imports a module of it finds the room
where ``provagent.reading.export`` is asked for, so that it can be called as well.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> None:
        from provagent import __getattr__ as door

        door("export")(*arguments, **options)


sys.modules[__name__].__class__ = _Room
