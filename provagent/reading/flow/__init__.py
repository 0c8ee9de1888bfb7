"""The flow of values through the user's code, found in its source.

Given the sources that ran and the places at which recorded things happened, ``flows`` returns
which of them computed their inputs from the results of which. It executes nothing.
"""

from provagent.reading.flow.analysis import flows
from provagent.reading.flow.code import Code
from provagent.reading.flow.graph import Position
from provagent.reading.flow.site import ANY_ARGUMENT, Apart, Flow, FoundFlows, Site, Unknown
from provagent.reading.flow.streams import stream_of

__all__ = [
    "ANY_ARGUMENT",
    "Apart",
    "Code",
    "Flow",
    "FoundFlows",
    "Position",
    "Site",
    "Unknown",
    "flows",
    "stream_of",
]
