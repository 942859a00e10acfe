"""Settings of the GitHub side, from `REPAIR_GITHUB_*` and the file that `setup` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from sandbox.host.private_files import close_to_others
from workers.forges.errors import NotConfigured


class GitHubSettings(BaseSettings):
    """Who the service is on GitHub. Either an App (`app_id`, `private_key`) or a `token`."""

    model_config = SettingsConfigDict(env_prefix="REPAIR_GITHUB_", extra="forbid", frozen=True)

    folder: Path = Field(default_factory=lambda: platformdirs.user_state_path("repair") / "github")
    """Of the App's file and of fetched commits; readable by its owner only."""
    app_id: int | None = None
    bot_id: int | None = None
    """Account id of `<slug>[bot]`; asked for when absent."""
    private_key: SecretStr | None = None
    """PEM text. A line break may be written as `\\n`."""
    token: SecretStr | None = None
    """A fine-grained personal access token for one repository, instead of an App."""
    webhook_secret: SecretStr | None = None
    policy: Path | None = None
    """TOML file: what may start a repair where. Without it: label and command, everywhere."""
    api_url: str = "https://api.github.com"
    """`https://HOST/api/v3` for GitHub Enterprise Server."""
    web_url: str = "https://github.com"
    """`https://HOST` for GitHub Enterprise Server; git fetches and pushes go there."""
    write_interval_seconds: float = Field(default=1.0, ge=0)
    """Pause between two changes on GitHub, as its best practices ask for."""

    @property
    def app_file(self) -> Path:
        return self.folder / "app.json"

    @property
    def policy_file(self) -> Path | None:
        if self.policy is not None:
            return self.policy
        usual = self.folder / "policy.toml"
        return usual if usual.is_file() else None

    def require_secret(self) -> SecretStr:
        """The webhook's secret. Raises NotConfigured: unsigned deliveries are never taken."""
        secret = self.webhook_secret
        if secret is None or not secret.get_secret_value().strip():
            raise NotConfigured(
                "GitHub is set up without a webhook secret, so anybody could send deliveries; "
                "set REPAIR_GITHUB_WEBHOOK_SECRET, or run `repair github setup`"
            )
        return secret


def is_configured(settings: GitHubSettings) -> bool:
    """Whether anything of GitHub is set, so that it is to be served (or refused loudly)."""
    return any((settings.app_id, settings.private_key, settings.token, settings.webhook_secret))


def read_github_settings() -> GitHubSettings:
    """Read the environment; what it leaves open comes from the App's file.

    Raises NotConfigured when either cannot be read.
    """
    try:
        settings = GitHubSettings()
        file_values = _saved(settings.app_file)
        values = {k: v for k, v in file_values.items() if k not in settings.model_fields_set}
        return settings.model_copy(update=_typed(values))
    except ValidationError as error:
        first_error = error.errors()[0]
        name = f"REPAIR_GITHUB_{'_'.join(str(part) for part in first_error['loc']).upper()}"
        raise NotConfigured(f"{name}: {first_error['msg']}") from error


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    settings = GitHubSettings.model_validate(values)
    return {name: getattr(settings, name) for name in values}


def _saved(path: Path) -> dict[str, Any]:
    close_to_others(path)  # it holds the App's private key
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise NotConfigured(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise NotConfigured(f"{path} is not a file of `repair github setup`")
    return document
