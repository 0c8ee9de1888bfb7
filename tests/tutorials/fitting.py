# fitting: profiles, contours, priors; results into tables and figures
import astropy.units as u
import matplotlib
import numpy as np

matplotlib.use("agg")
import matplotlib.pyplot as plt
from astropy.table import Table
from gammapy.datasets import SpectrumDataset
from gammapy.maps import MapAxis, RegionGeom, RegionNDMap
from gammapy.modeling import Fit
from gammapy.modeling.models import GaussianPrior, PowerLawSpectralModel, SkyModel

axis = MapAxis.from_energy_bounds(1, 10, 3, unit="TeV", name="energy")
true = MapAxis.from_energy_bounds(1, 10, 3, unit="TeV", name="energy_true")
geom = RegionGeom.create("icrs;circle(83.63, 22.01, 0.1)", axes=[axis])
d = SpectrumDataset.create(geom, energy_axis_true=true, name="one")
d.exposure.quantity = 1e13 * np.ones(d.exposure.data.shape) * u.Unit("cm2 s")
d.edisp = None
d.background = RegionNDMap.from_geom(geom, data=2.0)
d.counts.data += np.array([80, 20, 5]).reshape(3, 1, 1)
d.mask_safe = RegionNDMap.from_geom(geom, data=True, dtype=bool)
d.write("one.fits", overwrite=True)
dataset = SpectrumDataset.read("one.fits", name="one")
dataset.edisp = None
model = SkyModel(PowerLawSpectralModel(amplitude="3e-11 cm-2 s-1 TeV-1"), name="crab")
model.parameters["index"].prior = GaussianPrior(mu=2, sigma=0.5)
dataset.models = model
fit = Fit(store_trace=True)
result = fit.run(dataset)
index = model.parameters["index"]
index.scan_n_values = 5
profile = fit.stat_profile(datasets=[dataset], parameter=index)
Table(
    {"index": profile[[k for k in profile if "index" in k][0]], "stat": profile["stat_scan"]}
).write("profile.ecsv", overwrite=True)
plt.plot(profile["stat_scan"])
plt.savefig("profile.png")
contour = fit.stat_contour(
    datasets=[dataset], x=model.parameters["index"], y=model.parameters["amplitude"], numpoints=4
)
np.savetxt(
    "contour.txt", np.array([contour[k] for k in contour if k.endswith(("index", "amplitude"))]).T
)
result.parameters.to_table().write("parameters.ecsv", overwrite=True)
