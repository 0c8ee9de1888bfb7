"""A call in the followed program: the called name or object, and the values of its arguments."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from provagent.reading.flow.site import ANY_ARGUMENT, SELF
from provagent.reading.flow.state import NONE, Kind, Value


@dataclass(slots=True)
class Call:
    """One call, with the values of the receiver and of the arguments."""

    at: ast.expr | ast.stmt
    name: str
    library: str = ""  # the dotted name of the function, if it belongs to a library
    receiver: Value = NONE
    args: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    is_method: bool = False
    is_discarded: bool = False
    picked: Value = NONE  # the receiver, if it is one of several objects
    star: Value = NONE  # items of unpacked arguments: for any parameter
    function: Value = NONE  # the called object, if it is an object of the program

    @property
    def values(self) -> list[Value]:
        return [*self.args, *self.keywords.values(), self.star]

    def arguments(self) -> dict[str, Value]:
        """Return the receiver, the unpacked items, and the arguments by position and by keyword."""
        given = {SELF: self.receiver, ANY_ARGUMENT: self.star, **self.keywords}
        return given | {str(index): one for index, one in enumerate(self.args)}

    def has_function(self) -> bool:
        """Return whether an argument or the receiver is a function of the user."""
        values = (*self.args, *self.keywords.values(), self.star, self.receiver)
        return any(obj.kind is Kind.FUNCTION for value in values for obj in value)

    def argument(self, index: int, name: str) -> Value:
        """Return an argument by position or by name."""
        if name in self.keywords:
            return self.keywords[name]
        return self.args[index] if 0 <= index < len(self.args) else NONE
