"""Readers and writers of the shipped definitions: programs that read a file and write another.

A program is a reader, at most one line that computes, and a writer. ``x`` is the value that flows
from the reader to the writer.
"""

from __future__ import annotations

from typing import NamedTuple


class Pair(NamedTuple):
    """One reader and one writer, and what they are called in the definition.

    ``make`` writes ``file``, which ``read`` reads; ``write`` writes ``out``. ``compute`` stands
    between; where ``is_handed`` the object is also written as it was read. ``prepare`` stands before the
    reader.
    """

    definition: str
    reader: str
    read: str
    writer: str
    write: str
    file: str
    out: str
    make: str = ""
    compute: str = "x = x * 2"
    is_handed: bool = True
    imports: str = ""
    prepare: str = ""
    needs: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()  # those that the program itself opens

    def __str__(self) -> str:
        return f"{self.definition}: {self.reader} to {self.writer}"


def _pairs(definition, imports, *rows, needs=(), **common):
    return [
        Pair(definition, *row[:6], **{"imports": imports, "needs": needs, **common, **row[6]})
        for row in rows
    ]


NUMPY = _pairs(
    "numpy",
    "import numpy as np\n",
    ("load", "x = np.load('a.npy')", "save", "np.save('o.npy', x)", "a.npy", "o.npy", {"make": "np.save('a.npy', np.arange(6.0))"}),
    ("load", "x = np.load('a.npz')", "save", "np.save('o.npy', x)", "a.npz", "o.npy", {"make": "np.savez('a.npz', n=np.arange(6.0))", "compute": "x = x['n'] + 1", "is_handed": False}),
    ("loadtxt", "x = np.loadtxt('a.txt')", "savetxt", "np.savetxt('o.txt', x)", "a.txt", "o.txt", {"make": "np.savetxt('a.txt', np.arange(6.0))"}),
    ("genfromtxt", "x = np.genfromtxt('a.txt')", "savez", "np.savez('o.npz', x)", "a.txt", "o.npz", {"make": "np.savetxt('a.txt', np.arange(6.0))"}),
    ("fromfile", "x = np.fromfile('a.raw')", "savez_compressed", "np.savez_compressed('o.npz', n=x)", "a.raw", "o.npz", {"make": "np.arange(6.0).tofile('a.raw')"}),
    ("fromregex", "x = np.fromregex('a.txt', r'(\\S+)', [('n', 'f8')])", "save", "np.save('o.npy', arr=x)", "a.txt", "o.npy", {"make": "np.savetxt('a.txt', np.arange(6.0))", "compute": "x = x[:3]"}),
)  # fmt: skip

_SPARSE = "scipy.sparse.eye(4, format='coo') * 3.5"
SCIPY = _pairs(
    "scipy",
    "import numpy as np, scipy.sparse\nfrom scipy import io\nfrom scipy.io import arff, wavfile\n",
    ("loadmat", "x = io.loadmat('a.mat')", "savemat", "io.savemat('o.mat', x)", "a.mat", "o.mat", {"make": "io.savemat('a.mat', {'n': np.arange(6.0)})", "compute": "x = {'n': x['n'] * 2}"}),
    ("readsav", "x = io.readsav('a.sav')", "savemat", "io.savemat('o.mat', x)", "a.sav", "o.mat", {"make": "import os, shutil\nshutil.copy(os.path.join(os.path.dirname(io.__file__), 'tests', 'data', 'array_float32_1d.sav'), 'a.sav')", "compute": "x = {'n': x['array1d'] * 2}"}),
    ("mmread", "x = io.mmread('a.mtx')", "mmwrite", "io.mmwrite('o.mtx', x)", "a.mtx", "o.mtx", {"make": f"io.mmwrite('a.mtx', {_SPARSE})"}),
    ("hb_read", "x = io.hb_read('a.hb', spmatrix=False)", "hb_write", "io.hb_write('o.hb', x)", "a.hb", "o.hb", {"make": f"io.hb_write('a.hb', ({_SPARSE}).tocsc())", "compute": "x = (x * 2).tocsc()"}),
    ("read", "rate, x = wavfile.read('a.wav')", "write", "wavfile.write('o.wav', rate, x)", "a.wav", "o.wav", {"make": "wavfile.write('a.wav', 8000, np.arange(99, dtype='i2'))"}),
    ("loadarff", "x, meta = arff.loadarff('a.arff')", "write", "wavfile.write('o.wav', 8000, x['n'].astype('i2'))", "a.arff", "o.wav", {"make": "open('a.arff', 'w').write('@relation r\\n@attribute n numeric\\n@data\\n1\\n2\\n3\\n')", "compute": "x = x[:2]", "is_handed": False}),
    ("load_npz", "x = scipy.sparse.load_npz('a.npz')", "save_npz", "scipy.sparse.save_npz('o.npz', x)", "a.npz", "o.npz", {"make": f"scipy.sparse.save_npz('a.npz', {_SPARSE})"}),
)  # fmt: skip

_TABLE = "pd.DataFrame({'a': [1.5, 2.5, 3.5], 'b': [4, 5, 6]})"
_SQL = (
    f"import sqlite3\nc = sqlite3.connect('a.db')\n{_TABLE}.to_sql('t', c, index=False)\nc.close()"
)
PANDAS = _pairs(
    "pandas",
    "import pandas as pd\n",
    ("read_csv", "x = pd.read_csv('a.csv')", "to_csv", "x.to_csv('o.csv', index=False)", "a.csv", "o.csv", {"make": f"{_TABLE}.to_csv('a.csv', index=False)", "compute": "x = x[x['a'] > 2]"}),
    ("read_table", "x = pd.read_table('a.tsv')", "to_json", "x.to_json('o.json')", "a.tsv", "o.json", {"make": f"{_TABLE}.to_csv('a.tsv', sep='\\t')"}),
    ("read_fwf", "x = pd.read_fwf('a.txt')", "to_html", "x.to_html('o.html')", "a.txt", "o.html", {"make": f"open('a.txt', 'w').write({_TABLE}.to_string())"}),
    ("read_excel", "x = pd.read_excel('a.xlsx')", "to_excel", "x.to_excel('o.xlsx')", "a.xlsx", "o.xlsx", {"make": f"{_TABLE}.to_excel('a.xlsx')", "needs": ("openpyxl",)}),
    ("read_feather", "x = pd.read_feather('a.feather')", "to_feather", "x.to_feather('o.feather')", "a.feather", "o.feather", {"make": f"{_TABLE}.to_feather('a.feather')", "needs": ("pyarrow",)}),
    ("read_hdf", "x = pd.read_hdf('a.h5', 'k')", "to_hdf", "x.to_hdf('o.h5', key='k')", "a.h5", "o.h5", {"make": f"{_TABLE}.to_hdf('a.h5', key='k')", "needs": ("tables",)}),
    ("read_html", "x = pd.read_html('a.html')[0]", "to_markdown", "x.to_markdown('o.md')", "a.html", "o.md", {"make": f"{_TABLE}.to_html('a.html')", "needs": ("lxml", "tabulate")}),
    ("read_json", "x = pd.read_json('a.json')", "to_latex", "x.to_latex('o.tex')", "a.json", "o.tex", {"make": f"{_TABLE}.to_json('a.json')", "needs": ("jinja2",)}),
    ("read_orc", "x = pd.read_orc('a.orc')", "to_orc", "x.to_orc('o.orc')", "a.orc", "o.orc", {"make": f"{_TABLE}.to_orc('a.orc')", "needs": ("pyarrow",)}),
    ("read_parquet", "x = pd.read_parquet('a.parquet')", "to_parquet", "x.to_parquet('o.parquet')", "a.parquet", "o.parquet", {"make": f"{_TABLE}.to_parquet('a.parquet')", "needs": ("pyarrow",)}),
    ("read_pickle", "x = pd.read_pickle('a.pkl')", "to_pickle", "x.to_pickle('o.pkl')", "a.pkl", "o.pkl", {"make": f"{_TABLE}.to_pickle('a.pkl')"}),
    ("read_sas", "x = pd.read_sas('a.xpt')", "to_stata", "x.to_stata('o.dta')", "a.xpt", "o.dta", {"make": f"import pyreadstat\npyreadstat.write_xport({_TABLE}, 'a.xpt', file_format_version=5)", "needs": ("pyreadstat",)}),
    ("read_spss", "x = pd.read_spss('a.sav')", "to_csv", "x.to_csv('o.csv')", "a.sav", "o.csv", {"make": f"import pyreadstat\npyreadstat.write_sav({_TABLE}, 'a.sav')", "needs": ("pyreadstat",)}),
    ("read_stata", "x = pd.read_stata('a.dta')", "to_stata", "x.to_stata('o.dta')", "a.dta", "o.dta", {"make": f"{_TABLE}.to_stata('a.dta')"}),
    ("read_xml", "x = pd.read_xml('a.xml')", "to_xml", "x.to_xml('o.xml')", "a.xml", "o.xml", {"make": f"{_TABLE}.to_xml('a.xml')", "needs": ("lxml",)}),
    ("read_sql", "x = pd.read_sql('select * from t', c)", "to_csv", "x.to_csv('o.csv')", "a.db", "o.csv", {"make": _SQL, "imports": "import pandas as pd, sqlite3\n", "prepare": "c = sqlite3.connect('a.db')", "opened": ("a.db",)}),
    ("read_sql_query", "x = pd.read_sql_query('select * from t', c)", "to_csv", "x.to_csv('o.csv')", "a.db", "o.csv", {"make": _SQL, "imports": "import pandas as pd, sqlite3\n", "prepare": "c = sqlite3.connect('a.db')", "opened": ("a.db",)}),
    ("read_sql_table", "x = pd.read_sql_table('t', e)", "to_csv", "x.to_csv('o.csv')", "a.db", "o.csv", {"make": _SQL, "imports": "import pandas as pd, sqlalchemy\n", "prepare": "e = sqlalchemy.create_engine('sqlite:///a.db')", "needs": ("sqlalchemy",)}),
    ("read_csv", "x = pd.read_csv('a.csv')", "to_sql", "x.to_sql('t', c)", "a.csv", "o.db", {"make": f"{_TABLE}.to_csv('a.csv')", "imports": "import pandas as pd, sqlite3\n", "prepare": "c = sqlite3.connect('o.db')", "opened": ("o.db",)}),
)  # fmt: skip

_IMAGE = "np.arange(12.0).reshape(3, 4)"
_FITS = f"fits.writeto('a.fits', {_IMAGE})"
_VOTABLE = "Table({'n': [1.5, 2.5]}).write('a.xml', format='votable')"
ASTROPY = _pairs(
    "astropy",
    "import numpy as np\nfrom astropy import units as u\nfrom astropy.io import fits, votable\nfrom astropy.nddata import CCDData\nfrom astropy.table import QTable, Table\n",
    ("open", "x = fits.open('a.fits')", "HDUList.writeto", "x.writeto('o.fits')", "a.fits", "o.fits", {"make": _FITS, "compute": "x[0].data = x[0].data * 2"}),
    ("open", "x = fits.open('a.fits')[0]", "_BaseHDU.writeto", "x.writeto('o.fits')", "a.fits", "o.fits", {"make": _FITS, "compute": "x.data = x.data * 2", "is_handed": False}),
    ("open", "x = fits.open('a.fits')[1]", "ExtensionHDU.writeto", "x.writeto('o.fits')", "a.fits", "o.fits", {"make": _FITS + f"\nfits.append('a.fits', {_IMAGE})", "compute": "x.data = x.data * 2", "is_handed": False}),
    ("open", "x = fits.open('a.fits')[0].data", "HDUList.flush", "h = fits.open('o.fits', mode='update'); h[0].data = x; h.flush()", "a.fits", "o.fits", {"make": _FITS + f"\nfits.writeto('o.fits', {_IMAGE} + 1)", "is_handed": False}),
    ("getdata", "x = fits.getdata('a.fits')", "writeto", "fits.writeto('o.fits', x)", "a.fits", "o.fits", {"make": _FITS}),
    ("getdata", "x = fits.getdata('a.fits')", "append", "fits.append('o.fits', x)", "a.fits", "o.fits", {"make": _FITS}),
    ("getdata", "x = fits.getdata('a.fits')", "update", "fits.update('o.fits', x, 1)", "a.fits", "o.fits", {"make": _FITS + f"\nfits.append('o.fits', {_IMAGE} + 1)\nfits.append('o.fits', {_IMAGE} + 2)"}),
    ("getheader", "x = fits.getheader('a.fits')", "writeto", "fits.writeto('o.fits', np.arange(3), header=x)", "a.fits", "o.fits", {"make": _FITS, "compute": "x['OBJECT'] = 'Crab'"}),
    ("getval", "x = fits.getval('a.fits', 'NAXIS1')", "setval", "fits.setval('o.fits', 'WIDTH', value=x)", "a.fits", "o.fits", {"make": _FITS + f"\nfits.writeto('o.fits', {_IMAGE})", "is_handed": False}),
    ("parse", "x = votable.parse('a.xml')", "astropy.io.votable.table:writeto", "votable.writeto(x, 'o.xml')", "a.xml", "o.xml", {"make": _VOTABLE, "compute": "x.description = 'none'"}),
    ("parse", "x = votable.parse('a.xml')", "VOTableFile.to_xml", "x.to_xml('o.xml')", "a.xml", "o.xml", {"make": _VOTABLE, "compute": "x.description = 'none'"}),
    ("parse_single_table", "x = votable.parse_single_table('a.xml')", "TableWrite.__call__", "x.to_table().write('o.ecsv')", "a.xml", "o.ecsv", {"make": _VOTABLE, "compute": "x.description = 'none'", "is_handed": False}),
    ("TableRead.__call__", "x = Table.read('a.ecsv')", "TableWrite.__call__", "x.write('o.ecsv')", "a.ecsv", "o.ecsv", {"make": "Table({'n': [1.5, 2.5]}).write('a.ecsv')", "compute": "x['m'] = x['n'] * 2"}),
    ("TableRead.__call__", "x = QTable.read('a.fits')", "TableWrite.__call__", "x.write('o.csv')", "a.fits", "o.csv", {"make": "QTable({'n': [1.5, 2.5] * u.TeV}).write('a.fits')", "compute": "x = x[:1]"}),
    ("UnifiedInputRegistry.read", "x = CCDData.read('a.fits', unit='adu')", "UnifiedOutputRegistry.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _FITS, "compute": "x = x.multiply(2)"}),
)  # fmt: skip

OTHERS = [
    *_pairs(
        "joblib",
        "import joblib\n",
        ("load", "x = joblib.load('a.pkl')", "dump", "joblib.dump(x, 'o.pkl')", "a.pkl", "o.pkl", {"make": "joblib.dump({'n': list(range(99))}, 'a.pkl')", "compute": "x = {'n': x['n'][:3]}"}),
    ),
    *_pairs(
        "matplotlib",
        "import matplotlib\nmatplotlib.use('agg')\nimport numpy as np\nfrom matplotlib import image, pyplot as plt\n",
        ("imread", "x = image.imread('a.png')", "imsave", "image.imsave('o.png', x)", "a.png", "o.png", {"make": "image.imsave('a.png', np.ones((3, 4)))", "compute": "x = x / 2"}),
        ("imread", "x = image.imread('a.png')", "savefig", "plt.imshow(x); plt.savefig('o.png')", "a.png", "o.png", {"make": "image.imsave('a.png', np.ones((3, 4)))", "compute": "x = x / 2", "is_handed": False}),
    ),
    *_pairs(
        "xarray",
        "import numpy as np, xarray as xr\n",
        ("open_dataset", "x = xr.open_dataset('a.nc', engine='h5netcdf')", "Dataset.to_netcdf", "x.to_netcdf('o.nc', engine='h5netcdf')", "a.nc", "o.nc", {}),
        ("load_dataset", "x = xr.load_dataset('a.nc', engine='h5netcdf')", "Dataset.to_netcdf", "x.to_netcdf('o.nc', engine='h5netcdf')", "a.nc", "o.nc", {"compute": "x = x.mean()"}),
        ("open_dataarray", "x = xr.open_dataarray('a.nc', engine='h5netcdf')", "DataArray.to_netcdf", "x.to_netcdf('o.nc', engine='h5netcdf')", "a.nc", "o.nc", {}),
        ("load_dataarray", "x = xr.load_dataarray('a.nc', engine='h5netcdf')", "DataArray.to_netcdf", "x.to_netcdf('o.nc', engine='h5netcdf')", "a.nc", "o.nc", {}),
        ("open_datatree", "x = xr.open_datatree('a.nc', engine='h5netcdf')", "DataTree.to_netcdf", "x.to_netcdf('o.nc', engine='h5netcdf')", "a.nc", "o.nc", {"compute": "x = x.mean()"}),
        make="xr.Dataset({'n': ('e', np.arange(3.0))}).to_netcdf('a.nc', engine='h5netcdf')",
        needs=("h5netcdf",),
    ),
    *_pairs(
        "xarray",
        "import numpy as np, xarray as xr\n",
        ("open_zarr", "x = xr.open_zarr('a.zarr')", "Dataset.to_zarr", "x.to_zarr('o.zarr')", "a.zarr", "o.zarr", {}),
        ("open_zarr", "x = xr.open_zarr('a.zarr')['n']", "DataArray.to_zarr", "x.to_zarr('o.zarr')", "a.zarr", "o.zarr", {"is_handed": False}),
        ("open_datatree", "x = xr.open_datatree('a.zarr', engine='zarr')", "DataTree.to_zarr", "x.to_zarr('o.zarr')", "a.zarr", "o.zarr", {"compute": "x = x.mean()"}),
        make="xr.Dataset({'n': ('e', np.arange(3.0))}).to_zarr('a.zarr', consolidated=True)",
        needs=("zarr",),
    ),
]  # fmt: skip

_DATASET = """
axis = MapAxis.from_energy_bounds(1, 10, 3, unit="TeV", name="energy")
true = MapAxis.from_energy_bounds(1, 10, 3, unit="TeV", name="energy_true")
region = RegionGeom.create("icrs;circle(83.63, 22.01, 0.1)", axes=[axis])
sky = WcsGeom.create(skydir=(83.63, 22.01), width=1, binsz=0.2, axes=[axis])
model = SkyModel(PowerLawSpectralModel(amplitude="3e-11 cm-2 s-1 TeV-1"), name="crab")
gti = GTI.create(0 * u.h, 1 * u.h)
spectrum = SpectrumDataset.create(region, energy_axis_true=true, name="one")
spectrum.exposure.quantity = 1e13 * np.ones(spectrum.exposure.data.shape) * u.Unit("cm2 s")
spectrum.background = RegionNDMap.from_geom(region, data=2.0)
spectrum.counts.data += np.array([80, 20, 5]).reshape(3, 1, 1)
spectrum.mask_safe = RegionNDMap.from_geom(region, data=True, dtype=bool)
spectrum.edisp = EDispKernelMap.from_diagonal_response(axis, true, geom=region.to_image())
spectrum.gti = gti
spectrum.models = [model]
onoff = SpectrumDatasetOnOff.from_spectrum_dataset(dataset=spectrum, acceptance=1, acceptance_off=10)
aeff = EffectiveAreaTable2D.from_parametrization(true, "HESS")
"""
_POINTS = (
    _DATASET
    + """
points = FluxPointsEstimator(energy_edges=[1, 3, 10] * u.TeV, source="crab").run([spectrum])
"""
)
_CATALOGUE = 'Table({"source_name": ["2HWC J0534+220"], "energy": [1.0]}).write("a.ecsv")'
_EVENTS = "$GAMMAPY_DATA/hess-dl3-dr1/data/hess_dl3_dr1_obs_id_023523.fits.gz"
_COPY = f"import os, shutil\nshutil.copy(os.path.expandvars({_EVENTS!r}), 'a.fits.gz')"
GAMMAPY = _pairs(
    "gammapy",
    """import warnings
import astropy.units as u
import numpy as np
from astropy.table import Table
warnings.simplefilter("ignore")
from gammapy.analysis import AnalysisConfig
from gammapy.catalog import SourceCatalog2HWC
from gammapy.data import GTI, DataStore, EventList, Observation
from gammapy.datasets import Datasets, FluxPointsDataset, MapDataset, SpectrumDataset, SpectrumDatasetOnOff
from gammapy.estimators import FluxMaps, FluxPoints, FluxPointsEstimator
from gammapy.irf import EDispKernel, EDispKernelMap, EffectiveAreaTable2D, load_irf_dict_from_file
from gammapy.maps import Map, MapAxis, Maps, RegionGeom, RegionNDMap, WcsGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import Models, PowerLawSpectralModel, SkyModel
""",
    ("AnalysisConfig.read", "x = AnalysisConfig.read('a.yaml')", "AnalysisConfig.write", "x.write('o.yaml')", "a.yaml", "o.yaml", {"make": "AnalysisConfig().write('a.yaml')", "compute": "x.general.n_jobs = 2"}),
    ("Map.read", "x = Map.read('a.fits')", "Map.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _DATASET + "Map.from_geom(sky, data=1.0).write('a.fits')", "compute": "x = x.sum_over_axes()"}),
    ("RegionNDMap.read", "x = RegionNDMap.read('a.fits')", "RegionNDMap.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _DATASET + "spectrum.counts.write('a.fits')"}),
    ("Maps.read", "x = Maps.read('a.fits')", "Maps.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _DATASET + "Maps(n=Map.from_geom(sky, data=1.0)).write('a.fits')", "compute": "x['n'].data *= 2"}),
    ("MapDataset.read", "x = SpectrumDataset.read('a.fits')", "MapDataset.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _DATASET + "spectrum.write('a.fits')", "compute": "x.counts.data *= 2"}),
    ("SpectrumDatasetOnOff.read", "x = SpectrumDatasetOnOff.read('a.fits')", "SpectrumDatasetOnOff.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _DATASET + "onoff.write('a.fits')", "compute": "x.counts.data *= 2"}),
    ("Datasets.read", "x = Datasets.read('a.yaml')", "Datasets.write", "x.write('out/o.yaml', overwrite=True)", "a.yaml", "out/o.yaml", {"make": "import os\nos.mkdir('out')\n" + _DATASET + "Datasets([spectrum]).write('a.yaml')", "compute": "x[0].counts.data *= 2"}),
    ("Datasets.read", "x = Fit().run(Datasets.read('a.yaml', 'm.yaml'))", "FitResult.write", "x.write('o.yaml')", "a.yaml", "o.yaml", {"make": _DATASET + "Datasets([spectrum]).write('a.yaml', 'm.yaml')", "compute": "x.parameters['index'].value *= 2"}),
    ("DatasetModels.read", "x = Models.read('a.yaml')", "DatasetModels.write", "x.write('o.yaml', overwrite=True)", "a.yaml", "o.yaml", {"make": _DATASET + "Models([model]).write('a.yaml')", "compute": "x[0].parameters['index'].value = 3"}),
    ("DatasetModels.read", "x = Models.read('a.yaml')", "DatasetModels.write_covariance", "x.write_covariance('o.dat', format='ascii.fixed_width')", "a.yaml", "o.dat", {"make": _DATASET + "Models([model]).write('a.yaml')", "compute": "x.parameters['index'].error = 3"}),
    ("FluxPoints.read", "x = FluxPoints.read('a.fits')", "FluxPoints.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _POINTS + "points.write('a.fits')", "compute": "x = x.slice_by_idx({'energy': slice(0, 1)})"}),
    ("FluxPointsDataset.read", "x = FluxPointsDataset.read('a.fits')", "FluxPointsDataset.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _POINTS + "FluxPointsDataset(data=points, name='p').write('a.fits')", "compute": "x.mask_fit = x.mask_safe"}),
    ("FluxMaps.read", "x = FluxMaps.read('a.fits')", "FluxMaps.write", "x.write('o.fits', overwrite=True)", "a.fits", "o.fits", {"make": _DATASET + "FluxMaps({'norm': Map.from_geom(sky, data=1.0)}, reference_model=model).write('a.fits')", "compute": "x.norm.data *= 2"}),
    ("GTI.read", "x = GTI.read('a.fits')", "GTI.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _DATASET + "gti.write('a.fits')", "compute": "x = x.union()"}),
    ("IRF.read", "x = EffectiveAreaTable2D.read('a.fits', hdu='EFFECTIVE AREA')", "IRF.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _DATASET + "aeff.write('a.fits')", "compute": "x = EffectiveAreaTable2D(axes=x.axes, data=x.data * 2, unit=x.unit, meta=x.meta)"}),
    ("EDispKernelMap.read", "x = EDispKernelMap.read('a.fits')", "IRFMap.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _DATASET + "spectrum.edisp.write('a.fits')", "compute": "x = x.copy()"}),
    ("EDispKernel.read", "x = EDispKernel.read('a.fits')", "EDispKernel.write", "x.write('o.fits')", "a.fits", "o.fits", {"make": _DATASET + "spectrum.edisp.get_edisp_kernel().write('a.fits')", "compute": "x = EDispKernel(axes=x.axes, data=x.data * 2)"}),
    ("SourceCatalog2HWC.__init__", "x = SourceCatalog2HWC('a.ecsv')", "TableWrite.__call__", "x.table.write('o.ecsv')", "a.ecsv", "o.ecsv", {"make": _CATALOGUE, "compute": "x.table['energy'] *= 2", "is_handed": False}),
    ("EventList.read", "x = EventList.read('a.fits.gz')", "TableWrite.__call__", "x.table.write('o.fits')", "a.fits.gz", "o.fits", {"make": _COPY, "compute": "x = x.select_offset([0, 1] * u.deg)", "is_handed": False}),
    ("load_irf_dict_from_file", "x = load_irf_dict_from_file('a.fits.gz')['aeff']", "IRF.write", "x.write('o.fits')", "a.fits.gz", "o.fits", {"make": _COPY, "compute": "x = EffectiveAreaTable2D(axes=x.axes, data=x.data * 2, unit=x.unit, meta=x.meta)"}),
    ("Observation.read", "x = Observation.read('a.fits.gz')", "Observation.write", "x.write('o.fits')", "a.fits.gz", "o.fits", {"make": _COPY, "compute": "x = x.select_time(x.gti.time_intervals[0])"}),
    ("DataStore.from_events_files", "x = DataStore.from_events_files(['a.fits.gz'])", "TableWrite.__call__", "x.write('o.fits')", "a.fits.gz", "o.fits", {"make": _COPY, "compute": "x = x.obs_table", "is_handed": False}),
)  # fmt: skip

_SUBARRAY = """
geometry = CameraGeometry.make_rectangular(5, 5)
geometry.frame = CameraFrame(focal_length=16 * u.m)
readout = CameraReadout("Toy", 1 * u.GHz, np.ones((1, 9)), 1 * u.ns, 1, geometry.n_pixels, 40)
optics = OpticsDescription(
    "Toy", SizeType.MST, 1, 16 * u.m, 16 * u.m, 100 * u.m**2, 80, ReflectorShape.DAVIES_COTTON
)
telescope = TelescopeDescription("Toy", optics, CameraDescription("Toy", geometry, readout))
place = EarthLocation.from_geodetic(-17.9 * u.deg, 28.8 * u.deg, 2200 * u.m)
SubarrayDescription("toys", {1: np.zeros(3) * u.m}, {1: telescope}, place).to_hdf("a.h5")
"""
_CTAPIPE = """import astropy.units as u
import numpy as np
from astropy.coordinates import EarthLocation
from astropy.table import Table
from ctapipe.coordinates import CameraFrame
from ctapipe.instrument import CameraDescription, CameraGeometry, CameraReadout, OpticsDescription
from ctapipe.instrument import ReflectorShape, SizeType, SubarrayDescription, TelescopeDescription
from ctapipe.io import read_table, write_table
"""
CTAPIPE = _pairs(
    "ctapipe",
    _CTAPIPE,
    ("read_table", "x = read_table('a.h5', '/t')", "write_table", "write_table(x, 'o.h5', '/t')", "a.h5", "o.h5", {"make": "write_table(Table({'n': [1.5, 2.5]}), 'a.h5', '/t')", "compute": "x = x[:1]"}),
    ("SubarrayDescription.from_hdf", "x = SubarrayDescription.from_hdf('a.h5')", "SubarrayDescription.to_hdf", "x.to_hdf('o.h5')", "a.h5", "o.h5", {"make": _SUBARRAY, "compute": "x = x.select_subarray([1])"}),
)  # fmt: skip

# Definitions that only say what is opened: the program reads and writes.
OPENED = [
    *_pairs(
        "h5py",
        "import h5py, numpy as np\n",
        ("File.__init__", "x = h5py.File('a.h5')['d'][:]", "File.__init__", "h5py.File('o.h5', 'w')['d'] = x", "a.h5", "o.h5", {"make": "h5py.File('a.h5', 'w')['d'] = np.arange(9.0)"}),
        opened=("a.h5", "o.h5"),
    ),
    *_pairs(
        "tables",
        "import tables\n",
        ("File.__init__", "x = tables.open_file('a.h5').root.d[:]", "File.__init__", "tables.open_file('o.h5', 'w').create_array('/', 'd', x)", "a.h5", "o.h5", {"make": "tables.open_file('a.h5', 'w').create_array('/', 'd', [1.5, 2.5])"}),
        opened=("a.h5", "o.h5"),
    ),
    *_pairs(
        "fsspec",
        "import fsspec\n",
        ("open", "x = fsspec.open('a.txt').open().read()", "open", "fsspec.open('o.txt', 'wb').open().write(x)", "a.txt", "o.txt", {"make": "open('a.txt', 'w').write('1 2 3')"}),
        opened=("a.txt", "o.txt"),
    ),
]  # fmt: skip

PAIRS = [*NUMPY, *SCIPY, *PANDAS, *ASTROPY, *OTHERS, *GAMMAPY, *CTAPIPE, *OPENED]

# Activities with files that stand in no pair: who tests them.
ELSEWHERE = {
    "astropy": {"delval"},  # as setval
    "ctapipe": {  # test_definition_ctapipe.py: they need the files that its tools make
        *("add_output_file", "add_input_file", "write", "read"),
        *(f"read_{name}" for name in ("observation_information", "scheduling_blocks", "shower_distribution", "simulation_configuration", "subarray_events", "subarray_events_chunked", "telescope_events", "telescope_events_chunked", "telescope_events_by_id", "telescope_events_by_id_chunked", "telescope_events_by_type", "telescope_events_by_type_chunked")),
    },
    "gammapy": {  # test_crab.py, test_gammapy_steps.py: they need a store of observations
        *("get_observations", "get_datasets", "read_datasets", "write_datasets", "read_models", "write_models"),
        *("DataStore.from_dir", "DataStore.from_file"),
        *(f"{name}.run" for name in ("MapDatasetMaker", "SpectrumDatasetMaker", "SafeMaskMaker", "FoVBackgroundMaker", "PhaseBackgroundMaker", "ReflectedRegionsBackgroundMaker", "RingBackgroundMaker", "AdaptiveRingBackgroundMaker")),
        "IRFMap.read",  # as EDispKernelMap.read
    },
    "httpx": {"send"},  # test_opens.py, with a server
}  # fmt: skip
