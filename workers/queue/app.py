"""The Celery application. Redis carries hints, the store is the truth: see `workers.store`."""

from __future__ import annotations

from celery import Celery
from kombu import Queue as CeleryQueue

from workers.config import ServiceSettings
from workers.records import Queue

RUN_TASK = "repair.run"
KILL_GRACE_SECONDS = 300
"""After `job_seconds` a job was asked to stop; so much later its process is killed."""
MAX_RETRIES = 2


def visibility_seconds(hard: int) -> int:
    """After which Redis gives a message to another worker: longer than any task may run. (The
    shortest of all apps on one Redis wins.)"""
    return max(7200, 2 * hard)


def make_app(settings: ServiceSettings) -> Celery:
    """The application of these settings; it connects on first use."""
    app = Celery("repair", broker=settings.redis_url, set_as_current=False)
    hard = settings.job_seconds + KILL_GRACE_SECONDS
    transport = {
        "visibility_timeout": visibility_seconds(hard),
        "socket_timeout": 15,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,  # a silent connection is given up after twice this
        # Interactive first; the store decides which job of a queue it is.
        "queue_order_strategy": "priority",
    }
    app.conf.update(
        broker_transport="workers.queue.transport:Transport",
        broker_transport_options=transport,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # for ever
        result_backend=None,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        event_serializer="json",
        task_queues=[CeleryQueue(queue.value, routing_key=queue.value) for queue in Queue],
        task_default_queue=Queue.INTERACTIVE.value,
        task_create_missing_queues=False,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        task_retry_on_worker_lost=True,  # at once; else the sweeper sees to it, seconds later
        task_reject_on_worker_lost=False,  # an endless loop, when a job kills its process
        task_time_limit=hard,
        worker_cancel_long_running_tasks_on_connection_loss=False,  # the lease is what counts
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_proc_alive_timeout=60,
    )
    return app
