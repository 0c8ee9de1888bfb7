"""Files that a library opens by compiled code: a definition declares them, and they are recorded like others."""

from __future__ import annotations

import hashlib

import pytest

from provagent.recording.process.file_access import _access


def sha256(path):
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def names(relations):
    return sorted(each.entity.location.rpartition("/")[2] for each in relations)


def program(recorded, source, *, settings=(), **extra):
    recorded.write("analysis.py", source)
    done = recorded.run(*settings, "analysis.py", **extra)
    assert done.stderr == ""
    assert not recorded.events("complaint")
    return recorded.provenance.run.process.program


@pytest.mark.parametrize(
    ("mode", "what"),
    [
        ("r", ("read", False)), ("rb", ("read", False)), (None, ("read", False)),
        ("rs", ("read", False)), ("w", ("made", False)), ("wb", ("made", False)),
        ("x", ("made", True)), ("w-", ("made", True)), ("a", ("changed", False)),
        ("r+", ("changed", False)), ("r+b", ("changed", False)), (0, ("read", False)),
        ("GET", ("read", False)), ("PUT", ("made", False)), ("DELETE", ("", False)),
    ],
)  # fmt: skip
def test_mode_says_what_is_done(mode, what):
    """Modes of open, what h5py and netCDF4 add to them, and methods of HTTP."""
    assert _access(mode) == what


H5PY = """
import h5py, numpy
from pathlib import Path

def make():
    with h5py.File("made.h5", "w") as file:
        file["x"] = numpy.arange(100)

def read():
    with h5py.File(Path("made.h5")) as file:
        return file["x"][:]

def begin():
    file = h5py.File(b"later.h5", mode="x")
    file["x"] = numpy.arange(10)
    return file

def add(mode, name):
    with h5py.File("made.h5", mode) as file:
        file[name] = numpy.arange(10)
"""


def test_h5py_file_is_of_the_activity_that_opens_it(recorded):
    """Read, made, changed, and left open; each with the digest that it has when it is whole."""
    recorded.write("lab.py", H5PY)
    source = """
import hashlib, lab
def digest(name):
    print("sha256:" + hashlib.sha256(open(name, "rb").read()).hexdigest())
lab.make()
digest("made.h5")
lab.read()
lab.add("a", "y")
digest("made.h5")
lab.add("r+", "z")
later = lab.begin()
later["y"] = 1
later.close()
"""
    recorded.write("analysis.py", source)
    done = recorded.run("--target", "lab:*", "analysis.py")
    first, second = done.stdout.split()
    found = {one.name: one for one in recorded.provenance.activities.values()}
    added = [one for one in recorded.provenance.activities.values() if one.name == "add"]
    digests = [
        ([use.entity.digest for use in one.used if use.role == "read"],
         [made.entity.digest for made in one.generated if made.role == "written"])
        for one in (found["make"], found["read"], *added, found["begin"])
    ]  # fmt: skip
    third, later = (sha256(recorded.folder / name) for name in ("made.h5", "later.h5"))
    assert digests == [
        ([], [first]), ([first], []), ([first], [second]), ([second], [third]), ([], [later]),
    ]  # fmt: skip
    assert not recorded.events("complaint")


def test_file_that_h5py_still_has_open_has_no_digest(recorded):
    """What HDF5 writes when the process ends is not known; that it is not whole is said."""
    done = program(recorded, "import h5py\nfile = h5py.File('left.h5', 'w')\nfile['x'] = 1\n")
    (made,) = done.generated
    assert made.entity.location.endswith("left.h5")
    assert (made.entity.digest, made.entity.changing) == (None, True)


# What pandas and xarray do is described too; without, the program itself opened the files.
ALONE = ("--exclude", "pandas.**", "--exclude", "xarray.**")


def test_program_without_a_target_has_its_hdf5_files(recorded):
    """PyTables, pandas and xarray use the two libraries."""
    done = program(
        recorded,
        """
import warnings
warnings.simplefilter("ignore")
import numpy, pandas, tables, xarray
frame = pandas.DataFrame({"a": [1.0, 2.0]})
frame.to_hdf("frame.h5", key="frame")
pandas.read_hdf("frame.h5")
with pandas.HDFStore("store.h5") as store:
    store["frame"] = frame
with tables.open_file("table.h5", "w") as file:
    file.create_array("/", "x", numpy.arange(3))
left = tables.open_file("left.h5", mode="w")
left.create_array("/", "x", numpy.arange(3))
xarray.Dataset({"x": ("t", [1.0, 2.0])}).to_netcdf("data.nc", engine="h5netcdf")
print(float(xarray.open_dataset("data.nc", engine="h5netcdf").x.sum()))
""",
        settings=ALONE,
    )
    products = ["data.nc", "frame.h5", "left.h5", "store.h5", "table.h5"]
    assert names(done.generated) == products
    for made in done.generated:
        name = made.entity.location.rpartition("/")[2]
        assert made.entity.digest == sha256(recorded.folder / name), name
    assert done.used == []


def test_what_is_no_file_of_its_own_is_passed_over(recorded):
    """A buffer, a file that is open already, one in memory only; what fails is the program's."""
    recorded.write("text.h5", "no HDF5")
    source = """
import h5py, io, traceback
h5py.File(io.BytesIO(), "w").close()
with open("open.h5", "w+b") as stream:
    h5py.File(stream, "w").close()
h5py.File("memory.h5", "w", driver="core", backing_store=False).close()
for arguments in (("text.h5",), ("nowhere.h5",), ("text.h5", "q"), ()):
    try:
        h5py.File(*arguments)
    except Exception as error:
        print(type(error).__name__, len(traceback.extract_tb(error.__traceback__)))
"""
    recorded.write("bare.py", source)
    bare = recorded.python("bare.py")
    done = program(recorded, source)
    assert names(done.generated) == ["open.h5"]
    assert names(done.used) == ["text.h5"]
    recorded.write("analysis.py", source)
    assert recorded.run("analysis.py").stdout == bare.stdout


DEFINITION = """
provagent: 1
targets: ["lab:load", "lab:save", "lab:Store", "lab:later"]
activities:
  load:
    opens: {file: path, mode: "'r'"}
    usage:
      - {role: night, location: path, entity_description: Night}
    generation:
      - {role: text, value: result}
  save:
    parameters: [{name: text}]
    opens: {file: path, mode: "'w'"}
  Store.__init__:
    opens: {file: self.path, mode: "'a'"}
    parameters: [{name: path}]
  later:
    parameters: [{name: path}]
    opens: {file: path}
entities:
  Night: {type: File}
"""
LAB = """
import subprocess

def cat(path):
    return subprocess.run(["cat", path], capture_output=True, check=True).stdout

def echo(text, path):
    subprocess.run(["sh", "-c", 'echo "$1" > "$2"', "sh", text, path], check=True)

def load(path):
    return cat(path)

def save(path, text):
    echo(text, path)

class Store:
    path = "store.txt"

    def __init__(self, path):
        echo("new", path)

async def later(path):
    return cat(path)
"""


def test_activity_may_open_a_file(recorded):
    """Declared and opened is one; an activity, a constructor and a coroutine may each open one."""
    recorded.write("definition.yaml", DEFINITION)
    recorded.write("lab.py", LAB)
    recorded.write("night.txt", "night")
    recorded.write("other.txt", "other")
    done = program(
        recorded,
        """
import asyncio, lab
lab.load("night.txt")
lab.save("flux.txt", "1")
lab.Store("store.txt")
asyncio.run(lab.later("other.txt"))
""",
    )
    found = {one.name: one for one in recorded.provenance.activities.values()}
    assert set(found) == {"load", "save", "later"}
    assert [(use.role, use.entity.description.name) for use in found["load"].used] == [
        ("night", "Night")
    ]
    assert names(found["save"].generated) == ["flux.txt"]
    assert names(found["later"].used) == ["other.txt"]
    assert names(done.generated) == ["store.txt"]
    assert found["save"].generated[0].entity.digest == sha256(recorded.folder / "flux.txt")


def test_off_is_off(recorded):
    """With files off a definition's ``opens`` tells nothing."""
    source = "import h5py\nh5py.File('made.h5', 'w').close()\n"
    recorded.write("analysis.py", source)
    recorded.run("--no-files", "analysis.py")
    assert not recorded.events("file")
    assert (recorded.folder / "made.h5").exists()


def test_url_through_fsspec_and_httpx(recorded):
    """A location without a digest; a local file that fsspec opens is one entity."""
    recorded.write("in.csv", "a,b\n1,2\n")
    done = program(
        recorded,
        f"""
import fsspec, httpx, pandas
with fsspec.open("memory://bucket/night.csv", "w") as stream:
    stream.write("a,b\\n1,2\\n")
pandas.read_csv("memory://bucket/night.csv")
pandas.read_csv("file://{recorded.folder}/in.csv")
with fsspec.open("in.csv", "r") as stream:
    stream.read()
answers = httpx.MockTransport(lambda request: httpx.Response(200, text="ok"))
with httpx.Client(transport=answers) as client:
    client.get("https://user:SECRET1@example.org/in.txt?token=SECRET2")
    client.put("https://example.org/out.txt", content=b"x")
    client.delete("https://example.org/gone.txt")
""",
        settings=ALONE,
    )
    used = {use.entity.location: use.entity.digest for use in done.used}
    # What the program wrote and then read is its product only.
    assert used == {
        str(recorded.folder / "in.csv"): sha256(recorded.folder / "in.csv"),
        "https://user:***@example.org/in.txt?token=***": None,
    }
    made = sorted(made.entity.location for made in done.generated)
    assert made == ["https://example.org/out.txt", "memory://bucket/night.csv"]
    assert not any(b"SECRET" in shard.read_bytes() for shard in recorded.shards)
