"""Real gammapy analyses, unchanged: their records and their results."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import sys

import pytest
from conftest import ROOT, SHARED, Recorded
from edges import assert_inverse, edges

from provagent.reading.store.exported_parts import part_of

gammapy = pytest.importorskip("gammapy")
pytestmark = pytest.mark.gammapy

NIGHTS = ["night-1.fits", "night-2.fits"]
OBSERVATIONS = ["23523", "23526", "23559", "23592"]
STEPS = [
    "get_observations", "get_datasets", "read_models", "run_fit", "get_flux_points",
    "FluxPointsDataset.write",
]  # fmt: skip


def sha256(path):
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


class Runs:
    """The same analysis run bare and recorded, each in its own folder."""

    def __init__(self, bare, recorded, bare_done, recorded_done):
        self.bare, self.recorded = bare, recorded
        self.bare_done, self.recorded_done = bare_done, recorded_done
        self.provenance = recorded.provenance

    def named(self, name):
        return [one for one in self.provenance.activities.values() if one.name == name]

    def only(self, name):
        (activity,) = self.named(name)
        return activity

    def file(self, name):
        return next(
            one for one in self.provenance.entities.values() if (one.location or "").endswith(name)
        )


@pytest.fixture(scope="module")
def hess(tmp_path_factory, cache):
    """The H.E.S.S. Crab analysis on four real observations."""
    if not SHARED.is_dir():
        pytest.skip(f"outside material is not at {SHARED}")
    folders = [tmp_path_factory.mktemp(name) for name in ("bare", "recorded")]
    for folder in folders:
        for file in (SHARED / "acceptance").iterdir():
            shutil.copyfile(file, folder / file.name)
    bare, recorded = (Recorded(folder, cache) for folder in folders)
    data = {"GAMMAPY_DATA": str(SHARED / "gammapy-data")}
    return Runs(
        bare, recorded, bare.python("crab_1d.py", **data), recorded.run("crab_1d.py", **data)
    )


def test_program_is_as_without(hess):
    """The same output, word for word, and equal data in the product."""
    assert hess.recorded_done.stdout == hess.bare_done.stdout
    assert hess.recorded_done.stderr == hess.bare_done.stderr
    from astropy.io import fits

    products = [runs.folder / "flux_points.fits" for runs in (hess.bare, hess.recorded)]
    assert fits.FITSDiff(*products).identical


def test_run_says_who_what_and_where(hess):
    """Script, command, user, host, and every installed package."""
    from importlib.metadata import distributions

    run = hess.provenance.run.process
    assert run.script.location == str(hess.recorded.folder / "crab_1d.py")
    assert run.script.digest == sha256(SHARED / "acceptance" / "crab_1d.py")
    assert run.command[-1] == "crab_1d.py"
    assert run.user
    assert run.host
    assert run.status == "ok"
    (environment,) = hess.provenance.environments.values()
    assert environment.python["version"] == sys.version.split()[0]
    installed = {one.name.lower().replace("_", "-").replace(".", "-") for one in distributions()}
    assert {name.replace(".", "-") for name in environment.packages} == installed
    assert environment.packages["gammapy"] == gammapy.__version__


def test_one_session_with_its_configuration(hess):
    """The Analysis instance, and the configuration that it was made with."""
    (session,) = hess.provenance.sessions.values()
    assert (session.module, session.class_name) == ("gammapy.analysis.core", "Analysis")
    assert "0.5 TeV" in str(session.configuration)
    assert "hess-dl3-dr1" in str(session.configuration)


def test_activities_stand_in_their_order(hess):
    """The steps of the script, with set_models inside read_models; nothing went wrong."""
    assert [activity.name for activity in hess.provenance.outermost] == STEPS
    assert hess.only("set_models").parent.name == "read_models"
    lines = [activity.site.line for activity in hess.provenance.outermost]
    assert lines == [21, 23, 24, 25, 26, 27]
    for activity in hess.provenance.activities.values():
        assert activity.status == "ok"
        assert activity.start < activity.end
    assert hess.provenance.complaints == []
    assert hess.provenance.gaps == []


def test_observations_come_from_the_data_store(hess):
    """Parameters, the store by its index, and four members with their event files."""
    activity = hess.only("get_observations")
    assert {"datastore", "obs_ids", "required_irf"} <= set(activity.parameters)
    assert activity.parameters["obs_ids"] == [int(name) for name in OBSERVATIONS]
    store = next(usage.entity for usage in activity.used if usage.role == "datastore")
    folder = SHARED / "gammapy-data" / "hess-dl3-dr1"
    assert (store.type, store.location) == ("FileCollection", str(folder))
    assert store.digest == sha256(folder / "obs-index.fits.gz")
    (generation,) = activity.generated
    members = generation.entity.members
    assert [member.name for member in members] == OBSERVATIONS
    for member, name in zip(members, OBSERVATIONS, strict=True):
        (file,) = (folder / "data").glob(f"*{name}*")
        assert (member.location, member.digest) == (str(file), sha256(file))


def test_untraced_copy_is_a_derivation(hess):
    """``copy.deepcopy`` between two calls shows, with the line that did it."""
    (made,) = hess.only("get_observations").generated
    used = next(u for u in hess.only("get_datasets").used if u.role.startswith("observations"))
    (derivation,) = used.entity.derivations
    assert (derivation.progenitor.id, derivation.how) == (made.entity.id, "copied")
    assert "copy.deepcopy(analysis.observations)" in derivation.code.text


def test_no_false_change_is_seen(hess):
    """But for that copy, every derivation is what a step of the analysis did itself."""
    for derivation in hess.provenance.derivations:
        if derivation.how != "copied":
            assert len(derivation.between) == 1, derivation


def test_files_are_known_by_content(hess):
    """model.yaml was read, flux_points.fits was written."""
    model = hess.file("model.yaml")
    assert model.digest == sha256(hess.recorded.folder / "model.yaml")
    assert {usage.activity.name for usage in model.used_by} >= {"read_models"}
    product = hess.file("flux_points.fits")
    assert product.digest == sha256(hess.recorded.folder / "flux_points.fits")
    assert [one.activity.name for one in product.generated_by] == ["FluxPointsDataset.write"]


def test_product_leads_back_to_its_sources(hess):
    """From flux_points.fits to the four event files and model.yaml."""
    product = hess.file("flux_points.fits")
    met = part_of(hess.provenance, product.id).entities.values()
    files = {one.location.rpartition("/")[2] for one in met if one.type == "File" and one.location}
    assert "model.yaml" in files
    assert all(any(name in file for file in files) for name in OBSERVATIONS)


def test_what_one_used_and_another_made_is_one_entity(hess):
    """No activity uses a second entity for what an earlier one generated unchanged."""
    for earlier, later in itertools.pairwise(STEPS[2:]):
        made = {one.entity.id for one in hess.only(earlier).generated}
        used = {one.entity.id for one in hess.only(later).used}
        assert made & used, (earlier, later)


def test_documents_are_valid(hess, tmp_path):
    """PROV-JSON and PROV-N read back equal, with all that prov warns of as errors."""
    from prov.model import ProvDocument

    from provagent.reading.export.document import to_document
    from provagent.reading.export.write import export

    document = to_document(hess.provenance)
    for form in ("json", "provn"):
        export(hess.provenance, form, tmp_path / f"crab.{form}")
        assert ProvDocument.deserialize(str(tmp_path / f"crab.{form}"), format=form) == document
    export(hess.provenance, "json", tmp_path / "ivoa.json", model="ivoa")  # held to its rules
    export(hess.provenance, "votable", tmp_path / "crab.vot")
    votable = pytest.importorskip("astropy.io.votable")
    tables = votable.parse(str(tmp_path / "crab.vot"), verify="exception").iter_tables()
    assert {"Activity", "Parameter", "Used", "ActivityDescription"} <= {
        each.name for each in tables
    }


@pytest.fixture(scope="module")
def example(tmp_path_factory, cache, crab, crab_alone):
    """The example analysis of this repository, on the data that it simulates."""
    recorded = Recorded(tmp_path_factory.mktemp("recorded"), cache)
    shutil.copytree(crab, recorded.folder / "crab")
    script = str(ROOT / "examples" / "crab.py")
    return Runs(None, recorded, crab_alone, recorded.run(script))


def test_example_is_as_without(example):
    """The example prints the same, recorded or not, and has no word of provagent in it."""
    assert example.recorded_done.stdout == example.bare_done.stdout
    assert example.recorded_done.stderr == example.bare_done.stderr
    assert "index" in example.bare_done.stdout
    assert "provagent" not in (ROOT / "examples" / "crab.py").read_text()


def test_example_leads_from_its_product_to_its_inputs(example):
    """Datasets and models are read, flux points are written, and the way between is known."""
    outermost = [activity.name for activity in example.provenance.outermost]
    assert [name for name in outermost if not name.startswith("AnalysisConfig")] == [
        "read_datasets", "run_fit", "get_flux_points", "FluxPointsDataset.write",
    ]  # fmt: skip
    assert example.only("read_models").parent.name == "read_datasets"
    product = example.file("flux_points.fits")
    met = part_of(example.provenance, product.id).entities.values()
    files = {one.location.rpartition("/")[2] for one in met if one.location}
    assert {"datasets.yaml", "models.yaml"} <= files
    assert example.provenance.complaints == []


# What Analysis does: it reads the datasets, each night from its file, hands the models that it
# reads to them, fits both, and estimates flux points of what was fitted. All of this is by the
# configuration, and the fit is the one that the session holds.
CRAB = {
    # the configuration
    "AnalysisConfig.read used config.yaml",
    "AnalysisConfig wasGeneratedBy AnalysisConfig.read",
    "config wasDerivedFrom AnalysisConfig",
    # the datasets
    "read_datasets used config",
    "read_datasets used datasets.yaml",
    "Datasets.read wasStartedBy read_datasets",
    "Datasets.read used datasets.yaml",
    "SpectrumDatasetOnOff.read 1 wasStartedBy Datasets.read",
    "SpectrumDatasetOnOff.read 1 used night-1.fits",
    "MapDataset.read 1 wasStartedBy SpectrumDatasetOnOff.read 1",
    "MapDataset.read 1 used night-1.fits",
    "night-1 wasGeneratedBy MapDataset.read 1",
    "night-1 wasGeneratedBy SpectrumDatasetOnOff.read 1",
    "SpectrumDatasetOnOff.read 2 wasStartedBy Datasets.read",
    "SpectrumDatasetOnOff.read 2 used night-2.fits",
    "MapDataset.read 2 wasStartedBy SpectrumDatasetOnOff.read 2",
    "MapDataset.read 2 used night-2.fits",
    "night-2 wasGeneratedBy MapDataset.read 2",
    "night-2 wasGeneratedBy SpectrumDatasetOnOff.read 2",
    "Datasets hadMember night-1",
    "Datasets hadMember night-2",
    "Datasets wasGeneratedBy Datasets.read",
    # the models, which become those of the datasets
    "read_models wasStartedBy read_datasets",
    "read_models used config",
    "read_models used Datasets",
    "read_models used models.yaml",
    "DatasetModels.read wasStartedBy read_models",
    "DatasetModels.read used models.yaml",
    "Crab 1 wasGeneratedBy DatasetModels.read",
    "Models hadMember Crab 1",
    "Models wasGeneratedBy DatasetModels.read",
    "set_models wasStartedBy read_models",
    "set_models used config",
    "set_models used Datasets",
    "set_models used Models",
    "Crab 2 wasDerivedFrom Crab 1",
    "Crab 2 wasGeneratedBy set_models",
    "models 1 hadMember Crab 2",
    "models 1 wasGeneratedBy set_models",
    "models 1 wasGeneratedBy read_models",
    "datasets 1 wasDerivedFrom Datasets",
    "datasets 1 wasGeneratedBy set_models",
    "datasets 1 wasGeneratedBy read_models",
    "datasets 1 wasGeneratedBy read_datasets",
    # the fit
    "run_fit used config",
    "run_fit used fit",
    "run_fit used datasets 1",
    "run_fit used models 1",
    "Crab 3 wasDerivedFrom Crab 2",
    "Crab 3 wasGeneratedBy run_fit",
    "models 2 hadMember Crab 3",
    "models 2 wasDerivedFrom models 1",
    "models 2 wasGeneratedBy run_fit",
    "datasets 2 wasDerivedFrom datasets 1",
    "datasets 2 wasGeneratedBy run_fit",
    # the flux points
    "get_flux_points used config",
    "get_flux_points used fit",
    "get_flux_points used datasets 2",
    "get_flux_points used models 2",
    "flux_points wasGeneratedBy get_flux_points",
    "FluxPointsDataset.write used flux_points",
    "flux_points.fits wasGeneratedBy FluxPointsDataset.write",
}


def asked(recorded, *words):
    return json.loads(recorded.python("-m", "provagent", *words, "--json").stdout)


def test_example_edge_by_edge(example):
    """What the analysis does, and nothing else; all of it is recorded."""
    assert edges(asked(example.recorded, "why", "crab/flux_points.fits")) == CRAB


@pytest.mark.parametrize("name", ["config.yaml", "datasets.yaml", "models.yaml", *NIGHTS])
def test_example_forth_is_as_back(example, name):
    """What came of an input has the edges of what its product came from."""
    why = asked(example.recorded, "why", "crab/flux_points.fits")
    impact = asked(example.recorded, "impact", f"crab/{name}")
    products = [one for one in impact["nodes"] if one.get("location", "").endswith(".fits")]
    assert "flux_points.fits" in {one["location"].rpartition("/")[2] for one in products}
    assert_inverse(why, impact, str(example.recorded.folder / "crab" / name))


# Observations are selected, copied by the script, reduced and stacked; then as in the example.
HESS = {
    "get_observations used hess-dl3-dr1",
    "DataStore.from_dir wasStartedBy get_observations",
    "DataStore.from_dir used hess-dl3-dr1",
    "DataStore.from_dir used hdu-index.fits.gz",
    "DataStore.from_dir used obs-index.fits.gz",
    "DataStoreIndex wasGeneratedBy DataStore.from_dir",
    "DataStore.get_observations wasStartedBy get_observations",
    "DataStore.get_observations used DataStoreIndex",
    *(f"Observations hadMember {name}" for name in OBSERVATIONS),
    "Observations wasGeneratedBy DataStore.get_observations",
    "Observations wasGeneratedBy get_observations",
    "observations wasDerivedFrom Observations",  # the copy
    "get_datasets used observations",
    *(f"get_datasets used {name}" for name in OBSERVATIONS),
    "stacked wasGeneratedBy get_datasets",
    "datasets 1 hadMember stacked",
    "datasets 1 wasGeneratedBy get_datasets",
    # the models
    "read_models used datasets 1",
    "read_models used model.yaml",
    "DatasetModels.read wasStartedBy read_models",
    "DatasetModels.read used model.yaml",
    "Crab 1 wasGeneratedBy DatasetModels.read",
    "Models hadMember Crab 1",
    "Models wasGeneratedBy DatasetModels.read",
    "set_models wasStartedBy read_models",
    "set_models used datasets 1",
    "set_models used Models",
    "Crab 2 wasDerivedFrom Crab 1",
    "Crab 2 wasGeneratedBy set_models",
    "models 1 hadMember Crab 2",
    "models 1 wasGeneratedBy set_models",
    "models 1 wasGeneratedBy read_models",
    "datasets 2 wasDerivedFrom datasets 1",
    "datasets 2 wasGeneratedBy set_models",
    "datasets 2 wasGeneratedBy read_models",
    # the fit and the flux points
    "run_fit used fit",
    "run_fit used datasets 2",
    "run_fit used models 1",
    "Crab 3 wasDerivedFrom Crab 2",
    "Crab 3 wasGeneratedBy run_fit",
    "models 2 hadMember Crab 3",
    "models 2 wasDerivedFrom models 1",
    "models 2 wasGeneratedBy run_fit",
    "datasets 3 wasDerivedFrom datasets 2",
    "datasets 3 wasGeneratedBy run_fit",
    "get_flux_points used fit",
    "get_flux_points used datasets 3",
    "get_flux_points used models 2",
    "flux_points wasGeneratedBy get_flux_points",
    "FluxPointsDataset.write used flux_points",
    "flux_points.fits wasGeneratedBy FluxPointsDataset.write",
}


def test_real_analysis_edge_by_edge(hess):
    """What the analysis does with its observations; how one was selected is left out here."""
    why = asked(hess.recorded, "why", "flux_points.fits")
    selected = tuple(f"{name} wasGeneratedBy" for name in OBSERVATIONS)
    assert {one for one in edges(why) if not one.startswith(selected)} == HESS
    folder = SHARED / "gammapy-data" / "hess-dl3-dr1"
    (events,) = (folder / "data").glob(f"*{OBSERVATIONS[0]}*")
    model = hess.recorded.folder / "model.yaml"
    for file in (events, folder / "obs-index.fits.gz", folder / "hdu-index.fits.gz", model):
        impact = asked(hess.recorded, "impact", str(file))
        assert "flux_points.fits wasGeneratedBy FluxPointsDataset.write" in edges(impact)
        assert_inverse(why, impact, str(file))


MAPS = """
from gammapy.analysis import Analysis, AnalysisConfig
from gammapy.modeling.models import PointSpatialModel, PowerLawSpectralModel, SkyModel

config = AnalysisConfig.from_yaml('''
general: {log: {level: warning}}
observations: {datastore: $GAMMAPY_DATA/hess-dl3-dr1, obs_ids: [23523, 23526]}
datasets:
  type: 3d
  stack: true
  geom:
    wcs:
      skydir: {frame: icrs, lon: 83.633 deg, lat: 22.014 deg}
      width: {width: 1 deg, height: 1 deg}
      binsize: 0.05 deg
    axes:
      energy: {min: 1 TeV, max: 10 TeV, nbins: 2}
      energy_true: {min: 0.5 TeV, max: 20 TeV, nbins: 4}
  map_selection: [counts, exposure, background, psf, edisp]
  safe_mask: {methods: [offset-max], parameters: {offset_max: 2.5 deg}}
flux_points: {energy: {min: 1 TeV, max: 10 TeV, nbins: 1}, source: crab}
excess_map: {correlation_radius: 0.1 deg}
''')
analysis = Analysis(config)
analysis.get_observations()
str(analysis.observations)
analysis.get_datasets()
print(analysis.datasets)
spatial = PointSpatialModel(lon_0="83.633 deg", lat_0="22.014 deg", frame="icrs")
spatial.parameters.freeze_all()
spectral = PowerLawSpectralModel(amplitude="3e-11 cm-2 s-1 TeV-1", index=2.5)
analysis.set_models([SkyModel(spectral, spatial, name="crab")])
print(analysis.datasets[0].stat_sum(), analysis.datasets[0].npred().data.sum())
analysis.run_fit()
print(analysis.models)
analysis.get_flux_points()
print(analysis.flux_points.data.to_table(sed_type="dnde"))
analysis.get_excess_map()
analysis.get_excess_map()
analysis.datasets[0].counts.data[0, 10, 10] += 1
analysis.get_excess_map()
"""


@pytest.fixture(scope="module")
def maps(tmp_path_factory, cache):
    """An analysis in three dimensions, looked at between its steps, and changed before the last."""
    if not SHARED.is_dir():
        pytest.skip(f"outside material is not at {SHARED}")
    folders = [tmp_path_factory.mktemp(name) for name in ("bare", "recorded")]
    bare, recorded = (Recorded(folder, cache) for folder in folders)
    for one in (bare, recorded):
        one.write("maps.py", MAPS)
    data = {"GAMMAPY_DATA": str(SHARED / "gammapy-data")}
    return Runs(bare, recorded, bare.python("maps.py", **data), recorded.run("maps.py", **data))


def test_maps_are_as_without(maps):
    """The same output, word for word."""
    assert maps.recorded_done.stdout == maps.bare_done.stdout
    assert maps.recorded_done.stderr == maps.bare_done.stderr
    assert maps.provenance.complaints == []


def test_looking_at_maps_is_no_change(maps):
    """What fills gammapy's caches is none; one more count in one pixel is."""
    between = [one for one in maps.provenance.derivations if len(one.between) > 1]
    (changed,) = (one for one in between if one.entity.entity_description == "Datasets")
    assert changed.how == "modified"
    assert changed.code.text == "analysis.datasets[0].counts.data[0, 10, 10] += 1"
    assert {one.code.first_line for one in between} == {changed.code.first_line}
    by = {one.between[0].name for one in maps.provenance.derivations if len(one.between) == 1}
    assert by == {"set_models", "run_fit"}


def test_files_are_those_a_scientist_would_name(tmp_path, cache, crab):
    """The example's inputs and its product: all of them, and no other file."""
    recorded = Recorded(tmp_path, cache)
    shutil.copyfile(ROOT / "examples" / "crab.py", tmp_path / "crab.py")
    shutil.copytree(crab, tmp_path / "crab")
    recorded.run("crab.py")
    files = [one for one in recorded.provenance.entities.values() if one.type == "File"]
    read = {one.location for one in files if not one.generated_by}
    made = {one.location for one in files if one.generated_by}
    inputs = ("config.yaml", "datasets.yaml", "models.yaml", "night-1.fits", "night-2.fits")
    assert read == {str(tmp_path / "crab" / name) for name in inputs}
    assert made == {str(tmp_path / "crab" / "flux_points.fits")}
    assert not any(one.generated_by[1:] for one in files)
