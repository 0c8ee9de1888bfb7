"""``diff`` and ``verify`` with real runs and real files."""

from __future__ import annotations

import json
import os
import shutil
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from secret_corpus import issued

from provagent.cli import main
from provagent.contract.errors import StoreError
from provagent.reading.store import compare as compare_module
from provagent.reading.store.compare import compare_runs
from provagent.reading.store.index import open_index
from provagent.reading.store.runs import list_runs, read_run
from provagent.reading.store.verify import CHANGED, MASKED, MISSING, MOVED, UNCHANGED, verify

LAB = """\
def reduce(source, target, gain=2.0):
    total = gain * sum(map(float, open(source)))
    open(target, "w").write(f"{total}\\n")
def check(x):
    return x
"""
DEFINITION = """\
targets: [lab]
activities:
  reduce:
    parameters: [{name: gain, value: gain}]
    usage: [{role: in, location: source, entity_description: Table}]
    generation: [{role: out, location: target, entity_description: Table}]
  check:
    parameters: [{name: x, value: x}]
entities:
  Table: {type: File}
"""
MAIN = "import lab, sys\nlab.reduce('night.csv', 'out.txt', gain=GAIN)\nCHECKS\n"


@pytest.fixture
def lab(recorded, monkeypatch):
    """Runs a script made of a gain and some checks; returns its provenance."""
    recorded.write("lab.py", LAB)
    recorded.write("definition.yaml", DEFINITION)
    recorded.write("night.csv", "1\n2\n")
    monkeypatch.chdir(recorded.folder)
    store = str(recorded.folder / "prov")

    class Lab:
        folder = recorded.folder

        def run(self, gain=2.0, checks=1, *arguments, **environ):
            recorded.write("main.py", MAIN.replace("GAIN", "float(sys.argv[1])").replace("CHECKS", f"for n in range({checks}): lab.check(n)"))  # fmt: skip
            recorded.run("main.py", str(gain), *arguments, **environ)
            return read_run(store, list_runs(store)[-1].id)

    Lab.store = store
    return Lab()


def kinds(changes):
    return sorted({change.kind for change in changes})


def test_the_same_twice(lab):
    found = compare_runs(lab.run(), lab.run())
    assert found.summary == "no recorded differences"
    assert (found.causes, found.effects) == ([], [])
    assert set(found.durations) == {"reduce", "check"}


def test_one_changed_input_is_the_explanation(lab):
    """The shortest true explanation; the product's change is the effect, not a cause."""
    before = lab.run()
    (lab.folder / "night.csv").write_text("1\n3\n")
    found = compare_runs(before, lab.run())
    assert found.summary == "the input night.csv changed, nothing else; the results differ"  # fmt: skip
    assert kinds(found.causes) == ["input"]
    assert kinds(found.effects) == ["output"]
    assert found.effects[0].what == "out.txt"


def test_a_parameter(lab):
    """It is told with its activity and both values, and so is the word of the command that set it."""
    found = compare_runs(lab.run(2.0), lab.run(3.0))
    assert [str(change) for change in found.causes] == [
        "parameter reduce: gain: 2.0 -> 3.0",
        "command argument 2: 2.0 -> 3.0",
    ]
    assert "the results differ" in found.summary


def test_code_and_calls(lab):
    """Another script, with more calls of one kind: those that are equal are paired."""
    found = compare_runs(lab.run(checks=2), lab.run(checks=4))
    assert kinds(found.causes) == ["script"]
    assert [change.what for change in found.effects] == ["check", "check"]
    assert all(change.before is None for change in found.effects)
    back = compare_runs(lab.run(checks=4), lab.run(checks=2))
    assert all(change.after is None for change in back.effects)


def test_what_nothing_explains(lab):
    """The package's code is another, which no digest tells: that is said, and no cause is invented."""
    before = lab.run()
    (lab.folder / "lab.py").write_text(LAB.replace("gain * sum", "1 + gain * sum"))
    found = compare_runs(before, lab.run())
    assert found.summary == "the results differ, but no recorded cause differs"


def test_versions_and_environment(lab):
    before = lab.run()
    after = lab.run()
    environment = after.environments[after.run.process.environment_id]
    environment.packages["numpy"] = "0.1"
    environment.packages.pop("pytest")
    found = compare_runs(before, after)
    assert {change.what for change in found.causes} == {"numpy", "pytest"}
    assert found.summary.startswith("2 packages changed")


def test_diff_verb(lab):
    before = lab.run()
    (lab.folder / "night.csv").write_text("5\n")
    after = lab.run()
    told = CliRunner().invoke(main, ["diff", before.run.id, after.run.id])
    assert told.exit_code == 0, told.output
    assert "the input night.csv changed" in told.output
    data = json.loads(CliRunner().invoke(main, ["diff", before.run.id, "--json"]).output)
    assert data["after"] == after.run.id
    assert data["causes"][0]["kind"] == "input"


def states(files):
    return {os.path.basename(one.path): one.state for one in files}


def asked(lab, what=None):
    with open_index(lab.store) as index:
        index.update()
        return verify(index, what)


def test_verify(lab):
    """There, changed, moved to where the records know its content, and gone."""
    run = lab.run()
    assert states(asked(lab)) == {"night.csv": UNCHANGED, "out.txt": UNCHANGED}
    (lab.folder / "night.csv").write_text("9\n")
    assert states(asked(lab, run.run.id)) == {"night.csv": CHANGED, "out.txt": UNCHANGED}
    assert states(asked(lab, "out.txt")) == {"out.txt": UNCHANGED}
    os.unlink(lab.folder / "out.txt")
    assert states(asked(lab)) == {"night.csv": CHANGED, "out.txt": MISSING}
    with pytest.raises(StoreError, match="no record contains such a file"):
        asked(lab, "none.txt")


def test_moved_files_are_found(lab):
    lab.run()
    (lab.folder / "kept").mkdir()
    shutil.move(lab.folder / "out.txt", lab.folder / "kept" / "out.txt")
    (lab.folder / "again.py").write_text("import lab\nlab.reduce('kept/out.txt', 'last.txt')\n")
    from provagent.reading.store.verify import MOVED as moved

    assert moved == MOVED
    import subprocess
    import sys

    subprocess.run(
        [sys.executable, "-m", "provagent", "run", "again.py"], cwd=lab.folder, check=True
    )
    found = {one.path: one for one in asked(lab)}
    one = found[str(lab.folder / "out.txt")]
    assert (one.state, one.at) == (MOVED, str(lab.folder / "kept" / "out.txt"))


def test_the_last_state_counts(lab):
    """A file that was written twice is what it was the last time."""
    lab.run(2.0)
    lab.run(3.0)
    assert states(asked(lab))["out.txt"] == UNCHANGED
    lab.run(2.0)
    assert states(asked(lab))["out.txt"] == UNCHANGED


@pytest.mark.parametrize("last", ["read", "written"])
def test_states_of_one_run_are_in_the_order_of_their_times(recorded, last):
    """A child changes a file that the program has written; the program then opens it again."""
    end = {"read": "open('w.txt').read()", "written": "open('w.txt', 'a').write('more')"}[last]
    recorded.write(
        "s.py",
        "import subprocess\nwith open('w.txt', 'w') as file: file.write('old')\n"
        "subprocess.run(['sed', '-i', 's/old/new/', 'w.txt'])\nopen('w.txt').read()\n" + end,
    )
    recorded.run("s.py")
    with open_index(str(recorded.store)) as index:
        index.update()
        assert states(verify(index))["w.txt"] == UNCHANGED


def test_verify_verb(lab):
    lab.run()
    told = CliRunner().invoke(main, ["verify"])
    assert (told.exit_code, told.output) == (0, "2 files: 2 unchanged\n")
    (lab.folder / "out.txt").write_text("by hand")
    told = CliRunner().invoke(main, ["verify"])
    assert told.exit_code == 1
    assert told.output.startswith(f"changed  {lab.folder / 'out.txt'}  sha256:")
    assert told.output.endswith("2 files: 1 unchanged, 1 changed\n")
    data = json.loads(CliRunner().invoke(main, ["verify", "--json", "out.txt"]).output)
    assert data[0]["state"] == "changed"


def test_a_file_whose_location_is_masked(lab):
    """Two files with secrets in their names stay two, and verify does not call them missing."""
    names = [f"{issued(kind)[0]}.csv" for kind in ("GitHub classic", "GitHub OAuth")]
    (lab.folder / "names.py").write_text(f"for name in {names}: open(name, 'w').write(name)\n")
    (lab.folder / "lab.py").write_text(LAB + "import names\n")
    lab.run()
    found = asked(lab)
    masked = [one for one in found if one.state == MASKED]
    assert len({one.path for one in masked}) == len(masked) == 2
    assert len({one.digest for one in masked}) == 2
    told = CliRunner().invoke(main, ["verify"])
    assert told.exit_code == 0
    assert told.output.count("location redacted  ") == 2
    assert "missing" not in told.output


class Called:
    """A call, as far as pairs of calls know it."""

    def __init__(self, name, value, parent=None):
        self.name, self.target, self.parent = name, f"lab:{name}", parent
        self.parameters = {"x": value}
        self.id = f"{name} {value}"


def paired(one, two):
    """The values of the calls that are pairs, and of those that are alone in each run."""
    runs = [SimpleNamespace(activities=dict(enumerate(calls))) for calls in (one, two)]
    pairs, alone = compare_module._paired(*runs)
    found = [(name, before.parameters["x"], after.parameters["x"]) for name, before, after in pairs]
    gone = [each.before for each in alone if each.before]
    return found, gone, [each.after for each in alone if each.after]


def calls(*values):
    return [Called("f", value) for value in values]


def test_as_many_calls_are_paired_in_their_order():
    """Other parameters are what differs, and no reason to pair otherwise."""
    assert paired(calls(1, 2), calls(2, 1)) == ([("f (1)", 1, 2), ("f (2)", 2, 1)], [], [])


def test_where_one_run_has_more_calls_equal_ones_are_paired_first():
    assert paired(calls(1, 2, 3), calls(1, 3)) == (
        [("f (1)", 1, 1), ("f (2)", 3, 3)], ["f 2"], [],
    )  # fmt: skip
    assert paired(calls(1, 1), calls(5, 1, 6)) == (
        [("f (1)", 1, 1), ("f (2)", 1, 5)], [], ["f 6"],
    )  # fmt: skip


def test_calls_of_one_name_in_two_places_are_no_pair():
    outer = Called("g", 0)
    one, two = [outer, Called("f", 1, outer)], [outer, Called("f", 1)]
    assert paired(one, two) == ([("g", 0, 0)], ["f 1"], ["f 1"])
