"""The API against its own description, with made-up requests, good and bad.

A bounded number here; `make fuzz` goes on for longer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode

from tests.support.web_case import EVENTS, Site, site
from workers.web.auth.scopes import Scope

EXAMPLES = int(os.environ.get("REPAIR_TEST_FUZZ_EXAMPLES", "8"))
"""Requests of each kind for each operation."""
OPERATIONS = 10
CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service with a job of each kind, and room for all that is going to be submitted."""
    folder = tmp_path_factory.mktemp("fuzzed")
    with site(folder, max_jobs_per_repository=1_000_000, max_live_jobs=1_000_000) as running:
        running.finish(running.start(running.submit("a"), EVENTS), folder)
        running.submit("b")
        yield running


@pytest.fixture(scope="module")
def operations(fuzzed: Site) -> dict[str, Any]:
    schema = schemathesis.openapi.from_url(f"{fuzzed.url}/openapi.json")
    found = [result.ok() for result in schema.get_all_operations()]
    by_name = {operation.label: operation for operation in found}
    del by_name["GET /readyz"]  # 503 is its honest answer here: there is no worker
    return by_name


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_breaks_the_api(
    fuzzed: Site, operations: dict[str, Any], mode: GenerationMode
) -> None:
    headers = {"Authorization": f"Bearer {fuzzed.token(Scope.ADMIN)}"}
    ids = [job.id for job in fuzzed.store.jobs()]
    tried = 0

    def send(case: Case) -> None:
        nonlocal tried
        tried += 1
        if "job_id" in case.path_parameters and tried % 2:
            case.path_parameters["job_id"] = ids[tried % len(ids)]
        if case.path.endswith("/events"):
            case.query["wait"] = "false"  # the stream of a live job has no end
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=30)

    for operation in operations.values():
        strategy = operation.as_strategy(generation_mode=mode)
        bounded = settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=EXAMPLES < 100,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        with suppress(Unsatisfiable):  # an operation without a field has no wrong one
            bounded(given(case=strategy)(send))()
    assert tried >= EXAMPLES


def test_each_operation_is_described(operations: dict[str, Any]) -> None:
    assert len(operations) == OPERATIONS
    assert "POST /api/v1/jobs" in operations
