"""Content of datasets of h5py and arrays of zarr, which are in files."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
import zarr

from provagent.identity import registry

SMALL = 6000  # bytes
ITEMS = np.arange(1000.0)


def identify(value, **options):
    return registry.identify(value, max_bytes=SMALL, **options)


@pytest.fixture
def path(tmp_path):
    """A file with a small and a large dataset."""
    place = tmp_path / "data.h5"
    with h5py.File(place, "w") as file:
        file["g/small"] = ITEMS[:10]
        file["g/small"].attrs["unit"] = "m"
        file["g/large"] = ITEMS
        file.create_dataset("packed", data=ITEMS[:10], chunks=(5,), compression="gzip")
        file["text"] = ["a", "bc"]
        file["one"] = 1.5
        file["nothing"] = h5py.Empty("f8")
        file["pairs"] = np.array([(1, 2.5)], [("n", "i4"), ("x", "f8")])
    return place


@pytest.mark.parametrize("name", ["g/small", "packed", "text", "one", "nothing", "pairs"])
def test_a_small_dataset_is_known_by_content(path, tmp_path, name):
    """In any file: neither chunks nor compression nor the file count, values and attributes do."""
    other = tmp_path / "other.h5"
    with h5py.File(path) as file, h5py.File(other, "w") as copied:
        found = identify(file[name])
        assert (found.identified, found.sampled) == ("content", False)
        assert identify(file[name]) == found
        file.copy(name, copied, name="elsewhere")
        assert identify(copied["elsewhere"]) == found
        copied["elsewhere"].attrs["unit"] = "km"
        assert identify(copied["elsewhere"]).digest not in (found.digest, None)


def test_values_of_a_small_dataset_count_when_they_are_written(path):
    """What is written is content at once, before it is in the file."""
    with h5py.File(path, "r+") as file:
        before = identify(file["g/small"])
        file["g/small"][3] = 7
        after = identify(file["g/small"])
        assert (before.identified, after.identified) == ("content", "content")
        assert before.digest != after.digest
        file["g/small"][3] = 3
        assert identify(file["g/small"]) == before


def test_chunks_are_no_content(path):
    """Equal values are equal, whether they are packed or not."""
    with h5py.File(path, "r+") as file:
        del file["g/small"].attrs["unit"]
        assert identify(file["g/small"]).digest == identify(file["packed"]).digest


@pytest.mark.parametrize("name", ["g/large", "g", "/"])
def test_a_large_dataset_or_a_group_is_known_by_its_file(path, name):
    """By the file as it is now, and the place in it: as a state, which joins nothing elsewhere."""
    with h5py.File(path) as file:
        found = identify(file[name])
        assert (found.identified, found.sampled) == ("state", False)
    with h5py.File(path) as file:
        assert identify(file[name]) == found
    with h5py.File(path, "r+") as file:
        file["g/large"][500] = -1
    with h5py.File(path) as file:
        assert identify(file[name]).digest not in (found.digest, None)


def test_an_unchanged_file_is_read_once(path, monkeypatch):
    """As long as its file is in the same state, and open for reading only."""
    with h5py.File(path) as file:
        before = [identify(file[name]) for name in ("g/small", "packed", "text")]
        monkeypatch.setattr(h5py.Dataset, "__getitem__", None)
        assert [identify(file[name]) for name in ("g/small", "packed", "text")] == before
        assert len({one.digest for one in before}) == 3
        other = identify(file["g/small"], algorithm="blake2b")
        assert other.identified == "id"  # it was not read by that one
    monkeypatch.undo()
    with h5py.File(path, "r+") as file:
        file["g/small"][0] = 9
    with h5py.File(path) as file:
        assert identify(file["g/small"]).digest not in (before[0].digest, None)


def test_two_places_in_a_file_are_two(path):
    """The place in the file counts."""
    with h5py.File(path, "r+") as file:
        file["g/larger"] = ITEMS
    with h5py.File(path) as file:
        names = ["g/large", "g/larger", "g", "/"]
        assert len({identify(file[name]).digest for name in names}) == len(names)


def test_a_file_that_is_open_for_writing_has_no_digest(path):
    """What is in memory is not in the file yet: its state would be a stale one."""
    with h5py.File(path, "r+") as file:
        for value in (file, file["g"], file["g/large"]):
            assert identify(value) == registry.Identity(None, "id")


def test_a_file_that_was_replaced_is_still_the_one_that_is_open(path, tmp_path):
    """The file that is open is meant, not another one at its place."""
    with h5py.File(path) as file:
        before = identify(file["g/large"])
        (tmp_path / "new.h5").write_bytes(path.read_bytes())
        os.replace(tmp_path / "new.h5", path)
        with h5py.File(path) as new:
            assert identify(new["g/large"]).digest not in (before.digest, None)


def test_what_is_closed_or_in_memory_or_elsewhere(path, tmp_path):
    """No digest of a closed dataset, of a large one in memory, or of one in other files."""
    with h5py.File(path) as file:
        closed = file["g/large"]
    assert identify(closed).identified == "id"
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        file["large"], file["small"] = ITEMS, ITEMS[:10]
        assert identify(file["large"]).identified == "id"
        assert identify(file["small"]).identified == "content"
    with h5py.File(io.BytesIO(), "w") as file:  # to read it would be to call an object
        file["small"] = ITEMS[:10]
        assert identify(file["small"]).identified == identify(file).identified == "id"
    layout = h5py.VirtualLayout((1000,), "f8")
    layout[:] = h5py.VirtualSource(str(path), "g/large", (1000,))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("v", layout)
    with h5py.File(tmp_path / "virtual.h5") as file:
        assert identify(file["v"]).identified == "id"


def test_dimensions_do_not_hide_the_rest(path):
    """References to scales are left out: they lie elsewhere in the file."""
    with h5py.File(path, "r+") as file:
        before = identify(file["g/small"])
        file["packed"].make_scale("x")
        file["g/small"].dims[0].attach_scale(file["packed"])
        assert "DIMENSION_LIST" in file["g/small"].attrs
        assert identify(file["g/small"]) == before


def test_an_object_that_holds_a_dataset_is_a_state_with_it(path):
    """What a class of the program keeps of a file is part of its state."""

    class Reader:
        def __init__(self, data):
            self.data = data

    with h5py.File(path) as file:
        one, other = Reader(file["g/small"]), Reader(file["g/large"])
        assert identify(one).identified == identify(other).identified == "state"
        assert not identify(one).sampled
        assert identify(one).digest != identify(other).digest


def fill(group):
    for name, items in (("small", ITEMS[:10]), ("large", ITEMS)):
        made = group.create_array(
            name, shape=items.shape, dtype="f8", chunks=(items.size // 2,), compressors=None
        )
        made[:] = items
    group["small"].attrs["unit"] = "m"
    return group


@pytest.fixture
def folder(tmp_path):
    """A group of zarr with a small and a large array."""
    fill(zarr.open_group(str(tmp_path / "z"), mode="w"))
    return tmp_path / "z"


def test_a_small_array_of_zarr_is_known_by_content(folder):
    """Wherever it lies."""
    group = zarr.open_group(str(folder), mode="r+")
    found = identify(group["small"])
    assert (found.identified, found.sampled) == ("content", False)
    assert identify(fill(zarr.group({}))["small"]) == found
    group["small"].attrs["unit"] = "km"
    assert identify(group["small"]).digest not in (found.digest, None)
    group["small"].attrs["unit"] = "m"
    assert identify(group["small"]) == found
    group["small"][3] = 7
    assert identify(group["small"]).digest not in (found.digest, None)


def test_a_large_array_or_a_group_of_zarr_is_known_by_its_files(folder):
    """Whatever is written is in a file at once: also while it is open for writing."""
    group = zarr.open_group(str(folder), mode="r+")
    before = [identify(one) for one in (group["large"], group)]
    assert [one.identified for one in before] == ["state", "state"]
    again = zarr.open_group(str(folder), mode="r")
    assert [identify(one) for one in (again["large"], again)] == before
    group["large"][500] = -1
    after = [identify(one) for one in (group["large"], group)]
    assert {one.digest for one in before} & {one.digest for one in after} == set()
    assert identify(group["small"]).identified == "content"


def test_a_large_array_of_zarr_in_memory_is_known_by_itself():
    """It lies in no file, and is too large to be read."""
    assert identify(fill(zarr.group({}))["large"]).identified == "id"


def test_zarr_is_not_asked(folder):
    """It would open files in threads of its own, as if the program had read them."""
    code = (
        "import sys, threading, zarr, zarr.core.array\n"
        "from provagent.identity.registry import identify\n"
        "group = zarr.open_group(sys.argv[1], mode='r')\n"
        "array, before = group['small'], threading.enumerate()\n"
        "zarr.core.array.Array.__getitem__ = None\n"
        "assert {identify(array).identified, identify(group).identified} == {'content'}\n"
        "assert threading.enumerate() == before\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def test_of_a_digest_of_enough_bytes_all_is_read(path, folder):
    """The bound is that of all digests."""
    with h5py.File(path) as file:
        assert registry.identify(file["g/large"]).identified == "content"
    assert registry.identify(zarr.open_group(str(folder))["large"]).identified == "content"
