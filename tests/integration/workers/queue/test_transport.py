"""Our corrections of Kombu's Redis transport, against a real Redis behind a silent connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis
from kombu import Connection

from tests.support.half_open import Proxy
from tests.support.services import RedisServer

QUEUE = "hints"


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[Proxy]:
    redis_server.client().flushall()
    with closing(Proxy(redis_server.port)) as proxy:
        yield proxy


def connect(port: int) -> Connection:
    return Connection(
        f"redis://127.0.0.1:{port}/0",
        transport="workers.queue.transport:Transport",
        transport_options={"socket_timeout": 1, "socket_connect_timeout": 1},
    )


def take(channel: Any) -> Any:
    """One message, as a worker with a prefetch of one takes it: not yet acknowledged."""
    channel.basic_qos(0, 1, False)
    message = channel.basic_get(QUEUE, no_ack=False)
    assert message is not None
    assert not channel.qos.can_consume()
    return message


@pytest.mark.parametrize("how", ["ack", "reject", "requeue"])
def test_a_message_that_cannot_be_acknowledged_frees_its_place(
    proxy: Proxy, redis_server: RedisServer, how: str
) -> None:
    with connect(redis_server.port) as direct:
        direct.SimpleQueue(QUEUE).put({"job": "1"})
    with connect(proxy.port) as behind:
        channel = behind.channel()
        channel.queue_declare(QUEUE)
        message = take(channel)
        proxy.go_silent()
        with pytest.raises((redis.RedisError, OSError)):
            getattr(message, how)()
        assert channel.qos.can_consume()
    # Redis still holds it: it is given out again after the visibility timeout.
    assert redis_server.client().hlen("unacked") == 1
