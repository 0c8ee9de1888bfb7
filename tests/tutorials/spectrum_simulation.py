# spectrum_simulation: fake counts many times, fit each, table of best fits
import astropy.units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from gammapy.data import FixedPointingInfo, Observation
from gammapy.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammapy.irf import load_irf_dict_from_file
from gammapy.makers import SpectrumDatasetMaker
from gammapy.maps import MapAxis, RegionGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from regions import CircleSkyRegion

irfs = load_irf_dict_from_file("$GAMMAPY_DATA/hess-dl3-dr1/data/hess_dl3_dr1_obs_id_023523.fits.gz")
axis = MapAxis.from_energy_bounds(1, 10, 3, unit="TeV", name="energy")
true = MapAxis.from_energy_bounds(0.5, 20, 5, unit="TeV", name="energy_true")
pointing = FixedPointingInfo(fixed_icrs=SkyCoord(83.63, 22.51, unit="deg"))
geom = RegionGeom.create(
    CircleSkyRegion(SkyCoord(83.63, 22.01, unit="deg"), 0.11 * u.deg), axes=[axis]
)
model = SkyModel(PowerLawSpectralModel(index=2.5, amplitude="3e-11 cm-2 s-1 TeV-1"), name="source")
obs = Observation.create(pointing=pointing, livetime=1 * u.h, irfs=irfs)
dataset = SpectrumDatasetMaker(selection=["exposure", "edisp", "background"]).run(
    SpectrumDataset.create(geom, energy_axis_true=true, name="obs-0"), obs
)
dataset.models = model
dataset.fake(random_state=42)
on_off = SpectrumDatasetOnOff.from_spectrum_dataset(dataset=dataset, acceptance=1, acceptance_off=5)
on_off.fake(npred_background=dataset.npred_background(), random_state=1)
datasets = Datasets()
for idx in range(3):
    one = on_off.copy(name=f"obs-{idx}")
    one.fake(random_state=idx, npred_background=dataset.npred_background())
    datasets.append(one)
rows = []
fit = Fit()
for d in datasets:
    d.models = [model.copy(name="source")]
    r = fit.run([d])
    rows.append(
        {"index": r.parameters["index"].value, "amplitude": r.parameters["amplitude"].value}
    )
Table(rows).write("fits.ecsv", overwrite=True)
