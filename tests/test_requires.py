"""``requires``: the installed versions for which a definition is used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provagent.contract.pep440 import satisfies
from provagent.definition.requires import unmet

MET = [
    ("2.1", ">=1.2"), ("2.1", ">=1.2,<3"), ("1.2", ">=1.2"), ("1.10", ">1.9"), ("1.2.0", "==1.2"),
    ("1.2.5", "==1.2.*"), ("1.3", "!=1.2.*"), ("1.4.5", "~=1.4.2"), ("1.9", "~=1.4"),
    ("2.1rc1", "<2.2"), ("2.1rc1", ">=2.0"), ("2.1.dev5+g123", "<2.2"), ("2.1+cu118", "==2.1"), ("2.1+local", ">=2.1"),
    ("v1.0", "==1.0"), ("1.0.post1", ">=1.0"), ("1.0", ""), ("1.0", " >= 0.9 , < 2 "),
]  # fmt: skip
UNMET = [
    ("1.1", ">=1.2"), ("3.0", ">=1.2,<3"), ("1.9", ">1.10"), ("2.1rc1", ">=2.1"), ("2.0", "~=1.4"),
    ("1.5.0", "~=1.4.2"), ("1.20", "==1.2.*"), ("1.2.1", "!=1.2.*"), ("1.0", "about 1"),
    ("1.0", "===1.0.0"), ("2.1rc1", "<2.1"), ("1.0.post1", ">1.0"), ("unknown", ">=1"),
]  # fmt: skip


@pytest.mark.parametrize(("version", "specifier"), MET)
def test_version_that_fits(version, specifier):
    """Releases compare number by number, and pre-releases come before their release."""
    assert satisfies(version, specifier)


@pytest.mark.parametrize(("version", "specifier"), UNMET)
def test_version_that_does_not_fit(version, specifier):
    """One clause that is not met, or cannot be read, is enough."""
    assert not satisfies(version, specifier)


releases = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(
    lambda parts: ".".join(map(str, parts))
)


@given(releases, releases)
def test_versions_are_in_order(one, other):
    """Of less, equal and greater exactly one holds, and ``<=`` is less or equal."""
    held = [satisfies(one, sign + other) for sign in ("<", "==", ">")]
    assert sum(held) == 1
    assert satisfies(one, "<=" + other) == (held[0] or held[1])
    assert satisfies(one, "!=" + other) == (not held[1])
    assert satisfies(other, ">" + one) == held[0]


def test_what_is_unmet_is_said():
    """A package that is absent, or of another version, with what is there; else nothing."""
    assert unmet({"click": ">=1"}) == ""
    assert unmet({}) == ""
    assert unmet({"no-such-package": ">=1"}) == "no-such-package is not installed"
    said = unmet({"click": ">=1", "pytest": ">=999"})
    assert said.startswith("requires pytest >=999; ")
    assert said.endswith(" is installed")
