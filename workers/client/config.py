"""Which server the commands talk to. No other module of this package reads the environment."""

from __future__ import annotations

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ClientSettings(BaseSettings):
    """Settings of a client, from `REPAIR_SERVER` and `REPAIR_TOKEN`."""

    model_config = SettingsConfigDict(env_prefix="REPAIR_", extra="ignore", frozen=True)

    server: str | None = None
    """Base URL, e.g. https://repair.example.com; None works on the store at hand."""
    token: SecretStr | None = None
