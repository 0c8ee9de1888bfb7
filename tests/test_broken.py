"""Broken and hostile definitions: a clear error, in short time and little memory; no code runs."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

SIXTEEN = 16  # levels of ten: more values than any memory holds
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, SIXTEEN)
)
MERGES = "m0: &m0 {k: v}\n" + "".join(
    f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}\n" for n in range(1, SIXTEEN)
)
USE = "activities: {f: {usage: [{role: r, value: x, has_members: %s}]}}\n"
HOSTILE = {
    "laughs": (LAUGHS, "more than 100000 values, counting those of aliases"),
    "merges": (MERGES, "more than 100000 values, counting those of aliases"),
    "ten megabytes": ("# " + "x" * 10_000_000, "more than 2000000 bytes"),
    "a long line of keys": ("{" + "a: b, " * 200_000 + "}", "more than 100000 values"),
    "deep": ("[" * 500_000, "more than 40 nested levels"),
    "deep in blocks": ("".join(" " * n + "a:\n" for n in range(100)), "more than 40 nested levels"),
    "binary": (b"\x7fELF\x02\x01\x01\x00\xff\xfe".decode("latin-1"), "is not"),
    "null bytes": ("a: \0b", "invalid character"),
    "members of themselves": (USE % "&m {list: x, has_members: *m}", "an alias contains itself"),
    "members in members": (USE % "{list: x, has_members: {list: y}}", 'unknown key "has_members"'),
    "itself": ("&a [*a]", "an alias contains itself"),
    "long path": (USE % ("{list: " + "a." * 100_000 + "a}"), "the path is longer than 1000 characters"),
    "digits": ("requires: {a: '>=" + "1" * 100_000 + "!'}", "is not a version specifier"),
    "stars": ("targets: ['" + "*a" * 50_000 + ":" + "?" * 50_000 + "!']", "is not a target"),
    "tab": ("a:\n\tb: c", "a tab indents the line"),
    "apply": ("activities: !!python/object/apply:os.system ['touch mark']", "are not supported"),
    "new": ("activities: !!python/object/new:subprocess.Popen [[touch, mark]]", "are not supported"),
    "module": ("activities: {f: !!python/module:antigravity }", "are not supported"),
    "name": ("entities: {E: {description: !!python/name:os.system }}", "are not supported"),
    "long limit": (
        "activities: {f: {parameters: [{name: p, min: " + "9" * 400_000 + ", max: 1}]}}",
        "is greater than max 1",
    ),
    "long e-mail": (
        "agents: {a: {email: '" + "a." * 100_000 + "@" + "b." * 100_000 + "'}}",
        "is not an e-mail address",
    ),
    "long orcid": ("agents: {a: {orcid: '" + "0" * 500_000 + "'}}", "is not an ORCID"),
    "long contact": ("activities: {f: {contact: [" + "<" * 500_000 + "]}}", "expected a text, found a list"),
    "own tag": ("entities: !include other.yaml", "are not supported"),
    "path that runs": (
        "entities: {E: {identifier: [__import__('os').system('touch mark')]}}",
        "special names such as",
    ),
}  # fmt: skip


def limited():
    bytes_ = 1 << 30
    resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_definition_is_refused_within_bounds(tmp_path, case):
    """In a process of 1 GiB and 10 s: problems with places, exit code 1, and nothing was done."""
    text, told = HOSTILE[case]
    data = text.encode("latin-1") if case == "binary" else text.encode()
    (tmp_path / "d.yaml").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-m", "provagent", "check", "--json", "d.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300, preexec_fn=limited,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    (checked,) = json.loads(done.stdout)
    assert any(told in one["what"] for one in checked["problems"]), checked["problems"][:3]
    for one in checked["problems"]:
        assert one["line"] >= 1
        assert one["remedy"]
        assert len(one["what"]) < 400
    assert [file.name for file in tmp_path.iterdir()] == ["d.yaml"]
