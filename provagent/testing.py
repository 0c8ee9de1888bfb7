"""Tests of a package with a definition: record a call, and check the recorded values.

With pytest, ``pytest_plugins = ["provagent.testing"]`` in the topmost ``conftest.py`` provides the
fixture ``provenance``. Without pytest, ``Recorded`` is a context manager::

    with Recorded(definition="lab/provenance.yaml") as recorded:
        lab.calibrate("night.csv", gain=3.0)
    calibrate = recorded.activity("calibrate")
    assert calibrate.parameters == {"gain": 3.0}
    assert calibrate.generated["flux"].description == "Flux"

The module is no entry point of pytest, because pytest would load it in every run of every project.
"""

from __future__ import annotations

import difflib
import os
import sys
import tempfile
import textwrap
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any, Self

from provagent import boot
from provagent.contract.errors import DefinitionError, ProvagentError, StoreError
from provagent.settings.table import read_settings, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from provagent.reading.record import model
    from provagent.recording.process.requested_targets import RequestedTarget

__all__ = ["Activity", "Entity", "Recorded"]


@dataclass(frozen=True, slots=True)
class Entity:
    """A file or an object in one state.

    ``type`` is PythonObject, File or FileCollection. ``digest`` is ``algorithm:hex``.
    ``description`` is the name of its description in the definition. ``location`` is relative if
    the file is below the working folder. ``value`` is the value of a number or a text.
    ``class_name`` is ``module:Name`` of the class of an object. ``members`` and ``progenitors``
    have no members and progenitors of their own here.
    """

    type: str | None
    description: str | None
    name: str | None
    location: str | None
    value: Any
    digest: str | None
    class_name: str | None
    members: list[Entity] = field(default_factory=list)
    progenitors: list[Entity] = field(default_factory=list)

    def __str__(self) -> str:
        if self.location is not None:
            return self.location
        if self.value is not None:
            words = [self.description, self.name, repr(self.value)]
        else:
            words = [self.description or (self.class_name or "?").rpartition(":")[2], self.name]
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class Activity:
    """One recorded call: values as in Python, entities by their roles.

    ``name`` is the name in the definition, or the qualified name of a call without a description.
    ``target`` is ``module:Qual.name``. ``status`` is ok, error or cancelled.
    ``error`` is ``module:Name`` of the exception that ended the call. ``parent`` is the name of the
    activity that called it; ``depth`` is the number of enclosing activities. ``mismatches`` are the
    differences from its description.
    """

    name: str | None
    target: str | None
    parameters: dict[str, Any]
    used: dict[str, Entity]
    generated: dict[str, Entity]
    status: str | None
    error: str | None
    parent: str | None
    depth: int
    mismatches: list[str]


class Recorded:
    """Records this process inside a ``with``; the record can be read after the ``with``.

    ``definition`` is the path of a definition, or of several; definitions of installed packages are
    active, too. ``targets`` are as in ``provagent run --target``, ``settings`` as in
    docs/reference/settings.md. If a path of a definition fails, or another part could not be
    recorded, the end of the ``with`` raises AssertionError, unless ``lenient``.

    Raises DefinitionError for a definition with a problem, SettingsError, and ProvagentError if
    this process is recorded already.
    """

    def __init__(
        self,
        definition: str | os.PathLike[str] | list[str | os.PathLike[str]] | None = None,
        *,
        targets: str | list[str] = (),  # type: ignore[assignment]
        lenient: bool = False,
        **settings: Any,
    ) -> None:
        given = definition if isinstance(definition, list) else [definition] if definition else []
        self._definitions = [os.path.abspath(os.fspath(each)) for each in given]
        self._targets = [targets] if isinstance(targets, str) else list(targets)
        self._lenient = lenient
        self._settings = settings
        self._cwd = os.getcwd()
        self._wanted: list[RequestedTarget] = []
        self._rebound: list[tuple[dict[str, Any], str, Any, Any]] = []
        self._run: model.Provenance | None = None

    def __enter__(self) -> Self:
        if boot.activation() is not None:
            raise ProvagentError(
                "this process is recorded already; unset PROVAGENT, and do not nest Recorded"
            )
        self._check_definitions()
        self._folder = tempfile.TemporaryDirectory(prefix="provagent-")
        arguments = {
            "store": os.path.join(self._folder.name, "prov"),
            "cache": _cache_folder().name,
            "definitions": self._definitions,
            "targets": self._targets,
            "files": False,
            **self._settings,
        }
        # Without variables and the project's own settings: only the test sets values.
        try:
            settings = require(read_settings({}, arguments, cwd=self._folder.name))
            self._wanted = boot.activate(settings).requested
        except BaseException:
            self._folder.cleanup()
            raise
        self._bind_names(sys._getframe(1).f_globals)  # noqa: SLF001 - names of the test itself
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for namespace, name, plain, woven in self._rebound:
            if namespace.get(name) is woven:
                namespace[name] = plain
        self._rebound.clear()
        boot.deactivate()
        try:
            self._run = self._read()
        finally:
            self._folder.cleanup()
        complaints = self.complaints
        if complaints and not self._lenient and error is None:
            raise AssertionError("the record is incomplete:\n" + "\n".join(complaints))

    @property
    def run(self) -> model.Provenance:
        """The whole record, as ``provagent.read`` returns it."""
        if self._run is None:
            raise ProvagentError("nothing was recorded yet; use it after the with statement")
        return self._run

    @cached_property
    def activities(self) -> list[Activity]:
        """The recorded calls, in order."""
        return [*map(self._activity, self.run.activities.values())]

    @property
    def complaints(self) -> list[str]:
        """Internal errors: parts that could not be recorded."""
        return [f"{one.target}: {one.stage}: {one.what}" for one in self.run.complaints]

    def activity(self, name: str) -> Activity:
        """Return the activity of this name; raise AssertionError if there is not exactly one."""
        found = [each for each in self.activities if each.name == name]
        if len(found) == 1:
            return found[0]
        names = ", ".join(str(each.name) for each in self.activities) or "none"
        lines = [f"{len(found)} activities {name!r} were recorded; recorded activities: {names}"]
        lines += [
            f"{each.target.text} is {each.state}: {each.reason}"
            for each in self._wanted
            if each.state != "woven" and self._asked_for(each)
        ]
        raise AssertionError("\n".join(lines))

    def story(self, *, digests: bool = False) -> str:
        """Return the record as lines of text, without ids and times: for a snapshot.

        ``digests``: with the digests of entities.
        """
        return "".join(
            f"{line}\n" for each in self.activities for line in _activity_lines(each, digests)
        )

    def check(self, expected: str, *, digests: bool = False) -> None:
        """Raise AssertionError, with a diff, if ``story`` differs from ``expected``.

        The common indentation of ``expected`` is removed before the comparison.
        """
        requested = textwrap.dedent(expected).strip("\n").splitlines()
        found = self.story(digests=digests).splitlines()
        if requested != found:
            diff = difflib.unified_diff(requested, found, "expected", "recorded", lineterm="", n=9)
            raise AssertionError("the records differ:\n" + "\n".join(diff))

    def _check_definitions(self) -> None:
        from provagent.definition.parse import read_definition

        problems = [each for one in self._definitions for each in read_definition(one).problems]
        if problems:
            raise DefinitionError(tuple(problems))

    def _asked_for(self, requested: RequestedTarget) -> bool:
        source = requested.source
        return source is None or source.location in self._definitions

    # A test that imported a function by its name has the plain function.
    def _bind_names(self, namespace: dict[str, Any]) -> None:
        from provagent.recording.weave.woven import Woven, plain

        for name, value in list(namespace.items()):
            if not isinstance(value, FunctionType | BuiltinFunctionType):
                continue
            module = sys.modules.get(value.__module__ or "")
            current = vars(module).get(value.__name__) if module else None
            if issubclass(type(current), Woven) and plain(current) is value:
                namespace[name] = current
                self._rebound.append((namespace, name, value, current))

    def _read(self) -> model.Provenance:
        from provagent.reading.record.build import build
        from provagent.reading.store.runs import read_run

        try:
            return read_run(os.path.join(self._folder.name, "prov"), "last")
        except StoreError:
            return build(())  # no function was called

    def _activity(self, activity: model.Activity) -> Activity:
        depth, outer = 0, activity.parent
        while outer is not None:
            depth, outer = depth + 1, outer.parent
        return Activity(
            name=activity.name,
            target=activity.target,
            parameters={name: _decoded(value) for name, value in activity.parameters.items()},
            used={each.role or "": self._entity(each.entity) for each in activity.used},
            generated={each.role or "": self._entity(each.entity) for each in activity.generated},
            status=activity.status,
            error=activity.error.type if activity.error else None,
            parent=activity.parent.name if activity.parent else None,
            depth=depth,
            mismatches=[str(each) for each in activity.mismatches],
        )

    def _entity(self, entity: model.Entity, *, deep: bool = True) -> Entity:
        location = entity.location
        if location is not None and Path(location).is_relative_to(self._cwd):
            location = Path(location).relative_to(self._cwd).as_posix()
        progenitors = (each.progenitor for each in entity.derivations)
        return Entity(
            type=entity.type,
            description=entity.entity_description,
            name=entity.name,
            location=location,
            value=_decoded(entity.value),
            digest=entity.digest,
            class_name=entity.class_name,
            members=[self._entity(each, deep=False) for each in entity.members if deep],
            progenitors=[self._entity(each, deep=False) for each in progenitors if deep],
        )


# Each definition is compiled once in a process; the folder is removed at the end of the process.
@cache
def _cache_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="provagent-cache-")


def _decoded(value: Any) -> Any:
    from provagent.contract.values.decode import decode

    return decode(value)


def _activity_lines(activity: Activity, digests: bool) -> Iterator[str]:
    before = "    " * activity.depth
    yield f"{before}{activity.name}" + (f" raised {activity.error}" if activity.error else "")
    for name, value in activity.parameters.items():
        yield f"{before}  {name} = {value!r}"
    for verb, entities in (("used", activity.used), ("made", activity.generated)):
        for role, entity in entities.items():
            digest = f"  {entity.digest}" if digests and entity.digest else ""
            yield f"{before}  {verb} {role}: {entity}{digest}"
            yield from (f"{before}    member {each}" for each in entity.members)
            yield from (f"{before}    from {each}" for each in entity.progenitors)
    yield from (f"{before}  differs from its description: {each}" for each in activity.mismatches)


if "pytest" in sys.modules:
    import pytest

    @pytest.fixture
    def provenance() -> Callable[..., Recorded]:
        """Return the class ``Recorded``, which records this process in a with statement.

        Example::

            def test_calibrate(provenance):
                with provenance(definition="lab/provenance.yaml") as recorded:
                    lab.calibrate("night.csv", gain=3.0)
                assert recorded.activity("calibrate").parameters == {"gain": 3.0}
        """
        return Recorded
