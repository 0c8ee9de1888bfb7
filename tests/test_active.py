"""Which definitions are active, and the cache that finds them in a millisecond."""

from __future__ import annotations

import os
import sys

import pytest

import provagent.definition.parse  # noqa: F401 - sys.path is replaced here, so what loads later is loaded now
from provagent.contract.errors import DefinitionError
from provagent.definition import compiled
from provagent.definition.active import active_sources, shipped_folder
from provagent.definition.compiled import load_definition
from provagent.definition.source import cache_folder
from provagent.settings.table import read_settings

DEFINITION = "targets: ['{module}:f']\nactivities: {{f: {{description: {words}}}}}\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder, a sys.path of its own, a cache, and a count of the files read."""
    return Place(tmp_path, monkeypatch)


class Place:
    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.path = folder / "site"
        self.path.mkdir()
        self.cache = folder / "cache"
        self.definitions = ""
        self.read = []
        monkeypatch.setattr(sys, "path", [str(self.path)])
        read_source = compiled.read_source

        def counted(name, location, settings):
            self.read.append(name)
            return read_source(name, location, settings)

        monkeypatch.setattr(compiled, "read_source", counted)

    @property
    def settings(self):
        given = {"cache": str(self.cache), "definitions": self.definitions}
        return read_settings({}, given, str(self.folder))

    def write(self, name, module="m", words="first"):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(DEFINITION.format(module=module, words=words))
        return file

    def offer(self, package="pkg", file="defs.yaml"):
        """An installed package that offers a definition; it must not be imported for that."""
        self.write(f"site/{package}/{file}", package)
        (self.path / package / "__init__.py").write_text("raise ImportError('imported')\n")
        info = self.path / f"{package}-1.dist-info"
        info.mkdir()
        (info / "entry_points.txt").write_text(
            f"[console_scripts]\nx = y:z\n[provagent.definitions]\n{package} = {package}:{file}\n"
        )

    def sources(self):
        """Those that are active beside the shipped ones."""
        found = active_sources(self.settings, str(self.folder))
        return [one for one in found if os.path.dirname(one.location) != shipped_folder()]

    def names(self):
        return [source.name for source in self.sources()]


def test_shipped_definitions_are_active(place):
    """gammapy's definition is there with nothing set, and has no problem."""
    found = active_sources(place.settings, str(place.folder))
    gammapy = next(source for source in found if source.name == "gammapy")
    assert gammapy.problems == ()
    assert "gammapy.analysis.core:Analysis" in gammapy.targets


def test_places_and_their_order(place):
    """Installed packages, then the working folder, then the settings: the later gives the last word."""
    place.offer()
    place.write("definition.yaml", "own")
    place.write("other.yaml", "named")
    place.definitions = "other.yaml"
    assert [(one.name, one.targets) for one in place.sources()] == [
        ("pkg", ("pkg:f",)),
        ("definition", ("own:f",)),
        ("other", ("named:f",)),
    ]


def test_file_that_two_places_name_is_read_once(place):
    """It stands where the later of them puts it."""
    place.write("definition.yaml", "own")
    place.write("other.yaml", "named")
    place.definitions = "definition.yaml,other.yaml"
    assert place.names() == ["definition", "other"]


@pytest.mark.parametrize(
    "entry", ["nosuch:defs.yaml", "pkg:nosuch.yaml", "pkg.sub:x.yaml", ":", "a b"]
)
def test_offer_that_leads_nowhere_is_passed_over(place, entry):
    """Somebody's broken package is no reason to fail."""
    place.offer()
    file = place.path / "pkg-1.dist-info/entry_points.txt"
    file.write_text(f"[provagent.definitions]\nbad = {entry}\n")
    assert place.names() == []


def test_second_look_reads_nothing(place):
    """What was read is in the cache, and equal."""
    place.offer()
    place.write("definition.yaml")
    first = [source.as_tuple() for source in place.sources()]
    assert sorted(place.read) == sorted(["definition", "pkg", *shipped_names()])
    place.read.clear()
    assert [source.as_tuple() for source in place.sources()] == first
    assert place.read == []


def test_start_in_another_folder_reads_what_is_new_there(place):
    """What an earlier start has read in its folder is in the cache by file, and equal."""
    first = {one.name: one.as_tuple() for one in active_sources(place.settings, str(place.path))}
    place.read.clear()
    place.write("definition.yaml")
    later = {one.name: one.as_tuple() for one in active_sources(place.settings, str(place.folder))}
    assert place.read == ["definition"]
    assert {name: later[name] for name in first} == first
    place.write("definition.yaml", words="another")
    place.sources()
    assert place.read == ["definition", "definition"]


def shipped_names():
    return [name.removesuffix(".yaml") for name in os.listdir(shipped_folder())]


def test_edited_file_is_read_again(place):
    """Another size or another time is another content."""
    file = place.write("definition.yaml", "one")
    assert place.sources()[0].targets == ("one:f",)
    place.write("definition.yaml", "two")
    os.utime(file, ns=(0, 1))
    assert place.sources()[0].targets == ("two:f",)


def test_new_and_removed_places_are_seen(place):
    """A package that is installed, a file that appears, and their going, are all noticed."""
    assert place.names() == []
    place.offer()
    assert place.names() == ["pkg"]
    own = place.write("definition.yaml")
    assert place.names() == ["pkg", "definition"]
    own.unlink()
    assert place.names() == ["pkg"]
    (place.path / "pkg/defs.yaml").unlink()
    assert place.names() == []


def test_definition_that_is_written_later_is_read_then(place):
    """A missing file is a problem until it is there."""
    place.definitions = "late.yaml"
    assert "no such file" in place.sources()[0].problems[0]
    place.write("late.yaml", "late")
    assert place.sources()[0].problems == ()
    assert place.sources()[0].targets == ("late:f",)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xe9\x00\x00\x00\x00", b"(\x02"])
def test_broken_cache_is_as_none(place, content):
    """Whatever lies in the cache's files, what is found is the same."""
    place.write("definition.yaml", "own")
    source = place.sources()[0]
    for file in place.cache.iterdir():
        file.write_bytes(content)
    assert place.sources()[0].as_tuple() == source.as_tuple()
    for file in place.cache.glob("definition-*"):
        file.write_bytes(content)
    assert load_definition(source, place.settings).activities["f"].description == "first"


def test_cache_that_cannot_be_written_is_none(place):
    """Everything works without it, and nothing is said."""
    place.cache.write_text("a file, no folder")
    place.write("definition.yaml", "own")
    for _ in range(2):
        place.read.clear()
        (source,) = place.sources()
        assert source.targets == ("own:f",)
        assert "definition" in place.read
        assert load_definition(source, place.settings).activities["f"].description == "first"


def test_cache_does_not_grow_with_every_change(place):
    """A folder on the path that changes between two starts does not leave a file each time."""
    for number in range(4):
        (place.path / f"new{number}").mkdir()
        place.sources()
    assert len(list(place.cache.glob("active-*"))) == 1


def test_definition_that_became_unusable_is_an_error(place):
    """Without the cache a file that has gone since cannot be loaded, and the error says so."""
    file = place.write("definition.yaml", "own")
    (source,) = place.sources()
    for cached in place.cache.glob("definition-*"):
        cached.unlink()
    file.unlink()
    with pytest.raises(DefinitionError, match="no such file"):
        load_definition(source, place.settings)


def test_equal_files_keep_their_own_names(place):
    """Two files of the same content share a cache entry, and not its name."""
    place.write("a.yaml")
    place.write("b.yaml")
    place.definitions = "a.yaml,b.yaml"
    loaded = [load_definition(source, place.settings) for source in place.sources()]
    assert [(one.name, os.path.basename(one.location)) for one in loaded] == [
        ("a", "a.yaml"),
        ("b", "b.yaml"),
    ]


def test_cache_is_the_user_s_unless_set(place, monkeypatch):
    """On Linux it is ``$XDG_CACHE_HOME/provagent``, else ``~/.cache/provagent``."""
    if not sys.platform.startswith("linux"):
        pytest.skip("another platform has another place")
    assert cache_folder(place.settings) == str(place.cache)
    unset = read_settings({}, {}, "/")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder(unset) == "/x/provagent"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/u")
    assert cache_folder(unset) == "/home/u/.cache/provagent"


def test_later_definition_describes_what_both_target(recorded):
    """Of two definitions that target one callable, the later one's description counts."""
    recorded.write("subject.py", "def f(x):\n    return x\n")
    for name in ("first", "second"):
        recorded.write(
            f"{name}.yaml",
            f"targets: ['subject:f']\nactivities: {{f: {{parameters: [{{name: {name}, value: x}}]}}}}\n",
        )
    recorded.write("s.py", "import subject\nsubject.f(7)\n")
    recorded.run("--definition", "first.yaml", "--definition", "second.yaml", "s.py")
    (activity,) = recorded.events("activity")
    assert (activity["definition"], activity["parameters"]) == ("second", {"second": 7})
