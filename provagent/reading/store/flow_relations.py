"""The relations that the index keeps of what the user's code shows, as numbers.

The earlier end is an entity, or an activity whose result the record does not name.
"""

DERIVED, USED, GENERATED, INFORMED = 1, 2, 3, 4
# An object has a former state in the record, of which the code shows that nothing is left: an
# array that was filled with other values. A recorded derivation is weaker for it.
OVERWRITTEN = 5
