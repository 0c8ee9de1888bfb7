"""Content of tensors and modules of torch.

No package is imported, and nothing is computed. The memory of a tensor is read directly, because an
operation would be traced or seen by a profiler. A tensor on another device is not copied, because a
copy would wait for the device. Such tensors are identified by themselves only, as are sparse
tensors, quantized tensors and tensors of subclasses.

The content of a module class of torch consists of its attributes, parameters, buffers and modules.
A module class of the program is read by state.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from provagent.contract.values.types import instance_state, type_name
from provagent.identity.content import UnidentifiableError

if TYPE_CHECKING:
    from provagent.identity.content import Parts


def _tensor(value: Any) -> Any:
    """Return the item type, whether gradients are computed, and the items as an array."""
    torch = sys.modules["torch"]
    name = type_name(type(value))
    if torch.jit.is_tracing():
        raise UnidentifiableError(f"{name}: is traced")
    is_plain = value.layout is torch.strided and value.device.type == "cpu"
    if name not in _TENSORS or not is_plain or value.is_quantized:
        raise UnidentifiableError(f"{name}: its items are not in memory")
    kind = str(value.dtype).removeprefix("torch.")
    return kind, value.requires_grad, _array(value, kind)


def _array(value: Any, kind: str) -> Any:
    import ctypes

    numpy, size = sys.modules["numpy"], value.element_size()
    dtype = numpy.dtype(kind if kind in _NUMPY else f"V{size}")
    shape, strides = tuple(value.shape), [size * step for step in value.stride()]
    if 0 in shape:
        return numpy.empty(shape, dtype)
    extent = size + sum((count - 1) * step for count, step in zip(shape, strides, strict=True))
    address = value.data_ptr()
    if not address:
        raise UnidentifiableError(f"{type_name(type(value))}: has no memory")
    memory = (ctypes.c_char * extent).from_address(address)
    array = numpy.ndarray(shape, dtype, memory, strides=strides)
    if value.is_conj():
        array = array.conj()
    return -array if value.is_neg() else array


def _module(value: Any) -> Any:
    found = {}
    for name, item in instance_state(value).items():
        if "hook" in name:
            if item:  # their keys are numbers that the process assigned
                found[name] = list(item.values()) if hasattr(item, "values") else item
        elif name in ("_parameters", "_buffers", "_modules"):
            found[name] = list(item.items())  # in the order of the calls
        else:
            found[name] = item
    return found


def _generator(value: Any) -> Any:
    if value.device.type != "cpu":
        raise UnidentifiableError(f"{type_name(type(value))}: is not in memory")
    return value.get_state()


_TENSORS = ("torch:Tensor", "torch.nn.parameter:Parameter", "torch.nn.parameter:Buffer")
_NUMPY = frozenset(
    (
        *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
)
# package:Class -> function that returns the content of a value of this class, or of a subclass in
# the same package
OWN: dict[str, Parts] = {
    "torch:Tensor": _tensor,
    "torch:Module": _module,
    "torch:Generator": _generator,
    "torch:Size": tuple,
    "torch:device": str,
    "torch:dtype": str,
    "torch:memory_format": str,
    "torch:layout": str,
}
