"""What the forges have in common where a token is all there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from workers.forges.api.client import ApiClient
from workers.forges.errors import NotVisible
from workers.forges.forge import Forge
from workers.forges.settings import TokenSettings


@dataclass(frozen=True, kw_only=True)
class TokenForge(Forge):
    """A forge on which this service is the account of a token."""

    settings: TokenSettings
    client: ApiClient
    token: SecretStr
    secret: SecretStr

    @cached_property
    def account(self) -> Mapping[str, Any]:
        """Of the token. Raises CallFailed while the forge cannot be asked."""
        authorization = f"Bearer {self.token.get_secret_value()}"
        account: Mapping[str, Any] = self.client.get("/user", authorization)
        return account

    @property
    def own_id(self) -> int:
        return int(self.account["id"])

    @property
    def folder(self) -> Path:
        return self.settings.own_folder

    @property
    def has_checks(self) -> bool:
        return True

    def check_of(self, repository: str, check_id: int | str) -> str:  # noqa: ARG002
        return ""  # a status has no details

    def clone_url(self, repository: str) -> str:
        return f"{self.settings.url}/{self.path_of(repository)}.git"

    def path_of(self, repository: str) -> str:
        """Its path on the server. Raises NotVisible where it is on another one."""
        server, path = self.settings.server, repository[len(self.settings.server) + 1 :]
        if repository and repository.lower() != f"{server}/{path}".lower():
            raise NotVisible(f"{repository} is not on {server}")
        return path

    def close(self) -> None:
        self.client.close()
