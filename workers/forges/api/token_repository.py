"""What repositories have in common on the forges where a token is all there is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from workers.forges.api.client import ApiClient
from workers.forges.api.source import Source

CHECK_NAME = "Repair"
FINAL_STATE = "success"
"""Of a commit whose job is over, however it ended: it is advice, not a gate."""


class TokenRepository(ABC):
    """Calls with the token of the settings."""

    line_reviews = None
    """No suggestions: these forges take comments on lines one by one, so that a part of them could
    be left."""

    def __init__(self, client: ApiClient, token: SecretStr, name: str, own_id: int) -> None:
        self.name = name
        self._client = client
        self._token = token
        self._own_id = own_id

    def check_with(self, commit: str, check: Mapping[str, Any]) -> None:  # noqa: B027
        """None: `create_check` looks itself, and does nothing twice."""

    def create_check(self, commit: str, check: Mapping[str, Any]) -> str:
        """Set the commit's status, which has a state and one line."""
        state, line = self._state(check["status"]), check["output"]["title"]
        latest = self._latest_status(commit)
        is_same = latest is not None and latest["status"] == state
        # GitLab refuses to set a state that goes on; one that is over would stand there twice.
        if is_same and (state != FINAL_STATE or (latest or {}).get("description") == line):
            return CHECK_NAME
        wish = {"state": state, self._status_name: CHECK_NAME, "description": line}
        if "details_url" in check:
            wish["target_url"] = check["details_url"]
        self._change("POST", f"/statuses/{commit}", wish)
        return CHECK_NAME

    def update_check(self, check_id: str, commit: str, check: Mapping[str, Any]) -> None:  # noqa: ARG002
        self.create_check(commit, check)

    def fetch(self, source: Source, commit: str) -> None:
        source.fetch(commit, self._token.get_secret_value())

    def push(self, source: Source, commit: str, branch: str, old_commit: str | None) -> None:
        source.push(commit, branch, old_commit, self._token.get_secret_value())

    _status_name: str
    """Field of a status that holds its name."""

    @abstractmethod
    def _state(self, status: str) -> str:
        """State of a commit for the status of a check run."""

    @abstractmethod
    def _statuses(self, commit: str) -> Iterator[Mapping[str, Any]]:
        """The statuses of a commit that this service set."""

    def _latest_status(self, commit: str) -> Mapping[str, Any] | None:
        return max(self._statuses(commit), key=lambda one: int(one["id"]), default=None)

    @abstractmethod
    def _url(self, path: str) -> str:
        """Path of the API for one below the repository."""

    @property
    def _authorization(self) -> str:
        return f"Bearer {self._token.get_secret_value()}"

    def _get(self, path: str) -> Any:
        return self._client.get(self._url(path), self._authorization)

    def _pages(self, path: str) -> Iterator[Any]:
        return self._client.pages(self._url(path), self._authorization)

    def _change(self, method: str, path: str, body: object) -> Any:
        return self._client.change(method, self._url(path), self._authorization, body)
