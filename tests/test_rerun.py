"""Repeating a run from its record: real programs and real folders."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Recorded, runs_in

from provagent.reading.store.runs import list_runs
from provagent.reading.store.shards import is_of_process

LAB = """\
import helper
def reduce(source, target, gain=2.0):
    total = gain * sum(map(float, open(source)))
    open(target, "w").write(f"{total * helper.ONE}\\n")
    return total
"""
MAIN = """\
import lab, os, sys
print("to stdout", lab.reduce("data/night.csv", "out/flux.txt", float(sys.argv[1])))
print("to stderr", os.environ.get("OMP_NUM_THREADS"), file=sys.stderr)
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
"""
DEFINITION = """\
targets: [lab]
activities:
  reduce:
    parameters: [{name: gain, value: gain}]
    usage: [{role: in, location: source, entity_description: Table}]
    generation: [{role: out, location: target, entity_description: Table}]
entities:
  Table: {type: File}
"""


def contents(folder):
    """Every file below a folder, but the index that each question brings up to date."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in Path(folder).rglob("*")
        if path.is_file() and "index.sqlite" not in path.name and "__pycache__" not in path.parts
    }  # fmt: skip


class Lab(Recorded):
    def rerun(self, *words, check=True, **environ):
        """The verb; whatever it does, the run's own folder is as it was."""
        before = contents(self.folder)
        done = self.python("-m", "provagent", "rerun", *words, check=check, **environ)
        assert contents(self.folder) == before
        return done

    @property
    def other(self):
        return Path(f"{self.folder}-rerun")


@pytest.fixture
def lab(tmp_path, cache):
    lab = Lab(tmp_path / "night 5", cache)
    lab.write("lab.py", LAB)
    lab.write("helper.py", "ONE = 1\n")
    lab.write("main.py", MAIN)
    lab.write("definition.yaml", DEFINITION)
    lab.write("data/night.csv", "1\n2\n")
    lab.write("unasked.txt", "not an input")
    (lab.folder / "out").mkdir()
    return lab


NOTHING = "no recorded differences"


def test_a_run_is_repeated_in_a_new_folder(lab):
    """Output, folder, inputs, code, variables and record are as they were; the diff says so."""
    first = lab.run("main.py", "3", OMP_NUM_THREADS="2")
    done = lab.rerun("last", "--yes")
    assert done.stdout == first.stdout == "to stdout 9.0\n"
    assert "to stderr 2\n" in done.stderr
    assert NOTHING in done.stderr
    made = {name for name in contents(lab.other) if not name.startswith("prov/")}
    assert made == {
        "main.py", "lab.py", "helper.py", "definition.yaml", "data/night.csv", "out/flux.txt",
    }  # fmt: skip
    again = Lab(lab.other, lab.cache)
    assert [one["activity_name"] for one in again.events("activity")] == ["reduce"]
    (run,) = {one["process_id"]: one for one in again.events("run")}.values()
    assert run["command"][1:] == ["main.py", "3"]


def test_the_text_does_the_same_in_a_shell(lab):
    """What is printed can be pasted: it makes the folder, and repeats the run there."""
    lab.run("main.py", "3", OMP_NUM_THREADS="2")
    text = lab.rerun("last").stdout
    assert not lab.other.exists()
    assert "# Python " in text
    assert f"# input {lab.folder}/data/night.csv  sha256:" in text
    assert "helper.py, lab.py" in text
    done = subprocess.run(["sh", "-e"], input=text, cwd="/", env=lab.environ(), capture_output=True, text=True, check=True)  # fmt: skip
    assert (done.stdout, done.stderr) == ("to stdout 9.0\n", "to stderr 2\n")
    assert (lab.other / "out" / "flux.txt").read_text() == "9.0\n"
    assert Lab(lab.other, lab.cache).provenance.activities


def test_json_has_the_plan_and_the_difference(lab):
    lab.run("main.py", "3")
    plan = json.loads(lab.rerun("last", "--json").stdout)
    assert plan["commands"] == [["main.py", "3"]]
    assert {part["kind"] for part in plan["parts"]} == {"script", "definition", "input", "code"}
    assert plan["against"] == []
    assert plan["interpreter"]["packages"] == {}
    done = lab.rerun("last", "--yes", "--json")
    assert "to stdout 9.0\n" in done.stderr
    told = json.loads(done.stdout)["rerun"]
    assert (told["exit_code"], told["difference"]["summary"]) == (0, NOTHING)


def test_a_changed_input_is_not_used(lab):
    """It is refused, unless asked for; then the diff names it."""
    lab.run("main.py", "3")
    lab.write("data/night.csv", "1\n4\n")
    done = lab.rerun("last", "--yes", check=False)
    assert done.returncode == 1
    assert "input" in done.stderr
    assert "data/night.csv is changed, and no copy of it is recorded" in done.stderr
    assert not lab.other.exists()
    done = lab.rerun("last", "--yes", "--force")
    assert done.stdout == "to stdout 15.0\n"
    assert "the input data/night.csv changed, nothing else; the results differ" in done.stderr  # fmt: skip


@pytest.mark.parametrize("what", ["changed", "missing"])
def test_the_same_content_elsewhere_is_found(lab, what):
    """By its digest, at another path that the records know: a copy that another run has used."""
    lab.run("main.py", "3")
    kept = lab.write("kept/copy.csv", "1\n2\n")
    lab.run("-c", "open('kept/copy.csv').read()")
    (lab.folder / "data" / "night.csv").unlink()
    if what == "changed":
        lab.write("data/night.csv", "7\n")
    first = list_runs(str(lab.store))[0].id
    done = lab.rerun(first, "--yes")
    assert done.stdout == "to stdout 9.0\n"
    assert NOTHING in done.stderr
    assert f", from {kept}" in lab.rerun(first).stdout


def test_a_missing_input_is_said(lab):
    lab.run("main.py", "3")
    (lab.folder / "data" / "night.csv").unlink()
    done = lab.rerun("last", "--yes", check=False)
    assert done.returncode == 1
    assert "night.csv is missing, and no copy of it is recorded" in done.stderr
    assert "problem: input" in lab.rerun("last").stdout
    done = lab.rerun("last", "--yes", "--force", check=False)
    assert done.returncode == 1
    assert "FileNotFoundError" in done.stderr
    assert "the results differ" in done.stderr


def test_a_changed_script_is_not_used(lab):
    lab.run("main.py", "3")
    lab.write("main.py", MAIN + "\n")
    assert "script " in lab.rerun("last", "--yes", check=False).stderr
    assert "the script main.py changed" in lab.rerun("last", "--yes", "--force").stderr


def test_a_failing_script_fails_alike(lab):
    """The exit code is the program's, and the two failed alike."""
    lab.run("main.py", "3", "7", check=False)
    done = lab.rerun("last", "--yes", check=False)
    assert (done.returncode, done.stdout) == (7, "to stdout 9.0\n")
    assert NOTHING in done.stderr


def test_a_killed_script_is_as_a_shell_says(lab):
    """Also where the rerun comes to its end before anything is recorded: that is said."""
    lab.write("main.py", "import os, signal, lab, sys\nif sys.argv[1:]: lab.reduce('data/night.csv', 'out/flux.txt')\nos.kill(os.getpid(), signal.SIGTERM)\n")  # fmt: skip
    lab.run("main.py", "x", check=False)
    done = lab.rerun("last", "--yes", check=False)
    assert done.returncode == 128 + 15
    assert NOTHING in done.stderr
    lab.write("main.py", "import os\nos.kill(os.getpid(), 15)\n")
    done = lab.rerun("last", "--yes", "--force", check=False)
    assert done.returncode == 128 + 15
    assert "the new run has no record" in done.stderr


WAYS = {
    "module": (["-m", "lab.main", "3"], {"lab/__init__.py": "", "lab/main.py": "import sys, lab.data\nprint(float(sys.argv[1]), lab.data.WORD)\n", "lab/data.py": "import os\nWORD = open(os.path.join(os.path.dirname(__file__), 'word.txt')).read()\n", "lab/word.txt": "word"}, "3.0 word\n"),
    "code": (["-c", "import helper, sys; print(helper.ONE, sys.argv)", "a b"], {}, "1 ['-c', 'a b']\n"),
    "command": (["--", "sh", "go.sh", "x y"], {"go.sh": 'python main.py "${1%?y}1"; python main.py 2', "main.py": "import sys\nprint(sys.argv[1:])\n"}, "['x1']\n['2']\n"),
    "flags": (["main.py"], {"main.py": "import sys\nprint(sys.flags.optimize, sys.warnoptions)\n"}, "1 ['error']\n"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_each_kind_of_program(lab, way):
    """A module of a package with data, code, a shell's command, an interpreter's own options."""
    words, files, shown = WAYS[way]
    if way == "module":
        (lab.folder / "lab.py").unlink()
    for name, text in files.items():
        lab.write(name, text)
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    flags = ["-O", "-W", "error"] if way == "flags" else []
    first = lab.python(*flags, "-m", "provagent", "run", *words, PATH=path)
    assert first.stdout == shown
    done = lab.rerun("last", "--yes", PATH=path)
    assert done.stdout == shown
    assert NOTHING in done.stderr


def test_settings_are_those_of_the_run(lab):
    """Targets and levels that were given are given again, and paths are inside the new folder."""
    lab.run("--target", "helper", "--level", "lab:*=call", "main.py", "3")
    lab.rerun("last", "--yes")
    again = Lab(lab.other, lab.cache)
    (activity,) = again.events("activity")
    assert "parameters" not in activity
    assert {one["target"] for end in again.events("run_end") for one in end["targets"]} >= {
        "helper"
    }


def test_a_path_into_the_old_folder_becomes_one_into_the_new(lab):
    lab.write("lab.py", LAB)
    lab.write("main.py", "import lab, sys\nprint(lab.reduce(sys.argv[1], sys.argv[2].partition('=')[2]))\n")  # fmt: skip
    lab.run("main.py", f"{lab.folder}/data/night.csv", f"--to={lab.folder}/out/flux.txt")
    done = lab.rerun("last", "--yes")
    assert (lab.other / "out" / "flux.txt").read_text() == "6.0\n"
    assert NOTHING in done.stderr


def test_what_would_be_written_outside_is_refused(lab, tmp_path):
    """A product outside of the folder, or a script that names the folder itself."""
    target = tmp_path / "elsewhere.txt"
    lab.write("main.py", f"open({str(target)!r}, 'w').write('x')\n")
    lab.run("main.py")
    target.unlink()
    done = lab.rerun("last", "--yes", check=False)
    assert done.returncode == 1
    assert f"the run writes {target}, outside of its folder" in done.stderr
    assert not target.exists()
    lab.write("main.py", f"open({str(lab.folder / 'x.txt')!r}, 'w').write('x')\n")
    lab.run("main.py")
    done = lab.rerun("last", "--yes", check=False)
    assert done.returncode == 1
    assert f"main.py contains the path {lab.folder}; the new run may write there" in done.stderr


def test_a_folder_can_be_named(lab, tmp_path):
    """It must be empty, and outside of the run's own; a second one beside gets a number."""
    lab.write("../shared.csv", "5\n")
    lab.write("main.py", "import lab, sys\nprint(lab.reduce(sys.argv[1], 'out/flux.txt'))\n")
    lab.run("main.py", "../shared.csv")
    for folder, why in (
        (lab.folder / "new", "is inside the folder of the run"),
        (tmp_path, "exists already"),
    ):
        done = lab.rerun("last", "--folder", str(folder), check=False)
        assert done.returncode == 1
        assert why in done.stderr
    named = tmp_path / "a" / "b"
    assert lab.rerun("last", "--yes", "--folder", str(named)).stdout == "10.0\n"
    assert (named / "out" / "flux.txt").exists()
    for name in ("-rerun", "-rerun-2"):
        lab.rerun("last", "--yes")
        assert Path(f"{lab.folder}{name}", "out", "flux.txt").exists()


def test_secrets_are_asked_for(lab, tmp_path):
    """They are not in the record: said, taken from a file or standard input, and in no record again."""
    lab.write("main.py", "import sys\nprint(sys.argv[2:], sys.stdin.read())\n")
    word = "hunter" + "2hunter2"
    lab.run("main.py", "--token", word, f"--password={word}2")
    assert "2 words of the command were redacted" in lab.rerun("last").stdout
    done = lab.rerun("last", "--yes", check=False)
    assert (done.returncode, "--secrets FILE" in done.stderr) == (1, True)
    keys = tmp_path / "keys"
    keys.write_text(f"{word}\n{word}2\n")
    shown = f"['{word}', '--password={word}2']"
    done = lab.rerun("last", "--yes", "--secrets", str(keys))
    assert shown in done.stdout
    assert NOTHING in done.stderr
    for path in lab.other.rglob("*"):
        assert not path.is_file() or word.encode() not in path.read_bytes()
    shutil.rmtree(lab.other)
    done = subprocess.run(
        [sys.executable, "-m", "provagent", "rerun", "last", "--yes", "--secrets", "-"],
        cwd=lab.folder, env=lab.environ(), input=f"{word}\n{word}2\nthe rest", capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == f"{shown} the rest\n"


def test_a_run_without_a_command_is_refused(lab):
    log = lab.write("prov.log", "INFO:provagent:_PROV_2019-10-07T11:20:05.884436_PROV_{'activity_id': '9', 'activity_name': 'f', 'startTime': '2019-10-07T11:20:05.884419'}\n")  # fmt: skip
    lab.python("-m", "provagent", "import", log.name)
    done = lab.rerun("last", check=False)
    assert done.returncode == 1
    assert "the record contains no command or no folder; it cannot be repeated" in done.stderr


def test_it_is_not_recorded_itself(lab):
    """Where everything is: the newest run is still the program's."""
    lab.run("main.py", "3")
    before = runs_in(lab.store)
    lab.python("-m", "provagent", "rerun", "last", "--yes", PROVAGENT="1")
    lab.python("-m", "provagent", "redact", "no-such-text", PROVAGENT="1")
    assert runs_in(lab.store) == before
    assert len(runs_in(lab.other / "prov")) == 1


def test_another_end_is_told(lab):
    lab.write("main.py", "import lab, os, sys\nlab.reduce('data/night.csv', 'out/flux.txt')\n1 / int(os.environ.get('CODE', 1))\n")  # fmt: skip
    lab.run("main.py")
    done = lab.rerun("last", "--yes", check=False, CODE="0")
    assert done.returncode == 1
    assert "status program: ok -> error" in done.stderr


def test_packages_that_differ_are_told(lab):
    """The record says another version than what is installed now; one that is gone; one that is new."""
    lab.run("main.py", "3")
    (path,) = lab.store.glob("*/*/environment-*.jsonl")
    event = json.loads(path.read_text())
    event["packages"] |= {"click": "1.0", "gone": "2"}
    del event["packages"]["rich"]
    path.write_text(json.dumps(event) + "\n")
    text = lab.rerun("last").stdout
    assert "# package click: in the run 1.0, now " in text
    assert "# package gone: in the run 2, now not installed" in text
    assert "# package rich: in the run not installed, now " in text


def rewritten(lab, change):
    """Change each event of the only run, as somebody may who gives a store away."""
    for shard in lab.shards:
        events = [json.loads(line) for line in shard.read_text().splitlines()]
        for event in events:
            change(event)
        shard.write_text("".join(json.dumps(event) + "\n" for event in events))


TRAP = """#!/bin/sh
echo "$0 $@" >> "{folder}/executed"
"""


def test_nothing_that_a_record_names_is_executed_unasked(lab):
    """Neither its interpreter, nor what is called like one, nor git, nor pip."""
    lab.run("main.py", "3")
    traps = lab.folder.parent / "traps"
    traps.mkdir()
    for name in ("python", "python3", "git", "pip", "sh"):
        (traps / name).write_text(TRAP.format(folder=lab.folder.parent))
        (traps / name).chmod(0o755)

    def change(event):
        if event["event"] == "environment":
            event["python"]["executable"] = str(traps / "python")
        if event["event"] == "run":
            event["command"][0] = str(traps / "python")

    rewritten(lab, change)
    path = f"{traps}{os.pathsep}{os.environ['PATH']}"
    for words in (["last"], ["last", "--json"]):
        text = lab.rerun(*words, PATH=path).stdout
        assert not (lab.folder.parent / "executed").exists()
    assert json.loads(text)["interpreter"]["executable"] == sys.executable
    assert (
        f"{traps}/python does not exist or has no provagent" in lab.rerun("last", PATH=path).stdout
    )
    done = lab.rerun("last", "--yes", check=False, PATH=path)
    executed = next(line for line in done.stderr.splitlines() if "executes" in line)
    assert executed.startswith(f"provagent: executes {sys.executable} -m provagent run --store ")
    assert executed.endswith("main.py 3")
    assert done.stderr.index("executes") < done.stderr.index("to stderr")


def test_another_interpreter_is_described_without_running_it(lab, tmp_path):
    """Its version and packages are those that its files tell."""
    lab.run("main.py", "3")
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", other], check=True)
    packages = other / f"lib/python3.{sys.version_info.minor}/site-packages"
    (packages / "provagent.pth").write_text("")
    (packages / "click-0.5.dist-info").mkdir()

    def change(event):
        if event["event"] == "environment":
            event["python"]["executable"] = str(other / "bin/python")

    rewritten(lab, change)
    plan = json.loads(lab.rerun("last", "--json").stdout)["interpreter"]
    assert plan["executable"] == str(other / "bin/python")
    assert plan["version"] == sys.version.split()[0]
    assert plan["packages"]["click"][1] == "0.5"
    assert plan["packages"]["rich"][1] is None


def test_nothing_is_laid_out_outside_of_the_new_folder(lab, tmp_path):
    """``..``, absolute paths and links in a record, or in what lies in the run's folder."""
    (tmp_path / "elsewhere").mkdir()
    (lab.folder / "data/link").symlink_to(tmp_path / "elsewhere")
    (lab.folder / "data/loop").symlink_to(lab.folder / "data")
    os.mkfifo(lab.folder / "data/pipe")
    lab.write("data/link/inner.csv", "1\n")
    lab.run("main.py", "3")
    (run,) = (one.name for one in runs_in(lab.store))
    escape = [f"{lab.folder}/../escaped.csv", f"{lab.folder}/x/../../escaped/x.csv", "/etc/passwd"]
    events = []
    for number, path in enumerate([*escape, f"{lab.folder}/data", f"{lab.folder}/a/../../made/x"]):
        ids = {"v": 1, "entity_id": f"{run}.{lab.shards[0].stem}.9{number}"}
        mode = "written" if "made" in path else "read"
        events.append({**ids, "event": "entity", "type": "File", "location": path})
        events.append({**ids, "event": "file", "mode": mode, "time": "2026-11-23T23:15:30Z"})
    shard = next(one for one in lab.shards if is_of_process(one.name))
    with shard.open("a") as stream:
        stream.writelines(json.dumps(one) + "\n" for one in events)
    (tmp_path / "escaped.csv").write_text("what a record names outside\n")
    before = contents(tmp_path)
    lab.rerun("last", "--yes", "--force", check=False)
    after = contents(tmp_path)
    new = {name for name in after if name not in before}
    assert "night 5-rerun/data/link/inner.csv" in new
    assert all(name.startswith("night 5-rerun/") for name in new), new
    assert {name: one for name, one in after.items() if name in before} == before
    assert not list(lab.other.rglob("pipe"))
    plan = lab.rerun("last", "--folder", str(tmp_path / "third"), "--force").stdout
    assert "escaped" in plan
    for line in plan.splitlines():
        if line.startswith("cp "):
            assert shlex.split(line)[-1].startswith(f"{tmp_path}/third/"), line
        if line.startswith("mkdir "):
            assert all(one.startswith(f"{tmp_path}/third") for one in shlex.split(line)[2:]), line


def test_the_text_is_a_shells_whatever_the_record_says(lab):
    """Values are quoted, in visible characters; what is no variable is left out."""
    lab.run("main.py", "3", OMP_NUM_THREADS="1")
    evil = "$(touch executed)`touch executed`'; touch executed; '\x1b[2J\n touch executed\u202e\\"

    def change(event):
        if event["event"] == "environment":
            event["variables"] |= {"OMP_NUM_THREADS": evil, "A=$(touch executed)": "x", "B;touch executed": ""}  # fmt: skip
        if event["event"] == "run":
            event["settings"] = {"parent": evil, "x; touch executed": "1", "cache": "/elsewhere"}  # fmt: skip
            event["command"].append(evil)

    rewritten(lab, change)
    text = lab.rerun("last").stdout
    assert all(line.isprintable() for line in text.splitlines())
    assert "CACHE" not in text
    lab.write("main.py", "import json, os, sys\njson.dump([sys.argv[2], os.environ['OMP_NUM_THREADS']], open('seen', 'w'))\n")  # fmt: skip
    script = text.replace("export PROVAGENT_PARENT", ": ")  # what is no IRI would be refused
    done = subprocess.run(["bash", "-c", script], cwd=lab.folder.parent, env=lab.environ(), capture_output=True, text=True)  # fmt: skip
    assert json.loads((lab.other / "seen").read_text()) == [evil, evil], done.stderr
    assert not list(lab.folder.parent.rglob("executed"))


def test_null_characters_are_refused(lab):
    lab.run("main.py", "3")
    rewritten(lab, lambda event: event["event"] == "run" and event["command"].append("a\0b"))
    done = lab.rerun("last", check=False)
    assert done.returncode == 1
    assert "a text in its record cannot be passed to a program: 'a\\x00b'" in done.stderr


@pytest.mark.gammapy
def test_the_crab_example_is_repeated(tmp_path, cache, request):
    """The example of `make demo`: script outside of the folder, five inputs, real FITS; nothing differs."""
    pytest.importorskip("gammapy")
    examples = tmp_path / "examples"
    examples.mkdir()
    shutil.copy(ROOT / "examples" / "crab.py", examples)
    lab = Lab(tmp_path / "demo", cache)
    lab.folder.mkdir()
    shutil.copytree(request.getfixturevalue("crab"), lab.folder / "crab")
    first = lab.run("../examples/crab.py")
    done = lab.rerun("last", "--yes")
    assert done.stdout == first.stdout
    assert "index     2.64" in done.stdout
    assert NOTHING in done.stderr
    assert (lab.other / "crab" / "flux_points.fits").stat().st_size > 2880
