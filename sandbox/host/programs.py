"""The one door to programs of the host: a full path, an isolated Python, a folder of our own.

The current folder is often the repository under repair, which is not trusted. A program, a module
or a setting that is looked up there would run its code as the user, before any sandbox.
"""

from __future__ import annotations

import os
import resource
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

NEUTRAL_FOLDER = Path("/")
"""Where programs start: nobody's repository, and only root can put something there."""
TRACING_PREFIXES = ("LANGSMITH_", "LANGCHAIN_")
"""Settings of a library that would run git in the current folder, and send runs to a server."""

MAX_OUTPUT_BYTES = 128 * 1024**2
MAX_ERROR_BYTES = 1024**2
MAX_MEMORY_BYTES = 4 * 1024**3
"""Of its own; files that it maps do not count."""

Done = subprocess.CompletedProcess[bytes]
Process = subprocess.Popen[bytes]
TookTooLong = subprocess.TimeoutExpired


class ProgramMissing(OSError):
    """A program is not installed; one that the current folder brings along does not count."""


class SaidTooMuch(OSError):
    """The program wrote more than anybody would read, and was ended."""


def shield() -> None:
    """Keep libraries of this process, too, from programs of the current folder."""
    os.environ["PATH"] = search_path()
    for name in [name for name in os.environ if name.startswith(TRACING_PREFIXES)]:
        del os.environ[name]


def search_path() -> str:
    """PATH without entries that are, or depend on, the current folder."""
    entries = [entry for entry in os.get_exec_path() if entry.startswith("/")]
    # An empty PATH would mean the current folder.
    return os.pathsep.join(entry for entry in entries if not _is_here(entry)) or os.defpath


def program(name: str) -> str | None:
    """The full path of a program on PATH; None where there is none."""
    return shutil.which(name, path=search_path())


def python(*arguments: str) -> tuple[str, ...]:
    """This Python, which imports nothing from folders or variables that others set."""
    return (sys.executable, "-I", *arguments)


def surroundings() -> dict[str, str]:
    """The user's own variables, PATH without what depends on the current folder."""
    return {**os.environ, "PATH": search_path()}


def run(
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    env: Mapping[str, str] | None = None,
    cwd: Path = NEUTRAL_FOLDER,
    pass_fds: Sequence[int] = (),
) -> Done:
    """Run a program to its end, with no input. Raises ProgramMissing, OSError, TookTooLong.

    What it reads may be made to cost a lot, so that its memory and its output are limited;
    SaidTooMuch is raised, too.
    """
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            resolved(argv),
            env=surroundings() if env is None else {**env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=tuple(pass_fds),
        ) as process,
    ):
        try:
            _limit(process)
            output = _drained(process, timeout_seconds)
            code = process.wait(timeout_seconds)
        except BaseException:
            process.kill()
            raise
        errors.seek(0)
        return Done(process.args, code, output, errors.read(MAX_ERROR_BYTES))


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    piped: bool = False,
    quiet: bool = False,
    new_session: bool = True,
    stdout: IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> Process:
    """Start a program in a session of its own: Ctrl-C is for us to handle. Raises as `run`.

    `quiet`: with no input, and what it says on stdout is dropped; `stdout` is for what is neither
    that nor `piped`. Not `new_session`: it keeps our terminal, for what ssh may ask.
    """
    pipe = subprocess.PIPE if piped else subprocess.DEVNULL if quiet else None
    return subprocess.Popen(
        resolved(argv),
        env=surroundings() if env is None else {**env},
        cwd=NEUTRAL_FOLDER,
        stdin=pipe,
        stdout=stdout if pipe is None else pipe,
        stderr=stderr,
        pass_fds=tuple(pass_fds),
        bufsize=0 if piped else -1,
        start_new_session=new_session,
    )


def resolved(argv: Sequence[str]) -> list[str]:
    """The command with the full path of its program. Raises ProgramMissing."""
    name = argv[0]
    path = name if name.startswith("/") else None if "/" in name else program(name)
    if path is None:
        raise ProgramMissing(f"there is no program {name} on PATH")
    return [path, *argv[1:]]


def _limit(process: Process) -> None:
    if sys.platform == "linux":
        with suppress(OSError):  # it has ended
            resource.prlimit(
                process.pid, resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES)
            )


def _drained(process: Process, seconds: float) -> bytes:
    deadline, spare_bytes = time.monotonic() + seconds, MAX_OUTPUT_BYTES
    parts: list[bytes] = []
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while spare_bytes >= 0:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TookTooLong(process.args, seconds)
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                return b"".join(parts)
            parts.append(part)
            spare_bytes -= len(part)
    raise SaidTooMuch(f"it said more than {MAX_OUTPUT_BYTES // 1024**2} MiB")


def _is_here(folder: str) -> bool:
    try:
        return Path(folder).samefile(os.curdir)
    except OSError:
        return False
