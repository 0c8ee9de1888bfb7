"""The flow of values through the user's code, found by reading the source.

``flows`` reads the sources that ran and the places of recorded calls and files. It returns the
pairs of places where the input of the later place was computed from the result of the earlier
place. The analysis follows the program statement by statement with abstract objects (an abstract
interpretation). It runs no user code.

- ``code`` parses the sources and finds recorded places in the syntax trees.
- ``state``, ``memory``, ``streams``, ``parts``, ``library``, ``functions``, ``expressions``,
  ``calls``, ``imports``, ``statements`` and ``program`` follow the program. From ``memory`` on, the
  class of a module extends the class of the module before it.
- ``argument_contents`` compares the contents of arguments before and after a call; ``syntax`` reads
  single statements.
- ``effects`` lists the effects of library calls by name.
- ``graph`` contains the graph of values and the search in this graph.
- ``analysis`` connects recorded places with the graph; ``site`` defines the question and the
  answer.
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
