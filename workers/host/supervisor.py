"""Processes kept alive together: started in order, restarted when they end, stopped in reverse."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.host import programs
from workers.host import parent
from workers.host.part_log import PartLog

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
STOP_GRACE_SECONDS = 45.0
"""From SIGTERM to SIGKILL: a worker gives its jobs back within seconds."""
RESTART_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STEADY_AFTER_SECONDS = 60.0
"""A process that lived this long starts anew with the shortest pause."""


@dataclass(frozen=True, kw_only=True)
class ServiceProcess:
    """A process of the service: its name, command and environment."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of the supervisor's own."""
    withheld: tuple[str, ...] = ()
    """Beginnings of names among the supervisor's own that this process does not get."""

    def variables(self) -> dict[str, str]:
        """Its whole environment."""
        own = programs.surroundings()
        passed_on = {k: v for k, v in own.items() if not k.startswith(self.withheld)}
        return {**passed_on, **self.environment}


def module(name: str, module_name: str, *arguments: str, **environment: str) -> ServiceProcess:
    """A module of this program, run by this Python."""
    argv = programs.python(str(Path(parent.__file__).with_name("run_module.py")), module_name)
    argv = (*argv, *arguments)
    return ServiceProcess(name=name, argv=argv, environment=environment)


class _Child:
    """A part and the process it is at the moment."""

    def __init__(self, part: ServiceProcess, part_log: PartLog | None) -> None:
        self.part = part
        self.log = part_log
        """Where it writes to; None where that is our own stdout and stderr."""
        self.ended = 0
        """How often in a row it ended soon after its start."""
        self.due = 0.0
        self._process: programs.Process | None = None
        self._started = 0.0

    def start(self) -> None:
        self._started = time.monotonic()
        output = self.log.open() if self.log else None
        try:
            self._process = programs.start(
                # It dies with this process, however this one ends.
                programs.python(parent.__file__, *programs.resolved(self.part.argv)),
                env=self.part.variables(),
                stdout=output,
                stderr=output,
            )
        finally:
            if output is not None:
                output.close()
        log.info("%s started (pid %d)", self.part.name, self._process.pid)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def tend(self) -> None:
        """Tell its errors; notice that it ended, and start it again when its pause is over."""
        for error in self.log.new_errors() if self.log else ():
            log.error("%s: %s", self.part.name, error)
        if self._process is not None and not self.alive:
            steady = time.monotonic() - self._started > STEADY_AFTER_SECONDS
            self.ended = 1 if steady else self.ended + 1
            pause = RESTART_PAUSES_SECONDS[min(self.ended, len(RESTART_PAUSES_SECONDS)) - 1]
            log.warning(
                "%s ended (%s)%s; starting it again in %g s",
                self.part.name,
                _how(self._process.returncode),
                self._last_words(),
                pause,
            )
            self.due, self._process = time.monotonic() + pause, None
        if self._process is None and time.monotonic() >= self.due:
            self.start()

    def _last_words(self) -> str:
        words = self.log.last_words() if self.log else ""
        return f", after {words!r}" if words else ""

    def stop(self, deadline: float) -> None:
        """SIGTERM, and SIGKILL to its whole group at the deadline."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except programs.TookTooLong:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        log.info("%s stopped", self.part.name)


def supervise(
    parts: Sequence[ServiceProcess], stopping: Callable[[], bool], logs: Path | None = None
) -> None:
    """Keep the parts alive until `stopping` says so, then end them, the last one first.

    `logs`: a folder where each has a file for what it writes, of which errors alone are told.
    """
    children = [
        _Child(part, None if logs is None else PartLog(logs / f"{part.name}.log")) for part in parts
    ]
    try:
        while not stopping():
            for child in children:
                child.tend()
            time.sleep(POLL_SECONDS)
    finally:
        deadline = time.monotonic() + STOP_GRACE_SECONDS
        for child in reversed(children):
            child.stop(deadline)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
