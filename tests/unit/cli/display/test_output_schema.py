"""What `--json` prints, by its documented schema."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest

from agent.errors import ResultUnreadable
from agent.records import Status
from agent.runs.result_file import (
    Evidence,
    printed_failure,
    printed_result,
    read_result,
    write_result,
)
from cli.display.output_schema import output_schema
from cli.exit_codes import ExitCode, of_status
from tests.support.cli_records import make_result

FILE = Path(__file__).parents[4] / "docs" / "repair-output.schema.json"


def test_the_file_is_the_schema() -> None:
    same = json.loads(FILE.read_text()) == output_schema()
    assert same, f"python -m cli.display.output_schema > {FILE.name}"


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("evidence", [None, Evidence(target="/somewhere")])
def test_every_end_has_the_shape(status: Status, evidence: Evidence | None, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    result = make_result(status=status)
    result = result if status is Status.REPAIRED else replace(result, patch=None)
    write_result(result, path, evidence)
    printed = json.loads(printed_result(path, of_status(status)))
    jsonschema_rs.validator_for(output_schema()).validate(printed)
    assert printed["status"] == status.value
    path.write_text(json.dumps(printed))  # as `repair --json > result.json`
    assert read_result(path).status is status


def test_a_failure_has_the_shape(tmp_path: Path) -> None:
    text = printed_failure("no space left", ExitCode.INFRASTRUCTURE, "/state/log.txt")
    jsonschema_rs.validator_for(output_schema()).validate(json.loads(text))
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(ResultUnreadable, match="holds no result: no space left"):
        read_result(tmp_path / "result.json")


def test_another_shape_is_not_valid() -> None:
    validator = jsonschema_rs.validator_for(output_schema())
    failure = json.loads(printed_failure("x", 3))
    assert validator.is_valid(failure)
    for name in failure:
        assert not validator.is_valid({k: v for k, v in failure.items() if k != name}), name
    assert not validator.is_valid(failure | {"status": "well"})
