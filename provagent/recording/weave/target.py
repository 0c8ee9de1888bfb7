"""Targets: ``package.module:Qual.name``, with globs, and their matches."""

from __future__ import annotations

EVERYTHING = "*"


class Target:
    """A pattern for the callables to weave.

    ``package.module:Qual.name``  one callable, or a class: its public methods and constructor
    ``package.module``            every public callable that the module defines
    ``package.sub.**``            the same, for the package and all modules in it

    ``*``, ``?`` and ``[...]`` are globs within one part of a dotted name.

    ``is_exact``: the module name is complete, without a glob.

    Raises TargetError for an invalid text. With ``is_checked`` the check is skipped: it need not be
    repeated at the start of each interpreter.
    """

    __slots__ = ("is_exact", "module", "qualname", "text")

    def __init__(self, text: str, *, is_checked: bool = False) -> None:
        self.text = text.strip()
        module, colon, qualname = self.text.partition(":")
        self.module = module.strip()
        self.qualname = qualname.strip() if colon else EVERYTHING
        self.is_exact = not is_glob(self.module)
        if not is_checked and (problem := _problem(self.module, self.qualname)):
            from provagent.contract.errors import TargetError

            raise TargetError(f"target {text!r}: {problem}")

    def __repr__(self) -> str:
        return f"Target({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Target) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def parts(self) -> list[str]:
        """The parts of the qualified name: ``["Analysis", "get_observations"]``."""
        return self.qualname.split(".")

    def matches_module(self, name: str) -> bool:
        """Return whether the module ``name`` may contain this target."""
        if self.is_exact:
            return name == self.module
        package = self.module.removesuffix(".**")
        if package == self.module:
            return matches(name, package)
        if not is_glob(package):
            return name == package or name.startswith(package + ".")
        return any(matches(".".join(head), package) for head in _heads(name.split(".")))

    @property
    def whole_package(self) -> str:
        """The package, if the target is a package with all its modules; otherwise empty."""
        package = self.module.removesuffix(".**")
        return "" if package == self.module or is_glob(package) else package

    def matches_one_of(self, names: set[str]) -> bool:
        """Return whether one of the modules ``names`` may contain this target."""
        return self.module in names if self.is_exact else any(map(self.matches_module, names))

    def covers(self, module: str, qualname: str) -> bool:
        """Return whether the target names this callable, or a class that contains it."""
        if not self.matches_module(module):
            return False
        return any(matches(".".join(head), self.qualname) for head in _heads(qualname.split(".")))


def is_glob(text: str) -> bool:
    """Return whether ``text`` contains a wildcard."""
    return "*" in text or "?" in text or "[" in text


def matches(dotted: str, pattern: str) -> bool:
    """Return whether the dotted name matches the dotted pattern, part by part."""
    if dotted == pattern or (pattern == "*" and "." not in dotted):
        return True
    if not is_glob(pattern):
        return False
    from fnmatch import fnmatchcase

    names, patterns = dotted.split("."), pattern.split(".")
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))


def _heads(parts: list[str]) -> list[list[str]]:
    return [parts[:length] for length in range(1, len(parts) + 1)]


def _problem(module: str, qualname: str) -> str:
    shape = "write package.module:Class.method, such as gammapy.analysis.core:Analysis"
    if not module or not qualname:
        return f"one side of the colon is empty; {shape}"
    for part in (module.removesuffix(".**") + "." + qualname).split("."):
        if not _is_name(part):
            return f"{part!r} is not a name; {shape}"
    return ""


def _is_name(part: str) -> bool:
    if not is_glob(part):
        return part.isidentifier()
    bare = part
    for sign in "*?[]!-":
        bare = bare.replace(sign, "")
    return "**" not in part and (not bare or ("_" + bare).isidentifier())
