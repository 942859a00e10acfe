"""Runs any test command: JUnit XML where it writes one, else its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from sandbox.base import CommandResult, Session
from sandbox.runners.base import OnProgress, Outcome, TestReport, TestResult
from sandbox.runners.junit import NotJUnit, parse_junit
from sandbox.runners.test_ids import is_selected
from sandbox.runners.traceback_text import frames_in

COMMAND_ID = "command"
"""Test id of a command that is judged by its exit code as a whole."""
MAX_DETAILS_CHARACTERS = 8000


@dataclass(kw_only=True)
class CommandRunner:
    """`TestRunner` for a command. It always runs as a whole; ids named only select results."""

    __test__: ClassVar[bool] = False
    argv: tuple[str, ...]
    junit_path: str | None = None
    """Where the command writes JUnit XML, relative to the workspace; None for exit code only."""

    name: str = field(default="command", init=False)

    def run(
        self,
        session: Session,
        test_ids: Sequence[str] | None = None,
        *,
        timeout_seconds: float,
        test_timeout_seconds: float | None = None,  # noqa: ARG002 - it cannot be divided
        on_progress: OnProgress | None = None,  # noqa: ARG002 - it says nothing until its end
    ) -> TestReport:
        """Run the command. A report left by an earlier run is removed first."""
        if self.junit_path is not None:
            session.remove(self.junit_path)
        command = session.run(self.argv, timeout_seconds=timeout_seconds)
        results, errors = self._read(session, command)
        if test_ids is not None:
            results = {name: r for name, r in results.items() if is_selected(name, test_ids)}
        has_finished = command.exit_code is not None and not command.timed_out
        return TestReport(
            results=results, collection_errors=errors, finished=has_finished, command=command
        )

    def _read(
        self, session: Session, command: CommandResult
    ) -> tuple[dict[str, TestResult], dict[str, str]]:
        if self.junit_path is None:
            return {COMMAND_ID: _whole(command, session.workspace)}, {}
        try:
            results = parse_junit(session.read(self.junit_path))
        except FileNotFoundError:
            return {}, {self.junit_path: "the command wrote no report there"}
        except (NotJUnit, ValueError) as error:
            return {}, {self.junit_path: str(error)}
        return {
            name: replace(result, frames=frames_in(result.details, session.workspace))
            for name, result in results.items()
        }, {}


def _whole(command: CommandResult, workspace: str) -> TestResult:
    """The command as one test."""
    output = (command.stdout + command.stderr).strip()
    outcome, message = Outcome.PASSED, ""
    if command.timed_out:
        outcome, message = Outcome.TIMED_OUT, "the command ran out of time"
    elif command.exit_code is None or command.exit_code < 0:
        outcome, message = Outcome.CRASHED, "the command was killed"
    elif command.exit_code != 0:
        last_line = output.rsplit("\n", 1)[-1][:500]
        outcome, message = Outcome.FAILED, last_line or f"exit code {command.exit_code}"
    return TestResult(
        test_id=COMMAND_ID,
        outcome=outcome,
        seconds=command.seconds,
        message=message,
        details=output[-MAX_DETAILS_CHARACTERS:] if outcome is not Outcome.PASSED else "",
        frames=frames_in(output, workspace) if outcome is not Outcome.PASSED else (),
    )
