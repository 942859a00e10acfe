"""The layer of the twins: copies of the repaired tests must fail, and say what they saw."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from agent.canary import test_file
from agent.court import Court, apply_changes
from agent.inventory import within
from agent.patch import FileChange, decode_source
from agent.twin import audit_source, make_twin
from sandbox.base import Session
from sandbox.runners.base import Outcome, TestReport


def twin_objections(changes: Mapping[str, FileChange], court: Court) -> tuple[str, ...]:
    """Run the copies that must fail, and read what they saw."""
    targets = [test_id for test_id in court.fail_to_pass if test_id in court.twins]
    if not targets:
        return ()
    with court.open_session() as session:
        apply_changes(session, changes)
        token = place_twins(court, session, targets, _texts(changes))
        report = court.run(session, targets)
    found: dict[str, None] = {}
    for test_id in targets:
        said = problems_of(report, test_id, court, token)
        if said is None:
            found[f"a copy of {test_id} that must fail is not reported as failed"] = None
        elif fresh := [one for one in said if one not in court.known_problems]:
            found[f"{test_id}: {'; '.join(fresh[:5])}"] = None
    return tuple(found)


def problems_of(
    report: TestReport, test_id: str, court: Court, token: str
) -> tuple[str, ...] | None:
    """What the copy of a test saw; None where it did not come to its end."""
    texts = failures(report, test_id, court)
    said = [text.split(token, 1)[1].partition("]")[0] for text in texts if token in text]
    if not said:
        return None
    each = [one for text in said for one in text.removeprefix("[").split("; ")]
    return tuple(one for one in dict.fromkeys(each) if one not in ("clean", ""))


def place_twins(
    court: Court, session: Session, targets: Sequence[str], changed: Mapping[str, str]
) -> str:
    """Write a twin over each test file of the targets; return the token it fails with. `changed`
    are the files that a patch changes, with their text before."""
    token = f"_h{secrets.token_hex(8)}"
    audit = f"{session.workspace.rstrip('/')}/.{token}/{token}.py"
    session.write(audit, audit_source())
    paths = court.base.entries.keys()
    names: dict[str, set[str] | None] = {}
    for test_id in targets:
        path = test_file(test_id, paths)
        if path is None:
            continue
        if test_id in court.evidence.uncollected:
            names[path] = None
        elif (known := names.setdefault(path, set())) is not None:
            known.add(_name_in_file(test_id, path))
    for path, functions in names.items():
        try:
            source = decode_source(court.base.read(path))
        except ValueError:
            continue
        top = session.workspace.rstrip("/")
        absolute = {f"{top}/{name}": text for name, text in changed.items()}
        twin = make_twin(source.text, functions, token=token, audit_path=audit, changed=absolute)
        if twin is not None:
            session.write(path, source.encode(twin.text))
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


def failures(report: TestReport, test_id: str, court: Court) -> list[str]:
    """What the failed tests of this id said."""
    if test_id in court.evidence.uncollected:
        results = [r for name, r in report.results.items() if within(test_id, name)]
    else:
        results = [report.results[test_id]] if test_id in report.results else []
    bad = (Outcome.FAILED, Outcome.ERROR)
    return [f"{r.message}\n{r.details}" for r in results if r.outcome in bad]


def _name_in_file(test_id: str, path: str) -> str:
    """`Class.test` of a test id, parameters left out."""
    if "::" in test_id:
        return test_id.partition("::")[2].partition("[")[0].replace("::", ".")
    stem = path.rpartition("/")[2].removesuffix(".py")
    return test_id.partition(f"{stem}.")[2].partition("[")[0]
