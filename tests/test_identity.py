"""Identity: equal content has equal digests everywhere; different content has different digests."""

from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provagent.identity.files import FileIdentities, resolve_location
from provagent.identity.registry import identify

VALUES = """[
    None, True, 0, -7, 2**90, 1.5, float("nan"), -0.0, 1j, "text", b"bytes", (1, [2, {"a": {3, 4}}]),
    {"b": 1, "a": 2}, frozenset("xyz"), __import__("datetime").date(2020, 1, 2),
    __import__("pathlib").PurePosixPath("/a"), __import__("decimal").Decimal("1.10"),
]"""


def digest(value, how=None):
    return identify(value, how).digest


def test_digests_are_equal_in_every_process():
    """Neither the process nor PYTHONHASHSEED has a part in them."""
    code = f"from provagent.identity.registry import identify; print([identify(v).digest for v in {VALUES}])"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }  # fmt: skip
    assert len(outputs) == 1
    digests = eval(outputs.pop())
    assert len(set(digests)) == len(digests)
    assert all(text.startswith("sha256:") for text in digests)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def key(value):
    """A text that is equal exactly where content and types are."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{key(k)}:{key(v)}" for k, v in value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(key, value)) + "]"
    return f"{type(value).__name__}({value!r})"


@given(plain, plain)
def test_digests_are_equal_exactly_where_content_is(one, other):
    """Types count, the order of a list counts, that of a dict does not."""
    assert (digest(one) == digest(other)) == (key(one) == key(other))


def test_arrays_by_their_content():
    """Order, stride and address do not count; value, dtype and shape do."""
    np = pytest.importorskip("numpy")
    array = np.arange(12.0).reshape(3, 4)
    assert digest(array) == digest(np.asfortranarray(array)) == digest(array.copy()[::1])
    assert digest(array) == digest(np.repeat(array, 2, axis=1)[:, ::2])
    others = [
        array.astype("f4"),
        array.reshape(4, 3),
        array + 1,
        array.T,
        np.where(array == 5, 6, array),
    ]
    assert len({digest(array), *map(digest, others)}) == len(others) + 1
    changed = array.copy()
    changed[0, 0] = np.nextafter(0, 1)
    assert digest(changed) != digest(array)


def test_unknown_object_is_known_by_its_state():
    """Without being asked to, no code of a value runs."""

    class Thing:
        def __str__(self):
            raise AssertionError("asked")

    assert digest(Thing()).startswith("state:")


def test_text_that_holds_an_address_is_no_content():
    """Two runs would never agree on it."""

    class Thing:
        pass

    assert digest(Thing(), "str") is None


def test_text_and_paths_are_taken_where_they_are_asked_for():
    """The digest is of what the definition names."""

    class Thing:
        def __init__(self, name, cache):
            self.name, self.cache = name, cache

        def __str__(self):
            return self.name

    for how in ("str", (lambda thing: thing.name,)):
        assert digest(Thing("a", 1), how) == digest(Thing("a", 2), how)
        assert digest(Thing("a", 1), how) != digest(Thing("b", 1), how)


def test_identifying_changes_nothing_and_keeps_nothing():
    """References are as before."""
    value = {"a": [1, 2, {3}], "b": object()}
    before = sys.getrefcount(value), sys.getrefcount(value["a"]), sys.getrefcount(value["b"])
    identify(value)
    gc.collect()
    assert (
        sys.getrefcount(value),
        sys.getrefcount(value["a"]),
        sys.getrefcount(value["b"]),
    ) == before


def test_files_by_their_bytes(tmp_path):
    """sha256 of the content and the size; changed content is another digest."""
    path = tmp_path / "file"
    path.write_bytes(b"hello")
    files = FileIdentities()
    identity = files.identify_file(path)
    assert identity.digest == "sha256:" + hashlib.sha256(b"hello").hexdigest()
    assert identity.size == 5
    path.write_bytes(b"hello!")
    assert files.identify_file(path).digest != identity.digest
    assert files.identify_file(tmp_path / "nowhere").missing


def test_folder_by_names_and_contents(tmp_path):
    """A file that changes or is renamed changes the folder's digest."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("1")
    digests = [FileIdentities().identify_collection(folder).digest]
    (folder / "a").write_text("2")
    digests.append(FileIdentities().identify_collection(folder).digest)
    (folder / "a").rename(folder / "b")
    digests.append(FileIdentities().identify_collection(folder).digest)
    assert len(set(digests)) == 3


def test_pipe_is_never_opened(tmp_path):
    """Reading it would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    assert FileIdentities().identify_file(tmp_path / "pipe").digest is None


def test_location_is_absolute_with_variables_expanded(tmp_path, monkeypatch):
    """What a definition finds is what the program meant."""
    monkeypatch.setenv("HERE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert resolve_location("$HERE/x/../y") == resolve_location("y") == str(tmp_path / "y")
    assert resolve_location("s3://bucket/key") == "s3://bucket/key"
