"""The numbers the store decides by."""

from __future__ import annotations

from dataclasses import dataclass

from workers.config import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Limits:
    """See `ServiceSettings` for what each one means."""

    lease_seconds: float = 45.0
    max_crashes: int = 3
    max_jobs_per_repository: int = 10
    max_running_per_repository: int = 2
    max_jobs_per_owner: int = 1_000
    max_live_jobs: int = 10_000

    @staticmethod
    def of(settings: ServiceSettings) -> Limits:
        return Limits(
            lease_seconds=settings.lease_seconds,
            max_crashes=settings.max_crashes,
            max_jobs_per_repository=settings.max_jobs_per_repository,
            max_running_per_repository=settings.max_running_per_repository,
            max_jobs_per_owner=settings.max_jobs_per_owner,
            max_live_jobs=settings.max_live_jobs,
        )
