# models / model_management: from YAML text, dicts, copies, catalogue, covariance
import astropy.units as u
from astropy.table import Table
from gammapy.catalog import SourceCatalog3HWC
from gammapy.modeling.models import (
    Models,
)

Table(
    {
        "source_name": ["3HWC J0534+220"],
        "ra": [83.63] * u.deg,
        "dec": [22.02] * u.deg,
        "glon": [184.55] * u.deg,
        "glat": [-5.78] * u.deg,
        "pos_err": [0.06] * u.deg,
        "spec0_dnde": [2.3e-13] * u.Unit("cm-2 s-1 TeV-1"),
        "spec0_dnde_errn": [-1e-15] * u.Unit("cm-2 s-1 TeV-1"),
        "spec0_dnde_errp": [1e-15] * u.Unit("cm-2 s-1 TeV-1"),
        "spec0_index": [-2.6],
        "spec0_index_errn": [-0.01],
        "spec0_index_errp": [0.01],
        "spec0_radius": [0.0] * u.deg,
    }
).write("3HWC.ecsv", overwrite=True)
text = """
components:
- name: source
  type: SkyModel
  spectral:
    type: PowerLawSpectralModel
    parameters:
    - {name: index, value: 2.1}
    - {name: amplitude, value: 1.0e-12, unit: cm-2 s-1 TeV-1}
    - {name: reference, value: 1, unit: TeV, frozen: true}
"""
models = Models.from_yaml(text)
models.write("from_text.yaml", overwrite=True)
again = Models.from_dict(models.to_dict())
again.parameters["index"].value = 2.3
again.write("from_dict.yaml", overwrite=True)
cat = SourceCatalog3HWC("3HWC.ecsv")
crab = cat["3HWC J0534+220"].sky_model()
both = Models([crab, models["source"].copy(name="copy")])
both.write("both.yaml", overwrite=True)
one = Models.read("both.yaml")["copy"]
Models([one]).write("one.yaml", overwrite=True)
