# event_sampling: sampler, observation with events, written
import astropy.units as u
from astropy.coordinates import SkyCoord
from gammapy.data import FixedPointingInfo, Observation
from gammapy.datasets import MapDataset, MapDatasetEventSampler
from gammapy.irf import load_irf_dict_from_file
from gammapy.makers import MapDatasetMaker
from gammapy.maps import MapAxis, WcsGeom
from gammapy.modeling.models import (
    FoVBackgroundModel,
    Models,
    PointSpatialModel,
    PowerLawSpectralModel,
    SkyModel,
)

irfs = load_irf_dict_from_file("$GAMMAPY_DATA/hess-dl3-dr1/data/hess_dl3_dr1_obs_id_023523.fits.gz")
center = SkyCoord(83.63, 22.01, unit="deg")
pointing = FixedPointingInfo(fixed_icrs=center)
observation = Observation.create(obs_id="1001", pointing=pointing, livetime=0.1 * u.h, irfs=irfs)
axis = MapAxis.from_energy_bounds(1, 10, 2, unit="TeV", name="energy")
true = MapAxis.from_energy_bounds(0.8, 12, 3, unit="TeV", name="energy_true")
migra = MapAxis.from_bounds(0.5, 2, nbin=20, node_type="edges", name="migra")
geom = WcsGeom.create(skydir=center, width=2, binsz=0.2, axes=[axis])
empty = MapDataset.create(geom, energy_axis_true=true, migra_axis=migra, name="sim")
dataset = MapDatasetMaker(selection=["exposure", "background", "psf", "edisp"]).run(
    empty, observation
)
Models(
    [
        SkyModel(
            PowerLawSpectralModel(amplitude="3e-11 cm-2 s-1 TeV-1"),
            PointSpatialModel(lon_0="83.63 deg", lat_0="22.01 deg"),
            name="src",
        )
    ]
).write("sim_model.yaml", overwrite=True)
models = Models.read("sim_model.yaml")
models.append(FoVBackgroundModel(dataset_name="sim"))
dataset.models = models
events = MapDatasetEventSampler(random_state=0).run(dataset, observation)
observation._events = events
observation.write("sim_events.fits.gz", overwrite=True, include_irfs=False)
events.table.write("events.ecsv", overwrite=True)
