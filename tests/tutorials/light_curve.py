# light_curve: time-selected observations, per-interval spectra, LightCurveEstimator, table out
import astropy.units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time
from gammapy.data import DataStore
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.estimators import LightCurveEstimator
from gammapy.makers import (
    DatasetsMaker,
    ReflectedRegionsBackgroundMaker,
    SafeMaskMaker,
    SpectrumDatasetMaker,
)
from gammapy.maps import MapAxis, RegionGeom
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from regions import CircleSkyRegion

observations = DataStore.from_dir("$GAMMAPY_DATA/hess-dl3-dr1").get_observations(
    [23523, 23526, 23559]
)
t0 = observations[0].gti.time_start[0]
short = observations.select_time(
    [Time([t0, t0 + 10 * u.min]), Time([t0 + 10 * u.min, t0 + 20 * u.min])]
)
region = CircleSkyRegion(SkyCoord(83.63, 22.01, unit="deg"), 0.11 * u.deg)
axis = MapAxis.from_energy_bounds(0.5, 20, 5, unit="TeV", name="energy")
true = MapAxis.from_energy_bounds(0.1, 60, 10, unit="TeV", name="energy_true")
empty = SpectrumDataset.create(RegionGeom.create(region, axes=[axis]), energy_axis_true=true)
makers = [
    SpectrumDatasetMaker(selection=["counts", "exposure", "edisp"]),
    ReflectedRegionsBackgroundMaker(),
    SafeMaskMaker(methods=["aeff-max"]),
]
datasets = Datasets()
for obs in short:
    dataset = makers[0].run(empty.copy(), obs)
    for maker in makers[1:]:
        dataset = maker.run(dataset, obs)
    datasets.append(dataset)
chain = DatasetsMaker(makers, stack_datasets=False).run(
    empty, observations.select_time([Time([t0, t0 + 10 * u.min])])
)
chain.write("chain.yaml", overwrite=True)
datasets.models = SkyModel(
    PowerLawSpectralModel(index=2.6, amplitude="3e-11 cm-2 s-1 TeV-1"), name="crab"
)
lc = LightCurveEstimator(
    energy_edges=[1, 10] * u.TeV, source="crab", time_intervals=None, selection_optional=[]
).run(datasets)
lc.write("lc.fits", format="lightcurve", sed_type="flux", overwrite=True)
lc.to_table(format="lightcurve", sed_type="flux").write("lc.ecsv", overwrite=True)
