"""Settings of the service. No other module of this package reads the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from agent.config import Settings

MIN_LEASE_SECONDS = 25.0
"""Longer than the 20 s after which a write to a database that fell off the network fails
(workers/store/database.py): else a run may still hang in one when another worker has its job."""


def _beside_the_runs(data: dict[str, Any]) -> str:
    return f"sqlite:///{data['state_dir']}/service.sqlite"


def _anywhere(url: str) -> str:
    """SQLite's file by its full path: each process of the service is to open the same one."""
    scheme, slashes, path = url.partition(":///")
    beside = scheme.startswith("sqlite") and path and path[0] not in "/:"
    return f"{scheme}{slashes}{Path(path).absolute()}" if beside else url


def _of_a_site(url: str | None) -> str | None:
    """The address of a site, without the `/` at its end; it stands in comments that others read."""
    if not url:
        return None
    parts = urlsplit(url)
    is_plain = url.isascii() and url.isprintable() and not set(url) & set(' ()<>[]"`\\@?#')
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise ValueError("it must be an address such as https://repair.example.com")
    return url.rstrip("/")


def _all_anywhere(folders: str | None) -> str | None:
    parts = (folders or "").split(os.pathsep)
    return os.pathsep.join(str(Path(folder).absolute()) for folder in parts if folder) or None


class ServiceSettings(Settings):
    """What `repair` itself needs, and the service around it. From `REPAIR_*` variables."""

    database_url: Annotated[str, AfterValidator(_anywhere)] = Field(
        default_factory=_beside_the_runs, repr=False
    )
    """SQLite for one machine, `postgresql://…` for many. May hold a password."""
    redis_url: str = Field(default="redis://127.0.0.1:6379/0", repr=False)
    """May hold a password."""
    redis_port: int = Field(default=8301, ge=1, le=65535)
    """Where `repair service up` starts a Redis, when none is named."""
    model_wait_seconds: float = Field(default=15.0, ge=0)
    """Shorter than for a command: a job whose model is away goes back to the queue and comes
    again, and its worker does others meanwhile."""
    listen_host: str = "127.0.0.1"
    listen_port: int = Field(default=8300, ge=0, le=65535)
    public_url: Annotated[str | None, AfterValidator(_of_a_site)] = None
    """Where people reach the page, e.g. `https://repair.example.com`: comments link to it."""

    lease_seconds: float = 45.0
    """A worker that is silent for this long has lost its job. With the sweeper's turn of 5 s, a
    job goes on within a minute after its machine is lost. At least MIN_LEASE_SECONDS."""
    heartbeat_seconds: float = Field(default=15.0, gt=0, validate_default=True)
    """At most half a lease: one heartbeat may be lost."""
    sweep_seconds: float = Field(default=5.0, gt=0)
    """Between two looks for jobs to revive, deadlines that passed, and lost hints."""
    relay_seconds: float = Field(default=0.5, gt=0)
    """Between two looks into the outbox."""
    job_seconds: int = Field(default=3300, gt=0)
    """The longest a job may run in one go; a worker that passes it is killed 5 minutes later."""
    max_crashes: int = Field(default=3, ge=1)
    """Crashes of the worker, or failures of its machine, before a job is a dead letter."""
    max_jobs_per_repository: int = Field(default=10, ge=1)
    """Live at once, for each of its owners: queued, waiting and running together."""
    max_running_per_repository: int = Field(default=2, ge=1)
    """For each of its owners."""
    max_jobs_per_owner: int = Field(default=1_000, ge=1)
    """Live at once, over all repositories."""
    max_live_jobs: int = Field(default=10_000, ge=1)
    model_slots: int = Field(default=16, ge=1)
    """Generations in flight at one model URL, over all workers."""

    api_roots: Annotated[str | None, AfterValidator(_all_anywhere)] = None
    """Folders, with `:` between them, that clients of the API may have repaired."""
    api_hosts: str | None = None
    """Machines inside the network, with `,` between them, that clients of the API may have
    fetched from; all others have to be on the internet."""
    otlp_endpoint: str | None = None
    """Where traces go, e.g. `http://collector:4318/v1/traces`; None sends none."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("lease_seconds")
    @classmethod
    def _outlasts_the_network(cls, seconds: float) -> float:
        if not seconds >= MIN_LEASE_SECONDS:
            raise ValueError(
                f"it must be at least {MIN_LEASE_SECONDS:g}, or a job could be given to another "
                "worker while its first run still waits for a database that fell off the network"
            )
        return seconds

    @field_validator("heartbeat_seconds")
    @classmethod
    def _fits_the_lease(cls, seconds: float, info: ValidationInfo) -> float:
        lease = info.data.get("lease_seconds")
        if lease is not None and not seconds <= lease / 2:
            raise ValueError(f"it must be at most half of REPAIR_LEASE_SECONDS, which is {lease:g}")
        return seconds

    def places(self) -> dict[str, str]:
        """The variables that name files, for processes that begin in another folder than we."""
        paths = {
            "REPAIR_STATE_DIR": str(self.state_dir),
            "REPAIR_CACHE_DIR": str(self.cache_dir),
            "REPAIR_CA_BUNDLE": str(self.ca_bundle or ""),
            "REPAIR_API_ROOTS": self.api_roots or "",
        }
        if self.database_url.startswith("sqlite"):
            paths["REPAIR_DATABASE_URL"] = self.database_url
        return {name: value for name, value in paths.items() if value}

    @property
    def root_folders(self) -> tuple[Path, ...]:
        return tuple(Path(root) for root in (self.api_roots or "").split(os.pathsep) if root)

    @property
    def host_names(self) -> frozenset[str]:
        names = (self.api_hosts or "").lower().split(",")
        return frozenset(name.strip().strip("[]") for name in names if name.strip())
