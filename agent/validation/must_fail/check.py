"""Must-fail copies of the repaired tests: a negative control for the test oracle."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent.patches.changes import FileChange
from agent.validation.differential.calls.remote_calls import CheckResult
from agent.validation.must_fail.copy import audit_source, make_must_fail_copy
from agent.validation.validation_context import ValidationContext, apply_changes
from sandbox.base import Session
from sandbox.runners.base import Outcome, TestReport
from sandbox.runners.test_ids import contains, file_of, is_doctest, name_in_file
from sandbox.source import decode_source_lossless


@dataclass(frozen=True, kw_only=True)
class CopyReport:
    """What a must-fail copy of a test reported about the code under test."""

    problems: tuple[str, ...]
    doubts: tuple[str, ...]
    fell: int
    """A bit for each assertion of the file that failed last."""
    reached: int
    """A bit for each that was come to."""


def must_fail_check(
    changes: Mapping[str, FileChange], validation: ValidationContext
) -> CheckResult:
    """Run the must-fail copies of the repaired tests on the patch and read their reports."""
    targets = [
        test_id for test_id in validation.fail_to_pass if test_id in validation.must_fail_tests
    ]
    if not targets:
        return CheckResult()
    with validation.open_session() as session:
        apply_changes(session, changes)
        token = write_copies(validation, session, targets, _texts(changes))
        report = validation.run(session, targets)
    objections: list[str] = []
    unsure: list[str] = []
    for test_id in targets:
        copy_report = copy_report_of(report, test_id, validation, token)
        if copy_report is None:
            objections.append(f"a copy of {test_id} that must fail is not reported as failed")
            continue
        if new_problems := [
            sentence
            for sentence in copy_report.problems
            if sentence not in validation.known_problems
        ]:
            objections.append(f"{test_id}: {'; '.join(new_problems[:5])}")
        doubts = [
            sentence for sentence in copy_report.doubts if sentence not in validation.known_problems
        ]
        if validation.fell.get(test_id, 0) & ~copy_report.reached:
            doubts.append("an assertion that fails on the base is not come to")
        unsure += [f"{test_id}: {sentence}" for sentence in doubts[:5]]
    return CheckResult(objections=tuple(objections), unsure=tuple(unsure))


def copy_report_of(
    report: TestReport, test_id: str, validation: ValidationContext, token: str
) -> CopyReport | None:
    """The report of a test's must-fail copy; None where the copy did not come to its end."""
    # The message is cut where it is long, and so are the details: the whole report is looked for
    # in both, and in what they say of sub-exceptions, causes and contexts.
    whole_report = re.compile(rf"{token}\[((?:(?!{token}).)*\breached [0-9a-f]+)\]")
    reports = [
        report_text
        for text in failures(report, test_id, validation)
        for report_text in whole_report.findall(text)
    ]
    if not reports:
        return None
    parts = dict.fromkeys(part for text in reports for part in text.split("; "))
    doubts = tuple(part[2:] for part in parts if part.startswith("? "))
    return CopyReport(
        problems=tuple(part for part in parts if part and not part.startswith(_MARKS)),
        doubts=doubts,
        fell=_bits(parts, "fell "),
        reached=_bits(parts, "reached "),
    )


_MARKS = ("? ", "fell ", "reached ")


def _bits(parts: Iterable[str], mark: str) -> int:
    bits = 0
    for part in parts:
        if part.startswith(mark) and re.fullmatch("[0-9a-f]+", part[len(mark) :]):
            bits |= int(part[len(mark) :], 16)
    return bits


def write_copies(
    validation: ValidationContext,
    session: Session,
    targets: Sequence[str],
    base_texts: Mapping[str, str],
) -> str:
    """Write a must-fail copy over each test file of the targets; return the token it fails with.
    `base_texts` are the files that a patch changes, with their text before."""
    token = f"_h{secrets.token_hex(8)}"
    audit = f"{session.workspace.rstrip('/')}/.{token}/{token}.py"
    session.write(audit, audit_source())
    paths = validation.base.entries.keys()
    names: dict[str, set[str] | None] = {}
    for test_id in targets:
        path = file_of(test_id, paths)
        if path is None or is_doctest(test_id) or validation.rules.holds_pinned_examples(path):
            continue  # the examples of a docstring lie in the file that a patch changes
        if test_id in validation.evidence.uncollected:
            names[path] = None
        elif (names_in_file := names.setdefault(path, set())) is not None:
            names_in_file.add(name_in_file(test_id, path))
    for path, functions in names.items():
        try:
            source = decode_source_lossless(validation.base.read(path))
        except (FileNotFoundError, ValueError):  # a link, or an encoding that loses bytes
            continue
        top = session.workspace.rstrip("/")
        absolute = {f"{top}/{name}": text for name, text in base_texts.items()}
        copy = make_must_fail_copy(
            source.text, functions, token=token, audit_path=audit, base_texts=absolute
        )
        if copy is not None:
            session.write(path, source.encode(copy.text))
    return token


def _texts(changes: Mapping[str, FileChange]) -> dict[str, str]:
    """What the changed files were; empty for new ones, and for those in no encoding they name."""
    texts = {}
    for path, (old, _) in changes.items():
        try:
            texts[path] = decode_source_lossless(old or b"").text
        except ValueError:
            texts[path] = ""
    return texts


def failures(report: TestReport, test_id: str, validation: ValidationContext) -> list[str]:
    """Messages and details of the failed tests with this id."""
    if test_id in validation.evidence.uncollected:
        results = [r for name, r in report.results.items() if contains(test_id, name)]
    else:
        results = [report.results[test_id]] if test_id in report.results else []
    failing_outcomes = (Outcome.FAILED, Outcome.ERROR)
    return [f"{r.message}\n{r.details}" for r in results if r.outcome in failing_outcomes]
