"""Check whether the constraints of a definition can be compared with values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provagent.contract.printable import quoted
from provagent.definition.limits import bounds, limit

if TYPE_CHECKING:
    from provagent.definition.description import ActivityDescription
    from provagent.definition.fields import Fields

_QUOTED = 80  # maximum characters of a value in a message


def check_range(fields: Fields) -> None:
    """Report a parameter with ``min`` above ``max``. Warn if one of them is not a number."""
    limits = {key: limit(fields.values.get(key)) for key in ("min", "max")}
    for key, found in limits.items():
        if found is None and key in fields.values:
            what = f"{key} {quoted(fields.values[key][:_QUOTED])} is not a number"
            fields.warn(what, "values are not compared with it; write a number")
    low, high = limits["min"], limits["max"]
    if low and high and low[1] == high[1] and low[0] > high[0]:
        fields.add_problem(
            f"min {low[0]:g} is greater than max {high[0]:g}", "exchange min and max"
        )


def check_uses(description: ActivityDescription, fields: Fields) -> None:
    """Warn of keys of a usage that have no effect."""
    for use in description.usage:
        if use.overwrite:
            place, where = fields.report.origins.of(use)
            what = "overwrite has no effect in usage"
            fields.report.warn(place, f"{where}.overwrite", what, "move it to generation")


def check_multiplicities(fields: Fields) -> None:
    """Warn of multiplicities of a usage or generation that are not compared."""
    low, _ = bounds(fields.values.get("multiplicity") or "*")
    if low > 1:
        what = f"each call has one entity for a role, not {low}"
        fields.warn(what, "for a collection, write has_members: {multiplicity: ...}")
    if any(each.multiplicity for each in fields.values.get("has_progenitors", ())):
        fields.warn("the multiplicity of progenitors has no effect", "remove it")
