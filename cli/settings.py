"""The settings of this installation, or a sentence about the one that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from agent.config import Settings
from cli.errors import BadInput


def read_settings(runtime: str | None = None) -> Settings:
    """Settings from the environment; `runtime` (the option) has the last word on its own."""
    with setting_errors():
        settings = Settings()
    return settings.model_copy(update={"docker_runtime": runtime}) if runtime else settings


@contextmanager
def setting_errors() -> Iterator[None]:
    """Whichever settings are read inside: the first that cannot be used is named."""
    try:
        yield
    except ValidationError as error:
        if not error.title.endswith("Settings"):
            raise
        first = error.errors()[0]
        name = "REPAIR_" + "_".join(str(part) for part in first["loc"]).upper()
        words = first["msg"].removeprefix("Value error, ")
        raise BadInput(f"The setting {name} cannot be used: {words}.") from error
