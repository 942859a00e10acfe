"""Logs and traces of the service: one JSON object a line, one trace a job, one span a stage."""

from __future__ import annotations

import hashlib
import logging
import logging.config
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, Status, StatusCode, TraceFlags

from agent.events import Event, Listener, StageEnded, StageStarted
from agent.untrusted_text import printable

TRACER_NAME = "repair"
QUIET_LOGGERS = ("httpx", "urllib3", "opentelemetry", "alembic", "celery")
"""Libraries that say at INFO what is only of use to whoever debugs them."""


def configure_logging(*, level: str = "INFO", as_json: bool | None = None) -> None:
    """Send everything this process logs to stderr; for people when stderr is a terminal.

    The standard library's records (Celery, uvicorn, SQLAlchemy) take the same way, so that
    each line is one object with `timestamp`, `level`, `logger`, `event` and, inside a job,
    `job_id`.
    """
    is_json = not sys.stderr.isatty() if as_json is None else as_json
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_for_machines() if is_json else _for_people()),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _for_machines() -> list[Any]:
    # Local variables stay out of tracebacks: they hold source code and tokens.
    plain = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
    return [
        structlog.processors.ExceptionRenderer(plain),
        structlog.processors.JSONRenderer(ensure_ascii=True),
    ]


def _for_people() -> list[Any]:
    return [_printable_values, structlog.dev.ConsoleRenderer()]


def _printable_values(_logger: Any, _method: str, event: Any) -> Mapping[str, Any]:
    """What a repository says may hold escape sequences; a terminal must not obey them."""
    return {k: printable(v) if isinstance(v, str) else v for k, v in event.items()}


@contextmanager
def job_context(job_id: str, **facts: Any) -> Iterator[None]:
    """Every line logged inside names the job, whoever logs it."""
    with structlog.contextvars.bound_contextvars(job_id=job_id, **facts):
        yield


def configure_tracing(
    endpoint: str | None, *, service: str, processor: SpanProcessor | None = None
) -> TracerProvider | None:
    """Send spans to an OTLP/HTTP endpoint, e.g. `http://collector:4318/v1/traces`.

    Returns the provider, for `shutdown()` at the end; None where tracing is off.
    `processor` takes the exporter's place in tests.
    """
    if endpoint is None and processor is None:
        return None
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(
        processor or BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint))
    )
    return provider


class JobTrace:
    """Listens to one run of a job: a span for the run, a child for every stage in it.

    All runs of a job share one trace, whose id is made from the job's: a worker that takes over
    after a crash needs nothing from the one before.
    """

    def __init__(self, provider: TracerProvider | None, job_id: str, **facts: str | int) -> None:
        self._tracer = trace.get_tracer(TRACER_NAME, tracer_provider=provider)
        self._root = _parent_of_all(job_id)
        self._facts = {"repair.job_id": job_id, **facts}
        self._run: Span | None = None
        self._stage: Span | None = None

    def __enter__(self) -> Listener:
        self._run = self._tracer.start_span(
            "repair", trace.set_span_in_context(self._root), attributes=self._facts
        )
        return self._hear

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self._stage is not None:  # cut short
            self._stage.end()
        if self._run is not None:
            if error is not None:
                # The class alone: a message may quote the repository.
                self._run.set_status(Status(StatusCode.ERROR, type(error).__name__))
            self._run.end()

    def _hear(self, event: Event) -> None:
        if isinstance(event, StageStarted) and self._run is not None:
            parent = trace.set_span_in_context(self._run)
            self._stage = self._tracer.start_span(event.stage, parent)
        elif isinstance(event, StageEnded) and self._stage is not None:
            self._stage.set_attribute("repair.summary", printable(event.summary)[:200])
            self._stage.end()
            self._stage = None


def _parent_of_all(job_id: str) -> NonRecordingSpan:
    digest = hashlib.sha256(job_id.encode()).digest()
    return NonRecordingSpan(
        SpanContext(
            trace_id=int.from_bytes(digest[:16], "big"),
            span_id=int.from_bytes(digest[16:24], "big"),
            is_remote=True,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        )
    )
