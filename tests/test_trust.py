"""A folder that is not trusted: the allowed effects of its files, in real processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import Recorded, runs_in

from provagent.contract.errors import SettingsError
from provagent.settings.table import read_settings

SCRIPT = "import lab\nlab.f('x.csv')\nprint('ran')\n"
CODE = "import os\nopen(os.environ['MARK'], 'a').write('code')\ndef p(logger, name, event):\n    return event\n"


@pytest.fixture
def lab(tmp_path, cache):
    """A folder from anywhere, with a program in it, beside one that is its user's own."""
    lab = Recorded(tmp_path / "clone", cache)
    lab.write("lab.py", "def f(path):\n    return open(path).read()\n")
    lab.write("s.py", SCRIPT)
    lab.write("x.csv", "1\n")
    lab.write("own_code.py", CODE)
    (tmp_path / "home").mkdir()
    return lab


def pyproject(lab, **values):
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    return lab.write("pyproject.toml", "\n".join(["[tool.provagent]", 'targets = ["lab"]', *lines, ""]))  # fmt: skip


def outside(lab):
    """All files that are not in the folder, nor in the cache."""
    above = lab.folder.parent
    return sorted(str(path) for path in above.rglob("*") if lab.folder not in path.parents)


def recorded(lab, **environ):
    """The program, enabled by the variable alone; how it ends is as without."""
    mark = lab.folder.parent / "mark"
    done = lab.python("s.py", PROVAGENT="1", MARK=str(mark), **environ)
    assert done.stdout == "ran\n"
    return done, mark.exists()


ELSEWHERE = {
    "absolute": "{home}/records",
    "above": "../home/records",
    "around": "a/../../home/records",
    "by a link": "link/records",
    "by a variable": "$ELSEWHERE/records",
    "whose name begins alike": "../clone-records",
}


@pytest.mark.parametrize("how", ELSEWHERE)
def test_a_store_elsewhere_is_not_used(lab, how):
    """One line says so; the default is used, and the record is complete."""
    home = lab.folder.parent / "home"
    (lab.folder / "link").symlink_to(home)
    (lab.folder / "a").mkdir()
    file = pyproject(lab, store=ELSEWHERE[how].format(home=home))
    before = outside(lab)
    done, _ = recorded(lab, ELSEWHERE=str(home))
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"provagent: {file}: store: ")
    assert f"set PROVAGENT_STORE, or PROVAGENT_TRUST={lab.folder}" in line
    assert outside(lab) == before
    assert len(lab.provenance.activities) == 1
    shown = lab.python("-m", "provagent", "runs", ELSEWHERE=str(home))
    assert line in shown.stderr


@pytest.mark.parametrize("how", ["variable", "folder above", "argument", "settings file"])
def test_what_a_person_says_is_believed(lab, how):
    """A folder that is named as trusted, a setting of the environment, a file that it names."""
    home = lab.folder.parent / "home"
    store = home / "records"
    mark = lab.folder.parent / "mark"
    pyproject(lab, store=str(store), processors=["own_code:p"])
    extra = {"PYTHONPATH": str(lab.folder)}
    words = ["s.py"]
    if how == "variable":
        extra["PROVAGENT_TRUST"] = f"/nowhere,{lab.folder}"
    elif how == "folder above":
        extra["PROVAGENT_TRUST"] = str(lab.folder.parent)
    elif how == "argument":
        code = f"import provagent; provagent.start(trust={str(lab.folder)!r}); exec(open('s.py').read())"  # fmt: skip
        words = ["-c", code]
    else:
        (lab.folder / "pyproject.toml").rename(home / "own.toml")
        extra["PROVAGENT"] = str(home / "own.toml")
    done = lab.python(*words, **{"PROVAGENT": "1" if how != "argument" else "", "MARK": str(mark), **extra})  # fmt: skip
    assert (done.stdout, done.stderr) == ("ran\n", "")
    assert len(runs_in(store)) == 1
    assert mark.exists()


def test_what_is_said_elsewhere_needs_no_word(lab):
    """The remedy works: a setting of the environment is used, and nothing is said of the file's."""
    pyproject(lab, store="/nowhere", processors=["own_code:p"])
    done, is_run = recorded(lab, PROVAGENT_STORE="records", PROVAGENT_PROCESSORS="")
    assert done.stderr == ""
    assert not is_run
    assert len(runs_in(lab.folder / "records")) == 1


@pytest.mark.parametrize("trust", [".", "clone", "*"])
def test_trust_is_given_by_absolute_paths(lab, trust):
    """A relative one would trust whatever folder a program starts in."""
    pyproject(lab, processors=["own_code:p"])
    done, is_run = recorded(lab, PROVAGENT_TRUST=trust)
    assert not is_run
    assert f"PROVAGENT_TRUST: {trust!r} is not an absolute path" in done.stderr


def test_a_folder_cannot_trust_itself(lab):
    pyproject(lab, trust=[str(lab.folder)], processors=["own_code:p"])
    done, is_run = recorded(lab)
    assert not is_run
    assert done.stderr.count("\n") == 2
    assert "trust: ignored in a file of the working folder (only a person may set it)" in done.stderr  # fmt: skip


def test_code_is_not_taken_from_it(lab):
    """Not by ``processors``, nor by anything that a definition there says."""
    pyproject(lab, processors=["own_code:p"])
    lab.write(
        "definition.yaml",
        "provagent: 1\ntargets: [lab]\nactivities:\n  f:\n    parameters:\n"
        "      - {name: a, value: \"__import__('own_code')\"}\n      - {name: b, value: path.__class__.__base__.__subclasses__()}\n"
        "      - {name: c, value: os.system()}\n      - {name: d, value: own_code.p}\n",
    )  # fmt: skip
    _, is_run = recorded(lab)
    assert not is_run
    assert len(lab.provenance.activities) == 1


CALLS = """\
provagent: 1
targets: [lab]
activities:
  f:
    parameters:
      - {{name: removed, value: path.unlink()}}
      - {{name: name, value: path.name}}
    usage:
      - {{role: a, location: 'path.rename("{home}/stolen")', entity_description: File}}
      - {{role: b, location: path, when: 'path.exists()', entity_description: File}}
      - {{role: c, location: path, entity_description: File}}
    generation:
      - {{role: d, value: result, entity_description: Text, has_progenitors: [{{value: 'path.touch()'}}]}}
  open: {{opens: {{file: 'path.unlink()'}}}}
entities:
  File: {{type: File}}
  Text: {{identifier: ['encode()']}}
"""


@pytest.mark.parametrize("how", ["definition.yaml", "pyproject", "in a child"])
def test_a_definition_of_the_folder_calls_nothing(lab, how):
    """A path may call the program's own values: one of Path removes files, one of a table writes any."""
    home = lab.folder.parent / "home"
    name = "definition.yaml" if how != "pyproject" else "own.yaml"
    file = lab.write(name, CALLS.format(home=home))
    pyproject(lab, **({"definitions": [name]} if how == "pyproject" else {}))
    script = "import lab, pathlib\nlab.f(pathlib.Path('x.csv'))\nprint('ran')\n"
    if how == "in a child":
        script = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {script!r}])\n"
    lab.write("s.py", script)
    done, _ = recorded(lab)
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        f"provagent: {file}: path.unlink(): calls are ignored in a definition of the"
    )
    assert (lab.folder / "x.csv").read_text() == "1\n"
    assert os.listdir(home) == []
    (activity,) = lab.provenance.activities.values()
    assert activity.parameters == {"name": "x.csv"}
    assert [each.role for each in activity.used] == ["c"]
    for trusted in ({"PROVAGENT_DEFINITIONS": str(file)}, {"PROVAGENT_TRUST": str(lab.folder)}):
        assert "call" not in lab.python("-c", "pass", PROVAGENT="1", **trusted).stderr
    lab.python("s.py", check=False, PROVAGENT="1", PROVAGENT_DEFINITIONS=str(file))
    assert not (lab.folder / "x.csv").exists()  # as its author, and who named it, wanted


def test_run_goes_on_as_well(lab):
    """``run`` refuses bad settings; these are not its caller's."""
    home = lab.folder.parent / "home"
    pyproject(lab, store=str(home / "records"), processors=["own_code:p"])
    mark = lab.folder.parent / "mark"
    done = lab.run("s.py", MARK=str(mark))
    assert done.stdout == "ran\n"
    assert {line.split(": ")[2] for line in done.stderr.splitlines()} == {"processors", "store"}
    assert not mark.exists()
    assert not (home / "records").exists()
    assert len(lab.provenance.activities) == 1


def test_children_do_not_say_it_again(lab):
    pyproject(lab, store="/nowhere")
    lab.write("s.py", "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import lab; lab.f(\"x.csv\")'])\nprint('ran')\n")  # fmt: skip
    done, _ = recorded(lab)
    assert done.stderr.count("\n") == 1


def test_a_cache_of_the_folder_is_not_read(lab):
    """What a cache holds is believed; neither is it written, nor a link in it followed."""
    pyproject(lab, cache="cache")
    victim = lab.write("victim", "mine")
    (lab.folder / "cache").mkdir()
    for number in range(1, 4000):
        (lab.folder / f"cache/active-0.{number}").symlink_to(victim)
    before = sorted(os.listdir(lab.folder / "cache"))
    environ = lab.environ(PROVAGENT="1", XDG_CACHE_HOME=str(lab.folder.parent / "home"))
    del environ["PROVAGENT_CACHE"]
    done = subprocess.run([sys.executable, "s.py"], cwd=lab.folder, env=environ, capture_output=True, text=True)  # fmt: skip
    assert done.stdout == "ran\n"
    assert "cache: ignored in a file of the working folder (its files are trusted)" in done.stderr
    assert sorted(os.listdir(lab.folder / "cache")) == before
    assert victim.read_text() == "mine"


def test_a_cache_follows_no_link(lab, tmp_path):
    """Where its folder is open to others, what they have put there is not written through."""
    from provagent.definition.source import read_own, write_quietly

    victim = lab.write("victim", "mine")
    (tmp_path / f"active.{os.getpid()}").symlink_to(victim)
    write_quietly(str(tmp_path / "active"), b"new")
    assert (tmp_path / "active").read_bytes() == b"new"
    assert victim.read_text() == "mine"
    (tmp_path / "link").symlink_to(victim)
    with pytest.raises(OSError):
        read_own(str(tmp_path / "link"))
    os.mkfifo(tmp_path / "pipe")
    assert read_own(str(tmp_path / "pipe")) == b""
    if os.geteuid() == 0:
        os.chown(victim, 1234, -1)
        with pytest.raises(PermissionError):
            read_own(str(victim))


def test_definitions_of_elsewhere_are_not_taken(lab):
    home = lab.folder.parent / "home"
    (home / "other.yaml").write_text("provagent: 1\ntargets: ['json:dumps']\n")
    lab.write("inside.yaml", "provagent: 1\ntargets: ['json:loads']\n")
    pyproject(lab, definitions=["inside.yaml", "../home/other.yaml"])
    done, _ = recorded(lab)
    assert "definitions: " in done.stderr
    assert {one.name for one in lab.provenance.run.process.definitions} <= {"inside"}
    settings = read_settings({}, {}, str(lab.folder))
    assert settings.definitions == (str(lab.folder / "inside.yaml"),)


@pytest.mark.parametrize("name", ["documents", "opus_folder"])
def test_nothing_is_written_elsewhere(lab, name):
    home = lab.folder.parent / "home"
    value = f"{home}/x.prov.json" if name == "documents" else str(home)
    job = {"opus_job": "https://opus.example/rest/job/1"} if name == "opus_folder" else {}
    pyproject(lab, **{name: [value] if name == "documents" else value}, **job)
    before = outside(lab)
    done, _ = recorded(lab)
    assert f"pyproject.toml: {name}: " in done.stderr
    assert outside(lab) == before


def test_what_lies_below_the_folder_is_used(lab):
    """Without a word: a project's own settings are what they were."""
    pyproject(lab, store="records", documents=["out.prov.json", "sub/../b.provn"], max_text=100)
    (lab.folder / "sub").mkdir()
    done, _ = recorded(lab)
    assert done.stderr == ""
    assert len(runs_in(lab.folder / "records")) == 1
    assert (lab.folder / "out.prov.json").exists()
    assert (lab.folder / "b.provn").exists()


def test_an_empty_store_is_an_error(lab):
    """A variable that a script failed to fill: no record, one line, and the program runs."""
    done, _ = recorded(lab, PROVAGENT_STORE="")
    assert done.stderr == (
        "provagent: start: SettingsError: PROVAGENT_STORE is empty; set it to a folder, or unset it; "
        "this process is not recorded\n"
    )
    assert not (lab.folder / "prov").exists()
    for words in (["runs"], ["run", "s.py"], ["doctor"]):
        done = lab.python("-m", "provagent", *words, check=False, PROVAGENT_STORE="")
        assert (done.stdout, done.returncode) == ("", 1)
        assert (
            done.stderr == "provagent: PROVAGENT_STORE is empty; set it to a folder, or unset it\n"
        )
    assert lab.run("--store", "records", "s.py", PROVAGENT_STORE="").stdout == "ran\n"
    assert len(runs_in(lab.folder / "records")) == 1
    with pytest.raises(SettingsError):
        read_settings({"PROVAGENT_STORE": ""}, {}, str(lab.folder))


def test_a_start_with_the_default_path_stays_light(lab):
    """Where no pyproject.toml speaks of provagent, nothing more is loaded."""
    code = "import sys; print('provagent.settings.trust' in sys.modules, 'tomllib' in sys.modules)"
    assert lab.python("-c", code, PROVAGENT="1").stdout == "False False\n"


def test_documents_replace_only_our_own(lab):
    """Whoever named the file: what no provagent has written there stays."""
    names = {to: f"own.{to}" for to in ("json", "jsonld", "provn", "xml", "trig", "ttl", "dot", "svg", "png", "pdf", "zip")}  # fmt: skip
    mine = {to: lab.write(f"mine.{to}", content) for to, content in {
        "json": '{"prefix": {}, "mine": 1}', "provn": "document\n", "xml": "<mine/>", "dot": "digraph mine {}", "png": "\x89PNG mine",
        "zip": "PK", "svg": "<svg/>", "ttl": "@prefix mine: <x> .",
    }.items()}  # fmt: skip
    lab.write("empty.json", "")
    os.symlink(mine["json"], lab.folder / "link.json")
    os.symlink("/dev/null", lab.folder / "device.json")
    before = {to: path.read_bytes() for to, path in mine.items()}
    written = [*names.values(), "empty.json"]
    for _ in range(2):  # the second time over the first
        done, _ = recorded(lab, PROVAGENT_DOCUMENTS=",".join(written), PROVAGENT_TARGETS="lab")
        assert "provagent: " not in done.stderr
        for name in written:
            assert (lab.folder / name).stat().st_size > 0, name
            (lab.folder / name).touch()
    kept = [*(path.name for path in mine.values()), "link.json", "device.json"]
    for some in (kept[:2], kept[2:4], kept[4:6], kept[6:8], kept[8:]):
        done, _ = recorded(lab, PROVAGENT_DOCUMENTS=",".join(some), PROVAGENT_TARGETS="lab")
        for name in some:
            assert f"{name}: exists already and was not written by provagent" in done.stderr
    assert {to: path.read_bytes() for to, path in mine.items()} == before
    text = lab.python("-m", "provagent", "export", "last", "-o", "mine.json").stderr
    assert text == ""  # whoever says so by hand
    assert b'"mine"' not in mine["json"].read_bytes()


PIPES = ["pyproject.toml", "definition.yaml", ".git/HEAD", ".git/index", ".git/config", ".git", "prov"]  # fmt: skip


@pytest.mark.parametrize("name", PIPES)
def test_a_pipe_in_the_folder_holds_nobody_up(lab, name):
    """Whatever name it has, the program runs and ends."""
    (lab.folder / ".git").mkdir()
    lab.write(".git/HEAD", "ref: refs/heads/main\n")
    path = lab.folder / name
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    done = subprocess.run(
        [sys.executable, "s.py"], cwd=lab.folder, env=lab.environ(PROVAGENT="1", PROVAGENT_TARGETS="lab"),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "ran\n"
    assert "Traceback" not in done.stderr
    if name != "prov":
        assert done.stderr == ""
        assert len(lab.provenance.activities) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [("x = " + "[" * 100_000, "is not TOML"), ("#" * (1 << 20) + "\n[tool.provagent]\n", "not read, because it has more than")],
    ids=["deep", "large"],
)  # fmt: skip
def test_a_pyproject_that_cannot_be_read_is_passed_over(lab, content, told):
    lab.write("pyproject.toml", content + "\n[tool.provagent]\n")
    done, _ = recorded(lab, PROVAGENT_TARGETS="lab")
    (line,) = done.stderr.splitlines()
    assert told in line
    assert len(lab.provenance.activities) == 1
