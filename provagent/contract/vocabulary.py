"""The words of events and documents.

Event and key names are the names of logprov's logs, if logprov has one. PROV names are the names of
the W3C recommendation (https://www.w3.org/TR/prov-dm/). IVOA names are the names of the Provenance
Data Model 1.0 (https://www.ivoa.net/documents/ProvenanceDM/).
"""

from __future__ import annotations

LOG_FORMAT = 1

# Kinds of event: the value of the key "event" on each line of a shard.
RUN = "run"
ENVIRONMENT = "environment"
SESSION = "session"
DESCRIPTION = "description"
AGENT = "agent"  # not an event, but a definition may describe it
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

# How an activity or a run ended: the value of the key "status".
OK = "ok"
ERROR = "error"
CANCELLED = "cancelled"
EXIT = "exit"  # of a run: it ended by itself, with an unknown exit code

# How much of a call is recorded: the value of the key "level". Each level includes the previous.
OFF = "off"  # nothing: the target is not woven
CALL = "call"  # the call: name, times, status, call site
PARAMETERS = "parameters"  # and its parameters
ENTITIES = "entities"  # and the used and generated entities
MEMBERS = "members"  # and the members of these entities
LEVELS = (OFF, CALL, PARAMETERS, ENTITIES, MEMBERS)

# Which calls inside another recorded call are not recorded: the value of the key "quiet".
NO = "no"  # all calls are recorded
INSIDE = "inside"  # calls inside a recorded call of the same definition are not
NESTED = "nested"  # calls inside a recorded call of any definition are not
QUIET_WORDS = (NO, INSIDE, NESTED)

# How an entity came from its progenitor: the value of the key "how".
MODIFIED = "modified"  # the same object or path, with other content
COPIED = "copied"  # another object in the same place, with equal content
REPLACED = "replaced"  # another object in the same place, with other content
DECLARED = "declared"  # the definition declares it

# Suffix of the algorithm of a digest, for content that earlier versions read in another way.
SECOND = ".2"
# Digests that are not of content: value of the key "identified" -> name used as algorithm.
ITSELF = "id"  # no digest: an object is identified by object identity only
LESS_THAN_CONTENT = {"state": "state", "paths": "identifier", "str": "text", "hash": "hash"}

# How an activity or the run accessed a file: the value of the key "mode", and the role of the usage
# or generation.
READ = "read"
WRITTEN = "written"
REMOVED = "removed"

# The kind of an entity: the value of the key "type", as in logprov.
PYTHON_OBJECT = "PythonObject"
FILE = "File"
FILE_COLLECTION = "FileCollection"
ENTITY_TYPES = (PYTHON_OBJECT, FILE, FILE_COLLECTION)

# Relations of PROV-DM from a later element to an earlier one, in the spelling of PROV-N.
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

# Namespaces of exported documents.
VOPROV_NAMESPACE = "http://www.ivoa.net/documents/ProvenanceDM/index.html#"

MAX_SITES = 8  # maximum number of call sites in user code for one call: the innermost
