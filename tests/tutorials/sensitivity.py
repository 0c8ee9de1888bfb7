# cta_sensitivity: SensitivityEstimator on a SpectrumDatasetOnOff
import astropy.units as u
import numpy as np
from gammapy.datasets import SpectrumDataset, SpectrumDatasetOnOff
from gammapy.estimators import SensitivityEstimator
from gammapy.irf import EDispKernelMap
from gammapy.maps import MapAxis, RegionGeom, RegionNDMap

axis = MapAxis.from_energy_bounds(1, 10, 3, unit="TeV", name="energy")
true = MapAxis.from_energy_bounds(1, 10, 3, unit="TeV", name="energy_true")
geom = RegionGeom.create("icrs;circle(83.63, 22.01, 0.1)", axes=[axis])
dataset = SpectrumDataset.create(geom, energy_axis_true=true, name="one")
dataset.exposure.quantity = 1e13 * np.ones(dataset.exposure.data.shape) * u.Unit("cm2 s")
dataset.edisp = EDispKernelMap.from_diagonal_response(axis, true, geom=geom.to_image())
dataset.background = RegionNDMap.from_geom(geom, data=20.0)
dataset.write("input.fits", overwrite=True)
d = SpectrumDataset.read("input.fits", name="two")
on_off = SpectrumDatasetOnOff.from_spectrum_dataset(dataset=d, acceptance=1, acceptance_off=5)
table = SensitivityEstimator(gamma_min=10, n_sigma=5, bkg_syst_fraction=0.1).run(on_off)
table.write("sensitivity.ecsv", overwrite=True)
