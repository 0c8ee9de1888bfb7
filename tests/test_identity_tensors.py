"""Content of tensors and modules of torch, if installed; its table entry in any case."""

from __future__ import annotations

import copy
import pickle
from importlib.util import find_spec

import pytest

from provagent.identity import registry
from provagent.identity.registry import identify

TYPES = ("Tensor", "Module", "Generator", "Size", "device", "dtype")
IS_INSTALLED = find_spec("torch") is not None


def module(torch, *, names=("a", "b"), frozen=False):
    torch.manual_seed(1)
    nn = torch.nn
    made = nn.Sequential()
    for name in names:
        made.add_module(name, nn.Linear(2, 2) if name == "a" else nn.BatchNorm1d(2))
    if frozen:
        made.a.weight.requires_grad = False
    return made


def trained(torch):
    made = module(torch)
    made(torch.ones(3, 2)).sum().backward()
    made.b.running_mean[0] = 7
    return made


def different():
    """Return lists of functions that make values which differ, each of which is made twice."""
    import torch

    grid = torch.arange(6.0).reshape(2, 3)
    return {
        "tensor": [
            *(lambda: torch.arange(6.0).reshape(2, 3), lambda: torch.arange(6).reshape(2, 3)),
            *(lambda: torch.arange(6.0), lambda: torch.ones(2, requires_grad=True)),
            *(lambda: torch.ones(2), lambda: torch.ones(2, dtype=torch.bfloat16)),
            *(lambda: torch.ones(2, dtype=torch.float16), lambda: torch.tensor(1.0)),
            *(lambda: torch.empty(0, 3), lambda: torch.tensor([True]), lambda: grid[:, 1]),
            *(lambda: torch.tensor([1j, 2]), lambda: torch.tensor([1j, 2]).conj()),
            *(lambda: torch.nn.Parameter(torch.ones(2)), lambda: grid.expand(2, 2, 3)),
        ],
        "module": [
            *(lambda: module(torch), lambda: module(torch).eval(), lambda: trained(torch)),
            *(lambda: module(torch, names="ba"), lambda: module(torch, frozen=True)),
            *(lambda: torch.nn.Linear(0, 2), lambda: torch.nn.ReLU(), lambda: torch.nn.Dropout(0.25)),
            *(lambda: torch.nn.Dropout(0.5), lambda: torch.nn.MaxPool2d(3).eval()),
        ],
        "other": [
            *(lambda: torch.float32, lambda: torch.float64, lambda: torch.Size([1, 2])),
            *(lambda: torch.device("cpu"), lambda: torch.device("cuda", 1)),
            *(lambda: torch.Generator().manual_seed(1), lambda: torch.Generator().manual_seed(2)),
        ],
    }  # fmt: skip


CASES = different() if IS_INSTALLED else {}


def test_equal_content_and_no_other_has_equal_digests():
    """Made again, or copied, it is the same; whatever differs is another."""
    for kind, makers in CASES.items():
        digests = []
        for make in makers:
            value = make()
            found = identify(value)
            assert (found.identified, found.sampled) == ("content", False), value
            assert identify(make()) == found, value
            if kind != "other":
                assert identify(copy.deepcopy(value)) == found, value
            if kind == "module":
                assert identify(pickle.loads(pickle.dumps(value))) == found, value
            digests.append(found.digest)
        assert len(set(digests)) == len(digests)


def equal(torch):
    grid = torch.arange(6.0).reshape(2, 3)
    return {
        "strides": (grid, grid.t().contiguous().t()),
        "part": (grid[:, 1:], grid[:, 1:].clone()),
        "not a number": (torch.tensor([float("nan")]), -torch.tensor([float("nan")])),
        "conjugate": (torch.tensor([1j]).conj(), torch.tensor([complex(0, -1)])),
        "negative": (torch.tensor([1j]).conj().imag, torch.tensor([-1.0])),
    }


def nowhere(torch):
    return {
        "sparse": torch.eye(2).to_sparse(),
        "meta": torch.empty(2, device="meta"),
        "quantized": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8),
    }


def programs(torch):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = module(torch)
            self.scale = 2.0

    def changes(value):
        value.inner.a.bias.data[0] = 9

    def evaluates(value):
        value.eval()

    return {"a parameter": (Net, changes), "training": (Net, evaluates)}


def observers(torch):
    def trace():
        def function(value):
            assert identify(value).identified == "id"
            return value + 1

        graph = torch.jit.trace(function, torch.ones(2), check_trace=False).graph
        assert [node.kind() for node in graph.nodes()] == ["prim::Constant"] * 2 + ["aten::add"]

    def profile():
        value = torch.ones(2, requires_grad=True)
        with torch.profiler.profile() as profiler:
            identify(value)
        assert [event.key for event in profiler.key_averages()] == []
        assert value.grad is None

    def hook():
        made, called = torch.nn.Linear(2, 2), []
        before = identify(made)
        handle = made.register_forward_hook(lambda *_: called.append(1))
        assert identify(made).digest != before.digest
        assert not called
        handle.remove()
        assert identify(made) == before

    return {"trace": trace, "profile": profile, "hook": hook}


def against(function):
    """Return what a test holds against the package, by name; empty where it is not installed."""
    if not IS_INSTALLED:
        return {}
    import torch

    return function(torch)


def test_how_a_tensor_lies_does_not_count():
    """Neither strides nor what is not computed yet."""
    for name, (one, other) in against(equal).items():
        assert identify(one) == identify(other), name


@pytest.mark.filterwarnings("ignore")
def test_a_tensor_whose_items_lie_nowhere_is_known_by_itself():
    """It is not computed."""
    for name, value in against(nowhere).items():
        assert identify(value) == registry.Identity(None, "id"), name


def test_a_module_of_the_program_is_known_by_its_state():
    """Its code may be another one next time. What changes in it is seen."""
    for make, change in against(programs).values():
        value = make()
        before = identify(value)
        assert (before.identified, before.sampled) == ("state", False)
        assert identify(value) == before
        change(value)
        assert identify(value).digest not in (before.digest, None)


@pytest.mark.filterwarnings("ignore")
def test_nobody_sees_that_a_tensor_is_read():
    """Neither a trace nor a profiler has an operation of it, and nothing is called."""
    for observe in against(observers).values():
        observe()


@pytest.mark.parametrize("name", TYPES)
def test_the_types_have_a_way(name):
    """Whether torch is installed or not, the table has its types."""
    assert callable(registry._OWN[f"torch:{name}"])


def test_what_is_held_against_the_package_is_all_there_where_it_is():
    """Cases are left out only if the package is not installed."""
    counts = [len(CASES), *map(len, map(against, (equal, nowhere, programs, observers)))]
    assert counts == ([3, 5, 3, 2, 3] if IS_INSTALLED else [0] * 5)
