"""Ports that a part of the service is going to listen on."""

from __future__ import annotations

import socket

from workers.errors import PortTaken


def check_free(host: str, port: int, remedy: str) -> None:
    """Check that a port is free.

    Raises PortTaken where something listens there already. `remedy` says what else to do.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror.lower() if error.strerror else str(error)
            raise PortTaken(
                f"port {port} of {host} cannot be used ({reason}): is a service running already? "
                f"If not, {remedy}"
            ) from error
