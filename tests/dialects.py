"""Programs for older definitions. Each program is small and real."""

from __future__ import annotations

from conftest import ROOT, SHARED

OLDER = ROOT / "tests" / "older"  # one definition of each dialect, written for the tests
PUBLISHED = SHARED / "definitions-corpus"  # those of the same dialects that others published

# The attributes and methods that the definitions of a gammapy analysis name, in all dialects.
ANALYSIS = """
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace


class Leaf(str):
    def json(self):
        return '"' + self + '"'


@dataclass
class Hdu:
    base_dir: str
    def path(self):
        return Path(self.base_dir)


@dataclass
class Observation:
    obs_id: int
    _events_hdu: Hdu
    def location(self, hdu_type):
        assert hdu_type == "events"
        return self._events_hdu


@dataclass
class Observations:
    list: list
    @property
    def _observations(self):
        return self.list


@dataclass
class Dataset:
    name: str
    counts: int


@dataclass
class Datasets:
    datasets: list
    models: object = None
    @property
    def _datasets(self):
        return self.datasets
    def __iter__(self):
        return iter(self.datasets)


@dataclass
class Made:
    what: str
    result: object = None
    spectrum_observations: object = None


SETTINGS = {
    "observations": {"datastore": "store", "filters": [{"obs_ids": [23523, 23526]}]},
    "reduction": {
        "data_reducer": "1d",
        "background": {
            "background_estimator": "reflected", "exclusion_mask": {"filename": "mask.fits"},
        },
    },
    "geometry": {"binsz": 0.02},
    "datasets": {
        "stack-datasets": False, "dataset-type": "SpectrumDatasetOnOff", "geom": {"width": 5},
        "geom-irf": {"width": 6}, "background": {"exclusion_mask": {"filename": "mask.fits"}},
        "containment_correction": True, "offset-max": "2.5 deg", "psf-kernel-radius": 0.6,
    },
    "fit": {"fit_range": {"min": "1 TeV", "max": "10 TeV"}},
    "model": "model.yaml",
    "flux": {"fp_binning": [1, 10]},
    "flux-points": {"fp_binning": [1, 10, 100]},
}


class Analysis:
    def __init__(self, prefix=""):
        self.prefix = prefix
        self.settings = SETTINGS
        self.fit_result = None
        self.config = SimpleNamespace(
            observations=SimpleNamespace(
                datastore=Path("store"), obs_file=None, obs_ids=[23523, 23526],
                obs_cone=Leaf("cone"), obs_time=Leaf("time"),
            ),
            datasets=SimpleNamespace(
                stack=False, type=Leaf("1d"), geom=Leaf("geom"), map_selection=Leaf("maps"),
                background=SimpleNamespace(json=lambda: "ring", exclusion="mask.fits"),
                safe_mask=Leaf("mask"), on_region=Leaf("region"), containment_correction=True,
            ),
            fit=SimpleNamespace(fit_range=Leaf("range")),
            flux_points=SimpleNamespace(source="crab", energy=Leaf("energy"), params={}),
        )

    def get_observations(self):
        hdus = {number: Hdu(f"store/{number}.fits") for number in (23523, 23526)}
        self.observations = Observations([Observation(n, hdu) for n, hdu in hdus.items()])

    def reduce(self):
        self.get_datasets()

    def get_datasets(self):
        self.background_estimator = Made("background", result=7)
        self.extraction = Made("extraction", spectrum_observations=[1, 2])
        self.datasets = Datasets(
            [Dataset(f"{self.prefix}{each.obs_id}", 5) for each in self.observations.list]
        )
        self.dataset = self.datasets

    def set_model(self, model=None, filename=None):
        self.model = self.datasets.models = Made(Path(filename).read_text())

    def read_models(self, path):
        self.set_models(models=Made(Path(path).read_text()))

    def set_models(self, models):
        self.model = self.models = self.datasets.models = models

    def fit(self, optimize_opts=None):
        self.model = Made("fitted")
        self.fit_result = Made("fit result")

    def run_fit(self, optimize_opts=None):
        self.fit = Made("fit")
        self.fit_result = Made("fit result")
        self.model.result = 2.3

    def get_flux_points(self, source=None):
        self.flux_points = self.flux_points_dataset = Made("flux points")
"""

# In the oldest, the observations know the store that they are to come from.
OLDEST = """
class Observations:
    datastore = "store"

class Analysis:
    observations = Observations()
    def __init__(self, prefix):
        pass
    def get_observations(self):
        return self.observations
    def reduce(self):
        pass
    def fit(self, options):
        pass
    def get_flux_points(self, source):
        pass
"""
