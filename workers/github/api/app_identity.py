"""Who this service is on GitHub, so that it leaves alone what it did itself."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from workers.forges.errors import Forbidden, NotVisible, Unauthorized
from workers.github.api.client import GitHubClient
from workers.github.api.payloads import App
from workers.github.api.tokens import READ_PERMISSIONS, AppTokens, Tokens


@dataclass(frozen=True)
class AppIdentity:
    """How this service is known to GitHub. Names can be taken by others, ids cannot."""

    app_id: int | None = None
    bot_id: int | None = None
    """Account the App acts as."""

    def made(self, app: App | None) -> bool:
        return app is not None and app.id == self.app_id

    def acted(self, sender_id: int | None) -> bool:
        return sender_id is not None and sender_id == self.bot_id


def find_self(
    client: GitHubClient, tokens: Tokens, app_id: int | None, bot_id: int | None
) -> AppIdentity:
    """The ids this service acts under, asked for where the settings do not say.

    Raises CallFailed.
    """
    if bot_id is not None:
        return AppIdentity(app_id=app_id, bot_id=bot_id)
    if isinstance(tokens, AppTokens):
        slug = client.get("/app", tokens.app_authorization())["slug"]
        # The App itself may not read accounts on every server; its absence costs one safeguard.
        try:
            bot = client.get(f"/users/{quote(slug)}%5Bbot%5D", tokens.app_authorization())
        except (Forbidden, NotVisible, Unauthorized):
            return AppIdentity(app_id=app_id)
        return AppIdentity(app_id=app_id, bot_id=int(bot["id"]))
    token = tokens.token("", READ_PERMISSIONS).get_secret_value()
    return AppIdentity(bot_id=int(client.get("/user", f"Bearer {token}")["id"]))
