"""The words that stand in events and documents, and nothing else.

Event and key names are those of logprov's logs where it has one. PROV names are
those of the W3C recommendation (https://www.w3.org/TR/prov-dm/), IVOA names those
of the Provenance Data Model 1.0 (https://www.ivoa.net/documents/ProvenanceDM/).
"""

from __future__ import annotations

LOG_FORMAT = 1

# Kinds of event: the value of the key "event" on each line of a shard.
RUN = "run"
ENVIRONMENT = "environment"
SESSION = "session"
DESCRIPTION = "description"
AGENT = "agent"  # which is no event, but may be described
ACTIVITY = "activity"
ENTITY = "entity"
DERIVATION = "derivation"
ACTIVITY_END = "activity_end"
COMPLAINT = "complaint"
FILE_EVENT = "file"
CHILD = "child"
CODE = "code"
SOURCE = "source"
LEFT_OUT = "left_out"
RUN_END = "run_end"
REDACTION = "redaction"

# How an activity, or a run, ended: the value of the key "status".
OK = "ok"
ERROR = "error"
CANCELLED = "cancelled"
EXIT = "exit"  # of a run: it ended by itself, with an exit code that is not known

# How much of a call is recorded, each a part of the next: the value of the key "level".
OFF = "off"  # nothing: it is not woven
CALL = "call"  # that it was made: name, times, status, call site
PARAMETERS = "parameters"  # and its parameters
ENTITIES = "entities"  # and what it used and generated
MEMBERS = "members"  # and the members of that
LEVELS = (OFF, CALL, PARAMETERS, ENTITIES, MEMBERS)

# Which calls are not recorded that another recorded one encloses: the value of the key "quiet".
NO = "no"  # none for that
INSIDE = "inside"  # those inside a recorded call of the same definition
NESTED = "nested"  # those inside one of any definition
QUIET_WORDS = (NO, INSIDE, NESTED)

# How an entity came from its progenitor: the value of the key "how".
MODIFIED = "modified"  # the same object or path, with other content
COPIED = "copied"  # another object in the same place, with equal content
REPLACED = "replaced"  # another object in the same place, with other content
DECLARED = "declared"  # the definition says so

# After the algorithm of a digest: of content that earlier versions read in another way.
SECOND = ".2"
# What a digest is of that is not of content, by the value of the key "identified": its algorithm.
ITSELF = "id"  # there is none: an object is identified by object identity only
LESS_THAN_CONTENT = {"state": "state", "paths": "identifier", "str": "text", "hash": "hash"}

# What was seen of a file that an activity, or the run, opened: the value of the key "mode",
# and the role of what was used or generated.
READ = "read"
WRITTEN = "written"
REMOVED = "removed"

# What an entity is: the value of the key "type", as logprov has it.
PYTHON_OBJECT = "PythonObject"
FILE = "File"
FILE_COLLECTION = "FileCollection"
ENTITY_TYPES = (PYTHON_OBJECT, FILE, FILE_COLLECTION)

# Relations of PROV-DM from a later thing to an earlier one, as PROV-N spells them.
USED, GENERATED, DERIVED = "used", "wasGeneratedBy", "wasDerivedFrom"
MEMBER, STARTED, SAME = "hadMember", "wasStartedBy", "alternateOf"
INFORMED = "wasInformedBy"
# Evidence for a relation, the strongest first: the record contains it; the content is the same; the
# user's code computes one from the other; it is possible, or one of several is true; the code does
# not show it.
RECORDED, CONTENT, COMPUTED, PERHAPS, UNKNOWN = EVIDENCE = (
    "recorded", "content", "computed", "perhaps", "unknown",
)  # fmt: skip

# Reserved words of IVOA ProvenanceDM 1.0, tables of sections 2.4 and 2.5.
ACTIVITY_TYPES = (
    "Observation",
    "Simulation",
    "Reduction",
    "Calibration",
    "Reconstruction",
    "Selection",
    "Analysis",
)
USAGE_TYPES = ("Main", "Calibration", "Preview", "Setup", "Quality", "Log", "Context")
AGENT_TYPES = ("Person", "Organization", "SoftwareAgent")

# Namespaces of the documents that are exported.
VOPROV_NAMESPACE = "http://www.ivoa.net/documents/ProvenanceDM/index.html#"

MAX_SITES = 8  # of the user's code, of one call: the innermost ones
