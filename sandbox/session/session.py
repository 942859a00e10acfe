"""A running sandbox, spoken to through its guest over a byte channel."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from sandbox.base import MEBIBYTE, CommandResult, Limits
from sandbox.errors import EngineLost, SandboxDied
from sandbox.machine_identity import MachineIdentity
from sandbox.session.channel import Channel
from sandbox.session.frames import Frame, command_result, guest_error
from sandbox.session.guest_process import GuestProcess
from sandbox.session.guest_requests import Answers, GuestRequests
from sandbox.session.streams import MAX_OPEN_STREAMS, WINDOW_BYTES, Meter, Serve, Streams

ANSWER_GRACE_SECONDS = 10.0
"""Grace of the host over the time-out that the guest enforces."""
CHUNK_BYTES = MEBIBYTE


class GuestSession:
    """A sandbox's session, served by the guest program inside.

    Implements `sandbox.base.Session`. Safe to use from several threads.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        identity: MachineIdentity,
        limits: Limits,
        variables: Mapping[str, str],
        configuration: Mapping[str, Any],
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """Start talking to a guest that `BOOTSTRAP` is about to run.

        Raises SandboxDied when it does not answer. `variables` is the whole environment of
        every command; `configuration` goes to the guest as it is.
        """
        self.workspace = identity.workspace
        self.identity = identity
        self.limits = limits
        self.variables = dict(variables)
        self._channel = channel
        self._on_close = on_close
        self._conversation = GuestRequests(channel)
        self._streams: Streams | None = None
        self._lock = threading.Lock()
        self._closed = False
        try:
            self._conversation.begin()
            self.request("configure", **identity.configuration, **configuration)
        except BaseException:
            self.close()
            raise

    # -- the Session contract ------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> CommandResult:
        header = self._command(argv, cwd, env) | {"timeout": timeout_seconds}
        number, answers = self._conversation.expect()
        try:
            self._conversation.send({"op": "run", "id": number} | header, stdin)
            answer = answers.get(timeout_seconds + ANSWER_GRACE_SECONDS)
        except queue.Empty:
            self.close()
            raise SandboxDied(
                f"the sandbox did not answer {ANSWER_GRACE_SECONDS:g} s after the time-out of"
                f" `{argv[0]}`; it was ended"
            ) from None
        finally:
            self._conversation.forget(number)
        if answer is not None:
            return command_result(*answer)
        ending = self._channel.guest_ending()
        if ending.out_of_memory and not self._closed:
            return CommandResult(
                exit_code=None, stdout="", stderr=ending.reason, seconds=0.0, out_of_memory=True
            )
        raise self._died()

    def start(
        self,
        argv: Sequence[str],
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> GuestProcess:
        number, answers = self._conversation.expect()
        self._conversation.send({"op": "start", "id": number} | self._command(argv, cwd, env))
        return GuestProcess(self._conversation, number, answers, died=self._died, close=self.close)

    def write(self, path: str, content: bytes) -> None:
        self.request("write", content, path=path)

    def read(self, path: str, max_bytes: int = 16 * MEBIBYTE) -> bytes:
        _, content = self.request("read", path=path, max_bytes=max_bytes)
        if len(content) > max_bytes:
            raise ValueError(f"{path} has more than {max_bytes} bytes")
        return content

    def remove(self, path: str) -> None:
        self.request("remove", path=path)

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._streams is not None:
            self._streams.close()
        self._channel.close()
        self._conversation.join(ANSWER_GRACE_SECONDS)
        self._on_close()

    def __enter__(self) -> GuestSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- beyond the contract ---------------------------------------------------------------

    def unpack(self, source: Path, timeout_seconds: float = 600.0) -> None:
        """Extract the tar file `source` into the workspace.

        Raises ValueError for an entry that would leave it, OSError when it does not fit.
        """
        number, answers = self._conversation.expect()
        try:
            with source.open("rb") as tar:
                self._conversation.send_all(_unpacking(number, tar))
            self._answer(answers, timeout_seconds)
        finally:
            self._conversation.forget(number)
        for path, text in self.identity.files.items():
            self.write(path, text.encode())

    def carry(self, ports: Sequence[int], serve: Serve, meter: Meter) -> None:
        """Have connections to these ports of the loopback inside served by `serve`.

        It is called in a thread of its own for each of them.
        """
        self._streams = streams = Streams(self._conversation.send, serve, meter)
        self._conversation.on_stream = streams.receive
        try:
            self.request("listen", ports=list(ports), streams=MAX_OPEN_STREAMS, window=WINDOW_BYTES)
        except BaseException:
            self.close()
            raise

    def read_limits(self) -> Mapping[str, Any]:
        """Return the limits and privileges in force, as the guest reads them from the kernel."""
        header, _ = self.request("limits", paths=self.identity.writable)
        return header

    def request(self, operation: str, body: bytes = b"", **fields: Any) -> Frame:
        """Ask the guest and return its answer.

        Raises what the guest raised (FileNotFoundError, ValueError, OSError), or SandboxDied.
        """
        number, answers = self._conversation.expect()
        try:
            self._conversation.send({"op": operation, "id": number} | fields, body)
            return self._answer(answers, 60.0)
        finally:
            self._conversation.forget(number)

    def _answer(self, answers: Answers, timeout_seconds: float) -> Frame:
        try:
            answer = answers.get(timeout_seconds)
        except queue.Empty:
            self.close()
            raise SandboxDied("the sandbox stopped answering; it was ended") from None
        if answer is None:
            raise self._died()
        header, _ = answer
        if "error" in header:
            raise guest_error(str(header["error"]), str(header.get("message", "")))
        return answer

    def _command(
        self, argv: Sequence[str], cwd: str | None, env: Mapping[str, str] | None
    ) -> dict[str, Any]:
        return {
            "argv": list(argv),
            "cwd": cwd,
            "env": self.variables | dict(env or {}),
            "output_bytes": self.limits.output_bytes,
        }

    def _died(self) -> SandboxDied:
        if self._closed:
            return SandboxDied("the sandbox is closed")
        ending = self._channel.guest_ending()
        self.close()
        kind = EngineLost if ending.engine_lost else SandboxDied
        return kind(f"the sandbox ended: {ending.reason}")


def _unpacking(number: int, tar: BinaryIO) -> Iterator[Frame]:
    """A request whose body is as long as the file is."""
    yield {"op": "unpack", "id": number}, b""
    while chunk := tar.read(CHUNK_BYTES):
        yield {"last": False}, chunk
    yield {"last": True}, b""
