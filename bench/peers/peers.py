"""The test suites of other packages, with and without recording: python bench/peers/peers.py [PEER
...].

The exit code is 1 if the outcome of a test differs, and peers.toml does not list it as inherent.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any

from suite import HERE, Peer, Ran, run_suite

ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "peers"


def main() -> int:
    options = read_arguments()
    table = tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))
    unknown = set(options.peers) - set(table)
    if unknown:
        raise SystemExit(f"peers: no peer {', '.join(unknown)}; there are {', '.join(table)}")
    is_well = True
    print(HEADER)
    for name in options.peers or table:
        peer = prepare(name, table[name])
        is_well &= compare(peer, show=options.show)
    return 0 if is_well else 1


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="peers", description=__doc__)
    parser.add_argument("peers", nargs="*", metavar="PEER", help="packages to test (default: all)")
    parser.add_argument("--show", action="store_true", help="show the failure of each difference")
    return parser.parse_args()


def prepare(name: str, entry: dict[str, Any]) -> Peer:
    """Make the environment where there is none, and find the tests."""
    python = environment(name.partition(".")[0], entry["requires"])
    root = unpacked(python, entry["sdist"]) if "sdist" in entry else packages_of(python)
    return Peer(
        name=name,
        python=python,
        root=root,
        tests=entry["tests"],
        targets=entry["targets"],
        arguments=entry.get("arguments", []),
        inherent=entry["inherent"],
    )


def environment(name: str, requires: list[str]) -> Path:
    folder = CACHE / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
    python, stamp = folder / "bin" / "python", folder / "requires"
    wanted = "\n".join(requires)
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(folder, with_pip=True, symlinks=True)
        pip(python, "install", "-e", str(ROOT), *requires)
        stamp.write_text(wanted)
    return python


def pip(python: Path, *arguments: str) -> None:
    subprocess.run(
        [str(python), "-m", "pip", "-q", "--disable-pip-version-check", *arguments], check=True
    )


def packages_of(python: Path) -> Path:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.check_output([str(python), "-c", code], text=True).strip())


def unpacked(python: Path, requirement: str) -> Path:
    folder = CACHE / "sdists"
    root = folder / requirement.replace("==", "-")
    if not root.exists():
        pip(python, "download", "--no-binary", ":all:", "--no-deps", "-d", str(folder), requirement)
        import tarfile

        with tarfile.open(f"{root}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return root


HEADER = (
    f"{'peer':18}{'tests':>7}{'differ':>8}{'inherent':>10}{'activities':>12}"
    f"{'bare':>9}{'ratio':>7}{'written':>11}{'peak, bare':>12}{'traced':>9}{'doctor':>9}"
)


def compare(peer: Peer, *, show: bool) -> bool:
    """Run a suite twice bare and once traced; print its line, and whatever differs."""
    bare, again = (run_suite(peer, traced=False) for _ in range(2))
    traced = run_suite(peer, traced=True)
    tests = list(dict.fromkeys((*bare.outcomes, *traced.outcomes)))
    flaky = {test for test in tests if bare.outcomes.get(test) != again.outcomes.get(test)}
    differ = [
        test
        for test in tests
        if test not in flaky and bare.outcomes.get(test) != traced.outcomes.get(test)
    ]
    listed = {test for test in differ if reason_of(peer, test)}
    seconds = min(bare.seconds, again.seconds)
    print(
        f"{peer.name:18}{len(bare.outcomes):7}{len(differ) - len(listed):8}{len(listed):10}"
        f"{traced.events['activity']:12}{seconds:8.1f}s{traced.seconds / seconds:7.2f}"
        f"{traced.size / 1e6:8.1f} MB{bare.peak / 1e6:9.0f} MB{traced.peak / 1e6:6.0f} MB"
        f"{traced.doctor_seconds:8.1f}s",
        flush=True,
    )
    for test in differ:
        if test not in listed:
            say(f"differs: {test}: {told_of(bare, test)}, traced {told_of(traced, test)}")
            if show:
                print(traced.why.get(test, bare.why.get(test, "")))
    tell_rest(peer, flaky, differ, traced)
    is_whole = bool(bare.outcomes) and {bare.code, traced.code} <= {0, 1}
    is_read = traced.doctor_code == 0 and traced.events["run_end"] > 0
    if not (is_whole and is_read) or show:
        say(f"exit codes {bare.code}, {traced.code}, doctor {traced.doctor_code}\n{traced.tail}")
    return len(differ) == len(listed) and is_whole and is_read and not traced.complaints


def tell_rest(peer: Peer, flaky: set[str], differ: list[str], traced: Ran) -> None:
    for test in sorted(flaky):
        say(f"differs by itself: {test}")
    for name in peer.inherent:
        if not any(is_of(test, name) for test in differ):
            say(f"listed as inherent, and does not differ: {name}")
    for line in (*traced.complaints, *traced.told):
        say(f"ours: {line}")


def reason_of(peer: Peer, test: str) -> str | None:
    return next((reason for name, reason in peer.inherent.items() if is_of(test, name)), None)


def is_of(test: str, name: str) -> bool:
    """Whether ``name`` names the test, with its parameters or without."""
    return test == name or test.startswith(f"{name}[")


def told_of(ran: Ran, test: str) -> str:
    return ", ".join(ran.outcomes.get(test, ["not run"]))


def say(text: str) -> None:
    print(f"    {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
