"""Logs of other tools become runs of the store."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from provagent.cli import main
from provagent.contract.errors import RecordError, StoreError
from provagent.integrations.foreign.importing import import_logs
from provagent.reading.export.write import rendered
from provagent.reading.record.lenient_dicts import MAX_DEPTH, read_lenient
from provagent.reading.record.prov_lines import MAX_FACTS
from provagent.reading.record.zstd_frames import is_whole
from provagent.reading.store.runs import list_runs, read_run
from provagent.reading.view.json_data import run_data

MARK = "INFO provLogger _PROV_2026-11-25T03:43:39.730268_PROV_"
# The most that a process had, in kB; a child's ru_maxrss begins with what its parent had.
MEMORY = "print(next(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))"
LONG_MARK = "INFO provLogger __PROV__2021-09-13T03:43:39.730268__PROV__"

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc here")

# A program that logprov traces. Each part meets a fault of logprov 0.0.2.
PROGRAM = """\
import os, sys
import numpy as np
os.getlogin = lambda: "maria"  # fails where there is no terminal
import logprov

DEFINITIONS = {
    "activity_descriptions": {
        "select": {
            "description": "Select observations", "type": "Selection",
            "parameters": [
                {"name": name, "value": name} for name in ("array", "text", "ids", "edges", "nothing")
            ],
            "usage": [{"role": "input", "entity_description": "Input", "location": "infile"}],
            "generation": [{
                "role": "selected", "entity_description": "Selected", "value": "selected",
                "has_members": {"list": "selected", "entity_description": "Item", "id": "name", "namespace": "obs"},
            }],
        },
        "fit": {
            "usage": [{"role": "selected", "entity_description": "Selected", "value": "selected"}],
            "generation": [{"role": "result", "entity_description": "Fit", "value": "result"}],
        },
        "fail": {"generation": []},
        "undescribed": {"usage": []},
    },
    "entity_descriptions": {
        "Input": {"type": "File", "contentType": "text/csv"},
        "Selected": {"type": "PythonObject"}, "Item": {"type": "PythonObject"},
        "Fit": {"type": "PythonObject"},
    },
    "agents": {},
}
prov = logprov.ProvCapture(definitions=DEFINITIONS, config={"log_filename": "prov.log"})

class Item:
    def __init__(self, name):
        self.name = name

class Fit(str):
    pass

@prov.trace_methods
class Analysis:
    def __init__(self):
        self.infile, self.nothing = "night.csv", None
        self.array, self.ids, self.edges = np.arange(6).reshape(2, 3), {3, 1}, (1, float("inf"))
        self.text = "it's \\n_PROV_2020-01-01T00:00:00_PROV_ \\"x\\""
    def select(self, radius, flag=True):
        self.selected = (Item("1"), Item("2"))
    def fit(self):
        self.result = Fit(f"fitted {sys.argv[1]}")
    def fail(self):
        raise ValueError("no")
    def undescribed(self):
        pass

with open("night.csv", "w") as file:
    file.write("1,2")
analysis = Analysis()
analysis.select(2.5)
analysis.fit()
analysis.result = Fit("changed")
analysis.fit()
for method in (analysis.fail, analysis.undescribed):
    try:
        method()
    except (ValueError, KeyError):
        pass
"""


def logprov_log(folder, *arguments):
    """Run the program once for each argument, all into one log."""
    pytest.importorskip("logprov")
    (folder / "program.py").write_text(PROGRAM)
    for argument in arguments:
        subprocess.run(
            [sys.executable, "-W", "ignore", "program.py", argument],
            cwd=folder,
            check=True,
            capture_output=True,
            env={**os.environ, "TZ": "UTC"},
        )
    return folder / "prov.log"


@pytest.fixture(scope="module")
def of_logprov(tmp_path_factory):
    """A log of two programs, and the store that it was imported into."""
    folder = tmp_path_factory.mktemp("logprov")
    log = logprov_log(folder, "first", "second")
    done = import_logs([str(log)], str(folder / "prov"), zone=UTC)
    return folder, log, done


@pytest.fixture(scope="module")
def run(of_logprov):
    folder, _, done = of_logprov
    return read_run(str(folder / "prov"), done.runs[0].id)


def activity(provenance, name, index=0):
    return [each for each in provenance.activities.values() if each.name == name][index]


def write(folder, *lines, name="prov.log"):
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def imported(folder, *lines):
    done = import_logs([write(folder, *lines)], str(folder / "prov"), zone=UTC)
    return [read_run(str(folder / "prov"), run.id) for run in done.runs], done


SESSION = {
    "session_id": 877,
    "module": "gammapy.analysis",
    "class": "Analysis",
    "startTime": "2026-11-25T03:00:00",
}


def started(activity_id, name, session_id=877, start="2026-11-25T03:43:39", **more):
    return f"{MARK}{{'activity_id': {activity_id!r}, 'name': {name!r}, 'startTime': {start!r}, 'in_session': {session_id!r}{''.join(f', {key!r}: {value!r}' for key, value in more.items())}}}"


def fact(**fields):
    return f"{MARK}{fields}"


# --- logs that logprov really wrote -------------------------------------------------------


def test_each_session_of_logprov_is_a_run(of_logprov):
    """Two programs wrote one log: two runs, in UTC, with who, where and with what."""
    folder, _, done = of_logprov
    assert len(done.runs) == 2
    first, second = list_runs(str(folder / "prov"))
    assert first.start < second.start
    assert first.user == "maria"
    assert first.command[1:] == ["program.py", "first"]
    assert second.command[1:] == ["program.py", "second"]
    assert (
        abs(time.time() - time.mktime(time.strptime(first.start[:19], "%Y-%m-%dT%H:%M:%S"))) < 86400
    )


def test_importing_again_adds_nothing(of_logprov):
    """Equal lines, whatever the hashes of the process that imports."""
    folder, log, _ = of_logprov
    before = {path: path.read_bytes() for path in folder.glob("prov/*/*/*")}
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "provagent", "import", str(log), "--store", str(folder / "prov"), "--timezone", "UTC", "--json"],
            check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert [run["added"] for run in json.loads(done.stdout)["runs"]] == [0, 0]
    assert {path: path.read_bytes() for path in folder.glob("prov/*/*/*")} == before
    assert all(path.stat().st_mode & 0o77 == 0 for path in folder.glob("prov/*/*/*"))


def test_values_that_no_yaml_reads(run):
    """An array, quotes, a newline, a mark, a set, a tuple: logprov's own reader fails on each."""
    parameters = activity(run, "select").parameters
    assert re.sub(r"\s+", " ", parameters["array"]) == "array([[0, 1, 2], [3, 4, 5]])"
    assert parameters["text"] == 'it\'s \n_PROV_2020-01-01T00:00:00_PROV_ "x"'
    assert parameters["ids"] == {"$type": "set", "value": [1, 3]}
    assert parameters["edges"] == {
        "$type": "tuple",
        "value": [1, {"$type": "float", "value": "inf"}],
    }
    assert parameters["kwargs.flag"] is True
    assert "nothing" not in parameters  # logprov leaves a None out


def test_used_entities_of_logprov_keep_their_attributes(run):
    """logprov writes them under the key of their own id."""
    used = {each.role: each.entity for each in activity(run, "select").used}
    entity = used["input"]
    assert (entity.location, entity.type, entity.content_type) == ("night.csv", "File", "text/csv")
    assert (
        entity.digest == "sha1:6b78b7b5d1ddf7e6f7bdd7e3ba4ab1f1f2f2f9a5"
        or entity.digest.startswith("sha1:")
    )
    assert entity.identified == "file"
    (selected,) = [each.entity for each in activity(run, "fit").used]
    assert selected.description.name == "Selected"
    assert selected.name == "selected"


def test_members_derivation_and_descriptions_of_logprov(run):
    """What the log holds of the definition describes what it holds of the run."""
    (made,) = activity(run, "select").generated
    assert [(each.namespace, each.name) for each in made.entity.members] == [
        ("obs", "1"),
        ("obs", "2"),
    ]
    assert activity(run, "select").description.fields["type"] == "Selection"
    first, second = (activity(run, "fit", index).generated[0].entity for index in (0, 1))
    changed = [each for each in run.derivations if each.progenitor is first]
    assert [each.how for each in changed] == ["modified"]
    assert second is not first


def test_a_call_that_failed_is_as_logprov_left_it(run):
    """Nothing is there of one that raised; one that logprov failed in has no end."""
    assert "fail" not in {each.name for each in run.activities.values()}
    assert activity(run, "undescribed").status is None
    assert activity(run, "fit").status == "ok"


def test_an_import_exports_as_the_ivoa_has_it(run):
    """Held to the rules of the data model, as every exported document."""
    data = json.loads(rendered(run, "json", model="ivoa"))
    assert {each["prov:name"] for each in data["activityDescription"].values()} >= {"select", "fit"}
    json.loads(rendered(run, "json"))


def test_what_logprov_does_not_log_is_told(run):
    """An argument is used by its id, and no line says what it is."""
    assert any("entities are referenced but not recorded" in str(gap) for gap in run.gaps)


# --- lines as lstosa and the branch of gammapy write them ----------------------------------

LSTOSA = [
    f"{LONG_MARK}{{'session_id': '2021091306268', 'name': '06268', 'startTime': '2021-09-13T03:00:00', 'system': {{'executable': '/usr/bin/python'}}, 'observation_date': '2021-09-13', 'software_version': 'v0.7.5', 'config_file': '/cfg/x.cfg', 'observation_run': '06268', 'session_tag': 'r0_to_dl1:06268'}}",
    f"{LONG_MARK}{{'activity_id': 'aaaaaa', 'name': 'r0_to_dl1', 'startTime': '2021-09-13T03:00:00', 'in_session': '2021091306268', 'agent_name': 'lstanalyzer', 'script': '/bin/datasequence', 'session_tag': 'r0_to_dl1:06268'}}",
    f"{LONG_MARK}{{'entity_id': '04a1d06f2ed9d7b1f8a0a4a0c3f1a1a1', 'name': 'R0SubrunDataset', 'filepath': '/fefs/R0/LST-1.1.Run06268.0001.fits.fz', 'hash': '04a1d06f2ed9d7b1f8a0a4a0c3f1a1a1', 'hash_type': 'md5', 'type': 'File', 'contentType': 'application/fits', 'session_tag': 'r0_to_dl1:06268'}}",
    f"{LONG_MARK}{{'activity_id': 'aaaaaa', 'used_id': '04a1d06f2ed9d7b1f8a0a4a0c3f1a1a1', 'used_role': 'Observation subrun', 'session_tag': 'r0_to_dl1:06268'}}",
    "WARNING another program said something",
    f"{LONG_MARK}{{'activity_id': 'aaaaaa', 'endTime': '2021-09-13T03:10:00', 'session_tag': 'r0_to_dl1:06268'}}",
    f"{LONG_MARK}{{'session_id': '2021091306268', 'name': '06268', 'startTime': '2021-09-13T03:20:00', 'observation_date': '2021-09-13', 'software_version': 'v0.7.5', 'session_tag': 'dl1ab:06268'}}",
    f"{LONG_MARK}{{'activity_id': 'bbbbbb', 'name': 'dl1ab', 'startTime': '2021-09-13T03:20:00', 'in_session': '2021091306268', 'agent_name': 'lstanalyzer', 'session_tag': 'dl1ab:06268'}}",
    f"{LONG_MARK}{{'activity_id': 'bbbbbb', 'endTime': '2021-09-13T03:30:00', 'session_tag': 'dl1ab:06268'}}",
]


def test_a_session_of_lstosa_is_one_run(tmp_path):
    """It is said by each activity of an observation, in any process; the tag is not its name."""
    (run,), _ = imported(tmp_path, *LSTOSA)
    assert [each.name for each in run.activities.values()] == ["r0_to_dl1", "dl1ab"]
    assert len(run.sessions) == 1
    (session,) = run.sessions.values()
    assert session.configuration["software_version"] == "v0.7.5"
    assert session.configuration["session_tag"] == "r0_to_dl1:06268"
    assert run.run.process.user == "lstanalyzer"
    assert run.run.process.software == {"lstosa": "v0.7.5"}
    ((usage,),) = [each.used for each in run.activities.values() if each.used]
    assert (usage.role, usage.entity.entity_description) == (
        "Observation subrun",
        "R0SubrunDataset",
    )
    rendered(run, "json", model="ivoa")


def test_a_digest_of_a_path_is_none_of_the_content(tmp_path):
    """lstosa takes the md5 of the path: no two files are equal for that."""
    from hashlib import md5

    path = "/fefs/dl1.h5"
    of_path, of_content = md5(path.encode()).hexdigest(), md5(b"content").hexdigest()
    lines = [
        f"{LONG_MARK}{{'entity_id': '{digest}', 'name': 'DL1', 'filepath': '{path}', 'hash': '{digest}', 'hash_type': 'md5', 'type': 'File'}}"
        for digest in (of_path, of_content)
    ]
    (run,), _ = imported(tmp_path, *LSTOSA[:2], *lines)
    kinds = {entity.digest: entity.identified for entity in run.entities.values()}
    assert kinds == {f"text:{of_path}": "str", f"md5:{of_content}": "file"}
    assert rendered(run, "json").count(b'"prov:specificEntity"') == 1


def test_analyses_of_one_process_are_kept_apart(tmp_path):
    """The branch of gammapy begins a session for each object; what was made in one is used in the other."""
    one = "{'session_id': 11, 'name': 'gammapy.Analysis', 'startTime': '2020-01-01T00:00:00', 'configFile': 'a.yaml'}"
    two = "{'session_id': 22, 'name': 'gammapy.Analysis', 'startTime': '2020-01-01T00:00:01', 'configFile': 'b.yaml'}"
    lines = [
        f"{LONG_MARK}{text}"
        for text in (
            one,
            "{'activity_id': 'a1', 'name': 'get', 'startTime': '2020-01-01T00:00:00', 'in_session': 11}",
            two,
            "{'activity_id': 'b1', 'name': 'get', 'startTime': '2020-01-01T00:00:01', 'in_session': 22}",
            "{'entity_id': 5, 'name': 'Observations', 'type': 'PythonObject'}",
            "{'activity_id': 'a1', 'generated_id': 5, 'generated_role': 'observations'}",
            "{'activity_id': 'a1', 'endTime': '2020-01-01T00:00:02'}",
            "{'activity_id': 'b1', 'used_id': 5, 'used_role': 'observations'}",
        )
    ]
    (first, second), _ = imported(tmp_path, *lines)
    assert first.sessions[next(iter(first.sessions))].configuration["configFile"] == "a.yaml"
    assert activity(first, "get").generated[0].entity.entity_description == "Observations"
    assert activity(first, "get").status == "ok"
    assert activity(second, "get").used[0].entity.known
    assert activity(second, "get").status is None


def test_sessions_that_write_at_once_are_kept_apart(tmp_path):
    """Two processes, and two threads of one of them, wrote into one log line by line."""
    other = SESSION | {"session_id": 99, "startTime": "2026-11-25T03:00:01"}
    content = {"entity_description": "Input", "type": "File", "hash": "ab", "hash_type": "sha1"}
    lines = [
        fact(**SESSION), fact(**other), started("a", "get"), started("x", "get", session_id=99), started("b", "fit"),
        f"{MARK}{ {**content, 'location': '/one', 'ab': 'ab'} }", f"{MARK}{ {**content, 'location': '/two', 'ab': 'ab'} }",
        fact(activity_id="a", used_id="ab", used_role="input"), fact(activity_id="x", used_id="ab", used_role="input"),
        fact(activity_id="b", parameters={"n": 1}), fact(activity_id="x", endTime="2026-11-25T03:50:00"),
        fact(activity_id="b", endTime="2026-11-25T03:51:00"), fact(activity_id="a", endTime="2026-11-25T03:52:00"),
    ]  # fmt: skip
    (first, second), done = imported(tmp_path, *lines)
    assert done.clashes == 0
    assert [(each.name, each.end[14:16]) for each in first.activities.values()] == [
        ("get", "52"),
        ("fit", "51"),
    ]
    assert activity(first, "fit").parameters == {"n": 1}
    assert [(each.name, each.end[14:16]) for each in second.activities.values()] == [("get", "50")]
    for run in (first, second):
        assert activity(run, "get").used[0].entity.digest == "sha1:ab"


def test_a_session_whose_calls_all_failed_is_there(tmp_path):
    """Where logprov finds no terminal it fails after the session, and before the activity."""
    changed = fact(entity_id=6, progenitor_id=5, generated_time="2026-11-25T03:00:02")
    (run,), _ = imported(
        tmp_path,
        fact(**SESSION),
        fact(entity_id=6, entity_description="E", location="self.x"),
        changed,
    )
    assert len(run.activities) == 0
    assert [each.class_name for each in run.sessions.values()] == ["Analysis"]
    assert [each.how for each in run.derivations] == ["modified"]


def test_nothing_is_cut_in_a_document(tmp_path):
    """logprov's own export keeps twenty characters of a value."""
    text = "a long value, " * 40
    (run,), _ = imported(
        tmp_path, started("a", "get"), fact(activity_id="a", parameters={"text": text})
    )
    assert text in rendered(run, "json").decode()


def test_a_file_that_was_generated_outside_a_session(tmp_path):
    """log_file_generation names no session: the line belongs to the one that was on."""
    (run,), _ = imported(
        tmp_path, fact(**SESSION), started("a", "get"), fact(activity_id="a", endTime="2026-11-25T03:43:40"),
        fact(entity_id="cd", entity_description="Plot", location="p.png", hash="cd", hash_type="sha1"),
        fact(activity_id="c", name="plot"), fact(activity_id="c", used_id=5), fact(activity_id="c", generated_id="cd", generated_role="plot"),
    )  # fmt: skip
    plot = activity(run, "plot")
    assert [(each.role, each.entity.location) for each in plot.generated] == [("plot", "p.png")]


# --- identifiers ---------------------------------------------------------------------------


def test_activities_of_one_identifier_are_two(tmp_path):
    """Six hexadecimal digits are soon used twice; the count is told."""
    (run,), done = imported(
        tmp_path, fact(**SESSION), started("f755f0", "get"), fact(activity_id="f755f0", endTime="2026-11-25T03:43:40"),
        started("f755f0", "fit", start="2026-11-25T03:44:00"), fact(activity_id="f755f0", used_id=1, used_role="x"),
    )  # fmt: skip
    assert done.clashes == 1
    assert [(each.name, each.status, len(each.used)) for each in run.activities.values()] == [
        ("get", "ok", 0), ("fit", None, 1),
    ]  # fmt: skip


def test_lines_that_two_handlers_wrote_are_no_clash(tmp_path):
    line = started("f755f0", "get")
    (run,), done = imported(tmp_path, fact(**SESSION), line, line)
    assert (done.clashes, len(run.activities)) == (0, 1)


def test_a_session_of_the_same_address_is_another(tmp_path):
    """logprov's id is an address in memory: another process can have it again."""
    later = SESSION | {"startTime": "2026-11-26T03:00:00"}
    runs, _ = imported(
        tmp_path, fact(**SESSION), started("a", "get"), fact(entity_id=1, location="x"), fact(activity_id="a", used_id=1, used_role=""),
        fact(**later), started("a", "get", start="2026-11-26T03:00:01"), fact(activity_id="a", used_id=1, used_role=""),
    )  # fmt: skip
    assert [len(run.activities) for run in runs] == [1, 1]
    assert [activity(run, "get").used[0].entity.location for run in runs] == ["x", "x"]


@pytest.mark.parametrize(
    "text", ["a.b.c", "obs:23523", "/data/x y.fits", "é", "x" * 5000, "..", "%2E", ""]
)
def test_any_identifier_is_taken(tmp_path, text):
    """Files that were not found have their path for an id."""
    (run,), _ = imported(
        tmp_path,
        started("a", "get"),
        fact(entity_id=text, entity_description="E"),
        fact(activity_id="a", used_id=text, used_role="r"),
    )
    (usage,) = activity(run, "get").used
    assert usage.entity.entity_description == "E"
    assert usage.entity.process_id == activity(run, "get").process_id != ""
    assert len(usage.entity.id) < 300
    rendered(run, "json")


# --- logs that are cut, packed, rotated, mixed ---------------------------------------------


def test_a_value_of_several_lines_is_one_fact(tmp_path):
    """repr of an axis has lines of its own; the lines after it keep their numbers."""
    text = "MapAxis\n-------\n\n  Name       : energy\n  Unit       : 'TeV'\n"
    (run,), done = imported(
        tmp_path, started("a", "get"), f"{MARK}{{'activity_id': 'a', 'parameters': {{'axis': {text}, 'n': 1}}}}",
        "some other line", fact(activity_id="a", endTime="2026-11-25T03:43:40"), f"{MARK}{{'broken",
    )  # fmt: skip
    assert activity(run, "get").parameters == {"axis": text.strip(), "n": 1}
    assert activity(run, "get").status == "ok"
    assert [gap.place.line for gap in done.gaps] == [10]


def test_a_cut_line_takes_nothing_with_it(tmp_path):
    """Foreign lines that follow a cut one are not its end."""
    (run,), done = imported(
        tmp_path, started("a", "get"), f"{MARK}{{'entity_id': '5", "foreign {'x': 1}", fact(entity_id="6", location="y"),
    )  # fmt: skip
    assert [entity.location for entity in run.entities.values()] == ["y"]
    assert [gap.place.line for gap in done.gaps] == [2]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_packed_logs(tmp_path, suffix):
    content = "".join(f"{line}\n" for line in LSTOSA).encode()
    if suffix == ".zst":
        content = pytest.importorskip("zstandard").compress(content)
    else:
        content = gzip.compress(content)
    path = tmp_path / f"prov.log{suffix}"
    path.write_bytes(content)
    done = import_logs([str(path)], str(tmp_path / "prov"), zone=UTC)
    assert [run.activities for run in done.runs] == [2]
    path.write_bytes(content[:-20])
    cut = import_logs([str(path)], str(tmp_path / "cut"), zone=UTC)
    assert any(
        "the rest is missing" in str(gap) or "the rest cannot be" in str(gap) for gap in cut.gaps
    )


@pytest.mark.parametrize("size", [0, 1, 10, 300, 100_000, 1_000_000])
def test_a_packed_file_is_whole_or_cut(tmp_path, size):
    """Frames of any kind: with and without a checksum and a size, several, skippable."""
    zstandard = pytest.importorskip("zstandard")
    content = os.urandom(size // 2) + b"a" * (size - size // 2)
    path = tmp_path / "x.zst"
    for options in ({}, {"write_checksum": True}, {"write_content_size": False}, {"level": 19}):
        one = zstandard.ZstdCompressor(**options).compress(content)
        for packed in (one, one * 2, b"\x50\x2a\x4d\x18\x02\x00\x00\x00ab" + one):
            path.write_bytes(packed)
            assert is_whole(str(path)), options
            for cut in {1, 2, 4, 5, len(one) // 2} & set(range(1, len(one))):
                path.write_bytes(packed[:-cut])
                assert not is_whole(str(path)), (options, cut)
    path.write_bytes(b"")
    assert is_whole(str(path))


def test_a_log_that_grew_adds_what_is_new(tmp_path):
    """One run, at every time."""
    lines = [
        fact(**SESSION),
        started("a", "get"),
        fact(activity_id="a", endTime="2026-11-25T03:43:40"),
    ]
    _, before = imported(tmp_path, *lines)
    (run,), after = imported(tmp_path, *lines, started("b", "fit"))
    assert [each.id for each in after.runs] == [each.id for each in before.runs]
    assert after.runs[0].added == 1
    assert {each.name for each in run.activities.values()} == {"get", "fit"}


def test_rotated_parts_are_one_log(tmp_path):
    lines = [
        fact(**SESSION),
        started("a", "get"),
        fact(activity_id="a", endTime="2026-11-25T03:43:40"),
        started("b", "fit"),
    ]
    parts = [
        write(tmp_path, *lines[:2], name="prov.log.1"),
        write(tmp_path, *lines[2:], name="prov.log"),
    ]
    (run,) = import_logs(parts, str(tmp_path / "prov"), zone=UTC).runs
    assert run.activities == 2
    assert activity(read_run(str(tmp_path / "prov"), run.id), "get").status == "ok"


def test_times_are_of_the_zone_that_is_named(tmp_path):
    """logprov writes local time without saying so."""
    path = write(tmp_path, fact(**SESSION), started("a", "get"))
    told = CliRunner().invoke(
        main, ["import", path, "--store", str(tmp_path / "prov"), "--timezone", "America/Lima"]
    )
    assert told.exit_code == 0, told.output
    (run,) = list_runs(str(tmp_path / "prov"))
    assert run.start == "2026-11-25T08:00:00.000000Z"
    assert run.id.startswith("20261125T080000-")
    told = CliRunner().invoke(main, ["import", path, "--timezone", "Lima/Nowhere"])
    assert told.exit_code == 2
    assert "unknown time zone" in told.output


# --- our own log -----------------------------------------------------------------------------

LAB = """\
import numpy as np

class Fit:
    def __init__(self, order):
        self.order = order
    def run(self, flux, gain=2.0, note=None):
        self.result = [gain * each for each in flux]
        return self.result

def save(fit, path):
    with open(path, "w") as file:
        file.write(str(fit.result))
"""
LAB_DEFINITION = """\
targets: [lab:Fit, lab:save]
activities:
  run:
    type: Analysis
    parameters: [{name: gain, value: gain}, {name: note, value: note}, {name: flux, value: flux}]
    usage: [{role: flux, entity_description: Flux, value: flux}]
    generation: [{role: result, entity_description: Flux, value: result}]
  save:
    usage: [{role: result, entity_description: Flux, value: fit.result}]
    generation: [{role: file, entity_description: Table, location: path}]
entities:
  Flux: {type: PythonObject, identifier: content}
  Table: {type: File, contentType: text/csv}
"""
ANALYSIS = """\
import logging
logging.basicConfig(filename="analysis.log", level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
import numpy as np
from lab import Fit, save
logging.info("begin it's {'a': 1}")
fit = Fit(2)
fit.run(np.arange(3.0), note="it's _PROV_\\n")
fit.run([1.0, float("nan")], gain=1e-05)
save(fit, "out.csv")
try:
    fit.run(5)
except TypeError:
    logging.exception("failed")
"""


@pytest.fixture(scope="module")
def both_ways(tmp_path_factory):
    """One program that recorded into its shard and into its own log."""
    from conftest import Recorded

    recorded = Recorded(tmp_path_factory.mktemp("both"), tmp_path_factory.mktemp("cache"))
    recorded.write("lab.py", LAB)
    recorded.write("definition.yaml", LAB_DEFINITION)
    recorded.write("analysis.py", ANALYSIS)
    recorded.run("analysis.py", PROVAGENT_SINK="both")
    return recorded


def test_a_log_of_ours_is_the_run_that_wrote_it(both_ways, tmp_path):
    """Imported from among the program's own lines it says what the shard says: all of it."""
    log = both_ways.folder / "analysis.log"
    assert "begin it's" in log.read_text()
    (run,) = import_logs([str(log)], str(tmp_path / "prov")).runs
    assert run.id == both_ways.provenance.run.id
    expected = run_data(both_ways.provenance)
    assert [each["name"] for each in expected["activities"]] == ["run", "run", "save", "run"]
    assert run_data(read_run(str(tmp_path / "prov"), run.id)) == expected
    again = import_logs([str(log)], str(tmp_path / "prov"))
    assert [each.added for each in again.runs] == [0]


def test_a_run_that_the_store_recorded_is_not_imported_again(both_ways):
    log = both_ways.folder / "analysis.log"
    before = sorted(both_ways.store.rglob("*"))
    (run,) = import_logs([str(log)], str(both_ways.store)).runs
    assert run.added == 0
    assert sorted(both_ways.store.rglob("*")) == before


def test_a_shard_can_be_imported(both_ways, tmp_path):
    """A record that was sent without its store."""
    shards = [str(path) for path in both_ways.shards]
    (run,) = import_logs(shards, str(tmp_path / "prov")).runs
    assert run_data(read_run(str(tmp_path / "prov"), run.id)) == run_data(both_ways.provenance)


# --- what is not as it should be -------------------------------------------------------------


@needs_proc
def test_hostile_lines_are_counted_in_bounded_time_and_memory(tmp_path):
    """A line of 100 MB, laughs, wrong times, ids of any type: each told, the rest is read."""
    path = tmp_path / "prov.log"
    with open(path, "w") as file:
        file.write(
            f"{fact(**SESSION, system=5, definitions=[1])}\n{started('a', 'get', start='yesterday')}\n"
        )
        file.write(f"{MARK}{{'activity_id': 'a', 'used_id': 'x")
        for _ in range(100):
            file.write("y" * 2**20)
        file.write("'}\nforeign " + "z" * 2**21 + "\n")
        file.write(f"{MARK}{{a: &a [l, l], b: &b [*a, *a], c: &c [*b, *b], entity_id: laughs}}\n")
        file.write(f"{fact(activity_id='a', endTime='2026-99-99T00:00:00')}\n")
        file.write(f"{MARK}{'{' * 5000}\n{MARK}[1, 2]\n_PROV_\n{MARK}{{'colour': 1}}\n")
        file.write(f"{MARK}{{'event': 'run'}}\n")
        file.write(f"{MARK}{'[' + '1,' * (MAX_FACTS // 4) + ']'}\n")
        file.write(f"{started('b', 'fit')}\n")
    code = (
        "import json\n"
        "from provagent.integrations.foreign.importing import import_logs\n"
        f"done = import_logs([{str(path)!r}], {str(tmp_path / 'prov')!r})\n"
        f"print(json.dumps(done.data()))\n{MEMORY}"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=300
    )
    data, kilobytes = told.stdout.splitlines()
    assert int(kilobytes) < 200_000
    (run,) = json.loads(data)["runs"]
    assert run["activities"] == 2
    unread = json.loads(data)["unread"]
    assert [int(each.split(":")[1]) for each in unread if "prov.log" in each] == [
        2,
        3,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
    ]
    assert "a line of 104857" in unread[1]
    assert [each.split(": ", 2)[2].split(";")[0] for each in unread if "not a time" in each] == [
        "startTime is not a time: 'yesterday'", "endTime is not a time: '2026-99-99T00:00:00'",
    ]  # fmt: skip
    (complaint,) = read_run(str(tmp_path / "prov"), run["id"]).complaints
    assert (complaint.stage, complaint.count) == ("import", 9)


@needs_proc
def test_memory_is_in_proportion_to_the_log(tmp_path):
    """Hours of log: a small part of what its events take as objects."""
    path = tmp_path / "prov.log"
    with open(path, "w") as file:
        file.write(f"{fact(**SESSION)}\n")
        for number in range(10_000):
            name = f"a{number}"
            file.write(
                f"{started(name, 'get')}\n{fact(activity_id=name, parameters={'x': number})}\n"
            )
            file.write(
                f"{fact(entity_id=number, entity_description='E')}\n{fact(activity_id=name, used_id=number)}\n"
            )
    code = (
        "from provagent.integrations.foreign.importing import import_logs\n"
        f"done = import_logs([{str(path)!r}], {str(tmp_path / 'prov')!r})\n"
        f"print(done.runs[0].activities)\n{MEMORY}"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    activities, kilobytes = map(int, told.stdout.split())
    assert activities == 10_000
    assert kilobytes * 1024 < 30 * 2**20 + 10 * path.stat().st_size


@pytest.mark.parametrize("run_id", ["../../x", "/x/y", "20261125T030000-abcdef/../..", ""])
def test_a_run_cannot_lead_out_of_the_store(tmp_path, run_id):
    """What a log says is data: no identifier in it is a path."""
    own = {
        "run_id": "20261125T030000-abcdef",
        "process_id": "abcdef",
        "environment_id": f"x:{run_id}",
    }
    path = write(
        tmp_path,
        f"{MARK}{ {'event': 'environment', 'environment_id': f'x:{run_id}'} }",
        f"{MARK}{ {'event': 'run', **own} }",
        f"{MARK}{ {'event': 'run', 'run_id': run_id, 'process_id': 'abcdef'} }",
        started("a/../../b", "get", session_id="../s"),
    )
    done = import_logs([path], str(tmp_path / "store" / "prov"), zone=UTC)
    assert any("is not a process of a run" in str(gap) for gap in done.gaps)
    assert [each.name for each in (tmp_path / "store").iterdir()] == ["prov"]
    assert {each.name for each in tmp_path.iterdir()} == {"prov.log", "store"}


def test_text_that_utf8_has_not_is_kept_as_its_escape(tmp_path):
    bad = "\\ud800"
    (run,), _ = imported(
        tmp_path,
        f"{MARK}{{'activity_id': 'a', 'name': 'get', 'startTime': '2026-11-25T03:43:39', 'in_session': '{bad}'}}",
        f"{MARK}{{'entity_id': '{bad}', 'location': '\\udfff'}}",
        f"{MARK}{{'activity_id': 'a', 'parameters': {{'{bad}': '{bad}'}}}}",
        f"{MARK}{{'activity_id': 'a', 'used_id': '{bad}'}}",
    )
    get = activity(run, "get")
    assert get.used[0].entity.location == "\\udfff"
    assert get.session is not None
    assert [key for key in get.parameters] == [bad]


def test_secrets_that_others_logged_stay_out_of_the_store(tmp_path):
    """What is imported is redacted as what is recorded."""
    secret = "https://jo:hunter2@host.example/x"
    system = {
        "executable": "/usr/bin/python",
        "environment": {"API_TOKEN": "hunter2", "HOME": "/home/jo"},
        "arguments": ["x.py", "--password=hunter2", secret],
    }
    (run,), _ = imported(
        tmp_path, fact(**SESSION, system=system), started("a", "get"),
        fact(activity_id="a", parameters={"db_password": "hunter2", "url": secret, "n": 1}),
        fact(entity_id="e", entity_description="E", location=secret), fact(activity_id="a", used_id="e"),
    )  # fmt: skip
    assert activity(run, "get").parameters["n"] == 1
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("prov/*/*/*"))
    assert b"/home/jo" in stored
    assert b"hunter2" not in stored


def test_a_log_without_provenance_is_told(tmp_path):
    path = write(tmp_path, "INFO nothing here")
    told = CliRunner().invoke(main, ["import", path, "--store", str(tmp_path / "prov")])
    assert (told.exit_code, told.output) == (1, "the logs contain no provenance\n")
    assert not (tmp_path / "prov").exists()


def test_what_cannot_be_read_or_written_is_one_error(tmp_path):
    with pytest.raises(RecordError, match="none.log: cannot be read: No such file"):
        import_logs([str(tmp_path / "none.log")], str(tmp_path / "prov"))
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written: Not a directory"):
        import_logs([write(tmp_path, *LSTOSA)], str(tmp_path / "file"))


def test_verb_tells_what_it_did(tmp_path):
    path = write(tmp_path, *LSTOSA, *[f"{MARK}{{'a'"] * 30)
    told = CliRunner().invoke(
        main, ["import", path, "--store", str(tmp_path / "prov"), "--timezone", "UTC"]
    )
    assert told.exit_code == 0
    lines = told.output.splitlines()
    assert re.fullmatch(
        r"20210913T030000-\w{6}: activities: 2, entities: 1, events: (\d+) \(\1 new\)", lines[0]
    )
    assert lines[1] == "30 lines could not be read:"
    assert lines[-1] == "  and 10 more (--json lists all)"
    again = CliRunner().invoke(
        main, ["import", path, "--store", str(tmp_path / "prov"), "--timezone", "UTC"]
    )
    assert "(0 new)" in again.output


# --- reading leniently -------------------------------------------------------------------------

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(plain)
def test_what_python_writes_is_read_as_it_is(value):
    assert read_lenient(repr(value)) == value


@given(
    st.dictionaries(
        st.text("abcdef_", min_size=1),
        st.integers() | st.none() | st.booleans() | st.text("xy'\"", min_size=1),
        min_size=1,
    )
)
def test_a_flow_mapping_of_yaml_is_read(value):
    """What safe_dump writes on one line, quoted as YAML quotes."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**9).strip()
    assert read_lenient(text) == yaml.safe_load(text)


@given(st.text("{}[]()<>'\", :ab1\n\\*&", max_size=60))
def test_no_text_does_harm(text):
    """It is read, or refused."""
    try:
        read_lenient(text)
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': <Quantity [1., 2.] TeV>, 'b': 1}", {"a": "<Quantity [1., 2.] TeV>", "b": 1}),
        ("{'a': <class 'int'>, 'b': x < y}", {"a": "<class 'int'>", "b": "x < y"}),
        ("{'a': PosixPath('/a,b'), 'b': {1, 2}}", {"a": "PosixPath('/a,b')", "b": {1, 2}}),
        ("{'a': [1, 2] TeV, 'b': (1+2j)}", {"a": "[1, 2] TeV", "b": "(1+2j)"}),
        ("{'a': it's so, 'b': 1}", {"a": "it's so", "b": 1}),
        ("{5: array([[1],\n [2]])}", {5: "array([[1],\n [2]])"}),
    ],
)
def test_what_repr_gives_is_kept_as_text(text, value):
    assert read_lenient(text) == value


@pytest.mark.parametrize(
    "text", ["{'a': '9", "{'a'", "[1, 2", "{1, 'a': 2}", "[" * (MAX_DEPTH + 2)]
)
def test_what_has_no_end_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011
        read_lenient(text)


def test_time_is_in_proportion_to_the_text():
    """A long text is read in seconds; a time in proportion to its square would be hours."""
    code = """
from provagent.reading.record.lenient_dicts import read_lenient
for text in ("{'a': <b ", "x'", " '\\"", '{"a": 1 x} ', "<a", "1+", "[1 ", "'a' "):
    try:
        read_lenient(text * 200_000)
    except ValueError:
        pass
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)


def test_path_of_a_log_needs_no_import(tmp_path):
    """show reads a log as it is, leniently too."""
    path = write(
        tmp_path,
        started("a", "get"),
        f"{MARK}{{'activity_id': 'a', 'parameters': {{'x': <Quantity 5 TeV>}}}}",
    )
    assert activity(read_run(None, path), "get").parameters == {"x": "<Quantity 5 TeV>"}
    assert Path(path).exists()


def log_of(*events):
    return "".join(f"{MARK}{event!r}\n" for event in events)


COPIED = [
    {"session_id": 1, "name": "S", "startTime": "2026-01-01T10:00:00"},
    {"activity_id": "a", "name": "read", "session_id": 1, "startTime": "2026-01-01T10:00:01"},
    {"entity_id": "X", "name": "In", "location": "/data/in.txt", "type": "File"},
    {"activity_id": "a", "used_id": "X", "used_role": "in"},
    {"entity_id": "X", "name": "Copy", "location": "/data/copy.txt", "type": "File"},
    {"activity_id": "a", "generated_id": "X", "generated_role": "copy"},
    {"entity_id": "X", "name": "In", "location": "/data/in.txt", "type": "File"},
    {"activity_id": "a", "used_id": "X", "used_role": "again"},
    {"activity_id": "a", "endTime": "2026-01-01T10:00:02"},
]


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "entities first"])
def test_one_content_at_two_places_is_two_entities(tmp_path, together):
    """A log knows files by their contents: a copy does not take the place of what was copied."""
    events = list(COPIED)
    if together:
        events[3], events[4] = events[4], events[3]
    log = tmp_path / "some.log"
    log.write_text(log_of(*events))
    for _ in range(2):
        imported = import_logs([str(log)], str(tmp_path / "prov"), zone=UTC)
    assert imported.runs[0].added == 0
    (activity,) = read_run(str(tmp_path / "prov"), "last").activities.values()
    assert [(each.role, each.entity.location) for each in activity.used] == [
        ("in", "/data/in.txt"),
        ("again", "/data/in.txt"),
    ]
    assert [(each.role, each.entity.location) for each in activity.generated] == [
        ("copy", "/data/copy.txt")
    ]
    assert activity.used[0].entity is activity.used[1].entity
    assert imported.runs[0].entities == 2


def test_a_place_that_is_said_later_is_of_the_same_entity(tmp_path):
    log = tmp_path / "some.log"
    log.write_text(
        log_of(
            *COPIED[:2],
            {"entity_id": "X", "name": "In", "type": "File"},
            {"entity_id": "X", "location": "/data/in.txt", "type": "File"},
            {"activity_id": "a", "used_id": "X", "used_role": "in"},
            {"entity_id": "X", "contentType": "text/plain"},
        )
    )
    imported = import_logs([str(log)], str(tmp_path / "prov"), zone=UTC)
    assert imported.runs[0].entities == 1
    (entity,) = read_run(str(tmp_path / "prov"), "last").entities.values()
    assert (entity.location, entity.content_type) == ("/data/in.txt", "text/plain")


def test_a_modifier_of_logprov_is_kept(tmp_path):
    log = tmp_path / "some.log"
    log.write_text(log_of(*COPIED[:2], {**COPIED[2], "modifier": 2}, COPIED[3]), encoding="utf-8")
    import_logs([str(log)], str(tmp_path / "prov"), zone=UTC)
    read = read_run(str(tmp_path / "prov"), "last")
    assert [entity.modifier for entity in read.entities.values()] == [2]
    assert [each.get("modifier") for each in run_data(read)["entities"]] == [2]


def test_an_object_at_two_names_is_one_entity(tmp_path):
    """The location of an object, in a log of logprov, is the name of a variable."""
    events = [
        {**event, "type": "PythonObject", "location": f"self.{event['name'].lower()}"}
        if "entity_id" in event
        else event
        for event in COPIED
    ]
    log = tmp_path / "some.log"
    log.write_text(log_of(*events))
    assert import_logs([str(log)], str(tmp_path / "prov"), zone=UTC).runs[0].entities == 1
