"""A command that runs for minutes: its lines are heard while it runs, its result is as of `run`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sandbox.base import CommandResult, Session
from sandbox.errors import SandboxDied

POLL_SECONDS = 1.0
KEPT_LINES = 5_000
"""At the end of the output, which says why something failed."""


def run_followed(
    session: Session,
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    on_line: Callable[[str], None],
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
) -> CommandResult:
    """Run a command to its end as `Session.run` does; `on_line` hears each line of its stdout.

    Of the output the last KEPT_LINES lines are kept. Raises SandboxDied when the sandbox itself
    went away.
    """
    began = time.monotonic()
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    process = session.start(argv, cwd=cwd, env=env)
    while (seconds_left := timeout_seconds - (time.monotonic() - began)) > 0:
        try:
            line = process.receive(min(POLL_SECONDS, seconds_left))
        except SandboxDied:
            if process.result is None:
                raise
            break
        if line is not None:
            lines.append(line.decode("utf-8", "replace"))
            on_line(lines[-1])
    timed_out = seconds_left <= 0
    if timed_out:
        process.kill()
    return _result(process.result, "\n".join(lines), time.monotonic() - began, timed_out)


def _result(
    ended: CommandResult | None, lines: str, seconds: float, timed_out: bool
) -> CommandResult:
    ended = ended or CommandResult(exit_code=None, stdout="", stderr="", seconds=seconds)
    return replace(
        ended,
        exit_code=None if timed_out else ended.exit_code,
        stdout="\n".join(filter(None, (lines, ended.stdout))),
        seconds=seconds,
        timed_out=timed_out,
    )
