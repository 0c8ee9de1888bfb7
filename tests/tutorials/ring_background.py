# ring_background: ring maker, stacked MapDatasetOnOff, ExcessMapEstimator, maps out of the result
import astropy.units as u
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore
from gammapy.datasets import MapDataset, MapDatasetOnOff
from gammapy.estimators import ExcessMapEstimator
from gammapy.makers import MapDatasetMaker, RingBackgroundMaker, SafeMaskMaker
from gammapy.maps import MapAxis, WcsGeom

obs = DataStore.from_dir("$GAMMAPY_DATA/hess-dl3-dr1").get_observations([23523, 23526])
axis = MapAxis.from_energy_bounds(1, 10, 1, unit="TeV", name="energy")
true = MapAxis.from_energy_bounds(0.5, 20, 5, unit="TeV", name="energy_true")
geom = WcsGeom.create(skydir=SkyCoord(83.63, 22.01, unit="deg"), width=3, binsz=0.05, axes=[axis])
empty = MapDataset.create(geom, energy_axis_true=true, name="ring")
maker, mask = MapDatasetMaker(), SafeMaskMaker(methods=["offset-max"], offset_max=2 * u.deg)
ring = RingBackgroundMaker(r_in=0.5 * u.deg, width=0.3 * u.deg)
stacked = MapDatasetOnOff.create(geom=geom, energy_axis_true=true, name="ring-stacked")
for ob in obs:
    dataset = maker.run(empty, ob)
    dataset = mask.run(dataset, ob)
    on_off = ring.run(dataset.to_image())
    stacked.stack(on_off)
est = ExcessMapEstimator(0.1 * u.deg, selection_optional=[], correlate_off=True)
lima_maps = est.run(stacked)
lima_maps["sqrt_ts"].write("significance.fits", overwrite=True)
lima_maps["npred_excess"].write("excess.fits", overwrite=True)
lima_maps.write("all_maps.fits", overwrite=True)
