"""Common mistakes in a definition: each has one clear error, with a remedy."""

from __future__ import annotations

import os
import sys

import pytest
from click.testing import CliRunner

from provagent.cli import main

LAB = """\
def fit(x, order=2): return x * order
class Gauge:
    def load(self, path): return open(path).read()
"""
HEAD = "provagent: 1\ntargets: ['tideline.model:fit']\n"
FIT = f"{HEAD}activities:\n  fit:\n"
# The text, the place, and parts of the message: what is wrong, and the remedy.
MISTAKES = {
    "indentation": (
        f"{FIT}   description: Fit\n    parameters:\n      - name: period\n",
        "6:15", "the indentation of 4 spaces does not fit line 5", "same number of spaces",
    ),
    "tab": ("targets:\n\t- tideline.model\n", "2:1", "a tab indents the line", "replace tabs"),
    "key": (f"{FIT}    parameter: []\n", "5:5", 'unknown key "parameter"', 'did you mean "parameters"?'),
    "section": ("activites: {fit: {}}\n", "1:1", 'unknown key "activites"', '"activities"?'),
    "no role": (f"{FIT}    usage: [{{value: x}}]\n", "5:13", 'missing key "role"', "add role:"),
    "entity": (
        f"{FIT}    usage: [{{role: r, value: x, entity_description: Guage}}]\nentities: {{Gauge: {{}}}}\n",
        "5:53", '"Guage" is not described in entities', 'did you mean "Gauge"?',
    ),
    "limit": (
        f"{FIT}    parameters: [{{name: x, min: twelve}}]\n",
        "5:18", 'min "twelve" is not a number', "write a number",
    ),
    "bracket": (
        f'{FIT}    generation: [{{role: r, value: results["a"]}}]\n',
        "5:42", "a bracket or comma", "put texts that contain brackets",
    ),
    "mapping for a list": (
        f"{FIT}    parameters:\n      period: {{unit: h}}\n",
        "6:7", "expected a list, found a mapping", 'write each item as "- name: period"',
    ),
    "forgotten hyphen": (
        f"{FIT}    usage: {{role: r, value: x}}\n", "5:12", "found a mapping", 'write "- " before',
    ),
    "list for a mapping": (
        f"{HEAD}activities:\n  - fit: {{}}\n", "4:3", "expected a mapping, found a list", 'without "- "',
    ),
    "text for a list": (
        "targets: tideline.model:fit\n", "1:10", "expected a list, found a text",
        'write ["tideline.model:fit"]',
    ),
    "text for a mapping": (
        f"{FIT}    parameters: [order]\n", "5:18", "must be a mapping", "write {name: order}",
    ),
    "function of a value": (
        f"{FIT}    parameters: [{{name: n, value: len(x)}}]\n",
        "5:35", 'the argument "x" is not a literal', "write a number",
    ),
    "calculation": (
        f"{FIT}    parameters: [{{name: n, value: x * 2}}]\n", "5:35", 'unexpected "*"', "cannot calculate",
    ),
    "role twice": (
        f"{FIT}    usage: [{{role: d, value: x}}, {{role: d, value: order}}]\n",
        "5:12", 'role "d" is used 2 times', "its own role",
    ),
    "key twice": (
        f"{FIT}    description: a\n    description: b\n", "6:5", 'duplicate key "description"', "remove",
    ),
    "unquoted colon": (f"{FIT}    description: A fit: of x\n", "5:23", "contains ': '", "in quotes"),
    "unquoted at": (f"{FIT}    description: @home\n", "5:18", 'begins with "@"', "in quotes"),
    "unquoted star": (f"{FIT}    description: *.fits\n", "5:", 'begins with "*"', "in quotes"),
    "windows path": (
        f'{FIT}    docurl: "C:\\Users\\x"\n', "5:", "unknown escape in double quotes", "single quotes",
    ),
    "open quote": ('description: "x\n', "2:1", "is not closed", "close it"),
    "two documents": (f"{HEAD}---\na: 1\n", "3:1", "more than one document", "remove the line ---"),
    "version as a number": ("requires: {numpy: 1.26}\n", "1:19", "not a version specifier", "'>=1.2'"),
    "newer format": ("provagent: 2\n", "1:12", "format 2 is newer", "upgrade provagent"),
    "word": (f"{FIT}    level: parameter\n", "5:12", 'unknown value "parameter"', '"parameters"?'),
    "number": (f"{FIT}    max_calls: many\n", "5:16", "not a whole number", "write a number"),
    "= for ==": (
        f"{FIT}    parameters: [{{name: x, when: x = 3}}]\n", "5:34", "= is not a comparison", "write ==",
    ),
    "call as a target": (
        "targets: ['tideline.model:fit()']\n", "1:11", "is not a target", '"tideline.model:fit"?',
    ),
    "file as a target": (
        "targets: [tideline/model.py:fit]\n", "1:11", "is not a target", '"tideline.model:fit"?',
    ),
    "blank in a target": (
        "targets:\n- tideline.model: fit\n", "2:3", 'missing key "target"', '"tideline.model:fit"?',
    ),
    "dot in a target": (
        "targets: [tideline.model.fit]\n", "1", "no module tideline.model.fit", '"tideline.model:fit"?',
    ),
    "empty": ("", "1", "the file is empty", "add targets: and activities:"),
    "not a mapping": ("activities\n", "1:1", "not a mapping", "begin with targets:"),
}  # fmt: skip
# Found with --import alone: these need the installed package.
DRIFT = {
    "function": ("targets: ['tideline.model:fitt']\n", 'has no "fitt"', 'did you mean "fit"?'),
    "module": ("targets: ['tideline.modle:fit']\n", "no module", '"tideline.model"?'),
    "method": ("targets: ['tideline.model:Gauge.lod']\n", 'has no "lod"', '"load"?'),
    "module as a class": ("targets: ['tideline:model.fit']\n", "model is a module", '"tideline.model:fit"?'),
    "parameter": (f"{FIT}    parameters: [{{name: ordr}}]\n", 'no parameter "ordr"', '"order"?'),
    "argument": (f"{FIT}    usage: [{{role: r, value: 'args[3]'}}]\n", "takes only 2", "x, order"),
    "activity": (f"{HEAD}activities: {{fitt: {{}}}}\n", 'the callable "fitt"', '"fit"?'),
}  # fmt: skip


@pytest.fixture
def check(tmp_path, monkeypatch):
    package = tmp_path / "tideline"
    package.mkdir()
    (package / "__init__.py").write_text("from tideline import model\n")
    (package / "model.py").write_text(LAB)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "tideline"]:
        del sys.modules[name]

    def lines_of(content, *options):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "d.yaml").write_bytes(data)
        return CliRunner().invoke(main, ["check", *options, "d.yaml"]).output.splitlines()

    yield lines_of
    for name in [name for name in sys.modules if name.partition(".")[0] == "tideline"]:
        del sys.modules[name]


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake_has_one_error_with_its_place_and_remedy(check, case):
    """``file:line:column: path: what is wrong; what to do``, and nothing besides."""
    text, place, what, remedy = MISTAKES[case]
    line = next(line for line in check(text) if ": no errors (" not in line)
    assert line.startswith(f"d.yaml:{place}")
    assert what in line
    assert remedy in line.partition(what)[2]
    assert len([one for one in check(text) if ": no errors (" not in one]) == 1


@pytest.mark.parametrize("case", DRIFT)
def test_mistake_against_the_installed_package(check, case):
    text, what, remedy = DRIFT[case]
    (line,) = check(text, "--import")
    assert what in line
    assert remedy in line.partition(what)[2]


def test_what_is_no_mistake(check):
    """YAML's yes and on are names, a byte order mark is none of the text, args[0] needs no name."""
    assert check(f"{FIT}    usage: [{{role: on, value: x}}]\n")[0].startswith("d.yaml: no errors (")
    assert check(b"\xef\xbb\xbf" + HEAD.encode()) == [
        "d.yaml: no errors (targets: 1, activities: 0); not compared with the installed packages "
        "(--import does)"
    ]
    builtin = "targets: ['builtins:print']\nactivities: {print: {parameters: [{name: x, value: 'args[0]'}]}}\n"
    assert ": no errors (" in check(builtin, "--import")[0]


def test_callable_without_a_signature(check):
    """Its arguments have no names that Python knows: ``args[0]`` is right, a name is not."""
    text = "targets: ['math:hypot']\nactivities: {{hypot: {{parameters: [{{name: x, value: '{}'}}]}}}}\n"
    assert ": no errors (" in check(text.format("args[0]"), "--import")[0]
    (line,) = check(text.format("side"), "--import")
    assert line.endswith(
        'math:hypot has no signature that Python can read; write args[0], or kwargs["side"]'
    )


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("nosuch.yaml", "nosuch.yaml:1: cannot be read: no such file or directory; give the path"),
        ("tideline", "tideline:1: cannot be read: is a folder; give the path"),
        ("model.py", "model.py:1: .py is not the suffix of a definition; give the path"),
    ],
)
def test_wrong_file(check, name, what):
    check(HEAD)
    os.rename("tideline/model.py", "model.py")
    assert CliRunner().invoke(main, ["check", name]).output.startswith(what)


def test_target_with_a_dot_on_the_command_line(recorded):
    """It is told before the program runs, which runs all the same."""
    recorded.write("lab.py", "def fit(): return 1\n")
    recorded.is_verb_started = True
    done = recorded.run("--target", "lab.fit", "-c", "import lab; print(lab.fit())")
    assert done.stdout == "1\n"
    assert (
        done.stderr == 'provagent: --target lab.fit: no module lab.fit; did you mean "lab:fit"?\n'
    )


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["shwo"], 'no verb "shwo"; did you mean "show"?'),
        (["analysis.py"], 'did you mean "provagent run analysis.py"?'),
        (["xyzzy"], 'no verb "xyzzy"; see provagent --help'),
    ],
)
def test_wrong_verb(words, hint):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert hint in done.stderr
