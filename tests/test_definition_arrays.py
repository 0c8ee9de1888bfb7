"""The shipped definitions of numpy, scipy, pandas, xarray and matplotlib, by real programs."""

from __future__ import annotations

import pytest
from story import of_program, parameters, told

NUMPY = """\
import numpy as np

a = np.arange(6.0)
np.save("a", a)
b = np.load("a.npy")
np.savez("z", b, twice=b * 2)
with np.load("z.npz") as z:
    c = z["twice"]
np.savetxt("c.txt", c)
d = np.loadtxt("c.txt", usecols=(0,))
np.genfromtxt("c.txt", delimiter=",")
d.tofile("d.raw")
np.fromfile("d.raw", dtype="f8")
with open("c.txt") as stream:
    np.loadtxt(stream)
np.savez_compressed("y.npz", d=d)
print(d.sum())
"""


def test_numpy(recorded):
    """Arrays read and written, also from an open file; of C's own methods the file is seen."""
    assert told(recorded, NUMPY) == [
        "numpy.save: data=Array-1 -> written=a.npy",
        "numpy.load: file=a.npy -> data=Array-2",
        "numpy.savez: arr_0=Array-2 named_arrays=Arrays-1[Array-3] -> written=z.npz",
        "numpy.load: file=z.npz -> data=Array-4",
        "numpy.savetxt: data=Array-5 -> file=c.txt",
        "numpy.loadtxt: file=c.txt -> data=Array-6",
        "numpy.genfromtxt: file=c.txt -> data=Array-7",
        "numpy.fromfile: file=d.raw -> data=Array-8",
        "numpy.loadtxt: file=c.txt -> data=Array-9",
        "numpy.savez_compressed: named_arrays=Arrays-2[Array-6] -> written=y.npz",
    ]
    usecols = {"$type": "tuple", "value": [0]}
    assert parameters(recorded, "numpy.loadtxt") == {"options": {"usecols": usecols}}
    assert of_program(recorded) == (["c.txt"], ["d.raw"])


PANDAS = """\
import sqlite3

import pandas as pd

table = pd.DataFrame({"energy": [1.0, 2.0, 3.0], "counts": [10, 5, 2]})
table.to_csv("d.csv", index=False)
read = pd.read_csv("d.csv", usecols=["energy", "counts"])
print(read.describe())
read.to_json()
read.to_json("d.json")
read["energy"].to_pickle("e.pkl")
again = pd.read_json("d.json")
again.to_hdf("k.h5", key="k")
pd.read_hdf("k.h5", "k")
connection = sqlite3.connect("d.db")
again.to_sql("t", connection)
pd.read_sql("select * from t", connection)
connection.close()
with open("d.csv") as stream:
    pd.read_csv(stream)
"""


def test_pandas(recorded):
    """Tables read and written; a text that is no file's, as print makes one, is none."""
    assert told(recorded, PANDAS) == [
        "DataFrame.to_csv: table=Table-1 -> file=d.csv",
        "pandas.read_csv: file=d.csv -> table=Table-2",
        "DataFrame.to_json: table=Table-2 -> file=d.json",
        "DataFrame.to_pickle: table=Table-3 -> file=e.pkl",
        "pandas.read_json: file=d.json -> table=Table-4",
        "DataFrame.to_hdf: table=Table-4 -> file=k.h5",
        "pandas.read_hdf: file=k.h5 -> table=Table-5",
        "DataFrame.to_sql: table=Table-4 -> database=Database-1",
        "pandas.read_sql: database=Database-2 -> table=Table-6",
        "pandas.read_csv: file=d.csv -> table=Table-7",
    ]
    assert parameters(recorded, "pandas.read_csv") == {"options": {"usecols": ["energy", "counts"]}}


XARRAY = """\
import numpy as np
import xarray as xr

data = xr.Dataset({"n": ("e", np.arange(3.0))}, coords={"e": [1.0, 2.0, 3.0]})
data.to_netcdf("d.nc", engine="h5netcdf")
with xr.open_dataset("d.nc", engine="h5netcdf") as opened:
    mean = opened.mean().load()
xr.load_dataset("d.nc", engine="h5netcdf")
data["n"].to_netcdf("n.nc", engine="scipy")
xr.open_dataarray("n.nc", engine="scipy").close()
mean.to_netcdf("mean.nc", engine="h5netcdf")
"""


def test_xarray(recorded):
    """Files that Python does not open, too; one reader inside another is one activity."""
    assert told(recorded, XARRAY) == [
        "Dataset.to_netcdf: dataset=Dataset-1 -> file=d.nc",
        "xarray.open_dataset: file=d.nc -> dataset=Dataset-2",
        "xarray.load_dataset: file=d.nc -> dataset=Dataset-3",
        "DataArray.to_netcdf: dataset=Dataset-4 -> file=n.nc",
        "xarray.open_dataarray: file=n.nc -> dataset=Dataset-5",
        "Dataset.to_netcdf: dataset=Dataset-6 -> file=mean.nc",
    ]


SCIPY = """\
import numpy as np
import scipy.sparse
from scipy import io
from scipy.io import wavfile

io.savemat("v.mat", {"n": np.arange(3.0)})
v = io.loadmat("v.mat")
io.mmwrite("m.mtx", scipy.sparse.eye_array(3))
m = io.mmread("m.mtx")
scipy.sparse.save_npz("s", m)
scipy.sparse.load_npz("s.npz")
wavfile.write("w.wav", 8000, np.zeros(10, "i2"))
rate, samples = wavfile.read("w.wav")
"""


def test_scipy(recorded):
    """Files of other programs; what scipy leaves to numpy is one activity."""
    assert told(recorded, SCIPY) == [
        "savemat: variables=Variables-1[Array-1] -> written=v.mat",
        "loadmat: read=v.mat -> variables=Variables-2[PythonObject-1 PythonObject-2 PythonObject-3]",
        "mmwrite: matrix=Matrix-1 -> file=m.mtx",
        "mmread: file=m.mtx -> matrix=Matrix-2",
        "save_npz: matrix=Matrix-2 -> written=s.npz",
        "load_npz: file=s.npz -> matrix=Matrix-3",
        "wavfile.write: data=Array-2 -> file=w.wav",
        "wavfile.read: file=w.wav -> data=Array-3",
    ]


MATPLOTLIB = """\
import matplotlib.pyplot as plt
import numpy as np

figure, axes = plt.subplots()
axes.plot([1, 2, 3])
axes.set_xlabel("$E$ / TeV")
plt.savefig("plot")
figure.savefig("plot.pdf", dpi=50)
plt.imsave("image.png", np.eye(4))
plt.imread("image.png")
"""


def test_matplotlib(recorded):
    """Figures with the names that they get; no font, no style, no cache of matplotlib's."""
    assert told(recorded, MATPLOTLIB, MPLBACKEND="Agg") == [
        "savefig: figure=Figure-1 -> written=plot.png",
        "savefig: figure=Figure-1 -> written=plot.pdf",
        "imsave: data=Array-1 -> image=image.png",
        "imread: image=image.png -> data=Array-2",
    ]
    assert of_program(recorded) == ([], [])


@pytest.mark.parametrize("package", ["numpy", "scipy", "pandas", "xarray", "matplotlib.pyplot"])
def test_an_import_is_no_provenance(recorded, package):
    """What a package reads to start itself is not told."""
    assert told(recorded, f"import {package}\nopen('end', 'w').write('x')\n") == []
    assert of_program(recorded) == ([], ["end"])
