"""RO-Crates of real runs, checked by the validator of the profile, without a network."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import zipfile

import pytest
from click.testing import CliRunner

from provagent.cli import main

LAB = """\
def reduce(source, target, gain=2.0):
    total = gain * sum(map(float, open(source)))
    open(target, "w").write(f"{total}\\n")
def fail(x):
    raise ValueError("no flux")
"""
DEFINITION = """\
targets: [lab]
activities:
  reduce:
    parameters: [{name: gain, value: gain}]
    usage: [{role: night, location: source, entity_description: Table}]
    generation: [{role: flux, location: target, entity_description: Table}]
entities:
  Table: {type: File}
"""
MAIN = """\
import lab
lab.reduce("night.csv", "flux.txt", gain=3.0)
lab.reduce("flux.txt", "final/flux.txt")
lab.reduce("flux.txt", "gone.txt")
try:
    lab.fail(1)
except ValueError:
    pass
"""
# In a process of its own: the validator sets up logging and caches for a whole process.
VALIDATE = """\
import json, pathlib, socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("asked the network")
socket.getaddrinfo = refuse
import rocrate
from rocrate_validator import services
path = pathlib.Path(sys.argv[1])
metadata = path / "ro-crate-metadata.json"
found = json.loads(metadata.read_text())
assert found["@context"] == "https://w3id.org/ro/crate/1.1/context"
bundled = pathlib.Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"
found["@context"] = json.loads(bundled.read_text())["@context"]
metadata.write_text(json.dumps(found))
result = services.validate({
    "rocrate_uri": str(path), "profile_identifier": "process-run-crate-0.5",
    "requirement_severity": "REQUIRED",
})
issues = [f"{one.check.identifier}: {one.message}" for one in result.get_issues()]
print(json.dumps({"passed": result.passed(), "issues": issues, "checks": len(result.executed_checks)}))
"""


@pytest.fixture
def crate(recorded, tmp_path):
    recorded.write("lab.py", LAB)
    recorded.write("definition.yaml", DEFINITION)
    recorded.write("night.csv", "1\n2\n")
    (recorded.folder / "final").mkdir()
    recorded.write("main.py", MAIN)
    recorded.run("--target", "lab", "main.py")
    (recorded.folder / "gone.txt").write_text("changed since")
    path = tmp_path / "crate.zip"
    told = CliRunner().invoke(
        main,
        ["export", "--to", "rocrate", "-o", str(path), "--store", str(recorded.folder / "prov")],
    )
    assert told.exit_code == 0, told.output
    folder = tmp_path / "crate"
    with zipfile.ZipFile(path) as packed:
        packed.extractall(folder)
    return folder


def graph(crate):
    found = json.loads((crate / "ro-crate-metadata.json").read_text())
    return {one["@id"]: one for one in found["@graph"]}


def test_crate_passes_the_validator(crate):
    """Process Run Crate 0.5, all that is required; nobody is asked over the network."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", VALIDATE, str(crate)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["issues"] == []
    assert found["passed"]
    assert found["checks"] > 40


def test_crate_holds_what_is_still_what_it_was(crate):
    """Products, script, definition and document are packed; inputs and what changed are named."""
    files = {str(path.relative_to(crate)) for path in crate.rglob("*") if path.is_file()}
    assert files == {
        "ro-crate-metadata.json", "provenance.json", "script/main.py", "definitions/definition.yaml",
        "products/flux.txt", "products/flux-2.txt",
    }  # fmt: skip
    assert (crate / "products" / "flux.txt").read_text() == "9.0\n"
    assert (crate / "products" / "flux-2.txt").read_text() == "18.0\n"
    named = [one for one in graph(crate).values() if one.get("@type") == "CreativeWork"]
    outside = {
        one["description"] for one in named if "not in this crate" in one.get("description", "")
    }
    assert len(outside) == 2
    assert any(text.endswith("/night.csv") for text in outside)
    assert any(text.endswith("/gone.txt") for text in outside)


def test_actions_say_who_used_what_and_made_what(crate):
    """The run, and the activities that nothing encloses; a failure with its error."""
    found = graph(crate)
    run = found["#run"]
    assert run["instrument"] == {"@id": "script/main.py"}
    assert found[run["agent"]["@id"]]["@type"] == "Person"
    actions = [one for one in found.values() if one["@type"] == "CreateAction" and one is not run]
    first, second, _, failed = sorted(actions, key=lambda one: one["startTime"])
    made = {"@id": "products/flux.txt"}
    assert first["result"] == [made]
    assert made in second["object"]
    assert {found[one["@id"]].get("value") for one in first["object"]} >= {3.0}
    assert failed["actionStatus"] == {"@id": "http://schema.org/FailedActionStatus"}
    assert failed["error"] == "builtins:ValueError: no flux"
    document = json.loads((crate / "provenance.json").read_text())
    assert len(document["bundle"]) == 1


def test_nothing_but_a_run(recorded, tmp_path):
    """A run that used and made nothing, by -c, is a crate too."""
    recorded.write("lab.py", LAB)
    recorded.run("--target", "lab", "-c", "import lab\ntry: lab.fail(1)\nexcept ValueError: pass")
    path = tmp_path / "crate.zip"
    command = [
        "export",
        "--to",
        "rocrate",
        "-o",
        str(path),
        "--store",
        str(recorded.folder / "prov"),
    ]
    assert CliRunner().invoke(main, command).exit_code == 0
    with zipfile.ZipFile(path) as packed:
        packed.extractall(tmp_path / "crate")
    test_crate_passes_the_validator(tmp_path / "crate")
    assert pathlib.Path(tmp_path / "crate" / "provenance.json").exists()
