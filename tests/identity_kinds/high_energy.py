"""gammapy: maps, events, responses, datasets, models, fits, estimators and makers, without files."""

from __future__ import annotations

import warnings

import astropy.units as u
import numpy as np
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.table import Table
from astropy.time import Time
from gammapy.analysis import Analysis, AnalysisConfig
from gammapy.catalog import SourceCatalogObject2HWC
from gammapy.data import GTI, EventList, FixedPointingInfo, Observation, Observations
from gammapy.datasets import (
    Datasets,
    FluxPointsDataset,
    MapDataset,
    MapDatasetOnOff,
    SpectrumDataset,
    SpectrumDatasetOnOff,
)
from gammapy.estimators import (
    ExcessMapEstimator,
    FluxMaps,
    FluxPoints,
    FluxPointsEstimator,
    ImageProfile,
    LightCurveEstimator,
    SensitivityEstimator,
    TSMapEstimator,
)
from gammapy.irf import (
    PSF3D,
    Background2D,
    Background3D,
    EDispKernel,
    EDispKernelMap,
    EDispMap,
    EffectiveAreaTable2D,
    EnergyDependentMultiGaussPSF,
    EnergyDispersion2D,
    PSFKernel,
    PSFMap,
    RadMax2D,
)
from gammapy.makers import (
    DatasetsMaker,
    FoVBackgroundMaker,
    MapDatasetMaker,
    ReflectedRegionsBackgroundMaker,
    RingBackgroundMaker,
    SafeMaskMaker,
    SpectrumDatasetMaker,
)
from gammapy.maps import (
    LabelMapAxis,
    Map,
    MapAxes,
    MapAxis,
    MapCoord,
    Maps,
    RegionGeom,
    RegionNDMap,
    TimeMapAxis,
    WcsGeom,
    WcsNDMap,
)
from gammapy.modeling import Covariance, Fit, Parameter, Parameters
from gammapy.modeling import models as m

from identity_kinds.looks import Other, calling, item, setting


class Program(m.SpectralModel):
    """A model that the program defines."""

    tag = "ProgramSpectralModel"
    amplitude = Parameter("amplitude", 1e-12, unit="cm-2 s-1 TeV-1")
    index = Parameter("index", 2.0)

    def __init__(self, **keys):
        self.note = [1]
        super().__init__(**keys)

    @staticmethod
    def evaluate(energy, amplitude, index):
        return amplitude * (energy / u.TeV) ** (-index)


CRAB = SkyCoord(83.63, 22.01, unit="deg")
ENERGY = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=3)
TRUE = MapAxis.from_energy_bounds("0.5 TeV", "20 TeV", nbin=4, name="energy_true")
OFFSET = MapAxis.from_bounds(0, 3, nbin=2, unit="deg", name="offset")
PLACE = EarthLocation(lat=28 * u.deg, lon=-17 * u.deg, height=2200 * u.m)
START = Time("2020-01-01")


def energy():
    return MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=3)


def times():
    return TimeMapAxis([0, 1] * u.h, [1, 2] * u.h, reference_time=START)


def geom():
    return WcsGeom.create(skydir=CRAB, width=1, binsz=0.25, axes=[energy()])


def region_geom():
    return RegionGeom.create("icrs;circle(83.63, 22.01, 0.1)", axes=[energy()])


def wcs_map():
    return WcsNDMap(geom(), data=np.arange(48.0).reshape(3, 4, 4), unit="s", meta={"a": 1})


def first(name):
    """Change the first number of an array."""

    def change(one):
        at = getattr(one, name)
        at.reshape(-1)[0] = at.reshape(-1)[0] + 1 * getattr(at, "unit", 1)

    return change


def gti():
    return GTI.create([0, 10] * u.h, [1, 11] * u.h, START)


def events():
    table = Table(
        {
            "EVENT_ID": [1, 2],
            "RA": [83.6, 83.7] * u.deg,
            "DEC": [22.0, 22.1] * u.deg,
            "ENERGY": [1.5, 2.5] * u.TeV,
            "TIME": Time(["2020-01-01T00:10:00", "2020-01-01T00:20:00"]),
        },
        meta={"MJDREFI": 58849, "MJDREFF": 0, "TIMESYS": "TT", "TIMEUNIT": "s", "LIVETIME": 3000.0},
    )
    return EventList(table)


def aeff():
    return EffectiveAreaTable2D([TRUE.copy(), OFFSET.copy()], data=np.ones((4, 2)), unit="m2")


def edisp():
    return EnergyDispersion2D.from_gauss(
        TRUE.copy(), MapAxis.from_bounds(0.5, 2, nbin=5, name="migra"), OFFSET.copy(), 0.0, 0.2
    )


def psf():
    rad = MapAxis.from_bounds(0, 1, nbin=4, unit="deg", name="rad")
    return PSF3D([TRUE.copy(), OFFSET.copy(), rad], data=np.ones((4, 2, 4)), unit="sr-1")


def multi_gauss():
    axes = MapAxes([TRUE.copy(), OFFSET.copy()])
    names = {
        "sigma_1": "deg",
        "sigma_2": "deg",
        "sigma_3": "deg",
        "scale": "sr-1",
        "ampl_2": "",
        "ampl_3": "",
    }
    data = np.ones((4, 2), dtype=[(name, "f8") for name in names])
    return EnergyDependentMultiGaussPSF(axes, data=data, unit=names)


def field_of_view(name):
    return MapAxis.from_bounds(-3, 3, nbin=2, unit="deg", name=name)


def background3d():
    axes = [energy(), field_of_view("fov_lon"), field_of_view("fov_lat")]
    return Background3D(axes, data=np.ones((3, 2, 2)), unit="s-1 MeV-1 sr-1", fov_alignment="RADEC")


def background2d():
    return Background2D([energy(), OFFSET.copy()], data=np.ones((3, 2)), unit="s-1 MeV-1 sr-1")


def observation(number=1):
    return Observation.create(
        pointing=FixedPointingInfo(fixed_icrs=CRAB),
        location=PLACE,
        obs_id=number,
        tstart=0 * u.h,
        tstop=1 * u.h,
        reference_time=START,
        irfs={"aeff": aeff(), "edisp": edisp(), "psf": psf(), "bkg": background3d()},
    )


def whole_observation():
    return Observation(
        1, gti=gti(), events=events(), aeff=aeff(), pointing=FixedPointingInfo(fixed_icrs=CRAB)
    )


def sky_model(name="crab"):
    return m.SkyModel(m.PowerLawSpectralModel(), m.GaussianSpatialModel(), name=name)


def spectrum_dataset(cls=SpectrumDataset):
    found = cls.create(region_geom(), energy_axis_true=TRUE.copy(), name="spectrum")
    found.exposure.quantity = np.full(found.exposure.data.shape, 1e13) * u.Unit("cm2 s")
    found.edisp = EDispKernelMap.from_diagonal_response(
        energy(), TRUE.copy(), geom=found.exposure.geom.to_image()
    )
    if cls is SpectrumDataset:
        found.background.data += 1.0
        found.models = [m.SkyModel(m.PowerLawSpectralModel(), name="crab")]
        found.fake(random_state=42)
    return found


def on_off():
    return SpectrumDatasetOnOff.from_spectrum_dataset(
        name="spectrum",
        dataset=spectrum_dataset(),
        acceptance=1,
        acceptance_off=2,
        counts_off=RegionNDMap.from_geom(region_geom()),
    )


def map_dataset(cls=MapDataset):
    found = cls.create(geom(), energy_axis_true=TRUE.copy(), name="map")
    found.exposure.data += 1e10
    found.models = [
        sky_model(),
        *([m.FoVBackgroundModel(dataset_name="map")] if cls is MapDataset else []),
    ]
    if cls is MapDataset:
        found.background.data += 1.0
    return found


def flux_points():
    table = Table(
        {
            "e_ref": [1.0, 3.0] * u.TeV,
            "dnde": [1e-11, 1e-12] * u.Unit("cm-2 s-1 TeV-1"),
            "dnde_err": [1e-12, 1e-13] * u.Unit("cm-2 s-1 TeV-1"),
        },
        meta={"SED_TYPE": "dnde"},
    )
    return FluxPoints.from_table(
        table, reference_model=m.SkyModel(m.PowerLawSpectralModel(), name="crab")
    )


def flux_points_dataset():
    return FluxPointsDataset(
        data=flux_points(),
        models=[m.SkyModel(m.PowerLawSpectralModel(), name="crab")],
        name="points",
    )


def datasets():
    return Datasets([spectrum_dataset(), flux_points_dataset()])


def fit_result():
    found = Datasets([flux_points_dataset()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Fit().run(found)


def templated():
    return Map.from_geom(
        WcsGeom.create(skydir=CRAB, width=1, binsz=0.25, axes=[TRUE.copy()]),
        data=1.0,
        unit="cm-2 s-1 MeV-1 sr-1",
    )


def template_spatial():
    return m.TemplateSpatialModel(
        Map.from_geom(WcsGeom.create(skydir=CRAB, width=1, binsz=0.25), data=1.0, unit="sr-1"),
        normalize=False,
    )


def light_curve():
    return m.LightCurveTemplateTemporalModel(
        RegionNDMap.create("icrs;circle(83.63, 22.01, 0.1)", axes=[times()], data=1.0)
    )


def phase_curve():
    table = Table({"PHASE": np.linspace(0, 1, 5), "NORM": np.ones(5)})
    return m.TemplatePhaseCurveTemporalModel(table)


def catalog_source():
    data = {"source_name": "crab", "ra": 83.6 * u.deg, "dec": 22.0 * u.deg, "spec1_dnde": 1.0}
    return SourceCatalogObject2HWC(data)


def changed_parameter(one):
    at = one.parameters[0]
    at.value = at.value + 1


def frozen_parameter(one):
    at = one.parameters[0]
    at.frozen = not at.frozen


def correlated(one):
    """Say how parameters vary together."""
    matrix = one.covariance.data.copy()
    matrix[0, -1] += 0.5
    matrix[-1, 0] = matrix[0, -1]
    one.covariance = matrix


def uncertain(one):
    one.parameters[0].error = 7.0


MODELS = {
    "ConstantSpectral": m.ConstantSpectralModel, "PowerLaw": m.PowerLawSpectralModel,
    "PowerLaw2": m.PowerLaw2SpectralModel, "PowerLawNorm": m.PowerLawNormSpectralModel,
    "BrokenPowerLaw": m.BrokenPowerLawSpectralModel, "SmoothBroken": m.SmoothBrokenPowerLawSpectralModel,
    "ExpCutoff": m.ExpCutoffPowerLawSpectralModel, "ExpCutoff3FGL": m.ExpCutoffPowerLaw3FGLSpectralModel,
    "SuperExpCutoff4FGL": m.SuperExpCutoffPowerLaw4FGLSpectralModel, "LogParabola": m.LogParabolaSpectralModel,
    "GaussianSpectral": m.GaussianSpectralModel,
    "Piecewise": lambda: m.PiecewiseNormSpectralModel([1, 3, 10] * u.TeV, np.ones(3)),
    "TemplateSpectral": lambda: m.TemplateSpectralModel([1, 3, 10] * u.TeV, [3, 2, 1] * u.Unit("cm-2 s-1 TeV-1")),
    "ScaleSpectral": lambda: m.ScaleSpectralModel(m.PowerLawSpectralModel()),
    "compound spectral": lambda: m.PowerLawSpectralModel() * m.PowerLawNormSpectralModel(),
    "EBL": lambda: m.EBLAbsorptionNormSpectralModel([1, 10] * u.TeV, [0.1, 0.5], np.ones((2, 2)), 0.1, 1.0),
    "MeyerCrab": m.MeyerCrabSpectralModel,
    "PointSpatial": m.PointSpatialModel, "GaussianSpatial": m.GaussianSpatialModel,
    "Disk": m.DiskSpatialModel, "Shell": m.ShellSpatialModel, "Shell2": m.Shell2SpatialModel,
    "GeneralizedGaussian": m.GeneralizedGaussianSpatialModel, "ConstantSpatial": m.ConstantSpatialModel,
    "TemplateSpatial": template_spatial,
    "ConstantTemporal": m.ConstantTemporalModel, "LinearTemporal": m.LinearTemporalModel,
    "ExpDecay": m.ExpDecayTemporalModel, "GaussianTemporal": m.GaussianTemporalModel,
    "SineTemporal": m.SineTemporalModel, "PowerLawTemporal": m.PowerLawTemporalModel,
    "LightCurveTemplate": light_curve, "PhaseCurve": phase_curve,
    "FoVBackground": lambda: m.FoVBackgroundModel(dataset_name="map"),
    "TemplateNPred": lambda: m.TemplateNPredModel(wcs_map(), name="template"),
    "of the program": Program,
    "SkyModel": sky_model,
    "SkyModel in time": lambda: m.SkyModel(m.PowerLawSpectralModel(), temporal_model=m.ExpDecayTemporalModel(), name="crab"),
    "GaussianPrior": m.GaussianPrior, "UniformPrior": m.UniformPrior,
}  # fmt: skip
# Those without parameters; and one that looks long for its pivot energy if they are correlated.
OTHER_MODELS = {
    *(
        "ConstantTemporal",
        "GaussianPrior",
        "SuperExpCutoff4FGL",
        "TemplateSpectral",
        "UniformPrior",
    ),
}
KINDS = {
    **{
        f"model {name}": (make, changed_parameter, frozen_parameter, correlated, uncertain)
        for name, make in MODELS.items()
        if name not in OTHER_MODELS
    },
    "model ConstantTemporal": (m.ConstantTemporalModel,),
    "model TemplateSpectral": (MODELS["TemplateSpectral"], first("values")),
    "model SuperExpCutoff4FGL": (m.SuperExpCutoffPowerLaw4FGLSpectralModel, changed_parameter),
    "prior": (m.GaussianPrior, lambda one: setattr(one.parameters[0], "value", 7.0)),
    "uniform prior": (m.UniformPrior, lambda one: setattr(one.parameters[0], "value", 7.0)),
    "MapAxis": (energy, Other(TRUE.copy), lambda one: one._nodes.__setitem__(0, 0.9)),
    "LabelMapAxis": (lambda: LabelMapAxis(["a", "b"], name="l"), Other(lambda: LabelMapAxis(["a", "c"], name="l"))),
    "TimeMapAxis": (times, Other(lambda: TimeMapAxis([0, 1] * u.h, [1, 3] * u.h, reference_time=START))),
    "MapAxes": (lambda: MapAxes([energy()]), Other(lambda: MapAxes([TRUE.copy()]))),
    "MapCoord": (lambda: MapCoord({"lon": 1.0 * u.deg, "lat": 2.0 * u.deg}), lambda one: one._data.update(lon=3 * u.deg)),
    "WcsGeom": (geom, lambda one: one.wcs.wcs.__setattr__("crval", [9.0, 0.0])),
    "RegionGeom": (region_geom, lambda one: setattr(one.region, "radius", 2 * u.deg)),
    "WcsNDMap": (wcs_map, first("data"), setting("_unit", u.h), lambda one: one.meta.update(a=2)),
    "RegionNDMap": (lambda: RegionNDMap(region_geom(), data=1.0), first("data")),
    "Maps": (lambda: Maps(a=wcs_map(), b=wcs_map()), lambda one: first("data")(one["a"]), item("c", wcs_map())),
    "GTI": (gti, lambda one: one.table.remove_row(0)),
    "EventList": (events, lambda one: one.table["ENERGY"].__setitem__(0, 9.0), lambda one: one.table.remove_row(0)),
    "FixedPointingInfo": (lambda: FixedPointingInfo(fixed_icrs=CRAB), Other(lambda: FixedPointingInfo(fixed_icrs=CRAB.galactic.icrs.directional_offset_by(0 * u.deg, 1 * u.deg)))),
    "Observation": (observation, setting("obs_id", 3), lambda one: first("data")(one.aeff)),
    "Observation with events": (whole_observation, lambda one: one.events.table.remove_row(0)),
    "Observations": (lambda: Observations([observation(1), observation(2)]), calling("pop", 0), lambda one: first("data")(one[0].aeff)),
    "EffectiveAreaTable2D": (aeff, first("data"), setting("quantity", np.ones((4, 2)) * u.km**2)),
    "EnergyDispersion2D": (edisp, first("data")),
    "PSF3D": (psf, first("data")),
    "EnergyDependentMultiGaussPSF": (multi_gauss, lambda one: one._data["scale"].__setitem__((0, 0), 9)),
    "Background3D": (background3d, first("data")),
    "Background2D": (background2d, first("data")),
    "RadMax2D": (lambda: RadMax2D([ENERGY.copy(), OFFSET.copy()], data=np.ones((3, 2)), unit="deg"), first("data")),
    "EDispKernel": (lambda: EDispKernel.from_gauss(TRUE, ENERGY, 0.2, 0), first("data")),
    "EDispMap": (lambda: EDispMap.from_diagonal_response(TRUE.copy()), lambda one: first("data")(one.edisp_map)),
    "EDispKernelMap": (lambda: EDispKernelMap.from_diagonal_response(energy(), TRUE.copy()), lambda one: first("data")(one.edisp_map)),
    "PSFMap": (lambda: PSFMap.from_gauss(TRUE.copy(), sigma="0.2 deg"), lambda one: first("data")(one.psf_map)),
    "PSFKernel": (lambda: PSFKernel.from_gauss(geom(), 0.2 * u.deg), lambda one: first("data")(one.psf_kernel_map)),
    "SpectrumDataset": (spectrum_dataset, lambda one: first("data")(one.counts), lambda one: changed_parameter(one.models), setting("models", None)),
    "SpectrumDatasetOnOff": (on_off, lambda one: first("data")(one.counts_off), lambda one: first("data")(one.acceptance)),
    "MapDataset": (map_dataset, lambda one: first("data")(one.counts), lambda one: changed_parameter(one.models), lambda one: first("data")(one.background)),
    "MapDatasetOnOff": (lambda: map_dataset(MapDatasetOnOff), lambda one: first("data")(one.counts)),
    "FluxPointsDataset": (flux_points_dataset, lambda one: first("data")(one.data._data["norm"]), lambda one: changed_parameter(one.models)),
    "Datasets": (datasets, calling("pop"), lambda one: first("data")(one[0].counts)),
    "Models": (lambda: m.Models([sky_model(), sky_model("other")]), calling("pop"), changed_parameter, correlated),
    "Parameter": (lambda: Parameter("a", 1.0, unit="TeV"), setting("value", 2.0), setting("min", 0.0), setting("frozen", True), setting("error", 2.0)),
    "Parameters": (lambda: Parameters([Parameter("a", 1.0), Parameter("b", 2.0)]), lambda one: setattr(one[0], "value", 7.0)),
    "Covariance": (lambda: Covariance(Parameters([Parameter("a", 1.0), Parameter("b", 2.0)]), np.eye(2)), lambda one: one.data.__setitem__((0, 0), 7.0)),
    "Fit": (Fit, setting("backend", "scipy"), lambda one: one.optimize_opts.update(tol=1)),
    "FitResult": (fit_result, lambda one: changed_parameter(one)),
    "FluxPoints": (flux_points, lambda one: first("data")(one._data["norm"]), lambda one: one.meta.update(a=1)),
    "FluxMaps": (lambda: FluxMaps({"norm": wcs_map()}, m.SkyModel(m.PowerLawSpectralModel(), name="crab")), lambda one: first("data")(one._data["norm"])),
    "ImageProfile": (lambda: ImageProfile(Table({"x_ref": [1.0] * u.deg, "profile": [2.0]})), lambda one: one.table["profile"].__setitem__(0, 3.0)),
    "FluxPointsEstimator": (lambda: FluxPointsEstimator([1, 3, 10] * u.TeV, source="crab"), setting("source", "other")),
    "LightCurveEstimator": (lambda: LightCurveEstimator([1, 10] * u.TeV, source="crab"), setting("source", "other")),
    "ExcessMapEstimator": (lambda: ExcessMapEstimator("0.1 deg"), setting("n_sigma", 2)),
    "TSMapEstimator": (lambda: TSMapEstimator(sky_model(), kernel_width="0.5 deg"), setting("n_sigma", 2), setting("kernel_width", 1 * u.deg)),
    "SensitivityEstimator": (lambda: SensitivityEstimator(m.PowerLawSpectralModel()), setting("n_sigma", 3)),
    "MapDatasetMaker": (lambda: MapDatasetMaker(["counts"]), setting("selection", ["edisp"])),
    "SpectrumDatasetMaker": (SpectrumDatasetMaker, setting("use_region_center", False)),
    "SafeMaskMaker": (lambda: SafeMaskMaker(["offset-max"], offset_max="2 deg"), setting("offset_max", 3 * u.deg)),
    "FoVBackgroundMaker": (FoVBackgroundMaker, setting("method", "fit")),
    "RingBackgroundMaker": (lambda: RingBackgroundMaker("0.3 deg", "0.5 deg"), setting("width", 1 * u.deg)),
    "ReflectedRegionsBackgroundMaker": (ReflectedRegionsBackgroundMaker, setting("exclusion_mask", 3)),
    "DatasetsMaker": (lambda: DatasetsMaker([SpectrumDatasetMaker()]), setting("n_jobs", 2), setting("makers", [])),
    "source of a catalog": (catalog_source, lambda one: one.data.update(spec1_dnde=7.0)),
    "AnalysisConfig": (lambda: AnalysisConfig(observations={"datastore": "here"}).model_copy(deep=True), lambda one: setattr(one.general, "n_jobs", 3), lambda one: setattr(one.datasets.geom.wcs, "binsize", 3 * u.deg)),
    "Analysis": (lambda: Analysis(AnalysisConfig(observations={"datastore": "here"})), setting("datasets", 3)),
}  # fmt: skip
