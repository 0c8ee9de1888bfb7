"""Programs below gammapy's high-level interface: makers, fits, estimators, catalogues, responses."""

from __future__ import annotations

import importlib.util

import pytest
from conftest import ROOT, SHARED
from story import parameters, told

pytest.importorskip("gammapy")
pytestmark = pytest.mark.gammapy

HESS = SHARED / "gammapy-data"

FIT = """\
import warnings

import astropy.units as u
from gammapy.datasets import Datasets
from gammapy.estimators import FluxPointsEstimator
from gammapy.modeling import Fit

warnings.simplefilter("ignore")
datasets = Datasets.read("crab/datasets.yaml", "crab/models.yaml")
result = Fit().run(datasets)
points = FluxPointsEstimator(energy_edges=[1, 3, 10] * u.TeV, source="Crab").run(datasets)
points.write("points.fits")
"""


def test_fit_and_estimator(recorded):
    """What a fit has left in the datasets is what the estimator uses; fits inside it are its own."""
    spec = importlib.util.spec_from_file_location("prepare", ROOT / "examples" / "prepare_crab.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.prepare(recorded.folder / "crab")
    lines = [line for line in told(recorded, FIT) if not line.startswith(" ")]
    assert lines == [
        "Datasets.read: datasets_file=datasets.yaml models_file=models.yaml"
        " -> datasets=Dataset-1 datasets=Dataset-2 datasets=Datasets-1[Dataset-1 Dataset-2]",
        "Fit.run: datasets=Datasets-1[Dataset-1 Dataset-2] models=Models-2[SkyModel-2]"
        " -> fit_result=FitResult-1 fitted_datasets=Dataset-5 fitted_datasets=Dataset-6"
        " fitted_datasets=Datasets-2[Dataset-5 Dataset-6]"
        " fitted_models=SkyModel-3 fitted_models=Models-3[SkyModel-3]",
        "FluxPointsEstimator.run: datasets=Datasets-2[Dataset-5 Dataset-6]"
        " models=Models-3[SkyModel-3] -> flux_points=FluxPoints-1",
        "FluxPoints.write: flux_points=FluxPoints-1 -> flux_points_file=points.fits",
    ]
    assert parameters(recorded, "Fit.run")["backend"] == "minuit"
    estimator = parameters(recorded, "FluxPointsEstimator.run")["configuration"]
    assert estimator["source"] == "Crab"


MAKERS = """\
import warnings

import astropy.units as u
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore, EventList
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.irf import EffectiveAreaTable2D
from gammapy.makers import (
    DatasetsMaker, ReflectedRegionsBackgroundMaker, SafeMaskMaker, SpectrumDatasetMaker,
)
from gammapy.maps import MapAxis, RegionGeom
from regions import CircleSkyRegion

warnings.simplefilter("ignore")
store = DataStore.from_dir("$GAMMAPY_DATA/hess-dl3-dr1")
observations = store.get_observations([23523, 23526])
center = SkyCoord(83.63, 22.01, unit="deg")
energy = MapAxis.from_energy_bounds(1, 10, 3, unit="TeV")
true = MapAxis.from_energy_bounds(0.5, 20, 5, unit="TeV", name="energy_true")
geometry = RegionGeom(CircleSkyRegion(center, 0.11 * u.deg), axes=[energy])
empty = SpectrumDataset.create(geometry, energy_axis_true=true, name="empty")
spectrum = SpectrumDatasetMaker(selection=["counts", "exposure", "edisp"])
background = ReflectedRegionsBackgroundMaker()
mask = SafeMaskMaker(methods=["aeff-max"])
datasets = Datasets()
for observation in observations:
    dataset = spectrum.run(empty.copy(name=str(observation.obs_id)), observation)
    dataset = background.run(dataset, observation)
    datasets.append(mask.run(dataset, observation))
chain = DatasetsMaker([spectrum, background, mask], stack_datasets=False)
again = chain.run(empty, observations)
again.write("datasets.yaml")
file = "$GAMMAPY_DATA/hess-dl3-dr1/data/hess_dl3_dr1_obs_id_023523.fits.gz"
EffectiveAreaTable2D.read(file, hdu="AEFF")
EventList.read(file)
"""


def test_makers(recorded):
    """Each step of each observation that the program takes, and the chain as one."""
    if not HESS.is_dir():
        pytest.skip(f"outside material is not at {HESS}")
    lines = told(recorded, MAKERS, GAMMAPY_DATA=str(HESS))
    lines = [line for line in lines if not line.startswith(" ")]
    first, second = (f"hess_dl3_dr1_obs_id_0{number}.fits.gz" for number in (23523, 23526))
    assert lines == [
        "DataStore.from_dir: datastore=hess-dl3-dr1 read=hdu-index.fits.gz read=obs-index.fits.gz"
        " -> datastore_index=DataStoreIndex-1",
        "DataStore.get_observations: datastore_index=DataStoreIndex-1"
        f" -> observations_selected=Observations-1[{first} {second}]",
        f"SpectrumDatasetMaker.run: dataset=Dataset-1 observation={first} -> dataset=Dataset-2",
        "ReflectedRegionsBackgroundMaker.run: dataset=Dataset-2"
        f" observation={first} -> dataset=Dataset-3",
        f"SafeMaskMaker.run: dataset=Dataset-3 observation={first} -> dataset=Dataset-4",
        f"SpectrumDatasetMaker.run: dataset=Dataset-5 observation={second} -> dataset=Dataset-6",
        "ReflectedRegionsBackgroundMaker.run: dataset=Dataset-6"
        f" observation={second} -> dataset=Dataset-7",
        f"SafeMaskMaker.run: dataset=Dataset-7 observation={second} -> dataset=Dataset-8",
        f"DatasetsMaker.run: dataset=Dataset-9 observations_selected=Observations-1[{first} {second}]"
        f" read={first} read={second} -> reduced_datasets=Datasets-1[Dataset-10 Dataset-11]",
        "Datasets.write: datasets=Datasets-1[Dataset-10 Dataset-11] -> datasets_file=datasets.yaml",
        f"IRF.read: irf_file={first} -> irf=IRF-1",
        f"EventList.read: event_file={first} -> events=EventList-1",
    ]


CATALOG = """\
import warnings

from astropy.table import Table
from gammapy.catalog import SourceCatalog2HWC

warnings.simplefilter("ignore")
Table({"source_name": ["2HWC J0534+220"]}).write("2HWC.ecsv")
catalog = SourceCatalog2HWC("2HWC.ecsv")
"""


def test_catalogue(recorded):
    """A constructor that reads a file is an activity."""
    assert told(recorded, CATALOG) == [
        "Table.write: table=Table-1 -> file=2HWC.ecsv",
        "SourceCatalog: file=2HWC.ecsv -> catalogue=SourceCatalog-1",
    ]
    assert recorded.provenance.sessions == {}
