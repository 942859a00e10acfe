"""The contract every sandbox keeps. Untrusted code runs behind it and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sandbox.machine_identity import MachineIdentity

from sandbox.egress_report import EgressOutcome

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one sandbox may use. Every field is enforced, or the sandbox refuses to open."""

    memory_bytes: int = 2048 * MEBIBYTE
    """Resident memory of all processes together, tmpfs and /dev/shm included."""
    processes: int = 256
    """Processes and threads alive at once."""
    cpus: float = 2.0
    """CPU-seconds per wall second."""
    workspace_bytes: int = 1024 * MEBIBYTE
    """Size of the writable file systems (workspace and /tmp)."""
    output_bytes: int = 1 * MEBIBYTE
    """Kept of each of stdout and stderr: half from the head, half from the tail."""


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """How one command ended inside the sandbox."""

    exit_code: int | None
    """None when it was killed for time or memory; negative is a signal, as in `subprocess`."""
    stdout: str
    """Decoded as UTF-8 with replacement; the middle is cut when over the limit."""
    stderr: str
    seconds: float
    """Wall-clock time inside the sandbox."""
    timed_out: bool = False
    out_of_memory: bool = False

    @property
    def ok(self) -> bool:
        return self.exit_code == 0


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An interpreter with the project's dependencies, built once and mounted read-only."""

    key: str
    """Hex digest over base, interpreter, lock files and install commands."""
    python: str
    """Path of the interpreter as seen inside the sandbox."""
    python_version: tuple[int, int, int]
    root: Path | None = None
    """Host folder mounted at the same path inside (bubblewrap, process); None with an image."""
    image: str | None = None
    """Docker image that holds the environment; None without an engine."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Extra environment variables; `{workspace}` in a value stands for the workspace path."""
    toolchain: str = ""
    """What runs the project where that is not Python, e.g. `Node 22.1.0`; the interpreter is then
    the one that the sandbox itself needs."""
    folders: tuple[str, ...] = ()
    """Folders of this machine that are mounted at the same path, read-only: a toolchain."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that exists in a sandbox."""

    path: str
    version: tuple[int, int, int]
    compiler: bool = False
    """A C compiler and Python's headers are beside it."""


class Process(Protocol):
    """A long-lived command inside a session, spoken to through its stdin and stdout.

    stdout and stdin carry newline-terminated lines (bytes); stderr is kept, capped.
    """

    def send(self, line: bytes) -> None:
        """Write one line (the newline is added). Raises SandboxDied when the process is gone."""

    def receive(self, timeout_seconds: float) -> bytes | None:
        """Return the next line without its newline; None at a time-out.

        Raises SandboxDied when the process ended; the message holds the tail of its stderr.
        """

    @property
    def result(self) -> CommandResult | None:
        """How it ended; None while it runs. Of its stdout there is what followed the last line."""

    def kill(self) -> None:
        """End it and everything it started. Safe to call twice."""


class Session(Protocol):
    """One sandbox that is running. Close it, or use it as a context manager."""

    workspace: str
    """Absolute path of the writable project copy as seen inside."""
    identity: MachineIdentity
    """Which machine it claims to be."""

    @property
    def closed(self) -> bool:
        """Whether the session was closed, by its taker or because it died."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> CommandResult:
        """Run a command to its end. `cwd` defaults to the workspace.

        Everything it started is dead when this returns. Raises SandboxDied when the
        sandbox itself went away.
        """

    def start(
        self,
        argv: Sequence[str],
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Process: ...

    def write(self, path: str, content: bytes) -> None:
        """Write a file; relative paths are in the workspace; parents are made."""

    def read(self, path: str, max_bytes: int = 16 * MEBIBYTE) -> bytes:
        """Return a regular file's bytes. Raises FileNotFoundError; ValueError when it is a
        link, a device or larger than `max_bytes`."""

    def remove(self, path: str) -> None:
        """Remove a file if it is there."""

    def close(self) -> None:
        """End everything inside and free what the session held. Safe to call twice."""

    def __enter__(self) -> Session: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


class EnvironmentBuilder(Protocol):
    """The install stage: package indexes in reach, no secrets, its folder writable."""

    @property
    def session(self) -> Session:
        """Runs the install steps. Its workspace holds the project at the path of later sessions."""

    @property
    def outside(self) -> Callable[[], EgressOutcome]:
        """Tells what became of the build's connections since it was last asked."""

    @property
    def prefix(self) -> str:
        """Folder inside that will hold the environment (a virtualenv is made here)."""

    def seal(
        self, *, python: str, python_version: tuple[int, int, int], variables: Mapping[str, str]
    ) -> Environment:
        """Freeze the folder, so that sessions can mount it. Atomic: where somebody else sealed
        one under this key meanwhile, that one is returned, and this one thrown away."""

    def discard(self) -> None:
        """Throw the unfinished environment away. Safe after `seal`."""


class Sandbox(Protocol):
    """A way to run untrusted code: docker, bubblewrap or process."""

    name: str

    def interpreters(self) -> Sequence[Interpreter]:
        """Pythons that can be had here, newest first."""

    def environment(self, key: str) -> Environment | None:
        """The sealed environment with this key, when it is already there.

        Raises EnvironmentDamaged, once, when it is not what was sealed."""

    def environment_key_parts(self, interpreter: Interpreter) -> Sequence[str]:
        """What decides, besides the steps taken, what an environment with this Python will hold:
        the kind of sandbox, the interpreter or base image, and where packages come from."""

    def build(
        self,
        key: str,
        interpreter: Interpreter,
        source: Path,
        base: Environment | None = None,
        *,
        folders: Sequence[str] = (),
    ) -> EnvironmentBuilder:
        """Open the install stage. `source` is a tar file (see `sandbox.snapshots.snapshot`); the
        prefix begins as a copy of the sealed `base`, or empty. `folders` as in `Environment`."""

    def open(
        self,
        environment: Environment,
        source: Path,
        limits: Limits,
        identity: MachineIdentity | None = None,
    ) -> Session:
        """Start a fresh, offline sandbox whose workspace holds the tar file `source`.

        It claims to be the machine `identity`; without one, that where all tests run.

        Raises LimitNotEnforced when a limit read back from inside is not in force.
        """
