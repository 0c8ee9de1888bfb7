# analysis_2 high level, update_config with text, models from text, light curve
from gammapy.analysis import Analysis, AnalysisConfig

config = AnalysisConfig()
config.observations.datastore = "$GAMMAPY_DATA/hess-dl3-dr1"
config.observations.obs_ids = [23523, 23526]
config.datasets.type = "1d"
config.datasets.on_region = {
    "frame": "icrs",
    "lon": "83.63 deg",
    "lat": "22.01 deg",
    "radius": "0.11 deg",
}
config.datasets.background.method = "reflected"
config.datasets.geom.axes.energy = {"min": "0.5 TeV", "max": "30 TeV", "nbins": 6}
config.datasets.geom.axes.energy_true = {"min": "0.1 TeV", "max": "60 TeV", "nbins": 12}
config.datasets.containment_correction = True
config.datasets.map_selection = ["counts", "exposure", "edisp"]
config.write("config.yaml", overwrite=True)
config = AnalysisConfig.read("config.yaml")
analysis = Analysis(config)
analysis.get_observations()
analysis.get_datasets()
analysis.set_models("""
components:
- name: crab
  type: SkyModel
  spectral:
    type: PowerLawSpectralModel
    parameters:
    - {name: index, value: 2.6}
    - {name: amplitude, value: 3.0e-11, unit: cm-2 s-1 TeV-1}
    - {name: reference, value: 1, unit: TeV, frozen: true}
""")
analysis.run_fit()
analysis.models.write("fitted.yaml", overwrite=True)
analysis.config.flux_points.energy = {"min": "1 TeV", "max": "10 TeV", "nbins": 2}
analysis.config.flux_points.source = "crab"
analysis.config.flux_points.parameters = {"selection_optional": ["ul"]}
analysis.get_flux_points()
analysis.flux_points.data.write("fp.fits", overwrite=True)
analysis.update_config(
    "light_curve: {source: crab, energy_edges: {min: 1 TeV, max: 10 TeV, nbins: 1}, parameters: {selection_optional: []}}"
)
analysis.get_light_curve()
analysis.light_curve.write("lc.fits", format="lightcurve", sed_type="flux", overwrite=True)
