# analysis_3d low level: MapDatasetMaker + FoV background, models, fit, datasets written and read
import astropy.units as u
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore
from gammapy.datasets import MapDataset
from gammapy.makers import FoVBackgroundMaker, MapDatasetMaker, SafeMaskMaker
from gammapy.maps import Map, MapAxis, WcsGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import (
    FoVBackgroundModel,
    Models,
    PointSpatialModel,
    PowerLawSpectralModel,
    SkyModel,
)

observations = DataStore.from_dir("$GAMMAPY_DATA/hess-dl3-dr1").get_observations([23523, 23526])
axis = MapAxis.from_energy_bounds(1, 10, 2, unit="TeV", name="energy")
true = MapAxis.from_energy_bounds(0.5, 20, 5, unit="TeV", name="energy_true")
geom = WcsGeom.create(skydir=SkyCoord(83.63, 22.01, unit="deg"), width=2, binsz=0.1, axes=[axis])
stacked = MapDataset.create(geom=geom, energy_axis_true=true, name="crab-stacked")
maker_safe_mask = SafeMaskMaker(methods=["offset-max"], offset_max=2.0 * u.deg)
Map.from_geom(geom.to_image(), data=True, dtype=bool).write("exclusion.fits", overwrite=True)
maker_fov = FoVBackgroundMaker(method="scale", exclusion_mask=Map.read("exclusion.fits"))
maker = MapDatasetMaker()
for obs in observations:
    cutout = stacked.cutout(
        obs.get_pointing_icrs(obs.tmid), width="4 deg", name=f"obs-{obs.obs_id}"
    )
    dataset = maker.run(cutout, obs)
    dataset = maker_safe_mask.run(dataset, obs)
    dataset = maker_fov.run(dataset)
    stacked.stack(dataset)
stacked.write("stacked.fits.gz", overwrite=True)
stacked.counts.sum_over_axes().smooth(2).write("counts.fits", overwrite=True)
dataset = MapDataset.read("stacked.fits.gz", name="crab-stacked")
model = SkyModel(
    PowerLawSpectralModel(amplitude="3e-11 cm-2 s-1 TeV-1"),
    PointSpatialModel(lon_0="83.63 deg", lat_0="22.01 deg"),
    name="crab",
)
bkg = FoVBackgroundModel(dataset_name="crab-stacked")
dataset.models = [model, bkg]
fit = Fit(optimize_opts={"print_level": 0})
result = fit.run([dataset])
Models([model, bkg]).write("best.yaml", overwrite=True)
residuals = dataset.residuals(method="diff")
residuals.write("residuals.fits", overwrite=True)
