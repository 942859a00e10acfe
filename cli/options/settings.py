"""The settings of this installation, or a sentence about the one that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pydantic import ValidationError

from agent.config import Settings
from cli.errors import BadInput


def read_settings(runtime: str | None = None, allow_hosts: Sequence[str] = ()) -> Settings:
    """Settings from the environment; an option has the last word on its own, or adds to it."""
    with setting_errors():
        settings = Settings()
    update: dict[str, str] = {"docker_runtime": runtime} if runtime else {}
    if allow_hosts:
        update["allow_hosts"] = " ".join([settings.allow_hosts or "", *allow_hosts])
    return settings.model_copy(update=update)


@contextmanager
def setting_errors() -> Iterator[None]:
    """Whichever settings are read inside: the first that cannot be used is named."""
    try:
        yield
    except ValidationError as error:
        if not error.title.endswith("Settings"):
            raise
        first_error = error.errors()[0]
        name = "REPAIR_" + "_".join(str(part) for part in first_error["loc"]).upper()
        message = first_error["msg"].removeprefix("Value error, ")
        raise BadInput(f"The setting {name} cannot be used: {message}.") from error
