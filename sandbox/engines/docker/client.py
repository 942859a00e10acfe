"""The way to the Docker engine."""

from __future__ import annotations

import os
import socket
from typing import Any

from docker.client import DockerClient
from docker.errors import DockerException
from docker.utils import parse_host

_UNIX = "http+unix://"


def connect(timeout_seconds: float, **options: Any) -> DockerClient:
    """A client of the engine that the environment names. Raises DockerException where nobody
    listens; docker-py leaks a socket there, so that is looked at first."""
    host = parse_host(os.environ.get("DOCKER_HOST"))
    if host.startswith(_UNIX):
        with socket.socket(socket.AF_UNIX) as attempt:
            attempt.settimeout(timeout_seconds)
            try:
                attempt.connect(host.removeprefix(_UNIX))
            except OSError as error:
                raise DockerException(f"{host.removeprefix(_UNIX)}: {error}") from error
    return DockerClient.from_env(timeout=timeout_seconds, **options)
