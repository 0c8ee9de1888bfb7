"""Provenance inside products: provagent and the libraries of the formats read it; nothing else changes."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import parse as parse_votable
from astropy.table import Table
from click.testing import CliRunner

from provagent.cli import main
from provagent.contract.errors import EmbedError
from provagent.integrations.embed.file import NAMES, embed, embedded
from provagent.integrations.embed.fits import _encoded, _sum
from provagent.reading.export.validate import validate_file

LAB = """\
def write(kind, target):
    import numpy as np
    from astropy.io import fits
    from astropy.table import Table
    table = Table({"e": np.arange(50.0), "n": np.arange(50)}, meta={"author": "Ada"})
    if kind == "fits":
        units = fits.HDUList([fits.PrimaryHDU(np.arange(20000, dtype="i2").reshape(100, 200))])
        units[0].header["OBJECT"] = "Crab"
        units.append(fits.BinTableHDU(table, name="EVENTS"))
        units.append(fits.CompImageHDU(np.arange(10000.0).reshape(100, 100)))
        units.writeto(target, checksum=True)
    elif kind == "plain.fits":
        table.write(target, format="fits")
    elif kind == "ecsv":
        table.write(target, format="ascii.ecsv")
    elif kind == "bare.ecsv":
        table.meta.clear()
        table.write(target, format="ascii.ecsv")
    elif kind == "vot":
        table.write(target, format="votable")
    elif kind == "h5":
        import h5py
        with h5py.File(target, "w") as root:
            root["e"] = np.arange(50.0)
            root.attrs["author"] = "Ada"
    else:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib.figure import Figure
        figure = Figure()
        figure.subplots().plot([1, 2, 3])
        figure.savefig(target)
"""
DEFINITION = """\
targets: [lab]
activities:
  write:
    parameters: [{name: kind, value: kind}]
    generation: [{role: product, location: target, entity_description: Product}]
entities:
  Product: {type: File}
"""
KINDS = ("fits", "plain.fits", "ecsv", "bare.ecsv", "vot", "h5", "png", "pdf")


@pytest.fixture(scope="module")
def made(tmp_path_factory, cache):
    """A run that wrote a product of each kind."""
    from conftest import Recorded

    recorded = Recorded(tmp_path_factory.mktemp("made"), cache)
    recorded.write("lab.py", LAB)
    recorded.write("definition.yaml", DEFINITION)
    calls = "\n".join(f"lab.write({kind!r}, 'product.{kind}')" for kind in KINDS)
    recorded.write("main.py", f"import lab\n{calls}\n")
    recorded.run("main.py")
    return recorded


@pytest.fixture
def product(made, tmp_path):
    def product(kind):
        path = made.folder / f"product.{kind}"
        copy = tmp_path / path.name
        embed(made.provenance, str(path), output=str(copy))
        return str(path), str(copy)

    return product


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_embedded_is_read_back(product, kind, tmp_path):
    """Facts of the last step, and a whole, valid document; the copy differs, the original does not."""
    path, copy = product(kind)
    assert embedded(path) is None
    found = embedded(copy)
    assert found.facts["CTA ACTIVITY NAME"] == "write"
    assert found.facts["CTA ACTIVITY TYPE"] == "software"
    assert found.facts["CTA PRODUCT ID"].startswith("urn:provagent:run.")
    assert found.facts["CTA ACTIVITY START TIME"][10] == " "
    assert found.facts["PROVAGENT BEFORE"].startswith("sha256:")
    assert found.facts["PROVAGENT KEPT"] == "whole"
    document = tmp_path / "found.json"
    document.write_bytes(found.document)
    assert validate_file(document).violations == ()
    assert found.facts["PROVAGENT RUN"].encode().rpartition(b":")[2] in found.document


@pytest.mark.parametrize("kind", ["fits", "plain.fits"])
def test_fits_is_as_it_was(product, kind):
    """Every HDU's data and header, byte for byte; checksums right; a table HDU more."""
    path, copy = product(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(path) as old, fits.open(copy, checksum=True) as new:
            new.verify("exception")
            assert [unit.name for unit in new] == [*(unit.name for unit in old), "PROVAGENT"]
            for one, two in zip(old[1:], new[1:], strict=False):
                assert fits.HDUDiff(one, two).identical
            if old[0].data is not None:
                assert (old[0].data == new[0].data).all()
            for name in old[0].header:
                if name != "CHECKSUM":
                    assert new[0].header[name] == old[0].header[name]
            assert new[0].header["CTA ACTIVITY NAME"] == "write"
    before, after = Path(path).read_bytes(), Path(copy).read_bytes()
    with fits.open(path) as old:
        start = old[0].fileinfo()["datLoc"]
    assert before[start:] in after
    assert len(after) % 2880 == 0
    assert "PROVAGENT" not in str(Table.read(copy, hdu=1).meta)


def test_checksum_is_that_of_the_standard():
    """The sum of the words, as 16 letters and digits that make a header's own sum zero."""
    for value in (0, 1, 0xFFFFFFFF, 868229149, 2503531142, 0x3A3B3C3D):
        assert _encoded(value).isalnum()
        letters = _encoded(value)
        turned = letters[1:] + letters[:1]
        total = _sum(turned, 0)
        for _ in range(4):
            total = _sum(b"\xcf\xcf\xcf\xcf", total)  # less 48 in each byte
        assert total % 0xFFFFFFFF == value % 0xFFFFFFFF
    assert _encoded(~868229149 & 0xFFFFFFFF) == b"hcHjjc9ghcEghc9g"  # the standard's own example


@pytest.mark.parametrize("kind", ["ecsv", "bare.ecsv"])
def test_ecsv_is_as_it_was(product, kind):
    path, copy = product(kind)
    old, new = Table.read(path), Table.read(copy)
    assert (old == new).all()
    assert [column.dtype for column in old.itercols()] == [
        column.dtype for column in new.itercols()
    ]
    assert {**new.meta, **old.meta} == new.meta
    assert new.meta["CTA ACTIVITY NAME"] == "write"
    lines = Path(path).read_bytes().splitlines()
    assert [line for line in Path(copy).read_bytes().splitlines() if line in lines] == lines


def test_votable_is_as_it_was(product):
    path, copy = product("vot")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = parse_votable(copy, verify="exception")
    assert {info.name: info.value for info in new.infos}["CTA ACTIVITY NAME"] == "write"
    assert (Table.read(path) == Table.read(copy)).all()


def test_hdf5_is_as_it_was(product):
    import h5py

    _, copy = product("h5")
    with h5py.File(copy) as root:
        assert (root["e"][()] == np.arange(50.0)).all()
        assert root.attrs["author"] == "Ada"
        assert root.attrs["CTA ACTIVITY NAME"] == "write"


def test_png_is_as_it_was(product):
    from PIL import Image

    path, copy = product("png")
    with Image.open(path) as old, Image.open(copy) as new:
        assert old.tobytes() == new.tobytes()
        assert json.loads(new.text["provagent"])["CTA ACTIVITY NAME"] == "write"


def test_pdf_is_as_it_was(product):
    from pypdf import PdfReader

    path, copy = product("pdf")
    old, new = PdfReader(path), PdfReader(copy)
    assert len(new.pages) == len(old.pages) == 1
    assert new.pages[0].get_contents().get_data() == old.pages[0].get_contents().get_data()
    assert new.metadata["/CTA_ACTIVITY_NAME"] == "write"


@pytest.mark.parametrize("kind", KINDS)
def test_bounded(made, tmp_path, kind):
    """Where the whole is too large, the last step; where that is too, its digest alone."""
    path, copy = str(made.folder / f"product.{kind}"), str(tmp_path / "copy")
    whole = embed(made.provenance, path, output=copy)
    small = embed(made.provenance, path, output=copy, max_bytes=len(whole.packed) - 1)
    assert small.facts["PROVAGENT KEPT"] == "last step"
    assert 0 < len(small.packed) < len(whole.packed)
    assert embedded(copy).document == small.document
    none = embed(made.provenance, path, output=copy, max_bytes=10)
    assert none.facts["PROVAGENT KEPT"] == "no"
    assert none.facts["PROVAGENT DOCUMENT"] == whole.facts["PROVAGENT DOCUMENT"]
    assert embedded(copy) == none


def test_in_place_once_and_only_its_own(made, tmp_path):
    """The file itself, with its rights; not twice, and not one that the run did not make as it is."""
    path = made.folder / "again.fits"
    path.write_bytes((made.folder / "product.fits").read_bytes())
    store = ["--store", str(made.folder / "prov")]
    told = CliRunner().invoke(main, ["embed", "last", str(path), *store])
    assert told.exit_code != 0  # no such path in the record
    path = made.folder / "product.plain.fits"
    content = path.read_bytes()
    os.chmod(path, 0o640)
    try:
        told = CliRunner().invoke(main, ["embed", "last", str(path), *store])
        assert (told.exit_code, told.output) == (
            0,
            f"{path}: provenance embedded; PROV document: whole\n",
        )
        assert path.stat().st_mode & 0o777 == 0o640
        assert not [name for name in os.listdir(made.folder) if name.startswith(".product")]
        with pytest.raises(EmbedError, match="already contains embedded provenance"):
            embed(made.provenance, str(path))
        told = CliRunner().invoke(main, ["verify", str(path), *store])
        assert told.output == "1 file: 1 unchanged\n"  # its own content is what it was
        shown = CliRunner().invoke(main, ["show", str(path)])
        assert shown.exit_code == 0
        assert "CTA ACTIVITY NAME: write" in shown.output
        assert "made " in shown.output
        shown = CliRunner().invoke(main, ["show", "--json", str(path)])
        assert json.loads(shown.output)["document"]["bundle"]
        path.write_bytes(content + b"\0" * 2880)
        with pytest.raises(
            EmbedError,
            match="differs from the output of run .*; its digest is sha256:.*, recorded is",
        ):
            embed(made.provenance, str(path))
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"plain text\n", f"unknown format; provenance can be embedded into {', '.join(NAMES)}"),
        (b"SIMPLE  =" + b" " * 100, "the provenance embedded in this FITS is damaged: "),
        (b"\x89PNG\r\n\x1a\n\0", "provenance cannot be embedded into this PNG: "),
        (b"# %ECSV 1.0\n# meta: {a: 1}\n", "provenance cannot be embedded into this ECSV: "),
        (b"<VOTABLE>", "provenance cannot be embedded into this VOTable: missing </VOTABLE>"),
        (b"\x89HDF\r\n\x1a\nxx", "the provenance embedded in this HDF5 is damaged: "),
        (b"%PDF-1.4 cut", "the provenance embedded in this PDF is damaged: "),
    ],
)
def test_broken_files_are_told_and_left_alone(recorded, content, message):
    """One line, with the file; nothing is written."""
    recorded.write("lab.py", "def write(target, content):\n    open(target, 'wb').write(content)\n")
    recorded.write("definition.yaml", DEFINITION.replace("{name: kind, value: kind}", ""))
    recorded.write("main.py", f"import lab\nlab.write('p', {content!r})\n")
    recorded.run("main.py")
    path = recorded.folder / "p"
    with pytest.raises(EmbedError) as caught:
        embed(recorded.provenance, str(path))
    assert str(caught.value).startswith(f"{path}: {message}")
    assert path.read_bytes() == content


def test_ctapipe_names_stay(made, tmp_path):
    """Facts that a product has already, as ctapipe writes them, are not touched."""
    from provagent.integrations.embed import fits as format_

    path = tmp_path / "given.fits"
    unit = fits.PrimaryHDU()
    unit.header["HIERARCH CTA ACTIVITY NAME"] = "their own"
    unit.writeto(path)
    written = format_.embed(
        path.read_bytes(), {"CTA ACTIVITY NAME": "ours", "PROVAGENT BEFORE": "x"}, b""
    )
    facts, _ = format_.find(written)
    assert facts == {"CTA ACTIVITY NAME": "their own", "PROVAGENT BEFORE": "x"}
