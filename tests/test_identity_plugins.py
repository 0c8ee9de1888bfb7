"""Identities that installed packages define for their own types: loaded late, without other effects."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from conftest import ROOT

LAB = """
class Event:
    def __init__(self, name):
        self.name = name

class Late(Event):
    pass

class Bad:
    pass
"""
PLUGIN = """
print("loaded lab_identifiers")

def identifiers():
    return {"lab:Event": lambda value: value.name, "lab:Bad": lambda value: value.nothing}
"""
OTHER = """
print("loaded other_identifiers")
TABLE = {"far:Star": lambda value: value.name}
"""


@pytest.fixture
def site(tmp_path):
    """A folder like site-packages, in which packages offer identifiers; runs code there."""

    def install(name, entry_points):
        folder = tmp_path / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
        (folder / "entry_points.txt").write_text(f"[provagent.identifiers]\n{entry_points}\n")

    def run(code):
        done = subprocess.run(
            [sys.executable, "-c", "from provagent.identity.registry import identify\n" + textwrap.dedent(code)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.split("\n"), done.stderr

    (tmp_path / "lab.py").write_text(LAB)
    (tmp_path / "lab_identifiers.py").write_text(PLUGIN)
    (tmp_path / "other_identifiers.py").write_text(OTHER)
    (tmp_path / "far.py").write_text("class Star:\n    name = 'a'\n")
    install("lab", "lab = lab_identifiers:identifiers")
    install("other", "something = other_identifiers:TABLE")
    run.install = install
    return run


def test_a_package_is_asked_when_a_type_of_it_is_met(site):
    """Not by Python's own types, once, before the first of its values; a dict or a function."""
    told, errors = site("""
        import lab
        identify([1, {"a": b"b"}, print])
        print("-")
        one, other = identify(lab.Event("a")), identify(lab.Event("b"))
        print(one.identified, one == identify([lab.Event("a")][0]), one != other)
        print(identify(lab.Late("a")).digest not in (None, one.digest))
    """)
    assert told == ["-", "loaded lab_identifiers", "content True True", "True", ""]
    assert errors == ""


def test_others_are_asked_when_a_type_is_unknown(site):
    """An offer under another name is loaded when nothing else knows the type."""
    told, _ = site("""
        import far
        print(identify(far.Star()).digest is not None)
    """)
    assert told == ["loaded lab_identifiers", "loaded other_identifiers", "True", ""]


def test_the_lines_of_the_page_work(site, tmp_path):
    """What docs/how-to/describe.md shows, pasted into a package that has such a class."""
    page = (ROOT / "docs" / "how-to" / "describe.md").read_text()
    code = page.partition("# nightsky/identity.py\n")[2].partition("```")[0]
    entry = page.partition('[project.entry-points."provagent.identifiers"]\n')[2].partition("```")[
        0
    ]
    name, _, value = entry.strip().partition(" = ")
    (tmp_path / "nightsky").mkdir()
    (tmp_path / "nightsky" / "__init__.py").touch()
    (tmp_path / "nightsky" / "identity.py").write_text(code)
    (tmp_path / "nightsky" / "stars.py").write_text(
        "class Star:\n    def __init__(self, name):\n"
        "        self.name, self.position, self.magnitudes = name, (1.0, 2.0), [3.0]\n"
    )
    site.install("nightsky", f"{name} = {value.strip(chr(34))}")
    told, errors = site("""
        from nightsky.stars import Star
        one, other = identify(Star("Vega")), identify(Star("Deneb"))
        print(one.identified, one == identify(Star("Vega")), one != other)
    """)
    assert told[-2:] == ["content True True", ""]
    assert errors == ""


BROKEN = {
    "no such module": "lab = nowhere:identifiers",
    "no such name": "lab = lab_identifiers:nothing",
    "no dict": "lab = lab:LAB",
    "no path": "lab = lab_identifiers",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_an_offer_that_fails_is_left_out(site, broken):
    """It is told in one line, and costs its own types' digests alone."""
    site.install("broken", BROKEN[broken])
    told, errors = site("""
        import far, lab
        print(identify(lab.Event("a")).digest is not None, identify(far.Star()).digest is not None)
    """)
    assert told[-2:] == ["True True", ""]
    assert errors.count("\n") == 1
    assert errors.startswith(f"provagent: identifiers: {BROKEN[broken]}: ")


def test_a_function_that_fails_costs_the_digest_alone(site):
    """Its value is known by itself; told once."""
    told, errors = site("""
        import lab
        print([identify([lab.Bad()]).identified for _ in range(3)])
    """)
    assert told[-2:] == ["['id', 'id', 'id']", ""]
    assert errors.count("\n") == 1
    assert "lab:Bad: AttributeError" in errors
