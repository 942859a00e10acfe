"""Kombu's Redis transport, less two traps (measured with Kombu 5.7.0).

It decodes what BRPOP brings with `json.loads` and lets the error rise, which ends the worker; the
entry is off the list by then, so that the next start lives until the next such entry. Here it is
logged and dropped: a message is only a hint.

And an acknowledgement that fails, because its connection fell silent, leaves the place of its
message taken: with a prefetch of one the worker asks Redis for nothing any more, for ever. Here
the place is free again; the message comes back after the visibility timeout.
"""

from __future__ import annotations

import logging
from typing import Any

import redis
from kombu.transport import redis as kombu_redis

log = logging.getLogger(__name__)

DECODING_ERRORS = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    redis.DataError,
)
"""What decoding and parsing raises; errors of the connection are others."""


class QoS(kombu_redis.QoS):  # type: ignore[misc]
    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        except (redis.RedisError, OSError):
            self._quick_ack(delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        try:
            super().reject(delivery_tag, requeue)
        except (redis.RedisError, OSError):
            self._quick_ack(delivery_tag)
            raise


class Channel(kombu_redis.Channel):  # type: ignore[misc]
    QoS = QoS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handlers["BRPOP"] = self._brpop_read

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except DECODING_ERRORS as error:
            log.warning("dropped an entry of the queue that is no message: %.200r", error)
            return True


class Transport(kombu_redis.Transport):  # type: ignore[misc]
    Channel = Channel
