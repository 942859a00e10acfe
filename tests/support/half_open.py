"""A TCP proxy whose connections can go silent without closing, as behind a failed firewall."""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.support.services import free_port


class Proxy:
    """Forwards a port of this machine to another one."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._silent: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def go_silent(self) -> None:
        """Connections that are open now carry nothing from now on, and are not closed."""
        self._silent |= self._open

    def close(self) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # `close` alone waits for threads that read
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pipe, args=(source, sink), daemon=True).start()

    def _pipe(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source not in self._silent:
                    sink.sendall(data)
            if source not in self._silent:
                sink.close()
