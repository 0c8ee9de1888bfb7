"""Content of fit results of lmfit and of samplers of emcee: parameters, statistics, chains.

No package is imported. The functions used for a fit are not part of the content, except the
functions of the model: the result contains what they found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provagent.contract.values.types import instance_state, kept_state, type_name
from provagent.identity.content import UnidentifiableError
from provagent.identity.file_datasets import InFile, file_facts
from provagent.isolation import introspection

if TYPE_CHECKING:
    from provagent.identity.content import Parts

# --- lmfit


def _parameter(value: Any) -> Any:
    state = instance_state(value)
    found = {name: _number(state.get(name)) for name in _OF_PARAMETER}
    # The value of an expression is computed only when somebody reads it.
    return found, None if state.get("_expr") else _number(state["_val"])


def _number(item: Any) -> Any:
    """Return a number as a float, because copying a parameter converts it to a float."""
    return (
        float(item) if introspection.is_a(item, (int, float)) and type(item) is not bool else item
    )


def _parameters(value: Any) -> Any:
    pairs = list(dict.items(value))
    used: set[str] = set()
    for _, parameter in pairs:
        used.update(_NAME.findall(instance_state(parameter).get("_expr") or ""))
    if not used:
        return pairs, {}
    interpreter = instance_state(value)["_asteval"]
    added = used & set(interpreter.user_defined_symbols()) - {name for name, _ in pairs}
    return pairs, {name: interpreter.symtable[name] for name in added}


def _result(value: Any) -> Any:
    return {name: item for name, item in instance_state(value).items() if name not in _MACHINERY}


def _model(value: Any) -> Any:
    state = instance_state(value)
    is_made = "expr" in state or "left" in state  # its function is made from these attributes
    return {name: state.get(name) for name in _OF_MODEL if name != "func" or not is_made}


_NAME = re.compile(r"[^\W\d]\w*")
_OF_PARAMETER = (
    *("name", "user_data", "init_value", "min", "max", "brute_step", "stderr", "correl"),
    *("_vary", "_expr"),
)
_OF_MODEL = (
    *("func", "expr", "left", "right", "op", "independent_vars", "_prefix", "_param_root_names"),
    *("nan_policy", "opts", "param_hints", "def_vals", "_name"),
)
_MACHINERY = frozenset(
    (
        *("userfcn", "userargs", "iter_cb", "reduce_fcn", "jacfcn", "show_candidates", "result"),
        *("components", "_abort", "_init_vals_internal", "uvars", "sampler", "flatchain"),
    )
)

# --- emcee


def _backend(value: Any) -> Any:
    state = instance_state(value)
    if not state.get("initialized"):
        return state.get("dtype"), None
    count = state["iteration"]  # the arrays are longer than the chain
    parts = (state.get(name) for name in ("chain", "log_prob", "blobs"))
    chains = [None if part is None else part[:count] for part in parts]
    return state.get("dtype"), (chains, state.get("accepted"), state.get("random_state"))


def _backend_in_file(value: Any) -> Any:
    state = instance_state(value)
    try:
        return InFile((file_facts(state["filename"]), state["name"]))
    except OSError as error:
        raise UnidentifiableError(f"{type_name(type(value))}: {error.strerror}") from None


def _sampler(value: Any) -> Any:
    return {name: item for name, item in instance_state(value).items() if name != "pool"}


# package:Class -> function that returns the content of a value of this class, or of a subclass in
# the same package
OWN: dict[str, Parts] = {
    "lmfit:Parameter": _parameter,
    "lmfit:Parameters": _parameters,
    "lmfit:ModelResult": _result,
    "lmfit:MinimizerResult": _result,
    "lmfit:Model": _model,
    "emcee:Backend": _backend,
    "emcee:HDFBackend": _backend_in_file,
    "emcee:EnsembleSampler": _sampler,
    "emcee:State": kept_state,
    "emcee:Move": kept_state,
    "emcee:_FunctionWrapper": kept_state,
    "emcee:_isotropic_proposal": kept_state,
}
