"""Fits the spectrum of the Crab nebula and estimates its flux points."""

import sys
from pathlib import Path

from gammapy.analysis import Analysis, AnalysisConfig

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "crab")

analysis = Analysis(AnalysisConfig.read(folder / "config.yaml"))
analysis.read_datasets()
analysis.run_fit()
analysis.get_flux_points()
analysis.flux_points.write(folder / "flux_points.fits", overwrite=True)

spectrum = analysis.models["Crab"].spectral_model
for parameter in (spectrum.index, spectrum.amplitude):
    value = f"{parameter.value:.3g} +- {parameter.error:.2g} {parameter.unit}"
    print(f"{parameter.name:10}{value}".rstrip())
