"""Suspicious lines of files with syntax errors: the place that the parser reports."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent.records import SuspiciousLine
from agent.source.syntax_faults import fault_of
from sandbox.runners.base import TestResult


def with_unparsed(
    ranking: tuple[SuspiciousLine, ...],
    failures: Iterable[TestResult],
    sources: Iterable[tuple[str, str]],
) -> tuple[SuspiciousLine, ...]:
    """Put the place of each syntax error that a failure tells of before everything else.

    `sources` are paths and texts of the project's source files.
    """
    failure_text = "\n".join(f"{failure.message}\n{failure.details}" for failure in failures)
    first: list[SuspiciousLine] = []
    for path, text in sources:
        if not re.search(rf"(?<![\w.-]){re.escape(path)}(?![\w-])", failure_text):
            continue
        fault = fault_of(text)
        if fault is not None:
            reasons = (f"does not parse: {fault.message}",)
            first.append(
                SuspiciousLine(
                    path=path, line=fault.line, score=1.0, ochiai=1.0, dstar=1.0, reasons=reasons
                )
            )
    unparsed_paths = {line.path for line in first}
    return (*first, *(line for line in ranking if line.path not in unparsed_paths))
