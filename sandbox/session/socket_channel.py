"""A guest that is the command of a Docker container, spoken to through an attached socket."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from sandbox.session.channel import GuestEnding

STDERR = 2
USE_END_SECONDS = 5.0
ENGINE_ERRORS = (DockerException, RequestException, OSError)
"""What docker-py raises: its own errors, those of requests, and those of the socket."""


class SocketChannel:
    """Implements `sandbox.session.channel.Channel` over docker's multiplexed stream (no
    terminal)."""

    def __init__(self, container: Any, *, remove: bool = True) -> None:
        """Attach to `container`, which is created and not started, and start it.

        With `remove=False` closing kills the container and leaves it to be committed.
        """
        self._container = container
        self._remove = remove
        parameters = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        self._file = container.attach_socket(params=parameters)
        # Over a Unix socket and TCP the raw socket is inside; TLS and pipes are it themselves.
        self._socket: socket.socket = getattr(self._file, "_sock", self._file)
        self._socket.settimeout(None)
        self._left = 0
        self._stderr = bytearray()
        self._closed = False
        self._reading, self._writing = threading.Lock(), threading.Lock()
        try:
            container.start()
        except ENGINE_ERRORS:
            self._disconnect()
            raise

    def read(self, size: int) -> bytes:
        with self._reading:
            while self._left == 0:
                header = self._exactly(8)
                if len(header) < 8:
                    return b""
                length = int.from_bytes(header[4:], "big")
                if header[0] == STDERR:
                    self._stderr += self._exactly(length)
                    del self._stderr[:-4096]
                else:
                    self._left = length
            data = self._socket.recv(min(size, self._left))
            self._left -= len(data)
            return data

    def write(self, data: bytes) -> None:
        with self._writing:
            self._socket.sendall(data)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(*ENGINE_ERRORS):
            if self._remove:
                self._container.remove(force=True, v=True)
            else:
                self._container.kill()
        # Whoever waits on the socket was woken when it was shut down; its number goes to another
        # sandbox once it is closed, so nobody may be about to use it.
        uses = [
            use for use in (self._reading, self._writing) if use.acquire(timeout=USE_END_SECONDS)
        ]
        self._disconnect()
        for use in uses:
            use.release()

    def _disconnect(self) -> None:
        # docker-py keeps the response alive beside the socket, and leaks it otherwise.
        objects: list[Any] = [getattr(self._file, "_response", None), self._file, self._socket]
        for item in filter(None, objects):
            with suppress(OSError, ValueError):
                item.close()

    def guest_ending(self) -> GuestEnding:
        try:
            self._container.reload()
            state = self._container.attrs["State"]
        except NotFound:
            return GuestEnding(reason="its container was removed from outside", engine_lost=True)
        except ENGINE_ERRORS as error:
            reason = f"the Docker engine does not answer ({error})"
            return GuestEnding(reason=reason, engine_lost=True)
        if state.get("OOMKilled"):
            return GuestEnding(reason="it ran out of memory", out_of_memory=True)
        error_text = self._stderr.decode("utf-8", "replace").strip()
        return GuestEnding(
            reason=f"its container is {state.get('Status')}, exit code {state.get('ExitCode')}"
            f" {state.get('Error', '')} {error_text}".strip()
        )

    def _exactly(self, size: int) -> bytes:
        pieces = bytearray()
        while len(pieces) < size:
            piece = self._socket.recv(size - len(pieces))
            if not piece:
                break
            pieces += piece
        return bytes(pieces)
