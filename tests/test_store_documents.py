"""Why and impact across runs, compared with a simple search in the PROV documents of the runs.

The search uses PROV-JSON only: generations, usages, derivations, members, starts, and the content of
which an entity is a specialization.
"""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from read_side import Shard, at, digest, write_run

from provagent.reading.export.write import rendered
from provagent.reading.record.build import build
from provagent.reading.store.encoding import unpacked
from provagent.reading.store.index import open_index
from provagent.reading.store.lineage_graph import downstream, upstream

PATHS = ["/a", "/b", "/c"]


class World:
    """What lies on a disk, and the runs that work on it; each thing is told as the recorder does."""

    def __init__(self):
        self.disk = {"/a": "first", "/b": "second"}
        self.clock = 0
        self.fresh = 0
        self.runs = []

    def tick(self):
        self.clock += 1
        return self.clock

    def content(self, old):
        """New bytes, or such as were there before."""
        self.fresh += 1
        return old if old is not None else f"content {self.fresh}"

    def begin_run(self):
        self.runs.append([])
        self.begin_process()

    def begin_process(self):
        shards, number = self.runs[-1], len(self.runs)
        shard = Shard(
            process=f"p{number}{len(shards)}", run=f"2026010{number}T000000-aaaaa{number}"
        )
        shard.known, shard.objects = {}, []
        shard.begin(self.tick(), parent=shards[0].process if shards else None)
        shards.append(shard)

    def file(self, path):
        """The entity of a file as it lies there: the one that is known, or a new one."""
        key = path, self.disk[path]
        shard = self.runs[-1][-1]
        if key not in shard.known:
            shard.known[key] = shard.entity(type="File", location=path, digest=digest(key[1]), identified="file")  # fmt: skip
        return shard.known[key]

    def written(self, path, content):
        self.disk[path] = content
        self.runs[-1][-1].known.pop((path, content), None)
        return self.file(path)

    def step(self, kind, one, two, old):
        shard = self.runs[-1][-1]
        there = [path for path in (one, two) if path in self.disk]
        if kind == "move" and one in self.disk:
            self.disk[two] = self.disk.pop(one)
        elif kind == "copy" and one in self.disk:
            self.disk[two] = self.disk[one]
        elif kind == "run":
            self.begin_run()
        elif kind == "process":
            self.begin_process()
        elif kind == "make":  # in place, where both are one
            activity = shard.activity("make", self.tick(), used=[(self.file(path), "in") for path in there[:1]])  # fmt: skip
            made = self.written(two, self.content(old))
            shard.done(activity, self.tick(), generated=[(made, "out")])
        elif kind == "notice":  # read and written within an activity that tells neither
            activity = shard.activity("notice", self.tick())
            for path in there[:1]:
                self.noticed(self.file(path), "read", activity)
            self.noticed(self.written(two, self.content(old)), "written", activity)
            shard.done(activity, self.tick())
        elif kind == "inside":
            outer = shard.activity("outer", self.tick(), used=[(self.file(path), "in") for path in there[1:]])  # fmt: skip
            inner = shard.activity("inner", self.tick(), parent_id=outer, used=[(self.file(path), "in") for path in there[:1]])  # fmt: skip
            shard.done(inner, self.tick())
            shard.done(outer, self.tick(), generated=[(self.written(two, self.content(old)), "out")])  # fmt: skip
        elif kind == "object":
            used = [(self.file(path), "in") for path in there] + [(thing, "object") for thing in shard.objects[-1:]]  # fmt: skip
            activity = shard.activity("object", self.tick(), used=used)
            shard.objects.append(self.thing("thing"))
            shard.done(activity, self.tick(), generated=[(shard.objects[-1], "out")])
        elif kind == "changed" and shard.objects:
            before = shard.objects[-1]
            shard.objects.append(self.thing("thing"))
            shard.add("derivation", entity_id=shard.objects[-1], progenitor_id=before, how="modified")  # fmt: skip
        elif kind == "collect":  # what is generated has members, which nothing generated
            activity = shard.activity("collect", self.tick(), used=[(thing, "object") for thing in shard.objects[-1:]])  # fmt: skip
            members = [{"member_id": self.thing("member")} for _ in range(2)]
            shard.objects.append(self.thing("collection", members=members))
            shard.done(activity, self.tick(), generated=[(shard.objects[-1], "out")])
            shard.objects.append(members[0]["member_id"])
        elif kind == "folder" and there:  # what is used has members, which others made
            members = [{"member_id": one} for one in dict.fromkeys(map(self.file, there))]
            folder = shard.entity(type="FileCollection", location="/", digest=digest("".join(f"{path} {self.disk[path]} " for path in dict.fromkeys(there))), identified="file", members=members)  # fmt: skip
            activity = shard.activity("folder", self.tick(), used=[(folder, "in")])
            shard.objects.append(self.thing("thing"))
            shard.done(activity, self.tick(), generated=[(shard.objects[-1], "out")])
        elif kind == "save" and shard.objects:
            activity = shard.activity("save", self.tick(), used=[(shard.objects[-1], "object")])
            shard.done(activity, self.tick(), generated=[(self.written(two, self.content(old)), "out")])  # fmt: skip

    def noticed(self, entity, mode, activity):
        self.runs[-1][-1].add("file", entity_id=entity, mode=mode, time=at(self.tick()), activity_id=activity)  # fmt: skip

    def thing(self, name, **keys):
        self.fresh += 1
        return self.runs[-1][-1].entity(type="PythonObject", name=name, digest=digest(f"object {self.fresh}"), identified="content", distinctive=True, **keys)  # fmt: skip


class Documents:
    """The PROV-JSON of runs, and the walk through it."""

    def __init__(self, texts):
        self.made, self.uses, self.users, self.origins, self.members, self.collections = {}, {}, {}, {}, {}, {}  # fmt: skip
        self.content, self.keys, self.files, self.end, self.parent, self.children = {}, {}, set(), {}, {}, {}  # fmt: skip
        self.first_use, self.process = {}, set()
        for run, text in enumerate(texts):
            (bundle,) = json.loads(text)["bundle"].values()
            self.read(bundle, lambda name, run=run: (run, name))

    def read(self, bundle, name):
        for key, one in bundle["activity"].items():
            self.end[name(key)] = one.get("prov:endTime") or one["prov:startTime"]
            if "provagent:Process" in json.dumps(one.get("prov:type")):
                self.process.add(name(key))
        for key, one in bundle["entity"].items():
            if ":entity." in key:
                self.keys[name(key)] = one.get("prov:location") or one.get("voprov:name")
                if "File" in json.dumps(one.get("provagent:type", one.get("prov:type"))) or "prov:location" in one:  # fmt: skip
                    self.files.add(name(key))
        for one in bundle.get("specializationOf", {}).values():
            self.content[name(one["prov:specificEntity"])] = one["prov:generalEntity"]
        for one in bundle.get("wasGeneratedBy", {}).values():
            self.made.setdefault(name(one["prov:entity"]), set()).add(name(one["prov:activity"]))
        for one in bundle.get("used", {}).values():
            activity, entity = name(one["prov:activity"]), name(one["prov:entity"])
            start = bundle["activity"][one["prov:activity"]]["prov:startTime"]
            self.uses.setdefault(activity, set()).add(entity)
            self.first_use[entity] = min(start, self.first_use.get(entity, start))
        for one in bundle.get("wasDerivedFrom", {}).values():
            self.origins.setdefault(name(one["prov:generatedEntity"]), set()).add(name(one["prov:usedEntity"]))  # fmt: skip
        for one in bundle.get("hadMember", {}).values():
            inside = one["prov:entity"]
            for each in inside if isinstance(inside, list) else [inside]:
                self.members.setdefault(name(one["prov:collection"]), set()).add(name(each))
                self.collections.setdefault(name(each), set()).add(name(one["prov:collection"]))
        for one in bundle.get("hadMember", {}).values():  # who uses a collection uses what is in it
            inside, used = one["prov:entity"], self.first_use.get(name(one["prov:collection"]))
            for each in map(name, inside if isinstance(inside, list) else [inside]):
                if used is not None:
                    self.first_use[each] = min(used, self.first_use.get(each, used))
        for one in bundle.get("wasStartedBy", {}).values():
            child, parent = name(one["prov:activity"]), name(one["prov:starter"])
            self.parent[child] = parent
            self.children.setdefault(parent, set()).add(child)

    def makers(self, entity):
        if entity in self.made or entity in self.origins:
            return self.made.get(entity, set())
        return {maker for one in self.collections.get(entity, ()) for maker in self.made.get(one, ())}  # fmt: skip

    def elsewhere(self, entity):
        if entity not in self.files or entity not in self.content:
            return set()
        before = [
            (self.keys[other] == self.keys[entity], max(self.end[maker] for maker in makers), other)
            for other, makers in self.made.items()
            if other in self.files and self.content.get(other) == self.content[entity]
        ]
        limit = self.first_use.get(entity)
        sooner = min([limit, *self.met_sooner(entity)], key=lambda time: time or "~")
        before = [one for one in before if (limit if one[0] else sooner) is None or one[1] <= (limit if one[0] else sooner)]  # fmt: skip
        return {max(before)[2]} if before else set()

    def met_sooner(self, entity):
        """When other processes of the run used the same bytes at the same path."""
        own = self.processes_of(entity)
        for other, time in self.first_use.items():
            if other in self.files and other[0] == entity[0] and self.key(other) == self.key(entity) and not own & self.processes_of(other):  # fmt: skip
                yield time

    def processes_of(self, entity):
        inside = {entity, *self.collections.get(entity, ())}
        return {self.process_of(activity) for activity, used in self.uses.items() if used & inside}

    def process_of(self, activity):
        while activity not in self.process and activity in self.parent:
            activity = self.parent[activity]
        return activity

    def at_work(self, maker):
        """A maker, what is inside it, and what is around it, but for processes."""
        found, waiting = set(), [maker]
        while waiting:
            one = waiting.pop()
            found.add(one)
            waiting += [child for child in self.children.get(one, ()) if child not in self.process]
        around = self.parent.get(maker)
        while around is not None and around not in self.process:
            found.add(around)
            around = self.parent.get(around)
        return found

    def back(self, start):
        found, waiting = {start}, [start]
        while waiting:
            entity = waiting.pop()
            makers = self.makers(entity)
            new = self.origins.get(entity, set()) | self.members.get(entity, set())
            if not makers and entity not in self.origins:
                new = new | self.elsewhere(entity)
            for maker in makers:
                new = new.union(*(self.uses.get(one, set()) for one in self.at_work(maker)))
            new = (new & self.keys.keys()) - found
            found |= new
            waiting += new
        return found

    def key(self, entity):
        return self.keys[entity], self.content.get(entity)


steps = st.tuples(
    st.sampled_from(["make", "make", "make", "make", "move", "copy", "run", "run", "process", "inside", "notice", "object", "changed", "collect", "folder", "save"]),
    st.sampled_from(PATHS), st.sampled_from(PATHS), st.sampled_from([None, "first", "again", "again"]),
)  # fmt: skip


@given(st.lists(steps, min_size=4, max_size=16))
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
def test_why_and_impact_are_those_of_the_documents(tmp_path_factory, told):
    """Of every thing that a document names: the same things, by path and content, both ways."""
    world = World()
    world.begin_run()
    for step in told:
        world.step(*step)
    store = tmp_path_factory.mktemp("documents") / "prov"
    texts = []
    for shards in world.runs:
        write_run(str(store), *shards, run=shards[0].run)
        events = [event for shard in shards for event in shard.events]
        texts.append(rendered(build(events), "json"))
    documents = Documents(texts)
    wanted = {}
    for entity in documents.keys:
        wanted.setdefault(documents.key(entity), set()).update(map(documents.key, documents.back(entity)))  # fmt: skip
    with open_index(str(store)) as index:
        index.update()
        keys = {
            number: (path or name, "content:" + unpacked(content).replace(":", "."))
            for number, path, name, content in index.execute(
                "SELECT e.id, p.path, w.text, e.digest FROM entity AS e "
                "LEFT JOIN place AS p ON p.number = e.place LEFT JOIN word AS w ON w.number = e.name"
            )
        }
        found, forth = {}, {}
        for number, key in keys.items():
            found.setdefault(key, set()).update(keys[one] for one in upstream(index, [number]).entities)  # fmt: skip
            forth.setdefault(key, set()).update(keys[one] for one in downstream(index, [number]).entities)  # fmt: skip
    assert found == wanted
    mirror = {}
    for key, origins in wanted.items():
        for origin in origins:
            mirror.setdefault(origin, set()).add(key)
    assert forth == mirror
