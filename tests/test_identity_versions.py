"""One table of digests is valid for every Python and every version of the libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import digests_of_values
import pytest

TABLE = json.loads(digests_of_values.TABLE.read_text())
LEAST = 400  # kinds


@pytest.fixture(scope="module")
def found():
    return digests_of_values.found()


@pytest.mark.parametrize("kind", digests_of_values.every())
def test_a_digest_is_that_of_the_table(found, kind):
    """It hangs on the content: not on versions, byte order, memory order, or how it is stored."""
    assert found[kind] == TABLE[kind]


def test_the_table_is_whole(found):
    """Every kind has a digest of content, which no other kind has."""
    assert set(found) <= set(TABLE)
    assert set(TABLE) - set(found) <= {"numpy: array of StringDType"}  # numpy 1 has none
    assert len(TABLE) >= LEAST
    assert all(one.startswith(("sha256:", "sha256.2:")) for one in TABLE.values())
    assert len(set(TABLE.values())) == len(TABLE)


def test_another_process_with_another_seed_finds_the_same(found):
    """The script prints each kind and its digest, and that nothing differs."""
    done = subprocess.run(
        [sys.executable, digests_of_values.__file__],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    *lines, last = done.stdout.splitlines()
    assert last == f"0 of {len(found)} differ"
    assert dict(line.split("\t") for line in lines) == found
