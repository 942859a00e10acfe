"""What may start a repair in which repository, and within which limits.

Read from a file of the service (`REPAIR_GITHUB_POLICY` and its like), never from a repository:
whoever can open a pull request could otherwise switch on what costs money.
"""

from __future__ import annotations

import fnmatch
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.records import Budget
from workers.forges.errors import NotConfigured
from workers.forges.webhook.trigger import Cause
from workers.jobs.submission_form import ModelAddress, Variables

ON_REQUEST_CAUSES = frozenset({Cause.LABEL, Cause.COMMAND})
"""On by default: a person with write permission asks each time."""


class RepositoryPolicy(BaseModel):
    """Which events of one repository start repairs, and within which limits."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    enabled: bool = True
    triggers: frozenset[Cause] = ON_REQUEST_CAUSES
    label: str = "repair"
    branches: tuple[str, ...] = ("*",)
    """Patterns; failed checks on other branches start nothing."""
    schedule_hours: float | None = Field(default=None, gt=0)
    """With the trigger `schedule`: try the default branch this often."""
    install: str | None = None
    test: str | None = None
    env: Variables = Field(default_factory=dict)
    """Variables that the tests run with."""
    python: str | None = None
    model: str | None = None
    model_url: ModelAddress | None = None
    max_seconds: float = Field(default=Budget.max_seconds, gt=0)
    max_tokens: int = Field(default=Budget.max_tokens, gt=0)

    def allows(self, cause: Cause) -> bool:
        return self.enabled and cause in self.triggers

    def covers(self, branch: str) -> bool:
        return any(fnmatch.fnmatchcase(branch, pattern) for pattern in self.branches)


class PolicyBook(BaseModel):
    """`[defaults]` and `[repositories."owner/name"]`, which starts from the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    defaults: RepositoryPolicy = RepositoryPolicy()
    repositories: dict[str, RepositoryPolicy] = Field(default_factory=dict)

    def of(self, repository: str) -> RepositoryPolicy:
        return self.repositories.get(repository.lower(), self.defaults)

    def on(self, server: str) -> PolicyBook:
        """The same for the repositories of a server, by their names without it."""
        prefix = f"{server}/"
        repositories = {
            name.removeprefix(prefix): policy
            for name, policy in self.repositories.items()
            if name.startswith(prefix)
        }
        return PolicyBook(defaults=self.defaults, repositories=repositories)


def read_policies(path: Path | None, server: str = "") -> PolicyBook:
    """Read the file; without one the defaults apply. Raises NotConfigured.

    `server` stands before the names of repositories, which the file leaves out.
    """
    if path is None:
        return PolicyBook()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        defaults = document.get("defaults", {})
        repositories = document.pop("repositories", {})
        prefix = f"{server}/" if server else ""
        full_rules = {
            f"{prefix}{name}".lower(): {**defaults, **rules} for name, rules in repositories.items()
        }
        return PolicyBook.model_validate({**document, "repositories": full_rules})
    except OSError as error:
        raise NotConfigured(f"the policy {path} cannot be read: {error.strerror}") from error
    except (ValidationError, ValueError, AttributeError, TypeError) as error:
        raise NotConfigured(f"the policy {path} is not right: {error}") from error
