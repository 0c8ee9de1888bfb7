"""Classes of libraries whose content is what their objects keep in attributes.

The code of an installed library is known by its name, as a function of it is; so what its class
makes of the attributes is known as well, and their content is the object's. That holds where no
attribute names a file from which more is read later, and where nothing of an object is hidden.

What a library keeps there beside of that, and derives from the rest when somebody looks, is left
out: ``REFINED`` says it by the class, for subclasses that a program defines as well.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from provagent.contract.values.types import kinds, type_name
from provagent.isolation import introspection
from provagent.isolation.addresses import address_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Pairs = list[tuple[str, Any]]
    Refine = Callable[[object, Pairs], Pairs]


def label_of(cls: type) -> str | None:
    """Return what a class is called in digests if its attributes are content; else None."""
    name = type_name(cls)
    module, _, qualname = name.partition(":")
    if not f"{module}.".startswith(_PACKAGES) or kinds(cls)[:1] != [name]:
        return None
    if any(one in _BY_PLACE for one in kinds(cls)):
        return None
    return f"{module.partition('.')[0]}:{qualname}"


def refine_of(cls: type) -> Refine | None:
    """Return what leaves out of the attributes of a class what is derived from others."""
    for name in kinds(cls):
        module, _, qualname = name.partition(":")
        found = REFINED.get(f"{module.partition('.')[0]}:{qualname}")
        if found is not None:
            return found
    return None


# --- gammapy


def _without_variances(_: object, pairs: Pairs) -> Pairs:
    """Leave out of a covariance what who looks fills in from the parameters, and from parts.

    The diagonal comes from the errors of the parameters; what belongs to one of several models
    comes from that model.
    """
    parts = [
        part
        for _, item in pairs
        for one in (list.__iter__(item) if type(item) is list else (item,))
        if (part := introspection.attributes(one).get("_covariance")) is not None
    ]
    return [
        (name, _correlations(item, parts) if name == "_covariance" else item)
        for name, item in pairs
    ]


def _correlations(covariance: Any, parts: list[Any]) -> Any:
    parameters, data = _covariance(covariance)
    numpy = sys.modules.get("numpy")
    if numpy is None or type(data) is not numpy.ndarray or data.shape != 2 * (len(parameters),):
        return covariance
    others = data.copy()
    numpy.fill_diagonal(others, 0)
    places = {address_of(one): place for place, one in enumerate(parameters)}
    for part in parts:
        inside = [places.get(address_of(one), -1) for one in _covariance(part)[0]]
        inside = [place for place in inside if place >= 0]
        others[numpy.ix_(inside, inside)] = 0
    return (parameters, others) if others.any() else None


def _covariance(value: Any) -> tuple[list[Any], Any]:
    state = introspection.attributes(value)
    parameters = introspection.attributes(state.get("parameters")).get("_parameters")
    return parameters if type(parameters) is list else [], state.get("_data")


def _without_loaded(value: object, pairs: Pairs) -> Pairs:
    """Leave out what was loaded from a place that is known, and is kept for the next time."""
    places = {name for name, _ in pairs if name.endswith("_hdu")}
    return [
        (name, item)
        for name, item in pairs
        if f"_{name}_hdu" not in places or not _is_kept(type(value), name)
    ]


def _is_kept(cls: type, name: str) -> bool:
    return introspection.attributes(introspection.lookup(cls, name)).get("cache") is True


# The beginnings of modules whose classes keep all that they are in attributes
_PACKAGES = (
    *("gammapy.", "regions.", "astropy.convolution.", "astropy.modeling.fitting."),
    *("astropy.nddata.", "astropy.stats.", "astropy.timeseries.", "astropy.visualization."),
    *("scipy.integrate.", "scipy.interpolate.", "scipy.optimize.", "scipy.signal."),
    "scipy.spatial.transform.",
)
# Classes of these that name places, from which they read when they are asked
_BY_PLACE = frozenset(
    (
        *("gammapy.data.data_store:DataStore", "gammapy.data.hdu_index_table:HDUIndexTable"),
        "gammapy.data.hdu_index_table:HDULocation",
    )
)
# package:Class -> what is left of the attributes of objects of it, or of any subclass
REFINED: dict[str, Refine] = {
    "gammapy:ModelBase": _without_variances,
    "gammapy:DatasetModels": _without_variances,
    "gammapy:Observation": _without_loaded,
}
