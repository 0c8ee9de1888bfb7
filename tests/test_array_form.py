"""Dtype, shape and unit of an array: in its event, in a document and in the output of ``show``."""

from __future__ import annotations

import numpy as np
import pytest

ARRAYS = {
    "float": (lambda: np.zeros((20, 3)), "float64", [20, 3]),
    "scalar": (lambda: np.array(1.0), "float64", []),
    "big endian": (lambda: np.zeros(2, ">i2"), ">i2", [2]),
    "time": (lambda: np.zeros(2, "M8[s]"), "datetime64[s]", [2]),
    "fields": (lambda: np.zeros(2, [("ra", "f4")]), "[('ra', '<f4')]", [2]),
    "subclass": (lambda: Odd((2, 5), "f4"), "float32", [2, 5]),
    "masked": (lambda: np.ma.zeros(3, "i4"), "int32", [3]),
}


class Odd(np.ndarray):
    """Its own attributes are not what numpy's are."""

    @property
    def dtype(self):
        raise ValueError

    @property
    def shape(self):
        raise ValueError


@pytest.mark.parametrize("kind", ARRAYS)
def test_array_has_its_dtype_and_its_shape(woven, kind):
    subject = woven.module("def make(of): return of()", "subject:make")
    make, dtype, shape = ARRAYS[kind]
    subject.make(make)
    (entity,) = [one for one in woven.events("entity") if one.get("class") != "builtins:function"]
    assert (entity["dtype"], entity["shape"]) == (dtype, shape)


def test_dtype_of_many_fields_is_cut(woven):
    subject = woven.module("def make(of): return of()", "subject:make")
    subject.make(lambda: np.zeros(2, [(f"field_{n}", "f4") for n in range(100)]))
    (dtype,) = [one["dtype"] for one in woven.events("entity") if "dtype" in one]
    assert dtype.startswith("[('field_0', '<f4'), ")
    assert dtype.endswith("...")
    assert len(dtype) == 203


def test_what_is_no_array_has_neither(woven):
    subject = woven.module("def make(of): return of()", "subject:make")
    subject.make(lambda: [1.0, 2.0, 3.0])
    assert not any(one.keys() & {"dtype", "shape"} for one in woven.events("entity"))


def test_story_and_document_say_what_an_array_is(recorded):
    recorded.write("s.py", "import numpy as np\ndef make(): return np.ones((4, 2), 'f4')\nmake()\n")
    recorded.run("--target", "__main__:make", "s.py")
    told = recorded.python("-m", "provagent", "show").stdout
    assert "made result  float32 (4, 2)  sha256:" in told
    document = recorded.python("-m", "provagent", "export", "--to", "provn").stdout
    (line,) = [line for line in document.splitlines() if "provagent:dtype" in line]
    assert 'provagent:dtype="float32", provagent:valueType="float"' in line
    assert 'provagent:arraysize="2x4"' in line
