"""GitHub's REST API: what its calls carry beside the token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from workers.forges.api.client import ApiClient

API_VERSION = "2022-11-28"


class GitHubClient(ApiClient):
    """A connection to the API of one GitHub."""

    title = "GitHub"
    headers: ClassVar[Mapping[str, str]] = {
        "accept": "application/vnd.github+json",
        "x-github-api-version": API_VERSION,
    }
