"""The layer of the twins: copies of the repaired tests must fail, and say what they saw."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent.patches.changes import FileChange, decode_source
from agent.validation.differential.remote_calls import CheckResult
from agent.validation.must_fail_source import audit_source, make_must_fail_copy
from agent.validation.validation_context import ValidationContext, apply_changes
from sandbox.base import Session
from sandbox.runners.base import Outcome, TestReport
from sandbox.runners.test_ids import contains, file_of, name_in_file


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the copy of a test saw."""

    problems: tuple[str, ...]
    doubts: tuple[str, ...]
    fell: int
    """A bit for each assertion of the file that failed last."""
    reached: int
    """A bit for each that was come to."""


def twin_opinion(changes: Mapping[str, FileChange], validation: ValidationContext) -> CheckResult:
    """Run the copies that must fail, and read what they saw."""
    targets = [
        test_id for test_id in validation.fail_to_pass if test_id in validation.must_fail_tests
    ]
    if not targets:
        return CheckResult()
    with validation.open_session() as session:
        apply_changes(session, changes)
        token = write_copies(validation, session, targets, _texts(changes))
        report = validation.run(session, targets)
    found: list[str] = []
    unsure: list[str] = []
    for test_id in targets:
        said = seen_by(report, test_id, validation, token)
        if said is None:
            found.append(f"a copy of {test_id} that must fail is not reported as failed")
            continue
        if fresh := [one for one in said.problems if one not in validation.known_problems]:
            found.append(f"{test_id}: {'; '.join(fresh[:5])}")
        doubts = [one for one in said.doubts if one not in validation.known_problems]
        if validation.fell.get(test_id, 0) & ~said.reached:
            doubts.append("an assertion that fails on the base is not come to")
        unsure += [f"{test_id}: {one}" for one in doubts[:5]]
    return CheckResult(objections=tuple(found), unsure=tuple(unsure))


def seen_by(
    report: TestReport, test_id: str, validation: ValidationContext, token: str
) -> Seen | None:
    """What the copy of a test saw; None where it did not come to its end."""
    texts = failures(report, test_id, validation)
    said = [text.split(token, 1)[1].partition("]")[0] for text in texts if token in text]
    if not said:
        return None
    each = dict.fromkeys(one for text in said for one in text.removeprefix("[").split("; "))
    doubts = tuple(one[2:] for one in each if one.startswith("? "))
    return Seen(
        problems=tuple(one for one in each if one and not one.startswith(_MARKS)),
        doubts=doubts,
        fell=_bits(each, "fell "),
        reached=_bits(each, "reached "),
    )


_MARKS = ("? ", "fell ", "reached ")


def _bits(said: Iterable[str], mark: str) -> int:
    found = 0
    for one in said:
        if one.startswith(mark) and re.fullmatch("[0-9a-f]+", one[len(mark) :]):
            found |= int(one[len(mark) :], 16)
    return found


def write_copies(
    validation: ValidationContext,
    session: Session,
    targets: Sequence[str],
    changed: Mapping[str, str],
) -> str:
    """Write a twin over each test file of the targets; return the token it fails with. `changed`
    are the files that a patch changes, with their text before."""
    token = f"_h{secrets.token_hex(8)}"
    audit = f"{session.workspace.rstrip('/')}/.{token}/{token}.py"
    session.write(audit, audit_source())
    paths = validation.base.entries.keys()
    names: dict[str, set[str] | None] = {}
    for test_id in targets:
        path = file_of(test_id, paths)
        if path is None:
            continue
        if test_id in validation.evidence.uncollected:
            names[path] = None
        elif (known := names.setdefault(path, set())) is not None:
            known.add(name_in_file(test_id, path))
    for path, functions in names.items():
        try:
            source = decode_source(validation.base.read(path))
        except ValueError:
            continue
        top = session.workspace.rstrip("/")
        absolute = {f"{top}/{name}": text for name, text in changed.items()}
        copy = make_must_fail_copy(
            source.text, functions, token=token, audit_path=audit, changed=absolute
        )
        if copy is not None:
            session.write(path, source.encode(copy.text))
    return token


def _texts(changes: Mapping[str, FileChange]) -> dict[str, str]:
    """What the changed files were; empty for new ones, and for those in no encoding they name."""
    texts = {}
    for path, (old, _) in changes.items():
        try:
            texts[path] = decode_source(old or b"").text
        except ValueError:
            texts[path] = ""
    return texts


def failures(report: TestReport, test_id: str, validation: ValidationContext) -> list[str]:
    """What the failed tests of this id said."""
    if test_id in validation.evidence.uncollected:
        results = [r for name, r in report.results.items() if contains(test_id, name)]
    else:
        results = [report.results[test_id]] if test_id in report.results else []
    bad = (Outcome.FAILED, Outcome.ERROR)
    return [f"{r.message}\n{r.details}" for r in results if r.outcome in bad]
