# sed_fitting: flux points from files, FluxPointsDataset, joint fit
import astropy.units as u
import numpy as np
from astropy.table import Table
from gammapy.datasets import Datasets, FluxPointsDataset
from gammapy.estimators import FluxPoints
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel

for name, scale in (("a", 1), ("b", 1.3)):
    e = np.array([1, 3, 9.0]) * u.TeV
    t = Table(
        {
            "e_ref": e,
            "dnde": scale * 3e-11 * e.value**-2.5 * u.Unit("cm-2 s-1 TeV-1"),
            "dnde_err": 3e-12 * e.value**-2.5 * u.Unit("cm-2 s-1 TeV-1"),
        }
    )
    t.meta["SED_TYPE"] = "dnde"
    t.write(f"points_{name}.fits", overwrite=True)
model = SkyModel(PowerLawSpectralModel(index=2, amplitude="1e-11 cm-2 s-1 TeV-1"), name="j1507")
datasets = Datasets()
for name in "ab":
    fp = FluxPoints.read(f"points_{name}.fits")
    datasets.append(FluxPointsDataset(data=fp, models=[model], name=name))
datasets.models = [model]
result = Fit().run(datasets=datasets)
result.write("fit.yaml", overwrite=True)
datasets.models.write("model.yaml", overwrite=True)
