"""Asks candidates of a few failing tests in a process that stays, before anything is run anew.

What it says is believed only as far as it was seen to be right: the tests must fail in the process
as they fail in a fresh one, breaking a file must change how they fail before edits of that file are
tried, and the unchanged program in between must fail as it did at first. A candidate that passes
here is run again in processes of its own; so is one in which the process ended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sandbox.base import Session
from sandbox.errors import SandboxDied
from sandbox.evaluation.resident import ResidentTests
from sandbox.runners.base import FAILING, Outcome, TestReport, TestRunner
from sandbox.runners.test_ids import named_file
from sandbox.source import DecodedSource

TURN_FACTOR = 10.0
"""A turn may take so many times as long as one of the unchanged program."""
MIN_TURN_SECONDS = 5.0
FIRST_TURN_FACTOR = 3.0
"""The first turn may take so many times as long as a whole fresh run."""

_ORDINARY = FAILING - {Outcome.TIMED_OUT, Outcome.CRASHED}
"""How tests fail that can stay: others end the process each time."""
StartResident = Callable[[Session, Sequence[str]], ResidentTests | None]
Sign = tuple[str, str, str]
"""How a test ended: outcome, exception and message."""


class Screen:
    """Some failing tests of one session, in a process that stays."""

    def __init__(
        self,
        session: Session,
        tests: ResidentTests,
        names: Sequence[str],
        read: Callable[[str], DecodedSource],
        *,
        longest_turn_seconds: float,
    ) -> None:
        self._session, self._tests = session, tests
        self._names, self._read = names, read
        self._signs: list[Sign] = []
        self._seconds = 0.0
        self._longest_turn_seconds = longest_turn_seconds
        self._seen: dict[str, bool] = {}
        self.judged = 0
        """Candidates that it could tell something of."""

    @classmethod
    def of(
        cls,
        session: Session,
        runner: TestRunner,
        start: StartResident,
        names: Sequence[str],
        read: Callable[[str], DecodedSource],
        *,
        timeout_seconds: float,
    ) -> Screen | None:
        """A screen in which these tests fail as they do in a fresh run; None where they do not, or
        cannot stay."""
        fresh = runner.run(session, names, timeout_seconds=timeout_seconds)
        signs = _signs(fresh, names)
        if not signs or not all(outcome in _ORDINARY for outcome, _, _ in signs):
            return None
        try:
            tests = start(session, names)
            if tests is None:
                return None
            screen = cls(session, tests, names, read, longest_turn_seconds=timeout_seconds)
            screen._signs = signs
            limit = screen._limit(FIRST_TURN_FACTOR * fresh.command.seconds)
            for _ in range(2):
                report = tests.turn(timeout_seconds=limit)
                if _signs(report, names) != signs:
                    screen.close()
                    return None
                screen._seconds = max(screen._seconds, report.command.seconds)
        except SandboxDied:
            return None
        return screen

    def sees(self, paths: Sequence[str]) -> bool:
        """Whether a change of these files changes what the tests do here. Raises SandboxDied, and
        what reading and writing them raises."""
        for path in paths:
            if path not in self._seen:
                self._seen[path] = path not in self._tests.loaded_first and self._notices(path)
        return all(self._seen[path] for path in paths)

    def _notices(self, path: str) -> bool:
        """Whether the tests fail in another way while the file cannot be loaded."""
        base = self._read(path)
        try:
            self._session.write(path, base.encode(self._tests.broken(base.text)))
            return _signs(self._turn(None), self._names) != self._signs
        finally:
            self._session.write(path, base.encode(base.text))

    def turn(self, test_seconds: float | None) -> TestReport | None:
        """The tests on the files as they are now; None where the process ended in it, or a test
        has no outcome. Raises SandboxDied."""
        report = self._turn(test_seconds)
        ends = [outcome for outcome, _, _ in _signs(report, self._names)]
        is_told = report.command.timed_out or (ends and Outcome.CRASHED not in ends)
        self.judged += bool(is_told)
        return report if is_told else None

    def holds(self) -> bool:
        """Whether the unchanged program fails as it did at first."""
        try:
            return _signs(self._turn(None), self._names) == self._signs
        except SandboxDied:
            return False

    def _turn(self, test_seconds: float | None) -> TestReport:
        limit = self._limit(TURN_FACTOR * self._seconds)
        return self._tests.turn(timeout_seconds=limit, test_timeout_seconds=test_seconds)

    def _limit(self, seconds: float) -> float:
        """Of a turn, which never gets more than a run of the whole command."""
        return min(max(MIN_TURN_SECONDS, seconds), self._longest_turn_seconds)

    def close(self) -> None:
        self._tests.close()


def _signs(report: TestReport, names: Sequence[str]) -> list[Sign]:
    """How each of these ended; empty where one did not. Numbers in messages may differ."""
    signs = []
    for name in names:
        result = report.results.get(name)
        uncollected = report.collection_errors.get(named_file(name))
        if result is not None:
            told = (result.outcome.value, result.exception, result.message)
        elif uncollected is not None:
            told = (Outcome.ERROR.value, "", _error_line(uncollected))
        else:
            return []
        signs.append((told[0], told[1], re.sub(r"\d+", "0", told[2])))
    return signs


def _error_line(text: str) -> str:
    """The first line that begins with the name of an error, else the first line."""
    match = re.search(r"^[^\S\n]*\w*Error\b.*", text, re.MULTILINE)
    return match.group().strip() if match else text.strip().partition("\n")[0]
