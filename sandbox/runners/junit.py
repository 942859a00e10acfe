"""Reads JUnit XML, which most test commands can write."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as XML

from sandbox.runners.base import Outcome, TestResult

DETAILS_KEPT = 8000


class NotJUnit(ValueError):
    """The file is not JUnit XML that can be read safely."""


def parse_junit(data: bytes) -> dict[str, TestResult]:
    """Test id (`classname::name`) → result; a repeated id keeps its worst result.

    Raises NotJUnit. A document type is refused: entities could blow the memory up.
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise NotJUnit("the report declares a document type")
    try:
        root = XML.fromstring(data)  # noqa: S314 - entities were refused above
    except XML.ParseError as error:
        raise NotJUnit(f"the report is not well-formed XML: {error}") from error
    if root.tag not in ("testsuites", "testsuite"):
        raise NotJUnit(f"the report's root is <{root.tag}>, not <testsuites>")
    results: dict[str, TestResult] = {}
    for case in root.iter("testcase"):
        result = _result(case)
        before = results.get(result.test_id)
        if before is None or before.outcome in (Outcome.PASSED, Outcome.SKIPPED):
            results[result.test_id] = result
    return results


def _result(case: XML.Element) -> TestResult:
    name = case.get("name", "")
    place = case.get("classname") or case.get("file") or ""
    outcome, message, details = Outcome.PASSED, "", ""
    for element, found in _notes(case):
        outcome = found
        message = (element.get("message") or "").strip().split("\n")[-1][:500]
        details = (element.text or "")[:DETAILS_KEPT]
        break
    return TestResult(
        test_id=f"{place}::{name}" if place else name,
        outcome=outcome,
        seconds=_seconds(case.get("time")),
        message=message,
        details=details,
    )


def _notes(case: XML.Element) -> Iterator[tuple[XML.Element, Outcome]]:
    """Worst first."""
    kinds = (("error", Outcome.ERROR), ("failure", Outcome.FAILED), ("skipped", Outcome.SKIPPED))
    for tag, outcome in kinds:
        for element in case.iterfind(tag):
            yield element, outcome


def _seconds(text: str | None) -> float:
    try:
        return float((text or "0").replace(",", ""))
    except ValueError:
        return 0.0
