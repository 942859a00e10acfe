"""A guest that is a child process of ours, spoken to through pipes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from sandbox.errors import SandboxUnavailable
from sandbox.host import programs
from sandbox.session.channel import Death

PROCESS_EXIT_SECONDS = 5.0


class PipeChannel:
    """A channel to the guest over the pipes of a child process.

    Implements `sandbox.session.channel.Channel`.
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

    def read(self, size: int) -> bytes:
        return os.read(self._stdout.fileno(), min(size, 1 << 20))

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._stdin.fileno(), view) :]

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        # The guest ends what it runs when its input ends; what does not listen is killed.
        self._stdin.close()
        try:
            self._process.wait(PROCESS_EXIT_SECONDS)
        except programs.TookTooLong:
            self._process.kill()
            self._process.wait()
        self._stdout.close()
        os.close(self._stderr_read)

    def cause_of_death(self) -> Death:
        if self._oom_kills() > 0:
            return Death(reason="it ran out of memory", out_of_memory=True)
        try:
            code: int | None = self._process.wait(PROCESS_EXIT_SECONDS)
        except programs.TookTooLong:
            code = None
        return Death(reason=f"its process exited with {code}: {self._last_words()}")

    def _last_words(self) -> str:
        try:
            return os.read(self._stderr_read, 4096).decode("utf-8", "replace").strip()
        except OSError:
            return ""
