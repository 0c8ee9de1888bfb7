# spectral_analysis: reflected regions, joint fit, flux points, stacked fit
import astropy.units as u
from astropy.coordinates import Angle, SkyCoord
from gammapy.data import DataStore
from gammapy.datasets import Datasets, FluxPointsDataset, SpectrumDataset
from gammapy.estimators import FluxPointsEstimator
from gammapy.makers import ReflectedRegionsBackgroundMaker, SafeMaskMaker, SpectrumDatasetMaker
from gammapy.maps import MapAxis, RegionGeom, WcsGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import (
    ExpCutoffPowerLawSpectralModel,
    SkyModel,
)
from regions import CircleSkyRegion

datastore = DataStore.from_dir("$GAMMAPY_DATA/hess-dl3-dr1/")
obs_ids = [23523, 23526]
observations = datastore.get_observations(obs_ids)
target_position = SkyCoord(ra=83.63, dec=22.01, unit="deg", frame="icrs")
on_region = CircleSkyRegion(center=target_position, radius=Angle("0.11 deg"))
exclusion_region = CircleSkyRegion(
    center=SkyCoord(183.604, -8.708, unit="deg", frame="galactic"), radius=0.5 * u.deg
)
geom = WcsGeom.create(npix=(150, 150), binsz=0.05, skydir=target_position, proj="TAN", frame="icrs")
exclusion_mask = ~geom.region_mask([exclusion_region])
exclusion_mask.write("exclusion_mask.fits", overwrite=True)
energy_axis = MapAxis.from_energy_bounds(
    0.1, 40, nbin=10, per_decade=True, unit="TeV", name="energy"
)
energy_axis_true = MapAxis.from_energy_bounds(
    0.05, 100, nbin=20, per_decade=True, unit="TeV", name="energy_true"
)
dataset_empty = SpectrumDataset.create(
    geom=RegionGeom.create(region=on_region, axes=[energy_axis]), energy_axis_true=energy_axis_true
)
dataset_maker = SpectrumDatasetMaker(
    containment_correction=True, selection=["counts", "exposure", "edisp"]
)
bkg_maker = ReflectedRegionsBackgroundMaker(exclusion_mask=exclusion_mask)
safe_mask_maker = SafeMaskMaker(methods=["aeff-max"], aeff_percent=10)
datasets = Datasets()
for obs_id, observation in zip(obs_ids, observations):
    dataset = dataset_maker.run(dataset_empty.copy(name=str(obs_id)), observation)
    dataset_on_off = bkg_maker.run(dataset, observation)
    dataset_on_off = safe_mask_maker.run(dataset_on_off, observation)
    datasets.append(dataset_on_off)
info_table = datasets.info_table(cumulative=True)
info_table.write("info.ecsv", overwrite=True)
for dataset in datasets:
    dataset.write(filename=f"obs_{dataset.name}.fits.gz", overwrite=True)
spectral_model = ExpCutoffPowerLawSpectralModel(
    amplitude=1e-12 * u.Unit("cm-2 s-1 TeV-1"),
    index=2,
    lambda_=0.1 * u.Unit("TeV-1"),
    reference=1 * u.TeV,
)
model = SkyModel(spectral_model=spectral_model, name="crab")
datasets.models = [model]
fit_joint = Fit()
result_joint = fit_joint.run(datasets=datasets)
model_best_joint = model.copy()
fpe = FluxPointsEstimator(
    energy_edges=[0.7, 3, 20] * u.TeV, source="crab", selection_optional=["ul"]
)
flux_points = fpe.run(datasets=datasets)
flux_points.to_table(sed_type="dnde", formatted=True)
flux_points_dataset = FluxPointsDataset(data=flux_points, models=model_best_joint)
flux_points.write("flux_points.fits", overwrite=True)
dataset_stacked = Datasets(datasets).stack_reduce()
dataset_stacked.models = model
stacked_fit = Fit()
result_stacked = stacked_fit.run([dataset_stacked])
model_best_stacked = model.copy()
dataset_stacked.models.write("stacked_model.yaml", overwrite=True)
