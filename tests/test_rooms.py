"""Each room of the package has a fast test. This file has the tests of rooms without other fast tests."""

from __future__ import annotations

import json
import struct
import sys
import zlib

import pytest
from conftest import ROOT
from fast import FILES
from mutants import MODULES
from test_house import LEVEL, imports, room_named

import provagent
from provagent import api
from provagent.integrations.embed.file import embed, embedded
from provagent.integrations.opus.fetch import origin, without_secret
from provagent.reading.constraints.graph import rings, shortest_way
from provagent.reading.export.validate import validate_file
from provagent.recording.call_sites import place_of, sites_of
from provagent.recording.launch import has_pth
from provagent.recording.notebook_cells import in_cell
from provagent.testing import Recorded
from provagent.tools.check import check_definition

TESTS = ROOT / "tests"
SHELL = "IPython.core.interactiveshell"


def test_fast_tests_import_every_room():
    """``python -m provagent`` is the room that is started, and not imported."""
    files = [TESTS / f"test_{name}.py" for name in FILES]
    names = [name for file in files for name in imports(file) if name.startswith("provagent.")]
    rooms = {room_named(name.split(".")[1:]) for name in names}
    assert {room for room in LEVEL if room not in rooms} == {"__main__"}
    assert any('"-m", "provagent"' in file.read_text() for file in files)


def test_fast_files_are_there():
    assert [name for name in FILES if not (TESTS / f"test_{name}.py").is_file()] == []
    assert FILES == sorted(set(FILES))


def test_modules_with_mutants_are_there():
    for name, files in MODULES.items():
        assert (ROOT / "provagent" / f"{name.replace('.', '/')}.py").is_file()
        assert all((TESTS / f"test_{file}.py").is_file() for file in files.split())


def test_call_is_at_the_end_of_its_expression():
    """The innermost place comes first, and the code of the module is the last."""
    namespace = {"__name__": "analysis", "__file__": "/data/analysis.py", "sites": sites_of}
    source = "import sys\ndef inner():\n    return sites(sys._getframe())\nfound = (\n  inner())\n"
    exec(compile(source, "/data/analysis.py", "exec"), namespace)
    inner, outer = namespace["found"]
    assert (inner["file"], inner["line"], inner["end"]) == ("/data/analysis.py", 3, [3, 33])
    assert (outer["line"], outer["end"]) == (5, [5, 9])
    assert place_of(namespace["inner"].__code__, 0) == {**inner, "line": 2, "end": [2, 0]}


def test_call_of_installed_code_has_no_place():
    namespace = {"__name__": "lib", "__file__": f"{sys.prefix}/lib/site-packages/lib.py"}
    exec("import sys\ndef frame(): return sys._getframe()\n", namespace)
    assert all("site-packages" not in one["file"] for one in sites_of(namespace["frame"]()))


def test_code_that_a_magic_compiled_is_at_its_line_of_the_cell(monkeypatch):
    """``%%time`` has the first line of the cell for itself."""
    shell = {"__name__": SHELL}
    exec(
        "def run_cell_magic(body, space): exec(compile(body, '<timed exec>', 'exec'), space)", shell
    )
    found = []

    def look():
        frame = sys._getframe(1)
        found.append(
            in_cell(frame, frame.f_code, {"file": "<timed exec>", "line": 1, "end": [1, 6]})
        )

    monkeypatch.delitem(sys.modules, SHELL, raising=False)  # other tests may have loaded it
    cell = {"__name__": "__main__", "magic": shell["run_cell_magic"], "look": look}
    code = "magic('look()', globals())"
    exec(compile(code, "cell-1.py", "exec"), cell)
    monkeypatch.setitem(sys.modules, SHELL, sys)
    exec(compile(code, "cell-1.py", "exec"), cell)
    assert [(one["file"], one["line"], one["end"]) for one in found] == [
        ("<timed exec>", 1, [1, 6]), ("cell-1.py", 2, [2, 6]),
    ]  # fmt: skip


def chunk(kind, content):
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


PICTURE = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\xff"))
    + chunk(b"IEND", b"")
)


def test_a_program_is_recorded_read_exported_and_embedded(tmp_path, monkeypatch, cache):
    """``provagent.start`` to a document inside the product."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "artist.py").write_text(
        "def draw(path, content):\n    with open(path, 'wb') as file: file.write(content)\n"
    )
    run = api.start(targets=["artist"], cache=str(cache))
    try:
        import artist

        artist.draw("out.png", PICTURE)
    finally:
        api.stop()
        del sys.modules["artist"]
    provenance = provagent.read(run)
    assert [one.name for one in provenance.activities.values()] == ["draw"]
    provagent.export(provenance, "json", "out.json")
    assert validate_file(tmp_path / "out.json").violations == ()
    embed(provenance, "out.png", output="embedded.png")
    assert embedded("out.png") is None
    inside = embedded("embedded.png")
    assert inside.facts["CTA ACTIVITY NAME"] == "draw"
    assert json.loads(inside.document).keys() >= {"prefix", "bundle"}


def test_tests_of_a_package_record_a_call():
    import colorsys

    with Recorded(targets="colorsys:rgb_to_hsv") as recorded:
        colorsys.rgb_to_hsv(1.0, 0.0, 0.0)
    (activity,) = recorded.activities
    assert activity.parameters == {"r": 1.0, "g": 0.0, "b": 0.0}
    with pytest.raises(AssertionError, match="0 activities 'another'"):
        recorded.activity("another")


def test_a_program_is_started_by_the_verb(recorded):
    """Its output is its own, and its calls are in the record."""
    assert has_pth()
    recorded.write("lab.py", "def f(x):\n    return x\n")
    done = recorded.python(
        "-m", "provagent", "run", "--target", "lab", "-c", "import lab; print(lab.f(7))"
    )
    assert (done.stdout, done.stderr) == ("7\n", "")
    assert [one["parameters"] for one in recorded.events("activity")] == [{"x": 7}]


def test_a_definition_is_checked(tmp_path):
    file = tmp_path / "definition.yaml"
    file.write_text("targets: [lab]\nactivities: {f: {usage: [{rol: x, value: y}]}}\n")
    checked = check_definition(str(file)).data()
    assert checked["counts"]["activities"] == 1
    places = [(one["line"], one["path"]) for one in checked["problems"]]
    assert (2, "activities.f.usage[0].rol") in places


def test_rings_and_ways_of_a_graph():
    graph = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["b"], "e": ["e"]}
    assert sorted(map(sorted, rings(graph))) == [["b", "d"], ["e"]]
    assert shortest_way(graph, "a", "d") in (["a", "b", "d"], ["a", "c", "d"])
    assert shortest_way(graph, "d", "a") == []


def test_an_address_is_shown_without_its_secret():
    assert without_secret("https://me:word@jobs.org:8443/x?a=1") == "https://jobs.org:8443/x?a=1"
    assert origin("https://me:word@jobs.org/x") == ("https", "jobs.org", 443)
