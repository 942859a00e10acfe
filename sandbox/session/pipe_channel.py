"""A guest that is a child process of ours, spoken to through pipes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from sandbox.errors import SandboxUnavailable
from sandbox.host import programs
from sandbox.session.channel import GuestEnding

PROCESS_EXIT_SECONDS = 5.0


class PipeChannel:
    """A channel to the guest over the pipes of a child process.

    Implements `sandbox.session.channel.Channel`. A descriptor is closed while nobody uses it: a
    thread that is about to read or write one would find that of another sandbox under its number.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        pass_fds: Sequence[int] = (),
        oom_kills: Callable[[], int] = lambda: 0,
    ) -> None:
        """Start `argv`. `oom_kills` tells how many of its processes the kernel killed."""
        self._oom_kills = oom_kills
        self._stderr_read, stderr_write = os.pipe()
        os.set_blocking(self._stderr_read, False)
        try:
            self._process = programs.start(
                argv, env=env, piped=True, stderr=stderr_write, pass_fds=pass_fds
            )
        except OSError as error:
            os.close(self._stderr_read)
            raise SandboxUnavailable(f"cannot start `{argv[0]}`: {error}") from error
        finally:
            os.close(stderr_write)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._closed = False
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._last_error = threading.Lock()

    def read(self, size: int) -> bytes:
        """Raises ValueError once the channel is closed."""
        with self._reading:
            return os.read(self._stdout.fileno(), min(size, 1 << 20))

    def write(self, data: bytes) -> None:
        """Raises OSError where the guest is gone, ValueError once the channel is closed."""
        view = memoryview(data)
        with self._writing:
            while view:
                view = view[os.write(self._stdin.fileno(), view) :]

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        # The guest ends what it runs when its input ends; what does not listen is killed.
        listens = _closed(self._stdin, self._writing)
        try:
            self._process.wait(PROCESS_EXIT_SECONDS if listens else 0)
        except programs.TookTooLong:
            self._process.kill()
            self._process.wait()
        if not listens:
            _closed(self._stdin, self._writing)
        _closed(self._stdout, self._reading)
        with self._last_error:
            os.close(self._stderr_read)
            self._stderr_read = -1

    def guest_ending(self) -> GuestEnding:
        if self._oom_kills() > 0:
            return GuestEnding(reason="it ran out of memory", out_of_memory=True)
        try:
            code: int | None = self._process.wait(PROCESS_EXIT_SECONDS)
        except programs.TookTooLong:
            code = None
        return GuestEnding(reason=f"its process exited with {code}: {self._last_words()}")

    def _last_words(self) -> str:
        try:
            with self._last_error:
                return os.read(self._stderr_read, 4096).decode("utf-8", "replace").strip()
        except OSError:
            return ""


def _closed(file: IO[bytes], in_use: threading.Lock) -> bool:
    """Close a pipe's end once nobody uses it; False where somebody goes on doing so."""
    if not in_use.acquire(timeout=PROCESS_EXIT_SECONDS):
        return False
    try:
        file.close()
    finally:
        in_use.release()
    return True
