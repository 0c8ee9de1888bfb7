"""Simulates the counts of a Crab-like source that examples/crab.py analyses.

    python examples/prepare_crab.py [FOLDER]

Writes config.yaml, datasets.yaml with two spectra, and models.yaml into FOLDER (crab/ unless
given), to be analysed from the folder around it. The instrument is invented and the seed is
fixed: the files are the same at every run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from gammapy.data import GTI
from gammapy.datasets import SpectrumDataset, SpectrumDatasetOnOff
from gammapy.irf import EDispKernelMap
from gammapy.maps import MapAxis, RegionGeom, RegionNDMap
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from gammapy.utils.scripts import write_yaml
from regions import CircleSkyRegion

SEED = 1054  # the year of the supernova
NIGHTS = ("night-1", "night-2")
LIVETIME = 2 * u.h
DATE = "2026-07-04 00:00:00.000"  # in place of the moment of writing
TRUE_SPECTRUM = PowerLawSpectralModel(
    index=2.6, amplitude="3.5e-11 cm-2 s-1 TeV-1", reference="1 TeV"
)

CONFIG = """\
general:
  log: {{level: error}}
  datasets_file: {folder}/datasets.yaml
  models_file: {folder}/models.yaml
fit:
  fit_range: {{min: 0.8 TeV, max: 20 TeV}}
flux_points:
  source: Crab
  energy: {{min: 1 TeV, max: 10 TeV, nbins: 4}}
  parameters: {{selection_optional: [ul]}}
"""

# Laid out as gammapy does it, which checks the sum of its own layout.
DATASETS = """\
datasets:
-   name: night-1
    type: SpectrumDatasetOnOff
    filename: night-1.fits
-   name: night-2
    type: SpectrumDatasetOnOff
    filename: night-2.fits
"""

MODELS = """\
components:
- name: Crab
  type: SkyModel
  spectral:
    type: PowerLawSpectralModel
    parameters:
    - {name: index, value: 2.0}
    - {name: amplitude, value: 1.0e-11, unit: cm-2 s-1 TeV-1}
    - {name: reference, value: 1.0, unit: TeV, frozen: true}
"""


def prepare(folder: Path) -> None:
    """Write the analysis's input files into ``folder``, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(SEED)
    for night in NIGHTS:
        write(observe(night, random), folder / f"{night}.fits")
    write_yaml(DATASETS, folder / "datasets.yaml", checksum=True, overwrite=True)
    (folder / "models.yaml").write_text(MODELS, encoding="utf-8")
    (folder / "config.yaml").write_text(CONFIG.format(folder=folder.name), encoding="utf-8")


def write(dataset: SpectrumDatasetOnOff, path: Path) -> None:
    """Write a dataset as its own ``write`` does, but for the date."""
    hdus = dataset.to_hdulist()
    for hdu in hdus:
        if "CREATED" in hdu.header:
            hdu.header["CREATED"] = DATE
    hdus.writeto(path, overwrite=True)


def observe(name: str, random: np.random.RandomState) -> SpectrumDatasetOnOff:
    """Return the counts of one night: from the source, and from background beside it."""
    night = instrument(name)
    night.models = [SkyModel(TRUE_SPECTRUM, name="truth")]
    counts = SpectrumDatasetOnOff.from_spectrum_dataset(
        dataset=night, acceptance=1, acceptance_off=10, name=name
    )
    counts.fake(npred_background=night.background, random_state=random)
    counts.models = None
    return counts


def instrument(name: str) -> SpectrumDataset:
    """Return an empty night of a telescope with analytic responses."""
    energy = MapAxis.from_energy_bounds("0.5 TeV", "30 TeV", nbin=12)
    energy_true = MapAxis.from_energy_bounds("0.1 TeV", "60 TeV", nbin=24, name="energy_true")
    crab = SkyCoord(83.633, 22.014, unit="deg", frame="icrs")
    on_region = CircleSkyRegion(crab, 0.11 * u.deg)
    geometry = RegionGeom.create(on_region, axes=[energy])
    area = 2e5 * u.m**2 / (1 + (energy_true.center / u.TeV) ** -2)
    background = 2 * (energy.center / u.TeV).to_value("") ** -2.2
    return SpectrumDataset(
        name=name,
        counts=RegionNDMap.from_geom(geometry),
        background=RegionNDMap.from_geom(geometry, data=background.reshape(geometry.data_shape)),
        exposure=RegionNDMap.from_geom(
            geometry.to_image().to_cube([energy_true]),
            data=(area * LIVETIME).to_value("m2 s").reshape(-1, 1, 1),
            unit="m2 s",
            meta={"livetime": LIVETIME.to("s")},
        ),
        edisp=EDispKernelMap.from_gauss(energy, energy_true, sigma=0.1, bias=0, geom=geometry),
        gti=GTI.create(start=0 * u.s, stop=LIVETIME.to("s")),
        mask_safe=RegionNDMap.from_geom(geometry, data=np.ones(geometry.data_shape, dtype=bool)),
    )


if __name__ == "__main__":
    prepare(Path(sys.argv[1] if len(sys.argv) > 1 else "crab"))
