"""FITS: cards in the primary header, and the document in a table at the end.

All bytes outside the primary header and the new table stay unchanged. The CHECKSUM of the primary
header is updated, if there is one. Source: the FITS standard 4.0, and its appendix J for checksums
(https://fits.gsfc.nasa.gov/fits_standard.html).
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from astropy.io import fits

NAME = "PROVAGENT"
_BLOCK, _CARD = 2880, 80
_END = b"END".ljust(_CARD)
_PUNCTUATION = frozenset(b":;<=>?@[\\]^_`")  # between the digits and the letters in ASCII


def embed(content: bytes, facts: dict[str, str], document: bytes) -> bytes:
    """Return the bytes of the file with the facts as cards and the document as a table."""
    cards = _primary(content)
    length = _padded(len(cards) * _CARD + _CARD)
    old = fits.Header.fromstring(b"".join(cards))
    new = [_card(name, value) for name, value in facts.items() if name not in old]
    cards += [card for group in new for card in group]
    data = _span(old)
    if "CHECKSUM" in old:
        cards = _with_checksum(cards, content[length : length + data])
    header = b"".join([*cards, _END])
    header = header.ljust(_padded(len(header)))
    return header + content[length:] + (_table(document) if document else b"")


def find(content: bytes) -> tuple[dict[str, str], bytes]:
    """Return the embedded facts and the packed document."""
    with fits.open(io.BytesIO(content)) as units:
        header = units[0].header
        facts = {name: str(header[name]) for name in header if " " in name}
        document = units[NAME].data["DOCUMENT"][0].tobytes() if NAME in units else b""
    return facts, document


def _primary(content: bytes) -> list[bytes]:
    """Return the cards of the primary header before END."""
    cards: list[bytes] = []
    for start in range(0, len(content), _CARD):
        card = content[start : start + _CARD]
        if card == _END:
            return cards
        cards.append(card)
    raise ValueError("the primary header has no END")


def _card(name: str, value: str) -> list[bytes]:
    header = fits.Header()
    header[f"HIERARCH {name}"] = value
    image = header.tostring(endcard=False, padding=False).encode("ascii")
    return [image[start : start + _CARD] for start in range(0, len(image), _CARD)]


def _table(document: bytes) -> bytes:
    column = fits.Column(
        name="DOCUMENT", format=f"{len(document)}B", array=np.frombuffer(document, "u1")[None]
    )
    table = fits.BinTableHDU.from_columns([column], name=NAME)
    table.header["PROVFMT"] = ("PROV-JSON", "https://www.w3.org/submissions/prov-json/")
    table.header["PROVZIP"] = ("gzip", "how DOCUMENT is compressed")
    table.add_checksum(when="")
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(out)
    return out.getvalue()[_BLOCK:]  # without the empty primary header, which has one block


def _span(header: Any) -> int:
    """Return the number of bytes of the primary data, with padding."""
    axes = [header[f"NAXIS{axis + 1}"] for axis in range(header["NAXIS"])]
    if not axes:
        return 0
    if header.get("GROUPS") and axes[0] == 0:  # random groups
        axes = axes[1:]
    values = int(np.prod(axes)) + header.get("PCOUNT", 0)
    return _padded(abs(header["BITPIX"]) // 8 * values * header.get("GCOUNT", 1))


def _padded(length: int) -> int:
    return -(-length // _BLOCK) * _BLOCK


def _with_checksum(cards: list[bytes], data: bytes) -> list[bytes]:
    place = next(n for n, card in enumerate(cards) if card.startswith(b"CHECKSUM="))
    rest = cards[place][28:]
    cards[place] = b"CHECKSUM= '" + b"0" * 16 + b"'" + rest
    header = b"".join([*cards, _END])
    total = _sum(header.ljust(_padded(len(header))), _sum(data, 0))
    cards[place] = b"CHECKSUM= '" + _encoded(~total & 0xFFFFFFFF) + b"'" + rest
    return cards


def _sum(data: bytes, start: int) -> int:
    """Return the ones' complement sum of big-endian words of 32 bits."""
    total = start + int(np.frombuffer(data, ">u4").sum(dtype="u8"))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _encoded(value: int) -> bytes:
    """Return the 16 letters and digits that add up to ``value``."""
    letters = bytearray(16)
    for number in range(4):
        byte = value >> (24 - 8 * number) & 0xFF
        four = [byte // 4 + byte % 4 + 48, *[byte // 4 + 48] * 3]
        while not _PUNCTUATION.isdisjoint(four):
            for one in (0, 2):
                if not _PUNCTUATION.isdisjoint(four[one : one + 2]):
                    four[one] += 1
                    four[one + 1] -= 1
        for place, each in enumerate(four):
            letters[4 * place + number] = each
    return bytes(letters[-1:] + letters[:-1])
