"""`/healthz`: the process answers. `/readyz`: a job submitted now would be worked on.

Both are open, for load balancers; they say which part is down, and nothing about it.
"""

from __future__ import annotations

from collections.abc import Callable

import redis
import structlog
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from redis.backoff import NoBackoff
from redis.retry import Retry

from workers.errors import WorkersError
from workers.records import Queue
from workers.store.scheduling.presence import Presence
from workers.web.service import Service, Serving

REDIS_TIMEOUT_SECONDS = 3
log = structlog.get_logger("web")
router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: str


class Readiness(BaseModel):
    ready: bool
    checks: dict[str, bool]
    """database, redis, workers (each queue is consumed by somebody), sandbox (theirs works)."""


@router.get("/healthz")
def healthz() -> Health:
    """Whether this process answers."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"model": Readiness}}, response_model=Readiness)
def readyz(service: Serving) -> JSONResponse:
    """Whether all that a job needs is there."""
    checks: dict[str, Callable[[Service], bool]] = {
        "database": _database,
        "redis": _redis,
        "workers": _workers,
        "sandbox": _sandbox,
    }
    results = {name: _holds(name, check, service) for name, check in checks.items()}
    is_ready = all(results.values())
    answer = Readiness(ready=is_ready, checks=results)
    return JSONResponse(answer.model_dump(), 200 if is_ready else 503)


def _holds(name: str, check: Callable[[Service], bool], service: Service) -> bool:
    try:
        return check(service)
    except (WorkersError, redis.RedisError, OSError) as error:
        log.warning("not ready", check=name, error=str(error))
        return False


def _database(service: Service) -> bool:
    """A question over the real tables: a missing migration shows here, too."""
    return service.store.counts() is not None


def _redis(service: Service) -> bool:
    with redis.Redis.from_url(
        service.settings.redis_url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),  # whoever asks comes again by itself
    ) as client:
        return bool(client.ping())


def _workers(service: Service) -> bool:
    workers = Presence(service.store.engine).here()
    return {queue for worker in workers for queue in worker.queues} >= set(Queue)


def _sandbox(service: Service) -> bool:
    workers = Presence(service.store.engine).here()
    return bool(workers) and all(worker.sandbox for worker in workers)
