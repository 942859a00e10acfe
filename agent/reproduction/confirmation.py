"""Whether a generated test shows the problem: by running it on the unchanged base, twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.reproduction.test_language import TestLanguage
from agent.reproduction.test_location import TestLocation
from sandbox.base import Session
from sandbox.languages.python.runners.coverage import collect
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.runners.base import Outcome, TestReport, TestResult, TestRunner

CONFIRMATION_RUN_SECONDS = 120.0
CONFIRMATION_TEST_SECONDS = 20.0
_ASSERTING = frozenset(("AssertionError", "Failed"))
"""What a failed assertion, or `raises` where nothing is raised, ends with."""
_RAISES = re.compile(r"\s*raise\b|.*\bthrow\b")
"""A line that ends in an exception on purpose, in Python and JavaScript."""
_WORD = re.compile(r"[A-Za-z_]\w*")
_GROUP = re.compile(r"^in (\w+): ", re.M)
"""The last line of the message of an exception group (`harness/outcomes.py`)."""


@dataclass(frozen=True, kw_only=True)
class ReproductionBase:
    """The base, and how tests are run on it."""

    open_session: Callable[[], Session]
    """A fresh offline session that holds the pristine base."""
    runner: TestRunner
    language: TestLanguage
    setup: PytestSetup | None
    """Records lines; None where nothing does."""
    tests: Sequence[str]
    """Paths of the base's test files: their lines are no source."""
    place: TestLocation
    statement: str
    failing: Sequence[str] = ()
    """Tests of the project that fail already."""
    source_text: Callable[[str], str] = lambda _: ""
    """The text of a file of the project's source; empty for every other path."""

    def crashed(self, result: TestResult) -> bool:
        """Whether the project's own source ran into the exception a test ends with, which it does
        not raise on purpose there: to refuse an argument, say."""
        if not result.frames:
            return False
        frame = result.frames[-1]
        lines = self.source_text(frame.path).splitlines()
        line = lines[frame.line - 1] if 0 < frame.line <= len(lines) else "raise"
        return not _RAISES.match(line)

    def run(self, text: str, names: Sequence[str]) -> Mapping[str, TestResult]:
        """Name → how its test in the file `text` ended, once for each set of its parameters
        (`test[a-1]`); names that were not run are absent."""
        with self.open_session() as session:
            report = self._run(session, text, names)
        ids = {self.place.id_of(name): name for name in names}
        if not self.place.has_parameters:
            return {ids[i]: result for i, result in report.results.items() if i in ids}
        parts = {test_id: test_id.partition("[") for test_id in report.results}
        return {
            f"{ids[plain_id]}{bracket}{parameters}": report.results[test_id]
            for test_id, (plain_id, bracket, parameters) in parts.items()
            if plain_id in ids
        }

    def names_in(self, text: str) -> tuple[str, ...]:
        """The tests in the file `text`."""
        names = self.language.names_in(text)
        if names is not None:
            return names
        with self.open_session() as session:
            report = self._run(session, text, None)
        prefix = f"{self.place.path}::"
        return tuple(i.removeprefix(prefix) for i in report.results if i.startswith(prefix))

    def collected(self, text: str, names: Sequence[str]) -> str:
        """Why the file cannot be collected; empty when it can."""
        with self.open_session() as session:
            report = self._run(session, text, names or None)
        return next(iter(report.collection_errors.values()), "")

    def _run(self, session: Session, text: str, names: Sequence[str] | None) -> TestReport:
        """The named tests of the file, or all of them."""
        session.write(self.place.path, text.encode("utf-8", "replace"))
        return self.runner.run(
            session,
            [self.place.path] if names is None else [self.place.id_of(name) for name in names],
            timeout_seconds=CONFIRMATION_RUN_SECONDS,
            test_timeout_seconds=CONFIRMATION_TEST_SECONDS,
        )

    def touching(self, text: str, names: Sequence[str]) -> frozenset[str]:
        """Names of those tests that run a line of the project's source. A name holds the
        parameters of its test."""
        if self.setup is None:
            return frozenset(names) if self.language.uses_project(text) else frozenset()
        path = self.place.path
        ids = {_pytest_id(path, name): name for name in names}
        with self.open_session() as session:
            session.write(path, text.encode("utf-8", "replace"))
            report = collect(
                session,
                self.setup,
                list(ids),
                sources=["."],
                excluded=[*self.tests, path],
                timeout_seconds=CONFIRMATION_RUN_SECONDS,
                test_timeout_seconds=CONFIRMATION_TEST_SECONDS,
            )
        return frozenset(
            ids[test_id]
            for test_id, lines in report.lines.items()
            if test_id in ids and any(lines.values())
        )


def _pytest_id(path: str, name: str) -> str:
    plain_name, bracket, parameters = name.partition("[")
    return "::".join((path, *plain_name.split("."))) + bracket + parameters


def objection_to(result: TestResult | None, statement: str) -> str:
    """Why a test's end on the base does not show the problem; empty when it does.

    It must fail by an assertion, or by an exception that the statement names: a test that ends
    in a NameError of its own shows nothing.
    """
    if result is None:
        return "was not collected"
    if result.outcome is Outcome.PASSED:
        return "passes on the unchanged project"
    if result.outcome not in (Outcome.FAILED, Outcome.TIMED_OUT):
        return f"ended as `{result.outcome}` and not by failing: {result.message[:200]}"
    if result.outcome is Outcome.TIMED_OUT:
        hangs = re.search(r"\b(hang|hung|endless|infinite|never (?:return|end|finish))", statement)
        return "" if hangs else "runs into its time-out, of which the statement says nothing"
    name = short_name(result)
    group = _GROUP.findall(result.message)  # the statement may name that instead
    if name in _ASSERTING or not {name, *group}.isdisjoint(_WORD.findall(statement)):
        return ""
    return f"fails with {name} ({result.message[:200]}), which the statement does not name"


def short_name(result: TestResult) -> str:
    """The exception's name without its module."""
    return result.exception.rpartition(".")[2] or result.message.partition(":")[0]


def stable(first: TestResult, second: TestResult | None) -> bool:
    """Both runs ended alike."""
    return (
        second is not None
        and second.outcome is first.outcome
        and second.exception == first.exception
    )
