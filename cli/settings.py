"""The settings of this installation, or a sentence about the one that cannot be used."""

from __future__ import annotations

from pydantic import ValidationError

from agent.config import Settings
from cli.errors import BadInput


def read_settings(runtime: str | None = None) -> Settings:
    """Settings from the environment; `runtime` (the option) has the last word on its own."""
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "REPAIR_" + "_".join(str(part) for part in first["loc"]).upper()
        raise BadInput(f"The setting {name} cannot be used: {first['msg']}.") from error
    return settings.model_copy(update={"docker_runtime": runtime}) if runtime else settings
