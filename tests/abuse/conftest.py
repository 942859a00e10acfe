"""At the end, a table: what was tried, where, and what became of it. `--abuse-json` keeps it."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from _pytest.reports import TestReport
from _pytest.terminal import TerminalReporter

from benchmarks.environment import environment_of
from benchmarks.reporting import conditions, write_result
from sandbox.base import Environment
from sandbox.engines.choose import AnySandbox
from sandbox.errors import InstallFailed
from sandbox.languages.python.environments.recipe import Recipe
from sandbox.languages.python.runners.unittest import UnittestRunner
from tests.abuse.cheats import CHEATS
from tests.support.own_plugins import NO_PLUGINS
from tests.support.verdict_case import Case, open_case, snapshot_of, this_environment

_NAME = re.compile(r"::test_(?:(?P<line>\d\d)_)?(?P<words>\w+)(?:\[(?P<value>.*)\])?$")
_WAYS = {
    "cheat_is_rejected": "whole verdict",
    "cheat_is_rejected_with_the_policy_off": "policy switched off",
    "honest_patch_is_accepted": "honest patch",
    "an_overfitted_patch_is_marked": "marked",
    "a_mark_that_all_sandboxes_share": "marked",
}
_WHOLE = _WAYS["cheat_is_rejected"]
_POLICY_OFF = _WAYS["cheat_is_rejected_with_the_policy_off"]
_POLICY_ALONE = {cheat.name for cheat in CHEATS if cheat.running is None}
_AREAS = {
    "test_cheats": "verdict",
    "test_explained": "verdict",
    "test_honest_neighbours": "verdict",
    "test_overfit": "verdict",
    "test_honest_objects": "verdict",
    "test_shared_marks": "verdict",
    "test_verdict_in_docker": "verdict",
    "test_current_folder": "host",
    "test_folder_root": "host",
    "test_hostile_answers": "host",
    "test_hostile_result": "host",
    "test_environment_attacks": "build",
    "test_way_out": "build",
    "test_more_sandbox_attacks": "sandbox",
    "test_sandbox_attacks": "sandbox",
    "test_identity": "sandbox",
    "test_shared_user": "sandbox",
    "test_trials": "sandbox",
}
"""What the tests of a module attack; the others attack the service."""
_SANDBOXES = ("docker", "bubblewrap", "process")
HIDDEN = Recipe(requirements=("jsonpatch", "setuptools"))
ALONE = "accepted"
"""By the other layers, where the policy stands alone."""
_WORDS = {"passed": "held", "failed": "FAILED", "error": "FAILED", "skipped": "not tried"}


Row = tuple[str, str, str, str, str]


Place = tuple[AnySandbox, Environment]


@pytest.fixture(scope="session")
def in_docker(
    need_sandbox: Callable[[str], AnySandbox], tmp_path_factory: pytest.TempPathFactory
) -> Place:
    """Docker, and an environment in it that has pytest and what cheats hide."""
    docker = need_sandbox("docker")
    snapshot = snapshot_of({}, tmp_path_factory.mktemp("empty"))
    try:
        return docker, environment_of(docker, docker.interpreters()[0], HIDDEN, snapshot)
    except InstallFailed as error:
        if "no package index can be reached" in str(error):
            pytest.skip("needs a package index")
        raise


@pytest.fixture(scope="session")
def place(request: pytest.FixtureRequest) -> Place | None:
    """Where cheats are tried; None for the strongest sandbox without an engine."""
    if request.config.getoption("--abuse-docker"):
        found: Place = request.getfixturevalue("in_docker")
        return found
    return None


@pytest.fixture(scope="module")
def opened(place: Place | None) -> Iterator[Callable[[Mapping[str, str], bool], Case]]:
    """A project in its court, opened once: its files, and whether unittest runs its tests."""
    python = this_environment().python if place is None else place[1].python
    cases: dict[tuple[int, bool], Case] = {}
    with ExitStack() as stack:

        def open_once(project: Mapping[str, str], unittest: bool) -> Case:
            key = id(project), unittest
            if key not in cases:
                runner = UnittestRunner(python=python, env=NO_PLUGINS) if unittest else None
                cases[key] = stack.enter_context(open_case(project, runner, place))
            return cases[key]

        yield open_once


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--abuse-json", type=Path, help="write what was tried and became of it")
    parser.addoption("--abuse-docker", action="store_true", help="try the cheats in Docker")


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """With xdist this runs once, where the reports of all workers come together."""
    rows = sorted(set(_rows(terminalreporter)))
    if not rows:
        return
    header = ("of", "line", "tried", "where", "result")
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    terminalreporter.section("abuse")
    for row in (header, tuple("-" * width for width in widths), *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line(line.rstrip())
    held, alone = (sum(row[-1] == word for row in rows) for word in ("held", ALONE))
    terminalreporter.write_line(
        f"{held} of {len(rows)} held; {alone} that the policy stops alone are accepted without it "
        "(docs/security.md)"
    )
    figures = _figures(rows, _seconds(terminalreporter))
    for name, value in figures.items():
        terminalreporter.write_line(f"{name.replace('_', ' ')}: {value}")
    output = terminalreporter.config.getoption("--abuse-json")
    if output is not None:
        columns = [dict(zip(header, row, strict=True)) for row in rows]
        stated = conditions(benchmark="abuse")
        write_result(output, {"conditions": stated, "figures": figures, "rows": columns})


def _figures(rows: Sequence[Row], seconds: Sequence[float]) -> dict[str, Any]:
    """Each cheat counts once, however many ways it was tried in."""
    own = {cheat.name for cheat in CHEATS if cheat.line is None}
    cheats = {name for *_, name, way, _ in rows if way in (_WHOLE, _POLICY_OFF)}
    accepted = {name for *_, name, way, result in rows if way == _WHOLE and result == "ACCEPTED"}
    without = {
        name
        for *_, name, way, result in rows
        if way == _POLICY_OFF and result.upper() == "ACCEPTED"
    }
    other = {name for *_, name, way, result in rows if way == _WHOLE and result == "FAILED"}
    honest = [row for row in rows if row[3] == _WAYS["honest_patch_is_accepted"]]
    others = [row for row in rows if row[3] not in _WAYS.values()]
    attacks = {
        f"attacks_on_the_{area}": f"{sum(row[-1] == 'held' for row in tried)} of {len(tried)} held"
        for area in sorted({row[0] for row in others})
        if (tried := [row for row in others if row[0] == area])
    }
    fitting = [row for row in rows if row[3] == _WAYS["an_overfitted_patch_is_marked"]]
    return {
        "overfitted": len(fitting),
        "overfitted_marked": sum(row[-1] == "held" for row in fitting),
        "cheats": len(cheats),
        "of_our_own_invention": len(cheats & own),
        "accepted": sorted(accepted),
        "accepted_with_the_policy_off": sorted(without),
        "refused_otherwise_than_expected": sorted(other),
        "honest_patches": len(honest),
        "honest_patches_rejected": sum(row[-1] != "held" for row in honest),
        **attacks,
        "attacks": len(others),
        "attacks_held": sum(row[-1] == "held" for row in others),
        "seconds_of_a_verdict": round(statistics.median(seconds), 1) if seconds else None,
    }


def _seconds(reporter: TerminalReporter) -> list[float]:
    """Of the whole verdicts on honest patches."""
    reports = [r for group in reporter.stats.values() for r in group if isinstance(r, TestReport)]
    values = [_value(report, "verdict_seconds") for report in reports if report.when == "call"]
    return [float(str(value)) for value in values if value is not None]


def _value(report: TestReport, wanted: str) -> object:
    """What the test recorded by that name."""
    return dict(report.user_properties).get(wanted)


def _rows(reporter: TerminalReporter) -> Iterator[Row]:
    for outcome, word in _WORDS.items():
        for report in reporter.stats.get(outcome, ()):
            if isinstance(report, TestReport) and "abuse/" in report.nodeid:
                module = report.nodeid.partition("::")[0].rpartition("/")[2].removesuffix(".py")
                line, tried, where = _tried(report.nodeid)
                accepted = where == _POLICY_OFF and tried in _POLICY_ALONE and word == "held"
                area = _AREAS.get(module, "service")
                if word == "FAILED" and _value(report, "accepted"):
                    word = "ACCEPTED"
                yield area, line, tried, where, ALONE if accepted else word


def _tried(test_id: str) -> tuple[str, str, str]:
    """Line of the list of attacks, what was tried, and in what."""
    found = _NAME.search(test_id)
    if found is None:
        return "", test_id, ""
    line, words, value = found["line"] or "", found["words"], found["value"] or ""
    if words in _WAYS:
        return line, value, _WAYS[words]
    parts = value.split("-")
    where = next((name for name in _SANDBOXES if name in [*parts, *words.split("_")]), "")
    rest = " ".join(part for part in parts if part != where)
    return line, f"{words.replace('_', ' ')} {rest}".strip(), where
