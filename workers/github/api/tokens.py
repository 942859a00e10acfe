"""Tokens: minted when needed, for one repository and named permissions, forgotten when old."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from gidgethub.apps import get_jwt
from pydantic import SecretStr

from workers.forges.errors import CallFailed, NotConfigured
from workers.github.api.client import GitHubClient
from workers.github.config import GitHubSettings

TOKEN_MARGIN_SECONDS = 300.0
"""A token this close to its end is replaced: what it is for may take a while."""
APP_TOKEN_SECONDS = 540
APP_TOKEN_USE_SECONDS = 300.0
"""For so long calls as the App itself carry the same token: the client knows limits and ETags by
it."""

Permissions = Mapping[str, str]
READ_PERMISSIONS: Permissions = MappingProxyType(
    {
        "checks": "read",
        "contents": "read",
        "issues": "read",
        "metadata": "read",
        "pull_requests": "read",
    }
)
"""To look a target up and fetch it."""
COMMENT_PERMISSIONS: Permissions = MappingProxyType({"issues": "write", "pull_requests": "write"})
"""To answer in comments."""
PUBLISH_PERMISSIONS: Permissions = MappingProxyType(
    {"checks": "write", "contents": "write", "issues": "write", "pull_requests": "write"}
)
"""To push a branch and tell about it."""


class Tokens(Protocol):
    """Provides access tokens for repositories."""

    def token(self, repository: str, permissions: Permissions) -> SecretStr:
        """A token that is good for a while. Raises CallFailed."""
        ...

    def forget(self, repository: str) -> None:
        """Drop a token that was refused, so that the next one is new."""
        ...


class PlainToken:
    """One token of a person, as given. It cannot be narrowed or renewed."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def token(self, repository: str, permissions: Permissions) -> SecretStr:  # noqa: ARG002
        return self._token

    def forget(self, repository: str) -> None:
        """Do nothing: there is no other token."""


@dataclass(frozen=True)
class _Minted:
    token: SecretStr
    good_until: float
    """Seconds since the epoch."""


class AppTokens:
    """Installation tokens of a GitHub App.

    https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
    """

    def __init__(self, client: GitHubClient, app_id: int, private_key: SecretStr) -> None:
        self._client = client
        self._app_id = app_id
        self._key = private_key
        self._lock = threading.RLock()
        self._minted: dict[tuple[str, tuple[tuple[str, str], ...]], _Minted] = {}
        self._app_header = ""
        self._app_header_ends = 0.0
        """Seconds since the epoch."""

    def token(self, repository: str, permissions: Permissions) -> SecretStr:
        key = (repository.lower(), tuple(sorted(permissions.items())))
        with self._lock:  # one mint for all who wait
            entry = self._minted.get(key)
            if entry is None or entry.good_until - TOKEN_MARGIN_SECONDS < time.time():
                entry = self._minted[key] = self._mint(repository, permissions)
            return entry.token

    def forget(self, repository: str) -> None:
        with self._lock:
            for key in [key for key in self._minted if key[0] == repository.lower()]:
                del self._minted[key]

    def app_authorization(self) -> str:
        """The header that speaks for the App itself. Raises NotConfigured for a broken key."""
        with self._lock:
            # A clock that was set back leaves it behind, too.
            if not 0 < self._app_header_ends - time.time() <= APP_TOKEN_USE_SECONDS:
                self._app_header = f"Bearer {self._app_token()}"
                self._app_header_ends = time.time() + APP_TOKEN_USE_SECONDS
            return self._app_header

    def _app_token(self) -> str:
        key, app_id = self._key.get_secret_value().replace("\\n", "\n"), str(self._app_id)
        try:
            return get_jwt(app_id=app_id, private_key=key, expiration=APP_TOKEN_SECONDS)
        except ValueError as error:
            raise NotConfigured("REPAIR_GITHUB_PRIVATE_KEY is not a PEM key") from error

    def _mint(self, repository: str, permissions: Permissions) -> _Minted:
        app = self.app_authorization()
        installation = self._client.get(f"/repos/{repository}/installation", app)
        answer = self._client.change(
            "POST",
            f"/app/installations/{int(installation['id'])}/access_tokens",
            app,
            {"repositories": [repository.partition("/")[2]], "permissions": dict(permissions)},
        )
        try:
            expires = datetime.fromisoformat(answer["expires_at"].replace("Z", "+00:00"))
            return _Minted(SecretStr(answer["token"]), expires.timestamp())
        except (KeyError, TypeError, ValueError) as error:
            raise CallFailed("GitHub gave a token without an end") from error


def make_tokens(settings: GitHubSettings, client: GitHubClient) -> Tokens:
    """The App's tokens where there is an App, else the plain one. Raises NotConfigured."""
    if settings.app_id is not None and settings.private_key is not None:
        return AppTokens(client, settings.app_id, settings.private_key)
    if settings.token is not None:
        return PlainToken(settings.token)
    raise NotConfigured(
        "neither an App nor a token for GitHub is set up; run `repair github setup`, or set "
        "REPAIR_GITHUB_TOKEN"
    )
