"""Objects of gammapy that read from files: a data store, its observations, and their parts."""

from __future__ import annotations

from gammapy.data import DataStore
from gammapy.datasets import SpectrumDataset
from gammapy.makers import SpectrumDatasetMaker
from gammapy.maps import MapAxis, RegionGeom

from identity_kinds.looks import setting


def store():
    return DataStore.from_dir("$GAMMAPY_DATA/hess-dl3-dr1")


def observation():
    return store().obs(23523)


def observations():
    return store().get_observations([23523, 23526])


def reduced():
    axis = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=3)
    geom = RegionGeom.create("icrs;circle(83.63, 22.01, 0.1)", axes=[axis])
    empty = SpectrumDataset.create(geom, energy_axis_true=axis.copy(name="energy_true"), name="d")
    return SpectrumDatasetMaker(["counts", "exposure"]).run(empty, observation())


def double(array):
    array *= 2


KINDS = {
    "data store": (store, lambda one: one.obs_table.remove_row(0)),
    "observation of a data store": (observation, setting("obs_id", 3), setting("aeff", None)),
    "observations of a data store": (observations, lambda one: one.pop(0) and None),
    "events": (lambda: observation().events, lambda one: double(one.table["ENERGY"])),
    "good time intervals": (lambda: observation().gti, lambda one: one.table.remove_row(0)),
    "effective area": (lambda: observation().aeff, lambda one: double(one.data)),
    "energy dispersion": (lambda: observation().edisp, lambda one: double(one.data)),
    "point spread": (lambda: observation().psf, lambda one: double(one.data)),
    "background": (lambda: observation().bkg, lambda one: double(one.data)),
    "reduced dataset": (reduced, lambda one: double(one.exposure.data)),
}
