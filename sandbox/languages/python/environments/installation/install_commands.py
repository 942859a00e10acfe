"""Runs the commands of an installation, and says what became of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.base import CommandResult, EnvironmentBuilder
from sandbox.egress_report import EgressOutcome
from sandbox.errors import DiskFull, EnvironmentTooLarge, InstallFailed
from sandbox.host.heartbeat import INTERVAL_SECONDS, heartbeat
from sandbox.languages.python.environments.installation.install_progress import InstallProgress
from sandbox.languages.python.environments.installation.pip_output import advice_of, cause_of
from sandbox.session.followed_command import run_followed

NEUTRAL_FOLDER = "/"
"""Where commands run that need no file of the project in the current folder."""
_MAX_SECONDS = 900.0
_TAIL_LINES = 15
_PROGRESS_SECONDS = 2.0
_PROGRESS_CHARACTERS = 160
_TOO_LARGE = re.compile(r"^repair: the environment is too large: (it[^\n]*)$", re.MULTILINE)
"""Said by the guest when it ended a command, see `sandbox.session.guest.quota`."""


@dataclass
class InstallCommands:
    """Commands in the session of one build, one after the other."""

    builder: EnvironmentBuilder
    say: Callable[[str], None]
    variables: Mapping[str, str] = field(default_factory=dict)
    """What they are told beside the network."""
    outside: EgressOutcome = field(default_factory=EgressOutcome)
    """What the last one met outside."""
    beat_seconds: float = INTERVAL_SECONDS
    """How often it is said that a command goes on."""

    def __post_init__(self) -> None:
        self._refused: list[str] = []
        self._told = time.monotonic()

    def run(self, argv: Sequence[str], cwd: str | None = None) -> CommandResult:
        """Run one that may fail. Raises EnvironmentTooLarge and DiskFull."""
        progress = InstallProgress()
        with heartbeat(lambda: self._say(progress.sentence()), self.beat_seconds):
            result = run_followed(
                self.builder.session,
                argv,
                timeout_seconds=_MAX_SECONDS,
                cwd=cwd,
                env=self.variables,
                on_line=lambda line: self._tell(line, progress),
            )
        self.outside = self.builder.outside()
        for sentence in self.outside.refused:
            if sentence not in self._refused:
                self._refused.append(sentence)
                self.say(sentence)
        if not result.ok and (size_match := _TOO_LARGE.search(result.stderr)):
            raise EnvironmentTooLarge.over(size_match[1])
        if not result.ok and "No space left on device" in result.stdout + result.stderr:
            raise DiskFull("no space is left for the project's environment; free some")
        return result

    def keep(self, argv: Sequence[str], cwd: str | None = None) -> CommandResult:
        """Run one whose result is the `last`."""
        self.last = self.run(argv, cwd)
        return self.last

    def need(self, argv: Sequence[str], step: str, cwd: str | None = None) -> None:
        """Run one that must succeed. Raises InstallFailed, which names the step."""
        if not self.keep(argv, cwd).ok:
            raise self.failed(step)

    def failed(self, step: str) -> InstallFailed:
        """Tell why the last command failed."""
        result = self.last
        lines = [line for line in f"{result.stdout}\n{result.stderr}".splitlines() if line.strip()]
        ending = f"it took longer than {_MAX_SECONDS:.0f} s" if result.timed_out else "it failed"
        ending = "it ran out of memory" if result.out_of_memory else ending
        obstacles = "".join(
            f"; {sentence}" for sentence in (*self._refused, *self.outside.unreachable)
        )
        tail = "\n".join(line[:300] for line in lines[-_TAIL_LINES:])
        cause, advice = cause_of(lines), advice_of("\n".join(lines))
        explanation = f" ({cause})" if cause else ""
        hint = f"; {advice}" if advice else ""
        return InstallFailed(
            f"{step}: {ending}{explanation}{hint}{obstacles}; --install names another way\n{tail}"
        )

    def cause(self) -> str | None:
        """Name what the last command itself says is the cause."""
        return cause_of(f"{self.last.stdout}\n{self.last.stderr}".splitlines())

    def _tell(self, line: str, progress: InstallProgress) -> None:
        """Say what an installation does, of its lines one every few seconds."""
        if sentence := progress.hear(line):
            self._say(sentence)
        elif line.strip() and time.monotonic() - self._told >= _PROGRESS_SECONDS:
            self._say(line.strip()[:_PROGRESS_CHARACTERS])

    def _say(self, sentence: str) -> None:
        self._told = time.monotonic()
        self.say(sentence)
