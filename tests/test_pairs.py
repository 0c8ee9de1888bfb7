"""Definitions and lineage: a definition never makes an answer worse, for real packages."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT, SHARED
from pairs import ELSEWHERE, PAIRS

from provagent.reading.store.details import EntityDetails
from provagent.reading.store.index import open_index
from provagent.reading.store.lineage import why

HESS = SHARED / "gammapy-data"

# The product that is written after a line that computes, where the same program has handed on
# what it read before.
COMPUTED = "computed_"


# Those that take longest to import: every second one on the oldest Python, the others after it.
_SLOW = [pair for pair in PAIRS if pair.definition in ("gammapy", "ctapipe")]
_OTHER_HALF = _SLOW[sys.version_info < (3, 12) :: 2]


# Imports packages, then forks for each line of stdin: the fork runs a piece of code and ends.
MAKER = """
import json, os, sys
exec(sys.argv[1])
while line := sys.stdin.readline():
    folder, variables, code = json.loads(line)
    pid = os.fork()
    if not pid:
        os.chdir(folder)
        os.environ.update(variables)
        for descriptor in (1, 2):
            os.dup2(os.open(folder + ".told", os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
        exec(code)
        break
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@functools.cache
def maker(imports):
    """The process that writes inputs with these imports: gammapy takes seconds to import."""
    environ = {name: value for name, value in os.environ.items() if "PROVAGENT" not in name}
    command = [sys.executable, "-W", "ignore", "-c", MAKER, imports]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, text=True)
    MAKERS.append(process)
    return process


MAKERS = []


@pytest.fixture(scope="module", autouse=True)
def _end_of_makers():
    yield
    for process in MAKERS:
        with process:  # the end of its input ends it
            process.stdin.close()
    MAKERS.clear()
    maker.cache_clear()


def made(recorded, pair):
    """Write the input, unrecorded, in a process of its own."""
    for name in (*pair.needs, pair.definition):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    if "GAMMAPY_DATA" in pair.make:
        if not HESS.is_dir():
            pytest.skip(f"outside material is not at {HESS}")
        recorded.settings["GAMMAPY_DATA"] = str(HESS)
    process = maker(pair.imports)
    order = str(recorded.folder), recorded.settings, pair.make
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    status = process.stdout.readline()
    assert status == "0\n", (recorded.folder.parent / f"{recorded.folder.name}.told").read_text()


def run(recorded, pair):
    """Run the program; return its first line that reads and the first that writes."""
    made(recorded, pair)
    lines = [*pair.imports.splitlines(), pair.prepare, pair.read]
    reading = len(lines)
    lines += [pair.write] if pair.is_handed else [pair.compute, pair.write]
    writing = len(lines)
    product = f"'{pair.out}'"
    if pair.is_handed and product in pair.write and product not in (pair.make + pair.prepare):
        lines += [pair.compute, pair.write.replace(product, f"'{COMPUTED}{pair.out}'")]
    recorded.write("script.py", "\n".join(lines) + "\n")
    done = recorded.run("script.py", PYTHONWARNINGS="ignore")
    assert "provagent" not in done.stderr
    assert recorded.events("complaint") == []
    return reading, writing


class Line:
    """What the activities of one line of the program used and generated."""

    def __init__(self, recorded, line):
        script = str(recorded.folder / "script.py")
        activities = [
            one
            for one in recorded.provenance.activities.values()
            if one.parent is None and (one.site.file, one.site.line) == (script, line)
        ]
        assert activities
        self.used = [each for one in activities for each in one.used]
        self.generated = [each for one in activities for each in one.generated]


def of_file(relations, path):
    """A file that is opened to be changed is written by who opened it, and by who changed it."""
    found = {each.entity.id: each for each in relations if each.entity.location == str(path)}
    return list(found.values())


def digest_of(path):
    if path.is_dir():
        return None
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def files_behind(recorded, name):
    with open_index(str(recorded.store)) as index:
        index.update()
        answer = why(index, name)
    return {os.path.basename(one.location) for one in answer.nodes if isinstance(one, EntityDetails) and one.location}  # fmt: skip


@pytest.mark.parametrize("pair", [one for one in PAIRS if one not in _OTHER_HALF], ids=str)
def test_what_a_call_read_and_what_another_wrote(recorded, monkeypatch, pair):
    """Each once, with path, digest and role; between them the object that one gave and one took."""
    monkeypatch.chdir(recorded.folder)
    reading, writing = run(recorded, pair)
    assert pair.file in files_behind(recorded, pair.out)
    if (recorded.folder / (COMPUTED + pair.out)).exists():
        assert pair.file in files_behind(recorded, COMPUTED + pair.out)
    program = recorded.provenance.run.process.program
    reader = program if pair.file in pair.opened else Line(recorded, reading)
    writer = program if pair.out in pair.opened else Line(recorded, writing)
    source, product = recorded.folder / pair.file, recorded.folder / pair.out
    (used,) = of_file(reader.used, source)
    assert used.role
    assert used.entity.digest is not None
    if not source.is_dir():
        assert used.entity.digest == digest_of(source)
    (written,) = of_file(writer.generated, product)
    assert written.entity.digest is not None
    if not product.is_dir():
        assert written.entity.digest == digest_of(product)
    if pair.opened:
        return  # what is read and written by way of it is the program's
    generated = objects(reader.generated)
    assert generated
    assert objects(writer.used) or pair.writer == "setval"  # which has a number
    if pair.is_handed:
        assert objects(writer.used) & generated


def objects(relations):
    """The objects among these, and their members, by id."""
    found = [each.entity for each in relations if each.entity.location is None]
    return {one.id for each in found for one in (each, *each.members)}


def test_every_reader_and_writer_is_tested():
    """Each activity of a shipped definition that has to do with files stands in a pair."""
    from provagent.definition.parse import read_definition

    for file in sorted((ROOT / "definitions").glob("*.yaml")):
        activities = read_definition(file).definition.activities
        with_files = {
            key
            for key, one in activities.items()
            if one.opens or any(use.location for use in (*one.usage, *one.generation))
        }
        tested = {name for pair in PAIRS for name in (pair.reader, pair.writer)}
        tested |= ELSEWHERE.get(file.stem, set())
        tested |= {name.rpartition(".")[2] for name in tested if name.endswith("__init__")}
        assert with_files <= tested, file.stem
