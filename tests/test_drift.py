"""``provagent check --import``: a definition compared with what is installed."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner
from conftest import ROOT

from provagent.cli import main

LAB = """
LIMIT = 3

def calibrate(path, gain=2.0, *, mask=None):
    return LIMIT

def anything(*args, **kwargs):
    pass

class Base:
    def __init__(self, order):
        self.order = order

    def inherited(self):
        pass

class Fit(Base):
    kind: str

    def run(self, flux):
        self.flux = flux

    def write(self, filename): pass

class Other:
    def write(self, path): pass

class Free:
    def __getattr__(self, name):
        return name

    def run(self, x): pass
"""


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Checks a definition of the package ``driftlab``, as JSON."""
    package = tmp_path / "driftlab"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "spectra.py").write_text(LAB)
    (package / "broken.py").write_text("import nosuchpackage\n")
    (package / "exits.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()

    def run(text):
        file = tmp_path / "d.yaml"
        file.write_text(textwrap.dedent(text).lstrip())
        done = CliRunner().invoke(main, ["check", "--import", "--json", str(file)])
        (checked,) = json.loads(done.stdout)
        assert done.exit_code == bool(checked["problems"])
        return checked

    yield run
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "driftlab"]:
        del sys.modules[name]


def told(problems):
    return [(one["line"], one["path"], one["what"], one["remedy"]) for one in problems]


def test_what_is_there_is_no_drift(check):
    """Parameters, attributes that code stores, inherited ones, annotations, globals, kwargs."""
    checked = check("""
        targets: [driftlab.spectra]
        activities:
          calibrate:
            parameters: [{name: gain}, {value: kwargs.mask}, {value: "args[1]"}, {value: LIMIT}]
            usage: [{role: r, location: path}]
            generation: [{role: s, value: result.x, has_progenitors: {value: path}}]
          anything: {parameters: [{value: kwargs.all}, {name: n, value: "args[7]"}]}
          Fit.run:
            parameters: [{name: same, value: self.order}, {value: order}, {value: kind}, {value: flux}]
          inherited: {parameters: [{value: order.real}]}
          Free.run: {parameters: [{value: self.whatever}]}
    """)
    assert (checked["problems"], checked["warnings"]) == ([], [])


@pytest.mark.parametrize(
    ("target", "what", "remedy"),
    [
        ("driftlab.spectra:calibrat", 'has no "calibrat"', 'did you mean "calibrate"?'),
        ("driftlab.spectra:Fit.rum", 'class Fit has no "rum"', 'did you mean "run"?'),
        ("driftlab.spectre:Fit", "no module driftlab.spectre", '"driftlab.spectra"'),
        ("driftlab.spectra:Fti*", "no installed function or class matches", "use a name of"),
        ("driftlab.spectra:LIMIT", "is not a function, method or class", "use a name of"),
        ("nosuch.thing:x", "no module nosuch", "install its package, or check the name"),
        ("driftlab.broken:x", "No module named 'nosuchpackage'", "use a name of"),
        ("driftlab.exits:x", "cannot be imported: SystemExit: 3", "use a name of"),
        ("__main__:f", "__main__ is the program itself", "write the name of its module"),
    ],
)
def test_targets_that_are_not_there(check, target, what, remedy):
    """Each is a problem on its line, with the nearest name that there is."""
    checked = check(f"""
        targets:
          - driftlab.spectra:Other
          - "{target}"
    """)
    ((line, path, found, right),) = told(checked["problems"])
    assert (line, path) == (3, "targets[1]")
    assert what in found
    assert remedy in right


def test_globs_over_modules_pass_over_what_cannot_be_imported(check):
    """A module that needs what is not installed would not be woven either."""
    assert check("targets: ['driftlab.**:Fit.run']")["problems"] == []


def test_what_modules_print_and_tests_are_not_ours(check, tmp_path, capfd):
    """Globs do not import tests; what a module prints does not come between."""
    tests = tmp_path / "driftlab" / "tests"
    tests.mkdir()
    (tests / "__init__.py").write_text("")
    (tests / "test_it.py").write_text("raise SystemError('imported')\n")
    (tmp_path / "driftlab" / "loud.py").write_text("print('loud')\ndef f(): pass\n")
    checked = check("targets: [driftlab.**:f]\nactivities: {f: {description: x}}")
    assert (checked["problems"], checked["warnings"]) == ([], [])
    import sys

    assert "driftlab.loud" in sys.modules
    assert "driftlab.tests.test_it" not in sys.modules


def test_paths_and_activities_that_are_not_there(check):
    """Each fault is told once, at its description, surely where the signature decides."""
    checked = check("""
        requires: {click: ">=1", wrapt: ">=99"}
        targets: [driftlab.spectra]
        activities:
          calibrate:
            parameters: [{value: gian}, {value: kwargs.gaim}]
            usage:
              - {role: r, location: "args[2]"}
              - {role: s, value: self.x}
          calibrat:
          Fit.run:
            parameters: [{value: fluxx}, {value: ordr}]
          write: {parameters: [{value: filename}]}
          Free.write:
    """)
    assert told(checked["problems"]) == [
        (1, "requires", _unmet(), "the definition is not used with this version"),
        (
            5,
            "activities.calibrate.parameters[0].value",
            'driftlab.spectra:calibrate has no parameter "gian"',
            'did you mean "gain"?',
        ),
        (
            5,
            "activities.calibrate.parameters[1].value",
            'driftlab.spectra:calibrate has no parameter "gaim"',
            'did you mean "gain"?',
        ),
        (
            7,
            "activities.calibrate.usage[0].location",
            "driftlab.spectra:calibrate takes only 2 positional arguments",
            "its parameters are path, gain, mask",
        ),
        (
            8,
            "activities.calibrate.usage[1].value",
            "driftlab.spectra:calibrate has no self",
            "begin the path with a parameter",
        ),
        (
            9,
            "activities.calibrat",
            'no target contains the callable "calibrat"',
            'did you mean "calibrate"?',
        ),
        (
            13,
            "activities['Free.write']",
            'no target contains the callable "Free.write"',
            'did you mean "Fit.write"?',
        ),
    ]
    assert [(one["line"], one["remedy"]) for one in checked["warnings"]] == [
        (11, 'did you mean "flux"?'),
        (11, 'did you mean "order"?'),
    ]


def _unmet():
    from importlib.metadata import version

    return f"requires wrapt >=99; version {version('wrapt')} is installed"


def test_file_that_is_opened(check):
    """Its name and its mode are paths like others; a mode in quotes is none."""
    checked = check("""
        targets: ["driftlab.spectra:calibrate", "driftlab.spectra:Other.write"]
        activities:
          calibrate: {opens: {file: paht, mode: mod}}
          write: {opens: {file: path, mode: "'w'"}}
    """)
    assert [(one["path"], one["remedy"]) for one in checked["problems"]] == [
        ("activities.calibrate.opens.file", 'did you mean "path"?'),
        ("activities.calibrate.opens.mode", "its parameters are path, gain, mask"),
    ]


def test_no_targets_is_a_warning(check):
    """An older definition can't be compared, and says so."""
    checked = check("activities: {f: }")
    assert checked["problems"] == []
    assert "no targets to compare" in checked["warnings"][0]["what"]


SHIPPED = sorted((ROOT / "definitions").glob("*.yaml"))
MARKS = {"gammapy": [pytest.mark.gammapy]}


@pytest.mark.parametrize(
    "definition",
    [pytest.param(file, id=file.stem, marks=MARKS.get(file.stem, ())) for file in SHIPPED],
)
def test_shipped_definition_has_not_drifted(definition):
    """Each is right for the package that is installed."""
    pytest.importorskip(definition.stem)
    # In a process of its own, as a user would: packages print and warn when all of them is imported.
    command = [sys.executable, "-m", "provagent", "check", "--import", str(definition)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n") == 1
    assert f"{definition}: no errors (" in done.stdout
