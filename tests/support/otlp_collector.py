"""A collector of traces: OTLP over HTTP, as https://opentelemetry.io/docs/specs/otlp says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.serving import serving

PATH = "/v1/traces"
PROTOBUF = "application/x-protobuf"
JOB = "repair.job_id"
"""The attribute that names a job."""


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path != PATH or self.headers["content-type"] != PROTOBUF:
            self.send_error(404)
            return
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.send_header("content-type", PROTOBUF)
        self.end_headers()
        self.wfile.write(ExportTraceServiceResponse().SerializeToString())

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are silent."""


class Collector(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Span] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{PATH}"

    def trace_of(self, job_id: str) -> list[Span]:
        """All spans of the traces in which one names the job."""
        spans = list(self.spans)
        traces = {span.trace_id for span in spans if attributes(span).get(JOB) == job_id}
        return [span for span in spans if span.trace_id in traces]


def attributes(span: Span) -> dict[str, str]:
    """Those that are text."""
    return {one.key: one.value.string_value for one in span.attributes}


@contextmanager
def running_collector() -> Iterator[Collector]:
    with serving(Collector()) as server:
        yield server
