"""The shipped definition of ctapipe: a user's tool with simulated events."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from conftest import Recorded
from prov.model import ProvDocument, ProvGeneration, ProvSpecialization, ProvUsage
from story import parameters, story

pytest.importorskip("ctapipe")

TOOL = '''\
"""Toy showers, calibrated, cleaned, parametrised, reconstructed, and written."""

import astropy.units as u
import numpy as np
from astropy.coordinates import EarthLocation
from astropy.time import Time
from ctapipe.calib import CameraCalibrator
from ctapipe.containers import ArrayEventContainer, ObservationBlockContainer, TriggerContainer
from ctapipe.coordinates import CameraFrame
from ctapipe.core import Tool
from ctapipe.core.traits import Int
from ctapipe.image import ImageProcessor
from ctapipe.image.toymodel import WaveformModel
from ctapipe.instrument import (
    CameraDescription, CameraGeometry, CameraReadout, OpticsDescription, ReflectorShape,
    SizeType, SubarrayDescription, TelescopeDescription,
)
from ctapipe.io import DataWriter
from ctapipe.io.toymodel import ToyEventSource
from ctapipe.reco import ShowerProcessor

geometry = CameraGeometry.make_rectangular(30, 30)
geometry.frame = CameraFrame(focal_length=16.4 * u.m)
pulse = np.exp(-0.5 * ((np.arange(20) - 10) / 3) ** 2)[np.newaxis]
readout = CameraReadout(
    "ToyCam", sampling_rate=1 * u.GHz, reference_pulse_shape=pulse,
    reference_pulse_sample_width=1 * u.ns, n_channels=1, n_pixels=geometry.n_pixels, n_samples=40,
)
optics = OpticsDescription(
    "Toy", SizeType.MST, 1, 16 * u.m, 16.4 * u.m, 100 * u.m**2, 80, ReflectorShape.DAVIES_COTTON
)
telescope = TelescopeDescription("Toy", optics, CameraDescription("ToyCam", geometry, readout))
places = enumerate([(-60, -60, 0), (60, -60, 0), (60, 60, 0), (-60, 60, 0)], 1)
subarray = SubarrayDescription(
    "toys",
    tel_positions={tel_id: np.array(place) * u.m for tel_id, place in places},
    tel_descriptions={tel_id: telescope for tel_id in range(1, 5)},
    reference_location=EarthLocation.from_geodetic(-17.9 * u.deg, 28.8 * u.deg, 2200 * u.m),
)
waveforms = WaveformModel.from_camera_readout(readout)


class ToySource(ToyEventSource):
    """Toys of one observation."""

    is_simulation = False

    @property
    def observation_blocks(self):
        return {1: ObservationBlockContainer(obs_id=1, producer_id="toys")}


def observed(toy):
    """A toy event as a camera would record it."""
    event = ArrayEventContainer(index=toy.index, count=toy.count)
    event.trigger = TriggerContainer(
        time=Time("2026-01-01") + toy.count * u.s, tels_with_trigger=list(toy.dl1.tel)
    )
    event.monitoring.pointing.array_azimuth = 0 * u.rad
    event.monitoring.pointing.array_altitude = 70 * u.deg
    for tel_id, dl1 in toy.dl1.tel.items():
        event.trigger.tel[tel_id].time = event.trigger.time
        pointing = event.monitoring.tel[tel_id].pointing
        pointing.azimuth, pointing.altitude = 0 * u.rad, 70 * u.deg
        charge = dl1.image.clip(0)
        event.dl0.tel[tel_id].waveform = waveforms.get_waveform(
            charge, np.full(charge.size, 20.0), 40
        )
        event.dl0.tel[tel_id].selected_gain_channel = np.zeros(charge.size, int)
    return event


class ToyTool(Tool):
    """Simulate, calibrate, clean, parametrise, reconstruct and write events."""

    name = "toy-process"
    n_events = Int(5, help="Number of events").tag(config=True)
    seed = Int(3, help="Seed of the events").tag(config=True)
    classes = [CameraCalibrator, ImageProcessor, ShowerProcessor, DataWriter]
    aliases = {("o", "output"): "DataWriter.output_path", ("n", "events"): "ToyTool.n_events"}

    def setup(self):
        np.random.seed(self.seed)
        self.source = ToySource(
            subarray, max_events=self.n_events, trigger_probability=1.0,
            min_length_m=0.03, max_length_m=0.06, seed=self.seed,
        )
        self.calibrate = CameraCalibrator(subarray, parent=self)
        self.process_images = ImageProcessor(subarray, parent=self)
        self.reconstruct = ShowerProcessor(subarray, parent=self)
        self.write = self.enter_context(DataWriter(event_source=self.source, parent=self))

    def start(self):
        for toy in self.source:
            event = observed(toy)
            self.calibrate(event)
            self.process_images(event)
            self.reconstruct(event)
            self.write(event)


ToyTool().run()
'''

CONFIG = """\
CameraCalibrator: {image_extractor_type: LocalPeakWindowSum}
DataWriter: {write_dl1_images: true, write_dl1_parameters: true, write_dl2: true}
ImageProcessor:
  image_cleaner_type: TailcutsImageCleaner
  TailcutsImageCleaner: {picture_threshold_pe: 8, boundary_threshold_pe: 4}
"""

# What a user does with the file by the table loader, by hand, and in gammapy.
SELECTION = """\
from ctapipe.image import hillas_parameters, tailcuts_clean
from ctapipe.io import TableLoader, read_table

with TableLoader("toy.dl2.h5") as loader:
    showers = loader.read_subarray_events()
    images = loader.read_telescope_events(dl1_images=True)
    geometry = loader.subarray.tel[1].camera.geometry
image = images["image"][0]
mask = tailcuts_clean(geometry, image, picture_thresh=8, boundary_thresh=4)
print(len(showers), len(images), hillas_parameters(geometry[mask], image[mask]).intensity > 0)
times = read_table("toy.dl2.h5", "/dl1/event/subarray/trigger")["time"]
chosen = showers["event_id", "HillasReconstructor_alt", "HillasReconstructor_az"]
chosen.rename_columns(chosen.colnames, ["EVENT_ID", "ALT", "AZ"])
chosen.meta.clear()
chosen["TIME"] = (times - times[0]).to("s")
chosen["ENERGY"] = 1.0
chosen["ENERGY"].unit = "TeV"
chosen["RA"], chosen["DEC"] = chosen["AZ"], chosen["ALT"]
chosen.meta.update(EXTNAME="EVENTS", MJDREFI=61041, MJDREFF=0.0, TIMEUNIT="s", TIMESYS="tt")
chosen.write("events.fits")
"""

ANALYSIS = """\
from gammapy.data import EventList

events = EventList.read("events.fits")
print(len(events.table))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory, cache):
    """Three programs, each recorded in a folder of its own record, on one another's files."""
    folder = tmp_path_factory.mktemp("ctapipe")
    done = {}
    for name, text in {"tool": TOOL, "selection": SELECTION, "analysis": ANALYSIS}.items():
        run = Recorded(folder, cache)
        run.store = folder / f"prov-{name}"
        run.write(f"{name}.py", text)
        run.write("config.yaml", CONFIG)
        arguments = ["--config=config.yaml", "-o", "toy.dl2.h5", "-n", "4"]
        options = ["--store", str(run.store), f"{name}.py"]
        answer = run.run(*options, *(arguments if name == "tool" else ()))
        assert answer.stderr == "", answer.stderr
        done[name] = run
    return done


def test_tool(runs):
    """The tool with its configuration and files; each step for three events, and the count."""
    lines = [re.sub(r"\[PythonObject[^]]*\]", "", line) for line in story(runs["tool"])]  # settings
    assert lines[0] == (
        "Tool.run: read=config.yaml -> written=toy.dl2.h5 written=toy-process.provenance.log"
    )
    assert lines[1:6] == [
        "  Tool.configure: -> configuration=Configuration-1",
        "  CameraCalibrator: event=Event-1 -> event=Event-2",
        "  ImageProcessor: event=Event-2 -> event=Event-3",
        "  ShowerProcessor: event=Event-3 -> event=Event-4",
        "  DataWriter: event=Event-4 ->",
    ]
    assert len(lines) == 2 + 3 * 4
    (tool,) = [one for one in runs["tool"].provenance.activities.values() if not one.parent]
    skipped = {each.name: each.count for each in tool.skipped_calls}
    steps = ("CameraCalibrator", "ImageProcessor", "ShowerProcessor", "DataWriter")
    assert {name: skipped[name] for name in steps} == dict.fromkeys(steps, 1)
    assert (tool.status, tool.parameters["name"]) == ("ok", "toy-process")
    cleaning = parameters(runs["tool"], "ImageProcessor")["configuration"]
    assert "8.0" in json.dumps(cleaning)


def test_configuration_is_what_the_tool_has_found(runs):
    """Files, arguments and defaults together, as ctapipe itself logs them."""
    text = json.dumps(parameters(runs["tool"], "Tool.configure")["configuration"])
    assert "LocalPeakWindowSum" in text
    assert "n_events" in text


def test_inputs_and_outputs_are_those_that_ctapipe_logs(runs):
    """ctapipe's own log of provenance names no file that the record has not."""
    log = (runs["tool"].folder / "toy-process.provenance.log").read_text()
    (activity,) = json.loads(log)
    logged = {each["url"] for each in (*activity["input"], *activity["output"])}
    (tool,) = [one for one in runs["tool"].provenance.activities.values() if not one.parent]
    known = {each.entity.location for each in (*tool.used, *tool.generated)}
    assert len(logged) == 2
    assert logged <= known


def test_selection(runs):
    """Tables of the file, and an image cleaned and parametrised by hand."""
    assert story(runs["selection"]) == [
        "SubarrayDescription.read: event_file=toy.dl2.h5 -> subarray=Subarray-1",
        "TableLoader.read_subarray_events: event_file=toy.dl2.h5 -> table=Table-1",
        "TableLoader.read_telescope_events: event_file=toy.dl2.h5 -> table=Table-2",
        "tailcuts_clean: image=Image-1 geometry=CameraGeometry-1 -> mask=Mask-1",
        "hillas_parameters: image=Image-2 geometry=CameraGeometry-2 -> hillas=ImageParameters-1",
        "read_table: event_file=toy.dl2.h5 -> table=Table-3",
        "Table.write: table=Table-4 -> file=events.fits",
    ]


def test_one_document_of_three_programs(runs):
    """A file that one has written and another read is one entity of one document, in one vocabulary."""
    document = ProvDocument()
    for run in runs.values():
        options = ("--store", str(run.store), "--to", "json")
        text = run.python("-m", "provagent", "export", *options).stdout
        document.update(ProvDocument.deserialize(content=text))
    bundles = list(document.bundles)
    assert len(bundles) == 3
    for name in ("toy.dl2.h5", "events.fits"):
        data = (runs["tool"].folder / name).read_bytes()
        content = f"content:sha256.{hashlib.sha256(data).hexdigest()}"
        general = [
            (bundle, relation.args[0], relation.args[1])
            for bundle in bundles
            for relation in bundle.get_records(ProvSpecialization)
            if str(relation.args[1]) == content
        ]
        assert len({one for _, _, one in general}) == 1, name
        made = {
            bundle.identifier
            for bundle, entity, _ in general
            if any(each.args[0] == entity for each in bundle.get_records(ProvGeneration))
        }
        used = {
            bundle.identifier
            for bundle, entity, _ in general
            if any(each.args[1] == entity for each in bundle.get_records(ProvUsage))
        }
        assert len(made) == 1, name
        assert used - made, name
    words = [
        {
            attribute.namespace.uri
            for record in bundle.get_records()
            for attribute, _ in record.attributes
        }
        for bundle in bundles
    ]
    assert len(set.union(*words)) == len(set.intersection(*words))
