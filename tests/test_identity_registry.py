"""The kinds of identity of a value."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from provagent.identity.files import FileIdentities, resolve_location
from provagent.identity.registry import Identity, identify, register


class Plain:
    def __init__(self, name="a"):
        self.name = name


class Told(Plain):
    def __str__(self):
        return f"told {self.name}"


class Counted(Plain):
    def __hash__(self):
        return 7


def test_importing_identity_is_light():
    """Importing the package's identity loads neither numpy nor another heavy package."""
    code = (
        "import sys, provagent.identity.registry, provagent.identity.files;"
        "print({'numpy', 'astropy', 'asyncio', 'pathlib'} & set(sys.modules) or 'light')"
    )
    root = str(Path(__file__).parent.parent)
    output = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert output.strip() == "light"


def test_an_unknown_type_is_known_by_its_state():
    """Never by its text: what prints alike and holds other things is another thing."""
    for how in (None, "content"):
        one = identify(Told("a"), how)
        assert one.identified == "state"
        assert one.digest.startswith("state:")
        assert one == identify(Told("a"), how)
        assert one != identify(Told("b"), how)
        assert identify([Told("a")], how).identified == "state"


def test_what_shows_nothing_is_known_by_itself_only():
    """A compiled object without a state to read has no digest."""
    for value in (object(), [object()], (number for number in ())):
        assert identify(value) == Identity(None, "id")


def test_by_str():
    """By str, type and text make the digest."""
    one = identify(Told("a"), "str")
    assert one.identified == "str"
    assert one.digest.startswith("text:")
    assert one == identify(Told("a"), "str")
    assert one != identify(Told("b"), "str")
    assert one != identify("told a", "str")


def test_by_str_of_an_address():
    """A text with an object's address in it tells nothing to another process."""
    assert identify(Plain(), "str") == Identity(None, "id")
    assert identify([Plain()], "str") == Identity(None, "id")


def test_by_hash():
    """By hash, a type's own hash makes the digest; the default hash is an address."""
    assert identify(Counted("a"), "hash") == identify(Counted("b"), "hash")
    assert identify(Counted(), "hash").identified == "hash"
    assert identify(Counted(), "hash").digest.startswith("hash:")
    assert identify(Plain(), "hash") == Identity(None, "id")


def test_by_id():
    """By id there is never a digest."""
    assert identify("a", "id") == Identity(None, "id")


def test_by_paths():
    """By paths, what they find makes the digest, and nothing else of the value does."""
    by_name = (lambda value: value.name,)
    one = identify(Plain(["a"]), by_name)
    other = Plain(["a"])
    other.cache = 1
    assert one.identified == "paths"
    assert one.digest.startswith("identifier:")
    assert identify(other, by_name) == one
    assert identify(Plain(["b"]), by_name) != one
    assert identify(Told(["a"]), by_name) != one
    assert identify(Plain(Told("x")), by_name).digest is not None


def test_by_a_path_that_fails():
    """An error in a path is the caller's to handle."""
    with pytest.raises(AttributeError):
        identify(Plain(), (lambda value: value.nothing,))


def test_by_file(tmp_path):
    """By file, the value is a path, and the content of the file makes the digest."""
    file = tmp_path / "a.txt"
    file.write_bytes(b"abc")
    files = FileIdentities()
    for value in (file, str(file), bytes(file)):
        found = files.identify_file(resolve_location(value))
        assert found.digest == (
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
        assert (found.identified, found.size) == ("file", 3)


def test_by_another_way():
    """A way that does not exist is refused with those that do."""
    with pytest.raises(ValueError, match="identifier: 'sum'.*content, str"):
        identify(1, "sum")


class Registered(Plain):
    pass


class Derived(Registered):
    pass


def test_a_plugin_says_what_stands_for_a_type():
    """A registered function serves its type and subclasses, which are told apart."""
    assert identify(Registered("a")).identified == "state"
    register(f"{__name__}:Registered", lambda value: value.name)
    assert identify([Registered("a")]) == identify([Registered("a")])
    assert identify(Registered("a")).identified == "content"
    assert identify(Registered("a")) != identify(Registered("b"))
    assert identify(Registered("a")) != identify(Derived("a"))
