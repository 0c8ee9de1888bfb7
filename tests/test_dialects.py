"""Programs with a definition in each older dialect: the record follows the dialect."""

from __future__ import annotations

import hashlib

import pytest
import yaml
from dialects import ANALYSIS, OLDER, OLDEST, PUBLISHED

SCRIPT = """
from subject import Analysis
analysis = Analysis({prefix!r})
{steps}
"""
# Which calls there are in a dialect, in their order.
STEPS = {
    "get_observations": "analysis.get_observations()",
    "reduce": "analysis.reduce()",
    "get_datasets": "analysis.get_datasets()",
    "set_model": "analysis.set_model(filename='model.yaml')",
    "read_models": "analysis.read_models(path='model.yaml')",
    "set_models": "analysis.set_models(models=analysis.models)",
    "fit": "analysis.fit({'tol': 0.1})",
    "run_fit": "analysis.run_fit(optimize_opts={'tol': 0.1})",
    "get_flux_points": "analysis.get_flux_points('crab')",
}
OF_ANALYSIS = sorted(
    file.name for file in OLDER.glob("[0-9][0-9]_*.yaml")
    if "lstosa" not in file.name and "toplevel" not in file.name
)  # fmt: skip


@pytest.fixture(params=["own", "published"])
def corpus(request):
    """The folder of older definitions."""
    if request.param == "published":
        request.getfixturevalue("shared")
        return PUBLISHED
    return OLDER


def activities_of(path):
    """The activities of a definition, by hand: as YAML has them."""
    raw = yaml.safe_load(path.read_text())
    key = next(key for key in raw if key.startswith("activit"))
    return raw[key]


class Record:
    """What one run recorded, by the names of activities and roles."""

    def __init__(self, recorded):
        self.events = recorded.events()
        self.activities = [each for each in self.events if each["event"] == "activity"]
        self.entities = {}
        for each in self.events:
            if each["event"] == "entity":
                self.entities.setdefault(each["entity_id"], {}).update(each)
        self.ends = {
            each["activity_id"]: each for each in self.events if each["event"] == "activity_end"
        }
        self.complaints = [each for each in self.events if each["event"] == "complaint"]

    def activity(self, name):
        return [each for each in self.activities if each["activity_name"] == name][-1]

    def used(self, name):
        pairs = self.activity(name).get("used", ())
        return {each["used_role"]: self.entities[each["used_id"]] for each in pairs}

    def made(self, name):
        pairs = self.ends[self.activity(name)["activity_id"]].get("generated", ())
        return {each["generated_role"]: self.entities[each["generated_id"]] for each in pairs}

    def members(self, entity):
        return [self.entities[each["member_id"]] for each in entity["members"]]

    def progenitors(self, entity, how="declared"):
        return [
            self.entities[each["progenitor_id"]] for each in self.events
            if each["event"] == "derivation" and each["entity_id"] == entity["entity_id"]
            and each["how"] == how
        ]  # fmt: skip


@pytest.fixture
def analyse(recorded, corpus):
    """Run the analysis under a definition of the corpus, and return its record."""

    def run(name, *, source=ANALYSIS, prefix="", targets=False):
        for each in ("23523", "23526"):
            recorded.write(f"store/{each}.fits", each)
        recorded.write("store/obs-index.fits.gz", "index")
        recorded.write("mask.fits", "mask")
        recorded.write("model.yaml", "a model")
        recorded.write("subject.py", source)
        steps = [STEPS[each] for each in _called(corpus / name)]
        recorded.write("prog.py", SCRIPT.format(prefix=prefix, steps="\n".join(steps)))
        if targets:
            text = (corpus / name).read_text() + "\ntargets: ['subject:Analysis']\n"
            recorded.write("old.yaml", text)
            done = recorded.run("--definition", "old.yaml", "prog.py")
        else:
            options = ("--definition", str(corpus / name), "--target", "subject:Analysis")
            done = recorded.run(*options, "prog.py")
        for line in done.stderr.splitlines():
            assert "is used 2 times" in line, line
        return Record(recorded)

    return run


def _called(path):
    raw = yaml.safe_load(path.read_text())
    described = activities_of(path) if "get_observations" not in raw else raw
    return [step for step in STEPS if step in described]


def walked(path, call):
    """The value at a path of names, by hand; what is called is text, whatever it says."""
    namespace = {}
    exec(ANALYSIS, namespace)
    path = path.removeprefix("self.")
    word = path.rpartition(".")[2]
    if word in call:
        return call[word]
    value = {"settings": namespace["SETTINGS"]}
    for part in path.split("."):
        value = value[part]
    return value


# What the analysis has not made when a definition asks for it, or was not given.
ABSENT = {
    ("02", "reduce"): {"fit_results"},
    ("05", "set_model"): {"fit_result"},
    ("18", "get_observations"): {"obslist_file"},
}
ARGUMENTS = {
    "set_model": {"model": None, "filename": "model.yaml"},
    "fit": {"optimize_opts": {"tol": 0.1}},
    "run_fit": {"optimize_opts": {"tol": 0.1}},
    "get_flux_points": {"source": "crab"},
}


@pytest.mark.parametrize("name", OF_ANALYSIS)
def test_each_dialect_records_all_that_it_declares(analyse, corpus, name):
    """Each activity that is called has the parameters, with values, and the roles it declares."""
    record = analyse(name)
    for activity, raw in activities_of(corpus / name).items():
        called = record.activity(activity)
        assert called["target"] == f"subject:Analysis.{activity}"
        for one in raw.get("parameters") or ():
            path = one.get("value") or one.get("location")
            word = one.get("name") or path.rpartition(".")[2]
            assert word in called["parameters"], (activity, word)
            if "config" not in path and path not in (
                "model",
                "filename",
                "kwargs.path",
                "kwargs.models",
            ):
                assert called["parameters"][word] == walked(path, ARGUMENTS.get(activity, {}))
        for key, found in (("usage", record.used), ("generation", record.made)):
            declared = [one["role"] for one in raw.get(key) or ()]
            absent = ABSENT.get((name[:2], activity), set())
            assert set(found(activity)) == set(declared) - absent, (activity, key)
    assert record.complaints == []


def sha256(text):
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


INDEX, MASK, MODEL = sha256("index"), sha256("mask"), sha256("a model")


@pytest.mark.parametrize("targets", [False, True], ids=["--target", "targets:"])
def test_activities_at_the_top(analyse, tmp_path, targets):
    """01: every method is an activity, described or not; what lies at a path is a file's place."""
    record = analyse("01_logprov_toplevel_activities.yaml", source=OLDEST, targets=targets)
    names = [each["activity_name"] for each in record.activities]
    assert names == ["get_observations", "reduce", "fit", "get_flux_points"]
    store = record.used("get_observations")["datastore"]
    assert (store["type"], store["location"]) == ("File", str(tmp_path / "store"))
    assert store["digest"].startswith("sha256:")
    assert all("used" not in each for each in record.activities[1:])
    assert {
        each["activity"]["name"] for each in record.events if each["event"] == "description"
    } == set(names)


@pytest.mark.parametrize(
    "name", ["02_logprov_location_from_parameter.yaml", "03_logprov_from_parameter.yaml"]
)
@pytest.mark.parametrize("targets", [False, True], ids=["--target", "targets:"])
def test_locations_from_parameters(analyse, tmp_path, name, targets):
    """02, 03: a parameter's value is where the file lies; objects are placed by location, too."""
    record = analyse(name, targets=targets)
    parameters = record.activity("get_observations")["parameters"]
    store = record.used("get_observations")["datastore"]
    assert store["location"] == str(tmp_path / parameters["datastore_path"])
    assert (store["type"], store["entity_description"]) == ("File", "DataStore")
    mask = record.used("reduce")["exclusion_region"]
    assert (mask["location"], mask["digest"]) == (str(tmp_path / "mask.fits"), MASK)
    made = record.made("get_observations")["observations"]
    assert (made["type"], made["class"]) == ("PythonObject", "subject:Observations")
    assert "location" not in made
    assert record.used("reduce")["observations"] == made
    assert record.made("reduce")["bkg_estimate"]["value"] == 7


@pytest.mark.parametrize(
    "name", ["04_logprov_from_parameter_members.yaml", "05_logprov_entityTypes_location.yaml"]
)
def test_members_at_their_location(analyse, name):
    """04, 05: each item of the list is a member; a number at a location is what it is called."""
    record = analyse(name)
    members = record.members(record.made("get_observations")["observations"])
    assert [each["entity_description"] for each in members] == ["Observation"] * 2
    assert [each["name"] for each in members] == ["23523", "23526"]
    assert {each["class"] for each in members} == {"subject:Observation"}


@pytest.mark.parametrize(
    "name",
    [
        "06_logprov_entityTypes_value.yaml",
        "07_logprov_entities_entityType.yaml",
        "08_logprov_entityName.yaml",
    ],
)
def test_members_by_name_and_roles_that_are_sentences(analyse, name):
    """06 - 08: members are called by their id, in the namespace that they have."""
    record = analyse(name)
    assert "observations selected" in record.made("get_observations")
    assert "calculated flux points dataset" in record.made("get_flux_points")
    members = record.members(record.made("get_observations")["observations selected"])
    assert [each["name"] for each in members] == ["23523", "23526"]
    assert {each["class"] for each in members} == {"subject:Observation"}
    assert record.used("set_model")["model_file"]["digest"] == MODEL
    assert record.activity("get_flux_points")["parameters"]["source"] == "crab"
    assert record.activity("get_datasets")["parameters"]["offset-max"] == "2.5 deg"


def test_folder_is_known_by_its_index(analyse, tmp_path):
    """07 and later: a FileCollection's content is that of its index file."""
    record = analyse("07_logprov_entities_entityType.yaml")
    store = record.used("get_observations")["datastore"]
    assert (store["type"], store["digest"]) == ("FileCollection", INDEX)
    assert store["location"] == str(tmp_path / "store")


@pytest.mark.parametrize(
    "name", ["09_logprov_is_derived_from.yaml", "10_logprov_is_derived_from_mixed.yaml"]
)
def test_is_derived_from(analyse, name):
    """09, 10: each item of the list is a progenitor; members that are files have their content."""
    record = analyse(name)
    (datasets,) = (v for k, v in record.made("get_datasets").items() if "datasets" in k)
    progenitors = record.progenitors(datasets)
    assert [each["name"] for each in progenitors] == ["23523", "23526"]
    assert {each["namespace"] for each in progenitors} == {"gamma-dl3"}
    assert {each["class"] for each in progenitors} == {"subject:Dataset"}
    (observations,) = record.made("get_observations").values()
    located = record.members(observations)
    assert [each["location"].rpartition("/")[2] for each in located] == ["23523.fits", "23526.fits"]


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("11_logprov_has_progenitors_mixed.yaml", ""),
        ("12_logprov_overwrite.yaml", "obs_"),
        ("13_logprov_has_progenitors.yaml", ""),
    ],
)
def test_progenitors_are_the_entities_of_that_name(analyse, name, prefix):
    """11 - 13: the datasets came from the observations that were called so before."""
    record = analyse(name, prefix=prefix)
    (observations,) = record.made("get_observations").values()
    datasets = record.made("get_datasets")["reduced_datasets"]
    assert record.progenitors(datasets) == record.members(observations)
    assert [each["name"] for each in record.members(observations)] == ["23523", "23526"]


def test_what_is_overwritten_is_a_new_version(analyse):
    """12: the same object, before and after; the later came from the earlier."""
    record = analyse("12_logprov_overwrite.yaml", prefix="obs_")
    first = record.made("get_datasets")["reduced_datasets"]
    second = record.made("set_model")["datasets_with_model"]
    third = record.made("run_fit")["datasets_with_fitted_model"]
    assert len({each["entity_id"] for each in (first, second, third)}) == 3
    assert record.progenitors(second, "modified") == [first]
    assert record.progenitors(third, "modified") == [second]
    assert record.used("get_flux_points")["datasets"] == third


@pytest.mark.parametrize(
    "name",
    [
        "14_logprov_entityName_members.yaml",
        "15_logprov_activity_description_singular.yaml",
        "16_logprov_activity_descriptions_plural.yaml",
        "17_logprov_HEAD_namespaces.yaml",
    ],
)
@pytest.mark.parametrize("targets", [False, True], ids=["--target", "targets:"])
def test_the_newest_older_ones(analyse, name, targets):
    """14 - 17: parameters without a name, members that are files, what is made of what is used."""
    record = analyse(name, targets=targets)
    observations = record.made("get_observations")["observations_selected"]
    members = record.members(observations)
    assert [each["digest"] for each in members] == [sha256("23523"), sha256("23526")]
    assert {each["namespace"] for each in members} == {"gamma-events"}
    datasets = record.made("get_datasets")["reduced_datasets"]
    assert [each["name"] for each in record.members(datasets)] == ["23523", "23526"]
    assert record.used("get_datasets")["observations_selected"] == observations
    fitted = record.made("run_fit")
    changed = next(each for role, each in fitted.items() if role.startswith("datasets"))
    assert record.progenitors(changed, "modified") == [record.used("run_fit")["datasets"]]
    assert record.activity("run_fit")["parameters"]["optimize_opts"] == {"tol": 0.1}


def test_the_branch_of_gammapy(analyse):
    """18: texts of what is called, and one progenitor, which is what was used."""
    record = analyse("18_gammapy_Bultako_prov_branch.yaml")
    parameters = record.activity("get_observations")["parameters"]
    assert (parameters["datastore_path"], parameters["obs_cone"]) == ("store", '"cone"')
    assert record.used("get_observations")["datastore"]["digest"] == INDEX
    datasets = record.made("get_datasets")["reduced_datasets"]
    assert record.progenitors(datasets) == [record.used("get_datasets")["observations_selected"]]
    assert len(record.members(datasets)) == 2
    inner = record.activity("set_models")
    assert record.made("read_models")["initial_models"]["class"] == "subject:Made"
    assert inner["parameters"]["models"]["$type"] == "object"


def values_of(activities):
    """Every name at which a definition of lstosa looks for a value; files by their role."""
    files, numbers = {"used": set(), "made": set()}, set()
    for raw in activities.values():
        numbers |= {one["value"] for one in raw.get("parameters") or ()}
        files["used"] |= {one["value"] for one in raw.get("usage") or () if one}
        files["made"] |= {one["value"] for one in raw.get("generation") or ()}
    files["used"] -= files["made"]
    return files, numbers


WRITE = """
def write():
    for value in held.values():
        if value.startswith("made/"):
            with open(value, "w") as stream:
                stream.write(value)
"""
OF_LSTOSA = ["19_lstosa_filepath.yaml", "20_lstosa_empty_lists.yaml", "21_lstosa_HEAD.yaml"]


@pytest.mark.parametrize("place", ["function", "argument", "global"])
@pytest.mark.parametrize("name", OF_LSTOSA)
def test_variables_of_lstosa(recorded, corpus, name, place):
    """19 - 21: a name is an attribute of the function, an argument, or a global of the module."""
    activities = activities_of(corpus / name)
    files, numbers = values_of(activities)
    held = {each: each for each in sorted(numbers)}
    held |= {each: f"made/{each}" for each in sorted(files["made"])}
    held |= {each: f"raw/{each}" for each in sorted(files["used"])}
    for each in files["used"]:
        recorded.write(f"raw/{each}", each)
    (recorded.folder / "made").mkdir()
    takes = ", ".join(f"{key}=None" for key in held) if place == "argument" else ""
    gives = "**held" if place == "argument" else ""
    source = f"held = {held!r}\n" + WRITE
    source += "globals().update(held)\n" if place == "global" else ""
    source += "".join(f"def {each}({takes}): write()\n" for each in activities)
    recorded.write("subject.py", source)
    script = "import subject\nfrom subject import held\n"
    for each in activities:
        script += f"vars(subject.{each}).update(held)\n" if place == "function" else ""
        script += f"subject.{each}({gives})\n"
    recorded.write("prog.py", script)
    recorded.run("--definition", str(corpus / name), "--target", "subject", "prog.py")
    record = Record(recorded)
    for activity, raw in activities.items():
        parameters = {one["name"]: one["value"] for one in raw.get("parameters") or ()}
        assert record.activity(activity).get("parameters", {}) == parameters
        for key, found in (("usage", record.used), ("generation", record.made)):
            there = found(activity)
            for one in raw.get(key) or ():
                if one is None:
                    continue
                entity = there[one["role"]]
                assert entity["type"] == "File"
                assert entity["location"].endswith("/" + one["value"])
                content = one["value"] if one["value"] in files["used"] else f"made/{one['value']}"
                assert entity.get("missing") or entity["digest"] == sha256(content)
    assert record.complaints == []
    assert any("digest" in each for each in record.made(next(iter(activities))).values())


SETS = """
activities:
  merge:
    usage:
      - {role: "DL1 Collection", entityName: DL1Collection, value: folder}
      - role: "DL2 Collection"
        entityName: DL1Collection
        value: files
        has_members: {entityName: HDF5File}
    generation:
entities:
  DL1Collection: {description: Set of DL1 files for a given run, type: SetCollection}
  HDF5File: {type: File, contentType: application/x-hdf}
"""


def test_sets_of_files(recorded):
    """A SetCollection is a folder, or a list of files: each of which is a member."""
    for each in ("one", "two"):
        recorded.write(f"dl1/{each}.h5", each)
    recorded.write("subject.py", "def merge(folder, files): pass\n")
    recorded.write(
        "prog.py", "import subject\nsubject.merge('dl1', ['dl1/one.h5', 'dl1/two.h5'])\n"
    )
    recorded.write("old.yaml", SETS)
    recorded.run("--definition", "old.yaml", "--target", "subject:merge", "prog.py")
    record = Record(recorded)
    used = record.used("merge")
    folder, listed = used["DL1 Collection"], used["DL2 Collection"]
    assert {folder["type"], listed["type"]} == {"FileCollection"}
    assert folder["digest"].startswith("sha256:")
    members = record.members(listed)
    assert [each["digest"] for each in members] == [sha256("one"), sha256("two")]
    assert {each["contentType"] for each in members} == {"application/x-hdf"}
