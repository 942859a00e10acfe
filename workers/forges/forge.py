"""A forge: a server on which repositories, issues and pull requests are."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from workers.forges.api.repository import Repository
from workers.forges.api.source import Source
from workers.forges.intake.inbox import Inbox
from workers.forges.policy import PolicyBook
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.trigger import IgnoredDelivery, Trigger
from workers.forges.wording import Wording
from workers.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Forge(ABC):
    """One forge and this service's side of it. Safe to use from several threads."""

    name: ClassVar[str]
    """`github`, …: in settings, in the webhook's path and as origin of jobs."""
    wording: ClassVar[Wording]

    policies: PolicyBook
    store: Store
    inbox: Inbox
    public_url: str | None = None
    """Of the service's page; None where nobody else reaches it."""
    closing: threading.Event = field(default_factory=threading.Event, compare=False)
    """Set once the process is about to end: fetches and pushes are cut off, and tried again."""

    @property
    @abstractmethod
    def folder(self) -> Path:
        """Of this forge's files on this machine."""

    @property
    @abstractmethod
    def author_email(self) -> str:
        """Of the service's commits."""

    @property
    @abstractmethod
    def has_checks(self) -> bool:
        """Whether commits can be told how a job goes."""

    @abstractmethod
    def read_delivery(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Verify a request, then decode it. `headers` takes lower-case names.

        Raises DeliveryRefused.
        """

    @abstractmethod
    def trigger_of(self, delivery: Delivery) -> Trigger | IgnoredDelivery:
        """What the delivery asks for. Raises DeliveryRefused(422)."""

    @property
    @abstractmethod
    def own_id(self) -> int | None:
        """Id of the account that this service acts under; None where it cannot be told.

        Raises CallFailed.
        """

    @abstractmethod
    def repository(self, name: str) -> Repository:
        """A repository by the name that deliveries and jobs have for it."""

    @abstractmethod
    def clone_url(self, repository: str) -> str:
        """Address that git fetches from and pushes to, without credentials."""

    @abstractmethod
    def check_of(self, repository: str, check_id: int | str) -> str:
        """Address of a check's details, for people; empty where there are none."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    def is_own(self, account_id: int | None) -> bool:
        """Whether this service acts under the account. Raises CallFailed."""
        return account_id is not None and account_id == self.own_id

    @property
    def sources(self) -> Path:
        """Folder of all fetched commits."""
        return self.folder / "sources"

    def source(self, repository: str, job_id: str) -> Source:
        """Where a job's commit lies."""
        url = self.clone_url(repository)
        return Source(self.sources / f"{job_id}.git", url, self.closing.is_set)

    def page_of(self, job_id: str) -> str:
        """Address of a job's page; empty where there is none to link to."""
        return f"{self.public_url}/jobs/{job_id}" if self.public_url else ""
