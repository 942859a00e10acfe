"""Reads JUnit XML, which most test commands can write."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.etree import ElementTree as XML

from sandbox.runners.base import Outcome, TestResult

MAX_DETAILS_CHARACTERS = 8000
MAX_ELEMENTS = 1_000_000
PIECE_BYTES = 1 << 16


class NotJUnit(ValueError):
    """The file is not JUnit XML that can be read safely."""


def parse_junit(data: bytes) -> dict[str, TestResult]:
    """Test id (`classname::name`) → result; a repeated id keeps its worst result.

    Raises NotJUnit. A document type is refused: entities could blow the memory up.
    """
    root = _tree(data)
    if root.tag not in ("testsuites", "testsuite"):
        raise NotJUnit(f"the report's root is <{root.tag}>, not <testsuites>")
    results: dict[str, TestResult] = {}
    for case in root.iter("testcase"):
        result = _result(case)
        earlier_result = results.get(result.test_id)
        if earlier_result is None or earlier_result.outcome in (Outcome.PASSED, Outcome.SKIPPED):
            results[result.test_id] = result
    return results


class _Plain(XML.TreeBuilder):
    """Elements and text, and no more of them than a report has."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def doctype(self, *_arguments: str | None) -> None:
        """Called by the parser in whatever encoding the declaration stands."""
        raise NotJUnit("the report declares a document type")

    def start(self, tag: str, attributes: dict[str, str], /) -> XML.Element:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise NotJUnit(f"the report has more than {MAX_ELEMENTS} elements")
        return super().start(tag, attributes)


def _tree(data: bytes) -> XML.Element:
    parser = XML.XMLParser(target=_Plain())  # noqa: S314 - refuses a document type
    try:
        for begin in range(0, len(data), PIECE_BYTES):
            # In pieces: after a refusal the parser would go on to the end of its input.
            parser.feed(data[begin : begin + PIECE_BYTES])
        root: XML.Element = parser.close()
    except NotJUnit:
        raise
    except (XML.ParseError, ValueError, LookupError) as error:
        raise NotJUnit(f"the report is not well-formed XML: {error}") from error
    return root


def _result(case: XML.Element) -> TestResult:
    name = case.get("name", "")
    class_name = case.get("classname") or case.get("file") or ""
    outcome, message, details = Outcome.PASSED, "", ""
    for element, note_outcome in _notes(case):
        outcome = note_outcome
        message = (element.get("message") or "").strip().split("\n")[-1][:500]
        details = (element.text or "")[:MAX_DETAILS_CHARACTERS]
        break
    return TestResult(
        test_id=f"{class_name}::{name}" if class_name else name,
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
        seconds = float((text or "0").replace(",", ""))
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
