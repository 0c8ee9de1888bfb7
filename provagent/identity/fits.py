"""Content of FITS headers, of lists of HDUs in memory, and of world coordinate systems."""

from __future__ import annotations

import copy
import re
from typing import Any

from provagent.contract.values.types import instance_state, type_name
from provagent.identity.content import UnidentifiableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from provagent.identity.content import Parts


def _header(value: Any) -> Any:
    # A card parses its text on first access and keeps the result. So the copies are parsed.
    cards = (copy.copy(card) for card in instance_state(value)["_cards"])
    return [_card(card) for card in cards]


def _card(card: Any) -> Any:
    state = instance_state(card)
    if state.get("_keyword") is None and not _USUAL.match(state.get("_image") or ""):
        return state.get("_image")  # astropy would warn
    try:
        return card.keyword, card.value, card.comment
    except Exception:
        return state.get("_image")  # not valid FITS: the text of the card


def _undefined(_: Any) -> Any:
    return None


def _hdu_list(value: Any) -> Any:
    state = instance_state(value)
    if state.get("_file") is not None or not state.get("_read_all"):
        raise UnidentifiableError(
            f"{type_name(type(value))}: reads from a file; identify that file"
        )
    return list(list.__iter__(value))


def _hdu(value: Any) -> Any:
    """Return the header and the data of an HDU that was made in memory.

    Raises UnidentifiableError if the HDU reads from a file, even if its data are loaded: reading
    the data would change the HDU, and with it the identity.
    """
    state = instance_state(value)
    if state.get("_file") is not None or state.get("_buffer") is not None:
        raise UnidentifiableError(
            f"{type_name(type(value))}: reads from a file; identify that file"
        )
    return state["_header"], state.get("data", state.get("_data"))


def _fits_rec(value: Any) -> Any:
    state = instance_state(value)
    from provagent.identity.arrays import plain

    # Scaled columns and columns of variable length are kept outside the array until they are
    # written.
    return plain(value), state.get("_converted") or {}


def _wcs(value: Any) -> Any:
    state = instance_state(value)
    kept = {name: state.get(name) for name in ("naxis", "_naxis", "_pixel_bounds")}
    tables = (value.sip, value.cpdis1, value.cpdis2, value.det2im1, value.det2im2)
    return kept, _projection(value.wcs), [_attributes(table, _OF_TABLES) for table in tables]


def _projection(value: Any) -> Any:
    # Missing values are filled in at the first use. ``set()`` fills them in in a copy.
    filled = copy.deepcopy(value)
    try:
        filled.set()
    except Exception:
        filled = value
    return _attributes(filled, _OF_PROJECTIONS), filled.get_pv(), filled.get_ps()


def _attributes(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for name in names:
        try:
            item = getattr(value, name)
        except AttributeError:
            continue  # missing, or not in this version
        is_list = type_name(type(item)).partition(":")[0].partition(".")[0] == "astropy"
        found[name] = list(map(str, item)) if is_list else item
    return found


_USUAL = re.compile(
    r"(?=.{8}= )[A-Z0-9_-]+ *= |(COMMENT |HISTORY |CONTINUE| {8})|HIERARCH [^=]*=", re.DOTALL
)
_OF_TABLES = ("a", "b", "ap", "bp", "crpix", "data", "crval", "cdelt")
_OF_PROJECTIONS = (
    *("alt", "name", "naxis", "crpix", "crval", "cdelt", "ctype", "cunit", "cname", "pc", "cd"),
    *("crota", "crder", "csyer", "colnum", "colax", "lonpole", "latpole", "radesys", "equinox"),
    *("restfrq", "restwav", "specsys", "ssysobs", "ssyssrc", "velosys", "velangl", "velref"),
    *("zsource", "dateobs", "dateavg", "datebeg", "dateend", "dateref", "mjdobs", "mjdavg"),
    *("mjdbeg", "mjdend", "mjdref", "timesys", "timeunit", "trefpos", "trefdir", "timeoffs"),
    *("tstart", "tstop", "telapse", "timedel", "timepixr", "xposure", "obsgeo", "obsorbit"),
    *("phi0", "theta0", "bepoch", "jepoch", "czphs", "cperi", "timrder", "timsyer", "plephem"),
)
# package:Class -> function that returns the content of a value of this class, or of a subclass in
# the same package
OWN: dict[str, Parts] = {
    "astropy:Header": _header,
    "astropy:Undefined": _undefined,
    "astropy:HDUList": _hdu_list,
    "astropy:_BaseHDU": _hdu,
    "astropy:FITS_rec": _fits_rec,
    "astropy:WCS": _wcs,
    "astropy:Wcsprm": _projection,
}
