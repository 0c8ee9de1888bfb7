"""``provagent doctor``: the state of the installation, of each target and of a run."""

from __future__ import annotations

import json

import pytest

from provagent.reading.store.shards import is_of_process

SUBJECT = "def f(x):\n    return x\ndef g(x):\n    return x\nNUMBER = 1\n"
DEFINITION = "{requires}targets: [{targets}]\nactivities: {{f: {{description: words}}}}\n"


@pytest.fixture
def program(recorded):
    recorded.write("subject.py", SUBJECT)
    recorded.write("s.py", "import subject\nsubject.f(1)\n")
    return recorded


def diagnose(program, *arguments, **extra):
    """Exit code and report; stderr stays empty."""
    done = program.python("-m", "provagent", "doctor", "--json", *arguments, check=False, **extra)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def states(targets, definition):
    return {
        one["target"]: (one["state"], one["reason"])
        for one in targets
        if one["definition"] == definition
    }


def test_place_where_all_is_well(program):
    """Start-up file, children, isolated children, store and cache: each is tried, and works."""
    code, report = diagnose(program)
    assert code == 0
    assert report["is_well"] is True
    assert {one["name"]: one["works"] for one in report["checks"]} == dict.fromkeys(
        [
            "start-up file",
            "child processes are recorded",
            "child processes with python -I are recorded",
            "store",
            "cache",
        ],
        True,
    )
    assert (report["problems"], report["run"]) == ([], None)
    assert not program.store.exists()


def test_targets_before_a_run(program):
    """Without importing anything it is known what is waited for and what cannot be."""
    program.write("subject.py", "raise ImportError('imported')\n")
    program.write("pkg/__init__.py", "raise ImportError('imported')\n")
    names = ["subject:f", "pkg.nosuch:f", "nosuch.mod:f", "subject*:f", "pkg.**"]
    targets = ", ".join(f"'{one}'" for one in names)
    program.write("definition.yaml", DEFINITION.format(requires="", targets=targets))
    code, report = diagnose(program)
    assert states(report["targets"], "definition") == {
        "subject:f": ("waiting", "its module has not been imported yet"),
        "pkg.nosuch:f": ("missing", "no module pkg.nosuch"),
        "nosuch.mod:f": ("waiting", "nosuch is not installed"),
        "subject*:f": ("waiting", "no matching module has been imported yet"),
        "pkg.**": ("waiting", "its module has not been imported yet"),
    }
    assert code == 1


def test_target_of_the_settings_is_listed(program):
    """A target that the environment names is there, under ``settings``."""
    code, report = diagnose(program, PROVAGENT_TARGETS="subject:f")
    assert states(report["targets"], "settings") == {
        "subject:f": ("waiting", "its module has not been imported yet")
    }
    assert code == 0


@pytest.mark.parametrize(
    ("requires", "reason"),
    [
        ("click: '>=99'", "requires click >=99; "),
        ("no-such-package: '>=1'", "no-such-package is not installed"),
    ],
)
def test_definition_for_another_version_is_refused(program, requires, reason):
    """Its targets are refused, before a run and in its record; nothing is wrong with that."""
    text = DEFINITION.format(requires=f"requires: {{{requires}}}\n", targets="'subject:f'")
    program.write("definition.yaml", text)
    program.run("s.py")
    code, report = diagnose(program)
    for targets in (report["targets"], report["run"]["targets"]):
        state, why = states(targets, "definition")["subject:f"]
        assert state == "refused"
        assert reason in why
    assert code == 0


def test_run_s_targets(program):
    """woven, waiting and missing, each with its reason; a missing one makes the exit code 1."""
    names = ["subject:f", "json.tool:main", "subject:h", "subject:NUMBER"]
    program.run(*(word for name in names for word in ("--target", name)), "s.py")
    code, report = diagnose(program)
    assert code == 1
    found = states(report["run"]["targets"], "settings")
    assert found["subject:f"] == ("woven", "")
    assert found["json.tool:main"] == ("waiting", "its module was not imported")
    assert found["subject:h"] == ("missing", 'subject:h: module subject has no "h"')
    assert found["subject:NUMBER"][0] == "missing"
    assert "is not a function" in found["subject:NUMBER"][1]


def test_target_that_a_child_imported_is_woven(program):
    """A process that never imported it does not hide one that did."""
    child = "import subprocess, sys; subprocess.run([sys.executable, 's.py'], check=True)"
    program.run("--target", "subject:f", "-c", child)
    _, report = diagnose(program)
    assert states(report["run"]["targets"], "settings") == {"subject:f": ("woven", "")}


def test_finder_that_got_in_front_is_named(program):
    """What it loaded was woven afterwards; that there is one is worth knowing."""
    program.write(
        "front.py",
        "import sys, importlib.util\n"
        "class Front:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        if name == 'subject': return importlib.util.spec_from_file_location(name, 'subject.py')\n"
        "sys.meta_path.insert(0, Front)\n"
        "import subject, colorsys\n"
        "subject.f(1)\n",
    )
    program.run("--target", "subject:f", "front.py")
    report = json.loads(program.python("-m", "provagent", "doctor", "--json").stdout)
    assert report["run"]["overtaken_by"] == ["Front"]
    assert (
        "modules loaded by the import hook Front were woven"
        in program.python("-m", "provagent", "doctor").stdout
    )
    assert len(program.events("activity")) == 1


def test_failing_path_is_told_with_its_count(program):
    """What was left out of a run: where, what, how often."""
    program.write(
        "d.yaml",
        "targets: ['subject:f']\nactivities: {f: {parameters: [{name: p, value: x.nothing}]}}\n",
    )
    program.write("s.py", "import subject\nfor x in range(3):\n    subject.f(x)\n")
    program.run("--definition", "d.yaml", "s.py")
    code, report = diagnose(program)
    assert code == 1
    (complaint,) = report["run"]["complaints"]
    assert complaint.startswith("subject:f: parameter 'p': AttributeError: ")
    assert complaint.endswith("(3 times)")


def test_killed_process_and_cut_shard_are_told(program):
    """A process with no end is named, and a cut line has its place."""
    program.write("s.py", "import os, subject\nsubject.f(1)\nos._exit(0)\n")
    program.run("--target", "subject:f", "s.py")
    shard = next(path for path in program.shards if is_of_process(path.name))
    shard.write_bytes(shard.read_bytes()[:-20])
    code, report = diagnose(program)
    assert code == 1
    assert report["run"]["unended"] == [shard.name.partition(".")[0]]
    assert any(shard.name in gap and "cut" in gap for gap in report["run"]["gaps"])


def test_bad_setting_and_bad_definition_are_problems(program):
    """Each stands in the report as the line that a program's start tells."""
    program.write("definition.yaml", "activities: {f: {usge: []}}\n")
    code, report = diagnose(program, PROVAGENT_SNIK="both")
    assert code == 1
    assert any(
        'unknown setting; did you mean "PROVAGENT_SINK"' in one for one in report["problems"]
    )
    assert any("definition.yaml:1:18: " in one and '"usge"' in one for one in report["problems"])


@pytest.mark.parametrize("name", ["store", "cache"])
def test_folder_that_cannot_be_written(program, name):
    """A path through a regular file: what to do stands beside it."""
    program.write("file", "")
    place = str(program.folder / "file/sub")
    code, report = diagnose(program, **{f"PROVAGENT_{name.upper()}": place})
    assert code == 1
    (check,) = [one for one in report["checks"] if not one["works"]]
    assert check["name"] == name
    assert f"is not a folder; {'set ' if name == 'store' else 'each '}" in check["text"]
    assert f"set PROVAGENT_{name.upper()} to a folder of your own" in check["text"]


def test_run_that_is_not_there_is_one_line(program):
    """A run that is named must be there; without a name there need be none."""
    done = program.python("-m", "provagent", "doctor", "nosuch", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("provagent: ")
    assert done.stderr.count("\n") == 1


def test_report_for_people_says_the_same(program):
    """With -v, every check, target and internal error of the JSON is in the text."""
    program.run("--target", "subject:h", "s.py")
    _, report = diagnose(program)
    text = shown(program, "-v")
    for check in report["checks"]:
        assert f"  {check['name']}: {check['text']}" in text
    for target in [*report["targets"], *report["run"]["targets"]]:
        assert f"{target['state']:8} {target['target']}  [{target['definition']}]" in text
    (complaint,) = report["run"]["complaints"]
    assert complaint.startswith("subject:h: weaving: ")
    assert text.count('module subject has no "h"') == 2  # as a problem, and in its line


def test_report_fits_one_screen(program):
    """Problems first, then one line for each definition, whatever the number of its targets."""
    names = ", ".join(f"'json.tool:f{n}'" for n in range(60))
    program.write("definition.yaml", DEFINITION.format(requires="", targets=names))
    program.run("--target", "subject:h", "s.py")
    lines = shown(program).splitlines()
    assert 24 <= len(lines) <= 40
    assert lines[0] == "1 problem"
    assert 'target subject:h [settings] missing: module subject has no "h"' in lines[1]
    assert "  definition: 60 targets" in lines
    report = diagnose(program)[1]
    for one in report["definitions"]:
        (line,) = (line for line in lines if line.startswith(f"  {one['name']}"))
        if not one["unusable"]:
            assert line.endswith(f"{one['targets']} target{'s' * (one['targets'] != 1)}")
    assert "which is not installed" not in "\n".join(lines)


def test_definition_without_its_package_is_one_line(program):
    """``nopandas: not installed``, and its targets are no problem."""
    text = "requires: {nopandas: '>=1'}\ntargets: ['nopandas:f', 'nopandas:g']\n"
    program.write("nopandas.yaml", text)
    program.write("definition.yaml", text)
    code, _ = diagnose(program, PROVAGENT_DEFINITIONS="nopandas.yaml")
    done = program.python("-m", "provagent", "doctor", PROVAGENT_DEFINITIONS="nopandas.yaml")
    assert "\n  nopandas: not installed\n" in done.stdout
    assert "\n  definition: nopandas is not installed\n" in done.stdout
    assert done.stdout.startswith("no problems found\n")
    assert code == 0


def shown(program, *arguments):
    return program.python("-m", "provagent", "doctor", *arguments, check=False).stdout


def test_code_that_is_too_long_to_be_kept_is_left_out(program):
    program.write("s.py", "import subject\nsubject.f(1)\n" + "# long\n" * 200_000)
    program.run("--target", "subject:f", "s.py")
    code, report = diagnose(program)
    path = program.folder / "s.py"
    told = f"the code of {path} was not recorded: it has more than 1000000 bytes"
    assert report["run"]["not_kept"] == [told]
    assert (code, report["is_well"]) == (1, False)
    assert f": {told}" in shown(program)
    assert "all calls of the targets" not in shown(program)


def test_a_run_that_lacks_nothing_says_so(program):
    program.run("--target", "subject:f", "s.py")
    assert diagnose(program)[1]["run"]["not_kept"] == []
    assert "all calls of the targets were recorded" in shown(program)


def test_calls_that_were_not_to_be_recorded_were_left_out(program):
    program.write("s.py", "import subject\nfor n in range(50): subject.f(n)\n")
    program.run("--target", "subject:f", "--max-calls", "10", "s.py")
    text = shown(program)
    assert "skipped by a sampling rule: 40 calls of subject:f" in text
    assert "all calls of the targets were recorded" not in text


BY_VALUE = """\
import subprocess, sys
import cloudpickle
class Fit:
    def run(self): return 1
def load(n): return n
def other(n): return n
if __name__ == "__main__":
    Fit().run()
    other(1)
    code = "import sys, pickle; function = pickle.load(sys.stdin.buffer); function(3)"
    subprocess.run([sys.executable, "-c", code], input=cloudpickle.dumps(load), check=True)
"""


def test_a_function_that_only_a_worker_called_by_value_is_named(program):
    """What it did there is in no record; the functions that were called here are."""
    pytest.importorskip("cloudpickle")
    program.write("s.py", BY_VALUE)
    targets = [
        word for name in ("load", "other", "Fit") for word in ("--target", f"__main__:{name}")
    ]
    program.run(*targets, "s.py")
    assert diagnose(program)[1]["run"]["uncalled"] == ["__main__:load"]
    text = shown(program)
    assert "no call of __main__:load was recorded" in text
    assert "all calls of the targets were recorded" not in text
