"""Log lines and traces."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.support.web_case import EVENTS
from workers.host.telemetry import JobTrace, configure_tracing

LOGGING = """
import logging, structlog, sys
from workers.host.telemetry import configure_logging, job_context
configure_logging(as_json={as_json})
secret = "token-in-a-local"
with job_context("20261124-000000-aaaaaaaa", worker="w1"):
    structlog.get_logger("ours").info("it began", target="evil\\x1b[31m\\nname")
    logging.getLogger("theirs").warning("a %s", "library")
    try:
        1 / 0
    except ZeroDivisionError:
        structlog.get_logger("ours").exception("it broke")
logging.getLogger("httpx").info("not of interest")
structlog.get_logger("ours").info("after")
"""


def lines(as_json: bool) -> list[str]:
    code = LOGGING.format(as_json=as_json)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_one_object_a_line_with_the_job_whoever_logs() -> None:
    found = [json.loads(line) for line in lines(as_json=True)]
    assert [one["event"] for one in found] == ["it began", "a library", "it broke", "after"]
    assert [one.get("job_id") for one in found] == ["20261124-000000-aaaaaaaa"] * 3 + [None]
    assert [one["level"] for one in found] == ["info", "warning", "error", "info"]
    assert found[1]["logger"] == "theirs"
    assert found[0]["target"] == "evil\x1b[31m\nname"
    assert found[2]["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert "token-in-a-local" not in json.dumps(found)
    assert all(one["timestamp"].endswith("Z") for one in found)


def test_a_terminal_does_not_obey_what_is_logged() -> None:
    text = "\n".join(lines(as_json=False))
    assert "it began" in text
    assert "evil\x1b[31m" not in text
    assert "evil\\x1b[31m\\nname" in text


def spans_of(*runs: str) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = configure_tracing(None, service="t", processor=SimpleSpanProcessor(exporter))
    assert provider is not None
    for job_id in runs:
        with JobTrace(provider, job_id, worker="w1") as listen:
            for event in EVENTS:
                listen(event)
    return list(exporter.get_finished_spans())


def test_one_trace_a_job_one_span_a_stage() -> None:
    spans = {span.name: span for span in spans_of("job-a")}
    assert set(spans) == {"repair", "prepare", "propose"}
    run = spans["repair"].context
    assert run is not None
    for stage in ("prepare", "propose"):
        parent = spans[stage].parent
        assert parent is not None
        assert parent.span_id == run.span_id
    assert dict(spans["repair"].attributes or {}) == {"repair.job_id": "job-a", "worker": "w1"}


def test_a_second_try_goes_on_in_the_trace_of_the_first() -> None:
    runs = [span for span in spans_of("job-a", "job-a", "job-b") if span.name == "repair"]
    ids = [span.context.trace_id for span in runs if span.context is not None]
    assert ids[0] == ids[1] != ids[2]


def test_a_failure_marks_the_run_without_its_words() -> None:
    exporter = InMemorySpanExporter()
    provider = configure_tracing(None, service="t", processor=SimpleSpanProcessor(exporter))
    with pytest.raises(ValueError, match="secret"), JobTrace(provider, "job-a"):
        raise ValueError("a secret of the repository")
    span = exporter.get_finished_spans()[0]
    assert not span.status.is_ok
    assert span.status.description == "ValueError"


def test_without_an_endpoint_nothing_is_traced() -> None:
    assert configure_tracing(None, service="t") is None
    with JobTrace(None, "job-a") as listen:
        for event in EVENTS:
            listen(event)
