"""A pytest plugin that writes the outcome of each test as a JSON line: -p outcomes.

Each line is written immediately, so that a crash shows the running test. ``PEER_OUTCOMES`` names
the file.
"""

from __future__ import annotations

import json
import os


def pytest_configure(config):
    config.pluginmanager.register(Outcomes(os.environ["PEER_OUTCOMES"]), "peer-outcomes")
    if config.pluginmanager.has_plugin("hypothesispytest"):
        be_repeatable()


# The same examples each time, however long one takes: what is compared are outcomes.
def be_repeatable():
    from hypothesis import HealthCheck, settings

    profile = settings(
        derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    settings.register_profile("peers", profile)
    settings.load_profile("peers")


class Outcomes:
    def __init__(self, path):
        self.stream = open(path, "w", buffering=1, encoding="utf-8")  # noqa: SIM115

    def pytest_collectreport(self, report):
        if report.failed:
            self.write(report.nodeid, "collect", "error", str(report.longrepr))

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.write(report.nodeid, report.when, *outcome_of(report))

    def write(self, test, when, outcome, why):
        line = {"test": test, "when": when, "outcome": outcome, "why": why[-4000:]}
        self.stream.write(json.dumps(line) + "\n")


def outcome_of(report):
    if hasattr(report, "wasxfail"):
        return ("xpassed" if report.passed else "xfailed"), ""
    if report.failed:
        return ("failed" if report.when == "call" else "error"), report.longreprtext
    if report.skipped and isinstance(report.longrepr, tuple):
        return "skipped", report.longrepr[2]
    return report.outcome, ""
