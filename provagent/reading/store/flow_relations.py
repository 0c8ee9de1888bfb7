"""The relations in the index that the user's code shows, as numbers.

The earlier end is an entity, or an activity whose result is not named in the record.
"""

DERIVED, USED, GENERATED, INFORMED = 1, 2, 3, 4
# The code shows that nothing remains of a recorded earlier state of an object, such as an array
# that was filled with other values. This makes a recorded derivation weaker.
OVERWRITTEN = 5
