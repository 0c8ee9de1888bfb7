"""``provagent.testing``: tests of a package with pytest and without."""

from __future__ import annotations

import os
import sys
from types import FunctionType

import pytest

from provagent import boot
from provagent.contract.errors import DefinitionError, ProvagentError, SettingsError
from provagent.testing import Recorded

LAB = """
class Spectrum:
    def __init__(self, counts):
        self.counts = counts
    def scaled(self, factor):
        return scale(self.counts, factor)

def scale(counts, factor=2.0):
    if factor < 0:
        raise ValueError("negative")
    return [each * factor for each in counts]

def save(counts, path):
    with open(path, "w") as stream:
        stream.write(repr(counts))
"""
DEFINITION = """
provagent: 1
targets: [labware]
activities:
  scale:
    parameters: [{name: factor, value: factor, max: 10}]
    usage: [{role: counts, value: counts, entity_description: Counts}]
    generation:
      - role: scaled
        value: result
        entity_description: Counts
        has_members: {list: result}
        has_progenitors: {value: counts, entity_description: Counts}
  save:
    usage: [{role: counts, value: counts, entity_description: Counts}]
    generation: [{role: file, location: path}]
  Spectrum.scaled: {description: A scaled copy}
entities:
  Counts: {description: Counts of each channel}
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A package that is imported already, with a definition beside it."""
    (tmp_path / "labware.py").write_text(LAB)
    (tmp_path / "provenance.yaml").write_text(DEFINITION)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    import labware

    yield labware
    del sys.modules["labware"]


def state(lab):
    return (
        lab.scale.__code__, vars(lab.Spectrum)["scaled"].__code__, dict(os.environ), list(sys.meta_path),
        boot.activation(),
    )  # fmt: skip


def test_values_roles_and_files(lab):
    """Parameters as Python has them, entities by role, files below the working folder."""
    with Recorded("provenance.yaml") as recorded:
        scaled = lab.scale([1, 2], factor=3.0)
        lab.save(scaled, "out.txt")
    scale = recorded.activity("scale")
    assert scale.parameters == {"factor": 3.0}
    assert scale.used["counts"].description == "Counts"
    made = scale.generated["scaled"]
    assert [each.value for each in made.members] == [3.0, 6.0]
    assert [each.digest for each in made.progenitors] == [scale.used["counts"].digest]
    save = recorded.activity("save")
    assert save.used["counts"].digest == made.digest
    assert save.generated["file"].location == "out.txt"
    assert save.generated["file"].digest.startswith("sha256:")
    assert (scale.status, scale.parent, scale.mismatches) == ("ok", None, [])


def test_nothing_is_left(lab):
    """Functions, methods, variables and finders are what they were; no folder stays."""
    before = state(lab)
    with Recorded("provenance.yaml") as recorded:
        assert lab.scale.__code__ is not before[0]
        folder = recorded._folder.name
        lab.scale([1])
    assert state(lab) == before
    assert not os.path.exists(folder)


def test_twice_and_apart(lab):
    """Each with statement has its own record."""
    for factor in (1.0, 2.0):
        with Recorded("provenance.yaml") as recorded:
            lab.scale([1], factor)
        assert [each.parameters for each in recorded.activities] == [{"factor": factor}]


def test_exception_passes_and_is_recorded(lab):
    """The error of the call is the test's to expect; the record says it."""
    recorded = Recorded("provenance.yaml")
    with pytest.raises(ValueError, match="negative"), recorded:
        lab.scale([1], -1)
    assert recorded.activity("scale").error == "builtins:ValueError"
    assert state(lab)[4] is None


def test_calls_inside_calls(lab):
    """A parent is named, and the story is indented."""
    with Recorded("provenance.yaml") as recorded:
        lab.Spectrum([1, 2]).scaled(20.0)
    assert recorded.activity("scale").parent == "Spectrum.scaled"
    recorded.check("""
        Spectrum.scaled
            scale
              factor = 20.0
              used counts: Counts
              made scaled: Counts
                member 20.0
                member 40.0
                from Counts
              differs from its description: parameter factor: 20.0 is more than 10
    """)


def test_story_is_the_same_each_time_and_its_difference_readable(lab):
    """No id, time or folder in it; what differs is marked."""
    stories = set()
    for _ in range(2):
        with Recorded("provenance.yaml") as recorded:
            lab.save([1], os.path.abspath("out.txt"))
        stories.add(recorded.story(digests=True))
    (story,) = stories
    assert story.startswith("save\n  used counts: Counts  sha256:")
    with pytest.raises(AssertionError) as caught:
        recorded.check("save\n  used counts: Counts\n  made file: other.txt\n")
    lines = str(caught.value).splitlines()
    assert "-  made file: other.txt" in lines
    assert "+  made file: out.txt" in lines
    assert "   used counts: Counts" in lines


def test_names_that_the_test_imported_are_woven_for_the_while(lab):
    """``from labware import scale`` in a test is recorded as well."""
    namespace = {"Recorded": Recorded, "scale": lab.scale}
    code = "with Recorded('provenance.yaml') as recorded:\n    scale([1])\n"
    exec(code, namespace)
    assert namespace["recorded"].activity("scale").parameters == {"factor": 2.0}
    assert namespace["scale"] is lab.scale
    assert type(lab.scale) is FunctionType


def test_targets_without_a_definition(lab):
    """A call that nothing describes has its arguments and its result."""
    with Recorded(targets="labware:scale") as recorded:
        lab.scale([1], factor=4)
    assert recorded.activity("scale").parameters == {"factor": 4, "counts": [1]}


def test_what_is_missing_is_said(lab):
    """Which activities there are, and what became of the targets."""
    text = DEFINITION.replace("targets: [labware]", "targets: ['labware:scale', 'labware:nothing']")
    with open("provenance.yaml", "w") as stream:
        stream.write(text)
    with Recorded("provenance.yaml", lenient=True) as recorded:
        lab.scale([1])
        lab.scale([2])
    with pytest.raises(
        AssertionError, match="0 activities 'save' were recorded; recorded activities: scale, scale"
    ) as caught:
        recorded.activity("save")
    assert "labware:nothing is missing" in str(caught.value)
    with pytest.raises(AssertionError, match="2 activities 'scale'"):
        recorded.activity("scale")


def test_path_that_fails_fails_the_test(lab):
    """A definition that does not fit is told at the end of the with statement."""
    with open("provenance.yaml", "w") as stream:
        stream.write(DEFINITION.replace("value: counts,", "value: counts.nothing,"))
    with (
        pytest.raises(
            AssertionError, match="the record is incomplete:\nlabware:scale: role 'counts'"
        ),
        Recorded("provenance.yaml"),
    ):
        lab.scale([1])
    with Recorded("provenance.yaml", lenient=True) as recorded:
        lab.scale([1])
    assert "no attribute 'nothing'" in recorded.complaints[0]


def test_nothing_called_is_an_empty_record(lab):
    """No activity, and no failure."""
    with Recorded("provenance.yaml") as recorded:
        pass
    assert recorded.activities == []
    assert recorded.story() == ""


def test_bad_input_is_told_at_once(lab, tmp_path):
    """A definition with problems, none at all, a setting that is unknown; nothing stays woven."""
    (tmp_path / "bad.yaml").write_text("activities: {f: {usge: 1}}\n")
    with pytest.raises(DefinitionError, match='did you mean "usage"?'), Recorded("bad.yaml"):
        pass
    with pytest.raises(DefinitionError, match="cannot be read"), Recorded("nowhere.yaml"):
        pass
    with pytest.raises(SettingsError, match="colour"), Recorded(colour="red"):
        pass
    assert boot.activation() is None
    with pytest.raises(ProvagentError, match="after the with statement"):
        Recorded("provenance.yaml").run  # noqa: B018


def test_it_does_not_nest(lab):
    """The state of a process is one: the inner is refused, the outer goes on."""
    with Recorded("provenance.yaml") as outer:
        with (
            pytest.raises(ProvagentError, match="is recorded already"),
            Recorded("provenance.yaml"),
        ):
            pass
        lab.scale([1])
    assert len(outer.activities) == 1


TESTS = """
import labware
import pytest
from labware import scale

@pytest.mark.parametrize("factor", [float(number) for number in range(8)])
def test_scale(provenance, factor):
    with provenance(definition="provenance.yaml") as recorded:
        scale([1], factor)
    assert recorded.activity("scale").parameters == {"factor": factor}
    assert type(labware.scale) is type(test_scale)

def test_differs(provenance):
    with provenance(definition="provenance.yaml") as recorded:
        labware.save([1], "out.txt")
    recorded.check("save\\n  used counts: Counts\\n  made file: in.txt")
"""
UNITTEST = """
import sys, unittest
from provagent.testing import Recorded
import labware

class Scale(unittest.TestCase):
    def test_scale(self):
        with Recorded("provenance.yaml") as recorded:
            labware.scale([1], 2.0)
        self.assertEqual(recorded.activity("scale").parameters, {"factor": 2.0})
        self.assertNotIn("pytest", sys.modules)
"""


def test_fixture_in_a_package_under_xdist(recorded):
    """Eight tests in two workers pass; the ninth fails with a difference that can be read."""
    recorded.write("labware.py", LAB)
    recorded.write("provenance.yaml", DEFINITION)
    recorded.write("conftest.py", 'pytest_plugins = ["provagent.testing"]\n')
    recorded.write("test_lab.py", TESTS)
    done = recorded.python("-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", check=False)
    assert done.returncode == 1
    assert "1 failed, 8 passed" in done.stdout
    assert "-  made file: in.txt" in done.stdout
    assert "+  made file: out.txt" in done.stdout
    assert not recorded.store.exists()


def test_without_pytest(recorded):
    """unittest needs nothing but the context manager."""
    recorded.write("labware.py", LAB)
    recorded.write("provenance.yaml", DEFINITION)
    recorded.write("test_lab.py", UNITTEST)
    done = recorded.python("-m", "unittest", "-v", "test_lab")
    assert "OK" in done.stderr


def test_it_is_loaded_in_nobody_s_tests_unasked(recorded):
    """No entry point of pytest: a run that does not ask for it has no such fixture."""
    recorded.write("test_it.py", "def test_it(provenance): pass\n")
    done = recorded.python("-m", "pytest", "-q", "-p", "no:cacheprovider", check=False)
    assert "fixture 'provenance' not found" in done.stdout
