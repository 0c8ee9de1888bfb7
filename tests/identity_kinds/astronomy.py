"""astropy, and regions."""

from __future__ import annotations

import numpy as np
import regions
from astropy import (
    constants,
    convolution,
    coordinates,
    cosmology,
    modeling,
    nddata,
    stats,
    time,
    timeseries,
    uncertainty,
    visualization,
)
from astropy import units as u
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.io import fits
from astropy.modeling import fitting, models
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time, TimeDelta
from astropy.utils.masked import Masked
from astropy.wcs import WCS

from identity_kinds.looks import Other, calling, item, setting

X = np.linspace(0.0, 5.0, 20)


class Sky(WCS):
    """Its projection lies in compiled code."""


def table(cls=Table):
    found = cls({"a": [1.0, 2.0], "b": ["x", "y"]}, meta={"k": [1]})
    found["a"].unit = "m"
    return found


def header():
    return fits.Header([("SIMPLE", True), ("EXPOSURE", 1.5, "seconds"), ("HISTORY", "made")])


def wcs(cls=WCS):
    found = cls(naxis=2)
    found.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    found.wcs.crval = [83.6, 22.0]
    found.wcs.cdelt = [-0.1, 0.1]
    return found


def fit(fitter):
    made = fitter()
    made(models.Linear1D(), X, 2 * X + 1)
    return made


def on_sky():
    return SkyCoord([83.6, 84.0] * u.deg, [22.0, 23.0] * u.deg, frame="icrs")


def horizontal():
    place = EarthLocation(lat=28 * u.deg, lon=-17 * u.deg, height=2200 * u.m)
    return coordinates.AltAz(
        az=[10.0, 20.0] * u.deg,
        alt=[50.0, 60.0] * u.deg,
        obstime=Time("2020-01-01"),
        location=place,
    )


KINDS = {
    "Quantity": (lambda: [1.0, 2.0] * u.km, item(0, 3 * u.km)),
    "scalar Quantity": (lambda: 1.0 * u.km, Other(lambda: 1.0 * u.m)),
    "structured Quantity": (lambda: u.Quantity([(1.0, 2.0)], u.Unit("m,s"), dtype=[("a", "f8"), ("b", "f8")]), lambda one: one["a"].__setitem__(0, 9 * u.m)),
    "Unit": (lambda: u.Unit("km / s"), Other(lambda: u.Unit("m / s"))),
    "base unit": (lambda: u.m, Other(lambda: u.s)),
    "prefixed unit": (lambda: u.TeV, Other(lambda: u.GeV)),
    "new unit": (lambda: u.def_unit("crab", 3 * u.Jy), Other(lambda: u.def_unit("crab", 4 * u.Jy))),
    "magnitude": (lambda: u.Magnitude([10.0, 11.0]), item(0, u.Magnitude(3.0))),
    "function unit": (lambda: u.mag(u.Jy), Other(lambda: u.dex(u.Jy))),
    "constant": (lambda: constants.c, Other(lambda: constants.h)),
    "equivalency": (u.spectral, Other(u.parallax)),
    "Angle": (lambda: coordinates.Angle([1.0, 2.0], "deg"), item(0, 3 * u.deg)),
    "Longitude": (lambda: coordinates.Longitude([1.0, 2.0], "deg"), item(0, 3 * u.deg)),
    "Distance": (lambda: coordinates.Distance([1.0], "kpc"), item(0, 3 * u.kpc)),
    "Masked quantity": (lambda: Masked([1.0, 2.0] * u.m, mask=[True, False]), item(1, 3 * u.m)),
    "Time": (lambda: Time(["2020-01-01", "2020-01-02"]), item(0, Time("2021-01-01"))),
    "Time, scalar": (lambda: Time("2020-01-01", scale="tt"), Other(lambda: Time("2020-01-01", scale="utc"))),
    "Time with a place": (lambda: Time(["2020-01-01"], location=("10d", "20d")), item(0, Time("2021-01-01", location=("10d", "20d")))),
    "TimeDelta": (lambda: TimeDelta([1.0, 2.0], format="sec"), item(0, TimeDelta(3.0, format="sec"))),
    "EarthLocation": (lambda: EarthLocation.from_geodetic(10, 20), Other(lambda: EarthLocation.from_geodetic(10, 21))),
    "SkyCoord": (on_sky, item(0, SkyCoord(1 * u.deg, 2 * u.deg))),
    "SkyCoord with motion": (
        lambda: SkyCoord(1 * u.deg, 2 * u.deg, 3 * u.pc, pm_ra_cosdec=1 * u.mas / u.yr, pm_dec=2 * u.mas / u.yr),
        Other(lambda: SkyCoord(1 * u.deg, 2 * u.deg, 3 * u.pc, pm_ra_cosdec=1 * u.mas / u.yr, pm_dec=3 * u.mas / u.yr)),
    ),
    "SkyCoord, Galactic": (lambda: on_sky().galactic, item(0, SkyCoord(1 * u.deg, 2 * u.deg, frame="galactic"))),
    "AltAz": (horizontal, Other(lambda: horizontal()[:1])),
    "ICRS without data": (coordinates.ICRS, Other(coordinates.FK5)),
    "representation": (lambda: coordinates.CartesianRepresentation([1.0, 2.0], [3.0, 4.0], [5.0, 6.0], unit="m"), item(0, coordinates.CartesianRepresentation(1, 2, 3, unit="m"))),
    "sky offset frame": (lambda: on_sky()[0].skyoffset_frame(), Other(lambda: on_sky()[1].skyoffset_frame())),
    "Table": (table, lambda one: one["a"].__setitem__(0, 9), item("c", 1), lambda one: one.meta["k"].append(2), calling("rename_column", "a", "z")),
    "QTable": (lambda: table(QTable), lambda one: one["a"].__setitem__(0, 9 * u.m)),
    "Table with an index": (lambda: (lambda one: one.add_index("a") or one)(table()), lambda one: one["b"].__setitem__(0, "z")),
    "masked Table": (lambda: Table({"a": MaskedColumn([1, 2], mask=[0, 1])}), lambda one: one["a"].__setitem__(0, 9)),
    "Table of mixins": (lambda: QTable({"t": Time(["2020-01-01"]), "c": on_sky()[:1]}), lambda one: one["t"].__setitem__(0, Time("2021-01-01"))),
    "Row": (lambda: table()[0], item("a", 9)),
    "Column": (lambda: Column([1.0, 2.0], name="a", unit="m"), item(0, 9), setting("unit", "s")),
    "TimeSeries": (lambda: timeseries.TimeSeries({"a": [1.0]}, time=Time(["2020-01-01"])), lambda one: one["a"].__setitem__(0, 9)),
    "groups": (lambda: table().group_by("b"), lambda one: one["a"].__setitem__(0, 9)),
    "LombScargle": (lambda: timeseries.LombScargle(X, np.sin(X)), lambda one: one.y.__setitem__(0, 9)),
    "Header": (header, item("EXPOSURE", 2.5), calling("append", ("NEW", 1)), lambda one: one.comments.__setitem__("EXPOSURE", "s")),
    "ImageHDU": (lambda: fits.ImageHDU(np.arange(4.0), header()), lambda one: one.data.__setitem__(0, 9), lambda one: one.header.__setitem__("EXPOSURE", 3.0)),
    "BinTableHDU": (lambda: fits.table_to_hdu(table()), lambda one: one.data["a"].__setitem__(0, 9)),
    "HDUList": (lambda: fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.arange(4.0))]), lambda one: one[1].data.__setitem__(0, 9), calling("append", fits.ImageHDU())),
    "WCS": (wcs, lambda one: one.wcs.crval.__setitem__(0, 9), setting("pixel_shape", (3, 4))),
    "subclass of WCS": (lambda: wcs(Sky), lambda one: one.wcs.crval.__setitem__(0, 9), setting("station", "A")),
    "Gaussian1D": (lambda: models.Gaussian1D(1.0, 2.0, 3.0), setting("amplitude", 7.0), lambda one: setattr(one.mean, "fixed", True)),
    "compound model": (lambda: models.Gaussian1D(1.0, 2.0, 3.0) + models.Const1D(1.0), setting("amplitude_0", 7.0), lambda one: one.left.mean.__setattr__("bounds", (0, 1))),
    "Polynomial2D": (lambda: models.Polynomial2D(2), setting("c0_0", 7.0)),
    "model with units": (lambda: models.BlackBody(5000 * u.K), setting("temperature", 6000 * u.K)),
    "Tabular1D": (lambda: models.Tabular1D(X, X**2), lambda one: one.lookup_table.__setitem__(0, 9)),
    "custom model": (lambda: modeling.custom_model(_line)(slope=2.0), setting("slope", 3.0)),
    "parameter of a model": (lambda: models.Gaussian1D(1.0, 2.0, 3.0).mean, setting("value", 7.0)),
    "fitter": (lambda: fit(fitting.TRFLSQFitter), lambda one: one.fit_info.update(nfev=99)),
    "linear fitter": (lambda: fit(fitting.LinearLSQFitter), lambda one: one.fit_info.update(rank=99)),
    "cosmology": (lambda: cosmology.FlatLambdaCDM(70, 0.3), Other(lambda: cosmology.FlatLambdaCDM(71, 0.3))),
    "NDData": (lambda: nddata.NDData(np.arange(4.0), unit="m", meta={"a": 1}), lambda one: one.data.__setitem__(0, 9), lambda one: one.meta.update(a=2)),
    "CCDData": (lambda: nddata.CCDData(np.ones((3, 3)), unit="adu", wcs=wcs(), uncertainty=nddata.StdDevUncertainty(np.ones((3, 3)))), lambda one: one.data.__setitem__((0, 0), 9), lambda one: one.uncertainty.array.__setitem__((0, 0), 9)),
    "uncertainty": (lambda: nddata.StdDevUncertainty([1.0, 2.0]), lambda one: one.array.__setitem__(0, 9)),
    "distribution of astropy": (lambda: uncertainty.Distribution(np.arange(6.0).reshape(2, 3)), lambda one: one.distribution.__setitem__((0, 0), 9)),
    "kernel": (lambda: convolution.Gaussian2DKernel(1), lambda one: one.array.__setitem__((0, 0), 9), calling("normalize", "peak")),
    "SigmaClip": (lambda: stats.SigmaClip(3.0), setting("sigma", 4.0)),
    "stretch": (lambda: visualization.AsinhStretch(0.2), setting("a", 0.3)),
    "normalization": (lambda: visualization.ImageNormalize(vmin=0, vmax=2), setting("vmax", 3)),
    "time format": (lambda: time.TimeMJD(np.array([1.0]), np.array([0.0]), "utc", 3, "*", "*"), lambda one: one.jd1.__setitem__(0, 9)),
    "pixel region": (lambda: regions.CirclePixelRegion(regions.PixCoord(1, 2), 3), setting("radius", 4), lambda one: one.meta.update(text="a")),
    "sky region": (lambda: regions.CircleSkyRegion(on_sky()[0], 1 * u.deg), setting("radius", 2 * u.deg)),
    "regions": (lambda: regions.Regions([regions.CircleSkyRegion(on_sky()[0], 1 * u.deg)]), calling("pop"), lambda one: setattr(one[0], "radius", 2 * u.deg)),
}  # fmt: skip


def _line(x, slope=1.0):
    return slope * x
