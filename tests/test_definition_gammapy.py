"""The shipped definition of gammapy: its targets exist, and identities depend on data only."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEFINITION = ROOT / "definitions" / "gammapy.yaml"
PREPARATION = ROOT / "examples" / "prepare_crab.py"

pytestmark = pytest.mark.filterwarnings("ignore")


def read():
    from provagent.definition.parse import read_definition

    return read_definition(DEFINITION)


@pytest.fixture(scope="module")
def definition():
    return read().definition


@pytest.fixture(scope="module")
def gammapy():
    return pytest.importorskip("gammapy", reason="gammapy is not installed")


@pytest.fixture(scope="module")
def callables(definition, gammapy):
    """The callable that each target names, by its whole target; a class's are its public ones."""
    from provagent.tools.draft.callables import sites_of

    return {
        site.target: site.function
        for target in definition.targets
        for site in sites_of(target.text)
    }


@pytest.fixture(scope="module")
def described(definition, callables):
    """Every described callable, with its activity, by its whole target."""
    found = {}
    for target, function in callables.items():
        name = target.partition(":")[2]
        for key in (target, name, name.rpartition(".")[2]):
            if key in definition.activities:
                found[target] = function, definition.activities[key]
                break
    return found


@pytest.fixture(scope="module")
def preparation(gammapy):
    spec = importlib.util.spec_from_file_location("prepare_crab", PREPARATION)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def inputs(preparation, tmp_path_factory):
    """The folder of the example's simulated files."""
    folder = tmp_path_factory.mktemp("inputs") / "crab"
    preparation.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def analysis(inputs):
    """A session whose datasets were read, fitted, and turned into one flux point."""
    from gammapy.analysis import Analysis, AnalysisConfig

    config = AnalysisConfig.read(inputs / "config.yaml")
    config.general.datasets_file = inputs / "datasets.yaml"
    config.general.models_file = inputs / "models.yaml"
    config.flux_points.energy.nbins = 1
    session = Analysis(config)
    session.read_datasets()
    session.run_fit()
    session.get_flux_points()
    return session


@pytest.fixture
def digest(definition):
    """Digests a value as the definition's entity of that name."""
    from provagent.definition.path import compile_on_value
    from provagent.identity.registry import identify

    def take(name, value):
        how = definition.entities[name].identifier
        if not isinstance(how, str):
            how = tuple(map(compile_on_value, how))
        identity = identify(value, how)
        assert identity.identified in ("paths", "content")
        assert not identity.sampled
        return identity.digest

    return take


def test_the_definition_has_no_problems():
    """Nothing in the definition is unknown, misspelt or malformed."""
    assert [str(problem) for problem in read().problems] == []


def test_every_target_exists_where_it_is_said_to_be_defined(callables):
    """A target's module is the one that defines the callable, not one that passes it on."""
    elsewhere = {
        target: function.__module__
        for target, function in callables.items()
        if function.__module__ != target.partition(":")[0]
    }
    assert elsewhere == {}


def test_every_target_is_described(callables, described):
    """Each public method of Analysis, and each reader and writer, has its activity."""
    assert callables.keys() == described.keys()


def test_every_activity_is_a_target(definition, described):
    """No activity is described that nothing weaves."""
    said = {activity.name for activity in definition.activities.values()}
    assert {activity.name for _, activity in described.values()} == said


def test_every_path_starts_at_something_that_exists(described, gammapy):
    """A path's first name is a parameter of the callable, its result, or the session's attribute."""
    from gammapy.analysis import Analysis, AnalysisConfig

    from provagent.definition.path import parse_path

    made_later = {"excess_map", "light_curve"}
    attributes = {*dir(Analysis(AnalysisConfig(general={"log": {"level": "error"}}))), *made_later}
    lost = {}
    for target, (function, activity) in described.items():
        known = {"self", "result", "kwargs", *inspect.signature(function).parameters}
        if ":Analysis." in target:
            known |= attributes
        roots = {parse_path(path).root for path in paths_of_calls(activity)}
        if roots - known:
            lost[target] = roots - known
    assert lost == {}


def test_every_setting_that_is_a_parameter_exists(described, gammapy):
    """Paths into the configuration find something in a configuration that nobody changed."""
    from gammapy.analysis import Analysis, AnalysisConfig

    from provagent.definition.path import compile_on_value

    session = Analysis(AnalysisConfig(general={"log": {"level": "error"}}))
    paths = {
        path
        for _, activity in described.values()
        for path in paths_of_calls(activity)
        if path.startswith(("config.", "fit.")) and "__str__" not in path
    }
    assert len(paths) > 20
    for path in paths:
        compile_on_value(path)(session)


def test_an_event_file_is_found_without_reading_it(definition, gammapy, tmp_path):
    """The path of an observation's events is known while they are on disk only, and in a copy."""
    from gammapy.data import Observation
    from gammapy.utils.fits import HDULocation

    from provagent.definition.path import compile_on_value

    file = tmp_path / "events.fits"
    file.write_bytes(b"no FITS file")
    on_disk = HDULocation("events", tmp_path, ".", file.name, "EVENTS")
    members = definition.activities["get_observations"].generation[0].has_members
    location = compile_on_value(members.location)
    observation = Observation(obs_id=7, events=on_disk)
    assert compile_on_value(members.id)(observation) == 7
    assert location(observation) == file
    assert location(copy.deepcopy(observation)) == file
    assert location(Observation(obs_id=8)) is None


def test_observations_are_told_apart_by_what_is_selected(digest, gammapy):
    """Copies are equal; another choice of observations or of time is another digest."""
    from astropy.time import Time
    from gammapy.data import Observation, ObservationFilter, Observations

    def choose(*ids, **choice):
        return Observations(
            [Observation(obs_id=id_, obs_filter=ObservationFilter(**choice)) for id_ in ids]
        )

    night = Time(["2026-01-01", "2026-01-02"])
    all_of_them = choose(1, 2)
    digests = [
        digest("Observations", observations)
        for observations in (
            all_of_them,
            choose(2, 1),
            choose(1),
            choose(1, 2, time_filter=night),
            choose(1, 2, time_filter=night, inverted_time=True),
            choose(
                1,
                2,
                event_filters=[{"type": "custom", "opts": {"parameter": "PHASE", "band": (0, 1)}}],
            ),
        )
    ]
    assert len(set(digests)) == len(digests)
    assert digest("Observations", copy.deepcopy(all_of_them)) == digests[0]


def test_lazy_caches_change_no_digest(analysis, digest):
    """What gammapy computes and keeps leaves every digest as it was."""
    before = {name: digest(name, value) for name, value in states(analysis).items()}
    fill_caches(analysis)
    assert {name: digest(name, value) for name, value in states(analysis).items()} == before


def test_writing_changes_no_digest(analysis, digest, tmp_path):
    """A thing that was written is still the same thing."""
    before = {name: digest(name, value) for name, value in states(analysis).items()}
    analysis.datasets.write(tmp_path / "datasets.yaml", tmp_path / "models.yaml")
    analysis.fit_result.write(tmp_path / "fit.yaml")
    analysis.flux_points.write(tmp_path / "points.fits")
    assert {name: digest(name, value) for name, value in states(analysis).items()} == before


def test_identifying_changes_nothing(analysis, digest):
    """Nothing is added to what objects hold, and an error that was set by hand stays."""

    def held():
        return {
            name: sorted(vars(value))
            for name, value in states(analysis).items()
            if name != "AnalysisConfig"
        }

    parameter = analysis.datasets[0].models.parameters["index"]
    before = held(), analysis.datasets.stat_sum()
    fitted, parameter.error = parameter.error, 9.0
    for name, value in states(analysis).items():
        digest(name, value)
    # A look at Datasets.models, which the identifiers avoid, would put the fitted error back.
    set_by_hand, parameter.error = parameter.error, fitted
    assert set_by_hand == 9.0
    assert (held(), analysis.datasets.stat_sum()) == before


def test_copies_are_equal(analysis, digest):
    """A deep copy has the digest of what it was copied from."""
    for name, value in states(analysis).items():
        assert digest(name, copy.deepcopy(value)) == digest(name, value), name


def test_the_names_that_gammapy_draws_do_not_count(analysis, digest, inputs):
    """Two readings of the same files, with other random names, are equal."""
    from gammapy.datasets import Datasets, FluxPointsDataset
    from gammapy.modeling.models import Models, PowerLawSpectralModel, SkyModel

    models = [Models([SkyModel(PowerLawSpectralModel())]) for _ in range(2)]
    assert models[0].names != models[1].names
    assert digest("Models", models[0]) == digest("Models", models[1])
    datasets = [Datasets([dataset.copy() for dataset in analysis.datasets]) for _ in range(2)]
    assert datasets[0].names != datasets[1].names
    assert digest("Datasets", datasets[0]) == digest("Datasets", datasets[1])
    points = [FluxPointsDataset(data=analysis.flux_points.data) for _ in range(2)]
    assert points[0].name != points[1].name
    assert digest("FluxPointsDataset", points[0]) == digest("FluxPointsDataset", points[1])


def test_linked_parameters_have_no_random_label(digest, gammapy):
    """The label that gammapy draws for a link when it prints models does not count; the link does."""
    from gammapy.modeling.models import Models, PowerLawSpectralModel, SkyModel

    first, second = (SkyModel(PowerLawSpectralModel(), name=name) for name in "ab")
    models = Models([first, second])
    apart = digest("Models", models)
    second.spectral_model.index = first.spectral_model.index
    linked = digest("Models", models)
    models.to_yaml()
    assert apart != linked == digest("Models", models)


def set_value(datasets):
    datasets[0].models.parameters["index"].value += 1e-9


def set_frozen(datasets):
    datasets[0].models.parameters["index"].frozen = True


def set_minimum(datasets):
    datasets[0].models.parameters["index"].min = 0


def set_error(datasets):
    datasets[0].models.parameters["index"].error += 1


def set_prior(datasets):
    from gammapy.modeling.models import UniformPrior

    datasets[0].models.parameters["index"].prior = UniformPrior(min=0, max=5)


def remove_models(datasets):
    datasets.models = None


def count_one_more(datasets):
    datasets[1].counts.data[3, 0, 0] += 1


def count_one_more_beside(datasets):
    datasets[1].counts_off.data[3, 0, 0] += 1


def expose_longer(datasets):
    datasets[0].exposure.data *= 1.001


def fit_everywhere(datasets):
    datasets[0].mask_fit = None


def trust_less(datasets):
    datasets[0].mask_safe.data[0] = False


def drop_one(datasets):
    del datasets[1]


CHANGES = [
    set_value,
    set_frozen,
    set_minimum,
    set_error,
    set_prior,
    remove_models,
    count_one_more,
    count_one_more_beside,
    expose_longer,
    fit_everywhere,
    trust_less,
    drop_one,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_meaning_changes_the_digest_of_datasets(analysis, digest, change):
    """Data, masks, responses and models of each dataset are what datasets are known by."""
    datasets = copy.deepcopy(analysis.datasets)
    before = digest("Datasets", datasets)
    change(datasets)
    assert digest("Datasets", datasets) != before


@pytest.mark.parametrize("change", CHANGES[:5])
def test_a_change_of_a_parameter_changes_the_digest_of_models(analysis, digest, change):
    """Value, limits, error, prior and whether it is fitted are what a parameter is known by."""
    datasets = copy.deepcopy(analysis.datasets)
    models = datasets[0].models
    before = digest("Models", models), digest("SkyModel", models[0])
    change(datasets)
    after = digest("Models", models), digest("SkyModel", models[0])
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_results_are_known_by_their_values(analysis, digest):
    """Another flux or another best fit is another digest."""
    points = copy.deepcopy(analysis.flux_points)
    points.data._data["norm"].data *= 1.001
    assert digest("FluxPointsDataset", points) != digest("FluxPointsDataset", analysis.flux_points)
    assert digest("FluxPoints", points.data) != digest("FluxPoints", analysis.flux_points.data)
    result = copy.deepcopy(analysis.fit_result)
    result.parameters["index"].value += 1e-9
    assert digest("FitResult", result) != digest("FitResult", analysis.fit_result)


def test_a_setting_changes_the_digest_of_the_configuration(analysis, digest):
    """A configuration is known by all of its settings."""
    other = analysis.config.update("flux_points: {energy: {nbins: 2}}")
    assert digest("AnalysisConfig", other) != digest("AnalysisConfig", analysis.config)


def test_maps_are_known_by_every_sort_of_axis(digest, gammapy):
    """Labels too, which have no edges, and times that do not follow on one another."""
    from astropy import units
    from gammapy.maps import LabelMapAxis, RegionNDMap, TimeMapAxis

    hours = [0, 5] * units.h
    axes = [
        LabelMapAxis(["a", "b"], name="label"),
        LabelMapAxis(["a", "c"], name="label"),
        TimeMapAxis(hours, hours + 1 * units.h, reference_time="2026-01-01"),
        TimeMapAxis(hours, hours + 2 * units.h, reference_time="2026-01-01"),
    ]
    maps = [RegionNDMap.create(region=None, axes=[axis]) for axis in axes]
    assert len({digest("Map", one) for one in maps}) == len(maps)


def test_maps_on_disk_are_not_read_to_be_identified(digest, gammapy, tmp_path):
    """A dataset that was read lazily has nothing in memory after it was identified."""
    from gammapy.datasets import Datasets, MapDataset
    from gammapy.maps import MapAxis, WcsGeom

    energy = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=2)
    energy_true = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=2, name="energy_true")
    geometry = WcsGeom.create(npix=4, axes=[energy])
    Datasets([MapDataset.create(geometry, energy_true, name="cube")]).write(
        tmp_path / "datasets.yaml"
    )
    datasets = Datasets.read(tmp_path / "datasets.yaml")
    unread = digest("Datasets", datasets)
    assert {"counts", "exposure", "background", "edisp"}.isdisjoint(vars(datasets[0]))
    datasets[0].counts.data += 1
    assert digest("Datasets", datasets) != unread


def test_identifying_is_cheap(analysis, digest):
    """Each state of a small analysis is identified with some ten thousand calls."""

    def calls(name, value):
        count = Counter()
        sys.setprofile(lambda _frame, event, _argument: count.update((event,)))
        try:
            digest(name, value)
        finally:
            sys.setprofile(None)
        return count["call"] + count["c_call"]

    counted = {name: calls(name, value) for name, value in states(analysis).items()}
    assert max(counted.values()) < 40_000, counted


def test_the_example_is_prepared_alike_each_time(preparation, inputs, tmp_path):
    """The files that the example simulates are the same to the byte."""
    preparation.prepare(tmp_path / "crab")
    names = sorted(path.name for path in inputs.iterdir())
    prepared = {name: (tmp_path / "crab" / name).read_bytes() for name in names}
    assert prepared == {name: (inputs / name).read_bytes() for name in names}
    assert names == ["config.yaml", "datasets.yaml", "models.yaml", "night-1.fits", "night-2.fits"]


def paths_of_calls(activity):
    """Every path of an activity that is evaluated on the call."""
    uses = (*activity.usage, *activity.generation)
    found = [parameter.value for parameter in activity.parameters]
    found += [path for use in uses for path in (use.value, use.location, use.id)]
    return [path for path in found if path is not None]


def states(session):
    """The things that the session holds, by the entity that describes each."""
    models = session.datasets[0].models
    return {
        "AnalysisConfig": session.config,
        "Datasets": session.datasets,
        "Dataset": session.datasets[0],
        "Models": models,
        "SkyModel": models[0],
        "Fit": session.fit,
        "FitResult": session.fit_result,
        "FluxPointsDataset": session.flux_points,
        "FluxPoints": session.flux_points.data,
        "Map": session.datasets[0].counts,
    }


def fill_caches(session):
    """Ask a session for all that gammapy computes on the way and keeps."""
    datasets, models = session.datasets, session.datasets[0].models
    for thing in (datasets, models, session.models, session.fit_result, session.flux_points):
        str(thing)
        repr(thing)
    for dataset in datasets:
        str(dataset)
        dataset.info_dict()
        dataset.npred()
        dataset.residuals()
        dataset.to_dict()
        dataset.counts.geom.solid_angle()
    datasets.stat_sum()
    datasets.info_table()
    datasets.meta_table
    models.to_dict()
    models.to_yaml()
    models.covariance
    session.fit_result.models.covariance
    points = session.flux_points.data
    points.to_table(sed_type="dnde")
    points.to_table(sed_type="e2dnde", formatted=True)
    session.flux_points.stat_sum()
    session.config.to_yaml()
