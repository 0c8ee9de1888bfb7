"""The memory of known objects: limited in size, and without confusion of objects."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from provagent.recording import call_sites
from provagent.recording.capture import known_objects
from provagent.recording.capture.known_objects import KnownContents, KnownObjects, KnownStates


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(known_objects, "UNTRACKED_KEPT", 3)


def known(name="known"):
    return SimpleNamespace(name=name, states={}, address=0, cls=None)


class Tracked:
    pass


def test_the_latest_objects_without_a_reference_are_kept():
    """One that is put again is one of the latest."""
    objects, values = KnownObjects(), [[number] for number in range(5)]
    for value in (values[0], values[1], values[2], values[0], values[3]):
        objects.put(value, known())
    assert [objects.may_have(value) for value in values] == [True, False, True, True, False]
    objects.put(values[4], known())
    assert [objects.may_have(value) for value in values] == [True, False, False, True, True]


def test_the_latest_contents_are_kept():
    contents = KnownContents()
    for number in range(5):
        contents.put(list, str(number))
    assert [contents.has(str(number)) for number in range(5)] == [False, False, True, True, True]


def test_the_latest_states_are_kept():
    states, first = KnownStates(), known("first")
    assert states.exchange("0", first) is None
    assert states.exchange("0", first) is first
    for number in range(1, 4):
        states.exchange(str(number), known())
    assert states.exchange("3", known()) is not None
    assert states.exchange("0", known()) is None


def test_only_the_object_itself_is_the_one_that_was_known():
    """By its address and its class; one that takes a reference is known by that."""
    objects = KnownObjects()
    value, other, tracked = [1], [1], Tracked()
    of_value, of_tracked = known(), known()
    objects.put(value, of_value)
    objects.put(tracked, of_tracked)
    assert objects.is_untracked(value, of_value)
    assert not objects.is_untracked(other, of_value)
    assert not objects.is_untracked(tracked, of_tracked)
    of_value.cls = dict
    assert not objects.is_untracked(value, of_value)


def test_places_of_code_are_bounded(monkeypatch):
    """All are let go when there are too many: each look costs little."""
    monkeypatch.setattr(call_sites, "_places", {})
    monkeypatch.setattr(call_sites, "_PLACES_KEPT", 3)
    codes = [compile("x = 1", f"{number}.py", "exec") for number in range(5)]
    for code in codes:
        assert call_sites.place_of(code, 0)["file"] == code.co_filename
        assert len(call_sites._places) <= 3
