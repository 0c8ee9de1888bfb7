"""The shipped definition of astropy, by real programs."""

from __future__ import annotations

from story import parameters, told

FITS = """\
import numpy as np
from astropy.io import fits

fits.writeto("a.fits", np.arange(12.0).reshape(3, 4))
data = fits.getdata("a.fits")
fits.getheader("a.fits", 0)
fits.setval("a.fits", "OBJECT", value="Crab")
print(fits.getval("a.fits", "OBJECT"))
fits.append("a.fits", data * 2)
with fits.open("a.fits") as hdus:
    both = fits.HDUList([fits.PrimaryHDU(hdus[0].data), fits.ImageHDU(hdus[1].data)])
both.writeto("b.fits")
fits.ImageHDU(data).writeto("c.fits")
fits.PrimaryHDU(data).writeto("d.fits")
with fits.open("b.fits", mode="update") as hdus:
    hdus[0].header["TELESCOP"] = "none"
"""


def test_fits(recorded):
    """Each call of the program is one activity, whatever it is made of inside."""
    assert told(recorded, FITS) == [
        "fits.writeto: data=Data-1 -> file=a.fits",
        "fits.getdata: file=a.fits -> data=Data-2",
        "fits.getheader: file=a.fits -> header=Header-1",
        "fits.setval: file_before=a.fits -> file=a.fits",
        "fits.getval: file=a.fits -> value=PythonObject-1",
        "fits.append: data=Data-3 read=a.fits -> file=a.fits",
        "fits.open: file=a.fits -> hdus=HDUList-1[PythonObject-2]",
        "HDUList.writeto: hdus=HDUList-2[PythonObject-3 PythonObject-4] -> file=b.fits",
        "HDU.writeto: hdu=HDU-1[Data-2] -> file=c.fits",
        "HDU.writeto: hdu=HDU-2[PythonObject-5 Data-2] -> file=d.fits",
        "fits.open: file=b.fits -> hdus=HDUList-3[PythonObject-6] written=b.fits",
        "HDUList.flush: hdus=HDUList-3[PythonObject-6] -> file=b.fits",
    ]
    setval = parameters(recorded, "fits.setval")
    assert (setval["keyword"], setval["value"]) == ("OBJECT", "Crab")
    assert parameters(recorded, "fits.getdata") == {}
    assert parameters(recorded, "fits.getheader") == {"ext": 0}


TABLES = """\
import astropy.units as u
from astropy.io import fits, votable
from astropy.table import QTable, Table

table = QTable({"energy": [1, 2] * u.TeV})
table.write("t.ecsv")
table.write("t.fits")
read = QTable.read("t.fits")
read.write("t.xml", format="votable")
read["energy"] *= 2
read.write("t.csv")
Table.read("t.csv")
tree = votable.parse("t.xml")
tree.to_xml("copy.xml")
votable.writeto(Table(table), "w.xml")
with open("t.ecsv", "rb") as stream:
    Table.read(stream, format="ascii.ecsv")
"""


def test_tables(recorded):
    """One activity for each, in any format; what was changed between two is another table."""
    assert told(recorded, TABLES) == [
        "Table.write: table=Table-1 -> file=t.ecsv",
        "Table.write: table=Table-1 -> file=t.fits",
        "Table.read: file=t.fits -> table=Table-2",
        "Table.write: table=Table-2 -> file=t.xml",
        "Table.write: table=Table-3 -> file=t.csv",
        "Table.read: file=t.csv -> table=Table-4",
        "votable.parse: file=t.xml -> votable=VOTable-1",
        "VOTableFile.to_xml: votable=VOTable-1 -> file=copy.xml",
        "votable.writeto: votable=PythonObject-1 -> file=w.xml",
        "Table.read: file=t.ecsv -> table=Table-5",
    ]
    (derivation,) = [
        one
        for one in recorded.provenance.derivations
        if one.entity.entity_description == "Table" and one.how == "modified"
    ]
    assert derivation.code.text.strip() == 'read["energy"] *= 2'


NDDATA = """\
import numpy as np
from astropy.nddata import CCDData

frame = CCDData(np.ones((4, 4)), unit="adu")
frame.write("frame.fits")
again = CCDData.read("frame.fits")
again.write("again.fits")
"""


def test_nddata(recorded):
    """What astropy reads and writes by its registry of formats."""
    assert told(recorded, NDDATA) == [
        "write: data=Data-1 -> file=frame.fits",
        "read: file=frame.fits -> data=Data-2",
        "write: data=Data-2 -> file=again.fits",
    ]
    assert parameters(recorded, "read")["class"]["text"] == "astropy.nddata.ccddata:CCDData"
