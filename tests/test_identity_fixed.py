"""One table of digests, for every Python and every version of the libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import identity_values
import pytest

from provagent.identity.registry import identify

# Fixed for good: what was recorded with one version must be found with another.
DIGESTS = {
    "None": "8ce86a6ae65d3692",
    "bool": "e632b7095b0bf32c",
    "int": "e3efc30fcd765759",
    "float": "e4e1d9b6208a3452",
    "nan": "db71ad533db972bb",
    "-0.0": "cc456bd05fe76b51",
    "complex": "0fa1b6679fb0cb45",
    "str": "9281d8ae96ac38dd",
    "bytes": "f700b3461b3572aa",
    "datetime": "496e5a56504a01ab",
    "path": "c4d6a036ec4ea13e",
    "decimal": "381359493a3e4c8e",
    "enum": "b258fb7b8a9d1a3e",
    "tuple": "7e21753e89d4a4a9",
    "list": "270d95c9e4b3d440",
    "dict": "3211c6d15fdd39ab",
    "set": "8f3177677dc288ea",
    "dataclass": "893b367387a0f73a",
    "namedtuple": "90286e45a32ed54e",
    "attrs": "c56efd0e9e695eaa",
    "numpy scalar": "5179607470aae902",
    "array": "2e7a279fb187d23f",
    "transposed": "05aad5e3dd62cac0",
    "strided": "3736e615fea099d7",
    "masked": "04a7b2604c039834",
    "structured": "9007f1514d853e4b",
    "record": "19dacd931dc44c09",
    "object array": "887ed8a439dd2dcf",
    "datetime64": "d035939acb2fd6c6",
    "read-only": "7e59828eb36652a7",
    "no item": "451a3c453243288b",
    "scalar array": "4f602aa9d08908ba",
    "text array": "53a68b299a4511f7",
    "big": "db2277ab7f495ac7",
    "dtype": "85c70e485d36de5b",
    "quantity": "cdcaf030b277e1a9",
    "time": "fb9f516bff6b868f",
    "coordinate": "558a963bf240441d",
    "table": "e964b63c8f440cfd",
    "qtable": "8bcf0bba1900ac4d",
    "header": "dc18b0d64730d9cf",
    "hdu": "bb9ca923fe835787",
    "hdus": "4fb6331eada86fd0",
    "wcs": "502d2e2439f9b037",
    "series": "ea0d0ec7c356a491",
    "index": "21cee6af8c1b02cb",
    "long range": "1da0bb45cb487468",
    "multi-index": "7034caa7f24f7486",
    "categorical": "c9d653332d685d0d",
    "ordered": "0230f92a30cb061c",
    "integers": "3c950aced631efd4",
    "booleans": "6b85ed8d37c541d9",
    "periods": "7f9ec70377a8da7b",
    "intervals": "1467fa59e019e276",
    "sparse column": "a3ce0dda8f36482d",
    "data array": "2db4703124205516",
    "dataset": "4bff5e1cdb5e83db",
    "csr": "8e5c717e9d50b84a",
    "csc": "a0b4b26f937713f2",
    "coo": "87790ea3ce5a707f",
    "lil": "9db9356d62421b78",
    "dok": "299acf39b7631689",
    "dia": "920242a3664f12f4",
    "bsr": "169e80e227f45172",
    "csr matrix": "0b3637c2c0225530",
    "pint": "baa867f0f0de446f",
    "pint number": "a2feaf1dae7d2638",
    "pint unit": "d8e5517323ccc0ea",
}

# Content that earlier versions read in another way, by a name of their own
SECOND = {
    "frame": "8ec547d3bc546e0f",
    "strings": "bae86805058378d2",
    "zoned": "eda14655bc9f2e46",
    "timestamp": "6df09b65afbaa463",
}


@pytest.fixture(scope="module")
def values():
    return identity_values.every()


@pytest.mark.parametrize("name", DIGESTS)
def test_digest_is_the_one_in_the_table(values, name):
    """The first half of the digest of each value, as Python 3.11 took it."""
    identity = identify(values[name])
    assert (identity.identified, identity.sampled) == ("content", False)
    assert identity.digest.removeprefix("sha256:")[:16] == DIGESTS[name]


@pytest.mark.parametrize("name", SECOND)
def test_digest_has_another_name_where_it_changed(values, name):
    """What was recorded before is of another algorithm: neither equal nor changed."""
    identity = identify(values[name])
    assert (identity.identified, identity.sampled) == ("content", False)
    assert identity.digest.startswith(f"sha256.2:{SECOND[name]}")


def test_the_tables_are_whole(values):
    """Each of the values has a digest in a table, and no two have the same."""
    every = [*DIGESTS.values(), *SECOND.values()]
    assert sorted([*DIGESTS, *SECOND]) == sorted(values)
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_another_process_finds_the_same(seed):
    """Neither the process nor PYTHONHASHSEED has a part in a digest; dask's names hold too."""
    code = (
        "import identity_values as v; from provagent.identity.registry import identify;"
        "print({k: identify(x).digest for k, x in {**v.every(), **v.lazy()}.items()})"
    )
    environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    here = {**identity_values.every(), **identity_values.lazy()}
    assert eval(done.stdout) == {name: identify(value).digest for name, value in here.items()}
