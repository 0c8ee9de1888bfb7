"""Synthetic events for tests of the read side: a H.E.S.S. analysis of the Crab nebula."""

from __future__ import annotations

import hashlib
import os

import orjson

from provagent.reading.record.build import build

RUN_ID = "20261123T231530-k3f9ab"
PROCESS = "8d2kqx"  # begins with a digit: no XML name could
CHILD = "zz01aa"
ENVIRONMENT_ID = "3fa2b1c4d5e6"
CWD = "/home/maria/crab"
DATA = "/data/hess-dl3-dr1"
OBS_IDS = (23523, 23526, 23559, 23592)

PACKAGES = {f"package-{number}": f"1.{number}" for number in range(200)} | {
    "gammapy": "2.1",
    "astropy": "7.1.1",
    "numpy": "2.3.4",
}
ENVIRONMENT = {
    "environment_id": ENVIRONMENT_ID,
    "python": {"version": "3.13.0", "implementation": "CPython", "executable": "/usr/bin/python"},
    "platform": {"system": "Linux", "release": "6.1", "machine": "x86_64", "libc": "glibc 2.36"},
    "packages": PACKAGES,
    "git": {"root": CWD, "commit": "cd07b82" * 5, "branch": "main", "dirty": True},
    "variables": {"GAMMAPY_DATA": "/data"},
}
COPY = "analysis.observations = copy.deepcopy(analysis.observations)  # not captured"


def digest(text):
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def ident(number, process=PROCESS, run=RUN_ID):
    return f"{run}.{process}.{number}"


def at(seconds):
    minutes, rest = divmod(seconds, 60)
    return f"2026-11-23T23:{15 + int(minutes):02d}:{rest:09.6f}Z"


def event(kind, **fields):
    return {"v": 1, "event": kind, **fields}


class Shard:
    """Collects the events of one process, numbering its things."""

    def __init__(self, process=PROCESS, run=RUN_ID):
        self.process, self.run, self.count, self.events = process, run, 0, []

    def add(self, kind, **fields):
        self.events.append(event(kind, **fields))

    def next_id(self):
        self.count += 1
        return ident(self.count, self.process, self.run)

    def begin(self, start=0.0, parent=None, **fields):
        self.add(
            "run",
            run_id=self.run,
            process_id=self.process,
            **({"parent_process_id": parent} if parent else {}),
            startTime=at(start),
            command=["python", "crab_1d.py", "--source", "Crab nebula"],
            cwd=CWD,
            script={"location": f"{CWD}/crab_1d.py", "digest": digest("crab_1d.py")},
            user="maria",
            host="hpc-07",
            pid=4711,
            environment_id=ENVIRONMENT_ID,
            definitions=[
                {"name": "gammapy", "location": "/d/gammapy.yaml", "digest": digest("gammapy")}
            ],
            software={"provagent": "0.1.0"},
            **fields,
        )

    def end(self, seconds, status="ok"):
        self.add(
            "run_end",
            run_id=self.run,
            process_id=self.process,
            endTime=at(seconds),
            status=status,
        )

    def entity(self, **fields):
        entity_id = self.next_id()
        self.add("entity", entity_id=entity_id, **fields)
        return entity_id

    def file(self, location, **fields):
        fields = {"type": "File", "digest": digest(location), "identified": "file", **fields}
        return self.entity(location=location, size=2880, **fields)

    def thing(self, name, description, **fields):
        named = digest(name + description).replace("sha256:", "identifier:")
        fields = {"digest": named, "identified": "paths", **fields}
        return self.entity(
            type="PythonObject",
            name=name,
            entity_description=description,
            definition="gammapy",
            **{"class": f"gammapy.data:{description}"},
            **fields,
        )

    def activity(self, name, start, *, line=1, used=(), **fields):
        activity_id = self.next_id()
        self.add(
            "activity",
            activity_id=activity_id,
            activity_name=name,
            target=fields.pop("target", f"gammapy.analysis.core:Analysis.{name}"),
            startTime=at(start),
            definition="gammapy",
            thread=140,
            site={"file": f"{CWD}/crab_1d.py", "line": line},
            used=[{"used_id": entity_id, "used_role": role} for entity_id, role in used],
            **fields,
        )
        return activity_id

    def done(self, activity_id, end, *, generated=(), status="ok", **fields):
        self.add(
            "activity_end",
            activity_id=activity_id,
            endTime=at(end),
            status=status,
            generated=[{"generated_id": each, "generated_role": role} for each, role in generated],
            **fields,
        )


DESCRIPTIONS = [
    {
        "definition": "gammapy",
        "activity": {
            "name": "get_observations",
            "description": "Select the observations of a data store",
            "type": "Selection",
            "parameters": [
                {"name": "obs_ids", "value": "config.observations.obs_ids", "ucd": "meta.id"},
                {
                    "name": "max radius",
                    "value": "config.radius",
                    "unit": "deg",
                    "datatype": "float",
                },
            ],
            "usage": [
                {"role": "datastore", "entity_description": "DataStore", "multiplicity": "1"}
            ],
            "generation": [{"role": "observations", "entity_description": "Observations"}],
        },
    },
    {"definition": "gammapy", "activity": {"name": "run_fit", "type": "Analysis"}},
    {
        "definition": "gammapy",
        "entity": {
            "name": "DataStore",
            "description": "Index of a set of observations",
            "type": "FileCollection",
            "contentType": "application/fits",
        },
    },
    {"definition": "gammapy", "entity": {"name": "Observations", "type": "PythonObject"}},
    {"definition": "gammapy", "entity": {"name": "NeverUsed", "type": "File"}},
]


def crab_shard():
    """Events of the one process of the analysis: seven activities, one untraced copy."""
    shard = Shard()
    shard.begin()
    for description in DESCRIPTIONS:
        shard.add("description", **description)
    session = shard.next_id()
    shard.add(
        "session",
        session_id=session,
        module="gammapy.analysis.core",
        startTime=at(1),
        configuration={"general": {"log": {"level": "info"}}, "fit": {"min": "0.8 TeV"}},
        site={"file": f"{CWD}/crab_1d.py", "line": 20},
        **{"class": "Analysis"},
    )
    store = shard.entity(
        type="FileCollection",
        entity_description="DataStore",
        definition="gammapy",
        location=DATA,
        digest=digest("obs-index"),
        identified="file",
    )
    selecting = shard.activity(
        "get_observations",
        2,
        line=21,
        session_id=session,
        used=[(store, "datastore")],
        parameters={
            "datastore": {"$type": "path", "value": DATA},
            "obs_ids": list(OBS_IDS),
            "required_irf": ["aeff", "edisp"],
            "max radius": {"$type": "quantity", "value": 2.5, "unit": "deg"},
        },
    )
    members = [
        shard.file(
            f"{DATA}/data/hess_dl3_dr1_obs_id_0{obs_id}.fits.gz",
            name=str(obs_id),
            namespace="obs",
            entity_description="Observation",
        )
        for obs_id in OBS_IDS
    ]
    selected = shard.thing(
        "observations", "Observations", members=[{"member_id": member} for member in members]
    )
    shard.done(selecting, 4.25, generated=[(selected, "observations")])
    copied = shard.thing(
        "observations", "Observations", members=[{"member_id": member} for member in members]
    )
    reducing = shard.next_id()
    shard.add(
        "derivation",
        entity_id=copied,
        progenitor_id=selected,
        how="copied",
        between=[selecting, reducing],
        code={"file": f"{CWD}/crab_1d.py", "first_line": 22, "last_line": 22, "text": COPY},
    )
    shard.add(
        "activity",
        activity_id=reducing,
        activity_name="get_datasets",
        target="gammapy.analysis.core:Analysis.get_datasets",
        startTime=at(5),
        definition="gammapy",
        session_id=session,
        thread=140,
        site={"file": f"{CWD}/crab_1d.py", "line": 23},
        used=[{"used_id": copied, "used_role": "observations"}],
    )
    datasets = shard.thing("datasets", "Datasets")
    shard.done(reducing, 31.5, generated=[(datasets, "datasets")])
    model_file = shard.file(f"{CWD}/model.yaml", contentType="application/yaml")
    reading = shard.activity(
        "read_models", 32, line=24, session_id=session, used=[(model_file, "models file")]
    )
    setting = shard.activity("set_models", 32.5, line=310, session_id=session, parent_id=reading)
    models = shard.thing("models", "Models")
    shard.done(setting, 32.75, generated=[(models, "models")])
    shard.done(reading, 33)
    fitting = shard.activity(
        "run_fit",
        34,
        line=25,
        session_id=session,
        used=[(datasets, "datasets"), (models, "models")],
        parameters={"tolerance": 0.1, "verbose": False, "backend": "minuit", "seed": None},
    )
    fit = shard.thing("fit_result", "FitResult")
    shard.done(fitting, 40.125, generated=[(fit, "fit result")])
    computing = shard.activity(
        "get_flux_points", 41, line=26, session_id=session, used=[(datasets, "datasets"), (models, "models"), (fit, "fit result")]
    )  # fmt: skip
    points = shard.thing("flux_points", "FluxPointsDataset")
    shard.done(computing, 55, generated=[(points, "flux points")])
    writing = shard.activity(
        "write",
        56,
        line=27,
        target="gammapy.estimators:FluxPoints.write",
        used=[(points, "flux points")],
        parameters={"filename": {"$type": "path", "value": "flux_points.fits"}, "overwrite": True},
    )
    product = shard.file(f"{CWD}/flux_points.fits", contentType="application/fits")
    shard.done(writing, 56.5, generated=[(product, "flux points file")])
    shard.end(57)
    return shard


def child_shard():
    """Events of a process that the analysis starts: it reads what the parent wrote, and fails."""
    shard = Shard(CHILD)
    shard.begin(56.6, parent=PROCESS)
    product = shard.file(f"{CWD}/flux_points.fits")
    plotting = shard.activity("plot", 56.7, used=[(product, "flux points")], target="plots:plot")
    error = {"type": "ValueError", "message": "no such axis: [bold]energy[/bold]"}
    shard.done(plotting, 56.8, status="error", error=error)
    shard.add(
        "complaint",
        target="plots:plot",
        stage="identify",
        what="cannot identify a Figure",
        time=at(56.75),
        count=2,
    )
    shard.end(56.9, status="error")
    return shard


def environment_events():
    return [event("environment", **ENVIRONMENT)]


def crab_events():
    return [*crab_shard().events, *environment_events()]


def crab():
    return build(crab_events())


def crab_with_child():
    return build([*crab_events(), *child_shard().events])


def named(provenance, name):
    """The first activity of that name."""
    return next(each for each in provenance.activities.values() if each.name == name)


def at_location(provenance, end):
    """The one entity whose location ends so."""
    (found,) = (
        each for each in provenance.entities.values() if (each.location or "").endswith(end)
    )
    return found


def lines(events):
    return b"".join(orjson.dumps(each) + b"\n" for each in events)


def write_run(store, *shards, run=RUN_ID):
    """Write shards, and the environment, into a store as the recorder does."""
    folder = os.path.join(store, run)
    os.makedirs(folder, exist_ok=True)
    for shard in shards or (crab_shard(),):
        with open(os.path.join(folder, f"{shard.process}.jsonl"), "wb") as file:
            file.write(lines(shard.events))
    with open(os.path.join(folder, f"environment-{ENVIRONMENT_ID}.jsonl"), "wb") as file:
        file.write(lines(environment_events()))
    return folder
