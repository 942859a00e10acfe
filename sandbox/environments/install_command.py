"""Runs one command of an installation: signs of life while it is silent, and what its end means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.base import CommandResult, EnvironmentBuilder
from sandbox.errors import DiskFull, EnvironmentTooLarge, InstallFailed
from sandbox.host.heartbeat import INTERVAL_SECONDS, sign_of_life
from sandbox.session.followed_command import run_followed

MAX_INSTALL_SECONDS = 900.0
_TAIL_LINES = 15


@dataclass
class InstallCommands:
    """The commands of one installation."""

    builder: EnvironmentBuilder
    say: Callable[[str], None]
    contents: str
    """What takes the space: `packages`."""
    full: Sequence[str]
    """Words of a disk that is full, in lower case."""
    beat_seconds: float = INTERVAL_SECONDS
    """How often it is said that a command goes on: package managers say nothing themselves."""

    def run(
        self,
        argv: Sequence[str],
        variables: Mapping[str, str],
        folder: str = "",
        what: str = "still installing",
    ) -> CommandResult:
        """Run it in a folder of the workspace.

        Raises EnvironmentTooLarge and DiskFull, or what the sandbox raises.
        """
        session = self.builder.session
        with sign_of_life(self.say, what, self.beat_seconds):
            result = run_followed(
                session,
                argv,
                timeout_seconds=MAX_INSTALL_SECONDS,
                cwd=f"{session.workspace}/{folder}" if folder else None,
                env=variables,
                on_line=lambda _: None,
            )
        text = result.stdout + result.stderr
        if not result.ok and "repair: the environment is too large" in text:
            raise EnvironmentTooLarge.over(f"its {self.contents} take more than is allowed")
        if not result.ok and any(words in text.lower() for words in self.full):
            raise DiskFull("no space is left for the project's environment; free some")
        return result

    def failed(self, step: str, result: CommandResult) -> InstallFailed:
        """Why a step failed, with the end of what it printed."""
        outside = self.builder.outside()
        obstacles = "".join(f"; {text}" for text in (*outside.refused, *outside.unreachable))
        ending = "it failed"
        if result.timed_out:
            ending = f"it took longer than {MAX_INSTALL_SECONDS:.0f} s"
        elif result.out_of_memory:
            ending = "it ran out of memory"
        tail = "\n".join(line[:300] for line in lines_of(result)[-_TAIL_LINES:])
        return InstallFailed(f"{step}: {ending}{obstacles}; --install names another way\n{tail}")


def lines_of(result: CommandResult) -> list[str]:
    """What a command printed, without empty lines."""
    return [line for line in f"{result.stdout}\n{result.stderr}".splitlines() if line.strip()]
