"""Selectors: the value of each path of a definition in a call."""

from __future__ import annotations

import os

import pytest

from provagent.definition.path import Path, PathError
from provagent.recording.capture.lookup import Missing
from provagent.recording.capture.selectors import Signature, compile_selector, or_else, select_path


def function(x, y=2, *rest, z=3, needed=None, **more):
    pass


function.stored = "kept on the function"
function.limit = "of the function"
LATER = {"os": os, "limit": 3, "table": {"a": 1}, "__loader__": "module's", "Thing": 5}


class Thing:
    limit = 7
    x = None
    y = "held"

    def count(self):
        return 11


def find(text, *args, instance=None, result=None, made=False, namespace=LATER, **kwargs):
    signature = Signature(function, has_instance=False)
    has_instance = instance is not None
    select = compile_selector(text, signature, namespace, has_instance=has_instance, made=made)
    return select(instance, args, kwargs, result)


def missing(text, *args, **kwargs):
    with pytest.raises(Missing) as caught:
        find(text, *args, **kwargs)
    return str(caught.value)


def test_a_global_of_the_module_is_found():
    assert find("table") == {"a": 1}
    assert find("table['a']") == 1
    assert find("Thing.real") == 5


def test_what_the_function_was_given_comes_before_a_global():
    assert find("stored") == "kept on the function"
    assert find("limit") == "of the function"


def test_what_is_nowhere_is_missing():
    assert missing("nothing") == "nothing"


@pytest.mark.parametrize("path", ["os.getpid()", "os.path.join('a')", "Thing.bit_length()"])
def test_what_a_global_holds_is_not_called(path):
    """A definition may come from anywhere: ``os.system`` must not be within its reach."""
    refused = f"{path}: calls on globals of a module are not allowed"
    assert missing(path) == refused
    assert missing(path, instance=object()) == refused


@pytest.mark.parametrize("name", ["__loader__", "__builtins__"])
@pytest.mark.parametrize("instance", [None, object()])
def test_what_python_keeps_in_a_module_is_not_reached(name, instance):
    """Text that names it is no path; a path that was made otherwise leads nowhere."""
    with pytest.raises(PathError):
        find(name)
    select = select_path(
        Path(text=name, root=name, steps=()),
        Signature(function, has_instance=False),
        {**LATER, "__builtins__": {"eval": eval}},
        has_instance=instance is not None,
    )
    with pytest.raises(Missing):
        select(instance, (), {}, None)


def test_an_attribute_of_the_instance_comes_before_a_global():
    assert find("limit", instance=Thing()) == 7
    assert find("limit", instance=object()) == 3
    assert find("table['a']", instance=Thing()) == 1
    assert find("count()", instance=Thing()) == 11
    with pytest.raises(AttributeError):
        find("nothing", instance=Thing())


def test_instance_and_result():
    thing = Thing()
    assert find("self", instance=thing) is thing
    assert find("self.limit", instance=thing) == 7
    assert find("result", result=[1, 2]) == [1, 2]
    assert find("result[1]", result=[1, 2]) == 2


@pytest.mark.parametrize(("args", "kwargs", "value"), [((1, 5), {}, 5), ((1,), {"y": 6}, 6), ((1,), {}, 2)])  # fmt: skip
@pytest.mark.parametrize("path", ["y", "args.y", "kwargs.y"])
def test_an_argument_however_it_was_passed(path, args, kwargs, value):
    assert find(path, *args, **kwargs) == value


def test_an_argument_that_was_not_given_is_missing():
    assert missing("x") == "x"
    assert find("z", 1, z=9) == 9
    assert find("z", 1, 2, 4, 5) == 3  # it is passed by its name alone


def test_all_arguments():
    assert find("args", 1, 2) == (1, 2)
    assert find("args[1]", 1, 2) == 2
    assert find("args[1].real", 1, 2) == 2
    assert find("kwargs", y=1) == {"y": 1}
    assert find("kwargs['y']", y=1) == 1
    assert missing("args", y=1) == missing("kwargs", 1) == missing("args[0]") == "no arguments"
    assert missing("args[2]", 1, 2) == "2"
    assert missing("kwargs['z']", y=1) == "z"


def test_arguments_without_a_parameter_of_their_own():
    assert find("rest", 1, 2, 3, 4) == (3, 4)
    assert find("rest[1]", 1, 2, 3, 4) == 4
    assert find("rest.index(4)", 1, 2, 3, 4) == 1
    assert missing("rest", 1, 2) == "no arguments"
    assert find("more", 1, z=2, other=5) == {"other": 5}
    assert find("more['other']", other=5) == find("kwargs.other", other=5) == 5
    assert find("kwargs.other.real", other=5) == 5
    assert missing("more", 1, z=2) == "no arguments"
    assert missing("kwargs.other", 1) == "other"
    with pytest.raises(AttributeError):
        find("args.other", 1, other=5)


def test_what_a_call_left_on_its_instance_is_what_it_made():
    """``set_y(y)``; but for what is not there, or None."""
    thing = Thing()
    assert find("y", 1, 5, instance=thing, made=True) == "held"
    assert find("x", 1, 5, instance=thing, made=True) == 1
    assert find("z", 1, z=4, instance=thing, made=True) == 4
    assert find("y", 1, 5, instance=thing) == 5
    assert find("y", 1, 5, made=True) == 5


def test_how_an_argument_was_used():
    signature = Signature(function, has_instance=False)
    assert signature.used_as("x", "x") == {"used_role": "x", "used_position": 0}
    assert signature.used_as("data", "y") == {
        "used_role": "data", "used_position": 1, "used_argument": "y",
    }  # fmt: skip
    assert signature.used_as("z", "z") == {"used_role": "z", "used_argument": "z"}
    rest = [signature.used_as("rest", "rest", at) for at in (0, 1)]
    assert [one["used_position"] for one in rest] == [2, 3]
    assert signature.used_as("x", "x") is signature.used_as("x", "x")


def test_a_method_s_parameters_are_those_of_its_calls():
    def method(self, x, /, y, *, z): ...

    signature = Signature(method, has_instance=True)
    assert (signature.names, signature.positional) == (["x", "y", "z"], ["x", "y"])
    assert Signature(method, has_instance=False).names == ["self", "x", "y", "z"]
    assert Signature(3, has_instance=False).names == []


def test_another_way_is_taken_where_the_first_fails():
    told = []

    def fails(*_):
        raise ValueError("odd")

    def lacks(*_):
        raise Missing("x")

    assert or_else(fails, lambda *_: 4, told.append)(None, (), {}, None) == 4
    assert told == ["ValueError: odd: the value before this call is recorded"]
    assert or_else(lambda *_: 3, fails, told.append)(None, (), {}, None) == 3
    with pytest.raises(Missing):
        or_else(lacks, lambda *_: 4, told.append)(None, (), {}, None)
