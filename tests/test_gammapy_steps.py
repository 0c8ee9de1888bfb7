"""Programs without gammapy's high-level interface: makers, fits, estimators, catalogues, responses."""

from __future__ import annotations

import importlib.util
import json

import pytest
from conftest import ROOT, SHARED
from edges import assert_inverse, edges
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


SPECTRUM = """\
import warnings

import astropy.units as u
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.estimators import FluxPointsEstimator
from gammapy.makers import ReflectedRegionsBackgroundMaker, SafeMaskMaker, SpectrumDatasetMaker
from gammapy.maps import MapAxis, RegionGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from regions import CircleSkyRegion

warnings.simplefilter("ignore")
nights = DataStore.from_dir("$GAMMAPY_DATA/hess-dl3-dr1").get_observations([23523, 23526])
on_region = CircleSkyRegion(SkyCoord("83.63d", "22.01d"), 0.11 * u.deg)
axes = [MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=4)]
true_axis = MapAxis.from_energy_bounds("0.5 TeV", "20 TeV", nbin=8, name="energy_true")
template = SpectrumDataset.create(RegionGeom.create(on_region, axes=axes), energy_axis_true=true_axis)


def reduced(night):
    spectrum = SpectrumDatasetMaker(selection=["counts", "exposure", "edisp"])
    dataset = spectrum.run(template.copy(name=f"night-{night.obs_id}"), night)
    dataset = ReflectedRegionsBackgroundMaker().run(dataset, night)
    return SafeMaskMaker(methods=["aeff-max"], aeff_percent=10).run(dataset, night)


total = Datasets([reduced(night) for night in nights]).stack_reduce(name="total")
total.models = [SkyModel(PowerLawSpectralModel(index=2.3, amplitude="3e-11 cm-2 s-1 TeV-1"), name="crab")]
Fit().run([total])
points = FluxPointsEstimator(energy_edges=[1, 3, 10] * u.TeV, source="crab").run([total])
points.write("points.fits")
table = points.to_table(sed_type="dnde")
with open("points.txt", "w") as file:
    for row in table:
        file.write(f"{row['e_ref']:.3f} {row['dnde']:.3e}\\n")
"""


def of_night(number, name):
    """What each night's data go through: three makers, one after the other."""
    first = 4 * number - 3
    return {
        f"SpectrumDatasetMaker.run {number} used Dataset {first}",
        f"SpectrumDatasetMaker.run {number} used {name}",
        f"Dataset {first + 1} wasGeneratedBy SpectrumDatasetMaker.run {number}",
        f"ReflectedRegionsBackgroundMaker.run {number} used Dataset {first + 1}",
        f"ReflectedRegionsBackgroundMaker.run {number} used {name}",
        f"Dataset {first + 2} wasGeneratedBy ReflectedRegionsBackgroundMaker.run {number}",
        f"SafeMaskMaker.run {number} used Dataset {first + 2}",
        f"SafeMaskMaker.run {number} used {name}",
        f"Dataset {first + 3} wasDerivedFrom Dataset {first + 2}",
        f"Dataset {first + 3} wasGeneratedBy SafeMaskMaker.run {number}",
        f"Datasets 1 hadMember Dataset {first + 3}",
        f"Observations hadMember {name}",
        f"ReflectedRegionsBackgroundMaker.run {number} used Observations computed 15-15 29-29",
        f"SafeMaskMaker.run {number} used Observations computed 15-15 29-29",
        # an empty dataset that is named after one of the nights
        f"Dataset {first} wasDerivedFrom Observations computed 15-15 29-29 24-24",
    }


# Both nights are stacked; the fit, and the estimator after it, get a list of that one dataset,
# in the state in which the step before left it, with its models.
STEPS = {
    "DataStore.from_dir used hess-dl3-dr1",
    "DataStore.from_dir used hdu-index.fits.gz",
    "DataStore.from_dir used obs-index.fits.gz",
    "DataStoreIndex wasGeneratedBy DataStore.from_dir",
    "DataStore.get_observations used DataStoreIndex",
    "Observations wasGeneratedBy DataStore.get_observations",
    *of_night(1, "23523"),
    *of_night(2, "23526"),
    "Datasets.stack_reduce used Datasets 1",
    "Dataset 9 wasGeneratedBy Datasets.stack_reduce",
    "total 1 wasDerivedFrom Dataset 9",  # it was given its models
    "Datasets 2 hadMember total 1",
    "Models hadMember crab 1",
    "Fit.run used Datasets 2",
    "Fit.run used Models",
    "total 2 wasDerivedFrom total 1",
    "total 2 wasGeneratedBy Fit.run",
    "crab 2 wasDerivedFrom crab 1",
    "crab 2 wasGeneratedBy Fit.run",
    "models hadMember crab 2",
    "models wasDerivedFrom Models",
    "models wasGeneratedBy Fit.run",
    "Datasets 3 hadMember total 2",
    "FluxPointsEstimator.run used Datasets 3",
    "FluxPointsEstimator.run used models",
    "FluxPoints wasGeneratedBy FluxPointsEstimator.run",
}
PRODUCTS = {
    "points.fits": {
        "FluxPoints.write used FluxPoints",
        "points.fits wasGeneratedBy FluxPoints.write",
    },
    "points.txt": {
        "points.txt wasDerivedFrom FluxPoints computed 32-32 34-34 36-36 37-37",
        "points.txt wasGeneratedBy script.py",
    },
}


def test_spectrum_edge_by_edge(recorded):
    """What the program does, and nothing else, back from both products and forth to them."""
    if not HESS.is_dir():
        pytest.skip(f"outside material is not at {HESS}")
    recorded.write("script.py", SPECTRUM)
    recorded.run("script.py", GAMMAPY_DATA=str(HESS))

    def asked(*words):
        return json.loads(recorded.python("-m", "provagent", *words, "--json").stdout)

    folder = HESS / "hess-dl3-dr1"
    inputs = [
        *(folder / f"{name}-index.fits.gz" for name in ("hdu", "obs")),
        *(folder / "data" / f"hess_dl3_dr1_obs_id_0{number}.fits.gz" for number in (23523, 23526)),
    ]
    impacts = {str(file): asked("impact", str(file)) for file in inputs}
    for product, last in PRODUCTS.items():
        why = asked("why", product)
        assert edges(why) == STEPS | last
        for file, impact in impacts.items():
            assert any(one.startswith(f"{product} was") for one in edges(impact))
            assert_inverse(why, impact, file)
