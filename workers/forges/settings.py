"""What a forge without an App is set up with: an address, a token, a secret."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from workers.forges.errors import NotConfigured

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def is_protected(url: str) -> bool:
    """Whether secrets may go to an address: over TLS, or not beyond this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_HOSTS)
    )


class TokenSettings(BaseSettings):
    """Who the service is on a forge: the account of a token. Of its name are the variables."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    forge: ClassVar[str]

    url: str = ""
    """Where people reach it: API and repositories are below."""
    token: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    folder: Path | None = None
    """Of fetched commits; readable by its owner only."""
    policy: Path | None = None
    """TOML file: what may start a repair where. Without it: label and command, everywhere."""
    write_interval_seconds: float = Field(default=0.2, ge=0)
    """Pause between two changes."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        address = url.strip().rstrip("/")
        if address and not is_protected(address):
            raise ValueError("it must begin with https://, since secrets go there")
        if any(sign in address for sign in "@?#"):
            raise ValueError("it must hold no user, query or fragment")
        return address

    @property
    def own_folder(self) -> Path:
        return self.folder or platformdirs.user_state_path("repair") / self.forge

    @property
    def policy_file(self) -> Path | None:
        if self.policy is not None:
            return self.policy
        usual = self.own_folder / "policy.toml"
        return usual if usual.is_file() else None

    @property
    def server(self) -> str:
        """The address without its scheme, in lower case: it stands before repositories' names."""
        return self.url.partition("://")[2].lower()

    def secrets(self) -> tuple[SecretStr, SecretStr]:
        """Token and webhook secret. Raises NotConfigured: nothing works without either, and
        unsigned deliveries are never taken."""
        for name in ("url", "token", "webhook_secret"):
            value = getattr(self, name)
            text = value.get_secret_value() if isinstance(value, SecretStr) else value
            if not (text or "").strip():
                raise NotConfigured(f"{variable(self.forge, name)} is not set (docs/forges.md)")
        assert self.token is not None
        assert self.webhook_secret is not None
        return self.token, self.webhook_secret

    @classmethod
    def read(cls) -> Self | None:
        """The settings of the environment; None where neither token nor secret is set.

        Raises NotConfigured where one is not right.
        """
        try:
            settings = cls()
        except ValidationError as error:
            first_error = error.errors()[0]
            name = "_".join(str(part) for part in first_error["loc"])
            raise NotConfigured(f"{variable(cls.forge, name)}: {first_error['msg']}") from error
        return settings if settings.token or settings.webhook_secret else None


def variable(forge: str, name: str) -> str:
    """The environment's name of a setting."""
    return f"REPAIR_{forge}_{name}".upper()
