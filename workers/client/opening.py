"""Which of the two clients it is."""

from __future__ import annotations

import getpass
import os

from workers.client.base import JobClient
from workers.client.config import ClientSettings
from workers.client.http import HttpClient
from workers.errors import BadRequest


def open_client(server: str | None) -> JobClient:
    """A client of that server, of the one in `REPAIR_SERVER`, or of the store at hand.

    Raises ImportError where the store is asked for and the service's packages are absent.
    """
    settings = ClientSettings()
    url = server or settings.server
    if url is None:
        return _local()
    if not url.startswith(("https://", "http://")):
        raise BadRequest(f"the server {url!r} must begin with https:// or http://")
    return HttpClient(url, settings.token.get_secret_value() if settings.token else None)


def _local() -> JobClient:
    from workers.client.local import LocalClient  # SQLAlchemy: not for clients of a server
    from workers.config import ServiceSettings
    from workers.store.store import open_store

    store = open_store(ServiceSettings())
    store.migrate()
    return LocalClient(store, _user())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, in a container
        return f"uid {os.getuid()}"
