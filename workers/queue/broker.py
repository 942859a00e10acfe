"""What the service asks of Redis: take hints, and say how many it holds."""

from __future__ import annotations

from collections.abc import Iterable

import redis
from celery import Celery
from kombu.exceptions import OperationalError

from workers.errors import BrokerUnavailable
from workers.queue.app import RUN_TASK
from workers.records import Queue

BROKER_TIMEOUT_SECONDS = 5.0
"""An answer that takes longer counts as none."""


class Broker:
    """Safe to use from one thread."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._redis = redis.Redis.from_url(
            app.conf.broker_url,
            socket_timeout=BROKER_TIMEOUT_SECONDS,
            socket_connect_timeout=BROKER_TIMEOUT_SECONDS,
        )

    def hint(self, queue: Queue, job_ids: Iterable[str]) -> None:
        """Tell the workers to look into this queue. Raises BrokerUnavailable."""
        try:
            with self._app.producer_or_acquire() as producer:
                for job_id in job_ids:
                    self._app.send_task(
                        RUN_TASK, args=(job_id,), queue=queue.value, producer=producer, retry=False
                    )
        except (OperationalError, redis.RedisError, OSError) as error:
            raise BrokerUnavailable(f"Redis does not take messages: {error}") from error

    def waiting(self, queue: Queue) -> int:
        """Hints that no worker has taken yet. Raises BrokerUnavailable."""
        try:
            return int(self._redis.llen(queue.value))
        except (redis.RedisError, OSError) as error:
            raise BrokerUnavailable(f"Redis does not answer: {error}") from error

    def close(self) -> None:
        self._redis.close()
        self._app.close()
