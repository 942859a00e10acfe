"""The commands' way to the jobs: a client, with its errors as the command line's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.extras import how_to_add
from cli.errors import BadInput, ServiceDown
from cli.options.settings import setting_errors

if TYPE_CHECKING:
    from workers.client.base import JobClient


@contextmanager
def job_client(server: str | None) -> Iterator[JobClient]:
    """A client for one command. Raises BadInput or ServiceDown."""
    with service_errors():
        from workers.client.opening import open_client  # other commands do without the package

        client = open_client(server)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def service_errors() -> Iterator[None]:
    """Errors of `workers`, which this package imports only inside the commands that need it."""
    from workers.errors import WorkersError

    try:
        with setting_errors():
            yield
    except WorkersError as error:
        sentence = f"{str(error)[:1].upper()}{str(error)[1:]}."
        raise (ServiceDown if error.retryable else BadInput)(sentence) from error
    except ImportError as error:
        raise ServiceDown(f"The queue needs {error.name}: {how_to_add('service')}") from error
