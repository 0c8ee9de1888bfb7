"""Settings: four sources, one precedence, and one line for each invalid value."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provagent.contract.errors import SettingsError
from provagent.settings.table import TABLE, each_of, read_settings, require

SOURCES = ("pyproject", "environment", "arguments")


def read(folder, environ=None, **arguments):
    return read_settings(environ or {}, arguments, str(folder))


def test_defaults_have_no_problem(tmp_path):
    """With nothing given every setting is its default, and the store is in the working folder."""
    settings = read(tmp_path)
    assert settings.problems == []
    assert settings.store == str(tmp_path / "prov")
    expected = {name: default for name, (_, default, _) in TABLE.items() if name != "store"}
    assert {name: getattr(settings, name) for name in expected} == expected


@pytest.mark.parametrize("count", range(len(SOURCES) + 1))
def test_later_source_wins(tmp_path, count):
    """Defaults give way to the file, it to the environment, and that to the arguments."""
    given_by = SOURCES[:count]
    if "pyproject" in given_by:
        (tmp_path / "pyproject.toml").write_text("[tool.provagent]\nmax_text = 1\n")
    environ = {"PROVAGENT_MAX_TEXT": "2"} if "environment" in given_by else {}
    arguments = {"max_text": 3} if "arguments" in given_by else {}
    settings = read(tmp_path, environ, **arguments)
    assert settings.max_text == [TABLE["max_text"][1], 1, 2, 3][count]
    assert settings.given == ({"store"} if count == 0 else {"store", "max_text"})


def test_settings_file_takes_the_place_of_pyproject(tmp_path):
    """``PROVAGENT=file`` is read instead, and its paths are relative to where it lies."""
    (tmp_path / "pyproject.toml").write_text("[tool.provagent]\nmax_items = 9\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/own.toml").write_text('store = "records"\ndefinitions = ["a.yaml"]\n')
    settings = read(tmp_path, {"PROVAGENT": "sub/own.toml"})
    assert settings.store == str(tmp_path / "sub/records")
    assert settings.definitions == (str(tmp_path / "sub/a.yaml"),)
    assert settings.max_items == TABLE["max_items"][1]


def test_another_tool_s_pyproject_is_not_parsed(tmp_path):
    """A pyproject.toml with no table of ours costs nothing, and may even be broken."""
    (tmp_path / "pyproject.toml").write_text("[tool.other\n")
    assert read(tmp_path).problems == []


FAULTS = {
    "unknown": ({"PROVAGENT_STORR": "x"}, 'PROVAGENT_STORR: unknown setting; did you mean "PROVAGENT_STORE"?'),
    "far from any": ({"PROVAGENT_ZZZZZ": "x"}, "PROVAGENT_ZZZZZ: unknown setting; known settings: store,"),
    "bool": ({"PROVAGENT_STRICT": "perhaps"}, "PROVAGENT_STRICT: 'perhaps' is not a yes or no; write 1 or 0"),
    "int": ({"PROVAGENT_MAX_TEXT": "many"}, "PROVAGENT_MAX_TEXT: 'many' is not a whole number; write 0 or more"),
    "negative": ({"PROVAGENT_MAX_TEXT": "-1"}, "PROVAGENT_MAX_TEXT: '-1' is not a whole number; write 0 or more"),
    "word": ({"PROVAGENT_SINK": "pigeon"}, "PROVAGENT_SINK: unknown value 'pigeon'; write shard, logging or both"),
    "digest": ({"PROVAGENT_DIGEST": "crc"}, "PROVAGENT_DIGEST: 'crc' is not a digest algorithm of fixed size; write one such as sha256"),
    "digest without a size": ({"PROVAGENT_DIGEST": "shake_128"}, "PROVAGENT_DIGEST: 'shake_128' is not a digest algorithm"),
    "no file": ({"PROVAGENT": "no.toml"}, "no.toml: no such settings file; set PROVAGENT to 1 or to the path of a TOML file"),
    "folder": ({"PROVAGENT": "."}, "is a directory; set PROVAGENT to 1 or to the path of a TOML file"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_one_line_with_source_and_remedy(tmp_path, fault):
    """Whatever is wrong is one problem: where, what, what would be right; the default stands."""
    environ, told = FAULTS[fault]
    settings = read(tmp_path, environ)
    (problem,) = settings.problems
    assert told in problem
    assert "\n" not in problem
    assert settings.sink == "shard"
    with pytest.raises(SettingsError, match="; "):
        require(settings)


TABLES = {
    "[tool.provagent\n": "is not TOML",
    "[tool.provagent]\nstrict = 'perhaps'\n": "pyproject.toml: strict: 'perhaps' is not a yes or no",
    "[tool.provagent]\ntargets = [1]\n": "pyproject.toml: targets: [1] is not a list of texts",
    "[tool.provagent]\nstore = 1\n": "pyproject.toml: store: 1 is not a path; write a text",
    "[tool.provagent]\nmax_text = 1.5\n": "pyproject.toml: max_text: 1.5 is not a whole number",
    "[tool.provagent]\nmax_text = true\n": "pyproject.toml: max_text: True is not a whole number",
    "[tool.provagent]\nsnik = 'both'\n": 'pyproject.toml: snik: unknown setting; did you mean "sink"?',
    "[[tool.provagent]]\n": "tool.provagent is not a table; write [tool.provagent]",
}


@pytest.mark.parametrize("content", TABLES)
def test_fault_in_a_file_names_the_file(tmp_path, content):
    """A problem of pyproject.toml begins with its path."""
    (tmp_path / "pyproject.toml").write_text(content)
    (problem,) = read(tmp_path).problems
    assert problem.startswith(str(tmp_path))
    assert TABLES[content] in problem


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "store": st.sampled_from(["records", "/absolute/records"]),
            "targets": st.lists(st.sampled_from(["a:B", "c.d:*"]), unique=True),
            "definitions": st.lists(st.sampled_from(["x.yaml", "y/z.yaml"]), unique=True),
            "sink": st.sampled_from(["shard", "logging", "both"]),
            "digest": st.sampled_from(["sha256", "blake2b"]),
            "max_text": st.integers(0, 10**6),
            "log_args": st.booleans(),
        },
    )
)
def test_another_process_gets_the_same_settings(arguments):
    """What ``environ`` gives is read back equal in any other working folder."""
    first = read_settings({}, arguments, "/here")
    second = read_settings(first.environ(), {}, "/elsewhere")
    assert second.problems == []
    for name in TABLE:
        assert getattr(second, name) == getattr(first, name)


def test_path_is_expanded(tmp_path, monkeypatch):
    """``~`` and ``$NAME`` in a path mean what they mean in a shell."""
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setenv("SCRATCH", "/scratch")
    assert read(tmp_path, {"PROVAGENT_STORE": "~/p"}).store == os.path.normpath("/home/u/p")
    assert read(tmp_path, {"PROVAGENT_STORE": "$SCRATCH/p"}).store == os.path.normpath("/scratch/p")


def test_bad_argument_of_run_is_told_before_the_program_begins(recorded):
    """``run`` with a bad setting runs nothing, and exits with 1."""
    done = recorded.run("-c", "print('ran')", check=False, PROVAGENT_SINK="pigeon")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("provagent: PROVAGENT_SINK: ")


def test_gone_working_folder_costs_the_record_alone(recorded):
    """A program that starts in a folder that was removed runs, with one line."""
    recorded.write("gone.py", "print('ran')\n")
    code = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    done = recorded.python(
        "-c", "import subprocess, sys; subprocess.run(['sh', '-c', sys.argv[1], 'sh', sys.executable, '-c', 'print(1)'])",
        code, PROVAGENT="",
    )  # fmt: skip
    assert done.stdout == "1\n"
    enabled = recorded.python(
        "-c", "import os, subprocess, sys; os.environ['PROVAGENT'] = '1'; subprocess.run(['sh', '-c', sys.argv[1], 'sh', sys.executable, '-c', 'print(1)'])",
        code,
    )  # fmt: skip
    assert enabled.stdout == "1\n"
    assert [line for line in enabled.stderr.splitlines() if line.startswith("provagent: ")] == [
        "provagent: start: SettingsError: the working folder does not exist any more; start in an existing folder; "
        "this process is not recorded"
    ]


def test_the_later_rule_for_a_target_counts_and_stands_later():
    """``b`` may match what ``a:f`` matches: which of them counts is told by their order."""
    settings = read_settings({}, {"level": "call,a:f=off,b=off,a:f=members"}, "/")
    assert list(each_of(settings, "level").items()) == [
        ("", "call"), ("b", "off"), ("a:f", "members"),
    ]  # fmt: skip
