"""A value or a location that a call uses or makes, before its entity is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from provagent.contract.vocabulary import FILE, ITSELF
from provagent.identity.files import resolve_location
from provagent.identity.registry import Identity
from provagent.isolation import introspection
from provagent.isolation.originals import fake_folder, os
from provagent.recording.capture.lookup import found
from provagent.recording.capture.plan import ON_DISK, Kind, Many, Use

# Module of a type -> attribute with the file name. Reading it runs no code of the program.
_OPEN_FILES = {
    **dict.fromkeys(("_io", "bz2", "gzip", "lzma"), "name"),
    **dict.fromkeys(("zipfile", "tables.file", "h5py._hl.files", "pandas.io.pytables"), "filename"),
}

# prefix for files that the system does not have; the content of a URL is never read
FAKE = "pyfakefs://"


class ObservedValue:
    """A value, or the file at a location, that a call uses or makes."""

    __slots__ = (
        *("is_cut", "is_distinctive", "kind", "location"),
        *("members", "name", "namespace", "value"),
    )

    def __init__(
        self, kind: Kind, value: Any, location: Any, name: Any, namespace: str | None
    ) -> None:
        self.kind = kind
        self.value = value
        self.location = location
        self.name = name
        self.namespace = namespace
        self.members: list[dict[str, str]] | None = None
        self.is_cut = False  # there are more members
        self.is_distinctive = False  # the content is more than a number or a short text

    def add_members(self, entity_ids: Iterable[str], *, is_cut: bool) -> None:
        """Set the members; ``is_cut``: there are more members."""
        self.members = [{"member_id": entity_id} for entity_id in dict.fromkeys(entity_ids)]
        self.is_cut = is_cut

    def add_members_to(self, fields: dict[str, Any]) -> None:
        """Add the members to the fields of an event."""
        if self.is_distinctive:
            fields["distinctive"] = True
        if self.members is not None:
            fields["members"] = self.members
            if self.is_cut:
                fields["members_cut"] = True

    @property
    def title(self) -> tuple[str, str | None, str]:
        """The kind, namespace and name of the entity."""
        return self.kind.key, self.namespace, str(self.name)


def placed(
    kind: Kind, value: Any, location: Any, name: Any, namespace: str | None
) -> ObservedValue:
    """Return the observed value, for new and old forms of definitions."""
    # Old definitions use an object or a number as the location.
    if location is not None and not is_path(location):
        if value is None:
            return ObservedValue(kind, location, None, name, namespace)
        location, name = None, location if name is None else name
    if location is not None and value is None and kind.type not in ON_DISK:
        return _at(kind, location, name, namespace)
    if kind.type in ON_DISK:
        path = value if location is None and is_path(value) else location
        return ObservedValue(kind, None if path is not None else value, path, name, namespace)
    return ObservedValue(kind, value, location, name, namespace)


# Old definitions do not say which entities are files.
def _at(kind: Kind, location: Any, name: Any, namespace: str | None) -> ObservedValue:
    text = os.fsdecode(location)
    if "/" in text or os.sep in text or os.path.exists(text):
        return ObservedValue(replace(kind, type=FILE), None, location, name, namespace)
    return ObservedValue(kind, location, None, name, namespace)


def placed_members(many: Many, found: Any) -> list[ObservedValue]:
    """Return the observed values of a list, or of the single value."""
    if many.is_name and not many.is_list:
        return [placed(many.kind, None, None, found, many.namespace)]
    items: Any = introspection.items(found) if many.is_list else (found,)
    return [
        placed(
            many.kind,
            item if many.value is None else many.value(item),
            None if many.location is None else many.location(item),
            None if many.id is None else many.id(item),
            many.namespace,
        )
        for item in (items.values() if issubclass(type(items), dict) else items)
    ]


def file_of(location: Any) -> Any:
    """Return the path of an open file; ``location`` unchanged if it is no open file."""
    home = introspection.module_name(type(location))
    attribute = _OPEN_FILES.get(home) if type(home) is str else None
    if attribute is None:
        return location
    try:
        name = getattr(location, attribute, None)
    except Exception:  # the file is closed
        return location
    return name if type(name) is str and os.path.isfile(name) else location


def place_of(location: Any) -> str:
    """Return the location of a file that the program names; files of pyfakefs have a prefix."""
    folder = fake_folder()
    if folder is None:
        return resolve_location(location)
    text = os.fsdecode(location)
    return text if "://" in text else f"{FAKE}{os.path.normpath(os.path.join(folder, text))}"


def is_path(value: Any) -> bool:
    """Return whether the value can be the path of a file."""
    cls = type(value)
    return issubclass(cls, (str, bytes)) or introspection.lookup(cls, "__fspath__") is not None


def add_identity(fields: dict[str, Any], identity: Identity) -> None:
    """Add the identity of a value to the fields of its event."""
    digest, identified, size, sampled, missing, changing = identity
    if digest is not None:
        fields["digest"] = digest
        fields["identified"] = identified
    elif identified == ITSELF:
        fields["identified"] = ITSELF
    if size is not None:
        fields["size"] = size
    if sampled:
        fields["sampled"] = {
            name: part for name, part in sampled._asdict().items() if part is not None
        }
    if missing:
        fields["missing"] = True
    if changing:
        fields["changing"] = True


def named_files(uses: Iterable[Use], call: Any, is_used: bool) -> Iterator[str]:
    """Yield the paths of the files that a call names; if used, also the paths of open files."""
    for use in uses:
        location = found(use.location, call) if use.kind.type in ON_DISK else None
        path: Any = file_of(location) if is_used else location
        if is_path(path):
            yield os.fsdecode(path)
