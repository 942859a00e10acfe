"""A running sandbox, spoken to through its guest over a byte channel."""

from __future__ import annotations

import itertools
import json
import queue
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from sandbox.base import MEBIBYTE, CommandResult, Limits
from sandbox.errors import EngineLost, SandboxDied

GUEST_MODULES = ("limits", "channel", "files", "supervisor", "command", "main")
"""Files of `sandbox/guest`, each after those it imports."""
# Reads the length and the source that `guest_source` packs, then becomes the guest.
BOOTSTRAP = """
import os, sys, json, types
def take(n):
    d = b""
    while len(d) < n:
        p = os.read(0, n - len(d))
        if not p: os._exit(0)
        d += p
    return d
guest = sys.modules["repair_guest"] = types.ModuleType("repair_guest")
guest.__path__ = []
for name, source in json.loads(take(int.from_bytes(take(4), "big"))):
    module = sys.modules["repair_guest." + name] = types.ModuleType("repair_guest." + name)
    module.__package__ = "repair_guest"
    exec(compile(source, "guest/" + name + ".py", "exec"), module.__dict__)
    setattr(guest, name, module)
guest.main.main()
"""
INTERPRETER_FLAGS = ("-I", "-S", "-B", "-X", "utf8", "-c", BOOTSTRAP)
OUTER_SECONDS = 10.0
"""Grace of the host over the time-out that the guest enforces."""
HEADER_BYTES = 16 * MEBIBYTE
BODY_BYTES = 256 * MEBIBYTE
LINE_BYTES = 64 * MEBIBYTE
CHUNK_BYTES = MEBIBYTE

Frame = tuple[dict[str, Any], bytes]


class Channel(Protocol):
    """Bytes to and from the guest. `read` returns b"" at the end; both raise OSError."""

    def read(self, size: int) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None:
        """End the guest and everything with it; free what it held. Safe to call twice."""

    def cause_of_death(self) -> Death:
        """Why the guest ended, asked once it has."""


@dataclass(frozen=True, kw_only=True)
class Death:
    """Why a guest ended without being asked to."""

    reason: str
    out_of_memory: bool = False
    """The sandbox as a whole was killed for memory: the code's doing, not the machine's."""
    engine_lost: bool = False
    """The machine's doing, not the code's."""


def guest_source() -> bytes:
    """Return the guest as `BOOTSTRAP` reads it: a length, then its modules as JSON."""
    folder = Path(__file__).parent / "guest"
    modules = [[name, (folder / f"{name}.py").read_text("utf-8")] for name in GUEST_MODULES]
    text = json.dumps(modules).encode()
    return len(text).to_bytes(4, "big") + text


class _Answers:
    """Frames for one request, and the end of the channel as None for ever."""

    def __init__(self) -> None:
        self.frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()

    def get(self, timeout: float | None) -> Frame | None:
        frame = self.frames.get(timeout=timeout)
        if frame is None:
            self.frames.put(None)
        return frame


class GuestSession:
    """Implements `sandbox.base.Session`. Safe to use from several threads."""

    def __init__(
        self,
        channel: Channel,
        *,
        workspace: str,
        limits: Limits,
        variables: Mapping[str, str],
        configuration: Mapping[str, Any],
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """Start talking to a guest that `BOOTSTRAP` is about to run.

        Raises SandboxDied when it does not answer. `variables` is the whole environment of
        every command; `configuration` goes to the guest as it is.
        """
        self.workspace = workspace
        self.limits = limits
        self.variables = dict(variables)
        self._channel = channel
        self._on_close = on_close
        self._ids = itertools.count(1)
        self._answers: dict[int, _Answers] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._closed = False
        self._reader = threading.Thread(target=self._read_frames, name="guest", daemon=True)
        try:
            self._write(guest_source())
            self._reader.start()
            self.request("configure", workspace=workspace, **configuration)
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
        number, answers = self._expect()
        try:
            self._send({"op": "run", "id": number} | header, stdin)
            answer = answers.get(timeout_seconds + OUTER_SECONDS)
        except queue.Empty:
            self.close()
            raise SandboxDied(
                f"the sandbox did not answer {OUTER_SECONDS:g} s after the time-out of"
                f" `{argv[0]}`; it was ended"
            ) from None
        finally:
            self._forget(number)
        if answer is not None:
            return _result(*answer)
        death = self._channel.cause_of_death()
        if death.out_of_memory and not self._closed:
            return CommandResult(
                exit_code=None, stdout="", stderr=death.reason, seconds=0.0, out_of_memory=True
            )
        raise self._died()

    def start(
        self,
        argv: Sequence[str],
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> GuestProcess:
        number, answers = self._expect()
        self._send({"op": "start", "id": number} | self._command(argv, cwd, env))
        return GuestProcess(self, number, answers)

    def write(self, path: str, content: bytes) -> None:
        self.request("write", content, path=path)

    def read(self, path: str, max_bytes: int = 16 * MEBIBYTE) -> bytes:
        _, content = self.request("read", path=path, max_bytes=max_bytes)
        if len(content) > max_bytes:
            raise ValueError(f"{path} has more than {max_bytes} bytes")
        return content

    def remove(self, path: str) -> None:
        self.request("remove", path=path)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._channel.close()
        if self._reader.is_alive() and self._reader is not threading.current_thread():
            self._reader.join(OUTER_SECONDS)
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
        number, answers = self._expect()
        try:
            with source.open("rb") as tar, self._writing:
                self._write_frame({"op": "unpack", "id": number})
                while chunk := tar.read(CHUNK_BYTES):
                    self._write_frame({"last": False}, chunk)
                self._write_frame({"last": True})
            self._answer(answers, timeout_seconds)
        finally:
            self._forget(number)

    def read_limits(self) -> dict[str, Any]:
        """Return the limits and privileges in force, as the guest reads them from the kernel."""
        header, _ = self.request("limits")
        return header

    def request(self, operation: str, body: bytes = b"", **fields: Any) -> Frame:
        """Ask the guest and return its answer.

        Raises what the guest raised (FileNotFoundError, ValueError, OSError), or SandboxDied.
        """
        number, answers = self._expect()
        try:
            self._send({"op": operation, "id": number} | fields, body)
            return self._answer(answers, 60.0)
        finally:
            self._forget(number)

    def _answer(self, answers: _Answers, timeout_seconds: float) -> Frame:
        try:
            answer = answers.get(timeout_seconds)
        except queue.Empty:
            self.close()
            raise SandboxDied("the sandbox stopped answering; it was ended") from None
        if answer is None:
            raise self._died()
        header, _ = answer
        if "error" in header:
            raise _error(str(header["error"]), str(header.get("message", "")))
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
        death = self._channel.cause_of_death()
        self.close()
        kind = EngineLost if death.engine_lost else SandboxDied
        return kind(f"the sandbox ended: {death.reason}")

    # -- frames ----------------------------------------------------------------------------

    def _expect(self) -> tuple[int, _Answers]:
        number, answers = next(self._ids), _Answers()
        with self._lock:
            self._answers[number] = answers
            if self._ended.is_set():
                answers.frames.put(None)
        return number, answers

    def _forget(self, number: int) -> None:
        with self._lock:
            self._answers.pop(number, None)

    def _send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        with self._writing:
            self._write_frame(header, body)

    def _write_frame(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        text = json.dumps(header).encode()
        self._write(struct.pack(">II", len(text), len(body)) + text + body)

    def _write(self, data: bytes) -> None:
        # A guest that is gone shows as the end of the answers: one place tells why.
        try:
            self._channel.write(data)
        except (OSError, ValueError):
            self._ended.wait(1.0)

    def _read_frames(self) -> None:
        try:
            while True:
                header_size, body_size = struct.unpack(">II", self._exactly(8))
                if header_size > HEADER_BYTES or body_size > BODY_BYTES:
                    break  # not our guest any more
                header = json.loads(self._exactly(header_size))
                self._dispatch(header, self._exactly(body_size))
        except (EOFError, OSError, ValueError, TypeError, KeyError):
            pass
        self._ended.set()
        with self._lock:
            waiting = list(self._answers.values())
        for answers in waiting:
            answers.frames.put(None)

    def _dispatch(self, header: dict[str, Any], body: bytes) -> None:
        with self._lock:
            answers = self._answers.get(header["id"])
        if answers is not None:
            answers.frames.put((header, body))

    def _exactly(self, size: int) -> bytes:
        pieces = bytearray()
        while len(pieces) < size:
            piece = self._channel.read(size - len(pieces))
            if not piece:
                raise EOFError
            pieces += piece
        return bytes(pieces)


class GuestProcess:
    """Implements `sandbox.base.Process`. One thread at a time."""

    def __init__(self, session: GuestSession, number: int, answers: _Answers) -> None:
        self._session = session
        self._number = number
        self._answers = answers
        self._partial = bytearray()
        self._lines: list[bytes] = []
        self._ended: CommandResult | None = None

    def send(self, line: bytes) -> None:
        if self._ended is not None:
            raise self._gone()
        self._session._send({"op": "send", "id": self._number}, line + b"\n")

    def receive(self, timeout_seconds: float) -> bytes | None:
        deadline = time.monotonic() + timeout_seconds
        while not self._lines:
            if self._ended is not None:
                raise self._gone()
            try:
                frame = self._answers.get(max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if frame is None:
                raise self._session._died()
            self._take(*frame)
        return self._lines.pop(0)

    def kill(self) -> None:
        if self._ended is not None:
            return
        self._session._send({"op": "kill", "id": self._number})
        try:
            while self._ended is None:
                frame = self._answers.get(OUTER_SECONDS)
                if frame is None:
                    return
                self._take(*frame)
        except queue.Empty:
            self._session.close()

    def _take(self, header: dict[str, Any], body: bytes) -> None:
        if header.get("event") == "ended":
            self._ended = _result(header, body)
            self._session._forget(self._number)
            return
        self._session._send({"op": "ack", "id": self._number, "bytes": len(body)})
        *lines, rest = body.split(b"\n")
        if lines:
            lines[0] = bytes(self._partial) + lines[0]
            self._partial.clear()
        self._lines += lines
        self._partial += rest
        if len(self._partial) > LINE_BYTES:
            self._partial.clear()
            self._session._send({"op": "kill", "id": self._number})

    def _gone(self) -> SandboxDied:
        ended = self._ended
        assert ended is not None
        how = "out of memory" if ended.out_of_memory else f"exit code {ended.exit_code}"
        return SandboxDied(f"the process ended ({how}): {ended.stderr[-2000:]}")


def _result(header: dict[str, Any], body: bytes) -> CommandResult:
    split = int(header["stdout_bytes"])
    code = header["exit_code"]
    return CommandResult(
        exit_code=None if code is None else int(code),
        stdout=body[:split].decode("utf-8", "replace"),
        stderr=body[split:].decode("utf-8", "replace"),
        seconds=float(header["seconds"]),
        timed_out=bool(header["timed_out"]),
        out_of_memory=bool(header["out_of_memory"]),
    )


def _error(name: str, message: str) -> Exception:
    if name == "FileNotFoundError":
        return FileNotFoundError(message)
    if name == "ValueError" or name.startswith("Unicode"):
        return ValueError(message)
    return OSError(message)
