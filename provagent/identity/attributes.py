"""Library classes whose content is the attributes of their objects.

The code of an installed library is identified by its name, as a function of the library is. The
meaning of the attributes is therefore known, and their content is the content of the object. This
is true only if no attribute names a file from which more is read later, and if no part of the
object is hidden.

Some attributes are derived from other attributes when somebody reads them. The functions in
``REFINED`` leave such attributes out, by class. They apply to subclasses that a program defines,
too.
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
    """Return the name of a class in digests, or None if its attributes are not content."""
    name = type_name(cls)
    module, _, qualname = name.partition(":")
    if not f"{module}.".startswith(_PACKAGES) or kinds(cls)[:1] != [name]:
        return None
    if any(one in _BY_PLACE for one in kinds(cls)):
        return None
    return f"{module.partition('.')[0]}:{qualname}"


def refine_of(cls: type) -> Refine | None:
    """Return the function that leaves out derived attributes of a class, or None."""
    for name in kinds(cls):
        module, _, qualname = name.partition(":")
        found = REFINED.get(f"{module.partition('.')[0]}:{qualname}")
        if found is not None:
            return found
    return None


# --- gammapy


def _without_variances(_: object, pairs: Pairs) -> Pairs:
    """Leave out the parts of a covariance that are derived from the parameters and from sub-models.

    The diagonal comes from the errors of the parameters. The block of one of several models comes
    from that model. gammapy fills in both when somebody reads the covariance.
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
    """Leave out values that were loaded from a known place and are kept for the next access."""
    places = {name for name, _ in pairs if name.endswith("_hdu")}
    return [
        (name, item)
        for name, item in pairs
        if f"_{name}_hdu" not in places or not _is_kept(type(value), name)
    ]


def _is_kept(cls: type, name: str) -> bool:
    return introspection.attributes(introspection.lookup(cls, name)).get("cache") is True


# Beginnings of the names of modules whose objects keep all their content in attributes
_PACKAGES = (
    *("gammapy.", "regions.", "astropy.convolution.", "astropy.modeling.fitting."),
    *("astropy.nddata.", "astropy.stats.", "astropy.timeseries.", "astropy.visualization."),
    *("scipy.integrate.", "scipy.interpolate.", "scipy.optimize.", "scipy.signal."),
    "scipy.spatial.transform.",
)
# Classes of these modules that name places in files, and read from these places on access
_BY_PLACE = frozenset(
    (
        *("gammapy.data.data_store:DataStore", "gammapy.data.hdu_index_table:HDUIndexTable"),
        "gammapy.data.hdu_index_table:HDULocation",
    )
)
# package:Class -> function that leaves out derived attributes, also for any subclass
REFINED: dict[str, Refine] = {
    "gammapy:ModelBase": _without_variances,
    "gammapy:DatasetModels": _without_variances,
    "gammapy:Observation": _without_loaded,
}
