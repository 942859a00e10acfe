"""`result.json`: how a repair ended, with what another machine needs to take the verdict again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from agent.baseline.evidence import BaselineEvidence
from agent.errors import ResultUnreadable
from agent.records import RepairResult
from agent.runs.test_lists import (
    ids_file,
    shortened_evidence,
    shortened_result,
    write_json,
    write_tests,
)
from agent.serialization import plain, restore

RESULT_SCHEMA = "repair-result/1"
PRINTED_FIELDS = ("status", "exit_code", "reason", "log")
"""Beside the parts of the file in what `--json` prints, which may be saved as one."""
MAX_RESULT_BYTES = 256 * 1024 * 1024
MAX_STORED_SUSPICIOUS_LINES = 50

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Settings and data of the repair with which another machine takes the verdict again."""

    target: str
    """A folder or a URL, as the user gave it but for a password."""
    base_commit: str | None = None
    snapshot_digest: str = ""
    """SHA-256 of the base's tar: the same files give the same digest on any machine."""
    install: str | None = None
    test: str | None = None
    env: tuple[str, ...] = ()
    """Names of the variables that the user gave the tests. A value may be a secret."""
    include_tests: bool = False
    runner: str = ""
    sandbox: str = ""
    environment_key: str = ""
    python_version: tuple[int, int, int] | None = None
    toolchain: str = ""
    """What ran the project where that is not Python, e.g. `Node 22.1.0`."""
    packages: tuple[str, ...] = ()
    """`NAME==VERSION` of what the environment held, as it says itself; `(built by TOOL VERSION)`
    after what was built from the project's files."""
    baseline: BaselineEvidence | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    """Anything else worth knowing about where it ran."""
    trajectory: tuple[str, ...] = ()
    """What was said between the repair and its model, a shortened line for each step."""


def write_result(result: RepairResult, path: Path, evidence: Evidence | None = None) -> None:
    """Write the result, whole or not at all; of the suspicious lines the first
    MAX_STORED_SUSPICIOUS_LINES, and of long lists of tests the first few: `tests.json` beside it
    holds all of them."""
    baseline = None if evidence is None else evidence.baseline
    write_tests(result, baseline, ids_file(path))
    short_result = replace(
        shortened_result(result),
        suspicious=result.suspicious[:MAX_STORED_SUSPICIOUS_LINES],
        result_path=None,  # the file travels, and names no folder of this machine
        tests_path=None,
    )
    if evidence is not None and baseline is not None:
        evidence = replace(evidence, baseline=shortened_evidence(baseline))
    write_json(
        {
            "schema": RESULT_SCHEMA,
            "result": plain(short_result),
            "evidence": None if evidence is None else plain(evidence),
        },
        path,
    )


def read_result(path: Path) -> RepairResult:
    """Read a result back. Raises ResultUnreadable with a sentence that says what is wrong."""
    record = _document(path)["result"]
    tests = ids_file(path)
    return replace(
        _strictly(RepairResult, record, path),
        result_path=path,
        tests_path=tests if tests.is_file() else None,
    )


def printed_result(path: Path, exit_code: int) -> str:
    """The text of a result file for whoever reads it here: how it ended, and with the paths of the
    file itself and of the one with all tests. Raises ResultUnreadable."""
    document, tests = _document(path), ids_file(path)
    document["result"]["result_path"] = str(path)
    document["result"]["tests_path"] = str(tests) if tests.is_file() else None
    ending = {
        "status": document["result"]["status"],
        "exit_code": exit_code,
        "reason": document["result"]["reason"],
        "log": None,
    }
    return json.dumps({**document, **ending}, indent=1)


def printed_failure(reason: str, exit_code: int, log: str | None = None) -> str:
    """The text of the same shape where there is no result."""
    ending = {"status": "failed", "exit_code": exit_code, "reason": reason, "log": log}
    return json.dumps({"schema": RESULT_SCHEMA, "result": None, "evidence": None, **ending})


def read_evidence(path: Path) -> Evidence:
    """Read the evidence of a result file. Raises ResultUnreadable, also when there is none."""
    record = _document(path)["evidence"]
    if record is None:
        raise ResultUnreadable(f"{path} holds no evidence: the repair ended before a baseline")
    return _strictly(Evidence, record, path)


def parse_result(text: str) -> tuple[RepairResult, Evidence | None]:
    """The result and its evidence from the text of a result file. Raises ResultUnreadable."""
    path = Path("the stored result")
    document = _parsed(text, path)
    evidence = document["evidence"]
    return (
        _strictly(RepairResult, document["result"], path),
        None if evidence is None else _strictly(Evidence, evidence, path),
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_RESULT_BYTES:
            raise ResultUnreadable(f"{path} is too large to be a result")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ResultUnreadable(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ResultUnreadable(f"{path} is not JSON: {error}") from error
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ResultUnreadable(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict) or "schema" not in document:
        raise ResultUnreadable(f"{path} is not a result of this program")
    if document["schema"] != RESULT_SCHEMA:
        raise ResultUnreadable(f"{path} is of another version: {str(document['schema'])[:40]}")
    if set(document) - set(PRINTED_FIELDS) != {"schema", "result", "evidence"}:
        raise ResultUnreadable(f"{path} is damaged: a part is missing or unknown")
    if document["result"] is None:
        raise ResultUnreadable(f"{path} holds no result: {str(document.get('reason'))[:200]}")
    return {name: part for name, part in document.items() if name not in PRINTED_FIELDS}


def _strictly(kind: type[T], value: Any, path: Path) -> T:
    try:
        record = restore(kind, value)
    except ValidationError as error:
        first = error.errors()[0]
        location = ".".join(str(part) for part in first["loc"])
        raise ResultUnreadable(
            f"{path} is damaged at {location or 'its top'}: {first['msg']}"
        ) from error
    if not _holds_all(value, plain(record)):
        # A field that is unknown or of another type would be dropped or mended silently.
        raise ResultUnreadable(f"{path} is damaged: a field is unknown or of another type")
    return record


def _holds_all(value: Any, record: Any) -> bool:
    """Whether the record says all that the file says, to the type. A field that the file lacks
    has its default: an earlier version did not know it."""
    if isinstance(value, dict) and isinstance(record, dict):
        return all(
            name in record and _holds_all(part, record[name]) for name, part in value.items()
        )
    if isinstance(value, list) and isinstance(record, list):
        return len(value) == len(record) and all(map(_holds_all, value, record))
    if isinstance(value, float) and not math.isfinite(value):
        return False  # nobody measures for ever
    return type(value) is type(record) and bool(value == record)
